#include "evaluate/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "evaluate/frechet.h"
#include "evaluate/neighbours.h"
#include "math/stats.h"

/* The sets that are held against train: the reference lines and the synthetic set itself. */
typedef enum against { SYNTHETIC, HOLDOUT, COPY, FLOOR, AGAINST } against;
static const char *const against_names[AGAINST] = {"synthetic", "holdout", "copy", "floor"};
static const mnk_role against_role[AGAINST] = {MNK_ROLE_SYNTHETIC, MNK_ROLE_HOLDOUT, MNK_ROLE_TRAIN, MNK_ROLE_FLOOR};

/* Rows of each set: all of the subset, and the first `n` of a random order of them, ascending again. */
typedef struct rows {
    size_t *all[MNK_ROLES], count[MNK_ROLES];
    size_t *some[MNK_ROLES], n; /* NULL for sets that are too small to be compared */
} rows;

mnk_metric *mnk_judge_metric(mnk_result *r, const char *id, const char *group, const char *encoding, const char *subset,
                             double value, size_t n, double level) {
    mnk_metric *m = mnk_result_add_metric(r, id, group);
    if (!m) return NULL;
    snprintf(m->encoding, sizeof m->encoding, "%s", encoding);
    snprintf(m->subset, sizeof m->subset, "%s", subset);
    m->value = value;
    m->n = n;
    m->level = level;
    return m;
}

static mnk_status no_memory(mnk_error *err) { return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric"); }

static int by_row(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void rows_close(rows *r) {
    for (int role = 0; role < MNK_ROLES; role++) {
        mnk_free(r->all[role]);
        mnk_free(r->some[role]);
    }
}

static mnk_status rows_open(const mnk_judge *j, const mnk_subset *subset, rows *r, mnk_error *err) {
    const size_t least = j->plan->neighbours + 2;
    *r = (rows){.n = j->plan->max_items};
    for (int role = 0; role < MNK_ROLES; role++) {
        const size_t n = j->encoded->n[role];
        MNK_TRY(MNK_NEW(r->all[role], n ? n : 1, err));
        for (size_t i = 0; i < n; i++)
            if (mnk_subset_has(subset, role, i)) r->all[role][r->count[role]++] = i;
        /* a holdout class of a handful must not shrink the comparison of the others */
        if (role != MNK_ROLE_FLOOR && (role != MNK_ROLE_HOLDOUT || r->count[role] >= least) && r->count[role] < r->n)
            r->n = r->count[role];
    }
    if (r->n < least) return MNK_OK; /* the caller says so */
    for (int role = 0; role < MNK_ROLES; role++) {
        size_t *order = NULL;
        if (r->count[role] < r->n) continue;
        MNK_TRY(MNK_NEW(r->some[role], r->count[role], err));
        MNK_TRY(MNK_NEW(order, r->count[role], err));
        mnk_rng draw = mnk_rng_at(j->plan->seed, MNK_PURPOSE_SUBSET, (uint64_t)role, subset->stream);
        mnk_rng_permutation(&draw, order, r->count[role]);
        for (size_t i = 0; i < r->n; i++) r->some[role][i] = r->all[role][order[i]];
        qsort(r->some[role], r->n, sizeof *r->some[role], by_row);
        mnk_free(order);
    }
    return MNK_OK;
}

static mnk_status gather(const float *x, size_t d, const size_t *row, size_t n, float **out, mnk_error *err) {
    MNK_TRY(MNK_NEW_ALIGNED(*out, n * d, err));
    for (size_t i = 0; i < n; i++) memcpy(*out + i * d, x + row[i] * d, d * sizeof(float));
    return MNK_OK;
}

mnk_status mnk_encoded_points(const mnk_encoded *e, mnk_role role, const size_t *row, size_t n, const float *centre,
                              mnk_points *out, mnk_error *err) {
    float *x = NULL;
    uint16_t *code = NULL;
    *out = (mnk_points){0};
    mnk_status status = MNK_OK;
    if (row) MNK_OUT(gather(e->near[role], e->near_d, row, n, &x, err));
    MNK_OUT(mnk_points_open(row ? x : e->near[role], n, e->near_d, centre, out, err));
    if (!e->codes) goto out;
    if (row) MNK_OUT(MNK_NEW(code, n * e->codes, err));
    for (size_t i = 0; i < n && row; i++)
        memcpy(code + i * e->codes, e->code[role] + row[i] * e->codes, e->codes * sizeof *code);
    MNK_OUT(mnk_points_add_codes(out, row ? code : e->code[role], e->codes, err));
out:
    mnk_free(x);
    mnk_free(code);
    if (status != MNK_OK) mnk_points_close(out);
    return status;
}

mnk_status mnk_encoded_centre(const mnk_encoded *e, const size_t *row, size_t n, float *centre, mnk_error *err) {
    float *x = NULL;
    if (!e->near_d) return MNK_OK;
    if (!row) return mnk_column_means(e->near[MNK_ROLE_TRAIN], n, e->near_d, centre, err);
    MNK_TRY(gather(e->near[MNK_ROLE_TRAIN], e->near_d, row, n, &x, err));
    mnk_status status = mnk_column_means(x, n, e->near_d, centre, err);
    mnk_free(x);
    return status;
}

/* Units of some rows, numbered anew without gaps. */
static mnk_status gather_units(const mnk_units *all, const size_t *row, size_t n, mnk_units *out, int32_t **owned,
                               mnk_error *err) {
    int32_t *number = NULL;
    *out = (mnk_units){.units = n};
    if (!all->unit) return MNK_OK;
    MNK_TRY(MNK_NEW(*owned, n, err));
    MNK_TRY(MNK_NEW(number, all->units + 1, err));
    out->unit = *owned, out->units = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t *mine = &number[all->unit[row[i]]];
        if (!*mine) *mine = (int32_t)++out->units;
        (*owned)[i] = *mine - 1;
    }
    mnk_free(number);
    return MNK_OK;
}

/* ---- what was never generated ---- */

static bool never(const mnk_neighbours *s, size_t i) { return !s->covered[i] && !s->cross.inside_a[i]; }

static double never_share(const mnk_neighbours *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->na; i++) n += never(s, i);
    return (double)n / (double)s->na;
}

