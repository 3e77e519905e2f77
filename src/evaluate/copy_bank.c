#include "evaluate/copy_bank.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { FIT = 4096, COMPONENTS = 128, ROWS = 36 /* discs projected at a time */, COLUMNS = 64 };

static const float SCALE[MNK_BANK_SCALES] = {1, 1 / 1.15f, 1 / 1.32f, 1 / 1.52f};
/* Off-centre parts lie this share of the way into the corners and sides that their scale leaves free. */
static const float REACH = 0.65f;

typedef struct part {
    float scale, x, y;
} part;

/* Variant v of a reference: the scales about the centre; then the first zoom in the four corners, the others in the eight
 * directions. */
static part part_of(size_t v) {
    static const int8_t x[8] = {-1, 1, -1, 1, 0, 0, -1, 1}, y[8] = {-1, -1, 1, 1, -1, 1, 0, 0};
    if (v < MNK_BANK_SCALES) return (part){SCALE[v], 0, 0};
    v -= MNK_BANK_SCALES;
    const size_t scale = v < 4 ? 1 : v < 12 ? 2 : 3, at = v < 4 ? v : (v - 4) % 8;
    const float room = REACH * (1 - SCALE[scale]);
    return (part){SCALE[scale], room * (float)x[at], room * (float)y[at]};
}

size_t mnk_bank_scratch(const mnk_bank *b) {
    const size_t discs = ROWS * b->dim, tile = MNK_BANK_UPRIGHT * COLUMNS * MNK_BANK_VARIANTS;
    return (discs > tile ? discs : tile) + ROWS * b->m;
}

static float angle_of(size_t transform) { return 360.0f / MNK_BANK_ANGLES * (float)(transform % MNK_BANK_ANGLES); }
static bool mirrored_of(size_t transform) { return transform / MNK_BANK_ANGLES % 2; }
static float scale_of(size_t transform) { return SCALE[transform / MNK_BANK_UPRIGHT]; }

/* Components of n discs [n][dim] (overwritten), scaled to length 1; discs of one colour stay 0. */
static void project(const mnk_bank *b, float *discs, size_t n, float *out) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < b->dim; k++) discs[i * b->dim + k] -= b->pca.mean[k];
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)n, (blasint)b->m, (blasint)b->dim, 1, discs, (blasint)b->dim,
                b->pca.axis, (blasint)b->dim, 0, out, (blasint)b->m);
    for (size_t i = 0; i < n; i++) {
        float square = 0, *row = out + i * b->m;
        for (size_t k = 0; k < b->m; k++) square += row[k] * row[k];
        const float scale = square > 1e-12f ? 1 / sqrtf(square) : 0;
        for (size_t k = 0; k < b->m; k++) row[k] *= scale;
    }
}

typedef struct fit_ctx {
    const mnk_bank *b;
    const float *views;
    const uint32_t *row;
    size_t rows;
    float *discs;
} fit_ctx;

/* Rotations go round with the golden ratio, so that any number of pictures sees them all. */
static void fit_one(void *ctx, size_t i) {
    fit_ctx *c = ctx;
    const size_t t = (i * 61 + i / c->rows * 17) % c->b->transforms;
    mnk_view_disc_taps(&c->b->shape, c->views + c->row[i % c->rows] * c->b->shape.values, c->b->taps + t * c->b->shape.points,
                       c->discs + i * c->b->dim);
}

static mnk_status fit(mnk_bank *b, const float *views, const uint8_t *usable, size_t n, mnk_error *err) {
    fit_ctx c = {.b = b, .views = views};
    uint32_t *row = NULL;
    mnk_status status = MNK_OK;
    const size_t step = n / FIT + 1;
    MNK_OUT(MNK_NEW(row, n / step + 1, err));
    for (size_t i = 0; i < n; i += step)
        if (usable[i]) row[c.rows++] = (uint32_t)i;
    c.row = row;
    MNK_OUT(MNK_NEW(c.discs, FIT * b->dim, err));
    mnk_parallel_for(FIT, fit_one, &c);
    MNK_OUT(mnk_pca_fit(c.discs, FIT, b->dim, COMPONENTS < b->dim ? COMPONENTS : b->dim, 0, &b->pca, err));
    mnk_pca_half_whiten(&b->pca);
    b->m = b->pca.m;
out:
    mnk_free(row);
    mnk_free(c.discs);
    return status;
}

