/* Nuclei: ellipsoids with a Fourier contour, cut by the section. */
#include "simulate/histology/histology.h"

static float uni(mnk_rng *r, float lo, float hi) { return lo + (hi - lo) * mnk_rng_uniform_f32(r); }
static float normal(mnk_rng *r) { return (float)mnk_rng_normal(r); }

/* Contour harmonics with total rms `rms` of the radius; power falls as 1/k^2, so that a wrinkled nucleus is angular and
 * indented rather than star-shaped. */
static void wrinkle(nucleus *n, float rms, mnk_rng *r) {
    float norm = 0;
    for (int k = 0; k < WRINKLES; k++) norm += 1.0F / (float)((k + 3) * (k + 3));
    for (int k = 0; k < WRINKLES; k++) {
        /* variance of a cos + b sin over the circle is (a^2 + b^2)/2; a, b ~ N(0, v) give v */
        float sd = rms * sqrtf(1.0F / norm) / (float)(k + 3);
        n->cosine[k] = clampf(normal(r), -2, 2) * sd;
        n->sine[k] = clampf(normal(r), -2, 2) * sd;
    }
}

nucleus nucleus_draw(const slide *s, float x, float y, float scale, mnk_rng *r) {
    const mnk_histology_params *p = &s->p;
    nucleus n = {.x = x, .y = y, .masked = true};
    float size = 0.5F * (float)p->nucleus_um * scale * expf((float)p->nucleus_cv * clampf(normal(r), -2, 2.2F));
    float ratio = 1 + 0.16F * fabsf(normal(r));
    n.a = size * sqrtf(ratio);
    n.b = size / sqrtf(ratio);
    n.c = size;
    n.angle = uni(r, 0, 6.2831853F);
    wrinkle(&n, (float)p->nucleus_wrinkle * uni(r, 0.6F, 1.4F), r);
    /* the section cuts nuclei at any height; those only grazed are left out by the caller's choice of cells */
    n.z = uni(r, -0.55F, 0.55F) * (0.5F * (float)p->section_um + n.c);
    n.h = (float)p->nuclear_h * expf(0.16F * normal(r));
    n.e = 0.12F;
    n.chromatin = (float)p->chromatin;
    n.rim = 0.35F;
    if (p->nucleolus_um > 0 && mnk_rng_uniform_f32(r) < 0.85F) {
        n.nucleolus = 0.5F * (float)p->nucleolus_um * uni(r, 0.75F, 1.2F);
        n.nucleolus_x = uni(r, -0.3F, 0.3F);
        n.nucleolus_y = uni(r, -0.3F, 0.3F);
    }
    n.halo = (float)p->halo_um * uni(r, 0.5F, 1.4F);
    n.halo_strength = (float)p->halo_strength * uni(r, 0.5F, 1.1F);
    return n;
}

nucleus nucleus_spindle(const slide *s, float x, float y, float angle, mnk_rng *r) {
    nucleus n = {.x = x, .y = y, .angle = angle, .masked = true};
    n.a = uni(r, 3.0F, 5.2F);
    n.b = uni(r, 0.8F, 1.5F);
    n.c = n.b * 2;
    wrinkle(&n, 0.03F, r);
    n.h = (float)s->p.stain_h * uni(r, 1.3F, 1.9F);
    n.e = 0.15F;
    n.chromatin = 0.12F;
    return n;
}

nucleus nucleus_lymphocyte(const slide *s, float x, float y, mnk_rng *r) {
    nucleus n = {.x = x, .y = y, .angle = uni(r, 0, 6.28F), .masked = true};
    n.a = uni(r, 2.5F, 3.2F);
    n.b = n.a * uni(r, 0.85F, 1.0F);
    n.c = n.a;
    wrinkle(&n, 0.025F, r);
    n.h = (float)s->p.stain_h * uni(r, 1.9F, 2.4F);
    n.e = 0.1F;
    n.chromatin = 0.28F;
    n.rim = 0.2F;
    n.halo = 0.6F;
    n.halo_strength = 0.4F;
    return n;
}

/* Relative radius of the contour in the direction (c, s): 1 + sum of harmonics, by repeated complex multiplication. */
static float contour(const nucleus *n, float c, float s) {
    float radius = 1, re = c * c - s * s, im = 2 * c * s; /* k = 2 */
    for (int k = 0; k < WRINKLES; k++) {
        float t = re * c - im * s;
        im = re * s + im * c;
        re = t;
        radius += n->cosine[k] * re + n->sine[k] * im;
    }
    return radius > 0.4F ? radius : 0.4F;
}

