/* Values in and out of a plan, in plain order. */
#include <string.h>

#include "nn/graph.h"

static void put(const mnk_plan *p, const mnk_node *n, const float *plain, real *to) {
    const mnk_op *op = n->op;
    if (!to) return;
    if (mnk_is_vector(op)) {
        for (size_t i = 0; i < n->size; i++) to[i] = (real)plain[i];
        return;
    }
    int cb = mnk_padded(op->c) / 8, hw = op->h * op->w;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < p->batch * cb; u++) {
        int first = u % cb * 8, lanes = op->c - first < 8 ? op->c - first : 8;
        const float *from = plain + ((size_t)(u / cb) * (size_t)op->c + (size_t)first) * (size_t)hw;
        real *block = to + (size_t)u * (size_t)hw * 8;
        if (lanes < 8) memset(block, 0, (size_t)hw * 8 * sizeof *block);
        for (int l = 0; l < lanes; l++)
            for (int i = 0; i < hw; i++) block[8 * i + l] = (real)from[l * hw + i];
    }
}

static void get(const mnk_plan *p, const mnk_node *n, const real *from, float *plain) {
    const mnk_op *op = n->op;
    if (!from) return;
    if (mnk_is_vector(op)) {
        for (size_t i = 0; i < n->size; i++) plain[i] = (float)from[i];
        return;
    }
    int cb = mnk_padded(op->c) / 8, hw = op->h * op->w;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < p->batch * cb; u++) {
        int first = u % cb * 8, lanes = op->c - first < 8 ? op->c - first : 8;
        const real *block = from + (size_t)u * (size_t)hw * 8;
        float *to = plain + ((size_t)(u / cb) * (size_t)op->c + (size_t)first) * (size_t)hw;
        for (int l = 0; l < lanes; l++)
            for (int i = 0; i < hw; i++) to[l * hw + i] = (float)block[8 * i + l];
    }
}

void mnk_plan_put(mnk_plan *plan, mnk_value v, const float *plain) { put(plan, &plan->node[v], plain, plan->node[v].y); }
void mnk_plan_put_grad(mnk_plan *plan, mnk_value v, const float *plain) { put(plan, &plan->node[v], plain, plan->node[v].dy); }
void mnk_plan_get(const mnk_plan *plan, mnk_value v, float *plain) { get(plan, &plan->node[v], plan->node[v].y, plain); }
void mnk_plan_get_grad(const mnk_plan *plan, mnk_value v, float *plain) { get(plan, &plan->node[v], plan->node[v].dy, plain); }
real *mnk_plan_data(mnk_plan *plan, mnk_value v) { return plan->node[v].y; }
real *mnk_plan_grad(mnk_plan *plan, mnk_value v) { return plan->node[v].dy; }

void mnk_plan_put_labels(mnk_plan *plan, mnk_value v, const int32_t *labels) {
    mnk_node *n = &plan->node[v];
    if (n->labels)
        for (int i = 0; i < plan->batch; i++)
            n->labels[i] = labels[i] < 0 ? 0 : labels[i] < n->op->c ? labels[i] : n->op->c - 1; /* never outside a table */
}
