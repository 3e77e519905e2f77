#include "math/sweep.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

/* A tile of 128 x 512 distances (256 kB) stays in the second-level cache between its product and its one reading. */
enum { ROWS = 128, COLUMNS = 512, CHUNK = 16, MAX_K = 64 };

size_t mnk_sweep_bytes(size_t na, size_t nb, int k, int threads) {
    size_t tile = sizeof(float) * ROWS * (COLUMNS + (size_t)(k > 1 ? k : 1) * 2);
    return (size_t)threads * tile + (na + nb) / COLUMNS * sizeof(pthread_mutex_t) + nb * 3 * sizeof(float);
}

typedef struct block_locks {
    pthread_mutex_t *lock;
    size_t n;
} block_locks;

static mnk_status locks_open(block_locks *l, size_t n, mnk_error *err) {
    MNK_TRY(MNK_NEW(l->lock, n ? n : 1, err));
    l->n = n;
    for (size_t i = 0; i < n; i++) pthread_mutex_init(&l->lock[i], NULL);
    return MNK_OK;
}

static void locks_close(block_locks *l) {
    for (size_t i = 0; i < l->n; i++) pthread_mutex_destroy(&l->lock[i]);
    mnk_free(l->lock);
}

/* ---- k nearest within one set ---- */

/* Puts (d2, index) into an ascending list of k; equal distances stand in order of row. */
static void knn_insert(float *d2, uint32_t *index, int k, float t, uint32_t row) {
    if (t > d2[k - 1] || (t == d2[k - 1] && row > index[k - 1])) return;
    int p = k - 1;
    for (; p > 0 && (t < d2[p - 1] || (t == d2[p - 1] && row < index[p - 1])); p--) {
        d2[p] = d2[p - 1];
        index[p] = index[p - 1];
    }
    d2[p] = t;
    index[p] = row;
}

typedef struct self_ctx {
    const mnk_points *p;
    mnk_knn *out;
    float *worst; /* [n] the k-th distance so far: what a column's newcomer has to beat */
    block_locks locks;
    atomic_int failed;
} self_ctx;

typedef struct self_rows { /* the task's own rows */
    float tile[ROWS * COLUMNS];
    float d2[ROWS * MAX_K];
    uint32_t index[ROWS * MAX_K];
} self_rows;

/* One chunk of a row that holds a newcomer for the row or for some column. */
static void self_chunk(self_ctx *c, const float *t, size_t row, size_t column, size_t n, float *row_d2, uint32_t *row_index) {
    const int k = c->out->k;
    for (size_t j = column; j < column + n; j++, t++) {
        if (j <= row) continue; /* the lower half and the point itself */
        if (*t <= row_d2[k - 1]) knn_insert(row_d2, row_index, k, *t, (uint32_t)j);
        if (*t <= c->worst[j]) {
            knn_insert(c->out->d2 + j * (size_t)k, c->out->index + j * (size_t)k, k, *t, (uint32_t)row);
            c->worst[j] = c->out->d2[j * (size_t)k + (size_t)k - 1];
        }
    }
}

static void self_tile(self_ctx *c, self_rows *own, size_t row0, size_t rows, size_t column0, size_t columns) {
    const int k = c->out->k;
    for (size_t i = 0; i < rows; i++) {
        const float *t = own->tile + i * COLUMNS;
        float *row_d2 = own->d2 + i * (size_t)k;
        uint32_t *row_index = own->index + i * (size_t)k;
        size_t j = row0 + i >= column0 ? (row0 + i - column0) / CHUNK * CHUNK : 0;
        for (; j < columns; j += CHUNK) {
            size_t n = columns - j < CHUNK ? columns - j : CHUNK;
            const float *worst = c->worst + column0 + j;
            const float row_worst = row_d2[k - 1];
            int hit = 0;
            if (n == CHUNK)
                for (int l = 0; l < CHUNK; l++) hit |= (t[j + (size_t)l] <= row_worst) | (t[j + (size_t)l] <= worst[l]);
            else hit = 1;
            if (hit) self_chunk(c, t + j, row0 + i, column0 + j, n, row_d2, row_index);
        }
    }
}

static void self_task(void *ctx, size_t task) {
    self_ctx *c = ctx;
    const size_t n = c->p->n, row0 = task * ROWS, rows = n - row0 < ROWS ? n - row0 : ROWS, k = (size_t)c->out->k;
    self_rows *own = mnk_alloc_aligned(1, sizeof *own);
    if (!own) {
        atomic_store(&c->failed, 1);
        return;
    }
    for (size_t i = 0; i < rows * k; i++) own->d2[i] = INFINITY, own->index[i] = UINT32_MAX;
    for (size_t block = row0 / COLUMNS; block < c->locks.n; block++) {
        size_t column0 = block * COLUMNS, columns = n - column0 < COLUMNS ? n - column0 : COLUMNS;
        mnk_distance2_tile(c->p, row0, rows, c->p, column0, columns, own->tile, COLUMNS);
        pthread_mutex_lock(&c->locks.lock[block]);
        self_tile(c, own, row0, rows, column0, columns);
        pthread_mutex_unlock(&c->locks.lock[block]);
    }
    pthread_mutex_lock(&c->locks.lock[row0 / COLUMNS]);
    for (size_t i = 0; i < rows; i++) {
        size_t row = row0 + i;
        for (size_t r = 0; r < k && own->index[i * k + r] != UINT32_MAX; r++)
            knn_insert(c->out->d2 + row * k, c->out->index + row * k, (int)k, own->d2[i * k + r], own->index[i * k + r]);
        c->worst[row] = c->out->d2[row * k + k - 1];
    }
    pthread_mutex_unlock(&c->locks.lock[row0 / COLUMNS]);
    mnk_free(own);
}

