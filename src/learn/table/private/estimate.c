#include "learn/table/private/estimate.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/table/private/axes.h"

/* ---- measurements ---- */

static bool same(const mnk_axis_set *a, const mnk_axis_set *b) {
    return a->n == b->n && memcmp(a->axis, b->axis, a->n * sizeof *a->axis) == 0;
}

mnk_status mnk_measurements_add(mnk_measurements *m, const mnk_axis_set *set, const double *noisy, const double *precision,
                                size_t cells, size_t *at, mnk_error *err) {
    for (size_t k = 0; k < m->n; k++) {
        mnk_measurement *x = &m->item[k];
        if (!same(&x->set, set)) continue;
        for (size_t i = 0; i < cells; i++) {
            double sum = x->precision[i] + precision[i];
            x->noisy[i] = (x->precision[i] * x->noisy[i] + precision[i] * noisy[i]) / sum;
            x->precision[i] = sum;
        }
        if (at) *at = k;
        return MNK_OK;
    }
    mnk_measurement *more = mnk_grow(m->item, m->n, sizeof *more);
    if (!more) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: measured marginals");
    m->item = more;
    mnk_measurement *x = &more[m->n];
    *x = (mnk_measurement){.set = *set, .cells = cells};
    m->n++;
    MNK_TRY(MNK_NEW(x->noisy, cells, err));
    MNK_TRY(MNK_NEW(x->precision, cells, err));
    MNK_TRY(MNK_NEW(x->potential, cells, err));
    memcpy(x->noisy, noisy, cells * sizeof *noisy);
    memcpy(x->precision, precision, cells * sizeof *precision);
    if (at) *at = m->n - 1;
    return MNK_OK;
}

void mnk_measurements_clear(mnk_measurements *m) {
    for (size_t k = 0; k < m->n; k++) {
        mnk_free(m->item[k].noisy);
        mnk_free(m->item[k].precision);
        mnk_free(m->item[k].potential);
    }
    mnk_free(m->item);
    *m = (mnk_measurements){0};
}

double mnk_measurements_total(const mnk_measurements *m) {
    double top = 0, bottom = 0;
    for (size_t k = 0; k < m->n; k++) {
        double sum = 0, variance = 0;
        for (size_t i = 0; i < m->item[k].cells; i++) sum += m->item[k].noisy[i], variance += 1 / m->item[k].precision[i];
        top += sum / variance, bottom += 1 / variance;
    }
    return bottom > 0 && top > bottom ? top / bottom : 1;
}

/* ---- the fit ---- */

typedef struct fitted { /* a measurement in its clique */
    mnk_clique *clique;
    int32_t *map;                  /* [clique's cells] */
    double *model, *before, *step; /* [cells] marginal now; at the last accepted step: marginal, gradient */
    double *saved;                 /* [cells] potential there */
} fitted;

typedef struct fit {
    mnk_junction *j;
    mnk_measurements *m;
    double total;
    fitted *at; /* [m->n] */
} fit;

static void close_fit(fit *f) {
    for (size_t k = 0; f->at && k < f->m->n; k++) {
        mnk_free(f->at[k].map);
        mnk_free(f->at[k].model);
        mnk_free(f->at[k].before);
        mnk_free(f->at[k].step);
        mnk_free(f->at[k].saved);
    }
    mnk_free(f->at);
}

static mnk_status open_fit(fit *f, mnk_error *err) {
    MNK_TRY(MNK_NEW(f->at, f->m->n + 1, err));
    for (size_t k = 0; k < f->m->n; k++) {
        const mnk_measurement *x = &f->m->item[k];
        fitted *a = &f->at[k];
        long holder = mnk_junction_holder(f->j, &x->set);
        if (holder < 0) return MNK_FAIL(err, MNK_ERR_FAILED, "internal error: a measured marginal is in no clique");
        a->clique = &f->j->clique[holder];
        MNK_TRY(MNK_NEW(a->map, a->clique->cells, err));
        mnk_junction_map(f->j, &a->clique->set, &x->set, a->map);
        MNK_TRY(MNK_NEW(a->model, x->cells, err));
        MNK_TRY(MNK_NEW(a->before, x->cells, err));
        MNK_TRY(MNK_NEW(a->step, x->cells, err));
        MNK_TRY(MNK_NEW(a->saved, x->cells, err));
    }
    return MNK_OK;
}

/* The cliques' potentials from the measurements', and beliefs from these. */
static void infer(fit *f) {
    for (size_t k = 0; k < f->j->cliques; k++) memset(f->j->clique[k].potential, 0, f->j->clique[k].cells * sizeof(double));
    for (size_t k = 0; k < f->m->n; k++) {
        const fitted *a = &f->at[k];
        for (size_t i = 0; i < a->clique->cells; i++) a->clique->potential[i] += f->m->item[k].potential[a->map[i]];
    }
    mnk_junction_infer(f->j);
}

