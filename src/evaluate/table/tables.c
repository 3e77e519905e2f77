/* evaluate for tables: sets, encoding, families overall, by class and by subset, flags, warnings. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "evaluate/table/config.h"
#include "evaluate/table/families.h"
#include "evaluate/table/flags.h"

struct mnk_table_judge {
    mnk_table_sets sets;
    mnk_encoded encoded;
    mnk_judge_plan plan;
    mnk_table_evaluate_config config;
    const mnk_observer *observer;
};

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static mnk_status check_config(const mnk_table_evaluate_config *c, mnk_error *err) {
    const bool fits = c->neighbours >= 1 && c->neighbours <= 64 && c->max_items >= 10 && c->replicates >= 0 &&
                      c->replicates <= 1000000 && c->level > 0 && c->level < 1 && c->near_share > 0 && c->near_share < 1 &&
                      c->never_shown >= 0 && c->triples >= 0 && c->permutations >= 0 && c->permutations <= 100000 &&
                      c->mmd_items >= 10 && c->mmd_items <= 5000 && c->shown >= 0 && c->rows_shown >= 0;
    return fits ? MNK_OK
                : MNK_FAIL(err, MNK_ERR_USAGE, "evaluate: a setting is out of range; start from mnk_table_evaluate_defaults()");
}

size_t mnk_evaluate_tables_bytes(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                 const mnk_table_evaluate_config *config) {
    size_t columns = 0, codes = 0;
    const size_t n = 2 * train->n + (holdout ? holdout->n : 0) + synthetic->n; /* the floor has train's rows */
    for (size_t c = 0; c < train->schema->columns; c++)
        if (mnk_column_is_data(&train->schema->column[c])) columns++, codes += !mnk_column_is_number(&train->schema->column[c]);
    const size_t numbers = columns - codes, moments = columns + 128;
    const size_t floor = train->n * (numbers * 8 + codes * 4);
    const size_t encoded = n * (numbers * 4 + columns * 2 + moments * 4);
    const size_t views =
        n * (numbers * 4 + columns * 2 * 2) + n * (numbers * 8 + codes * 4); /* orders, bins, a subset's rows */
    const size_t points = (train->n + synthetic->n) * (numbers * 4 + columns * 2 + 64);
    const size_t influence = mnk_family_bytes(train->n + synthetic->n, 0);
    const size_t mmd = 2 * 8 * 4 * (size_t)config->mmd_items * (size_t)config->mmd_items;
    const size_t cells = (size_t)mnk_threads() * MNK_MOST_CELLS * 16;
    return floor + encoded + views + points + (influence > mmd ? influence : mmd) + cells;
}

static mnk_judge_plan plan_of(const mnk_table_judge *j) {
    const mnk_table_evaluate_config *c = &j->config;
    mnk_judge_plan p = {.seed = c->seed,
                        .neighbours = (size_t)c->neighbours,
                        .max_items = (size_t)c->max_items,
                        .replicates = (size_t)c->replicates,
                        .never_shown = (size_t)c->never_shown,
                        .level = c->level,
                        .compat = mnk_table_compat(c->compat) & (MNK_COMPAT_SYNTHCITY | MNK_COMPAT_AUTHORS),
                        .items = "rows"};
    for (int role = 0; role < MNK_ROLES; role++)
        if (j->sets.table[role]) p.units[role] = (mnk_units){j->sets.table[role]->person, j->sets.table[role]->persons};
    if (j->sets.label >= 0) {
        p.label = j->sets.table[MNK_ROLE_TRAIN]->code[j->sets.label];
        p.label_name = (const char *const *)j->sets.schema->column[j->sets.label].level;
    }
    return p;
}

