/* Papillary carcinoma: fronds with a fibrovascular core under one layer of small basophilic cells (type 1) or tall
 * pseudostratified eosinophilic ones (type 2); foam cells and psammoma bodies in the cores. */
#include <string.h>

#include "base/mem.h"
#include "simulate/histology/histology.h"

enum { BONES = 8, COARSE = 4 }; /* segments per spine; fine pixels per step of the distance grid */

typedef struct spine {
    float x[BONES + 1], y[BONES + 1], radius[BONES + 1];
    float reach; /* half-length, for culling */
} spine;

typedef struct fronds {
    slide *s;
    sites roots, cells, filling;
    spine *spine;
    int gw;
    float gstep, *d1, *d2; /* um to the nearest and second nearest core surface, negative inside */
    float layer;
} fronds;

static float uni(mnk_rng *r, float lo, float hi) { return lo + (hi - lo) * mnk_rng_uniform_f32(r); }

static void grow(spine *p, float x, float y, float angle, float length, float radius, mnk_rng *r) {
    float bend = uni(r, -1.0F, 1.0F) / BONES, wave = uni(r, 0, 6.28F);
    float sx = x, sy = y;
    for (int k = 0; k <= BONES; k++) {
        float t = (float)k / BONES;
        p->x[k] = sx;
        p->y[k] = sy;
        p->radius[k] = radius * (0.75F + 0.3F * sinf(wave + 7 * t) * 0.6F + 0.35F * t); /* bulbous towards the tip */
        sx += cosf(angle) * length / BONES;
        sy += sinf(angle) * length / BONES;
        angle += bend + 0.12F * (float)mnk_rng_normal(r);
    }
    float dx = 0.5F * (p->x[BONES] - x), dy = 0.5F * (p->y[BONES] - y);
    for (int k = 0; k <= BONES; k++) {
        p->x[k] -= dx;
        p->y[k] -= dy;
    }
    p->reach = 0.5F * length + 1.4F * radius;
}

static float spine_distance(const spine *p, float x, float y) {
    float best = 1e6F;
    for (int k = 0; k < BONES; k++) {
        float ax = p->x[k], ay = p->y[k], bx = p->x[k + 1] - ax, by = p->y[k + 1] - ay;
        float t = clampf(((x - ax) * bx + (y - ay) * by) / (bx * bx + by * by + 1e-9F), 0, 1);
        float dx = x - ax - t * bx, dy = y - ay - t * by;
        float d = sqrtf(dx * dx + dy * dy) - mixf(p->radius[k], p->radius[k + 1], t);
        best = min_f(best, d);
    }
    return best;
}

/* Distance grids over the slide and a rim of 30 um, where cells may stand whose borders reach in. */
static mnk_status distances(fronds *t, mnk_error *err) {
    slide *s = t->s;
    float rim = 30;
    t->gstep = s->step * COARSE;
    t->gw = (int)((s->high - s->low + 2 * rim) / t->gstep) + 3;
    size_t n = (size_t)t->gw * t->gw;
    MNK_TRY(MNK_NEW(t->d1, 2 * n, err));
    t->d2 = t->d1 + n;
    for (int j = 0; j < t->gw; j++)
        for (int i = 0; i < t->gw; i++) {
            float x = s->low - rim + (float)i * t->gstep, y = s->low - rim + (float)j * t->gstep, a = 1e6F, b = 1e6F;
            for (int k = 0; k < t->roots.n; k++) {
                float dx = x - t->roots.site[k].x, dy = y - t->roots.site[k].y,
                      away = sqrtf(dx * dx + dy * dy) - t->spine[k].reach;
                if (away > b) continue;
                float d = spine_distance(&t->spine[k], x, y);
                if (d < a) {
                    b = a;
                    a = d;
                } else if (d < b) b = d;
            }
            t->d1[(size_t)j * t->gw + i] = a;
            t->d2[(size_t)j * t->gw + i] = b;
        }
    return MNK_OK;
}

static float sample(const fronds *t, const float *g, float x, float y) {
    float u = (x - t->s->low + 30) / t->gstep, v = (y - t->s->low + 30) / t->gstep;
    u = clampf(u, 0, (float)t->gw - 1.001F);
    v = clampf(v, 0, (float)t->gw - 1.001F);
    int i = (int)u, j = (int)v;
    const float *p = g + (size_t)j * t->gw + i;
    float a = mixf(p[0], p[1], u - (float)i), b = mixf(p[t->gw], p[t->gw + 1], u - (float)i);
    return mixf(a, b, v - (float)j);
}

