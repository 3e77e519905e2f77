/* TRTR, TSTR, TRTS and TR+S of a table: every arm, kind of model and seed is one job, then the scores. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/auc_report.h"
#include "evaluate/models/config.h"
#include "evaluate/models/design.h"
#include "evaluate/models/fairness.h"
#include "evaluate/models/scores.h"
#include "math/auc.h"

enum { TRAIN, TEST, SYNTHETIC, FLOOR, TABLES };

/* What each arm trains on. Arm 0 is what the others are compared with; the floor only gives reference lines. */
typedef struct arm {
    const char *name;
    int part[2], parts;
    bool reference;
} arm;
static const arm arms[] = {{"trtr", {TRAIN}, 1, false},
                           {"tstr", {SYNTHETIC}, 1, false},
                           {"trs", {TRAIN, SYNTHETIC}, 2, false},
                           {"floor", {FLOOR}, 1, true}};
enum { ARMS = sizeof arms / sizeof *arms, KINDS = 2, MEASURES = 2, RUNS_MAX = 100 /* seeds */ };

/* Predictions of one kind and arm, all runs. */
typedef struct cell {
    size_t runs;
    double *test;        /* [runs][n test][width] */
    double *synthetic;   /* the same on synthetic rows; arm 0 alone */
    double *brier;       /* SURVIVAL: [runs][n test] influence, and ... */
    double *brier_value; /* ... [runs] value */
    char about[96];      /* of the first run's model */
} cell;

typedef struct experiment {
    const mnk_table_models_config *config;
    mnk_table_target target;
    const mnk_model_kind *const *kind;
    mnk_table *table[TABLES]; /* rows with a known outcome */
    mnk_outcome outcome[TABLES];
    mnk_features features[TABLES];
    size_t dropped[TABLES];
    size_t width;
    cell cell[KINDS][ARMS];
    double grid[MNK_SURVIVAL_TIMES];
    mnk_km censoring;
} experiment;

/* ---- tables ---- */

/* Outcome columns against features: shuffling train's rows of the outcome alone leaves nothing to learn. */
static mnk_status make_floor(experiment *e, mnk_error *err) {
    const mnk_outcome *from = &e->outcome[TRAIN];
    size_t *order = NULL;
    mnk_outcome *to = &e->outcome[FLOOR];
    MNK_TRY(mnk_outcome_open(from->task, from->classes, from->n, to, err));
    MNK_TRY(MNK_NEW(order, from->n + 1, err));
    mnk_rng rng = mnk_rng_at(e->config->seed, MNK_PURPOSE_FLOOR, 0, 3);
    mnk_rng_permutation(&rng, order, from->n);
    for (size_t i = 0; i < from->n; i++) {
        if (to->label) to->label[i] = from->label[order[i]];
        if (to->value) to->value[i] = from->value[order[i]];
        if (to->event) to->event[i] = from->event[order[i]];
    }
    mnk_free(order);
    return MNK_OK;
}

/* At most `most` rows, a random choice: a million rows are not needed to tell which data teach better. */
static mnk_status cap_rows(const mnk_table *t, size_t most, uint64_t seed, uint64_t role, mnk_table **out, mnk_error *err) {
    size_t *order = NULL;
    MNK_TRY(MNK_NEW(order, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++) order[i] = i;
    mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_MODEL_ROWS, role, 0);
    if (t->n > most) mnk_rng_permutation(&rng, order, t->n);
    mnk_status status = mnk_table_select(t, order, t->n < most ? t->n : most, out, err);
    mnk_free(order);
    return status;
}

/* The rows with a known outcome, at most max_rows, and no more synthetic than training rows. */
static mnk_status read_table(experiment *e, int k, const mnk_table *source, mnk_error *err) {
    static const char *const names[] = {"train", "test", "synthetic"};
    size_t most = (size_t)e->config->max_rows;
    mnk_table *some = NULL;
    if (k == SYNTHETIC && e->table[TRAIN]->n < most) most = e->table[TRAIN]->n;
    MNK_TRY(cap_rows(source, most, e->config->seed, (uint64_t)k, &some, err));
    mnk_status status = mnk_table_target_read(&e->target, some, &e->table[k], &e->outcome[k], &e->dropped[k], err);
    mnk_table_close(some);
    if (status == MNK_OK && e->table[k]->n == 0)
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s (%.300s): \"%.100s\" is not known in any row", names[k], source->source,
                          e->target.name);
    return status;
}

