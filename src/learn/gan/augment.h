/* Differentiable augmentation (Zhao et al. 2020, DiffAugment): what the discriminator sees of real and generated images.
 * Every kind is one row of a table with a draw, a forward pass and a backward pass. One draw serves all images of a pack:
 * with independent draws, copies of one picture look varied and the discriminator cannot see a collapse. */
#ifndef MNK_LEARN_GAN_AUGMENT_H
#define MNK_LEARN_GAN_AUGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

#define MNK_AUGMENT_MAX 8

typedef struct mnk_augment_list {
    int n;
    int kind[MNK_AUGMENT_MAX]; /* rows of the table, in the table's order */
} mnk_augment_list;

/* Reads "flip,rot90,…" or "none" (NULL too); unknown names are refused with the nearest. */
mnk_status mnk_augment_parse(const char *text, mnk_augment_list *out, mnk_error *err) MNK_CHECK;

/* The random choices for one pack. */
typedef struct mnk_augment_draw {
    bool on[MNK_AUGMENT_MAX];
    int turns;        /* quarter turns */
    int dx, dy;       /* translation in pixels */
    int cut_x, cut_y; /* centre of the square set to grey */
    float gain[3], bias[3];
    float stain[9], stain_bias[3]; /* optical density' = stain * density + stain_bias */
} mnk_augment_draw;

/* Each kind applies with probability p (times its own); height and width in pixels. */
void mnk_augment_draw_at(const mnk_augment_list *list, int channels, int height, int width, double p, mnk_rng *rng,
                         mnk_augment_draw *out);

typedef struct mnk_augment mnk_augment; /* the kinds, the image size and buffers */
mnk_status mnk_augment_open(const mnk_augment_list *list, int channels, int height, int width, mnk_augment **out,
                            mnk_error *err) MNK_CHECK;
void mnk_augment_close(mnk_augment *a);
size_t mnk_augment_bytes(int channels, int height, int width);

/* n images as planes [n][channels][height][width], image i under draws[i / pack]; x and y may not overlap.
 * Values stay of the order of [-1, 1] but are not clamped, so that gradients never vanish. */
void mnk_augment_forward(mnk_augment *a, const mnk_augment_draw *draws, size_t n, int pack, const float *x, float *y);
/* dx = (dy/dx)' dy at x; x is the input of the forward pass. */
void mnk_augment_backward(mnk_augment *a, const mnk_augment_draw *draws, size_t n, int pack, const float *x, const float *dy,
                          float *dx);

#endif
