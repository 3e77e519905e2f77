/* Small files made for the tests of the image readers, by the libraries themselves. Callers release with free(). */
#ifndef MNK_TESTS_PICTURES_H
#define MNK_TESTS_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test_bytes {
    uint8_t *p;
    size_t n;
} test_bytes;

/* Deterministic content: value (x, y, c) of picture `seed`. */
uint16_t test_value(unsigned seed, int x, int y, int c, int depth);

/* colour_type of the PNG standard (0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA), depth 8 or 16 (palette: 8). */
test_bytes test_png(unsigned seed, int width, int height, int colour_type, int depth, int alpha);
test_bytes test_jpeg(unsigned seed, int width, int height, int channels, int quality, bool progressive);

typedef struct test_tiff_kind {
    int channels, depth, compression; /* libtiff's COMPRESSION_ number */
    bool tiled, planes, white_is_zero, palette, big_endian, two_pages;
    int format; /* SAMPLEFORMAT_; 0: unsigned */
} test_tiff_kind;
test_bytes test_tiff(unsigned seed, int width, int height, const test_tiff_kind *kind);

/* A zip archive of stored members; crc computed unless the caller spoils it afterwards. */
typedef struct test_member {
    const char *name;
    const void *bytes;
    size_t n;
    bool deflated;
} test_member;
test_bytes test_zip(const test_member *members, int n);
/* A .npy array: header for descr ("|u1") and shape text ("(2, 3)"), then n bytes. */
test_bytes test_npy(const char *descr, const char *shape, const void *items, size_t n);
/* A tar archive of these members; long names as pax or GNU headers. */
typedef enum test_tar_style { TEST_TAR_PLAIN, TEST_TAR_PAX, TEST_TAR_GNU } test_tar_style;
test_bytes test_tar(const test_member *members, int n, test_tar_style style);

/* Writes a file (folders are made), failing the test when it cannot. */
void test_put(const char *folder, const char *name, const void *bytes, size_t n);

#endif
