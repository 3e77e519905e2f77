/* The section audit of a study: its options, its policy, and what the audits say by that policy. */
#ifndef MNK_STUDY_STUDY_AUDIT_H
#define MNK_STUDY_STUDY_AUDIT_H

#include "study/study.h"

extern const mnk_option mnk_study_audit_options[], mnk_study_audit_table_options[];

/* Reads the policy (a file, or written in the study) and checks the section. MNK_ERR_INPUT: both, neither title nor thresholds
 * belong together, a generator that the study does not have, what a study cannot do. */
mnk_status mnk_study_check_audit(mnk_study *s, mnk_error *err) MNK_CHECK;
/* Before anything is made: is there enough unseen data? n_holdout 0: none. */
mnk_status mnk_study_audit_can(const mnk_study *s, size_t n_train, size_t n_holdout, mnk_error *err) MNK_CHECK;
/* What an audit depends on, for its key: the settings without policy and names. */
void mnk_study_audit_key(const mnk_study *s, mnk_text *out);
/* The battery's settings in this study. */
mnk_attack_config mnk_study_attack_config(const mnk_study *s);

/* The audit of one synthetic table; model_path NULL: its model is not attacked. */
mnk_status mnk_study_audit_table(const mnk_study *s, const mnk_table *train, const mnk_table *holdout, const mnk_table *made,
                                 const char *model_path, const mnk_observer *observer, mnk_result **out,
                                 mnk_error *err) MNK_CHECK;

/* Audits judged by the study's policy. */
typedef struct mnk_study_audits {
    mnk_audits shown; /* for the evidence */
    mnk_audited *item;
    mnk_gate *gate;                  /* [n * rules] */
    mnk_gate summary[MNK_GATES_MAX]; /* of every threshold: the worst audit; met when all meet it */
    size_t summaries;
} mnk_study_audits;
/* Room for n audits; fill item[i].name and .result, then judge. */
mnk_status mnk_study_audits_open(const mnk_study *s, size_t n, mnk_study_audits *out, mnk_error *err) MNK_CHECK;
void mnk_study_audits_judge(const mnk_study *s, mnk_study_audits *a);
void mnk_study_audits_close(mnk_study_audits *a);

#endif
