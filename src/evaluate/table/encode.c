/* The mixed encoding: numbers in units of train's robust range, categories and missingness as codes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/table/sets.h"
#include "math/stats.h"

enum { MOST_LEVELS = UINT16_MAX - 1, MOST_MOMENTS = 128 };

typedef enum form { LEFT_OUT, NUMBER, RANK, CODE } form;

/* How one column is encoded; what of the point it fills. */
typedef struct part {
    form form;
    double centre, scale;
    size_t x, code; /* coordinate among the numbers; among the codes, SIZE_MAX: none (a number never missing) */
    size_t levels;  /* of the code, missing (0) included */
} part;

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool ever_missing(const mnk_table_sets *s, size_t c) {
    for (int role = 0; role < MNK_ROLES; role++)
        for (size_t i = 0; i < mnk_sets_n(s, role); i++)
            if (mnk_table_is_missing(s->table[role], s->column[c], i)) return true;
    return false;
}

/* Median and the width between the 5th and the 95th percentile; of a column that hardly varies its range; else 1. */
static void fit_number(const mnk_table_sets *s, size_t c, double *work, part *p) {
    const double *x = mnk_sets_number(s, MNK_ROLE_TRAIN, c);
    size_t n = 0;
    for (size_t i = 0; i < mnk_sets_n(s, MNK_ROLE_TRAIN); i++)
        if (!isnan(x[i])) work[n++] = x[i];
    p->form = NUMBER;
    p->centre = 0, p->scale = 1;
    if (!n) return;
    qsort(work, n, sizeof *work, ascending);
    p->centre = mnk_quantile_sorted(work, n, 0.5);
    p->scale = mnk_quantile_sorted(work, n, 0.95) - mnk_quantile_sorted(work, n, 0.05);
    if (!(p->scale > 0)) p->scale = work[n - 1] - work[0];
    if (!(p->scale > 0)) p->scale = 1;
}

static mnk_status fit(const mnk_table_sets *s, part *p, mnk_encoded *e, size_t *left_out, mnk_error *err) {
    double *work = NULL;
    MNK_TRY(MNK_NEW(work, mnk_sets_n(s, MNK_ROLE_TRAIN), err));
    for (size_t c = 0; c < s->columns; c++) {
        const mnk_column *column = &s->schema->column[s->column[c]];
        p[c].code = SIZE_MAX;
        p[c].levels = 2;
        if (mnk_sets_is_number(s, c)) {
            fit_number(s, c, work, &p[c]);
        } else if (column->type == MNK_COLUMN_ORDINAL && column->levels > 1) {
            p[c].form = RANK;
            p[c].scale = (double)(column->levels - 1);
            p[c].centre = p[c].scale / 2;
        } else if (column->levels > MOST_LEVELS) {
            ++*left_out; /* an identifier in all but name */
            continue;
        } else {
            p[c].form = CODE;
            p[c].levels = column->levels + 1;
        }
        if (p[c].form != CODE) p[c].x = e->near_d++;
        if (p[c].form == CODE || ever_missing(s, c)) p[c].code = e->codes++;
    }
    mnk_free(work);
    return MNK_OK;
}

static void encode_row(const mnk_table_sets *s, int role, const part *p, size_t i, float *x, uint16_t *code) {
    for (size_t c = 0; c < s->columns; c++) {
        if (p[c].form == LEFT_OUT) continue;
        const bool missing = mnk_table_is_missing(s->table[role], s->column[c], i);
        const double v = missing               ? (double)NAN
                         : p[c].form == NUMBER ? mnk_sets_number(s, role, c)[i]
                                               : mnk_sets_code(s, role, c)[i];
        if (p[c].form == CODE) {
            code[p[c].code] = (uint16_t)(missing ? 0 : (int)v + 1);
            continue;
        }
        x[p[c].x] = missing ? 0 : (float)fmin(1, fmax(-1, (v - p[c].centre) / p[c].scale));
        if (p[c].code != SIZE_MAX) code[p[c].code] = !missing;
    }
}

