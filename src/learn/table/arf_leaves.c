/* What the leaves say of each column, and the correlations that are left within them. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/arf.h"
#include "math/stats.h"

enum { CORRELATED_ROWS = 200000 /* rows, over all trees, that correlations are taken from */ };

typedef struct part { /* the leaves of one tree */
    uint32_t *start, *normal;
    uint8_t *state;
    float *share, *param;   /* param: mean, sd, low, high by normal */
    double *weight, *cross; /* cross [latents^2] sums of products of residuals */
    size_t states, states_room, normals, normals_room;
    mnk_status status;
} part;

typedef struct filler {
    mnk_arf *a;
    const uint8_t *bins;
    const float *score; /* [column*n + row] normal score of the continuous part */
    size_t n;
    part *part;
    float *bin_score; /* [column*MNK_BINS + bin] normal score of the position of a bin in the whole column */
    size_t stride;    /* every stride-th row is correlated */
} filler;

typedef struct sorted { /* real rows by leaf */
    uint32_t *start, *member;
    int32_t *parent;
    int32_t *node_of_leaf;
} sorted;

/* ---- leaves that hold too few rows are passed over: their rows go to the sibling ---- */

static uint32_t reroute(mnk_bintree *t, size_t at, const uint32_t *rows, size_t least, int depth) {
    mnk_bintree_node *n = &t->node[at];
    if (n->column < 0 || depth > 100) return rows[at];
    uint32_t left = reroute(t, (size_t)n->left, rows, least, depth + 1),
             right = reroute(t, (size_t)n->left + 1, rows, least, depth + 1);
    if (left && left < least && left <= right) memset(n->mask, 0, sizeof n->mask);
    else if (right && right < least && left) memset(n->mask, 0xff, sizeof n->mask);
    return left + right;
}

static mnk_status prune(const filler *f, mnk_bintree *t, mnk_error *err) {
    uint32_t *rows;
    MNK_TRY(MNK_NEW(rows, t->nodes, err));
    for (size_t i = 0; i < f->n; i++) rows[mnk_bintree_find(t, f->bins, f->n, i)]++;
    reroute(t, 0, rows, (size_t)f->a->config.min_leaf, 0);
    mnk_free(rows);
    return MNK_OK;
}

static mnk_status sort_rows(const filler *f, const mnk_bintree *t, sorted *s, mnk_error *err) {
    uint32_t *leaf = NULL;
    MNK_TRY(MNK_NEW(s->start, t->leaves + 2, err));
    MNK_TRY(MNK_NEW(s->member, f->n + 1, err));
    MNK_TRY(MNK_NEW(s->parent, t->nodes, err));
    MNK_TRY(MNK_NEW(s->node_of_leaf, t->leaves + 1, err));
    MNK_TRY(MNK_NEW(leaf, f->n + 1, err));
    for (size_t i = 0; i < f->n; i++) {
        leaf[i] = (uint32_t)t->node[mnk_bintree_find(t, f->bins, f->n, i)].left;
        s->start[leaf[i] + 2]++;
    }
    for (size_t k = 2; k < t->leaves + 2; k++) s->start[k] += s->start[k - 1];
    for (size_t i = 0; i < f->n; i++) s->member[s->start[leaf[i] + 1]++] = (uint32_t)i;
    s->parent[0] = -1;
    for (size_t k = 0; k < t->nodes; k++) {
        if (t->node[k].column < 0) s->node_of_leaf[t->node[k].left] = (int32_t)k;
        else s->parent[t->node[k].left] = s->parent[t->node[k].left + 1] = (int32_t)k;
    }
    mnk_free(leaf);
    return MNK_OK;
}

static void close_sorted(sorted *s) {
    mnk_free(s->start);
    mnk_free(s->member);
    mnk_free(s->parent);
    mnk_free(s->node_of_leaf);
}

/* ---- one cell: a column within a leaf ---- */

typedef struct cell {
    double count[MNK_BINS];
    uint8_t seen[MNK_BINS];
    unsigned n_seen;
    double continuous, sum, sum2, where; /* where: mean bin of the continuous rows */
} cell;

