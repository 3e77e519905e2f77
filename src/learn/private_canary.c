#include "learn/private_canary.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "privacy/audit.h"
#include "privacy/noise.h"

/* ---- the audit ---- */

static const double LEVEL = 0.95;

mnk_status mnk_canaries_toss(size_t n, bool reproducible, uint64_t seed, double **memory, mnk_error *err) {
    mnk_noise source; /* of its own: the ledger's draws for permits alone */
    if (n < 20) return MNK_FAIL(err, MNK_ERR_USAGE, "%zu canaries show nothing: 20 or more", n);
    MNK_TRY(MNK_NEW(*memory, 2 * n, err));
    if (reproducible) mnk_noise_open_reproducible(seed ^ 0x63616e617279, &source);
    else mnk_noise_open(&source);
    for (size_t i = 0; i < n; i++) (*memory)[n + i] = mnk_noise_bernoulli(&source, 1, 2);
    mnk_noise_close(&source);
    return MNK_OK;
}

typedef struct verdict {
    size_t canaries, guesses, correct;
    double delta, bound; /* epsilon is at least `bound`, with confidence LEVEL */
} verdict;

typedef struct scored {
    double score;
    bool is_in;
    size_t canary;
} scored;

static int descending(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->canary > y->canary) - (x->canary < y->canary);
}

/* Guesses "in" for the first `high` of the order, "out" for the last `low`. */
static void guess(const scored *order, size_t high, size_t low, verdict *v) {
    size_t correct = 0;
    for (size_t k = 0; k < high; k++) correct += order[k].is_in;
    for (size_t k = 0; k < low; k++) correct += !order[v->canaries - 1 - k].is_in;
    const double bound = mnk_audit_one_run(v->canaries, high + low, correct, v->delta, 1 - (1 - LEVEL) / 2);
    if (v->guesses > 0 && bound <= v->bound) return;
    v->guesses = high + low, v->correct = correct, v->bound = bound;
}

static void write_verdict(const verdict *v, double claimed, mnk_json *j) {
    mnk_json_object(j, "audit");
    mnk_json_double(j, "epsilon_at_least", v->bound);
    mnk_json_double(j, "level", LEVEL);
    mnk_json_double(j, "epsilon_claimed", claimed);
    mnk_json_uint(j, "canaries", v->canaries);
    mnk_json_uint(j, "guesses", v->guesses);
    mnk_json_uint(j, "correct", v->correct);
    mnk_json_end_object(j);
}

static mnk_status refuted(const verdict *v, double claimed, mnk_error *err) {
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_GATE,
                 "the canaries refute the guarantee: epsilon is at least %.4g (%.0f %% confidence), not %.4g; %zu "
                 "of %zu guesses were right",
                 v->bound, 100 * LEVEL, claimed, v->correct, v->guesses);
    mnk_error_hint(err, "the private training of this build is at fault: no model was written; please report it");
    return status;
}

mnk_status mnk_canaries_judge(const double *memory, size_t n, bool replaces, const mnk_guarantee *claimed, mnk_json *j,
                              const mnk_observer *observer, mnk_error *err) {
    const size_t few = (n + 49) / 50;
    verdict v = {.canaries = n, .delta = claimed->delta};
    scored *order;
    MNK_TRY(MNK_NEW(order, n, err));
    for (size_t i = 0; i < n; i++) order[i] = (scored){memory[i], memory[n + i] > 0.5, i};
    qsort(order, n, sizeof *order, descending);
    guess(order, n / 10, n / 10, &v);
    guess(order, replaces ? (few + 1) / 2 : few, replaces ? (few + 1) / 2 : 0, &v);
    mnk_free(order);
    write_verdict(&v, claimed->epsilon, j);
    mnk_observe_log(observer, MNK_LOG_INFO,
                    "canaries: %zu of %zu guesses right, so epsilon is at least %.4g (%.0f %%); claimed: %.4g", v.correct,
                    v.guesses, v.bound, 100 * LEVEL, claimed->epsilon);
    return v.bound <= claimed->epsilon ? MNK_OK : refuted(&v, claimed->epsilon, err);
}

/* ---- canaries of gradients ---- */

/* Different coordinates by Floyd's sampling would need a set; the canaries are few against the coordinates or all of them are
 * shuffled. */
static mnk_status choose_places(mnk_canaries *c, size_t coordinates, uint64_t seed, mnk_error *err) {
    size_t *all;
    mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_CANARY, 0, 0);
    MNK_TRY(MNK_NEW(all, coordinates, err));
    mnk_rng_permutation(&rng, all, coordinates);
    for (size_t i = 0; i < c->n; i++) {
        c->place[i] = all[i];
        c->direction[i] = mnk_rng_u32(&rng) & 1 ? 1 : -1;
    }
    mnk_free(all);
    return MNK_OK;
}

mnk_status mnk_canaries_open(size_t n, size_t coordinates, bool replaces, bool reproducible, uint64_t seed, mnk_canaries *out,
                             mnk_error *err) {
    mnk_status status = MNK_OK;
    *out = (mnk_canaries){.n = n, .replaces = replaces};
    if (n > coordinates)
        return MNK_FAIL(err, MNK_ERR_USAGE, "%zu canaries, but the gradient has %zu numbers only", n, coordinates);
    MNK_OUT(mnk_canaries_toss(n, reproducible, seed, &out->memory, err));
    MNK_OUT(MNK_NEW(out->place, n, err));
    MNK_OUT(MNK_NEW(out->direction, n, err));
    MNK_OUT(choose_places(out, coordinates, seed, err));
out:
    if (status != MNK_OK) mnk_canaries_close(out);
    return status;
}

void mnk_canaries_close(mnk_canaries *c) {
    mnk_free(c->place);
    mnk_free(c->direction);
    mnk_free(c->memory);
    *c = (mnk_canaries){0};
}

void mnk_canaries_add(const mnk_canaries *c, const uint32_t *drawn, size_t n, uint32_t first, double length, float *sum) {
    for (size_t k = 0; k < n; k++) {
        const size_t i = drawn[k] - first;
        const bool is_in = c->memory[c->n + i] > 0.5;
        if (is_in) sum[c->place[i]] += c->direction[i] * (float)length;
        else if (c->replaces) sum[c->place[i]] -= c->direction[i] * (float)length;
    }
}

void mnk_canaries_look(mnk_canaries *c, const float *released) {
    for (size_t i = 0; i < c->n; i++) c->memory[i] += (double)(c->direction[i] * released[c->place[i]]);
}
