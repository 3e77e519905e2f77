#include "learn/gan/augment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/options.h"
#include "base/parallel.h"

/* Work is cut into a fixed number of lanes, each with its own buffers: images are independent, so any thread may take any
 * lane and the bytes stay the same. */
#define LANES 8

typedef struct picture {
    int channels, height, width;
} picture;

static size_t plane(const picture *s) { return (size_t)s->height * (size_t)s->width; }
static size_t volume(const picture *s) { return plane(s) * (size_t)s->channels; }

/* ---- mirror and quarter turns: permutations of the pixels ---- */

static void flip_draw(const picture *s, mnk_rng *rng, mnk_augment_draw *d) { (void)s, (void)rng, (void)d; }

static void flip_forward(const picture *s, const mnk_augment_draw *d, const float *x, float *y) {
    (void)d;
    int w = s->width;
    for (size_t row = 0; row < (size_t)s->channels * (size_t)s->height; row++)
        for (int i = 0; i < w; i++) y[row * (size_t)w + (size_t)i] = x[row * (size_t)w + (size_t)(w - 1 - i)];
}

static void flip_backward(const picture *s, const mnk_augment_draw *d, const float *x, const float *dy, float *dx) {
    (void)x;
    flip_forward(s, d, dy, dx); /* its own inverse and transpose */
}

static void rot90_draw(const picture *s, mnk_rng *rng, mnk_augment_draw *d) {
    d->turns = s->height == s->width ? (int)mnk_rng_below(rng, 4) : 2 * (int)mnk_rng_below(rng, 2);
}

static void turn(const picture *s, int turns, const float *x, float *y) {
    int h = s->height, w = s->width;
    for (int c = 0; c < s->channels; c++, x += h * w, y += h * w)
        for (int i = 0; i < h; i++)
            for (int j = 0; j < w; j++) {
                int from = turns == 0   ? i * w + j
                           : turns == 1 ? j * w + (h - 1 - i)
                           : turns == 2 ? (h - 1 - i) * w + (w - 1 - j)
                                        : (w - 1 - j) * w + i;
                y[i * w + j] = x[from];
            }
}

static void rot90_forward(const picture *s, const mnk_augment_draw *d, const float *x, float *y) { turn(s, d->turns, x, y); }

static void rot90_backward(const picture *s, const mnk_augment_draw *d, const float *x, const float *dy, float *dx) {
    (void)x;
    turn(s, (4 - d->turns) % 4, dy, dx);
}

/* ---- translation by up to an eighth of the side, edges replicated ---- */

static void translate_draw(const picture *s, mnk_rng *rng, mnk_augment_draw *d) {
    int ry = s->height / 8, rx = s->width / 8;
    d->dy = (int)mnk_rng_below(rng, (uint64_t)(2 * ry + 1)) - ry;
    d->dx = (int)mnk_rng_below(rng, (uint64_t)(2 * rx + 1)) - rx;
}

