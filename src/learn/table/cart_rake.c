/* Errors of one tree are passed on to those after it, and shares drift; a tree may also overlook how a column hangs on the
 * label, when that shows in many small differences of rare levels. So each column in turn is drawn for SIMULATED rows, and
 * factors on its leaves' shares are sought (raking: Deming and Stephan 1940) that give those rows the table's shares, overall
 * and then in each class of the label. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/table/cart_model.h"

enum { SIMULATED = 65536, RAKINGS = 12, QUARTERS = 4 };
static const double caution = 5, /* rows: shares of a class are drawn towards what the trees say as by so many more rows */
    most = 5;                    /* no factor beyond, nor below its inverse */

void mnk_cart_find_classes(mnk_cart *m) {
    m->label = mnk_schema_role(m->schema, MNK_COLUMN_IS_LABEL);
    m->classes = 1;
    memset(m->class_of, 0, sizeof m->class_of);
    if (m->label < 0) return;
    const mnk_codes *k = &m->book.column[m->label];
    if (k->is_number) {
        double all = 0, below = 0;
        for (unsigned b = 1; b < k->bins; b++) all += k->count[b];
        for (unsigned b = 1; b < k->bins; b++) {
            m->class_of[b] = (uint8_t)(1 + fmin(QUARTERS - 1, floor(QUARTERS * (below + 0.5 * k->count[b]) / fmax(1, all))));
            below += k->count[b];
        }
        m->classes = QUARTERS + 1;
        return;
    }
    while (m->classes < MNK_CART_CLASSES) {
        unsigned best = 0;
        for (unsigned b = 1; b < k->bins; b++)
            if (!m->class_of[b] && k->count[b] > 0 && (!best || k->count[b] > k->count[best])) best = b;
        if (!best) return;
        m->class_of[best] = (uint8_t)m->classes++;
    }
}

const float *mnk_cart_tilt(const mnk_cart *m, size_t c, uint8_t label) {
    return m->leaf[c].tilt + (size_t)m->class_of[label] * m->book.column[c].bins;
}

typedef struct raking { /* one column */
    const mnk_cart *m;
    size_t c, leaves;
    unsigned bins;
    double *rows; /* [classes*leaves] simulated rows that come to a leaf */
} raking;

/* Simulated rows by bin that are expected from the leaves of class `y` (all classes: y < 0), with factors on the shares. */
static void expect(const raking *r, long y, const double *factor, double *expected) {
    const mnk_cart_leaves *l = &r->m->leaf[r->c];
    memset(expected, 0, r->bins * sizeof *expected);
    for (size_t leaf = 0; leaf < r->leaves; leaf++) {
        double rows = 0, sum = 0, before = 0;
        for (size_t k = 0; k < r->m->classes; k++)
            if (y < 0 || (size_t)y == k) rows += r->rows[k * r->leaves + leaf];
        for (int pass = 0; pass < 2 && rows > 0; pass++, before = 0)
            for (uint32_t i = l->start[leaf]; i < l->start[leaf + 1]; i++) {
                double share = (l->share[i] - before) * factor[l->bin[i]];
                before = l->share[i];
                if (pass == 0) sum += share;
                else expected[l->bin[i]] += rows * share / sum;
            }
    }
}

/* Moves the factors until the expected rows are the wanted ones; half a row of caution. */
static void rake(const raking *r, long y, const double *wanted, double *factor) {
    double expected[MNK_BINS];
    for (int round = 0; round < RAKINGS; round++) {
        expect(r, y, factor, expected);
        for (unsigned b = 0; b < r->bins; b++)
            factor[b] = fmin(most, fmax(1 / most, factor[b] * (wanted[b] + 0.5) / (expected[b] + 0.5)));
    }
}

static void set_tilt(const raking *r, size_t y, const double *factor) {
    float *tilt = r->m->leaf[r->c].tilt + y * r->bins;
    for (unsigned b = 0; b < r->bins; b++) tilt[b] = (float)factor[b];
}

/* Overall. */
static void rake_all(const raking *r, double *factor) {
    const mnk_codes *k = &r->m->book.column[r->c];
    double wanted[MNK_BINS], rows = 0, total = 0;
    for (unsigned b = 0; b < r->bins; b++) factor[b] = 1, total += k->count[b];
    for (size_t i = 0; i < r->m->classes * r->leaves; i++) rows += r->rows[i];
    for (unsigned b = 0; b < r->bins; b++) wanted[b] = k->count[b] / total * rows;
    rake(r, -1, wanted, factor);
    for (size_t y = 0; y < r->m->classes; y++) set_tilt(r, y, factor);
}

/* In class y, whose training rows are count[bin]. */
static void rake_class(const raking *r, size_t y, const double *count, const double *overall) {
    double factor[MNK_BINS], wanted[MNK_BINS], rows = 0, total = 0;
    for (size_t leaf = 0; leaf < r->leaves; leaf++) rows += r->rows[y * r->leaves + leaf];
    for (unsigned b = 0; b < r->bins; b++) total += count[b];
    if (rows < 1 || total < 1) return;
    memcpy(factor, overall, sizeof factor);
    expect(r, (long)y, factor, wanted);
    for (unsigned b = 0; b < r->bins; b++) {
        double e = wanted[b] * total / rows; /* in training rows */
        wanted[b] = e > 0 ? (count[b] + caution) * e / (e + caution) * rows / total : 0;
    }
    rake(r, (long)y, wanted, factor);
    set_tilt(r, y, factor);
}

