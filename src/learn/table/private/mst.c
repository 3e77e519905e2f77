/* mst (McKenna, Miklau & Sheldon 2021, "Winning the NIST contest"): noisy columns, a spanning tree of the pairs that the
 * columns alone describe worst, noisy pairs along it, and the tree of greatest entropy that fits.
 * docs/methods/private-tables.md */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/table/private/marginals.h"
#include "learn/table/private/oneway.h"

typedef struct mst_config {
    mnk_private_config budget;
    int64_t steps;
} mst_config;

enum { CELLS_MOST = 1 << 24 };

typedef struct mst {
    const mst_config *config;
    const mnk_observer *observer;
    mnk_budget budget;
    mnk_axes axes;
    mnk_rows rows;
    mnk_measurements measured;
    double sd_one, sd_two, epsilon_choice; /* in rows; of one choice */
    double cap;                            /* rows a person */
    mnk_axis_set *edge;                    /* [columns - 1] */
    size_t edges;
} mst;

/* A third of the budget each, in rho: columns, choices, pairs. */
static mnk_status calibrate(mst *m, mnk_error *err) {
    const double columns = (double)m->axes.columns, edges = columns - 1;
    mnk_mechanisms plan = {.neighbours = MNK_ADD_REMOVE};
    double factor = 1;
    mnk_status status;
    m->sd_one = m->cap * sqrt(1.5 * columns), m->sd_two = m->cap * sqrt(1.5 * edges);
    m->epsilon_choice = edges > 0 ? sqrt(8 / (3 * edges)) : 0;
    MNK_OUT(mnk_mechanisms_add(
        &plan,
        &(mnk_mechanism){
            .kind = MNK_MECHANISM_DISCRETE_GAUSSIAN, .noise = m->sd_one, .sensitivity = m->cap, .count = m->axes.columns},
        err));
    if (edges > 0) {
        MNK_OUT(mnk_mechanisms_add(&plan,
                                   &(mnk_mechanism){.kind = MNK_MECHANISM_EXPONENTIAL,
                                                    .epsilon = m->epsilon_choice,
                                                    .sensitivity = m->cap,
                                                    .count = m->axes.columns - 1},
                                   err));
        MNK_OUT(mnk_mechanisms_add(&plan,
                                   &(mnk_mechanism){.kind = MNK_MECHANISM_DISCRETE_GAUSSIAN,
                                                    .noise = m->sd_two,
                                                    .sensitivity = m->cap,
                                                    .count = m->axes.columns - 1},
                                   err));
    }
    MNK_OUT(mnk_budget_calibrate(&m->budget, &plan, &factor, err));
    m->sd_one *= factor, m->sd_two *= factor, m->epsilon_choice /= factor;
out:
    mnk_mechanisms_clear(&plan);
    return status;
}

static mnk_status measure_columns(mst *m, mnk_error *err) {
    mnk_permit permit;
    MNK_TRY(mnk_ledger_charge(m->budget.ledger,
                              &(mnk_mechanism){.kind = MNK_MECHANISM_DISCRETE_GAUSSIAN,
                                               .noise = m->sd_one,
                                               .sensitivity = m->cap,
                                               .count = m->axes.columns,
                                               .what = "1-way marginals"},
                              &permit, err));
    return mnk_oneway_measure(&m->budget, &permit, m->sd_one, &m->axes, &m->rows, &m->measured, err);
}

/* ---- the tree ---- */

typedef struct independent { /* what the columns alone say: their noisy shares, as a distribution */
    const mnk_axes *axes;
    double *share; /* [columns][MNK_AXIS_BINS] */
    double total;
} independent;

static void expect_independent(const void *ctx, size_t a, size_t b, double *out) {
    const independent *x = ctx;
    const double *p = x->share + a * MNK_AXIS_BINS, *q = x->share + b * MNK_AXIS_BINS;
    for (int32_t i = 0; i < x->axes->axis[a].cells; i++)
        for (int32_t k = 0; k < x->axes->axis[b].cells; k++) *out++ = x->total * p[i] * q[k];
}

static mnk_status score_pairs(const mst *m, double *score, mnk_error *err) {
    independent x = {.axes = &m->axes, .total = mnk_measurements_total(&m->measured)};
    MNK_TRY(MNK_NEW(x.share, m->axes.columns * MNK_AXIS_BINS, err));
    for (size_t c = 0; c < m->axes.columns; c++) {
        double *share = x.share + c * MNK_AXIS_BINS;
        memcpy(share, m->measured.item[c].noisy, m->measured.item[c].cells * sizeof *share);
        mnk_simplex(share, m->measured.item[c].cells, 1 * x.total);
        for (size_t i = 0; i < m->measured.item[c].cells; i++) share[i] /= x.total;
    }
    mnk_status status = mnk_rows_distances(&m->rows, expect_independent, &x, score, err);
    mnk_free(x.share);
    return status;
}

