#include "data/table_visits.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

typedef struct placed {
    int32_t person;
    double when;
    size_t row;
} placed;

static int by_place(const void *a, const void *b) {
    const placed *x = a, *y = b;
    if (x->person != y->person) return x->person < y->person ? -1 : 1;
    if (x->when != y->when) return x->when < y->when ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

mnk_status mnk_table_visit_order(const mnk_table *t, size_t **order, mnk_error *err) {
    long visit = mnk_schema_role(t->schema, MNK_COLUMN_IS_VISIT);
    placed *p;
    *order = NULL;
    MNK_TRY(MNK_NEW(p, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++) {
        double when = 0;
        if (visit >= 0 && t->number[visit]) when = t->number[visit][i];
        else if (visit >= 0 && t->schema->column[visit].type == MNK_COLUMN_ORDINAL) when = t->code[visit][i];
        p[i] = (placed){t->person[i], when == when ? when : INFINITY, i};
    }
    qsort(p, t->n, sizeof *p, by_place);
    mnk_status status = MNK_NEW(*order, t->n + 1, err);
    for (size_t i = 0; i < t->n && status == MNK_OK; i++) (*order)[i] = p[i].row;
    mnk_free(p);
    return status;
}