mnk_status mnk_bank_open(const mnk_view_shape *shape, const float *views, const uint8_t *usable, size_t n, mnk_bank *b,
                         mnk_error *err) {
    *b = (mnk_bank){.shape = *shape, .dim = (size_t)shape->channels * shape->points};
    b->transforms = MNK_BANK_SCALES * MNK_BANK_UPRIGHT;
    MNK_TRY(MNK_NEW(b->taps, b->transforms * shape->points, err));
    for (size_t t = 0; t < b->transforms; t++) {
        const mnk_view_map map = mnk_view_map_of(angle_of(t), mirrored_of(t), scale_of(t));
        mnk_view_taps_make(shape, &map, b->taps + t * shape->points);
    }
    mnk_status status = MNK_NEW(b->part, MNK_BANK_VARIANTS * shape->points, err);
    for (size_t v = 0; v < MNK_BANK_VARIANTS && status == MNK_OK; v++) {
        const part at = part_of(v);
        mnk_view_map map = mnk_view_map_of(0, false, at.scale);
        map.ox = at.x, map.oy = at.y;
        mnk_view_taps_make(shape, &map, b->part + v * shape->points);
    }
    if (status == MNK_OK) status = fit(b, views, usable, n, err);
    if (status != MNK_OK) mnk_bank_close(b);
    return status;
}

void mnk_bank_close(mnk_bank *b) {
    if (!b) return;
    mnk_pca_close(&b->pca);
    mnk_free(b->taps);
    mnk_free(b->part);
    *b = (mnk_bank){0};
}

void mnk_bank_query(const mnk_bank *b, const float *view, float *scratch, float *out) {
    for (size_t t = 0; t < b->transforms; t += ROWS) {
        for (size_t k = 0; k < ROWS; k++)
            mnk_view_disc_taps(&b->shape, view, b->taps + (t + k) * b->shape.points, scratch + k * b->dim);
        project(b, scratch, ROWS, out + t * b->m);
    }
}
_Static_assert((int)MNK_BANK_UPRIGHT % (int)ROWS == 0 && (int)MNK_BANK_VARIANTS <= (int)ROWS, "whole batches of discs");

void mnk_bank_reference(const mnk_bank *b, const float *view, float *scratch, float *out) {
    for (size_t v = 0; v < MNK_BANK_VARIANTS; v++)
        mnk_view_disc_taps(&b->shape, view, b->part + v * b->shape.points, scratch + v * b->dim);
    project(b, scratch, MNK_BANK_VARIANTS, out);
}

/* Largest value of each of n columns of tile [transforms][n] and the first row it stands in. */
static void column_best(const float *tile, size_t transforms, size_t n, float *top, int32_t *at) {
    for (size_t k = 0; k < n; k++) top[k] = -2, at[k] = 0;
    for (size_t t = 0; t < transforms; t++)
        for (size_t k = 0; k < n; k++) {
            const float r = tile[t * n + k];
            at[k] = r > top[k] ? (int32_t)t : at[k];
            top[k] = r > top[k] ? r : top[k];
        }
}

void mnk_bank_match_all(const mnk_bank *b, const float *query, const float *references, size_t n, size_t variants,
                        float *scratch, mnk_bank_match *out) {
    const blasint m = (blasint)b->m, wide = (blasint)(variants * b->m);
    const size_t zoomed = b->transforms - MNK_BANK_UPRIGHT;
    float top[COLUMNS * MNK_BANK_VARIANTS];
    int32_t at[COLUMNS * MNK_BANK_VARIANTS];
    for (size_t i = 0; i < n; i += COLUMNS) {
        const size_t k = n - i < COLUMNS ? n - i : COLUMNS, columns = k * variants;
        const float *r = references + i * variants * b->m;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, MNK_BANK_UPRIGHT, (blasint)columns, m, 1, query, m, r, m, 0,
                    scratch, (blasint)columns);
        column_best(scratch, MNK_BANK_UPRIGHT, columns, top, at);
        for (size_t c = 0; c < columns; c++) {
            mnk_bank_match *o = &out[i + c / variants];
            const uint16_t v = (uint16_t)(c % variants);
            if (v == 0 || top[c] > o->correlation) *o = (mnk_bank_match){top[c], (uint16_t)at[c], v};
        }
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)zoomed, (blasint)k, m, 1, query + MNK_BANK_UPRIGHT * b->m,
                    m, r, wide, 0, scratch, (blasint)k);
        column_best(scratch, zoomed, k, top, at);
        for (size_t c = 0; c < k; c++)
            if (top[c] > out[i + c].correlation) out[i + c] = (mnk_bank_match){top[c], (uint16_t)(MNK_BANK_UPRIGHT + at[c]), 0};
    }
}

