/* What every private training shares, whatever it trains: the target (epsilon, delta), its options, the ledger beside the
 * model, noise that keeps within what is left, and the statement in the model. The unit is a person. */
#ifndef MNK_LEARN_PRIVATE_TARGET_H
#define MNK_LEARN_PRIVATE_TARGET_H

#include "base/json.h"
#include "base/options.h"
#include "manikin/observer.h"
#include "privacy/ledger.h"

typedef struct mnk_private_target {
    double epsilon, delta;
    bool resume;       /* go on with the ledger of a stopped run */
    bool reproducible; /* tests only: noise from the seed, stamped NOT PRIVATE */
} mnk_private_target;

/* clang-format off */
/* Rows over struct type `config` whose member `at` is a mnk_private_target. */
#define MNK_PRIVATE_TARGET_ROWS(config, at) \
    {"epsilon", 0, MNK_OPTION_REAL, offsetof(config, at.epsilon), "E", "0", 0, 0, NULL, "the privacy budget, to be stated: 1 is strong protection, above 10 promises little", false}, \
    {"delta", 0, MNK_OPTION_REAL, offsetof(config, at.delta), "D", "0", 0, 0, NULL, "chance that the promise fails, to be stated: well below 1 / persons", false}, \
    {"reproducible-noise", 0, MNK_OPTION_BOOL, offsetof(config, at.reproducible), NULL, "false", 0, 0, NULL, "noise from --seed, for tests: the model is stamped NOT PRIVATE", true}
/* Where the kind has no --resume of its own. */
#define MNK_PRIVATE_RESUME_ROW(config, at) \
    {"resume", 0, MNK_OPTION_BOOL, offsetof(config, at.resume), NULL, "false", 0, 0, NULL, "go on with the privacy ledger of a stopped run; what it charged stays spent", false}
/* clang-format on */

/* Both stated, in range, delta below 1/people (0: unknown). MNK_ERR_USAGE. */
mnk_status mnk_private_target_check(const mnk_private_target *t, size_t people, mnk_error *err) MNK_CHECK;

/* Opens MODEL.ledger (resuming where the target says so) and begins a run "training". The source of noise follows the target,
 * whatever `setup` says; a reproducible one is logged as a warning. */
mnk_status mnk_private_ledger_open(const mnk_private_target *t, const char *model_path, const mnk_ledger_setup *setup,
                                   uint64_t seed, const mnk_observer *observer, mnk_ledger **out, mnk_error *err) MNK_CHECK;

/* Less than this share of epsilon (or rho) is no budget: the model would be noise, and its ledger look as if it were one. */
#define MNK_PRIVATE_LEAST_LEFT 0.02
/* The factor that makes what the ledger has and the plan together (epsilon, delta)-private; see mnk_privacy_noise. */
mnk_status mnk_private_calibrate(const mnk_private_target *t, const mnk_ledger *l, const mnk_mechanisms *plan, double *factor,
                                 mnk_error *err) MNK_CHECK;
/* MNK_ERR_INPUT: everything is spent. */
mnk_status mnk_private_nothing_left(const mnk_private_target *t, const mnk_ledger *l, mnk_error *err) MNK_CHECK;

/* What the ledger's entries guarantee; more than was allowed is an internal error (MNK_ERR_FAILED). */
mnk_status mnk_private_guarantee(const mnk_private_target *t, const mnk_ledger *l, mnk_guarantee *out,
                                 mnk_error *err) MNK_CHECK;
/* Members of an open object, the block "privacy" of a model: stamp, epsilon, delta, epsilon_allowed, method, unit, neighbours.
 */
void mnk_private_write(const mnk_private_target *t, const mnk_guarantee *g, mnk_json *j);
/* The same in one line. */
void mnk_private_line(const mnk_guarantee *g, const mnk_ledger *l, char *out, size_t size);

#endif
