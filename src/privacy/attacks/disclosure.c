/* Which columns, which rows; then every family. */
#include "privacy/attacks/disclosure.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/rng.h"

static mnk_status (*const families[])(const mnk_disclosure *d, mnk_error *err) = {
    mnk_singling_out, mnk_linkability, mnk_inference, mnk_attribute_disclosure, mnk_anonymity};

static bool has(const mnk_columns *c, size_t column) {
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i] == column) return true;
    return false;
}

/* Names between commas, `n` bytes. */
static mnk_status parse(const mnk_schema *schema, const char *list, size_t n, const char *option, mnk_columns *out,
                        mnk_error *err) {
    const char *names[256];
    size_t known = 0;
    for (size_t c = 0; c < schema->columns && known < 256; c++) names[known++] = schema->column[c].name;
    for (const char *p = list, *end = list + n; p < end;) {
        size_t m = strcspn(p, ",");
        if (m > (size_t)(end - p)) m = (size_t)(end - p);
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)m, p);
        const long c = mnk_schema_find(schema, name);
        const char *near = c < 0 ? mnk_nearest(name, names, known) : NULL;
        if (c < 0)
            return MNK_FAIL(err, MNK_ERR_USAGE, "--%s: there is no column \"%s\"%s%s%s", option, name,
                            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        if (!mnk_column_is_data(&schema->column[c]))
            return MNK_FAIL(err, MNK_ERR_USAGE, "--%s: column \"%s\" is text, an identifier or ignored, and is not compared",
                            option, name);
        if (has(out, (size_t)c)) return MNK_FAIL(err, MNK_ERR_USAGE, "--%s: column \"%s\" is named twice", option, name);
        out->at[out->n++] = (size_t)c;
        p += m + (p + m < end);
    }
    return MNK_OK;
}

static void by_role(const mnk_schema *schema, unsigned roles, mnk_columns *out) {
    for (size_t c = 0; c < schema->columns; c++)
        if (mnk_column_is_data(&schema->column[c]) && (!roles || schema->column[c].roles & roles)) out->at[out->n++] = c;
}

static void others(const mnk_columns *all, const mnk_columns *without, mnk_columns *out) {
    for (size_t i = 0; i < all->n; i++)
        if (!has(without, all->at[i])) out->at[out->n++] = all->at[i];
}

static mnk_status choose_link(mnk_disclosure *d, const mnk_schema *schema, mnk_error *err) {
    const char *text = d->config->link, *slash = text ? strchr(text, '/') : NULL;
    if (text && !slash) return MNK_FAIL(err, MNK_ERR_USAGE, "--link: \"%.60s\": columns of two files are separated by /", text);
    if (text) {
        MNK_TRY(parse(schema, text, (size_t)(slash - text), "link", &d->link[0], err));
        MNK_TRY(parse(schema, slash + 1, strlen(slash + 1), "link", &d->link[1], err));
        for (size_t i = 0; i < d->link[0].n; i++)
            if (has(&d->link[1], d->link[0].at[i]))
                return MNK_FAIL(err, MNK_ERR_USAGE, "--link: column \"%s\" stands on both sides",
                                schema->column[d->link[0].at[i]].name);
        return MNK_OK;
    }
    for (size_t i = 0; i < d->data.n; i++) { /* quasi-identifiers and the others; without any, one half and the other */
        const bool first = d->quasi.n ? has(&d->quasi, d->data.at[i]) : i < d->data.n / 2;
        mnk_columns *side = &d->link[first ? 0 : 1];
        side->at[side->n++] = d->data.at[i];
    }
    return MNK_OK;
}

