#include "data/table_checks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/heading.h"

enum { GROUPS = 32, FEW_ROWS = 10, CLASSES = 20 };

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Values of a column of numbers in ascending order, the missing left out. */
static mnk_status sorted_values(const mnk_table *t, size_t column, double **out, size_t *n, mnk_error *err) {
    *n = 0;
    MNK_TRY(MNK_NEW(*out, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (!mnk_table_is_missing(t, column, i)) (*out)[(*n)++] = t->number[column][i];
    qsort(*out, *n, sizeof **out, compare_doubles);
    return MNK_OK;
}

/* ---- leaks ---- */

typedef struct grouping {
    int32_t *of;   /* [n] group of each row */
    size_t groups; /* the last one: missing */
} grouping;

static mnk_status make_groups(const mnk_table *t, size_t column, grouping *g, mnk_error *err) {
    MNK_TRY(MNK_NEW(g->of, t->n + 1, err));
    if (t->code[column]) {
        g->groups = t->schema->column[column].levels + 1;
        for (size_t i = 0; i < t->n; i++) g->of[i] = t->code[column][i] < 0 ? (int32_t)g->groups - 1 : t->code[column][i];
        return MNK_OK;
    }
    double *sorted = NULL, cut[GROUPS];
    size_t have = 0, cuts = 0;
    mnk_status status = sorted_values(t, column, &sorted, &have, err);
    if (status != MNK_OK) return status;
    for (size_t k = 1; k < GROUPS && have; k++) { /* a group begins at its cut; equal cuts are one */
        double c = sorted[k * have / GROUPS];
        if (c > sorted[0] && (!cuts || c > cut[cuts - 1])) cut[cuts++] = c;
    }
    mnk_free(sorted);
    g->groups = cuts + 2;
    for (size_t i = 0; i < t->n; i++) {
        size_t low = 0, high = cuts;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (cut[middle] <= t->number[column][i]) low = middle + 1;
            else high = middle;
        }
        g->of[i] = (int32_t)(mnk_table_is_missing(t, column, i) ? g->groups - 1 : low);
    }
    return MNK_OK;
}

/* Persons, not rows, are halved; by number, so that every column is judged on the same halves. */
static int half_of(const mnk_table *t, size_t row) {
    mnk_rng r = mnk_rng_at(0, MNK_PURPOSE_HALVES, t->person ? (uint64_t)t->person[row] : row, 0);
    return (int)(mnk_rng_u32(&r) & 1);
}

typedef struct tally { /* of one group in one half */
    double rows, sum, squares;
} tally;

typedef struct scored {
    double score, positive, negative;
} scored;

static int compare_scored(const void *a, const void *b) {
    const scored *x = a, *y = b;
    return x->score < y->score ? -1 : x->score > y->score;
}

static double overall_rate(const tally *t, size_t groups, double *rows) {
    double sum = 0;
    *rows = 0;
    for (size_t k = 0; k < groups; k++) sum += t[k].sum, *rows += t[k].rows;
    return sum / *rows;
}

/* Two rows at the overall rate are added to every group, so that small ones say little. */
static double group_score(const tally *t, double rate) { return (t->sum + 2 * rate) / (t->rows + 2); }

static double half_auc(const tally *learn, const tally *judge, size_t groups, scored *list) {
    double rows, rate = overall_rate(learn, groups, &rows), below = 0, area = 0, positives = 0, negatives = 0;
    if (!(rows > 0)) return NAN; /* everybody is in the other half */
    for (size_t k = 0; k < groups; k++)
        list[k] = (scored){group_score(&learn[k], rate), judge[k].sum, judge[k].rows - judge[k].sum};
    qsort(list, groups, sizeof *list, compare_scored);
    for (size_t k = 0, end; k < groups; k = end) { /* equal scores are ties */
        double p = 0, q = 0;
        for (end = k; end < groups && list[end].score == list[k].score; end++) p += list[end].positive, q += list[end].negative;
        area += p * (below + q / 2);
        below += q, positives += p, negatives += q;
    }
    return positives < FEW_ROWS || negatives < FEW_ROWS ? NAN : area / (positives * negatives);
}

static double half_r2(const tally *learn, const tally *judge, size_t groups) {
    double rows, other, mean = overall_rate(learn, groups, &rows), own = overall_rate(judge, groups, &other), error = 0,
                        spread = 0;
    for (size_t k = 0; k < groups; k++) {
        double guess = group_score(&learn[k], mean);
        error += judge[k].squares - 2 * guess * judge[k].sum + guess * guess * judge[k].rows;
        spread += judge[k].squares - 2 * own * judge[k].sum + own * own * judge[k].rows;
    }
    return rows < FEW_ROWS || other < FEW_ROWS || !(spread > 0) ? NAN : 1 - error / spread;
}

/* The figure for one class (level >= 0) or a label of numbers. */
static double leak_of(const mnk_table *t, const grouping *g, const uint8_t *half, size_t label, int32_t level, tally *sums,
                      scored *list) {
    tally *part[2] = {sums, sums + g->groups};
    memset(sums, 0, 2 * g->groups * sizeof *sums);
    for (size_t i = 0; i < t->n; i++) {
        if (mnk_table_is_missing(t, label, i)) continue;
        tally *a = &part[half[i]][g->of[i]];
        double y = level >= 0 ? t->code[label][i] == level : t->number[label][i];
        a->rows++, a->sum += y, a->squares += y * y;
    }
    if (level < 0) return (half_r2(part[0], part[1], g->groups) + half_r2(part[1], part[0], g->groups)) / 2;
    return (half_auc(part[0], part[1], g->groups, list) + half_auc(part[1], part[0], g->groups, list)) / 2;
}

mnk_status mnk_table_leak(const mnk_table *t, size_t column, size_t label, mnk_leak *out, mnk_error *err) {
    grouping g = {0};
    tally *sums = NULL;
    scored *list = NULL;
    uint8_t *half = NULL;
    mnk_status status = MNK_OK;
    *out = (mnk_leak){.value = NAN, .level = -1};
    MNK_OUT(make_groups(t, column, &g, err));
    MNK_OUT(MNK_NEW(sums, 2 * g.groups, err));
    MNK_OUT(MNK_NEW(list, g.groups, err));
    MNK_OUT(MNK_NEW(half, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++) half[i] = (uint8_t)half_of(t, i), out->n += !mnk_table_is_missing(t, label, i);
    if (t->number[label]) out->value = leak_of(t, &g, half, label, -1, sums, list);
    size_t levels = t->code[label] ? t->schema->column[label].levels : 0;
    if (levels > CLASSES) levels = 0;
    for (size_t k = levels == 2; k < levels; k++) { /* of two classes one says it all */
        double auc = leak_of(t, &g, half, label, (int32_t)k, sums, list);
        if (!isnan(auc) && !(auc <= out->value)) out->value = auc, out->level = (int32_t)k;
    }
out:
    mnk_free(g.of);
    mnk_free(sums);
    mnk_free(list);
    mnk_free(half);
    return status;
}

/* ---- rows that are the same ---- */

typedef struct hashed {
    uint64_t hash;
    size_t row;
} hashed;

static int compare_hashed(const void *a, const void *b) {
    const hashed *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static bool counts(const mnk_table *t, size_t c, long except) {
    return (long)c != except && mnk_column_is_data(&t->schema->column[c]);
}

static uint64_t cell_bits(const mnk_table *t, size_t c, size_t row) {
    uint64_t bits;
    if (mnk_table_is_missing(t, c, row)) return ~(uint64_t)0;
    if (t->code[c]) return (uint64_t)t->code[c][row];
    double x = t->number[c][row] + 0.0; /* one zero */
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static bool same(const mnk_table *t, long except, size_t a, size_t b) {
    for (size_t c = 0; c < t->schema->columns; c++)
        if (counts(t, c, except) && cell_bits(t, c, a) != cell_bits(t, c, b)) return false;
    return true;
}

mnk_status mnk_table_same_rows(const mnk_table *t, long except, size_t *first, mnk_error *err) {
    hashed *h = NULL;
    MNK_TRY(MNK_NEW(h, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++) h[i] = (hashed){0x9e3779b97f4a7c15u, i};
    for (size_t c = 0; c < t->schema->columns; c++)
        for (size_t i = 0; i < t->n && counts(t, c, except); i++) {
            h[i].hash = (h[i].hash ^ cell_bits(t, c, i)) * 0xd6e8feb86659fd93u;
            h[i].hash ^= h[i].hash >> 32;
        }
    qsort(h, t->n, sizeof *h, compare_hashed);
    for (size_t i = 0; i < t->n; i++) { /* the rows of one hash stand together in ascending order */
        size_t row = h[i].row;
        first[row] = row;
        for (size_t j = i; j-- > 0 && h[j].hash == h[i].hash;)
            if (same(t, except, h[j].row, row)) {
                first[row] = first[h[j].row];
                break;
            }
    }
    mnk_free(h);
    return MNK_OK;
}

/* ---- codes among numbers ---- */

/* Codes that people give to missing numbers; a code below or above everything else, and far from it. */
static bool is_code(double x) {
    static const double codes[] = {0, -1, -9, -99, -999, -9999, 99, 999, 9999, 99999};
    for (size_t k = 0; k < sizeof codes / sizeof *codes; k++)
        if (x == codes[k]) return true;
    return false;
}

mnk_status mnk_table_odd_value(const mnk_table *t, size_t column, mnk_odd_value *out, bool *found, mnk_error *err) {
    double *x = NULL;
    size_t n = 0;
    *found = false;
    if (!t->number[column]) return MNK_OK;
    mnk_status status = sorted_values(t, column, &x, &n, err);
    for (int side = 0; side < 2 && status == MNK_OK && n && !*found; side++) {
        double code = side ? x[n - 1] : x[0];
        size_t low = 0, high = n; /* the others: low .. high-1 */
        while (!side && low < n && x[low] == code) low++;
        while (side && high > 0 && x[high - 1] == code) high--;
        size_t others = high - low, times = n - others;
        if (!is_code(code) || !others) continue;
        if (code == 0 && !side &&
            mnk_heading_has(t->schema->column[column].name, mnk_words_positive)) { /* nobody has a pulse of 0 */
            *out = (mnk_odd_value){code, x[low], times};
            *found = true;
            break;
        }
        if (times < 2 || others < 20) continue;
        double nearest = side ? x[high - 1] : x[low], p10 = x[low + others / 10], p90 = x[low + others - 1 - others / 10];
        double gap = fabs(nearest - code), reach = p90 - p10;
        /* 0 before values that all lie well above it; other codes beyond the middle 80 % of the values once more */
        bool apart = code == 0 ? gap > reach / 2 && nearest > 0 : gap > reach && reach > 0;
        *found = apart;
        if (apart) *out = (mnk_odd_value){code, nearest, times};
    }
    mnk_free(x);
    return status;
}
