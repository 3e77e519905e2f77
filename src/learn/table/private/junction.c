#include "learn/table/private/junction.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static bool has(const mnk_axis_set *s, uint16_t axis) {
    for (uint16_t i = 0; i < s->n; i++)
        if (s->axis[i] == axis) return true;
    return false;
}

static bool holds(const mnk_axis_set *big, const mnk_axis_set *small) {
    for (uint16_t i = 0; i < small->n; i++)
        if (!has(big, small->axis[i])) return false;
    return true;
}

static mnk_axis_set common(const mnk_axis_set *a, const mnk_axis_set *b) {
    mnk_axis_set s = {0};
    for (uint16_t i = 0; i < a->n; i++)
        if (has(b, a->axis[i])) s.axis[s.n++] = a->axis[i];
    return s;
}

size_t mnk_junction_set_cells(const mnk_junction *j, const mnk_axis_set *set) {
    size_t cells = 1;
    for (uint16_t i = 0; i < set->n; i++) cells *= (size_t)j->size[set->axis[i]];
    return cells;
}

/* ---- triangulation ---- */

typedef struct graph {
    size_t n;
    uint8_t *edge; /* [n*n] */
    uint8_t *gone;
    mnk_axis_set *clique; /* [n] */
    size_t cliques;
} graph;

static double clique_cells(const graph *g, const int32_t *size, size_t v) {
    double cells = size[v];
    const uint8_t *edge = g->edge + v * g->n;
    for (size_t u = 0; u < g->n; u++)
        if (edge[u] && !g->gone[u]) cells *= size[u];
    return cells;
}

/* v's clique leaves the graph; false when it has too many axes. */
static bool eliminate(graph *g, size_t v) {
    mnk_axis_set c = {0};
    for (size_t u = 0; u < g->n; u++) {
        if (u != v && (g->gone[u] || !g->edge[v * g->n + u])) continue;
        if (c.n == MNK_CLIQUE_AXES) return false;
        c.axis[c.n++] = (uint16_t)u;
    }
    for (uint16_t a = 0; a < c.n; a++)
        for (uint16_t b = 0; b < c.n; b++)
            if (a != b) g->edge[c.axis[a] * g->n + c.axis[b]] = 1;
    g->gone[v] = 1;
    for (size_t k = 0; k < g->cliques; k++)
        if (holds(&g->clique[k], &c)) return true; /* not maximal: what came before holds it */
    g->clique[g->cliques++] = c;
    return true;
}

static void close_graph(graph *g) {
    mnk_free(g->edge);
    mnk_free(g->gone);
    mnk_free(g->clique);
}

static bool triangulate(size_t axes, const int32_t *size, const mnk_axis_set *set, size_t sets, graph *g) {
    *g = (graph){.n = axes};
    g->edge = mnk_alloc(axes * axes + 1, 1);
    g->gone = mnk_alloc(axes + 1, 1);
    g->clique = mnk_alloc(axes + 1, sizeof *g->clique);
    if (!g->edge || !g->gone || !g->clique) return false;
    for (size_t s = 0; s < sets; s++)
        for (uint16_t a = 0; a < set[s].n; a++)
            for (uint16_t b = 0; b < set[s].n; b++)
                if (a != b) g->edge[set[s].axis[a] * axes + set[s].axis[b]] = 1;
    for (size_t step = 0; step < axes; step++) {
        size_t best = SIZE_MAX;
        double least = INFINITY;
        for (size_t v = 0; v < axes; v++) {
            if (g->gone[v]) continue;
            double cells = clique_cells(g, size, v);
            if (best == SIZE_MAX || cells < least) best = v, least = cells;
        }
        if (!eliminate(g, best)) return false;
    }
    return true;
}

double mnk_junction_cells(size_t axes, const int32_t *size, const mnk_axis_set *set, size_t sets) {
    graph g;
    double total = INFINITY;
    if (triangulate(axes, size, set, sets, &g)) {
        total = 0;
        for (size_t k = 0; k < g.cliques; k++) {
            double cells = 1;
            for (uint16_t i = 0; i < g.clique[k].n; i++) cells *= size[g.clique[k].axis[i]];
            total += cells;
        }
    }
    close_graph(&g);
    return total;
}

/* ---- the tree ---- */

void mnk_junction_close(mnk_junction *j) {
    if (!j) return;
    for (size_t k = 0; j->clique && k < j->cliques; k++) {
        mnk_clique *c = &j->clique[k];
        mnk_free(c->potential);
        mnk_free(c->belief);
        mnk_free(c->inner);
        mnk_free(c->outer);
        mnk_free(c->message);
    }
    mnk_free(j->clique);
    mnk_free(j->size);
    mnk_free(j);
}

