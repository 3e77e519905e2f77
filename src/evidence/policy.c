#include "evidence/policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/yaml.h"

enum { BYTES_MAX = 1 << 16 };
static const mnk_yaml_format format = {"policy", "manikin_policy: 1", BYTES_MAX, 1000};

static mnk_status fail_at(const mnk_policy *p, const mnk_yaml *node, const char *what, mnk_error *err) {
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s:%d:%d: %s", p->name, node->line, node->column, what);
    mnk_error_hint(err, "a policy is \"manikin_policy: 1\", then \"gate:\" and one \"- metric <= number\" a line");
    return status;
}

static mnk_status add_rule(mnk_policy *p, const mnk_yaml *node, mnk_error *err) {
    mnk_error inner = MNK_ERROR_INIT;
    if (node->kind != MNK_YAML_TEXT) return fail_at(p, node, "\"metric <= number\" is expected", err);
    if (p->rules == MNK_GATES_MAX) return fail_at(p, node, "too many thresholds", err);
    const mnk_status status = mnk_gate_parse(node->text, p->arena, &p->rule[p->rules], &inner);
    if (status == MNK_ERR_MEMORY) return MNK_FAIL(err, status, "%s", inner.message);
    if (status != MNK_OK) return fail_at(p, node, inner.message, err);
    p->rules++;
    return MNK_OK;
}

static mnk_status check_version(const mnk_policy *p, const mnk_yaml *root, mnk_error *err) {
    const mnk_yaml *version = mnk_yaml_get(root, "manikin_policy");
    char *end = NULL;
    if (!version || version->kind != MNK_YAML_TEXT) return fail_at(p, root, "its first line must be manikin_policy: 1", err);
    const long v = strtol(version->text, &end, 10);
    if (end == version->text || *end || v < 1) return fail_at(p, version, "manikin_policy: a version number is expected", err);
    if (v > 1)
        return MNK_FAIL(err, MNK_ERR_VERSION, "%s: written for a newer version (policy format %ld; this program reads 1)",
                        p->name, v);
    return MNK_OK;
}

static mnk_status read_root(mnk_policy *p, const mnk_yaml *root, mnk_error *err) {
    MNK_TRY(check_version(p, root, err));
    for (const mnk_yaml *k = root->first; k; k = k->next) {
        if (strcmp(k->key, "manikin_policy") == 0) continue;
        if (strcmp(k->key, "title") == 0 && k->kind == MNK_YAML_TEXT) {
            p->title = k->text;
            continue;
        }
        if (strcmp(k->key, "gate") != 0 || k->kind != MNK_YAML_LIST)
            return fail_at(p, k, "unknown or misplaced: a policy has title and a list named gate", err);
        for (const mnk_yaml *c = k->first; c; c = c->next) MNK_TRY(add_rule(p, c, err));
    }
    return p->rules ? MNK_OK : fail_at(p, root, "no threshold: an empty policy would let everything pass", err);
}

mnk_status mnk_policy_parse(const char *text, size_t n, const char *name, mnk_policy *out, mnk_error *err) {
    mnk_yaml *root = NULL;
    mnk_status status = MNK_OK;
    *out = (mnk_policy){.title = ""};
    if (!(out->arena = mnk_arena_open()) || !(out->name = mnk_arena_strdup(out->arena, name)))
        MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a policy"));
    mnk_hash_bytes(text, n, out->hash);
    MNK_OUT(mnk_yaml_parse(text, n, out->name, &format, out->arena, &root, err));
    MNK_OUT(read_root(out, root, err));
out:
    if (status != MNK_OK) mnk_policy_close(out);
    return status;
}

mnk_status mnk_policy_read(const char *path, mnk_policy *out, mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    *out = (mnk_policy){.title = ""};
    MNK_TRY(mnk_file_read(path, BYTES_MAX, &bytes, &n, err));
    mnk_status status = mnk_policy_parse((const char *)bytes, n, path, out, err);
    mnk_free(bytes);
    return status;
}

/* A quoted scalar of YAML. */
static void add_quoted(mnk_text *t, const char *s) {
    mnk_text_add(t, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') mnk_text_add(t, "\\");
        mnk_text_add_n(t, s, 1);
    }
    mnk_text_add(t, "\"\n");
}

mnk_status mnk_policy_of(const char *title, const char *const *rule, size_t rules, const char *name, mnk_policy *out,
                         mnk_error *err) {
    mnk_text t = {0};
    mnk_text_add(&t, "manikin_policy: 1\n");
    if (title) mnk_text_add(&t, "title: "), add_quoted(&t, title);
    mnk_text_add(&t, "gate:\n");
    for (size_t i = 0; i < rules; i++) mnk_text_add(&t, "  - "), add_quoted(&t, rule[i]);
    *out = (mnk_policy){.title = ""};
    mnk_status status =
        t.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a policy") : mnk_policy_parse(t.s, t.n, name, out, err);
    mnk_text_clear(&t);
    return status;
}

void mnk_policy_close(mnk_policy *p) {
    if (!p) return;
    mnk_arena_close(p->arena);
    *p = (mnk_policy){.title = ""};
}

mnk_status mnk_policy_judge(const mnk_policy *p, mnk_result *r, mnk_gate *gate, mnk_error *err) {
    const mnk_result *results[1] = {r};
    for (size_t i = 0; i < p->rules; i++) mnk_gate_judge(&p->rule[i], results, 1, &gate[i]);
    for (size_t i = 0; i < p->rules; i++) {
        char id[64];
        snprintf(id, sizeof id, "gate.%zu", i + 1);
        mnk_metric *m = mnk_result_add_metric(r, id, "gate");
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a threshold");
        m->value = gate[i].value;
        mnk_metric_add_reference(m, "threshold", gate[i].threshold);
        snprintf(m->verdict, sizeof m->verdict, "%s", gate[i].met ? "met" : "not met");
        snprintf(m->note, sizeof m->note, "%s: %.80s%s%.60s", gate[i].met ? "met" : "NOT MET", gate[i].text,
                 gate[i].note[0] ? "; " : "", gate[i].note);
    }
    return MNK_OK;
}
