/* Sequential trees in the manner of synthpop (Nowok, Raab, Dibben 2016): each column is drawn from the leaf of a regression or
 * classification tree on the columns drawn before it. Leaves keep shares of bins, not donors: a value is drawn within its
 * bin. */
#ifndef MNK_LEARN_TABLE_CART_H
#define MNK_LEARN_TABLE_CART_H

#include "learn/table/bintree.h"
#include "learn/table/kind.h"

#define MNK_CART_CODES 8 /* numbers that stand for a value of the target when splits are judged */

typedef struct mnk_cart_target {
    const mnk_codebook *book;
    const uint8_t *bins; /* [column*stride + row] */
    size_t stride, column;
    const uint8_t *predictor; /* [columns] 1: may be split on */
    float code[MNK_BINS][MNK_CART_CODES];
    size_t min_leaf;
    double threshold; /* F statistic that a split must reach */
} mnk_cart_target;

/* The codes of a column: its position and "missing" for numbers; for levels the four most frequent and four random mixtures of
 * all (a random projection of the indicator variables keeps the Gini impurity's differences). */
void mnk_cart_code(mnk_cart_target *t, mnk_rng *rng);
/* Splits by the sum of squares of the codes, over all predictors. row[0..n-1] is reordered. */
mnk_status mnk_cart_grow(const mnk_cart_target *t, uint32_t *row, size_t n, mnk_bintree *out, mnk_error *err) MNK_CHECK;

#endif
