/* The search for near-copies, second half: screen, bank, score and refinement of every query. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "evaluate/copy_finder.h"

enum {
    BY_SHAPE = 176, /* training pictures that the screen lets through by its descriptor alone ... */
    BY_COLOUR = 80, /* ... and by descriptor and colour, of the others */
    CANDIDATES = BY_SHAPE + BY_COLOUR,
    REFINED = 4, /* best ones of the bank that are aligned more finely */
    BATCH = MNK_SCREEN_BATCH
};

/* What colour takes from the screen's likeness, times the capped distance. */
static const float SCREEN_COLOUR = 0.2f;
/* Shape alone tells less than shape and colour: its score is taken this many times. */
static const float SHAPE_FACTOR = 2;

/* The smaller of the two scores, so that a recoloured copy is judged by its shape. */
static float score_of(mnk_copy_kinds d, mnk_copy_kinds usual_reference, mnk_copy_kinds usual_query) {
    return fminf(SHAPE_FACTOR * 2 * d.shape / (usual_reference.shape + usual_query.shape),
                 2 * d.both / (usual_reference.both + usual_query.both));
}

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
static mnk_copy_kinds usual_for(const mnk_copy_finder *f, const search_ctx *c, size_t i, space *s) {
    mnk_bank_match match[MNK_COPY_COHORT];
    mnk_copy_kinds x[MNK_COPY_COHORT];
    size_t n = 0;
    mnk_bank_match_all(&f->bank, s->query, f->cohort_reference, f->cohorts, MNK_BANK_SCALES, s->bank, match);
    for (size_t j = 0; j < f->cohorts; j++) {
        if (c->other_groups && mnk_copy_same_group(c->q, i, f->train, f->cohort[j])) continue;
        x[n++] = mnk_copy_dissimilarity(match[j].correlation,
                                        mnk_copy_colour_distance(f, s->white, f->colour + f->cohort[j] * f->colours.m));
    }
    return mnk_copy_usual(x, n);
}

/* What the screen lets through. A recoloured copy must not suffer for its colour, hence the two lists. */
static size_t screened(const search_ctx *c, size_t i, float *likeness, const float *white, uint32_t *row) {
    const mnk_copy_finder *f = c->f;
    for (size_t k = 0; k < f->n; k++)
        if (!f->usable[k] || (c->other_groups && mnk_copy_same_group(c->q, i, f->train, k))) likeness[k] = -INFINITY;
    size_t n = mnk_screen_best(likeness, f->n, BY_SHAPE, row);
    if (n < BY_SHAPE) return n;
    for (size_t k = 0; k < n; k++) likeness[row[k]] = -INFINITY;
    for (size_t k = 0; k < f->n; k++)
        likeness[k] -=
            SCREEN_COLOUR * fminf(MNK_COPY_COLOUR_CAP, mnk_copy_colour_distance(f, white, f->colour + k * f->colours.m));
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
    for (size_t k = 0; k < n; k++) mnk_copy_unpack(f->reference + row[k] * per, per, s->gathered + k * per);
    mnk_bank_match_all(&f->bank, s->query, s->gathered, n, MNK_BANK_VARIANTS, s->bank, match);
    const mnk_copy_kinds usual = usual_for(f, c, i, s);
    for (size_t k = 0; k < n; k++) {
        const float colour = mnk_copy_colour_distance(f, s->white, f->colour + row[k] * f->colours.m);
        const mnk_copy_kinds d = mnk_copy_dissimilarity(match[k].correlation, colour);
        all[k] = (candidate){score_of(d, f->usual[row[k]], usual), match[k].correlation, colour, row[k], match[k]};
    }
    qsort(all, n, sizeof *all, by_score);
    mnk_near best = {.row = UINT32_MAX, .score = INFINITY};
    for (size_t k = 0; k < n && k < REFINED; k++) {
        mnk_alignment as;
        mnk_copy_unpack(f->view + all[k].row * f->shape.values, f->shape.values, s->reference);
        const float r = mnk_bank_refine(&f->bank, view, s->reference, &all[k].match, s->bank, &as);
        const float score = score_of(mnk_copy_dissimilarity(r, all[k].colour), f->usual[all[k].row], usual);
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
