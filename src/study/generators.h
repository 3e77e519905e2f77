/* What a study of tables makes: the lines of make.generators taken apart, one table for every budget and every repeat. */
#ifndef MNK_STUDY_GENERATORS_H
#define MNK_STUDY_GENERATORS_H

#include "study/study.h"

enum {
    MNK_STUDY_GENERATORS_MAX = 16, /* generators and budgets: columns of the report */
    MNK_STUDY_TABLES_MAX = 128,    /* with repeats */
    MNK_STUDY_SETTINGS_MAX = 24,
    MNK_STUDY_BUDGETS_MAX = 8 /* of one line */
};

/* One table to be made. "mst epsilon=0.1,1 delta=1e-6" is two of them, and with make.repeats: 3 six. */
typedef struct mnk_study_generator {
    char id[80];     /* "arf", "arf-2", "mst-e0.1", of a repeat "mst-e0.1-r2": names its files and its column in the report */
    char series[64]; /* what its budgets have in common: "mst" */
    const char *name;
    const char *setting[MNK_STUDY_SETTINGS_MAX];
    size_t settings;
    double epsilon, delta; /* as set; NaN: none was */
    bool is_baseline;
    size_t arm; /* item[arm] is the first making of the same */
    int repeat; /* 0.. */
} mnk_study_generator;

typedef struct mnk_study_generators {
    mnk_study_generator item[MNK_STUDY_TABLES_MAX]; /* [arms] first makings, then the second of each … */
    size_t arms, n;
    bool has_sweep; /* some line lists budgets */
} mnk_study_generators;

/* The generators of a study, the baseline added where it is wanted and not listed; the default generator where none is named.
 * Refused (MNK_ERR_INPUT): unknown names and settings with the nearest one, values out of range, a list of values for anything
 * but epsilon, budgets given twice or not above 0, private generators without epsilon and delta. */
mnk_status mnk_study_list_generators(const mnk_study *s, mnk_study_generators *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_study_check_tables(const mnk_study *s, mnk_error *err) MNK_CHECK;
/* Repeats are as far apart as the repeated generators of studies of images. */
uint64_t mnk_study_repeat_seed(uint64_t seed, int repeat);

#endif