mnk_status mnk_table_judge_open(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                const mnk_table_evaluate_config *config, const mnk_observer *observer, mnk_table_judge **out,
                                mnk_error *err) {
    mnk_table_judge *j = NULL;
    *out = NULL;
    MNK_TRY(check_config(config, err));
    MNK_TRY(mnk_memory_require(mnk_evaluate_tables_bytes(train, holdout, synthetic, config), "judging these tables", err));
    MNK_TRY(MNK_NEW(j, 1, err));
    j->config = *config;
    j->observer = observer;
    mnk_status status = mnk_table_sets_open(train, holdout, synthetic, &j->config, &j->sets, err);
    if (status == MNK_OK) status = mnk_table_encode(&j->sets, true, observer, &j->encoded, err);
    if (status == MNK_OK) {
        j->plan = plan_of(j);
        *out = j;
    } else {
        mnk_table_judge_close(j);
    }
    return status;
}

void mnk_table_judge_close(mnk_table_judge *j) {
    if (!j) return;
    mnk_encoded_close(&j->encoded);
    mnk_table_sets_close(&j->sets);
    mnk_free(j);
}

/* ---- one subset ---- */

typedef struct subset {
    mnk_subset items;
    const uint8_t *mask[MNK_ROLES];
    int32_t *value[MNK_ROLES]; /* owned: the masks as numbers */
    uint8_t *own[MNK_ROLES];   /* owned masks */
} subset;

static void subset_close(subset *s) {
    for (int role = 0; role < MNK_ROLES; role++) mnk_free(s->value[role]), mnk_free(s->own[role]);
}

/* The floor takes as many random rows as train has in the subset: its columns belong to nobody. */
static mnk_status floor_mask(const mnk_table_judge *j, subset *s, mnk_error *err) {
    const size_t n = j->sets.table[MNK_ROLE_FLOOR]->n;
    MNK_TRY(MNK_NEW(s->own[MNK_ROLE_FLOOR], n, err));
    memcpy(s->own[MNK_ROLE_FLOOR], s->mask[MNK_ROLE_TRAIN], n);
    s->mask[MNK_ROLE_FLOOR] = s->own[MNK_ROLE_FLOOR];
    return MNK_OK;
}

static mnk_status subset_open(const mnk_table_judge *j, const mnk_table_rows *rows, subset *s, mnk_error *err) {
    *s = (subset){.items = {.name = rows && rows->name ? rows->name : "", .is = 1, .stream = rows ? rows->stream : 0}};
    if (!rows) return MNK_OK;
    s->mask[MNK_ROLE_TRAIN] = rows->train;
    s->mask[MNK_ROLE_HOLDOUT] = rows->holdout;
    s->mask[MNK_ROLE_SYNTHETIC] = rows->synthetic;
    mnk_status status = rows->train ? floor_mask(j, s, err) : MNK_OK;
    for (int role = 0; role < MNK_ROLES && status == MNK_OK; role++) {
        const size_t n = mnk_sets_n(&j->sets, role);
        if (!s->mask[role] || !n) continue;
        status = MNK_NEW(s->value[role], n, err);
        for (size_t i = 0; i < n && status == MNK_OK; i++) s->value[role][i] = s->mask[role][i] != 0;
        s->items.value[role] = s->value[role];
    }
    if (status != MNK_OK) subset_close(s);
    return status;
}

static mnk_status run_marginals(const mnk_table_judge *j, const subset *sub, bool by_column, mnk_result *r, mnk_error *err) {
    mnk_table_sets some = {0};
    mnk_table_view view = {0};
    bool masked = false;
    mnk_status status = MNK_OK;
    for (int role = 0; role < MNK_ROLES; role++) masked = masked || sub->mask[role];
    if (masked) MNK_OUT(mnk_table_sets_select(&j->sets, sub->mask, &some, err));
    MNK_OUT(mnk_table_view_open(masked ? &some : &j->sets, sub->items.name, by_column, r, &view, err));
    MNK_OUT(mnk_table_columns(&view, err));
    MNK_OUT(mnk_table_pairs(&view, err));
    MNK_OUT(mnk_table_accuracy(&view, err));
    MNK_OUT(mnk_table_coverage(&view, err));
    MNK_OUT(mnk_table_missing_pairs(&view, err));
    if (!masked) MNK_OUT(mnk_table_persons(&view, err)); /* rows of a subset are no whole persons */
    MNK_OUT(mnk_table_published(&view, mnk_table_compat(j->config.compat), err));
out:
    mnk_table_view_close(&view);
    mnk_table_sets_close(&some);
    return status;
}

