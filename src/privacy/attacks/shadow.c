#include "privacy/attacks/shadow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "privacy/attacks/nearest_rows.h"

enum { TARGETS = 10, SETTINGS_MOST = 64 };

static mnk_status data_columns(const mnk_schema *schema, mnk_columns *out, mnk_error *err) {
    MNK_TRY(MNK_NEW(out->at, schema->columns + 1, err));
    for (size_t c = 0; c < schema->columns; c++)
        if (mnk_column_is_data(&schema->column[c])) out->at[out->n++] = c;
    return MNK_OK;
}

typedef struct farness {
    double distance;
    size_t row;
} farness;

static int farthest_first(const void *a, const void *b) {
    const farness *x = a, *y = b;
    if (x->distance != y->distance) return x->distance > y->distance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

typedef struct measuring {
    mnk_gower gower;
    const mnk_table *train;
    farness *out;
} measuring;

static void measure_one(void *ctx, size_t i) {
    measuring *m = ctx;
    m->out[i] = (farness){mnk_gower_nearest(&m->gower, m->train, m->out[i].row), m->out[i].row};
}

/* Distances of n rows (out[i].row) of train to their nearest row of `to`. */
static mnk_status measure(const mnk_table *to, const mnk_table *train, farness *out, size_t n, mnk_error *err) {
    mnk_columns columns = {0};
    measuring m = {.train = train, .out = out};
    mnk_status status = data_columns(train->schema, &columns, err);
    if (status == MNK_OK) status = mnk_gower_open(to, &columns, &m.gower, err);
    if (status == MNK_OK) mnk_parallel_for(n, measure_one, &m);
    mnk_gower_close(&m.gower);
    mnk_free(columns.at);
    return status;
}

mnk_status mnk_shadow_targets(const mnk_table *train, const mnk_table *holdout, size_t targets, size_t *target,
                              mnk_error *err) {
    farness *list = NULL;
    MNK_TRY(MNK_NEW(list, train->n + 1, err));
    for (size_t i = 0; i < train->n; i++) list[i].row = i;
    mnk_status status = measure(holdout, train, list, train->n, err);
    qsort(list, train->n, sizeof *list, farthest_first);
    for (size_t i = 0; i < targets && i < train->n; i++) target[i] = list[i].row;
    mnk_free(list);
    return status;
}

/* A random half of the holdout, with the targets that are in. */
static mnk_status shadow_table(const mnk_shadows *s, size_t shadow, const mnk_table *train, const mnk_table *holdout,
                               const size_t *target, uint8_t *in, mnk_table **out, mnk_error *err) {
    size_t *order = NULL, members = 0, *member = NULL;
    mnk_table *half = NULL, *some = NULL;
    mnk_rng r = mnk_rng_at(s->seed, MNK_PURPOSE_ATTACK_QUERY, shadow, 2);
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(order, holdout->n + 1, err));
    MNK_OUT(MNK_NEW(member, s->targets + 1, err));
    for (size_t t = 0; t < s->targets; t++)
        if ((in[t] = mnk_rng_uniform(&r) < 0.5)) member[members++] = target[t];
    mnk_rng_permutation(&r, order, holdout->n);
    const size_t n = holdout->n / 2;
    MNK_OUT(mnk_table_select(holdout, order, n, &half, err));
    MNK_OUT(mnk_table_select(train, member, members, &some, err));
    MNK_OUT(mnk_table_new(train->schema, n + members, out, err));
    for (size_t c = 0; c < train->schema->columns; c++)
        for (size_t i = 0; i < n + members; i++) {
            const mnk_table *from = i < n ? half : some;
            const size_t row = i < n ? i : i - n;
            if (from->number[c]) (*out)->number[c][i] = from->number[c][row];
            else (*out)->code[c][i] = from->code[c][row];
        }
    MNK_OUT(mnk_table_finish(*out, err));
out:
    mnk_free(order);
    mnk_free(member);
    mnk_table_close(half);
    mnk_table_close(some);
    return status;
}

static mnk_status one_shadow(const mnk_shadows *s, size_t k, const mnk_table *train, const mnk_table *holdout,
                             const size_t *target, double *score, uint8_t *in, mnk_error *err) {
    mnk_table *table = NULL, *made = NULL;
    farness *near = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(near, s->targets + 1, err));
    MNK_OUT(shadow_table(s, k, train, holdout, target, in, &table, err));
    MNK_OUT(s->make(s->ctx, table, s->seed + k, &made, err));
    for (size_t t = 0; t < s->targets; t++) near[t].row = target[t];
    MNK_OUT(measure(made, train, near, s->targets, err));
    for (size_t t = 0; t < s->targets; t++) score[t] = -near[t].distance;
out:
    mnk_free(near);
    mnk_table_close(table);
    mnk_table_close(made);
    return status;
}

