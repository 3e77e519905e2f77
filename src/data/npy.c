/* NumPy's format description, numpy.lib.format (NEP 1): "\x93NUMPY", version, header length, then a Python dictionary with
 * 'descr', 'fortran_order' and 'shape'. Only that subset of Python is understood. */
#include "data/npy.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

typedef struct cursor {
    const char *p, *end;
} cursor;

static void skip_space(cursor *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r')) c->p++;
}

static bool take(cursor *c, char what) {
    skip_space(c);
    if (c->p == c->end || *c->p != what) return false;
    c->p++;
    return true;
}

static bool take_word(cursor *c, const char *word) {
    size_t n = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0) return false;
    c->p += n;
    return true;
}

/* 'text' or "text" without escapes. */
static bool take_string(cursor *c, char *out, size_t size) {
    skip_space(c);
    if (c->p == c->end || (*c->p != '\'' && *c->p != '"')) return false;
    char quote = *c->p++;
    const char *start = c->p;
    while (c->p < c->end && *c->p != quote) c->p++;
    size_t n = (size_t)(c->p - start);
    if (c->p == c->end || n >= size) return false;
    c->p++;
    memcpy(out, start, n);
    out[n] = '\0';
    return true;
}

static bool take_number(cursor *c, size_t *out) {
    skip_space(c);
    size_t value = 0;
    const char *start = c->p;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
        if (mnk_mul_overflow(value, 10, &value) || mnk_add_overflow(value, (size_t)(*c->p - '0'), &value)) return false;
    *out = value;
    if (c->p < c->end && *c->p == 'L') c->p++; /* Python 2 longs */
    return c->p > start;
}

static bool take_shape(cursor *c, mnk_npy *a) {
    if (!take(c, '(')) return false;
    while (!take(c, ')')) {
        if (a->rank == 8 || !take_number(c, &a->shape[a->rank++])) return false;
        if (!take(c, ',')) return take(c, ')');
    }
    return true;
}

static mnk_status set_type(const char *descr, mnk_npy *a, mnk_error *err) {
    char order = descr[0];
    const char *p = descr + 1;
    size_t size = 0;
    if (order && *p) {
        a->kind = *p++;
        for (; *p >= '0' && *p <= '9' && size < 1000000; p++) size = size * 10 + (size_t)(*p - '0');
    }
    if (order == '>' && size > 1)
        return MNK_FAIL(err, MNK_ERR_INPUT, "big-endian array (%s); save it little-endian: a.astype('<%s')", descr, descr + 1);
    bool known = (order == '<' || order == '|' || order == '=' || order == '>') && *p == '\0' && size > 0;
    bool number = strchr("ui", a->kind) && (size == 1 || size == 2 || size == 4 || size == 8);
    bool real = a->kind == 'f' && (size == 2 || size == 4 || size == 8);
    bool text = (a->kind == 'U' || a->kind == 'S') && size <= 4096;
    if (!known || !a->kind || !(number || real || text || (a->kind == 'b' && size == 1)))
        return MNK_FAIL(err, MNK_ERR_INPUT, "array of type '%s'; integers, floats and text are read", descr);
    a->item = a->kind == 'U' ? size * 4 : size;
    return MNK_OK;
}

