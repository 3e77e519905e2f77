/* Growing the two-class trees of an adversarial forest. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/table/bintree.h"

enum { DEPTH_MAX = 48 };
static const double by_chance = 4; /* corrected chi-squares below may be chance */

typedef struct split {
    double gain;    /* chi-square of the split, less what as many cuts reach by chance */
    double balance; /* rows of the smaller child */
    size_t column;
    uint64_t mask[4];
} split;

typedef struct pending {
    uint32_t begin, end;
    int32_t node;
    uint16_t depth;
} pending;

typedef struct grower {
    const mnk_two_class *d;
    uint32_t *row;
    mnk_rng *rng;
    uint32_t count[2][MNK_BINS]; /* synthetic, real by bin */
    uint32_t total[2];
    size_t *order; /* [columns] to draw columns from */
} grower;

static double purity(double real, double synthetic) {
    double n = real + synthetic;
    return n > 0 ? (real * real + synthetic * synthetic) / n : 0;
}

/* Both children have enough rows; real ones in number or not at all. */
static bool allowed(const grower *g, uint32_t real, uint32_t synthetic) {
    size_t least = g->d->min_leaf, other_real = g->total[1] - real, other = other_real + g->total[0] - synthetic;
    return real + synthetic >= least && other >= least && (real == 0 || real >= least) &&
           (other_real == 0 || other_real >= least);
}

static void set_bit(uint64_t mask[4], unsigned bin) { mask[bin >> 6] |= (uint64_t)1 << (bin & 63); }

static void count_bins(grower *g, size_t column, size_t begin, size_t end, unsigned bins) {
    const uint8_t *bin = g->d->bins + column * g->d->stride, *real = g->d->real;
    memset(g->count[0], 0, bins * sizeof g->count[0][0]);
    memset(g->count[1], 0, bins * sizeof g->count[1][0]);
    for (size_t i = begin; i < end; i++) g->count[real[g->row[i]]][bin[g->row[i]]]++;
}

static void set_prefix(const uint8_t *sequence, unsigned n, uint64_t mask[4]) {
    memset(mask, 0, 4 * sizeof *mask);
    for (unsigned k = 0; k < n; k++) set_bit(mask, sequence[k]);
}

/* Tries "sequence[0..k] left" for every k: the purest cut to `best`, the most even one to `even`. The Gini gain of a cut is
 * 2 p q chi-square. */
static void scan(grower *g, size_t column, const uint8_t *sequence, unsigned n, split *best, split *even) {
    uint32_t real = 0, synthetic = 0;
    double rows = (double)g->total[0] + g->total[1], pq = g->total[0] / rows * (g->total[1] / rows),
           whole = purity(g->total[1], g->total[0]);
    double chance = 2 * log(1.0 + n), most = best->gain + chance;
    unsigned at = n, at_even = n;
    for (unsigned k = 0; k + 1 < n; k++) {
        real += g->count[1][sequence[k]], synthetic += g->count[0][sequence[k]];
        if (!allowed(g, real, synthetic)) continue;
        double chi = (purity(real, synthetic) + purity(g->total[1] - real, g->total[0] - synthetic) - whole) / (2 * pq);
        double balance = real + synthetic < rows / 2 ? real + synthetic : rows - real - synthetic;
        if (chi > most) most = chi, at = k;
        if (balance > even->balance) even->balance = balance, even->column = column, at_even = k;
    }
    if (at < n) {
        best->gain = most - chance, best->column = column;
        set_prefix(sequence, at + 1, best->mask);
    }
    if (at_even < n) set_prefix(sequence, at_even + 1, even->mask);
}

/* By the share of real rows: for two classes the best subset of levels is a prefix of this order (Breiman et al. 1984). */
static void sort_levels(const grower *g, uint8_t *bin, unsigned n) {
    for (unsigned i = 1; i < n; i++) {
        uint8_t x = bin[i];
        unsigned k = i;
        uint64_t rx = g->count[1][x], nx = rx + g->count[0][x];
        for (; k > 0; k--) {
            uint8_t y = bin[k - 1];
            uint64_t ry = g->count[1][y], ny = ry + g->count[0][y];
            if (ry * nx <= rx * ny) break;
            bin[k] = y;
        }
        bin[k] = x;
    }
}