static int clamp(int i, int n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

static void translate_forward(const picture *s, const mnk_augment_draw *d, const float *x, float *y) {
    int h = s->height, w = s->width;
    for (int c = 0; c < s->channels; c++, x += h * w, y += h * w)
        for (int i = 0; i < h; i++) {
            const float *row = x + clamp(i - d->dy, h) * w;
            for (int j = 0; j < w; j++) y[i * w + j] = row[clamp(j - d->dx, w)];
        }
}

static void translate_backward(const picture *s, const mnk_augment_draw *d, const float *x, const float *dy, float *dx) {
    (void)x;
    int h = s->height, w = s->width;
    memset(dx, 0, volume(s) * sizeof *dx);
    for (int c = 0; c < s->channels; c++, dx += h * w, dy += h * w)
        for (int i = 0; i < h; i++) {
            float *row = dx + clamp(i - d->dy, h) * w;
            for (int j = 0; j < w; j++) row[clamp(j - d->dx, w)] += dy[i * w + j];
        }
}

/* ---- cutout: a square of three eighths of the side becomes mid-grey ---- */

static void cutout_draw(const picture *s, mnk_rng *rng, mnk_augment_draw *d) {
    d->cut_y = (int)mnk_rng_below(rng, (uint64_t)s->height);
    d->cut_x = (int)mnk_rng_below(rng, (uint64_t)s->width);
}

static void cutout_forward(const picture *s, const mnk_augment_draw *d, const float *x, float *y) {
    int h = s->height, w = s->width, sh = h * 3 / 8, sw = w * 3 / 8;
    int y0 = clamp(d->cut_y - sh / 2, h), y1 = clamp(d->cut_y - sh / 2 + sh - 1, h);
    int x0 = clamp(d->cut_x - sw / 2, w), x1 = clamp(d->cut_x - sw / 2 + sw - 1, w);
    memcpy(y, x, volume(s) * sizeof *y);
    for (int c = 0; c < s->channels; c++, y += h * w)
        for (int i = y0; i <= y1; i++) memset(y + i * w + x0, 0, (size_t)(x1 - x0 + 1) * sizeof *y);
}

static void cutout_backward(const picture *s, const mnk_augment_draw *d, const float *x, const float *dy, float *dx) {
    (void)x;
    cutout_forward(s, d, dy, dx);
}

/* ---- colour: gain of each channel by 10 %, brightness by 0.1 ---- */

static void colour_draw(const picture *s, mnk_rng *rng, mnk_augment_draw *d) {
    float brightness = (float)(0.2 * mnk_rng_uniform(rng) - 0.1);
    for (int c = 0; c < s->channels; c++) {
        d->gain[c] = (float)(0.9 + 0.2 * mnk_rng_uniform(rng));
        d->bias[c] = brightness;
    }
}

static void colour_forward(const picture *s, const mnk_augment_draw *d, const float *x, float *y) {
    for (int c = 0; c < s->channels; c++)
        for (size_t i = 0, n = plane(s); i < n; i++) y[(size_t)c * n + i] = d->gain[c] * x[(size_t)c * n + i] + d->bias[c];
}

static void colour_backward(const picture *s, const mnk_augment_draw *d, const float *x, const float *dy, float *dx) {
    (void)x;
    for (int c = 0; c < s->channels; c++)
        for (size_t i = 0, n = plane(s); i < n; i++) dx[(size_t)c * n + i] = d->gain[c] * dy[(size_t)c * n + i];
}

/* ---- stain: haematoxylin, eosin and residual each scaled and shifted in optical density (Tellez et al. 2018), with the
 * stain vectors of Ruifrok & Johnston 2001. Density o = -ln(t), t = (x + 1)/2 + e; o' = S diag(alpha) S^-1 o + S beta. ---- */

#define STAIN_EPSILON (1.0f / 256)
static const double stain_vectors[3][3] = {{0.65, 0.70, 0.29}, {0.07, 0.99, 0.11}, {0.27, 0.57, 0.78}}; /* H, E, residual */

static void stain_matrices(double s[3][3], double inverse[3][3]) {
    for (int k = 0; k < 3; k++) {
        const double *v = stain_vectors[k];
        double norm = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        for (int c = 0; c < 3; c++) s[c][k] = v[c] / norm;
    }
    double determinant = 0;
    for (int c = 0; c < 3; c++)
        determinant += s[0][c] * (s[1][(c + 1) % 3] * s[2][(c + 2) % 3] - s[1][(c + 2) % 3] * s[2][(c + 1) % 3]);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) /* cofactor of (j, i) over the determinant, indices cyclic so that signs come out right */
            inverse[i][j] = (s[(j + 1) % 3][(i + 1) % 3] * s[(j + 2) % 3][(i + 2) % 3] -
                             s[(j + 1) % 3][(i + 2) % 3] * s[(j + 2) % 3][(i + 1) % 3]) /
                            determinant;
}

static void stain_draw(const picture *p, mnk_rng *rng, mnk_augment_draw *d) {
    (void)p;
    double s[3][3], inverse[3][3], alpha[3], beta[3];
    stain_matrices(s, inverse);
    for (int k = 0; k < 3; k++) {
        alpha[k] = 0.9 + 0.2 * mnk_rng_uniform(rng);
        beta[k] = 0.1 * mnk_rng_uniform(rng) - 0.05;
    }
    for (int i = 0; i < 3; i++) {
        double shift = 0;
        for (int j = 0; j < 3; j++) {
            double sum = 0;
            for (int k = 0; k < 3; k++) sum += s[i][k] * alpha[k] * inverse[k][j];
            d->stain[3 * i + j] = (float)sum;
            shift += s[i][j] * beta[j];
        }
        d->stain_bias[i] = (float)shift;
    }
}

static float transmission(float x) {
    float t = 0.5f * (x + 1) + STAIN_EPSILON;
    return t < STAIN_EPSILON ? STAIN_EPSILON : t;
}