mnk_status mnk_npy_parse(const char *text, size_t n, mnk_npy *out, mnk_error *err) {
    *out = (mnk_npy){0};
    cursor c = {text, text + n};
    char key[32], descr[64] = "";
    bool shape = false, order = false;
    if (!take(&c, '{')) return MNK_FAIL(err, MNK_ERR_INPUT, "damaged array header");
    while (!take(&c, '}')) {
        bool ok = take_string(&c, key, sizeof key) && take(&c, ':');
        if (ok && !strcmp(key, "descr")) {
            skip_space(&c);
            if (c.p < c.end && *c.p == '[') return MNK_FAIL(err, MNK_ERR_INPUT, "a structured array; plain arrays are read");
            ok = !descr[0] && take_string(&c, descr, sizeof descr);
        } else if (ok && !strcmp(key, "fortran_order")) {
            if (take_word(&c, "True"))
                return MNK_FAIL(err, MNK_ERR_INPUT, "array in Fortran order; save it with numpy.ascontiguousarray");
            ok = !order && (order = take_word(&c, "False"));
        } else if (ok && !strcmp(key, "shape")) {
            ok = !shape && (shape = take_shape(&c, out));
        } else {
            ok = false;
        }
        if (!ok) return MNK_FAIL(err, MNK_ERR_INPUT, "damaged array header");
        if (!take(&c, ',')) {
            if (!take(&c, '}')) return MNK_FAIL(err, MNK_ERR_INPUT, "damaged array header");
            break;
        }
    }
    if (!descr[0] || !order || !shape)
        return MNK_FAIL(err, MNK_ERR_INPUT, "damaged array header: descr, fortran_order or shape is missing");
    MNK_TRY(set_type(descr, out, err));
    out->count = 1;
    for (int i = 0; i < out->rank; i++)
        if (mnk_mul_overflow(out->count, out->shape[i], &out->count))
            return MNK_FAIL(err, MNK_ERR_INPUT, "array with an impossible shape: its size overflows");
    if (mnk_mul_overflow(out->count, out->item, &out->bytes) || out->bytes > (size_t)INT64_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "array with an impossible shape: its size overflows");
    return MNK_OK;
}

mnk_status mnk_npy_read_header(mnk_status (*read)(void *ctx, void *bytes, size_t n, mnk_error *err), void *ctx, mnk_npy *out,
                               mnk_error *err) {
    uint8_t start[8], length[4] = {0};
    *out = (mnk_npy){0};
    MNK_TRY(read(ctx, start, sizeof start, err));
    if (memcmp(start, "\x93NUMPY", 6) != 0) return MNK_FAIL(err, MNK_ERR_INPUT, "not a .npy array");
    if (start[6] < 1 || start[6] > 3)
        return MNK_FAIL(err, start[6] > 3 ? MNK_ERR_VERSION : MNK_ERR_INPUT, ".npy version %d; versions 1 to 3 are read",
                        start[6]);
    MNK_TRY(read(ctx, length, start[6] == 1 ? 2 : 4, err));
    size_t n = length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
    if (n > MNK_NPY_HEADER_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "array header of %zu bytes; at most %d are read", n, MNK_NPY_HEADER_MAX);
    char *text = NULL;
    MNK_TRY(MNK_NEW(text, n + 1, err));
    mnk_status status = read(ctx, text, n, err);
    if (status == MNK_OK) status = mnk_npy_parse(text, n, out, err);
    mnk_free(text);
    return status;
}

size_t mnk_npy_header(char out[256], const char *descr, int rank, const size_t *shape) {
    char dict[200];
    int n = snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < rank; i++)
        n += snprintf(dict + n, sizeof dict - (size_t)n, i + 1 < rank || rank == 1 ? "%zu, " : "%zu", shape[i]);
    if (rank == 1) n--; /* "(5,)" as numpy writes it */
    n += snprintf(dict + n, sizeof dict - (size_t)n, "), }");
    size_t total = (10 + (size_t)n + 1 + 63) / 64 * 64, text = total - 10;
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)(text & 0xff);
    out[9] = (char)(text >> 8);
    memset(out + 10, ' ', text);
    memcpy(out + 10, dict, (size_t)n);
    out[total - 1] = '\n';
    return total;
}

int64_t mnk_npy_int(const mnk_npy *a, const void *items, size_t i) {
    const uint8_t *p = (const uint8_t *)items + i * a->item;
    uint64_t v = 0;
    for (size_t k = 0; k < a->item; k++) v |= (uint64_t)p[k] << (8 * k);
    if (a->kind == 'i') {
        unsigned shift = 64 - 8 * (unsigned)a->item;
        return (int64_t)(v << shift) >> shift;
    }
    return v > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)v;
}
