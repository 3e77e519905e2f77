#include "learn/table/visits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Layout of `next`: for each working column its value before (static: its value), then "visit" and "visits", then the
 * changing columns in order. */

void mnk_visits_close(mnk_visits *v) {
    if (!v) return;
    mnk_free(v->is_static);
    mnk_free(v->is_step);
    mnk_schema_close(v->work);
    mnk_schema_close(v->first);
    mnk_schema_close(v->next);
    mnk_free(v);
}

static mnk_status copy_column(const mnk_schema *from, size_t c, const char *suffix, mnk_schema *to, size_t at, mnk_error *err) {
    const mnk_column *k = &from->column[c];
    mnk_column *out = &to->column[at];
    char name[512];
    snprintf(name, sizeof name, "%s%s", k->name, suffix);
    MNK_TRY(mnk_schema_text(&out->name, name, err));
    out->type = k->type, out->roles = k->roles, out->decimals = k->decimals, out->low = k->low, out->high = k->high;
    for (size_t i = 0; i < k->levels; i++) MNK_TRY(mnk_schema_add_level(to, at, k->level[i], NULL, err));
    return MNK_OK;
}

static mnk_status count_column(const char *name, mnk_schema *to, size_t at, mnk_error *err) {
    to->column[at].type = MNK_COLUMN_INTEGER;
    to->column[at].decimals = 0;
    return mnk_schema_text(&to->column[at].name, name, err);
}

static mnk_status make_schemas(mnk_visits *v, mnk_error *err) {
    size_t n = v->work->columns, changing = 0, at = n + 2;
    for (size_t c = 0; c < n; c++) changing += !v->is_static[c];
    MNK_TRY(mnk_schema_new(n + 1, &v->first, err));
    MNK_TRY(mnk_schema_new(n + 2 + changing, &v->next, err));
    for (size_t c = 0; c < n; c++) {
        MNK_TRY(copy_column(v->work, c, "", v->first, c, err));
        MNK_TRY(copy_column(v->work, c, v->is_static[c] ? "" : " before", v->next, c, err));
        if (!v->is_static[c]) v->next->column[c].roles &= ~(unsigned)MNK_COLUMN_IS_LABEL;
    }
    MNK_TRY(count_column("visits", v->first, n, err));
    MNK_TRY(count_column("visit", v->next, n, err));
    MNK_TRY(count_column("visits", v->next, n + 1, err));
    for (size_t c = 0; c < n; c++) {
        if (v->is_static[c]) continue;
        MNK_TRY(copy_column(v->work, c, v->is_step[c] ? " step" : "", v->next, at, err));
        if (v->is_step[c]) v->next->column[at].low = v->next->column[at].high = NAN;
        at++;
    }
    return MNK_OK;
}

/* ---- rows ---- */

static void copy_cell(const mnk_table *from, size_t c, size_t row, mnk_table *to, size_t column, size_t at) {
    if (from->number[c]) to->number[column][at] = from->number[c][row];
    else to->code[column][at] = from->code[c][row];
}

void mnk_visits_ask(const mnk_visits *v, const mnk_table *now, size_t from, int32_t visit, int32_t visits, mnk_table *next,
                    size_t to) {
    size_t n = v->work->columns;
    for (size_t c = 0; c < n; c++) copy_cell(now, c, from, next, c, to);
    next->number[n][to] = visit;
    next->number[n + 1][to] = visits;
}

size_t mnk_visits_given(const mnk_visits *v) { return v->work->columns + 2; }

void mnk_visits_take(const mnk_visits *v, const mnk_table *now, size_t from, const mnk_table *next, size_t row, mnk_table *work,
                     size_t to) {
    size_t n = v->work->columns, at = n + 2;
    for (size_t c = 0; c < n; c++) {
        if (v->is_static[c]) copy_cell(now, c, from, work, c, to);
        else copy_cell(next, at++, row, work, c, to);
        if (!v->is_step[c]) continue;
        double before = now->number[c][from], step = work->number[c][to];
        if (before == before) work->number[c][to] = before + step; /* without a visit before it is the value itself */
    }
}

int32_t mnk_visits_of(const mnk_visits *v, const mnk_table *first, size_t row) {
    double x = first->number[v->work->columns][row];
    return x >= 1 ? (x < v->most ? (int32_t)lround(x) : v->most) : 1;
}

/* ---- fitting ---- */

typedef struct placed {
    int32_t person;
    double when;
    size_t row;
} placed;

