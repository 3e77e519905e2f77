/* Studies of tables: data -> for every generator, budget and repeat: fit, sample, judge, attack -> ranking, trade-off ->
 * report. */
#ifndef MNK_STUDY_TABLES_H
#define MNK_STUDY_TABLES_H

#include "study/study.h"

/* As mnk_study_run and mnk_study_plan; the folder is claimed by the caller. */
mnk_status mnk_study_run_tables(const mnk_study *s, const char *dir, const mnk_study_run_options *options,
                                const mnk_observer *observer, mnk_study_outcome *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_study_plan_tables(const mnk_study *s, const char *dir, void (*step)(void *ctx, const mnk_step_event *event),
                                 void *ctx, mnk_error *err) MNK_CHECK;

#endif
