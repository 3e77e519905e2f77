#include <math.h>
#include <stdlib.h>

#include "evidence/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes give a policy with thresholds that can be judged, or an error with a message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_policy p;
    mnk_gate gate[MNK_GATES_MAX];
    mnk_result *r;
    if (mnk_policy_parse((const char *)data, size, "fuzz.yaml", &p, &err) != MNK_OK) {
        if (!err.message[0] || p.arena) abort();
        return 0;
    }
    if (p.rules < 1 || p.rules > MNK_GATES_MAX) abort();
    if (mnk_result_open("audit", 1, &r, &err) != MNK_OK) return 0;
    mnk_metric *m = mnk_result_add_metric(r, "exact_copies", "authenticity");
    if (m) m->value = 0;
    if (mnk_policy_judge(&p, r, gate, &err) != MNK_OK) abort();
    for (size_t i = 0; i < p.rules; i++)
        if (isnan(gate[i].value) && gate[i].met) abort(); /* what was not measured is not met */
    mnk_result_close(r);
    mnk_policy_close(&p);
    return 0;
}
