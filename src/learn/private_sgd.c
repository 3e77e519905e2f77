#include "learn/private_sgd.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/private_canary.h"

enum { BLOCK = 100 };                     /* steps charged ahead */
static const double CANARY_LENGTH = 1000; /* raw norm over clip: only clipping makes a canary as short as a person */
static const double HAIR = 1e-5;          /* norms and sums are rounded: clipped by so much more */

struct mnk_private_sgd {
    mnk_private_sgd_setup setup;
    double rate, noise; /* of a unit; standard deviation */
    uint64_t taken;
    mnk_permit permit;
    bool in_step;
    uint32_t *member; /* [units + canaries] of the batch, ascending: canaries come last */
    size_t people, members;
    mnk_canaries canaries;
    float *joint; /* [n] where the gradient comes in parts */
};

static mnk_mechanism mechanism(const mnk_private_sgd *p, double noise, uint64_t count) {
    const double clip = p->setup.config->clip;
    return (mnk_mechanism){.kind = MNK_MECHANISM_GAUSSIAN,
                           .noise = noise,
                           .sensitivity = p->setup.neighbours == MNK_REPLACE_ONE ? 2 * clip : clip,
                           .sampling_rate = p->rate,
                           .count = count,
                           .what = "gradients"};
}

/* ---- opening ---- */

static mnk_status check(const mnk_private_sgd_setup *s, double rate, mnk_error *err) {
    if (!(s->config->clip > 0 && isfinite(s->config->clip)))
        return MNK_FAIL(err, MNK_ERR_USAGE, "clip %g: the norm to clip to must be above 0", s->config->clip);
    if (s->units == 0 || s->n == 0 || s->steps == 0)
        return MNK_FAIL(err, MNK_ERR_USAGE, "private training of %zu units, %zu numbers, %llu steps", s->units, s->n,
                        (unsigned long long)s->steps);
    if (!(s->batch > 0) || !(rate > 0 && rate <= 1)) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_USAGE, "batches of %g from %zu units: must be above 0, and no more than there are", s->batch,
                     s->units);
        mnk_error_hint(err, "a smaller --batch");
        return status;
    }
    if (s->units + (size_t)s->config->canaries > UINT32_MAX)
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "private training of %zu units", s->units);
    if (mnk_ledger_state(s->ledger)->spent.neighbours != s->neighbours)
        return MNK_FAIL(err, MNK_ERR_USAGE, "the ledger speaks of other neighbours than the training");
    if (s->fault != MNK_FAULT_NONE && !s->target->reproducible)
        return MNK_FAIL(err, MNK_ERR_USAGE, "seeded faults are for tests with reproducible noise");
    return MNK_OK;
}

static mnk_status find_noise(mnk_private_sgd *p, mnk_error *err) {
    mnk_mechanisms plan = {.neighbours = p->setup.neighbours};
    double factor = 0;
    const mnk_mechanism one = mechanism(p, p->setup.config->clip, p->setup.steps);
    MNK_TRY(mnk_mechanisms_add(&plan, &one, err));
    mnk_status status = mnk_private_calibrate(p->setup.target, p->setup.ledger, &plan, &factor, err);
    mnk_mechanisms_clear(&plan);
    p->noise = factor * p->setup.config->clip;
    return status;
}

mnk_status mnk_private_sgd_open(const mnk_private_sgd_setup *setup, mnk_private_sgd **out, mnk_error *err) {
    mnk_private_sgd *p = NULL;
    mnk_status status = MNK_OK;
    const double rate = setup->sampling_rate > 0 ? setup->sampling_rate : setup->batch / (double)setup->units;
    const size_t canaries = (size_t)setup->config->canaries;
    *out = NULL;
    MNK_TRY(check(setup, rate, err));
    MNK_TRY(MNK_NEW(p, 1, err));
    p->setup = *setup;
    p->rate = rate;
    MNK_OUT(MNK_NEW(p->member, setup->units + canaries, err));
    if (canaries)
        MNK_OUT(mnk_canaries_open(canaries, setup->n, setup->neighbours == MNK_REPLACE_ONE, setup->target->reproducible,
                                  setup->seed, &p->canaries, err));
    MNK_OUT(find_noise(p, err));
    mnk_observe_log(setup->observer, MNK_LOG_INFO,
                    "private training: %llu steps of %.4g expected, clip %g, noise multiplier %.4g, %zu canaries",
                    (unsigned long long)setup->steps, setup->batch, setup->config->clip, mnk_private_sgd_noise(p), canaries);
    *out = p;
    p = NULL;
out:
    mnk_private_sgd_close(p);
    return status;
}

void mnk_private_sgd_close(mnk_private_sgd *p) {
    if (!p) return;
    mnk_canaries_close(&p->canaries);
    mnk_free(p->member);
    mnk_free(p->joint);
    mnk_free(p);
}

double mnk_private_sgd_noise(const mnk_private_sgd *p) { return p->noise / p->setup.config->clip; }
double mnk_private_sgd_rate(const mnk_private_sgd *p) { return p->rate; }

/* ---- a step ---- */

