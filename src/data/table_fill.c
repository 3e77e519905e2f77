#include "data/table_fill.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/parallel.h"
#include "data/date_text.h"
#include "data/images.h"
#include "data/schema_file.h"

enum { TOLD = 20 };

typedef struct bad_cell {
    size_t row, column;
    char what[64];
} bad_cell;

/* The different texts of one column of codes in one block, in order of appearance; codes of the block are their numbers. */
typedef struct dictionary {
    mnk_cell *item;
    size_t n;
} dictionary;

typedef struct filling {
    mnk_table *t;
    const mnk_table_file *f;
    const mnk_column_binding *binding;
    const mnk_missing_list *list;
    bool *canonical;       /* [columns] all levels are numbers in their shortest form: 1.0 in the file is level 1 */
    dictionary *words;     /* [blocks*columns] */
    mnk_arena **texts;     /* [blocks] what the words may point into */
    bad_cell bad[TOLD];    /* the first ones by row, then column */
    size_t bads, *outside; /* outside: [columns] values beyond the bounds of open columns */
    mnk_status status;     /* memory */
} filling;

/* ---- bad cells ---- */

static bool comes_before(const bad_cell *a, const bad_cell *b) {
    return a->row != b->row ? a->row < b->row : a->column < b->column;
}

/* Keeps the first ones whatever the order in which threads find them. */
static void note_bad(filling *g, size_t row, size_t column, const mnk_cell *cell, const char *why) {
    bad_cell x = {.row = row, .column = column};
    char shown[96], text[40];
    snprintf(text, sizeof text, "%.*s", (int)(cell->n < 24 ? cell->n : 24), cell->at);
    snprintf(x.what, sizeof x.what, "'%.30s' %s", mnk_printable(text, shown), why);
#pragma omp critical(mnk_table_bad)
    {
        size_t have = g->bads < TOLD ? g->bads : TOLD, at = have;
        while (at && comes_before(&x, &g->bad[at - 1])) at--;
        if (at < TOLD) {
            memmove(&g->bad[at + 1 < TOLD ? at + 1 : at], &g->bad[at], (TOLD - 1 - at) * sizeof x);
            g->bad[at] = x;
        }
        g->bads++;
    }
}

static mnk_status tell_bad(const filling *g, mnk_error *err) {
    mnk_bad_list list = {0};
    char shown[96];
    for (size_t i = 0; i < g->bads && i < TOLD; i++)
        mnk_bad_list_add(&list, "row %zu, %.60s: %s", g->bad[i].row + 1,
                         mnk_printable(g->t->schema->column[g->bad[i].column].name, shown), g->bad[i].what);
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%.200s: %zu bad cell%s: %s%s", g->f->name, g->bads,
                                 g->bads == 1 ? "" : "s", list.text, g->bads > TOLD ? "; …" : "");
    mnk_error_hint(err, "correct them, name texts that mean missing, or change levels and bounds in %.120s",
                   g->t->schema->source);
    return status;
}

/* ---- cells ---- */

static bool is_listed(const mnk_column *k, const mnk_cell *c) {
    for (size_t i = 0; i < k->missings; i++)
        if (!strncmp(k->missing[i], c->at, c->n) && !k->missing[i][c->n]) return true;
    return false;
}

/* NULL when the cell is fine. */
static const char *take_number(const mnk_column *k, mnk_number_style style, const mnk_cell *c, double *x, bool *outside) {
    if (k->type == MNK_COLUMN_DATE) {
        if (!mnk_date_parse(c->at, c->n, k->format, x)) return "is no such date";
    } else if (!mnk_number_parse(c->at, c->n, style, x, NULL)) {
        return mnk_number_is_infinite(c->at, c->n) ? "is not finite" : "is not a number";
    }
    bool whole = k->type != MNK_COLUMN_INTEGER || *x == floor(*x);
    *outside = *x < k->low || *x > k->high || !whole;
    if (!*outside || k->is_open) return NULL;
    return !whole ? "is not whole" : *x < k->low ? "is below the lowest" : "is above the highest";
}

