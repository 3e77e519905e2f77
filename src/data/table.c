/* Tables in memory: allocation, persons, hash, rows of a table as a table of their own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "manikin/table.h"

mnk_status mnk_table_new(mnk_schema *schema, size_t n, mnk_table **out, mnk_error *err) {
    *out = NULL;
    mnk_table *t = NULL;
    mnk_status status = MNK_NEW(t, 1, err);
    if (status != MNK_OK) return status;
    t->schema = mnk_schema_retain(schema);
    t->n = n;
    MNK_OUT(MNK_NEW(t->number, schema->columns + 1, err));
    MNK_OUT(MNK_NEW(t->code, schema->columns + 1, err));
    MNK_OUT(MNK_NEW(t->split, n + 1, err));
    for (size_t c = 0; c < schema->columns; c++) {
        if (mnk_column_is_number(&schema->column[c])) {
            MNK_OUT(MNK_NEW(t->number[c], n + 1, err));
            for (size_t i = 0; i < n; i++) t->number[c][i] = NAN;
        } else {
            MNK_OUT(MNK_NEW(t->code[c], n + 1, err));
            for (size_t i = 0; i < n; i++) t->code[c][i] = -1;
        }
    }
    *out = t;
    return MNK_OK;
out:
    mnk_table_close(t);
    return status;
}

void mnk_table_close(mnk_table *t) {
    if (!t) return;
    for (size_t c = 0; c < t->schema->columns; c++) {
        if (t->number) mnk_free(t->number[c]);
        if (t->code) mnk_free(t->code[c]);
    }
    mnk_free(t->number);
    mnk_free(t->code);
    mnk_free(t->person);
    mnk_free(t->split);
    mnk_schema_close(t->schema);
    mnk_free(t);
}

typedef struct keyed {
    double key;
    size_t row;
} keyed;

static int by_key(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static int by_row(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    return x->row < y->row ? -1 : 1;
}

/* Persons are numbered in order of appearance, so that the numbers do not depend on the levels' order. */
static mnk_status number_persons(mnk_table *t, size_t column, mnk_error *err) {
    keyed *k = NULL;
    mnk_status status = MNK_OK;
    size_t firsts = 0, have = 0;
    if (!t->person) MNK_OUT(MNK_NEW(t->person, t->n + 1, err));
    MNK_OUT(MNK_NEW(k, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (!mnk_table_is_missing(t, column, i))
            k[have++] = (keyed){t->number[column] ? t->number[column][i] : (double)t->code[column][i], i};
    qsort(k, have, sizeof *k, by_key);
    for (size_t i = 0; i < t->n; i++) t->person[i] = -1;
    for (size_t i = 0, first = 0; i < have; i++) { /* person[row]: for now the row where the person appears first */
        if (i == 0 || k[i].key != k[i - 1].key) first = k[i].row, k[firsts++] = (keyed){k[i].key, first};
        t->person[k[i].row] = (int32_t)first;
    }
    qsort(k, firsts, sizeof *k, by_row);
    t->persons = 0;
    for (size_t i = 0; i < t->n; i++) { /* then its number: a first row gets a new one, later rows that of their first */
        if (t->person[i] < 0 || (size_t)t->person[i] == i) t->person[i] = (int32_t)t->persons++;
        else t->person[i] = t->person[t->person[i]];
    }
out:
    mnk_free(k);
    return status;
}

static void hash_column(const mnk_table *t, size_t c, mnk_hash *h) {
    const mnk_column *k = &t->schema->column[c];
    mnk_hash_add_text(h, k->name);
    mnk_hash_add_text(h, mnk_column_type_name(k->type));
    for (size_t i = 0; i < t->n; i++) {
        if (t->number[c]) {
            double x = mnk_table_is_missing(t, c, i) ? (double)NAN : t->number[c][i] + 0.0; /* one NaN, one zero */
            mnk_hash_add(h, &x, sizeof x);
        } else mnk_hash_add_text(h, t->code[c][i] < 0 ? "" : k->level[t->code[c][i]]);
    }
}

mnk_status mnk_table_finish(mnk_table *t, mnk_error *err) {
    long person = mnk_schema_role(t->schema, MNK_COLUMN_IS_PERSON);
    t->persons = t->n;
    if (t->n > INT32_MAX) return MNK_FAIL(err, MNK_ERR_INPUT, "%zu rows: more than %d", t->n, INT32_MAX);
    if (person >= 0) MNK_TRY(number_persons(t, (size_t)person, err));
    mnk_hash *h = mnk_hash_open();
    if (!h) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    for (size_t c = 0; c < t->schema->columns; c++) hash_column(t, c, h);
    mnk_hash_add(h, t->split, t->n);
    mnk_hash_finish(h, t->hash);
    return MNK_OK;
}

mnk_status mnk_table_select(const mnk_table *t, const size_t *index, size_t n, mnk_table **out, mnk_error *err) {
    mnk_table *s = NULL;
    *out = NULL;
    MNK_TRY(mnk_table_new(t->schema, n, &s, err));
    for (size_t c = 0; c < t->schema->columns; c++)
        for (size_t i = 0; i < n; i++) {
            if (t->number[c]) s->number[c][i] = t->number[c][index[i]];
            else s->code[c][i] = t->code[c][index[i]];
        }
    for (size_t i = 0; i < n; i++) s->split[i] = t->split[index[i]];
    memcpy(s->source, t->source, sizeof s->source);
    s->synthetic = t->synthetic, s->seed = t->seed;
    memcpy(s->generator, t->generator, sizeof s->generator);
    memcpy(s->model_hash, t->model_hash, sizeof s->model_hash);
    mnk_status status = mnk_table_finish(s, err);
    if (status == MNK_OK) *out = s;
    else mnk_table_close(s);
    return status;
}

mnk_status mnk_table_subset(const mnk_table *t, mnk_split split, mnk_table **out, mnk_error *err) {
    static const char *const names[] = {"no split", "train", "val", "test", "holdout"};
    size_t *row = NULL, n = 0;
    *out = NULL;
    MNK_TRY(MNK_NEW(row, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (t->split[i] == (uint8_t)split) row[n++] = i;
    mnk_status status = n ? mnk_table_select(t, row, n, out, err)
                          : MNK_FAIL(err, MNK_ERR_INPUT, "%.300s: no row is in %s", t->source, names[split]);
    mnk_free(row);
    return status;
}
