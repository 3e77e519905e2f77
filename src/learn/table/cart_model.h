/* A model of sequential trees, as its files share it (cart.h says what it is). */
#ifndef MNK_LEARN_TABLE_CART_MODEL_H
#define MNK_LEARN_TABLE_CART_MODEL_H

#include "learn/table/cart.h"

#define MNK_CART_CLASSES 8 /* classes of the label at most, "missing" and all rarer levels among them */

typedef struct mnk_cart_leaves { /* shares of bins in each leaf of one column's tree */
    uint32_t *start;             /* [leaves + 1] */
    uint8_t *bin;
    float *share; /* of training rows, summed up within the leaf */
    float *tilt;  /* [classes*bins] factors on the shares, by class of the label (mnk_cart_tilt) */
} mnk_cart_leaves;

typedef struct mnk_cart {
    const mnk_schema *schema;
    mnk_codebook book;
    size_t columns;
    int32_t *order;        /* [columns] in which they are drawn */
    mnk_bintree *tree;     /* [columns], by column */
    mnk_cart_leaves *leaf; /* [columns] */
    /* classes of the label, from the codebook: the most frequent levels, or quarters of a number; class 0 is the rest */
    long label;
    size_t classes;
    uint8_t class_of[MNK_BINS]; /* [bins of the label] */
} mnk_cart;

/* Fills label, classes and class_of. Without a label there is one class. */
void mnk_cart_find_classes(mnk_cart *m);
/* Factors for drawing column c after the label was drawn as bin `label` (any, if there is none or it comes later). */
const float *mnk_cart_tilt(const mnk_cart *m, size_t c, uint8_t label);
/* The leaf of column c's tree that the bins bin[column*stride + row] lead to. */
static inline size_t mnk_cart_leaf(const mnk_cart *m, size_t c, const uint8_t *bin, size_t stride, size_t row) {
    return (size_t)m->tree[c].node[mnk_bintree_find(&m->tree[c], bin, stride, row)].left;
}

/* cart_rake.c: sets the tilts, so that rows drawn one column after the other have the table's shares, also by class of the
 * label. `bins` [column*n + row] are the training rows. */
mnk_status mnk_cart_rake(mnk_cart *m, const uint8_t *bins, size_t n, const mnk_fit_context *context, mnk_error *err) MNK_CHECK;
/* cart_draw.c */
mnk_status mnk_cart_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) MNK_CHECK;
/* cart_file.c */
mnk_status mnk_cart_save(const void *model, mnk_tensors *file, mnk_error *err) MNK_CHECK;
mnk_status mnk_cart_read(const mnk_tensors_in *in, mnk_cart *m, mnk_error *err) MNK_CHECK;

#endif