/* Depth in the epithelium, um above the core; the surface undulates. */
static float depth_at(const fronds *t, float x, float y) {
    return sample(t, t->d1, x, y) + 0.9F * slide_noise(t->s, NOISE_WARP_X, x, y);
}

/* Half-width of the cleft between two fronds. */
static float cleft(const slide *s, float coarse) {
    float open = 2.2F + 1.8F * coarse;
    return clampf(open * (1 - (float)s->p.solid) - 2 * (float)s->p.solid, -1, 6);
}

/* Nuclei of type 1 stand in one row, those of type 2 at several heights. Filled lumina take cells anywhere. */
static float row_spacing(void *ctx, float x, float y) {
    const fronds *t = ctx;
    const mnk_histology_params *p = &t->s->p;
    float d = depth_at(t, x, y), h = t->layer;
    float lo = p->variant > 1.5 ? 0.2F : 0.36F, hi = p->variant > 1.5 ? 0.8F : 0.56F;
    float spacing = max_f((float)p->cell_um * (p->variant > 1.5 ? 0.86F : 0.92F), 0.98F * (float)p->nucleus_um);
    if (d < lo * h) return -1;
    float d2 = sample(t, t->d2, x, y);
    float c = cleft(t->s, slide_noise(t->s, NOISE_COARSE, x, y));
    if ((d2 - d) * 0.5F < c + 0.25F * h) return -1;
    if (d <= hi * h) return spacing;
    bool filled = slide_noise(t->s, NOISE_COARSE, x, y) * 0.5F + 2.4F * ((float)p->solid - 0.5F) > 0;
    return filled ? spacing * 1.25F : -1;
}

static void core(slide *s, size_t i, float d) {
    const mnk_histology_params *p = &s->p;
    float fine = s->noise[NOISE_FINE][i], mid = s->noise[NOISE_MID][i], cell = s->noise[NOISE_CELL][i];
    float fibre = expf(-cell * cell * 7) + 0.6F * expf(-mid * mid * 6);         /* strands where the noise crosses zero */
    float loose = smooth(-0.5F, 1.2F, s->noise[NOISE_COARSE][i] + 0.3F * cell); /* oedema between them */
    float e = 0.16F + 0.30F * fibre * (1 - 0.55F * loose) + 0.04F * fine;
    e += 0.14F * gauss(d, 1.0F); /* basement membrane */
    s->c[CHROMOGEN_E][i] = max_f(e, 0.03F) * (float)p->stain_e;
    s->c[CHROMOGEN_H][i] = (0.05F + 0.05F * fibre) * (float)p->stain_h;
}

static void epithelium(slide *s, size_t i, const site *o, float edge, float d, float top) {
    const mnk_histology_params *p = &s->p;
    float fine = s->noise[NOISE_FINE][i], mid = s->noise[NOISE_MID][i];
    float tint = expf(0.14F * o->tint);
    float e = (float)p->cytoplasm_e * tint * (1 + 0.16F * fine + 0.14F * mid);
    float h = (float)p->cytoplasm_h * tint * (1 + 0.25F * mid);
    e *= 0.85F + 0.25F * smooth(0, top + 0.1F, d); /* denser towards the lumen */
    float line = (float)p->membrane_e * gauss(edge, 0.5F);
    line += 0.30F * (float)p->stain_e * gauss(top - d, 0.6F); /* apical border */
    line += 0.22F * (float)p->stain_e * gauss(d, 0.6F);       /* basement membrane */
    s->c[CHROMOGEN_E][i] = max_f(e + line, 0.02F);
    s->c[CHROMOGEN_H][i] = max_f(h + 0.1F * line, 0);
}

static void lumen(slide *s, size_t i) {
    /* empty glass with a breath of secretion and debris */
    float m = smooth(1.6F, 2.8F, s->noise[NOISE_CELL][i] + 0.4F * s->noise[NOISE_FINE][i]);
    s->c[CHROMOGEN_E][i] = (0.01F + 0.10F * m) * (float)s->p.stain_e;
    s->c[CHROMOGEN_H][i] = 0.005F + 0.05F * m;
}

/* Polynomial smooth minimum: rounds the corner where two limits meet over a width of k um. */
static float smooth_min(float a, float b, float k) {
    float h = clampf(0.5F + 0.5F * (b - a) / k, 0, 1);
    return mixf(b, a, h) - k * h * (1 - h);
}

