/* Closed forms: the Gaussian mechanism exactly, zero-concentrated privacy, and the discrete Gaussian of one count. */
#ifndef MNK_PRIVACY_CLOSED_H
#define MNK_PRIVACY_CLOSED_H

/* The Gaussian mechanism with noise multiplier s (Balle & Wang 2018, Theorem 8):
 * delta = Phi(1/(2s) - epsilon s) - e^epsilon Phi(-1/(2s) - epsilon s), evaluated in logarithms; its inverses are monotone
 * and bisected to the last digits. epsilon >= 0, delta in (0, 1), s > 0. */
double mnk_gaussian_delta(double s, double epsilon);
double mnk_gaussian_epsilon(double s, double delta);
double mnk_gaussian_multiplier(double epsilon, double delta);

/* rho-zCDP (Bun & Steinke 2016) to (epsilon, delta), optimised over every order (Canonne, Kamath & Steinke 2020, Corollary
 * 13), and its inverses. */
double mnk_zcdp_delta(double rho, double epsilon);
double mnk_zcdp_epsilon(double rho, double delta);
double mnk_zcdp_rho(double epsilon, double delta);

/* One integer query of the given sensitivity with discrete Gaussian noise of variance parameter sigma2 (Canonne, Kamath &
 * Steinke 2020, Theorem 7), summed over the integers. sigma2 in (0, 1e8]. */
double mnk_discrete_gaussian_delta(double sigma2, double sensitivity, double epsilon);

#endif
