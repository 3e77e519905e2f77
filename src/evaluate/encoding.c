#include "evaluate/encoding.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/scatter.h"
#include "math/linalg.h"

enum {
    MOMENT_DIM = 64,  /* frechet_distance and kid */
    NEAR_DIM = 16,    /* neighbours in scattering: 64 leave nothing alive at the quality of small GANs */
    FIT_ITEMS = 5000, /* principal components are fitted on at most this many of train */
    PIXEL_SIDE = 32,
    BLOCK = 1024
};

typedef mnk_status encode_f(const mnk_sets *s, const mnk_observer *o, mnk_encoded *e, mnk_error *err);
static encode_f encode_scatter, encode_classifier, encode_pixels, encode_npy;

/* The plug point: a new encoding is a function and a line. */
static const struct {
    const char *name;
    encode_f *encode;
} encodings[] = {
    {"scatter", encode_scatter}, {"classifier", encode_classifier}, {"pixels", encode_pixels}, {"npy", encode_npy}};

void mnk_shrink(const float *x, int channels, int h, int w, int oh, int ow, float *out) {
    const double sy = (double)h / oh, sx = (double)w / ow;
    for (int c = 0; c < channels; c++)
        for (int v = 0; v < oh; v++)
            for (int u = 0; u < ow; u++) {
                double sum = 0;
                for (int y = (int)(v * sy); y < h && y < (v + 1) * sy; y++) {
                    const double wy = fmin(y + 1, (v + 1) * sy) - fmax(y, v * sy);
                    for (int q = (int)(u * sx); q < w && q < (u + 1) * sx; q++)
                        sum += wy * (fmin(q + 1, (u + 1) * sx) - fmax(q, u * sx)) *
                               (double)x[((size_t)c * (size_t)h + (size_t)y) * (size_t)w + (size_t)q];
                }
                out[((size_t)c * (size_t)oh + (size_t)v) * (size_t)ow + (size_t)u] = (float)(sum / (sy * sx));
            }
}

static mnk_status check_finite(const float *x, size_t n, size_t d, const char *role, const char *encoding, mnk_error *err) {
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(x[i]))
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s features of %s: row %zu, column %zu is not finite", encoding, role, i / d,
                            i % d);
    return MNK_OK;
}

/* ---- encodings with many raw numbers, reduced by principal components of train ---- */

typedef struct raw_kind { /* raw numbers of pictures begin..begin+n-1 of d */
    mnk_status (*raw)(void *ctx, const mnk_images *d, size_t begin, size_t n, float *out, mnk_error *err);
    void *ctx;
    size_t d;
} raw_kind;

static mnk_status fit_components(const raw_kind *k, const mnk_images *train, const mnk_evaluate_config *config, int whiten,
                                 mnk_pca *pca, mnk_error *err) {
    const size_t n = train->n < FIT_ITEMS ? train->n : FIT_ITEMS;
    size_t m = MOMENT_DIM; /* at least four items a component, or whitening blows up what is noise */
    if (m > n / 4) m = n / 4;
    if (m > k->d) m = k->d;
    if (m < 2) m = 2;
    size_t *order = NULL;
    mnk_images *some = NULL;
    float *x = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(order, train->n, err));
    mnk_rng r = mnk_rng_at(config->seed, MNK_PURPOSE_SUBSET, 100, 0);
    mnk_rng_permutation(&r, order, train->n);
    if (n < train->n) MNK_OUT(mnk_images_select(train, order, n, &some, err));
    MNK_OUT(
        mnk_memory_require(n * k->d * sizeof(float) + 2 * k->d * k->d * sizeof(double), "fitting principal components", err));
    MNK_OUT(MNK_NEW_ALIGNED(x, n * k->d, err));
    for (size_t i = 0; i < n; i += BLOCK)
        MNK_OUT(k->raw(k->ctx, some ? some : train, i, n - i < BLOCK ? n - i : BLOCK, x + i * k->d, err));
    MNK_OUT(mnk_pca_fit(x, n, k->d, m, whiten, pca, err));
out:
    mnk_images_close(some);
    mnk_free(order);
    mnk_free(x);
    return status;
}

