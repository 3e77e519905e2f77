/* Who is attacked, which records belong to one person, and subsets of them; running the attacks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"
#include "math/sweep.h"
#include "privacy/attacks/judge.h"

/* Numbers of the persons of some rows, from `first` on. */
static mnk_status number_units(const int32_t *person, const size_t *row, size_t n, int32_t *unit, size_t *next,
                               mnk_error *err) {
    int32_t most = -1, *number = NULL;
    for (size_t i = 0; i < n && person; i++)
        if (person[row[i]] > most) most = person[row[i]];
    MNK_TRY(MNK_NEW(number, (size_t)(most + 1) + 1, err));
    for (size_t i = 0; i < n; i++) {
        const int32_t p = person ? person[row[i]] : -1;
        if (p >= 0 && number[p]) unit[i] = number[p] - 1;
        else unit[i] = (int32_t)(*next)++;
        if (p >= 0) number[p] = unit[i] + 1;
    }
    mnk_free(number);
    return MNK_OK;
}

mnk_status mnk_attack_targets_open(const int32_t *member_person, const size_t *member_row, size_t members,
                                   const int32_t *other_person, const size_t *other_row, size_t others, mnk_attack_targets *out,
                                   mnk_error *err) {
    *out = (mnk_attack_targets){.members = members, .others = others};
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(out->unit, members + others, err));
    MNK_OUT(MNK_NEW(out->row, members, err));
    memcpy(out->row, member_row, members * sizeof *out->row);
    MNK_OUT(number_units(member_person, member_row, members, out->unit, &out->units, err));
    MNK_OUT(number_units(other_person, other_row, others, out->unit + members, &out->units, err));
out:
    if (status != MNK_OK) mnk_attack_targets_close(out);
    return status;
}

mnk_status mnk_attack_targets_add(mnk_attack_targets *t, const char *name, uint8_t **in, mnk_error *err) {
    mnk_attack_subset *list = mnk_grow(t->subset, t->subsets, sizeof *list);
    if (!list) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a subset");
    t->subset = list;
    list[t->subsets] = (mnk_attack_subset){.in = NULL};
    snprintf(list[t->subsets].name, sizeof list->name, "%.63s", name);
    MNK_TRY(MNK_NEW(list[t->subsets].in, t->members + t->others, err));
    *in = list[t->subsets++].in;
    return MNK_OK;
}

/* The records that an attacker would choose: the tenth that is farthest from its nearest reference record (after Meeus
 * et al. 2023). */
mnk_status mnk_attack_isolated(mnk_attack_targets *t, const mnk_attack_problem *p, mnk_error *err) {
    const size_t n = t->members + t->others;
    mnk_cross cross = {0};
    double *far = NULL, *sorted = NULL;
    uint8_t *in = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(far, n, err));
    MNK_OUT(MNK_NEW(sorted, n, err));
    MNK_OUT(mnk_sweep_cross(&p->points[MNK_SIDE_REFERENCE], &p->points[MNK_SIDE_TARGET], NULL, &cross, err));
    for (size_t i = 0; i < n; i++) sorted[i] = far[i] = (double)cross.nearest_b2[i];
    const double limit = mnk_quantile(sorted, n, 0.9);
    MNK_OUT(mnk_attack_targets_add(t, "isolated", &in, err));
    for (size_t i = 0; i < n; i++) in[i] = far[i] >= limit;
out:
    mnk_cross_close(&cross);
    mnk_free(far);
    mnk_free(sorted);
    return status;
}

void mnk_attack_targets_close(mnk_attack_targets *t) {
    if (!t) return;
    for (size_t k = 0; k < t->subsets; k++) mnk_free(t->subset[k].in);
    mnk_free(t->subset);
    mnk_free(t->unit);
    mnk_free(t->row);
    *t = (mnk_attack_targets){0};
}

mnk_status mnk_attack_scores_open(const mnk_attack_problem *p, const mnk_observer *observer, mnk_attack_scores *out,
                                  mnk_error *err) {
    const size_t n = p->points[MNK_SIDE_TARGET].n;
    *out = (mnk_attack_scores){0};
    mnk_status status = MNK_OK;
    for (const mnk_attack *a = mnk_attacks; a->id; a++) {
        if (!mnk_attack_applies(a, p)) continue;
        mnk_observe_progress(observer, "attack", (double)out->attacks, 0, a->id);
        if (mnk_observe_stopped(observer)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while attacking"));
        double **score = &out->score[out->attacks];
        out->attack[out->attacks++] = a;
        MNK_OUT(MNK_NEW(*score, n, err));
        MNK_OUT(a->score(p, *score, err));
        for (size_t i = 0; i < n; i++)
            if (!isfinite((*score)[i]))
                MNK_OUT(MNK_FAIL(err, MNK_ERR_FAILED, "attack %s: the score of record %zu is not finite", a->id, i));
    }
out:
    if (status != MNK_OK) mnk_attack_scores_close(out);
    return status;
}

void mnk_attack_scores_close(mnk_attack_scores *s) {
    if (!s) return;
    for (size_t k = 0; k < s->attacks; k++) mnk_free(s->score[k]);
    *s = (mnk_attack_scores){0};
}