static void paint(fronds *t) {
    slide *s = t->s;
    finder cells;
    finder_init(&cells, &t->cells, 6);
    for (int y = 0; y < s->h; y++)
        for (int x = 0; x < s->w; x++) {
            size_t i = (size_t)y * s->w + x;
            float px = at_x(s, x), py = at_x(s, y), wx = s->noise[NOISE_WARP_X][i];
            float d = sample(t, t->d1, px, py) + 0.9F * wx;
            if (d < 0) {
                core(s, i, d);
                continue;
            }
            float coarse = s->noise[NOISE_COARSE][i],
                  slit = (sample(t, t->d2, px, py) + 0.9F * wx - d) * 0.5F - cleft(s, coarse);
            bool filled = coarse * 0.5F + 2.4F * ((float)s->p.solid - 0.5F) > 0;
            float room = d + slit, full = t->layer * (1 + 0.07F * s->noise[NOISE_CELL][i]);
            float top = filled ? d + max_f(slit, 0) : smooth_min(full, room, 7);
            place q = finder_at(&cells, px + 0.5F * wx, py + 0.5F * s->noise[NOISE_WARP_Y][i], -1);
            if (d > top || q.site < 0) lumen(s, i);
            else {
                const site *o = &t->cells.site[q.site];
                /* each cell bulges a little over its own nucleus: a hobnailed, not a ruled, surface */
                float bulge = (0.65F + 0.25F * o->tint) * smooth(0, 0.5F * (float)s->p.cell_um, q.edge);
                if (!filled && d > top + bulge - 0.6F) lumen(s, i);
                else epithelium(s, i, o, q.edge, d, filled ? 1e3F : top + bulge - 0.6F);
            }
        }
}

/* Calls f on an ellipse with an uneven outline; `radius` is its short semi-axis, `aspect` the ratio of the two. */
static void disc(slide *s, float x, float y, float radius, float aspect, float angle,
                 void (*f)(slide *s, size_t i, float rho, float part)) {
    float reach = radius * aspect * 1.4F, ca = cosf(angle), sa = sinf(angle);
    int x0 = (int)((x - reach - s->low) / s->step), x1 = (int)((x + reach - s->low) / s->step) + 1;
    int y0 = (int)((y - reach - s->low) / s->step), y1 = (int)((y + reach - s->low) / s->step) + 1;
    for (int j = y0 < 0 ? 0 : y0; j <= y1 && j < s->h; j++)
        for (int i = x0 < 0 ? 0 : x0; i <= x1 && i < s->w; i++) {
            size_t k = (size_t)j * s->w + i;
            float dx = at_x(s, i) - x, dy = at_x(s, j) - y, u = (dx * ca + dy * sa) / aspect, v = dy * ca - dx * sa;
            float rho = sqrtf(u * u + v * v) / (radius * (1 + 0.12F * s->noise[NOISE_CELL][k]));
            float part = 1 - smooth(0.92F, 1.08F, rho);
            if (part > 0) f(s, k, rho, part);
        }
}

/* Foam cell: cytoplasm full of lipid vacuoles, a pale froth with a thin outline. */
static void foam(slide *s, size_t i, float rho, float part) {
    float fine = s->noise[NOISE_FINE][i];
    float froth = expf(-fine * fine * 9);
    float e = (0.05F + 0.20F * froth + 0.22F * gauss(rho - 0.97F, 0.07F)) * (float)s->p.stain_e;
    s->c[CHROMOGEN_E][i] = mixf(s->c[CHROMOGEN_E][i], e, part);
    s->c[CHROMOGEN_H][i] = mixf(s->c[CHROMOGEN_H][i], 0.04F * froth + 0.01F, part);
}

/* Psammoma body: concentric calcified lamellae, deeply basophilic. */
static void psammoma(slide *s, size_t i, float rho, float part) {
    float ring = 0.5F + 0.5F * cosf(rho * 19 + 0.8F * s->noise[NOISE_MID][i]);
    float h = (0.55F + 0.9F * ring + 0.5F * gauss(rho, 0.3F)) * (float)s->p.stain_h;
    s->c[CHROMOGEN_H][i] = mixf(s->c[CHROMOGEN_H][i], h, part);
    s->c[CHROMOGEN_E][i] = mixf(s->c[CHROMOGEN_E][i], 0.25F + 0.2F * ring, part);
}