static void fill_numbers(filling *g, size_t column, const mnk_table_block *b) {
    const mnk_column *k = &g->t->schema->column[column];
    const mnk_column_binding *from = &g->binding[column];
    const mnk_cell *cell = b->cell + (size_t)from->from * b->rows;
    double *out = g->t->number[column] + b->first;
    size_t beyond = 0;
    for (size_t r = 0; r < b->rows; r++) {
        const mnk_cell *c = &cell[r];
        bool outside = false;
        if (!c->n || is_listed(k, c) || mnk_is_missing_text(g->list, c) || (!g->list->is_given && mnk_is_missing_number(c)))
            continue;
        double x = NAN;
        const char *why = take_number(k, from->style, c, &x, &outside);
        if (why) note_bad(g, b->first + r, column, c, why);
        else out[r] = x, beyond += outside;
    }
#pragma omp atomic
    g->outside[column] += beyond;
}

/* Local codes into the table's column; the words are kept until all blocks are there. */
static bool fill_codes(filling *g, size_t column, const mnk_table_block *b, dictionary *d, int32_t *slot, size_t slots) {
    const mnk_column *k = &g->t->schema->column[column];
    const mnk_cell *cell = b->cell + (size_t)g->binding[column].from * b->rows;
    int32_t *out = g->t->code[column] + b->first;
    size_t room = 0;
    memset(slot, 0xff, slots * sizeof *slot);
    for (size_t r = 0; r < b->rows; r++) {
        const mnk_cell *c = &cell[r];
        if (!c->n || (k->missings && is_listed(k, c))) continue;
        size_t at = mnk_cell_hash(c) & (slots - 1);
        while (slot[at] >= 0 && (d->item[slot[at]].n != c->n || memcmp(d->item[slot[at]].at, c->at, c->n)))
            at = (at + 1) & (slots - 1);
        if (slot[at] < 0) {
            if (d->n == room) {
                mnk_cell *more = mnk_realloc(d->item, room ? room * 2 : 16, sizeof *more);
                if (!more) return false;
                d->item = more;
                room = room ? room * 2 : 16;
            }
            slot[at] = (int32_t)d->n;
            d->item[d->n++] = *c;
        }
        out[r] = slot[at];
    }
    return true;
}

static void fill_block(void *ctx, size_t b) {
    filling *g = ctx;
    mnk_table_block block = {0};
    size_t slots = 16;
    while (slots < 2 * (g->f->block_rows + 1)) slots *= 2;
    int32_t *slot = mnk_alloc(slots, sizeof *slot);
    bool fine = slot && mnk_table_block_read(g->f, b, &block, NULL) == MNK_OK;
    for (size_t c = 0; c < g->t->schema->columns && fine; c++) {
        if (g->binding[c].from < 0) continue;
        if (g->t->number[c]) fill_numbers(g, c, &block);
        else fine = fill_codes(g, c, &block, &g->words[b * g->t->schema->columns + c], slot, slots);
    }
    g->texts[b] = block.texts; /* words may lie there */
    block.texts = NULL;
    mnk_table_block_clear(&block);
    mnk_free(slot);
    if (!fine) {
#pragma omp critical(mnk_table_bad)
        g->status = MNK_ERR_MEMORY;
    }
}

/* ---- codes of the schema ---- */

enum { UNKNOWN = -2 };

/* The code of one word: a level, missing, a new level of an open column, or UNKNOWN. */
static mnk_status code_of(filling *g, size_t column, const mnk_cell *c, mnk_text *text, int32_t *out, mnk_error *err) {
    mnk_schema *s = g->t->schema;
    mnk_column *k = &s->column[column];
    char shortest[32];
    double x;
    MNK_TRY(mnk_cell_text(g->f, c, text, err));
    const char *level = text->s;
    *out = mnk_schema_level(s, column, level);
    if (*out >= 0) return MNK_OK;
    if (mnk_is_missing_text(g->list, c) || (g->canonical[column] && !g->list->is_given && mnk_is_missing_number(c))) {
        *out = -1;
        return MNK_OK;
    }
    if (g->canonical[column] && mnk_number_parse(level, text->n, g->binding[column].style, &x, NULL)) {
        level = mnk_double_text(x, shortest);
        *out = mnk_schema_level(s, column, level);
        if (*out >= 0) return MNK_OK;
    }
    *out = UNKNOWN;
    return k->is_open ? mnk_schema_add_level(s, column, level, out, err) : MNK_OK;
}