/* ---- for moments: levels as coordinates of e_v / sqrt(2), the most frequent of train's ---- */

typedef struct level {
    size_t code, value, count;
} level;

static int most_first(const void *a, const void *b) {
    const level *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    if (x->code != y->code) return x->code < y->code ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static mnk_status list_levels(const mnk_table_sets *s, const part *p, const mnk_encoded *e, level **out, size_t *count,
                              mnk_error *err) {
    size_t all = 0;
    for (size_t c = 0; c < s->columns; c++) all += p[c].code != SIZE_MAX ? p[c].levels : 0;
    MNK_TRY(MNK_NEW(*out, all, err));
    for (size_t c = 0, k = 0; c < s->columns; c++) {
        if (p[c].code == SIZE_MAX) continue;
        for (size_t v = 0; v < p[c].levels; v++) (*out)[k + v] = (level){p[c].code, v, 0};
        for (size_t i = 0; i < e->n[MNK_ROLE_TRAIN]; i++) (*out)[k + e->code[MNK_ROLE_TRAIN][i * e->codes + p[c].code]].count++;
        k += p[c].levels;
    }
    qsort(*out, all, sizeof **out, most_first);
    const size_t room = e->near_d < MOST_MOMENTS ? MOST_MOMENTS - e->near_d : 0;
    *count = all < room ? all : room;
    while (*count && (*out)[*count - 1].count == 0) --*count;
    return MNK_OK;
}

static mnk_status encode_moments(const mnk_table_sets *s, const part *p, mnk_encoded *e, mnk_error *err) {
    level *list = NULL;
    size_t levels = 0;
    mnk_status status = list_levels(s, p, e, &list, &levels, err);
    e->moment_d = e->near_d + levels;
    for (int role = 0; role < MNK_ROLES && status == MNK_OK; role++) {
        if (!e->n[role]) continue;
        status = MNK_NEW_ALIGNED(e->moment[role], e->n[role] * e->moment_d, err);
        for (size_t i = 0; i < e->n[role] && status == MNK_OK; i++) {
            float *x = e->moment[role] + i * e->moment_d;
            memcpy(x, e->near[role] + i * e->near_d, e->near_d * sizeof *x);
            for (size_t k = 0; k < levels; k++)
                x[e->near_d + k] = e->code[role][i * e->codes + list[k].code] == list[k].value ? (float)M_SQRT1_2 : 0;
        }
    }
    mnk_free(list);
    return status;
}

mnk_status mnk_table_encode(const mnk_table_sets *s, bool moments, const mnk_observer *observer, mnk_encoded *out,
                            mnk_error *err) {
    part *p = NULL;
    size_t left_out = 0;
    *out = (mnk_encoded){.name = "mixed"};
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(p, s->columns, err));
    MNK_OUT(fit(s, p, out, &left_out, err));
    for (int role = 0; role < MNK_ROLES; role++) {
        const size_t n = out->n[role] = mnk_sets_n(s, role);
        if (!n) continue;
        mnk_observe_progress(observer, "encode", role, MNK_ROLES, mnk_role_names[role]);
        MNK_OUT(MNK_NEW_ALIGNED(out->near[role], n * out->near_d, err));
        MNK_OUT(MNK_NEW(out->code[role], n * out->codes, err));
        for (size_t i = 0; i < n; i++)
            encode_row(s, role, p, i, out->near[role] + i * out->near_d, out->code[role] + i * out->codes);
    }
    if (moments) MNK_OUT(encode_moments(s, p, out, err));
    snprintf(
        out->note, sizeof out->note,
        "%zu numbers over train's 5-95 %% width, clipped at 1 from its median; %zu codes, a mismatch adds 1 to d^2; missing "
        "is a code%s",
        out->near_d, out->codes, left_out ? "; too many levels left out" : "");
out:
    mnk_free(p);
    if (status != MNK_OK) mnk_encoded_close(out);
    return status;
}
