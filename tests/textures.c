#include "textures.h"

#include "test.h"

#include <math.h>

#include "base/rng.h"

mnk_images *textures(size_t n, int size, int channels, int classes, double signal, uint64_t seed) {
    static const char *const names[] = {"fine", "middle", "coarse"};
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = NULL;
    assert_ok(mnk_images_new(n, size, size, channels, classes, names, &d, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_TEST, i, 0);
        int k = (int)(i % (size_t)classes), step = 1 << k, phase = (int)mnk_rng_below(&rng, 8);
        d->label[i] = k;
        for (int p = 0; p < size * size; p++) {
            int bit = ((p / size + phase) / step + (p % size + phase) / step) % 2;
            for (int c = 0; c < channels; c++) {
                double v = 128 + signal * (bit ? 60 : -60) + 25 * mnk_rng_normal(&rng);
                d->pixels8[((size_t)i * (size_t)(size * size) + (size_t)p) * (size_t)channels + (size_t)c] =
                    (uint8_t)fmin(255, fmax(0, v));
            }
        }
    }
    mnk_images_rehash(d);
    return d;
}
