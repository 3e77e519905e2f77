#include "learn/table/private/budget.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "learn/private_canary.h"
#include "privacy/closed.h"

/* ---- what must be public ---- */

static bool is_open(const mnk_column *c) {
    if (!mnk_column_is_data(c)) return false;
    return c->is_open || (mnk_column_is_number(c) && !(isfinite(c->low) && isfinite(c->high)));
}

static mnk_status check_schema(const mnk_table *t, mnk_error *err) {
    const mnk_schema *s = t->schema;
    char names[240] = "";
    size_t n = 0;
    for (size_t c = 0; c < s->columns; c++) {
        if (!s->is_inferred && !is_open(&s->column[c])) continue;
        if (!mnk_column_is_data(&s->column[c])) continue;
        size_t at = strlen(names);
        if (n < 5) snprintf(names + at, sizeof names - at, "%s\"%.40s\"", n ? ", " : "", s->column[c].name);
        n++;
    }
    if (n == 0) return MNK_OK;
    mnk_status status =
        s->is_inferred ? MNK_FAIL(err, MNK_ERR_INPUT,
                                  "%.200s: its levels and bounds were inferred from the rows, and a private model would "
                                  "publish them: a level or an extreme that one person alone has would give that person away",
                                  t->source)
                       : MNK_FAIL(err, MNK_ERR_INPUT,
                                  "%.200s: %zu column%s take whatever the rows hold (open, or without bounds), and a private "
                                  "model would publish it: %s%s",
                                  t->source, n, n == 1 ? "" : "s", names, n > 5 ? ", …" : "");
    mnk_error_hint(
        err, "write levels and bounds into the schema from knowledge (manikin data TABLE proposes one; delete \"proposed: "
             "true\" when checked), or state with --public-schema that they are public as they are");
    return status;
}

mnk_status mnk_private_check(const mnk_table *t, const mnk_private_config *c, mnk_error *err) {
    MNK_TRY(mnk_private_target_check(&c->target, t->persons, err));
    return c->public_schema ? MNK_OK : check_schema(t, err);
}

/* ---- opening ---- */

