/* The search for near-copies, first half: what is made of train. */
#include "evaluate/copy_finder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { FEWEST = 8 };

/* Two dissimilarities, each over what is usual of it: of shape, 1 - correlation; of shape and colour, the same +
 * COLOUR_WEIGHT * min(colour distance, MNK_COPY_COLOUR_CAP). The score is the smaller one, so that a recoloured copy is judged
 * by its shape. */
static const float COLOUR_WEIGHT = 0.2f;
/* The share of the cohort that is nearer than "usual": so many of them may be copies before the yardstick suffers. */
static const double USUAL_SHARE = 0.1;

/* ---- views ---- */

typedef struct view_ctx {
    const mnk_images *d;
    const mnk_view_shape *shape;
    float *view, *colour;
    uint8_t *usable;
    int failed;
} view_ctx;

static void view_block(void *ctx, size_t block) {
    enum { BLOCK = 32 };
    view_ctx *c = ctx;
    float *scratch = mnk_alloc(mnk_view_scratch(c->d, c->shape), sizeof *scratch);
    if (!scratch) __atomic_store_n(&c->failed, 1, __ATOMIC_RELAXED);
    for (size_t i = block * BLOCK; scratch && i < c->d->n && i < (block + 1) * BLOCK; i++)
        c->usable[i] =
            mnk_view_make(c->d, i, c->shape, scratch, c->view + i * c->shape->values, c->colour + i * c->shape->colours);
    mnk_free(scratch);
}

static mnk_status make_views(const mnk_images *d, const mnk_view_shape *shape, float *view, float *colour, uint8_t *usable,
                             mnk_error *err) {
    view_ctx c = {d, shape, view, colour, usable, 0};
    mnk_parallel_for((d->n + 31) / 32, view_block, &c);
    return c.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a picture") : MNK_OK;
}

/* ---- colour ---- */

static mnk_status fit_colour(mnk_copy_finder *f, const float *raw, mnk_error *err) {
    MNK_TRY(mnk_pca_fit(raw, f->n, f->shape.colours, f->shape.colours < f->n - 1 ? f->shape.colours : f->n - 1, 0, &f->colours,
                        err));
    for (size_t k = 0; k < f->colours.m; k++) { /* the ridge keeps directions without spread from counting */
        const double spread = f->colours.variance[k] + 1e-3 * f->colours.variance[0] + 1e-9;
        for (size_t q = 0; q < f->colours.d; q++) f->colours.axis[k * f->colours.d + q] *= (float)(1 / sqrt(spread));
    }
    MNK_TRY(MNK_NEW(f->colour, f->n * f->colours.m, err));
    mnk_pca_apply(&f->colours, raw, f->n, f->colour);
    return MNK_OK;
}

mnk_copy_kinds mnk_copy_dissimilarity(float correlation, float colour) {
    const float shape = fmaxf(0, 1 - correlation);
    return (mnk_copy_kinds){shape, shape + COLOUR_WEIGHT * fminf(colour, MNK_COPY_COLOUR_CAP)};
}

/* ---- what is usual ---- */

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

mnk_copy_kinds mnk_copy_usual(const mnk_copy_kinds *x, size_t n) {
    float shape[MNK_COPY_COHORT], both[MNK_COPY_COHORT];
    if (!n) return (mnk_copy_kinds){1, 1};
    for (size_t k = 0; k < n; k++) shape[k] = x[k].shape, both[k] = x[k].both;
    qsort(shape, n, sizeof *shape, ascending);
    qsort(both, n, sizeof *both, ascending);
    const size_t k = (size_t)(USUAL_SHARE * (double)n);
    return (mnk_copy_kinds){fmaxf(1e-3f, shape[k]), fmaxf(1e-3f, both[k])};
}

static void choose_cohort(mnk_copy_finder *f) {
    size_t usable = 0, seen = 0;
    for (size_t i = 0; i < f->n; i++) usable += f->usable[i];
    for (size_t i = 0; i < f->n && f->cohorts < MNK_COPY_COHORT; i++) { /* evenly over the rows */
        if (!f->usable[i]) continue;
        if (seen * MNK_COPY_COHORT >= f->cohorts * usable) f->cohort[f->cohorts++] = (uint32_t)i;
        seen++;
    }
}