typedef struct missed {
    size_t i;
    double ratio;
} missed;

static int farthest_first(const void *a, const void *b) {
    const missed *x = a, *y = b;
    if (x->ratio != y->ratio) return x->ratio > y->ratio ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

/* Real items outside all synthetic balls whose own balls hold no synthetic item, farthest in units of their own ball first. */
static mnk_status flag_never(const mnk_judge *j, const rows *r, const mnk_knn *knn, const mnk_neighbours *s, mnk_error *err) {
    missed *list = NULL;
    size_t n = 0;
    MNK_TRY(MNK_NEW(list, s->na, err));
    for (size_t i = 0; i < s->na; i++) {
        const double radius2 = (double)knn->d2[i * (size_t)knn->k + (size_t)knn->k - 1];
        if (never(s, i)) list[n++] = (missed){i, sqrt((double)s->cross.nearest_a2[i] / (radius2 > 0 ? radius2 : 1e-30))};
    }
    qsort(list, n, sizeof *list, farthest_first);
    for (size_t i = 0; i < n && i < j->plan->never_shown; i++) {
        const size_t row = r->some[MNK_ROLE_TRAIN][list[i].i];
        mnk_flag *f = mnk_result_add_flag(j->result, "never_generated", row);
        if (!f) {
            mnk_free(list);
            return no_memory(err);
        }
        f->of = (int64_t)r->some[MNK_ROLE_SYNTHETIC][s->cross.nearest_a_index[list[i].i]];
        f->distance = list[i].ratio;
        const char *of = j->plan->label && j->plan->label[row] >= 0 ? j->plan->label_name[j->plan->label[row]] : "";
        snprintf(f->note, sizeof f->note, "%.60s%sin radii of its own ball", of, *of ? "; " : "");
    }
    mnk_free(list);
    return MNK_OK;
}

/* ---- neighbour metrics ---- */

typedef struct line { /* one set held against train */
    double value[MNK_NB_METRICS], low[MNK_NB_METRICS], high[MNK_NB_METRICS], never;
    bool is_there;
} line;

static mnk_status add_compat(const mnk_judge *j, const char *subset, const mnk_points *real, const mnk_knn *knn,
                             const mnk_points *synthetic, const mnk_neighbours *s, mnk_error *err) {
    const unsigned which = j->plan->compat;
    mnk_alpha_compat c;
    if (!which) return MNK_OK;
    MNK_TRY(mnk_alpha_as_published(real, knn, synthetic, &s->cross, &c, err));
    const struct {
        unsigned bit;
        const char *id;
        double value;
    } list[] = {{1, "synthcity.alpha_precision", c.synthcity_alpha}, {1, "synthcity.beta_recall", c.synthcity_beta},
                {1, "synthcity.authenticity", c.authenticity},       {2, "authors.alpha_precision", c.authors_alpha},
                {2, "authors.beta_recall", c.authors_beta},          {2, "authors.authenticity", c.authenticity}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (!(which & list[i].bit)) continue;
        mnk_metric *m =
            mnk_judge_metric(j->result, list[i].id, "compat", j->encoded->name, subset, list[i].value, s->nb, j->plan->level);
        if (!m) return no_memory(err);
        snprintf(m->note, sizeof m->note, "as the published program computes it, faults included");
    }
    return MNK_OK;
}

static mnk_status line_intervals(const mnk_judge *j, const rows *r, mnk_neighbours *s, mnk_error *err) {
    const mnk_judge_plan *p = j->plan;
    mnk_units real, synthetic;
    int32_t *a = NULL, *b = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(gather_units(&p->units[MNK_ROLE_TRAIN], r->some[MNK_ROLE_TRAIN], r->n, &real, &a, err));
    MNK_OUT(gather_units(&p->units[MNK_ROLE_SYNTHETIC], r->some[MNK_ROLE_SYNTHETIC], r->n, &synthetic, &b, err));
    MNK_OUT(mnk_neighbours_intervals(s, &real, &synthetic, p->replicates, p->seed, p->level, err));
out:
    mnk_free(a);
    mnk_free(b);
    return status;
}

/* Fills lines[]; the synthetic one with intervals, flags and compat rows. */
static mnk_status neighbour_lines(const mnk_judge *j, const rows *r, const mnk_subset *subset, line *lines, mnk_error *err) {
    const bool whole = subset->stream == 0;
    mnk_points real = {0}, other = {0};
    mnk_knn knn = {0};
    mnk_neighbours s = {0};
    float *centre = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(centre, j->encoded->near_d + 1, err));
    MNK_OUT(mnk_encoded_centre(j->encoded, r->some[MNK_ROLE_TRAIN], r->n, centre, err));
    MNK_OUT(mnk_encoded_points(j->encoded, MNK_ROLE_TRAIN, r->some[MNK_ROLE_TRAIN], r->n, centre, &real, err));
    MNK_OUT(mnk_sweep_self(&real, (int)j->plan->neighbours, &knn, err));
    for (int a = 0; a < AGAINST; a++) {
        if (!r->some[against_role[a]]) continue;
        if (mnk_observe_stopped(j->observer)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while comparing"));
        MNK_OUT(mnk_encoded_points(j->encoded, against_role[a], r->some[against_role[a]], r->n, centre, &other, err));
        MNK_OUT(mnk_neighbours_open(&real, &knn, &other, &s, err));
        if (a == SYNTHETIC && j->plan->replicates) MNK_OUT(line_intervals(j, r, &s, err));
        if (a == SYNTHETIC && whole) MNK_OUT(add_compat(j, subset->name, &real, &knn, &other, &s, err));
        if (a == SYNTHETIC && whole && j->flags_never) MNK_OUT(flag_never(j, r, &knn, &s, err));
        memcpy(lines[a].value, s.value, sizeof s.value);
        memcpy(lines[a].low, s.low, sizeof s.low);
        memcpy(lines[a].high, s.high, sizeof s.high);
        lines[a].never = never_share(&s);
        lines[a].is_there = true;
        mnk_neighbours_close(&s);
        mnk_points_close(&other);
    }
out:
    mnk_free(centre);
    mnk_points_close(&real);
    mnk_points_close(&other);
    mnk_knn_close(&knn);
    mnk_neighbours_close(&s);
    return status;
}

static mnk_status add_neighbours(const mnk_judge *j, const rows *r, const mnk_subset *in, mnk_error *err) {
    const double level = j->plan->level;
    const char *subset = in->name;
    line lines[AGAINST] = {0};
    MNK_TRY(neighbour_lines(j, r, in, lines, err));
    for (int k = 0; k < MNK_NB_METRICS; k++) {
        mnk_metric *m = mnk_judge_metric(j->result, mnk_neighbour_ids[k], mnk_neighbour_groups[k], j->encoded->name, subset,
                                         lines[SYNTHETIC].value[k], r->n, level);
        if (!m) return no_memory(err);
        m->low = lines[SYNTHETIC].low[k], m->high = lines[SYNTHETIC].high[k];
        for (int a = HOLDOUT; a < AGAINST; a++)
            if (lines[a].is_there) mnk_metric_add_reference(m, against_names[a], lines[a].value[k]);
    }
    if (!j->flags_never) return MNK_OK;
    mnk_metric *m = mnk_judge_metric(j->result, "never_generated", "diversity", j->encoded->name, subset,
                                     lines[SYNTHETIC].never, r->n, level);
    if (!m) return no_memory(err);
    mnk_wilson(lines[SYNTHETIC].never * (double)r->n, (double)r->n, level, &m->low, &m->high);
    for (int a = HOLDOUT; a < AGAINST; a++)
        if (lines[a].is_there) mnk_metric_add_reference(m, against_names[a], lines[a].never);
    return MNK_OK;
}

/* Authenticity is a mean over synthetic items against all of train: dropping train items would hide copies, and the number of
 * synthetic items does not move its expectation, so every set is held against the same full train. */
static mnk_status add_authenticity(const mnk_judge *j, const rows *r, const char *subset, mnk_error *err) {
    const double level = j->plan->level;
    double share[AGAINST] = {NAN, NAN, NAN, NAN};
    mnk_points real = {0}, other = {0};
    float *centre = NULL;
    uint8_t *authentic = NULL;
    int32_t *unit = NULL;
    double low = NAN, high = NAN;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(centre, j->encoded->near_d + 1, err));
    MNK_OUT(mnk_encoded_centre(j->encoded, r->all[MNK_ROLE_TRAIN], r->count[MNK_ROLE_TRAIN], centre, err));
    MNK_OUT(
        mnk_encoded_points(j->encoded, MNK_ROLE_TRAIN, r->all[MNK_ROLE_TRAIN], r->count[MNK_ROLE_TRAIN], centre, &real, err));
    for (int a = 0; a < AGAINST; a++) {
        const mnk_role role = against_role[a];
        const size_t n = a == COPY ? r->n : r->count[role], *row = a == COPY ? r->some[role] : r->all[role];
        if (!n) continue;
        size_t count = 0;
        mnk_free(authentic);
        authentic = NULL;
        MNK_OUT(MNK_NEW(authentic, n, err));
        MNK_OUT(mnk_encoded_points(j->encoded, role, row, n, centre, &other, err));
        MNK_OUT(mnk_authenticity(&real, &other, authentic, NULL, NULL, err));
        for (size_t i = 0; i < n; i++) count += authentic[i];
        share[a] = (double)count / (double)n;
        if (a == SYNTHETIC) {
            mnk_units units;
            MNK_OUT(gather_units(&j->plan->units[role], row, n, &units, &unit, err));
            MNK_OUT(mnk_wilson_units(authentic, units.unit, n, units.units, level, &low, &high, err));
        }
        mnk_points_close(&other);
    }
    const size_t n = r->count[MNK_ROLE_SYNTHETIC];
    mnk_metric *m =
        mnk_judge_metric(j->result, "authenticity", "authenticity", j->encoded->name, subset, share[SYNTHETIC], n, level);
    if (!m) MNK_OUT(no_memory(err));
    m->low = low, m->high = high;
    for (int a = HOLDOUT; a < AGAINST; a++)
        if (!isnan(share[a])) mnk_metric_add_reference(m, against_names[a], share[a]);
out:
    mnk_free(centre);
    mnk_free(authentic);
    mnk_free(unit);
    mnk_points_close(&real);
    mnk_points_close(&other);
    return status;
}

