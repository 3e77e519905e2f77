#include "learn/private_canary.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "privacy/audit.h"
#include "privacy/noise.h"

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

static void toss_coins(mnk_canaries *c, bool reproducible, uint64_t seed) {
    mnk_noise source; /* of its own: the ledger's draws for permits alone */
    if (reproducible) mnk_noise_open_reproducible(seed ^ 0x63616e617279, &source);
    else mnk_noise_open(&source);
    for (size_t i = 0; i < c->n; i++) c->memory[c->n + i] = mnk_noise_bernoulli(&source, 1, 2);
    mnk_noise_close(&source);
}

mnk_status mnk_canaries_open(size_t n, size_t coordinates, bool replaces, bool reproducible, uint64_t seed, mnk_canaries *out,
                             mnk_error *err) {
    mnk_status status = MNK_OK;
    *out = (mnk_canaries){.n = n, .replaces = replaces};
    if (n < 20) return MNK_FAIL(err, MNK_ERR_USAGE, "%zu canaries show nothing: 20 or more", n);
    if (n > coordinates)
        return MNK_FAIL(err, MNK_ERR_USAGE, "%zu canaries, but the gradient has %zu numbers only", n, coordinates);
    MNK_OUT(MNK_NEW(out->place, n, err));
    MNK_OUT(MNK_NEW(out->direction, n, err));
    MNK_OUT(MNK_NEW(out->memory, 2 * n, err));
    MNK_OUT(choose_places(out, coordinates, seed, err));
    toss_coins(out, reproducible, seed);
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

/* ---- the audit ---- */

typedef struct scored {
    double score;
    size_t canary;
} scored;

static int descending(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->canary > y->canary) - (x->canary < y->canary);
}

/* Guesses "in" for the first `high` of the order, "out" for the last `low`. */
static void guess(const mnk_canaries *c, const scored *order, size_t high, size_t low, mnk_canary_verdict *v) {
    size_t correct = 0;
    for (size_t k = 0; k < high; k++) correct += c->memory[c->n + order[k].canary] > 0.5;
    for (size_t k = 0; k < low; k++) correct += c->memory[c->n + order[c->n - 1 - k].canary] < 0.5;
    const double bound = mnk_audit_one_run(c->n, high + low, correct, v->delta, 1 - (1 - v->level) / 2);
    if (v->guesses > 0 && bound <= v->bound) return;
    v->guesses = high + low, v->correct = correct, v->bound = bound;
}

mnk_status mnk_canaries_judge(const mnk_canaries *c, double delta, double level, mnk_canary_verdict *out, mnk_error *err) {
    scored *order;
    *out = (mnk_canary_verdict){.canaries = c->n, .level = level, .delta = delta};
    MNK_TRY(MNK_NEW(order, c->n, err));
    for (size_t i = 0; i < c->n; i++) order[i] = (scored){c->memory[i], i};
    qsort(order, c->n, sizeof *order, descending);
    const size_t few = (c->n + 49) / 50;
    guess(c, order, c->n / 10, c->n / 10, out);
    guess(c, order, c->replaces ? (few + 1) / 2 : few, c->replaces ? (few + 1) / 2 : 0, out);
    mnk_free(order);
    return MNK_OK;
}

void mnk_canary_verdict_write(const mnk_canary_verdict *v, double claimed, mnk_json *j, const char *key) {
    mnk_json_object(j, key);
    mnk_json_double(j, "epsilon_at_least", v->bound);
    mnk_json_double(j, "level", v->level);
    mnk_json_double(j, "epsilon_claimed", claimed);
    mnk_json_uint(j, "canaries", v->canaries);
    mnk_json_uint(j, "guesses", v->guesses);
    mnk_json_uint(j, "correct", v->correct);
    mnk_json_end_object(j);
}

mnk_status mnk_canary_verdict_check(const mnk_canary_verdict *v, double claimed, mnk_error *err) {
    if (v->bound <= claimed) return MNK_OK;
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_GATE,
                 "the canaries refute the guarantee: epsilon is at least %.4g (%.0f %% confidence), not %.4g; %zu "
                 "of %zu guesses were right",
                 v->bound, 100 * v->level, claimed, v->correct, v->guesses);
    mnk_error_hint(err, "the private training of this build is at fault: no model was written; please report it");
    return status;
}
