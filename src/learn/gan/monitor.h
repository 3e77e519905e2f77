/* Watching a run: variety inside each class, the discriminator's balance, and the sentences that say what to try. */
#ifndef MNK_LEARN_GAN_MONITOR_H
#define MNK_LEARN_GAN_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "manikin/error.h"

/* Mean over pixels of the standard deviation over images (n - 1). Images are added one by one. */
typedef struct mnk_gan_spread {
    size_t n, volume;
    double *sum, *square; /* [volume] */
} mnk_gan_spread;

mnk_status mnk_gan_spread_open(size_t volume, mnk_gan_spread *out, mnk_error *err) MNK_CHECK;
void mnk_gan_spread_close(mnk_gan_spread *s);
void mnk_gan_spread_add(mnk_gan_spread *s, const float *image);
double mnk_gan_spread_value(const mnk_gan_spread *s); /* NaN with fewer than two images */
void mnk_gan_spread_reset(mnk_gan_spread *s);

/* Over the classes that have one; NaN when none has. */
double mnk_gan_mean_variety(const double *variety, int classes);

/* Which warnings are standing, so that each is said once and again only after it went away. */
typedef struct mnk_gan_watch {
    bool collapsed, powerless, overpowering, fallen;
    double peak_variety; /* largest mean variety seen, at most 1 */
} mnk_gan_watch;

typedef struct mnk_gan_signs {
    double kimg;
    const double *variety; /* [classes] generated spread / training spread; NaN where not estimable */
    const char *const *class_names;
    int classes;
    double d_loss, powerless_loss; /* smoothed; the loss of a discriminator that tells nothing */
    int pack;
} mnk_gan_signs;

/* Below this share of the training variety a class counts as collapsed; collapsed pilots stood at 0.2-0.4, sound ones
 * above 0.95 (docs/methods/gan.md). */
#define MNK_GAN_COLLAPSED 0.5
/* The mean over classes counts as falling below this share of the largest seen; a sound run stays within 0.05. */
#define MNK_GAN_FALLEN 0.85
/* Nothing is said before this many kimg: every run starts without variety and with an ignorant discriminator. */
#define MNK_GAN_QUIET_KIMG 40.0

#define MNK_GAN_WARNINGS_MAX 4
/* Writes up to `max` warnings (new ones only) and returns how many. */
int mnk_gan_warnings(mnk_gan_watch *watch, const mnk_gan_signs *signs, char (*out)[512], int max);

#endif
