#include "learn/table/neural/layout.h"

#include <math.h>

#include "base/mem.h"
#include "math/stats.h"

/* Values with this share of the rows are modes of their own; columns with no more than FEW values are codes. Conditions have
 * at most CONDITION_STATES states: log-frequencies of rare codes would fill the batches with noise. */
#define SPIKE 0.05
enum { FEW = 8, CONDITION_STATES = 64 };

static void add_state(mnk_piece *p, unsigned bin, double weight) {
    p->state[bin] = (int16_t)p->states;
    p->bin[p->states] = (uint8_t)bin;
    p->weight[p->states++] = weight;
}

static void lay_number(const mnk_codes *k, mnk_piece *p) {
    double rows = 0;
    for (unsigned b = 1; b < k->bins; b++) rows += k->count[b];
    bool few = !k->has_continuous && k->bins <= FEW + 1;
    bool spike[MNK_BINS] = {0};
    for (unsigned b = 1; b < k->bins; b++) {
        spike[b] = mnk_codes_is_atom(k, b) && (few || k->count[b] >= SPIKE * (rows + k->count[0]));
        if (spike[b]) continue;
        p->below[b] = p->total;
        p->total += k->count[b];
    }
    for (unsigned b = 1; b < k->bins; b++) p->below[b] = p->total > 0 ? p->below[b] / p->total : 0;
    if (p->total > 0) {
        p->has_score = true, p->modes = 1;
        p->weight[0] = p->total;
        p->states = 1;
        for (unsigned b = 1; b < k->bins; b++)
            if (!spike[b]) p->state[b] = 0;
    }
    if (k->count[0] > 0) add_state(p, 0, k->count[0]);
    for (unsigned b = 1; b < k->bins; b++)
        if (spike[b]) add_state(p, b, k->count[b]);
}

/* Every interval a mode with the score; atoms without one; missing last. */
static void lay_public(const mnk_codes *k, mnk_piece *p) {
    for (unsigned b = 1; b < k->bins; b++) add_state(p, b, k->count[b]);
    if (k->has_continuous) p->has_score = true, p->modes = p->states, p->total = p->states;
    add_state(p, 0, k->count[0]);
}

static void lay(const mnk_codes *k, bool is_public, mnk_piece *p) {
    for (unsigned b = 0; b < MNK_BINS; b++) p->state[b] = -1;
    if (k->is_number && is_public) lay_public(k, p);
    else if (k->is_number) lay_number(k, p);
    else
        for (unsigned b = 0; b < k->bins;
             b++) /* a public level is a state even where noise made its count 0: rows may have it */
            if (is_public || k->count[b] > 0) add_state(p, b, k->count[b]);
    if (p->states == 0) add_state(p, 0, 1); /* a column without any row */
}

mnk_status mnk_layout_open(const mnk_codebook *book, const mnk_schema *s, bool is_public, mnk_layout *out, mnk_error *err) {
    *out = (mnk_layout){.is_public = is_public, .book = book, .label = mnk_schema_role(s, MNK_COLUMN_IS_LABEL)};
    MNK_TRY(MNK_NEW(out->piece, book->columns + 1, err));
    MNK_TRY(MNK_NEW(out->condition, book->columns + 1, err));
    for (size_t c = 0; c < book->columns; c++) {
        mnk_piece *p = &out->piece[c];
        lay(&book->column[c], is_public, p);
        p->score_at = p->has_score ? out->width++ : MNK_NOWHERE;
        p->state_at = p->states > 1 ? out->width : MNK_NOWHERE;
        if (p->states > 1) out->width += p->states;
        bool is_condition = !p->has_score && p->states > 1 && (p->states <= CONDITION_STATES || (long)c == out->label);
        if (is_public) is_condition = (long)c == out->label && !book->column[c].is_number;
        p->condition_at = is_condition ? out->conditions : MNK_NOWHERE;
        if (!is_condition) continue;
        out->conditions += p->states;
        out->condition[out->condition_pieces++] = c;
    }
    return MNK_OK;
}

void mnk_layout_clear(mnk_layout *l) {
    mnk_free(l->piece);
    mnk_free(l->condition);
    *l = (mnk_layout){0};
}

/* ---- scores ---- */

