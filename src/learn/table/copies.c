/* The reference lines: bootstrap draws whole training rows (what copying looks like), shuffle draws every column by itself
 * (the floor: marginals without dependence). Both keep the working rows in the model, and say so. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "learn/table/kind.h"

enum { CHUNK = 1024, SCAN = 1000 /* rows looked at for the nearest when no row has just the given values */ };

typedef struct rows_model {
    mnk_table *rows;
} rows_model;

static void rows_close(void *model) {
    rows_model *m = model;
    if (m) mnk_table_close(m->rows);
    mnk_free(m);
}

static mnk_status rows_fit(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err) {
    (void)config;
    rows_model *m;
    *model = NULL;
    MNK_TRY(MNK_NEW(m, 1, err));
    *model = m;
    MNK_TRY(mnk_table_new(t->schema, t->n, &m->rows, err));
    for (size_t c = 0; c < t->schema->columns; c++) {
        if (t->number[c]) memcpy(m->rows->number[c], t->number[c], t->n * sizeof(double));
        else memcpy(m->rows->code[c], t->code[c], t->n * sizeof(int32_t));
    }
    snprintf(context->privacy, sizeof context->privacy, "none: the model holds the training rows");
    return MNK_OK;
}

static mnk_status rows_save(const void *model, mnk_tensors *file, mnk_error *err) {
    const rows_model *m = model;
    char name[32];
    for (size_t c = 0; c < m->rows->schema->columns; c++) {
        snprintf(name, sizeof name, "column.%zu", c);
        if (m->rows->number[c]) MNK_TRY(mnk_tensors_add(file, name, MNK_F64, m->rows->number[c], m->rows->n, err));
        else MNK_TRY(mnk_tensors_add(file, name, MNK_I32, m->rows->code[c], m->rows->n, err));
    }
    return MNK_OK;
}

static mnk_status read_column(const mnk_tensors_in *in, const mnk_schema *s, size_t c, size_t n, mnk_table *t, mnk_error *err) {
    char name[32];
    const void *data = NULL;
    snprintf(name, sizeof name, "column.%zu", c);
    MNK_TRY(mnk_tensors_get(in, name, t->number[c] ? MNK_F64 : MNK_I32, n, &data, NULL, err));
    if (t->number[c]) memcpy(t->number[c], data, n * sizeof(double));
    else memcpy(t->code[c], data, n * sizeof(int32_t));
    for (size_t i = 0; i < n; i++) {
        bool fine =
            t->number[c] ? !isinf(t->number[c][i]) : t->code[c][i] >= -1 && t->code[c][i] < (int32_t)s->column[c].levels;
        if (!fine) return mnk_tensors_damaged(in, "a cell is outside its column", err);
    }
    return MNK_OK;
}

static mnk_status rows_open(const mnk_tensors_in *in, const mnk_schema *schema, const void *config, void **model,
                            mnk_error *err) {
    (void)config;
    const void *data = NULL;
    size_t n = 0;
    rows_model *m;
    *model = NULL;
    MNK_TRY(mnk_tensors_get(in, "column.0", mnk_column_is_number(&schema->column[0]) ? MNK_F64 : MNK_I32, SIZE_MAX, &data, &n,
                            err));
    MNK_TRY(MNK_NEW(m, 1, err));
    *model = m;
    mnk_status status = mnk_table_new((mnk_schema *)schema, n, &m->rows, err);
    for (size_t c = 0; status == MNK_OK && c < schema->columns; c++) status = read_column(in, schema, c, n, m->rows, err);
    if (status != MNK_OK) rows_close(m), *model = NULL;
    return status;
}

static void copy_cell(const mnk_table *from, size_t row, mnk_table *to, size_t c, size_t at) {
    if (from->number[c]) to->number[c][at] = from->number[c][row];
    else to->code[c][at] = from->code[c][row];
}

/* ---- bootstrap ---- */

