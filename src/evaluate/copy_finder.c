/* The search for near-copies: screen, bank, colour, what is usual, refinement. */
#include "manikin/copies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "evaluate/copy_bank.h"
#include "evaluate/copy_screen.h"

enum {
    FEWEST = 8,
    BY_SHAPE = 176, /* training pictures that the screen lets through by its descriptor alone ... */
    BY_COLOUR = 80, /* ... and by descriptor and colour, of the others */
    CANDIDATES = BY_SHAPE + BY_COLOUR,
    REFINED = 4, /* best ones of the bank that are aligned more finely */
    COHORT = 64, /* training pictures that stand for "unrelated" */
    BATCH = MNK_SCREEN_BATCH
};

/* Two dissimilarities, each over what is usual of it: of shape, 1 - correlation; of shape and colour, the same +
 * COLOUR_WEIGHT * min(colour distance, COLOUR_CAP). The score is the smaller one, so that a recoloured copy is judged by its
 * shape; shape alone tells less and is taken SHAPE_FACTOR times. */
static const float COLOUR_WEIGHT = 0.2f, COLOUR_CAP = 1, SHAPE_FACTOR = 1.25f;
/* The same for the screen's likeness. */
static const float SCREEN_COLOUR = 0.2f;
/* The share of the cohort that is nearer than "usual": so many of them may be copies before the yardstick suffers. */
static const double USUAL_SHARE = 0.1;

typedef struct kinds { /* of dissimilarity */
    float shape, both;
} kinds;

struct mnk_copy_finder {
    const mnk_images *train;
    mnk_view_shape shape;
    size_t n;
    int16_t *view;   /* [n][values], 1 = 32767 */
    uint8_t *usable; /* [n] not of one colour */
    float *colour;   /* [n][colours], whitened */
    mnk_pca colours;
    mnk_screen screen;
    mnk_bank bank;
    int16_t *reference; /* [n][MNK_BANK_VARIANTS][m], 1 = 32767 */
    uint32_t cohort[COHORT];
    size_t cohorts;
    float *cohort_reference; /* [cohorts][MNK_BANK_SCALES][m] */
    kinds *usual;            /* [n] dissimilarity to unrelated pictures at USUAL_SHARE */
};

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

static float colour_distance(const mnk_copy_finder *f, const float *a, const float *b) {
    float sum = 0;
    for (size_t k = 0; k < f->colours.m; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
    return sqrtf(sum / (float)f->colours.m);
}

static kinds dissimilarity(float correlation, float colour) {
    const float shape = fmaxf(0, 1 - correlation);
    return (kinds){shape, shape + COLOUR_WEIGHT * fminf(colour, COLOUR_CAP)};
}

static float score_of(kinds d, kinds usual_reference, kinds usual_query) {
    return fminf(SHAPE_FACTOR * 2 * d.shape / (usual_reference.shape + usual_query.shape),
                 2 * d.both / (usual_reference.both + usual_query.both));
}

/* ---- what is usual ---- */

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static kinds usual_of(const kinds *x, size_t n) {
    float shape[COHORT], both[COHORT];
    if (!n) return (kinds){1, 1};
    for (size_t k = 0; k < n; k++) shape[k] = x[k].shape, both[k] = x[k].both;
    qsort(shape, n, sizeof *shape, ascending);
    qsort(both, n, sizeof *both, ascending);
    const size_t k = (size_t)(USUAL_SHARE * (double)n);
    return (kinds){fmaxf(1e-3f, shape[k]), fmaxf(1e-3f, both[k])};
}

static void choose_cohort(mnk_copy_finder *f) {
    size_t usable = 0, seen = 0;
    for (size_t i = 0; i < f->n; i++) usable += f->usable[i];
    for (size_t i = 0; i < f->n && f->cohorts < COHORT; i++) { /* evenly over the rows */
        if (!f->usable[i]) continue;
        if (seen * COHORT >= f->cohorts * usable) f->cohort[f->cohorts++] = (uint32_t)i;
        seen++;
    }
}

static bool same_group(const mnk_images *a, size_t i, const mnk_images *b, size_t k) {
    return a->group && b->group && a->group[i] >= 0 && a->group[i] == b->group[k];
}

/* Values within [-1, 1] at 16 bits. */
static void to_int16(const float *x, size_t n, int16_t *out) {
    for (size_t k = 0; k < n; k++) out[k] = (int16_t)lrintf(x[k] * 32767);
}
static void from_int16(const int16_t *x, size_t n, float *out) {
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
        to_int16(out, all, f->reference + i * all);
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
    kinds all[BLOCK][COHORT];
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
            if (begin + i == row || same_group(f->train, begin + i, f->train, row)) continue;
            all[i][count[i]++] = dissimilarity(match[i].correlation, colour_distance(f, f->colour + (begin + i) * f->colours.m,
                                                                                     f->colour + row * f->colours.m));
        }
    }
    for (size_t i = 0; i < n; i++) f->usual[begin + i] = usual_of(all[i], count[i]);
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
    to_int16(view, f->n * f->shape.values, f->view);
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

