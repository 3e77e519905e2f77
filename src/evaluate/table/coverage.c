/* What of train's range, levels and missingness synthetic reaches, and what of synthetic stays inside them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/table/families.h"
#include "math/stats.h"

/* ---- adherence: a share of synthetic rows ---- */

static bool train_is_missing_somewhere(const mnk_table_sets *s, size_t c) {
    for (size_t i = 0; i < mnk_sets_n(s, MNK_ROLE_TRAIN); i++)
        if (mnk_table_is_missing(s->table[MNK_ROLE_TRAIN], s->column[c], i)) return true;
    return false;
}

/* Adds (inside - share) / n for the rows that count. */
static void add_share(double share, size_t n, size_t i, bool inside, double *influence) {
    influence[i] += (inside - share) / (double)n;
}

void mnk_boundary_unit(const void *ctx, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                       const mnk_influence *influence) {
    const mnk_adherence_ctx *a = ctx;
    const mnk_orders *o = a->orders;
    (void)scratch;
    if (!mnk_sets_is_number(s, c) || !o->n[MNK_ROLE_TRAIN][c]) return;
    const double *x = mnk_sets_number(s, MNK_ROLE_TRAIN, c);
    const double low = x[o->row[MNK_ROLE_TRAIN][c][0]], high = x[o->row[MNK_ROLE_TRAIN][c][o->n[MNK_ROLE_TRAIN][c] - 1]];
    const bool counts_missing = a->counts_missing && !train_is_missing_somewhere(s, c);
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->table[role]) continue;
        const double *y = mnk_sets_number(s, role, c);
        const size_t n = counts_missing ? mnk_sets_n(s, role) : o->n[role][c];
        size_t inside = 0;
        for (size_t i = 0; i < mnk_sets_n(s, role); i++) inside += y[i] >= low && y[i] <= high;
        if (n) score->value[role] = (double)inside / (double)n;
        if (role != MNK_ROLE_SYNTHETIC || !n) continue;
        score->n = n;
        for (size_t i = 0; i < mnk_sets_n(s, role); i++)
            if (counts_missing || !isnan(y[i]))
                add_share(score->value[role], n, i, y[i] >= low && y[i] <= high, influence->synthetic);
    }
}

static size_t most_levels(const mnk_table_sets *s) {
    size_t most = 1;
    for (size_t c = 0; c < s->columns; c++)
        if (s->schema->column[s->column[c]].levels > most) most = s->schema->column[s->column[c]].levels;
    return most;
}

size_t mnk_category_scratch(const mnk_table_sets *s) { return most_levels(s); }

void mnk_category_unit(const void *ctx, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                       const mnk_influence *influence) {
    const mnk_adherence_ctx *a = ctx;
    uint8_t *seen = scratch;
    if (mnk_sets_is_number(s, c)) return;
    bool missing = false;
    memset(seen, 0, s->schema->column[s->column[c]].levels);
    for (size_t i = 0; i < mnk_sets_n(s, MNK_ROLE_TRAIN); i++) {
        const int32_t v = mnk_sets_code(s, MNK_ROLE_TRAIN, c)[i];
        if (v < 0) missing = true;
        else seen[v] = 1;
    }
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->table[role]) continue;
        const int32_t *v = mnk_sets_code(s, role, c);
        size_t n = 0, inside = 0;
        for (size_t i = 0; i < mnk_sets_n(s, role); i++) {
            n += v[i] >= 0 || a->counts_missing;
            inside += v[i] >= 0 ? seen[v[i]] : a->counts_missing && missing;
        }
        if (n) score->value[role] = (double)inside / (double)n;
        if (role != MNK_ROLE_SYNTHETIC || !n) continue;
        score->n = n;
        for (size_t i = 0; i < mnk_sets_n(s, role); i++)
            if (v[i] >= 0 || a->counts_missing)
                add_share(score->value[role], n, i, v[i] >= 0 ? seen[v[i]] : missing, influence->synthetic);
    }
}

