#include "learn/table/visits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/table_visits.h"
#include "learn/table/memory.h"

/* Layout of `next`: for each working column its value before (static: its value), then the memory, "visit" and "visits", then
 * the changing columns in order. */

void mnk_visits_close(mnk_visits *v) {
    if (!v) return;
    mnk_free(v->is_static);
    mnk_free(v->is_step);
    mnk_free(v->remembers);
    mnk_schema_close(v->work);
    mnk_schema_close(v->first);
    mnk_schema_close(v->next);
    mnk_free(v);
}

mnk_status mnk_visits_copy_column(const mnk_schema *from, size_t c, const char *suffix, bool same, mnk_schema *to, size_t at,
                                  mnk_error *err) {
    const mnk_column *k = &from->column[c];
    mnk_column *out = &to->column[at];
    char name[512];
    snprintf(name, sizeof name, "%s%s", k->name, suffix);
    MNK_TRY(mnk_schema_text(&out->name, name, err));
    out->type = MNK_COLUMN_NUMERIC;
    if (!same || mnk_column_is_number(k)) {
        out->type = mnk_column_is_number(k) ? k->type : MNK_COLUMN_NUMERIC;
        return MNK_OK;
    }
    out->type = k->type;
    for (size_t i = 0; i < k->levels; i++) MNK_TRY(mnk_schema_add_level(to, at, k->level[i], NULL, err));
    return MNK_OK;
}

static mnk_status copy_column(const mnk_schema *from, size_t c, const char *suffix, mnk_schema *to, size_t at, mnk_error *err) {
    const mnk_column *k = &from->column[c];
    mnk_column *out = &to->column[at];
    MNK_TRY(mnk_visits_copy_column(from, c, suffix, true, to, at, err));
    out->roles = k->roles, out->decimals = k->decimals, out->low = k->low, out->high = k->high;
    return MNK_OK;
}

static mnk_status count_column(const char *name, mnk_schema *to, size_t at, mnk_error *err) {
    to->column[at].type = MNK_COLUMN_INTEGER;
    to->column[at].decimals = 0;
    return mnk_schema_text(&to->column[at].name, name, err);
}

static mnk_status make_next(mnk_visits *v, mnk_error *err) {
    size_t n = v->work->columns, changing = 0, at = n;
    v->given = n + 2;
    for (size_t c = 0; c < n; c++) {
        changing += !v->is_static[c];
        for (int kind = 0; kind < MNK_REMEMBERS; kind++) v->given += v->remembers[c] >> kind & 1;
    }
    mnk_schema_close(v->next);
    v->next = NULL;
    MNK_TRY(mnk_schema_new(v->given + changing, &v->next, err));
    for (size_t c = 0; c < n; c++) {
        MNK_TRY(copy_column(v->work, c, v->is_static[c] ? "" : " before", v->next, c, err));
        if (!v->is_static[c]) v->next->column[c].roles &= ~(unsigned)MNK_COLUMN_IS_LABEL;
    }
    MNK_TRY(mnk_memory_schema(v, v->next, &at, err));
    MNK_TRY(count_column("visit", v->next, at++, err));
    MNK_TRY(count_column("visits", v->next, at++, err));
    for (size_t c = 0; c < n; c++) {
        if (v->is_static[c]) continue;
        MNK_TRY(copy_column(v->work, c, v->is_step[c] ? " step" : "", v->next, at, err));
        if (v->is_step[c]) v->next->column[at].low = v->next->column[at].high = NAN;
        at++;
    }
    return MNK_OK;
}

static mnk_status make_first(mnk_visits *v, mnk_error *err) {
    size_t n = v->work->columns;
    MNK_TRY(mnk_schema_new(n + 1, &v->first, err));
    for (size_t c = 0; c < n; c++) MNK_TRY(copy_column(v->work, c, "", v->first, c, err));
    return count_column("visits", v->first, n, err);
}

/* ---- rows ---- */

static void copy_cell(const mnk_table *from, size_t c, size_t row, mnk_table *to, size_t column, size_t at) {
    if (from->number[c]) to->number[column][at] = from->number[c][row];
    else to->code[column][at] = from->code[c][row];
}

void mnk_visits_ask(const mnk_memory *m, size_t person, const mnk_table *now, size_t from, int32_t visit, int32_t visits,
                    mnk_table *next, size_t to) {
    const mnk_visits *v = m->v;
    for (size_t c = 0; c < v->work->columns; c++) copy_cell(now, c, from, next, c, to);
    mnk_memory_write(m, person, next, to);
    next->number[v->given - 2][to] = visit;
    next->number[v->given - 1][to] = visits;
}

void mnk_visits_take(const mnk_visits *v, const mnk_table *now, size_t from, const mnk_table *next, size_t row, mnk_table *work,
                     size_t to) {
    size_t n = v->work->columns, at = v->given;
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
    size_t row;
} placed;

