#include "learn/table/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CLASSES = 6 };
static const double sure = 4, tells = 0.002; /* standard deviations; nats a row */

static const char *const name_of[MNK_REMEMBERS] = {" two before", " so far", " last known", " since first", " gap before"};

unsigned mnk_memory_of(const mnk_visits *v, size_t c, unsigned wanted) {
    const unsigned value = MNK_REMEMBERS_TWO | MNK_REMEMBERS_SO_FAR | MNK_REMEMBERS_LAST;
    if (v->is_static[c]) return 0;
    return wanted & (v->is_step[c] ? (unsigned)(MNK_REMEMBERS_SINCE | MNK_REMEMBERS_GAP) : value);
}

/* Is it remembered as a level of the column (else as a number)? */
static bool as_level(const mnk_visits *v, size_t c, unsigned kind) {
    const mnk_column *k = &v->work->column[c];
    return !mnk_column_is_number(k) && !(kind == MNK_REMEMBERS_SO_FAR && k->levels == 2);
}

static bool counts_levels(const mnk_visits *v, size_t c) {
    return v->remembers[c] & MNK_REMEMBERS_SO_FAR && as_level(v, c, MNK_REMEMBERS_SO_FAR);
}

mnk_status mnk_memory_schema(const mnk_visits *v, mnk_schema *next, size_t *at, mnk_error *err) {
    for (size_t c = 0; c < v->work->columns; c++)
        for (int kind = 0; kind < MNK_REMEMBERS; kind++) {
            if (!(v->remembers[c] >> kind & 1)) continue;
            const bool level = as_level(v, c, 1u << kind);
            MNK_TRY(mnk_visits_copy_column(v->work, c, name_of[kind], level, next, *at, err));
            (*at)++;
        }
    return MNK_OK;
}

mnk_status mnk_memory_open(const mnk_visits *v, size_t persons, mnk_memory *out, mnk_error *err) {
    const size_t n = v->work->columns * persons + 1;
    double **const part[] = {&out->before, &out->two, &out->last, &out->sum, &out->known, &out->first, &out->gap};
    *out = (mnk_memory){.v = v, .persons = persons};
    for (size_t k = 0; k < sizeof part / sizeof *part; k++) MNK_TRY(MNK_NEW(*part[k], n, err));
    MNK_TRY(MNK_NEW(out->start, v->work->columns + 1, err));
    for (size_t c = 0; c < v->work->columns; c++) {
        out->start[c] = out->levels;
        if (counts_levels(v, c)) out->levels += v->work->column[c].levels;
    }
    MNK_TRY(MNK_NEW(out->seen, persons + 1, err));
    MNK_TRY(MNK_NEW(out->count, out->levels * persons + 1, err));
    for (size_t p = 0; p < persons; p++) mnk_memory_reset(out, p);
    return MNK_OK;
}

void mnk_memory_clear(mnk_memory *m) {
    double *const part[] = {m->before, m->two, m->last, m->sum, m->known, m->first, m->gap};
    for (size_t k = 0; k < sizeof part / sizeof *part; k++) mnk_free(part[k]);
    mnk_free(m->start);
    mnk_free(m->count);
    mnk_free(m->seen);
    *m = (mnk_memory){0};
}

void mnk_memory_reset(mnk_memory *m, size_t person) {
    double *const unknown[] = {m->before, m->two, m->last, m->first, m->gap};
    for (size_t c = 0; c < m->v->work->columns; c++) {
        const size_t i = c * m->persons + person;
        for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++) unknown[k][i] = NAN;
        m->sum[i] = m->known[i] = 0;
    }
    m->seen[person] = 0;
    if (m->levels) memset(m->count + person * m->levels, 0, m->levels * sizeof *m->count);
}

static double cell(const mnk_table *t, size_t c, size_t row) {
    if (t->number[c]) return t->number[c][row];
    return t->code[c][row] < 0 ? (double)NAN : t->code[c][row];
}

void mnk_memory_see(mnk_memory *m, size_t person, const mnk_table *work, size_t row) {
    for (size_t c = 0; c < m->v->work->columns; c++) {
        const size_t i = c * m->persons + person;
        const double x = cell(work, c, row);
        if (!m->v->remembers[c]) continue;
        m->gap[i] = x - m->before[i];
        m->two[i] = m->seen[person] ? m->before[i] : x;
        m->before[i] = x;
        if (isnan(x)) continue;
        if (isnan(m->first[i])) m->first[i] = x;
        m->last[i] = x;
        m->sum[i] += x, m->known[i]++;
        if (!counts_levels(m->v, c)) continue;
        uint16_t *count = &m->count[person * m->levels + m->start[c] + (size_t)x];
        *count = (uint16_t)(*count + (*count < UINT16_MAX));
    }
    m->seen[person] = 1;
}

static double most_frequent(const mnk_memory *m, size_t c, size_t person) {
    const uint16_t *count = m->count + person * m->levels + m->start[c];
    size_t best = 0;
    for (size_t k = 1; k < m->v->work->column[c].levels; k++)
        if (count[k] > count[best]) best = k;
    return m->v->work->column[c].levels && count[best] ? (double)best : (double)NAN;
}

