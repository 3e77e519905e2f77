/* A table with several rows a person, person by person. */
#ifndef MNK_DATA_TABLE_VISITS_H
#define MNK_DATA_TABLE_VISITS_H

#include "manikin/table.h"

/* order[n]: rows person by person, in the order of the VISIT column (numbers, dates, ordinals; missing comes last), else of the
 * table. The table must have persons. Release with mnk_free. */
mnk_status mnk_table_visit_order(const mnk_table *t, size_t **order, mnk_error *err) MNK_CHECK;

#endif
