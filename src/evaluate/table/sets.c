#include "evaluate/table/sets.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

static mnk_status check_numbers(const mnk_table *t, const char *role, mnk_error *err) {
    for (size_t c = 0; c < t->schema->columns; c++)
        for (size_t i = 0; t->number[c] && i < t->n; i++)
            if (isinf(t->number[c][i]))
                return MNK_FAIL(err, MNK_ERR_INPUT, "%s: row %zu, column \"%.60s\" of %s is infinite", t->source, i,
                                t->schema->column[c].name, role);
    return MNK_OK;
}

static mnk_status check_table(const mnk_table_sets *s, int role, mnk_error *err) {
    const mnk_table *t = s->table[role];
    const size_t least = (size_t)s->config->neighbours + 2;
    if (t->schema != s->schema) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_INPUT, "%s of %s was not opened with the schema of train", mnk_role_names[role], t->source);
        mnk_error_hint(err, "open train first, and the others with its schema: their levels are numbered by it");
        return status;
    }
    if (t->n < least) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s has %zu rows; %lld neighbours need at least %zu",
                                     mnk_role_names[role], t->n, (long long)s->config->neighbours, least);
        mnk_error_hint(err, "give more rows, or fewer neighbours with --neighbours");
        return status;
    }
    return check_numbers(t, mnk_role_names[role], err);
}

static mnk_status list_columns(mnk_table_sets *s, mnk_error *err) {
    MNK_TRY(MNK_NEW(s->column, s->schema->columns + 1, err));
    for (size_t c = 0; c < s->schema->columns; c++)
        if (mnk_column_is_data(&s->schema->column[c])) s->column[s->columns++] = c;
    if (!s->columns) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s has no column that can be compared", s->table[0]->source);
        mnk_error_hint(err, "text, identifiers, persons and ignored columns are not compared: look at the schema");
        return status;
    }
    s->label = mnk_schema_role(s->schema, MNK_COLUMN_IS_LABEL);
    if (s->label >= 0 && mnk_column_is_number(&s->schema->column[s->label])) s->label = -1;
    return MNK_OK;
}

/* Train with each column in an order of its own: every column as it was, nothing between them. */
static mnk_status make_floor(mnk_table_sets *s, mnk_error *err) {
    const mnk_table *train = s->table[MNK_ROLE_TRAIN];
    size_t *order = NULL;
    mnk_table *floor = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(order, train->n, err));
    MNK_OUT(mnk_table_new(train->schema, train->n, &floor, err));
    s->owned[MNK_ROLE_FLOOR] = floor;
    s->table[MNK_ROLE_FLOOR] = floor;
    for (size_t k = 0; k < s->columns; k++) {
        const size_t c = s->column[k];
        mnk_rng r = mnk_rng_at(s->config->seed, MNK_PURPOSE_COLUMN, k, 0);
        mnk_rng_permutation(&r, order, train->n);
        for (size_t i = 0; i < train->n; i++) {
            if (train->number[c]) floor->number[c][i] = train->number[c][order[i]];
            else floor->code[c][i] = train->code[c][order[i]];
        }
    }
    floor->persons = floor->n; /* its rows are nobody's */
out:
    mnk_free(order);
    return status;
}

mnk_status mnk_table_sets_open(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                               const mnk_table_evaluate_config *config, mnk_table_sets *out, mnk_error *err) {
    *out = (mnk_table_sets){.table = {train, holdout, synthetic, NULL}, .schema = train->schema, .label = -1, .config = config};
    mnk_status status = MNK_OK;
    for (int role = 0; role < MNK_ROLE_FLOOR; role++)
        if (out->table[role]) MNK_OUT(check_table(out, role, err));
    MNK_OUT(list_columns(out, err));
    MNK_OUT(make_floor(out, err));
out:
    if (status != MNK_OK) mnk_table_sets_close(out);
    return status;
}

mnk_status mnk_table_sets_select(const mnk_table_sets *s, const uint8_t *const mask[MNK_ROLES], mnk_table_sets *out,
                                 mnk_error *err) {
    *out = (mnk_table_sets){.schema = s->schema, .columns = s->columns, .label = s->label, .config = s->config};
    size_t *row = NULL, most = 1;
    mnk_status status = MNK_OK;
    for (int role = 0; role < MNK_ROLES; role++)
        if (mnk_sets_n(s, role) > most) most = mnk_sets_n(s, role);
    MNK_OUT(MNK_NEW(row, most, err));
    MNK_OUT(MNK_NEW(out->column, s->columns, err));
    memcpy(out->column, s->column, s->columns * sizeof *row);
    for (int role = 0; role < MNK_ROLE_FLOOR; role++) {
        size_t n = 0;
        out->table[role] = s->table[role];
        if (!s->table[role] || !mask[role]) continue;
        for (size_t i = 0; i < s->table[role]->n; i++)
            if (mask[role][i]) row[n++] = i;
        out->table[role] = NULL;
        if (!n) continue;
        MNK_OUT(mnk_table_select(s->table[role], row, n, &out->owned[role], err));
        out->table[role] = out->owned[role];
    }
    if (out->table[MNK_ROLE_TRAIN]) MNK_OUT(make_floor(out, err)); /* of these rows alone */
out:
    mnk_free(row);
    if (status != MNK_OK) mnk_table_sets_close(out);
    return status;
}

void mnk_table_sets_close(mnk_table_sets *s) {
    if (!s) return;
    for (int role = 0; role < MNK_ROLES; role++) mnk_table_close(s->owned[role]);
    mnk_free(s->column);
    *s = (mnk_table_sets){0};
}