static void project(const fitted *a, size_t cells) {
    memset(a->model, 0, cells * sizeof *a->model);
    for (size_t i = 0; i < a->clique->cells; i++) a->model[a->map[i]] += a->clique->belief[i];
}

static double loss_of(const fit *f) {
    double loss = 0;
    for (size_t k = 0; k < f->m->n; k++) {
        const mnk_measurement *x = &f->m->item[k];
        project(&f->at[k], x->cells);
        for (size_t i = 0; i < x->cells; i++) {
            double r = f->total * f->at[k].model[i] - x->noisy[i];
            loss += 0.5 * r * r * x->precision[i];
        }
    }
    return loss;
}

/* Accepts where we stand: potentials, marginals and the gradient with respect to these are kept. */
static void keep(fit *f) {
    for (size_t k = 0; k < f->m->n; k++) {
        const mnk_measurement *x = &f->m->item[k];
        fitted *a = &f->at[k];
        memcpy(a->saved, x->potential, x->cells * sizeof *a->saved);
        memcpy(a->before, a->model, x->cells * sizeof *a->model);
        for (size_t i = 0; i < x->cells; i++) a->step[i] = (f->total * a->model[i] - x->noisy[i]) * x->precision[i] * f->total;
    }
}

/* alpha 0 goes back to what was kept. */
static void move(fit *f, double alpha) {
    for (size_t k = 0; k < f->m->n; k++)
        for (size_t i = 0; i < f->m->item[k].cells; i++)
            f->m->item[k].potential[i] = f->at[k].saved[i] - alpha * f->at[k].step[i];
    infer(f);
}

/* <gradient, change of the marginals>: at most 0 for a step of mirror descent. */
static double predicted(const fit *f) {
    double sum = 0;
    for (size_t k = 0; k < f->m->n; k++)
        for (size_t i = 0; i < f->m->item[k].cells; i++) sum += f->at[k].step[i] * (f->at[k].model[i] - f->at[k].before[i]);
    return sum;
}

/* One marginal fitted exactly, nearly: a tenth of what the model says is mixed in, so that no cell is given up for good. */
static mnk_status fit_one(fit *f, size_t k, mnk_error *err) {
    const mnk_measurement *x = &f->m->item[k];
    fitted *a = &f->at[k];
    double *want;
    MNK_TRY(MNK_NEW(want, x->cells, err));
    memcpy(want, x->noisy, x->cells * sizeof *want);
    mnk_simplex(want, x->cells, f->total);
    project(a, x->cells);
    for (size_t i = 0; i < x->cells; i++)
        want[i] = log((0.9 * want[i] / f->total + 0.1 * a->model[i] + 1e-12) / (a->model[i] + 1e-12));
    for (size_t i = 0; i < x->cells; i++) f->m->item[k].potential[i] += want[i];
    mnk_free(want);
    infer(f);
    return MNK_OK;
}

static void descend(fit *f, size_t steps, double *loss) {
    enum { LOOK = 10, HALVINGS = 30 };
    double alpha = 0, past = *loss, largest = 0;
    for (size_t k = 0; k < f->m->n; k++)
        for (size_t i = 0; i < f->m->item[k].cells; i++) largest = fmax(largest, f->m->item[k].precision[i]);
    alpha = 1 / (f->total * f->total * largest + 1e-300);
    for (size_t step = 1; step <= steps; step++) {
        bool moved = false;
        keep(f);
        for (int k = 0; k < HALVINGS && !moved; k++) {
            move(f, alpha);
            double now = loss_of(f);
            moved = now <= *loss + 0.5 * predicted(f);
            if (moved) *loss = now, alpha *= k == 0 ? 2 : 1;
            else alpha *= 0.5;
        }
        if (!moved) {
            move(f, 0);
            return;
        }
        if (step % LOOK) continue;
        if (past - *loss < 1e-4 * past) return;
        past = *loss;
    }
}

mnk_status mnk_estimate(mnk_junction *j, mnk_measurements *m, size_t fresh, double total, size_t steps, double *loss,
                        mnk_error *err) {
    fit f = {.j = j, .m = m, .total = total};
    mnk_status status;
    MNK_OUT(open_fit(&f, err));
    infer(&f);
    for (size_t k = fresh; k < m->n; k++) MNK_OUT(fit_one(&f, k, err));
    double now = loss_of(&f);
    descend(&f, steps, &now);
    if (loss) *loss = now;
out:
    close_fit(&f);
    return status;
}
