/* Differential privacy: what was done to people's data as a list of mechanisms, and what that list guarantees.
 *
 * The list is the one currency of src/privacy: the ledger writes its entries, the accountant composes them, and noise is
 * drawn under them. The unit is always a person: every sensitivity below is the most that all records of one person can
 * change a query. Formulas and sources: docs/methods/privacy.md. */
#ifndef MANIKIN_PRIVACY_H
#define MANIKIN_PRIVACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/error.h"
#include "manikin/result.h"

/* Which two datasets are neighbours. All sensitivities of a list are stated for its relation. */
typedef enum mnk_neighbours {
    MNK_ADD_REMOVE, /* one person more or less */
    MNK_REPLACE_ONE /* one person replaced by another; n is public */
} mnk_neighbours;

typedef enum mnk_mechanism_kind {
    MNK_MECHANISM_GAUSSIAN,          /* noise N(0, noise^2) on every coordinate; `sensitivity` in L2; with sampling_rate < 1
                                        each person takes part independently with that probability (Poisson sampling). Under
                                        MNK_REPLACE_ONE the sensitivity is, as everywhere, the most that replacing a person
                                        changes: with contributions clipped to C it is 2C, and sampling counts on a person's
                                        presence changing no more than half of it. What is sampled may then be a pack of
                                        several persons whose joint contribution is clipped to C */
    MNK_MECHANISM_DISCRETE_GAUSSIAN, /* integers; P(k) ~ exp(-k^2 / (2 noise^2)); `sensitivity` in L2 */
    MNK_MECHANISM_DISCRETE_LAPLACE,  /* integers; P(k) ~ exp(-|k| / noise); `sensitivity` in L1 */
    MNK_MECHANISM_EXPONENTIAL,       /* picks one of many: P(i) ~ exp(epsilon score_i / (2 sensitivity)) */
    MNK_MECHANISM_PURE,              /* anything that is (epsilon, 0)-private */
    MNK_MECHANISM_ZCDP,              /* anything that is rho-zero-concentrated private */
    MNK_MECHANISM_KINDS
} mnk_mechanism_kind;

typedef struct mnk_mechanism {
    mnk_mechanism_kind kind;
    double noise;         /* standard deviation or scale, in units of the query; Gaussian and Laplace kinds */
    double sensitivity;   /* in the same units; 0 means 1 */
    double sampling_rate; /* (0, 1]; 0 means 1 */
    double epsilon;       /* exponential and pure */
    double rho;           /* zcdp */
    uint64_t count;       /* how often; 0 means once */
    char what[48];        /* for people: "1-way marginals" */
} mnk_mechanism;

typedef struct mnk_mechanisms {
    mnk_neighbours neighbours;
    size_t n;
    mnk_mechanism *item;
    bool not_private; /* noise was reproducible (tests only): whatever is computed from this list is stamped */
} mnk_mechanisms;

/* "gaussian", "discrete_gaussian", "discrete_laplace", "exponential", "pure", "zcdp". */
MNK_API const char *mnk_mechanism_name(mnk_mechanism_kind kind);
/* Reads "discrete_gaussian noise=8 count=12": a name and the fields above, separated by blanks or commas. MNK_ERR_USAGE. */
MNK_API mnk_status mnk_mechanism_parse(const char *text, mnk_mechanism *out, mnk_error *err) MNK_CHECK;
/* Fills in the defaults and checks every range. MNK_ERR_USAGE. */
MNK_API mnk_status mnk_mechanism_check(mnk_mechanism *m, mnk_neighbours neighbours, mnk_error *err) MNK_CHECK;

/* Appends a checked copy; equal mechanisms (but for `what`) are merged by adding their counts. */
MNK_API mnk_status mnk_mechanisms_add(mnk_mechanisms *list, const mnk_mechanism *m, mnk_error *err) MNK_CHECK;
MNK_API void mnk_mechanisms_clear(mnk_mechanisms *list);

/* What a list guarantees. One of epsilon and delta was asked for, the other is the smallest of the valid answers by_*;
 * those are of the kind that was computed (epsilons, or deltas), NaN where a method does not apply. */
typedef struct mnk_guarantee {
    double epsilon, delta;
    bool is_of_delta;   /* epsilon was given and the by_* are deltas */
    const char *method; /* "exact", "pld", "rdp": whose answer it is; "none": nobody's */
    double by_exact;    /* Gaussians without sampling: closed form (Balle & Wang 2018) */
    double by_pld;      /* privacy loss distribution, connect-the-dots (Doroshenko et al. 2022) */
    double by_rdp;      /* Renyi DP (Mironov 2017; Mironov, Talwar & Zhang 2019); not of sampling under MNK_REPLACE_ONE */
    double rdp_order;
    bool rdp_order_at_edge; /* a larger or smaller order might give less */
    double pld_grid;        /* spacing of privacy losses */
    char pld_note[96];      /* why by_pld is NaN */
    mnk_neighbours neighbours;
    bool not_private;
} mnk_guarantee;

/* Epsilon at delta in (0, 1), and delta at epsilon > 0. A PLD answer above the RDP answer where both describe the same
 * pairs of distributions is an internal error (MNK_ERR_FAILED), never a result. Where no method applies the answer is
 * epsilon INFINITY, delta 1. At most 0.2 s for common settings of one
 * mechanism; each different one adds a transform (10 to 50 ms), beyond 256 only Renyi divergences are used. */
MNK_API mnk_status mnk_privacy_epsilon(const mnk_mechanisms *list, double delta, mnk_guarantee *out, mnk_error *err) MNK_CHECK;
MNK_API mnk_status mnk_privacy_delta(const mnk_mechanisms *list, double epsilon, mnk_guarantee *out, mnk_error *err) MNK_CHECK;

/* The smallest factor (relative tolerance 1e-7, rounded to the safe side) that makes the list (epsilon, delta)-private:
 * noise is multiplied by it, epsilon divided, rho divided by its square. With one mechanism of noise 1 the factor is the
 * noise. `out` is the guarantee at that factor. Refuses what no noise between 1e-3 and 1e7 times the list's reaches. */
MNK_API mnk_status mnk_privacy_noise(const mnk_mechanisms *list, double epsilon, double delta, double *factor,
                                     mnk_guarantee *out, mnk_error *err) MNK_CHECK;
/* The list with everything scaled by `factor` as above; release with mnk_mechanisms_clear. */
MNK_API mnk_status mnk_mechanisms_scaled(const mnk_mechanisms *list, double factor, mnk_mechanisms *out,
                                         mnk_error *err) MNK_CHECK;

/* epsilon > 0, 0 < delta < 1, and delta < 1/people where people > 0: at 1/n a mechanism may publish one person whole and
 * still be "private". MNK_ERR_USAGE with the reason. */
MNK_API mnk_status mnk_privacy_check_target(double epsilon, double delta, size_t people, mnk_error *err) MNK_CHECK;

/* Adds metrics of group "privacy": epsilon, delta, epsilon_pld and epsilon_rdp (or delta_…), mechanisms; and the warning
 * NOT PRIVATE where it applies. */
MNK_API void mnk_guarantee_report(const mnk_guarantee *g, mnk_result *r);

#endif