/* Kruskal's algorithm with the exponential mechanism in place of the maximum. */
static mnk_status choose_tree(mst *m, const double *score, mnk_error *err) {
    size_t columns = m->axes.columns, *part = NULL, n = 0;
    double *open = NULL;
    mnk_axis_set *pair = NULL;
    mnk_permit permit;
    mnk_status status;
    MNK_OUT(MNK_NEW(part, columns, err));
    MNK_OUT(MNK_NEW(open, mnk_pairs(columns), err));
    MNK_OUT(MNK_NEW(pair, mnk_pairs(columns), err));
    MNK_OUT(mnk_ledger_charge(m->budget.ledger,
                              &(mnk_mechanism){.kind = MNK_MECHANISM_EXPONENTIAL,
                                               .epsilon = m->epsilon_choice,
                                               .sensitivity = m->cap,
                                               .count = columns - 1,
                                               .what = "choice of the tree"},
                              &permit, err));
    for (size_t c = 0; c < columns; c++) part[c] = c;
    while (m->edges + 1 < columns) {
        size_t chosen, k = 0;
        n = 0;
        for (size_t a = 0; a < columns; a++)
            for (size_t b = a + 1; b < columns; b++, k++)
                if (part[a] != part[b]) open[n] = score[k], pair[n++] = (mnk_axis_set){2, {(uint16_t)a, (uint16_t)b}};
        MNK_OUT(mnk_permit_select(&permit, open, n, &chosen, err));
        m->edge[m->edges++] = pair[chosen];
        size_t from = part[pair[chosen].axis[1]], to = part[pair[chosen].axis[0]];
        for (size_t c = 0; c < columns; c++)
            if (part[c] == from) part[c] = to;
    }
out:
    mnk_free(part);
    mnk_free(open);
    mnk_free(pair);
    return status;
}

static mnk_status measure_tree(mst *m, mnk_error *err) {
    mnk_permit permit;
    double *score;
    if (m->axes.columns < 2) return MNK_OK;
    MNK_TRY(MNK_NEW(m->edge, m->axes.columns, err));
    MNK_TRY(MNK_NEW(score, mnk_pairs(m->axes.columns), err));
    mnk_status status = score_pairs(m, score, err);
    if (status == MNK_OK) status = choose_tree(m, score, err);
    mnk_free(score);
    if (status != MNK_OK) return status;
    MNK_TRY(mnk_ledger_charge(m->budget.ledger,
                              &(mnk_mechanism){.kind = MNK_MECHANISM_DISCRETE_GAUSSIAN,
                                               .noise = m->sd_two,
                                               .sensitivity = m->cap,
                                               .count = m->edges,
                                               .what = "2-way marginals of the tree"},
                              &permit, err));
    for (size_t e = 0; e < m->edges; e++)
        MNK_TRY(mnk_pair_measure(&m->budget, &permit, m->sd_two, &m->rows, m->edge[e].axis[0], m->edge[e].axis[1], &m->measured,
                                 NULL, err));
    return MNK_OK;
}

/* ---- all ---- */

static mnk_status fit_tree(mst *m, void **model, double total, mnk_error *err) {
    mnk_junction *tree = NULL;
    int32_t *size = NULL;
    double loss = 0;
    mnk_status status;
    MNK_OUT(mnk_axes_sizes(&m->axes, &size, err));
    MNK_OUT(mnk_junction_open(m->axes.columns, size, m->edge, m->edges, CELLS_MOST, &tree, err));
    MNK_OUT(mnk_estimate(tree, &m->measured, 0, total, (size_t)m->config->steps, &loss, err));
    mnk_observe_log(m->observer, MNK_LOG_DETAIL,
                    "a tree of %zu pairs, %zu cells; half the squared residuals, in units of their noise: %.4g", m->edges,
                    tree->cells, loss);
    MNK_OUT(mnk_marginals_open(&m->axes, &tree, model, err));
out:
    mnk_junction_close(tree);
    mnk_free(size);
    return status;
}

static mnk_status fit(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err) {
    mst m = {.config = config, .observer = context->observer};
    const mnk_private_config *budget = &m.config->budget;
    mnk_status status;
    *model = NULL;
    m.cap = t->person ? (double)budget->rows_per_person : 1;
    MNK_OUT(mnk_axes_open(t->schema, (size_t)budget->bins, &m.axes, err));
    MNK_OUT(mnk_budget_open(t, &m.axes, "mst", budget, context, &m.budget, err));
    MNK_OUT(calibrate(&m, err));
    MNK_OUT(mnk_budget_rows(&m.budget, t, &m.rows, err));
    MNK_OUT(measure_columns(&m, err));
    MNK_OUT(measure_tree(&m, err));
    double total = mnk_measurements_total(&m.measured);
    MNK_OUT(fit_tree(&m, model, total, err));
    MNK_OUT(mnk_budget_state(&m.budget, false, total, context, err));
out:
    mnk_measurements_clear(&m.measured);
    mnk_rows_close(&m.rows);
    mnk_axes_clear(&m.axes);
    mnk_budget_close(&m.budget);
    mnk_free(m.edge);
    return status;
}

/* clang-format off */
static const mnk_option options[] = {
    MNK_PRIVATE_OPTION_ROWS(mst_config),
    MNK_PRIVATE_CANARIES_ROW(mst_config),
    {"steps", 0, MNK_OPTION_INT, offsetof(mst_config, steps), "N", "2000", 1, 100000, NULL, "steps of the fit at most; costs time, not privacy", true},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

const mnk_generator_kind mnk_kind_mst = {
    .name = "mst",
    .summary = "private: noisy marginals along a tree, with a guarantee for every person",
    .examples =
        "manikin train mst patients.csv --epsilon 1 --delta 1e-6 -o patients.model   # beside it patients.model.ledger\n",
    .options = options,
    .config_size = sizeof(mst_config),
    .can = MNK_KIND_PRIVATE,
    .fit = fit,
    .draw = mnk_marginals_draw,
    .save = mnk_marginals_save,
    .open = mnk_marginals_read,
    .close = mnk_marginals_close,
};
