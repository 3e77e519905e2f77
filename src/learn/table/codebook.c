#include "learn/table/codebook.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"

/* Intervals hold about n/INTERVALS rows, fewer towards both ends, where a straight line would do harm: a quarter of the rows
 * beyond them, at least INTERVAL_MIN. A value is an atom when it is repeated ATOM_MIN times and by a share of 1/ATOMS; all
 * values of a column with few of them may be. */
enum { INTERVALS = 72, INTERVAL_MIN = 5, ATOMS = 400, ATOM_MIN = 5, ATOMS_MAX = 70, FEW = 240 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int descending(const void *a, const void *b) { return -by_value(a, b); }

typedef struct runs { /* distinct values with their counts */
    double *value, *count;
    size_t n;
} runs;

/* Count that makes a value an atom: at most ATOMS_MAX of them. `scratch` [n]. */
static double atom_count(const runs *r, double n, double *scratch) {
    double least = fmax(ATOM_MIN, n / ATOMS);
    size_t many = 0, most = r->n <= FEW ? FEW : ATOMS_MAX;
    for (size_t i = 0; i < r->n; i++)
        if (r->count[i] >= least) scratch[many++] = r->count[i];
    if (many <= most) return least;
    qsort(scratch, many, sizeof *scratch, descending);
    return scratch[most - 1] + (scratch[most] == scratch[most - 1]);
}

static void close_interval(mnk_codes *c, const runs *r, size_t first, size_t end, double count) {
    if (first == end) return;
    unsigned b = c->bins++;
    c->low[b] = r->value[first], c->high[b] = r->value[end - 1];
    c->count[b] = count;
    if (c->low[b] == c->high[b]) { /* one rare value: halfway to its neighbours, so that it does not stand out */
        double x = c->low[b], step = fmax(fabs(x) * 1e-6, 1e-9);
        c->low[b] = first ? 0.5 * (r->value[first - 1] + x) : x - (end < r->n ? 0 : step);
        c->high[b] = end < r->n ? 0.5 * (x + r->value[end]) : x + (first ? 0 : step);
    }
    c->has_continuous = true;
}

static void cut(mnk_codes *c, const runs *r, double atom) {
    double in = 0, passed = 0, n = 0;
    size_t first = 0, atoms = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->count[i] >= atom) atoms++;
        else n += r->count[i];
    }
    for (size_t i = 0; i < r->n; i++) {
        if (r->count[i] >= atom) {
            close_interval(c, r, first, i, in);
            c->low[c->bins] = c->high[c->bins] = r->value[i];
            c->count[c->bins++] = r->count[i];
            first = i + 1, in = 0, atoms--;
            continue;
        }
        in += r->count[i], passed += r->count[i];
        double target = fmin(n / INTERVALS, fmax(INTERVAL_MIN, fmin(passed, n - passed) / 4));
        if (in >= target && c->bins + 2 * atoms + 2 < MNK_BINS) close_interval(c, r, first, i + 1, in), first = i + 1, in = 0;
    }
    close_interval(c, r, first, r->n, in);
}

/* F at the lower limits of the intervals. */
static void sum_up(mnk_codes *c) {
    c->total = 0;
    c->has_continuous = false;
    for (unsigned b = 1; b < c->bins; b++) {
        c->below[b] = c->total; /* of an atom: F before it, so that `below` never falls */
        if (mnk_codes_is_atom(c, b)) continue;
        c->total += c->count[b];
        c->has_continuous = true;
    }
    for (unsigned b = 1; b < c->bins; b++) c->below[b] = c->total > 0 ? c->below[b] / c->total : 0;
}

