#include "audit_finish.h"

#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "evidence/audit_report.h"

static mnk_status refuse_existing(const char *path, bool force, mnk_error *err) {
    if (!path || force || !mnk_path_exists(path)) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists already", path);
    mnk_error_hint(err, "choose another name, or allow overwriting with --force");
    return status;
}

mnk_status cli_audit_begin(const cli_context *c, cli_audit *a, mnk_error *err) {
    MNK_TRY(refuse_existing(c->common.json, c->common.force, err));
    MNK_TRY(refuse_existing(a->report_path, c->common.force, err));
    return a->policy_path ? mnk_policy_read(a->policy_path, &a->policy, err) : MNK_OK;
}

/* The options as they were, and which policy: its hash shows that it is the one that was agreed on. */
static mnk_status write_settings(const cli_context *c, const cli_audit *a, mnk_result *r, mnk_error *err) {
    mnk_text t = {0};
    mnk_json j = {.text = &t, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_options_write(c->verb->table, c->config, &j);
    if (a->policy_path) {
        mnk_json_object(&j, "policy");
        mnk_json_string(&j, "title", a->policy.title);
        mnk_json_string(&j, "hash", a->policy.hash);
        mnk_json_array(&j, "gate");
        for (size_t i = 0; i < a->policy.rules; i++) mnk_json_string(&j, NULL, a->policy.rule[i].text);
        mnk_json_end_array(&j);
        mnk_json_end_object(&j);
    }
    mnk_json_end_object(&j);
    if (t.failed) {
        mnk_text_clear(&t);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the settings");
    }
    r->settings_json = t.s;
    return MNK_OK;
}

mnk_status cli_audit_finish(cli_context *c, cli_audit *a, mnk_result *r, mnk_error *err) {
    mnk_gate gate[MNK_GATES_MAX];
    MNK_TRY(write_settings(c, a, r, err));
    if (a->policy_path) MNK_TRY(mnk_policy_judge(&a->policy, r, gate, err));
    if (c->common.json) MNK_TRY(mnk_result_write(r, c->common.json, c->common.force, err));
    if (a->report_path)
        MNK_TRY(
            mnk_audit_page(r, a->policy_path ? &a->policy : NULL, gate, a->hide_real, a->report_path, c->common.force, err));
    mnk_result_print(r, stdout, c->colour);
    for (size_t i = 0; i < a->policy.rules; i++) {
        char b[32];
        printf("%s%s: %s (%s%s)\n", i ? "" : "\n", gate[i].met ? "met" : "NOT MET", gate[i].text,
               mnk_double_text(gate[i].value, b), gate[i].note[0] ? ", see its note" : "");
    }
    if (a->policy_path) MNK_TRY(mnk_gates_check(gate, a->policy.rules, a->policy_path, err));
    cli_next(c, a->policy_path ? "manikin verify DIR    # after manikin run: the whole study, signed"
                               : "the same with --gate policy.yaml: thresholds that stop a release");
    return MNK_OK;
}

void cli_audit_close(cli_audit *a) { mnk_policy_close(&a->policy); }
