/* Small images that a small classifier can tell apart. */
#ifndef MNK_TESTS_TEXTURES_H
#define MNK_TESTS_TEXTURES_H

#include "manikin/dataset.h"

/* Textures that survive flips and turns: class k is a grating of period 2 << k in both directions, plus noise. With
 * `signal` 0 the label says nothing about the pixels. */
mnk_images *textures(size_t n, int size, int channels, int classes, double signal, uint64_t seed);

#endif
