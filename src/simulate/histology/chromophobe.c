/* Chromophobe carcinoma: solid sheets of pale reticular and smaller eosinophilic cells with plant-like membranes,
 * wrinkled nuclei in clear halos, thin incomplete septa. */
#include "simulate/histology/histology.h"

typedef struct sheet {
    slide *s;
    sites nests, cells;
} sheet;

static float uni(mnk_rng *r, float lo, float hi) { return lo + (hi - lo) * mnk_rng_uniform_f32(r); }

/* Half-width of a septum; zero where it is missing. */
static float septum(const slide *s, size_t i) {
    float half = 0.5F * (float)s->p.septum_um * clampf(1 + 0.35F * s->noise[NOISE_CELL][i], 0.4F, 1.8F);
    float present = 0.8F * s->noise[NOISE_COARSE][i] + 0.4F * s->noise[NOISE_WARP_Y][i];
    float gone = 2.2F * ((float)s->p.septum_presence - 0.5F);
    return half * smooth(-gone - 0.2F, -gone + 0.3F, present);
}

static void cytoplasm(slide *s, size_t i, const site *o, float edge) {
    const mnk_histology_params *p = &s->p;
    float fine = s->noise[NOISE_FINE][i], mid = s->noise[NOISE_MID][i];
    float e, h = (float)p->cytoplasm_h;
    if (o->kind) {
        e = (float)p->eosinophilic_e * (1 + 0.24F * fine + 0.10F * mid);
        h *= 1.3F;
    } else {
        /* microvesicles: pale bubbles in a reticulum, denser towards the membrane */
        float web = 0.62F * expf(-mid * mid * 9) + 0.5F * expf(-fine * fine * 6);
        e = (float)p->cytoplasm_e * (0.30F + 1.25F * web + 0.12F * s->noise[NOISE_CELL][i]);
        e += 0.14F * (float)p->stain_e * gauss(edge, 2.6F);
        h *= 0.8F + 0.5F * web;
    }
    e *= expf(0.16F * o->tint);
    float half = 0.5F * (float)p->membrane_um;
    float line = 1 - smooth(half - 0.15F, half + 0.55F, edge); /* a band of even strength, not a hairline */
    line *= clampf(0.92F + 0.14F * s->noise[NOISE_CELL][i] + 0.1F * fine, 0.4F, 1.2F);
    s->c[CHROMOGEN_E][i] = mixf(max_f(e, 0.02F), (float)p->membrane_e, line);
    s->c[CHROMOGEN_H][i] = mixf(max_f(h, 0), 0.18F * (float)p->stain_h, line);
}

static void paint(sheet *t) {
    slide *s = t->s;
    finder nests, cells;
    finder_init(&nests, &t->nests, 8);
    finder_init(&cells, &t->cells, 8);
    for (int y = 0; y < s->h; y++)
        for (int x = 0; x < s->w; x++) {
            size_t i = (size_t)y * s->w + x;
            float wx = s->noise[NOISE_WARP_X][i], wy = s->noise[NOISE_WARP_Y][i], px = at_x(s, x), py = at_x(s, y);
            place nest = finder_at(&nests, px + 2.5F * wx, py + 2.5F * wy, -1);
            float half = septum(s, i), wall = nest.edge - half;
            if (half > 0.2F && wall <= 0) {
                float fibre = 0.5F * s->noise[NOISE_FINE][i] + s->noise[NOISE_MID][i];
                float lumen = smooth(0, 0.8F, half - nest.edge - 1.2F) * smooth(0.4F, 0.9F, s->noise[NOISE_CELL][i]);
                s->c[CHROMOGEN_E][i] = mixf((float)s->p.stain_e * clampf(0.62F + 0.14F * fibre, 0.1F, 1.2F), 0.03F, lumen);
                s->c[CHROMOGEN_H][i] = mixf((float)s->p.stain_h * 0.10F, 0.01F, lumen);
                continue;
            }
            place q = finder_at(&cells, px + 0.8F * wx, py + 0.8F * wy, -1);
            if (q.site < 0) continue;
            cytoplasm(s, i, &t->cells.site[q.site], half > 0.2F ? min_f(q.edge, wall) : q.edge);
        }
}

