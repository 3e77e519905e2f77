/* Renyi differential privacy: one number an order, added up over uses (Mironov 2017). */
#ifndef MNK_PRIVACY_RDP_H
#define MNK_PRIVACY_RDP_H

#include <stddef.h>

#include "manikin/privacy.h"

/* 1.1, 1.2 … 10.9 and 12 … 63 as Opacus has them, then up to 2048 for small epsilons. */
extern const double mnk_rdp_orders[];
extern const size_t mnk_rdp_orders_n;

/* ln E_Q[(P/Q)^alpha] of the Poisson-sampled Gaussian, sampling rate q in (0, 1], multiplier s > 0, alpha > 1, full relative
 * accuracy even where it is 1e-12: A - 1 is computed, not A. The Renyi divergence is this over alpha - 1. */
double mnk_rdp_sampled_gaussian_log_a(double q, double s, double alpha);

/* Divergence of one use, by kind (mnk_mechanism_table). */
double mnk_rdp_gaussian(const mnk_mechanism *m, double alpha);
double mnk_rdp_discrete_laplace(const mnk_mechanism *m, double alpha);
double mnk_rdp_exponential(const mnk_mechanism *m, double alpha);
double mnk_rdp_pure(const mnk_mechanism *m, double alpha);
double mnk_rdp_zcdp(const mnk_mechanism *m, double alpha);

/* Zero-concentrated privacy of one use; INFINITY for the sampled Gaussian. */
double mnk_rho_gaussian(const mnk_mechanism *m);
double mnk_rho_discrete_laplace(const mnk_mechanism *m);
double mnk_rho_exponential(const mnk_mechanism *m);
double mnk_rho_pure(const mnk_mechanism *m);
double mnk_rho_zcdp(const mnk_mechanism *m);

/* Sum over the list for each of mnk_rdp_orders, written to rdp. */
void mnk_rdp_compose(const mnk_mechanisms *list, double *rdp);

/* (epsilon, delta) from divergences rdp[n] at order[n] (Canonne, Kamath & Steinke 2020, Proposition 12); *best: the index of
 * the order used. Orders up to 1.01 are not used. Epsilon is 0 where delta^2 > 1 - exp(-rdp). */
double mnk_rdp_epsilon(const double *order, const double *rdp, size_t n, double delta, size_t *best);
double mnk_rdp_delta(const double *order, const double *rdp, size_t n, double epsilon, size_t *best);

#endif