static mnk_status fit_numbers(const double *x, size_t n, mnk_codes *c, mnk_error *err) {
    double *sorted, *scratch;
    size_t have = 0;
    runs r = {0};
    mnk_status status = MNK_NEW(sorted, 3 * n + 3, err);
    if (status != MNK_OK) return status;
    for (size_t i = 0; i < n; i++)
        if (x[i] == x[i]) sorted[have++] = x[i] + 0.0;
    qsort(sorted, have, sizeof *sorted, by_value);
    r.count = sorted + n + 1, scratch = sorted + 2 * (n + 1), r.value = sorted;
    for (size_t i = 0; i < have;) { /* in place: a run's value lands at or before its first element */
        size_t end = i;
        while (end < have && sorted[end] == sorted[i]) end++;
        r.value[r.n] = sorted[i], r.count[r.n++] = (double)(end - i);
        i = end;
    }
    c->bins = 1;
    c->count[0] = (double)(n - have);
    double atom = atom_count(&r, (double)have, scratch);
    cut(c, &r, atom);
    sum_up(c);
    mnk_free(sorted);
    return MNK_OK;
}

/* ---- the order of levels ---- */

enum { ORDER_ROWS = 20000 };

double mnk_codes_bin_score(const mnk_codes *c, unsigned bin) {
    double below = 0, all = 0;
    for (unsigned b = 1; b < c->bins; b++) {
        all += c->count[b];
        if (c->rank[b] < c->rank[bin]) below += c->count[b];
    }
    double p = all > 0 ? (below + 0.5 * c->count[bin]) / all : 0.5;
    return mnk_normal_quantile(p < 0.0001 ? 0.0001 : p > 0.9999 ? 0.9999 : p);
}

typedef struct level_mean {
    double mean;
    uint8_t bin;
} level_mean;

static int by_mean(const void *a, const void *b) {
    const level_mean *x = a, *y = b;
    if (x->mean != y->mean) return x->mean < y->mean ? -1 : 1;
    return x->bin < y->bin ? -1 : 1;
}

static void set_order(mnk_codes *k, const uint8_t *order) {
    for (unsigned i = 0; i + 1 < k->bins; i++) k->order[i] = order[i], k->rank[order[i]] = (uint8_t)i;
}

static void order_levels(const mnk_codebook *b, const mnk_table *t, size_t c) {
    mnk_codes *k = &b->column[c];
    size_t stride = t->n / ORDER_ROWS + 1;
    double best = 0, score[MNK_BINS];
    uint8_t order[MNK_BINS];
    for (size_t o = 0; o < b->columns; o++) {
        double sum[MNK_BINS] = {0}, n[MNK_BINS] = {0}, total = 0, square = 0, rows = 0, between = 0;
        const mnk_codes *other = &b->column[o];
        if (!other->ordered || other->bins < 3) continue;
        for (unsigned i = 1; i < other->bins; i++) score[i] = mnk_codes_bin_score(other, i);
        for (size_t i = 0; i < t->n; i += stride) {
            uint8_t level = mnk_codebook_bin(b, t, c, i), x = mnk_codebook_bin(b, t, o, i);
            if (level && x) sum[level] += score[x], n[level]++, total += score[x], square += score[x] * score[x], rows++;
        }
        for (unsigned i = 1; i < k->bins; i++)
            if (n[i] > 0) between += sum[i] * sum[i] / n[i];
        double whole = square - total * total / fmax(1, rows),
               share = whole > 0 ? (between - total * total / fmax(1, rows)) / whole : 0;
        share -= 3 * (k->bins - 1.0) / fmax(1, rows); /* what chance gives, and as much again */
        if (share <= best || share < 0.01) continue;
        best = share;
        level_mean list[MNK_BINS];
        for (unsigned i = 1; i < k->bins; i++) list[i - 1] = (level_mean){n[i] > 0 ? sum[i] / n[i] : 0, (uint8_t)i};
        qsort(list, k->bins - 1u, sizeof *list, by_mean);
        for (unsigned i = 1; i < k->bins; i++) order[i - 1] = list[i - 1].bin;
    }
    if (best > 0) set_order(k, order);
}