static double share(const mnk_codes *k, const mnk_piece *p, unsigned bin) {
    return p->total > 0 ? k->count[bin] / p->total : 0;
}

/* F in [0, 1] lies between 1/2 and n - 1/2 of n rows: the score of the smallest value is finite, and F comes back. */
double mnk_piece_score(const mnk_codes *k, const mnk_piece *p, unsigned bin, double x, double u) {
    double width = k->high[bin] - k->low[bin], at = width > 0 ? (x - k->low[bin]) / width : u;
    at = at < 0 ? 0 : at > 1 ? 1 : at;
    if (p->modes > 1) return 2 * at - 1;
    if (p->total <= 1) return 0;
    return mnk_normal_quantile((0.5 + (p->total - 1) * (p->below[bin] + at * share(k, p, bin))) / p->total);
}

double mnk_piece_value(const mnk_codes *k, const mnk_piece *p, unsigned state, double score) {
    if (score != score) score = 0; /* a damaged network */
    if (p->modes > 1) {
        double low = k->low[p->bin[state]], high = k->high[p->bin[state]];
        return low + (high - low) * 0.5 * (1 + (score < -1 ? -1 : score > 1 ? 1 : score));
    }
    double q = p->total > 1 ? (mnk_normal_cdf(score) * p->total - 0.5) / (p->total - 1) : 0.5;
    q = q < 0 ? 0 : q > 1 ? 1 : q;
    unsigned a = 1, b = k->bins; /* the last bin that begins at or below q; spikes begin where the bin after them does */
    while (a < b) {
        unsigned m = (a + b) / 2;
        if (p->below[m] <= q) a = m + 1;
        else b = m;
    }
    unsigned found = a - 1;
    while (found > 1 && p->state[found] != 0) found--;
    while (found + 1u < k->bins && (found == 0 || p->state[found] != 0)) found++;
    double in = share(k, p, found), at = in > 0 ? (q - p->below[found]) / in : 0.5;
    at = at < 0 ? 0 : at > 1 ? 1 : at;
    return k->low[found] + at * (k->high[found] - k->low[found]);
}

/* ---- rows ---- */

mnk_status mnk_folded_open(const mnk_layout *l, const mnk_table *t, uint64_t seed, uint32_t stream, mnk_folded *out,
                           mnk_error *err) {
    size_t columns = l->book->columns, n = t->n;
    *out = (mnk_folded){.n = n, .columns = columns};
    MNK_TRY(MNK_NEW(out->state, n * columns + 1, err));
    MNK_TRY(MNK_NEW(out->score, n * columns + 1, err));
    uint8_t *state = out->state;
    float *score = out->score;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TABLE_FIT, i, stream);
        for (size_t c = 0; c < columns; c++) {
            const mnk_piece *p = &l->piece[c];
            unsigned bin = mnk_codebook_bin(l->book, t, c, i);
            int s = p->state[bin];
            double u = p->has_score ? mnk_rng_uniform(&r) : 0;
            state[i * columns + c] = (uint8_t)(s < 0 ? 0 : s);
            if (p->has_score && s >= 0 && s < p->modes)
                score[i * columns + c] = (float)mnk_piece_score(&l->book->column[c], p, bin, t->number[c][i], u);
        }
    }
    return MNK_OK;
}

void mnk_folded_clear(mnk_folded *f) {
    mnk_free(f->state);
    mnk_free(f->score);
    *f = (mnk_folded){0};
}

void mnk_layout_unfold(const mnk_layout *l, const uint8_t *state, const float *score, float *x) {
    for (size_t j = 0; j < l->width; j++) x[j] = 0;
    for (size_t c = 0; c < l->book->columns; c++) {
        const mnk_piece *p = &l->piece[c];
        if (state[c] < p->modes) x[p->score_at] = score[c];
        if (p->states > 1) x[p->state_at + state[c]] = 1;
    }
}

void mnk_layout_put(const mnk_layout *l, size_t column, unsigned state, double score, mnk_table *to, size_t row) {
    const mnk_piece *p = &l->piece[column];
    const mnk_codes *k = &l->book->column[column];
    if (state < p->modes) to->number[column][row] = mnk_piece_value(k, p, state, score);
    else mnk_codebook_put(l->book, to, column, row, p->bin[state]);
}
