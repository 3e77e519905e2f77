/* manikin privacy ledger FILE: checks and sums what was spent. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "data/images.h"
#include "privacy/ledger.h"
#include "privacy/mechanism.h"
#include "privacy_print.h"

typedef struct ledger_config {
    double delta, max_epsilon;
    const char *model;
} ledger_config;

/* clang-format off */
static const mnk_option table[] = {
    {"delta", 0, MNK_OPTION_REAL, offsetof(ledger_config, delta), "D", "0", 0, 0, NULL, "the delta of the sum; 0: 1/(10 n) where the ledger names n", false},
    {"model", 0, MNK_OPTION_PATH, offsetof(ledger_config, model), "FILE", NULL, 0, 0, NULL, "check that this is the model the ledger was bound to", false},
    {"max-epsilon", 0, MNK_OPTION_REAL, offsetof(ledger_config, max_epsilon), "E", "0", 0, 0, NULL, "exit 3 when more was spent, or the noise was reproducible; 0: no limit", false},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

static mnk_status choose_delta(const ledger_config *k, const mnk_ledger_book *b, double *delta, mnk_error *err) {
    *delta = k->delta != 0 ? k->delta : b->people > 1 ? 0.1 / (double)b->people : 0;
    if (*delta == 0) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_USAGE, "privacy ledger: --delta is missing, and the ledger names no number of people");
        mnk_error_hint(err, "--delta 1e-6; well below 1/people");
        return status;
    }
    return mnk_privacy_check_target(k->max_epsilon != 0 ? k->max_epsilon : 1, *delta, (size_t)b->people, err);
}

static double rho_of(const mnk_mechanisms *list) {
    double rho = 0;
    for (size_t i = 0; i < list->n; i++)
        rho += (double)list->item[i].count * mnk_mechanism_table[list->item[i].kind].rho(&list->item[i]);
    return rho;
}

/* A run's own epsilon beside its name (under a bound its share of the bound: no epsilon follows from it), its mechanisms below.
 */
static mnk_status print_run(const mnk_ledger_book *b, const mnk_ledger_run *run, double delta, mnk_error *err) {
    char shown[96];
    mnk_guarantee g;
    const char *name = *run->what ? mnk_printable(run->what, shown) : "(not named)";
    MNK_TRY(mnk_privacy_epsilon(&run->spent, delta, &g, err));
    if (b->bound_rho > 0) printf("run %-32s rho %.6g\n", name, rho_of(&run->spent));
    else printf("run %-32s epsilon %.6g\n", name, g.epsilon);
    for (size_t i = 0; i < run->spent.n; i++) {
        printf("  ");
        privacy_print_mechanism(stdout, &run->spent.item[i]);
    }
    return MNK_OK;
}

/* Format 1 could not say it. */
static bool may_be_adaptive(const mnk_ledger_book *b) {
    return b->version < 2 && b->bound_rho == 0 && strcmp(b->generator, "aim") == 0;
}

static mnk_status write_result(const cli_context *c, const mnk_ledger_book *b, const mnk_guarantee *g, mnk_error *err) {
    mnk_result *r = NULL;
    MNK_TRY(mnk_result_open("privacy ledger", 0, &r, err));
    (void)mnk_result_add_input(r, "ledger", c->operand[0], b->entries, mnk_ledger_head(b));
    mnk_metric *m = mnk_result_add_metric(r, "runs", "privacy");
    if (m) m->value = (double)b->runs;
    mnk_guarantee_report(g, r);
    if (b->bound_rho > 0) {
        mnk_guarantee list;
        if ((m = mnk_result_add_metric(r, "bound_rho", "privacy"))) m->value = b->bound_rho;
        if ((m = mnk_result_add_metric(r, "spent_rho", "privacy"))) m->value = mnk_ledger_rho(b);
        m = mnk_privacy_epsilon(&b->spent, g->delta, &list, err) == MNK_OK ? mnk_result_add_metric(r, "epsilon_list", "privacy")
                                                                           : NULL;
        if (m) {
            m->value = list.epsilon;
            snprintf(m->note, sizeof m->note,
                     "as if the list had been known beforehand: no guarantee, its entries were chosen by earlier answers");
        }
    }
    if (may_be_adaptive(b))
        mnk_result_add_warning(r,
                               "entries may have been chosen by earlier answers; the bound is not in this ledger (format 1)");
    mnk_status status = mnk_result_write(r, c->common.json, c->common.force, err);
    mnk_result_close(r);
    return status;
}

