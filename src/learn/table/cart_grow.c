#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/table/cart.h"
#include "math/stats.h"

enum { M = MNK_CART_CODES, DEPTH_MAX = 48 };

typedef struct split {
    double gain;
    size_t column;
    uint64_t mask[4];
} split;

typedef struct pending {
    uint32_t begin, end;
    int32_t node;
    uint16_t depth;
} pending;

typedef struct grower {
    const mnk_cart_target *t;
    uint32_t *row;
    float sum[MNK_BINS][M];
    uint32_t count[MNK_BINS];
    double total[M], squares; /* of the node */
    size_t n;
    int leading; /* the code that varies most in the node: levels are ordered by it */
    uint64_t tried;
} grower;

void mnk_cart_code(mnk_cart_target *t, mnk_rng *rng) {
    const mnk_codes *k = &t->book->column[t->column];
    double total = 0, below = 0;
    memset(t->code, 0, sizeof t->code);
    for (unsigned b = 1; b < k->bins; b++) total += k->count[b];
    if (k->ordered) {
        double absent = k->count[0] / fmax(1, total + k->count[0]),
               scale = absent > 0 ? 1 / sqrt(absent * (1 - absent) + 1e-9) : 1;
        for (unsigned b = 1; b < k->bins; b++) {
            double p = total > 0 ? (below + 0.5 * k->count[b]) / total : 0.5;
            t->code[b][0] = (float)mnk_normal_quantile(fmin(0.999, fmax(0.001, p)));
            below += k->count[b];
        }
        t->code[0][1] = (float)fmin(scale, 20);
        return;
    }
    uint8_t done[MNK_BINS] = {0};
    for (int top = 0; top < M / 2; top++) {
        unsigned best = k->bins;
        for (unsigned b = 0; b < k->bins; b++)
            if (!done[b] && k->count[b] > 0 && (best == k->bins || k->count[b] > k->count[best])) best = b;
        if (best == k->bins) break;
        done[best] = 1;
        t->code[best][top] = 1;
    }
    for (unsigned b = 0; b < k->bins; b++)
        for (int m = M / 2; m < M; m++) t->code[b][m] = mnk_rng_u32(rng) & 1 ? 0.5f : -0.5f;
}

static void sum_node(grower *g, const pending *p) {
    const uint8_t *bin = g->t->bins + g->t->column * g->t->stride;
    double most = -1, each[M] = {0};
    memset(g->total, 0, sizeof g->total);
    g->n = p->end - p->begin;
    for (uint32_t i = p->begin; i < p->end; i++) {
        const float *c = g->t->code[bin[g->row[i]]];
        for (int m = 0; m < M; m++) g->total[m] += c[m], each[m] += (double)c[m] * c[m];
    }
    g->squares = 0;
    for (int m = 0; m < M; m++) {
        double s = each[m] - g->total[m] * g->total[m] / (double)g->n;
        g->squares += s;
        if (s > most) most = s, g->leading = m;
    }
}

static void set_bit(uint64_t mask[4], unsigned bin) { mask[bin >> 6] |= (uint64_t)1 << (bin & 63); }

/* Tries "sequence[0..k] left" for every k. Gain: what the split takes off the sum of squares. */
static void scan(grower *g, size_t column, const uint8_t *sequence, unsigned n, split *best) {
    double left[M] = {0};
    size_t rows = 0;
    unsigned at = n;
    double whole = 0;
    for (int m = 0; m < M; m++) whole += g->total[m] * g->total[m];
    whole /= (double)g->n;
    for (unsigned k = 0; k + 1 < n; k++) {
        const float *s = g->sum[sequence[k]];
        double a = 0, b = 0;
        rows += g->count[sequence[k]];
        for (int m = 0; m < M; m++) {
            left[m] += s[m];
            a += left[m] * left[m], b += (g->total[m] - left[m]) * (g->total[m] - left[m]);
        }
        g->tried++;
        if (rows < g->t->min_leaf || g->n - rows < g->t->min_leaf) continue;
        double gain = a / (double)rows + b / (double)(g->n - rows) - whole;
        if (gain > best->gain) best->gain = gain, best->column = column, at = k;
    }
    if (at == n) return;
    memset(best->mask, 0, sizeof best->mask);
    for (unsigned k = 0; k <= at; k++) set_bit(best->mask, sequence[k]);
}

static void sort_levels(const grower *g, uint8_t *bin, unsigned n) {
    for (unsigned i = 1; i < n; i++) {
        uint8_t x = bin[i];
        unsigned k = i;
        double mean = g->sum[x][g->leading] / (double)g->count[x];
        for (; k > 0 && g->sum[bin[k - 1]][g->leading] / (double)g->count[bin[k - 1]] > mean; k--) bin[k] = bin[k - 1];
        bin[k] = x;
    }
}