static void order_as_listed(mnk_codes *k) {
    uint8_t order[MNK_BINS];
    for (unsigned i = 0; i + 1 < k->bins; i++) order[i] = (uint8_t)(i + 1);
    set_order(k, order);
}

mnk_status mnk_codebook_fit(const mnk_table *t, mnk_codebook *out, mnk_error *err) {
    const mnk_schema *s = t->schema;
    *out = (mnk_codebook){.columns = s->columns};
    MNK_TRY(MNK_NEW(out->column, s->columns + 1, err));
    for (size_t c = 0; c < s->columns; c++) {
        mnk_codes *k = &out->column[c];
        k->is_number = mnk_column_is_number(&s->column[c]);
        if (k->is_number) {
            k->ordered = true;
            MNK_TRY(fit_numbers(t->number[c], t->n, k, err));
            continue;
        }
        if (s->column[c].levels >= MNK_BINS)
            return MNK_FAIL(err, MNK_ERR_FAILED, "column %s: %zu levels in a working table", s->column[c].name,
                            s->column[c].levels);
        k->ordered = s->column[c].type == MNK_COLUMN_ORDINAL || s->column[c].levels <= 2;
        k->bins = (uint16_t)(s->column[c].levels + 1);
        for (size_t i = 0; i < t->n; i++) k->count[t->code[c][i] + 1]++;
    }
    for (size_t c = 0; c < s->columns; c++) order_as_listed(&out->column[c]);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t c = 0; c < s->columns; c++)
        if (!out->column[c].ordered) order_levels(out, t, c);
    return MNK_OK;
}

static mnk_status stretch(const mnk_column *column, size_t stretches, mnk_codes *c, mnk_error *err) {
    bool whole = column->type == MNK_COLUMN_INTEGER;
    double low = column->low, high = column->high, width = (high - low) / (double)stretches;
    if (!isfinite(low) || !isfinite(high))
        return MNK_FAIL(err, MNK_ERR_INPUT, "column \"%.60s\": has no bounds in the schema", column->name);
    if (whole) width = fmax(1, ceil((high - low + 1) / (double)stretches));
    const bool atoms = whole && width <= 1;
    double at = whole && !atoms ? low - 0.5 : low; /* what rounds to the first value begins half below it */
    c->bins = 1;
    do {
        unsigned b = c->bins++;
        c->low[b] = at;
        at += width;
        c->high[b] = atoms ? c->low[b] : at;
    } while (c->bins <= stretches && at <= high && width > 0);
    return MNK_OK;
}

mnk_status mnk_codebook_public(const mnk_schema *s, size_t stretches, mnk_codebook *out, mnk_error *err) {
    *out = (mnk_codebook){.columns = s->columns};
    MNK_TRY(MNK_NEW(out->column, s->columns + 1, err));
    for (size_t c = 0; c < s->columns; c++) {
        mnk_codes *k = &out->column[c];
        k->is_number = mnk_column_is_number(&s->column[c]);
        k->ordered = k->is_number || s->column[c].type == MNK_COLUMN_ORDINAL || s->column[c].levels <= 2;
        if (k->is_number) MNK_TRY(stretch(&s->column[c], stretches, k, err));
        else if (s->column[c].levels >= MNK_BINS)
            return MNK_FAIL(err, MNK_ERR_INPUT, "column \"%.60s\": %zu levels; at most %d", s->column[c].name,
                            s->column[c].levels, MNK_BINS - 1);
        else k->bins = (uint16_t)(s->column[c].levels + 1);
        for (unsigned b = 0; b < k->bins; b++) k->count[b] = 1;
        order_as_listed(k);
        sum_up(k);
    }
    return MNK_OK;
}

void mnk_codebook_clear(mnk_codebook *b) {
    mnk_free(b->column);
    *b = (mnk_codebook){0};
}

/* ---- cells ---- */