mnk_status mnk_shadow_run(const mnk_shadows *s, const mnk_table *train, const mnk_table *holdout, const size_t *target,
                          const mnk_observer *observer, mnk_auc *auc, mnk_error *err) {
    double *score = NULL, *own = NULL;
    uint8_t *in = NULL, *is_in = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(score, s->shadows * s->targets + 1, err));
    MNK_OUT(MNK_NEW(in, s->shadows * s->targets + 1, err));
    MNK_OUT(MNK_NEW(own, s->shadows + 1, err));
    MNK_OUT(MNK_NEW(is_in, s->shadows + 1, err));
    for (size_t k = 0; k < s->shadows; k++) {
        mnk_observe_progress(observer, "shadow", (double)k, (double)s->shadows, "");
        if (mnk_observe_stopped(observer)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while training shadows"));
        MNK_OUT(one_shadow(s, k, train, holdout, target, score + k * s->targets, in + k * s->targets, err));
    }
    for (size_t t = 0; t < s->targets; t++) {
        for (size_t k = 0; k < s->shadows; k++) own[k] = score[k * s->targets + t], is_in[k] = in[k * s->targets + t];
        MNK_OUT(mnk_auc_delong(own, is_in, s->shadows, NULL, &auc[t], err));
    }
out:
    mnk_free(score);
    mnk_free(own);
    mnk_free(in);
    mnk_free(is_in);
    return status;
}

/* ---- the generator of a model ---- */

typedef struct retraining {
    const char *generator, *path;
    const char *setting[SETTINGS_MOST];
    size_t settings;
} retraining;

/* A private generator keeps one beside its model. A shadow never leaves this house: it spends nothing. */
static void forget_ledger(const char *model) {
    char path[1300];
    snprintf(path, sizeof path, "%.1200s.ledger", model);
    unlink(path);
}

static mnk_status retrain(void *ctx, const mnk_table *train, uint64_t seed, mnk_table **out, mnk_error *err) {
    const retraining *x = ctx;
    mnk_table_generator *g = NULL;
    const mnk_table_sample_options options = {.n = train->n, .seed = seed};
    mnk_status status = MNK_OK;
    forget_ledger(x->path);
    MNK_OUT(mnk_table_generator_train(x->generator, train, x->setting, x->settings, seed, x->path, true, NULL, err));
    MNK_OUT(mnk_table_generator_open(x->path, &g, err));
    MNK_OUT(mnk_table_generator_sample(g, &options, NULL, out, NULL, err));
out:
    mnk_table_generator_close(g);
    return status;
}

/* {"trees": 10, "oob": true} as texts "trees=10", "oob=true". */
static mnk_status read_settings(const char *json, mnk_arena *arena, retraining *x, mnk_error *err) {
    json_t *root = json_loads(json, 0, NULL), *value;
    const char *name;
    mnk_status status = MNK_OK;
    json_object_foreach(root, name, value) {
        if (json_is_null(value) || x->settings == SETTINGS_MOST) continue;
        char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
        const char *setting = mnk_arena_printf(arena, "%s=%s", name, text ? text : json_string_value(value));
        free(text);
        if (!setting) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for settings");
        else x->setting[x->settings++] = setting;
    }
    json_decref(root);
    return status;
}

static mnk_status add(const mnk_shadows *s, const mnk_auc *auc, const char *generator, mnk_result *r, mnk_error *err) {
    double value = NAN, low = NAN, high = NAN, sum = 0;
    for (size_t t = 0; t < s->targets; t++) {
        double l, h;
        mnk_auc_interval(&auc[t], 1 - (1 - s->level) / (double)s->targets, MNK_AUC_LOGIT, &l, &h);
        value = fmax(value, auc[t].value), low = fmax(low, l), high = fmax(high, h), sum += auc[t].value;
    }
    mnk_metric *m = mnk_result_add_metric(r, "shadow_auc", "membership");
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
    m->value = value, m->low = low, m->high = high, m->level = s->level, m->n = s->shadows;
    mnk_metric_add_reference(m, "mean", sum / (double)s->targets);
    snprintf(m->note, sizeof m->note,
             "%zu generators (%s) trained with or without %zu isolated records; the most exposed one, corrected", s->shadows,
             generator, s->targets);
    return MNK_OK;
}

mnk_status mnk_shadow_judge(const mnk_table *train, const mnk_table *holdout, const mnk_table_generator *model,
                            const mnk_attack_config *config, const mnk_observer *observer, mnk_result *r, mnk_error *err) {
    const mnk_table_generator_info *about = mnk_table_generator_describe(model);
    retraining x = {.generator = about->generator, .path = config->scratch_path};
    const mnk_shadows s = {retrain,      &x,           (size_t)config->shadows, train->n < TARGETS ? train->n : TARGETS,
                           config->seed, config->level};
    size_t target[TARGETS];
    mnk_auc auc[TARGETS];
    mnk_arena *arena = mnk_arena_open();
    mnk_status status = arena ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for settings");
    if (status != MNK_OK) return status;
    MNK_OUT(read_settings(about->options_json, arena, &x, err));
    MNK_OUT(mnk_shadow_targets(train, holdout, s.targets, target, err));
    MNK_OUT(mnk_shadow_run(&s, train, holdout, target, observer, auc, err));
    MNK_OUT(add(&s, auc, about->generator, r, err));
out:
    unlink(x.path);
    forget_ledger(x.path);
    mnk_arena_close(arena);
    return status;
}
