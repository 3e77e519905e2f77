/* Drawing from the forest: a leaf, then every column within it. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/arf.h"
#include "math/stats.h"

enum { CHUNK = 512, PATTERNS = 8 /* kept of the last patterns of given cells */ };

/* What a box allows of one column's bins, worked out once a call. */
typedef struct allowed {
    bool restricted;
    uint8_t bin[MNK_BINS]; /* atoms and levels; bin 0: missing */
    double low, high;      /* normal scores of the continuous part */
} allowed;

typedef struct drawing {
    const mnk_arf *a;
    const mnk_draw_request *q;
    mnk_table *out;
    allowed *allowed;   /* [columns]; NULL: no box */
    double *cumulative; /* [leaves] running sums of the leaves' weights under the box */
    long only;          /* the one given column, of codes, when that is all; else -1 */
    double **by_level;  /* [bins of `only`] running sums of weight times the share of that bin */
    mnk_status *status; /* [chunks] */
} drawing;

/* ---- boxes ---- */

static void allow(const mnk_codes *k, const mnk_column_box *b, allowed *out) {
    out->restricted = b->restricted;
    if (!b->restricted) return;
    out->bin[0] = b->missing;
    out->low = INFINITY, out->high = -INFINITY;
    for (unsigned i = 1; i < k->bins; i++) {
        if (!k->is_number) out->bin[i] = b->level[i - 1];
        else if (mnk_codes_is_atom(k, i)) out->bin[i] = k->low[i] >= b->low && k->low[i] <= b->high;
        else if (k->high[i] >= b->low && k->low[i] <= b->high) {
            out->low = fmin(out->low, mnk_codes_score(k, i, fmax(b->low, k->low[i])));
            out->high = fmax(out->high, mnk_codes_score(k, i, fmin(b->high, k->high[i])));
        }
    }
}

/* Probabilities of the normal's truncation limits, narrowed by the box. */
static void truncation(const mnk_arf_leaves *l, uint32_t normal, const allowed *b, double *from, double *to, double *whole) {
    double mean = l->mean[normal], sd = l->sd[normal], low = l->low[normal], high = l->high[normal];
    *from = l->cut[2 * normal], *to = l->cut[2 * normal + 1];
    *whole = *to - *from;
    if (!b || !b->restricted) return;
    if (b->low > low) *from = b->low < high ? mnk_normal_cdf((b->low - mean) / sd) : *to;
    if (b->high < high) *to = b->high > low ? mnk_normal_cdf((b->high - mean) / sd) : *from;
    if (*to < *from) *to = *from;
}

/* Share of the continuous part that lies in the box. */
static double inside(const mnk_arf_leaves *l, uint32_t normal, const allowed *b) {
    double from, to, whole;
    if (!b || !b->restricted) return 1;
    truncation(l, normal, b, &from, &to, &whole);
    return whole > 1e-12 ? (to - from) / whole : b->low <= l->mean[normal] && b->high >= l->mean[normal];
}

/* Probability that a column lies in the box, given the leaf. */
static double in_box(const mnk_arf_leaves *l, size_t leaf, size_t c, const allowed *b) {
    size_t cell = leaf * l->columns + c;
    double before = 0, sum = 0;
    for (uint32_t s = l->start[cell]; s < l->start[cell + 1]; s++) {
        double share = l->share[s] - before;
        before = l->share[s];
        sum += l->state[s] == MNK_ARF_CONTINUOUS ? share * inside(l, l->normal[cell], b) : b->bin[l->state[s]] ? share : 0;
    }
    return sum;
}

static mnk_status open_box(drawing *d, mnk_error *err) {
    const mnk_arf *a = d->a;
    double sum = 0;
    MNK_TRY(MNK_NEW(d->allowed, a->book.columns + 1, err));
    MNK_TRY(MNK_NEW(d->cumulative, a->leaf.leaves + 1, err));
    for (size_t c = 0; c < a->book.columns; c++) allow(&a->book.column[c], &d->q->box->column[c], &d->allowed[c]);
    for (size_t k = 0; k < a->leaf.leaves; k++) {
        double w = a->leaf.weight[k];
        for (size_t c = 0; c < a->book.columns && w > 0; c++)
            if (d->allowed[c].restricted) w *= in_box(&a->leaf, k, c, &d->allowed[c]);
        d->cumulative[k] = sum += w;
    }
    return MNK_OK;
}