uint8_t mnk_codes_bin(const mnk_codes *c, double x) {
    unsigned a = 1, b = c->bins; /* first bin whose upper limit is not below x */
    while (a < b) {
        unsigned m = (a + b) / 2;
        if (c->high[m] < x) a = m + 1;
        else b = m;
    }
    if (a >= c->bins) return (uint8_t)(c->bins > 1 ? c->bins - 1 : 0);
    if (a > 1 && x < c->low[a] && x - c->high[a - 1] < c->low[a] - x) return (uint8_t)(a - 1);
    return (uint8_t)a;
}

uint8_t mnk_codebook_bin(const mnk_codebook *b, const mnk_table *t, size_t column, size_t row) {
    const mnk_codes *c = &b->column[column];
    if (c->is_number) {
        double x = t->number[column][row];
        return x == x ? mnk_codes_bin(c, x) : 0;
    }
    int32_t code = t->code[column][row];
    return (uint8_t)(code + 1 < c->bins && code >= 0 ? code + 1 : 0);
}

void mnk_codebook_encode(const mnk_codebook *b, const mnk_table *t, uint8_t *bin) {
    size_t n = t->n;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t c = 0; c < b->columns; c++)
        for (size_t i = 0; i < n; i++) bin[c * n + i] = mnk_codebook_bin(b, t, c, i);
}

static double score_of(double p) {
    double z = mnk_normal_quantile(p);
    return z < -MNK_SCORE_LIMIT ? -MNK_SCORE_LIMIT : z > MNK_SCORE_LIMIT ? MNK_SCORE_LIMIT : z;
}

static double share(const mnk_codes *c, unsigned bin) { return c->total > 0 ? c->count[bin] / c->total : 0; }

double mnk_codes_score(const mnk_codes *c, unsigned bin, double x) {
    double width = c->high[bin] - c->low[bin], at = width > 0 ? (x - c->low[bin]) / width : 0.5;
    at = at < 0 ? 0 : at > 1 ? 1 : at;
    return score_of(c->below[bin] + at * share(c, bin));
}

double mnk_codes_score_low(const mnk_codes *c, unsigned bin) { return score_of(c->below[bin]); }
double mnk_codes_score_high(const mnk_codes *c, unsigned bin) { return score_of(c->below[bin] + share(c, bin)); }

double mnk_codes_value(const mnk_codes *c, double score) {
    double p = mnk_normal_cdf(score);
    unsigned a = 1, b = c->bins, found = 0; /* last interval with F at its lower limit <= p; atoms carry the F before them */
    while (a < b) {
        unsigned m = (a + b) / 2;
        if (c->below[m] <= p) found = m, a = m + 1;
        else b = m;
    }
    while (found > 1 && mnk_codes_is_atom(c, found)) found--;
    while (found + 1u < c->bins && (found == 0 || mnk_codes_is_atom(c, found))) found++;
    double in = share(c, found), at = in > 0 ? (p - c->below[found]) / in : 0.5;
    at = at < 0 ? 0 : at > 1 ? 1 : at;
    return c->low[found] + at * (c->high[found] - c->low[found]);
}

void mnk_codebook_put(const mnk_codebook *b, mnk_table *t, size_t column, size_t row, unsigned bin) {
    const mnk_codes *c = &b->column[column];
    if (c->is_number) t->number[column][row] = bin ? c->low[bin] : (double)NAN;
    else t->code[column][row] = (int32_t)bin - 1;
}

/* ---- file: numbers of bins, and for each bin its limits and count, in one run over the columns ---- */

