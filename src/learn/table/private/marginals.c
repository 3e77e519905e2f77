#include "learn/table/private/marginals.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"

enum { CHUNK = 1024 };
static const double CELLS_MOST = 1 << 26; /* of a model file */

void mnk_marginals_close(void *model) {
    mnk_marginals *m = model;
    if (!m) return;
    for (size_t k = 0; m->way && k < m->tree->cliques; k++) {
        mnk_free(m->way[k].start);
        mnk_free(m->way[k].cell);
        mnk_free(m->way[k].running);
    }
    mnk_free(m->way);
    mnk_junction_close(m->tree);
    mnk_axes_clear(&m->axes);
    mnk_free(m);
}

/* Cells grouped by the state of the separator, with running sums. */
static mnk_status make_way(const mnk_clique *c, mnk_marginals_way *w, mnk_error *err) {
    MNK_TRY(MNK_NEW(w->start, c->separator_cells + 2, err));
    MNK_TRY(MNK_NEW(w->cell, c->cells, err));
    MNK_TRY(MNK_NEW(w->running, c->cells, err));
    for (size_t i = 0; i < c->cells; i++) w->start[(c->inner ? c->inner[i] : 0) + 2]++;
    for (size_t s = 0; s < c->separator_cells; s++) w->start[s + 2] += w->start[s + 1];
    for (size_t i = 0; i < c->cells; i++) w->cell[w->start[(c->inner ? c->inner[i] : 0) + 1]++] = (int32_t)i;
    for (size_t s = 0; s < c->separator_cells; s++) {
        double sum = 0;
        for (int32_t i = w->start[s]; i < w->start[s + 1]; i++) w->running[i] = sum += c->belief[w->cell[i]];
    }
    return MNK_OK;
}

mnk_status mnk_marginals_open(mnk_axes *axes, mnk_junction **tree, void **model, mnk_error *err) {
    mnk_marginals *m;
    *model = NULL;
    MNK_TRY(MNK_NEW(m, 1, err));
    m->axes = *axes, *axes = (mnk_axes){0};
    m->tree = *tree, *tree = NULL;
    mnk_status status = MNK_NEW(m->way, m->tree->cliques + 1, err);
    for (size_t k = 0; status == MNK_OK && k < m->tree->cliques; k++) status = make_way(&m->tree->clique[k], &m->way[k], err);
    if (status == MNK_OK) *model = m;
    else mnk_marginals_close(m);
    return status;
}

/* ---- drawing: each clique given what it shares with its parent ---- */

static size_t draw_cell(const mnk_marginals_way *w, size_t separator, mnk_rng *rng) {
    int32_t a = w->start[separator], b = w->start[separator + 1] - 1;
    double most = w->running[b], u = mnk_rng_uniform(rng) * most;
    if (!(most > 0)) return (size_t)w->cell[a + (int32_t)mnk_rng_below(rng, (uint64_t)(b - a + 1))];
    while (a < b) {
        int32_t middle = a + (b - a) / 2;
        if (w->running[middle] > u) b = middle;
        else a = middle + 1;
    }
    return (size_t)w->cell[a];
}

static void draw_states(const mnk_marginals *m, mnk_rng *rng, int32_t *state) {
    for (size_t k = 0; k < m->tree->cliques; k++) {
        const mnk_clique *c = &m->tree->clique[k];
        size_t separator = 0;
        for (uint16_t i = 0; i < c->separator.n; i++)
            separator = separator * (size_t)m->tree->size[c->separator.axis[i]] + (size_t)state[c->separator.axis[i]];
        size_t cell = draw_cell(&m->way[k], separator, rng);
        for (uint16_t i = c->set.n; i-- > 0;) {
            size_t size = (size_t)m->tree->size[c->set.axis[i]];
            state[c->set.axis[i]] = (int32_t)(cell % size);
            cell /= size;
        }
    }
}

typedef struct draw_task {
    const mnk_marginals *m;
    const mnk_draw_request *request;
    mnk_table *out;
    int32_t *state; /* [chunks * columns] */
} draw_task;

static void draw_chunk(void *ctx, size_t chunk) {
    const draw_task *d = ctx;
    size_t columns = d->m->axes.columns, end = (chunk + 1) * CHUNK < d->out->n ? (chunk + 1) * CHUNK : d->out->n;
    int32_t *state = d->state + chunk * columns;
    for (size_t i = chunk * CHUNK; i < end; i++) {
        mnk_rng rng = mnk_rng_at(d->request->seed, MNK_PURPOSE_TABLE_DRAW, d->request->item[i], d->request->stream);
        draw_states(d->m, &rng, state);
        for (size_t c = 0; c < columns; c++) mnk_axis_put(&d->m->axes.axis[c], state[c], &rng, d->out, c, i);
    }
}

mnk_status mnk_marginals_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) {
    draw_task d = {.m = model, .request = request, .out = out};
    size_t chunks = (out->n + CHUNK - 1) / CHUNK;
    MNK_TRY(MNK_NEW(d.state, chunks * d.m->axes.columns + 1, err));
    mnk_parallel_for(chunks, draw_chunk, &d);
    mnk_free(d.state);
    return MNK_OK;
}

/* ---- file ---- */