bool mnk_copy_same_group(const mnk_images *a, size_t i, const mnk_images *b, size_t k) {
    return a->group && b->group && a->group[i] >= 0 && a->group[i] == b->group[k];
}

/* Values within [-1, 1] at 16 bits. */
void mnk_copy_pack(const float *x, size_t n, int16_t *out) {
    for (size_t k = 0; k < n; k++) out[k] = (int16_t)lrintf(x[k] * 32767);
}
void mnk_copy_unpack(const int16_t *x, size_t n, float *out) {
    for (size_t k = 0; k < n; k++) out[k] = (float)x[k] * (1 / 32767.0f);
}

typedef struct open_ctx {
    mnk_copy_finder *f;
    const float *view;
    float *queries; /* [cohorts][transforms][m] */
    float *centred; /* [n][MNK_BANK_SCALES][m] */
    int failed;
} open_ctx;

static void reference_block(void *ctx, size_t block) {
    enum { BLOCK = 32 };
    open_ctx *c = ctx;
    mnk_copy_finder *f = c->f;
    const size_t all = MNK_BANK_VARIANTS * f->bank.m, some = MNK_BANK_SCALES * f->bank.m;
    float *scratch = mnk_alloc_aligned(mnk_bank_scratch(&f->bank) + all, sizeof *scratch);
    float *out = scratch + mnk_bank_scratch(&f->bank);
    if (!scratch) __atomic_store_n(&c->failed, 1, __ATOMIC_RELAXED);
    for (size_t i = block * BLOCK; scratch && i < f->n && i < (block + 1) * BLOCK; i++) {
        mnk_bank_reference(&f->bank, c->view + i * f->shape.values, scratch, out);
        memcpy(c->centred + i * some, out, some * sizeof *out);
        mnk_copy_pack(out, all, f->reference + i * all);
    }
    mnk_free(scratch);
}

static void cohort_one(void *ctx, size_t j) {
    open_ctx *c = ctx;
    mnk_copy_finder *f = c->f;
    float *scratch = mnk_alloc_aligned(mnk_bank_scratch(&f->bank), sizeof *scratch);
    if (!scratch) __atomic_store_n(&c->failed, 1, __ATOMIC_RELAXED);
    else
        mnk_bank_query(&f->bank, c->view + f->cohort[j] * f->shape.values, scratch,
                       c->queries + j * f->bank.transforms * f->bank.m);
    mnk_free(scratch);
}

static void usual_block(void *ctx, size_t block) {
    enum { BLOCK = 64 };
    open_ctx *c = ctx;
    mnk_copy_finder *f = c->f;
    const size_t begin = block * BLOCK, n = f->n - begin < BLOCK ? f->n - begin : BLOCK;
    float *scratch = mnk_alloc_aligned(mnk_bank_scratch(&f->bank), sizeof *scratch);
    mnk_copy_kinds all[BLOCK][MNK_COPY_COHORT];
    size_t count[BLOCK] = {0};
    mnk_bank_match match[BLOCK];
    if (!scratch) {
        __atomic_store_n(&c->failed, 1, __ATOMIC_RELAXED);
        return;
    }
    for (size_t j = 0; j < f->cohorts; j++) {
        const size_t row = f->cohort[j];
        mnk_bank_match_all(&f->bank, c->queries + j * f->bank.transforms * f->bank.m,
                           c->centred + begin * MNK_BANK_SCALES * f->bank.m, n, MNK_BANK_SCALES, scratch, match);
        for (size_t i = 0; i < n; i++) {
            if (begin + i == row || mnk_copy_same_group(f->train, begin + i, f->train, row)) continue;
            all[i][count[i]++] =
                mnk_copy_dissimilarity(match[i].correlation, mnk_copy_colour_distance(f, f->colour + (begin + i) * f->colours.m,
                                                                                      f->colour + row * f->colours.m));
        }
    }
    for (size_t i = 0; i < n; i++) f->usual[begin + i] = mnk_copy_usual(all[i], count[i]);
    mnk_free(scratch);
}

