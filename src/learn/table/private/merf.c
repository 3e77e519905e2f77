/* dp-merf (Harder, Adamczewski & Park 2021, "DP-MERF: Differentially private mean embeddings with random features for
 * practical privacy-preserving data generation"): one noisy query, the sum of the rows' feature vectors class by class, and a
 * network trained to match it for as long as one likes. docs/methods/private-tables.md */
#include <math.h>

#include "base/mem.h"
#include "learn/table/private/budget.h"
#include "learn/table/private/merf.h"

typedef struct merf_config {
    mnk_private_config budget;
    int kernel;
    int64_t features, steps, batch, latent, width, depth;
    double bandwidth, groups_share, rate;
} merf_config;

enum { PAIR_FEATURES = 8, JOINT_FEATURES = 500 };

typedef struct merf {
    const merf_config *config;
    mnk_fit_context *context;
    mnk_budget budget;
    mnk_axes axes;
    mnk_embedding embedding;
    mnk_rows rows;
    double cap;            /* rows a person */
    double *noisy, *count; /* [classes][features], then the target; [classes] rows */
    double total;
} merf;

static mnk_status release(merf *m, mnk_error *err) {
    mnk_mechanism plan_item = {
        .kind = MNK_MECHANISM_GAUSSIAN, .noise = m->cap, .sensitivity = m->cap, .count = 1, .what = "mean embedding"};
    mnk_mechanisms plan = {.neighbours = MNK_ADD_REMOVE};
    mnk_permit permit;
    double factor = 1;
    mnk_status status = mnk_mechanisms_add(&plan, &plan_item, err);
    if (status == MNK_OK) status = mnk_budget_calibrate(&m->budget, &plan, &factor, err);
    mnk_mechanisms_clear(&plan);
    if (status != MNK_OK) return status;
    plan_item.noise = m->cap * factor;
    MNK_TRY(MNK_NEW(m->noisy, mnk_embedding_numbers(&m->embedding), err));
    MNK_TRY(mnk_ledger_charge(m->budget.ledger, &plan_item, &permit, err));
    MNK_TRY(mnk_embedding_sum(&m->embedding, &m->rows, m->noisy, err));
    MNK_TRY(mnk_permit_gaussian(&permit, m->noisy, mnk_embedding_numbers(&m->embedding), err));
    mnk_observe_log(m->context->observer, MNK_LOG_DETAIL,
                    "an embedding of %zu classes x %zu features, noise %.4g a number, %.4g for a class's rows",
                    m->embedding.classes, m->embedding.features, plan_item.noise, plan_item.noise / m->embedding.count_weight);
    return MNK_OK;
}

/* Noisy sums to noisy means; counts to shares of the classes. */
static mnk_status divide(merf *m, double *share, mnk_error *err) {
    const mnk_embedding *e = &m->embedding;
    MNK_TRY(MNK_NEW(m->count, e->classes, err));
    mnk_embedding_counts(e, m->noisy, m->count);
    for (size_t k = 0; k < e->classes; k++) m->total += m->count[k];
    m->total = fmax(1, m->total);
    mnk_simplex(m->count, e->classes, m->total);
    for (size_t k = 0; k < e->classes; k++) {
        share[k] = m->count[k] / m->total;
        for (size_t j = 0; j < e->features; j++) m->noisy[k * e->features + j] /= fmax(1, m->count[k]);
    }
    return MNK_OK;
}

static mnk_status learn(merf *m, const mnk_schema *s, void **model, mnk_error *err) {
    const merf_config *c = m->config;
    const mnk_neural_shape shape = {(int)c->latent, (int)c->width, (int)c->depth, false};
    const mnk_merf_steps steps = {(size_t)c->steps, (size_t)c->batch, c->rate, m->context->seed};
    mnk_merf *g;
    double left = 0;
    MNK_TRY(mnk_merf_open(s, (size_t)c->budget.bins, m->embedding.label, &shape, m->context->seed, &g, err));
    mnk_status status = divide(m, g->share, err);
    if (status == MNK_OK) status = mnk_merf_train(g, &m->embedding, m->noisy, &steps, m->context->observer, &left, err);
    if (status != MNK_OK) {
        mnk_merf_close(g);
        return status;
    }
    mnk_observe_log(m->context->observer, MNK_LOG_DETAIL, "squared distance to the noisy means after %lld steps: %.4g",
                    (long long)c->steps, left);
    *model = g;
    return MNK_OK;
}