/* 1 - |share missing in train - share missing in the set| */
void mnk_missing_unit(const void *ctx, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                      const mnk_influence *influence) {
    double share[MNK_ROLES] = {0};
    (void)ctx;
    (void)scratch;
    for (int role = 0; role < MNK_ROLES; role++) {
        const size_t n = mnk_sets_n(s, role);
        for (size_t i = 0; i < n; i++) share[role] += mnk_table_is_missing(s->table[role], s->column[c], i);
        if (!n) continue;
        share[role] /= (double)n;
        score->value[role] = 1 - fabs(share[MNK_ROLE_TRAIN] - share[role]);
    }
    score->n = mnk_sets_n(s, MNK_ROLE_SYNTHETIC);
    const double slope = share[MNK_ROLE_TRAIN] > share[MNK_ROLE_SYNTHETIC]   ? 1
                         : share[MNK_ROLE_TRAIN] < share[MNK_ROLE_SYNTHETIC] ? -1
                                                                             : 0;
    for (int k = 0; k < 2; k++) {
        const int role = k ? MNK_ROLE_SYNTHETIC : MNK_ROLE_TRAIN;
        double *to = k ? influence->synthetic : influence->train;
        const double n = (double)mnk_sets_n(s, role);
        for (size_t i = 0; i < mnk_sets_n(s, role); i++)
            to[i] += (k ? slope : -slope) * (mnk_table_is_missing(s->table[role], s->column[c], i) - share[role]) / n;
    }
}

/* ---- coverage: extremes and presence, under resampled persons ---- */

/* Rows of one set grouped by level. */
typedef struct grouped {
    size_t *first; /* [levels+1] */
    uint32_t *row;
} grouped;

typedef struct cover_ctx {
    const mnk_table_view *v;
    int role;
    grouped *column;       /* [columns] of codes */
    uint8_t **seen;        /* [columns][levels] in train */
    const int32_t *unit;   /* NULL: a row is its own */
    const uint32_t *times; /* NULL: every row once */
} cover_ctx;

static bool drawn(const cover_ctx *c, uint32_t row) { return !c->times || c->times[c->unit ? (size_t)c->unit[row] : row] > 0; }

static double range_cover(const cover_ctx *c, size_t column) {
    const mnk_table_sets *s = c->v->sets;
    const mnk_orders *o = &c->v->orders;
    const size_t n = o->n[MNK_ROLE_TRAIN][column], m = o->n[c->role][column];
    if (!n) return NAN;
    const double *x = mnk_sets_number(s, MNK_ROLE_TRAIN, column), *y = mnk_sets_number(s, c->role, column);
    const double low = x[o->row[MNK_ROLE_TRAIN][column][0]], high = x[o->row[MNK_ROLE_TRAIN][column][n - 1]];
    size_t first = 0, last = m;
    if (low == high) return NAN;
    while (first < m && !drawn(c, o->row[c->role][column][first])) first++;
    while (last > first && !drawn(c, o->row[c->role][column][last - 1])) last--;
    if (first == last) return 0;
    const double a = fmax(0, (y[o->row[c->role][column][first]] - low) / (high - low));
    const double b = fmax(0, (high - y[o->row[c->role][column][last - 1]]) / (high - low));
    return fmax(0, 1 - (a + b));
}

static double category_cover(const cover_ctx *c, size_t column) {
    const size_t levels = c->v->sets->schema->column[c->v->sets->column[column]].levels;
    const grouped *g = &c->column[column];
    size_t wanted = 0, found = 0;
    for (size_t l = 0; l < levels; l++) {
        if (!c->seen[column][l]) continue;
        wanted++;
        for (size_t k = g->first[l]; k < g->first[l + 1]; k++)
            if (drawn(c, g->row[k])) {
                found++;
                break;
            }
    }
    return wanted ? (double)found / (double)wanted : (double)NAN;
}

static mnk_status group_rows(const mnk_table_sets *s, int role, size_t column, grouped *out, mnk_error *err) {
    const size_t levels = s->schema->column[s->column[column]].levels, n = mnk_sets_n(s, role);
    const int32_t *code = mnk_sets_code(s, role, column);
    MNK_TRY(MNK_NEW(out->first, levels + 2, err));
    MNK_TRY(MNK_NEW(out->row, n, err));
    for (size_t i = 0; i < n; i++)
        if (code[i] >= 0) out->first[code[i] + 2]++;
    for (size_t l = 1; l < levels + 2; l++) out->first[l] += out->first[l - 1];
    for (size_t i = 0; i < n; i++)
        if (code[i] >= 0) out->row[out->first[code[i] + 1]++] = (uint32_t)i;
    return MNK_OK;
}

static void cover_close(cover_ctx *c) {
    for (size_t k = 0; k < c->v->sets->columns; k++) {
        if (c->column) mnk_free(c->column[k].first), mnk_free(c->column[k].row);
        if (c->seen) mnk_free(c->seen[k]);
    }
    mnk_free(c->column);
    mnk_free(c->seen);
}

