/* The user's own features from a .npy file. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/npy.h"
#include "evaluate/encoding.h"

typedef struct cursor {
    const uint8_t *bytes;
    size_t n, at;
    const char *name;
} cursor;

static mnk_status take(void *ctx, void *out, size_t n, mnk_error *err) {
    cursor *c = ctx;
    if (n > c->n - c->at) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: cut short after %zu bytes", c->name, c->n);
    memcpy(out, c->bytes + c->at, n);
    c->at += n;
    return MNK_OK;
}

mnk_status mnk_features_parse(const uint8_t *bytes, size_t n, const char *name, size_t rows, float **out, size_t *d,
                              mnk_error *err) {
    cursor c = {bytes, n, 0, name};
    mnk_npy a = {0};
    *out = NULL;
    MNK_TRY(mnk_npy_read_header(take, &c, &a, err));
    if (a.kind != 'f' || (a.item != 4 && a.item != 8) || a.rank != 2)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: features must be a two-dimensional array of float32 or float64", name);
    if (a.bytes > n - c.at)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: cut short: %zu of %zu bytes of data", name, n - c.at, a.bytes);
    if (a.shape[0] != rows)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: %zu rows of features for %zu images", name, a.shape[0], rows);
    if (a.shape[1] < 1 || a.shape[1] > 65536)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: %zu columns: must be 1 to 65536", name, a.shape[1]);
    float *x = NULL;
    MNK_TRY(MNK_NEW(x, a.count ? a.count : 1, err));
    for (size_t i = 0; i < a.count; i++) {
        double v = 0;
        if (a.item == 4) {
            float f;
            memcpy(&f, bytes + c.at + i * 4, 4);
            v = (double)f;
        } else {
            memcpy(&v, bytes + c.at + i * 8, 8);
        }
        x[i] = (float)v;
        if (!isfinite(x[i])) {
            mnk_free(x);
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: row %zu, column %zu is %s", name, i / a.shape[1], i % a.shape[1],
                            isnan(v) ? "not a number" : "not finite as a 32-bit number");
        }
    }
    *out = x;
    *d = a.shape[1];
    return MNK_OK;
}

mnk_status mnk_features_read(const char *path, size_t rows, float **out, size_t *d, mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    *out = NULL;
    MNK_TRY(mnk_file_read(path, (size_t)16 << 30, &bytes, &n, err));
    mnk_status status = mnk_features_parse(bytes, n, path, rows, out, d, err);
    mnk_free(bytes);
    return status;
}
