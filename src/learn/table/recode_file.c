/* A recoding in a model file: scalars of every column, then its lists, all in flat vectors; strings as bytes. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/table/kind.h"
#include "learn/table/recode.h"

enum { SCALARS = 12, ID_BYTES = 2 * (MNK_ID_LENGTH + 1) };

typedef struct block { /* everything that is written, in one allocation */
    double *scalar, *real;
    int64_t *id_number;
    int32_t *whole;
    uint8_t *id_text;
    size_t columns, reals, wholes;
} block;

static void put_column(const mnk_recode *k, size_t c, block *b) {
    double *s = b->scalar + c * SCALARS;
    const double scalar[SCALARS] = {
        k->kind,     (double)k->base,   k->least_gap,           k->centre,         k->low,        k->high,
        k->decimals, (double)k->levels, (double)k->work_levels, (double)k->groups, k->id.missing, k->per_person};
    memcpy(s, scalar, sizeof scalar);
    b->id_number[2 * c] = (int64_t)k->id.start, b->id_number[2 * c + 1] = (int64_t)k->id.count;
    memcpy(b->id_text + c * ID_BYTES, k->id.kind, MNK_ID_LENGTH + 1);
    memcpy(b->id_text + c * ID_BYTES + MNK_ID_LENGTH + 1, k->id.text, MNK_ID_LENGTH + 1);
    if (k->kind == MNK_RECODE_CODE) { /* start is told by to_work and the order of the members */
        size_t members = (size_t)k->start[k->work_levels];
        memcpy(b->whole + b->wholes, k->start, (k->work_levels + 1) * sizeof *k->start), b->wholes += k->work_levels + 1;
        memcpy(b->whole + b->wholes, k->member, members * sizeof *k->member), b->wholes += members;
        memcpy(b->real + b->reals, k->running, members * sizeof *k->running), b->reals += members;
    }
    if (k->kind == MNK_RECODE_SURVIVAL) {
        size_t knots = (size_t)k->knot_start[k->groups];
        memcpy(b->whole + b->wholes, k->knot_start, (k->groups + 1) * sizeof *k->knot_start), b->wholes += k->groups + 1;
        memcpy(b->real + b->reals, k->knot, knots * sizeof *k->knot), b->reals += knots;
    }
}

mnk_status mnk_recoding_save(const mnk_recoding *r, mnk_tensors *file, mnk_error *err) {
    size_t n = r->schema->columns, reals = 0, wholes = 0;
    for (size_t c = 0; c < n; c++) {
        const mnk_recode *k = &r->column[c];
        if (k->kind == MNK_RECODE_CODE) reals += k->levels, wholes += k->levels + k->work_levels + 1;
        if (k->kind == MNK_RECODE_SURVIVAL) reals += (size_t)k->knot_start[k->groups], wholes += k->groups + 1;
    }
    size_t bytes = (n * SCALARS + reals + 2 * n) * 8 + wholes * 4 + n * ID_BYTES;
    block b = {.columns = n};
    void *memory;
    MNK_TRY(mnk_tensors_block(file, bytes, 1, &memory, err));
    b.scalar = memory;
    b.real = b.scalar + n * SCALARS;
    b.id_number = (int64_t *)(void *)(b.real + reals);
    b.whole = (int32_t *)(void *)(b.id_number + 2 * n);
    b.id_text = (uint8_t *)(b.whole + wholes);
    for (size_t c = 0; c < n; c++) put_column(&r->column[c], c, &b);
    MNK_TRY(mnk_tensors_add(file, "recode.scalar", MNK_F64, b.scalar, n * SCALARS, err));
    MNK_TRY(mnk_tensors_add(file, "recode.real", MNK_F64, b.real, b.reals, err));
    MNK_TRY(mnk_tensors_add(file, "recode.id", MNK_I64, b.id_number, 2 * n, err));
    MNK_TRY(mnk_tensors_add(file, "recode.whole", MNK_I32, b.whole, b.wholes, err));
    return mnk_tensors_add(file, "recode.id_text", MNK_U8, b.id_text, n * ID_BYTES, err);
}

/* ---- reading: nothing is believed ---- */

typedef struct source {
    const mnk_tensors_in *in;
    const double *scalar, *real;
    const int64_t *id_number;
    const int32_t *whole;
    const uint8_t *id_text;
    size_t reals, wholes; /* left */
} source;

