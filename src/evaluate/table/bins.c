#include "evaluate/table/bins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BINS = 10, RARE = 5, MOST_BREAKS = 1000 };

/* ---- order of numbers ---- */

typedef struct item {
    double x;
    uint32_t row;
} item;

static int by_value(const void *a, const void *b) {
    const item *x = a, *y = b;
    if (x->x != y->x) return x->x < y->x ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static mnk_status order_column(const double *x, size_t n, item *work, uint32_t **row, size_t *count, mnk_error *err) {
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i])) work[(*count)++] = (item){x[i], (uint32_t)i};
    qsort(work, *count, sizeof *work, by_value);
    MNK_TRY(MNK_NEW(*row, *count, err));
    for (size_t i = 0; i < *count; i++) (*row)[i] = work[i].row;
    return MNK_OK;
}

mnk_status mnk_orders_open(const mnk_table_sets *s, mnk_orders *out, mnk_error *err) {
    *out = (mnk_orders){.columns = s->columns};
    item *work = NULL;
    mnk_status status = MNK_OK;
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->table[role]) continue;
        mnk_free(work);
        work = NULL;
        MNK_OUT(MNK_NEW(work, mnk_sets_n(s, role), err));
        MNK_OUT(MNK_NEW(out->row[role], s->columns, err));
        MNK_OUT(MNK_NEW(out->n[role], s->columns, err));
        for (size_t c = 0; c < s->columns; c++)
            if (mnk_sets_is_number(s, c))
                MNK_OUT(order_column(mnk_sets_number(s, role, c), mnk_sets_n(s, role), work, &out->row[role][c],
                                     &out->n[role][c], err));
    }
out:
    mnk_free(work);
    if (status != MNK_OK) mnk_orders_close(out);
    return status;
}

void mnk_orders_close(mnk_orders *o) {
    if (!o) return;
    for (int role = 0; role < MNK_ROLES; role++) {
        for (size_t c = 0; o->row[role] && c < o->columns; c++) mnk_free(o->row[role][c]);
        mnk_free(o->row[role]);
        mnk_free(o->n[role]);
    }
    *o = (mnk_orders){0};
}

/* ---- breaks of numbers ---- */

/* Bin v: the last break that is not above it, the first for what is below. */
typedef struct breaks {
    double at[MOST_BREAKS + 2];
    size_t n; /* lower bounds of n bins */
} breaks;

static size_t distinct(double *x, size_t n) {
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!m || x[i] != x[m - 1]) x[m++] = x[i];
    return m;
}

static void equal_width(const double *sorted, size_t n, breaks *b) {
    const double low = n ? sorted[0] : 0, high = n ? sorted[n - 1] : 1;
    const double a = low == high ? low - 0.5 : low, z = low == high ? high + 0.5 : high, step = (z - a) / BINS;
    b->n = BINS;
    b->at[0] = -INFINITY;
    for (int k = 1; k < BINS; k++) b->at[k] = k * step + a;
}

/* Ever more quantiles until there are more than BINS distinct ones, minimum and maximum included. */
static void search_breaks(const double *sorted, size_t n, breaks *b) {
    const size_t end = n + 1 < MOST_BREAKS ? n + 1 : MOST_BREAKS;
    b->n = 0;
    for (size_t i = BINS; i < (end > BINS + 1 ? end : BINS + 1) && n; i++) {
        const double step = (double)(n - 1) / (double)(i - 1);
        for (size_t k = 0; k < i; k++) b->at[k] = sorted[k == i - 1 ? n - 1 : (size_t)((double)k * step)];
        b->n = distinct(b->at, i);
        if (b->n >= BINS + 1) break;
    }
}

/* Rounds the bounds down to as few decimals as keep them apart. */
static void floor_breaks(breaks *b) {
    double rounded[MOST_BREAKS + 2];
    for (int decimals = 0; decimals < 19; decimals++) {
        const double ten = pow(10, decimals);
        for (size_t k = 0; k < b->n; k++) rounded[k] = floor(b->at[k] * ten) / ten;
        bool apart = true;
        for (size_t k = 1; k < b->n; k++) apart = apart && rounded[k] != rounded[k - 1];
        if (!apart) continue;
        memcpy(b->at, rounded, (b->n - 1) * sizeof *rounded);
        return;
    }
}

/* The last break is the maximum, which belongs to the bin before it. */
static void equal_count(const double *sorted, size_t n, bool date, double *work, breaks *b) {
    memcpy(work, sorted, n * sizeof *work);
    const size_t values = distinct(work, n);
    b->n = 0;
    if (!values) return;
    if (date ? values == 1 : values <= BINS) {
        memcpy(b->at, work, values * sizeof *work);
        b->n = values;
        b->at[b->n++] = work[values - 1] + 1;
    } else {
        search_breaks(sorted, n, b);
    }
    if (!date) floor_breaks(b);
    b->n--;
}

static uint16_t bin_of(const breaks *b, double v) {
    if (isnan(v)) return 0;
    size_t low = 0, high = b->n;
    while (high - low > 1) {
        const size_t mid = (low + high) / 2;
        if (v >= b->at[mid]) low = mid;
        else high = mid;
    }
    return (uint16_t)(low + 1);
}

