#include "base/safetensors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

enum { MAX_HEADER = 16 << 20 };
static const size_t max_file_bytes = (size_t)8 << 30;

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [MNK_F32] = {"F32", 4}, [MNK_F64] = {"F64", 8}, [MNK_I32] = {"I32", 4}, [MNK_I64] = {"I64", 8}, [MNK_U8] = {"U8", 1}};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

/* ---- writing ---- */

static void write_header(mnk_text *text, const mnk_st_tensor *tensors, size_t n, const mnk_st_meta *meta, size_t n_meta) {
    mnk_json j = {.text = text, .compact = true};
    mnk_json_object(&j, NULL);
    if (n_meta) {
        mnk_json_object(&j, "__metadata__");
        for (size_t i = 0; i < n_meta; i++) mnk_json_string(&j, meta[i].key, meta[i].value ? meta[i].value : "");
        mnk_json_end_object(&j);
    }
    uint64_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t end = offset + tensors[i].count * dtypes[tensors[i].dtype].bytes;
        mnk_json_object(&j, tensors[i].name);
        mnk_json_string(&j, "dtype", dtypes[tensors[i].dtype].name);
        mnk_json_array(&j, "shape");
        for (int k = 0; k < tensors[i].rank; k++) mnk_json_int(&j, NULL, tensors[i].shape[k]);
        mnk_json_end_array(&j);
        mnk_json_array(&j, "data_offsets");
        mnk_json_uint(&j, NULL, offset);
        mnk_json_uint(&j, NULL, end);
        mnk_json_end_array(&j);
        mnk_json_end_object(&j);
        offset = end;
    }
    mnk_json_end_object(&j);
    while (!text->failed && text->n % 8 != 0) mnk_text_add(text, " "); /* tensors start aligned, as the format advises */
}

mnk_status mnk_st_write(const char *path, bool force, const mnk_st_tensor *tensors, size_t n, const mnk_st_meta *meta,
                        size_t n_meta, mnk_error *err) {
    mnk_text header = {0};
    write_header(&header, tensors, n, meta, n_meta);
    if (header.failed || header.n > MAX_HEADER) {
        mnk_text_clear(&header);
        return MNK_FAIL(err, MNK_ERR_FAILED, "%s: model header too large", path);
    }
    mnk_outfile *f = NULL;
    mnk_status status = mnk_outfile_open(path, force, &f, err);
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header.n >> (8 * i));
    if (status == MNK_OK) status = mnk_outfile_write(f, length, sizeof length, err);
    if (status == MNK_OK) status = mnk_outfile_write(f, header.s, header.n, err);
    for (size_t i = 0; i < n && status == MNK_OK; i++)
        status = mnk_outfile_write(f, tensors[i].data, tensors[i].count * dtypes[tensors[i].dtype].bytes, err);
    mnk_text_clear(&header);
    if (status != MNK_OK) {
        mnk_outfile_abort(f);
        return status;
    }
    return mnk_outfile_commit(f, err);
}

/* ---- reading ---- */

struct mnk_st {
    uint8_t *bytes; /* aligned copy of the tensor data */
    size_t n_bytes;
    mnk_st_tensor *tensor;
    size_t n;
    json_t *header; /* owns names and metadata */
};

void mnk_st_close(mnk_st *st) {
    if (!st) return;
    json_decref(st->header);
    mnk_free(st->tensor);
    mnk_free(st->bytes);
    mnk_free(st);
}

static mnk_status damaged(const char *file, const char *tensor, const char *why, mnk_error *err) {
    return tensor ? MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged model file: tensor %.80s: %s", file, tensor, why)
                  : MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged model file: %s", file, why);
}

