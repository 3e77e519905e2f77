/* Drawing from the Gaussian: a class, the latent variables (some of them known), the values they are cut into. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/gaussian.h"
#include "math/stats.h"

enum { CHUNK = 512, PATTERNS = 4 };

typedef struct drawing {
    const mnk_gaussian *g;
    const mnk_draw_request *q;
    mnk_table *out;
    uint8_t *boxed; /* [columns] restricted by the box and neither label nor given */
    uint8_t **may;  /* [columns] by bin: the box allows it */
    mnk_status *status;
} drawing;

typedef struct worker {
    double *z, *e, *work;   /* z: latent values; e: the same, standardised in a class */
    uint8_t *known, *fixed; /* fixed: by given cells alone */
    double *chance;         /* [classes] */
    struct {
        uint8_t *known;
        mnk_latent *latent; /* [classes] */
    } pattern[PATTERNS];
    int next;
} worker;

static void close_pattern(const mnk_gaussian *g, worker *w, int i) {
    for (size_t k = 0; w->pattern[i].latent && k < g->classes; k++) mnk_latent_clear(&w->pattern[i].latent[k]);
    mnk_free(w->pattern[i].latent);
    mnk_free(w->pattern[i].known);
    w->pattern[i].latent = NULL, w->pattern[i].known = NULL;
}

static mnk_status pattern_of(const drawing *d, worker *w, const mnk_latent **out, mnk_error *err) {
    const mnk_gaussian *g = d->g;
    *out = g->latent;
    if (g->latents == 0 || !memchr(w->known, 1, g->latents)) return MNK_OK;
    for (int i = 0; i < PATTERNS; i++)
        if (w->pattern[i].known && memcmp(w->pattern[i].known, w->known, g->latents) == 0) {
            *out = w->pattern[i].latent;
            return MNK_OK;
        }
    int i = w->next++ % PATTERNS;
    close_pattern(g, w, i);
    MNK_TRY(MNK_NEW(w->pattern[i].latent, g->classes, err));
    for (size_t k = 0; k < g->classes; k++)
        MNK_TRY(
            mnk_latent_open(g->correlation + k * g->latents * g->latents, g->latents, w->known, &w->pattern[i].latent[k], err));
    MNK_TRY(MNK_NEW(w->pattern[i].known, g->latents + 1, err));
    memcpy(w->pattern[i].known, w->known, g->latents);
    *out = w->pattern[i].latent;
    return MNK_OK;
}

/* ---- known cells ---- */

static double clip(double z) { return z < -4 ? -4 : z > 4 ? 4 : z; }

static void know_cell(const drawing *d, size_t row, size_t c, worker *w) {
    const mnk_gaussian *g = d->g;
    const mnk_codes *k = &g->book.column[c];
    unsigned bin = mnk_codebook_bin(&g->book, d->out, c, row);
    if (g->absence[c] >= 0) {
        w->known[g->absence[c]] = 1;
        w->z[g->absence[c]] = clip(bin ? g->threshold[c] - 0.8 : g->threshold[c] + 0.5);
    }
    if (!bin || g->position[c] < 0) return;
    const double *edge = g->edge + c * (MNK_BINS + 1) + k->rank[bin];
    double at = mnk_codes_is_atom(k, bin) ? 0.5 : (d->out->number[c][row] - k->low[bin]) / (k->high[bin] - k->low[bin]);
    w->known[g->position[c]] = 1;
    w->z[g->position[c]] = clip(clip(edge[0]) + fmin(1, fmax(0, at)) * (clip(edge[1]) - clip(edge[0])));
}

static bool is_given(const drawing *d, size_t c, size_t row) { return d->q->given && d->q->given[c] && d->q->given[c][row]; }

/* ---- the class ---- */

static double mass(const mnk_gaussian *g, size_t class_, size_t latent, double from, double to) {
    double mean = g->mean[class_ * g->latents + latent], sd = g->sd[class_ * g->latents + latent];
    return fmax(0, mnk_normal_cdf((to - mean) / sd) - mnk_normal_cdf((from - mean) / sd));
}

