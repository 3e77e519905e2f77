#include "learn/table/private/counts.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

mnk_status mnk_rows_open(const mnk_axes *axes, const mnk_table *t, const uint32_t *row, size_t rows, mnk_rows *out,
                         mnk_error *err) {
    *out = (mnk_rows){.rows = rows, .columns = axes->columns, .axes = axes};
    MNK_TRY(MNK_NEW(out->cell, rows * axes->columns + 1, err));
    mnk_axes_encode(axes, t, row, rows, out->cell);
    return MNK_OK;
}

void mnk_rows_close(mnk_rows *r) { mnk_free(r->cell); }

void mnk_rows_merge(mnk_rows *r) {
    for (size_t c = 0; c < r->columns; c++)
        for (size_t i = 0; i < r->rows; i++)
            r->cell[c * r->rows + i] = (uint8_t)r->axes->axis[c].cell[r->cell[c * r->rows + i]];
}

void mnk_rows_count(const mnk_rows *r, size_t column, int64_t *count, size_t cells) {
    const uint8_t *cell = r->cell + column * r->rows;
    memset(count, 0, cells * sizeof *count);
    for (size_t i = 0; i < r->rows; i++) count[cell[i]]++;
}

void mnk_rows_count_pair(const mnk_rows *r, size_t a, size_t b, int64_t *count) {
    const uint8_t *x = r->cell + a * r->rows, *y = r->cell + b * r->rows;
    size_t width = (size_t)r->axes->axis[b].cells;
    memset(count, 0, (size_t)r->axes->axis[a].cells * width * sizeof *count);
    for (size_t i = 0; i < r->rows; i++) count[x[i] * width + y[i]]++;
}

typedef struct distance_task {
    const mnk_rows *r;
    mnk_expected expected;
    const void *ctx;
    double *score;
    size_t most; /* cells of the largest pair */
    bool failed;
} distance_task;

/* All pairs whose first column is a. */
static void distances_of(void *ctx, size_t a) {
    distance_task *d = ctx;
    int64_t *count = mnk_alloc(d->most, sizeof *count);
    double *expected = mnk_alloc(d->most, sizeof *expected);
    size_t k = a * d->r->columns - a * (a + 1) / 2;
    if (!count || !expected) __atomic_store_n(&d->failed, true, __ATOMIC_RELAXED);
    for (size_t b = a + 1; count && expected && b < d->r->columns; b++, k++) {
        size_t cells = (size_t)d->r->axes->axis[a].cells * (size_t)d->r->axes->axis[b].cells;
        mnk_rows_count_pair(d->r, a, b, count);
        d->expected(d->ctx, a, b, expected);
        d->score[k] = 0;
        for (size_t i = 0; i < cells; i++) d->score[k] += fabs((double)count[i] - expected[i]);
    }
    mnk_free(count);
    mnk_free(expected);
}

mnk_status mnk_rows_distances(const mnk_rows *r, mnk_expected expected, const void *ctx, double *score, mnk_error *err) {
    distance_task d = {.r = r, .expected = expected, .ctx = ctx, .score = score, .most = 1};
    size_t largest = 1;
    for (size_t c = 0; c < r->columns; c++)
        if ((size_t)r->axes->axis[c].cells > largest) largest = (size_t)r->axes->axis[c].cells;
    d.most = largest * largest;
    mnk_parallel_for(r->columns, distances_of, &d);
    return d.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: counts of pairs") : MNK_OK;
}
