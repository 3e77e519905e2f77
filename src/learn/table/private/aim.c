/* aim (McKenna, Mullins, Sheldon & Miklau 2022, "AIM: an adaptive and iterative mechanism"): pairs are chosen one after the
 * other where the model of so far is worst, net of the noise that measuring them would have, and noise is halved when a
 * measurement taught nothing. Everything is paid in rho. docs/methods/private-tables.md says where this differs. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/private/marginals.h"
#include "learn/table/private/oneway.h"
#include "learn/table/private/pairs.h"

typedef struct aim_config {
    mnk_private_config budget;
    int64_t steps, last_steps, cells;
    double rounds, columns_share, label_weight;
} aim_config;

static const double CHOICE = 0.1;                    /* share of a round's budget for the choice, as published */
static const double MEAN_NOISE = 0.7978845608028654; /* E|N(0,1)| = sqrt(2 / pi) */

typedef struct aim {
    const aim_config *config;
    const mnk_observer *observer;
    mnk_budget budget;
    mnk_axes axes;
    mnk_rows rows;
    mnk_measurements measured;
    mnk_axis_set *set; /* [measured.n + 1] those of the measurements, and room for a candidate */
    size_t sets;
    int32_t *size;
    mnk_junction *tree;
    mnk_pair_table model;
    double *score, *cells, *weight; /* [pairs] distance; cells of the tree with it; weight in the workload, largest 1 */
    double cap, rho, used, total;
    double sd, epsilon; /* of this round */
} aim;

static size_t pair_number(size_t columns, size_t a, size_t b) { return a * columns - a * (a + 1) / 2 + b - a - 1; }

/* ---- start: columns ---- */

/* The workload is every pair, those with the label counted label_weight times. What a measurement is worth is the sum over
 * the workload of what it shares with each: w_r = sum_s c_s |r and s|. */
static void weigh(aim *m, const mnk_schema *s) {
    size_t columns = m->axes.columns;
    double most = 0;
    long label = -1;
    for (size_t c = 0; c < columns; c++)
        if (s->column[c].roles & MNK_COLUMN_IS_LABEL) label = (long)c;
    for (size_t a = 0; a < columns; a++)
        for (size_t b = a + 1; b < columns; b++) {
            double w = 0;
            for (size_t x = 0; x < columns; x++)
                for (size_t y = x + 1; y < columns; y++)
                    w += ((x == a || x == b) + (y == a || y == b)) *
                         ((long)x == label || (long)y == label ? m->config->label_weight : 1);
            m->weight[pair_number(columns, a, b)] = w;
            most = fmax(most, w);
        }
    for (size_t k = 0; k < mnk_pairs(columns); k++) m->weight[k] /= most;
}

static mnk_status refit(aim *m, size_t fresh, size_t steps, mnk_error *err) {
    mnk_junction *next = NULL;
    mnk_status status;
    if (!m->tree || (m->sets && mnk_junction_holder(m->tree, &m->set[m->sets - 1]) < 0)) {
        MNK_OUT(mnk_junction_open(m->axes.columns, m->size, m->set, m->sets, INT32_MAX, &next, err));
        mnk_junction_close(m->tree);
        m->tree = next, next = NULL;
    }
    MNK_OUT(mnk_estimate(m->tree, &m->measured, fresh, m->total, steps, NULL, err));
out:
    mnk_junction_close(next);
    return status;
}

static mnk_status start(aim *m, const mnk_schema *schema, mnk_error *err) {
    size_t columns = m->axes.columns, pairs = columns * columns + 1;
    mnk_permit permit;
    MNK_TRY(mnk_budget_rho(&m->budget, &m->rho, err));
    double share = columns > 1 ? m->config->columns_share : 1;
    double sd = m->cap * sqrt((double)columns / (2 * share * m->rho));
    MNK_TRY(mnk_ledger_charge(m->budget.ledger,
                              &(mnk_mechanism){.kind = MNK_MECHANISM_DISCRETE_GAUSSIAN,
                                               .noise = sd,
                                               .sensitivity = m->cap,
                                               .count = columns,
                                               .what = "1-way marginals"},
                              &permit, err));
    m->used = share * m->rho;
    MNK_TRY(mnk_oneway_measure(&m->budget, &permit, sd, &m->axes, &m->rows, &m->measured, err));
    MNK_TRY(mnk_axes_sizes(&m->axes, &m->size, err));
    MNK_TRY(MNK_NEW(m->score, pairs, err));
    MNK_TRY(MNK_NEW(m->cells, pairs, err));
    MNK_TRY(MNK_NEW(m->weight, pairs, err));
    MNK_TRY(MNK_NEW(m->set, columns + pairs, err));
    MNK_TRY(mnk_pair_table_open(columns, m->size, &m->model, err));
    for (size_t c = 0; c < columns; c++) m->set[m->sets++] = m->measured.item[c].set;
    m->total = mnk_measurements_total(&m->measured);
    weigh(m, schema);
    return refit(m, 0, (size_t)m->config->steps, err);
}