mnk_status mnk_codebook_save(const mnk_codebook *b, mnk_tensors *file, mnk_error *err) {
    size_t total = 0, at = 0;
    for (size_t c = 0; c < b->columns; c++) total += b->column[c].bins;
    void *block;
    MNK_TRY(mnk_tensors_block(file, b->columns + 3 * total, sizeof(double), &block, err));
    double *out = block;
    for (size_t c = 0; c < b->columns; c++) out[at++] = b->column[c].bins;
    for (size_t c = 0; c < b->columns; c++)
        for (unsigned k = 0; k < b->column[c].bins; k++) {
            out[at++] = b->column[c].low[k];
            out[at++] = b->column[c].high[k];
            out[at++] = b->column[c].count[k];
        }
    MNK_TRY(mnk_tensors_add(file, "codebook", MNK_F64, out, at, err));
    MNK_TRY(mnk_tensors_block(file, b->columns * MNK_BINS, 1, &block, err));
    for (size_t c = 0; c < b->columns; c++) memcpy((uint8_t *)block + c * MNK_BINS, b->column[c].order, MNK_BINS);
    return mnk_tensors_add(file, "codebook.order", MNK_U8, block, b->columns * MNK_BINS, err);
}

static mnk_status open_column(const mnk_tensors_in *in, const double *x, mnk_codes *c, mnk_error *err) {
    double last = -INFINITY;
    for (unsigned k = 0; k < c->bins; k++, x += 3) {
        if (!isfinite(x[0]) || !isfinite(x[1]) || !(x[2] >= 0 && x[2] < 1e15))
            return mnk_tensors_damaged(in, "a bin of its codebook is impossible", err);
        if (k && c->is_number && (x[0] > x[1] || x[0] < last))
            return mnk_tensors_damaged(in, "the bins of its codebook are not in order", err);
        c->low[k] = x[0], c->high[k] = x[1], c->count[k] = x[2];
        if (k) last = x[1];
    }
    sum_up(c);
    return MNK_OK;
}

mnk_status mnk_codebook_open(const mnk_tensors_in *in, const mnk_schema *s, mnk_codebook *out, mnk_error *err) {
    const double *x = NULL;
    const void *data = NULL;
    size_t n = 0, need = s->columns;
    *out = (mnk_codebook){.columns = s->columns};
    MNK_TRY(mnk_tensors_get(in, "codebook", MNK_F64, SIZE_MAX, &data, &n, err));
    x = data;
    MNK_TRY(MNK_NEW(out->column, s->columns + 1, err));
    for (size_t c = 0; c < s->columns; c++) {
        mnk_codes *k = &out->column[c];
        k->is_number = mnk_column_is_number(&s->column[c]);
        k->ordered = k->is_number || s->column[c].type == MNK_COLUMN_ORDINAL || s->column[c].levels <= 2;
        bool fits = c < n && x[c] >= 1 && x[c] <= MNK_BINS && x[c] == floor(x[c]) &&
                    (k->is_number || x[c] == (double)s->column[c].levels + 1);
        if (!fits) return mnk_tensors_damaged(in, "its codebook does not fit its schema", err);
        k->bins = (uint16_t)x[c];
        need += 3u * k->bins;
    }
    if (need != n) return mnk_tensors_damaged(in, "its codebook does not fit its schema", err);
    MNK_TRY(mnk_tensors_get(in, "codebook.order", MNK_U8, s->columns * MNK_BINS, &data, NULL, err));
    for (size_t c = 0; c < s->columns; c++) { /* a permutation of the bins */
        const uint8_t *order = (const uint8_t *)data + c * MNK_BINS;
        uint8_t seen[MNK_BINS] = {0};
        for (unsigned i = 0; i + 1 < out->column[c].bins; i++) {
            if (order[i] < 1 || order[i] >= out->column[c].bins || seen[order[i]])
                return mnk_tensors_damaged(in, "the order of its levels is impossible", err);
            seen[order[i]] = 1;
        }
        set_order(&out->column[c], order);
    }
    x += s->columns;
    for (size_t c = 0; c < s->columns; x += 3u * out->column[c++].bins) MNK_TRY(open_column(in, x, &out->column[c], err));
    return MNK_OK;
}