static mnk_status cover_open(const mnk_table_view *v, int role, cover_ctx *c, mnk_error *err) {
    const mnk_table_sets *s = v->sets;
    *c = (cover_ctx){.v = v, .role = role, .unit = s->table[role]->person};
    mnk_status status = MNK_NEW(c->column, s->columns, err);
    if (status == MNK_OK) status = MNK_NEW(c->seen, s->columns, err);
    for (size_t k = 0; k < s->columns && status == MNK_OK; k++) {
        if (mnk_sets_is_number(s, k)) continue;
        status = MNK_NEW(c->seen[k], s->schema->column[s->column[k]].levels, err);
        if (status == MNK_OK) status = group_rows(s, role, k, &c->column[k], err);
        const int32_t *code = mnk_sets_code(s, MNK_ROLE_TRAIN, k);
        for (size_t i = 0; i < mnk_sets_n(s, MNK_ROLE_TRAIN) && status == MNK_OK; i++)
            if (code[i] >= 0) c->seen[k][code[i]] = 1;
    }
    if (status != MNK_OK) cover_close(c);
    return status;
}

/* out[0] mean range coverage, out[1] mean category coverage */
static void cover_means(void *ctx, const uint32_t *times, double *out) {
    cover_ctx c = *(cover_ctx *)ctx;
    size_t n[2] = {0, 0};
    c.times = times;
    out[0] = out[1] = 0;
    for (size_t k = 0; k < c.v->sets->columns; k++) {
        const int which = !mnk_sets_is_number(c.v->sets, k);
        const double x = which ? category_cover(&c, k) : range_cover(&c, k);
        if (!isnan(x)) out[which] += x, n[which]++;
    }
    for (int k = 0; k < 2; k++) out[k] = n[k] ? out[k] / (double)n[k] : (double)NAN;
}

static mnk_status add_columns(const mnk_table_view *v, const mnk_scale scale[2], cover_ctx *const of[MNK_ROLES],
                              mnk_error *err) {
    const mnk_table_sets *s = v->sets;
    for (size_t c = 0; c < s->columns; c++) {
        const int which = !mnk_sets_is_number(s, c);
        mnk_score score = {
            .value = {NAN, NAN, NAN, NAN}, .expected = NAN, .variance = NAN, .n = mnk_sets_n(s, MNK_ROLE_SYNTHETIC)};
        for (int role = 0; role < MNK_ROLES; role++)
            if (of[role]) score.value[role] = which ? category_cover(of[role], c) : range_cover(of[role], c);
        if (isnan(score.value[MNK_ROLE_SYNTHETIC])) continue;
        MNK_TRY(mnk_score_add(v->result, &scale[which], mnk_sets_name(s, c), v->subset, &score, s->config->level, NULL, err));
    }
    return MNK_OK;
}

mnk_status mnk_coverage_means(const mnk_table_view *v, int role, double out[2], mnk_error *err) {
    cover_ctx c;
    MNK_TRY(cover_open(v, role, &c, err));
    cover_means(&c, NULL, out);
    cover_close(&c);
    return MNK_OK;
}

static mnk_status add_coverage(const mnk_table_view *v, mnk_error *err) {
    static const mnk_scale scale[2] = {{"range_coverage", "diversity", 0, 1}, {"category_coverage", "diversity", 0, 1}};
    const mnk_table_sets *s = v->sets;
    cover_ctx c[MNK_ROLES] = {{0}}, *of[MNK_ROLES] = {NULL};
    double mean[MNK_ROLES][2], low[2] = {NAN, NAN}, high[2] = {NAN, NAN};
    mnk_status status = MNK_OK;
    for (int role = 0; role < MNK_ROLES; role++) {
        mean[role][0] = mean[role][1] = NAN;
        if (!s->table[role]) continue;
        MNK_OUT(cover_open(v, role, &c[role], err));
        of[role] = &c[role];
        cover_means(&c[role], NULL, mean[role]);
    }
    const mnk_bootstrap plan = {
        .units = s->table[MNK_ROLE_SYNTHETIC]->persons, .replicates = (size_t)s->config->replicates, .seed = s->config->seed};
    if (plan.replicates)
        MNK_OUT(mnk_bootstrap_run(&plan, 2, cover_means, &c[MNK_ROLE_SYNTHETIC], s->config->level, NULL, low, high, err));
    for (int k = 0; k < 2; k++) {
        mnk_score score = {.expected = NAN, .variance = NAN, .n = mnk_sets_n(s, MNK_ROLE_SYNTHETIC)};
        for (int role = 0; role < MNK_ROLES; role++) score.value[role] = mean[role][k];
        if (isnan(score.value[MNK_ROLE_SYNTHETIC])) continue;
        MNK_OUT(mnk_score_add(v->result, &scale[k], "", v->subset, &score, s->config->level, NULL, err));
        mnk_metric *m = &v->result->metric[v->result->metrics - 1];
        m->low = low[k], m->high = high[k];
    }
    if (v->by_column) MNK_OUT(add_columns(v, scale, of, err));
out:
    for (int role = 0; role < MNK_ROLES; role++)
        if (of[role]) cover_close(of[role]);
    return status;
}