static mnk_status take_starts(source *s, size_t n, int32_t least, int32_t *to, mnk_error *err) {
    if (s->wholes < n + 1) return mnk_tensors_damaged(s->in, "its recoding ends too early", err);
    memcpy(to, s->whole, (n + 1) * sizeof *to);
    bool fine = to[0] == 0;
    for (size_t i = 0; i < n; i++) fine = fine && to[i + 1] >= to[i] && to[i + 1] - to[i] >= least;
    s->whole += n + 1, s->wholes -= n + 1;
    return fine ? MNK_OK : mnk_tensors_damaged(s->in, "its recoding has lists out of order", err);
}

static mnk_status take_reals(source *s, size_t n, double *to, mnk_error *err) {
    if (s->reals < n) return mnk_tensors_damaged(s->in, "its recoding ends too early", err);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(s->real[i])) return mnk_tensors_damaged(s->in, "its recoding holds an impossible number", err);
    memcpy(to, s->real, n * sizeof *to);
    s->real += n, s->reals -= n;
    return MNK_OK;
}

static mnk_status open_pools(source *s, mnk_recode *k, const mnk_column *user, mnk_error *err) {
    if (k->levels != user->levels || k->work_levels > k->levels || k->work_levels > MNK_WORK_LEVELS)
        return mnk_tensors_damaged(s->in, "a recoding does not fit the levels of its column", err);
    MNK_TRY(MNK_NEW(k->to_work, k->levels + 1, err));
    MNK_TRY(MNK_NEW(k->start, MNK_WORK_LEVELS + 2, err));
    MNK_TRY(MNK_NEW(k->member, k->levels + 1, err));
    MNK_TRY(MNK_NEW(k->running, k->levels + 1, err));
    MNK_TRY(take_starts(s, k->work_levels, 1, k->start, err));
    size_t members = (size_t)k->start[k->work_levels];
    if (members > k->levels || s->wholes < members) return mnk_tensors_damaged(s->in, "its recoding ends too early", err);
    MNK_TRY(take_reals(s, members, k->running, err));
    for (size_t i = 0; i < k->levels; i++) k->to_work[i] = -1;
    for (size_t w = 0; w < k->work_levels; w++)
        for (int32_t i = k->start[w]; i < k->start[w + 1]; i++) {
            int32_t level = s->whole[i];
            bool rises = i == k->start[w] ? k->running[i] > 0 : k->running[i] >= k->running[i - 1];
            if (level < 0 || (size_t)level >= k->levels || k->to_work[level] >= 0 || !rises)
                return mnk_tensors_damaged(s->in, "a pool of levels is impossible", err);
            k->member[i] = level;
            k->to_work[level] = (int32_t)w;
        }
    s->whole += members, s->wholes -= members;
    return MNK_OK;
}

static mnk_status open_survival(source *s, mnk_recode *k, const mnk_column *event, mnk_error *err) {
    size_t groups = mnk_column_is_number(event) ? 3 : event->levels + 1;
    if (k->groups != groups || groups > 64) return mnk_tensors_damaged(s->in, "its survival times do not fit its event", err);
    MNK_TRY(MNK_NEW(k->knot_start, groups + 1, err));
    MNK_TRY(take_starts(s, groups, 0, k->knot_start, err));
    size_t knots = (size_t)k->knot_start[groups];
    if (knots > s->reals) return mnk_tensors_damaged(s->in, "its recoding ends too early", err);
    MNK_TRY(MNK_NEW(k->knot, knots + 1, err));
    MNK_TRY(take_reals(s, knots, k->knot, err));
    for (size_t g = 0; g < groups; g++)
        for (int32_t i = k->knot_start[g] + 1; i < k->knot_start[g + 1]; i++)
            if (k->knot[i] < k->knot[i - 1]) return mnk_tensors_damaged(s->in, "its survival times are not sorted", err);
    return MNK_OK;
}

static bool is_count(double x) { return x >= 0 && x < 0x1p31 && x == floor(x); }

