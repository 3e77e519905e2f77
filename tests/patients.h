/* Made-up patients for the tests of what judges tables: a known dependence of outcomes on columns. */
#ifndef MNK_TESTS_PATIENTS_H
#define MNK_TESTS_PATIENTS_H

#include "manikin/result.h"
#include "manikin/table.h"

/* Columns: age (numeric), sex (female, male; subgroup), site (a, b, c; subgroup), marker (numeric, 10 % missing), code (60
 * levels, skewed), person, died (no, yes; label), cost (numeric), time, event (0, 1). */
enum { P_AGE, P_SEX, P_SITE, P_MARKER, P_CODE, P_PERSON, P_DIED, P_COST, P_TIME, P_EVENT, P_COLUMNS };

typedef struct patients_options {
    size_t n;
    uint64_t seed;
    double strength;      /* 1: outcomes depend on age, sex and marker as documented; 0: not at all */
    double male_strength; /* added for men: models that learnt women fail on them */
    int rows_of_person;   /* 1: every row a person */
    size_t offset;        /* first person */
} patients_options;

/* logit P(died) = -0.6 + s (0.8 (age-60)/10 - 0.7 [male] + 0.5 marker); the hazard is 0.1 exp of s (...) without intercept. */
mnk_schema *patients_schema(void);
mnk_table *patients(mnk_schema *s, const patients_options *o);
/* A copy with every column shuffled on its own. */
mnk_table *patients_shuffled(const mnk_table *t, uint64_t seed);

/* A metric without encoding, and one of its references; the test fails when there is none. */
const mnk_metric *found(const mnk_result *r, const char *id, const char *subset);
double reference_of(const mnk_metric *m, const char *name);

#endif