static mnk_status charge(mnk_private_sgd *p, mnk_error *err) {
    const uint64_t left = p->setup.steps - p->taken;
    if (p->permit.left > 0) return MNK_OK;
    if (left == 0) return MNK_FAIL(err, MNK_ERR_FAILED, "all %llu steps were taken", (unsigned long long)p->setup.steps);
    const mnk_mechanism block = mechanism(p, p->noise, left < BLOCK ? left : BLOCK);
    return mnk_ledger_charge(p->setup.ledger, &block, &p->permit, err);
}

mnk_status mnk_private_sgd_batch(mnk_private_sgd *p, const uint32_t **unit, size_t *n, mnk_error *err) {
    *unit = p->member, *n = 0;
    if (p->in_step) return MNK_FAIL(err, MNK_ERR_FAILED, "the step before was not finished");
    MNK_TRY(charge(p, err));
    if (p->setup.fault != MNK_FAULT_SAME_BATCH || p->taken == 0) {
        MNK_TRY(mnk_permit_batch(&p->permit, p->setup.units + p->canaries.n, p->member, &p->members, err));
        for (p->people = p->members; p->people > 0 && p->member[p->people - 1] >= p->setup.units;) p->people--;
    }
    p->in_step = true;
    *n = p->people;
    return MNK_OK;
}

static double factor(const mnk_private_sgd *p, double norm2) {
    if (!isfinite(norm2)) return 0;
    if (p->setup.fault == MNK_FAULT_NO_CLIP) return 1;
    return fmin(1, p->setup.config->clip / (sqrt(norm2) * (1 + HAIR)));
}

void mnk_private_sgd_clip(const mnk_private_sgd *p, const double *norms2, size_t used, size_t slots, float *weight) {
    for (size_t i = 0; i < slots; i++) weight[i] = i < used ? (float)factor(p, norms2[i]) : 0;
}

static mnk_status release(mnk_private_sgd *p, float *sum, mnk_error *err) {
    const double clip = p->setup.config->clip, raw = CANARY_LENGTH * clip, batch = p->setup.batch;
    const size_t n = p->setup.n;
    if (p->canaries.n)
        mnk_canaries_add(&p->canaries, p->member + p->people, p->members - p->people, (uint32_t)p->setup.units,
                         raw * factor(p, raw * raw), sum);
    const float scale = p->setup.fault == MNK_FAULT_MEAN_NOISE ? (float)batch : 1; /* test only: noise / batch */
    for (size_t i = 0; scale != 1 && i < n; i++) sum[i] *= scale;
    MNK_TRY(mnk_permit_gaussian_f32(&p->permit, sum, n, err));
    for (size_t i = 0; scale != 1 && i < n; i++) sum[i] /= scale;
    if (p->canaries.n) mnk_canaries_look(&p->canaries, sum);
    const float share = (float)(1 / batch);
    for (size_t i = 0; i < n; i++) sum[i] *= share;
    return MNK_OK;
}

mnk_status mnk_private_sgd_finish(mnk_private_sgd *p, const mnk_gradient_part *part, int parts, mnk_error *err) {
    size_t n = 0;
    if (!p->in_step) return MNK_FAIL(err, MNK_ERR_FAILED, "no batch was drawn for this step");
    for (int i = 0; i < parts; i++) n += part[i].n;
    if (n != p->setup.n) return MNK_FAIL(err, MNK_ERR_FAILED, "a gradient of %zu numbers, not %zu", n, p->setup.n);
    if (parts > 1 && !p->joint) MNK_TRY(MNK_NEW_ALIGNED(p->joint, n, err));
    float *sum = parts > 1 ? p->joint : part[0].g;
    for (int i = 0, at = 0; parts > 1 && i < parts; at += (int)part[i].n, i++)
        memcpy(sum + at, part[i].g, part[i].n * sizeof *sum);
    MNK_TRY(release(p, sum, err));
    for (int i = 0, at = 0; parts > 1 && i < parts; at += (int)part[i].n, i++)
        memcpy(part[i].g, sum + at, part[i].n * sizeof *sum);
    p->in_step = false;
    p->taken++;
    return MNK_OK;
}

/* ---- the end ---- */

static void write_training(const mnk_private_sgd *p, mnk_json *j) {
    mnk_json_double(j, "clip", p->setup.config->clip);
    mnk_json_double(j, "noise_multiplier", mnk_private_sgd_noise(p));
    mnk_json_double(j, "sampling_rate", p->rate);
    mnk_json_double(j, "batch", p->setup.batch);
    mnk_json_uint(j, "steps", p->taken);
}

mnk_status mnk_private_sgd_state(mnk_private_sgd *p, mnk_json *j, char *line, size_t size, mnk_error *err) {
    mnk_guarantee g;
    MNK_TRY(mnk_private_guarantee(p->setup.target, p->setup.ledger, &g, err));
    mnk_private_write(p->setup.target, &g, j);
    write_training(p, j);
    if (p->canaries.n)
        MNK_TRY(mnk_canaries_judge(p->canaries.memory, p->canaries.n, p->canaries.replaces, &g, j, p->setup.observer, err));
    mnk_ledger_emit(mnk_ledger_state(p->setup.ledger), j, "ledger");
    mnk_private_line(&g, p->setup.ledger, line, size);
    return MNK_OK;
}

double *mnk_private_sgd_memory(mnk_private_sgd *p, size_t *n) {
    *n = 2 * p->canaries.n;
    return p->canaries.memory;
}
