#include "learn/table/candidates.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/condition.h"
#include "learn/table/memory.h"
#include "learn/table/mix.h"

enum { VISIT_TRIES = 16, CHUNK = 512 /* rows judged at a time */ };

struct mnk_candidates {
    mnk_table_generator *g;
    const mnk_table_sample_options *o;
    mnk_rule **rule, *where;
    size_t rules, *broken;
    mnk_mix *mix;
    mnk_table_box *box[MNK_MODELS]; /* of the working columns; NULL: no condition, or a generator that takes none */
};

/* ---- what is asked for ---- */

static mnk_status box_of_next(const mnk_visits *v, const mnk_table_box *row, mnk_table_box **out, mnk_error *err) {
    size_t at = v->given;
    MNK_TRY(mnk_table_box_open(v->next, out, err));
    for (size_t c = 0; c < v->work->columns; c++) {
        if (v->is_static[c]) continue;
        const mnk_column_box *from = &row->column[c];
        if (from->restricted && !v->is_step[c]) {
            MNK_TRY(mnk_table_box_restrict(*out, v->next, at, err));
            mnk_column_box *to = &(*out)->column[at];
            to->missing = from->missing, to->low = from->low, to->high = from->high;
            if (to->level) memcpy(to->level, from->level, v->work->column[c].levels);
        }
        at++;
    }
    return MNK_OK;
}

/* The box of the first table has one column more ("visits"): free. */
static mnk_status box_of_first(const mnk_visits *v, mnk_table_box *row, mnk_error *err) {
    mnk_column_box *more = mnk_realloc(row->column, v->first->columns + 1, sizeof *more);
    if (!more) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    more[row->columns] = (mnk_column_box){0};
    row->column = more;
    row->columns = v->first->columns;
    return MNK_OK;
}

static mnk_status open_where(mnk_candidates *s, mnk_error *err) {
    mnk_table_generator *g = s->g;
    mnk_table_box *user = NULL, *work = NULL;
    size_t column;
    mnk_status status;
    MNK_OUT(mnk_rule_parse(s->o->where, g->schema, &s->where, err));
    MNK_OUT(mnk_table_box_open(g->schema, &user, err));
    MNK_OUT(mnk_condition_box(s->where, g->schema, user, err));
    for (size_t c = 0; c < user->columns; c++) { /* nothing outside the range of the training rows is ever drawn */
        const mnk_recode *k = &g->recoding->column[c];
        mnk_column_box *b = &user->column[c];
        if (!b->restricted || b->level || k->work < 0 || k->kind == MNK_RECODE_SURVIVAL) continue;
        b->low = b->low > k->low ? b->low : k->low, b->high = b->high < k->high ? b->high : k->high;
    }
    if (mnk_condition_is_empty(user, g->schema, &column)) {
        const mnk_recode *k = &g->recoding->column[column];
        status = MNK_FAIL(err, MNK_ERR_INPUT, "--where '%.300s': no value of %s can meet it", s->o->where,
                          g->schema->column[column].name);
        if (user->column[column].level) mnk_error_hint(err, "loosen the condition");
        else mnk_error_hint(err, "the model knows %g to %g", k->low, k->high);
        goto out;
    }
    if (!(g->kind->can & MNK_KIND_BOX)) goto out;
    MNK_OUT(mnk_recoding_box(g->recoding, user, &work, err));
    if (g->visits) {
        MNK_OUT(box_of_next(g->visits, work, &s->box[MNK_MODEL_VISITS], err));
        MNK_OUT(box_of_first(g->visits, work, err));
    }
    s->box[MNK_MODEL_ROWS] = work;
    work = NULL;
out:
    mnk_table_box_close(user);
    mnk_table_box_close(work);
    return status;
}

mnk_status mnk_candidates_open(mnk_table_generator *g, const mnk_table_sample_options *o, mnk_candidates **out,
                               mnk_error *err) {
    mnk_candidates *s;
    *out = NULL;
    mnk_status status = MNK_NEW(s, 1, err);
    if (status != MNK_OK) return status;
    s->g = g, s->o = o;
    MNK_OUT(MNK_NEW(s->rule, g->schema->rules + 1, err));
    MNK_OUT(MNK_NEW(s->broken, g->schema->rules + 1, err));
    for (; s->rules < g->schema->rules; s->rules++)
        MNK_OUT(mnk_rule_parse(g->schema->rule[s->rules], g->schema, &s->rule[s->rules], err));
    MNK_OUT(mnk_mix_open(g, o, &s->mix, err));
    if (o->where) MNK_OUT(open_where(s, err));
    *out = s;
    s = NULL;
out:
    mnk_candidates_close(s);
    return status;
}

