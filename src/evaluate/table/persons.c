/* Tables of several rows a person: how many visits, how far apart, and how much of a visit is still there one and two visits
 * later. A generator that forgets looks right row by row and wrong here. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/table_visits.h"
#include "evaluate/table/families.h"

enum {
    LAGS = 2,
    CHANGES = 200 /* a column that stays in all but 1 of so many later rows belongs to the person, not the visit */
};

typedef struct persons {
    const mnk_table_view *v;
    size_t *before[LAGS][MNK_ROLES]; /* [n] row of the same person so many visits before, SIZE_MAX: none; NULL: no persons */
    int lag;
    size_t *column, columns; /* those that change */
} persons;

static mnk_status link_rows(const mnk_table *t, size_t *before[LAGS], mnk_error *err) {
    size_t *order = NULL;
    mnk_status status;
    MNK_OUT(mnk_table_visit_order(t, &order, err));
    for (int lag = 0; lag < LAGS; lag++) {
        const size_t back = (size_t)lag + 1;
        MNK_OUT(MNK_NEW(before[lag], t->n + 1, err));
        for (size_t i = 0; i < t->n; i++)
            before[lag][order[i]] = i >= back && t->person[order[i]] == t->person[order[i - back]] ? order[i - back] : SIZE_MAX;
    }
out:
    mnk_free(order);
    return status;
}

/* The floor has train's rows with every column shuffled: its rows are linked as train's are. */
static mnk_status open_links(persons *p, mnk_error *err) {
    const mnk_table_sets *s = p->v->sets;
    for (int role = 0; role < MNK_ROLES; role++) {
        const mnk_table *t = s->table[role == MNK_ROLE_FLOOR ? MNK_ROLE_TRAIN : role];
        size_t *before[LAGS] = {NULL};
        if (!s->table[role] || !t || !t->person) continue;
        mnk_status status = link_rows(t, before, err);
        for (int lag = 0; lag < LAGS; lag++) p->before[lag][role] = before[lag];
        MNK_TRY(status);
    }
    return MNK_OK;
}

static void close_persons(persons *p) {
    for (int lag = 0; lag < LAGS; lag++)
        for (int role = 0; role < MNK_ROLES; role++) mnk_free(p->before[lag][role]);
    mnk_free(p->column);
}

/* ---- agreement ---- */

/* Of two rows: levels are the same or not, missing a level; numbers by bins of equal count of train, 1 - distance/(bins - 1).
 */
static double agree(const persons *p, int role, size_t c, size_t a, size_t b) {
    const mnk_table_sets *s = p->v->sets;
    if (!mnk_sets_is_number(s, c)) return mnk_sets_code(s, role, c)[a] == mnk_sets_code(s, role, c)[b];
    const double x = p->v->top.code[role][c][a], y = p->v->top.code[role][c][b], most = (double)p->v->top.levels[c] - 2;
    if (x == 0 || y == 0) return x == y;
    return most > 0 ? 1 - fabs(x - y) / most : 1;
}

static double mean_agreement(const persons *p, int role, size_t c, size_t *n) {
    const size_t *before = p->before[p->lag][role];
    double sum = 0;
    *n = 0;
    for (size_t i = 0; before && i < mnk_sets_n(p->v->sets, role); i++)
        if (before[i] != SIZE_MAX) sum += agree(p, role, c, i, before[i]), ++*n;
    return *n ? sum / (double)*n : (double)NAN;
}

/* 1 - |agreement in train - agreement in the set|; 0 where nobody in synthetic has so many visits. */
static void agreement_unit(const void *ctx, const mnk_table_sets *s, size_t unit, void *scratch, mnk_score *score,
                           const mnk_influence *influence) {
    const persons *p = ctx;
    const size_t c = p->column[unit];
    double mean[MNK_ROLES];
    size_t n[MNK_ROLES];
    (void)scratch;
    for (int role = 0; role < MNK_ROLES; role++) mean[role] = mean_agreement(p, role, c, &n[role]);
    for (int role = 0; role < MNK_ROLES; role++) score->value[role] = 1 - fabs(mean[MNK_ROLE_TRAIN] - mean[role]);
    score->n = n[MNK_ROLE_SYNTHETIC];
    if (!n[MNK_ROLE_SYNTHETIC]) score->value[MNK_ROLE_SYNTHETIC] = 0;
    if (!n[MNK_ROLE_SYNTHETIC] || !n[MNK_ROLE_TRAIN]) return;
    const double slope = mean[MNK_ROLE_TRAIN] > mean[MNK_ROLE_SYNTHETIC] ? 1 : -1;
    for (int k = 0; k < 2; k++) {
        const int role = k ? MNK_ROLE_SYNTHETIC : MNK_ROLE_TRAIN;
        double *to = k ? influence->synthetic : influence->train;
        const size_t *before = p->before[p->lag][role];
        for (size_t i = 0; i < mnk_sets_n(s, role); i++)
            if (before[i] != SIZE_MAX)
                to[i] += (k ? slope : -slope) * (agree(p, role, c, i, before[i]) - mean[role]) / (double)n[role];
    }
}

