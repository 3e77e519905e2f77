#include "evaluate/variety.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"

mnk_status mnk_within_class_spread(const mnk_images *d, const int32_t *label, int classes, double *spread, mnk_error *err) {
    const size_t values = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    double *mean = NULL;
    float *x = NULL;
    size_t *count = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(mean, values * (size_t)classes, err));
    MNK_OUT(MNK_NEW(x, values, err));
    MNK_OUT(MNK_NEW(count, (size_t)classes, err));
    for (size_t i = 0; i < d->n; i++) {
        double *m = mean + (size_t)label[i] * values;
        mnk_images_f32(d, i, x);
        count[label[i]]++;
        for (size_t p = 0; p < values; p++) m[p] += (double)x[p];
    }
    for (int c = 0; c < classes; c++)
        for (size_t p = 0; p < values && count[c]; p++) mean[(size_t)c * values + p] /= (double)count[c];
    for (size_t i = 0; i < d->n; i++) {
        const double *m = mean + (size_t)label[i] * values, n = (double)count[label[i]];
        double sum = 0;
        mnk_images_f32(d, i, x);
        for (size_t p = 0; p < values; p++) {
            const double t = ((double)x[p] - m[p]) * 0.5; /* from [-1, 1] to [0, 1] */
            sum += t * t;
        }
        spread[i] = n > 1 ? sum / (double)values * n / (n - 1) : 0;
    }
out:
    mnk_free(mean);
    mnk_free(x);
    mnk_free(count);
    return status;
}

typedef struct side_ctx {
    const mnk_spread *s;
    const uint8_t *use; /* [classes] */
    int classes;
} side_ctx;

/* Mean over the used classes of their weighted means. */
static double side_value(const side_ctx *c, const uint32_t *times) {
    enum { ON_STACK = 64 };
    double stack[2 * ON_STACK] = {0}, *sum = c->classes <= ON_STACK ? stack : mnk_alloc(2 * (size_t)c->classes, sizeof *sum),
                     total = 0;
    int used = 0;
    if (!sum) return NAN;
    double *weight = sum + c->classes;
    for (size_t i = 0; i < c->s->n; i++) {
        const double w = times ? times[i] : 1;
        sum[c->s->label[i]] += w * c->s->spread[i];
        weight[c->s->label[i]] += w;
    }
    for (int k = 0; k < c->classes; k++)
        if (c->use[k] && weight[k] > 0) total += sum[k] / weight[k], used++;
    if (sum != stack) mnk_free(sum);
    return used ? total / used : NAN;
}

static void replicate(void *ctx, const uint32_t *times, double *out) { *out = side_value(ctx, times); }

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static mnk_status ratio(const mnk_spread *a, const mnk_spread *b, int classes, size_t replicates, uint64_t seed, double level,
                        double *value, double *low, double *high, mnk_error *err) {
    const mnk_spread *sides[2] = {a, b};
    uint8_t *use = NULL;
    double *draws = NULL, unused_low = 0, unused_high = 0;
    size_t *count = NULL, any = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(use, (size_t)classes, err));
    MNK_OUT(MNK_NEW(count, 2 * (size_t)classes, err));
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < sides[s]->n; i++) count[s * classes + sides[s]->label[i]]++;
    for (int k = 0; k < classes; k++) {
        use[k] = count[k] > 1 && count[classes + k] > 1;
        any += use[k];
    }
    side_ctx ca = {a, use, classes}, cb = {b, use, classes};
    *value = any ? sqrt(side_value(&cb, NULL) / side_value(&ca, NULL)) : NAN;
    if (!low || !high || !replicates || !any || !isfinite(*value)) goto out;
    MNK_OUT(MNK_NEW(draws, 2 * replicates, err));
    mnk_bootstrap plan = {.units = a->n, .stratum = a->label, .strata = classes, .replicates = replicates, .seed = seed};
    MNK_OUT(mnk_bootstrap_run(&plan, 1, replicate, &ca, level, draws, &unused_low, &unused_high, err));
    plan.units = b->n, plan.stratum = b->label, plan.seed = seed + 1;
    MNK_OUT(mnk_bootstrap_run(&plan, 1, replicate, &cb, level, draws + replicates, &unused_low, &unused_high, err));
    for (size_t r = 0; r < replicates; r++) draws[r] = sqrt(draws[replicates + r] / draws[r]);
    qsort(draws, replicates, sizeof *draws, ascending);
    *low = mnk_quantile_sorted(draws, replicates, (1 - level) / 2);
    *high = mnk_quantile_sorted(draws, replicates, (1 + level) / 2);
out:
    mnk_free(use);
    mnk_free(draws);
    mnk_free(count);
    return status;
}

/* The items of one class, as class 0. The arrays are the caller's to free. */
static mnk_status keep_class(const mnk_spread *s, int only, double **spread, int32_t **label, mnk_spread *out, mnk_error *err) {
    MNK_TRY(MNK_NEW(*spread, s->n ? s->n : 1, err));
    MNK_TRY(MNK_NEW(*label, s->n ? s->n : 1, err));
    *out = (mnk_spread){*spread, *label, 0};
    for (size_t i = 0; i < s->n; i++)
        if (s->label[i] == only) (*spread)[out->n++] = s->spread[i];
    return MNK_OK;
}

mnk_status mnk_spread_ratio(const mnk_spread *a, const mnk_spread *b, int classes, int only, size_t replicates, uint64_t seed,
                            double level, double *value, double *low, double *high, mnk_error *err) {
    if (only < 0) return ratio(a, b, classes, replicates, seed, level, value, low, high, err);
    double *spread[2] = {NULL, NULL};
    int32_t *label[2] = {NULL, NULL};
    mnk_spread one[2];
    mnk_status status = keep_class(a, only, &spread[0], &label[0], &one[0], err);
    if (status == MNK_OK) status = keep_class(b, only, &spread[1], &label[1], &one[1], err);
    if (status == MNK_OK) status = ratio(&one[0], &one[1], 1, replicates, seed, level, value, low, high, err);
    for (int k = 0; k < 2; k++) {
        mnk_free(spread[k]);
        mnk_free(label[k]);
    }
    return status;
}
