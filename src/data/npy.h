/* The header of a .npy array: versions 1 to 3, C order, little-endian or single-byte types. */
#ifndef MNK_DATA_NPY_H
#define MNK_DATA_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct mnk_npy {
    char kind;   /* 'u', 'i', 'b' bool, 'f', 'U' UCS-4 text, 'S' bytes */
    size_t item; /* bytes of one item */
    int rank;    /* 0 to 8 */
    size_t shape[8];
    size_t count; /* items, product of shape */
    size_t bytes; /* count * item, checked */
} mnk_npy;

#define MNK_NPY_HEADER_MAX 65536

/* `read(ctx, bytes, n, err)` delivers exactly n bytes. Afterwards the stream stands at the first item. */
mnk_status mnk_npy_read_header(mnk_status (*read)(void *ctx, void *bytes, size_t n, mnk_error *err), void *ctx, mnk_npy *out,
                               mnk_error *err) MNK_CHECK;
/* Text of a header (the dictionary) alone. */
mnk_status mnk_npy_parse(const char *text, size_t n, mnk_npy *out, mnk_error *err) MNK_CHECK;
/* A complete version-1 header for a C-order array, padded to 64 bytes; `descr` like "|u1". Returns its length. */
size_t mnk_npy_header(char out[256], const char *descr, int rank, const size_t *shape);
/* Item i of an integer or bool array held in memory; unsigned values beyond INT64_MAX saturate. */
int64_t mnk_npy_int(const mnk_npy *a, const void *items, size_t i);

#endif