static void count_cell(const filler *f, size_t c, const uint32_t *row, size_t n, cell *x) {
    const uint8_t *bin = f->bins + c * f->n;
    const float *score = f->score + c * f->n;
    const mnk_codes *k = &f->a->book.column[c];
    x->n_seen = 0;
    x->continuous = x->sum = x->sum2 = x->where = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t b = bin[row[i]];
        if (b && !mnk_codes_is_atom(k, b)) {
            double z = score[row[i]];
            x->continuous++, x->sum += z, x->sum2 += z * z, x->where += k->rank[b];
        } else if (x->count[b]++ == 0) x->seen[x->n_seen++] = b;
    }
}

/* Limits of the continuous part in the leaf: the bins that the path to it allows. */
static void limits(const filler *f, const mnk_bintree *t, const sorted *s, size_t leaf, size_t c, float *low, float *high) {
    const mnk_codes *k = &f->a->book.column[c];
    uint64_t mask[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    for (int32_t at = s->node_of_leaf[leaf]; s->parent[at] >= 0; at = s->parent[at]) {
        const mnk_bintree_node *p = &t->node[s->parent[at]];
        if ((size_t)p->column != c) continue;
        bool left = at == p->left;
        for (int w = 0; w < 4; w++) mask[w] &= left ? p->mask[w] : ~p->mask[w];
    }
    *low = -MNK_SCORE_LIMIT, *high = MNK_SCORE_LIMIT;
    unsigned first = 0, last = 0;
    for (unsigned b = 1; b < k->bins; b++)
        if (mask[b >> 6] >> (b & 63) & 1 && !mnk_codes_is_atom(k, b)) first = first ? first : b, last = b;
    if (first) *low = (float)mnk_codes_score_low(k, first), *high = (float)mnk_codes_score_high(k, last);
}

/* Mean and predictive standard deviation of few values: the variance within leaves of the whole tree counts as one more. */
static void moments(const cell *x, double pooled, float *mean, float *sd) {
    double n = x->continuous, m = x->sum / n, ss = fmax(0, x->sum2 - n * m * m);
    *mean = (float)m;
    *sd = (float)sqrt(fmax(1e-8, (ss + pooled) / n * (1 + 1 / n)));
}

static mnk_status add_state(part *p, unsigned state, double share, mnk_error *err) {
    if (p->states == p->states_room) {
        size_t room = p->states_room ? 2 * p->states_room : 4096;
        uint8_t *s = mnk_realloc(p->state, room, sizeof *s);
        if (s) p->state = s;
        float *h = s ? mnk_realloc(p->share, room, sizeof *h) : NULL;
        if (!h) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: leaves of a forest");
        p->share = h, p->states_room = room;
    }
    p->state[p->states] = (uint8_t)state;
    p->share[p->states++] = (float)share;
    return MNK_OK;
}

static mnk_status add_normal(part *p, const float param[4], mnk_error *err) {
    if (p->normals == p->normals_room) {
        size_t room = p->normals_room ? 2 * p->normals_room : 4096;
        float *more = mnk_realloc(p->param, room * 4, sizeof *more);
        if (!more) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: leaves of a forest");
        p->param = more, p->normals_room = room;
    }
    memcpy(p->param + 4 * p->normals++, param, 4 * sizeof *param);
    return MNK_OK;
}

static mnk_status write_cell(const filler *f, const mnk_bintree *t, const sorted *s, size_t leaf, size_t c, cell *x,
                             double pooled, part *p, mnk_error *err) {
    const uint8_t *rank = f->a->book.column[c].rank;
    double n = x->continuous, sum = 0, where = n > 0 ? x->where / n : 1e9;
    size_t at = leaf * f->a->book.columns + c;
    p->start[at] = (uint32_t)p->states;
    p->normal[at] = UINT32_MAX;
    for (unsigned i = 1; i < x->n_seen; i++) { /* few: insertion sort */
        uint8_t b = x->seen[i];
        unsigned k = i;
        for (; k && x->seen[k - 1] && (!b || rank[x->seen[k - 1]] > rank[b]); k--) x->seen[k] = x->seen[k - 1];
        x->seen[k] = b;
    }
    for (unsigned i = 0; i < x->n_seen; i++) n += x->count[x->seen[i]];
    bool placed = x->continuous == 0;
    for (unsigned i = 0; i <= x->n_seen; i++) {
        if (!placed && (i == x->n_seen || (x->seen[i] && rank[x->seen[i]] > where))) {
            sum += x->continuous;
            MNK_TRY(add_state(p, MNK_ARF_CONTINUOUS, sum / n, err));
            placed = true;
        }
        if (i == x->n_seen) break;
        sum += x->count[x->seen[i]];
        MNK_TRY(add_state(p, x->seen[i], sum / n, err));
        x->count[x->seen[i]] = 0;
    }
    p->share[p->states - 1] = 1;
    if (x->continuous == 0) return MNK_OK;
    float param[4];
    moments(x, pooled, &param[0], &param[1]);
    limits(f, t, s, leaf, c, &param[2], &param[3]);
    p->normal[at] = (uint32_t)p->normals;
    return add_normal(p, param, err);
}

/* ---- correlations within leaves ---- */

static void residuals(const filler *f, const uint32_t *row, size_t n, float *residual) {
    const mnk_arf *a = f->a;
    size_t width = a->latents;
    for (size_t c = 0; c < a->book.columns; c++) {
        const uint8_t *bin = f->bins + c * f->n;
        const float *score = f->bin_score + c * MNK_BINS;
        double sum = 0, have = 0;
        for (size_t i = 0; i < n; i++)
            if (bin[row[i]]) sum += score[bin[row[i]]], have++;
        float mean = (float)(have > 0 ? sum / have : 0), rate = (float)(1 - have / (double)n);
        for (size_t i = 0; i < n; i++) {
            uint8_t b = bin[row[i]];
            if (a->position[c] >= 0) residual[i * width + (size_t)a->position[c]] = b ? score[b] - mean : 0;
            if (a->absence[c] >= 0) residual[i * width + (size_t)a->absence[c]] = (b == 0) - rate;
        }
    }
}

static mnk_status correlate(const filler *f, const sorted *s, size_t leaves, size_t t, part *p, mnk_error *err) {
    size_t width = f->a->latents, most = 0;
    float *residual;
    for (size_t k = 0; k < leaves; k++)
        if (s->start[k + 1] - s->start[k] > most) most = s->start[k + 1] - s->start[k];
    MNK_TRY(MNK_NEW(p->cross, width * width + 1, err));
    MNK_TRY(MNK_NEW(residual, most * width + 1, err));
    for (size_t k = 0; k < leaves; k++) {
        size_t n = s->start[k + 1] - s->start[k];
        if (n < 2 || (k + t) % f->stride) continue;
        residuals(f, s->member + s->start[k], n, residual);
        for (size_t r = 0; r < n; r++) {
            const float *x = residual + r * width;
            for (size_t i = 0; i < width; i++) {
                if (x[i] == 0) continue;
                double *to = p->cross + i * width;
                for (size_t j = 0; j <= i; j++) to[j] += (double)x[i] * x[j];
            }
        }
    }
    mnk_free(residual);
    return MNK_OK;
}

/* ---- a tree ---- */

/* Variance of the continuous part within leaves, by column. */
static mnk_status pooled_variance(const filler *f, const sorted *s, size_t leaves, cell *x, double **out, mnk_error *err) {
    size_t columns = f->a->book.columns;
    MNK_TRY(MNK_NEW(*out, columns + 1, err));
    for (size_t c = 0; c < columns; c++) {
        double ss = 0, freedom = 0;
        if (f->a->book.column[c].has_continuous)
            for (size_t k = 0; k < leaves; k++) {
                count_cell(f, c, s->member + s->start[k], s->start[k + 1] - s->start[k], x);
                for (unsigned i = 0; i < x->n_seen; i++) x->count[x->seen[i]] = 0;
                if (x->continuous < 2) continue;
                ss += fmax(0, x->sum2 - x->sum * x->sum / x->continuous), freedom += x->continuous - 1;
            }
        (*out)[c] = freedom > 0 ? ss / freedom : 1;
    }
    return MNK_OK;
}

static mnk_status fill_tree(const filler *f, size_t t, part *p, mnk_error *err) {
    mnk_bintree *tree = &f->a->tree[t];
    size_t columns = f->a->book.columns;
    sorted s = {0};
    double *pooled = NULL;
    cell *x = NULL;
    mnk_status status;
    MNK_OUT(prune(f, tree, err));
    MNK_OUT(sort_rows(f, tree, &s, err));
    MNK_OUT(MNK_NEW(x, 1, err));
    MNK_OUT(MNK_NEW(p->weight, tree->leaves + 1, err));
    MNK_OUT(MNK_NEW(p->start, tree->leaves * columns + 1, err));
    MNK_OUT(MNK_NEW(p->normal, tree->leaves * columns + 1, err));
    MNK_OUT(pooled_variance(f, &s, tree->leaves, x, &pooled, err));
    for (size_t k = 0; k < tree->leaves; k++) {
        size_t n = s.start[k + 1] - s.start[k];
        p->weight[k] = (double)n;
        for (size_t c = 0; c < columns; c++) {
            if (n == 0) {
                p->start[k * columns + c] = (uint32_t)p->states;
                p->normal[k * columns + c] = UINT32_MAX;
                continue;
            }
            count_cell(f, c, s.member + s.start[k], n, x);
            MNK_OUT(write_cell(f, tree, &s, k, c, x, pooled[c], p, err));
        }
    }
    MNK_OUT(correlate(f, &s, tree->leaves, t, p, err));
out:
    close_sorted(&s);
    mnk_free(pooled);
    mnk_free(x);
    return status;
}

static void fill_task(void *ctx, size_t t) {
    filler *f = ctx;
    mnk_error err = MNK_ERROR_INIT;
    f->part[t].status = fill_tree(f, t, &f->part[t], &err);
}

/* ---- all trees together ---- */

static mnk_status join(filler *f, mnk_error *err) {
    mnk_arf *a = f->a;
    mnk_arf_leaves *l = &a->leaf;
    size_t columns = a->book.columns, leaf = 0, state = 0, normal = 0;
    l->columns = columns;
    for (size_t t = 0; t < a->trees; t++)
        l->leaves += a->tree[t].leaves, l->states += f->part[t].states, l->normals += f->part[t].normals;
    if (l->states >= UINT32_MAX) return MNK_FAIL(err, MNK_ERR_MEMORY, "the forest is too large: fewer trees, or larger leaves");
    MNK_TRY(MNK_NEW(l->first, a->trees + 1, err));
    MNK_TRY(MNK_NEW(l->weight, l->leaves + 1, err));
    MNK_TRY(MNK_NEW(l->start, l->leaves * columns + 1, err));
    MNK_TRY(MNK_NEW(l->normal, l->leaves * columns + 1, err));
    MNK_TRY(MNK_NEW(l->state, l->states + 1, err));
    MNK_TRY(MNK_NEW(l->share, l->states + 1, err));
    MNK_TRY(MNK_NEW(l->mean, 4 * l->normals + 1, err));
    l->sd = l->mean + l->normals, l->low = l->sd + l->normals, l->high = l->low + l->normals;
    for (size_t t = 0; t < a->trees; t++) {
        part *p = &f->part[t];
        size_t leaves = a->tree[t].leaves;
        l->first[t] = (uint32_t)leaf;
        memcpy(l->weight + leaf, p->weight, leaves * sizeof *l->weight);
        for (size_t k = 0; k < leaves * columns; k++) {
            l->start[leaf * columns + k] = p->start[k] + (uint32_t)state;
            l->normal[leaf * columns + k] = p->normal[k] == UINT32_MAX ? UINT32_MAX : p->normal[k] + (uint32_t)normal;
        }
        memcpy(l->state + state, p->state, p->states);
        memcpy(l->share + state, p->share, p->states * sizeof *l->share);
        for (size_t k = 0; k < p->normals; k++) {
            l->mean[normal + k] = p->param[4 * k], l->sd[normal + k] = p->param[4 * k + 1];
            l->low[normal + k] = p->param[4 * k + 2], l->high[normal + k] = p->param[4 * k + 3];
        }
        leaf += leaves, state += p->states, normal += p->normals;
    }
    l->first[a->trees] = (uint32_t)leaf;
    l->start[leaf * columns] = (uint32_t)state;
    return MNK_OK;
}

static mnk_status join_correlations(filler *f, mnk_error *err) {
    mnk_arf *a = f->a;
    size_t n = a->latents;
    double *scratch;
    MNK_TRY(MNK_NEW(a->correlation, n * n + 1, err));
    MNK_TRY(MNK_NEW(scratch, 2 * n * n + 1, err));
    for (size_t t = 0; t < a->trees; t++)
        for (size_t k = 0; k < n * n; k++) scratch[k] += f->part[t].cross[k];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double d = sqrt(scratch[i * n + i] * scratch[j * n + j]),
                   r = d > 0 && a->config.residual ? scratch[i * n + j] / d : 0;
            a->correlation[i * n + j] = a->correlation[j * n + i] = i == j ? 1 : r;
        }
    mnk_latent_repair(a->correlation, n, scratch);
    mnk_free(scratch);
    return MNK_OK;
}

