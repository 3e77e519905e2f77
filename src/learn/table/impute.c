/* Filling a table's holes: every missing cell is drawn given the row's other cells. */
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "learn/table/generator.h"

enum { TRIES = 50, CHUNK = 512 };

typedef struct imputer {
    mnk_table_generator *g;
    const mnk_table *holes;
    mnk_table *out, *work; /* work: the holes' rows recoded */
    mnk_rule **rule;
    size_t rules;
    uint64_t seed;
    size_t *todo, n_todo;
    uint8_t *fine; /* [todo] */
} imputer;

/* A copy on the same schema. */
static mnk_status copy_table(const mnk_table *t, mnk_table **out, mnk_error *err) {
    MNK_TRY(mnk_table_new(t->schema, t->n, out, err));
    for (size_t c = 0; c < t->schema->columns; c++) {
        if (t->number[c]) memcpy((*out)->number[c], t->number[c], t->n * sizeof(double));
        else memcpy((*out)->code[c], t->code[c], t->n * sizeof(int32_t));
    }
    if (t->n) memcpy((*out)->split, t->split, t->n);
    memcpy((*out)->source, t->source, sizeof t->source);
    return MNK_OK;
}

typedef struct round_of {
    imputer *m;
    mnk_table *drawn;
    const uint64_t *item;
} round_of;

/* Drawn working rows back into the holes; cells that were there stay. */
static void settle_chunk(void *ctx, size_t chunk) {
    round_of *r = ctx;
    imputer *m = r->m;
    mnk_table *user = NULL;
    mnk_error err = MNK_ERROR_INIT;
    size_t end = (chunk + 1) * CHUNK < m->n_todo ? (chunk + 1) * CHUNK : m->n_todo;
    if (mnk_table_new(m->out->schema, 1, &user, &err) != MNK_OK) return; /* stays unfilled: tried again, then counted */
    for (size_t k = chunk * CHUNK; k < end; k++) {
        size_t row = m->todo[k];
        mnk_recoding_undo_holes(m->g->recoding, r->drawn, k, m->holes, row, user, m->seed, r->item[k]);
        for (size_t c = 0; c < user->schema->columns; c++) {
            if (!mnk_table_is_missing(m->holes, c, row)) continue;
            if (user->number[c]) m->out->number[c][row] = user->number[c][0];
            else m->out->code[c][row] = user->code[c][0];
        }
        m->fine[k] = 1;
        for (size_t i = 0; i < m->rules && m->fine[k]; i++) m->fine[k] = mnk_rule_row(m->rule[i], m->out, row) != 0;
    }
    mnk_table_close(user);
}

/* Draws the rows in todo once; those that break no rule leave the list. */
static mnk_status one_try(imputer *m, uint32_t attempt, mnk_error *err) {
    const mnk_schema *s = m->g->visits ? m->g->visits->first : m->g->recoding->work;
    size_t n = m->n_todo, left = 0, columns = m->g->recoding->work->columns;
    mnk_table *drawn = NULL;
    uint64_t *item = NULL;
    uint8_t *flags = NULL;
    const uint8_t **given = NULL;
    mnk_status status;
    MNK_OUT(mnk_table_new((mnk_schema *)s, n, &drawn, err));
    MNK_OUT(MNK_NEW(item, n + 1, err));
    MNK_OUT(MNK_NEW(flags, n * columns + 1, err));
    MNK_OUT(MNK_NEW(given, s->columns + 1, err));
    for (size_t c = 0; c < columns; c++) given[c] = flags + c * n;
    for (size_t k = 0; k < n; k++) {
        size_t row = m->todo[k];
        item[k] = row | (uint64_t)attempt << 40;
        for (size_t c = 0; c < columns; c++) {
            if (mnk_table_is_missing(m->work, c, row)) continue;
            flags[c * n + k] = 1;
            if (drawn->number[c]) drawn->number[c][k] = m->work->number[c][row];
            else drawn->code[c][k] = m->work->code[c][row];
        }
    }
    mnk_draw_request request = {.seed = m->seed, .item = item, .given = given, .complete = true};
    MNK_OUT(m->g->kind->draw(m->g->model[MNK_MODEL_ROWS], &request, drawn, err));
    round_of r = {m, drawn, item};
    memset(m->fine, 0, n);
    mnk_parallel_for((n + CHUNK - 1) / CHUNK, settle_chunk, &r);
    for (size_t k = 0; k < n; k++)
        if (!m->fine[k]) m->todo[left++] = m->todo[k];
    m->n_todo = left;
out:
    mnk_table_close(drawn);
    mnk_free(item);
    mnk_free(flags);
    mnk_free(given);
    return status;
}