/* Rows of a subset that is too small, so that nobody takes silence for a good figure. */
static mnk_status add_too_few(const mnk_table_judge *j, const char *name, size_t train, size_t synthetic, mnk_result *r,
                              mnk_error *err) {
    static const char *const ids[] = {"ks_complement", "tv_complement", "correlation_similarity", "contingency_similarity",
                                      "binned_accuracy_2"};
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
        mnk_metric *m = mnk_judge_metric(r, ids[k], "fidelity", "", name, NAN, synthetic, j->config.level);
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
        snprintf(m->note, sizeof m->note, "too few: %zu train and %zu synthetic rows, at least %lld of each are needed", train,
                 synthetic, (long long)j->config.neighbours + 2);
    }
    return MNK_OK;
}

static size_t count_rows(const mnk_table_judge *j, const subset *s, int role) {
    size_t n = 0;
    for (size_t i = 0; i < mnk_sets_n(&j->sets, role); i++) n += mnk_subset_has(&s->items, role, i);
    return n;
}

mnk_status mnk_table_judge_run(mnk_table_judge *j, const mnk_table_rows *rows, unsigned parts, mnk_result *r, mnk_error *err) {
    const mnk_judge judge = {&j->plan, &j->encoded, j->observer, r, !rows};
    subset s;
    MNK_TRY(subset_open(j, rows, &s, err));
    const size_t train = count_rows(j, &s, MNK_ROLE_TRAIN), synthetic = count_rows(j, &s, MNK_ROLE_SYNTHETIC);
    const bool enough = train >= j->plan.neighbours + 2 && synthetic >= j->plan.neighbours + 2;
    mnk_status status = MNK_OK;
    if (parts & MNK_TABLE_MARGINALS)
        MNK_OUT(enough ? run_marginals(j, &s, parts & MNK_TABLE_COLUMNS, r, err)
                       : add_too_few(j, s.items.name, train, synthetic, r, err));
    if (mnk_observe_stopped(j->observer)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while comparing"));
    if (parts & MNK_TABLE_NEIGHBOURS) MNK_OUT(mnk_judge_subset(&judge, &s.items, err));
    if (parts & MNK_TABLE_MMD) MNK_OUT(mnk_table_mmd(&judge, &j->sets, &s.items, err));
out:
    subset_close(&s);
    return status;
}

/* ---- the whole ---- */

static mnk_status describe(const mnk_table_judge *j, mnk_result *r, mnk_error *err) {
    for (int role = 0; role < MNK_ROLE_FLOOR; role++) {
        const mnk_table *t = j->sets.table[role];
        if (t && !mnk_result_add_input(r, mnk_role_names[role], t->source, t->n, t->hash))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    }
    mnk_result_encoding *e = &r->encoding[r->encodings++];
    snprintf(e->name, sizeof e->name, "%s", j->encoded.name);
    snprintf(e->note, sizeof e->note, "%s", j->encoded.note);
    e->dim = (int)(j->encoded.near_d + j->encoded.codes);
    mnk_text text = {0};
    mnk_json json = {.text = &text, .compact = true};
    mnk_json_object(&json, NULL);
    mnk_options_write(mnk_table_evaluate_options, &j->config, &json);
    mnk_json_end_object(&json);
    if (text.failed) {
        mnk_text_clear(&text);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    }
    r->settings_json = text.s;
    return MNK_OK;
}

/* Every class of the label that train has rows of. */
static mnk_status judge_classes(mnk_table_judge *j, mnk_result *r, mnk_error *err) {
    const mnk_table_sets *s = &j->sets;
    if (s->label < 0 || !j->config.by_class) return MNK_OK;
    const mnk_column *column = &s->schema->column[s->label];
    uint8_t *mask[MNK_ROLES] = {NULL};
    mnk_status status = MNK_OK;
    for (int role = 0; role < MNK_ROLE_FLOOR; role++)
        if (s->table[role]) MNK_OUT(MNK_NEW(mask[role], s->table[role]->n, err));
    for (size_t k = 0; k < column->levels; k++) {
        size_t rows = 0;
        for (int role = 0; role < MNK_ROLE_FLOOR; role++)
            for (size_t i = 0; i < mnk_sets_n(s, role); i++) {
                mask[role][i] = s->table[role]->code[s->label][i] == (int32_t)k;
                rows += role == MNK_ROLE_TRAIN && mask[role][i];
            }
        if (!rows) continue;
        const mnk_table_rows some = {column->level[k], mask[MNK_ROLE_TRAIN], mask[MNK_ROLE_HOLDOUT], mask[MNK_ROLE_SYNTHETIC],
                                     (uint32_t)k + 1};
        mnk_observe_progress(j->observer, "compare", (double)k, (double)column->levels, column->level[k]);
        MNK_OUT(mnk_table_judge_run(j, &some, MNK_TABLE_FIDELITY, r, err));
    }
out:
    for (int role = 0; role < MNK_ROLES; role++) mnk_free(mask[role]);
    return status;
}

enum { FEW_ROWS = 200 };

static void warn(const mnk_table_judge *j, mnk_result *r) {
    const mnk_table_sets *s = &j->sets;
    if (!s->table[MNK_ROLE_HOLDOUT])
        mnk_result_add_warning(
            r,
            "no holdout: the figures have no reference of what unseen real rows would score, and near copies are not judged");
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (*m->subset || *m->column) continue;
        if (!strcmp(m->id, "coverage") && m->n < FEW_ROWS)
            mnk_result_add_warning(r, "only %zu rows a set are compared (the smallest set decides): expect wide intervals",
                                   m->n);
        if (!strcmp(m->id, "exact_copies") && m->value > 0 && m->references && m->value > 2 * m->reference[0].value)
            mnk_result_add_warning(r, "%.0f synthetic rows equal a training row in every column, %.2g %% of holdout do",
                                   m->value * (double)m->n, 100 * m->reference[0].value);
    }
}