/* Stain inside at relative radius rho, relative coordinates (u, v): chromatin granules, envelope, nucleolus. */
static void inside(slide *s, const nucleus *n, size_t i, float rho, float u, float v, float part) {
    float grain = s->noise[NOISE_FINE][i], clump = s->noise[NOISE_MID][i];
    float h = n->h * clampf(1 + n->chromatin * (grain + 0.5F * clump), 0.35F, 2.0F);
    float edge = (1 - rho) / 0.16F;
    h *= 1 - 0.3F * n->rim + n->rim * expf(-edge * edge);
    float e = n->e;
    if (n->nucleolus > 0) {
        float du = (u - n->nucleolus_x) * n->a, dv = (v - n->nucleolus_y) * n->b;
        float spot = 1 - smooth(0.75F, 1.25F, sqrtf(du * du + dv * dv) / n->nucleolus);
        h += spot * 0.55F * n->h;
        e += spot * 0.9F;
    }
    s->c[CHROMOGEN_H][i] = mixf(s->c[CHROMOGEN_H][i], h, part);
    s->c[CHROMOGEN_E][i] = mixf(s->c[CHROMOGEN_E][i], e * (float)s->p.stain_e, part);
    s->c[CHROMOGEN_BLOOD][i] *= 1 - part;
    s->c[CHROMOGEN_BROWN][i] *= 1 - part;
}

/* The light path inside an ellipsoid at relative radius rho is the part of [z - q, z + q], q = c sqrt(1 - rho^2), that
 * lies in the section [-t/2, t/2]; its share of t is what the nucleus replaces there. Edges come out soft as they do in
 * a real section, and grazed nuclei pale. */
void nucleus_stamp(slide *s, const nucleus *n) {
    float t = (float)s->p.section_um, reach = max_f(n->a, n->b) * 1.5F + n->halo;
    int x0 = (int)((n->x - reach - s->low) / s->step), x1 = (int)((n->x + reach - s->low) / s->step) + 1;
    int y0 = (int)((n->y - reach - s->low) / s->step), y1 = (int)((n->y + reach - s->low) / s->step) + 1;
    if (x1 < 0 || y1 < 0 || x0 >= s->w || y0 >= s->h) return;
    x0 = x0 < 0 ? 0 : x0;
    y0 = y0 < 0 ? 0 : y0;
    x1 = x1 >= s->w ? s->w - 1 : x1;
    y1 = y1 >= s->h ? s->h - 1 : y1;
    float ca = cosf(n->angle), sa = sinf(n->angle), size = sqrtf(n->a * n->b);
    bool counted = false;
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++) {
            size_t i = (size_t)y * s->w + x;
            float dx = at_x(s, x) - n->x, dy = at_x(s, y) - n->y;
            float u = (dx * ca + dy * sa) / n->a, v = (dy * ca - dx * sa) / n->b;
            float d = sqrtf(u * u + v * v), inv = d > 1e-6F ? 1 / d : 0;
            float rho = d / contour(n, u * inv, v * inv);
            if (rho >= 1) {
                float away = (rho - 1) * size; /* um outside the contour, near enough for a halo */
                if (n->halo <= 0 || away > 1.6F * n->halo) continue;
                float keep = 1 - n->halo_strength * (1 - smooth(0.5F * n->halo, 1.5F * n->halo, away));
                s->c[CHROMOGEN_H][i] *= keep;
                s->c[CHROMOGEN_E][i] *= keep;
                continue;
            }
            float q = n->c * sqrtf(1 - rho * rho);
            float path = min_f(n->z + q, 0.5F * t) - max_f(n->z - q, -0.5F * t);
            if (path <= 0) continue;
            float part = path / t;
            inside(s, n, i, rho, u, v, part);
            if (!n->masked || part < 0.3F) continue;
            if (!counted) s->nuclei++;
            counted = true;
            s->mask[i] = (uint16_t)(s->nuclei > 65535 ? 65535 : s->nuclei);
        }
}

void red_cell_stamp(slide *s, float x, float y, float radius, float strength, mnk_rng *r) {
    nucleus n = {.x = x, .y = y, .a = radius, .b = radius * uni(r, 0.65F, 1), .angle = uni(r, 0, 6.28F)};
    wrinkle(&n, 0.04F, r);
    float pale = uni(r, 0, 0.4F);
    int x0 = (int)((x - 1.4F * radius - s->low) / s->step), x1 = (int)((x + 1.4F * radius - s->low) / s->step) + 1;
    int y0 = (int)((y - 1.4F * radius - s->low) / s->step), y1 = (int)((y + 1.4F * radius - s->low) / s->step) + 1;
    float ca = cosf(n.angle), sa = sinf(n.angle);
    for (int j = y0 < 0 ? 0 : y0; j <= y1 && j < s->h; j++)
        for (int i = x0 < 0 ? 0 : x0; i <= x1 && i < s->w; i++) {
            float dx = at_x(s, i) - x, dy = at_x(s, j) - y;
            float u = (dx * ca + dy * sa) / n.a, v = (dy * ca - dx * sa) / n.b;
            float d = sqrtf(u * u + v * v), inv = d > 1e-6F ? 1 / d : 0, rho = d / contour(&n, u * inv, v * inv);
            if (rho > 1.15F) continue;
            float cover = 1 - smooth(0.85F, 1.15F, rho);
            size_t k = (size_t)j * s->w + i;
            s->c[CHROMOGEN_BLOOD][k] = mixf(s->c[CHROMOGEN_BLOOD][k], strength * (1 - pale * gauss(rho, 0.4F)), cover);
            s->c[CHROMOGEN_E][k] *= 1 - cover;
            s->c[CHROMOGEN_H][k] *= 1 - cover;
        }
}
