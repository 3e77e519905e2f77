/* Thresholds set before the run, METRIC[/ENCODING[/SUBSET]][.low|.high] OP NUMBER: those of a study and of a policy file. */
#ifndef MNK_EVIDENCE_GATE_H
#define MNK_EVIDENCE_GATE_H

#include "base/mem.h"
#include "manikin/evidence.h"

enum { MNK_GATES_MAX = 64 };

typedef struct mnk_gate_rule { /* "coverage/scatter[/class][.low|.high] >= 0.5" */
    const char *text, *id, *encoding, *subset;
    int part; /* 0 value, 'l' low, 'h' high */
    char op;  /* '>', '<', 'G' (>=), 'L' (<=) */
    double threshold;
} mnk_gate_rule;

/* Texts live in the arena; `text` itself is kept as it is. MNK_ERR_USAGE with the grammar as hint. */
mnk_status mnk_gate_parse(const char *text, mnk_arena *arena, mnk_gate_rule *out, mnk_error *err) MNK_CHECK;
/* Looks the metric up in the results (in this order; NULL ones are skipped) and compares. What was not or could not be measured
 * is not met. */
void mnk_gate_judge(const mnk_gate_rule *g, const mnk_result *const *results, size_t n, mnk_gate *out);
/* MNK_ERR_GATE when any of n is not met, naming the first and how many: "2 of 5 thresholds of WHOSE were not met: …". */
mnk_status mnk_gates_check(const mnk_gate *gate, size_t n, const char *whose, mnk_error *err) MNK_CHECK;

#endif