static uint64_t mix(uint64_t h, uint64_t x) {
    h = (h ^ x) * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

static uint64_t cell_bits(const mnk_table *t, size_t c, size_t row) {
    if (t->code[c]) return (uint64_t)(uint32_t)t->code[c][row];
    double x = t->number[c][row];
    uint64_t bits = UINT64_MAX;
    if (x == x) x += 0.0, memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Training rows by the values of the columns that are given in every row. */
typedef struct index_of {
    size_t size;
    uint32_t *first, *next; /* row + 1, 0 none */
    size_t *column, columns;
} index_of;

static uint64_t key_of(const index_of *x, const mnk_table *t, size_t row) {
    uint64_t h = 1;
    for (size_t k = 0; k < x->columns; k++) h = mix(h, cell_bits(t, x->column[k], row));
    return h;
}

static mnk_status open_index(const mnk_table *rows, const mnk_draw_request *request, size_t n, index_of *x, mnk_error *err) {
    MNK_TRY(MNK_NEW(x->column, rows->schema->columns + 1, err));
    for (size_t c = 0; request->given && c < rows->schema->columns; c++)
        if (request->given[c] && (!n || memchr(request->given[c], 0, n) == NULL)) x->column[x->columns++] = c;
    if (!x->columns) return MNK_OK;
    for (x->size = 16; x->size < 2 * rows->n;) x->size *= 2;
    MNK_TRY(MNK_NEW(x->first, x->size, err));
    MNK_TRY(MNK_NEW(x->next, rows->n + 1, err));
    for (size_t i = rows->n; i-- > 0;) {
        uint32_t *slot = &x->first[key_of(x, rows, i) & (x->size - 1)];
        x->next[i] = *slot;
        *slot = (uint32_t)i + 1;
    }
    return MNK_OK;
}

typedef struct boot_task {
    const mnk_table *rows;
    const mnk_draw_request *request;
    mnk_table *out;
    index_of index;
} boot_task;

static size_t same_row(const boot_task *b, size_t i, mnk_rng *r) {
    uint64_t key = key_of(&b->index, b->out, i);
    size_t found = SIZE_MAX, n = 0;
    for (uint32_t k = b->index.first[key & (b->index.size - 1)]; k; k = b->index.next[k - 1])
        if (key_of(&b->index, b->rows, k - 1) == key && mnk_rng_below(r, ++n) == 0) found = k - 1;
    return found;
}

/* Of SCAN random rows the one that agrees with most given cells (numbers: within a tenth, or equal). */
static size_t nearest_row(const boot_task *b, size_t i, mnk_rng *r) {
    size_t best = 0;
    double most = -1;
    for (int k = 0; k < SCAN; k++) {
        size_t row = mnk_rng_below(r, b->rows->n);
        double agree = 0;
        for (size_t c = 0; c < b->rows->schema->columns; c++) {
            if (!b->request->given[c] || !b->request->given[c][i]) continue;
            if (cell_bits(b->rows, c, row) == cell_bits(b->out, c, i)) agree += 1;
            else if (b->rows->number[c]) {
                double x = b->rows->number[c][row], y = b->out->number[c][i];
                agree += x == x && y == y ? 1 / (1 + 10 * fabs(x - y) / (fabs(y) + 1e-9)) : 0;
            }
        }
        if (agree > most) most = agree, best = row;
    }
    return best;
}

/* A value for a cell that may not be missing: the row's own, else that of the next random rows. */
static void put_cell(const boot_task *b, size_t c, size_t i, size_t row, mnk_rng *r) {
    for (int k = 0; k < SCAN && b->request->complete && mnk_table_is_missing(b->rows, c, row); k++)
        row = mnk_rng_below(r, b->rows->n);
    copy_cell(b->rows, row, b->out, c, i);
}

static void boot_chunk(void *ctx, size_t chunk) {
    const boot_task *b = ctx;
    size_t end = (chunk + 1) * CHUNK < b->out->n ? (chunk + 1) * CHUNK : b->out->n;
    for (size_t i = chunk * CHUNK; i < end; i++) {
        mnk_rng r = mnk_rng_at(b->request->seed, MNK_PURPOSE_TABLE_DRAW, b->request->item[i], b->request->stream);
        size_t row = SIZE_MAX;
        if (b->index.columns) row = same_row(b, i, &r);
        if (row == SIZE_MAX) row = b->request->given ? nearest_row(b, i, &r) : mnk_rng_below(&r, b->rows->n);
        for (size_t c = 0; c < b->rows->schema->columns; c++)
            if (!b->request->given || !b->request->given[c] || !b->request->given[c][i]) put_cell(b, c, i, row, &r);
    }
}

static mnk_status boot_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) {
    const rows_model *m = model;
    boot_task b = {.rows = m->rows, .request = request, .out = out};
    if (m->rows->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "the model holds no rows");
    mnk_status status = open_index(m->rows, request, out->n, &b.index, err);
    if (status == MNK_OK) mnk_parallel_for((out->n + CHUNK - 1) / CHUNK, boot_chunk, &b);
    mnk_free(b.index.column);
    mnk_free(b.index.first);
    mnk_free(b.index.next);
    return status;
}

const mnk_generator_kind mnk_kind_bootstrap = {
    .name = "bootstrap",
    .summary = "whole training rows, drawn again: what copying looks like",
    .examples = "manikin train bootstrap patients.csv -o copy.model     # the ceiling, and what audits must catch\n",
    .can = MNK_KIND_GIVEN,
    .fit = rows_fit,
    .draw = boot_draw,
    .save = rows_save,
    .open = rows_open,
    .close = rows_close,
};

/* ---- shuffle ---- */

static void shuffle_chunk(void *ctx, size_t chunk) {
    const boot_task *b = ctx;
    size_t end = (chunk + 1) * CHUNK < b->out->n ? (chunk + 1) * CHUNK : b->out->n;
    for (size_t i = chunk * CHUNK; i < end; i++) {
        mnk_rng r = mnk_rng_at(b->request->seed, MNK_PURPOSE_TABLE_DRAW, b->request->item[i], b->request->stream);
        for (size_t c = 0; c < b->rows->schema->columns; c++)
            if (!b->request->given || !b->request->given[c] || !b->request->given[c][i])
                put_cell(b, c, i, mnk_rng_below(&r, b->rows->n), &r);
    }
}

static mnk_status shuffle_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) {
    const rows_model *m = model;
    boot_task b = {.rows = m->rows, .request = request, .out = out};
    if (m->rows->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "the model holds no rows");
    mnk_parallel_for((out->n + CHUNK - 1) / CHUNK, shuffle_chunk, &b);
    return MNK_OK;
}

const mnk_generator_kind mnk_kind_shuffle = {
    .name = "shuffle",
    .summary = "every column by itself: right marginals, no dependence; the floor",
    .examples = "manikin train shuffle patients.csv -o floor.model     # what no generator may fall below\n",
    .can = MNK_KIND_GIVEN,
    .fit = rows_fit,
    .draw = shuffle_draw,
    .save = rows_save,
    .open = rows_open,
    .close = rows_close,
};
