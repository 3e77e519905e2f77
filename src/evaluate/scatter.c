#include "evaluate/scatter.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "math/fft.h"

enum { J = MNK_SCATTER_SCALES, A = MNK_SCATTER_ANGLES, POOLS = MNK_SCATTER_POOLS, IMAGES = 8 };
_Static_assert((int)MNK_SCATTER_ANGLES == (int)MNK_FFT_LANES, "one lane of the Fourier transform per direction");

/* Averages below a quarter grey level of 8-bit pictures are noise of rounding: the logarithm levels off there. */
static const float FLOOR = 1e-3f;

/* Grid r has every 2^r-th pixel, as far as both sides allow. */
typedef struct grid {
    int h, w;
    mnk_fft rows, columns;
    float *psi[J]; /* [h][w][8] transfer function of scale j, all directions; divided by h*w for the inverse transform */
} grid;

struct mnk_scatter {
    int channels, level[J]; /* grid on which scale j is read out */
    grid g[J];
    size_t dim;
};

size_t mnk_scatter_dim(const mnk_scatter *s) { return s->dim; }

/* Transfer function of the Morlet wavelet of scale j and direction l at angular frequency (wy, wx): a Gaussian around xi
 * along the direction, less as much of the one around 0 as makes the mean vanish. */
static double morlet(int j, int l, double wy, double wx) {
    const double sigma = 0.8 * (1 << j), xi = 0.75 * M_PI / (1 << j), slant = 4.0 / A;
    const double c = cos(M_PI * l / A), s = sin(M_PI * l / A);
    const double along = wx * c + wy * s, across = (wy * c - wx * s) / slant;
    const double g = exp(-0.5 * sigma * sigma * ((along - xi) * (along - xi) + across * across));
    const double g0 = exp(-0.5 * sigma * sigma * (along * along + across * across));
    return g - exp(-0.5 * sigma * sigma * xi * xi) * g0;
}

static mnk_status make_psi(grid *g, int r, int j, mnk_error *err) {
    float *psi = NULL;
    MNK_TRY(MNK_NEW_ALIGNED(psi, (size_t)g->h * (size_t)g->w * A, err));
    g->psi[j] = psi;
    const double step = 1.0 / (1 << r); /* frequencies in radians per original pixel */
    for (int v = 0; v < g->h; v++)
        for (int u = 0; u < g->w; u++)
            for (int l = 0; l < A; l++) {
                double sum = 0;
                for (int a = -3; a <= 3; a++) /* sampling folds the spectrum */
                    for (int b = -3; b <= 3; b++)
                        sum += morlet(j, l, 2 * M_PI * step * ((double)v / g->h + a), 2 * M_PI * step * ((double)u / g->w + b));
                if (v == 0 && u == 0) sum = 0; /* no answer to a constant, exactly */
                psi[((size_t)v * (size_t)g->w + (size_t)u) * A + (size_t)l] = (float)(sum / ((double)g->h * g->w));
            }
    return MNK_OK;
}

mnk_status mnk_scatter_open(int height, int width, int channels, mnk_scatter **out, mnk_error *err) {
    *out = NULL;
    if (height < 8 || width < 8 || height > 1024 || width > 1024 || (channels != 1 && channels != 3))
        return MNK_FAIL(err, MNK_ERR_INPUT,
                        "scattering of %d x %d pictures with %d channels: sides must be 8 to 1024, channels 1 or 3", height,
                        width, channels);
    mnk_scatter *s = NULL;
    MNK_TRY(MNK_NEW(s, 1, err));
    s->channels = channels;
    mnk_status status = MNK_OK;
    for (int r = 0; r < J && status == MNK_OK; r++) {
        if (r && (s->g[r - 1].h == 0 || s->g[r - 1].h % 2 || s->g[r - 1].w % 2)) {
            s->level[r] = s->level[r - 1];
            continue;
        }
        grid *g = &s->g[r];
        s->level[r] = r;
        g->h = height >> r, g->w = width >> r;
        status = mnk_fft_open(g->w, &g->rows, err);
        if (status == MNK_OK) status = mnk_fft_open(g->h, &g->columns, err);
    }
    for (int j = 0; j < J && status == MNK_OK; j++) status = make_psi(&s->g[0], 0, j, err); /* order 1 */
    for (int j1 = 0; j1 < J && status == MNK_OK; j1++)                                      /* order 2, from the grid of j1 */
        for (int j2 = j1 + 1; j2 < J && status == MNK_OK; j2++) {
            grid *g = &s->g[s->level[j1]];
            if (!g->psi[j2]) status = make_psi(g, s->level[j1], j2, err);
        }
    const size_t order1 = 1 + J * A, order2 = (size_t)(J * (J - 1) / 2) * A * A;
    s->dim = POOLS * ((size_t)channels * order1 + order2);
    if (status == MNK_OK) *out = s;
    else mnk_scatter_close(s);
    return status;
}

