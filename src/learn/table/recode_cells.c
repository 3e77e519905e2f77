/* Applying a recoding, and undoing it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "learn/table/recode.h"

/* ---- the working schema ---- */

mnk_status mnk_recoding_sort(mnk_recoding *r, mnk_error *err) {
    size_t n = 0, columns = r->schema->columns;
    mnk_free(r->order);
    MNK_TRY(MNK_NEW(r->order, columns + 1, err));
    uint8_t *done;
    MNK_TRY(MNK_NEW(done, columns + 1, err));
    for (size_t round = 0; round < columns && n < columns; round++)
        for (size_t c = 0; c < columns; c++)
            if (!done[c] && (r->column[c].base < 0 || done[r->column[c].base])) r->order[n++] = c, done[c] = 1;
    mnk_free(done);
    return n == columns ? MNK_OK : MNK_FAIL(err, MNK_ERR_INPUT, "columns are counted from each other in a circle");
}

/* A single level keeps its text; a pool is named by what its members begin with. */
static mnk_status work_levels(const mnk_recode *k, const mnk_column *user, mnk_schema *s, size_t w, mnk_error *err) {
    char name[300];
    for (size_t i = 0; i < k->work_levels; i++) {
        const int32_t *first = k->member + k->start[i], *end = k->member + k->start[i + 1];
        const char *text = user->level[*first];
        int32_t code;
        if (end - first == 1) MNK_TRY(mnk_schema_add_level(s, w, text, &code, err));
        else {
            size_t same = strlen(text);
            for (const int32_t *m = first; m < end; m++) {
                size_t n = 0;
                while (n < same && user->level[*m][n] == text[n]) n++;
                same = n;
            }
            snprintf(name, sizeof name, "%.*s… (%zu rare, %zu)", (int)(same < 200 ? same : 200), text, (size_t)(end - first),
                     i);
            MNK_TRY(mnk_schema_add_level(s, w, name, &code, err));
        }
        if (code != (int32_t)i) return MNK_FAIL(err, MNK_ERR_INPUT, "column %s: two levels of one name", user->name);
    }
    return MNK_OK;
}

mnk_status mnk_recoding_work_schema(mnk_recoding *r, mnk_error *err) {
    size_t n = 0;
    for (size_t c = 0; c < r->schema->columns; c++) {
        mnk_recode_kind kind = r->column[c].kind;
        r->column[c].work = kind == MNK_RECODE_BLANK || kind == MNK_RECODE_ID ? -1 : (long)n++;
    }
    MNK_TRY(mnk_schema_new(n, &r->work, err));
    MNK_TRY(MNK_NEW(r->user_of_work, n + 1, err));
    for (size_t c = 0; c < r->schema->columns; c++) {
        const mnk_column *user = &r->schema->column[c];
        const mnk_recode *k = &r->column[c];
        if (k->work < 0) continue;
        mnk_column *w = &r->work->column[k->work];
        r->user_of_work[k->work] = (long)c;
        MNK_TRY(mnk_schema_text(&w->name, user->name, err));
        w->roles = user->roles;
        w->type = k->kind == MNK_RECODE_CODE ? user->type : k->decimals == 0 ? MNK_COLUMN_INTEGER : MNK_COLUMN_NUMERIC;
        if (k->kind == MNK_RECODE_SURVIVAL) w->type = MNK_COLUMN_NUMERIC;
        w->decimals = k->kind == MNK_RECODE_NUMBER ? k->decimals : -1;
        if (k->kind == MNK_RECODE_NUMBER) w->low = k->low, w->high = k->high;
        if (k->kind == MNK_RECODE_CODE) MNK_TRY(work_levels(k, user, r->work, (size_t)k->work, err));
    }
    return MNK_OK;
}

/* ---- survival: time <-> position within the event group ---- */

static long group_of(const mnk_recode *k, const mnk_table *t, size_t row) {
    size_t event = (size_t)k->base;
    if (mnk_table_is_missing(t, event, row)) return (long)k->groups - 1;
    if (t->number[event]) return t->number[event][row] != 0;
    return (size_t)t->code[event][row] + 1 < k->groups ? t->code[event][row] : (long)k->groups - 1;
}

