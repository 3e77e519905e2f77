#include "learn/table/private/budget.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
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
    if (c->epsilon == 0 || c->delta == 0) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "a private generator needs %s",
                                     c->epsilon == 0 ? "an epsilon above 0" : "a delta above 0");
        mnk_error_hint(err, "state both, for instance --epsilon 1 --delta %.0e", fmin(1e-6, 0.1 / (double)(t->persons + 1)));
        return status;
    }
    MNK_TRY(mnk_privacy_check_target(c->epsilon, c->delta, t->persons, err));
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

mnk_status mnk_budget_open(const mnk_table *t, const char *generator, const mnk_private_config *c, mnk_fit_context *context,
                           mnk_budget *out, mnk_error *err) {
    char facts[256];
    mnk_text path = {0};
    *out = (mnk_budget){.config = c};
    snprintf(facts, sizeof facts, "%s; at most %lld row%s a person%s",
             c->public_schema ? "levels and bounds: of the data, declared public (--public-schema)"
                              : "levels and bounds: of the schema",
             t->person ? (long long)c->rows_per_person : 1LL, t->person && c->rows_per_person > 1 ? "s" : "",
             t->person ? "" : " (every row is a person)");
    MNK_TRY(choose_rows(t, (size_t)c->rows_per_person, out, err));
    say_what_is_left_out(t, out, context->observer);
    mnk_text_printf(&path, "%s.ledger", context->model_path);
    if (path.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_ledger_setup setup = {.neighbours = MNK_ADD_REMOVE,
                              .generator = generator,
                              .data_hash = *t->hash ? t->hash : NULL,
                              .public_facts = facts,
                              .is_reproducible = c->reproducible,
                              .test_seed = context->seed};
    mnk_status status = mnk_ledger_open(path.s, &setup, c->resume, &context->ledger, err);
    mnk_text_clear(&path);
    out->ledger = context->ledger;
    if (status == MNK_OK) status = mnk_ledger_begin_run(out->ledger, "training", err);
    if (c->reproducible)
        mnk_observe_log(context->observer, MNK_LOG_WARNING, "NOT PRIVATE: the noise comes from --seed and can be repeated");
    return status;
}

void mnk_budget_close(mnk_budget *b) { mnk_free(b->row); }

/* ---- calibrating ---- */

/* Less than this share of epsilon (or rho) is no budget: the model would be noise, and its ledger look as if it were one. */
static const double LEAST_LEFT = 0.02;

static mnk_status nothing_left(const mnk_budget *b, mnk_error *err) {
    mnk_guarantee g;
    MNK_TRY(mnk_ledger_guarantee(mnk_ledger_state(b->ledger), NULL, b->config->delta, &g, err));
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "the ledger has spent epsilon %.4g already; nothing is left of %g",
                                 g.epsilon, b->config->epsilon);
    mnk_error_hint(err, "what was spent stays spent, also by runs that were stopped: a larger --epsilon, or other data");
    return status;
}

mnk_status mnk_budget_calibrate(const mnk_budget *b, const mnk_mechanisms *plan, double *factor, mnk_error *err) {
    const mnk_ledger_book *book = mnk_ledger_state(b->ledger);
    const double epsilon = b->config->epsilon, delta = b->config->delta;
    double low = -14, high = 24; /* powers of two */
    mnk_guarantee g;
    if (book->spent.n == 0) return mnk_privacy_noise(plan, epsilon, delta, factor, &g, err);
    MNK_TRY(mnk_ledger_guarantee(book, NULL, delta, &g, err));
    if (g.epsilon > (1 - LEAST_LEFT) * epsilon) return nothing_left(b, err);
    while (high - low > 1e-5) {
        mnk_mechanisms scaled;
        double middle = 0.5 * (low + high);
        MNK_TRY(mnk_mechanisms_scaled(plan, exp2(middle), &scaled, err));
        mnk_status status = mnk_ledger_guarantee(book, &scaled, delta, &g, err);
        mnk_mechanisms_clear(&scaled);
        if (status != MNK_OK) return status;
        if (g.epsilon <= epsilon) high = middle;
        else low = middle;
    }
    *factor = exp2(high);
    return MNK_OK;
}

mnk_status mnk_budget_rho(const mnk_budget *b, double *rho, mnk_error *err) {
    const double all = mnk_zcdp_rho(b->config->epsilon, b->config->delta);
    *rho = all * (1 - 1e-9) - mnk_ledger_rho(mnk_ledger_state(b->ledger));
    return *rho > LEAST_LEFT * all ? mnk_ledger_bound(b->ledger, all * (1 - 1e-10), err) : nothing_left(b, err);
}

mnk_status mnk_budget_measure(mnk_permit *p, const int64_t *count, size_t cells, double *noisy, mnk_error *err) {
    int64_t *own;
    MNK_TRY(MNK_NEW(own, cells + 1, err));
    memcpy(own, count, cells * sizeof *own);
    mnk_status status = mnk_permit_discrete_gaussian(p, own, cells, err);
    for (size_t i = 0; status == MNK_OK && i < cells; i++) noisy[i] = (double)own[i];
    mnk_free(own);
    return status;
}

/* ---- stating ---- */

mnk_status mnk_budget_state(const mnk_budget *b, bool adaptive, double rows, mnk_fit_context *context, mnk_error *err) {
    const mnk_ledger_book *book = mnk_ledger_state(b->ledger);
    mnk_guarantee g;
    mnk_json j = {.text = &context->guarantee, .compact = true};
    MNK_TRY(mnk_ledger_guarantee(book, NULL, b->config->delta, &g, err));
    if (g.epsilon > b->config->epsilon * (1 + 1e-6))
        return MNK_FAIL(err, MNK_ERR_FAILED, "internal error: epsilon %.9g was spent, %g was allowed", g.epsilon,
                        b->config->epsilon);
    if (adaptive) g.epsilon = b->config->epsilon, g.method = "zcdp filter"; /* also of a ledger begun in format 1 */
    mnk_json_object(&j, NULL);
    if (g.not_private) mnk_json_string(&j, "stamp", MNK_LEDGER_STAMP);
    mnk_json_double(&j, "epsilon", g.epsilon);
    mnk_json_double(&j, "delta", g.delta);
    mnk_json_double(&j, "epsilon_allowed", b->config->epsilon);
    mnk_json_string(&j, "method", g.method);
    mnk_json_string(&j, "unit", "person");
    mnk_json_int(&j, "rows_per_person", b->config->rows_per_person);
    mnk_json_string(&j, "neighbours", "one person more or less");
    mnk_ledger_emit(book, &j, "ledger");
    mnk_json_end_object(&j);
    if (context->guarantee.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: metadata");
    snprintf(context->privacy, sizeof context->privacy,
             "%sdifferential privacy, epsilon %.4g, delta %.3g, a person more or less; ledger %s",
             g.not_private ? "NOT PRIVATE (reproducible noise, for tests): " : "", g.epsilon, g.delta, book->id);
    context->rows = (size_t)fmax(1, round(rows));
    return MNK_OK;
}
