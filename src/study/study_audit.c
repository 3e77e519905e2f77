#include "study/study_audit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "manikin/keep.h"
#include "privacy/attacks/config.h"
#include "study/generators.h"

#define ATTACK(f) attack.f
#define AT(f)     offsetof(mnk_study_audit, f)
/* clang-format off */
#define POLICY_ROWS \
    {"policy", 0, MNK_OPTION_PATH, AT(policy), "FILE", NULL, 0, 0, NULL, "thresholds set before the run: exit code 3 when one is not met", false}, \
    {"policy-title", 0, MNK_OPTION_TEXT, AT(title), "TEXT", NULL, 0, 0, NULL, "title of a policy that is written here", false}, \
    {"gate", 0, MNK_OPTION_LIST, AT(gate), "THRESHOLD", NULL, 0, 0, NULL, "a policy written here in place of a file", false}

const mnk_option mnk_study_audit_options[] = {
    POLICY_ROWS,
    {"model", 0, MNK_OPTION_BOOL, AT(models), NULL, "false", 0, 0, NULL, "attack the generator's checkpoint too: for models that are published", false},
    MNK_ATTACK_IMAGE_ROWS(mnk_study_audit, ATTACK),
    MNK_ATTACK_ROWS(mnk_study_audit, ATTACK),
    {.type = MNK_OPTION_END},
};

const mnk_option mnk_study_audit_table_options[] = {
    POLICY_ROWS,
    {"generators", 0, MNK_OPTION_LIST, AT(generators), "NAME", NULL, 0, 0, NULL, "audit what these made, by their names in make.generators [all]", false},
    {"models", 0, MNK_OPTION_BOOL, AT(models), NULL, "false", 0, 0, NULL, "attack the model files too: for models that are published with their rows", false},
    MNK_ATTACK_TABLE_ROWS(mnk_study_audit, ATTACK),
    MNK_ATTACK_ROWS(mnk_study_audit, ATTACK),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

/* ---- checking ---- */

static bool is_made(const mnk_study_generators *g, const char *name) {
    for (size_t i = 0; i < g->arms; i++)
        if (!strcmp(g->item[i].id, name) || !strcmp(g->item[i].series, name)) return true;
    return false;
}

static mnk_status check_names(const mnk_study *s, mnk_error *err) {
    mnk_study_generators g;
    if (!s->audit.generators.n) return MNK_OK;
    MNK_TRY(mnk_study_list_generators(s, &g, err));
    for (size_t i = 0; i < s->audit.generators.n; i++) {
        if (is_made(&g, s->audit.generators.items[i])) continue;
        const char *names[MNK_STUDY_GENERATORS_MAX];
        for (size_t k = 0; k < g.arms; k++) names[k] = g.item[k].id;
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: audit.generators: the study makes nothing called \"%.60s\"",
                                     s->name, s->audit.generators.items[i]);
        const char *near = mnk_nearest(s->audit.generators.items[i], names, g.arms);
        mnk_error_hint(err, near ? "did you mean %s?" : "names as in the report: mst, mst-e0.1", near);
        return status;
    }
    return MNK_OK;
}

static mnk_status read_policy(mnk_study *s, mnk_error *err) {
    mnk_study_audit *a = &s->audit;
    mnk_error why = MNK_ERROR_INIT;
    if (a->policy && a->gate.n)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: audit: policy names a file and gate writes another policy: one of the two",
                        s->name);
    if (a->title && !a->gate.n)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: audit.policy-title: the title of a policy written here, but there is no gate",
                        s->name);
    if (!a->policy && !a->gate.n) return MNK_OK;
    mnk_status status = a->policy ? mnk_policy_read(a->policy, &s->policy, &why)
                                  : mnk_policy_of(a->title, a->gate.items, a->gate.n, "audit.gate", &s->policy, &why);
    s->has_policy = status == MNK_OK;
    if (status == MNK_OK) return MNK_OK;
    status = MNK_FAIL(err, why.code, "%s: %s", s->name, why.message);
    if (*why.hint) mnk_error_hint(err, "%s", why.hint);
    return status;
}

mnk_status mnk_study_check_audit(mnk_study *s, mnk_error *err) {
    if (s->no_audit) return MNK_OK;
    MNK_TRY(read_policy(s, err));
    if (!s->is_table && strcmp(s->audit.attack.encoding, "classifier") == 0) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT,
                                     "%s: audit.encoding: the study's classifier has learned from train, so "
                                     "its encoding would show its own fit",
                                     s->name);
        mnk_error_hint(err, "scatter or pixels here; manikin audit takes a classifier that never saw train");
        return status;
    }
    if (s->is_table && s->audit.attack.shadows && !s->audit.models)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: audit.shadows needs audit.models: true, what is to be trained anew", s->name);
    return s->is_table ? check_names(s, err) : MNK_OK;
}

mnk_status mnk_study_audit_can(const mnk_study *s, size_t n_train, size_t n_holdout, mnk_error *err) {
    if (s->no_audit || (n_train >= MNK_ATTACK_LEAST && n_holdout >= MNK_ATTACK_LEAST)) return MNK_OK;
    mnk_status status =
        n_holdout == 0
            ? MNK_FAIL(err, MNK_ERR_INPUT, "%s: audit: there is no holdout, and without unseen records nothing can be said",
                       s->name)
            : MNK_FAIL(err, MNK_ERR_INPUT, "%s: audit: %zu records in train and %zu in the holdout; %d of each are needed",
                       s->name, n_train, n_holdout, MNK_ATTACK_LEAST);
    mnk_error_hint(err, "give data.holdout a share, or write \"audit: off\"");
    return status;
}