/* Probability that a restricted column lies in the box, in a class. */
static double in_box(const drawing *d, size_t class_, size_t c) {
    const mnk_gaussian *g = d->g;
    double p = 0, absent = g->absence[c] >= 0 ? mass(g, class_, (size_t)g->absence[c], g->threshold[c], 99) : 0;
    const double *edge = g->edge + c * (MNK_BINS + 1);
    if (g->position[c] < 0) p = d->may[c][1];
    for (unsigned i = 0; g->position[c] >= 0 && i + 1 < g->book.column[c].bins; i++)
        if (d->may[c][g->book.column[c].order[i]]) p += mass(g, class_, (size_t)g->position[c], edge[i], edge[i + 1]);
    return p * (1 - absent) + (d->may[c][0] ? absent : 0);
}

static void to_class(const mnk_gaussian *g, size_t class_, worker *w) {
    for (size_t j = 0; j < g->latents; j++)
        if (w->known[j]) w->e[j] = (w->z[j] - g->mean[class_ * g->latents + j]) / g->sd[class_ * g->latents + j];
}

static size_t pick_class(const drawing *d, size_t row, const mnk_latent *latent, worker *w, mnk_rng *rng) {
    const mnk_gaussian *g = d->g;
    double most = -INFINITY, sum = 0;
    if (g->label >= 0 && is_given(d, (size_t)g->label, row))
        return (size_t)g->class_of[mnk_codebook_bin(&g->book, d->out, (size_t)g->label, row)];
    for (size_t k = 0; k < g->classes; k++) {
        double p = log(fmax(g->weight[k], 1e-300));
        if (latent != g->latent) {
            to_class(g, k, w);
            p += mnk_latent_log_density(&latent[k], w->e, w->work);
            for (size_t j = 0; j < g->latents; j++)
                if (w->known[j]) p -= log(g->sd[k * g->latents + j]);
        }
        for (size_t c = 0; d->boxed && c < g->columns; c++)
            if (d->boxed[c] && !is_given(d, c, row)) p += log(fmax(in_box(d, k, c), 1e-12));
        if (d->may && g->label >= 0 && d->may[g->label]) { /* how much of the class the box allows */
            double part = 0, all = 0;
            for (unsigned b = 0; b < g->book.column[g->label].bins; b++)
                if ((size_t)g->class_of[b] == k)
                    all += g->book.column[g->label].count[b],
                        part += d->may[g->label][b] ? g->book.column[g->label].count[b] : 0;
            p += all > 0 && part > 0 ? log(part / all) : -700;
        }
        w->chance[k] = p;
        if (p > most) most = p;
    }
    for (size_t k = 0; k < g->classes; k++) sum += w->chance[k] = exp(w->chance[k] - most);
    double u = mnk_rng_uniform(rng) * sum;
    for (size_t k = 0; k + 1 < g->classes; k++)
        if ((u -= w->chance[k]) < 0) return k;
    return g->classes - 1;
}

/* ---- restricted columns: drawn first, from their own distribution in the class, then taken as known ---- */

static double between(const mnk_gaussian *g, size_t class_, size_t latent, double from, double to, double u) {
    double mean = g->mean[class_ * g->latents + latent], sd = g->sd[class_ * g->latents + latent];
    double a = mnk_normal_cdf((from - mean) / sd), b = mnk_normal_cdf((to - mean) / sd), p = a + u * (b - a);
    if (p <= 1e-15 || p >= 1 - 1e-15 || b - a < 1e-15) return clip(from) + u * (clip(to) - clip(from));
    return mean + sd * mnk_normal_quantile(p);
}

