/* A policy: what an audit has to show before data or a model may leave the house. Written before the audit is run:
 *
 *     manikin_policy: 1
 *     title: release to partners
 *     gate:
 *       - max_attack_auc.high <= 0.6
 *       - exact_copies <= 0
 *
 * Grammar of a threshold: gate.h. */
#ifndef MNK_EVIDENCE_POLICY_H
#define MNK_EVIDENCE_POLICY_H

#include "evidence/gate.h"

typedef struct mnk_policy {
    mnk_arena *arena;
    const char *name, *title; /* of the file; "" without a title */
    char hash[73];            /* of its bytes */
    mnk_gate_rule rule[MNK_GATES_MAX];
    size_t rules; /* at least one */
} mnk_policy;

/* MNK_ERR_INPUT, naming file:line:column: not YAML, unknown key, no threshold, not a threshold. MNK_ERR_VERSION: newer. */
mnk_status mnk_policy_read(const char *path, mnk_policy *out, mnk_error *err) MNK_CHECK;
/* The same from memory. */
mnk_status mnk_policy_parse(const char *text, size_t n, const char *name, mnk_policy *out, mnk_error *err) MNK_CHECK;
/* The same from a title (NULL: none) and thresholds: read from the text of the policy file that says this, so that its hash is
 * that file's. */
mnk_status mnk_policy_of(const char *title, const char *const *rule, size_t rules, const char *name, mnk_policy *out,
                         mnk_error *err) MNK_CHECK;
void mnk_policy_close(mnk_policy *p);

/* Judges r by the policy: gate[p->rules], and a metric of group "gate" for each, with value, the reference "threshold" and the
 * verdict "met" or "not met" (note: the threshold as written, and why it could not be measured). */
mnk_status mnk_policy_judge(const mnk_policy *p, mnk_result *r, mnk_gate *gate, mnk_error *err) MNK_CHECK;

#endif