/* ---- distances of distributions ---- */

static mnk_status moment_lines(const mnk_judge *j, const rows *r, bool frechet, mnk_estimate *fd, mnk_estimate *kid,
                               mnk_error *err) {
    const size_t d = j->encoded->moment_d;
    float *real = NULL, *other = NULL;
    mnk_status status = gather(j->encoded->moment[MNK_ROLE_TRAIN], d, r->some[MNK_ROLE_TRAIN], r->n, &real, err);
    for (int a = 0; a < AGAINST && status == MNK_OK; a++) {
        fd[a].value = kid[a].value = NAN;
        if (!r->some[against_role[a]]) continue;
        status = gather(j->encoded->moment[against_role[a]], d, r->some[against_role[a]], r->n, &other, err);
        if (status == MNK_OK && frechet) status = mnk_frechet(real, r->n, other, r->n, d, a == SYNTHETIC, &fd[a], err);
        if (status == MNK_OK) status = mnk_kid(real, r->n, other, r->n, d, &kid[a], err);
        mnk_free(other);
        other = NULL;
    }
    mnk_free(real);
    return status;
}

static mnk_status add_moments(const mnk_judge *j, const rows *r, const char *subset, mnk_error *err) {
    const double level = j->plan->level, z = mnk_normal_quantile((1 + level) / 2);
    mnk_estimate estimate[2][AGAINST];
    const char *const id[2] = {"frechet_distance", "kid"};
    const bool frechet = r->n > j->encoded->moment_d;
    memset(estimate, 0, sizeof estimate);
    MNK_TRY(moment_lines(j, r, frechet, estimate[0], estimate[1], err));
    for (int k = 0; k < 2; k++) {
        const mnk_estimate *e = estimate[k];
        mnk_metric *m =
            mnk_judge_metric(j->result, id[k], "fidelity", j->encoded->name, subset, e[SYNTHETIC].value, r->n, level);
        if (!m) return no_memory(err);
        if (k == 0 && !frechet) {
            snprintf(m->note, sizeof m->note, "%zu items do not fill %zu dimensions", r->n, j->encoded->moment_d);
            continue;
        }
        m->low = e[SYNTHETIC].value - z * e[SYNTHETIC].se;
        m->high = e[SYNTHETIC].value + z * e[SYNTHETIC].se;
        if (k == 0 && m->low < 0) m->low = 0;
        for (int a = HOLDOUT; a < AGAINST; a++)
            if (!isnan(e[a].value)) mnk_metric_add_reference(m, against_names[a], e[a].value);
    }
    return MNK_OK;
}