void mnk_junction_map(const mnk_junction *j, const mnk_axis_set *from, const mnk_axis_set *to, int32_t *map) {
    int32_t stride[MNK_CLIQUE_AXES] = {0}, state[MNK_CLIQUE_AXES] = {0}, at = 0;
    size_t cells = mnk_junction_set_cells(j, from);
    int32_t step = 1;
    for (int i = (int)to->n - 1; i >= 0; i--) {
        for (uint16_t k = 0; k < from->n; k++)
            if (from->axis[k] == to->axis[i]) stride[k] = step;
        step *= j->size[to->axis[i]];
    }
    for (size_t cell = 0; cell < cells; cell++) {
        map[cell] = at;
        for (int k = (int)from->n - 1; k >= 0; k--) { /* an odometer */
            at += stride[k];
            if (++state[k] < j->size[from->axis[k]]) break;
            at -= stride[k] * state[k];
            state[k] = 0;
        }
    }
}

/* Prim: the clique with the largest separator to what is joined already comes next. */
static void join(const graph *g, mnk_junction *j) {
    uint8_t *done = g->gone; /* all 1 by now: 0 means joined */
    for (size_t k = 0; k < g->cliques; k++) {
        size_t best = SIZE_MAX, best_parent = 0;
        mnk_axis_set best_set = {0};
        for (size_t c = 0; c < g->cliques; c++) {
            if (!done[c]) continue;
            mnk_axis_set most = {0};
            size_t parent = 0;
            for (size_t p = 0; p < k; p++) {
                mnk_axis_set s = common(&g->clique[c], &j->clique[p].set);
                if (s.n > most.n) most = s, parent = p;
            }
            if (best == SIZE_MAX || most.n > best_set.n) best = c, best_set = most, best_parent = parent;
        }
        done[best] = 0;
        j->clique[k].set = g->clique[best];
        j->clique[k].parent = k ? (long)best_parent : -1;
        j->clique[k].separator = best_set;
    }
}

static mnk_status make_room(mnk_junction *j, mnk_error *err) {
    for (size_t k = 0; k < j->cliques; k++) {
        mnk_clique *c = &j->clique[k];
        c->cells = mnk_junction_set_cells(j, &c->set);
        c->separator_cells = mnk_junction_set_cells(j, &c->separator);
        j->cells += c->cells;
        MNK_TRY(MNK_NEW(c->potential, c->cells, err));
        MNK_TRY(MNK_NEW(c->belief, c->cells, err));
        MNK_TRY(MNK_NEW(c->message, c->separator_cells, err));
        if (c->parent < 0) continue;
        const mnk_clique *p = &j->clique[c->parent];
        MNK_TRY(MNK_NEW(c->inner, c->cells, err));
        MNK_TRY(MNK_NEW(c->outer, p->cells, err));
        mnk_junction_map(j, &c->set, &c->separator, c->inner);
        mnk_junction_map(j, &p->set, &c->separator, c->outer);
    }
    return MNK_OK;
}

mnk_status mnk_junction_open(size_t axes, const int32_t *size, const mnk_axis_set *set, size_t sets, double most,
                             mnk_junction **out, mnk_error *err) {
    graph g = {0};
    mnk_junction *j = NULL;
    mnk_status status;
    *out = NULL;
    double cells = mnk_junction_cells(axes, size, set, sets);
    if (!(cells <= most) || cells > INT32_MAX)
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "a model of %.3g cells; at most %.3g are allowed", cells,
                        fmin(most, INT32_MAX));
    MNK_OUT(triangulate(axes, size, set, sets, &g) ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: a junction tree"));
    MNK_OUT(MNK_NEW(j, 1, err));
    j->axes = axes;
    MNK_OUT(MNK_NEW(j->size, axes + 1, err));
    memcpy(j->size, size, axes * sizeof *size);
    MNK_OUT(MNK_NEW(j->clique, g.cliques + 1, err));
    j->cliques = g.cliques;
    join(&g, j);
    MNK_OUT(make_room(j, err));
    *out = j;
    j = NULL;
out:
    close_graph(&g);
    mnk_junction_close(j);
    return status;
}