mnk_status mnk_sweep_self(const mnk_points *p, int k, mnk_knn *out, mnk_error *err) {
    *out = (mnk_knn){.n = p->n, .k = k};
    if (k < 1 || k > MAX_K) return MNK_FAIL(err, MNK_ERR_USAGE, "%d neighbours: must be between 1 and %d", k, MAX_K);
    if (p->n >= UINT32_MAX) return MNK_FAIL(err, MNK_ERR_INPUT, "%zu points: too many for one sweep", p->n);
    self_ctx c = {.p = p, .out = out};
    const size_t cells = (p->n ? p->n : 1) * (size_t)k;
    mnk_status status = MNK_NEW(out->d2, cells, err);
    if (status == MNK_OK) status = MNK_NEW(out->index, cells, err);
    if (status == MNK_OK) status = MNK_NEW(c.worst, p->n ? p->n : 1, err);
    if (status == MNK_OK) status = locks_open(&c.locks, (p->n + COLUMNS - 1) / COLUMNS, err);
    if (status == MNK_OK) {
        for (size_t i = 0; i < cells; i++) out->d2[i] = INFINITY, out->index[i] = UINT32_MAX;
        for (size_t i = 0; i < p->n; i++) c.worst[i] = INFINITY;
        mnk_parallel_for((p->n + ROWS - 1) / ROWS, self_task, &c);
        if (atomic_load(&c.failed)) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a tile of distances");
    }
    locks_close(&c.locks);
    mnk_free(c.worst);
    if (status != MNK_OK) mnk_knn_close(out);
    return status;
}

void mnk_knn_close(mnk_knn *k) {
    if (!k) return;
    mnk_free(k->d2);
    mnk_free(k->index);
    *k = (mnk_knn){0};
}

/* ---- between two sets ---- */

typedef struct cross_ctx {
    const mnk_points *a, *b;
    const mnk_cross_in *in;
    mnk_cross *out;
    float *ball_b2; /* [nb] with radius 0 raised to the smallest number: equal points only */
    block_locks locks;
    atomic_int failed;
} cross_ctx;

/* t < open_radius(r2) is the open ball, and equality for r2 = 0. */
static float open_radius(float r2) { return r2 > 0 ? r2 : FLT_MIN; }

static void nearer(float t, uint32_t row, float *best, uint32_t *index) {
    if (t < *best || (t == *best && row < *index)) *best = t, *index = row;
}

/* Balls and counts: no branches, so that the compiler makes vectors of it. Returns whether some b-ball holds this a. */
static int cross_row_balls(const float *restrict t, size_t n, float ball_a2, const float *restrict ball_b2,
                           uint32_t *restrict balls_b) {
    int any = 0;
    for (size_t j = 0; j < n; j++) {
        balls_b[j] += t[j] < ball_a2;
        any |= t[j] < ball_b2[j];
    }
    return any;
}

/* Smallest rank among the b within an open ball. Few rows have any: a quick look first. */
static uint8_t cross_row_rank(const float *restrict t, size_t n, float near2, const uint8_t *restrict rank) {
    uint8_t best = 255;
    int any = 0;
    for (size_t j = 0; j < n; j++) any |= t[j] < near2;
    if (!any) return best;
    for (size_t j = 0; j < n; j++)
        if (t[j] < near2 && rank[j] < best) best = rank[j];
    return best;
}

static void cross_row_nearest(mnk_cross *o, const float *t, size_t row, size_t column0, size_t columns) {
    float best = o->nearest_a2[row];
    uint32_t index = o->nearest_a_index[row];
    for (size_t j = 0; j < columns; j += CHUNK) {
        size_t n = columns - j < CHUNK ? columns - j : CHUNK;
        float *best_b = o->nearest_b2 + column0 + j;
        int hit = n < CHUNK;
        if (!hit)
            for (int l = 0; l < CHUNK; l++) hit |= (t[j + (size_t)l] <= best) | (t[j + (size_t)l] <= best_b[l]);
        if (!hit) continue;
        for (size_t l = 0; l < n; l++) {
            nearer(t[j + l], (uint32_t)(column0 + j + l), &best, &index);
            nearer(t[j + l], (uint32_t)row, &best_b[l], &o->nearest_b_index[column0 + j + l]);
        }
    }
    o->nearest_a2[row] = best;
    o->nearest_a_index[row] = index;
}