void mnk_scatter_close(mnk_scatter *s) {
    if (!s) return;
    for (int r = 0; r < J; r++) {
        mnk_fft_close(&s->g[r].rows);
        mnk_fft_close(&s->g[r].columns);
        for (int j = 0; j < J; j++) mnk_free(s->g[r].psi[j]);
    }
    mnk_free(s);
}

typedef struct work {
    float *planes;  /* [channels][h][w] */
    float *fr, *fi; /* [h][w][8]: spectrum, lane = channel, later lane = direction of order 1 */
    float *zr, *zi; /* [h][w][8]: filtered */
    float *u[J];    /* luminance moduli of order 1 */
    float *line;
} work;

static void work_close(work *w) {
    mnk_free(w->planes);
    mnk_free(w->fr);
    mnk_free(w->fi);
    mnk_free(w->zr);
    mnk_free(w->zi);
    mnk_free(w->line);
    for (int j = 0; j < J; j++) mnk_free(w->u[j]);
}

static int work_open(const mnk_scatter *s, work *w) {
    const size_t pixels = (size_t)s->g[0].h * (size_t)s->g[0].w, side = (size_t)(s->g[0].h > s->g[0].w ? s->g[0].h : s->g[0].w);
    *w = (work){0};
    w->planes = mnk_alloc_aligned(pixels * (size_t)s->channels, sizeof(float));
    w->fr = mnk_alloc_aligned(pixels * A, sizeof(float));
    w->fi = mnk_alloc_aligned(pixels * A, sizeof(float));
    w->zr = mnk_alloc_aligned(pixels * A, sizeof(float));
    w->zi = mnk_alloc_aligned(pixels * A, sizeof(float));
    w->line = mnk_alloc_aligned(4 * A * side, sizeof(float));
    int good = w->planes && w->fr && w->fi && w->zr && w->zi && w->line;
    for (int j = 0; j + 1 < J; j++) good = good && (w->u[j] = mnk_alloc_aligned(pixels * A, sizeof(float)));
    return good;
}

/* Luminance (Rec. 601) and the two colour differences, in place of RGB; values from [-1, 1] to [0, 1]. */
static void to_luminance(float *x, size_t pixels, int channels) {
    for (size_t i = 0; i < pixels * (size_t)channels; i++) x[i] = (x[i] + 1) * 0.5f;
    if (channels != 3) return;
    for (size_t i = 0; i < pixels; i++) {
        const float r = x[i], g = x[pixels + i], b = x[2 * pixels + i], y = 0.299f * r + 0.587f * g + 0.114f * b;
        x[i] = y;
        x[pixels + i] = b - y;
        x[2 * pixels + i] = r - y;
    }
}

/* Means of z [h][w][8] over the whole and over the four quarters, for each lane: out[lane*POOLS*step...]. */
static void pool(const float *z, int h, int w, float sum[POOLS][A]) {
    int count[POOLS] = {0};
    memset(sum, 0, sizeof(float) * POOLS * A);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int quarter = 1 + 2 * (2 * y >= h) + (2 * x >= w);
            const float *p = z + ((size_t)y * (size_t)w + (size_t)x) * A;
            count[quarter]++;
            for (int l = 0; l < A; l++) sum[quarter][l] += p[l];
        }
    for (int l = 0; l < A; l++) {
        for (int q = 1; q < POOLS; q++) sum[0][l] += sum[q][l];
        sum[0][l] /= (float)(h * w);
        for (int q = 1; q < POOLS; q++) sum[q][l] /= (float)count[q];
    }
}

