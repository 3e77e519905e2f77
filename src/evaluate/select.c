#include "evaluate/select.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { NEIGHBOUR = 3 };

static mnk_status confidence(mnk_classifier *c, const mnk_images *d, const int32_t *map, double *score, mnk_error *err) {
    size_t classes = (size_t)mnk_classifier_describe(c).classes;
    float *prob;
    MNK_TRY(MNK_NEW(prob, d->n * classes, err));
    mnk_status status = mnk_classifier_predict(c, d, prob, err);
    for (size_t i = 0; i < d->n && status == MNK_OK; i++) score[i] = prob[i * classes + (size_t)map[d->label[i]]];
    mnk_free(prob);
    return status;
}

/* ---- realism ---- */

typedef struct features {
    const mnk_images *images;
    const int32_t *map;
    float *x;
} features;

typedef struct realism {
    features real, synthetic;
    size_t dim;
    double *radius; /* [real] 0: does not count */
    double *score;  /* [synthetic] */
} realism;

static int32_t class_of(const features *f, size_t i) { return f->map[f->images->label[i]]; }

static double distance(const float *a, const float *b, size_t dim) {
    double sum = 0.0;
    for (size_t k = 0; k < dim; k++) sum += ((double)a[k] - b[k]) * ((double)a[k] - b[k]);
    return sqrt(sum);
}

/* Distance to the 3rd nearest other real image of the class (to the farthest where there are fewer). */
static void find_radius(void *ctx, size_t j) {
    realism *r = ctx;
    double near[NEIGHBOUR] = {INFINITY, INFINITY, INFINITY};
    for (size_t i = 0; i < r->real.images->n; i++) {
        if (i == j || class_of(&r->real, i) != class_of(&r->real, j)) continue;
        double d = distance(r->real.x + i * r->dim, r->real.x + j * r->dim, r->dim);
        for (int k = 0; k < NEIGHBOUR; k++)
            if (d < near[k]) {
                double t = near[k];
                near[k] = d, d = t;
            }
    }
    for (int k = 0; k < NEIGHBOUR; k++)
        if (isfinite(near[k])) r->radius[j] = near[k];
}

static void find_score(void *ctx, size_t i) {
    realism *r = ctx;
    for (size_t j = 0; j < r->real.images->n; j++) {
        if (r->radius[j] <= 0.0 || class_of(&r->real, j) != class_of(&r->synthetic, i)) continue;
        double d = distance(r->synthetic.x + i * r->dim, r->real.x + j * r->dim, r->dim);
        r->score[i] = fmax(r->score[i], r->radius[j] / fmax(d, 1e-12));
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Radii above the median of their class are set to 0: a lonely image's ball would take in everything. */
static mnk_status prune(realism *r, int classes, mnk_error *err) {
    double *sorted;
    MNK_TRY(MNK_NEW(sorted, r->real.images->n + 1, err));
    for (int k = 0; k < classes; k++) {
        size_t n = 0;
        for (size_t j = 0; j < r->real.images->n; j++)
            if (class_of(&r->real, j) == k) sorted[n++] = r->radius[j];
        if (!n) continue;
        qsort(sorted, n, sizeof *sorted, ascending);
        double median = sorted[(n - 1) / 2];
        for (size_t j = 0; j < r->real.images->n; j++)
            if (class_of(&r->real, j) == k && r->radius[j] > median) r->radius[j] = 0.0;
    }
    mnk_free(sorted);
    return MNK_OK;
}

static mnk_status realism_of(mnk_classifier *c, features real, features synthetic, double *score, mnk_error *err) {
    realism r = {.real = real, .synthetic = synthetic, .dim = (size_t)mnk_classifier_dim(c), .score = score};
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(r.real.x, real.images->n * r.dim, err));
    MNK_OUT(MNK_NEW(r.synthetic.x, synthetic.images->n * r.dim, err));
    MNK_OUT(MNK_NEW(r.radius, real.images->n, err));
    MNK_OUT(mnk_classifier_features(c, real.images, r.real.x, err));
    MNK_OUT(mnk_classifier_features(c, synthetic.images, r.synthetic.x, err));
    mnk_parallel_for(real.images->n, find_radius, &r);
    MNK_OUT(prune(&r, mnk_classifier_describe(c).classes, err));
    mnk_parallel_for(synthetic.images->n, find_score, &r);
out:
    mnk_free(r.real.x);
    mnk_free(r.synthetic.x);
    mnk_free(r.radius);
    return status;
}

/* ---- the best of each class ---- */

typedef struct scored {
    double score;
    size_t row;
} scored;

static int best_first(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static mnk_status keep_best(const mnk_images *d, const double *score, double share, size_t *rows, size_t *n, mnk_error *err) {
    scored *item;
    bool *kept;
    mnk_status status = MNK_NEW(item, d->n + 1, err);
    if (status == MNK_OK && (status = MNK_NEW(kept, d->n + 1, err)) == MNK_OK) {
        for (int k = 0; k < d->classes; k++) {
            size_t of_class = 0;
            for (size_t i = 0; i < d->n; i++)
                if (d->label[i] == k) item[of_class++] = (scored){score[i], i};
            qsort(item, of_class, sizeof *item, best_first);
            for (size_t i = 0; i < of_class && (double)i < share * (double)of_class; i++) kept[item[i].row] = true;
        }
        for (size_t i = 0; i < d->n; i++)
            if (kept[i]) rows[(*n)++] = i;
        mnk_free(kept);
    }
    mnk_free(item);
    return status;
}

mnk_status mnk_select_rows(mnk_select method, double share, mnk_classifier *c, const mnk_images *real, const int32_t *real_map,
                           const mnk_images *synthetic, const int32_t *synthetic_map, size_t **rows, size_t *n,
                           mnk_error *err) {
    mnk_status status = MNK_OK;
    double *score = NULL;
    *n = 0;
    MNK_TRY(MNK_NEW(*rows, synthetic->n + 1, err));
    MNK_OUT(MNK_NEW(score, synthetic->n + 1, err));
    if (method == MNK_SELECT_CONFIDENCE) MNK_OUT(confidence(c, synthetic, synthetic_map, score, err));
    if (method == MNK_SELECT_REALISM)
        MNK_OUT(realism_of(c, (features){real, real_map, NULL}, (features){synthetic, synthetic_map, NULL}, score, err));
    MNK_OUT(keep_best(synthetic, score, method == MNK_SELECT_ALL ? 1.0 : share, *rows, n, err));
out:
    mnk_free(score);
    if (status != MNK_OK) mnk_free(*rows), *rows = NULL;
    return status;
}
