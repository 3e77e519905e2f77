#include "learn/table/neural/private.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "learn/table/private/axes.h"

/* Of epsilon, what the noise of the counts would cost by itself. */
static const double COUNT_SHARE = 0.05;
enum { ROLE_PERSON = 240 };

/* ---- what is refused ---- */

static mnk_status refuse(const char *name, const char *option, const char *why, const char *instead, mnk_error *err) {
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "%s --dp: --%s %s", name, option, why);
    mnk_error_hint(err, "%s", instead);
    return status;
}

mnk_status mnk_neural_private_check(const mnk_neural_config *c, const mnk_option *table, const char *name, mnk_error *err) {
    mnk_neural_config d;
    mnk_options_defaults(table, &d);
    if (!c->dp) {
        if (c->budget.target.epsilon == 0 && c->budget.target.delta == 0 && c->sgd.canaries == 0) return MNK_OK;
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_USAGE, "%s: a privacy budget was stated, but training without --dp has none", name);
        mnk_error_hint(err, "add --dp, or leave out --epsilon, --delta and --canaries");
        return status;
    }
    if (c->loss == MNK_NEURAL_WGAN)
        return refuse(name, "loss wgan",
                      "has a gradient penalty between real and generated rows, whose gradient no clipping bounds",
                      "use --loss hinge, which --dp takes by itself", err);
    if (c->pack > 1)
        return refuse(name, "pack", "above 1 makes a pack of several persons the unit: twice the noise for each step",
                      "leave it out: packs of 1", err);
    if (c->holdout != d.holdout || c->patience != d.patience)
        return refuse(name, c->holdout != d.holdout ? "holdout" : "patience",
                      "stops by looking at held-out rows, who are persons too", "state the number of steps: --steps-min", err);
    if (c->epochs != d.epochs)
        return refuse(name, "epochs", "counts the rows, and their number is not public",
                      "state the number of steps: --steps-min", err);
    return MNK_OK;
}

/* ---- persons ---- */

static mnk_status index_persons(mnk_neural_private *p, const mnk_table *t, mnk_error *err) {
    size_t *next = NULL;
    p->units = t->person ? t->persons : t->n;
    MNK_TRY(MNK_NEW(p->row_of, t->n + 1, err));
    MNK_TRY(MNK_NEW(p->start, p->units + 2, err));
    MNK_TRY(MNK_NEW(next, p->units + 1, err));
    for (size_t i = 0; i < t->n; i++) p->start[(t->person ? (size_t)t->person[i] : i) + 1]++;
    for (size_t u = 0; u < p->units; u++) next[u] = p->start[u], p->start[u + 1] += p->start[u];
    for (size_t i = 0; i < t->n; i++) p->row_of[next[t->person ? (size_t)t->person[i] : i]++] = (uint32_t)i;
    mnk_free(next);
    return MNK_OK;
}

size_t mnk_neural_private_row(const mnk_neural_trainer *t, uint32_t unit) {
    const mnk_neural_private *p = t->own_private;
    size_t n = p->start[unit + 1] - p->start[unit];
    mnk_rng r = mnk_neural_rng(t, unit, ROLE_PERSON, (uint64_t)t->progress.step);
    return p->row_of[p->start[unit] + (n > 1 ? mnk_rng_below(&r, n) : 0)];
}

/* ---- the noisy counts ---- */

/* A person is in one cell: that of the first row. */
static mnk_status measure(mnk_neural_trainer *t, const mnk_table *data, long label, mnk_error *err) {
    mnk_neural_private *p = t->own_private;
    const mnk_private_target *target = &t->config->budget.target;
    mnk_mechanisms plan = {.neighbours = MNK_ADD_REMOVE};
    mnk_mechanism one = {
        .kind = MNK_MECHANISM_DISCRETE_GAUSSIAN, .noise = 1, .sensitivity = 1, .count = 1, .what = "persons by class"};
    mnk_guarantee g;
    mnk_permit permit;
    int64_t *count = NULL;
    mnk_status status;
    MNK_OUT(mnk_mechanisms_add(&plan, &one, err));
    MNK_OUT(mnk_privacy_noise(&plan, COUNT_SHARE * target->epsilon, target->delta, &one.noise, &g, err));
    MNK_OUT(MNK_NEW(count, p->counts, err));
    MNK_OUT(mnk_ledger_charge(t->context->ledger, &one, &permit, err));
    for (size_t u = 0; u < p->units; u++) {
        int32_t code = label < 0 ? -1 : data->code[label][p->row_of[p->start[u]]];
        count[code >= 0 && (size_t)code + 1 < p->counts ? code + 1 : 0]++;
    }
    MNK_OUT(mnk_permit_discrete_gaussian(&permit, count, p->counts, err));
    for (size_t k = 0; k < p->counts; k++) p->count[k] = (double)count[k];
out:
    mnk_mechanisms_clear(&plan);
    mnk_free(count);
    return status;
}