static mnk_status add_too_few(const mnk_judge *j, const rows *r, const char *subset, mnk_error *err) {
    static const char *const ids[] = {"alpha_precision", "beta_recall",  "precision",        "recall", "density",
                                      "coverage",        "authenticity", "frechet_distance", "kid"};
    static const char *const groups[] = {"fidelity",  "diversity",    "fidelity", "diversity", "fidelity",
                                         "diversity", "authenticity", "fidelity", "fidelity"};
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
        mnk_metric *m = mnk_judge_metric(j->result, ids[k], groups[k], j->encoded->name, subset, NAN, r->n, j->plan->level);
        if (!m) return no_memory(err);
        snprintf(m->note, sizeof m->note, "%zu train and %zu synthetic %s: at least %zu of each are needed",
                 r->count[MNK_ROLE_TRAIN], r->count[MNK_ROLE_SYNTHETIC], j->plan->items, j->plan->neighbours + 2);
    }
    return MNK_OK;
}

mnk_status mnk_judge_subset(const mnk_judge *j, const mnk_subset *subset, mnk_error *err) {
    rows r = {0};
    mnk_status status = rows_open(j, subset, &r, err);
    if (status == MNK_OK && r.n < j->plan->neighbours + 2) {
        status = add_too_few(j, &r, subset->name, err);
    } else if (status == MNK_OK) {
        status = add_neighbours(j, &r, subset, err);
        if (status == MNK_OK) status = add_authenticity(j, &r, subset->name, err);
        if (status == MNK_OK && j->encoded->moment_d) status = add_moments(j, &r, subset->name, err);
    }
    rows_close(&r);
    return status;
}