/* ---- a round ---- */

static void expect_pair(const void *ctx, size_t a, size_t b, double *out) {
    const aim *m = ctx;
    const double *p = mnk_pair_at(&m->model, a, b);
    for (size_t i = 0; i < (size_t)m->size[a] * (size_t)m->size[b]; i++) out[i] = m->total * p[i];
}

/* Cells of the tree that would hold the pairs of column a besides all others. */
static void size_pairs(void *ctx, size_t a) {
    aim *m = ctx;
    size_t columns = m->axes.columns;
    mnk_axis_set *set = mnk_alloc(m->sets + 1, sizeof *set);
    if (set) memcpy(set, m->set, m->sets * sizeof *set);
    for (size_t b = a + 1; b < columns; b++) {
        mnk_axis_set pair = {.n = 2, .axis = {(uint16_t)a, (uint16_t)b}};
        double *cells = &m->cells[pair_number(columns, a, b)];
        *cells = INFINITY; /* also when memory is short: then the pair cannot be chosen */
        if (mnk_junction_holder(m->tree, &pair) >= 0) *cells = 0;
        else if (set) set[m->sets] = pair, *cells = mnk_junction_cells(columns, m->size, set, m->sets + 1);
    }
    mnk_free(set);
}

typedef struct choice {
    size_t a, b;
} choice;

static mnk_status choose_pair(aim *m, choice *out, mnk_error *err) {
    size_t columns = m->axes.columns, n = 0, k = 0, chosen = 0;
    double *open = NULL, allowed = (double)m->config->cells * fmin(1, m->used / m->rho);
    choice *which = NULL;
    mnk_permit permit;
    mnk_status status;
    MNK_OUT(MNK_NEW(open, mnk_pairs(columns), err));
    MNK_OUT(MNK_NEW(which, mnk_pairs(columns), err));
    MNK_OUT(mnk_pair_table_fill(&m->model, m->tree, err));
    MNK_OUT(mnk_rows_distances(&m->rows, expect_pair, m, m->score, err));
    mnk_parallel_for(columns, size_pairs, m);
    for (size_t a = 0; a < columns; a++)
        for (size_t b = a + 1; b < columns; b++, k++) {
            double cells = (double)m->size[a] * (double)m->size[b];
            if (!(m->cells[k] <= allowed)) continue;
            open[n] = m->weight[k] * (m->score[k] - MEAN_NOISE * m->sd * cells), which[n++] = (choice){a, b};
        }
    if (n == 0) { /* the bound on size does not depend on the rows: that nothing fits may be said */
        status = MNK_FAIL(err, MNK_ERR_USAGE, "no pair of columns fits into --cells %lld", (long long)m->config->cells);
        mnk_error_hint(err, "allow more, or use fewer --bins");
        goto out;
    }
    MNK_OUT(mnk_ledger_charge(
        m->budget.ledger,
        &(mnk_mechanism){
            .kind = MNK_MECHANISM_EXPONENTIAL, .epsilon = m->epsilon, .sensitivity = m->cap, .what = "choice of a pair"},
        &permit, err));
    MNK_OUT(mnk_permit_select(&permit, open, n, &chosen, err));
    *out = which[chosen];
out:
    mnk_free(open);
    mnk_free(which);
    return status;
}

/* How much the model's counts of the pair moved. */
static mnk_status moved(const aim *m, choice c, const double *before, double *change, mnk_error *err) {
    mnk_axis_set pair = {.n = 2, .axis = {(uint16_t)c.a, (uint16_t)c.b}};
    const mnk_clique *q = &m->tree->clique[mnk_junction_holder(m->tree, &pair)];
    size_t cells = mnk_junction_set_cells(m->tree, &pair);
    int32_t *map = NULL;
    double *now = NULL;
    mnk_status status;
    *change = 0;
    MNK_OUT(MNK_NEW(map, q->cells, err));
    MNK_OUT(MNK_NEW(now, cells, err));
    mnk_junction_map(m->tree, &q->set, &pair, map);
    for (size_t i = 0; i < q->cells; i++) now[map[i]] += q->belief[i];
    for (size_t i = 0; i < cells; i++) *change += m->total * fabs(now[i] - before[i]);
out:
    mnk_free(map);
    mnk_free(now);
    return status;
}

static mnk_status one_round(aim *m, bool *taught, mnk_error *err) {
    choice c = {0};
    mnk_permit permit;
    size_t at = 0, known = m->measured.n;
    double change = 0;
    MNK_TRY(choose_pair(m, &c, err));
    MNK_TRY(mnk_ledger_charge(
        m->budget.ledger,
        &(mnk_mechanism){
            .kind = MNK_MECHANISM_DISCRETE_GAUSSIAN, .noise = m->sd, .sensitivity = m->cap, .what = "2-way marginal"},
        &permit, err));
    m->used += m->epsilon * m->epsilon / 8 + 0.5 * (m->cap / m->sd) * (m->cap / m->sd);
    MNK_TRY(mnk_pair_measure(&m->budget, &permit, m->sd, &m->rows, c.a, c.b, &m->measured, &at, err));
    if (at == known) m->set[m->sets++] = m->measured.item[at].set;
    MNK_TRY(refit(m, known, (size_t)m->config->steps, err)); /* a new one is fitted first, one measured again is not */
    MNK_TRY(moved(m, c, mnk_pair_at(&m->model, c.a, c.b), &change, err));
    *taught = change > MEAN_NOISE * m->sd * (double)m->size[c.a] * (double)m->size[c.b];
    return MNK_OK;
}