static void stroma_nuclei(sheet *t, mnk_rng *r) {
    slide *s = t->s;
    float side = s->high - s->low;
    int tries = (int)(side * side / 90) + 2;
    for (int k = 0; k < tries; k++) {
        float x = uni(r, s->low, s->high), y = uni(r, s->low, s->high), kind = mnk_rng_uniform_f32(r);
        float wx = 2.5F * slide_noise(s, NOISE_WARP_X, x, y), wy = 2.5F * slide_noise(s, NOISE_WARP_Y, x, y);
        place q = sites_at(&t->nests, x + wx, y + wy, -1);
        if (q.neighbour < 0 || q.edge > 3.5F) continue;
        const site *a = &t->nests.site[q.site], *b = &t->nests.site[q.neighbour];
        float dx = b->x - a->x, dy = b->y - a->y, d = sqrtf(dx * dx + dy * dy) + 1e-6F;
        x += dx / d * q.edge;
        y += dy / d * q.edge;
        int gi = (int)((x - s->low) / s->step), gj = (int)((y - s->low) / s->step);
        if (gi < 0 || gj < 0 || gi >= s->w || gj >= s->h || septum(s, (size_t)gj * s->w + gi) < 0.7F) continue;
        if (kind < 0.7F) {
            nucleus n = nucleus_spindle(s, x, y, atan2f(dx, -dy), r);
            nucleus_stamp(s, &n);
        } else if (kind < 0.85F) red_cell_stamp(s, x, y, uni(r, 2.2F, 2.9F), uni(r, 1.0F, 1.7F), r);
        else if (kind > 0.94F) {
            nucleus n = nucleus_lymphocyte(s, x, y, r);
            nucleus_stamp(s, &n);
        }
    }
}

static void tumour_nuclei(sheet *t, mnk_rng *r) {
    slide *s = t->s;
    for (int i = 0; i < t->cells.n; i++) {
        const site *o = &t->cells.site[i];
        nucleus n = nucleus_draw(s, o->nx, o->ny, o->kind ? 0.92F : 1.04F, r), second = nucleus_draw(s, o->nx, o->ny, 0.9F, r);
        bool two = mnk_rng_uniform_f32(r) < (float)s->p.binucleate;
        float way = uni(r, 0, 6.28F);
        if (!o->has_nucleus) continue;
        if (two) {
            float gap = 0.52F * (n.a + second.a);
            n.x += gap * cosf(way);
            n.y += gap * sinf(way);
            second.x -= gap * cosf(way);
            second.y -= gap * sinf(way);
        }
        /* halos first, so that one does not bleach the other nucleus of a pair */
        nucleus_stamp(s, &n);
        if (two) {
            second.halo = 0;
            nucleus_stamp(s, &second);
        }
    }
}

mnk_status chromophobe_fill(slide *s, mnk_error *err) {
    sheet t = {.s = s};
    const mnk_histology_params *p = &s->p;
    mnk_rng layout = slide_rng(s, STEP_LAYOUT), cells = slide_rng(s, STEP_CELLS), nuclei = slide_rng(s, STEP_NUCLEI);
    float nest = (float)p->nest_um, margin = 1.6F * nest;
    mnk_status status = sites_throw(&t.nests, s->low - margin, s->high + margin, 0.8F * nest, NULL, NULL, 0, &layout, err);
    if (status == MNK_OK)
        status = sites_throw(&t.cells, s->low - 40, s->high + 40, 0.82F * (float)p->cell_um, NULL, NULL, 1, &layout, err);
    if (status == MNK_OK) {
        for (int i = 0; i < t.cells.n; i++) {
            site *o = &t.cells.site[i];
            o->tint = (float)mnk_rng_normal(&cells);
            float patch = 0.5F * slide_noise(s, NOISE_COARSE, o->x, o->y) + 0.85F * (float)mnk_rng_normal(&cells);
            o->kind = patch > 2.5F * (0.5F - (float)p->eosinophilic_fraction);
            float size = o->kind ? -0.45F : 0.35F; /* eosinophilic cells are the smaller ones */
            o->power = (float)(p->cell_um * p->cell_um) * 0.25F * (size + (float)p->cell_cv * (float)mnk_rng_normal(&cells));
            float off = 0.07F * (float)p->cell_um;
            o->nx = o->x + off * (float)mnk_rng_normal(&cells);
            o->ny = o->y + off * (float)mnk_rng_normal(&cells);
            place q = sites_at(&t.nests, o->x, o->y, -1);
            o->has_nucleus = mnk_rng_uniform_f32(&cells) < 0.82F && q.edge > 0.3F * (float)p->nucleus_um;
        }
        paint(&t);
        stroma_nuclei(&t, &nuclei);
        tumour_nuclei(&t, &nuclei);
    }
    sites_close(&t.nests);
    sites_close(&t.cells);
    return status;
}
