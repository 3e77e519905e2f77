/* Studies of tables: data -> for every generator: fit, sample, judge -> ranking -> report. */
#ifndef MNK_STUDY_TABLES_H
#define MNK_STUDY_TABLES_H

#include "study/study.h"

enum { MNK_STUDY_GENERATORS_MAX = 16, MNK_STUDY_SETTINGS_MAX = 24 };

/* One line of make.generators, "NAME setting=value …", taken apart. */
typedef struct mnk_study_generator {
    char id[64]; /* "arf", "arf-2": names its files and its column in the report */
    const char *name;
    const char *setting[MNK_STUDY_SETTINGS_MAX];
    size_t settings;
    bool is_baseline;
} mnk_study_generator;

typedef struct mnk_study_generators {
    mnk_study_generator item[MNK_STUDY_GENERATORS_MAX];
    size_t n;
} mnk_study_generators;

/* The generators of a study, the baseline added where it is wanted and not listed; the default generator where none is named.
 * Unknown names are refused with the nearest one. */
mnk_status mnk_study_list_generators(const mnk_study *s, mnk_study_generators *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_study_check_tables(const mnk_study *s, mnk_error *err) MNK_CHECK;

/* As mnk_study_run and mnk_study_plan; the folder is claimed by the caller. */
mnk_status mnk_study_run_tables(const mnk_study *s, const char *dir, const mnk_study_run_options *options,
                                const mnk_observer *observer, mnk_study_outcome *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_study_plan_tables(const mnk_study *s, const char *dir, void (*step)(void *ctx, const mnk_step_event *event),
                                 void *ctx, mnk_error *err) MNK_CHECK;

#endif
