#include "evaluate/table/found.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "evaluate/table/bins.h"

enum { PRESENT = -2, MISSING = -1 };
static const double CHANCE = 0.01;

/* A state that is frequent enough to be part of a rule. */
typedef struct state {
    int32_t value;
    size_t count;
    double low, high; /* work: of a number among its rows */
    size_t values;
} state;

typedef struct column_states {
    state *state;
    size_t n;
    uint16_t *of; /* [train n] number of the row's state, UINT16_MAX: a rare one */
} column_states;

typedef struct finder {
    const mnk_table_sets *s;
    size_t rows;
    column_states *column; /* [columns] */
    mnk_orders orders;
    double least; /* expected breaks */
    mnk_found *list;
    size_t n, room;
    bool failed;
} finder;

static void keep(finder *f, mnk_found rule) {
    if (rule.expected < f->least || f->failed) return;
    if (f->n == f->room) {
        mnk_found *more = mnk_realloc(f->list, f->room ? 2 * f->room : 64, sizeof *more);
        if (!more) {
            f->failed = true;
            return;
        }
        f->list = more;
        f->room = f->room ? 2 * f->room : 64;
    }
    f->list[f->n++] = rule;
}

static int32_t state_of(const mnk_table_sets *s, int role, size_t c, size_t i) {
    if (mnk_table_is_missing(s->table[role], s->column[c], i)) return MISSING;
    return mnk_sets_is_number(s, c) ? PRESENT : mnk_sets_code(s, role, c)[i];
}

/* States with at least `least` rows: a rarer one cannot be expected often enough with anything. */
static mnk_status list_states(finder *f, size_t c, mnk_error *err) {
    const mnk_table_sets *s = f->s;
    const size_t levels = mnk_sets_is_number(s, c) ? 0 : s->schema->column[s->column[c]].levels, all = levels + 2;
    column_states *k = &f->column[c];
    size_t *count = NULL;
    uint16_t *number = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(count, all, err));
    MNK_OUT(MNK_NEW(number, all, err));
    MNK_OUT(MNK_NEW(k->of, f->rows, err));
    for (size_t i = 0; i < f->rows; i++) count[state_of(s, MNK_ROLE_TRAIN, c, i) + 2]++;
    for (size_t v = 0; v < all; v++) k->n += (double)count[v] >= f->least;
    MNK_OUT(MNK_NEW(k->state, k->n, err));
    k->n = 0;
    for (size_t v = 0; v < all; v++) {
        number[v] = UINT16_MAX;
        if ((double)count[v] < f->least || k->n == UINT16_MAX) continue;
        number[v] = (uint16_t)k->n;
        k->state[k->n++] = (state){.value = (int32_t)v - 2, .count = count[v]};
    }
    for (size_t i = 0; i < f->rows; i++) k->of[i] = number[state_of(s, MNK_ROLE_TRAIN, c, i) + 2];
out:
    mnk_free(count);
    mnk_free(number);
    return status;
}

/* ---- states that never meet ---- */

static mnk_status never_both(finder *f, size_t a, size_t b, mnk_error *err) {
    const column_states *x = &f->column[a], *y = &f->column[b];
    uint8_t *met = NULL;
    if (!x->n || !y->n) return MNK_OK;
    MNK_TRY(MNK_NEW(met, x->n * y->n, err));
    for (size_t i = 0; i < f->rows; i++)
        if (x->of[i] != UINT16_MAX && y->of[i] != UINT16_MAX) met[x->of[i] * y->n + y->of[i]] = 1;
    for (size_t p = 0; p < x->n; p++)
        for (size_t q = 0; q < y->n; q++)
            if (!met[p * y->n + q])
                keep(f, (mnk_found){.kind = MNK_FOUND_NEVER_BOTH,
                                    .a = a,
                                    .b = b,
                                    .state_a = x->state[p].value,
                                    .state_b = y->state[q].value,
                                    .expected = (double)x->state[p].count * (double)y->state[q].count / (double)f->rows});
    mnk_free(met);
    return MNK_OK;
}

/* ---- a number bounded by a state ---- */

static size_t count_beyond(const finder *f, size_t c, double bound, bool above) {
    const double *x = mnk_sets_number(f->s, MNK_ROLE_TRAIN, c);
    const uint32_t *row = f->orders.row[MNK_ROLE_TRAIN][c];
    const size_t n = f->orders.n[MNK_ROLE_TRAIN][c];
    size_t low = 0, high = n; /* first place with x > bound (above) or x >= bound */
    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (above ? x[row[mid]] <= bound : x[row[mid]] < bound) low = mid + 1;
        else high = mid;
    }
    return above ? n - low : low;
}

