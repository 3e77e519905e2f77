/* Drawing: candidates in blocks, each a function of (seed, its number); those that meet rules and condition are kept in
 * order until there are enough. A candidate is a row, or a person with all visits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "learn/table/candidates.h"
#include "learn/table/condition.h"
#include "learn/table/generator.h"
#include "learn/table/mix.h"

enum { SLOTS = 8192 /* filled together */, DRAWS = 2048 /* candidates of a round at least, where slots are left */ };
enum { TRIES = 200000 }; /* for one slot; then what is asked for is taken to be impossible */

/* Where identifiers stand they are numbered: rows 0.., persons 0... */
static mnk_status name_rows(const mnk_table_generator *g, mnk_table *t, const int32_t *person, uint64_t seed, mnk_error *err) {
    char text[2 * MNK_ID_LENGTH];
    for (size_t c = 0; c < g->schema->columns; c++) {
        const mnk_recode *k = &g->recoding->column[c];
        if (k->kind != MNK_RECODE_ID) continue;
        for (size_t i = 0; i < t->n; i++) {
            uint64_t number = k->per_person ? (uint64_t)person[i] : i;
            if (!(t->schema->column[c].roles & MNK_COLUMN_IS_PERSON) && k->id.missing > 0) {
                mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TABLE_ID, number, 1 + (uint32_t)c);
                if (mnk_rng_uniform(&r) < k->id.missing) continue;
            }
            if (t->number[c]) {
                t->number[c][i] = mnk_id_number(&k->id, number);
                continue;
            }
            mnk_id_make(&k->id, seed, number, text);
            MNK_TRY(mnk_schema_add_level(t->schema, c, text, &t->code[c][i], err));
        }
    }
    return MNK_OK;
}

typedef struct sampler {
    mnk_table_generator *g;
    const mnk_table_sample_options *o;
    mnk_candidates *source;
    mnk_table *out;
    int32_t *person;
    size_t filled, persons, capacity;
    mnk_table_sample_report report;
} sampler;

static void copy_row(const mnk_table *from, size_t row, mnk_table *to, size_t at) {
    for (size_t c = 0; c < from->schema->columns; c++) {
        if (from->number[c]) to->number[c][at] = from->number[c][row];
        else to->code[c][at] = from->code[c][row];
    }
}

/* Room for n rows: a new table twice as large. */
static mnk_status reserve(sampler *s, size_t n, mnk_error *err) {
    if (n <= s->capacity) return MNK_OK;
    size_t more = s->capacity * 2 > n ? s->capacity * 2 : n;
    mnk_table *t;
    MNK_TRY(mnk_table_new(s->out->schema, more, &t, err));
    for (size_t i = 0; i < s->filled; i++) copy_row(s->out, i, t, i);
    mnk_table_close(s->out);
    s->out = t;
    s->capacity = more;
    int32_t *person = mnk_realloc(s->person, more + 1, sizeof *person);
    if (!person) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu rows", more);
    s->person = person;
    return MNK_OK;
}

static bool is_enough(const sampler *s) { return s->o->persons ? s->persons >= s->o->persons : s->filled >= s->o->n; }

/* The kept candidates of one round, moved together. */
typedef struct catch {
    mnk_table *rows;
    size_t *start; /* [kept + 1] */
}
catch;

typedef struct slots { /* a block of slots being filled */
    uint64_t first;
    size_t n, rounds, room;
    catch *round;
    size_t *in_round, *at; /* [n] where the slot's candidate lies; in_round SIZE_MAX: still empty */
    uint32_t attempt;      /* tries of the empty slots so far */
} slots;

static void clear_slots(slots *b) {
    for (size_t r = 0; r < b->rounds; r++) {
        mnk_table_close(b->round[r].rows);
        mnk_free(b->round[r].start);
    }
    mnk_free(b->round);
    mnk_free(b->in_round);
    mnk_free(b->at);
    *b = (slots){0};
}

static mnk_status open_slots(uint64_t first, size_t n, slots *b, mnk_error *err) {
    *b = (slots){.first = first, .n = n};
    MNK_TRY(MNK_NEW(b->in_round, n + 1, err));
    MNK_TRY(MNK_NEW(b->at, n + 1, err));
    memset(b->in_round, 0xff, n * sizeof *b->in_round);
    return MNK_OK;
}

