/* Two columns at a time: correlations of numbers, contingency of levels and of mixed pairs. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/table/families.h"

bool mnk_tuple_of_numbers(const mnk_table_sets *s, const mnk_tuple *t) {
    return mnk_sets_is_number(s, t->column[0]) && mnk_sets_is_number(s, t->column[1]);
}

bool mnk_tuple_with_level(const mnk_table_sets *s, const mnk_tuple *t) { return !mnk_tuple_of_numbers(s, t); }

/* Sums over the rows where both columns have a value. */
typedef struct moments {
    double n, x, y, xx, yy, xy; /* means, then centred sums of squares and products */
} moments;

static moments moments_of(const double *x, const double *y, size_t n) {
    moments m = {0};
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i]) && !isnan(y[i])) m.n += 1, m.x += x[i], m.y += y[i];
    if (m.n > 0) m.x /= m.n, m.y /= m.n;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]) || isnan(y[i])) continue;
        m.xx += (x[i] - m.x) * (x[i] - m.x);
        m.yy += (y[i] - m.y) * (y[i] - m.y);
        m.xy += (x[i] - m.x) * (y[i] - m.y);
    }
    return m;
}

static double correlation(const moments *m) {
    return m->n >= 2 && m->xx > 0 && m->yy > 0 ? fmin(1, fmax(-1, m->xy / sqrt(m->xx * m->yy))) : (double)NAN;
}

/* Influence of a correlation: z_x z_y - r (z_x^2 + z_y^2) / 2 (Devlin, Gnanadesikan & Kettenring 1975). */
static void add_pearson(const double *x, const double *y, size_t n, const moments *m, double r, double scale,
                        double *influence) {
    const double sx = sqrt(m->xx / m->n), sy = sqrt(m->yy / m->n);
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]) || isnan(y[i])) continue;
        const double a = (x[i] - m->x) / sx, b = (y[i] - m->y) / sy;
        influence[i] += scale * (a * b - r * (a * a + b * b) / 2) / m->n;
    }
}

/* A set whose correlation cannot be told (a constant column) has none: it counts as 0, or hides (as published). */
static double known(double r, const mnk_pair_ctx *c, int role) {
    return isnan(r) && !c->skips && role != MNK_ROLE_TRAIN ? 0 : r;
}

/* 1 - |r - r_set| / 2, and by how much train's and the set's correlation move it. */
static double similarity(double r, double other, double *slope) {
    *slope = r > other ? 0.5 : r < other ? -0.5 : 0;
    return 1 - fabs(r - other) / 2;
}

void mnk_pearson_unit(const void *ctx, const mnk_table_sets *s, size_t pair, void *scratch, mnk_score *score,
                      const mnk_influence *influence) {
    const mnk_pair_ctx *c = ctx;
    const size_t a = c->tuple[pair].column[0], b = c->tuple[pair].column[1];
    (void)scratch;
    double r[MNK_ROLES], slope = 0;
    moments m[MNK_ROLES];
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->table[role]) continue;
        m[role] = moments_of(mnk_sets_number(s, role, a), mnk_sets_number(s, role, b), mnk_sets_n(s, role));
        r[role] = known(correlation(&m[role]), c, role);
        score->value[role] = similarity(r[MNK_ROLE_TRAIN], r[role], &slope);
    }
    if (isnan(score->value[MNK_ROLE_SYNTHETIC])) return;
    score->n = (size_t)m[MNK_ROLE_SYNTHETIC].n;
    similarity(r[MNK_ROLE_TRAIN], r[MNK_ROLE_SYNTHETIC], &slope);
    for (int k = 0; k < 2; k++) {
        const int role = k ? MNK_ROLE_SYNTHETIC : MNK_ROLE_TRAIN;
        if (isnan(correlation(&m[role]))) continue;
        add_pearson(mnk_sets_number(s, role, a), mnk_sets_number(s, role, b), mnk_sets_n(s, role), &m[role], r[role],
                    k ? slope : -slope, k ? influence->synthetic : influence->train);
    }
}

/* ---- rank correlation ---- */

typedef struct ranks {
    double *u, *v;             /* [n] mid-ranks over the rows that have both, NaN elsewhere */
    double *above_u, *above_v; /* [n] mean over rows at or above in x of (v - mean), and the other way round */
} ranks;

static size_t most_rows(const mnk_table_sets *s) {
    size_t n = 0;
    for (int role = 0; role < MNK_ROLES; role++)
        if (mnk_sets_n(s, role) > n) n = mnk_sets_n(s, role);
    return n;
}

/* Mid-ranks of x (whose order is given) among the rows where other has a value too. */
static void mid_ranks(const double *x, const double *other, const uint32_t *row, size_t n, double *rank) {
    double before = 0;
    for (size_t i = 0; i < n;) {
        size_t j = i, ties = 0;
        for (; j < n && x[row[j]] == x[row[i]]; j++) ties += !isnan(other[row[j]]);
        for (size_t k = i; k < j; k++)
            if (!isnan(other[row[k]])) rank[row[k]] = before + ((double)ties + 1) / 2;
        before += (double)ties;
        i = j;
    }
}

/* above[i]: mean over all pairs' rows with x at or above row i's of (v - centre): how the rank of x_i pulls at the products. */
static void pull(const double *x, const double *v, double centre, const uint32_t *row, size_t n, double count, double *above) {
    double sum = 0;
    for (size_t end = n; end > 0;) {
        size_t j = end;
        for (; j > 0 && x[row[j - 1]] == x[row[end - 1]]; j--)
            if (!isnan(v[row[j - 1]])) sum += (v[row[j - 1]] - centre) / count;
        for (size_t k = j; k < end; k++) above[row[k]] = sum;
        end = j;
    }
}