static void bounded(finder *f, size_t a, size_t b) {
    column_states *k = &f->column[a];
    const double *x = mnk_sets_number(f->s, MNK_ROLE_TRAIN, b);
    for (size_t p = 0; p < k->n; p++) k->state[p].low = INFINITY, k->state[p].high = -INFINITY, k->state[p].values = 0;
    for (size_t i = 0; i < f->rows; i++) {
        if (k->of[i] == UINT16_MAX || isnan(x[i])) continue;
        state *t = &k->state[k->of[i]];
        t->low = fmin(t->low, x[i]);
        t->high = fmax(t->high, x[i]);
        t->values++;
    }
    const double n = (double)f->orders.n[MNK_ROLE_TRAIN][b];
    for (size_t p = 0; p < k->n; p++) {
        const state *t = &k->state[p];
        if (t->value == PRESENT || !t->values) continue;
        const mnk_found rule = {.a = a, .b = b, .state_a = t->value};
        mnk_found most = rule, least = rule;
        most.kind = MNK_FOUND_AT_MOST, most.bound = t->high;
        most.expected = (double)t->values * (double)count_beyond(f, b, t->high, true) / n;
        least.kind = MNK_FOUND_AT_LEAST, least.bound = t->low;
        least.expected = (double)t->values * (double)count_beyond(f, b, t->low, false) / n;
        keep(f, most);
        keep(f, least);
    }
}

/* ---- one number never above another ---- */

static void ordered(finder *f, size_t a, size_t b) {
    const mnk_table_sets *s = f->s;
    const double *x = mnk_sets_number(s, MNK_ROLE_TRAIN, a), *y = mnk_sets_number(s, MNK_ROLE_TRAIN, b);
    const size_t n = f->orders.n[MNK_ROLE_TRAIN][a], m = f->orders.n[MNK_ROLE_TRAIN][b];
    size_t both = 0, j = 0;
    double above = 0;
    if ((s->schema->column[s->column[a]].type == MNK_COLUMN_DATE) != (s->schema->column[s->column[b]].type == MNK_COLUMN_DATE))
        return;
    for (size_t i = 0; i < f->rows; i++) {
        if (x[i] > y[i]) return;
        both += !isnan(x[i]) && !isnan(y[i]);
    }
    if (!n || !m) return;
    for (size_t i = 0; i < n; i++) { /* pairs of any rows with x > y */
        while (j < m && y[f->orders.row[MNK_ROLE_TRAIN][b][j]] < x[f->orders.row[MNK_ROLE_TRAIN][a][i]]) j++;
        above += (double)j;
    }
    keep(f, (mnk_found){.kind = MNK_FOUND_ORDER, .a = a, .b = b, .expected = (double)both * above / ((double)n * (double)m)});
}

static int most_expected(const void *a, const void *b) {
    const mnk_found *x = a, *y = b;
    if (x->expected != y->expected) return x->expected > y->expected ? -1 : 1;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    if (x->b != y->b) return x->b < y->b ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    if (x->state_a != y->state_a) return x->state_a < y->state_a ? -1 : 1;
    return (x->state_b > y->state_b) - (x->state_b < y->state_b);
}

/* How many rules are looked at: what decides how much is chance. */
static double looks(const finder *f) {
    double tests = 1;
    for (size_t a = 0; a < f->s->columns; a++)
        for (size_t b = 0; b < f->s->columns; b++) {
            if (a == b) continue;
            if (a < b) tests += (double)f->column[a].n * (double)f->column[b].n;
            if (mnk_sets_is_number(f->s, b)) tests += 2 * (double)f->column[a].n + mnk_sets_is_number(f->s, a);
        }
    return tests;
}

static mnk_status look(finder *f, mnk_error *err) {
    const mnk_table_sets *s = f->s;
    f->least = -log(CHANCE);
    for (size_t c = 0; c < s->columns; c++) MNK_TRY(list_states(f, c, err));
    f->least = log(looks(f) / CHANCE);
    for (size_t a = 0; a < s->columns && !f->failed; a++)
        for (size_t b = 0; b < s->columns && !f->failed; b++) {
            if (a == b) continue;
            if (a < b) MNK_TRY(never_both(f, a, b, err));
            if (!mnk_sets_is_number(s, b)) continue;
            bounded(f, a, b);
            if (mnk_sets_is_number(s, a)) ordered(f, a, b);
        }
    return f->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for rules") : MNK_OK;
}

