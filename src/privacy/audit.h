/* What an attack on a private generator proves: lower bounds of epsilon, and the power of an attack at small false-positive
 * rates. A lower bound above the claimed epsilon refutes the claim. Formulas: docs/methods/privacy.md. */
#ifndef MNK_PRIVACY_AUDIT_H
#define MNK_PRIVACY_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Lower bound of epsilon at confidence `level` from an attack with a threshold fixed beforehand on other records:
 * max(0, ln((TPR_low - delta) / FPR_high), ln((TNR_low - delta) / FNR_high)), Clopper-Pearson bounds at (1 - level)/2 each side
 * (Nasr et al. 2021; Jagielski, Ullman & Oprea 2020). Counts above their totals give NaN. */
double mnk_audit_epsilon(uint64_t true_positives, uint64_t members, uint64_t false_positives, uint64_t non_members,
                         double delta, double level);
/* The bound that a perfect attack would give with as many records: what these numbers can show at most. */
double mnk_audit_epsilon_cap(uint64_t members, uint64_t non_members, double delta, double level);

/* Privacy audit with one training run (Steinke, Nasr & Jagielski 2023, Theorem 5.2): of `canaries` records, each included with
 * probability 1/2, `guesses` were guessed about, `correct` rightly. Lower bound of epsilon at `level`; NaN when
 * correct > guesses or guesses > canaries. O(guesses) per step of a bisection. */
double mnk_audit_one_run(uint64_t canaries, uint64_t guesses, uint64_t correct, double delta, double level);

/* Power at a false-positive rate: the threshold is the lowest at which at most fpr * n non-members reach it, from the
 * non-members alone. Not estimable (is_estimable false, rates NaN) when even 0 false positives of n would leave rates above fpr
 * possible at 95 %: n < ln 0.05 / ln(1 - fpr), 2,995 for 0.1 %. */
typedef struct mnk_audit_power {
    bool is_estimable;
    size_t needed; /* non-members */
    double threshold;
    double tpr, tpr_low, tpr_high; /* Clopper-Pearson at `level` */
    double fpr, fpr_low, fpr_high; /* of the threshold on these non-members */
} mnk_audit_power;

/* Non-members needed for a rate; 0.1 % -> 2995. */
size_t mnk_audit_non_members_needed(double fpr);
/* score[i] is high where record i looks like a member; is_member[i] != 0 where it is. Scores must be finite. */
mnk_status mnk_audit_power_at(const double *score, const uint8_t *is_member, size_t n, double fpr, double level,
                              mnk_audit_power *out, mnk_error *err) MNK_CHECK;

#endif