/* Midpoint of the positions whose time is x. */
static double position_of(const mnk_recode *k, long group, double x) {
    const double *v = k->knot + k->knot_start[group];
    size_t n = (size_t)(k->knot_start[group + 1] - k->knot_start[group]), below = 0, upto = 0;
    if (n == 0) return 0.5;
    for (size_t a = 0, b = n; a < b;) {
        size_t m = (a + b) / 2;
        if (v[m] < x) a = m + 1, below = a;
        else b = m;
    }
    for (size_t a = below, b = n; a < b;) {
        size_t m = (a + b) / 2;
        if (v[m] <= x) a = m + 1, upto = a;
        else b = m;
    }
    if (upto <= below) { /* between two knots */
        if (below == 0 || below == n) return below ? 1 : 0;
        double width = v[below] - v[below - 1], at = width > 0 ? (x - v[below - 1]) / width : 0;
        return ((double)below - 0.5 + at) / (double)n;
    }
    return 0.5 * (double)(below + upto) / (double)n;
}

static double time_at(const mnk_recode *k, long group, double position) {
    const double *v = k->knot + k->knot_start[group];
    size_t n = (size_t)(k->knot_start[group + 1] - k->knot_start[group]);
    if (n == 0) { /* no such times in the table: those of the largest group */
        long best = 0;
        for (size_t g = 0; g < k->groups; g++)
            if (k->knot_start[g + 1] - k->knot_start[g] > k->knot_start[best + 1] - k->knot_start[best]) best = (long)g;
        if (k->knot_start[best + 1] == k->knot_start[best]) return NAN;
        return time_at(k, best, position);
    }
    double at = position * (double)n - 0.5;
    at = at < 0 ? 0 : at > (double)(n - 1) ? (double)(n - 1) : at;
    size_t i = (size_t)at;
    if (i + 1 >= n) return v[n - 1];
    return v[i] + (at - (double)i) * (v[i + 1] - v[i]);
}

/* ---- there ---- */

static double work_number(const mnk_recode *k, const mnk_table *t, size_t c, size_t row) {
    double x = t->number[c][row];
    if (x != x || k->kind == MNK_RECODE_NUMBER) return x;
    if (k->kind == MNK_RECODE_SURVIVAL) return position_of(k, group_of(k, t, row), x);
    double base = t->number[k->base][row];
    return x - (base == base ? base : k->centre);
}

typedef struct apply_task {
    const mnk_recoding *r;
    const mnk_table *t;
    mnk_table *w;
} apply_task;

static void apply_column(void *ctx, size_t w) {
    const apply_task *a = ctx;
    size_t c = (size_t)a->r->user_of_work[w];
    const mnk_recode *k = &a->r->column[c];
    for (size_t i = 0; i < a->t->n; i++) {
        if (k->kind == MNK_RECODE_CODE) {
            int32_t code = a->t->code[c][i];
            a->w->code[w][i] = code >= 0 && (size_t)code < k->levels ? k->to_work[code] : -1;
        } else a->w->number[w][i] = work_number(k, a->t, c, i);
    }
}

mnk_status mnk_recoding_apply(const mnk_recoding *r, const mnk_table *t, mnk_table **work, mnk_error *err) {
    *work = NULL;
    if (t->schema->columns != r->schema->columns)
        return MNK_FAIL(err, MNK_ERR_USAGE, "%.200s: is not on the generator's schema", t->source);
    MNK_TRY(mnk_table_new(r->work, t->n, work, err));
    apply_task a = {r, t, *work};
    mnk_parallel_for(r->work->columns, apply_column, &a);
    memcpy((*work)->source, t->source, sizeof t->source);
    return MNK_OK;
}

/* ---- and back ---- */

