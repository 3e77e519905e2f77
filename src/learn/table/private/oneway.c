#include "learn/table/private/oneway.h"

#include "base/mem.h"

/* Bins below this many standard deviations of their noise are rare (McKenna, Miklau & Sheldon 2021). */
static const double RARE = 3;

static mnk_status measure_column(mnk_budget *budget, mnk_permit *permit, double sd, mnk_axis *a, const mnk_rows *r,
                                 size_t column, mnk_measurements *m, mnk_error *err) {
    int64_t count[MNK_AXIS_BINS];
    double noisy[MNK_AXIS_BINS], precision[MNK_AXIS_BINS] = {0};
    mnk_axis_set set = {.n = 1, .axis = {(uint16_t)column}};
    mnk_rows_count(r, column, count, (size_t)a->bins);
    MNK_TRY(mnk_budget_measure(budget, permit, &set, count, (size_t)a->bins, noisy, err));
    mnk_axis_merge(a, noisy, RARE * sd);
    for (int32_t b = 0; b < a->bins; b++) precision[a->cell[b]] += sd * sd; /* variances first */
    for (int32_t k = 0; k < a->cells; k++) precision[k] = 1 / precision[k];
    return mnk_measurements_add(m, &set, noisy, precision, (size_t)a->cells, NULL, err);
}

mnk_status mnk_oneway_measure(mnk_budget *budget, mnk_permit *permit, double sd, mnk_axes *axes, mnk_rows *r,
                              mnk_measurements *m, mnk_error *err) {
    for (size_t c = 0; c < axes->columns; c++) MNK_TRY(measure_column(budget, permit, sd, &axes->axis[c], r, c, m, err));
    mnk_rows_merge(r);
    return MNK_OK;
}

mnk_status mnk_pair_measure(mnk_budget *budget, mnk_permit *permit, double sd, const mnk_rows *r, size_t a, size_t b,
                            mnk_measurements *m, size_t *at, mnk_error *err) {
    size_t cells = (size_t)r->axes->axis[a].cells * (size_t)r->axes->axis[b].cells;
    int64_t *count = NULL;
    double *noisy = NULL, *precision = NULL;
    mnk_axis_set set = {.n = 2, .axis = {(uint16_t)a, (uint16_t)b}};
    mnk_status status;
    MNK_OUT(MNK_NEW(count, cells, err));
    MNK_OUT(MNK_NEW(noisy, cells, err));
    MNK_OUT(MNK_NEW(precision, cells, err));
    mnk_rows_count_pair(r, a, b, count);
    MNK_OUT(mnk_budget_measure(budget, permit, &set, count, cells, noisy, err));
    for (size_t i = 0; i < cells; i++) precision[i] = 1 / (sd * sd);
    MNK_OUT(mnk_measurements_add(m, &set, noisy, precision, cells, at, err));
out:
    mnk_free(count);
    mnk_free(noisy);
    mnk_free(precision);
    return status;
}

mnk_status mnk_axes_sizes(const mnk_axes *axes, int32_t **out, mnk_error *err) {
    MNK_TRY(MNK_NEW(*out, axes->columns + 1, err));
    for (size_t c = 0; c < axes->columns; c++) (*out)[c] = axes->axis[c].cells;
    return MNK_OK;
}
