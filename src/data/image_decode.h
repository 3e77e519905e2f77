/* Picture files to pixels: one table of drivers, chosen by the first bytes and never by the name. */
#ifndef MNK_DATA_IMAGE_DECODE_H
#define MNK_DATA_IMAGE_DECODE_H

#include <stddef.h>

#include "data/picture.h"

typedef struct mnk_image_driver {
    const char *name;       /* "PNG" */
    const char *extensions; /* ".png", or several with a space between */
    const char *magic[4];   /* first bytes, any of them; NULL ends */
    size_t magic_length;
    /* Width, height, channels and depth from the header alone. Messages begin with what is wrong. */
    mnk_status (*info)(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err);
    mnk_status (*decode)(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err);
} mnk_image_driver;

extern const mnk_image_driver mnk_driver_png, mnk_driver_jpeg, mnk_driver_tiff;

/* Is this a file name of a picture (by its ending)? */
bool mnk_image_name(const char *path);
/* 0-byte and foreign files are refused; an info'd picture has no pixels. */
mnk_status mnk_image_info(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) MNK_CHECK;
/* Result has 1 or 3 channels: opaque alpha is dropped. Release with mnk_picture_clear. */
mnk_status mnk_image_decode(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) MNK_CHECK;

#endif