/* The entries of such a ledger depend on earlier answers: the guarantee is that of the bound fixed before them. */
static mnk_status print_bounded(const mnk_ledger_book *b, const mnk_guarantee *g, mnk_error *err) {
    mnk_guarantee list;
    if (g->not_private)
        printf("NOT PRIVATE: the noise was reproducible (a mode for tests); the numbers below promise nothing\n");
    printf("epsilon %.6g at delta %g, by the bound: zero-concentrated privacy, rho %.6g, of which %.6g was spent\n", g->epsilon,
           g->delta, b->bound_rho, mnk_ledger_rho(b));
    printf(
        "the entries were chosen one after the other by the answers to earlier ones, inside that rho, which was written down "
        "before them (a filter)\n");
    MNK_TRY(mnk_privacy_epsilon(&b->spent, g->delta, &list, err));
    printf("composed as if the list had been known beforehand: epsilon %.6g. That is no guarantee here\n", list.epsilon);
    printf("unit: a person; neighbours: one person %s\n",
           g->neighbours == MNK_ADD_REMOVE ? "added or removed" : "replaced by another");
    return MNK_OK;
}

static mnk_status run(cli_context *c, mnk_error *err) {
    const ledger_config *k = c->config;
    enum { SHOWN = 40 };
    mnk_ledger_book *b = NULL;
    mnk_guarantee g;
    char shown[96];
    double delta = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_ledger_read(c->operand[0], &b, err));
    if (k->model) MNK_OUT(mnk_ledger_check_model(b, k->model, err));
    MNK_OUT(choose_delta(k, b, &delta, err));
    MNK_OUT(mnk_ledger_guarantee(b, NULL, delta, &g, err));
    if (c->common.json) MNK_OUT(write_result(c, b, &g, err));
    printf("ledger %s: %zu entries, chain verified%s\n", b->id, b->entries,
           b->has_torn_tail ? " (a last line was never finished: its noise was not drawn)" : "");
    if (*b->generator) printf("generator %s", mnk_printable(b->generator, shown));
    if (b->people) printf("%s%llu people", *b->generator ? ", " : "", (unsigned long long)b->people);
    if (*b->public_facts) printf(", taken as public: %s", mnk_printable(b->public_facts, shown));
    printf("\n%s\n\n", k->model    ? "the model is the one bound"
                       : b->models ? "bound to a model (check it with --model)"
                                   : "bound to no model");
    for (size_t i = 0; i < b->runs && i < SHOWN; i++) MNK_OUT(print_run(b, &b->run[i], delta, err));
    if (b->runs > SHOWN) printf("and %zu more runs\n", b->runs - SHOWN);
    printf("\nall together: ");
    if (b->bound_rho > 0) MNK_OUT(print_bounded(b, &g, err));
    else privacy_print_guarantee(stdout, &g);
    if (may_be_adaptive(b))
        printf(
            "warning: aim chooses its entries by earlier answers, and this ledger (format 1) does not hold the bound it chose "
            "them within: the epsilon that counts is the one stated in the model\n");
    if (k->max_epsilon > 0 && g.epsilon > k->max_epsilon)
        status = MNK_FAIL(err, MNK_ERR_GATE, "%s: epsilon %.6g was spent, more than the %g allowed", c->operand[0], g.epsilon,
                          k->max_epsilon);
    else if (k->max_epsilon > 0 && g.not_private)
        status = MNK_FAIL(err, MNK_ERR_GATE, "%s: NOT PRIVATE: its noise was reproducible", c->operand[0]);
out:
    mnk_ledger_book_close(b);
    return status;
}

const cli_verb cli_verb_privacy_ledger = {
    .name = "privacy ledger",
    .group = "judge",
    .summary = "check a privacy ledger and sum what was spent, run by run",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .uses = "json force",
    .table = table,
    .config_size = sizeof(ledger_config),
    .examples =
        "manikin privacy ledger patients.model.ledger --delta 1e-6\n"
        "manikin privacy ledger patients.model.ledger --model patients.model --max-epsilon 3   # exit 3 when more was spent",
    .run = run,
};
