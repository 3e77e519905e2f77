/* Rows that break a rule: of the schema, or found in train. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/table/flags.h"
#include "evaluate/table/found.h"
#include "math/stats.h"

enum { MOST_FOUND = 5000, MOST_FLAGS = 1000 };

/* Adds a row with the share of broken rows of each set; broken[role][n], NULL: not there. */
static mnk_status add_share(const mnk_table_sets *s, const char *id, uint8_t *const broken[MNK_ROLES], const char *note,
                            mnk_result *r, mnk_error *err) {
    static const char *const name[MNK_ROLES] = {"copy", "holdout", "", "floor"};
    static const int order[MNK_ROLES] = {MNK_ROLE_SYNTHETIC, MNK_ROLE_HOLDOUT, MNK_ROLE_TRAIN, MNK_ROLE_FLOOR};
    mnk_metric *m = NULL;
    for (int k = 0; k < MNK_ROLES; k++) {
        const int role = order[k];
        const mnk_table *t = s->table[role];
        double sum = 0;
        if (!t || !broken[role]) continue;
        for (size_t i = 0; i < t->n; i++) sum += broken[role][i];
        if (k) {
            mnk_metric_add_reference(m, name[role], sum / (double)t->n);
            continue;
        }
        m = mnk_judge_metric(r, id, "fidelity", "", "", sum / (double)t->n, t->n, s->config->level);
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
        snprintf(m->note, sizeof m->note, "%s", note);
        MNK_TRY(mnk_wilson_units(broken[role], t->person, t->n, t->persons, s->config->level, &m->low, &m->high, err));
    }
    return MNK_OK;
}

static mnk_status open_broken(const mnk_table_sets *s, uint8_t *broken[MNK_ROLES], mnk_error *err) {
    for (int role = 0; role < MNK_ROLES; role++)
        if (s->table[role]) MNK_TRY(MNK_NEW(broken[role], s->table[role]->n, err));
    return MNK_OK;
}

static void close_broken(uint8_t *broken[MNK_ROLES]) {
    for (int role = 0; role < MNK_ROLES; role++) mnk_free(broken[role]);
}

static mnk_status add_flag(mnk_result *r, const char *flag, size_t row, double expected, const char *note, mnk_error *err) {
    mnk_flag *f = mnk_result_add_flag(r, flag, row);
    if (!f) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a flag");
    f->distance = expected;
    snprintf(f->note, sizeof f->note, "%s", note);
    return MNK_OK;
}

/* ---- rules of the schema ---- */

static mnk_status one_named(const mnk_table_sets *s, const mnk_rule *rule, uint8_t *broken[MNK_ROLES], mnk_result *r,
                            mnk_error *err) {
    size_t shown = 0;
    char note[96];
    snprintf(note, sizeof note, "breaks: %.86s", mnk_rule_text(rule));
    for (int role = 0; role < MNK_ROLES; role++)
        for (size_t i = 0; i < mnk_sets_n(s, role); i++) {
            if (mnk_rule_row(rule, s->table[role], i) != 0) continue;
            broken[role][i] = 1;
            if (role == MNK_ROLE_SYNTHETIC && shown++ < (size_t)s->config->rows_shown)
                MNK_TRY(add_flag(r, "rule_broken", i, 0, note, err));
        }
    return MNK_OK;
}

mnk_status mnk_table_named_rules(const mnk_table_sets *s, mnk_result *r, mnk_error *err) {
    uint8_t *broken[MNK_ROLES] = {NULL};
    mnk_rule *rule = NULL;
    char note[96];
    mnk_status status = MNK_OK;
    if (!s->schema->rules) return MNK_OK;
    MNK_OUT(open_broken(s, broken, err));
    for (size_t k = 0; k < s->schema->rules; k++) {
        MNK_OUT(mnk_rule_parse(s->schema->rule[k], s->table[MNK_ROLE_TRAIN]->schema, &rule, err));
        MNK_OUT(one_named(s, rule, broken, r, err));
        mnk_rule_close(rule);
        rule = NULL;
    }
    snprintf(note, sizeof note, "share of rows that break one of the schema's %zu rules", s->schema->rules);
    MNK_OUT(add_share(s, "rules_broken", broken, note, r, err));
out:
    mnk_rule_close(rule);
    close_broken(broken);
    return status;
}

/* ---- rules found in train ---- */

/* Rows of each set that break a rule; *holdout_breaks: some holdout row does, so that it is no rule after all. */
static void mark(const mnk_found *f, const mnk_table_sets *s, uint8_t *broken[MNK_ROLES], bool *holdout_breaks) {
    *holdout_breaks = false;
    for (int role = 0; role < MNK_ROLES; role++)
        for (size_t i = 0; role != MNK_ROLE_TRAIN && i < mnk_sets_n(s, role); i++)
            if (mnk_found_breaks(f, s, role, i)) broken[role][i] = 1, *holdout_breaks |= role == MNK_ROLE_HOLDOUT;
}

static mnk_status flag_found(const mnk_found *f, const mnk_table_sets *s, size_t *left, mnk_result *r, mnk_error *err) {
    size_t shown = 0;
    char note[96];
    for (size_t i = 0; i < mnk_sets_n(s, MNK_ROLE_SYNTHETIC) && shown < (size_t)s->config->rows_shown && *left; i++) {
        if (!mnk_found_breaks(f, s, MNK_ROLE_SYNTHETIC, i)) continue;
        mnk_found_words(f, s, MNK_ROLE_SYNTHETIC, i, note);
        MNK_TRY(add_flag(r, "found_rule_broken", i, f->expected, note, err));
        shown++;
        --*left;
    }
    return MNK_OK;
}

mnk_status mnk_table_found_rules(const mnk_table_sets *s, mnk_result *r, mnk_error *err) {
    uint8_t *broken[MNK_ROLES] = {NULL};
    mnk_found *found = NULL;
    size_t n = 0, left = MOST_FLAGS, doubtful = 0;
    char note[160];
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_found_rules(s, MOST_FOUND, &found, &n, err));
    if (!n) goto out;
    MNK_OUT(open_broken(s, broken, err));
    for (size_t k = 0; k < n; k++) {
        bool holdout_breaks = false;
        mark(&found[k], s, broken, &holdout_breaks);
        doubtful += holdout_breaks;
        if (!holdout_breaks) MNK_OUT(flag_found(&found[k], s, &left, r, err));
    }
    snprintf(note, sizeof note,
             "rows breaking one of %zu things that hold in all of train; %zu of these fail in holdout: not flagged", n,
             doubtful);
    MNK_OUT(add_share(s, "found_rules_broken", broken, note, r, err));
out:
    mnk_free(found);
    close_broken(broken);
    return status;
}