/* The first kept candidate of each empty slot is taken; candidates come slot by slot, attempt by attempt. */
static mnk_status catch_kept(sampler *s, slots *b, const mnk_candidate *which, const mnk_candidate_block *drawn,
                             mnk_error *err) {
    size_t candidates = 0, rows = 0;
    if (b->rounds == b->room) {
        size_t room = b->room ? 2 * b->room : 16;
        catch *more = mnk_realloc(b->round, room, sizeof *more);
        if (!more) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: rounds of sampling");
        b->round = more, b->room = room;
    }
    catch *c = &b->round[b->rounds];
    *c = (catch){0};
    size_t number = b->rounds++;
    MNK_TRY(MNK_NEW(c->start, drawn->n + 2, err));
    size_t *from;
    MNK_TRY(MNK_NEW(from, drawn->n + 1, err));
    for (size_t i = 0; i < drawn->n; i++) {
        size_t slot = (size_t)(which[i].slot - b->first);
        if (b->in_round[slot] != SIZE_MAX) continue; /* an earlier attempt was kept: this one was never needed */
        s->report.drawn++;
        if (drawn->fate[i] == MNK_CANDIDATE_RULE) s->report.rule_rejects++;
        if (drawn->fate[i] == MNK_CANDIDATE_WHERE) s->report.where_rejects++;
        if (drawn->fate[i] != MNK_CANDIDATE_KEPT) continue;
        s->report.kept++;
        b->in_round[slot] = number, b->at[slot] = candidates;
        from[candidates++] = i;
        rows += drawn->start[i + 1] - drawn->start[i];
        c->start[candidates] = rows;
    }
    mnk_status status = mnk_table_new(drawn->rows->schema, rows, &c->rows, err);
    for (size_t k = 0; status == MNK_OK && k < candidates; k++)
        for (size_t r = c->start[k]; r < c->start[k + 1]; r++)
            copy_row(drawn->rows, drawn->start[from[k]] + r - c->start[k], c->rows, r);
    mnk_free(from);
    return status;
}

/* The slots' rows, in order, to the output. */
static mnk_status pour(sampler *s, const slots *b, mnk_error *err) {
    for (size_t i = 0; i < b->n && !is_enough(s); i++) {
        const catch *c = &b->round[b->in_round[i]];
        size_t rows = c->start[b->at[i] + 1] - c->start[b->at[i]];
        if (!s->o->persons && s->filled + rows > s->o->n) rows = s->o->n - s->filled;
        MNK_TRY(reserve(s, s->filled + rows, err));
        for (size_t k = 0; k < rows; k++) {
            copy_row(c->rows, c->start[b->at[i]] + k, s->out, s->filled);
            s->person[s->filled++] = (int32_t)s->persons;
        }
        s->persons++;
    }
    return MNK_OK;
}

static mnk_status hopeless(const sampler *s, mnk_error *err) {
    const char *rule = mnk_candidates_worst_rule(s->source);
    const mnk_table_sample_report *r = &s->report;
    mnk_status status;
    if (s->o->where && r->where_rejects >= r->rule_rejects) {
        status = MNK_FAIL(err, MNK_ERR_INPUT,
                          "only %zu of %zu draws meet --where '%.300s': it is impossible, or as good as unknown to "
                          "the model",
                          r->kept, r->drawn, s->o->where);
        mnk_error_hint(err, s->g->kind->can & MNK_KIND_BOX ? "loosen the condition"
                                                           : "loosen it, or train arf, which draws within conditions");
    } else {
        status =
            MNK_FAIL(err, MNK_ERR_INPUT, "only %zu of %zu draws meet the rules of the schema, most often broken: \"%.300s\"",
                     r->kept, r->drawn, rule ? rule : "?");
        mnk_error_hint(err, "the rules may contradict each other, or what is asked for");
    }
    return status;
}

/* One round: every empty slot gets a try, the last few of a block several at once. */
static mnk_status one_round(sampler *s, slots *b, size_t *empty, mnk_error *err) {
    size_t left = 0, n = 0;
    for (size_t i = 0; i < b->n; i++) left += b->in_round[i] == SIZE_MAX;
    *empty = left;
    if (!left) return MNK_OK;
    uint32_t tries = b->attempt == 0 || left >= DRAWS ? 1 : (uint32_t)(DRAWS / left);
    if (tries > TRIES - b->attempt) tries = TRIES - b->attempt;
    mnk_candidate *which;
    mnk_candidate_block drawn = {0};
    MNK_TRY(MNK_NEW(which, left * tries + 1, err));
    for (size_t i = 0; i < b->n; i++)
        for (uint32_t k = 0; k < tries && b->in_round[i] == SIZE_MAX; k++)
            which[n++] = (mnk_candidate){b->first + i, b->attempt + k};
    mnk_status status = mnk_candidates_draw(s->source, which, n, &drawn, err);
    if (status == MNK_OK) status = catch_kept(s, b, which, &drawn, err);
    b->attempt += tries;
    mnk_candidate_block_clear(&drawn);
    mnk_free(which);
    return status;
}