static void fix_column(const drawing *d, size_t class_, size_t c, worker *w, mnk_rng *rng) {
    const mnk_gaussian *g = d->g;
    const double *edge = g->edge + c * (MNK_BINS + 1);
    double sum = 0, u = mnk_rng_uniform(rng), at = mnk_rng_uniform(rng);
    if (g->absence[c] >= 0) {
        bool missing = false, any = false;
        for (unsigned b = 1; b < g->book.column[c].bins; b++) any = any || d->may[c][b];
        double absent = d->may[c][0] ? mass(g, class_, (size_t)g->absence[c], g->threshold[c], 99) : 0;
        missing = d->may[c][0] && (!any || mnk_rng_uniform(rng) < absent);
        w->known[g->absence[c]] = 1;
        w->z[g->absence[c]] = missing ? between(g, class_, (size_t)g->absence[c], g->threshold[c], 8, at)
                                      : between(g, class_, (size_t)g->absence[c], -8, g->threshold[c], at);
    }
    if (g->position[c] < 0) return;
    for (unsigned i = 0; i + 1 < g->book.column[c].bins; i++)
        if (d->may[c][g->book.column[c].order[i]])
            sum += mass(g, class_, (size_t)g->position[c], edge[i], edge[i + 1]) + 1e-300;
    u *= sum;
    for (unsigned i = 0; i + 1 < g->book.column[c].bins; i++) {
        if (!d->may[c][g->book.column[c].order[i]]) continue;
        u -= mass(g, class_, (size_t)g->position[c], edge[i], edge[i + 1]) + 1e-300;
        w->z[g->position[c]] = between(g, class_, (size_t)g->position[c], edge[i], edge[i + 1], at);
        w->known[g->position[c]] = 1;
        if (u < 0) return;
    }
}

/* ---- cells ---- */

static void put_cell(const drawing *d, size_t row, size_t c, const worker *w) {
    const mnk_gaussian *g = d->g;
    const mnk_codes *k = &g->book.column[c];
    if (k->bins < 2 || (!d->q->complete && g->absence[c] >= 0 && w->z[g->absence[c]] > g->threshold[c])) {
        mnk_codebook_put(&g->book, d->out, c, row, 0);
        return;
    }
    unsigned bin = 1;
    double at = 0.5;
    if (g->position[c] >= 0) {
        const double *edge = g->edge + c * (MNK_BINS + 1);
        double z = w->z[g->position[c]];
        unsigned a = 0, b = k->bins - 2u;
        while (a < b) { /* the last bin whose lower edge is not above z */
            unsigned m = (a + b + 1) / 2;
            if (edge[m] <= z) a = m;
            else b = m - 1;
        }
        bin = g->book.column[c].order[a];
        double from = clip(edge[a]), to = clip(edge[a + 1]);
        at = to > from ? fmin(1, fmax(0, (z - from) / (to - from))) : 0.5;
    }
    if (mnk_codes_is_atom(k, bin)) mnk_codebook_put(&g->book, d->out, c, row, bin);
    else d->out->number[c][row] = k->low[bin] + at * (k->high[bin] - k->low[bin]);
}

static void put_label(const drawing *d, size_t row, size_t class_, mnk_rng *rng) {
    const mnk_gaussian *g = d->g;
    const mnk_codes *k = &g->book.column[g->label];
    const uint8_t *may = d->may ? d->may[g->label] : NULL;
    double sum = 0;
    unsigned last = 0;
    for (unsigned b = d->q->complete; b < k->bins; b++)
        if ((size_t)g->class_of[b] == class_ && (!may || may[b])) sum += k->count[b];
    double u = mnk_rng_uniform(rng) * sum;
    for (unsigned b = d->q->complete; b < k->bins; b++) {
        if ((size_t)g->class_of[b] != class_ || (may && !may[b]) || k->count[b] <= 0) continue;
        last = b;
        if ((u -= k->count[b]) < 0) break;
    }
    if (!last && d->q->complete) /* the class holds nothing but "missing" */
        for (unsigned b = 1; b < k->bins; b++)
            if (!last || k->count[b] > k->count[last]) last = b;
    mnk_codebook_put(&g->book, d->out, (size_t)g->label, row, last);
}

