/* Membership inference: given synthetic data, was this record in the training data? Every attack is a score, high where a
 * record looks like a member; the judge (judge.h) turns scores into areas, powers and intervals. Statistics and sources:
 * docs/methods/attacks.md. */
#ifndef MNK_PRIVACY_ATTACKS_ATTACK_H
#define MNK_PRIVACY_ATTACKS_ATTACK_H

#include <stdbool.h>

#include "evaluate/encoding.h"
#include "evaluate/models/model.h"
#include "math/distance.h"

/* Whose points. Targets are members first, then non-members; attacks are not told where the border is. Reference records are
 * of the same population and neither trained on nor attacked. */
typedef enum mnk_attack_side { MNK_SIDE_TARGET, MNK_SIDE_SYNTHETIC, MNK_SIDE_REFERENCE, MNK_SIDES } mnk_attack_side;

typedef struct mnk_attack_problem {
    mnk_points points[MNK_SIDES];     /* for distances */
    mnk_features features[MNK_SIDES]; /* for classifiers: tree and linear form of the same coordinates */
    float *white[MNK_SIDES];          /* [n][white_d] for densities: whitened components of the reference */
    size_t white_d;
    const double
        *model; /* borrowed; [targets] what the model file says of each (log density, discriminator logit); NULL: nothing */
    bool model_is_density;
    uint64_t seed;
} mnk_attack_problem;

/* From an encoding in which reference stands as train, non-members as holdout, members as floor: nothing of the encoding may
 * be fitted on members, or attacks would see that and not the leak. With `control` the synthetic side is the members
 * themselves. */
mnk_status mnk_attack_problem_open(const mnk_encoded *e, bool control, uint64_t seed, mnk_attack_problem *out,
                                   mnk_error *err) MNK_CHECK;
void mnk_attack_problem_close(mnk_attack_problem *p);

typedef struct mnk_attack {
    const char *id;   /* stands in metric ids: auc.ID */
    const char *what; /* one phrase for reports */
    bool needs_model, needs_density;
    mnk_status (*score)(const mnk_attack_problem *p, double *score, mnk_error *err); /* [targets], finite */
} mnk_attack;

enum { MNK_ATTACKS_MOST = 16 };
extern const mnk_attack mnk_attacks[]; /* ends with id NULL */
bool mnk_attack_applies(const mnk_attack *a, const mnk_attack_problem *p);

/* One file a family; each function is the score of a row of the table. */
mnk_status mnk_attack_distance(const mnk_attack_problem *p, double *score, mnk_error *err) MNK_CHECK;
mnk_status mnk_attack_distance_calibrated(const mnk_attack_problem *p, double *score, mnk_error *err) MNK_CHECK;
mnk_status mnk_attack_monte_carlo(const mnk_attack_problem *p, double *score, mnk_error *err) MNK_CHECK;
mnk_status mnk_attack_domias(const mnk_attack_problem *p, double *score, mnk_error *err) MNK_CHECK;
mnk_status mnk_attack_boosting(const mnk_attack_problem *p, double *score, mnk_error *err) MNK_CHECK;
mnk_status mnk_attack_logistic(const mnk_attack_problem *p, double *score, mnk_error *err) MNK_CHECK;
mnk_status mnk_attack_model(const mnk_attack_problem *p, double *score, mnk_error *err) MNK_CHECK;
mnk_status mnk_attack_model_ratio(const mnk_attack_problem *p, double *score, mnk_error *err) MNK_CHECK;

#endif
