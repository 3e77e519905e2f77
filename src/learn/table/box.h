/* A box: which values are allowed, column by column. What a condition implies for single columns, so that generators can draw
 * inside it instead of rejecting. */
#ifndef MNK_LEARN_TABLE_BOX_H
#define MNK_LEARN_TABLE_BOX_H

#include "manikin/table.h"

typedef struct mnk_column_box {
    bool restricted;  /* false: everything is allowed, the rest is not read */
    bool missing;     /* a missing value is allowed */
    double low, high; /* numbers: closed interval */
    uint8_t *level;   /* codes: [levels] 1 allowed */
} mnk_column_box;

typedef struct mnk_table_box {
    size_t columns;
    mnk_column_box *column; /* [columns] */
} mnk_table_box;

/* A box that allows everything. */
mnk_status mnk_table_box_open(const mnk_schema *s, mnk_table_box **out, mnk_error *err) MNK_CHECK;
void mnk_table_box_close(mnk_table_box *b);
/* Restricts a column (the first call forbids missing values and allows all others). */
mnk_status mnk_table_box_restrict(mnk_table_box *b, const mnk_schema *s, size_t column, mnk_error *err) MNK_CHECK;
/* True when the box allows the value at (column, row). */
bool mnk_table_box_allows(const mnk_table_box *b, const mnk_table *t, size_t column, size_t row);

#endif