static mnk_status fill(sampler *s, const mnk_observer *observer, mnk_error *err) {
    double want = (double)(s->o->persons ? s->o->persons : s->o->n);
    slots b = {0};
    mnk_status status = MNK_OK;
    for (uint64_t first = 0; !is_enough(s); first += SLOTS) {
        /* rows wanted, or so many persons at most */
        double left = want - (double)(s->o->persons ? s->persons : s->filled);
        size_t n = left < SLOTS ? (size_t)left : SLOTS, empty = 1;
        MNK_OUT(open_slots(first, n, &b, err));
        while (empty) {
            size_t tried = s->report.drawn, kept = s->report.kept;
            if (mnk_observe_stopped(observer)) {
                status = MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped after %zu rows; nothing was written", s->filled);
                goto out;
            }
            MNK_OUT(one_round(s, &b, &empty, err));
            if (empty && (b.attempt >= TRIES || (tried >= TRIES && kept * (TRIES / 4) < tried))) {
                status = hopeless(s, err);
                goto out;
            }
        }
        MNK_OUT(pour(s, &b, err));
        clear_slots(&b);
        first += n - SLOTS; /* a short block is the last one, or persons had fewer rows than hoped for */
        mnk_observe_progress(observer, s->o->persons ? "person" : "row", (double)(s->o->persons ? s->persons : s->filled), want,
                             "");
    }
out:
    clear_slots(&b);
    return status;
}

/* The table as long as what was kept, named and finished. */
static mnk_status finish(sampler *s, mnk_table **out, mnk_error *err) {
    mnk_table *t = s->out;
    t->n = s->filled; /* the columns may have more room: the rest is never looked at */
    MNK_TRY(name_rows(s->g, t, s->person, s->o->seed, err));
    t->synthetic = true;
    t->seed = s->o->seed;
    snprintf(t->generator, sizeof t->generator, "%s", s->g->kind->name);
    snprintf(t->model_hash, sizeof t->model_hash, "%s", s->g->hash);
    snprintf(t->source, sizeof t->source, "drawn from %s", s->g->kind->name);
    MNK_TRY(mnk_table_finish(t, err));
    *out = t;
    s->out = NULL;
    return MNK_OK;
}

static mnk_status check_request(const mnk_table_generator *g, const mnk_table_sample_options *o, mnk_error *err) {
    if (o->n == 0 && o->persons == 0) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "sample: how many rows?");
        mnk_error_hint(err, "add -n 1000%s", g->visits ? ", or --persons 1000" : "");
        return status;
    }
    if (o->n && o->persons) return MNK_FAIL(err, MNK_ERR_USAGE, "-n counts rows and --persons persons: give one of them");
    if (o->n > INT32_MAX || o->persons > INT32_MAX) return MNK_FAIL(err, MNK_ERR_USAGE, "at most %d rows at a time", INT32_MAX);
    return MNK_OK;
}

mnk_status mnk_table_generator_sample(mnk_table_generator *g, const mnk_table_sample_options *options,
                                      const mnk_observer *observer, mnk_table **out, mnk_table_sample_report *report,
                                      mnk_error *err) {
    mnk_table_sample_options o = *options;
    sampler s = {.g = g, .o = &o};
    mnk_schema *schema = NULL;
    mnk_status status = MNK_OK;
    *out = NULL;
    if (o.like && !o.n && !o.persons) o.n = o.like->n;
    MNK_TRY(check_request(g, &o, err));
    s.capacity = o.n ? o.n : o.persons;
    MNK_OUT(mnk_memory_require(s.capacity * g->schema->columns * sizeof(double), "the synthetic table", err));
    MNK_OUT(mnk_schema_copy(g->schema, &schema, err));
    MNK_OUT(mnk_table_new(schema, s.capacity, &s.out, err));
    MNK_OUT(MNK_NEW(s.person, s.capacity + 1, err));
    MNK_OUT(mnk_candidates_open(g, &o, &s.source, err));
    MNK_OUT(fill(&s, observer, err));
    MNK_OUT(finish(&s, out, err));
    if (s.report.kept < s.report.drawn)
        mnk_observe_log(observer, MNK_LOG_INFO, "%zu of %zu draws kept (%.1f %%): %zu broke a rule, %zu missed the condition",
                        s.report.kept, s.report.drawn, 100.0 * (double)s.report.kept / (double)s.report.drawn,
                        s.report.rule_rejects, s.report.where_rejects);
    if (report) *report = s.report;
out:
    mnk_candidates_close(s.source);
    mnk_table_close(s.out);
    mnk_schema_close(schema);
    mnk_free(s.person);
    return status;
}