static double tidy(const mnk_recode *k, double x) {
    if (k->decimals >= 0) {
        static const double unit[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
        x = round(x * unit[k->decimals]) / unit[k->decimals];
    }
    return (x < k->low ? k->low : x > k->high ? k->high : x) + 0.0;
}

/* The gap again, not smaller than the least one after rounding. */
static double after(const mnk_recode *k, double base, double gap) {
    if (base != base) return tidy(k, k->centre + gap);
    double least = base + k->least_gap, x = tidy(k, base + fmax(gap, k->least_gap));
    if (x >= least) return x;
    if (k->decimals < 0) return least;
    double unit = pow(10, k->decimals);
    return ceil(least * unit - 1e-9) / unit;
}

static int32_t member_of(const mnk_recode *k, int32_t work, uint64_t seed, uint64_t item, size_t column) {
    size_t a = (size_t)k->start[work], b = (size_t)k->start[work + 1], last = b - 1;
    if (a == last) return k->member[a];
    mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_TABLE_RECODE, item, (uint32_t)column);
    double u = mnk_rng_uniform(&rng) * k->running[last];
    while (a < last) {
        size_t m = (a + last) / 2;
        if (k->running[m] > u) last = m;
        else a = m + 1;
    }
    return k->member[a];
}

static void undo_cell(const mnk_recoding *r, size_t c, const mnk_table *work, size_t from, mnk_table *out, size_t to,
                      uint64_t seed, uint64_t item) {
    const mnk_recode *k = &r->column[c];
    if (k->work < 0) return;
    if (k->kind == MNK_RECODE_CODE) {
        int32_t code = work->code[k->work][from];
        out->code[c][to] = code < 0 ? -1 : member_of(k, code, seed, item, c);
        return;
    }
    double x = work->number[k->work][from];
    if (x != x) out->number[c][to] = NAN;
    else if (k->kind == MNK_RECODE_NUMBER) out->number[c][to] = tidy(k, x);
    else if (k->kind == MNK_RECODE_GAP) out->number[c][to] = after(k, out->number[k->base][to], x);
    else out->number[c][to] = tidy(k, time_at(k, group_of(k, out, to), x < 0 ? 0 : x > 1 ? 1 : x));
}

void mnk_recoding_undo(const mnk_recoding *r, const mnk_table *work, size_t from, mnk_table *out, size_t to, uint64_t seed,
                       uint64_t item) {
    for (size_t i = 0; i < r->schema->columns; i++) undo_cell(r, r->order[i], work, from, out, to, seed, item);
}

void mnk_recoding_undo_holes(const mnk_recoding *r, const mnk_table *work, size_t from, const mnk_table *holes, size_t row,
                             mnk_table *out, uint64_t seed, uint64_t item) {
    for (size_t i = 0; i < r->schema->columns; i++) {
        size_t c = r->order[i];
        if (mnk_table_is_missing(holes, c, row)) undo_cell(r, c, work, from, out, 0, seed, item);
        else if (out->number[c]) out->number[c][0] = holes->number[c][row];
        else out->code[c][0] = holes->code[c][row];
    }
}

mnk_status mnk_recoding_box(const mnk_recoding *r, const mnk_table_box *user, mnk_table_box **work, mnk_error *err) {
    MNK_TRY(mnk_table_box_open(r->work, work, err));
    for (size_t w = 0; w < r->work->columns; w++) {
        size_t c = (size_t)r->user_of_work[w];
        const mnk_recode *k = &r->column[c];
        const mnk_column_box *from = &user->column[c];
        if (!from->restricted || k->kind == MNK_RECODE_GAP || k->kind == MNK_RECODE_SURVIVAL) continue;
        MNK_TRY(mnk_table_box_restrict(*work, r->work, w, err));
        mnk_column_box *to = &(*work)->column[w];
        to->missing = from->missing;
        if (k->kind == MNK_RECODE_CODE) { /* a pool is allowed when one of its members is */
            memset(to->level, 0, k->work_levels);
            for (size_t i = 0; i < k->levels; i++)
                if (from->level[i] && k->to_work[i] >= 0) to->level[k->to_work[i]] = 1;
        } else {
            double half = k->decimals >= 0 ? 0.5 * pow(10, -k->decimals) : 0; /* what is rounded into the interval */
            to->low = from->low - half, to->high = from->high + half;
        }
    }
    return MNK_OK;
}