static mnk_status find_changing(persons *p, mnk_error *err) {
    const mnk_table_sets *s = p->v->sets;
    const size_t *before = p->before[0][MNK_ROLE_TRAIN];
    MNK_TRY(MNK_NEW(p->column, s->columns + 1, err));
    for (size_t c = 0; c < s->columns; c++) {
        size_t later = 0, changed = 0;
        for (size_t i = 0; i < mnk_sets_n(s, MNK_ROLE_TRAIN); i++)
            if (before[i] != SIZE_MAX) later++, changed += agree(p, MNK_ROLE_TRAIN, c, i, before[i]) < 1;
        if (changed * CHANGES > later) p->column[p->columns++] = c;
    }
    return MNK_OK;
}

static mnk_status add_agreement(persons *p, mnk_error *err) {
    static const mnk_scale scale[LAGS] = {{"agreement_1", "fidelity", 0, 1}, {"agreement_2", "fidelity", 0, 1}};
    static const char *const note[LAGS] = {"with the visit before", "with two visits before"};
    for (p->lag = 0; p->lag < LAGS; p->lag++) {
        const mnk_family f = {p->columns, agreement_unit, p, 0, p->v->by_column};
        mnk_tuple *tuple;
        size_t n = 0;
        if (p->columns) mean_agreement(p, MNK_ROLE_TRAIN, p->column[0], &n);
        if (!n) continue; /* nobody in train has so many visits */
        MNK_TRY(MNK_NEW(tuple, p->columns, err));
        for (size_t k = 0; k < p->columns; k++) tuple[k].column[0] = (uint16_t)p->column[k];
        mnk_status status = mnk_family_report(p->v, &f, &scale[p->lag], tuple, 1, SIZE_MAX, note[p->lag], err);
        mnk_free(tuple);
        MNK_TRY(status);
    }
    return MNK_OK;
}

/* ---- how many visits, and how far apart ---- */

typedef struct spread { /* numbers of one set, each with the row that answers for it */
    double *value;      /* [n] */
    size_t *row, n;
} spread;

typedef struct spreads {
    spread of[MNK_ROLES];
} spreads;

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double share_below(const spread *d, const double *sorted, double x) {
    size_t a = 0, b = d->n; /* first value above x */
    while (a < b) {
        const size_t m = (a + b) / 2;
        if (sorted[m] <= x) a = m + 1;
        else b = m;
    }
    return (double)a / (double)d->n;
}

/* Largest distance of the distribution functions, with its sign and place. */
static double distance(const spread *a, const double *sa, const spread *b, const double *sb, double *at) {
    double best = 0;
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < (side ? b->n : a->n); i++) {
            const double x = side ? sb[i] : sa[i], d = share_below(a, sa, x) - share_below(b, sb, x);
            if (fabs(d) > fabs(best)) best = d, *at = x;
        }
    return best;
}