static void stain_pixel(const mnk_augment_draw *d, const float *x, size_t n, float t[3], float out[3]) {
    float o[3];
    for (int c = 0; c < 3; c++) t[c] = transmission(x[(size_t)c * n]), o[c] = -logf(t[c]);
    for (int c = 0; c < 3; c++)
        out[c] = expf(-(d->stain[3 * c] * o[0] + d->stain[3 * c + 1] * o[1] + d->stain[3 * c + 2] * o[2] + d->stain_bias[c]));
}

static void stain_forward(const picture *s, const mnk_augment_draw *d, const float *x, float *y) {
    for (size_t i = 0, n = plane(s); i < n; i++) {
        float t[3], out[3];
        stain_pixel(d, x + i, n, t, out);
        for (int c = 0; c < 3; c++) y[(size_t)c * n + i] = 2 * (out[c] - STAIN_EPSILON) - 1;
    }
}

static void stain_backward(const picture *s, const mnk_augment_draw *d, const float *x, const float *dy, float *dx) {
    for (size_t i = 0, n = plane(s); i < n; i++) {
        float t[3], out[3];
        stain_pixel(d, x + i, n, t, out);
        for (int j = 0; j < 3; j++) { /* dy_c/dx_j = 2 out_c * A_cj / t_j / 2 */
            float sum = 0;
            for (int c = 0; c < 3; c++) sum += dy[(size_t)c * n + i] * out[c] * d->stain[3 * c + j];
            dx[(size_t)j * n + i] = t[j] > STAIN_EPSILON ? sum / t[j] : 0;
        }
    }
}

/* ---- the table ---- */

typedef struct augment_kind {
    const char *name;
    double probability; /* of its own, times the caller's p */
    int channels;       /* needed; 0: any */
    void (*draw)(const picture *s, mnk_rng *rng, mnk_augment_draw *d);
    void (*forward)(const picture *s, const mnk_augment_draw *d, const float *x, float *y);
    void (*backward)(const picture *s, const mnk_augment_draw *d, const float *x, const float *dy, float *dx);
} augment_kind;

static const augment_kind kinds[] = {
    {"flip", 0.5, 0, flip_draw, flip_forward, flip_backward},
    {"rot90", 1, 0, rot90_draw, rot90_forward, rot90_backward},
    {"translate", 1, 0, translate_draw, translate_forward, translate_backward},
    {"colour", 1, 0, colour_draw, colour_forward, colour_backward},
    {"stain", 1, 3, stain_draw, stain_forward, stain_backward},
    {"cutout", 0.5, 0, cutout_draw, cutout_forward, cutout_backward},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

mnk_status mnk_augment_parse(const char *text, mnk_augment_list *out, mnk_error *err) {
    bool wanted[KINDS] = {false};
    *out = (mnk_augment_list){0};
    if (!text || strcmp(text, "none") == 0) return MNK_OK;
    for (const char *p = text; *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        int found = -1;
        for (int k = 0; k < KINDS; k++)
            if (strlen(kinds[k].name) == n && memcmp(kinds[k].name, p, n) == 0) found = k;
        if (found < 0) {
            char word[64];
            const char *names[KINDS];
            for (int k = 0; k < KINDS; k++) names[k] = kinds[k].name;
            snprintf(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63), p);
            const char *near = mnk_nearest(word, names, KINDS);
            return near ? MNK_FAIL(err, MNK_ERR_USAGE, "--augment: unknown kind \"%s\"; did you mean %s?", word, near)
                        : MNK_FAIL(err, MNK_ERR_USAGE,
                                   "--augment: unknown kind \"%s\": flip, rot90, translate, cutout, colour, stain or none",
                                   word);
        }
        wanted[found] = true;
        p += n;
    }
    for (int k = 0; k < KINDS; k++)
        if (wanted[k]) out->kind[out->n++] = k;
    return MNK_OK;
}

void mnk_augment_draw_at(const mnk_augment_list *list, int channels, int height, int width, double p, mnk_rng *rng,
                         mnk_augment_draw *out) {
    picture s = {channels, height, width};
    *out = (mnk_augment_draw){0};
    for (int i = 0; i < list->n; i++) {
        const augment_kind *k = &kinds[list->kind[i]];
        out->on[i] = mnk_rng_uniform(rng) < p * k->probability && (!k->channels || k->channels == channels);
        k->draw(&s, rng, out);
    }
}