static ranks ranks_in(void *scratch, size_t n) {
    double *w = scratch;
    return (ranks){w, w + n, w + 2 * n, w + 3 * n};
}

static moments rank_role(const mnk_pair_ctx *c, const mnk_table_sets *s, int role, size_t a, size_t b, ranks *k) {
    const size_t n = mnk_sets_n(s, role);
    const double *x = mnk_sets_number(s, role, a), *y = mnk_sets_number(s, role, b);
    for (size_t i = 0; i < n; i++) k->u[i] = k->v[i] = NAN;
    mid_ranks(x, y, c->orders->row[role][a], c->orders->n[role][a], k->u);
    mid_ranks(y, x, c->orders->row[role][b], c->orders->n[role][b], k->v);
    return moments_of(k->u, k->v, n);
}

/* Influence of Spearman's coefficient: that of the products of ranks, plus what each row does to the ranks of the others
 * (the Hajek projection of the statistic; Borkowf 2002). */
static void add_spearman(const mnk_pair_ctx *c, const mnk_table_sets *s, int role, size_t a, size_t b, const ranks *k,
                         const moments *m, double scale, double *influence) {
    const double size = m->n, sd = sqrt(m->xx * m->yy) / size; /* of the products of ranks */
    double mean = 0;
    pull(mnk_sets_number(s, role, a), k->v, m->y, c->orders->row[role][a], c->orders->n[role][a], size, k->above_u);
    pull(mnk_sets_number(s, role, b), k->u, m->x, c->orders->row[role][b], c->orders->n[role][b], size, k->above_v);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < mnk_sets_n(s, role); i++) {
            if (isnan(k->u[i]) || isnan(k->v[i])) continue;
            const double t = ((k->u[i] - m->x) * (k->v[i] - m->y) + size * (k->above_u[i] + k->above_v[i])) / sd;
            if (pass) influence[i] += scale * (t - mean) / size;
            else mean += t / size;
        }
}

static void spearman_unit(const void *ctx, const mnk_table_sets *s, size_t pair, void *scratch, mnk_score *score,
                          const mnk_influence *influence) {
    const mnk_pair_ctx *c = ctx;
    const size_t a = c->tuple[pair].column[0], b = c->tuple[pair].column[1];
    ranks k = ranks_in(scratch, most_rows(s));
    double r[MNK_ROLES], slope = 0;
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->table[role]) continue;
        const moments m = rank_role(c, s, role, a, b, &k);
        r[role] = known(correlation(&m), c, role);
        score->value[role] = similarity(r[MNK_ROLE_TRAIN], r[role], &slope);
        if (role == MNK_ROLE_SYNTHETIC) score->n = (size_t)m.n;
    }
    if (isnan(score->value[MNK_ROLE_SYNTHETIC])) return;
    similarity(r[MNK_ROLE_TRAIN], r[MNK_ROLE_SYNTHETIC], &slope);
    for (int k2 = 0; k2 < 2; k2++) {
        const int role = k2 ? MNK_ROLE_SYNTHETIC : MNK_ROLE_TRAIN;
        const moments m = rank_role(c, s, role, a, b, &k);
        if (!isnan(correlation(&m)))
            add_spearman(c, s, role, a, b, &k, &m, k2 ? slope : -slope, k2 ? influence->synthetic : influence->train);
    }
}

static mnk_status report_numbers(const mnk_table_view *v, mnk_error *err) {
    static const mnk_scale pearson = {"correlation_similarity", "fidelity", 0, 1},
                           spearman = {"rank_correlation_similarity", "fidelity", 0, 1};
    const mnk_table_sets *s = v->sets;
    mnk_tuple *tuple = NULL;
    size_t units = 0;
    bool is_sample = false;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_tuples_list(s, 2, (size_t)s->config->pairs, mnk_tuple_of_numbers, &tuple, &units, &is_sample, err));
    const mnk_pair_ctx ctx = {&v->orders, tuple, false};
    const mnk_family plain = {units, mnk_pearson_unit, &ctx, 0, v->by_column};
    const mnk_family ranked = {units, spearman_unit, &ctx, 4 * most_rows(s) * sizeof(double), v->by_column};
    const char *note = is_sample ? "of a random choice of 20000 pairs" : NULL;
    MNK_OUT(mnk_family_report(v, &plain, &pearson, tuple, 2, (size_t)s->config->shown, note, err));
    MNK_OUT(mnk_family_report(v, &ranked, &spearman, tuple, 2, (size_t)s->config->shown, note, err));
out:
    mnk_free(tuple);
    return status;
}

mnk_status mnk_table_pairs(const mnk_table_view *v, mnk_error *err) {
    static const mnk_scale contingency = {"contingency_similarity", "fidelity", 0, 1};
    const mnk_table_sets *s = v->sets;
    mnk_cells cells = {.binned = &v->levels, .ways = 2, .decimals = -1};
    mnk_tuple *tuple = NULL;
    size_t units = 0;
    bool is_sample = false;
    mnk_status status = MNK_OK;
    MNK_OUT(report_numbers(v, err));
    MNK_OUT(mnk_tuples_list(s, 2, (size_t)s->config->pairs, mnk_tuple_with_level, &tuple, &units, &is_sample, err));
    cells.tuple = tuple;
    mnk_cells_fit(&cells, units, MNK_MOST_CELLS);
    const mnk_family f = {units, mnk_cells_unit, &cells, mnk_cells_scratch(&cells, s), v->by_column};
    MNK_OUT(mnk_family_report(v, &f, &contingency, tuple, 2, (size_t)s->config->shown,
                              is_sample ? "of a random choice of 20000 pairs" : NULL, err));
out:
    mnk_free(tuple);
    return status;
}