/* ---- searching ---- */

typedef struct search_ctx {
    const mnk_copy_finder *f;
    const mnk_images *q;
    size_t begin, end;
    bool other_groups;
    mnk_near *out;
    int failed;
} search_ctx;

/* What one thread works with; all arrays out of one block. */
typedef struct space {
    float *make, *view, *colour, *white, *screen, *descriptor, *likeness, *bank, *query, *gathered, *reference;
} space;

static float *space_open(const mnk_copy_finder *f, const mnk_images *q, space *s) {
    const size_t v = f->shape.values, per = MNK_BANK_VARIANTS * f->bank.m;
    const size_t size[] = {mnk_view_scratch(q, &f->shape),
                           BATCH * v,
                           BATCH * f->shape.colours,
                           f->colours.m,
                           mnk_screen_scratch(&f->screen),
                           BATCH * MNK_SCREEN_ZOOMS * f->screen.d,
                           BATCH * f->n,
                           mnk_bank_scratch(&f->bank),
                           f->bank.transforms * f->bank.m,
                           CANDIDATES * per,
                           v};
    float **part[] = {&s->make,     &s->view, &s->colour, &s->white,    &s->screen,   &s->descriptor,
                      &s->likeness, &s->bank, &s->query,  &s->gathered, &s->reference};
    size_t total = 0;
    for (size_t k = 0; k < sizeof size / sizeof *size; k++) total += (size[k] + 15) / 16 * 16;
    float *block = mnk_alloc_aligned(total, sizeof *block), *at = block;
    for (size_t k = 0; block && k < sizeof size / sizeof *size; k++) *part[k] = at, at += (size[k] + 15) / 16 * 16;
    return block;
}

typedef struct candidate {
    float score, correlation, colour;
    uint32_t row;
    mnk_bank_match match;
} candidate;