/* Training rows of column c by class and bin; zero where the label is not known yet when c is drawn. */
static void count_classes(const mnk_cart *m, size_t c, const uint8_t *bins, size_t n, double *count) {
    for (size_t i = 0; i < n; i++)
        count[m->class_of[bins[(size_t)m->label * n + i]] * m->book.column[c].bins + bins[c * n + i]]++;
}

typedef struct simulation {
    uint8_t *bins; /* [column*SIMULATED + row] */
    uint32_t *leaf;
    double *count; /* [classes*MNK_BINS] */
} simulation;

static uint8_t label_of(const mnk_cart *m, const simulation *s, size_t i) {
    return m->label < 0 ? 0 : s->bins[(size_t)m->label * SIMULATED + i];
}

static void draw_simulated(const mnk_cart *m, size_t c, const simulation *s, mnk_rng rng) {
    const mnk_cart_leaves *l = &m->leaf[c];
    for (size_t i = 0; i < SIMULATED; i++) {
        const float *tilt = mnk_cart_tilt(m, c, label_of(m, s, i));
        double sum = 0, before = 0, u;
        uint32_t a = l->start[s->leaf[i]], b = l->start[s->leaf[i] + 1];
        for (uint32_t k = a; k < b; before = l->share[k++]) sum += (l->share[k] - before) * tilt[l->bin[k]];
        u = mnk_rng_uniform(&rng) * sum, before = 0;
        for (uint32_t k = a; k < b; before = l->share[k++]) {
            s->bins[c * SIMULATED + i] = l->bin[k];
            if ((u -= (l->share[k] - before) * tilt[l->bin[k]]) < 0) break;
        }
    }
}

static mnk_status rake_column(mnk_cart *m, size_t c, bool after_label, const simulation *s, const uint8_t *bins, size_t n,
                              mnk_error *err) {
    raking r = {.m = m, .c = c, .leaves = m->tree[c].leaves, .bins = m->book.column[c].bins};
    double overall[MNK_BINS];
    MNK_TRY(MNK_NEW(m->leaf[c].tilt, m->classes * r.bins, err));
    MNK_TRY(MNK_NEW(r.rows, m->classes * r.leaves + 1, err));
    for (size_t i = 0; i < SIMULATED; i++) {
        size_t y = after_label ? m->class_of[label_of(m, s, i)] : 0;
        s->leaf[i] = (uint32_t)mnk_cart_leaf(m, c, s->bins, SIMULATED, i);
        r.rows[y * r.leaves + s->leaf[i]]++;
    }
    rake_all(&r, overall);
    if (after_label) {
        memset(s->count, 0, m->classes * r.bins * sizeof *s->count);
        count_classes(m, c, bins, n, s->count);
        for (size_t y = 0; y < m->classes; y++) rake_class(&r, y, s->count + y * r.bins, overall);
    }
    mnk_free(r.rows);
    return MNK_OK;
}

/* What is always given comes from random training rows, all columns of a row together. */
static void draw_given(const mnk_cart *m, size_t given, const simulation *s, const uint8_t *bins, size_t n, mnk_rng rng) {
    for (size_t i = 0; i < SIMULATED; i++) {
        const size_t row = mnk_rng_below(&rng, n);
        for (size_t k = 0; k < given; k++) {
            const size_t c = (size_t)m->order[k];
            s->bins[c * SIMULATED + i] = bins[c * n + row];
        }
    }
}

mnk_status mnk_cart_rake(mnk_cart *m, const uint8_t *bins, size_t n, const mnk_fit_context *context, mnk_error *err) {
    simulation s = {0};
    bool after_label = false;
    mnk_status status;
    MNK_OUT(MNK_NEW(s.bins, m->columns * SIMULATED, err));
    MNK_OUT(MNK_NEW(s.leaf, SIMULATED, err));
    MNK_OUT(MNK_NEW(s.count, MNK_CART_CLASSES * MNK_BINS, err));
    draw_given(m, context->given, &s, bins, n, mnk_rng_at(context->seed, MNK_PURPOSE_TABLE_FIT, 0, 6 + context->stream));
    for (size_t k = 0; k < m->columns; k++) {
        size_t c = (size_t)m->order[k];
        MNK_OUT(rake_column(m, c, after_label, &s, bins, n, err));
        if (k >= context->given)
            draw_simulated(m, c, &s, mnk_rng_at(context->seed, MNK_PURPOSE_TABLE_FIT, c, 4 + context->stream));
        after_label = after_label || (long)c == m->label;
    }
out:
    mnk_free(s.bins);
    mnk_free(s.leaf);
    mnk_free(s.count);
    return status;
}
