/* Two-sample tests of a synthetic table, with their reference lines. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "evaluate/c2st.h"
#include "evaluate/models/config.h"
#include "evaluate/models/design.h"

/* Who is compared with train. */
enum { SYNTHETIC, HOLDOUT, COPY, FLOOR, SETS };
/* How: which model, and whether twins may lie in different folds. */
enum { BOOSTING, LOGISTIC, COPYING, WAYS };

typedef struct test {
    const mnk_table_models_config *config;
    size_t n; /* rows of every set */
    mnk_table *train, *set[SETS];
    mnk_features both[SETS], a[SETS], b[SETS]; /* train's rows and then the set's; views of the two halves */
    int32_t *unit[SETS], *person[SETS];        /* [2n]: with twins; persons alone */
    size_t units[SETS];
    mnk_auc auc[WAYS][SETS];
} test;

/* n random rows of a table, ascending. */
static mnk_status some_rows(const mnk_table *t, size_t n, uint64_t seed, uint64_t role, mnk_table **out, mnk_error *err) {
    size_t *order = NULL, *row = NULL, have = 0;
    uint8_t *taken = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(order, t->n + 1, err));
    MNK_OUT(MNK_NEW(row, n + 1, err));
    MNK_OUT(MNK_NEW(taken, t->n + 1, err));
    mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_MODEL_ROWS, 1000 + role, 0);
    mnk_rng_permutation(&rng, order, t->n);
    for (size_t i = 0; i < n; i++) taken[order[i]] = 1;
    for (size_t i = 0; i < t->n; i++)
        if (taken[i]) row[have++] = i;
    MNK_OUT(mnk_table_select(t, row, n, out, err));
out:
    mnk_free(order);
    mnk_free(row);
    mnk_free(taken);
    return status;
}

/* Columns shuffled one by one: marginals are right and nothing else is. */
static mnk_status shuffled(const mnk_table *t, uint64_t seed, mnk_table **out, mnk_error *err) {
    size_t *order = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_table_new(t->schema, t->n, out, err));
    MNK_OUT(MNK_NEW(order, t->n + 1, err));
    for (size_t c = 0; c < t->schema->columns; c++) {
        mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_FLOOR, c, 2);
        mnk_rng_permutation(&rng, order, t->n);
        for (size_t i = 0; i < t->n; i++) {
            if (t->number[c]) (*out)->number[c][i] = t->number[c][order[i]];
            else (*out)->code[c][i] = t->code[c][order[i]];
        }
    }
    MNK_OUT(mnk_table_finish(*out, err));
out:
    mnk_free(order);
    return status;
}

static mnk_status make_sets(test *t, const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                            mnk_error *err) {
    t->n = train->n < synthetic->n ? train->n : synthetic->n;
    if (holdout && holdout->n < t->n) t->n = holdout->n;
    if ((size_t)t->config->c2st_rows < t->n) t->n = (size_t)t->config->c2st_rows;
    uint64_t seed = t->config->seed;
    MNK_TRY(some_rows(train, t->n, seed, 0, &t->train, err));
    MNK_TRY(some_rows(synthetic, t->n, seed, 1, &t->set[SYNTHETIC], err));
    if (holdout) MNK_TRY(some_rows(holdout, t->n, seed, 2, &t->set[HOLDOUT], err));
    MNK_TRY(some_rows(t->train, t->n, seed, 3, &t->set[COPY], err)); /* all of its rows */
    return shuffled(t->train, seed, &t->set[FLOOR], err);
}

/* Rows of one table after those of the other. */
static mnk_status stacked(const mnk_table *a, const mnk_table *b, mnk_table **out, mnk_error *err) {
    MNK_TRY(mnk_table_new(a->schema, a->n + b->n, out, err));
    for (size_t c = 0; c < a->schema->columns; c++) {
        for (size_t i = 0; i < a->n + b->n; i++) {
            const mnk_table *from = i < a->n ? a : b;
            size_t at = i < a->n ? i : i - a->n;
            if (from->number[c]) (*out)->number[c][i] = from->number[c][at];
            else (*out)->code[c][i] = from->code[c][at];
        }
    }
    return MNK_OK;
}

static mnk_features half(const mnk_features *f, size_t from, size_t n) {
    return (mnk_features){n, f->tree_width, f->linear_width, f->tree + from * f->tree_width,
                          f->linear + from * f->linear_width};
}

/* Columns are coded by both sets together: coded by train alone, rare levels would be known in train and unknown in any other
 * set, and a classifier would tell fresh real rows from train by that. */
