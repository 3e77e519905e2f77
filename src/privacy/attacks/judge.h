/* What the scores of attacks prove: areas and powers with intervals, the largest over attacks with correction, false alarms,
 * the positive control, subgroups, records at risk. */
#ifndef MNK_PRIVACY_ATTACKS_JUDGE_H
#define MNK_PRIVACY_ATTACKS_JUDGE_H

#include "manikin/attack.h"
#include "math/auc.h"
#include "privacy/attacks/attack.h"

typedef struct mnk_attack_subset {
    char name[64];
    uint8_t *in; /* [members + others] */
} mnk_attack_subset;

/* Who was attacked: members first. Records of one person share a unit. */
typedef struct mnk_attack_targets {
    size_t members, others, units;
    int32_t *unit; /* [members + others] 0..units-1 */
    size_t *row;   /* [members] of train */
    mnk_attack_subset *subset;
    size_t subsets;
} mnk_attack_targets;
/* Units from persons (NULL or -1: each record its own) of the members' and the others' rows; one more subset of the tenth that
 * lies farthest from the reference is added by mnk_attack_isolated. */
mnk_status mnk_attack_targets_open(const int32_t *member_person, const size_t *member_row, size_t members,
                                   const int32_t *other_person, const size_t *other_row, size_t others, mnk_attack_targets *out,
                                   mnk_error *err) MNK_CHECK;
/* An empty subset, to be filled. */
mnk_status mnk_attack_targets_add(mnk_attack_targets *t, const char *name, uint8_t **in, mnk_error *err) MNK_CHECK;
mnk_status mnk_attack_isolated(mnk_attack_targets *t, const mnk_attack_problem *p, mnk_error *err) MNK_CHECK;
void mnk_attack_targets_close(mnk_attack_targets *t);

typedef struct mnk_attack_scores {
    size_t attacks;
    const mnk_attack *attack[MNK_ATTACKS_MOST];
    double *score[MNK_ATTACKS_MOST]; /* [targets] */
} mnk_attack_scores;
/* Every attack that applies. */
mnk_status mnk_attack_scores_open(const mnk_attack_problem *p, const mnk_observer *observer, mnk_attack_scores *out,
                                  mnk_error *err) MNK_CHECK;
void mnk_attack_scores_close(mnk_attack_scores *s);

/* Adds the metrics of group "membership" and flags "at_risk" (item: row of train). `control`: the same attacks where the
 * members themselves stand for synthetic data. */
mnk_status mnk_attack_judge(const mnk_attack_targets *t, const mnk_attack_scores *s, const mnk_attack_scores *control,
                            const mnk_attack_config *config, const char *encoding, mnk_result *r, mnk_error *err) MNK_CHECK;

/* Everything from an encoding (roles as in mnk_attack_problem_open) to metrics: problem, control, the isolated tenth, scores,
 * judgement. model [targets]: what the model file says, NULL: nothing. */
mnk_status mnk_attack_battery(const mnk_encoded *e, const double *model, bool model_is_density, mnk_attack_targets *t,
                              const mnk_attack_config *config, const mnk_observer *observer, mnk_result *r,
                              mnk_error *err) MNK_CHECK;

/* Takes the rows of real records out of the flags. */
void mnk_attack_hide(mnk_result *r);

/* AUC of score for the first `members` of n records, its variance by unit (sums of influences). in (NULL: all) chooses. */
mnk_status mnk_attack_auc(const double *score, size_t n, const uint8_t *is_member, const uint8_t *in, const int32_t *unit,
                          size_t units, mnk_auc *out, mnk_error *err) MNK_CHECK;

#endif
