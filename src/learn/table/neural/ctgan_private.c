#include "learn/table/neural/ctgan.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

mnk_status mnk_ctgan_private_open(mnk_neural_trainer *t, mnk_ctgan *g, mnk_error *err) {
    MNK_TRY(mnk_plan_open(t->other, t->others, MNK_NEURAL_SLOTS, mnk_backend_find("auto"), MNK_PLAN_PRIVATE, &g->d_real, err));
    MNK_TRY(MNK_NEW(g->weight, MNK_NEURAL_SLOTS, err));
    MNK_TRY(MNK_NEW(g->slot, MNK_NEURAL_SLOTS, err));
    return MNK_NEW(g->slot_norms2, MNK_NEURAL_SLOTS, err);
}

void mnk_ctgan_private_close(mnk_ctgan *g) {
    mnk_plan_close(g->d_real);
    mnk_free(g->weight);
    mnk_free(g->slot);
    mnk_free(g->slot_norms2);
}

typedef struct pass {
    mnk_neural_trainer *t;
    mnk_ctgan *g;
    const uint32_t *unit;
} pass;

/* A person's row, with its own value of the condition. */
static void put_row(void *ctx, size_t i) {
    const pass *p = ctx;
    const mnk_neural_trainer *t = p->t;
    const mnk_layout *l = p->g->l;
    size_t row = mnk_neural_private_row(t, p->unit[i]);
    const uint8_t *state = t->rows.state + row * t->rows.columns;
    float *x = mnk_plan_data(p->g->d_real, p->g->d_in) + i * p->g->judged;
    mnk_layout_unfold(l, state, t->rows.score + row * t->rows.columns, x);
    memset(x + l->width, 0, l->conditions * sizeof *x);
    for (size_t k = 0; k < l->condition_pieces; k++)
        x[l->width + l->piece[l->condition[k]].condition_at + state[l->condition[k]]] = 1;
}

/* Hinge: max(0, 1 - D) of each real row by itself. A batch without anybody passes all the same, and adds nothing. */
static void sum_clipped(pass *p, size_t n, const mnk_rng *dropout) {
    mnk_ctgan *g = p->g;
    const mnk_private_sgd *sgd = p->t->own_private->sgd;
    const uint32_t *unit = p->unit;
    size_t first = 0;
    do {
        size_t used = n - first < MNK_NEURAL_SLOTS ? n - first : MNK_NEURAL_SLOTS;
        p->unit = unit + first;
        mnk_parallel_for(used, put_row, p);
        mnk_plan_forward(g->d_real, dropout);
        mnk_plan_get(g->d_real, g->d_out, g->slot);
        for (size_t i = 0; i < MNK_NEURAL_SLOTS; i++) g->slot[i] = i < used && g->slot[i] < 1 ? -1 : 0;
        mnk_plan_put_grad(g->d_real, g->d_out, g->slot);
        mnk_plan_sample_norms(g->d_real, g->d_out, g->slot_norms2);
        mnk_private_sgd_clip(sgd, g->slot_norms2, used, MNK_NEURAL_SLOTS, g->weight);
        mnk_plan_weighted_gradient(g->d_real, g->d_out, g->weight, true);
        first += MNK_NEURAL_SLOTS;
    } while (first < n);
}

static double add_generated(mnk_neural_trainer *t, mnk_ctgan *g, const mnk_rng *dropout) {
    double loss = 0, n = (double)g->packs;
    mnk_plan_refresh(g->d_both, false);
    mnk_plan_forward(g->d_both, dropout);
    mnk_plan_get(g->d_both, g->d_out, g->logit);
    for (size_t j = 0; j < g->packs; j++) {
        double x = (double)g->logit[j];
        loss += fmax(0, 1 + x) / n;
        g->gradient[j] = x > -1 ? (float)(1 / n) : 0;
    }
    mnk_plan_put_grad(g->d_both, g->d_out, g->gradient);
    mnk_plan_backward(g->d_both, g->d_out, MNK_BACK_WEIGHTS | MNK_BACK_ACCUMULATE);
    (void)t;
    return loss;
}

mnk_status mnk_ctgan_private_gradient(mnk_neural_trainer *t, mnk_ctgan *g, double *loss, mnk_error *err) {
    pass p = {.t = t, .g = g};
    size_t n;
    mnk_rng drop = mnk_neural_rng(t, 0, MNK_CTGAN_DROPOUT, g->step);
    const mnk_rng *dropout = t->config->dropout > 0 ? &drop : NULL;
    MNK_TRY(mnk_private_sgd_batch(t->own_private->sgd, &p.unit, &n, err));
    mnk_params_zero_gradient(t->others);
    mnk_plan_refresh(g->d_real, true);
    sum_clipped(&p, n, dropout);
    MNK_TRY(mnk_private_sgd_finish(t->own_private->sgd, &(mnk_gradient_part){t->others->g, t->others->n}, 1, err));
    mnk_plan_private_settle(g->d_real);
    *loss = add_generated(t, g, dropout);
    return MNK_OK;
}
