/* What synthetic rows disclose about real ones beyond membership: singling out, linkability, inference (Giomi et al. 2023),
 * attribute disclosure, and the anonymity of the synthetic table itself. Formulas: docs/methods/attacks.md. */
#ifndef MNK_PRIVACY_ATTACKS_DISCLOSURE_H
#define MNK_PRIVACY_ATTACKS_DISCLOSURE_H

#include "manikin/attack.h"
#include "privacy/attacks/risk.h"

/* Some columns of the schema. */
typedef struct mnk_columns {
    size_t n, *at;
} mnk_columns;

typedef struct mnk_disclosure {
    const mnk_table *train, *holdout, *synthetic;
    const mnk_attack_config *config;
    const mnk_observer *observer;
    mnk_result *result;
    mnk_columns data, quasi, sensitive; /* quasi may be empty; sensitive: named, by role, else the label */
    mnk_columns link[2];                /* of two files; disjoint */
    size_t *target[2], targets[2];      /* rows of train and of holdout that are attacked, one a person, random order */
} mnk_disclosure;

/* Chooses columns and rows, runs every family; metrics of groups "disclosure" and "anonymity". The first six fields are set. */
mnk_status mnk_disclosure_run(mnk_disclosure *d, mnk_error *err) MNK_CHECK;

/* The families: one file each, one line in the table of disclosure.c. */
mnk_status mnk_singling_out(const mnk_disclosure *d, mnk_error *err) MNK_CHECK;
mnk_status mnk_linkability(const mnk_disclosure *d, mnk_error *err) MNK_CHECK;
mnk_status mnk_inference(const mnk_disclosure *d, mnk_error *err) MNK_CHECK;
mnk_status mnk_attribute_disclosure(const mnk_disclosure *d, mnk_error *err) MNK_CHECK;
mnk_status mnk_anonymity(const mnk_disclosure *d, mnk_error *err) MNK_CHECK;

/* Adds a risk (column "" for the whole). note: what was asked. */
mnk_status mnk_disclosure_add(const mnk_disclosure *d, const char *id, const char *column, const mnk_risk *risk,
                              const char *note, mnk_error *err) MNK_CHECK;

/* A cell as a number to compare: the value, or the code; NaN where missing. */
static inline double mnk_cell(const mnk_table *t, size_t column, size_t row) {
    return t->number[column]          ? t->number[column][row]
           : t->code[column][row] < 0 ? (double)__builtin_nan("")
                                      : (double)t->code[column][row];
}

/* ---- equivalence classes ---- */

/* class[t->n] = 0..classes-1 (ascending by the cells, missing last): rows that agree in all of the columns, missing being a
 * value. */
mnk_status mnk_equivalence(const mnk_table *t, const mnk_columns *columns, int32_t *class, size_t *classes,
                           mnk_error *err) MNK_CHECK;

typedef struct mnk_anonymous {
    size_t k;         /* rows of the smallest class (Sweeney 2002) */
    size_t l;         /* distinct sensitive values of the poorest class (Machanavajjhala et al. 2007) */
    double l_entropy; /* exp of the smallest entropy of a class */
    double t;         /* largest distance between the values of a class and those of all rows (Li et al. 2007): earth mover's by
                         rank for numbers and ordinal levels, by equality for categories */
} mnk_anonymous;
/* sensitive: one column. Rows without a value of it count as a value for l, and are left out of t where it is ordered. */
mnk_status mnk_anonymity_of(const mnk_table *t, const mnk_columns *quasi, size_t sensitive, mnk_anonymous *out,
                            mnk_error *err) MNK_CHECK;

#endif
