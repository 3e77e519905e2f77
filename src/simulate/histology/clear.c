/* Clear cell carcinoma: nests of optically clear cells in a chicken-wire net of thin capillaries. */
#include "simulate/histology/histology.h"

enum { CLEAR, EOSINOPHILIC, CYST };

typedef struct clear {
    slide *s;
    sites nests, cells;
    float warp;
} clear;

static float uni(mnk_rng *r, float lo, float hi) { return lo + (hi - lo) * mnk_rng_uniform_f32(r); }

static float cell_spacing(void *ctx, float x, float y) {
    (void)x;
    (void)y;
    const slide *s = ((clear *)ctx)->s;
    return 0.86F * (float)s->p.cell_um;
}

/* Half-width of the capillary at a point: uneven, missing in places. */
static float capillary(const slide *s, size_t i, const place *q) {
    float half = 0.5F * (float)s->p.septum_um;
    float open = s->noise[NOISE_CELL][i] + 0.3F * s->noise[NOISE_COARSE][i];
    half *= clampf(0.8F + 0.33F * open, 0.42F, 1.7F);
    half *= 1 + 0.9F * gauss(q->edge2 - q->edge, 3.0F); /* junctions of three nests are wider */
    float present = s->noise[NOISE_COARSE][i] * 0.8F + 0.4F * s->noise[NOISE_WARP_X][i];
    float gone = 2.2F * ((float)s->p.septum_presence - 0.5F); /* threshold on a noise of about unit variance */
    return half * smooth(-gone - 0.7F, -gone - 0.2F, present);
}

/* Stroma and lumen of the capillary net. */
static void vessel(slide *s, size_t i, float d, float half) {
    float fibre = s->noise[NOISE_FINE][i] * 0.5F + s->noise[NOISE_MID][i];
    float e = (float)s->p.stain_e * clampf(0.66F + 0.14F * fibre, 0.1F, 1.1F);
    float h = (float)s->p.stain_h * 0.17F;
    float lumen = smooth(0, 0.8F, half - d - 1.1F) * smooth(0.1F, 0.6F, s->noise[NOISE_CELL][i]);
    s->c[CHROMOGEN_E][i] = mixf(e, 0.03F, lumen);
    s->c[CHROMOGEN_H][i] = mixf(h, 0.01F, lumen);
}

/* Cytoplasm of one cell: empty where glycogen and lipid were dissolved, wisps of remaining cytoplasm, thin membrane;
 * or, in the eosinophilic population, filled and granular. */
static void cytoplasm(slide *s, size_t i, const site *o, float edge) {
    const mnk_histology_params *p = &s->p;
    float fine = s->noise[NOISE_FINE][i], mid = s->noise[NOISE_MID][i];
    float strand = expf(-mid * mid * 14) * smooth(-0.6F, 0.8F, s->noise[NOISE_CELL][i]);
    float level = o->kind ? (float)p->eosinophilic_e * (1 + 0.22F * fine + 0.2F * mid)
                          : (float)p->cytoplasm_e * (0.75F + 0.35F * mid + 1.1F * strand);
    level *= expf(0.22F * o->tint);
    float dx = at_x(s, (int)(i % (size_t)s->w)) - o->nx, dy = at_x(s, (int)(i / (size_t)s->w)) - o->ny;
    float around = gauss(sqrtf(dx * dx + dy * dy), 0.62F * (float)p->nucleus_um); /* cytoplasm gathers at the nucleus */
    level += (o->kind ? 0.10F : 0.07F) * (float)p->stain_e * around * (0.8F + 0.5F * mid);
    float width = (float)p->membrane_um * (1 + 0.15F * fine);
    float line =
        (float)p->membrane_e * gauss(edge, 0.5F * width + 0.15F) * clampf(0.85F + 0.25F * s->noise[NOISE_CELL][i], 0.15F, 1.3F);
    level += 0.08F * (float)p->stain_e * gauss(edge, 1.8F);
    s->c[CHROMOGEN_E][i] = max_f(level, 0.015F) + line;
    s->c[CHROMOGEN_H][i] = max_f((float)p->cytoplasm_h * (1 + 0.5F * mid) * (o->kind ? 2.2F : 1), 0) + 0.22F * line;
}