/* ---- leaves ---- */

static size_t pick_leaf(const double *cumulative, size_t n, double u) {
    size_t a = 0, b = n - 1;
    double target = u * cumulative[n - 1];
    while (a < b) {
        size_t m = (a + b) / 2;
        if (cumulative[m] > target) b = m;
        else a = m + 1;
    }
    return a;
}

static double share_of(const mnk_arf_leaves *l, size_t cell, unsigned state, uint32_t *at) {
    for (uint32_t s = l->start[cell]; s < l->start[cell + 1]; s++)
        if (l->state[s] == state) {
            if (at) *at = s;
            return l->share[s] - (s > l->start[cell] ? l->share[s - 1] : 0);
        }
    return 0;
}

/* Likelihood of a cell within a leaf; a value that the leaf never saw has a thousandth of a row. */
static double likelihood(const mnk_arf *a, size_t leaf, size_t c, unsigned bin, double score) {
    const mnk_arf_leaves *l = &a->leaf;
    size_t cell = leaf * l->columns + c;
    const mnk_codes *k = &a->book.column[c];
    double unseen = 1e-3 / (l->weight[leaf] + 1);
    if (!bin || mnk_codes_is_atom(k, bin)) return fmax(share_of(l, cell, bin, NULL), unseen);
    double share = share_of(l, cell, MNK_ARF_CONTINUOUS, NULL);
    if (share <= 0) return unseen;
    double from, to, whole, sd = l->sd[l->normal[cell]], z = (score - l->mean[l->normal[cell]]) / sd;
    truncation(l, l->normal[cell], NULL, &from, &to, &whole);
    return fmax(unseen, share * exp(-0.5 * z * z) / (2.5066282746310002 * sd * fmax(whole, 1e-6)));
}

typedef struct found {
    uint32_t leaf;
    double running;
} found;

typedef struct row_cells { /* the given cells of one row */
    uint8_t *bin;          /* [columns] */
    double *score;         /* [columns] of the continuous part */
    uint8_t *is_given;
} row_cells;

/* Leaves of a tree that the given cells allow, weighted by how likely they make these. */
static size_t compatible(const drawing *d, size_t t, const row_cells *r, uint32_t *stack, found *list) {
    const mnk_arf *a = d->a;
    const mnk_bintree *tree = &a->tree[t];
    size_t depth = 0, n = 0;
    double sum = 0;
    stack[depth++] = 0;
    while (depth) {
        const mnk_bintree_node *node = &tree->node[stack[--depth]];
        if (node->column >= 0) {
            bool known = r->is_given[node->column], left = known && mnk_bintree_goes_left(node, r->bin[node->column]);
            if (!known || !left) stack[depth++] = (uint32_t)node->left + 1;
            if (!known || left) stack[depth++] = (uint32_t)node->left;
            continue;
        }
        size_t leaf = a->leaf.first[t] + (size_t)node->left;
        double w = a->leaf.weight[leaf];
        if (w <= 0) continue;
        for (size_t c = 0; c < a->book.columns; c++)
            if (r->is_given[c]) w *= likelihood(a, leaf, c, r->bin[c], r->score[c]);
            else if (d->allowed && d->allowed[c].restricted) w *= in_box(&a->leaf, leaf, c, &d->allowed[c]);
        sum += w;
        list[n++] = (found){(uint32_t)leaf, sum};
    }
    return n;
}

static size_t pick_found(const found *list, size_t n, double u) {
    size_t a = 0, b = n - 1;
    double target = u * list[n - 1].running;
    while (a < b) {
        size_t m = (a + b) / 2;
        if (list[m].running > target) b = m;
        else a = m + 1;
    }
    return list[a].leaf;
}

/* ---- cells ---- */