static void cross_tile(cross_ctx *c, const float *tile, size_t row0, size_t rows, size_t column0, size_t columns) {
    mnk_cross *o = c->out;
    for (size_t i = 0; i < rows; i++) {
        const float *t = tile + i * COLUMNS;
        const size_t row = row0 + i;
        const float ball = c->in->ball_a2 ? open_radius(c->in->ball_a2[row]) : 0;
        if (cross_row_balls(t, columns, ball, c->ball_b2 + column0, o->balls_b + column0)) o->inside_a[row] = 1;
        if (c->in->near_a2 && c->in->rank_b) {
            uint8_t rank = cross_row_rank(t, columns, open_radius(c->in->near_a2[row]), c->in->rank_b + column0);
            if (rank < o->rank_a[row]) o->rank_a[row] = rank;
        }
        cross_row_nearest(o, t, row, column0, columns);
    }
}

static void cross_task(void *ctx, size_t task) {
    cross_ctx *c = ctx;
    const size_t row0 = task * ROWS, rows = c->a->n - row0 < ROWS ? c->a->n - row0 : ROWS;
    float *tile = mnk_alloc_aligned(ROWS * COLUMNS, sizeof *tile);
    if (!tile) {
        atomic_store(&c->failed, 1);
        return;
    }
    for (size_t s = 0; s < c->locks.n; s++) {
        size_t block = (s + task) % c->locks.n; /* tasks start on different columns and seldom wait for each other */
        size_t column0 = block * COLUMNS, columns = c->b->n - column0 < COLUMNS ? c->b->n - column0 : COLUMNS;
        mnk_distance2_tile(c->a, row0, rows, c->b, column0, columns, tile, COLUMNS);
        pthread_mutex_lock(&c->locks.lock[block]);
        cross_tile(c, tile, row0, rows, column0, columns);
        pthread_mutex_unlock(&c->locks.lock[block]);
    }
    mnk_free(tile);
}

static mnk_status cross_alloc(mnk_cross *o, mnk_error *err) {
    const size_t na = o->na ? o->na : 1, nb = o->nb ? o->nb : 1;
    MNK_TRY(MNK_NEW(o->nearest_a2, na, err));
    MNK_TRY(MNK_NEW(o->nearest_a_index, na, err));
    MNK_TRY(MNK_NEW(o->nearest_b2, nb, err));
    MNK_TRY(MNK_NEW(o->nearest_b_index, nb, err));
    MNK_TRY(MNK_NEW(o->balls_b, nb, err));
    MNK_TRY(MNK_NEW(o->inside_a, na, err));
    MNK_TRY(MNK_NEW(o->rank_a, na, err));
    for (size_t i = 0; i < o->na; i++) o->nearest_a2[i] = INFINITY, o->nearest_a_index[i] = UINT32_MAX, o->rank_a[i] = 255;
    for (size_t i = 0; i < o->nb; i++) o->nearest_b2[i] = INFINITY, o->nearest_b_index[i] = UINT32_MAX;
    return MNK_OK;
}

mnk_status mnk_sweep_cross(const mnk_points *a, const mnk_points *b, const mnk_cross_in *in, mnk_cross *out, mnk_error *err) {
    static const mnk_cross_in nothing = {0};
    *out = (mnk_cross){.na = a->n, .nb = b->n};
    if (a->codes != b->codes)
        return MNK_FAIL(err, MNK_ERR_INPUT, "points of %zu and %zu codes cannot be compared", a->codes, b->codes);
    if (a->d != b->d) return MNK_FAIL(err, MNK_ERR_INPUT, "points of %zu and %zu dimensions cannot be compared", a->d, b->d);
    if (a->n >= UINT32_MAX || b->n >= UINT32_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%zu x %zu points: too many for one sweep", a->n, b->n);
    cross_ctx c = {.a = a, .b = b, .in = in ? in : &nothing, .out = out};
    mnk_status status = cross_alloc(out, err);
    if (status == MNK_OK) status = MNK_NEW(c.ball_b2, b->n ? b->n : 1, err);
    if (status == MNK_OK) status = locks_open(&c.locks, (b->n + COLUMNS - 1) / COLUMNS, err);
    if (status == MNK_OK) {
        for (size_t j = 0; j < b->n; j++) c.ball_b2[j] = c.in->ball_b2 ? open_radius(c.in->ball_b2[j]) : 0;
        mnk_parallel_for((a->n + ROWS - 1) / ROWS, cross_task, &c);
        if (atomic_load(&c.failed)) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a tile of distances");
    }
    locks_close(&c.locks);
    mnk_free(c.ball_b2);
    if (status != MNK_OK) mnk_cross_close(out);
    return status;
}

void mnk_cross_close(mnk_cross *c) {
    if (!c) return;
    mnk_free(c->nearest_a2);
    mnk_free(c->nearest_a_index);
    mnk_free(c->nearest_b2);
    mnk_free(c->nearest_b_index);
    mnk_free(c->balls_b);
    mnk_free(c->inside_a);
    mnk_free(c->rank_a);
    *c = (mnk_cross){0};
}