/* ---- refinement ---- */

typedef struct pose {
    float angle, log_zoom, x, y; /* degrees; of the query over the reference; centre in the reference, half sides */
} pose;

enum { TRIALS = 8 };

/* Both discs of a pose; the one shown smaller is read at the smaller scale, so that neither leaves its picture. */
static void discs_of(const mnk_bank *b, const float *query, const float *reference, const pose *p, bool mirrored, float *out) {
    const float zoom = expf(p->log_zoom);
    const mnk_view_map q = mnk_view_map_of(p->angle, mirrored, zoom < 1 ? zoom : 1);
    mnk_view_map r = mnk_view_map_of(0, false, zoom > 1 ? 1 / zoom : 1);
    r.ox = p->x, r.oy = p->y;
    mnk_view_disc(&b->shape, query, &q, out);
    mnk_view_disc(&b->shape, reference, &r, out + b->dim);
}

static void try_poses(const mnk_bank *b, const float *query, const float *reference, bool mirrored, const pose *p, size_t n,
                      float *scratch, float *out) {
    float *components = scratch + ROWS * b->dim;
    for (size_t i = 0; i < n; i++) discs_of(b, query, reference, p + i, mirrored, scratch + 2 * i * b->dim);
    project(b, scratch, 2 * n, components);
    for (size_t i = 0; i < n; i++) {
        const float *a = components + 2 * i * b->m, *c = a + b->m;
        float sum = 0;
        for (size_t k = 0; k < b->m; k++) sum += a[k] * c[k];
        out[i] = sum;
    }
}

/* The centre may move as far as the crop leaves room, and a little beyond. */
static pose held(pose p) {
    const float most = logf(1.7f), zoom = expf(p.log_zoom), room = (zoom > 1 ? 1 - 1 / zoom : 0) + 0.08f;
    p.log_zoom = fminf(most, fmaxf(-most, p.log_zoom));
    p.x = fminf(room, fmaxf(-room, p.x));
    p.y = fminf(room, fmaxf(-room, p.y));
    return p;
}

float mnk_bank_refine(const mnk_bank *b, const float *query_view, const float *reference_view, const mnk_bank_match *start,
                      float *scratch, mnk_alignment *as) {
    const bool mirrored = mirrored_of(start->transform);
    const part from = part_of(start->variant);
    pose best = {angle_of(start->transform), logf(scale_of(start->transform) / from.scale), from.x, from.y};
    float step[4] = {3.5f, 0.05f, 0.06f, 0.06f}, top = start->correlation, r[TRIALS];
    for (int round = 0; round < 8; round++) {
        pose trial[TRIALS];
        for (int k = 0; k < TRIALS; k++) {
            const float d = k & 1 ? -step[k / 2] : step[k / 2];
            trial[k] = best;
            if (k / 2 == 0) trial[k].angle += d;
            else if (k / 2 == 1) trial[k].log_zoom += d;
            else if (k / 2 == 2) trial[k].x += d;
            else trial[k].y += d;
            trial[k] = held(trial[k]);
        }
        try_poses(b, query_view, reference_view, mirrored, trial, TRIALS, scratch, r);
        int at = -1;
        for (int k = 0; k < TRIALS; k++)
            if (r[k] > top) top = r[k], at = k;
        if (at >= 0) best = trial[at];
        else
            for (int k = 0; k < 4; k++) step[k] *= 0.5f;
    }
    float angle = fmodf(best.angle, 360);
    if (angle < 0) angle += 360;
    *as = (mnk_alignment){
        .angle_deg = angle, .zoom = expf(best.log_zoom), .shift_x = best.x, .shift_y = best.y, .mirrored = mirrored};
    return top;
}