/* The column as a whole, for a leaf that knows nothing of what is asked for. */
static void put_from_marginal(const mnk_arf *a, size_t c, const allowed *b, double u, mnk_table *out, size_t row) {
    const mnk_codes *k = &a->book.column[c];
    double total = 0, before = 0;
    for (unsigned i = 1; i < k->bins; i++)
        if (!b || !b->restricted || b->bin[i] || !mnk_codes_is_atom(k, i)) total += k->count[i];
    for (unsigned i = 1; i < k->bins; i++) {
        if (b && b->restricted && !b->bin[i] && mnk_codes_is_atom(k, i)) continue;
        before += k->count[i];
        if (before <= u * total && i + 1 < k->bins) continue;
        if (mnk_codes_is_atom(k, i)) mnk_codebook_put(&a->book, out, c, row, i);
        else out->number[c][row] = k->low[i] + (k->high[i] - k->low[i]) * 0.5;
        return;
    }
}

static void put_continuous(const mnk_arf *a, size_t cell, size_t c, const allowed *b, double u, mnk_table *out, size_t row) {
    const mnk_arf_leaves *l = &a->leaf;
    uint32_t k = l->normal[cell];
    double from, to, whole, z;
    truncation(l, k, b, &from, &to, &whole);
    double p = from + u * (to - from);
    if (whole < 1e-12 || p <= 0 || p >= 1) { /* the limits lie far out in a tail: evenly between them */
        double low = fmax(l->low[k], b && b->restricted ? b->low : -INFINITY),
               high = fmin(l->high[k], b && b->restricted ? b->high : INFINITY);
        z = low + u * (high - low);
    } else z = fmin(l->high[k], fmax(l->low[k], l->mean[k] + l->sd[k] * mnk_normal_quantile(p)));
    out->number[c][row] = mnk_codes_value(&a->book.column[c], z);
}

/* Missing by u_absent, else a state in order by u. */
static void put_cell(const mnk_arf *a, size_t leaf, size_t c, const allowed *b, bool complete, double u_absent, double u,
                     mnk_table *out, size_t row) {
    const mnk_arf_leaves *l = &a->leaf;
    size_t cell = leaf * l->columns + c;
    uint32_t first = l->start[cell], end = l->start[cell + 1];
    bool boxed = b && b->restricted;
    double absent = first < end && l->state[first] == 0 ? l->share[first] : 0, total = 0, before = absent;
    if (absent > 0) first++;
    for (uint32_t s = first; s < end; s++) {
        double share = l->share[s] - before;
        before = l->share[s];
        total += l->state[s] == MNK_ARF_CONTINUOUS ? share * inside(l, l->normal[cell], b)
                 : !boxed || b->bin[l->state[s]]   ? share
                                                   : 0;
    }
    if (complete || (boxed && !b->bin[0])) absent = 0;
    if (absent > 0 && u_absent * (absent + total) < absent) {
        mnk_codebook_put(&a->book, out, c, row, 0);
        return;
    }
    if (total <= 0) {
        put_from_marginal(a, c, b, u, out, row);
        return;
    }
    double target = u * total, sum = 0;
    before = l->state[l->start[cell]] == 0 ? l->share[l->start[cell]] : 0;
    uint32_t last = end;
    double last_share = 0, last_sum = 0;
    for (uint32_t s = first; s < end; s++) {
        double share = l->share[s] - before;
        before = l->share[s];
        share *= l->state[s] == MNK_ARF_CONTINUOUS ? inside(l, l->normal[cell], b) : !boxed || b->bin[l->state[s]];
        if (share <= 0) continue;
        last = s, last_share = share, last_sum = sum;
        sum += share;
        if (target < sum) break;
    }
    if (l->state[last] != MNK_ARF_CONTINUOUS) mnk_codebook_put(&a->book, out, c, row, l->state[last]);
    else put_continuous(a, cell, c, b, fmin(1, fmax(0, (target - last_sum) / last_share)), out, row);
}

/* ---- latent positions of given cells ---- */