static mnk_status parse_tensor(mnk_st *st, const char *file, const char *name, json_t *row, mnk_error *err) {
    mnk_st_tensor *t = &st->tensor[st->n];
    json_t *shape = json_object_get(row, "shape"), *offsets = json_object_get(row, "data_offsets");
    const char *dtype = json_string_value(json_object_get(row, "dtype"));
    if (!dtype || !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2 ||
        json_array_size(shape) > 8)
        return damaged(file, name, "needs dtype, shape (at most 8 numbers) and data_offsets", err);
    t->name = name;
    size_t d = 0;
    while (d < DTYPES && strcmp(dtype, dtypes[d].name) != 0) d++;
    if (d == DTYPES) return damaged(file, name, "unknown number type", err);
    t->dtype = (mnk_dtype)d;
    t->rank = (int)json_array_size(shape);
    t->count = 1;
    for (int k = 0; k < t->rank; k++) {
        json_t *v = json_array_get(shape, (size_t)k);
        t->shape[k] = json_integer_value(v);
        if (!json_is_integer(v) || t->shape[k] < 0 || mnk_mul_overflow(t->count, (size_t)t->shape[k], &t->count))
            return damaged(file, name, "impossible shape", err);
    }
    json_int_t begin = json_integer_value(json_array_get(offsets, 0)), end = json_integer_value(json_array_get(offsets, 1));
    size_t bytes = 0;
    if (begin < 0 || end < begin || (uint64_t)end > st->n_bytes)
        return damaged(file, name, "lies outside the file (cut short?)", err);
    if (mnk_mul_overflow(t->count, dtypes[d].bytes, &bytes) || bytes != (size_t)(end - begin))
        return damaged(file, name, "size and shape disagree", err);
    if ((size_t)begin % dtypes[d].bytes != 0) return damaged(file, name, "not aligned", err);
    t->data = st->bytes + begin;
    st->n++;
    return MNK_OK;
}

mnk_status mnk_st_parse(const uint8_t *bytes, size_t n, const char *file, mnk_st **out, mnk_error *err) {
    *out = NULL;
    uint64_t length = 0;
    if (n < 8) return damaged(file, NULL, "shorter than its header", err);
    for (int i = 0; i < 8; i++) length |= (uint64_t)bytes[i] << (8 * i);
    if (length > MAX_HEADER || length > n - 8)
        return damaged(file, NULL, "not a safetensors file, or cut short inside its header", err);
    mnk_st *st = mnk_alloc(1, sizeof *st);
    if (!st) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    st->n_bytes = n - 8 - (size_t)length;
    json_error_t where;
    mnk_status status = MNK_OK;
    st->header = json_loadb((const char *)bytes + 8, (size_t)length, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(st->header)) {
        status = damaged(file, NULL, "its header is not a JSON object", err);
        goto out;
    }
    st->tensor = mnk_alloc(json_object_size(st->header), sizeof *st->tensor);
    st->bytes = mnk_alloc_aligned(st->n_bytes, 1);
    if (!st->tensor || !st->bytes) {
        status = MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", file);
        goto out;
    }
    memcpy(st->bytes, bytes + 8 + length, st->n_bytes);
    const char *name;
    json_t *row;
    json_object_foreach(st->header, name, row) {
        if (strcmp(name, "__metadata__") != 0) MNK_OUT(parse_tensor(st, file, name, row, err));
    }
    *out = st;
    st = NULL;
out:
    mnk_st_close(st);
    return status;
}

mnk_status mnk_st_open(const char *path, mnk_st **out, mnk_error *err) {
    *out = NULL;
    uint8_t *bytes = NULL;
    size_t n = 0;
    MNK_TRY(mnk_file_read(path, max_file_bytes, &bytes, &n, err));
    mnk_status status = mnk_st_parse(bytes, n, path, out, err);
    mnk_free(bytes);
    return status;
}

size_t mnk_st_count(const mnk_st *st) { return st->n; }
const mnk_st_tensor *mnk_st_at(const mnk_st *st, size_t i) { return i < st->n ? &st->tensor[i] : NULL; }

const mnk_st_tensor *mnk_st_find(const mnk_st *st, const char *name) {
    for (size_t i = 0; i < st->n; i++)
        if (strcmp(st->tensor[i].name, name) == 0) return &st->tensor[i];
    return NULL;
}

const char *mnk_st_meta_get(const mnk_st *st, const char *key) {
    return json_string_value(json_object_get(json_object_get(st->header, "__metadata__"), key));
}

mnk_status mnk_st_require_model(const mnk_st *st, const char *path, const char *kind, mnk_error *err) {
    const char *format = mnk_st_meta_get(st, "format"), *version = mnk_st_meta_get(st, "format_version");
    const char *have = mnk_st_meta_get(st, "kind");
    if (!format || strcmp(format, "manikin-model") != 0 || !version || !have)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: a safetensors file, but not a manikin model", path);
    long number = strtol(version, NULL, 10);
    if (number > MNK_MODEL_FORMAT_VERSION) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_VERSION, "%s: model format %ld, but this manikin reads up to %d", path,
                                     number, MNK_MODEL_FORMAT_VERSION);
        mnk_error_hint(err, "use the manikin that wrote it (%.40s) or a newer one",
                       mnk_st_meta_get(st, "manikin_version") ? mnk_st_meta_get(st, "manikin_version") : "unknown version");
        return status;
    }
    if (kind && strcmp(kind, have) != 0)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: holds a %.40s, but a %s is needed here", path, have, kind);
    return MNK_OK;
}