void mnk_candidates_close(mnk_candidates *s) {
    if (!s) return;
    for (size_t k = 0; k < s->rules; k++) mnk_rule_close(s->rule[k]);
    mnk_free(s->rule);
    mnk_free(s->broken);
    mnk_rule_close(s->where);
    mnk_mix_close(s->mix);
    for (int m = 0; m < MNK_MODELS; m++) mnk_table_box_close(s->box[m]);
    mnk_free(s);
}

const char *mnk_candidates_worst_rule(const mnk_candidates *s) {
    size_t worst = 0;
    for (size_t k = 1; k < s->rules; k++)
        if (s->broken[k] > s->broken[worst]) worst = k;
    return s->rules && s->broken[worst] ? s->g->schema->rule[worst] : NULL;
}

void mnk_candidate_block_clear(mnk_candidate_block *b) {
    mnk_free(b->fate);
    mnk_free(b->start);
    mnk_table_close(b->rows);
    *b = (mnk_candidate_block){0};
}

/* ---- judging ---- */

typedef struct judging { /* working rows -> the user's rows, and what becomes of them */
    mnk_candidates *s;
    const mnk_table *work;
    mnk_table *rows;
    const size_t *to;     /* [n] row of `rows` for each working row */
    const uint64_t *item; /* [n] */
    const size_t *mix;    /* [n] row of the mix whose wanted values are written; NULL: none */
    uint8_t *fate;        /* [n] */
    int32_t *rule;        /* [n] the first broken rule, -1 */
} judging;

static void put_wanted(const mnk_mix *m, size_t from, mnk_table *t, size_t to) {
    for (size_t c = 0; c < t->schema->columns; c++) {
        if (!m->column[c]) continue;
        if (t->number[c]) t->number[c][to] = m->rows->number[c][from];
        else t->code[c][to] = m->rows->code[c][from];
    }
}

/* Generators that cannot draw given values: the drawn ones must be the wanted ones. */
static bool has_wanted(const mnk_candidates *s, const mnk_table *work, size_t row, size_t from) {
    for (size_t w = 0; w < s->g->recoding->work->columns; w++)
        if (s->mix->column[s->g->recoding->user_of_work[w]] && work->code[w] &&
            work->code[w][row] != s->mix->work->code[w][from])
            return false;
    return true;
}

static uint8_t judge_row(judging *j, size_t i) {
    mnk_candidates *s = j->s;
    size_t to = j->to[i];
    j->rule[i] = -1;
    mnk_recoding_undo(s->g->recoding, j->work, i, j->rows, to, s->o->seed, j->item[i]);
    if (j->mix) {
        if (!(s->g->kind->can & MNK_KIND_GIVEN) && !has_wanted(s, j->work, i, j->mix[i])) return MNK_CANDIDATE_WHERE;
        put_wanted(s->mix, j->mix[i], j->rows, to);
    }
    if (s->where && mnk_rule_row(s->where, j->rows, to) != 1) return MNK_CANDIDATE_WHERE;
    for (size_t k = 0; k < s->rules; k++)
        if (mnk_rule_row(s->rule[k], j->rows, to) == 0) {
            j->rule[i] = (int32_t)k;
            return MNK_CANDIDATE_RULE;
        }
    return MNK_CANDIDATE_KEPT;
}

static void judge_chunk(void *ctx, size_t chunk) {
    judging *j = ctx;
    size_t end = (chunk + 1) * CHUNK < j->work->n ? (chunk + 1) * CHUNK : j->work->n;
    for (size_t i = chunk * CHUNK; i < end; i++) j->fate[i] = judge_row(j, i);
}

static mnk_status judge(judging *j, mnk_error *err) {
    MNK_TRY(MNK_NEW(j->rule, j->work->n + 1, err));
    mnk_parallel_for((j->work->n + CHUNK - 1) / CHUNK, judge_chunk, j);
    for (size_t i = 0; i < j->work->n; i++)
        if (j->rule[i] >= 0) j->s->broken[j->rule[i]]++;
    mnk_free(j->rule);
    j->rule = NULL;
    return MNK_OK;
}

