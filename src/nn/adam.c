/* Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019) and the exponential moving average of the
 * weights, one pass over the flat buffers. */
#include <math.h>
#include <string.h>

#include "nn/graph.h"

enum { BLOCK = 4096 };

typedef struct factors {
    real b1, b2, c1, c2, step, root, epsilon, decay, keep;
} factors;

static void adam_block(mnk_params *p, const factors *f, size_t begin, size_t end) {
    real *restrict w = p->w, *restrict m = p->m, *restrict v = p->v, *restrict average = p->average;
    const real *restrict g = p->g;
#pragma omp simd
    for (size_t i = begin; i < end; i++) {
        real mi = f->b1 * m[i] + f->c1 * g[i], vi = f->b2 * v[i] + f->c2 * g[i] * g[i];
        real root = sizeof(real) == sizeof(float) ? (real)sqrtf((float)vi) : (real)sqrt((double)vi);
        real wi = w[i] - f->step * mi / (root * f->root + f->epsilon) - f->decay * w[i];
        m[i] = mi;
        v[i] = vi;
        w[i] = wi;
        average[i] = f->keep * average[i] + (1 - f->keep) * wi;
    }
}

void mnk_params_adam(mnk_params *p, const mnk_adam *s) {
    p->step++;
    double t = (double)p->step, bias1 = 1 - pow(s->beta1, t), bias2 = 1 - pow(s->beta2, t);
    factors f = {.b1 = (real)s->beta1,
                 .b2 = (real)s->beta2,
                 .c1 = (real)(1 - s->beta1),
                 .c2 = (real)(1 - s->beta2),
                 .step = (real)(s->rate / bias1),
                 .root = (real)(1 / sqrt(bias2)),
                 .epsilon = (real)s->epsilon,
                 .decay = (real)(s->rate * s->weight_decay),
                 .keep = (real)s->average_decay};
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < p->n; begin += BLOCK) adam_block(p, &f, begin, begin + BLOCK < p->n ? begin + BLOCK : p->n);
}

double mnk_params_gradient_norm(const mnk_params *p) {
    double total = 0; /* blocks in order; a pass over g is short beside a step */
    for (size_t begin = 0; begin < p->n; begin += BLOCK) {
        size_t end = begin + BLOCK < p->n ? begin + BLOCK : p->n;
        double s[8] = {0};
        for (size_t i = begin; i < end; i += 8) /* n is a multiple of 16 */
            for (size_t l = 0; l < 8; l++) s[l] += (double)p->g[i + l] * (double)p->g[i + l];
        total += ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
    }
    return sqrt(total);
}

void mnk_params_scale_gradient(mnk_params *p, double factor) {
    real f = (real)factor;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < p->n; i++) p->g[i] *= f;
}

void mnk_params_zero_gradient(mnk_params *p) { memset(p->g, 0, p->n * sizeof *p->g); }