static mnk_status number_words(filling *g, size_t column, mnk_error *err) {
    size_t columns = g->t->schema->columns;
    mnk_text text = {0};
    int32_t *map = NULL;
    mnk_status status = MNK_OK;
    for (size_t b = 0; b < g->f->blocks && status == MNK_OK; b++) {
        const dictionary *d = &g->words[b * columns + column];
        size_t first = b * g->f->block_rows, end = first + g->f->block_rows < g->t->n ? first + g->f->block_rows : g->t->n;
        status = MNK_NEW(map, d->n + 1, err);
        for (size_t k = 0; k < d->n && status == MNK_OK; k++) status = code_of(g, column, &d->item[k], &text, &map[k], err);
        for (size_t r = first; r < end && status == MNK_OK; r++) {
            int32_t *code = &g->t->code[column][r], local = *code;
            if (local < 0) continue;
            *code = map[local] == UNKNOWN ? -1 : map[local];
            if (map[local] == UNKNOWN) note_bad(g, r, column, &d->item[local], "is no level");
        }
        mnk_free(map);
        map = NULL;
    }
    mnk_text_clear(&text);
    return status;
}

static bool levels_are_numbers(const mnk_column *k) {
    char shortest[32];
    double x;
    for (size_t i = 0; i < k->levels; i++)
        if (!mnk_number_parse(k->level[i], strlen(k->level[i]), MNK_NUMBER_POINT, &x, NULL) ||
            strcmp(mnk_double_text(x, shortest), k->level[i]) != 0)
            return false;
    return k->levels > 0 && (k->type == MNK_COLUMN_CATEGORY || k->type == MNK_COLUMN_ORDINAL);
}

static void number_column_words(void *ctx, size_t column) {
    filling *g = ctx;
    if (g->t->number[column] || g->binding[column].from < 0) return;
    mnk_status status = number_words(g, column, NULL);
    if (status != MNK_OK) {
#pragma omp critical(mnk_table_bad)
        g->status = status;
    }
}

static void tell_outside(const filling *g, const mnk_observer *observer) {
    char shown[96];
    for (size_t c = 0; c < g->t->schema->columns; c++)
        if (g->outside[c])
            mnk_observe_log(observer, MNK_LOG_DETAIL, "%s: column %s: %zu values outside the schema's bounds", g->f->name,
                            mnk_printable(g->t->schema->column[c].name, shown), g->outside[c]);
}

mnk_status mnk_table_fill(mnk_table *t, const mnk_table_file *f, const mnk_column_binding *binding, const mnk_missing_list *l,
                          const mnk_observer *observer, mnk_error *err) {
    size_t columns = t->schema->columns;
    filling g = {.t = t, .f = f, .binding = binding, .list = l};
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(g.canonical, columns, err));
    MNK_OUT(MNK_NEW(g.outside, columns, err));
    MNK_OUT(MNK_NEW(g.words, f->blocks * columns, err));
    MNK_OUT(MNK_NEW(g.texts, f->blocks, err));
    for (size_t c = 0; c < columns; c++) {
        g.canonical[c] = levels_are_numbers(&t->schema->column[c]);
        (void)mnk_schema_level(t->schema, c, ""); /* the shared index exists before threads come */
    }
    if (!t->schema->index) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", f->name));
    mnk_observe_progress(observer, "row", 0, (double)t->n, "");
    mnk_parallel_for(f->blocks, fill_block, &g);
    if (g.status == MNK_OK) mnk_parallel_for(columns, number_column_words, &g);
    if (g.status != MNK_OK) MNK_OUT(MNK_FAIL(err, g.status, "%s: out of memory while reading %zu rows", f->name, t->n));
    if (g.bads) MNK_OUT(tell_bad(&g, err));
    tell_outside(&g, observer);
    mnk_observe_progress(observer, "row", (double)t->n, (double)t->n, "");
out:
    for (size_t k = 0; g.words && k < f->blocks * columns; k++) mnk_free(g.words[k].item);
    for (size_t b = 0; g.texts && b < f->blocks; b++) mnk_arena_close(g.texts[b]);
    mnk_free(g.words);
    mnk_free(g.texts);
    mnk_free(g.canonical);
    mnk_free(g.outside);
    return status;
}