static void try_column(grower *g, size_t column, const pending *p, split *best) {
    const mnk_codes *c = &g->t->book->column[column];
    const uint8_t *bin = g->t->bins + column * g->t->stride, *target = g->t->bins + g->t->column * g->t->stride;
    uint8_t sequence[MNK_BINS];
    unsigned n = 0;
    memset(g->sum, 0, c->bins * sizeof g->sum[0]);
    memset(g->count, 0, c->bins * sizeof g->count[0]);
    for (uint32_t i = p->begin; i < p->end; i++) {
        uint32_t r = g->row[i];
        float *s = g->sum[bin[r]];
        const float *v = g->t->code[target[r]];
        g->count[bin[r]]++;
        for (int m = 0; m < M; m++) s[m] += v[m];
    }
    for (unsigned b = 1; b < c->bins; b++)
        if (g->count[b]) sequence[n++] = (uint8_t)b;
    bool missing = g->count[0] > 0;
    if (!c->ordered) {
        if (missing) sequence[n++] = 0;
        sort_levels(g, sequence, n);
        scan(g, column, sequence, n, best);
        return;
    }
    if (missing) sequence[n] = 0;
    scan(g, column, sequence, n + missing, best);
    if (missing && n > 1) {
        memmove(sequence + 1, sequence, n);
        sequence[0] = 0;
        scan(g, column, sequence, n + 1, best);
    }
}

/* The best of many tries must beat what the best of as many tries would reach by chance. */
static bool is_real(const grower *g, const split *s) {
    double rest = fmax(g->squares - s->gain, 1e-12 * g->squares) / (double)g->n;
    return s->gain > 0 && s->gain / rest > g->t->threshold * (1 + 2 * log((double)g->tried + 1)) / 8;
}

static uint32_t part(grower *g, const pending *p, const split *s) {
    const uint8_t *bin = g->t->bins + s->column * g->t->stride;
    uint32_t a = p->begin, b = p->end;
    while (a < b) {
        uint8_t x = bin[g->row[a]];
        if (s->mask[x >> 6] >> (x & 63) & 1) a++;
        else {
            uint32_t t = g->row[a];
            g->row[a] = g->row[--b], g->row[b] = t;
        }
    }
    return a;
}

static void place_unseen(grower *g, const pending *p, split *s) {
    const uint8_t *bin = g->t->bins + s->column * g->t->stride;
    const mnk_codes *c = &g->t->book->column[s->column];
    memset(g->count, 0, c->bins * sizeof g->count[0]);
    for (uint32_t i = p->begin; i < p->end; i++) g->count[bin[g->row[i]]]++;
    mnk_bintree_place_unseen(c, g->count, s->mask);
}

static mnk_status grow(grower *g, size_t n, mnk_bintree *out, mnk_error *err) {
    pending stack[2 * DEPTH_MAX + 4];
    size_t depth = 0;
    stack[depth++] = (pending){0, (uint32_t)n, 0, 0};
    while (depth) {
        pending p = stack[--depth];
        if (p.end - p.begin < 2 * g->t->min_leaf || p.depth >= DEPTH_MAX) continue;
        sum_node(g, &p);
        if (!(g->squares > 1e-9)) continue;
        split best = {.gain = 1e-12 * g->squares};
        g->tried = 0;
        for (size_t c = 0; c < g->t->book->columns; c++)
            if (g->t->predictor[c]) try_column(g, c, &p, &best);
        if (!(best.mask[0] | best.mask[1] | best.mask[2] | best.mask[3]) || !is_real(g, &best)) continue;
        int32_t left;
        place_unseen(g, &p, &best);
        MNK_TRY(mnk_bintree_split(out, (size_t)p.node, (int32_t)best.column, best.mask, &left, err));
        uint32_t middle = part(g, &p, &best);
        stack[depth++] = (pending){p.begin, middle, left, (uint16_t)(p.depth + 1)};
        stack[depth++] = (pending){middle, p.end, left + 1, (uint16_t)(p.depth + 1)};
    }
    return MNK_OK;
}

mnk_status mnk_cart_grow(const mnk_cart_target *t, uint32_t *row, size_t n, mnk_bintree *out, mnk_error *err) {
    grower *g;
    *out = (mnk_bintree){0};
    MNK_TRY(MNK_NEW(g, 1, err));
    g->t = t, g->row = row;
    mnk_status status = mnk_bintree_open(out, err);
    if (status == MNK_OK) status = grow(g, n, out, err);
    if (status == MNK_OK) mnk_bintree_number_leaves(out);
    mnk_free(g);
    return status;
}