static double position_in_leaf(const mnk_arf *a, size_t leaf, size_t c, unsigned bin, double score) {
    const mnk_arf_leaves *l = &a->leaf;
    size_t cell = leaf * l->columns + c;
    double absent = l->start[cell] < l->start[cell + 1] && l->state[l->start[cell]] == 0 ? l->share[l->start[cell]] : 0,
           u = 0.5;
    uint32_t s = 0;
    bool atom = mnk_codes_is_atom(&a->book.column[c], bin);
    double share = share_of(l, cell, atom ? bin : MNK_ARF_CONTINUOUS, &s);
    if (share > 0 && absent < 1) {
        double below = l->share[s] - share - absent, at = 0.5;
        if (!atom) {
            double from, to, whole, p = mnk_normal_cdf((score - l->mean[l->normal[cell]]) / l->sd[l->normal[cell]]);
            truncation(l, l->normal[cell], NULL, &from, &to, &whole);
            at = whole > 1e-12 ? fmin(1, fmax(0, (p - from) / whole)) : 0.5;
        }
        u = (below + at * share) / (1 - absent);
    }
    return mnk_normal_quantile(fmin(0.995, fmax(0.005, u)));
}

/* ---- rows ---- */

typedef struct worker { /* memory of one chunk */
    row_cells cells;
    uint32_t *stack;
    found *list;
    double *e, *work;
    uint8_t *known; /* [latents] */
    struct {
        uint8_t *known;
        mnk_latent latent;
    } pattern[PATTERNS];
    int next;
} worker;

static mnk_status open_worker(const drawing *d, worker *w, mnk_error *err) {
    const mnk_arf *a = d->a;
    size_t nodes = 0;
    for (size_t t = 0; t < a->trees; t++) nodes = a->tree[t].nodes > nodes ? a->tree[t].nodes : nodes;
    MNK_TRY(MNK_NEW(w->e, a->latents + 1, err));
    MNK_TRY(MNK_NEW(w->work, a->latents + 1, err));
    if (!d->q->given) return MNK_OK;
    MNK_TRY(MNK_NEW(w->cells.bin, a->book.columns + 1, err));
    MNK_TRY(MNK_NEW(w->cells.score, a->book.columns + 1, err));
    MNK_TRY(MNK_NEW(w->cells.is_given, a->book.columns + 1, err));
    MNK_TRY(MNK_NEW(w->stack, nodes + 2, err));
    MNK_TRY(MNK_NEW(w->list, nodes + 2, err));
    return MNK_NEW(w->known, a->latents + 1, err);
}

static void close_worker(worker *w) {
    mnk_free(w->cells.bin);
    mnk_free(w->cells.score);
    mnk_free(w->cells.is_given);
    mnk_free(w->stack);
    mnk_free(w->list);
    mnk_free(w->e);
    mnk_free(w->work);
    mnk_free(w->known);
    for (int i = 0; i < PATTERNS; i++) {
        mnk_free(w->pattern[i].known);
        mnk_latent_clear(&w->pattern[i].latent);
    }
}

/* The conditional distribution of the latent variables for this pattern; the last few are kept. */
static mnk_status pattern_of(const drawing *d, worker *w, const mnk_latent **out, mnk_error *err) {
    size_t n = d->a->latents;
    for (int i = 0; i < PATTERNS; i++)
        if (w->pattern[i].known && memcmp(w->pattern[i].known, w->known, n) == 0) {
            *out = &w->pattern[i].latent;
            return MNK_OK;
        }
    int i = w->next++ % PATTERNS;
    if (!w->pattern[i].known) MNK_TRY(MNK_NEW(w->pattern[i].known, n + 1, err));
    mnk_latent_clear(&w->pattern[i].latent);
    memcpy(w->pattern[i].known, w->known, n);
    *out = &w->pattern[i].latent;
    mnk_status status = mnk_latent_open(d->a->correlation, n, w->known, &w->pattern[i].latent, err);
    if (status != MNK_OK) mnk_free(w->pattern[i].known), w->pattern[i].known = NULL;
    return status;
}

static void read_given(const drawing *d, size_t row, row_cells *r) {
    const mnk_arf *a = d->a;
    for (size_t c = 0; c < a->book.columns; c++) {
        r->is_given[c] = d->q->given[c] && d->q->given[c][row];
        if (!r->is_given[c]) continue;
        r->bin[c] = mnk_codebook_bin(&a->book, d->out, c, row);
        bool score = r->bin[c] && !mnk_codes_is_atom(&a->book.column[c], r->bin[c]);
        r->score[c] = score ? mnk_codes_score(&a->book.column[c], r->bin[c], d->out->number[c][row]) : 0;
    }
}

