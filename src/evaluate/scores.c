/* What arms predicted, kept on disk between the runs of a study. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/safetensors.h"
#include "evaluate/arms.h"

void mnk_scores_close(mnk_scores *s) {
    if (!s) return;
    for (int a = 0; a < MNK_ARMS; a++) mnk_free(s->test[a]);
    mnk_free(s->val);
    mnk_free(s->variety);
    mnk_free(s->absent);
    mnk_free(s->train_n);
    mnk_free(s);
}

mnk_status mnk_scores_save(const mnk_scores *s, const char *path, mnk_error *err) {
    enum { MOST = MNK_ARMS + 5 };
    mnk_st_tensor t[MOST];
    char names[MNK_ARMS][64];
    size_t n = 0;
    int64_t seeds = (int64_t)s->seeds, classes = s->classes, steps = (int64_t)s->steps;
    int64_t *absent = NULL; /* every tensor's bytes must be a multiple of 4 */
    t[n++] = (mnk_st_tensor){.name = "train_n", .dtype = MNK_I64, .rank = 1, .shape = {classes}, .data = s->train_n};
    t[n++] = (mnk_st_tensor){.name = "steps", .dtype = MNK_I64, .rank = 1, .shape = {1}, .data = &steps};
    if (s->variety)
        t[n++] = (mnk_st_tensor){.name = "variety", .dtype = MNK_F64, .rank = 1, .shape = {classes}, .data = s->variety};
    if (s->absent) {
        MNK_TRY(MNK_NEW(absent, (size_t)classes, err));
        for (int k = 0; k < s->classes; k++) absent[k] = s->absent[k];
        t[n++] = (mnk_st_tensor){.name = "absent", .dtype = MNK_I64, .rank = 1, .shape = {classes}, .data = absent};
    }
    if (s->val)
        t[n++] = (mnk_st_tensor){
            .name = "val", .dtype = MNK_F32, .rank = 3, .shape = {seeds, (int64_t)s->n_val, classes}, .data = s->val};
    for (int a = 0; a < MNK_ARMS; a++) {
        if (!s->test[a]) continue;
        snprintf(names[a], sizeof names[a], "test.%s", mnk_arms[a].name);
        t[n++] = (mnk_st_tensor){
            .name = names[a], .dtype = MNK_F32, .rank = 3, .shape = {seeds, (int64_t)s->n_test, classes}, .data = s->test[a]};
    }
    for (size_t i = 0; i < n; i++) {
        t[i].count = 1;
        for (int k = 0; k < t[i].rank; k++) t[i].count *= (size_t)t[i].shape[k];
    }
    mnk_st_meta meta[] = {{"format", "manikin-scores"}, {"format_version", "1"}};
    mnk_status status = mnk_st_write(path, true, t, n, meta, 2, err);
    mnk_free(absent);
    return status;
}

/* A copy of the tensor's bytes; *out NULL when the file has none of that name. */
static mnk_status take(const mnk_st *st, const char *path, const char *name, mnk_dtype dtype, int rank, const int64_t *shape,
                       size_t size, void *out, mnk_error *err) {
    const mnk_st_tensor *t = mnk_st_find(st, name);
    void *copy = NULL;
    if (!t) return MNK_OK;
    bool fits = t->dtype == dtype && t->rank == rank;
    for (int k = 0; fits && k < rank; k++) fits = t->shape[k] == shape[k];
    if (!fits) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: \"%s\" does not have the expected size", path, name);
    copy = mnk_alloc(t->count + 1, size);
    if (!copy) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the scores of %s", path);
    memcpy(copy, t->data, t->count * size);
    memcpy(out, &copy, sizeof copy);
    return MNK_OK;
}

static mnk_status read_all(const mnk_st *st, const char *path, mnk_scores *s, mnk_error *err) {
    const char *format = mnk_st_meta_get(st, "format");
    int64_t *steps = NULL, *absent = NULL, classes[1] = {s->classes}, one[1] = {1};
    mnk_status status = MNK_OK;
    if (!format || strcmp(format, "manikin-scores") != 0)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: not a file of manikin's scores", path);
    for (size_t i = 0; i < mnk_st_count(st); i++) { /* the number of seeds and of validation images, from any matrix */
        const mnk_st_tensor *t = mnk_st_at(st, i);
        if (t->rank == 3 && !strncmp(t->name, "test.", 5)) s->seeds = (size_t)t->shape[0];
        if (t->rank == 3 && !strcmp(t->name, "val")) s->n_val = (size_t)t->shape[1];
    }
    int64_t test[3] = {(int64_t)s->seeds, (int64_t)s->n_test, s->classes};
    int64_t val[3] = {(int64_t)s->seeds, (int64_t)s->n_val, s->classes};
    MNK_OUT(take(st, path, "train_n", MNK_I64, 1, classes, sizeof(int64_t), &s->train_n, err));
    MNK_OUT(take(st, path, "steps", MNK_I64, 1, one, sizeof(int64_t), &steps, err));
    MNK_OUT(take(st, path, "variety", MNK_F64, 1, classes, sizeof(double), &s->variety, err));
    MNK_OUT(take(st, path, "absent", MNK_I64, 1, classes, sizeof(int64_t), &absent, err));
    MNK_OUT(take(st, path, "val", MNK_F32, 3, val, sizeof(float), &s->val, err));
    for (int a = 0; a < MNK_ARMS; a++) {
        char name[64];
        snprintf(name, sizeof name, "test.%s", mnk_arms[a].name);
        MNK_OUT(take(st, path, name, MNK_F32, 3, test, sizeof(float), &s->test[a], err));
    }
    if (!s->train_n || !steps) MNK_OUT(MNK_FAIL(err, MNK_ERR_INPUT, "%s: scores without counts", path));
    s->steps = (size_t)*steps;
    if (absent) {
        MNK_OUT(MNK_NEW(s->absent, (size_t)s->classes, err));
        for (int k = 0; k < s->classes; k++) s->absent[k] = absent[k] != 0;
    }
out:
    mnk_free(steps);
    mnk_free(absent);
    return status;
}

mnk_status mnk_scores_open(const char *path, int classes, size_t n_test, mnk_scores **out, mnk_error *err) {
    mnk_st *st = NULL;
    mnk_scores *s = NULL;
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_OUT(mnk_st_open(path, &st, err));
    MNK_OUT(MNK_NEW(s, 1, err));
    s->classes = classes;
    s->n_test = n_test;
    MNK_OUT(read_all(st, path, s, err));
    *out = s;
    s = NULL;
out:
    mnk_st_close(st);
    mnk_scores_close(s);
    return status;
}
