/* Drawing rows from sequential trees, also within a box and around given cells. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/cart_model.h"

enum { CHUNK = 512, PARTICLES = 24 /* tries of a row with conditions, of which one is taken by its weight */ };

typedef struct drawing {
    const mnk_cart *m;
    const mnk_draw_request *q;
    mnk_table *out;
    int particles;
    mnk_status *status;
} drawing;

/* Does the box allow the bin, and which part of an interval? */
static double part_in_box(const mnk_codes *k, const mnk_column_box *b, unsigned bin, double *low, double *high) {
    *low = k->low[bin], *high = k->high[bin];
    if (!b || !b->restricted) return 1;
    if (bin == 0) return b->missing;
    if (!k->is_number) return b->level[bin - 1];
    if (mnk_codes_is_atom(k, bin)) return k->low[bin] >= b->low && k->low[bin] <= b->high;
    *low = fmax(k->low[bin], b->low), *high = fmin(k->high[bin], b->high);
    return *high >= *low ? (*high - *low) / (k->high[bin] - k->low[bin]) : 0;
}

typedef struct particle {
    uint8_t *bin;   /* [columns] */
    double *number; /* [columns] values of intervals */
    double weight;
} particle;

static void draw_marginal(const mnk_codes *k, const mnk_column_box *b, mnk_rng *rng, uint8_t *bin, double *number) {
    double total = 0, low, high;
    for (unsigned i = 1; i < k->bins; i++) total += k->count[i] * part_in_box(k, b, i, &low, &high);
    double u = mnk_rng_uniform(rng) * total;
    for (unsigned i = 1; i < k->bins; i++) {
        double share = k->count[i] * part_in_box(k, b, i, &low, &high);
        *bin = (uint8_t)i;
        *number = low + mnk_rng_uniform(rng) * (high - low);
        if (share > 0 && u < share) return;
        u -= share;
    }
}

/* Draws column c of a particle from the leaf its columns lead to; the box's probability goes to the weight. */
static void draw_column(const drawing *d, particle *p, size_t c, mnk_rng *rng) {
    const mnk_cart *m = d->m;
    const mnk_codes *k = &m->book.column[c];
    const mnk_column_box *b = d->q->box ? &d->q->box->column[c] : NULL;
    const mnk_cart_leaves *l = &m->leaf[c];
    const float *tilt = mnk_cart_tilt(m, c, m->label < 0 ? 0 : p->bin[m->label]);
    size_t leaf = mnk_cart_leaf(m, c, p->bin, 1, 0);
    double all = 0, total = 0, before = 0, low, high;
    for (uint32_t i = l->start[leaf]; i < l->start[leaf + 1]; i++) {
        double share = (l->share[i] - before) * tilt[l->bin[i]];
        all += share;
        before = l->share[i];
        if (!(d->q->complete && l->bin[i] == 0)) total += share * part_in_box(k, b, l->bin[i], &low, &high);
    }
    double u = mnk_rng_uniform(rng) * total, sum = 0, at = mnk_rng_uniform(rng);
    before = 0;
    if (total <= 0) {
        p->weight *= 1e-9;
        draw_marginal(k, b, rng, &p->bin[c], &p->number[c]);
        return;
    }
    if (!d->q->complete) p->weight *= total / all;
    for (uint32_t i = l->start[leaf]; i < l->start[leaf + 1]; i++) {
        double share = (l->share[i] - before) * tilt[l->bin[i]];
        before = l->share[i];
        share *= d->q->complete && l->bin[i] == 0 ? 0 : part_in_box(k, b, l->bin[i], &low, &high);
        if (share <= 0) continue;
        p->bin[c] = l->bin[i];
        p->number[c] = low + at * (high - low);
        sum += share;
        if (u < sum) return;
    }
}

/* How likely the leaf makes a given cell. */
static double likelihood(const mnk_cart *m, const particle *p, size_t c) {
    const mnk_cart_leaves *l = &m->leaf[c];
    const float *tilt = mnk_cart_tilt(m, c, m->label < 0 ? 0 : p->bin[m->label]);
    size_t leaf = mnk_cart_leaf(m, c, p->bin, 1, 0);
    double all = 0, here = 0, before = 0;
    for (uint32_t i = l->start[leaf]; i < l->start[leaf + 1]; i++) {
        double share = (l->share[i] - before) * tilt[l->bin[i]];
        before = l->share[i];
        all += share;
        if (l->bin[i] == p->bin[c]) here = share;
    }
    return here > 0 ? here / all : 1e-6;
}