/* "" when the cliques and parents are those of a junction tree. */
static const char *fault_of(size_t axes, const int32_t *size, const mnk_axis_set *set, const long *parent, size_t cliques,
                            double most, uint8_t *seen) {
    double total = 0;
    for (size_t k = 0; k < cliques; k++) {
        double cells = 1;
        if (k == 0 ? parent[k] != -1 : parent[k] < 0 || (size_t)parent[k] >= k) return "a clique has an impossible parent";
        for (uint16_t i = 0; i < set[k].n; i++) {
            uint16_t a = set[k].axis[i];
            if (a >= axes || (i && a <= set[k].axis[i - 1])) return "a clique's axes are impossible";
            if (seen[a] && !(k && has(&set[parent[k]], a))) return "its cliques are not those of a junction tree";
            cells *= size[a];
        }
        for (uint16_t i = 0; i < set[k].n; i++) seen[set[k].axis[i]] = 1;
        total += cells;
    }
    if (!(total <= most)) return "it has too many cells";
    return memchr(seen, 0, axes) ? "a column is in no clique" : "";
}

mnk_status mnk_junction_restore(size_t axes, const int32_t *size, const mnk_axis_set *set, const long *parent, size_t cliques,
                                double most, mnk_junction **out, mnk_error *err) {
    mnk_junction *j = NULL;
    uint8_t *seen = NULL;
    mnk_status status;
    *out = NULL;
    MNK_OUT(MNK_NEW(seen, axes + 1, err));
    const char *fault = fault_of(axes, size, set, parent, cliques, most, seen);
    MNK_OUT(*fault ? MNK_FAIL(err, MNK_ERR_INPUT, "%s", fault) : MNK_OK);
    MNK_OUT(MNK_NEW(j, 1, err));
    j->axes = axes;
    MNK_OUT(MNK_NEW(j->size, axes + 1, err));
    memcpy(j->size, size, axes * sizeof *size);
    MNK_OUT(MNK_NEW(j->clique, cliques + 1, err));
    j->cliques = cliques;
    for (size_t k = 0; k < cliques; k++) {
        j->clique[k].set = set[k];
        j->clique[k].parent = parent[k];
        if (k) j->clique[k].separator = common(&set[k], &set[parent[k]]);
    }
    MNK_OUT(make_room(j, err));
    *out = j;
    j = NULL;
out:
    mnk_free(seen);
    mnk_junction_close(j);
    return status;
}

/* ---- inference ---- */

/* Potentials become factors of largest value 1 and least value e^-230, so that no product of messages vanishes everywhere. */
static void start(mnk_clique *c) {
    double most = -INFINITY;
    for (size_t i = 0; i < c->cells; i++) most = fmax(most, c->potential[i]);
    for (size_t i = 0; i < c->cells; i++) c->belief[i] = exp(fmax(c->potential[i] - most, -230));
}

static void scale_to_largest(double *x, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, x[i]);
    for (size_t i = 0; i < n && most > 0; i++) x[i] /= most;
}

void mnk_junction_infer(mnk_junction *j) {
    for (size_t k = 0; k < j->cliques; k++) start(&j->clique[k]);
    for (size_t k = j->cliques; k-- > 1;) { /* children to parents */
        mnk_clique *c = &j->clique[k], *p = &j->clique[c->parent];
        scale_to_largest(c->belief, c->cells);
        memset(c->message, 0, c->separator_cells * sizeof *c->message);
        for (size_t i = 0; i < c->cells; i++) c->message[c->inner[i]] += c->belief[i];
        double most = 0;
        for (size_t s = 0; s < c->separator_cells; s++) most = fmax(most, c->message[s]);
        for (size_t i = 0; i < p->cells; i++) p->belief[i] *= c->message[c->outer[i]] / most;
        scale_to_largest(p->belief, p->cells);
    }
    mnk_clique *root = &j->clique[0];
    double sum = 0;
    for (size_t i = 0; i < root->cells; i++) sum += root->belief[i];
    for (size_t i = 0; i < root->cells; i++) root->belief[i] /= sum;
    for (size_t k = 1; k < j->cliques; k++) { /* parents to children */
        mnk_clique *c = &j->clique[k];
        const mnk_clique *p = &j->clique[c->parent];
        double *up = c->message; /* becomes new / old */
        for (size_t s = 0; s < c->separator_cells; s++) up[s] = up[s] > 0 ? 1 / up[s] : 0;
        for (size_t i = 0; i < c->cells; i++) c->belief[i] *= up[c->inner[i]]; /* given the separator */
        memset(up, 0, c->separator_cells * sizeof *up);
        for (size_t i = 0; i < p->cells; i++) up[c->outer[i]] += p->belief[i];
        for (size_t i = 0; i < c->cells; i++) c->belief[i] *= up[c->inner[i]];
    }
}

long mnk_junction_holder(const mnk_junction *j, const mnk_axis_set *set) {
    long best = -1;
    for (size_t k = 0; k < j->cliques; k++)
        if (holds(&j->clique[k].set, set) && (best < 0 || j->clique[k].cells < j->clique[best].cells)) best = (long)k;
    return best;
}