static mnk_status measure_usual(mnk_copy_finder *f, open_ctx *c, mnk_error *err) {
    choose_cohort(f);
    MNK_TRY(MNK_NEW(f->usual, f->n, err));
    MNK_TRY(MNK_NEW_ALIGNED(f->cohort_reference, f->cohorts * MNK_BANK_SCALES * f->bank.m, err));
    MNK_TRY(MNK_NEW_ALIGNED(c->queries, f->cohorts * f->bank.transforms * f->bank.m, err));
    for (size_t j = 0; j < f->cohorts; j++)
        memcpy(f->cohort_reference + j * MNK_BANK_SCALES * f->bank.m, c->centred + f->cohort[j] * MNK_BANK_SCALES * f->bank.m,
               MNK_BANK_SCALES * f->bank.m * sizeof(float));
    mnk_parallel_for(f->cohorts, cohort_one, c);
    mnk_parallel_for((f->n + 63) / 64, usual_block, c);
    return MNK_OK;
}

/* ---- opening ---- */

mnk_status mnk_copy_finder_open(const mnk_images *train, const mnk_observer *observer, mnk_copy_finder **out, mnk_error *err) {
    mnk_copy_finder *f = NULL;
    float *view = NULL, *colour = NULL;
    open_ctx c = {0};
    size_t usable = 0;
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_OUT(MNK_NEW(f, 1, err));
    f->train = train, f->n = train->n;
    mnk_view_shape_of(train, &f->shape);
    MNK_OUT(mnk_memory_require(
        f->n * (f->shape.values * 6 + MNK_BANK_VARIANTS * 128 * 2 + (MNK_BANK_SCALES * 128 + 200) * sizeof(float)),
        "the search for copies", err));
    MNK_OUT(MNK_NEW(view, f->n * f->shape.values, err));
    MNK_OUT(MNK_NEW(colour, f->n * f->shape.colours, err));
    MNK_OUT(MNK_NEW(f->usable, f->n, err));
    mnk_observe_progress(observer, "copies", 0, 1, "preparing train");
    MNK_OUT(make_views(train, &f->shape, view, colour, f->usable, err));
    for (size_t i = 0; i < f->n; i++) usable += f->usable[i];
    if (usable < FEWEST) {
        MNK_OUT(MNK_FAIL(err, MNK_ERR_INPUT,
                         "near-copies: %zu training pictures that are not of one colour, at least %d are needed", usable,
                         FEWEST));
    }
    MNK_OUT(fit_colour(f, colour, err));
    MNK_OUT(mnk_screen_open(&f->shape, view, f->usable, f->n, &f->screen, err));
    MNK_OUT(mnk_bank_open(&f->shape, view, f->usable, f->n, &f->bank, err));
    MNK_OUT(MNK_NEW(f->reference, f->n * MNK_BANK_VARIANTS * f->bank.m, err));
    c = (open_ctx){.f = f, .view = view};
    MNK_OUT(MNK_NEW_ALIGNED(c.centred, f->n * MNK_BANK_SCALES * f->bank.m, err));
    mnk_parallel_for((f->n + 31) / 32, reference_block, &c);
    MNK_OUT(measure_usual(f, &c, err));
    if (c.failed) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a picture"));
    MNK_OUT(MNK_NEW(f->view, f->n * f->shape.values, err));
    mnk_copy_pack(view, f->n * f->shape.values, f->view);
out:
    mnk_free(view);
    mnk_free(colour);
    mnk_free(c.queries);
    mnk_free(c.centred);
    if (status == MNK_OK) *out = f;
    else mnk_copy_finder_close(f);
    return status;
}

void mnk_copy_finder_close(mnk_copy_finder *f) {
    if (!f) return;
    mnk_free(f->view);
    mnk_free(f->usable);
    mnk_free(f->colour);
    mnk_pca_close(&f->colours);
    mnk_screen_close(&f->screen);
    mnk_bank_close(&f->bank);
    mnk_free(f->reference);
    mnk_free(f->cohort_reference);
    mnk_free(f->usual);
    mnk_free(f);
}