static mnk_status open_tables(experiment *e, const mnk_table *const source[3], mnk_error *err) {
    mnk_design *d = NULL;
    bool *skip = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(skip, source[TRAIN]->schema->columns + 1, err));
    mnk_table_outcomes(source[TRAIN]->schema, skip);
    for (int k = 0; k < FLOOR; k++) MNK_OUT(read_table(e, k, source[k], err));
    MNK_OUT(mnk_design_fit(e->table[TRAIN], skip, NULL, &d, err));
    for (int k = 0; k < FLOOR; k++) MNK_OUT(mnk_design_apply(d, e->table[k], &e->features[k], err));
    MNK_OUT(make_floor(e, err));
    if (e->target.task == MNK_TASK_SURVIVAL) {
        MNK_OUT(mnk_survival_grid(&e->outcome[TEST], e->grid, err));
        MNK_OUT(mnk_km_fit(e->outcome[TEST].value, e->outcome[TEST].event, e->outcome[TEST].n, true, &e->censoring, err));
    }
out:
    mnk_design_close(d);
    mnk_free(skip);
    return status;
}

/* ---- jobs ---- */

typedef struct job {
    experiment *e;
    int kind, arm; /* of e->kind; of arms */
    size_t run;
    mnk_error err;
} job;

static mnk_status brier(experiment *e, const mnk_model *m, const double *score, double *influence, double *value,
                        mnk_error *err) {
    double *curve = NULL;
    const mnk_outcome *o = &e->outcome[TEST];
    MNK_TRY(MNK_NEW(curve, o->n * MNK_SURVIVAL_TIMES + 1, err));
    mnk_model_survival(m, score, o->n, e->grid, MNK_SURVIVAL_TIMES, curve);
    mnk_status status = mnk_brier_integrated(o->value, o->event, o->n, &e->censoring, e->grid, MNK_SURVIVAL_TIMES, curve,
                                             influence, value, err);
    mnk_free(curve);
    return status;
}

static mnk_status run_job(job *j, mnk_error *err) {
    experiment *e = j->e;
    const arm *a = &arms[j->arm];
    cell *c = &e->cell[j->kind][j->arm];
    mnk_status status = MNK_OK;
    mnk_training training = {0};
    mnk_model *model = NULL;
    mnk_part part[2];
    mnk_model_settings s = mnk_model_defaults(e->config->seed + j->run);
    s.rounds = (int)e->config->rounds;
    s.depth = (int)e->config->depth;
    for (int k = 0; k < a->parts; k++) {
        int t = a->part[k], x = t == FLOOR ? TRAIN : t;
        part[k] = (mnk_part){&e->features[x], &e->outcome[t], e->table[x]->person, NULL, 0};
    }
    MNK_OUT(mnk_training_gather(part, a->parts, &training, err));
    MNK_OUT(mnk_model_fit(e->kind[j->kind], &training, &s, &model, err));
    double *out = c->test + j->run * e->outcome[TEST].n * e->width;
    MNK_OUT(mnk_model_predict(model, &e->features[TEST], out, err));
    if (c->synthetic)
        MNK_OUT(
            mnk_model_predict(model, &e->features[SYNTHETIC], c->synthetic + j->run * e->outcome[SYNTHETIC].n * e->width, err));
    if (c->brier) MNK_OUT(brier(e, model, out, c->brier + j->run * e->outcome[TEST].n, &c->brier_value[j->run], err));
    if (j->run == 0) mnk_model_about(model, c->about);
out:
    mnk_training_close(&training);
    mnk_model_close(model);
    return status;
}

static void run_one(void *ctx, size_t i) {
    job *j = (job *)ctx + i;
    mnk_status status = run_job(j, &j->err);
    if (status != MNK_OK && j->err.code == MNK_OK) j->err.code = status;
}

/* One run where seeds change nothing (linear models) and for the floor, a reference line. */
static size_t runs_of(const experiment *e, int kind, int a) {
    return arms[a].reference || !e->kind[kind]->seeded ? 1 : (size_t)e->config->seeds;
}

