/* What the three picture targets share: info and decode must agree, and every pixel promised must be there. */
#ifndef MNK_FUZZ_PICTURE_TARGET_H
#define MNK_FUZZ_PICTURE_TARGET_H

#include <stdlib.h>

#include "data/image_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline int fuzz_picture(const mnk_image_driver *driver, const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_picture head = {0}, p = {0};
    if (driver->info(data, size, &head, &err) != MNK_OK) {
        if (!err.message[0]) abort();
        return 0;
    }
    if ((size_t)head.width * (size_t)head.height > 1 << 20) return 0; /* allowed, but slow to fuzz */
    if (driver->decode(data, size, &p, &err) != MNK_OK) {
        if (!err.message[0] || p.pixels) abort();
        return 0;
    }
    if (p.width != head.width || p.height != head.height || p.channels != head.channels || p.depth != head.depth) abort();
    volatile unsigned sum = 0;
    size_t n = (size_t)p.width * (size_t)p.height * (size_t)p.channels * (p.depth == 16 ? 2 : 1);
    for (size_t i = 0; i < n; i++) sum += ((uint8_t *)p.pixels)[i];
    if (mnk_picture_drop_alpha(&p, &err) == MNK_OK && (p.channels == 1 || p.channels == 3)) {
        static uint16_t out[9 * 9 * 3];
        if (p.width < 512 && p.height < 512 && mnk_picture_fit(&p, 9, 9, 3, 16, out, &err) != MNK_OK) abort();
    }
    mnk_picture_clear(&p);
    return 0;
}

#endif
