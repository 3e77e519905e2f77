#include "learn/table/private/axes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void one_cell_each(mnk_axis *a) {
    a->cells = a->bins;
    for (int32_t b = 0; b < a->bins; b++) a->cell[b] = b, a->share[b] = 1;
}

static mnk_status open_axis(const mnk_column *c, size_t bins, mnk_axis *a, mnk_error *err) {
    a->is_number = mnk_column_is_number(c);
    if (!a->is_number) {
        if (c->levels + 1 > MNK_AXIS_BINS)
            return MNK_FAIL(err, MNK_ERR_INPUT, "column \"%.60s\": %zu levels; at most %d can be measured", c->name, c->levels,
                            MNK_AXIS_BINS - 1);
        a->bins = (int32_t)c->levels + 1;
        one_cell_each(a);
        return MNK_OK;
    }
    if (!isfinite(c->low) || !isfinite(c->high)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "column \"%.60s\": has no bounds in the schema", c->name);
        mnk_error_hint(err, "add \"low:\" and \"high:\" to it, from knowledge and not from these data: bounds are published");
        return status;
    }
    double range = c->high - c->low;
    size_t n = bins;
    if (c->type == MNK_COLUMN_INTEGER) {
        a->width = fmax(1, ceil((range + 1) / (double)bins));
        n = (size_t)ceil((range + 1) / a->width);
        a->low = c->low - 0.5;
    } else {
        a->low = c->low;
        a->width = range / (double)bins;
        if (!(a->width > 0)) n = 1, a->width = 0;
    }
    a->bins = (int32_t)n + 1;
    one_cell_each(a);
    return MNK_OK;
}

mnk_status mnk_axes_open(const mnk_schema *s, size_t bins, mnk_axes *out, mnk_error *err) {
    *out = (mnk_axes){.columns = s->columns};
    if (bins > MNK_AXIS_BINS - 1) bins = MNK_AXIS_BINS - 1;
    MNK_TRY(MNK_NEW(out->axis, s->columns + 1, err));
    for (size_t c = 0; c < s->columns; c++) MNK_TRY(open_axis(&s->column[c], bins, &out->axis[c], err));
    return MNK_OK;
}

void mnk_axes_clear(mnk_axes *a) {
    mnk_free(a->axis);
    *a = (mnk_axes){0};
}

uint8_t mnk_axis_bin(const mnk_axis *a, const mnk_table *t, size_t c, size_t row) {
    if (mnk_table_is_missing(t, c, row)) return 0;
    if (!a->is_number) return t->code[c][row] + 1 < a->bins ? (uint8_t)(t->code[c][row] + 1) : 0;
    double at = a->width > 0 ? floor((t->number[c][row] - a->low) / a->width) : 0;
    return (uint8_t)(1 + (int32_t)fmax(0, fmin(at, (double)a->bins - 2)));
}

void mnk_axes_encode(const mnk_axes *a, const mnk_table *t, const uint32_t *index, size_t n, uint8_t *bin) {
    for (size_t c = 0; c < a->columns; c++)
        for (size_t i = 0; i < n; i++) bin[c * n + i] = mnk_axis_bin(&a->axis[c], t, c, index[i]);
}

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x > y ? -1 : x < y;
}

/* x_i becomes max(x_i - t, 0) with the t at which they sum to `total`. */
void mnk_simplex(double *x, size_t n, double total) {
    double *sorted = mnk_alloc(n + 1, sizeof *sorted), sum = 0, t = 0;
    if (!sorted) { /* bisected instead: no memory is needed */
        double low = -INFINITY, high = -INFINITY, least = INFINITY;
        for (size_t i = 0; i < n; i++) high = fmax(high, x[i]), least = fmin(least, x[i]);
        low = least - total;
        for (int k = 0; k < 200; k++) {
            t = 0.5 * (low + high), sum = 0;
            for (size_t i = 0; i < n; i++) sum += fmax(x[i] - t, 0);
            if (sum > total) low = t;
            else high = t;
        }
    } else {
        memcpy(sorted, x, n * sizeof *x);
        qsort(sorted, n, sizeof *sorted, descending);
        for (size_t i = 0; i < n; i++) {
            sum += sorted[i];
            double at = (sum - total) / (double)(i + 1);
            if (sorted[i] > at) t = at;
        }
        mnk_free(sorted);
    }
    for (size_t i = 0; i < n; i++) x[i] = fmax(x[i] - t, 0);
}

void mnk_axis_merge(mnk_axis *a, double *noisy, double least) {
    double pool[MNK_AXIS_BINS], total = 0;
    int32_t rare = 0, cells = 0;
    for (int32_t b = 0; b < a->bins; b++)
        if (noisy[b] < least) pool[rare++] = noisy[b], total += noisy[b];
    if (rare < 2) return;
    if (total > 0) mnk_simplex(pool, (size_t)rare, total);
    for (int32_t b = 0, k = 0; b < a->bins; b++) {
        if (noisy[b] < least) {
            a->cell[b] = a->bins - rare;
            a->share[b] = total > 0 ? pool[k++] / total : 1 / (double)rare;
        } else noisy[cells] = noisy[b], a->cell[b] = cells++, a->share[b] = 1;
    }
    noisy[cells++] = total;
    a->cells = cells;
}