/* ---- drawing ---- */

/* A name for the stream of one row: splitmix64 over the four numbers. */
static uint64_t item_of(uint64_t slot, uint32_t attempt, uint32_t visit, uint32_t retry) {
    uint64_t x = slot;
    const uint32_t part[3] = {attempt, visit, retry};
    for (int k = 0; k < 3; k++) {
        x += 0x9E3779B97F4A7C15u + part[k];
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        x ^= x >> 31;
    }
    return x;
}

static void copy_work_cell(const mnk_table *from, size_t row, mnk_table *to, size_t column, size_t at) {
    if (from->number[column]) to->number[column][at] = from->number[column][row];
    else to->code[column][at] = from->code[column][row];
}

/* The first rows of n candidates. `work` comes new; mix_row [n] is filled where a mix is wanted. */
static mnk_status draw_first(mnk_candidates *s, const mnk_candidate *which, size_t n, const uint64_t *item, size_t *mix_row,
                             mnk_table *work, mnk_error *err) {
    const mnk_recoding *r = s->g->recoding;
    const uint8_t **given = NULL;
    uint8_t *all = NULL;
    mnk_draw_request request = {.seed = s->o->seed, .stream = 0, .item = item, .box = s->box[MNK_MODEL_ROWS]};
    mnk_status status = MNK_OK;
    if (s->mix) {
        MNK_OUT(MNK_NEW(given, work->schema->columns + 1, err));
        MNK_OUT(MNK_NEW(all, n + 1, err));
        memset(all, 1, n);
        for (size_t i = 0; i < n; i++) mix_row[i] = mnk_mix_row(s->mix, which[i].slot);
        for (size_t w = 0; w < r->work->columns; w++) {
            if (!s->mix->column[r->user_of_work[w]] || !(s->g->kind->can & MNK_KIND_GIVEN)) continue;
            given[w] = all;
            for (size_t i = 0; i < n; i++) copy_work_cell(s->mix->work, mix_row[i], work, w, i);
        }
        if (s->g->kind->can & MNK_KIND_GIVEN) request.given = given;
    }
    MNK_OUT(s->g->kind->draw(s->g->model[MNK_MODEL_ROWS], &request, work, err));
out:
    mnk_free(given);
    mnk_free(all);
    return status;
}

typedef struct walk { /* persons on their way through their visits */
    mnk_candidates *s;
    const mnk_candidate *which;
    mnk_candidate_block *b;
    mnk_table *now; /* [n] working row of the visit before */
    mnk_memory memory;
    int32_t *visits; /* [n] */
    const uint8_t **given;
    uint8_t *all;
} walk;

/* One try at visit `visit` of the persons todo[0..n-1]; those that fail stay in todo, their number is returned. */
static mnk_status try_visit(walk *w, int32_t visit, uint32_t retry, size_t *todo, size_t *n, mnk_error *err) {
    mnk_candidates *s = w->s;
    const mnk_visits *v = s->g->visits;
    mnk_table *next = NULL, *work = NULL;
    uint64_t *item = NULL;
    size_t *to = NULL, left = 0;
    judging j = {.s = s, .rows = w->b->rows};
    mnk_status status;
    MNK_OUT(mnk_table_new(v->next, *n, &next, err));
    MNK_OUT(mnk_table_new(v->work, *n, &work, err));
    MNK_OUT(MNK_NEW(item, *n, err));
    MNK_OUT(MNK_NEW(to, *n, err));
    MNK_OUT(MNK_NEW(j.fate, *n, err));
    for (size_t i = 0; i < *n; i++) {
        const mnk_candidate *c = &w->which[todo[i]];
        mnk_visits_ask(&w->memory, todo[i], w->now, todo[i], visit, w->visits[todo[i]], next, i);
        item[i] = item_of(c->slot, c->attempt, (uint32_t)visit, retry);
        to[i] = w->b->start[todo[i]] + (size_t)visit;
    }
    mnk_draw_request request = {
        .seed = s->o->seed, .stream = 1, .item = item, .box = s->box[MNK_MODEL_VISITS], .given = w->given};
    MNK_OUT(s->g->kind->draw(s->g->model[MNK_MODEL_VISITS], &request, next, err));
    for (size_t i = 0; i < *n; i++) mnk_visits_take(v, w->now, todo[i], next, i, work, i);
    j.work = work, j.to = to, j.item = item;
    MNK_OUT(judge(&j, err));
    for (size_t i = 0; i < *n; i++) {
        w->b->fate[todo[i]] = j.fate[i];
        if (j.fate[i] == MNK_CANDIDATE_KEPT) {
            for (size_t c = 0; c < v->work->columns; c++) copy_work_cell(work, i, w->now, c, todo[i]);
            mnk_memory_see(&w->memory, todo[i], work, i);
        } else todo[left++] = todo[i];
    }
    *n = left;
out:
    mnk_table_close(next);
    mnk_table_close(work);
    mnk_free(item);
    mnk_free(to);
    mnk_free(j.fate);
    return status;
}