static mnk_status fit(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err) {
    merf m = {.config = config, .context = context};
    const merf_config *c = m.config;
    mnk_embedding_shape shape = {.kernel = (mnk_embedding_kernel)c->kernel,
                                 .slots = (size_t)c->features,
                                 .bandwidth = c->bandwidth,
                                 .groups_share = c->groups_share,
                                 .seed = context->seed};
    mnk_status status;
    *model = NULL;
    if (shape.slots == 0) shape.slots = c->kernel == MNK_EMBEDDING_PAIRS ? PAIR_FEATURES : JOINT_FEATURES;
    m.cap = t->person ? (double)c->budget.rows_per_person : 1;
    MNK_OUT(mnk_axes_open(t->schema, (size_t)c->budget.bins, &m.axes, err));
    MNK_OUT(mnk_embedding_open(&m.axes, mnk_schema_role(t->schema, MNK_COLUMN_IS_LABEL), &shape, &m.embedding, err));
    MNK_OUT(mnk_budget_open(t, &m.axes, "dp-merf", &c->budget, context, &m.budget, err));
    MNK_OUT(mnk_budget_rows(&m.budget, t, &m.rows, err));
    MNK_OUT(release(&m, err));
    MNK_OUT(learn(&m, t->schema, model, err));
    MNK_OUT(mnk_budget_state(&m.budget, false, m.total, context, err));
out:
    mnk_embedding_clear(&m.embedding);
    mnk_rows_close(&m.rows);
    mnk_axes_clear(&m.axes);
    mnk_budget_close(&m.budget);
    mnk_free(m.noisy);
    mnk_free(m.count);
    return status;
}

static mnk_status open_file(const mnk_tensors_in *in, const mnk_schema *schema, const void *config, void **model,
                            mnk_error *err) {
    const merf_config *c = config;
    const mnk_neural_shape shape = {(int)c->latent, (int)c->width, (int)c->depth, false};
    return mnk_merf_read(in, schema, &shape, model, err);
}

/* clang-format off */
#define AT(f) offsetof(merf_config, f)
static const mnk_option options[] = {
    MNK_PRIVATE_OPTION_ROWS(merf_config),
    {"kernel", 0, MNK_OPTION_CHOICE, AT(kernel), "NAME", "pairs", 0, 0, "pairs|joint", "what the random features see within a class: pairs of columns; or all numbers at once (the paper's)", false},
    {"features", 0, MNK_OPTION_INT, AT(features), "N", "0", 0, 20000, NULL, "random frequencies: of each pair (0: 8), of all numbers (0: 500)", true},
    {"bandwidth", 0, MNK_OPTION_REAL, AT(bandwidth), "B", "0.1", 1e-3, 1e3, NULL, "of the kernel over a number, in units of its range; never from the rows", true},
    {"features-share", 0, MNK_OPTION_REAL, AT(groups_share), "SHARE", "0.5", 0, 0.99, NULL, "of the squared norm: random features; the rest is for single columns", true},
    {"steps", 0, MNK_OPTION_INT, AT(steps), "N", "600", 1, 10000000, NULL, "steps of the network; they cost time, not privacy, but with much noise more of them fit the noise", false},
    {"batch", 0, MNK_OPTION_INT, AT(batch), "N", "300", 2, 8192, NULL, "rows a step", true},
    {"rate", 0, MNK_OPTION_REAL, AT(rate), "RATE", "5e-3", 1e-8, 1, NULL, "learning rate, falling to 0", true},
    {"latent", 0, MNK_OPTION_INT, AT(latent), "N", "16", 1, MNK_LATENT_MAX, NULL, "random inputs", true},
    {"width", 0, MNK_OPTION_INT, AT(width), "N", "128", 4, MNK_WIDTH_MAX, NULL, "features of a hidden layer", true},
    {"depth", 0, MNK_OPTION_INT, AT(depth), "N", "2", 1, MNK_DEPTH_MAX, NULL, "hidden layers", true},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

const mnk_generator_kind mnk_kind_merf = {
    .name = "dp-merf",
    .summary = "private: one noisy mean embedding, and a network trained to match it, with a guarantee for every person",
    .examples =
        "manikin train dp-merf patients.csv --epsilon 1 --delta 1e-6 -o patients.model   # beside it patients.model.ledger\n",
    .options = options,
    .config_size = sizeof(merf_config),
    .can = MNK_KIND_PRIVATE | MNK_KIND_GIVEN | MNK_KIND_BOX,
    .fit = fit,
    .draw = mnk_merf_draw,
    .save = mnk_merf_save,
    .open = open_file,
    .close = mnk_merf_close,
};
