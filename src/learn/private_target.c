#include "learn/private_target.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"

mnk_status mnk_private_target_check(const mnk_private_target *t, size_t people, mnk_error *err) {
    if (t->epsilon == 0 || t->delta == 0) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "private training needs %s",
                                     t->epsilon == 0 ? "an epsilon above 0" : "a delta above 0");
        mnk_error_hint(err, "state both, for instance --epsilon 1 --delta %.0e", fmin(1e-6, 0.1 / (double)(people + 1)));
        return status;
    }
    return mnk_privacy_check_target(t->epsilon, t->delta, people, err);
}

mnk_status mnk_private_ledger_open(const mnk_private_target *t, const char *model_path, const mnk_ledger_setup *setup,
                                   uint64_t seed, const mnk_observer *observer, mnk_ledger **out, mnk_error *err) {
    mnk_text path = {0};
    mnk_ledger_setup own = *setup;
    own.is_reproducible = t->reproducible, own.test_seed = seed;
    *out = NULL;
    mnk_text_printf(&path, "%s.ledger", model_path);
    if (path.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_status status = mnk_ledger_open(path.s, &own, t->resume, out, err);
    mnk_text_clear(&path);
    if (status == MNK_OK) status = mnk_ledger_begin_run(*out, "training", err);
    if (t->reproducible)
        mnk_observe_log(observer, MNK_LOG_WARNING, "NOT PRIVATE: the noise comes from --seed and can be repeated");
    return status;
}

/* ---- calibrating ---- */

mnk_status mnk_private_nothing_left(const mnk_private_target *t, const mnk_ledger *l, mnk_error *err) {
    mnk_guarantee g;
    MNK_TRY(mnk_ledger_guarantee(mnk_ledger_state(l), NULL, t->delta, &g, err));
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT, "the ledger has spent epsilon %.4g already; nothing is left of %g", g.epsilon, t->epsilon);
    mnk_error_hint(err, "what was spent stays spent, also by runs that were stopped: a larger --epsilon, or other data");
    return status;
}

mnk_status mnk_private_calibrate(const mnk_private_target *t, const mnk_ledger *l, const mnk_mechanisms *plan, double *factor,
                                 mnk_error *err) {
    const mnk_ledger_book *book = mnk_ledger_state(l);
    double low = -14, high = 24; /* powers of two */
    mnk_guarantee g;
    if (book->spent.n == 0) return mnk_privacy_noise(plan, t->epsilon, t->delta, factor, &g, err);
    MNK_TRY(mnk_ledger_guarantee(book, NULL, t->delta, &g, err));
    if (g.epsilon > (1 - MNK_PRIVATE_LEAST_LEFT) * t->epsilon) return mnk_private_nothing_left(t, l, err);
    while (high - low > 1e-5) {
        mnk_mechanisms scaled;
        double middle = 0.5 * (low + high);
        MNK_TRY(mnk_mechanisms_scaled(plan, exp2(middle), &scaled, err));
        mnk_status status = mnk_ledger_guarantee(book, &scaled, t->delta, &g, err);
        mnk_mechanisms_clear(&scaled);
        if (status != MNK_OK) return status;
        if (g.epsilon <= t->epsilon) high = middle;
        else low = middle;
    }
    *factor = exp2(high);
    return MNK_OK;
}

/* ---- stating ---- */

static const char *difference(const mnk_guarantee *g) {
    return g->neighbours == MNK_REPLACE_ONE ? "one person replaced by another" : "one person more or less";
}

mnk_status mnk_private_guarantee(const mnk_private_target *t, const mnk_ledger *l, mnk_guarantee *out, mnk_error *err) {
    MNK_TRY(mnk_ledger_guarantee(mnk_ledger_state(l), NULL, t->delta, out, err));
    if (out->epsilon <= t->epsilon * (1 + 1e-6)) return MNK_OK;
    return MNK_FAIL(err, MNK_ERR_FAILED, "internal error: epsilon %.9g was spent, %g was allowed", out->epsilon, t->epsilon);
}

void mnk_private_write(const mnk_private_target *t, const mnk_guarantee *g, mnk_json *j) {
    if (g->not_private) mnk_json_string(j, "stamp", MNK_LEDGER_STAMP);
    mnk_json_double(j, "epsilon", g->epsilon);
    mnk_json_double(j, "delta", g->delta);
    mnk_json_double(j, "epsilon_allowed", t->epsilon);
    mnk_json_string(j, "method", g->method);
    mnk_json_string(j, "unit", "person");
    mnk_json_string(j, "neighbours", difference(g));
}

void mnk_private_line(const mnk_guarantee *g, const mnk_ledger *l, char *out, size_t size) {
    snprintf(out, size, "%sdifferential privacy, epsilon %.4g, delta %.3g, %s; ledger %s",
             g->not_private ? "NOT PRIVATE (reproducible noise, for tests): " : "", g->epsilon, g->delta,
             g->neighbours == MNK_REPLACE_ONE ? "a person replaced by another" : "a person more or less",
             mnk_ledger_state(l)->id);
}
