/* Canaries of a table: made-up persons of one row each, uniform over the bins of the axes, in the counts by a coin; and their
 * scores, by which the coins are guessed (private_canary.h).
 *
 * The guesser is whom differential privacy protects from: it knows every real row, every canary and the noisy counts, and not
 * the coins. So a score depends on noise and coins alone, never on what the real rows look like. */
#ifndef MNK_LEARN_TABLE_PRIVATE_CANARIES_H
#define MNK_LEARN_TABLE_PRIVATE_CANARIES_H

#include "learn/table/private/counts.h"
#include "learn/table/private/junction.h"

typedef struct mnk_row_canaries {
    size_t n;           /* 0: none */
    uint8_t *bin;       /* [columns][n] */
    double *memory;     /* [2n] scores, then coins */
    const double *coin; /* [n] within memory */
} mnk_row_canaries;

/* Bins from the seed; coins as mnk_canaries_toss has them. */
mnk_status mnk_row_canaries_open(size_t n, const mnk_axes *axes, bool reproducible, uint64_t seed, mnk_row_canaries *out,
                                 mnk_error *err) MNK_CHECK;
void mnk_row_canaries_close(mnk_row_canaries *c);

/* Rows of those that are in, behind the others; before mnk_rows_merge. */
mnk_status mnk_row_canaries_join(const mnk_row_canaries *c, mnk_rows *r, mnk_error *err) MNK_CHECK;

/* Adds what a measurement tells of each canary: the logarithm of how much likelier the noisy count of its cell is with it in
 * than with it out, all other coins fair, everything taken as normal. `count`: exact, with the canaries that are in; of bins
 * for one axis, of cells for several. */
mnk_status mnk_row_canaries_look(mnk_row_canaries *c, const mnk_axes *axes, const mnk_axis_set *set, const int64_t *count,
                                 const double *noisy, size_t cells, mnk_error *err) MNK_CHECK;

#endif