mnk_status mnk_found_rules(const mnk_table_sets *s, size_t most, mnk_found **out, size_t *n, mnk_error *err) {
    finder f = {.s = s, .rows = mnk_sets_n(s, MNK_ROLE_TRAIN)};
    *out = NULL;
    *n = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(f.column, s->columns, err));
    MNK_OUT(mnk_orders_open(s, &f.orders, err));
    MNK_OUT(look(&f, err));
    if (f.n) qsort(f.list, f.n, sizeof *f.list, most_expected);
    *out = f.list;
    *n = f.n < most ? f.n : most;
    f.list = NULL;
out:
    for (size_t c = 0; f.column && c < s->columns; c++) mnk_free(f.column[c].state), mnk_free(f.column[c].of);
    mnk_free(f.column);
    mnk_orders_close(&f.orders);
    mnk_free(f.list);
    return status;
}

bool mnk_found_breaks(const mnk_found *f, const mnk_table_sets *s, int role, size_t row) {
    if (f->kind == MNK_FOUND_ORDER) return mnk_sets_number(s, role, f->a)[row] > mnk_sets_number(s, role, f->b)[row];
    if (state_of(s, role, f->a, row) != f->state_a) return false;
    if (f->kind == MNK_FOUND_NEVER_BOTH) return state_of(s, role, f->b, row) == f->state_b;
    const double x = mnk_sets_number(s, role, f->b)[row];
    return f->kind == MNK_FOUND_AT_MOST ? x > f->bound : x < f->bound;
}

static bool is_one_of(const char *text, const char *const *list) {
    for (; *list; list++)
        if (strcasecmp(text, *list) == 0) return true;
    return false;
}

/* As one would say it: "male", "pregnant", "not pregnant", "ward = B", "bmi missing", "bmi present". */
static void state_words(const mnk_table_sets *s, size_t c, int32_t value, char out[40]) {
    static const char *const yes[] = {"yes", "y", "true", NULL}, *const no[] = {"no", "n", "false", NULL},
                             *const sex[] = {"sex", "gender", NULL};
    const mnk_column *k = &s->schema->column[s->column[c]];
    if (value < 0) snprintf(out, 40, "%.24s %s", k->name, value == MISSING ? "missing" : "present");
    else if (is_one_of(k->level[value], yes)) snprintf(out, 40, "%.36s", k->name);
    else if (is_one_of(k->level[value], no)) snprintf(out, 40, "not %.32s", k->name);
    else if (is_one_of(k->name, sex) && strlen(k->level[value]) > 1) snprintf(out, 40, "%.36s", k->level[value]);
    else snprintf(out, 40, "%.18s = %.16s", k->name, k->level[value]);
}

void mnk_found_words(const mnk_found *f, const mnk_table_sets *s, int role, size_t row, char out[96]) {
    char a[64], b[64];
    if (f->kind == MNK_FOUND_ORDER) { /* a > b, where all of train has a <= b */
        const bool dates = s->schema->column[s->column[f->a]].type == MNK_COLUMN_DATE;
        mnk_table_cell(s->table[role], s->column[f->a], row, a);
        mnk_table_cell(s->table[role], s->column[f->b], row, b);
        if (dates)
            snprintf(out, 96, "%.18s before %.18s (%.14s, %.14s): never in train", mnk_sets_name(s, f->b),
                     mnk_sets_name(s, f->a), b, a);
        else
            snprintf(out, 96, "%.18s above %.18s (%.14s, %.14s): never in train", mnk_sets_name(s, f->a),
                     mnk_sets_name(s, f->b), a, b);
        return;
    }
    state_words(s, f->a, f->state_a, a);
    if (f->kind == MNK_FOUND_NEVER_BOTH) {
        state_words(s, f->b, f->state_b, b);
        snprintf(out, 96, "%.36s, %.36s: never in train", a, b);
        return;
    }
    mnk_table_cell(s->table[role], s->column[f->b], row, b);
    snprintf(out, 96, "%.34s, %.14s = %.10s: train %s %.6g", a, mnk_sets_name(s, f->b), b,
             f->kind == MNK_FOUND_AT_MOST ? "at most" : "at least", f->bound);
}
