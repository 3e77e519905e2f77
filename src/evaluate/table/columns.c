/* One column at a time: Kolmogorov-Smirnov, total variation, Wasserstein, Jensen-Shannon. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/table/families.h"
#include "math/stats.h"

/* ---- two empirical distribution functions side by side ---- */

typedef struct steps { /* both columns in order, merged */
    const double *x, *y;
    const uint32_t *rx, *ry;
    size_t nx, ny, i, j;
    double at; /* the value whose ties were just taken */
} steps;

static bool next_step(steps *s) {
    if (s->i == s->nx && s->j == s->ny) return false;
    const double a = s->i < s->nx ? s->x[s->rx[s->i]] : (double)INFINITY,
                 b = s->j < s->ny ? s->y[s->ry[s->j]] : (double)INFINITY;
    s->at = a < b ? a : b;
    while (s->i < s->nx && s->x[s->rx[s->i]] == s->at) s->i++;
    while (s->j < s->ny && s->y[s->ry[s->j]] == s->at) s->j++;
    return true;
}

static double gap(const steps *s) { return (double)s->i / (double)s->nx - (double)s->j / (double)s->ny; }

static steps side_by_side(const mnk_orders *o, const mnk_table_sets *s, int role, size_t c) {
    return (steps){.x = mnk_sets_number(s, MNK_ROLE_TRAIN, c),
                   .y = mnk_sets_number(s, role, c),
                   .rx = o->row[MNK_ROLE_TRAIN][c],
                   .ry = o->row[role][c],
                   .nx = o->n[MNK_ROLE_TRAIN][c],
                   .ny = o->n[role][c]};
}

static bool has_both(const mnk_orders *o, const mnk_table_sets *s, int role, size_t c) {
    return s->table[role] && mnk_sets_is_number(s, c) && o->n[MNK_ROLE_TRAIN][c] && o->n[role][c];
}

/* Mean of the Kolmogorov distribution, sqrt(pi/2) ln 2. */
#define KOLMOGOROV_MEAN 0.86873116063615

void mnk_ks_unit(const void *ctx, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                 const mnk_influence *influence) {
    const mnk_ks_ctx *k = ctx;
    const mnk_orders *o = k->orders;
    (void)scratch;
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!has_both(o, s, role, c)) {
            if (s->table[role] && mnk_sets_is_number(s, c) && o->n[MNK_ROLE_TRAIN][c] && !k->skips) score->value[role] = 0;
            continue;
        }
        steps t = side_by_side(o, s, role, c);
        double top = 0, at = 0, f = 0, g = 0;
        while (next_step(&t))
            if (fabs(gap(&t)) > fabs(top))
                top = gap(&t), at = t.at, f = (double)t.i / (double)t.nx, g = (double)t.j / (double)t.ny;
        score->value[role] = 1 - fabs(top);
        if (role != MNK_ROLE_SYNTHETIC || top == 0) continue;
        const double sign = top > 0 ? 1 : -1;
        for (size_t i = 0; i < t.nx; i++) influence->train[t.rx[i]] -= sign * ((t.x[t.rx[i]] <= at) - f) / (double)t.nx;
        for (size_t j = 0; j < t.ny; j++) influence->synthetic[t.ry[j]] += sign * ((t.y[t.ry[j]] <= at) - g) / (double)t.ny;
    }
    if (!has_both(o, s, MNK_ROLE_SYNTHETIC, c)) return;
    const double n = (double)o->n[MNK_ROLE_TRAIN][c], m = (double)o->n[MNK_ROLE_SYNTHETIC][c];
    score->n = o->n[MNK_ROLE_SYNTHETIC][c];
    score->expected = fmax(0, 1 - KOLMOGOROV_MEAN * sqrt(1 / n + 1 / m));
}

/* ---- Wasserstein: the area between the two functions, in standard deviations of train ---- */

static double train_sd(const mnk_orders *o, const mnk_table_sets *s, size_t c) {
    const double *x = mnk_sets_number(s, MNK_ROLE_TRAIN, c);
    const size_t n = o->n[MNK_ROLE_TRAIN][c];
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++) mean += x[o->row[MNK_ROLE_TRAIN][c][i]] / (double)n;
    for (size_t i = 0; i < n; i++) sum += pow(x[o->row[MNK_ROLE_TRAIN][c][i]] - mean, 2);
    return n > 1 ? sqrt(sum / (double)(n - 1)) : 0;
}

/* Writes to h[row] the integral of sign(F - G) up to the row's value, less its mean over the rows, times `scale`. */
static void area_influence(steps t, bool of_train, double scale, double *influence) {
    const size_t n = of_train ? t.nx : t.ny;
    const uint32_t *row = of_train ? t.rx : t.ry;
    double h = 0, last = 0, sign = 0, mean = 0;
    size_t done = 0;
    bool first = true;
    while (next_step(&t)) {
        if (!first) h += sign * (t.at - last);
        first = false;
        last = t.at;
        sign = gap(&t) > 0 ? 1 : gap(&t) < 0 ? -1 : 0;
        for (const size_t end = of_train ? t.i : t.j; done < end; done++) {
            influence[row[done]] = h;
            mean += h / (double)n;
        }
    }
    for (size_t i = 0; i < n; i++) influence[row[i]] = scale * (influence[row[i]] - mean) / (double)n;
}

