/* How like the training images of its class a class's samples are, in a small fixed encoding: what chooses the snapshot that
 * is kept. It sees variety, because spreads are compared besides means; it costs a few microseconds an image, so that every
 * snapshot can afford it; and it is no judge: judges are in evaluate/. Formula in docs/methods/gan.md. */
#ifndef MNK_LEARN_GAN_LIKENESS_H
#define MNK_LEARN_GAN_LIKENESS_H

#include "learn/gan/config.h"

enum { MNK_GAN_LIKENESS_AXES = 32, MNK_GAN_LIKENESS_IMAGES = 512, MNK_GAN_LIKENESS_TOTAL = 65536 };

typedef struct mnk_gan_likeness mnk_gan_likeness;

/* Encodes at most MNK_GAN_LIKENESS_IMAGES training images a class (evenly spaced ones; over all classes at most about
 * MNK_GAN_LIKENESS_TOTAL). `plane(ctx, i, image)` gives training image i as inner planes in [-1, 1]. */
mnk_status mnk_gan_likeness_open(const mnk_images *data, const mnk_gan_shape *shape,
                                 void (*plane)(void *ctx, size_t i, float *image), void *ctx, mnk_gan_likeness **out,
                                 mnk_error *err) MNK_CHECK;
void mnk_gan_likeness_close(mnk_gan_likeness *l);
/* Bytes that opening takes at its height. */
size_t mnk_gan_likeness_bytes(size_t images, const mnk_gan_shape *shape);

/* Samples of one class are added one by one (inner planes), then asked about, then forgotten. */
void mnk_gan_likeness_reset(mnk_gan_likeness *l);
void mnk_gan_likeness_add(mnk_gan_likeness *l, const float *image);
/* Mean over axes of (difference of means)^2 + (difference of standard deviations)^2, in units of the training images' spread
 * within classes; 0 is perfect, 1 is what a single repeated picture at the class mean gets. NaN with fewer than two samples, or
 * where train is too small to tell (fewer than two images of the class, fewer than eight more than classes in all). */
double mnk_gan_likeness_distance(const mnk_gan_likeness *l, int label);

#endif