static bool is_given(const drawing *d, size_t c, size_t row) { return d->q->given && d->q->given[c] && d->q->given[c][row]; }

static void draw_particle(const drawing *d, size_t row, particle *p, mnk_rng *rng) {
    p->weight = 1;
    for (size_t i = 0; i < d->m->columns; i++) {
        size_t c = (size_t)d->m->order[i];
        if (!is_given(d, c, row)) draw_column(d, p, c, rng);
        else {
            p->bin[c] = mnk_codebook_bin(&d->m->book, d->out, c, row);
            if (d->particles > 1) p->weight *= likelihood(d->m, p, c);
        }
    }
}

static void put_particle(const drawing *d, size_t row, const particle *p) {
    for (size_t c = 0; c < d->m->columns; c++) {
        if (is_given(d, c, row)) continue;
        const mnk_codes *k = &d->m->book.column[c];
        if (p->bin[c] && !mnk_codes_is_atom(k, p->bin[c])) d->out->number[c][row] = p->number[c];
        else mnk_codebook_put(&d->m->book, d->out, c, row, p->bin[c]);
    }
}

/* Sampling and importance resampling (Rubin 1988): one of the particles, by weight, as they come. */
static void draw_row(const drawing *d, size_t row, particle *now, particle *kept) {
    mnk_rng rng = mnk_rng_at(d->q->seed, MNK_PURPOSE_TABLE_DRAW, d->q->item[row], d->q->stream);
    double sum = 0;
    for (int k = 0; k < d->particles; k++) {
        draw_particle(d, row, now, &rng);
        sum += now->weight;
        if (k == 0 || mnk_rng_uniform(&rng) * sum < now->weight) {
            particle t = *kept;
            *kept = *now, *now = t;
        }
    }
    put_particle(d, row, kept);
}

static void draw_chunk(void *ctx, size_t chunk) {
    drawing *d = ctx;
    particle p[2] = {{0}};
    mnk_error err = MNK_ERROR_INIT;
    mnk_status status = MNK_OK;
    size_t end = (chunk + 1) * CHUNK < d->out->n ? (chunk + 1) * CHUNK : d->out->n;
    for (int k = 0; k < 2 && status == MNK_OK; k++) {
        status = MNK_NEW(p[k].bin, d->m->columns + 1, &err);
        if (status == MNK_OK) status = MNK_NEW(p[k].number, d->m->columns + 1, &err);
    }
    for (size_t i = chunk * CHUNK; i < end && status == MNK_OK; i++) draw_row(d, i, &p[0], &p[1]);
    d->status[chunk] = status;
    for (int k = 0; k < 2; k++) {
        mnk_free(p[k].bin);
        mnk_free(p[k].number);
    }
}

/* With nothing restricted, and given columns that are drawn before all others, the first try is as good as any. */
static bool is_plain(const drawing *d) {
    bool free_before = false;
    for (size_t i = 0; i < d->m->columns; i++) {
        size_t c = (size_t)d->m->order[i];
        if (d->q->box && d->q->box->column[c].restricted) return false;
        bool given = d->q->given && d->q->given[c];
        if (given && free_before) return false;
        if (!given || memchr(d->q->given[c], 0, d->out->n)) free_before = true;
    }
    return true;
}

mnk_status mnk_cart_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) {
    drawing d = {.m = model, .q = request, .out = out};
    size_t chunks = (out->n + CHUNK - 1) / CHUNK;
    if (out->n == 0) return MNK_OK;
    d.particles = is_plain(&d) ? 1 : PARTICLES;
    mnk_status status = MNK_NEW(d.status, chunks + 1, err);
    if (status == MNK_OK) mnk_parallel_for(chunks, draw_chunk, &d);
    for (size_t k = 0; k < chunks && status == MNK_OK; k++)
        if (d.status[k] != MNK_OK) status = MNK_FAIL(err, d.status[k], "out of memory: drawing from trees");
    mnk_free(d.status);
    return status;
}