static double remembered(const mnk_memory *m, size_t c, unsigned kind, size_t person) {
    const size_t i = c * m->persons + person;
    switch (kind) {
    case MNK_REMEMBERS_TWO: return m->two[i];
    case MNK_REMEMBERS_LAST: return m->last[i];
    case MNK_REMEMBERS_SINCE: return m->before[i] - m->first[i];
    case MNK_REMEMBERS_GAP: return m->gap[i];
    default: break;
    }
    if (counts_levels(m->v, c)) return most_frequent(m, c, person);
    return m->known[i] > 0 ? m->sum[i] / m->known[i] : (double)NAN;
}

void mnk_memory_write(const mnk_memory *m, size_t person, mnk_table *next, size_t to) {
    size_t at = m->v->work->columns;
    for (size_t c = 0; c < m->v->work->columns; c++)
        for (int kind = 0; kind < MNK_REMEMBERS; kind++) {
            if (!(m->v->remembers[c] >> kind & 1)) continue;
            const double x = remembered(m, c, 1u << kind, person);
            if (next->number[at]) next->number[at][to] = x;
            else next->code[at][to] = isnan(x) ? -1 : (int32_t)x;
            at++;
        }
}

/* ---- choosing ---- */

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Class 0 is missing; quarters of a number; of codes the four most frequent levels and the rest. `scratch` [n] */
static mnk_status classify(const mnk_table *t, size_t c, double *scratch, uint8_t *class, mnk_error *err) {
    size_t have = 0;
    if (t->number[c]) {
        for (size_t i = 0; i < t->n; i++)
            if (!isnan(t->number[c][i])) scratch[have++] = t->number[c][i];
        qsort(scratch, have, sizeof *scratch, by_value);
        for (size_t i = 0; i < t->n; i++) {
            const double x = t->number[c][i];
            class[i] =
                (uint8_t)(isnan(x) ? 0 : 1 + (x > scratch[have / 4]) + (x > scratch[have / 2]) + (x > scratch[have * 3 / 4]));
        }
        return MNK_OK;
    }
    size_t levels = t->schema->column[c].levels, *count;
    uint8_t *of;
    MNK_TRY(MNK_NEW(count, levels + 1, err));
    mnk_status status = MNK_NEW(of, levels + 1, err);
    if (status == MNK_OK) {
        memset(of, CLASSES - 1, levels + 1);
        for (size_t i = 0; i < t->n; i++) count[t->code[c][i] < 0 ? levels : (size_t)t->code[c][i]]++;
        of[levels] = 0;
        for (uint8_t k = 1; k < CLASSES - 1; k++) {
            size_t best = levels;
            for (size_t l = 0; l < levels; l++)
                if (of[l] == CLASSES - 1 && count[l] && (best == levels || count[l] > count[best])) best = l;
            if (best < levels) of[best] = k;
        }
        for (size_t i = 0; i < t->n; i++) class[i] = of[t->code[c][i] < 0 ? levels : (size_t)t->code[c][i]];
        mnk_free(of);
    }
    mnk_free(count);
    return status;
}

/* Does `more` tell something about `now` beyond `before`? */
static bool tells_more(const uint8_t *before, const uint8_t *more, const uint8_t *now, size_t n) {
    static const size_t k = CLASSES;
    double count[CLASSES][CLASSES][CLASSES] = {0}, g = 0, freedom = 0;
    for (size_t i = 0; i < n; i++) count[before[i]][more[i]][now[i]]++;
    for (size_t s = 0; s < k; s++) {
        double row[CLASSES] = {0}, column[CLASSES] = {0}, all = 0, rows = -1, columns = -1;
        for (size_t x = 0; x < k; x++)
            for (size_t y = 0; y < k; y++) row[x] += count[s][x][y], column[y] += count[s][x][y], all += count[s][x][y];
        for (size_t x = 0; x < k; x++) rows += row[x] > 0, columns += column[x] > 0;
        if (rows > 0 && columns > 0) freedom += rows * columns;
        for (size_t x = 0; x < k; x++)
            for (size_t y = 0; y < k; y++)
                if (count[s][x][y] > 0) g += 2 * count[s][x][y] * log(count[s][x][y] * all / (row[x] * column[y]));
    }
    return freedom > 0 && g - freedom > sure * sqrt(2 * freedom) && (g - freedom) / 2 > tells * (double)n;
}

mnk_status mnk_memory_choose(mnk_visits *v, const mnk_table *next, mnk_error *err) {
    double *scratch = NULL;
    uint8_t *class[3] = {NULL};
    size_t at = v->work->columns, now = v->given;
    mnk_status status;
    MNK_OUT(MNK_NEW(scratch, next->n + 1, err));
    for (int k = 0; k < 3; k++) MNK_OUT(MNK_NEW(class[k], next -> n + 1, err));
    for (size_t c = 0; c < v->work->columns; c++) {
        const unsigned had = v->remembers[c];
        if (v->is_static[c]) continue;
        MNK_OUT(classify(next, c, scratch, class[0], err));
        MNK_OUT(classify(next, now++, scratch, class[2], err));
        for (int kind = 0; kind < MNK_REMEMBERS; kind++) {
            if (!(had >> kind & 1)) continue;
            MNK_OUT(classify(next, at++, scratch, class[1], err));
            if (!tells_more(class[0], class[1], class[2], next -> n)) v->remembers[c] &= (uint8_t) ~(1u << kind);
        }
    }
out:
    mnk_free(scratch);
    for (int k = 0; k < 3; k++) mnk_free(class[k]);
    return status;
}
