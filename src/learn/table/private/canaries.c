#include "learn/table/private/canaries.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/private_canary.h"

/* No noise is taken for smaller than this: a guess would be weighed without end. */
static const double LEAST_VARIANCE = 1e-2;

mnk_status mnk_row_canaries_open(size_t n, const mnk_axes *axes, bool reproducible, uint64_t seed, mnk_row_canaries *out,
                                 mnk_error *err) {
    *out = (mnk_row_canaries){.n = n};
    MNK_TRY(mnk_canaries_toss(n, reproducible, seed, &out->memory, err));
    MNK_TRY(MNK_NEW(out->bin, n * axes->columns + 1, err));
    out->coin = out->memory + n;
    for (size_t i = 0; i < n; i++) {
        mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_CANARY, i, 0);
        for (size_t c = 0; c < axes->columns; c++)
            out->bin[c * n + i] = (uint8_t)mnk_rng_below(&rng, (uint64_t)axes->axis[c].bins);
    }
    return MNK_OK;
}

void mnk_row_canaries_close(mnk_row_canaries *c) {
    mnk_free(c->bin);
    mnk_free(c->memory);
    *c = (mnk_row_canaries){0};
}

mnk_status mnk_row_canaries_join(const mnk_row_canaries *c, mnk_rows *r, mnk_error *err) {
    size_t in = 0;
    uint8_t *cell;
    for (size_t i = 0; i < c->n; i++) in += c->coin[i] > 0.5;
    const size_t rows = r->rows + in;
    MNK_TRY(MNK_NEW(cell, rows * r->columns + 1, err));
    for (size_t k = 0; k < r->columns; k++) {
        uint8_t *to = cell + k * rows;
        memcpy(to, r->cell + k * r->rows, r->rows);
        to += r->rows;
        for (size_t i = 0; i < c->n; i++)
            if (c->coin[i] > 0.5) *to++ = c->bin[k * c->n + i];
    }
    mnk_free(r->cell);
    r->cell = cell, r->rows = rows;
    return MNK_OK;
}

static size_t cell_of(const mnk_row_canaries *c, const mnk_axes *axes, const mnk_axis_set *set, size_t i) {
    size_t cell = 0;
    if (set->n == 1) return c->bin[set->axis[0] * c->n + i];
    for (uint16_t k = 0; k < set->n; k++) {
        const mnk_axis *a = &axes->axis[set->axis[k]];
        cell = cell * (size_t)a->cells + (size_t)a->cell[c->bin[set->axis[k] * c->n + i]];
    }
    return cell;
}

/* surplus = noisy - real - canaries / 2: noise, and 1/2 more or less for each canary of the cell. */
static double noise_variance(const double *surplus, const double *canaries, size_t cells) {
    double sum = 0; /* as it is, not as it was charged: the guesser believes nothing */
    for (size_t k = 0; k < cells; k++) sum += surplus[k] * surplus[k] - canaries[k] / 4;
    return fmax(LEAST_VARIANCE, sum / (double)cells);
}

mnk_status mnk_row_canaries_look(mnk_row_canaries *c, const mnk_axes *axes, const mnk_axis_set *set, const int64_t *count,
                                 const double *noisy, size_t cells, mnk_error *err) {
    double *canaries = NULL, *surplus = NULL;
    mnk_status status;
    MNK_OUT(MNK_NEW(canaries, cells, err));
    MNK_OUT(MNK_NEW(surplus, cells, err));
    for (size_t k = 0; k < cells; k++) surplus[k] = noisy[k] - (double)count[k];
    for (size_t i = 0; i < c->n; i++) {
        const size_t k = cell_of(c, axes, set, i);
        canaries[k]++, surplus[k] += c->coin[i] - 0.5;
    }
    const double variance = noise_variance(surplus, canaries, cells);
    for (size_t i = 0; i < c->n; i++) {
        const size_t k = cell_of(c, axes, set, i);
        c->memory[i] += surplus[k] / (variance + (canaries[k] - 1) / 4);
    }
out:
    mnk_free(canaries);
    mnk_free(surplus);
    return status;
}