/* A space where cells were lost: glass, or pale pink fluid, with a cell's outline left. */
static void cyst(slide *s, size_t i, const site *o, float edge) {
    float fluid = o->tint > 0.4F ? 0.16F : 0.02F;
    s->c[CHROMOGEN_E][i] = (fluid * (1 + 0.1F * s->noise[NOISE_MID][i]) + 0.35F * gauss(edge, 0.5F)) * (float)s->p.stain_e;
    s->c[CHROMOGEN_H][i] = 0.01F;
}

static void paint(clear *t) {
    slide *s = t->s;
    finder nests, cells;
    finder_init(&nests, &t->nests, 20);
    finder_init(&cells, &t->cells, 6);
    for (int y = 0; y < s->h; y++)
        for (int x = 0; x < s->w; x++) {
            size_t i = (size_t)y * s->w + x;
            float wx = s->noise[NOISE_WARP_X][i], wy = s->noise[NOISE_WARP_Y][i];
            float px = at_x(s, x), py = at_x(s, y);
            place nest = finder_at(&nests, px + 2.2F * wx, py + 2.2F * wy, -1);
            float half = capillary(s, i, &nest), wall = nest.edge - half;
            if (nest.site < 0 || wall <= 0) {
                vessel(s, i, nest.edge, half);
                continue;
            }
            place q = finder_at(&cells, px + 0.7F * wx, py + 0.7F * wy, nest.site);
            if (q.site < 0) {
                vessel(s, i, nest.edge, half);
                continue;
            }
            const site *o = &t->cells.site[q.site];
            (o->kind == CYST ? cyst : cytoplasm)(s, i, o, min_f(q.edge, wall));
        }
}

/* Slender endothelial nuclei on the net, red cells in its lumina. */
static void endothelium(clear *t, mnk_rng *r) {
    slide *s = t->s;
    float side = s->high - s->low;
    int tries = (int)(side * side / 95) + 4;
    float lastx = -1e6F, lasty = -1e6F;
    for (int k = 0; k < tries; k++) {
        float x = uni(r, s->low, s->high), y = uni(r, s->low, s->high), kind = mnk_rng_uniform_f32(r);
        float wx = slide_noise(s, NOISE_WARP_X, x, y) * 2.2F, wy = slide_noise(s, NOISE_WARP_Y, x, y) * 2.2F;
        place q = sites_at(&t->nests, x + wx, y + wy, -1);
        if (q.neighbour < 0 || q.edge > 5) continue;
        const site *a = &t->nests.site[q.site], *b = &t->nests.site[q.neighbour];
        float dx = b->x - a->x, dy = b->y - a->y, d = sqrtf(dx * dx + dy * dy) + 1e-6F;
        x += dx / d * q.edge;
        y += dy / d * q.edge;
        int gi = (int)((x - s->low) / s->step), gj = (int)((y - s->low) / s->step);
        if (gi < 0 || gj < 0 || gi >= s->w || gj >= s->h) continue;
        float half = capillary(s, (size_t)gj * s->w + gi, &q);
        if (half < 0.6F || hypotf(x - lastx, y - lasty) < 7) continue;
        lastx = x;
        lasty = y;
        if (kind < 0.62F) {
            nucleus n = nucleus_spindle(s, x, y, atan2f(dx, -dy) + uni(r, -0.25F, 0.25F), r);
            nucleus_stamp(s, &n);
        } else if (half > 1.6F && kind < 0.85F) {
            int cells = 1 + (int)mnk_rng_below(r, 2);
            for (int j = 0; j < cells; j++) {
                float gap = uni(r, 4, 6.5F) * (float)j;
                red_cell_stamp(s, x - dy / d * gap, y + dx / d * gap, min_f(uni(r, 2.2F, 2.9F), 1.1F * half),
                               uni(r, 0.7F, 1.4F), r);
            }
        } else if (kind > 0.94F) {
            nucleus n = nucleus_lymphocyte(s, x, y, r);
            nucleus_stamp(s, &n);
        }
    }
}

