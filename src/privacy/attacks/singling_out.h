/* Pieces of the singling-out attack that tests look at. */
#ifndef MNK_PRIVACY_ATTACKS_SINGLING_OUT_H
#define MNK_PRIVACY_ATTACKS_SINGLING_OUT_H

#include <stddef.h>

/* Queries that match `match` of n unseen rows: what share of them would single out one row of a table of `wanted` rows of the
 * same population. wanted <= n: exactly, the chance that a random subset holds exactly one match, averaged over queries. Beyond
 * n: times f(wanted)/f(n), f(m) = (1 - (m w + 1)(1 - w)^m)/(m + 1) (Giomi et al. 2023), w fitted to the exact shares at
 * smaller sizes. */
double mnk_singling_expected(const size_t *match, size_t queries, size_t n, size_t wanted);

#endif