void mnk_axis_put(const mnk_axis *a, int32_t cell, mnk_rng *rng, mnk_table *t, size_t column, size_t row) {
    double u = mnk_rng_uniform(rng), v = mnk_rng_uniform(rng), sum = 0;
    int32_t bin = -1;
    for (int32_t b = 0; b < a->bins && !(bin >= 0 && sum > u); b++)
        if (a->cell[b] == cell && a->share[b] > 0) bin = b, sum += a->share[b];
    if (bin <= 0) return; /* missing, as the cell stands already */
    if (a->is_number) t->number[column][row] = a->low + ((double)(bin - 1) + v) * a->width;
    else t->code[column][row] = bin - 1;
}

/* ---- file ---- */

mnk_status mnk_axes_save(const mnk_axes *a, mnk_tensors *file, mnk_error *err) {
    size_t bins = 0, at = 0;
    void *head, *range, *cell, *share;
    for (size_t c = 0; c < a->columns; c++) bins += (size_t)a->axis[c].bins;
    MNK_TRY(mnk_tensors_block(file, 2 * a->columns, sizeof(int32_t), &head, err));
    MNK_TRY(mnk_tensors_block(file, 2 * a->columns, sizeof(double), &range, err));
    MNK_TRY(mnk_tensors_block(file, bins, sizeof(int32_t), &cell, err));
    MNK_TRY(mnk_tensors_block(file, bins, sizeof(double), &share, err));
    for (size_t c = 0; c < a->columns; c++) {
        const mnk_axis *x = &a->axis[c];
        ((int32_t *)head)[2 * c] = x->bins, ((int32_t *)head)[2 * c + 1] = x->cells;
        ((double *)range)[2 * c] = x->low, ((double *)range)[2 * c + 1] = x->width;
        memcpy((int32_t *)cell + at, x->cell, (size_t)x->bins * sizeof(int32_t));
        memcpy((double *)share + at, x->share, (size_t)x->bins * sizeof(double));
        at += (size_t)x->bins;
    }
    MNK_TRY(mnk_tensors_add(file, "axis.size", MNK_I32, head, 2 * a->columns, err));
    MNK_TRY(mnk_tensors_add(file, "axis.range", MNK_F64, range, 2 * a->columns, err));
    MNK_TRY(mnk_tensors_add(file, "axis.cell", MNK_I32, cell, bins, err));
    return mnk_tensors_add(file, "axis.share", MNK_F64, share, bins, err);
}

static bool is_fine(const mnk_axis *x, const mnk_column *c) {
    double sum[MNK_AXIS_BINS] = {0};
    if (!isfinite(x->low) || !(x->width >= 0 && x->width < 1e300)) return false;
    if (!x->is_number && (size_t)x->bins > c->levels + 1) return false;
    for (int32_t b = 0; b < x->bins; b++) {
        if (x->cell[b] < 0 || x->cell[b] >= x->cells || !(x->share[b] >= 0 && x->share[b] <= 1)) return false;
        sum[x->cell[b]] += x->share[b];
    }
    for (int32_t k = 0; k < x->cells; k++)
        if (!(fabs(sum[k] - 1) < 1e-6)) return false;
    return true;
}

mnk_status mnk_axes_read(const mnk_tensors_in *in, const mnk_schema *s, mnk_axes *out, mnk_error *err) {
    const void *head = NULL, *range = NULL, *cell = NULL, *share = NULL;
    size_t n = 0, at = 0;
    *out = (mnk_axes){.columns = s->columns};
    MNK_TRY(mnk_tensors_get(in, "axis.size", MNK_I32, 2 * s->columns, &head, NULL, err));
    MNK_TRY(mnk_tensors_get(in, "axis.range", MNK_F64, 2 * s->columns, &range, NULL, err));
    MNK_TRY(mnk_tensors_get(in, "axis.cell", MNK_I32, SIZE_MAX, &cell, &n, err));
    MNK_TRY(mnk_tensors_get(in, "axis.share", MNK_F64, n, &share, NULL, err));
    MNK_TRY(MNK_NEW(out->axis, s->columns + 1, err));
    for (size_t c = 0; c < s->columns; c++) {
        mnk_axis *x = &out->axis[c];
        x->is_number = mnk_column_is_number(&s->column[c]);
        x->bins = ((const int32_t *)head)[2 * c], x->cells = ((const int32_t *)head)[2 * c + 1];
        x->low = ((const double *)range)[2 * c], x->width = ((const double *)range)[2 * c + 1];
        if (x->bins < 1 || x->bins > MNK_AXIS_BINS || x->cells < 1 || x->cells > x->bins || (size_t)x->bins > n - at)
            return mnk_tensors_damaged(in, "the bins of a column are impossible", err);
        memcpy(x->cell, (const int32_t *)cell + at, (size_t)x->bins * sizeof(int32_t));
        memcpy(x->share, (const double *)share + at, (size_t)x->bins * sizeof(double));
        at += (size_t)x->bins;
        if (!is_fine(x, &s->column[c])) return mnk_tensors_damaged(in, "the bins of a column are impossible", err);
    }
    return at == n ? MNK_OK : mnk_tensors_damaged(in, "it has bins of no column", err);
}