static long label_of(const mnk_schema *s) {
    long label = mnk_schema_role(s, MNK_COLUMN_IS_LABEL);
    return label >= 0 && !mnk_column_is_number(&s->column[label]) ? label : -1;
}

static mnk_status open_ledger(mnk_neural_trainer *t, const mnk_table *data, mnk_error *err) {
    const mnk_neural_config *c = t->config;
    char facts[200];
    snprintf(facts, sizeof facts, "%s; steps, and the chance of %g to be in one; one row of a person a step%s",
             c->budget.public_schema ? "levels and bounds: of the data, declared public (--public-schema)"
                                     : "levels and bounds: of the schema",
             c->sample_rate, data->person ? "" : " (every row is a person)");
    mnk_ledger_setup setup = {.neighbours = MNK_ADD_REMOVE,
                              .generator = t->learner->name,
                              .data_hash = *data->hash ? data->hash : NULL,
                              .public_facts = facts};
    mnk_private_target target = c->budget.target;
    target.resume = t->context->resume;
    if (!data->person)
        mnk_observe_log(t->context->observer, MNK_LOG_WARNING,
                        "no column says whose a row is: every row is protected as a person of its own. If a person "
                        "may have several rows, name the column with --person");
    return mnk_private_ledger_open(&target, t->context->model_path, &setup, t->context->seed, t->context->observer,
                                   &t->context->ledger, err);
}

mnk_status mnk_neural_private_open(mnk_neural_trainer *t, const mnk_table *data, mnk_error *err) {
    mnk_neural_private *p;
    long label = label_of(data->schema);
    bool recalled = false;
    MNK_TRY(MNK_NEW(p, 1, err));
    t->own_private = p;
    p->counts = label < 0 ? 1 : data->schema->column[label].levels + 1;
    MNK_TRY(index_persons(p, data, err));
    MNK_TRY(MNK_NEW(p->count, p->counts, err));
    MNK_TRY(open_ledger(t, data, err));
    if (t->context->resume) MNK_TRY(mnk_neural_checkpoint_recall(t, p->count, p->counts, &recalled, err));
    if (!recalled) MNK_TRY(measure(t, data, label, err));
    double sum = 0;
    for (size_t k = 0; k < p->counts; k++) sum += p->count[k];
    p->people = fmax(1, sum);
    mnk_simplex(p->count, p->counts, p->people);
    return MNK_OK;
}

void mnk_neural_private_close(mnk_neural_private *p) {
    if (!p) return;
    mnk_private_sgd_close(p->sgd);
    mnk_free(p->count);
    mnk_free(p->row_of);
    mnk_free(p->start);
    mnk_free(p);
}

mnk_status mnk_neural_private_codebook(const mnk_neural_trainer *t, const mnk_schema *s, mnk_codebook *out, mnk_error *err) {
    const mnk_neural_private *p = t->own_private;
    long label = label_of(s);
    MNK_TRY(mnk_codebook_public(s, (size_t)t->config->budget.bins, out, err));
    for (size_t k = 0; label >= 0 && k < p->counts; k++) out->column[label].count[k] = p->count[k];
    return MNK_OK;
}

mnk_status mnk_neural_private_start(mnk_neural_trainer *t, size_t numbers, mnk_error *err) {
    mnk_neural_private *p = t->own_private;
    size_t n = 0;
    const mnk_private_sgd_setup setup = {.target = &t->config->budget.target,
                                         .config = &t->config->sgd,
                                         .neighbours = MNK_ADD_REMOVE,
                                         .units = p->units,
                                         .batch = t->config->sample_rate * p->people,
                                         .sampling_rate = t->config->sample_rate,
                                         .steps = t->total - (uint64_t)t->progress.step,
                                         .n = numbers,
                                         .ledger = t->context->ledger,
                                         .seed = t->context->seed,
                                         .observer = t->context->observer};
    double *kept = t->canaries;
    MNK_TRY(mnk_private_sgd_open(&setup, &p->sgd, err));
    double *memory = mnk_private_sgd_memory(p->sgd, &n);
    if (kept && n == t->canary_numbers) memcpy(memory, kept, n * sizeof *memory);
    return MNK_OK;
}

mnk_status mnk_neural_private_state(mnk_neural_trainer *t, mnk_error *err) {
    mnk_fit_context *x = t->context;
    mnk_neural_private *p = t->own_private;
    mnk_json j = {.text = &x->guarantee, .compact = true};
    mnk_json_object(&j, NULL);
    MNK_TRY(mnk_private_sgd_state(p->sgd, &j, x->privacy, sizeof x->privacy, err));
    mnk_json_end_object(&j);
    if (x->guarantee.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: metadata");
    x->rows = (size_t)round(p->people);
    return MNK_OK;
}
