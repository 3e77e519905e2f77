/* What models of a table predict: found from the roles of its schema, read from each table in one numbering. */
#ifndef MNK_EVALUATE_MODELS_TARGET_H
#define MNK_EVALUATE_MODELS_TARGET_H

#include "evaluate/models/model.h"
#include "manikin/table.h"

typedef struct mnk_table_target {
    mnk_task task;
    size_t column, event; /* LABEL; or TIME and EVENT */
    int classes;
    char **class_name; /* [classes] in the order of the schema's levels; numbers: ascending */
    int32_t *class_of; /* [levels] of a column of codes, -1: neither in train nor in test */
    size_t levels;     /* when found */
    double number[2];  /* the classes of a numeric label of two values */
    const char *name;  /* of the column, borrowed from the schema */
} mnk_table_target;

/* survival: TIME with EVENT, else LABEL: codes and numbers of two values are classes, other numbers are numbers. *found false
 * when the schema has no such role. Only classes of the real tables count. MNK_ERR_INPUT: more than 50 classes, or an outcome
 * that is missing throughout. */
mnk_status mnk_table_target_find(const mnk_table *train, const mnk_table *test, bool survival, mnk_table_target *out,
                                 bool *found, mnk_error *err) MNK_CHECK;
void mnk_table_target_close(mnk_table_target *t);

/* The rows of `t` with a known outcome as a table of their own (one that shares the schema), and their outcomes. *dropped: rows
 * without, or of a class that no real row has. */
mnk_status mnk_table_target_read(const mnk_table_target *target, const mnk_table *t, mnk_table **rows, mnk_outcome *outcome,
                                 size_t *dropped, mnk_error *err) MNK_CHECK;

/* Did the event come? 1, 0 or -1 (missing, or a text that says neither). Numbers: 1 and 0; levels: 1/0, yes/no, true/false,
 * event/censored, dead/alive, died/alive. */
int mnk_table_event(const mnk_table *t, size_t column, size_t row);

/* skip[column]: outcomes of any task, which no model may see. [columns] */
void mnk_table_outcomes(const mnk_schema *s, bool *skip);

#endif