static void wasserstein_unit(const void *ctx, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                             const mnk_influence *influence) {
    const mnk_orders *o = ctx;
    (void)scratch;
    if (!mnk_sets_is_number(s, c)) return;
    const double sd = train_sd(o, s, c);
    for (int role = 0; role < MNK_ROLES && sd > 0; role++) {
        if (!has_both(o, s, role, c)) continue;
        steps t = side_by_side(o, s, role, c), copy = t;
        double area = 0, last = 0, height = 0;
        while (next_step(&t)) {
            area += height * (t.at - last);
            height = fabs(gap(&t));
            last = t.at;
        }
        score->value[role] = area / sd;
        if (role != MNK_ROLE_SYNTHETIC) continue;
        score->n = t.ny; /* dW/dF = int sign(F - G): a row above x lowers F there */
        area_influence(copy, true, -1 / sd, influence->train);
        area_influence(copy, false, 1 / sd, influence->synthetic);
    }
}

/* ---- Jensen-Shannon distance (base 2) of the binned column ---- */

enum { MOST_BINS = 1024 };

typedef struct js_scratch {
    double count[MNK_ROLES][MOST_BINS];
} js_scratch;

/* Half the divergence's derivative by q of the second distribution: log2(q / m) / 2. */
static double half_log(double q, double p) { return q > 0 ? 0.5 * log2(2 * q / (p + q)) : 0; }

static void js_unit(const void *ctx, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                    const mnk_influence *influence) {
    const mnk_binned *b = ctx;
    js_scratch *w = scratch;
    const size_t bins = b->levels[c];
    if (bins > MOST_BINS) return;
    memset(w, 0, sizeof *w);
    for (int role = 0; role < MNK_ROLES; role++)
        for (size_t i = 0; i < mnk_sets_n(s, role); i++) w->count[role][b->code[role][c][i]] += 1 / (double)mnk_sets_n(s, role);
    const double *p = w->count[MNK_ROLE_TRAIN];
    for (int role = 0; role < MNK_ROLES; role++) {
        const double *q = w->count[role];
        double divergence = 0;
        for (size_t k = 0; k < bins; k++) divergence += p[k] * half_log(p[k], q[k]) + q[k] * half_log(q[k], p[k]);
        if (mnk_sets_n(s, role)) score->value[role] = sqrt(fmax(0, divergence));
    }
    score->n = mnk_sets_n(s, MNK_ROLE_SYNTHETIC);
    if (!(score->value[MNK_ROLE_SYNTHETIC] > 0)) return;
    const double *q = w->count[MNK_ROLE_SYNTHETIC];
    double mean_p = 0, mean_q = 0;
    for (size_t k = 0; k < bins; k++) mean_p += p[k] * half_log(p[k], q[k]), mean_q += q[k] * half_log(q[k], p[k]);
    const double root = 2 * score->value[MNK_ROLE_SYNTHETIC]; /* d sqrt(D) = dD / (2 sqrt(D)) */
    for (int role = 0; role < MNK_ROLES; role++) {
        double *to = role == MNK_ROLE_TRAIN ? influence->train : influence->synthetic;
        const double n = (double)mnk_sets_n(s, role) * root;
        if (role != MNK_ROLE_TRAIN && role != MNK_ROLE_SYNTHETIC) continue;
        for (size_t i = 0; i < mnk_sets_n(s, role); i++) {
            const size_t k = b->code[role][c][i];
            to[i] += ((role == MNK_ROLE_TRAIN ? half_log(p[k], q[k]) : half_log(q[k], p[k])) -
                      (role == MNK_ROLE_TRAIN ? mean_p : mean_q)) /
                     n;
        }
    }
}

static bool is_level(const mnk_table_sets *s, const mnk_tuple *t) { return !mnk_sets_is_number(s, t->column[0]); }

mnk_status mnk_table_columns(const mnk_table_view *v, mnk_error *err) {
    const mnk_table_sets *s = v->sets;
    static const mnk_scale ks = {"ks_complement", "fidelity", 0, 1}, tv = {"tv_complement", "fidelity", 0, 1},
                           ws = {"wasserstein", "fidelity", 0, INFINITY}, js = {"js_distance", "fidelity", 0, 1};
    const mnk_ks_ctx every = {&v->orders, false};
    const mnk_family numbers = {s->columns, mnk_ks_unit, &every, 0, v->by_column};
    const mnk_family areas = {s->columns, wasserstein_unit, &v->orders, 0, v->by_column};
    const mnk_family binned = {s->columns, js_unit, &v->top, sizeof(js_scratch), v->by_column};
    mnk_cells cells = {.binned = &v->levels, .ways = 1, .decimals = -1};
    mnk_tuple *tuple = NULL;
    size_t units = 0;
    bool is_sample = false;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_family_report(v, &numbers, &ks, NULL, 1, SIZE_MAX, NULL, err));
    MNK_OUT(mnk_tuples_list(s, 1, s->columns, is_level, &tuple, &units, &is_sample, err));
    cells.tuple = tuple;
    mnk_cells_fit(&cells, units, MNK_MOST_CELLS);
    const mnk_family levels = {units, mnk_cells_unit, &cells, mnk_cells_scratch(&cells, s), v->by_column};
    MNK_OUT(mnk_family_report(v, &levels, &tv, tuple, 1, SIZE_MAX, NULL, err));
    MNK_OUT(mnk_family_report(v, &areas, &ws, NULL, 1, SIZE_MAX, "in standard deviations of train", err));
    MNK_OUT(mnk_family_report(v, &binned, &js, NULL, 1, SIZE_MAX, NULL, err));
out:
    mnk_free(tuple);
    return status;
}