/* Depends on a person's own rows alone: who else is in the table changes nothing. */
static mnk_status choose_rows(const mnk_table *t, size_t most, mnk_budget *b, mnk_error *err) {
    uint32_t *taken;
    if (t->n > UINT32_MAX) return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "%.200s: more than 2^32 rows", t->source);
    MNK_TRY(MNK_NEW(b->row, t->n + 1, err));
    MNK_TRY(MNK_NEW(taken, t->persons + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (!t->person || taken[t->person[i]]++ < most) b->row[b->rows++] = (uint32_t)i;
    mnk_free(taken);
    return MNK_OK;
}

static void say_what_is_left_out(const mnk_table *t, const mnk_budget *b, const mnk_observer *o) {
    if (!t->person)
        mnk_observe_log(o, MNK_LOG_WARNING,
                        "no column says whose a row is: every row is protected as a person of its own. If a person "
                        "may have several rows, name the column with --person");
    else if (b->rows < t->n)
        mnk_observe_log(o, MNK_LOG_INFO, "%zu of %zu rows take part, at most %lld a person (--rows-per-person)", b->rows, t->n,
                        (long long)b->config->rows_per_person);
}

static mnk_status make_canaries(mnk_budget *b, uint64_t seed, mnk_error *err) {
    const mnk_private_config *c = b->config;
    if (c->noise_fault > 0 && !c->target.reproducible)
        return MNK_FAIL(err, MNK_ERR_USAGE, "seeded faults are for tests with reproducible noise");
    if (c->canaries == 0) return MNK_OK;
    MNK_TRY(mnk_row_canaries_open((size_t)c->canaries, b->axes, c->target.reproducible, seed, &b->canaries, err));
    mnk_observe_log(b->observer, MNK_LOG_WARNING,
                    "a run for audit, not for release: about half of %lld made-up persons are rows of this model. Train the "
                    "one to be released without --canaries",
                    (long long)c->canaries);
    return MNK_OK;
}

mnk_status mnk_budget_open(const mnk_table *t, const mnk_axes *axes, const char *generator, const mnk_private_config *c,
                           mnk_fit_context *context, mnk_budget *out, mnk_error *err) {
    char facts[256], made_up[64] = "";
    *out = (mnk_budget){.config = c, .axes = axes, .observer = context->observer};
    if (c->canaries) snprintf(made_up, sizeof made_up, "; beside them %lld canaries", (long long)c->canaries);
    snprintf(facts, sizeof facts, "%s; at most %lld row%s a person%s%s",
             c->public_schema ? "levels and bounds: of the data, declared public (--public-schema)"
                              : "levels and bounds: of the schema",
             t->person ? (long long)c->rows_per_person : 1LL, t->person && c->rows_per_person > 1 ? "s" : "",
             t->person ? "" : " (every row is a person)", made_up);
    MNK_TRY(make_canaries(out, context->seed, err));
    MNK_TRY(choose_rows(t, (size_t)c->rows_per_person, out, err));
    say_what_is_left_out(t, out, context->observer);
    const mnk_ledger_setup setup = {
        .neighbours = MNK_ADD_REMOVE, .generator = generator, .data_hash = *t->hash ? t->hash : NULL, .public_facts = facts};
    mnk_status status = mnk_private_ledger_open(&c->target, context->model_path, &setup, context->seed, context->observer,
                                                &context->ledger, err);
    out->ledger = context->ledger;
    return status;
}

void mnk_budget_close(mnk_budget *b) {
    mnk_row_canaries_close(&b->canaries);
    mnk_free(b->row);
}

mnk_status mnk_budget_rows(const mnk_budget *b, const mnk_table *t, mnk_rows *out, mnk_error *err) {
    MNK_TRY(mnk_rows_open(b->axes, t, b->row, b->rows, out, err));
    return b->canaries.n ? mnk_row_canaries_join(&b->canaries, out, err) : MNK_OK;
}

/* ---- calibrating ---- */

mnk_status mnk_budget_calibrate(const mnk_budget *b, const mnk_mechanisms *plan, double *factor, mnk_error *err) {
    return mnk_private_calibrate(&b->config->target, b->ledger, plan, factor, err);
}

mnk_status mnk_budget_rho(const mnk_budget *b, double *rho, mnk_error *err) {
    const double all = mnk_zcdp_rho(b->config->target.epsilon, b->config->target.delta);
    *rho = all * (1 - 1e-9) - mnk_ledger_rho(mnk_ledger_state(b->ledger));
    return *rho > MNK_PRIVATE_LEAST_LEFT * all ? mnk_ledger_bound(b->ledger, all * (1 - 1e-10), err)
                                               : mnk_private_nothing_left(&b->config->target, b->ledger, err);
}

mnk_status mnk_budget_measure(mnk_budget *b, mnk_permit *p, const mnk_axis_set *set, const int64_t *count, size_t cells,
                              double *noisy, mnk_error *err) {
    const double fault = b->config->noise_fault;
    int64_t *own;
    MNK_TRY(MNK_NEW(own, cells + 1, err));
    memcpy(own, count, cells * sizeof *own);
    mnk_status status = mnk_permit_discrete_gaussian(p, own, cells, err);
    for (size_t i = 0; status == MNK_OK && i < cells; i++) noisy[i] = (double)own[i];
    for (size_t i = 0; fault > 0 && i < cells; i++) noisy[i] = (double)count[i] + (noisy[i] - (double)count[i]) / fault;
    if (status == MNK_OK && b->canaries.n) status = mnk_row_canaries_look(&b->canaries, b->axes, set, count, noisy, cells, err);
    mnk_free(own);
    return status;
}

/* ---- stating ---- */

mnk_status mnk_budget_state(const mnk_budget *b, bool adaptive, double rows, mnk_fit_context *context, mnk_error *err) {
    mnk_guarantee g;
    mnk_json j = {.text = &context->guarantee, .compact = true};
    MNK_TRY(mnk_private_guarantee(&b->config->target, b->ledger, &g, err));
    if (adaptive) g.epsilon = b->config->target.epsilon, g.method = "zcdp filter"; /* also of a ledger begun in format 1 */
    mnk_json_object(&j, NULL);
    mnk_private_write(&b->config->target, &g, &j);
    mnk_json_int(&j, "rows_per_person", b->config->rows_per_person);
    if (b->canaries.n) {
        mnk_json_bool(&j, "for_release", false);
        MNK_TRY(mnk_canaries_judge(b->canaries.memory, b->canaries.n, false, &g, &j, b->observer, err));
    }
    mnk_ledger_emit(mnk_ledger_state(b->ledger), &j, "ledger");
    mnk_json_end_object(&j);
    if (context->guarantee.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: metadata");
    mnk_private_line(&g, b->ledger, context->privacy, sizeof context->privacy);
    const size_t used = strlen(context->privacy);
    if (b->canaries.n)
        snprintf(context->privacy + used, sizeof context->privacy - used,
                 "; NOT FOR RELEASE: an audit with %zu made-up persons", b->canaries.n);
    context->rows = (size_t)fmax(1, round(rows));
    return MNK_OK;
}