static mnk_status open_cells(experiment *e, size_t *jobs, mnk_error *err) {
    size_t n = e->outcome[TEST].n, m = e->outcome[SYNTHETIC].n;
    e->width = e->target.task == MNK_TASK_CLASSES ? (size_t)e->target.classes : 1;
    MNK_TRY(mnk_memory_require(2 * KINDS * ARMS * (size_t)e->config->seeds * (n + m) * (e->width + 1) * sizeof(double),
                               "predictions of the models", err));
    for (int k = 0; k < KINDS; k++)
        for (int a = 0; a < ARMS; a++) {
            cell *c = &e->cell[k][a];
            c->runs = runs_of(e, k, a);
            *jobs += c->runs;
            MNK_TRY(MNK_NEW(c->test, c->runs * n * e->width + 1, err));
            if (a == 0) MNK_TRY(MNK_NEW(c->synthetic, c->runs * m * e->width + 1, err));
            if (e->target.task != MNK_TASK_SURVIVAL) continue;
            MNK_TRY(MNK_NEW(c->brier, c->runs * n + 1, err));
            MNK_TRY(MNK_NEW(c->brier_value, c->runs + 1, err));
        }
    return MNK_OK;
}

static mnk_status train_all(experiment *e, const mnk_observer *observer, mnk_error *err) {
    enum { AT_ONCE = 4 }; /* between batches the observer is asked */
    mnk_status status = MNK_OK;
    job *list = NULL;
    size_t jobs = 0, at = 0;
    MNK_TRY(open_cells(e, &jobs, err));
    MNK_OUT(MNK_NEW(list, jobs + 1, err));
    for (int k = 0; k < KINDS; k++)
        for (int a = 0; a < ARMS; a++)
            for (size_t run = 0; run < e->cell[k][a].runs; run++) {
                list[at].e = e, list[at].kind = k, list[at].arm = a, list[at].run = run;
                at++;
            }
    for (size_t first = 0; first < jobs; first += AT_ONCE) {
        size_t now = jobs - first < AT_ONCE ? jobs - first : AT_ONCE;
        mnk_observe_progress(observer, "model", (double)first, (double)jobs, "");
        if (mnk_observe_stopped(observer)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped"));
        mnk_parallel_for(now, run_one, list + first);
        for (size_t i = first; i < first + now; i++)
            if (list[i].err.code != MNK_OK)
                MNK_OUT(MNK_FAIL(err, list[i].err.code, "%s, %s: %s", arms[list[i].arm].name, e->kind[list[i].kind]->name,
                                 list[i].err.message));
    }
    mnk_observe_progress(observer, "model", (double)jobs, (double)jobs, "");
out:
    mnk_free(list);
    return status;
}

/* ---- classes ---- */

static mnk_status as_float(const double *from, size_t n, float **out, mnk_error *err) {
    MNK_TRY(MNK_NEW(*out, n + 1, err));
    for (size_t i = 0; i < n; i++) (*out)[i] = (float)from[i];
    return MNK_OK;
}

static void absent_classes(const experiment *e, int table, bool *absent) {
    for (int k = 0; k < e->target.classes; k++) {
        absent[k] = true;
        for (size_t i = 0; i < e->outcome[table].n && absent[k]; i++) absent[k] = e->outcome[table].label[i] != k;
    }
}

/* Persons, where any has several rows: else every row is drawn for itself. */
static const int32_t *persons_of(const experiment *e, int table) {
    const mnk_table *t = e->table[table];
    return t->persons < t->n ? t->person : NULL;
}

/* The floor's values as references of the rows that this kind just added; real's reference loses the kind, which the id says.
 */
static void add_floor(mnk_result *r, size_t first, const mnk_auc_table *floor, const experiment *e) {
    for (size_t k = first; k < r->metrics; k++) {
        mnk_metric *m = &r->metric[k];
        int row = -1;
        for (int q = 0; q < m->references; q++)
            if (strncmp(m->reference[q].name, "trtr.", 5) == 0) m->reference[q].name[4] = 0;
        if (strstr(m->id, "_gain")) continue;
        if (strncmp(m->id, "macro_auc.", 10) == 0) row = floor->classes;
        else if (strncmp(m->id, "accuracy.", 9) == 0) row = floor->classes + 1;
        for (int c = 0; c < floor->classes && row < 0; c++)
            if (strcmp(m->subset, e->target.class_name[c]) == 0) row = c;
        if (row >= 0) mnk_metric_add_reference(m, "floor", mnk_auc_table_value(floor, row));
    }
}

/* The matrices of the runs, one after the other in prob. */
static void matrices_of(const float *prob, size_t runs, size_t stride, const float *out[RUNS_MAX]) {
    for (size_t k = 0; k < runs; k++) out[k] = prob + k * stride;
}

static mnk_status report_classes(const experiment *e, int kind, mnk_result *r, mnk_error *err) {
    mnk_status status = MNK_OK;
    char name[ARMS][40], reversed[40];
    float *prob[ARMS] = {NULL}, *on_synthetic = NULL;
    const float *run[ARMS + 1][RUNS_MAX];
    mnk_auc_arm report[ARMS];
    mnk_auc_table *floor = NULL;
    size_t first = r->metrics, n = e->outcome[TEST].n * e->width;
    bool absent[2][64] = {{false}};
    absent_classes(e, TRAIN, absent[0]);
    absent_classes(e, SYNTHETIC, absent[1]);
    mnk_auc_report_settings settings = {.group = "usefulness",
                                        .level = e->config->level,
                                        .replicates = (size_t)e->config->bootstrap,
                                        .seed = e->config->seed,
                                        .suffix = "",
                                        .subsets = 1,
                                        .generators = 1};
    mnk_auc_test test = {.n = e->outcome[TEST].n,
                         .classes = e->target.classes,
                         .label = e->outcome[TEST].label,
                         .group = persons_of(e, TEST),
                         .class_names = e->target.class_name};
    for (int a = 0; a < ARMS; a++) {
        const cell *c = &e->cell[kind][a];
        MNK_OUT(as_float(c->test, c->runs * n, &prob[a], err));
        snprintf(name[a], sizeof name[a], "%s.%s", arms[a].name, e->kind[kind]->name);
        matrices_of(prob[a], c->runs, n, run[a]);
        report[a] = (mnk_auc_arm){
            .name = name[a], .run = run[a], .units = 1, .per_unit = c->runs, .trained = c->runs, .absent = absent[a == 1]};
        snprintf(report[a].about, sizeof report[a].about, "%s", c->about);
    }
    MNK_OUT(mnk_auc_report(r, &test, report, ARMS - 1, &settings, err));
    MNK_OUT(mnk_auc_table_open(prob[ARMS - 1], 1, test.label, test.n, test.classes, &floor, err));
    add_floor(r, first, floor, e);
    snprintf(reversed, sizeof reversed, "trts.%s", e->kind[kind]->name);
    const cell *real = &e->cell[kind][0];
    MNK_OUT(as_float(real->synthetic, real->runs * e->outcome[SYNTHETIC].n * e->width, &on_synthetic, err));
    test.n = e->outcome[SYNTHETIC].n, test.label = e->outcome[SYNTHETIC].label, test.group = persons_of(e, SYNTHETIC);
    matrices_of(on_synthetic, real->runs, test.n * e->width, run[ARMS]);
    mnk_auc_arm back = {.name = reversed, .run = run[ARMS], .units = 1, .per_unit = real->runs, .trained = real->runs};
    settings.baseline = -1;
    MNK_OUT(mnk_auc_report(r, &test, &back, 1, &settings, err));
out:
    mnk_auc_table_close(floor);
    for (int a = 0; a < ARMS; a++) mnk_free(prob[a]);
    mnk_free(on_synthetic);
    return status;
}

/* ---- numbers and survival ---- */

static const char *const measure_names[][MEASURES] = {
    [MNK_TASK_NUMBER] = {"r2", "rmse"}, [MNK_TASK_SURVIVAL] = {"c_index", "brier"}};

/* One run's score of one measure on the rows of a table; influence [n] is added to, divided by runs. */
static mnk_status score_run(const experiment *e, const cell *c, size_t run, int measure, int table, double *scratch,
                            mnk_scored *sum, mnk_error *err) {
    const mnk_outcome *o = &e->outcome[table];
    const double *predicted = (table == TEST ? c->test : c->synthetic) + run * o->n;
    mnk_scored one = {NAN, scratch};
    if (e->target.task == MNK_TASK_NUMBER) {
        if (measure == 0) mnk_score_r2(o->value, predicted, o->n, &one);
        else mnk_score_rmse(o->value, predicted, o->n, &one);
    } else if (measure == 0) {
        mnk_concordance h;
        MNK_TRY(mnk_concordance_harrell(o->value, o->event, predicted, o->n, scratch, &h, err));
        one.value = h.value;
    } else {
        one.value = c->brier_value[run];
        memcpy(scratch, c->brier + run * o->n, o->n * sizeof *scratch);
    }
    sum->value += one.value / (double)c->runs;
    for (size_t i = 0; i < o->n; i++) sum->influence[i] += scratch[i] / (double)c->runs;
    return MNK_OK;
}

/* Mean over runs. */
static mnk_status score_cell(const experiment *e, const cell *c, int measure, int table, mnk_scored *out, mnk_error *err) {
    size_t n = e->outcome[table].n;
    double *scratch = NULL;
    out->value = 0.0;
    MNK_TRY(MNK_NEW(out->influence, n + 1, err));
    mnk_status status = MNK_NEW(scratch, n + 1, err);
    for (size_t run = 0; run < c->runs && status == MNK_OK; run++)
        status = score_run(e, c, run, measure, table, scratch, out, err);
    mnk_free(scratch);
    return status;
}

static mnk_status add_score(const experiment *e, int kind, int measure, const char *arm_name, const char *gain, double value,
                            double sd, size_t n, size_t runs, const double *references, mnk_result *r, mnk_error *err) {
    char id[64];
    snprintf(id, sizeof id, "%s%s.%s.%s", measure_names[e->target.task][measure], gain, arm_name, e->kind[kind]->name);
    mnk_metric *m = mnk_scores_metric(r, id, "usefulness", "", value, sd, e->config->level, n);
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the metric %s", id);
    if (references) mnk_metric_add_reference(m, "trtr", references[0]), mnk_metric_add_reference(m, "floor", references[1]);
    snprintf(m->note, sizeof m->note, "%s; %zu seed%s%s%s", e->target.name, runs, runs == 1 ? "" : "s",
             *gain ? ", paired" : ", influence function", persons_of(e, TEST) ? ", by person" : "");
    return MNK_OK;
}

static mnk_status report_measure(const experiment *e, int kind, int measure, mnk_result *r, mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_scored s[ARMS] = {{0}}, back = {0};
    const int32_t *person = persons_of(e, TEST);
    size_t n = e->outcome[TEST].n, m = e->outcome[SYNTHETIC].n;
    for (int a = 0; a < ARMS; a++) MNK_OUT(score_cell(e, &e->cell[kind][a], measure, TEST, &s[a], err));
    const double references[] = {s[0].value, s[ARMS - 1].value};
    for (int a = 0; a < ARMS - 1; a++)
        MNK_OUT(add_score(e, kind, measure, arms[a].name, "", s[a].value, mnk_influence_sd(s[a].influence, NULL, person, n), n,
                          e->cell[kind][a].runs, references, r, err));
    for (int a = 1; a < ARMS - 1; a++)
        MNK_OUT(add_score(e, kind, measure, arms[a].name, "_gain", s[a].value - s[0].value,
                          mnk_influence_sd(s[a].influence, s[0].influence, person, n), n, e->cell[kind][a].runs, NULL, r, err));
    if (e->target.task == MNK_TASK_SURVIVAL && measure == 1)
        goto out; /* the Brier score needs the censoring of synthetic rows */
    MNK_OUT(score_cell(e, &e->cell[kind][0], measure, SYNTHETIC, &back, err));
    MNK_OUT(add_score(e, kind, measure, "trts", "", back.value,
                      mnk_influence_sd(back.influence, NULL, persons_of(e, SYNTHETIC), m), m, e->cell[kind][0].runs, NULL, r,
                      err));
out:
    for (int a = 0; a < ARMS; a++) mnk_free(s[a].influence);
    mnk_free(back.influence);
    return status;
}

/* ---- all ---- */

static void warn(const experiment *e, mnk_result *r) {
    static const char *const names[] = {"train", "test", "synthetic"};
    for (int t = 0; t < FLOOR; t++)
        if (e->dropped[t])
            mnk_result_add_warning(r, "%s: %zu rows without a known \"%.60s\" are left out of usefulness", names[t],
                                   e->dropped[t], e->target.name);
    if (e->target.task != MNK_TASK_CLASSES) return;
    bool absent[2][64];
    absent_classes(e, SYNTHETIC, absent[0]);
    absent_classes(e, TRAIN, absent[1]);
    for (int k = 0; k < e->target.classes; k++)
        for (int t = 0; t < 2; t++)
            if (absent[t][k])
                mnk_result_add_warning(r, "no %s row of class \"%.80s\": its test rows count as wrong for models trained there",
                                       t ? "training" : "synthetic", e->target.class_name[k]);
}

static mnk_status fairness(const experiment *e, mnk_result *r, mnk_error *err) {
    mnk_predicted p = {.test = e->table[TEST],
                       .train = e->table[TRAIN],
                       .target = &e->target,
                       .outcome = &e->outcome[TEST],
                       .train_outcome = &e->outcome[TRAIN],
                       .kind = e->kind[0]->name,
                       .arms = ARMS - 1};
    for (int a = 0; a < p.arms; a++) p.arm[a] = arms[a].name, p.value[a] = e->cell[0][a].test, p.runs[a] = e->cell[0][a].runs;
    return mnk_fairness_report(&p, e->config, r, err);
}

static void close_experiment(experiment *e) {
    mnk_table_target_close(&e->target);
    mnk_km_close(&e->censoring);
    for (int t = 0; t < TABLES; t++) {
        mnk_table_close(e->table[t]);
        mnk_outcome_close(&e->outcome[t]);
        mnk_features_close(&e->features[t]);
    }
    for (int k = 0; k < KINDS; k++)
        for (int a = 0; a < ARMS; a++) {
            mnk_free(e->cell[k][a].test);
            mnk_free(e->cell[k][a].synthetic);
            mnk_free(e->cell[k][a].brier);
            mnk_free(e->cell[k][a].brier_value);
        }
}

static mnk_status one_task(const mnk_table *const source[3], bool survival, const mnk_table_models_config *config,
                           const mnk_observer *observer, mnk_result *r, bool *found, mnk_error *err) {
    mnk_status status = MNK_OK;
    experiment e = {.config = config};
    MNK_OUT(mnk_table_target_find(source[TRAIN], source[TEST], survival, &e.target, found, err));
    if (!*found) goto out;
    e.kind = mnk_model_kinds(e.target.task);
    MNK_OUT(open_tables(&e, source, err));
    MNK_OUT(train_all(&e, observer, err));
    warn(&e, r);
    for (int k = 0; k < KINDS; k++) {
        if (e.target.task == MNK_TASK_CLASSES) MNK_OUT(report_classes(&e, k, r, err));
        else
            for (int m = 0; m < MEASURES; m++) MNK_OUT(report_measure(&e, k, m, r, err));
    }
    if (config->fairness) MNK_OUT(fairness(&e, r, err));
out:
    close_experiment(&e);
    return status;
}

mnk_status mnk_table_usefulness(const mnk_table *train, const mnk_table *test, const mnk_table *synthetic,
                                const mnk_table_models_config *config, const mnk_observer *observer, mnk_result *r,
                                mnk_error *err) {
    const mnk_table *const source[] = {train, test, synthetic};
    bool found[2];
    MNK_TRY(mnk_table_models_check(config, train, test, synthetic, err));
    for (int survival = 0; survival < 2; survival++)
        MNK_TRY(one_task(source, survival, config, observer, r, &found[survival], err));
    if (!found[0] && !found[1])
        mnk_result_add_warning(r, "usefulness: the schema names no label, and no time with event: nothing to predict");
    return MNK_OK;
}

mnk_status mnk_table_models(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                            const mnk_table_models_config *config, const mnk_observer *observer, mnk_result *r,
                            mnk_error *err) {
    MNK_TRY(mnk_table_c2st(train, holdout, synthetic, config, observer, r, err));
    if (holdout) MNK_TRY(mnk_table_usefulness(train, holdout, synthetic, config, observer, r, err));
    else
        mnk_result_add_warning(r,
                               "without holdout rows usefulness and fairness are not judged: there is nothing real to test on");
    for (const char *at = config->effect; at && *at;) {
        char formula[1024];
        size_t length = strcspn(at, ";");
        if (length >= sizeof formula)
            return MNK_FAIL(err, MNK_ERR_USAGE, "a model of more than %zu letters", sizeof formula - 1);
        memcpy(formula, at, length);
        formula[length] = 0;
        if (strspn(formula, " \t") < length) MNK_TRY(mnk_table_effects(train, holdout, synthetic, formula, config, r, err));
        at += length + (at[length] == ';');
    }
    return MNK_OK;
}