static size_t count_holes(const mnk_table *t) {
    size_t n = 0;
    for (size_t c = 0; c < t->schema->columns; c++)
        for (size_t i = 0; i < t->n; i++) n += mnk_table_is_missing(t, c, i);
    return n;
}

static mnk_status impute(imputer *m, const mnk_observer *observer, mnk_error *err) {
    const mnk_table_generator *g = m->g;
    MNK_TRY(mnk_recoding_apply(g->recoding, m->holes, &m->work, err));
    MNK_TRY(copy_table(m->holes, &m->out, err));
    MNK_TRY(MNK_NEW(m->rule, g->schema->rules + 1, err));
    for (; m->rules < g->schema->rules; m->rules++)
        MNK_TRY(mnk_rule_parse(g->schema->rule[m->rules], m->holes->schema, &m->rule[m->rules], err));
    MNK_TRY(MNK_NEW(m->todo, m->holes->n + 1, err));
    MNK_TRY(MNK_NEW(m->fine, m->holes->n + 1, err));
    for (size_t i = 0; i < m->holes->n; i++)
        for (size_t c = 0; c < g->schema->columns; c++)
            if (g->recoding->column[c].work >= 0 && mnk_table_is_missing(m->holes, c, i)) {
                m->todo[m->n_todo++] = i;
                break;
            }
    for (uint32_t attempt = 0; attempt < TRIES && m->n_todo; attempt++) {
        if (mnk_observe_stopped(observer)) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped; nothing was written");
        MNK_TRY(one_try(m, attempt, err));
    }
    return mnk_table_finish(m->out, err);
}

mnk_status mnk_table_generator_impute(mnk_table_generator *g, const mnk_table *holes, uint64_t seed,
                                      const mnk_observer *observer, mnk_table **out, mnk_table_sample_report *report,
                                      mnk_error *err) {
    imputer m = {.g = g, .holes = holes, .seed = seed};
    *out = NULL;
    if (!(g->kind->can & MNK_KIND_GIVEN)) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "%s cannot fill holes: it does not draw some cells given others", g->kind->name);
        mnk_error_hint(err, "train arf, cart or gaussian on the same table");
        return status;
    }
    mnk_status status = impute(&m, observer, err);
    if (status == MNK_OK) {
        size_t left = count_holes(m.out), had = count_holes(holes);
        mnk_observe_log(observer, MNK_LOG_INFO, "%zu of %zu holes filled; %zu are left (text, identifiers, ignored columns)",
                        had - left, had, left);
        if (m.n_todo)
            mnk_observe_log(observer, MNK_LOG_WARNING, "%zu rows break a rule of the schema whatever was filled in (%d tries)",
                            m.n_todo, TRIES);
        if (report) *report = (mnk_table_sample_report){.unfilled = left, .broken = m.n_todo};
        *out = m.out;
        m.out = NULL;
    }
    for (size_t k = 0; k < m.rules; k++) mnk_rule_close(m.rule[k]);
    mnk_free(m.rule);
    mnk_free(m.todo);
    mnk_free(m.fine);
    mnk_table_close(m.work);
    mnk_table_close(m.out);
    return status;
}

mnk_status mnk_table_generator_density(mnk_table_generator *g, const mnk_table *rows, double *log_density, mnk_error *err) {
    mnk_table *work;
    if (!g->kind->density || g->visits)
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "%s%s has no density of rows", g->kind->name, g->visits ? " of persons" : "");
    MNK_TRY(mnk_recoding_apply(g->recoding, rows, &work, err));
    mnk_status status = g->kind->density(g->model[MNK_MODEL_ROWS], work, log_density, err);
    mnk_table_close(work);
    return status;
}