static mnk_status walk_visits(walk *w, size_t n, mnk_error *err) {
    const mnk_visits *v = w->s->g->visits;
    size_t *todo = NULL;
    mnk_status status;
    MNK_OUT(MNK_NEW(todo, n, err));
    MNK_OUT(mnk_memory_open(v, n, &w->memory, err));
    for (size_t i = 0; i < n; i++) mnk_memory_see(&w->memory, i, w->now, i);
    MNK_OUT(MNK_NEW(w->given, v->next->columns, err));
    MNK_OUT(MNK_NEW(w->all, n, err));
    memset(w->all, 1, n);
    for (size_t c = 0; c < v->next->columns; c++) w->given[c] = c < v->given ? w->all : NULL;
    for (int32_t visit = 1; visit < v->most; visit++) {
        size_t left = 0;
        for (size_t i = 0; i < n; i++)
            if (w->visits[i] > visit && w->b->fate[i] == MNK_CANDIDATE_KEPT) todo[left++] = i;
        if (!left) break;
        for (uint32_t retry = 0; retry < VISIT_TRIES && left; retry++) MNK_OUT(try_visit(w, visit, retry, todo, &left, err));
    }
out:
    mnk_memory_clear(&w->memory);
    mnk_free(todo);
    mnk_free(w->given);
    mnk_free(w->all);
    return status;
}

mnk_status mnk_candidates_draw(mnk_candidates *s, const mnk_candidate *which, size_t n, mnk_candidate_block *out,
                               mnk_error *err) {
    const mnk_visits *v = s->g->visits;
    mnk_table *work = NULL;
    uint64_t *item = NULL;
    size_t *mix_row = NULL;
    walk w = {.s = s, .which = which, .b = out};
    mnk_status status;
    *out = (mnk_candidate_block){.n = n};
    MNK_OUT(MNK_NEW(out->fate, n + 1, err));
    MNK_OUT(MNK_NEW(out->start, n + 2, err));
    MNK_OUT(MNK_NEW(item, n + 1, err));
    MNK_OUT(MNK_NEW(mix_row, n + 1, err));
    MNK_OUT(MNK_NEW(w.visits, n + 1, err));
    MNK_OUT(mnk_table_new(v ? v->first : s->g->recoding->work, n, &work, err));
    for (size_t i = 0; i < n; i++) item[i] = item_of(which[i].slot, which[i].attempt, 0, 0);
    MNK_OUT(draw_first(s, which, n, item, mix_row, work, err));
    for (size_t i = 0; i < n; i++) {
        w.visits[i] = v ? mnk_visits_of(v, work, i) : 1;
        out->start[i + 1] = out->start[i] + (size_t)w.visits[i];
    }
    MNK_OUT(mnk_table_new(s->mix ? s->mix->rows->schema : s->g->schema, out->start[n], &out->rows, err));
    judging j = {.s = s,
                 .work = work,
                 .rows = out->rows,
                 .to = out->start,
                 .item = item,
                 .fate = out->fate,
                 .mix = s->mix ? mix_row : NULL};
    MNK_OUT(judge(&j, err));
    w.now = work;
    if (v) MNK_OUT(walk_visits(&w, n, err));
out:
    mnk_table_close(work);
    mnk_free(item);
    mnk_free(mix_row);
    mnk_free(w.visits);
    return status;
}
