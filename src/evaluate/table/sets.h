/* The tables that are compared: do they go together, which columns, who is a person, what is the floor. */
#ifndef MNK_EVALUATE_TABLE_SETS_H
#define MNK_EVALUATE_TABLE_SETS_H

#include "evaluate/judge.h"
#include "manikin/evaluate_table.h"

typedef struct mnk_table_sets {
    const mnk_table *table[MNK_ROLES]; /* holdout may be NULL; the floor is train with every column shuffled on its own */
    mnk_table *owned[MNK_ROLES];       /* those of them that are ours */
    const mnk_schema *schema;
    size_t *column, columns; /* those that are compared */
    long label;              /* column of codes with the LABEL role, -1 when there is none */
    const mnk_table_evaluate_config *config;
} mnk_table_sets;

mnk_status mnk_table_sets_open(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                               const mnk_table_evaluate_config *config, mnk_table_sets *out, mnk_error *err) MNK_CHECK;
/* The rows of each set whose mask is not 0 (NULL: all); what has no row becomes NULL. The floor is made of the chosen train
 * rows. */
mnk_status mnk_table_sets_select(const mnk_table_sets *s, const uint8_t *const mask[MNK_ROLES], mnk_table_sets *out,
                                 mnk_error *err) MNK_CHECK;
void mnk_table_sets_close(mnk_table_sets *s);

/* A compared column of one set. */
static inline const double *mnk_sets_number(const mnk_table_sets *s, int role, size_t c) {
    return s->table[role]->number[s->column[c]];
}
static inline const int32_t *mnk_sets_code(const mnk_table_sets *s, int role, size_t c) {
    return s->table[role]->code[s->column[c]];
}
static inline bool mnk_sets_is_number(const mnk_table_sets *s, size_t c) {
    return mnk_column_is_number(&s->schema->column[s->column[c]]);
}
static inline const char *mnk_sets_name(const mnk_table_sets *s, size_t c) { return s->schema->column[s->column[c]].name; }
static inline size_t mnk_sets_n(const mnk_table_sets *s, int role) { return s->table[role] ? s->table[role]->n : 0; }

/* The mixed encoding of all sets, fitted on train: docs/methods/table-metrics.md, "Encoding". */
mnk_status mnk_table_encode(const mnk_table_sets *s, bool moments, const mnk_observer *observer, mnk_encoded *out,
                            mnk_error *err) MNK_CHECK;

#endif