static mnk_status judge_all(mnk_table_judge *j, mnk_result *r, mnk_error *err) {
    MNK_TRY(describe(j, r, err));
    MNK_TRY(mnk_table_copies(&j->sets, &j->encoded, j->observer, r, err));
    MNK_TRY(mnk_table_named_rules(&j->sets, r, err));
    if (j->config.find_rules) MNK_TRY(mnk_table_found_rules(&j->sets, r, err));
    mnk_observe_progress(j->observer, "compare", 0, 1, "all rows");
    MNK_TRY(mnk_table_judge_run(j, NULL, MNK_TABLE_FIDELITY | MNK_TABLE_COLUMNS, r, err));
    MNK_TRY(judge_classes(j, r, err));
    warn(j, r);
    return MNK_OK;
}

mnk_status mnk_evaluate_tables(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                               const mnk_table_evaluate_config *config, const mnk_observer *observer, mnk_result **out,
                               mnk_error *err) {
    const double start = now_s();
    mnk_table_judge *j = NULL;
    mnk_result *r = NULL;
    *out = NULL;
    mnk_status status = mnk_table_judge_open(train, holdout, synthetic, config, observer, &j, err);
    if (status == MNK_OK) status = mnk_result_open("evaluate", config->seed, &r, err);
    if (status == MNK_OK) status = judge_all(j, r, err);
    mnk_table_judge_close(j);
    if (status == MNK_OK) {
        r->wall_s = now_s() - start;
        *out = r;
    } else {
        mnk_result_close(r);
    }
    return status;
}