mnk_status mnk_marginals_save(const void *model, mnk_tensors *file, mnk_error *err) {
    const mnk_marginals *m = model;
    size_t at = 0, cells = 0;
    void *shape, *axis, *belief;
    MNK_TRY(mnk_axes_save(&m->axes, file, err));
    MNK_TRY(mnk_tensors_block(file, 2 * m->tree->cliques, sizeof(int32_t), &shape, err));
    MNK_TRY(mnk_tensors_block(file, MNK_CLIQUE_AXES * m->tree->cliques, sizeof(int32_t), &axis, err));
    MNK_TRY(mnk_tensors_block(file, m->tree->cells, sizeof(double), &belief, err));
    for (size_t k = 0; k < m->tree->cliques; k++) {
        const mnk_clique *c = &m->tree->clique[k];
        ((int32_t *)shape)[2 * k] = c->set.n, ((int32_t *)shape)[2 * k + 1] = (int32_t)c->parent;
        for (uint16_t i = 0; i < c->set.n; i++) ((int32_t *)axis)[at++] = c->set.axis[i];
        memcpy((double *)belief + cells, c->belief, c->cells * sizeof(double));
        cells += c->cells;
    }
    MNK_TRY(mnk_tensors_add(file, "clique.shape", MNK_I32, shape, 2 * m->tree->cliques, err));
    MNK_TRY(mnk_tensors_add(file, "clique.axis", MNK_I32, axis, at, err));
    return mnk_tensors_add(file, "clique.probability", MNK_F64, belief, cells, err);
}

static mnk_status read_sets(const mnk_tensors_in *in, size_t axes, mnk_axis_set **set, long **parent, size_t *cliques,
                            mnk_error *err) {
    const void *shape = NULL, *axis = NULL;
    size_t n = 0, ids = 0, at = 0;
    MNK_TRY(mnk_tensors_get(in, "clique.shape", MNK_I32, SIZE_MAX, &shape, &n, err));
    MNK_TRY(mnk_tensors_get(in, "clique.axis", MNK_I32, SIZE_MAX, &axis, &ids, err));
    *cliques = n / 2;
    if (n % 2 || n == 0 || *cliques > axes) return mnk_tensors_damaged(in, "its cliques are impossible", err);
    MNK_TRY(MNK_NEW(*set, *cliques, err));
    MNK_TRY(MNK_NEW(*parent, *cliques, err));
    for (size_t k = 0; k < *cliques; k++) {
        int32_t size = ((const int32_t *)shape)[2 * k];
        (*parent)[k] = ((const int32_t *)shape)[2 * k + 1];
        if (size < 1 || size > MNK_CLIQUE_AXES || (size_t)size > ids - at)
            return mnk_tensors_damaged(in, "its cliques are impossible", err);
        for (int32_t i = 0; i < size; i++) {
            int32_t a = ((const int32_t *)axis)[at++];
            if (a < 0 || (size_t)a >= axes) return mnk_tensors_damaged(in, "its cliques are impossible", err);
            (*set)[k].axis[(*set)[k].n++] = (uint16_t)a;
        }
    }
    return at == ids ? MNK_OK : mnk_tensors_damaged(in, "its cliques are impossible", err);
}

static mnk_status read_beliefs(const mnk_tensors_in *in, mnk_junction *j, mnk_error *err) {
    const void *belief = NULL;
    size_t at = 0;
    MNK_TRY(mnk_tensors_get(in, "clique.probability", MNK_F64, j->cells, &belief, NULL, err));
    for (size_t k = 0; k < j->cliques; k++) {
        double sum = 0;
        for (size_t i = 0; i < j->clique[k].cells; i++) {
            double p = ((const double *)belief)[at++];
            if (!(p >= 0 && p <= 1.000001)) return mnk_tensors_damaged(in, "a probability is impossible", err);
            j->clique[k].belief[i] = p, sum += p;
        }
        if (!(fabs(sum - 1) < 1e-6)) return mnk_tensors_damaged(in, "its probabilities do not sum to 1", err);
    }
    return MNK_OK;
}

mnk_status mnk_marginals_read(const mnk_tensors_in *in, const mnk_schema *schema, const void *config, void **model,
                              mnk_error *err) {
    mnk_axes axes = {0};
    mnk_axis_set *set = NULL;
    long *parent = NULL;
    int32_t *size = NULL;
    size_t cliques = 0;
    mnk_junction *tree = NULL;
    mnk_error inner = MNK_ERROR_INIT;
    mnk_status status;
    (void)config;
    *model = NULL;
    MNK_OUT(mnk_axes_read(in, schema, &axes, err));
    MNK_OUT(read_sets(in, schema->columns, &set, &parent, &cliques, err));
    MNK_OUT(MNK_NEW(size, schema->columns + 1, err));
    for (size_t c = 0; c < schema->columns; c++) size[c] = axes.axis[c].cells;
    if (mnk_junction_restore(schema->columns, size, set, parent, cliques, CELLS_MOST, &tree, &inner) != MNK_OK) {
        status = inner.code == MNK_ERR_MEMORY ? MNK_FAIL(err, MNK_ERR_MEMORY, "%s", inner.message)
                                              : mnk_tensors_damaged(in, inner.message, err);
        goto out;
    }
    MNK_OUT(read_beliefs(in, tree, err));
    MNK_OUT(mnk_marginals_open(&axes, &tree, model, err));
out:
    mnk_junction_close(tree);
    mnk_axes_clear(&axes);
    mnk_free(set);
    mnk_free(parent);
    mnk_free(size);
    return status;
}