static mnk_status bin_numbers(const mnk_table_sets *s, mnk_binning how, size_t c, mnk_binned *b, mnk_error *err) {
    const size_t n = mnk_sets_n(s, MNK_ROLE_TRAIN);
    const double *x = mnk_sets_number(s, MNK_ROLE_TRAIN, c);
    item *work = NULL;
    uint32_t *row = NULL;
    double *sorted = NULL;
    breaks *k = NULL;
    size_t count = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(work, n, err));
    MNK_OUT(MNK_NEW(sorted, 2 * n, err));
    MNK_OUT(MNK_NEW(k, 1, err));
    MNK_OUT(order_column(x, n, work, &row, &count, err));
    for (size_t i = 0; i < count; i++) sorted[i] = x[row[i]];
    if (how == MNK_BINS_LEVELS) equal_width(sorted, count, k);
    else equal_count(sorted, count, s->schema->column[s->column[c]].type == MNK_COLUMN_DATE, sorted + n, k);
    b->levels[c] = 1 + (k->n ? k->n : 1);
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->table[role]) continue;
        const double *v = mnk_sets_number(s, role, c);
        for (size_t i = 0; i < mnk_sets_n(s, role); i++) b->code[role][c][i] = bin_of(k, v[i]);
    }
out:
    mnk_free(work);
    mnk_free(row);
    mnk_free(sorted);
    mnk_free(k);
    return status;
}

/* ---- levels ---- */

typedef struct level {
    int32_t code; /* -1 missing */
    size_t count, first;
} level;

static int most_first(const void *a, const void *b) {
    const level *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return (x->code > y->code) - (x->code < y->code);
}

/* map[code+1]: the bin of a level; bins come in order of frequency and `other` is the last. */
static mnk_status map_levels(const mnk_table_sets *s, mnk_binning how, size_t most, size_t c, uint16_t *map, size_t *levels,
                             mnk_error *err) {
    const size_t all = s->schema->column[s->column[c]].levels + 1, n = mnk_sets_n(s, MNK_ROLE_TRAIN);
    const int32_t *code = mnk_sets_code(s, MNK_ROLE_TRAIN, c);
    level *list = NULL;
    MNK_TRY(MNK_NEW(list, all, err));
    for (size_t v = 0; v < all; v++) list[v] = (level){(int32_t)v - 1, 0, n};
    for (size_t i = 0; i < n; i++) {
        level *l = &list[code[i] + 1];
        if (!l->count++) l->first = i;
    }
    qsort(list, all, sizeof *list, most_first);
    const size_t keep = how == MNK_BINS_TOP ? BINS : most;
    size_t bins = 1;
    for (size_t k = 0; k < all; k++) map[k] = UINT16_MAX;
    for (size_t k = 0; k < all && k < keep; k++) {
        if (how == MNK_BINS_TOP && list[k].count < RARE) break;
        if (list[k].code >= 0) map[list[k].code + 1] = (uint16_t)bins++;
    }
    bool others = false;
    map[0] = 0;
    for (size_t k = 1; k < all; k++)
        if (map[k] == UINT16_MAX) map[k] = (uint16_t)bins, others = true;
    *levels = bins + others;
    mnk_free(list);
    return MNK_OK;
}

static mnk_status bin_levels(const mnk_table_sets *s, mnk_binning how, size_t most, size_t c, mnk_binned *b, mnk_error *err) {
    uint16_t *map = NULL;
    MNK_TRY(MNK_NEW(map, s->schema->column[s->column[c]].levels + 1, err));
    mnk_status status = map_levels(s, how, most, c, map, &b->levels[c], err);
    for (int role = 0; role < MNK_ROLES && status == MNK_OK; role++) {
        if (!s->table[role]) continue;
        const int32_t *code = mnk_sets_code(s, role, c);
        for (size_t i = 0; i < mnk_sets_n(s, role); i++) b->code[role][c][i] = map[code[i] + 1];
    }
    mnk_free(map);
    return status;
}

mnk_status mnk_binned_open(const mnk_table_sets *s, mnk_binning how, size_t most, mnk_binned *out, mnk_error *err) {
    *out = (mnk_binned){.columns = s->columns};
    if (most > UINT16_MAX - 2) most = UINT16_MAX - 2;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(out->levels, s->columns, err));
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->table[role]) continue;
        MNK_OUT(MNK_NEW(out->code[role], s->columns, err));
        for (size_t c = 0; c < s->columns; c++) MNK_OUT(MNK_NEW(out->code[role][c], mnk_sets_n(s, role), err));
    }
    for (size_t c = 0; c < s->columns; c++) {
        if (mnk_sets_is_number(s, c)) MNK_OUT(bin_numbers(s, how, c, out, err));
        else MNK_OUT(bin_levels(s, how, most, c, out, err));
    }
out:
    if (status != MNK_OK) mnk_binned_close(out);
    return status;
}

void mnk_binned_close(mnk_binned *b) {
    if (!b) return;
    for (int role = 0; role < MNK_ROLES; role++) {
        for (size_t c = 0; b->code[role] && c < b->columns; c++) mnk_free(b->code[role][c]);
        mnk_free(b->code[role]);
    }
    mnk_free(b->levels);
    *b = (mnk_binned){0};
}