struct mnk_augment {
    mnk_augment_list list;
    picture size;
    float *buffer; /* [LANES][list.n + 2][volume] */
};

size_t mnk_augment_bytes(int channels, int height, int width) {
    return (size_t)LANES * (MNK_AUGMENT_MAX + 2) * (size_t)channels * (size_t)height * (size_t)width * sizeof(float);
}

mnk_status mnk_augment_open(const mnk_augment_list *list, int channels, int height, int width, mnk_augment **out,
                            mnk_error *err) {
    mnk_augment *a;
    *out = NULL;
    MNK_TRY(MNK_NEW(a, 1, err));
    a->list = *list;
    a->size = (picture){channels, height, width};
    mnk_status status = MNK_NEW_ALIGNED(a->buffer, (size_t)LANES * (size_t)(list->n + 2) * volume(&a->size), err);
    if (status == MNK_OK) *out = a;
    else mnk_augment_close(a);
    return status;
}

void mnk_augment_close(mnk_augment *a) {
    if (!a) return;
    mnk_free(a->buffer);
    mnk_free(a);
}

typedef struct augment_job {
    mnk_augment *a;
    const mnk_augment_draw *draws;
    size_t n;
    int pack;
    const float *x, *dy;
    float *out;
} augment_job;

/* Applies the active kinds in order; inputs[i] receives the input of the i-th active one. Returns how many were active. */
static int run_forward(const augment_job *job, const mnk_augment_draw *d, float *buffers, const float *x, float *y,
                       const float **inputs, int *active) {
    size_t v = volume(&job->a->size);
    int n = 0;
    for (int i = 0; i < job->a->list.n; i++)
        if (d->on[i]) active[n++] = job->a->list.kind[i];
    for (int i = 0; i < n; i++) {
        float *to = i == n - 1 && y ? y : buffers + (size_t)i * v;
        inputs[i] = x;
        if (i == n - 1 && !y) break; /* backward needs the inputs only */
        kinds[active[i]].forward(&job->a->size, d, x, to);
        x = to;
    }
    if (n == 0 && y) memcpy(y, x, v * sizeof *y);
    return n;
}

static void forward_lane(void *ctx, size_t lane) {
    augment_job *job = ctx;
    size_t v = volume(&job->a->size);
    float *buffers = job->a->buffer + lane * (size_t)(job->a->list.n + 2) * v;
    const float *inputs[MNK_AUGMENT_MAX];
    int active[MNK_AUGMENT_MAX];
    for (size_t i = lane; i < job->n; i += LANES)
        run_forward(job, &job->draws[i / (size_t)job->pack], buffers, job->x + i * v, job->out + i * v, inputs, active);
}

static void backward_lane(void *ctx, size_t lane) {
    augment_job *job = ctx;
    size_t v = volume(&job->a->size);
    float *buffers = job->a->buffer + lane * (size_t)(job->a->list.n + 2) * v;
    float *spare[2] = {buffers + (size_t)job->a->list.n * v, buffers + (size_t)(job->a->list.n + 1) * v};
    const float *inputs[MNK_AUGMENT_MAX];
    int active[MNK_AUGMENT_MAX];
    for (size_t i = lane; i < job->n; i += LANES) {
        const mnk_augment_draw *d = &job->draws[i / (size_t)job->pack];
        int n = run_forward(job, d, buffers, job->x + i * v, NULL, inputs, active);
        const float *g = job->dy + i * v;
        for (int k = n - 1; k >= 0; k--) {
            float *to = k == 0 ? job->out + i * v : spare[k & 1];
            kinds[active[k]].backward(&job->a->size, d, inputs[k], g, to);
            g = to;
        }
        if (n == 0) memcpy(job->out + i * v, g, v * sizeof *g);
    }
}

void mnk_augment_forward(mnk_augment *a, const mnk_augment_draw *draws, size_t n, int pack, const float *x, float *y) {
    augment_job job = {a, draws, n, pack, x, NULL, y};
    mnk_parallel_for(LANES, forward_lane, &job);
}

void mnk_augment_backward(mnk_augment *a, const mnk_augment_draw *draws, size_t n, int pack, const float *x, const float *dy,
                          float *dx) {
    augment_job job = {a, draws, n, pack, x, dy, dx};
    mnk_parallel_for(LANES, backward_lane, &job);
}
