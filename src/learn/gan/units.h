/* What a private run clips: units, each a pack of persons, and which of a person's images stands for the person in a step.
 * Everything here follows from who is in which class and from the seed; no pixel is looked at. A draw for one person depends on
 * nothing about the others, so that exchanging or leaving out a person changes that person's unit alone. */
#ifndef MNK_LEARN_GAN_UNITS_H
#define MNK_LEARN_GAN_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "manikin/dataset.h"

typedef struct mnk_gan_units {
    size_t n, pack; /* units, persons in each */
    size_t *person; /* [n][pack] */
    size_t persons; /* all, those left over from packing too */
    size_t *first;  /* [persons + 1] into image */
    size_t *image;  /* image numbers of data, person after person */
    uint64_t seed;
} mnk_gan_units;

/* Persons are the groups of `data` (an image without one is a person of its own). pack 1: every person is a unit, with all
 * images. Otherwise a person belongs to the class of one image drawn from theirs and keeps the images of that class; the
 * persons of each class are shuffled and cut into packs; the rest, fewer than a pack a class, take no part. */
mnk_status mnk_gan_units_open(const mnk_images *data, size_t pack, uint64_t seed, mnk_gan_units *out, mnk_error *err) MNK_CHECK;
void mnk_gan_units_close(mnk_gan_units *u);

/* The image of the k-th person of a unit at a step: any of theirs, equally likely. */
size_t mnk_gan_units_image(const mnk_gan_units *u, size_t unit, size_t k, uint64_t step);

#endif