/* Leaf and latent variables of a row with given cells. */
static mnk_status draw_given(const drawing *d, size_t row, worker *w, mnk_rng *rng, size_t *leaf, mnk_error *err) {
    const mnk_arf *a = d->a;
    const mnk_latent *latent;
    read_given(d, row, &w->cells);
    if (d->only >= 0) {
        const double *sums = d->by_level[w->cells.bin[d->only]];
        *leaf = pick_leaf(sums, a->leaf.leaves, mnk_rng_uniform(rng));
    } else {
        size_t t = mnk_rng_below(rng, a->trees), n = compatible(d, t, &w->cells, w->stack, w->list);
        double u = mnk_rng_uniform(rng);
        bool any = n && w->list[n - 1].running > 0;
        *leaf = any ? pick_found(w->list, n, u) : pick_leaf(a->cumulative, a->leaf.leaves, u);
    }
    for (size_t c = 0; c < a->book.columns; c++) {
        bool given = w->cells.is_given[c];
        if (a->absence[c] >= 0) {
            size_t at = (size_t)a->absence[c], cell = *leaf * a->leaf.columns + c;
            double absent = share_of(&a->leaf, cell, 0, NULL), u = w->cells.bin[c] ? absent + 0.5 * (1 - absent) : 0.5 * absent;
            w->known[at] = given;
            /* the latent variable of absence is large for a missing cell */
            if (given) w->e[at] = -mnk_normal_quantile(fmin(0.995, fmax(0.005, u)));
        }
        if (a->position[c] >= 0) {
            w->known[a->position[c]] = given && w->cells.bin[c];
            if (given && w->cells.bin[c])
                w->e[a->position[c]] = position_in_leaf(a, *leaf, c, w->cells.bin[c], w->cells.score[c]);
        }
    }
    MNK_TRY(pattern_of(d, w, &latent, err));
    mnk_latent_draw(latent, w->e, w->work, rng);
    return MNK_OK;
}

static mnk_status draw_row(const drawing *d, size_t row, worker *w, mnk_error *err) {
    const mnk_arf *a = d->a;
    mnk_rng rng = mnk_rng_at(d->q->seed, MNK_PURPOSE_TABLE_DRAW, d->q->item[row], d->q->stream);
    size_t leaf;
    if (d->q->given) MNK_TRY(draw_given(d, row, w, &rng, &leaf, err));
    else {
        leaf = pick_leaf(d->cumulative ? d->cumulative : a->cumulative, a->leaf.leaves, mnk_rng_uniform(&rng));
        mnk_latent_draw(&a->latent, w->e, w->work, &rng);
    }
    for (size_t c = 0; c < a->book.columns; c++) {
        if (d->q->given && w->cells.is_given[c]) continue;
        const allowed *b = d->allowed ? &d->allowed[c] : NULL;
        double u = a->position[c] >= 0 ? mnk_normal_cdf(w->e[a->position[c]]) : mnk_rng_uniform(&rng);
        double absent = a->absence[c] >= 0 ? mnk_normal_cdf(-w->e[a->absence[c]]) : 1;
        put_cell(a, leaf, c, b, d->q->complete, absent, u, d->out, row);
    }
    return MNK_OK;
}

static void draw_chunk(void *ctx, size_t chunk) {
    drawing *d = ctx;
    worker w = {0};
    mnk_error err = MNK_ERROR_INIT;
    size_t end = (chunk + 1) * CHUNK < d->out->n ? (chunk + 1) * CHUNK : d->out->n;
    mnk_status status = open_worker(d, &w, &err);
    for (size_t i = chunk * CHUNK; i < end && status == MNK_OK; i++) status = draw_row(d, i, &w, &err);
    d->status[chunk] = status;
    close_worker(&w);
}

/* ---- the request ---- */

