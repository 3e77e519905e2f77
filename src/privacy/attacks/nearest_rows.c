#include "privacy/attacks/nearest_rows.h"

#include <math.h>

#include "base/mem.h"

mnk_status mnk_gower_open(const mnk_table *synthetic, const mnk_columns *columns, mnk_gower *out, mnk_error *err) {
    *out = (mnk_gower){synthetic, columns, NULL};
    MNK_TRY(MNK_NEW(out->range, columns->n + 1, err));
    for (size_t k = 0; k < columns->n; k++) {
        const double *x = synthetic->number[columns->at[k]];
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < synthetic->n && x; i++)
            if (!isnan(x[i])) low = fmin(low, x[i]), high = fmax(high, x[i]);
        out->range[k] = !x ? 0 : high > low ? high - low : 1;
    }
    return MNK_OK;
}

void mnk_gower_close(mnk_gower *g) { mnk_free(g->range); }

double mnk_gower_distance(const mnk_gower *g, size_t s, const mnk_table *t, size_t row) {
    double sum = 0;
    for (size_t k = 0; k < g->columns->n; k++) {
        const double a = mnk_cell(g->synthetic, g->columns->at[k], s), b = mnk_cell(t, g->columns->at[k], row);
        if (isnan(a) || isnan(b)) sum += isnan(a) != isnan(b);
        else sum += g->range[k] > 0 ? fmin(1, fabs(a - b) / g->range[k]) : a != b;
    }
    return sum;
}

double mnk_gower_nearest(const mnk_gower *g, const mnk_table *t, size_t row) {
    double best = INFINITY;
    for (size_t s = 0; s < g->synthetic->n; s++) best = fmin(best, mnk_gower_distance(g, s, t, row));
    return best;
}