/* Capillary of a core: empty lumen in a thin eosinophilic wall. */
static void capillary(slide *s, size_t i, float rho, float part) {
    float e = (0.02F + 0.5F * gauss(rho - 0.95F, 0.10F)) * (float)s->p.stain_e;
    s->c[CHROMOGEN_E][i] = mixf(s->c[CHROMOGEN_E][i], e, part);
    s->c[CHROMOGEN_H][i] = mixf(s->c[CHROMOGEN_H][i], 0.02F + 0.08F * gauss(rho - 0.95F, 0.1F), part);
}

/* Direction in which the distance to the core grows. */
static float outward(const fronds *t, float x, float y) {
    float e = t->gstep;
    return atan2f(sample(t, t->d1, x, y + e) - sample(t, t->d1, x, y - e),
                  sample(t, t->d1, x + e, y) - sample(t, t->d1, x - e, y));
}

static float filling_spacing(void *ctx, float x, float y) { return depth_at(ctx, x, y) < -3 ? 9.0F : -1; }

/* What lives in the cores: vessels, foam cells, spindle cells, lymphocytes, psammoma bodies. */
static mnk_status fill_cores(fronds *t, mnk_rng *r, mnk_error *err) {
    slide *s = t->s;
    MNK_TRY(sites_throw(&t->filling, s->low - 12, s->high + 12, 9, filling_spacing, t, 0, r, err));
    /* hard-core points at 9 um stand about 115 um^2 apart; foam cells gather in half of the field */
    float foamy = min_f((float)s->p.foamy * 0.115F * 2, 0.9F);
    float stones = (float)(s->p.psammoma * 1.15e-4);
    for (int i = 0; i < t->filling.n; i++) {
        float x = t->filling.site[i].x, y = t->filling.site[i].y, u = mnk_rng_uniform_f32(r), d = -depth_at(t, x, y);
        float patch = slide_noise(s, NOISE_COARSE, x, y);
        if (u < stones && d > 4) {
            disc(s, x, y, min_f(uni(r, 5, 13), d + 2), 1, 0, psammoma);
            continue;
        }
        if (u < stones + foamy * smooth(-0.5F, 0.8F, patch) && d > 4) {
            float radius = min_f(uni(r, 5.5F, 8.5F), d + 1);
            disc(s, x, y, radius, uni(r, 1, 1.3F), uni(r, 0, 6.28F), foam);
            nucleus n = nucleus_lymphocyte(s, x + uni(r, -2, 2), y + uni(r, -2, 2), r);
            n.h *= 0.7F;
            n.halo = 0;
            nucleus_stamp(s, &n);
            continue;
        }
        float v = mnk_rng_uniform_f32(r);
        float along = outward(t, x, y) + 1.5708F;
        if (v < 0.16F && d > 3) {
            float radius = min_f(0.55F * (float)s->p.septum_um * uni(r, 0.5F, 1.3F), 0.8F * d), aspect = uni(r, 1, 2.4F);
            float way = along + uni(r, -0.4F, 0.4F), side = mnk_rng_uniform_f32(r) < 0.5F ? radius : -radius;
            disc(s, x, y, radius, aspect, way, capillary);
            int reds = radius > 1.8F ? (int)mnk_rng_below(r, 3) : 0;
            for (int k = 0; k < reds; k++) {
                float along_um = uni(r, -0.6F, 0.6F) * radius * aspect;
                red_cell_stamp(s, x + along_um * cosf(way), y + along_um * sinf(way), min_f(2.7F, 0.85F * radius),
                               uni(r, 0.9F, 1.5F), r);
            }
            nucleus n = nucleus_spindle(s, x - side * sinf(way), y + side * cosf(way), way, r);
            nucleus_stamp(s, &n);
        } else if (v < 0.55F) {
            nucleus n = nucleus_spindle(s, x, y, along + uni(r, -0.5F, 0.5F), r);
            nucleus_stamp(s, &n);
        } else if (v < 0.61F) {
            nucleus n = nucleus_lymphocyte(s, x, y, r);
            nucleus_stamp(s, &n);
        }
    }
    return MNK_OK;
}