static void ks_unit(const void *ctx, const mnk_table_sets *s, size_t unit, void *scratch, mnk_score *score,
                    const mnk_influence *influence) {
    const spreads *d = ctx;
    double *sorted[MNK_ROLES] = {NULL}, at = 0;
    bool ready = true;
    (void)s, (void)unit, (void)scratch;
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!d->of[role].n) continue;
        sorted[role] = mnk_alloc(d->of[role].n, sizeof(double));
        if (sorted[role]) memcpy(sorted[role], d->of[role].value, d->of[role].n * sizeof(double));
        if (sorted[role]) qsort(sorted[role], d->of[role].n, sizeof(double), by_value);
        ready = ready && sorted[role];
    }
    const spread *train = &d->of[MNK_ROLE_TRAIN], *made = &d->of[MNK_ROLE_SYNTHETIC];
    for (int role = 0; role < MNK_ROLES && ready; role++)
        if (d->of[role].n)
            score->value[role] = 1 - fabs(distance(train, sorted[MNK_ROLE_TRAIN], &d->of[role], sorted[role], &at));
    score->n = made->n;
    if (ready && !made->n) score->value[MNK_ROLE_SYNTHETIC] = 0;
    if (ready && made->n) {
        const double gap = distance(train, sorted[MNK_ROLE_TRAIN], made, sorted[MNK_ROLE_SYNTHETIC], &at),
                     sign = gap > 0 ? 1 : -1, f = share_below(train, sorted[MNK_ROLE_TRAIN], at),
                     g = share_below(made, sorted[MNK_ROLE_SYNTHETIC], at);
        for (size_t i = 0; i < train->n; i++)
            influence->train[train->row[i]] -= sign * ((train->value[i] <= at) - f) / (double)train->n;
        for (size_t i = 0; i < made->n; i++)
            influence->synthetic[made->row[i]] += sign * ((made->value[i] <= at) - g) / (double)made->n;
    }
    for (int role = 0; role < MNK_ROLES; role++) mnk_free(sorted[role]);
}

/* Visits of every person (answered for by the first row), or gaps between visits (by the later row). */
static mnk_status fill_spread(const persons *p, int role, long visit, spread *out, mnk_error *err) {
    const mnk_table *t = p->v->sets->table[role];
    const size_t *before = p->before[0][role];
    double *count;
    MNK_TRY(MNK_NEW(out->value, t->n + 1, err));
    MNK_TRY(MNK_NEW(out->row, t->n + 1, err));
    MNK_TRY(MNK_NEW(count, t->persons + 1, err));
    for (size_t i = 0; i < t->n; i++) count[t->person[i]]++;
    for (size_t i = 0; i < t->n; i++) {
        const bool later = before[i] != SIZE_MAX;
        double x = NAN;
        if (visit < 0 && !later) x = count[t->person[i]];
        if (visit >= 0 && later) x = t->number[visit][i] - t->number[visit][before[i]];
        if (!isnan(x)) out->value[out->n] = x, out->row[out->n++] = i;
    }
    mnk_free(count);
    return MNK_OK;
}

static mnk_status add_spread(const persons *p, long visit, const mnk_scale *scale, mnk_error *err) {
    spreads d = {{{0}}};
    mnk_status status = MNK_OK;
    for (int role = 0; role < MNK_ROLE_FLOOR; role++)
        if (p->v->sets->table[role] && p->before[0][role]) MNK_OUT(fill_spread(p, role, visit, &d.of[role], err));
    const mnk_family f = {d.of[MNK_ROLE_TRAIN].n > 0, ks_unit, &d, 0, false};
    mnk_score mean;
    if (!f.units) goto out;
    MNK_OUT(mnk_family_run(&f, p->v->sets, NULL, &mean, err));
    MNK_OUT(mnk_score_add(p->v->result, scale, "", p->v->subset, &mean, p->v->sets->config->level,
                          visit < 0 ? "1 - sup |F - G| of visits a person" : "1 - sup |F - G| of the time between visits",
                          err));
out:
    for (int role = 0; role < MNK_ROLES; role++) mnk_free(d.of[role].value), mnk_free(d.of[role].row);
    return status;
}

mnk_status mnk_table_persons(const mnk_table_view *v, mnk_error *err) {
    static const mnk_scale counts = {"visit_counts", "fidelity", 0, 1}, gaps = {"visit_gaps", "fidelity", 0, 1};
    const mnk_table *train = v->sets->table[MNK_ROLE_TRAIN], *made = v->sets->table[MNK_ROLE_SYNTHETIC];
    persons p = {.v = v};
    mnk_status status = MNK_OK;
    if (!train->person || train->persons == train->n || !made->person) return MNK_OK;
    const long visit = mnk_schema_role(train->schema, MNK_COLUMN_IS_VISIT);
    MNK_OUT(open_links(&p, err));
    MNK_OUT(find_changing(&p, err));
    MNK_OUT(add_spread(&p, -1, &counts, err));
    if (visit >= 0 && train->number[visit] && made->number[visit]) MNK_OUT(add_spread(&p, visit, &gaps, err));
    MNK_OUT(add_agreement(&p, err));
out:
    close_persons(&p);
    return status;
}