mnk_status mnk_arf_latents(mnk_arf *a, mnk_error *err) {
    MNK_TRY(MNK_NEW(a->position, a->book.columns + 1, err));
    MNK_TRY(MNK_NEW(a->absence, a->book.columns + 1, err));
    a->latents = 0;
    for (size_t c = 0; c < a->book.columns; c++) {
        const mnk_codes *k = &a->book.column[c];
        a->position[c] = k->bins > 2 ? (int32_t)a->latents++ : -1;
        a->absence[c] = k->count[0] > 0 ? (int32_t)a->latents++ : -1;
    }
    return MNK_OK;
}

typedef struct score_task {
    const mnk_arf *a;
    const mnk_table *t;
    const uint8_t *bins;
    float *score, *bin_score;
} score_task;

static void score_column(void *ctx, size_t c) {
    const score_task *s = ctx;
    const mnk_codes *k = &s->a->book.column[c];
    for (unsigned b = 1; b < k->bins; b++) s->bin_score[c * MNK_BINS + b] = (float)mnk_codes_bin_score(k, b);
    if (!k->has_continuous) return;
    for (size_t i = 0; i < s->t->n; i++) {
        uint8_t b = s->bins[c * s->t->n + i];
        if (b && !mnk_codes_is_atom(k, b)) s->score[c * s->t->n + i] = (float)mnk_codes_score(k, b, s->t->number[c][i]);
    }
}