static void tumour_nuclei(clear *t, mnk_rng *r) {
    slide *s = t->s;
    for (int i = 0; i < t->cells.n; i++) {
        const site *o = &t->cells.site[i];
        nucleus n = nucleus_draw(s, o->nx, o->ny, 1, r);
        int reds = o->kind == CYST && o->tint < 0.2F ? (int)mnk_rng_below(r, 7) : 0;
        for (int k = 0; k < reds; k++) {
            float x = o->x + uni(r, -0.3F, 0.3F) * (float)s->p.cell_um, y = o->y + uni(r, -0.3F, 0.3F) * (float)s->p.cell_um;
            red_cell_stamp(s, x, y, uni(r, 2.4F, 3.0F), uni(r, 0.7F, 1.4F), r);
        }
        if (o->has_nucleus && o->kind != CYST) nucleus_stamp(s, &n);
    }
}

mnk_status clear_fill(slide *s, mnk_error *err) {
    clear t = {.s = s};
    const mnk_histology_params *p = &s->p;
    mnk_rng layout = slide_rng(s, STEP_LAYOUT), cells = slide_rng(s, STEP_CELLS), nuclei = slide_rng(s, STEP_NUCLEI);
    float nest = (float)p->nest_um, margin = 1.6F * nest;
    mnk_status status = sites_throw(&t.nests, s->low - margin, s->high + margin, 0.8F * nest, NULL, NULL, 0, &layout, err);
    if (status == MNK_OK)
        status = sites_throw(&t.cells, s->low - 30, s->high + 30, (float)p->cell_um, cell_spacing, &t, 1, &layout, err);
    if (status == MNK_OK) {
        for (int i = 0; i < t.cells.n; i++) {
            site *o = &t.cells.site[i];
            float wx = 2.2F * slide_noise(s, NOISE_WARP_X, o->x, o->y), wy = 2.2F * slide_noise(s, NOISE_WARP_Y, o->x, o->y);
            place q = sites_at(&t.nests, o->x + wx, o->y + wy, -1);
            o->nest = q.site;
            o->tint = (float)mnk_rng_normal(&cells);
            o->power = (float)(p->cell_cv * p->cell_um * p->cell_um) * 0.25F * (float)mnk_rng_normal(&cells);
            /* eosinophilic cells come in patches */
            float patch = 0.75F * slide_noise(s, NOISE_COARSE, o->x, o->y) + 0.6F * o->tint;
            float cut = 2.4F * (0.5F - (float)p->eosinophilic_fraction) + (p->eosinophilic_fraction < 0.15 ? 0.8F : 0);
            o->kind = patch > cut ? EOSINOPHILIC : CLEAR;
            if (mnk_rng_uniform_f32(&cells) < (float)p->cystic * smooth(-1, 1, -patch) * 2) o->kind = CYST;
            float off = 0.10F * (float)p->cell_um;
            o->nx = o->x + off * (float)mnk_rng_normal(&cells);
            o->ny = o->y + off * (float)mnk_rng_normal(&cells);
            o->has_nucleus = mnk_rng_uniform_f32(&cells) < 0.8F && q.edge > 0.42F * (float)p->nucleus_um;
        }
        paint(&t);
        endothelium(&t, &nuclei);
        tumour_nuclei(&t, &nuclei);
    }
    sites_close(&t.nests);
    sites_close(&t.cells);
    return status;
}
