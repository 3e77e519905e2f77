/* Inference: from what is known of a person, is the unknown read off the nearest synthetic rows? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "math/stats.h"
#include "privacy/attacks/nearest_rows.h"

enum { SECRETS_MOST = 20 };
static const double tolerance = 0.05;   /* of the value, as published */
static const double tolerance_days = 7; /* dates: their zero means nothing */

typedef struct guessing {
    mnk_gower known;
    size_t secret;
    const mnk_table *table;
    const size_t *row;
    uint8_t *asked, *right;
    int failed;
} guessing;

/* Median of numbers, most frequent level (lowest of equals); sorts. NaN: the nearest rows do not say. */
static double guess_of(double *x, size_t n, bool is_number) {
    if (is_number) return mnk_quantile(x, n, 0.5);
    double best = NAN;
    size_t most = 0;
    mnk_quantile(x, n, 0.5); /* for its sorting */
    for (size_t i = 0, run = 0; i < n; i++) {
        run = i && x[i] == x[i - 1] ? run + 1 : 1;
        if (run > most) most = run, best = x[i];
    }
    return best;
}

static void guess_one(void *ctx, size_t i) {
    guessing *g = ctx;
    const size_t row = g->row[i];
    const mnk_table *s = g->known.synthetic;
    const mnk_column *column = &s->schema->column[g->secret];
    const double truth = mnk_cell(g->table, g->secret, row);
    if (isnan(truth)) return; /* there is no secret */
    double *nearest = mnk_alloc(s->n, sizeof *nearest);
    if (!nearest) {
        __atomic_store_n(&g->failed, 1, __ATOMIC_RELAXED);
        return;
    }
    const double limit = mnk_gower_nearest(&g->known, g->table, row);
    size_t n = 0;
    for (size_t j = 0; j < s->n; j++) {
        const double value = mnk_cell(s, g->secret, j);
        if (!isnan(value) && mnk_gower_distance(&g->known, j, g->table, row) <= limit) nearest[n++] = value;
    }
    const bool is_number = s->number[g->secret] != NULL;
    const double guess = n ? guess_of(nearest, n, is_number) : (double)NAN;
    g->asked[i] = 1;
    if (!is_number) g->right[i] = guess == truth;
    else if (column->type == MNK_COLUMN_DATE) g->right[i] = fabs(guess - truth) <= tolerance_days;
    else g->right[i] = fabs(guess - truth) <= tolerance * fabs(truth);
    mnk_free(nearest);
}

/* Rows that have the secret, and right guesses among them. */
static mnk_status ask(const mnk_disclosure *d, guessing *g, int side, size_t *asked, size_t *right, mnk_error *err) {
    const size_t most = (size_t)d->config->attempts, n = d->targets[side] < most ? d->targets[side] : most;
    mnk_status status = MNK_OK;
    g->table = side ? d->holdout : d->train, g->row = d->target[side];
    MNK_OUT(MNK_NEW(g->asked, n + 1, err));
    MNK_OUT(MNK_NEW(g->right, n + 1, err));
    mnk_parallel_for(n, guess_one, g);
    if (g->failed) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for guesses"));
    for (size_t i = 0; i < n; i++) *asked += g->asked[i], *right += g->right[i];
out:
    mnk_free(g->asked);
    mnk_free(g->right);
    g->asked = g->right = NULL;
    return status;
}

typedef struct counted {
    size_t asked[2], right[2];
} counted;

static mnk_status one_secret(const mnk_disclosure *d, size_t secret, counted *c, mnk_error *err) {
    mnk_columns known = {0};
    guessing g = {.secret = secret};
    mnk_status status = MNK_OK;
    *c = (counted){{0}, {0}};
    MNK_OUT(MNK_NEW(known.at, d->data.n + 1, err));
    const mnk_columns *from = d->quasi.n ? &d->quasi : &d->data;
    for (size_t i = 0; i < from->n; i++)
        if (from->at[i] != secret) known.at[known.n++] = from->at[i];
    if (!known.n) goto out;
    MNK_OUT(mnk_gower_open(d->synthetic, &known, &g.known, err));
    for (int side = 0; side < 2; side++) MNK_OUT(ask(d, &g, side, &c->asked[side], &c->right[side], err));
out:
    mnk_gower_close(&g.known);
    mnk_free(known.at);
    return status;
}

static mnk_risk risk_of(const counted *c, double level) {
    return mnk_risk_of((double)c->right[0], c->asked[0], (double)c->right[1], c->asked[1], level);
}

/* Every secret by itself; the whole is the riskiest, its interval corrected for all of them. */
mnk_status mnk_inference(const mnk_disclosure *d, mnk_error *err) {
    const mnk_schema *schema = d->train->schema;
    const size_t secrets = d->sensitive.n < SECRETS_MOST ? d->sensitive.n : SECRETS_MOST;
    const double level = d->config->level, corrected = secrets ? 1 - (1 - level) / (double)secrets : level;
    mnk_risk most = mnk_risk_of(0, 0, 0, 0, level);
    const char *name = "";
    for (size_t k = 0; k < secrets; k++) {
        counted c;
        char note[160];
        MNK_TRY(one_secret(d, d->sensitive.at[k], &c, err));
        const mnk_risk risk = risk_of(&c, level), wide = risk_of(&c, corrected);
        snprintf(note, sizeof note, "guessed from the nearest synthetic rows on %s",
                 d->quasi.n ? "the quasi-identifiers" : "all other columns");
        MNK_TRY(mnk_disclosure_add(d, "risk.inference", schema->column[d->sensitive.at[k]].name, &risk, note, err));
        const double high = fmax(most.high, wide.high), low = fmax(most.low, wide.low);
        if (!k || wide.value > most.value || isnan(most.value)) most = wide, name = schema->column[d->sensitive.at[k]].name;
        most.high = high, most.low = low;
    }
    char note[160];
    snprintf(note, sizeof note, "the riskiest of %zu columns (%.60s), interval corrected for all of them", secrets, name);
    return mnk_disclosure_add(d, "risk.inference", "", &most, note, err);
}