/* |f * psi_j| on the grid of scale j, from the spectrum f on grid `from`; `lane` of f is the signal. */
static void modulus(const mnk_scatter *s, work *k, int from, int j, int lane, float *u) {
    const grid *g = &s->g[from], *to = &s->g[s->level[j]];
    const size_t cells = (size_t)to->h * (size_t)to->w * A;
    memset(k->zr, 0, cells * sizeof *k->zr);
    memset(k->zi, 0, cells * sizeof *k->zi);
    for (int v = 0; v < g->h; v++) { /* product and folding: reading every 2^n-th pixel folds the spectrum */
        for (int x = 0; x < g->w; x++) {
            const size_t at = ((size_t)v * (size_t)g->w + (size_t)x) * A;
            const size_t put = ((size_t)(v % to->h) * (size_t)to->w + (size_t)(x % to->w)) * A;
            const float fr = k->fr[at + (size_t)lane], fi = k->fi[at + (size_t)lane], *psi = g->psi[j] + at;
            float *zr = k->zr + put, *zi = k->zi + put;
            for (int l = 0; l < A; l++) {
                zr[l] += fr * psi[l];
                zi[l] += fi * psi[l];
            }
        }
    }
    mnk_fft_2d(&to->rows, &to->columns, +1, k->zr, k->zi, k->line);
    for (size_t i = 0; i < cells; i++) u[i] = sqrtf(k->zr[i] * k->zr[i] + k->zi[i] * k->zi[i]);
}

/* Pools the moduli of one (signal, scale) and writes eight directions x five averages. */
static float *put_pools(const float *u, const grid *g, float *out) {
    float sum[POOLS][A];
    pool(u, g->h, g->w, sum);
    for (int l = 0; l < A; l++)
        for (int q = 0; q < POOLS; q++) *out++ = logf(sum[q][l] + FLOOR);
    return out;
}

static void scatter_one(const mnk_scatter *s, work *k, float *out) {
    const grid *g = &s->g[0];
    const size_t pixels = (size_t)g->h * (size_t)g->w;
    float sum[POOLS][A];
    to_luminance(k->planes, pixels, s->channels);
    memset(k->fi, 0, pixels * A * sizeof *k->fi);
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < A; c++) k->fr[i * A + (size_t)c] = c < s->channels ? k->planes[(size_t)c * pixels + i] : 0;
    pool(k->fr, g->h, g->w, sum);
    mnk_fft_2d(&g->rows, &g->columns, -1, k->fr, k->fi, k->line);
    for (int c = 0; c < s->channels; c++) {
        for (int q = 0; q < POOLS; q++) *out++ = sum[q][c];
        for (int j = 0; j < J; j++) {
            float *u = c == 0 && j + 1 < J ? k->u[j] : k->zr;
            modulus(s, k, 0, j, c, u);
            out = put_pools(u, &s->g[s->level[j]], out);
        }
    }
    for (int j1 = 0; j1 + 1 < J; j1++) {
        const grid *g1 = &s->g[s->level[j1]];
        const size_t cells = (size_t)g1->h * (size_t)g1->w * A;
        memcpy(k->fr, k->u[j1], cells * sizeof *k->fr);
        memset(k->fi, 0, cells * sizeof *k->fi);
        mnk_fft_2d(&g1->rows, &g1->columns, -1, k->fr, k->fi, k->line);
        for (int l1 = 0; l1 < A; l1++)
            for (int j2 = j1 + 1; j2 < J; j2++) {
                modulus(s, k, s->level[j1], j2, l1, k->zr);
                out = put_pools(k->zr, &s->g[s->level[j2]], out);
            }
    }
}

typedef struct run_ctx {
    const mnk_scatter *s;
    size_t n;
    void (*plane)(void *ctx, size_t i, float *x);
    void *ctx;
    float *out;
    atomic_int failed;
} run_ctx;

static void run_block(void *ctx, size_t block) {
    run_ctx *c = ctx;
    work k;
    if (!work_open(c->s, &k)) atomic_store(&c->failed, 1);
    else
        for (size_t i = block * IMAGES; i < c->n && i < (block + 1) * IMAGES; i++) {
            c->plane(c->ctx, i, k.planes);
            scatter_one(c->s, &k, c->out + i * c->s->dim);
        }
    work_close(&k);
}

mnk_status mnk_scatter_run(const mnk_scatter *s, size_t n, void (*plane)(void *ctx, size_t i, float *x), void *ctx, float *out,
                           mnk_error *err) {
    run_ctx c = {.s = s, .n = n, .plane = plane, .ctx = ctx, .out = out};
    mnk_parallel_for((n + IMAGES - 1) / IMAGES, run_block, &c);
    return atomic_load(&c.failed) ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a scattering transform") : MNK_OK;
}
