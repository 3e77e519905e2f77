/* Shadow attack (after Stadler, Oprisanu & Troncoso 2022): generators of the same kind are trained again and again, each time
 * with or without a record; does what they make tell which? Asked of the most isolated records (after Meeus et al. 2023). */
#ifndef MNK_PRIVACY_ATTACKS_SHADOW_H
#define MNK_PRIVACY_ATTACKS_SHADOW_H

#include "manikin/attack.h"
#include "math/auc.h"

/* Trains on `train` and draws as many rows. */
typedef mnk_status mnk_shadow_make(void *ctx, const mnk_table *train, uint64_t seed, mnk_table **out, mnk_error *err);

typedef struct mnk_shadows {
    mnk_shadow_make *make;
    void *ctx;
    size_t shadows, targets; /* shadows of all targets at once: each is in about half of them */
    uint64_t seed;
    double level;
} mnk_shadows;

/* The rows of train that are farthest from their nearest row of the holdout, in descending order: target [s->targets]. */
mnk_status mnk_shadow_targets(const mnk_table *train, const mnk_table *holdout, size_t targets, size_t *target,
                              mnk_error *err) MNK_CHECK;
/* auc[target]: area of -(distance to the nearest generated row) for shadows with the target against those without. Every
 * shadow learns from another random half of the holdout and its targets. */
mnk_status mnk_shadow_run(const mnk_shadows *s, const mnk_table *train, const mnk_table *holdout, const size_t *target,
                          const mnk_observer *observer, mnk_auc *auc, mnk_error *err) MNK_CHECK;

/* Both, for the generator of a model with its settings, retrained to scratch_path; adds shadow_auc (the largest, corrected)
 * and flags nothing. */
mnk_status mnk_shadow_judge(const mnk_table *train, const mnk_table *holdout, const mnk_table_generator *model,
                            const mnk_attack_config *config, const mnk_observer *observer, mnk_result *r,
                            mnk_error *err) MNK_CHECK;

#endif
