/* What a score means: the scores of unseen real pictures, by class. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manikin/copies.h"

typedef struct scored {
    float score;
    int32_t group;
} scored;

static int by_group(const void *a, const void *b) {
    const scored *x = a, *y = b;
    return (x->group > y->group) - (x->group < y->group);
}

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Groups among n items, those without a group counted one by one. */
static size_t count_independent(scored *x, size_t n) {
    size_t k = 0;
    qsort(x, n, sizeof *x, by_group);
    for (size_t i = 0; i < n; i++) k += x[i].group < 0 || i == 0 || x[i].group != x[i - 1].group;
    return k;
}

static mnk_status fill(const scored *all, size_t n, scored *work, mnk_copy_null_class *out, mnk_error *err) {
    MNK_TRY(MNK_NEW(out->score, n ? n : 1, err));
    out->n = n;
    memcpy(work, all, n * sizeof *work);
    out->independent = count_independent(work, n);
    for (size_t i = 0; i < n; i++) out->score[i] = all[i].score;
    qsort(out->score, n, sizeof *out->score, ascending);
    return MNK_OK;
}

mnk_status mnk_copy_null_make(const float *score, const int32_t *label, const int32_t *group, size_t n, int classes,
                              mnk_copy_null *out, mnk_error *err) {
    scored *some = NULL, *work = NULL;
    mnk_status status = MNK_OK;
    *out = (mnk_copy_null){.classes = classes};
    MNK_OUT(MNK_NEW(out->of, classes > 0 ? (size_t)classes : 1, err));
    MNK_OUT(MNK_NEW(some, n ? n : 1, err));
    MNK_OUT(MNK_NEW(work, n ? n : 1, err));
    for (int c = 0; c < classes; c++) {
        size_t own = 0, all = 0;
        for (size_t i = 0; i < n; i++) own += isfinite(score[i]) && label[i] == c;
        out->of[c].is_pooled = own < MNK_COPY_NULL_FEWEST;
        for (size_t i = 0; i < n; i++)
            if (isfinite(score[i]) && (out->of[c].is_pooled || label[i] == c))
                some[all++] = (scored){score[i], group ? group[i] : -1};
        MNK_OUT(fill(some, all, work, &out->of[c], err));
    }
out:
    mnk_free(some);
    mnk_free(work);
    if (status != MNK_OK) mnk_copy_null_close(out);
    return status;
}

void mnk_copy_null_close(mnk_copy_null *null) {
    if (!null) return;
    for (int c = 0; null->of && c < null->classes; c++) mnk_free(null->of[c].score);
    mnk_free(null->of);
    *null = (mnk_copy_null){0};
}

double mnk_copy_null_p(const mnk_copy_null *null, int label, double score) {
    const mnk_copy_null_class *c = &null->of[label];
    size_t lo = 0, hi = c->n;
    while (lo < hi) { /* number of scores <= score */
        const size_t mid = (lo + hi) / 2;
        if ((double)c->score[mid] <= score) lo = mid + 1;
        else hi = mid;
    }
    return c->n ? (1 + (double)lo) / ((double)c->n + 1) : 1;
}

mnk_copy_threshold mnk_copy_null_threshold(const mnk_copy_null *null, int label, double share) {
    const mnk_copy_null_class *c = &null->of[label];
    if (!c->n) return (mnk_copy_threshold){.score = -1, .is_pooled = true};
    const double n = (double)c->n, all = (double)c->independent + 1;
    const double k = fmin(n, fmax(1, floor(share * (n + 1)))), p = k / (n + 1);
    return (mnk_copy_threshold){.score = (double)c->score[(size_t)k - 1],
                                .expected = p,
                                .variance = p * (1 - p) / (all + 1),
                                .is_pooled = c->is_pooled};
}
