#include "learn/table/private/pairs.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

mnk_status mnk_pair_table_open(size_t axes, const int32_t *size, mnk_pair_table *out, mnk_error *err) {
    size_t n = 0;
    *out = (mnk_pair_table){.axes = axes, .size = size};
    MNK_TRY(MNK_NEW(out->start, axes * axes + 1, err));
    for (size_t a = 0; a < axes; a++)
        for (size_t b = a + 1; b < axes; b++) out->start[a * axes + b] = n, n += (size_t)size[a] * (size_t)size[b];
    MNK_TRY(mnk_memory_require(n * sizeof(double), "the marginals of all pairs", err));
    return MNK_NEW(out->p, n + 1, err);
}

void mnk_pair_table_close(mnk_pair_table *t) {
    mnk_free(t->start);
    mnk_free(t->p);
}

typedef struct walk { /* the tree from one axis outwards */
    size_t *order;    /* [cliques] */
    long *from;       /* [cliques] clique it is reached from, -1 the first */
    double **weight;  /* [cliques] -> [cells] beliefs with the evidence */
    double *ratio;    /* [largest separator] */
    double *block;
} walk;

typedef struct fill_task {
    mnk_pair_table *t;
    const mnk_junction *j;
    size_t *home;      /* [axes] the clique an axis is read from */
    int32_t **state;   /* [axes] -> [cells of home] state of the axis */
    size_t separators; /* cells of the largest */
    bool failed;
} fill_task;

static void close_walk(walk *w) {
    mnk_free(w->order);
    mnk_free(w->from);
    mnk_free(w->weight);
    mnk_free(w->ratio);
    mnk_free(w->block);
}

static bool open_walk(const fill_task *f, walk *w) {
    const mnk_junction *j = f->j;
    size_t at = 0;
    *w = (walk){.order = mnk_alloc(j->cliques, sizeof(size_t)),
                .from = mnk_alloc(j->cliques, sizeof(long)),
                .weight = mnk_alloc(j->cliques, sizeof(double *)),
                .ratio = mnk_alloc(f->separators + 1, sizeof(double)),
                .block = mnk_alloc(j->cells + 1, sizeof(double))};
    if (!w->order || !w->from || !w->weight || !w->ratio || !w->block) return false;
    for (size_t k = 0; k < j->cliques; k++) w->weight[k] = w->block + at, at += j->clique[k].cells;
    return true;
}

static void order_from(const mnk_junction *j, size_t first, walk *w) {
    size_t n = 0;
    w->order[n++] = first;
    w->from[first] = -1;
    for (size_t i = 0; i < n; i++) {
        size_t k = w->order[i];
        if (j->clique[k].parent >= 0 && j->clique[k].parent != w->from[k])
            w->from[j->clique[k].parent] = (long)k, w->order[n++] = (size_t)j->clique[k].parent;
        for (size_t c = k + 1; c < j->cliques; c++)
            if (j->clique[c].parent == (long)k && (long)c != w->from[k]) w->from[c] = (long)k, w->order[n++] = c;
    }
}

/* What the evidence makes of clique `to`, reached from `from`: its belief times new over old separator. */
static void carry(const mnk_junction *j, size_t from, size_t to, walk *w) {
    const mnk_clique *f = &j->clique[from], *t = &j->clique[to];
    bool down = t->parent == (long)from;
    const mnk_clique *child = down ? t : f;
    const int32_t *map_from = down ? child->outer : child->inner, *map_to = down ? child->inner : child->outer;
    memset(w->ratio, 0, child->separator_cells * sizeof *w->ratio);
    for (size_t i = 0; i < f->cells; i++) w->ratio[map_from[i]] += w->weight[from][i];
    for (size_t s = 0; s < child->separator_cells; s++)
        w->ratio[s] = child->message[s] > 0 ? w->ratio[s] / child->message[s] : 0;
    for (size_t i = 0; i < t->cells; i++) w->weight[to][i] = t->belief[i] * w->ratio[map_to[i]];
}

static void enter(const fill_task *f, size_t a, int32_t v, walk *w) {
    const mnk_junction *j = f->j;
    const mnk_clique *home = &j->clique[f->home[a]];
    for (size_t i = 0; i < home->cells; i++) w->weight[f->home[a]][i] = f->state[a][i] == v ? home->belief[i] : 0;
    for (size_t i = 1; i < j->cliques; i++) carry(j, (size_t)w->from[w->order[i]], w->order[i], w);
    for (size_t b = a + 1; b < j->axes; b++) {
        double *out = mnk_pair_at(f->t, a, b) + (size_t)v * (size_t)j->size[b];
        const double *weight = w->weight[f->home[b]];
        memset(out, 0, (size_t)j->size[b] * sizeof *out);
        for (size_t i = 0; i < j->clique[f->home[b]].cells; i++) out[f->state[b][i]] += weight[i];
    }
}

static void fill_from(void *ctx, size_t a) {
    fill_task *f = ctx;
    walk w;
    if (open_walk(f, &w)) {
        order_from(f->j, f->home[a], &w);
        for (int32_t v = 0; v < f->j->size[a]; v++) enter(f, a, v, &w);
    } else __atomic_store_n(&f->failed, true, __ATOMIC_RELAXED);
    close_walk(&w);
}

mnk_status mnk_pair_table_fill(mnk_pair_table *t, const mnk_junction *j, mnk_error *err) {
    fill_task f = {.t = t, .j = j};
    mnk_status status;
    for (size_t k = 0; k < j->cliques; k++)
        if (j->clique[k].separator_cells > f.separators) f.separators = j->clique[k].separator_cells;
    MNK_OUT(MNK_NEW(f.home, j->axes + 1, err));
    MNK_OUT(MNK_NEW(f.state, j->axes + 1, err));
    for (size_t a = 0; a < j->axes; a++) {
        mnk_axis_set own = {.n = 1, .axis = {(uint16_t)a}};
        f.home[a] = (size_t)mnk_junction_holder(j, &own);
        MNK_OUT(MNK_NEW(f.state[a], j->clique[f.home[a]].cells, err));
        mnk_junction_map(j, &j->clique[f.home[a]].set, &own, f.state[a]);
    }
    mnk_parallel_for(j->axes, fill_from, &f);
    status = f.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: the marginals of all pairs") : MNK_OK;
out:
    for (size_t a = 0; f.state && a < j->axes; a++) mnk_free(f.state[a]);
    mnk_free(f.state);
    mnk_free(f.home);
    return status;
}