static mnk_status open_scalars(source *s, size_t c, size_t columns, mnk_recode *k, mnk_error *err) {
    const double *x = s->scalar + c * SCALARS;
    bool fine = is_count(x[0]) && x[0] <= MNK_RECODE_ID && is_count(x[1] + 1) && x[1] < (double)columns && is_count(x[6] + 1) &&
                x[6] <= 6 && is_count(x[7]) && is_count(x[8]) && is_count(x[9]);
    for (int i = 0; i < SCALARS; i++) fine = fine && isfinite(x[i]);
    if (!fine || x[4] > x[5]) return mnk_tensors_damaged(s->in, "the recoding of a column is impossible", err);
    *k = (mnk_recode){.kind = (mnk_recode_kind)x[0],
                      .work = -1,
                      .base = (long)x[1],
                      .least_gap = x[2],
                      .centre = x[3],
                      .low = x[4],
                      .high = x[5],
                      .decimals = (int)x[6],
                      .levels = (size_t)x[7],
                      .work_levels = (size_t)x[8],
                      .groups = (size_t)x[9],
                      .per_person = x[11] != 0};
    k->id.missing = x[10];
    k->id.start = (uint64_t)s->id_number[2 * c], k->id.count = (uint64_t)s->id_number[2 * c + 1];
    memcpy(k->id.kind, s->id_text + c * ID_BYTES, MNK_ID_LENGTH);
    memcpy(k->id.text, s->id_text + c * ID_BYTES + MNK_ID_LENGTH + 1, MNK_ID_LENGTH);
    if (k->id.start > (uint64_t)1 << 61 || k->id.count > (uint64_t)1 << 61 || strlen(k->id.kind) > strlen(k->id.text))
        return mnk_tensors_damaged(s->in, "a pattern of identifiers is impossible", err);
    return MNK_OK;
}

static mnk_status open_column(source *s, mnk_recoding *r, size_t c, mnk_error *err) {
    const mnk_column *user = &r->schema->column[c];
    mnk_recode *k = &r->column[c];
    MNK_TRY(open_scalars(s, c, r->schema->columns, k, err));
    bool number = mnk_column_is_number(user), needs_base = k->kind == MNK_RECODE_GAP || k->kind == MNK_RECODE_SURVIVAL;
    bool fits = k->kind == MNK_RECODE_CODE                                ? !number && mnk_column_is_data(user)
                : k->kind == MNK_RECODE_ID || k->kind == MNK_RECODE_BLANK ? true
                                                                          : number && mnk_column_is_data(user);
    if (!fits || needs_base != (k->base >= 0)) return mnk_tensors_damaged(s->in, "a recoding does not fit its column", err);
    if (k->kind == MNK_RECODE_GAP && !mnk_column_is_number(&r->schema->column[k->base]))
        return mnk_tensors_damaged(s->in, "a column is counted from one that is no number", err);
    if (k->kind == MNK_RECODE_CODE) return open_pools(s, k, user, err);
    if (k->kind == MNK_RECODE_SURVIVAL) return open_survival(s, k, &r->schema->column[k->base], err);
    return MNK_OK;
}

mnk_status mnk_recoding_open(const mnk_tensors_in *in, mnk_schema *schema, mnk_recoding **out, mnk_error *err) {
    const void *v[5];
    source s = {.in = in};
    size_t n = schema->columns;
    *out = NULL;
    MNK_TRY(mnk_tensors_get(in, "recode.scalar", MNK_F64, n * SCALARS, &v[0], NULL, err));
    MNK_TRY(mnk_tensors_get(in, "recode.real", MNK_F64, SIZE_MAX, &v[1], &s.reals, err));
    MNK_TRY(mnk_tensors_get(in, "recode.id", MNK_I64, 2 * n, &v[2], NULL, err));
    MNK_TRY(mnk_tensors_get(in, "recode.whole", MNK_I32, SIZE_MAX, &v[3], &s.wholes, err));
    MNK_TRY(mnk_tensors_get(in, "recode.id_text", MNK_U8, n * ID_BYTES, &v[4], NULL, err));
    s.scalar = v[0], s.real = v[1], s.id_number = v[2], s.whole = v[3], s.id_text = v[4];
    mnk_recoding *r = NULL;
    mnk_status status = MNK_NEW(r, 1, err);
    if (status != MNK_OK) return status;
    r->schema = mnk_schema_retain(schema);
    MNK_OUT(MNK_NEW(r->column, n + 1, err));
    for (size_t c = 0; c < n; c++) MNK_OUT(open_column(&s, r, c, err));
    MNK_OUT(mnk_recoding_sort(r, err));
    MNK_OUT(mnk_recoding_work_schema(r, err));
    *out = r;
    r = NULL;
out:
    mnk_recoding_close(r);
    return status;
}