static mnk_status draw_row(const drawing *d, size_t row, worker *w, mnk_error *err) {
    const mnk_gaussian *g = d->g;
    mnk_rng rng = mnk_rng_at(d->q->seed, MNK_PURPOSE_TABLE_DRAW, d->q->item[row], d->q->stream);
    const mnk_latent *latent;
    if (g->latents) memset(w->known, 0, g->latents);
    for (size_t c = 0; c < g->columns; c++)
        if (is_given(d, c, row) && (long)c != g->label) know_cell(d, row, c, w);
    MNK_TRY(pattern_of(d, w, &latent, err));
    size_t class_ = pick_class(d, row, latent, w, &rng);
    bool fixed = false;
    for (size_t c = 0; d->boxed && c < g->columns; c++)
        if (d->boxed[c] && !is_given(d, c, row)) fix_column(d, class_, c, w, &rng), fixed = true;
    if (fixed) MNK_TRY(pattern_of(d, w, &latent, err));
    to_class(g, class_, w);
    mnk_latent_draw(&latent[class_], w->e, w->work, &rng);
    for (size_t j = 0; j < g->latents; j++)
        if (!w->known[j]) w->z[j] = g->mean[class_ * g->latents + j] + g->sd[class_ * g->latents + j] * w->e[j];
    for (size_t c = 0; c < g->columns; c++) {
        if (is_given(d, c, row)) continue;
        if ((long)c == g->label) put_label(d, row, class_, &rng);
        else put_cell(d, row, c, w);
    }
    return MNK_OK;
}

static mnk_status open_worker(const mnk_gaussian *g, worker *w, mnk_error *err) {
    MNK_TRY(MNK_NEW(w->z, g->latents + 1, err));
    MNK_TRY(MNK_NEW(w->e, g->latents + 1, err));
    MNK_TRY(MNK_NEW(w->work, g->latents + 2, err));
    MNK_TRY(MNK_NEW(w->known, g->latents + 1, err));
    return MNK_NEW(w->chance, g->classes, err);
}

static void draw_chunk(void *ctx, size_t chunk) {
    drawing *d = ctx;
    worker w = {0};
    mnk_error err = MNK_ERROR_INIT;
    size_t end = (chunk + 1) * CHUNK < d->out->n ? (chunk + 1) * CHUNK : d->out->n;
    mnk_status status = open_worker(d->g, &w, &err);
    for (size_t i = chunk * CHUNK; i < end && status == MNK_OK; i++) status = draw_row(d, i, &w, &err);
    d->status[chunk] = status;
    for (int i = 0; i < PATTERNS; i++) close_pattern(d->g, &w, i);
    mnk_free(w.z);
    mnk_free(w.e);
    mnk_free(w.work);
    mnk_free(w.known);
    mnk_free(w.chance);
}

/* Bins that the box allows; intervals that it cuts are allowed, the frame rejects what lies outside. */
static mnk_status open_box(drawing *d, mnk_error *err) {
    const mnk_gaussian *g = d->g;
    if (!d->q->box) return MNK_OK;
    MNK_TRY(MNK_NEW(d->boxed, g->columns + 1, err));
    MNK_TRY(MNK_NEW(d->may, g->columns + 1, err));
    for (size_t c = 0; c < g->columns; c++) {
        const mnk_column_box *b = &d->q->box->column[c];
        const mnk_codes *k = &g->book.column[c];
        if (!b->restricted) continue;
        MNK_TRY(MNK_NEW(d->may[c], MNK_BINS, err));
        d->boxed[c] = (long)c != g->label;
        d->may[c][0] = b->missing;
        for (unsigned i = 1; i < k->bins; i++)
            d->may[c][i] = k->is_number ? k->high[i] >= b->low && k->low[i] <= b->high : b->level[i - 1];
    }
    return MNK_OK;
}

mnk_status mnk_gaussian_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) {
    drawing d = {.g = model, .q = request, .out = out};
    size_t chunks = (out->n + CHUNK - 1) / CHUNK;
    mnk_status status;
    MNK_OUT(MNK_NEW(d.status, chunks + 1, err));
    MNK_OUT(open_box(&d, err));
    mnk_parallel_for(chunks, draw_chunk, &d);
    for (size_t k = 0; k < chunks && status == MNK_OK; k++)
        if (d.status[k] != MNK_OK) status = MNK_FAIL(err, d.status[k], "drawing from the Gaussian failed (out of memory?)");
out:
    mnk_free(d.status);
    mnk_free(d.boxed);
    for (size_t c = 0; d.may && c < d.g->columns; c++) mnk_free(d.may[c]);
    mnk_free(d.may);
    return status;
}