static mnk_status encode_set(test *t, int s, mnk_error *err) {
    mnk_design *d = NULL;
    mnk_table *both = NULL;
    mnk_status status = MNK_OK;
    /* a copied row has its person, but nobody who hands out synthetic rows says so */
    const int32_t *person = s == COPY ? NULL : t->set[s]->person;
    MNK_OUT(stacked(t->train, t->set[s], &both, err));
    MNK_OUT(mnk_design_fit(both, NULL, NULL, &d, err));
    MNK_OUT(mnk_design_apply(d, both, &t->both[s], err));
    t->a[s] = half(&t->both[s], 0, t->n);
    t->b[s] = half(&t->both[s], t->n, t->n);
    MNK_OUT(MNK_NEW(t->unit[s], 2 * t->n + 1, err));
    MNK_OUT(MNK_NEW(t->person[s], 2 * t->n + 1, err));
    MNK_OUT(mnk_c2st_units(&t->a[s], &t->b[s], t->train->person, person, t->config->near_share, t->unit[s], &t->units[s], err));
    for (size_t i = 0; i < t->n; i++) {
        t->person[s][i] = t->train->person ? t->train->person[i] : (int32_t)i;
        t->person[s][t->n + i] = (int32_t)(t->n + (person ? (size_t)person[i] : i));
    }
out:
    mnk_design_close(d);
    mnk_table_close(both);
    return status;
}

static mnk_status run(test *t, mnk_error *err) {
    mnk_c2st_task task[WAYS * SETS];
    mnk_auc out[WAYS * SETS];
    size_t tasks = 0;
    for (int way = 0; way < WAYS; way++)
        for (int s = 0; s < SETS; s++)
            if (t->set[s])
                task[tasks++] = (mnk_c2st_task){&t->a[s], &t->b[s], way == COPYING ? t->person[s] : t->unit[s],
                                                way == LOGISTIC ? &mnk_logistic : &mnk_boosting};
    mnk_c2st_settings settings = mnk_c2st_defaults(t->config->seed);
    settings.folds = (int)t->config->folds;
    settings.model.depth = (int)t->config->depth;
    if (t->config->rounds < settings.model.rounds) settings.model.rounds = (int)t->config->rounds;
    MNK_TRY(mnk_c2st_run(task, tasks, &settings, out, NULL, err));
    tasks = 0;
    for (int way = 0; way < WAYS; way++)
        for (int s = 0; s < SETS; s++) t->auc[way][s] = t->set[s] ? out[tasks++] : (mnk_auc){.value = NAN};
    return MNK_OK;
}

static mnk_status report(const test *t, mnk_result *r, mnk_error *err) {
    static const char *const ids[] = {"c2st.boosting", "c2st.logistic", "c2st_copying.boosting"};
    static const char *const groups[] = {"fidelity", "fidelity", "authenticity"};
    static const char *const names[] = {"", "holdout", "copy", "floor"};
    for (int way = 0; way < WAYS; way++) {
        mnk_metric *m = mnk_result_add_metric(r, ids[way], groups[way]);
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the metric %s", ids[way]);
        const mnk_auc *a = &t->auc[way][SYNTHETIC];
        m->value = a->value;
        m->n = 2 * t->n;
        m->level = t->config->level;
        mnk_auc_interval(a, m->level, MNK_AUC_LOGIT, &m->low, &m->high);
        for (int s = 1; s < SETS; s++)
            if (t->set[s]) mnk_metric_add_reference(m, names[s], t->auc[way][s].value);
        if (way == COPYING)
            snprintf(m->note, sizeof m->note,
                     "twins may lie in different folds: below 0.5 synthetic rows copy train; %lld folds",
                     (long long)t->config->folds);
        else
            snprintf(m->note, sizeof m->note, "0.5: cannot be told from train; twins in one fold (%zu units); %lld folds",
                     t->units[SYNTHETIC], (long long)t->config->folds);
    }
    const mnk_auc *copying = &t->auc[COPYING][SYNTHETIC], *real = &t->auc[COPYING][HOLDOUT];
    double low, high;
    mnk_auc_interval(copying, t->config->level, MNK_AUC_LOGIT, &low, &high);
    if (high < 0.5 && !(real->value <= copying->value))
        mnk_result_add_warning(r,
                               "copying alarm: a classifier takes held-out synthetic rows for the training rows next to them "
                               "(AUC %.3f, below 0.5)",
                               copying->value);
    return MNK_OK;
}

mnk_status mnk_table_c2st(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                          const mnk_table_models_config *config, const mnk_observer *observer, mnk_result *r, mnk_error *err) {
    mnk_status status = MNK_OK;
    test t = {.config = config};
    MNK_TRY(mnk_table_models_check(config, train, holdout, synthetic, err));
    mnk_observe_log(observer, MNK_LOG_INFO, "two-sample tests");
    MNK_OUT(make_sets(&t, train, holdout, synthetic, err));
    for (int s = 0; s < SETS; s++)
        if (t.set[s]) MNK_OUT(encode_set(&t, s, err));
    if (mnk_observe_stopped(observer)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped"));
    MNK_OUT(run(&t, err));
    MNK_OUT(report(&t, r, err));
out:
    mnk_table_close(t.train);
    for (int s = 0; s < SETS; s++) {
        mnk_table_close(t.set[s]);
        mnk_features_close(&t.both[s]);
        mnk_free(t.unit[s]);
        mnk_free(t.person[s]);
    }
    return status;
}