static void try_column(grower *g, size_t column, size_t begin, size_t end, split *best, split *even) {
    const mnk_codes *c = &g->d->book->column[column];
    uint8_t sequence[MNK_BINS];
    unsigned n = 0;
    count_bins(g, column, begin, end, c->bins);
    for (unsigned b = 1; b < c->bins; b++)
        if (g->count[0][b] + g->count[1][b]) sequence[n++] = (uint8_t)b;
    bool missing = g->count[0][0] + g->count[1][0] > 0;
    if (c->ordered) {
        if (missing) sequence[n] = 0; /* last: right of every cut, or by itself */
        scan(g, column, sequence, n + missing, best, even);
        if (missing && n > 1) { /* first: left of every cut */
            memmove(sequence + 1, sequence, n);
            sequence[0] = 0;
            scan(g, column, sequence, n + 1, best, even);
        }
    } else {
        if (missing) sequence[n++] = 0;
        sort_levels(g, sequence, n);
        scan(g, column, sequence, n, best, even);
    }
}

/* The k-th column of a node: drawn by appeal from those not drawn yet. */
static size_t draw_column(grower *g, size_t k, double *left) {
    size_t columns = g->d->columns, pick = columns - 1;
    double u = mnk_rng_uniform(g->rng) * *left;
    for (size_t i = k; i < columns; i++)
        if ((u -= g->d->appeal[g->order[i]]) < 0) {
            pick = i;
            break;
        }
    size_t column = g->order[pick];
    g->order[pick] = g->order[k], g->order[k] = column;
    *left -= g->d->appeal[column];
    return column;
}

static bool find_split(grower *g, const pending *p, split *best) {
    size_t columns = g->d->columns;
    double left = 0;
    split even = {.balance = 0};
    *best = (split){.gain = by_chance};
    for (size_t c = 0; c < columns; c++) left += g->d->appeal[c];
    for (size_t k = 0; k < columns; k++) {
        if (k >= g->d->try_columns && (best->gain > by_chance || even.balance > 0)) break;
        split here = {.balance = 0};
        try_column(g, draw_column(g, k, &left), p->begin, p->end, best, &here);
        if (even.balance == 0) even = here; /* the first column that can be cut at all */
    }
    if (best->gain > by_chance) return true;
    *best = even;
    return even.balance > 0;
}

/* Rows whose bin is in the mask to the front; returns their number. */
static uint32_t part(grower *g, const pending *p, const split *s) {
    const uint8_t *bin = g->d->bins + s->column * g->d->stride;
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

static mnk_status grow(grower *g, pending *stack, size_t n, mnk_bintree *t, mnk_error *err) {
    size_t depth = 0, leaves = 1;
    stack[depth++] = (pending){0, (uint32_t)n, 0, 0};
    while (depth) {
        pending p = stack[--depth];
        split best;
        g->total[0] = g->total[1] = 0;
        for (size_t i = p.begin; i < p.end; i++) g->total[g->d->real[g->row[i]]]++;
        if (!g->total[0] || !g->total[1] || p.end - p.begin < 2 * g->d->min_leaf || p.depth >= DEPTH_MAX ||
            leaves >= g->d->max_leaves || !find_split(g, &p, &best))
            continue;
        int32_t left;
        MNK_TRY(mnk_bintree_split(t, (size_t)p.node, (int32_t)best.column, best.mask, &left, err));
        uint32_t middle = part(g, &p, &best);
        leaves++;
        stack[depth++] = (pending){p.begin, middle, left, (uint16_t)(p.depth + 1)};
        stack[depth++] = (pending){middle, p.end, left + 1, (uint16_t)(p.depth + 1)};
    }
    return MNK_OK;
}

mnk_status mnk_bintree_grow(const mnk_two_class *d, uint32_t *row, size_t n, mnk_rng *rng, mnk_bintree *out, mnk_error *err) {
    grower *g = NULL;
    pending stack[2 * DEPTH_MAX + 4];
    mnk_status status;
    *out = (mnk_bintree){0};
    MNK_OUT(MNK_NEW(g, 1, err));
    g->d = d, g->row = row, g->rng = rng;
    MNK_OUT(MNK_NEW(g->order, d->columns + 1, err));
    for (size_t c = 0; c < d->columns; c++) g->order[c] = c;
    MNK_OUT(mnk_bintree_open(out, err));
    MNK_OUT(grow(g, stack, n, out, err));
out:
    if (g) mnk_free(g->order);
    mnk_free(g);
    return status;
}
