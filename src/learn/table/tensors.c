#include "learn/table/tensors.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const size_t size_of[] = {[MNK_F32] = 4, [MNK_F64] = 8, [MNK_I32] = 4, [MNK_I64] = 8, [MNK_U8] = 1};

mnk_status mnk_tensors_add(mnk_tensors *t, const char *name, mnk_dtype dtype, const void *data, size_t count, mnk_error *err) {
    char full[256];
    snprintf(full, sizeof full, "%s%s", t->prefix ? t->prefix : "", name);
    if ((t->n & (t->n - 1)) == 0) { /* grown at powers of two */
        mnk_st_tensor *more = mnk_realloc(t->at, t->n ? 2 * t->n : 1, sizeof *more);
        if (!more) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: list of tensors");
        t->at = more;
    }
    char *copy = mnk_strdup(full);
    if (!copy) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: list of tensors");
    t->at[t->n++] = (mnk_st_tensor){
        .name = copy, .dtype = dtype, .rank = 1, .shape = {(int64_t)count}, .count = count, .data = count ? data : ""};
    return MNK_OK;
}

mnk_status mnk_tensors_block(mnk_tensors *t, size_t count, size_t size, void **out, mnk_error *err) {
    *out = NULL;
    if (t->owns == sizeof t->owned / sizeof *t->owned) return MNK_FAIL(err, MNK_ERR_FAILED, "too many blocks in a model file");
    *out = mnk_alloc(count + 1, size);
    if (!*out) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: a model file");
    t->owned[t->owns++] = *out;
    return MNK_OK;
}

void mnk_tensors_align(mnk_tensors *t) {
    for (size_t i = 1; i < t->n; i++) { /* insertion sort: stable, and there are few */
        mnk_st_tensor x = t->at[i];
        size_t k = i;
        for (; k && size_of[t->at[k - 1].dtype] < size_of[x.dtype]; k--) t->at[k] = t->at[k - 1];
        t->at[k] = x;
    }
}

void mnk_tensors_clear(mnk_tensors *t) {
    for (size_t i = 0; i < t->n; i++) mnk_free((char *)t->at[i].name);
    for (size_t i = 0; i < t->owns; i++) mnk_free(t->owned[i]);
    mnk_free(t->at);
    *t = (mnk_tensors){0};
}

mnk_status mnk_tensors_damaged(const mnk_tensors_in *in, const char *what, mnk_error *err) {
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: %s", in->path, what);
    mnk_error_hint(err, "train it again, or fetch the file anew");
    return status;
}

mnk_status mnk_tensors_get(const mnk_tensors_in *in, const char *name, mnk_dtype dtype, size_t count, const void **data,
                           size_t *n, mnk_error *err) {
    char full[256], what[320];
    snprintf(full, sizeof full, "%s%s", in->prefix ? in->prefix : "", name);
    const mnk_st_tensor *t = mnk_st_find(in->st, full);
    snprintf(what, sizeof what, "its tensor %s is missing, or not what the settings promise", full);
    if (!t || t->dtype != dtype || (count != SIZE_MAX && t->count != count)) return mnk_tensors_damaged(in, what, err);
    *data = t->data;
    if (n) *n = t->count;
    return MNK_OK;
}

mnk_status mnk_tensors_copy(const mnk_tensors_in *in, const char *name, mnk_dtype dtype, size_t count, void **data, size_t *n,
                            mnk_error *err) {
    const void *from = NULL;
    size_t have = 0;
    MNK_TRY(mnk_tensors_get(in, name, dtype, count, &from, &have, err));
    *data = mnk_alloc(have + 1, size_of[dtype]);
    if (!*data) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %s", in->path);
    if (have) memcpy(*data, from, have * size_of[dtype]);
    if (n) *n = have;
    return MNK_OK;
}