/* Only one column of codes is given (a class): running sums over the leaves, once for each level that is asked for. */
static mnk_status open_levels(drawing *d, mnk_error *err) {
    const mnk_arf *a = d->a;
    d->only = -1;
    size_t n = 0, column = 0;
    for (size_t c = 0; d->q->given && c < a->book.columns; c++)
        if (d->q->given[c]) n++, column = c;
    if (n != 1 || a->book.column[column].is_number || memchr(d->q->given[column], 0, d->out->n)) return MNK_OK;
    MNK_TRY(MNK_NEW(d->by_level, MNK_BINS, err));
    for (size_t i = 0; i < d->out->n; i++) {
        unsigned bin = mnk_codebook_bin(&a->book, d->out, column, i);
        double sum = 0;
        if (d->by_level[bin]) continue;
        MNK_TRY(MNK_NEW(d->by_level[bin], a->leaf.leaves + 1, err));
        for (size_t k = 0; k < a->leaf.leaves; k++) {
            double w = a->leaf.weight[k];
            for (size_t c = 0; d->allowed && c < a->book.columns && w > 0; c++)
                if (c != column && d->allowed[c].restricted) w *= in_box(&a->leaf, k, c, &d->allowed[c]);
            if (w > 0) sum += w * share_of(&a->leaf, k * a->leaf.columns + column, bin, NULL);
            d->by_level[bin][k] = sum;
        }
        if (sum <= 0) memcpy(d->by_level[bin], a->cumulative, a->leaf.leaves * sizeof(double));
    }
    d->only = (long)column;
    return MNK_OK;
}

mnk_status mnk_arf_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) {
    const mnk_arf *a = model;
    drawing d = {.a = a, .q = request, .out = out, .only = -1};
    size_t chunks = (out->n + CHUNK - 1) / CHUNK;
    mnk_status status;
    MNK_OUT(MNK_NEW(d.status, chunks + 1, err));
    if (request->box) MNK_OUT(open_box(&d, err));
    if (d.cumulative && !(d.cumulative[a->leaf.leaves - 1] > 0)) mnk_free(d.cumulative), d.cumulative = NULL;
    if (out->n) MNK_OUT(open_levels(&d, err));
    mnk_parallel_for(chunks, draw_chunk, &d);
    for (size_t k = 0; k < chunks && status == MNK_OK; k++)
        if (d.status[k] != MNK_OK) status = MNK_FAIL(err, d.status[k], "drawing from the forest failed (out of memory?)");
out:
    mnk_free(d.status);
    mnk_free(d.allowed);
    mnk_free(d.cumulative);
    for (unsigned b = 0; d.by_level && b < MNK_BINS; b++) mnk_free(d.by_level[b]);
    mnk_free(d.by_level);
    return status;
}

/* ---- density ---- */

typedef struct rating {
    const mnk_arf *a;
    const mnk_table *t;
    const uint8_t *bins;
    double *out;
} rating;

/* Log of the mean over the trees of weight/rows times the product over the columns, in the leaf of the row. */
static void rate_row(void *ctx, size_t i) {
    const rating *r = ctx;
    const mnk_arf *a = r->a;
    double most = -INFINITY, sum = 0, rows = a->cumulative[a->leaf.leaves - 1];
    for (size_t t = 0; t < a->trees; t++) {
        size_t leaf = a->leaf.first[t] + (size_t)a->tree[t].node[mnk_bintree_find(&a->tree[t], r->bins, r->t->n, i)].left;
        double log_p = log(fmax(a->leaf.weight[leaf], 1e-3) / rows);
        for (size_t c = 0; c < a->book.columns; c++) {
            unsigned bin = r->bins[c * r->t->n + i];
            bool score = bin && !mnk_codes_is_atom(&a->book.column[c], bin);
            log_p += log(likelihood(a, leaf, c, bin, score ? mnk_codes_score(&a->book.column[c], bin, r->t->number[c][i]) : 0));
        }
        if (log_p > most) sum = sum * exp(most - log_p) + 1, most = log_p;
        else sum += exp(log_p - most);
    }
    r->out[i] = most + log(sum);
}

mnk_status mnk_arf_density(const void *model, const mnk_table *rows, double *log_density, mnk_error *err) {
    const mnk_arf *a = model;
    uint8_t *bins;
    MNK_TRY(MNK_NEW(bins, a->book.columns * rows->n + 1, err));
    mnk_codebook_encode(&a->book, rows, bins);
    rating r = {a, rows, bins, log_density};
    mnk_parallel_for(rows->n, rate_row, &r);
    mnk_free(bins);
    return MNK_OK;
}