static void price(aim *m, double rho) {
    m->epsilon = sqrt(8 * CHOICE * rho);
    m->sd = m->cap * sqrt(1 / (2 * (1 - CHOICE) * rho));
}

static mnk_status rounds(aim *m, mnk_error *err) {
    double each = (m->rho - m->used) / fmax(1, m->config->rounds * (double)m->axes.columns);
    size_t n = 0;
    bool is_last = false, taught = true;
    while (!is_last) {
        double left = m->rho - m->used;
        is_last = left < 2 * each;
        if (is_last) each = left * (1 - 1e-9);
        price(m, each);
        MNK_TRY(one_round(m, &taught, err));
        n++;
        if (!taught) each *= 4; /* half the noise, twice the epsilon of the choice */
        if (mnk_observe_stopped(m->observer))
            return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped after %zu rounds; what was spent stays in the ledger", n);
        mnk_observe_progress(m->observer, "budget", m->used, m->rho, "");
    }
    mnk_observe_log(m->observer, MNK_LOG_DETAIL, "%zu rounds, %zu pairs measured, %zu cliques of %zu cells in all", n,
                    m->measured.n - m->axes.columns, m->tree->cliques, m->tree->cells);
    return refit(m, m->measured.n, (size_t)m->config->last_steps, err);
}

/* ---- all ---- */

static mnk_status fit(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err) {
    aim m = {.config = config, .observer = context->observer};
    const mnk_private_config *budget = &m.config->budget;
    mnk_status status;
    *model = NULL;
    m.cap = t->person ? (double)budget->rows_per_person : 1;
    MNK_OUT(mnk_axes_open(t->schema, (size_t)budget->bins, &m.axes, err));
    MNK_OUT(mnk_budget_open(t, &m.axes, "aim", budget, context, &m.budget, err));
    MNK_OUT(mnk_budget_rows(&m.budget, t, &m.rows, err));
    MNK_OUT(start(&m, t->schema, err));
    if (m.axes.columns > 1) MNK_OUT(rounds(&m, err));
    MNK_OUT(mnk_marginals_open(&m.axes, &m.tree, model, err));
    MNK_OUT(mnk_budget_state(&m.budget, true, m.total, context, err));
out:
    mnk_measurements_clear(&m.measured);
    mnk_rows_close(&m.rows);
    mnk_axes_clear(&m.axes);
    mnk_budget_close(&m.budget);
    mnk_junction_close(m.tree);
    mnk_pair_table_close(&m.model);
    mnk_free(m.set);
    mnk_free(m.size);
    mnk_free(m.score);
    mnk_free(m.cells);
    mnk_free(m.weight);
    return status;
}

/* clang-format off */
static const mnk_option options[] = {
    MNK_PRIVATE_OPTION_ROWS(aim_config),
    MNK_PRIVATE_CANARIES_ROW(aim_config),
    {"rounds", 0, MNK_OPTION_REAL, offsetof(aim_config, rounds), "X", "2", 0.1, 64, NULL, "rounds planned for each column; fewer happen where the noise is halved", true},
    {"columns-share", 0, MNK_OPTION_REAL, offsetof(aim_config, columns_share), "F", "0.5", 0.01, 0.9, NULL, "share of the budget for the columns themselves", true},
    {"label-weight", 0, MNK_OPTION_REAL, offsetof(aim_config, label_weight), "W", "3", 0.1, 100, NULL, "how much more pairs with the label matter than others", true},
    {"cells", 0, MNK_OPTION_INT, offsetof(aim_config, cells), "N", "100k", 100, 1e8, NULL, "cells of the model at most: time and memory", true},
    {"steps", 0, MNK_OPTION_INT, offsetof(aim_config, steps), "N", "30", 1, 100000, NULL, "steps of the fit in each round; costs time, not privacy", true},
    {"last-steps", 0, MNK_OPTION_INT, offsetof(aim_config, last_steps), "N", "1000", 1, 100000, NULL, "steps of the last fit", true},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

const mnk_generator_kind mnk_kind_aim = {
    .name = "aim",
    .summary = "private: noisy marginals chosen one by one where they help most, with a guarantee",
    .examples = "manikin train aim patients.csv --epsilon 1 --delta 1e-6 -o patients.model\n",
    .options = options,
    .config_size = sizeof(aim_config),
    .can = MNK_KIND_PRIVATE,
    .fit = fit,
    .draw = mnk_marginals_draw,
    .save = mnk_marginals_save,
    .open = mnk_marginals_read,
    .close = mnk_marginals_close,
};
