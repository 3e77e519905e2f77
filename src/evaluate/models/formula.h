/* A model named by the user, read against a schema: "died = yes ~ age + sex", "Surv(time, event) ~ age + `odd name`". */
#ifndef MNK_EVALUATE_MODELS_FORMULA_H
#define MNK_EVALUATE_MODELS_FORMULA_H

#include "manikin/table.h"

enum { MNK_FORMULA_TERMS = 64 };

typedef struct mnk_formula {
    bool survival;
    size_t outcome, event; /* columns; survival: time and event */
    char positive[128];    /* level or number that counts as the event of a logistic model; "" not said */
    size_t term[MNK_FORMULA_TERMS];
    int terms;
} mnk_formula;

/* MNK_ERR_USAGE says what is wrong and where: unknown columns with the nearest name, repeated terms, interactions. Names may
 * stand in `back quotes`; without them they end at the next of ~ + = , ( ) and lose blanks at both ends. */
mnk_status mnk_formula_parse(const char *text, const mnk_schema *schema, mnk_formula *out, mnk_error *err) MNK_CHECK;

#endif