mnk_status mnk_arf_fill(mnk_arf *a, const mnk_table *t, const uint8_t *bins, mnk_fit_context *context, mnk_error *err) {
    filler f = {.a = a, .bins = bins, .n = t->n};
    float *score = NULL;
    mnk_status status;
    (void)context;
    f.stride = t->n * a->trees / CORRELATED_ROWS + 1;
    MNK_OUT(mnk_arf_latents(a, err));
    MNK_OUT(MNK_NEW(score, a->book.columns * t->n + 1, err));
    MNK_OUT(MNK_NEW(f.bin_score, a->book.columns * MNK_BINS + 1, err));
    MNK_OUT(MNK_NEW(f.part, a->trees, err));
    score_task s = {a, t, bins, score, f.bin_score};
    mnk_parallel_for(a->book.columns, score_column, &s);
    f.score = score;
    mnk_parallel_for(a->trees, fill_task, &f);
    for (size_t k = 0; k < a->trees; k++)
        if (f.part[k].status != MNK_OK) {
            status = MNK_FAIL(err, f.part[k].status, "out of memory: leaves of a forest of %zu trees", a->trees);
            goto out;
        }
    MNK_OUT(join(&f, err));
    MNK_OUT(join_correlations(&f, err));
out:
    for (size_t k = 0; f.part && k < a->trees; k++) {
        part *p = &f.part[k];
        mnk_free(p->start);
        mnk_free(p->normal);
        mnk_free(p->state);
        mnk_free(p->share);
        mnk_free(p->param);
        mnk_free(p->weight);
        mnk_free(p->cross);
    }
    mnk_free(f.part);
    mnk_free(f.bin_score);
    mnk_free(score);
    return status;
}
