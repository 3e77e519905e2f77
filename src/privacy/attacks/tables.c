/* The audit of tables: copies, membership, and what is disclosed of a record. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "evaluate/table/flags.h"
#include "privacy/attacks/disclosure.h"
#include "privacy/attacks/judge.h"
#include "privacy/attacks/sets.h"
#include "privacy/attacks/shadow.h"

typedef struct audit {
    const mnk_table *train, *holdout, *synthetic;
    mnk_table *member, *other, *reference, *some; /* owned */
    mnk_attack_deal deal;
    mnk_attack_targets targets;
    mnk_table_evaluate_config evaluate;
    const mnk_attack_config *config;
    const mnk_observer *observer;
    mnk_result *result;
} audit;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double person_of(const mnk_table *t, size_t c, size_t i) {
    return t->number[c] ? t->number[c][i] : t->code[c][i] < 0 ? (double)NAN : (double)t->code[c][i];
}

/* Tables share one schema: equal codes or numbers in the person column are one person. */
static mnk_status find_person(const mnk_table *train, const mnk_table *holdout, size_t c, mnk_error *err) {
    double *sorted = NULL;
    size_t n = 0;
    MNK_TRY(MNK_NEW(sorted, train->n + 1, err));
    for (size_t i = 0; i < train->n; i++)
        if (!mnk_table_is_missing(train, c, i)) sorted[n++] = person_of(train, c, i);
    qsort(sorted, n, sizeof *sorted, ascending);
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < holdout->n && status == MNK_OK; i++) {
        const double who = person_of(holdout, c, i);
        if (bsearch(&who, sorted, n, sizeof *sorted, ascending) && !isnan(who))
            status = MNK_FAIL(err, MNK_ERR_INPUT, "audit: the person of row %zu of the holdout is in train, too", i + 1);
    }
    mnk_free(sorted);
    return status;
}

static mnk_status check_persons(const audit *a, mnk_error *err) {
    const long c = mnk_schema_role(a->train->schema, MNK_COLUMN_IS_PERSON);
    if (c < 0) return MNK_OK;
    mnk_status status = find_person(a->train, a->holdout, (size_t)c, err);
    if (status == MNK_ERR_INPUT) mnk_error_hint(err, "split by person: a holdout must hold nobody that was trained on");
    return status;
}

/* Rows of train that equal another row of train: what coarse columns make of chance. */
static mnk_status count_repeated(const mnk_table_sets *s, size_t *out, mnk_error *err) {
    const size_t n = s->table[MNK_ROLE_TRAIN]->n;
    uint8_t *copy = NULL, *is_first = NULL;
    uint32_t *of = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(copy, n, err));
    MNK_OUT(MNK_NEW(is_first, n, err));
    MNK_OUT(MNK_NEW(of, n, err));
    MNK_OUT(mnk_table_exact_copies(s, MNK_ROLE_TRAIN, copy, of, err));
    *out = 0;
    for (size_t i = 0; i < n; i++)
        if (of[i] != i) is_first[of[i]] = 1; /* the first of equal rows has an equal */
    for (size_t i = 0; i < n; i++) *out += of[i] != i || is_first[i];
out:
    mnk_free(copy);
    mnk_free(is_first);
    mnk_free(of);
    return status;
}

static mnk_status check(const audit *a, const mnk_table_sets *s, mnk_error *err) {
    size_t equal = 0, repeated = 0;
    uint8_t *copy = NULL;
    MNK_TRY(check_persons(a, err));
    MNK_TRY(count_repeated(s, &repeated, err));
    MNK_TRY(MNK_NEW(copy, a->holdout->n, err));
    mnk_status status = mnk_table_exact_copies(s, MNK_ROLE_HOLDOUT, copy, NULL, err);
    for (size_t i = 0; i < a->holdout->n; i++) equal += copy[i];
    mnk_free(copy);
    MNK_TRY(status);
    if (equal && a->result) mnk_result_add_warning(a->result, "%zu rows of the holdout equal a row of train", equal);
    return mnk_attack_check_overlap(equal, a->holdout->n, repeated, a->train->n, "rows", err);
}

static mnk_status add_inputs(const audit *a, mnk_error *err) {
    const mnk_table *t[3] = {a->train, a->holdout, a->synthetic};
    for (int k = 0; k < 3; k++)
        if (!mnk_result_add_input(a->result, mnk_role_names[k], t[k]->source, t[k]->n, t[k]->hash))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a result");
    return MNK_OK;
}

static mnk_status find_copies(const audit *a, mnk_error *err) {
    mnk_table_sets sets = {0};
    mnk_encoded e = {0};
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_table_sets_open(a->train, a->holdout, a->synthetic, &a->evaluate, &sets, err));
    MNK_OUT(check(a, &sets, err));
    MNK_OUT(mnk_table_encode(&sets, false, a->observer, &e, err));
    MNK_OUT(mnk_table_copies(&sets, &e, a->observer, a->result, err));
out:
    mnk_encoded_close(&e);
    mnk_table_sets_close(&sets);
    return status;
}

/* Levels of the label and of every subgroup column. */
static mnk_status add_subgroups(audit *a, mnk_error *err) {
    const mnk_schema *schema = a->train->schema;
    for (size_t c = 0; c < schema->columns; c++) {
        const mnk_column *k = &schema->column[c];
        if (!(k->roles & (MNK_COLUMN_IS_LABEL | MNK_COLUMN_IS_SUBGROUP)) || mnk_column_is_number(k) || k->levels > 50) continue;
        for (size_t v = 0; v < k->levels; v++) {
            uint8_t *in = NULL;
            char name[64];
            snprintf(name, sizeof name, "%.30s=%.30s", k->name, k->level[v]);
            MNK_TRY(mnk_attack_targets_add(&a->targets, name, &in, err));
            for (size_t i = 0; i < a->member->n; i++) in[i] = a->member->code[c][i] == (int32_t)v;
            for (size_t i = 0; i < a->other->n; i++) in[a->member->n + i] = a->other->code[c][i] == (int32_t)v;
        }
    }
    return MNK_OK;
}