/* Fills moment with the components and near with the raw numbers (near_d 0) or with the first near_d components. */
static mnk_status reduce(const raw_kind *k, const mnk_sets *s, const mnk_observer *o, int whiten, size_t near_d, mnk_encoded *e,
                         mnk_error *err) {
    mnk_pca pca = {0};
    float *raw = NULL;
    mnk_status status = MNK_OK;
    mnk_observe_progress(o, "encode", 0, MNK_ROLES, e->name);
    MNK_OUT(fit_components(k, s->images[MNK_ROLE_TRAIN], s->config, whiten, &pca, err));
    MNK_OUT(MNK_NEW_ALIGNED(raw, BLOCK * k->d, err));
    e->moment_d = pca.m;
    e->near_d = near_d == 0 ? k->d : near_d < pca.m ? near_d : pca.m;
    for (int role = 0; role < MNK_ROLES; role++) {
        const mnk_images *d = s->images[role];
        if (!d) continue;
        e->n[role] = d->n;
        MNK_OUT(MNK_NEW_ALIGNED(e->moment[role], d->n * e->moment_d, err));
        MNK_OUT(MNK_NEW_ALIGNED(e->near[role], d->n * e->near_d, err));
        for (size_t i = 0; i < d->n; i += BLOCK) {
            const size_t n = d->n - i < BLOCK ? d->n - i : BLOCK;
            if (mnk_observe_stopped(o)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while encoding"));
            MNK_OUT(k->raw(k->ctx, d, i, n, raw, err));
            mnk_pca_apply(&pca, raw, n, e->moment[role] + i * e->moment_d);
            for (size_t r = 0; r < n; r++)
                memcpy(e->near[role] + (i + r) * e->near_d,
                       near_d == 0 ? raw + r * k->d : e->moment[role] + (i + r) * e->moment_d, e->near_d * sizeof(float));
        }
        mnk_observe_progress(o, "encode", role + 1, MNK_ROLES, e->name);
    }
out:
    mnk_free(raw);
    mnk_pca_close(&pca);
    return status;
}

typedef struct picture_ctx {
    const mnk_images *d;
    size_t begin;
} picture_ctx;

static void picture(void *ctx, size_t i, float *x) {
    const picture_ctx *c = ctx;
    mnk_images_f32(c->d, c->begin + i, x);
}

static mnk_status raw_scatter(void *ctx, const mnk_images *d, size_t begin, size_t n, float *out, mnk_error *err) {
    picture_ctx c = {d, begin};
    return mnk_scatter_run(ctx, n, picture, &c, out, err);
}

static mnk_status encode_scatter(const mnk_sets *s, const mnk_observer *o, mnk_encoded *e, mnk_error *err) {
    const mnk_images *train = s->images[MNK_ROLE_TRAIN];
    mnk_scatter *scatter = NULL;
    MNK_TRY(mnk_scatter_open(train->height, train->width, train->channels, &scatter, err));
    raw_kind k = {raw_scatter, scatter, mnk_scatter_dim(scatter)};
    mnk_status status = reduce(&k, s, o, 1, NEAR_DIM, e, err);
    snprintf(e->note, sizeof e->note,
             "%zu log scattering numbers, whitened components of train: %zu for distances of distributions, %zu for neighbours",
             k.d, e->moment_d, e->near_d);
    mnk_scatter_close(scatter);
    return status;
}

typedef struct shrink_ctx {
    const mnk_images *d;
    size_t begin;
    int oh, ow;
    float *out;
    int failed;
} shrink_ctx;

static void shrink_one(void *ctx, size_t i) {
    shrink_ctx *c = ctx;
    const mnk_images *d = c->d;
    float *x = mnk_alloc((size_t)d->channels * (size_t)d->height * (size_t)d->width, sizeof *x);
    if (x) {
        mnk_images_f32(d, c->begin + i, x);
        mnk_shrink(x, d->channels, d->height, d->width, c->oh, c->ow, c->out + i * (size_t)(d->channels * c->oh * c->ow));
    } else {
        __atomic_store_n(&c->failed, 1, __ATOMIC_RELAXED);
    }
    mnk_free(x);
}

static mnk_status raw_pixels(void *ctx, const mnk_images *d, size_t begin, size_t n, float *out, mnk_error *err) {
    const shrink_ctx *size = ctx;
    shrink_ctx c = {d, begin, size->oh, size->ow, out, 0};
    mnk_parallel_for(n, shrink_one, &c);
    return c.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a picture") : MNK_OK;
}

static mnk_status encode_pixels(const mnk_sets *s, const mnk_observer *o, mnk_encoded *e, mnk_error *err) {
    const mnk_images *train = s->images[MNK_ROLE_TRAIN];
    shrink_ctx c = {.oh = train->height < PIXEL_SIDE ? train->height : PIXEL_SIDE,
                    .ow = train->width < PIXEL_SIDE ? train->width : PIXEL_SIDE};
    raw_kind k = {raw_pixels, &c, (size_t)(train->channels * c.oh * c.ow)};
    mnk_status status = reduce(&k, s, o, 0, 0, e, err);
    snprintf(e->note, sizeof e->note,
             "pixels at %d x %d for neighbours, their %zu components of train (not whitened) for distances of distributions",
             c.oh, c.ow, e->moment_d);
    return status;
}

static mnk_status encode_classifier(const mnk_sets *s, const mnk_observer *o, mnk_encoded *e, mnk_error *err) {
    (void)o;
    if (!s->classifier) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "the classifier encoding needs a classifier");
        mnk_error_hint(err, "manikin train classifier TRAIN -o yardstick.safetensors, then --classifier yardstick.safetensors");
        return status;
    }
    e->shared = true;
    e->near_d = e->moment_d = s->feature_d;
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->images[role]) continue;
        e->n[role] = s->images[role]->n;
        MNK_TRY(MNK_NEW_ALIGNED(e->near[role], e->n[role] * e->near_d, err));
        memcpy(e->near[role], s->features[role], e->n[role] * e->near_d * sizeof(float));
        e->moment[role] = e->near[role];
    }
    snprintf(e->note, sizeof e->note, "penultimate layer of the classifier trained on %zu real images",
             mnk_classifier_describe(s->classifier).train_n);
    return MNK_OK;
}

