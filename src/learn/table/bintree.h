/* Classification trees over binned columns: grown by histograms, so that a node costs its rows and its columns' bins, no
 * sorting. A split sends a set of bins left; "missing" (bin 0) is a bin like any other and goes where it fits best. */
#ifndef MNK_LEARN_TABLE_BINTREE_H
#define MNK_LEARN_TABLE_BINTREE_H

#include "base/rng.h"
#include "learn/table/codebook.h"

typedef struct mnk_bintree_node {
    int32_t column; /* -1: leaf */
    int32_t left;   /* child of the bins in `mask`; the other child is left + 1. Leaf: its number, -1 before numbering */
    uint64_t mask[4];
} mnk_bintree_node;

typedef struct mnk_bintree {
    mnk_bintree_node *node;
    size_t nodes, room, leaves;
} mnk_bintree;

static inline bool mnk_bintree_goes_left(const mnk_bintree_node *n, uint8_t bin) { return n->mask[bin >> 6] >> (bin & 63) & 1; }

/* Adds two children to node `at`; *left receives the first. */
mnk_status mnk_bintree_split(mnk_bintree *t, size_t at, int32_t column, const uint64_t mask[4], int32_t *left,
                             mnk_error *err) MNK_CHECK;
mnk_status mnk_bintree_open(mnk_bintree *t, mnk_error *err) MNK_CHECK; /* one node, a leaf */
void mnk_bintree_clear(mnk_bintree *t);
/* Numbers the leaves 0..leaves-1 in the order of the nodes. */
void mnk_bintree_number_leaves(mnk_bintree *t);
/* Where a split sends the bins that no row of its node has (count 0): with the nearest bin that has rows in a column with an
 * order (the lower one of two as near), else, and "missing", to the side of more rows. Without this they would all go to the
 * side that a cut happens to call right, the one of the larger means: new combinations would drift there. */
void mnk_bintree_place_unseen(const mnk_codes *c, const uint32_t *count, uint64_t mask[4]);
/* Node where row `row` of bins[column*stride + row] ends. */
size_t mnk_bintree_find(const mnk_bintree *t, const uint8_t *bins, size_t stride, size_t row);

/* File: all trees in three vectors under name.* ; `count` trees. */
mnk_status mnk_bintrees_save(const mnk_bintree *trees, size_t count, mnk_tensors *file, mnk_error *err) MNK_CHECK;
/* Hostile: every child lies behind its parent, every column exists. */
mnk_status mnk_bintrees_open(const mnk_tensors_in *in, size_t columns, mnk_bintree **trees, size_t *count,
                             mnk_error *err) MNK_CHECK;
void mnk_bintrees_close(mnk_bintree *trees, size_t count);

/* ---- the two-class trees of an adversarial forest ---- */

typedef struct mnk_two_class { /* what a tree is grown from */
    const mnk_codebook *book;
    const uint8_t *bins; /* [column*stride + row] */
    size_t stride;
    const uint8_t *real; /* [row] 1 real, 0 synthetic */
    size_t columns;
    size_t try_columns;   /* looked at in each node */
    const double *appeal; /* [columns] > 0: how readily a column is looked at */
    size_t min_leaf;      /* rows of a leaf, and its real rows unless it has none */
    size_t max_leaves;
} mnk_two_class;

/* Grows a tree from the rows row[0..n-1] (reordered). Splits by Gini impurity, corrected for the number of cuts tried.
 * Dependence of two columns shows only after one of them is split on: where no split is better than chance, a column is cut in
 * half. */
mnk_status mnk_bintree_grow(const mnk_two_class *d, uint32_t *row, size_t n, mnk_rng *rng, mnk_bintree *out,
                            mnk_error *err) MNK_CHECK;

#endif