static int by_place(const void *a, const void *b) {
    const placed *x = a, *y = b;
    if (x->person != y->person) return x->person < y->person ? -1 : 1;
    if (x->when != y->when) return x->when < y->when ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

/* Rows person by person, in the order of the VISIT column, else of the table (missing visits come last). */
static mnk_status place_rows(const mnk_table *t, placed **out, mnk_error *err) {
    long visit = mnk_schema_role(t->schema, MNK_COLUMN_IS_VISIT);
    placed *p;
    MNK_TRY(MNK_NEW(p, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++) {
        double when = 0;
        if (visit >= 0 && t->number[visit]) when = t->number[visit][i];
        else if (visit >= 0 && t->schema->column[visit].type == MNK_COLUMN_ORDINAL) when = t->code[visit][i];
        p[i] = (placed){t->person[i], when == when ? when : INFINITY, i};
    }
    qsort(p, t->n, sizeof *p, by_place);
    *out = p;
    return MNK_OK;
}

static bool same_cell(const mnk_table *t, size_t c, size_t a, size_t b) {
    if (t->code[c]) return t->code[c][a] == t->code[c][b];
    double x = t->number[c][a], y = t->number[c][b];
    return x == y || (x != x && y != y);
}

/* Static: never changes, or so rarely (1 in 200 later visits) that it is a slip of the pen. */
static void find_static(const mnk_table *t, const mnk_recoding *r, const mnk_table *work, const placed *p, mnk_visits *v) {
    for (size_t c = 0; c < work->schema->columns; c++) {
        size_t later = 0, changed = 0;
        for (size_t i = 1; i < t->n; i++) {
            if (p[i].person != p[i - 1].person) continue;
            later++;
            changed += !same_cell(work, c, p[i].row, p[i - 1].row);
        }
        long user = r->user_of_work[c];
        const mnk_column *column = &t->schema->column[user];
        bool is_visit = (column->roles & MNK_COLUMN_IS_VISIT) != 0;
        v->is_static[c] = changed * 200 <= later && !is_visit;
        v->is_step[c] = !v->is_static[c] && work->number[c] && r->column[user].kind == MNK_RECODE_NUMBER &&
                        (is_visit || column->type == MNK_COLUMN_DATE);
    }
}

static void fill_next(const mnk_visits *v, const mnk_table *work, size_t before, size_t row, mnk_table *next, size_t to) {
    size_t at = v->work->columns + 2;
    for (size_t c = 0; c < v->work->columns; c++) {
        if (v->is_static[c]) continue;
        copy_cell(work, c, row, next, at, to);
        if (v->is_step[c] && work->number[c][before] == work->number[c][before])
            next->number[at][to] -= work->number[c][before];
        at++;
    }
}

static void fill_tables(const mnk_visits *v, const mnk_table *work, const placed *p, mnk_table *first, mnk_table *next) {
    size_t person = 0, later = 0, n = work->n;
    for (size_t i = 0, start = 0; i < n; i++) {
        if (i == 0 || p[i].person != p[i - 1].person) {
            size_t end = i + 1;
            while (end < n && p[end].person == p[i].person) end++;
            for (size_t c = 0; c < v->work->columns; c++) copy_cell(work, c, p[i].row, first, c, person);
            first->number[v->work->columns][person++] = (double)(end - i);
            start = i;
            continue;
        }
        int32_t visits = (int32_t)first->number[v->work->columns][person - 1];
        mnk_visits_ask(v, work, p[i - 1].row, (int32_t)(i - start), visits, next, later);
        fill_next(v, work, p[i - 1].row, p[i].row, next, later++);
    }
}

mnk_status mnk_visits_fit(const mnk_table *t, const mnk_recoding *r, const mnk_table *work, mnk_visits **out, mnk_table **first,
                          mnk_table **next, mnk_error *err) {
    placed *p = NULL;
    mnk_visits *v = NULL;
    mnk_status status = MNK_OK;
    *out = NULL, *first = *next = NULL;
    MNK_OUT(place_rows(t, &p, err));
    MNK_OUT(MNK_NEW(v, 1, err));
    v->work = mnk_schema_retain(work->schema);
    MNK_OUT(MNK_NEW(v->is_static, work->schema->columns + 1, err));
    MNK_OUT(MNK_NEW(v->is_step, work->schema->columns + 1, err));
    find_static(t, r, work, p, v);
    MNK_OUT(make_schemas(v, err));
    MNK_OUT(mnk_table_new(v->first, t->persons, first, err));
    MNK_OUT(mnk_table_new(v->next, t->n - t->persons, next, err));
    fill_tables(v, work, p, *first, *next);
    for (size_t i = 0; i < t->persons; i++) v->most = (int32_t)fmax(v->most, (*first)->number[v->work->columns][i]);
    *out = v;
    v = NULL;
out:
    mnk_free(p);
    mnk_visits_close(v);
    return status;
}

/* ---- file ---- */

mnk_status mnk_visits_save(const mnk_visits *v, mnk_tensors *file, mnk_error *err) {
    MNK_TRY(mnk_tensors_add(file, "visits.static", MNK_U8, v->is_static, v->work->columns, err));
    MNK_TRY(mnk_tensors_add(file, "visits.step", MNK_U8, v->is_step, v->work->columns, err));
    return mnk_tensors_add(file, "visits.most", MNK_I32, &v->most, 1, err);
}

mnk_status mnk_visits_open(const mnk_tensors_in *in, mnk_schema *work, mnk_visits **out, mnk_error *err) {
    mnk_visits *v = NULL;
    const void *most = NULL;
    void *p;
    *out = NULL;
    MNK_TRY(mnk_tensors_get(in, "visits.most", MNK_I32, 1, &most, NULL, err));
    mnk_status status = MNK_NEW(v, 1, err);
    if (status != MNK_OK) return status;
    v->work = mnk_schema_retain(work);
    v->most = *(const int32_t *)most;
    MNK_OUT(mnk_tensors_copy(in, "visits.static", MNK_U8, work->columns, &p, NULL, err));
    v->is_static = p;
    MNK_OUT(mnk_tensors_copy(in, "visits.step", MNK_U8, work->columns, &p, NULL, err));
    v->is_step = p;
    bool fine = v->most >= 1;
    for (size_t c = 0; c < work->columns; c++)
        fine = fine && v->is_static[c] <= 1 && v->is_step[c] <= 1 && !(v->is_static[c] && v->is_step[c]) &&
               (!v->is_step[c] || mnk_column_is_number(&work->column[c]));
    MNK_OUT(fine ? MNK_OK : mnk_tensors_damaged(in, "its visits are impossible", err));
    MNK_OUT(make_schemas(v, err));
    *out = v;
    v = NULL;
out:
    mnk_visits_close(v);
    return status;
}