/* Floor of features: every column of train shuffled over the rows, so that only the margins are right. */
static mnk_status shuffle_columns(const mnk_sets *s, mnk_encoded *e, mnk_error *err) {
    const size_t n = s->images[MNK_ROLE_FLOOR]->n, rows = e->n[MNK_ROLE_TRAIN];
    size_t *order = NULL;
    MNK_TRY(MNK_NEW(order, rows, err));
    mnk_status status = MNK_NEW_ALIGNED(e->near[MNK_ROLE_FLOOR], n * e->near_d, err);
    for (size_t c = 0; c < e->near_d && status == MNK_OK; c++) {
        mnk_rng r = mnk_rng_at(s->config->seed, MNK_PURPOSE_PERMUTE, c, 0);
        mnk_rng_permutation(&r, order, rows);
        for (size_t i = 0; i < n; i++)
            e->near[MNK_ROLE_FLOOR][i * e->near_d + c] = e->near[MNK_ROLE_TRAIN][order[i] * e->near_d + c];
    }
    e->n[MNK_ROLE_FLOOR] = n;
    mnk_free(order);
    return status;
}

static mnk_status encode_npy(const mnk_sets *s, const mnk_observer *o, mnk_encoded *e, mnk_error *err) {
    const char *path[MNK_ROLE_FLOOR] = {s->config->features_train, s->config->features_holdout, s->config->features_synthetic};
    (void)o;
    e->shared = true;
    for (int role = 0; role < MNK_ROLE_FLOOR; role++) {
        size_t d = 0;
        if (!s->images[role]) continue;
        if (!path[role]) return MNK_FAIL(err, MNK_ERR_USAGE, "encoding npy: --features-%s is missing", mnk_role_names[role]);
        MNK_TRY(mnk_features_read(path[role], s->images[role]->n, &e->near[role], &d, err));
        e->n[role] = s->images[role]->n;
        if (role == MNK_ROLE_TRAIN) e->near_d = e->moment_d = d;
        else if (d != e->near_d)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: %zu columns, train's features have %zu", path[role], d, e->near_d);
    }
    MNK_TRY(shuffle_columns(s, e, err));
    for (int role = 0; role < MNK_ROLES; role++) e->moment[role] = e->near[role];
    snprintf(e->note, sizeof e->note, "the user's own features, as given; floor: every column shuffled");
    return MNK_OK;
}

mnk_status mnk_encode(const char *name, const mnk_sets *s, const mnk_observer *observer, mnk_encoded *out, mnk_error *err) {
    *out = (mnk_encoded){0};
    for (size_t k = 0; k < sizeof encodings / sizeof *encodings; k++) {
        if (strcmp(encodings[k].name, name)) continue;
        snprintf(out->name, sizeof out->name, "%s", name);
        mnk_status status = encodings[k].encode(s, observer, out, err);
        for (int role = 0; role < MNK_ROLES && status == MNK_OK; role++) {
            if (!out->n[role]) continue;
            status = check_finite(out->near[role], out->n[role], out->near_d, mnk_role_names[role], name, err);
            if (status == MNK_OK && !out->shared)
                status = check_finite(out->moment[role], out->n[role], out->moment_d, mnk_role_names[role], name, err);
        }
        if (status != MNK_OK) mnk_encoded_close(out);
        return status;
    }
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "unknown encoding \"%s\"", name);
    mnk_error_hint(err, "one of scatter, classifier, pixels, npy");
    return status;
}

void mnk_encoded_close(mnk_encoded *e) {
    if (!e) return;
    for (int role = 0; role < MNK_ROLES; role++) {
        mnk_free(e->near[role]);
        mnk_free(e->code[role]);
        if (!e->shared) mnk_free(e->moment[role]);
    }
    *e = (mnk_encoded){0};
}