mnk_attack_config mnk_study_attack_config(const mnk_study *s) {
    mnk_attack_config c = s->audit.attack;
    c.seed = (uint64_t)s->top.seed;
    c.hide_real = c.hide_real || s->report.hide_real;
    return c;
}

void mnk_study_audit_key(const mnk_study *s, mnk_text *out) {
    mnk_study_audit own = s->audit;
    mnk_json j = {.text = out, .compact = true};
    own.policy = own.title = NULL;
    own.gate.n = own.generators.n = 0;
    own.attack = mnk_study_attack_config(s);
    mnk_json_object(&j, NULL);
    mnk_options_write(s->is_table ? mnk_study_audit_table_options : mnk_study_audit_options, &own, &j);
    mnk_json_end_object(&j);
}

/* ---- one table ---- */

/* The rows on a model's schema, still dealt by person. */
static mnk_status on_schema(const mnk_table *t, mnk_schema *schema, mnk_table **out, mnk_error *err) {
    MNK_TRY(mnk_keep_on_schema(t, schema, out, err));
    (*out)->persons = t->persons;
    memcpy((*out)->hash, t->hash, sizeof t->hash);
    if (!t->person) return MNK_OK;
    mnk_free((*out)->person);
    MNK_TRY(MNK_NEW((*out)->person, t->n + 1, err));
    memcpy((*out)->person, t->person, t->n * sizeof *t->person);
    return MNK_OK;
}

static mnk_status with_model(const mnk_table *const from[3], const char *model_path, mnk_attack_config *config,
                             const mnk_observer *observer, mnk_result **out, mnk_error *err) {
    mnk_table *set[3] = {0};
    mnk_table_generator *model = NULL;
    char scratch[1300];
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_table_generator_open(model_path, &model, err));
    for (int i = 0; i < 3; i++) MNK_OUT(on_schema(from[i], mnk_table_generator_describe(model)->schema, &set[i], err));
    snprintf(scratch, sizeof scratch, "%.1200s.shadow", model_path);
    config->scratch_path = scratch;
    MNK_OUT(mnk_attack_tables(set[0], set[1], set[2], model, config, observer, out, err));
out:
    for (int i = 0; i < 3; i++) mnk_table_close(set[i]);
    mnk_table_generator_close(model);
    return status;
}

mnk_status mnk_study_audit_table(const mnk_study *s, const mnk_table *train, const mnk_table *holdout, const mnk_table *made,
                                 const char *model_path, const mnk_observer *observer, mnk_result **out, mnk_error *err) {
    const mnk_table *const set[3] = {train, holdout, made};
    mnk_attack_config config = mnk_study_attack_config(s);
    return model_path ? with_model(set, model_path, &config, observer, out, err)
                      : mnk_attack_tables(train, holdout, made, NULL, &config, observer, out, err);
}

/* ---- by the policy ---- */

mnk_status mnk_study_audits_open(const mnk_study *s, size_t n, mnk_study_audits *out, mnk_error *err) {
    *out = (mnk_study_audits){.shown = {.n = n, .with_models = s->audit.models}};
    MNK_TRY(MNK_NEW(out->item, n + 1, err));
    MNK_TRY(MNK_NEW(out->gate, n * s->policy.rules + 1, err));
    out->shown.item = out->item;
    if (!s->has_policy) return MNK_OK;
    out->shown.policy_title = s->policy.title, out->shown.policy_hash = s->policy.hash, out->shown.gates = s->policy.rules;
    return MNK_OK;
}

/* The worst: one that is not met goes before one that is, an unmeasured one before all. */
static bool is_worse(const mnk_gate *a, const mnk_gate *b, const mnk_gate_rule *rule) {
    if (a->met != b->met) return !a->met;
    if (isnan(a->value) != isnan(b->value)) return isnan(a->value);
    return rule->op == '>' || rule->op == 'G' ? a->value < b->value : a->value > b->value;
}

static void summarise(const mnk_study *s, const mnk_study_audits *a, size_t rule, mnk_gate *out) {
    size_t worst = 0, met = 0;
    const size_t n = a->shown.n, rules = s->policy.rules;
    for (size_t i = 0; i < n; i++) {
        met += a->gate[i * rules + rule].met;
        if (is_worse(&a->gate[i * rules + rule], &a->gate[worst * rules + rule], &s->policy.rule[rule])) worst = i;
    }
    const mnk_gate *g = &a->gate[worst * rules + rule];
    *out = *g;
    snprintf(out->text, sizeof out->text, "policy: %.140s", g->text);
    if (n == 1) snprintf(out->note, sizeof out->note, "%s", g->note);
    else
        snprintf(out->note, sizeof out->note, "met by %zu of %zu; worst: %.40s%s%.60s", met, n, a->item[worst].name,
                 *g->note ? ", " : "", g->note);
}

void mnk_study_audits_judge(const mnk_study *s, mnk_study_audits *a) {
    const size_t rules = s->has_policy ? s->policy.rules : 0;
    for (size_t i = 0; i < a->shown.n; i++) {
        const mnk_result *const one[1] = {a->item[i].result};
        for (size_t k = 0; k < rules; k++) mnk_gate_judge(&s->policy.rule[k], one, 1, &a->gate[i * rules + k]);
        a->item[i].gate = rules ? a->gate + i * rules : NULL;
    }
    a->summaries = a->shown.n ? rules : 0;
    for (size_t k = 0; k < a->summaries; k++) summarise(s, a, k, &a->summary[k]);
}

void mnk_study_audits_close(mnk_study_audits *a) {
    mnk_free(a->item);
    mnk_free(a->gate);
    *a = (mnk_study_audits){.summaries = 0};
}