static int by_score(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Dissimilarity of the query to unrelated pictures. */
static kinds usual_for(const mnk_copy_finder *f, const search_ctx *c, size_t i, space *s) {
    mnk_bank_match match[COHORT];
    kinds x[COHORT];
    size_t n = 0;
    mnk_bank_match_all(&f->bank, s->query, f->cohort_reference, f->cohorts, MNK_BANK_SCALES, s->bank, match);
    for (size_t j = 0; j < f->cohorts; j++) {
        if (c->other_groups && same_group(c->q, i, f->train, f->cohort[j])) continue;
        x[n++] = dissimilarity(match[j].correlation, colour_distance(f, s->white, f->colour + f->cohort[j] * f->colours.m));
    }
    return usual_of(x, n);
}

/* What the screen lets through. A recoloured copy must not suffer for its colour, hence the two lists. */
static size_t screened(const search_ctx *c, size_t i, float *likeness, const float *white, uint32_t *row) {
    const mnk_copy_finder *f = c->f;
    for (size_t k = 0; k < f->n; k++)
        if (!f->usable[k] || (c->other_groups && same_group(c->q, i, f->train, k))) likeness[k] = -INFINITY;
    size_t n = mnk_screen_best(likeness, f->n, BY_SHAPE, row);
    if (n < BY_SHAPE) return n;
    for (size_t k = 0; k < n; k++) likeness[row[k]] = -INFINITY;
    for (size_t k = 0; k < f->n; k++)
        likeness[k] -= SCREEN_COLOUR * fminf(COLOUR_CAP, colour_distance(f, white, f->colour + k * f->colours.m));
    return n + mnk_screen_best(likeness, f->n, BY_COLOUR, row + n);
}

static void search_one(const search_ctx *c, size_t i, size_t in_batch, space *s) {
    const mnk_copy_finder *f = c->f;
    const size_t per = MNK_BANK_VARIANTS * f->bank.m;
    const float *view = s->view + in_batch * f->shape.values;
    float *likeness = s->likeness + in_batch * f->n;
    uint32_t row[CANDIDATES];
    candidate all[CANDIDATES];
    mnk_bank_match match[CANDIDATES];
    mnk_pca_apply(&f->colours, s->colour + in_batch * f->shape.colours, 1, s->white);
    const size_t n = screened(c, i, likeness, s->white, row);
    if (!n) return;
    mnk_bank_query(&f->bank, view, s->bank, s->query);
    for (size_t k = 0; k < n; k++) from_int16(f->reference + row[k] * per, per, s->gathered + k * per);
    mnk_bank_match_all(&f->bank, s->query, s->gathered, n, MNK_BANK_VARIANTS, s->bank, match);
    const kinds usual = usual_for(f, c, i, s);
    for (size_t k = 0; k < n; k++) {
        const float colour = colour_distance(f, s->white, f->colour + row[k] * f->colours.m);
        const kinds d = dissimilarity(match[k].correlation, colour);
        all[k] = (candidate){score_of(d, f->usual[row[k]], usual), match[k].correlation, colour, row[k], match[k]};
    }
    qsort(all, n, sizeof *all, by_score);
    mnk_near best = {.row = UINT32_MAX, .score = INFINITY};
    for (size_t k = 0; k < n && k < REFINED; k++) {
        mnk_alignment as;
        from_int16(f->view + all[k].row * f->shape.values, f->shape.values, s->reference);
        const float r = mnk_bank_refine(&f->bank, view, s->reference, &all[k].match, s->bank, &as);
        const float score = score_of(dissimilarity(r, all[k].colour), f->usual[all[k].row], usual);
        if (score < best.score) best = (mnk_near){all[k].row, score, r, all[k].colour, as};
    }
    c->out[i] = best;
}

static void search_batch(void *ctx, size_t batch) {
    search_ctx *c = ctx;
    const mnk_copy_finder *f = c->f;
    const size_t begin = c->begin + batch * BATCH, n = c->end - begin < BATCH ? c->end - begin : BATCH;
    space s;
    bool usable[BATCH];
    float *block = space_open(f, c->q, &s);
    if (!block) {
        __atomic_store_n(&c->failed, 1, __ATOMIC_RELAXED);
        return;
    }
    for (size_t k = 0; k < n; k++)
        usable[k] =
            mnk_view_make(c->q, begin + k, &f->shape, s.make, s.view + k * f->shape.values, s.colour + k * f->shape.colours);
    mnk_screen_describe(&f->screen, s.view, n, s.screen, s.descriptor);
    mnk_screen_likeness(&f->screen, s.descriptor, n, s.likeness);
    for (size_t k = 0; k < n; k++)
        if (usable[k]) search_one(c, begin + k, k, &s);
    mnk_free(block);
}

mnk_status mnk_copy_finder_search(const mnk_copy_finder *f, const mnk_images *q, bool other_groups,
                                  const mnk_observer *observer, mnk_near *out, mnk_error *err) {
    enum { STRETCH = 512 };
    if (q->channels != f->shape.channels)
        return MNK_FAIL(err, MNK_ERR_INPUT, "near-copies: pictures of %d channels against %d", q->channels, f->shape.channels);
    for (size_t i = 0; i < q->n; i++) out[i] = (mnk_near){.row = UINT32_MAX, .score = INFINITY};
    for (size_t i = 0; i < q->n; i += STRETCH) {
        search_ctx c = {f, q, i, i + STRETCH < q->n ? i + STRETCH : q->n, other_groups, out, 0};
        mnk_observe_progress(observer, "copies", (double)i, (double)q->n, "");
        if (mnk_observe_stopped(observer)) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while looking for copies");
        mnk_parallel_for((c.end - i + BATCH - 1) / BATCH, search_batch, &c);
        if (c.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a picture");
    }
    mnk_observe_progress(observer, "copies", (double)q->n, (double)q->n, "");
    return MNK_OK;
}