/* Rows person by person, in their order. */
static mnk_status place_rows(const mnk_table *t, placed **out, mnk_error *err) {
    size_t *order;
    placed *p;
    MNK_TRY(mnk_table_visit_order(t, &order, err));
    mnk_status status = MNK_NEW(p, t->n + 1, err);
    for (size_t i = 0; i < t->n && status == MNK_OK; i++) p[i] = (placed){t->person[order[i]], order[i]};
    mnk_free(order);
    *out = p;
    return status;
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
    size_t at = v->given;
    for (size_t c = 0; c < v->work->columns; c++) {
        if (v->is_static[c]) continue;
        copy_cell(work, c, row, next, at, to);
        if (v->is_step[c] && work->number[c][before] == work->number[c][before])
            next->number[at][to] -= work->number[c][before];
        at++;
    }
}

static void fill_first(const mnk_visits *v, const mnk_table *work, const placed *p, mnk_table *first) {
    size_t person = 0, n = work->n;
    for (size_t i = 0; i < n; i++) {
        if (i && p[i].person == p[i - 1].person) continue;
        size_t end = i + 1;
        while (end < n && p[end].person == p[i].person) end++;
        for (size_t c = 0; c < v->work->columns; c++) copy_cell(work, c, p[i].row, first, c, person);
        first->number[v->work->columns][person++] = (double)(end - i);
    }
}

static mnk_status fill_later(const mnk_visits *v, const mnk_table *work, const placed *p, const mnk_table *first,
                             mnk_table *next, mnk_error *err) {
    mnk_memory m;
    size_t person = 0, later = 0;
    mnk_status status = mnk_memory_open(v, 1, &m, err);
    for (size_t i = 0, start = 0; i < work->n && status == MNK_OK; i++) {
        if (i == 0 || p[i].person != p[i - 1].person) {
            start = i, person++;
            mnk_memory_reset(&m, 0);
        } else {
            const int32_t visits = (int32_t)first->number[v->work->columns][person - 1];
            mnk_visits_ask(&m, 0, work, p[i - 1].row, (int32_t)(i - start), visits, next, later);
            fill_next(v, work, p[i - 1].row, p[i].row, next, later++);
        }
        mnk_memory_see(&m, 0, work, p[i].row);
    }
    mnk_memory_clear(&m);
    return status;
}

/* With all that could be remembered, then again with what is worth it. */
static mnk_status make_later(mnk_visits *v, const mnk_table *work, const placed *p, const mnk_table *first, mnk_table **next,
                             mnk_error *err) {
    const size_t later = work->n - first->n;
    for (size_t c = 0; c < v->work->columns; c++) {
        bool holes = false;
        for (size_t i = 0; i < work->n && !holes; i++)
            holes = work->number[c] ? isnan(work->number[c][i]) : work->code[c][i] < 0;
        v->remembers[c] =
            (uint8_t)mnk_memory_of(v, c, holes ? MNK_REMEMBERS_ALL : MNK_REMEMBERS_ALL & ~(unsigned)MNK_REMEMBERS_LAST);
    }
    for (int pass = 0; pass < 2; pass++) {
        mnk_table_close(*next);
        *next = NULL;
        MNK_TRY(make_next(v, err));
        MNK_TRY(mnk_table_new(v->next, later, next, err));
        MNK_TRY(fill_later(v, work, p, first, *next, err));
        if (pass == 0) MNK_TRY(mnk_memory_choose(v, *next, err));
    }
    return MNK_OK;
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
    MNK_OUT(MNK_NEW(v->remembers, work->schema->columns + 1, err));
    find_static(t, r, work, p, v);
    MNK_OUT(make_first(v, err));
    MNK_OUT(mnk_table_new(v->first, t->persons, first, err));
    fill_first(v, work, p, *first);
    MNK_OUT(make_later(v, work, p, *first, next, err));
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
    MNK_TRY(mnk_tensors_add(file, "visits.remembers", MNK_U8, v->remembers, v->work->columns, err));
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
    MNK_OUT(mnk_tensors_copy(in, "visits.remembers", MNK_U8, work->columns, &p, NULL, err));
    v->remembers = p;
    bool fine = v->most >= 1;
    for (size_t c = 0; c < work->columns; c++)
        fine = fine && v->is_static[c] <= 1 && v->is_step[c] <= 1 && !(v->is_static[c] && v->is_step[c]) &&
               (!v->is_step[c] || mnk_column_is_number(&work->column[c])) &&
               v->remembers[c] == mnk_memory_of(v, c, v->remembers[c]);
    MNK_OUT(fine ? MNK_OK : mnk_tensors_damaged(in, "its visits are impossible", err));
    MNK_OUT(make_first(v, err));
    MNK_OUT(make_next(v, err));
    *out = v;
    v = NULL;
out:
    mnk_visits_close(v);
    return status;
}
