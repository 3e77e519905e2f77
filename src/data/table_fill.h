/* From the cells of a file to the columns of a table, by a schema; whatever does not fit is told by row and column. */
#ifndef MNK_DATA_TABLE_FILL_H
#define MNK_DATA_TABLE_FILL_H

#include "data/table_infer.h"

typedef struct mnk_column_binding { /* of one schema column */
    long from;                      /* column of the file, -1: not there, all values missing */
    mnk_number_style style;         /* how the file writes its numbers */
} mnk_column_binding;

/* Fills t (made by mnk_table_new over its schema). Levels of open columns are appended in order of appearance. */
mnk_status mnk_table_fill(mnk_table *t, const mnk_table_file *f, const mnk_column_binding *binding, const mnk_missing_list *l,
                          const mnk_observer *observer, mnk_error *err) MNK_CHECK;

#endif