static mnk_status choose_columns(mnk_disclosure *d, mnk_error *err) {
    const mnk_schema *schema = d->train->schema;
    mnk_columns *list[] = {&d->data, &d->quasi, &d->sensitive, &d->link[0], &d->link[1]};
    for (size_t k = 0; k < 5; k++) MNK_TRY(MNK_NEW(list[k]->at, schema->columns + 1, err));
    by_role(schema, 0, &d->data);
    if (d->config->quasi) MNK_TRY(parse(schema, d->config->quasi, strlen(d->config->quasi), "quasi", &d->quasi, err));
    else by_role(schema, MNK_COLUMN_IS_QUASI, &d->quasi);
    if (d->config->sensitive)
        MNK_TRY(parse(schema, d->config->sensitive, strlen(d->config->sensitive), "sensitive", &d->sensitive, err));
    else by_role(schema, MNK_COLUMN_IS_SENSITIVE, &d->sensitive);
    if (!d->sensitive.n) by_role(schema, MNK_COLUMN_IS_LABEL, &d->sensitive);
    if (!d->sensitive.n) others(&d->data, &d->quasi, &d->sensitive); /* then whatever is not known is wanted */
    for (size_t i = 0; i < d->sensitive.n; i++)
        if (has(&d->quasi, d->sensitive.at[i]))
            return MNK_FAIL(err, MNK_ERR_USAGE,
                            "column \"%s\" is a quasi-identifier and sensitive: known to the attacker and wanted",
                            schema->column[d->sensitive.at[i]].name);
    return choose_link(d, schema, err);
}

static mnk_status choose_rows(const mnk_table *t, uint64_t seed, uint64_t stream, size_t **row, size_t *n, mnk_error *err) {
    size_t *order = NULL;
    uint8_t *seen = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(order, t->n + 1, err));
    MNK_OUT(MNK_NEW(seen, t->persons + 1, err));
    MNK_OUT(MNK_NEW(*row, t->n + 1, err));
    mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_ATTACK_QUERY, stream, 0);
    mnk_rng_permutation(&r, order, t->n);
    for (size_t i = 0; i < t->n; i++) {
        const size_t who = t->person ? (size_t)t->person[order[i]] : order[i];
        if (t->person && seen[who]) continue;
        if (t->person) seen[who] = 1;
        (*row)[(*n)++] = order[i];
    }
out:
    mnk_free(order);
    mnk_free(seen);
    return status;
}

mnk_status mnk_disclosure_add(const mnk_disclosure *d, const char *id, const char *column, const mnk_risk *risk,
                              const char *note, mnk_error *err) {
    mnk_metric *m = mnk_result_add_metric(d->result, id, "disclosure");
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a risk");
    snprintf(m->column, sizeof m->column, "%s", column);
    m->value = risk->value, m->low = risk->low, m->high = risk->high, m->level = d->config->level;
    m->n = risk->attempts;
    if (!risk->attempts) snprintf(m->note, sizeof m->note, "not estimable: nothing could be asked");
    else if (!risk->controls) snprintf(m->note, sizeof m->note, "not estimable: no unseen record could be asked");
    else if (isnan(risk->value))
        snprintf(m->note, sizeof m->note, "not estimable: the same guesses always succeed on unseen records");
    else snprintf(m->note, sizeof m->note, "%.159s", note);
    if (risk->attempts) mnk_metric_add_reference(m, "train", risk->attack);
    if (risk->controls) mnk_metric_add_reference(m, "holdout", risk->control);
    return MNK_OK;
}

mnk_status mnk_disclosure_run(mnk_disclosure *d, mnk_error *err) {
    mnk_status status = MNK_OK;
    MNK_OUT(choose_columns(d, err));
    MNK_OUT(choose_rows(d->train, d->config->seed, 0, &d->target[0], &d->targets[0], err));
    MNK_OUT(choose_rows(d->holdout, d->config->seed, 1, &d->target[1], &d->targets[1], err));
    for (size_t k = 0; k < sizeof families / sizeof *families; k++) {
        mnk_observe_progress(d->observer, "disclosure", (double)k, sizeof families / sizeof *families, "");
        if (mnk_observe_stopped(d->observer)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while attacking"));
        MNK_OUT(families[k](d, err));
    }
out:
    mnk_free(d->data.at);
    mnk_free(d->quasi.at);
    mnk_free(d->sensitive.at);
    for (int k = 0; k < 2; k++) mnk_free(d->link[k].at), mnk_free(d->target[k]);
    return status;
}
