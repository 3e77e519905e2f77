/* The energy distance and nearest rows, as the held-out criterion. */
#include <math.h>

#include "base/parallel.h"
#include "learn/table/neural/train.h"

typedef struct pairs {
    const float *x, *y;
    size_t m, width;
    bool same;
} pairs;

static float square(const float *a, const float *b, size_t width) {
    float d = 0;
    for (size_t k = 0; k < width; k++) d += (a[k] - b[k]) * (a[k] - b[k]);
    return d;
}

static void sum_rows(void *ctx, size_t begin, size_t end, double *sum) {
    const pairs *p = ctx;
    for (size_t i = begin; i < end; i++) {
        const float *a = p->x + i * p->width;
        for (size_t j = p->same ? i + 1 : 0; j < p->m; j++) *sum += sqrt((double)square(a, p->y + j * p->width, p->width));
    }
}

double mnk_neural_spread(const float *x, size_t n, size_t width) {
    pairs p = {x, x, n, width, true};
    double sum = 0;
    if (n < 2 || mnk_parallel_sum(n, 16, 1, &sum, sum_rows, &p)) return 0;
    return 2 * sum / ((double)n * (double)(n - 1));
}

double mnk_neural_energy(const float *x, size_t n, const float *y, size_t m, size_t width, double spread_y) {
    pairs p = {x, y, m, width, false};
    double sum = 0;
    if (n < 1 || m < 1 || mnk_parallel_sum(n, 16, 1, &sum, sum_rows, &p)) return NAN;
    return 2 * sum / ((double)n * (double)m) - mnk_neural_spread(x, n, width) - spread_y;
}

static void sum_nearest(void *ctx, size_t begin, size_t end, double *sum) {
    const pairs *p = ctx;
    for (size_t i = begin; i < end; i++) {
        float least = INFINITY;
        for (size_t j = 0; j < p->m; j++) {
            float d = square(p->x + i * p->width, p->y + j * p->width, p->width);
            if (d < least) least = d;
        }
        *sum += sqrt((double)least);
    }
}

double mnk_neural_nearest(const float *x, size_t n, const float *y, size_t m, size_t width) {
    pairs p = {x, y, m, width, false};
    double sum = 0;
    if (n < 1 || m < 1 || mnk_parallel_sum(n, 16, 1, &sum, sum_nearest, &p)) return NAN;
    return sum / (double)n;
}