/* ---- patterns of missingness ---- */

static uint64_t pattern(const mnk_table_sets *s, int role, size_t i) {
    uint64_t h = 1469598103934665603u; /* FNV-1a over one byte a column */
    for (size_t c = 0; c < s->columns; c++)
        h = (h ^ (uint64_t)mnk_table_is_missing(s->table[role], s->column[c], i)) * 1099511628211u;
    return h;
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Share of train's rows whose pattern of missing columns occurs in a set; hit[train n]. */
static mnk_status pattern_cover(const mnk_table_sets *s, const uint64_t *train, int role, uint8_t *hit, double *share,
                                mnk_error *err) {
    const size_t n = mnk_sets_n(s, MNK_ROLE_TRAIN), m = mnk_sets_n(s, role);
    uint64_t *list = NULL;
    size_t hits = 0;
    MNK_TRY(MNK_NEW(list, m, err));
    for (size_t j = 0; j < m; j++) list[j] = pattern(s, role, j);
    qsort(list, m, sizeof *list, ascending);
    for (size_t i = 0; i < n; i++) hits += hit[i] = bsearch(&train[i], list, m, sizeof *list, ascending) != NULL;
    *share = (double)hits / (double)n;
    mnk_free(list);
    return MNK_OK;
}

static mnk_status add_patterns(const mnk_table_view *v, mnk_error *err) {
    static const mnk_scale scale = {"missing_coverage", "diversity", 0, 1};
    const mnk_table_sets *s = v->sets;
    const mnk_table *train = s->table[MNK_ROLE_TRAIN];
    mnk_score score = {.value = {NAN, NAN, NAN, NAN}, .expected = NAN, .variance = NAN, .n = train->n};
    uint64_t *of_train = NULL;
    uint8_t *hit = NULL;
    double low = NAN, high = NAN;
    bool any = false;
    mnk_status status = MNK_OK;
    for (size_t c = 0; c < s->columns; c++) any = any || train_is_missing_somewhere(s, c);
    if (!any) return MNK_OK; /* nothing to cover */
    MNK_OUT(MNK_NEW(of_train, train->n, err));
    MNK_OUT(MNK_NEW(hit, train->n, err));
    for (size_t i = 0; i < train->n; i++) of_train[i] = pattern(s, MNK_ROLE_TRAIN, i);
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->table[role]) continue;
        MNK_OUT(pattern_cover(s, of_train, role, hit, &score.value[role], err));
        if (role == MNK_ROLE_SYNTHETIC)
            MNK_OUT(mnk_wilson_units(hit, train->person, train->n, train->persons, s->config->level, &low, &high, err));
    }
    MNK_OUT(mnk_score_add(v->result, &scale, "", v->subset, &score, s->config->level,
                          "share of train's rows whose pattern of missing columns occurs", err));
    mnk_metric *m = &v->result->metric[v->result->metrics - 1];
    m->low = low, m->high = high;
out:
    mnk_free(of_train);
    mnk_free(hit);
    return status;
}

mnk_status mnk_table_coverage(const mnk_table_view *v, mnk_error *err) {
    static const mnk_scale boundary = {"boundary_adherence", "fidelity", 0, 1},
                           category = {"category_adherence", "fidelity", 0, 1},
                           missing = {"missing_similarity", "fidelity", 0, 1};
    const mnk_table_sets *s = v->sets;
    const mnk_adherence_ctx ctx = {&v->orders, false};
    const mnk_family a = {s->columns, mnk_boundary_unit, &ctx, 0, v->by_column};
    const mnk_family b = {s->columns, mnk_category_unit, &ctx, mnk_category_scratch(s), v->by_column};
    const mnk_family c = {s->columns, mnk_missing_unit, NULL, 0, v->by_column};
    MNK_TRY(add_coverage(v, err));
    MNK_TRY(mnk_family_report(v, &a, &boundary, NULL, 1, SIZE_MAX, NULL, err));
    MNK_TRY(mnk_family_report(v, &b, &category, NULL, 1, SIZE_MAX, NULL, err));
    MNK_TRY(mnk_family_report(v, &c, &missing, NULL, 1, SIZE_MAX, NULL, err));
    return add_patterns(v, err);
}