/* Log densities; records that the model cannot read take the lowest of the others. */
static mnk_status ask_model(audit *a, mnk_table_generator *model, double **density, mnk_error *err) {
    const size_t n = a->member->n + a->other->n;
    double least = INFINITY;
    if (!mnk_table_generator_describe(model)->has_density) {
        mnk_result_add_warning(a->result, "the model has no density: its file was not attacked");
        return MNK_OK;
    }
    MNK_TRY(MNK_NEW(*density, n, err));
    MNK_TRY(mnk_table_generator_density(model, a->member, *density, err));
    MNK_TRY(mnk_table_generator_density(model, a->other, *density + a->member->n, err));
    for (size_t i = 0; i < n; i++)
        if (isfinite((*density)[i])) least = fmin(least, (*density)[i]);
    for (size_t i = 0; i < n; i++)
        if (!isfinite((*density)[i])) (*density)[i] = isfinite(least) ? least : 0;
    return MNK_OK;
}

static mnk_status attack(audit *a, mnk_table_generator *model, mnk_error *err) {
    mnk_table_sets sets = {0};
    mnk_encoded e = {0};
    double *density = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_table_sets_open(a->reference, a->other, a->some, &a->evaluate, &sets, err));
    sets.table[MNK_ROLE_FLOOR] = a->member; /* attacks need no floor; its place is for the members */
    MNK_OUT(mnk_table_encode(&sets, true, a->observer, &e, err));
    if (model) MNK_OUT(ask_model(a, model, &density, err));
    MNK_OUT(add_subgroups(a, err));
    MNK_OUT(mnk_attack_battery(&e, density, true, &a->targets, a->config, a->observer, a->result, err));
out:
    mnk_free(density);
    mnk_encoded_close(&e);
    mnk_table_sets_close(&sets);
    return status;
}

static mnk_status select_rows(audit *a, mnk_error *err) {
    const mnk_attack_deal *d = &a->deal;
    MNK_TRY(mnk_table_select(a->train, d->member, d->members, &a->member, err));
    MNK_TRY(mnk_table_select(a->holdout, d->other, d->others, &a->other, err));
    MNK_TRY(mnk_table_select(a->holdout, d->reference, d->references, &a->reference, err));
    MNK_TRY(mnk_table_select(a->synthetic, d->synthetic, d->synthetics, &a->some, err));
    return mnk_attack_targets_open(a->train->person, d->member, d->members, a->holdout->person, d->other, d->others,
                                   &a->targets, err);
}

static mnk_status disclose(const audit *a, mnk_error *err) {
    mnk_disclosure d = {.train = a->train,
                        .holdout = a->holdout,
                        .synthetic = a->synthetic,
                        .config = a->config,
                        .observer = a->observer,
                        .result = a->result};
    return mnk_disclosure_run(&d, err);
}

mnk_status mnk_attack_tables_check(const mnk_table *train, const mnk_table *holdout, mnk_error *err) {
    audit a = {.train = train, .holdout = holdout, .synthetic = train};
    mnk_table_sets sets = {0};
    mnk_status status = MNK_OK;
    MNK_TRY(mnk_attack_check_holdout(holdout, err));
    MNK_TRY(mnk_attack_check_counts(train->n, holdout->n, train->n, "rows", err));
    mnk_table_evaluate_defaults(&a.evaluate);
    status = mnk_table_sets_open(train, holdout, train, &a.evaluate, &sets, err);
    if (status == MNK_OK) status = check(&a, &sets, err);
    mnk_table_sets_close(&sets);
    return status;
}

mnk_status mnk_attack_tables(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                             mnk_table_generator *model, const mnk_attack_config *config, const mnk_observer *observer,
                             mnk_result **out, mnk_error *err) {
    audit a = {.train = train, .holdout = holdout, .synthetic = synthetic, .config = config, .observer = observer};
    const double started = now_s();
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_TRY(mnk_attack_check_holdout(holdout, err));
    MNK_TRY(mnk_attack_check_counts(train->n, holdout->n, synthetic->n, "rows", err));
    mnk_table_evaluate_defaults(&a.evaluate);
    a.evaluate.seed = config->seed, a.evaluate.near_share = config->near_share, a.evaluate.level = config->level;
    MNK_OUT(mnk_result_open("audit", config->seed, &a.result, err));
    MNK_OUT(add_inputs(&a, err));
    MNK_OUT(find_copies(&a, err));
    MNK_OUT(mnk_attack_deal_open(train->n, holdout->n, synthetic->n, train->person, holdout->person, config, &a.deal, err));
    MNK_OUT(select_rows(&a, err));
    MNK_OUT(attack(&a, model, err));
    if (model && config->shadows && config->scratch_path)
        MNK_OUT(mnk_shadow_judge(train, holdout, model, config, observer, a.result, err));
    MNK_OUT(disclose(&a, err));
    if (config->hide_real) mnk_attack_hide(a.result);
    a.result->threads = mnk_threads();
    a.result->wall_s = now_s() - started;
out:
    mnk_table_close(a.member);
    mnk_table_close(a.other);
    mnk_table_close(a.reference);
    mnk_table_close(a.some);
    mnk_attack_deal_close(&a.deal);
    mnk_attack_targets_close(&a.targets);
    if (status == MNK_OK) *out = a.result;
    else mnk_result_close(a.result);
    return status;
}
