#include "learn/table/box.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

mnk_status mnk_table_box_open(const mnk_schema *s, mnk_table_box **out, mnk_error *err) {
    mnk_table_box *b = NULL;
    *out = NULL;
    MNK_TRY(MNK_NEW(b, 1, err));
    mnk_status status = MNK_NEW(b->column, s->columns + 1, err);
    b->columns = s->columns;
    if (status == MNK_OK) *out = b;
    else mnk_table_box_close(b);
    return status;
}

void mnk_table_box_close(mnk_table_box *b) {
    if (!b) return;
    for (size_t c = 0; b->column && c < b->columns; c++) mnk_free(b->column[c].level);
    mnk_free(b->column);
    mnk_free(b);
}

mnk_status mnk_table_box_restrict(mnk_table_box *b, const mnk_schema *s, size_t column, mnk_error *err) {
    mnk_column_box *k = &b->column[column];
    if (k->restricted) return MNK_OK;
    if (!mnk_column_is_number(&s->column[column])) {
        MNK_TRY(MNK_NEW(k->level, s->column[column].levels + 1, err));
        memset(k->level, 1, s->column[column].levels + 1);
    }
    k->restricted = true;
    k->missing = false;
    k->low = -INFINITY, k->high = INFINITY;
    return MNK_OK;
}

bool mnk_table_box_allows(const mnk_table_box *b, const mnk_table *t, size_t column, size_t row) {
    const mnk_column_box *k = &b->column[column];
    if (!k->restricted) return true;
    if (mnk_table_is_missing(t, column, row)) return k->missing;
    if (t->number[column]) return t->number[column][row] >= k->low && t->number[column][row] <= k->high;
    return k->level[t->code[column][row]];
}