static void tumour_nuclei(fronds *t, mnk_rng *r) {
    slide *s = t->s;
    const mnk_histology_params *p = &s->p;
    for (int i = 0; i < t->cells.n; i++) {
        const site *o = &t->cells.site[i];
        nucleus n = nucleus_draw(s, o->x, o->y, 1, r);
        float stretch = p->variant > 1.5 ? uni(r, 1.1F, 1.45F) : uni(r, 1.0F, 1.22F);
        n.a *= sqrtf(stretch);
        n.b /= sqrtf(stretch);
        n.angle = outward(t, o->x, o->y) + uni(r, -0.35F, 0.35F);
        if (o->has_nucleus) nucleus_stamp(s, &n);
    }
    /* haemosiderin granules in type 1 */
    if (p->variant > 1.5) return;
    for (int i = 0; i < t->cells.n; i++) {
        if (mnk_rng_uniform_f32(r) > 0.03F) continue;
        for (int k = 0; k < 6; k++) {
            float x = t->cells.site[i].x + uni(r, -4, 4), y = t->cells.site[i].y + uni(r, -4, 4);
            int gi = (int)((x - s->low) / s->step), gj = (int)((y - s->low) / s->step);
            if (gi < 0 || gj < 0 || gi >= s->w || gj >= s->h) continue;
            s->c[CHROMOGEN_BROWN][(size_t)gj * s->w + gi] += uni(r, 0.3F, 0.9F);
        }
    }
}

/* Share of the tile covered by cores and epithelium. */
static float tissue(const fronds *t) {
    int in = 0, all = 0;
    for (int j = 0; (float)j * t->gstep < t->s->field; j++)
        for (int i = 0; (float)i * t->gstep < t->s->field; i++) {
            all++;
            in += sample(t, t->d1, (float)i * t->gstep, (float)j * t->gstep) < t->layer;
        }
    return (float)in / (float)all;
}

static mnk_status plant(fronds *t, mnk_rng *r, mnk_error *err) {
    slide *s = t->s;
    const mnk_histology_params *p = &s->p;
    float whole = (float)p->frond_um, rim = 1.3F * whole;
    /* nobody cuts tiles from empty glass: fields with little tissue are drawn again, a few times at most */
    for (int attempt = 0; attempt < 16; attempt++) {
        float base = uni(r, 0, 6.28F), spread = uni(r, 0.72F, 1.05F); /* crowded to loose */
        sites_close(&t->roots);
        mnk_free(t->spine);
        mnk_free(t->d1);
        t->spine = NULL;
        t->d1 = NULL;
        MNK_TRY(sites_throw(&t->roots, s->low - rim, s->high + rim, whole * spread, NULL, NULL, 0, r, err));
        MNK_TRY(MNK_NEW(t->spine, (size_t)t->roots.n + 1, err));
        for (int k = 0; k < t->roots.n; k++) {
            /* cut along or across: length from nothing to two widths; neighbours lie roughly parallel */
            float cut = mnk_rng_uniform_f32(r), length = whole * (0.1F + 1.9F * cut * cut);
            float angle = base + 0.55F * (float)mnk_rng_normal(r);
            float radius = 0.5F * (float)p->core_um * expf(0.3F * (float)mnk_rng_normal(r));
            grow(&t->spine[k], t->roots.site[k].x, t->roots.site[k].y, angle, length, max_f(radius, 3), r);
        }
        MNK_TRY(distances(t, err));
        if (tissue(t) > 0.5F) break;
    }
    return MNK_OK;
}

mnk_status papillary_fill(slide *s, mnk_error *err) {
    fronds t = {.s = s, .layer = (float)s->p.layer_um};
    mnk_rng layout = slide_rng(s, STEP_LAYOUT), cells = slide_rng(s, STEP_CELLS), nuclei = slide_rng(s, STEP_NUCLEI);
    mnk_rng detail = slide_rng(s, STEP_DETAIL);
    float spacing = 1.3F * max_f((float)s->p.cell_um, (float)s->p.nucleus_um);
    mnk_status status = plant(&t, &layout, err);
    if (status == MNK_OK) status = sites_throw(&t.cells, s->low - 24, s->high + 24, spacing, row_spacing, &t, 0, &layout, err);
    if (status == MNK_OK) {
        for (int i = 0; i < t.cells.n; i++) {
            site *o = &t.cells.site[i];
            o->tint = clampf((float)mnk_rng_normal(&cells), -2, 2);
            o->has_nucleus = mnk_rng_uniform_f32(&cells) < 0.94F;
        }
        paint(&t);
        status = fill_cores(&t, &detail, err);
    }
    if (status == MNK_OK) tumour_nuclei(&t, &nuclei);
    sites_close(&t.roots);
    sites_close(&t.cells);
    sites_close(&t.filling);
    mnk_free(t.spine);
    mnk_free(t.d1);
    return status;
}
