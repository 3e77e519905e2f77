/* The histology phantom: physics of the stain, what the three subtypes must show, determinism, refusals. */
#include "test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/parallel.h"
#include "simulate/generator.h"
#include "simulate/histology/histology.h"

static mnk_error err;
/* cmocka 1.1 has float comparison only */
#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))
static void clear_error(void) { mnk_error_clear(&err); }

/* ---- stain ---- */

static void stain_matches_numpy(void **state) {
    (void)state;
    /* tests/golden/histology_stain.py */
    static const struct {
        double c[CHROMOGENS], rgb[3], h, e;
    } golden[] = {
        {{1.5, 0.2, 0, 0}, {0.371323331332656, 0.286482653576674, 0.632690852612818}, 1.5, 0.2},
        {{0.1, 0.6, 0, 0}, {0.898371305745286, 0.514282536737367, 0.909240780607239}, 0.1, 0.6},
        {{0.3, 0.4, 1.2, 0.25}, {0.69579208831592, 0.16437992113585, 0.410688208180291}, 0.699867153020609, 1.37269505472415},
    };
    mnk_histology_params p = {.h_red = .65, .h_green = .70, .h_blue = .29, .e_red = .07, .e_green = .99, .e_blue = .11};
    stain m;
    stain_of(&p, &m);
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        double rgb[3], h, e;
        stain_render(&m, golden[i].c, rgb);
        for (int k = 0; k < 3; k++) assert_near(rgb[k], golden[i].rgb[k], 1e-12);
        stain_unmix(&m, rgb, &h, &e);
        assert_near(h, golden[i].h, 1e-11);
        assert_near(e, golden[i].e, 1e-11);
    }
}

static void stain_round_trip_and_unit_vectors(void **state) {
    (void)state;
    for (int mode = 0; mode < 3; mode++) {
        mnk_histology_config c;
        mnk_histology_defaults(&c);
        c.stain = mode;
        c.stain_sd = 0.1;
        for (int i = 0; i < 60; i++) {
            mnk_histology_params p;
            params_draw(&c, 7, (uint64_t)i, (mnk_histology_class)(i % 3), &p);
            assert_near(p.h_red * p.h_red + p.h_green * p.h_green + p.h_blue * p.h_blue, 1, 1e-12);
            assert_near(p.e_red * p.e_red + p.e_green * p.e_green + p.e_blue * p.e_blue, 1, 1e-12);
            stain m;
            stain_of(&p, &m);
            for (int k = 0; k < CHROMOGENS; k++)
                assert_near(m.od[0][k] * m.od[0][k] + m.od[1][k] * m.od[1][k] + m.od[2][k] * m.od[2][k], 1, 1e-12);
            mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, (uint64_t)i, 0);
            double in[CHROMOGENS] = {3 * mnk_rng_uniform(&r), 2 * mnk_rng_uniform(&r)}, rgb[3], h, e;
            stain_render(&m, in, rgb);
            stain_unmix(&m, rgb, &h, &e);
            assert_near(h, in[0], 1e-6);
            assert_near(e, in[1], 1e-6);
        }
    }
}

/* ---- layout ---- */

static float thinner_right(void *ctx, float x, float y) {
    (void)ctx;
    (void)y;
    return x > 0 ? 10 : 6;
}

static void points_keep_their_distance(void **state) {
    (void)state;
    mnk_rng r = mnk_rng_at(3, MNK_PURPOSE_TEST, 0, 0);
    sites t;
    assert_ok(sites_throw(&t, -50, 50, 10, thinner_right, NULL, 0, &r, &err));
    assert_true(t.n > 60);
    int left = 0;
    for (int i = 0; i < t.n; i++) {
        left += t.site[i].x < 0;
        for (int j = 0; j < i; j++) {
            float d = hypotf(t.site[i].x - t.site[j].x, t.site[i].y - t.site[j].y);
            assert_true(d >= 6 - 1e-4F);
        }
    }
    assert_true(left > t.n / 2); /* denser where the spacing is smaller */
    sites_close(&t);
}

/* Distances to borders against their definition: the smallest step that changes the nearest site, by bisection along the
 * normal of each border. */
static void borders_are_where_the_nearest_site_changes(void **state) {
    (void)state;
    mnk_rng r = mnk_rng_at(4, MNK_PURPOSE_TEST, 0, 0);
    sites t;
    assert_ok(sites_throw(&t, 0, 100, 12, NULL, NULL, 1, &r, &err));
    for (int i = 0; i < t.n; i++) t.site[i].power = 30 * (mnk_rng_uniform_f32(&r) - 0.5F);
    finder f;
    finder_init(&f, &t, 5);
    int near = 0;
    for (int i = 0; i < 4000; i++) {
        float x = 25 + 50 * mnk_rng_uniform_f32(&r), y = 25 + (float)i * 0.0125F;
        place q = sites_at(&t, x, y, -1), g = finder_at(&f, x, y, -1);
        assert_int_equal(q.site, g.site);
        if (q.edge < 5) assert_float_equal(q.edge, g.edge, 1e-4);
        if (q.edge >= 5 || q.neighbour < 0) continue;
        near++;
        const site *a = &t.site[q.site], *b = &t.site[q.neighbour];
        float dx = b->x - a->x, dy = b->y - a->y, d = hypotf(dx, dy), cross = q.edge + 0.01F, stay = q.edge - 0.01F;
        if (q.edge2 - q.edge > 1 && stay > 0) {
            assert_int_equal(sites_at(&t, x + dx / d * stay, y + dy / d * stay, -1).site, q.site);
            assert_int_equal(sites_at(&t, x + dx / d * cross, y + dy / d * cross, -1).site, q.neighbour);
        }
    }
    assert_true(near > 500);
    sites_close(&t);
}

/* ---- what the subtypes must show, measured on pictures ---- */

enum { SIDE = 96, TILES = 14 };

typedef struct measured {
    double nuclei_per_mm2, slender_per_mm2;
    double area_cv, contour; /* of nuclei: cv of area, rms of contour harmonics 3..8 over the mean radius */
    double cytoplasm_e, ridge, halo,
        glass; /* eosin away from nuclei; membrane strength; E(far) - E(near); share of bare glass */
    double h_inside, h_outside;
} measured;

typedef struct shape {
    double n, x, y, xx, yy, xy;
    bool cut; /* touches the border of the tile */
} shape;

static mnk_histology_config plain(double pixel_um) {
    mnk_histology_config c;
    mnk_histology_defaults(&c);
    c.size = SIDE;
    c.pixel_um = pixel_um;
    c.ambiguity = c.stain_sd = c.stain_strength = c.focus_um = c.noise = 0;
    c.stain = 1;
    return c;
}

/* H and E planes of a finished picture, by unmixing with the vectors and the white level that came with it. */
static void planes(const uint8_t *rgb, const mnk_histology_params *p, double *h, double *e) {
    stain m;
    stain_of(p, &m);
    const double white[3] = {p->white_red, p->white_green, p->white_blue};
    for (int i = 0; i < SIDE * SIDE; i++) {
        double t[3];
        for (int k = 0; k < 3; k++) t[k] = (rgb[3 * i + k] + 0.5) / white[k];
        stain_unmix(&m, t, &h[i], &e[i]);
    }
}

static int compare(const void *a, const void *b) {
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}
static double quantile(double *v, int n, double q) {
    if (n == 0) return NAN;
    qsort(v, (size_t)n, sizeof *v, compare);
    return v[(int)(q * (n - 1))];
}

/* Rms of the harmonics k = 3..8 of the outline of nucleus `id` about its centroid, over its mean radius. */
static double wrinkle(const uint16_t *mask, int id, double cx, double cy) {
    enum { RAYS = 64 };
    double radius[RAYS], mean = 0, power = 0;
    for (int a = 0; a < RAYS; a++) {
        double c = cos(2 * M_PI * a / RAYS), s = sin(2 * M_PI * a / RAYS), r = 0;
        for (double t = 0; t < SIDE; t += 0.25) {
            int x = (int)floor(cx + t * c + 0.5), y = (int)floor(cy + t * s + 0.5);
            if (x < 0 || y < 0 || x >= SIDE || y >= SIDE || mask[y * SIDE + x] != id) break;
            r = t;
        }
        radius[a] = r;
        mean += r / RAYS;
    }
    for (int k = 3; k <= 8; k++) {
        double re = 0, im = 0;
        for (int a = 0; a < RAYS; a++) {
            re += radius[a] * cos(2 * M_PI * k * a / RAYS) / RAYS;
            im += radius[a] * sin(2 * M_PI * k * a / RAYS) / RAYS;
        }
        power += 2 * (re * re + im * im);
    }
    return sqrt(power) / mean;
}

/* Distance to the nearest nucleus, um, brute force within 7 um; 99 beyond, 0 inside. */
static double from_nucleus(const uint16_t *mask, int x, int y, double pixel) {
    int reach = (int)(7 / pixel);
    double best = 99;
    for (int j = y - reach; j <= y + reach; j++)
        for (int i = x - reach; i <= x + reach; i++) {
            if (i < 0 || j < 0 || i >= SIDE || j >= SIDE || !mask[j * SIDE + i]) continue;
            double d = hypot(i - x, j - y) * pixel;
            if (d < best) best = d;
        }
    return best;
}

/* variant: 0 any, else only tiles whose params.variant equals it. */
static measured measure(mnk_histology_class k, const mnk_histology_config *c, int variant) {
    static uint8_t rgb[SIDE * SIDE * 3];
    static uint16_t mask[SIDE * SIDE];
    static double h[SIDE * SIDE], e[SIDE * SIDE], cyto[TILES * SIDE * SIDE], ridge[TILES * SIDE * SIDE], area[4096],
        contour[4096];
    int tiles = 0, cytos = 0, ridges = 0, areas = 0, nuclei = 0, slender = 0, near = 0, far = 0, glass = 0, in = 0, out = 0;
    double near_e = 0, far_e = 0, h_in = 0, h_out = 0;
    for (uint64_t item = 0; tiles < TILES && item < 200; item++) {
        mnk_histology_params p;
        params_draw(c, 5, item, k, &p);
        if (variant && (int)p.variant != variant) continue;
        assert_ok(mnk_histology_image(c, 5, item, k, rgb, mask, &p, &err));
        tiles++;
        planes(rgb, &p, h, e);
        shape *s = calloc((size_t)p.nuclei + 1, sizeof *s);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                int i = y * SIDE + x;
                shape *o = &s[mask[i]];
                o->n++;
                o->x += x;
                o->y += y;
                o->xx += (double)x * x;
                o->yy += (double)y * y;
                o->xy += (double)x * y;
                o->cut |= x == 0 || y == 0 || x == SIDE - 1 || y == SIDE - 1;
                if (mask[i]) {
                    h_in += h[i];
                    in++;
                    continue;
                }
                h_out += h[i];
                out++;
                glass += h[i] + e[i] < 0.07;
                double d = from_nucleus(mask, x, y, c->pixel_um);
                if (d > 0.4 && d < 1.4) {
                    near_e += e[i];
                    near++;
                }
                if (d > 3.5 && d < 6) {
                    far_e += e[i];
                    far++;
                    cyto[cytos++] = e[i];
                }
                int q = (int)lround(1 / c->pixel_um); /* second differences over 1 um */
                if (d > 1.5 && x >= q && y >= q && x < SIDE - q && y < SIDE - q) {
                    double across = 2 * e[i] - e[i - q] - e[i + q], down = 2 * e[i] - e[i - q * SIDE] - e[i + q * SIDE];
                    ridge[ridges++] = fmax(across, down);
                }
            }
        for (int id = 1; id <= (int)p.nuclei; id++) {
            shape *o = &s[id];
            nuclei++;
            double x = o->x / o->n, y = o->y / o->n, xx = o->xx / o->n - x * x, yy = o->yy / o->n - y * y,
                   xy = o->xy / o->n - x * y;
            double root = sqrt((xx - yy) * (xx - yy) / 4 + xy * xy), half = (xx + yy) / 2;
            bool thin = half - root > 0 && (half + root) / (half - root) > 4.5; /* axis ratio above 2.1 */
            if (o->cut) continue;
            slender += thin;
            double um2 = o->n * c->pixel_um * c->pixel_um;
            if (thin || um2 < 12 || areas == 4096) continue; /* endothelium; grazed */
            area[areas] = um2;
            contour[areas++] = wrinkle(mask, id, x, y);
        }
        free(s);
    }
    assert_true(tiles >= 8);
    double mm2 = tiles * pow(SIDE * c->pixel_um * 1e-3, 2), mean = 0, var = 0;
    for (int i = 0; i < areas; i++) mean += area[i] / areas;
    for (int i = 0; i < areas; i++) var += (area[i] - mean) * (area[i] - mean) / areas;
    return (measured){.nuclei_per_mm2 = nuclei / mm2,
                      .slender_per_mm2 = slender / mm2,
                      .area_cv = sqrt(var) / mean,
                      .contour = quantile(contour, areas, 0.5),
                      .cytoplasm_e = quantile(cyto, cytos, 0.5),
                      .ridge = quantile(ridge, ridges, 0.95),
                      .halo = far_e / far - near_e / near,
                      .glass = (double)glass / (in + out),
                      .h_inside = h_in / in,
                      .h_outside = h_out / out};
}

static void show(const char *name, const measured *m) {
    print_message("# %-12s nuclei/mm2 %5.0f slender %4.0f area cv %.2f contour %.3f E %.3f ridge %.3f halo %+.3f glass %.3f H "
                  "in %.2f out %.2f\n",
                  name, m->nuclei_per_mm2, m->slender_per_mm2, m->area_cv, m->contour, m->cytoplasm_e, m->ridge, m->halo,
                  m->glass, m->h_inside, m->h_outside);
}

static void subtypes_show_what_they_must(void **state) {
    (void)state;
    mnk_histology_config c = plain(0.5);
    measured clear = measure(MNK_HISTOLOGY_CLEAR, &c, 0), type1 = measure(MNK_HISTOLOGY_PAPILLARY, &c, 1),
             type2 = measure(MNK_HISTOLOGY_PAPILLARY, &c, 2), chromo = measure(MNK_HISTOLOGY_CHROMOPHOBE, &c, 0);
    show("clear cell", &clear);
    show("papillary 1", &type1);
    show("papillary 2", &type2);
    show("chromophobe", &chromo);
    /* optically clear < pale reticular < eosinophilic */
    assert_true(clear.cytoplasm_e < 0.75 * chromo.cytoplasm_e);
    assert_true(chromo.cytoplasm_e < type2.cytoplasm_e);
    /* plant-like membranes and perinuclear halos belong to chromophobe */
    assert_true(chromo.ridge > 1.3 * clear.ridge);
    assert_true(chromo.halo > 0.08 && chromo.halo > clear.halo + 0.08 && chromo.halo > type2.halo + 0.05);
    /* fronds stand in lumina, the others are solid */
    assert_true(type1.glass > 0.08 && type2.glass > 0.05 && chromo.glass < 0.04);
    /* slender endothelium lines the capillary net of clear cell, few nuclei the septa of chromophobe */
    assert_true(clear.slender_per_mm2 > 1.5 * chromo.slender_per_mm2);
    /* small crowded cells in type 1, although a third of the field is lumen; large cells in chromophobe */
    double crowd = (type1.nuclei_per_mm2 - type1.slender_per_mm2) / (1 - type1.glass),
           nests = clear.nuclei_per_mm2 - clear.slender_per_mm2;
    assert_true(crowd > 1.3 * nests && nests > 1000 && nests < 5000);
    /* label maps lie on the nuclei */
    const measured *all[] = {&clear, &type1, &type2, &chromo};
    for (int i = 0; i < 4; i++) assert_true(all[i]->h_inside > 3 * all[i]->h_outside && all[i]->h_inside > 0.5);
}

static void wrinkled_nuclei_and_grades(void **state) {
    (void)state;
    mnk_histology_config c = plain(0.3);
    c.grade = 2;
    measured clear = measure(MNK_HISTOLOGY_CLEAR, &c, 0), chromo = measure(MNK_HISTOLOGY_CHROMOPHOBE, &c, 0);
    assert_true(chromo.contour > 1.4 * clear.contour);
    c = plain(0.5);
    c.grade = 1;
    measured low = measure(MNK_HISTOLOGY_CLEAR, &c, 0);
    c.grade = 4;
    measured high = measure(MNK_HISTOLOGY_CLEAR, &c, 0);
    show("ISUP 1", &low);
    show("ISUP 4", &high);
    assert_true(high.area_cv > 1.25 * low.area_cv);
    double diameter[4], nucleolus[4];
    for (int g = 1; g <= 4; g++) {
        diameter[g - 1] = nucleolus[g - 1] = 0;
        c.grade = g;
        for (uint64_t i = 0; i < 200; i++) {
            mnk_histology_params p;
            params_draw(&c, 1, i, MNK_HISTOLOGY_CLEAR, &p);
            assert_int_equal(p.grade, g);
            diameter[g - 1] += p.nucleus_um / 200;
            nucleolus[g - 1] += p.nucleolus_um / 200;
        }
        if (g > 1) assert_true(diameter[g - 1] > diameter[g - 2] && nucleolus[g - 1] > nucleolus[g - 2]);
    }
    assert_true(nucleolus[0] == 0);
}

/* ---- determinism and identity ---- */

static void same_bytes_for_any_threads_and_any_n(void **state) {
    (void)state;
    mnk_histology_config c;
    mnk_histology_defaults(&c);
    c.size = 32;
    c.pixel_um = 2;
    c.mix = "0.6,0.3,0.1";
    enum { N = 70 }; /* more than a batch */
    mnk_images *first = NULL;
    static mnk_histology_params p[N];
    const int threads[] = {1, 2, 4};
    for (int i = 0; i < 3; i++) {
        mnk_threads_set(threads[i]);
        mnk_images *d = NULL;
        assert_ok(mnk_simulate_histology(&c, 9, N, NULL, &d, p, &err));
        if (!first) first = d;
        else {
            assert_string_equal(first->hash, d->hash);
            assert_memory_equal(first->pixels8, d->pixels8, N * 32 * 32 * 3);
            assert_memory_equal(first->group, d->group, N * sizeof *d->group);
            mnk_images_close(d);
        }
    }
    assert_true(first->synthetic);
    assert_int_equal(first->classes, 3);
    assert_string_equal(first->class_names[2], "chromophobe");
    mnk_images *few = NULL;
    assert_ok(mnk_simulate_histology(&c, 9, 11, NULL, &few, NULL, &err));
    assert_memory_equal(few->label, first->label, 11 * sizeof *few->label);
    assert_memory_equal(few->pixels8, first->pixels8, 11 * 32 * 32 * 3);
    mnk_images_close(few);
    assert_ok(mnk_simulate_histology(&c, 10, 11, NULL, &few, NULL, &err));
    assert_memory_not_equal(few->pixels8, first->pixels8, 11 * 32 * 32 * 3);
    mnk_images_close(few);
    for (int i = 0; i < N; i++) { /* persons stay in their class; one person, one laboratory */
        assert_int_equal(first->group[i] / c.persons, first->label[i]);
        for (int j = 0; j < i; j++)
            assert_true((p[i].h_red == p[j].h_red && p[i].stain_e == p[j].stain_e && p[i].white_red == p[j].white_red) ==
                        (first->group[i] == first->group[j]));
    }
    mnk_images_close(first);
}

static void mix_is_dealt_evenly(void **state) {
    (void)state;
    mnk_histology_config c;
    mnk_histology_defaults(&c);
    c.mix = "70,25,5";
    static int32_t label[1000];
    assert_ok(mnk_histology_deal(&c, 1000, label, &err));
    double count[3] = {0}, share[3] = {0.70, 0.25, 0.05};
    for (int i = 0; i < 1000; i++) {
        count[label[i]]++;
        for (int k = 0; k < 3; k++) assert_true(fabs(count[k] - share[k] * (i + 1)) <= 1 + 1e-6);
    }
    c.mix = "0,1,0";
    assert_ok(mnk_histology_deal(&c, 20, label, &err));
    for (int i = 0; i < 20; i++) assert_int_equal(label[i], 1);
}

static void a_class_is_the_same_in_any_list(void **state) {
    (void)state;
    mnk_histology_config c;
    mnk_histology_defaults(&c);
    c.size = 24;
    mnk_histology_class k[MNK_HISTOLOGY_CLASSES];
    c.classes = "chromophobe,clear_cell";
    assert_int_equal(mnk_histology_labels(&c, k), 2);
    assert_int_equal(k[0], MNK_HISTOLOGY_CHROMOPHOBE);
    static uint8_t a[24 * 24 * 3], b[24 * 24 * 3];
    static uint16_t mask[24 * 24];
    assert_ok(mnk_histology_image(&c, 1, 3, MNK_HISTOLOGY_CLEAR, a, NULL, NULL, &err));
    c.classes = NULL;
    assert_ok(mnk_histology_image(&c, 1, 3, MNK_HISTOLOGY_CLEAR, b, mask, NULL, &err)); /* asking for a mask changes nothing */
    assert_memory_equal(a, b, sizeof a);
}

/* Ambiguity moves tiles, and only by as much as asked. */
static void ambiguity_is_a_dial(void **state) {
    (void)state;
    mnk_histology_config c;
    mnk_histology_defaults(&c);
    double mean[3];
    for (int i = 0; i < 3; i++) {
        c.ambiguity = i * 0.5;
        mean[i] = 0;
        for (uint64_t item = 0; item < 300; item++) {
            mnk_histology_params p;
            params_draw(&c, 2, item, (mnk_histology_class)(item % 3), &p);
            assert_true(p.drift >= 0 && p.drift <= 1);
            mean[i] += p.drift / 300;
        }
    }
    assert_true(mean[0] == 0 && mean[1] > 0.1 && mean[2] > 1.6 * mean[1]);
}

static void every_size_and_scale_renders(void **state) {
    (void)state;
    static const struct {
        int64_t size;
        double um;
    } cases[] = {{16, 0.1}, {16, 8}, {17, 1}, {33, 0.37}, {200, 0.25}, {64, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mnk_histology_config c;
        mnk_histology_defaults(&c);
        c.size = cases[i].size;
        c.pixel_um = cases[i].um;
        size_t n = (size_t)(c.size * c.size);
        uint8_t *rgb = malloc(n * 3);
        uint16_t *mask = malloc(n * 2);
        for (int k = 0; k < 3; k++) {
            mnk_histology_params p;
            assert_ok(mnk_histology_image(&c, 1, i, (mnk_histology_class)k, rgb, mask, &p, &err));
            int top = 0;
            for (size_t j = 0; j < n; j++) top = mask[j] > top ? mask[j] : top;
            assert_int_equal(top, (int)p.nuclei);
            for (size_t col = 0; col < mnk_histology_columns_n; col++)
                assert_true(isfinite(*(const double *)((const char *)&p + mnk_histology_columns[col].offset)));
        }
        free(rgb);
        free(mask);
    }
}

/* ---- refusals ---- */

static void refuse(const mnk_histology_config *c, const char *word) {
    uint8_t rgb[16 * 16 * 3];
    mnk_images *d = NULL;
    clear_error();
    assert_int_equal(mnk_histology_image(c, 1, 0, MNK_HISTOLOGY_CLEAR, rgb, NULL, NULL, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, word));
    assert_int_equal(mnk_simulate_histology(c, 1, 3, NULL, &d, NULL, NULL), MNK_ERR_USAGE);
    assert_null(d);
    clear_error();
}

static void bad_options_are_refused(void **state) {
    (void)state;
    mnk_histology_config good, c;
    mnk_histology_defaults(&good);
#define REFUSE(field, value, word)                                                                                             \
    c = good;                                                                                                                  \
    c.field = value;                                                                                                           \
    refuse(&c, word)
    REFUSE(size, 15, "size");
    REFUSE(size, 1 << 20, "size");
    REFUSE(size, 2000; c.pixel_um = 8, "field");
    REFUSE(pixel_um, 0, "pixel-um");
    REFUSE(pixel_um, -1, "pixel-um");
    REFUSE(pixel_um, NAN, "pixel-um");
    REFUSE(persons, 0, "persons");
    REFUSE(ambiguity, 1.5, "ambiguity");
    REFUSE(section_um, 0, "section-um");
    REFUSE(focus_um, INFINITY, "focus-um");
    REFUSE(noise, -1, "noise");
    REFUSE(grade, 5, "grade");
    REFUSE(stain, 3, "stain");
    REFUSE(classes, "clear_cell,oncocytoma", "oncocytoma");
    REFUSE(classes, "papillary,papillary", "papillary");
    REFUSE(classes, "papillary,", "classes");
    REFUSE(mix, "1,1", "mix");
    REFUSE(mix, "1,1,1,1", "mix");
    REFUSE(mix, "1,-1,1", "mix");
    REFUSE(mix, "0,0,0", "mix");
    REFUSE(mix, "1,nan,1", "mix");
    REFUSE(mix, "a,b,c", "mix");
    c = good;
    c.classes = "paplllary";
    assert_int_equal(mnk_histology_check(&c, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.hint, "papillary"));
    clear_error();
    assert_int_equal(mnk_histology_image(&good, 1, 0, (mnk_histology_class)3, NULL, NULL, NULL, &err), MNK_ERR_USAGE);
    clear_error();
    mnk_images *d = NULL;
    assert_int_equal(mnk_simulate_histology(&good, 1, 0, NULL, &d, NULL, &err), MNK_ERR_USAGE);
    clear_error();
}

static bool always(void *ctx) {
    (void)ctx;
    return true;
}

static void stops_and_runs_out_of_memory_cleanly(void **state) {
    (void)state;
    mnk_histology_config c;
    mnk_histology_defaults(&c);
    c.size = 16;
    mnk_images *d = NULL;
    mnk_observer o = {.stopped = always};
    assert_int_equal(mnk_simulate_histology(&c, 1, 5, &o, &d, NULL, &err), MNK_ERR_INTERRUPTED);
    assert_null(d);
    clear_error();
    uint8_t rgb[16 * 16 * 3];
    for (int k = 0; k < 3; k++)
        for (long n = 1; n < 200; n++) {
            mnk_alloc_fail_after(n);
            mnk_status status = mnk_histology_image(&c, 1, 0, (mnk_histology_class)k, rgb, NULL, NULL, &err);
            mnk_alloc_fail_after(0);
            clear_error();
            if (status == MNK_OK) {
                assert_true(n > 8); /* every allocation before was tried */
                break;
            }
            assert_int_equal(status, MNK_ERR_MEMORY);
        }
}

/* ---- to disk ---- */

static size_t lines(const char *path) {
    uint8_t *bytes = NULL;
    size_t n = 0, count = 0;
    assert_ok(mnk_file_read(path, 1 << 24, &bytes, &n, &err));
    for (size_t i = 0; i < n; i++) count += bytes[i] == '\n';
    mnk_free(bytes);
    return count;
}

static void written_and_read_back(void **state) {
    (void)state;
    mnk_histology_config c;
    mnk_histology_defaults(&c);
    c.size = 24;
    enum { N = 67 };
    char dir[512], npz[600], folder[600], masks[600], csv[600], name[700];
    (void)snprintf(dir, sizeof dir, "%s", test_folder("histology"));
    (void)snprintf(npz, sizeof npz, "%s/a.npz", dir);
    (void)snprintf(folder, sizeof folder, "%s/tiles", dir);
    (void)snprintf(masks, sizeof masks, "%s/masks", dir);
    (void)snprintf(csv, sizeof csv, "%s/drawn.csv", dir);
    mnk_images *memory = NULL, *disk = NULL;
    assert_ok(mnk_simulate_histology(&c, 3, N, NULL, &memory, NULL, &err));
    assert_ok(mnk_simulate_histology_write(&c, 3, N, npz, masks, csv, false, NULL, &err));
    assert_ok(mnk_simulate_histology_write(&c, 3, N, folder, NULL, NULL, false, NULL, &err));
    for (int i = 0; i < 2; i++) {
        assert_ok(mnk_images_open(i ? folder : npz, NULL, NULL, &disk, &err));
        assert_int_equal(disk->n, N);
        assert_int_equal(disk->classes, 3);
        assert_true(disk->synthetic);
        assert_non_null(disk->group);
        if (!i) { /* an .npz keeps the order */
            assert_memory_equal(disk->pixels8, memory->pixels8, N * 24 * 24 * 3);
            assert_memory_equal(disk->label, memory->label, N * sizeof *disk->label);
            assert_memory_equal(disk->group, memory->group, N * sizeof *disk->group);
        }
        mnk_images_close(disk);
    }
    assert_int_equal(lines(csv), N + 1);
    char **names = NULL;
    size_t n = 0;
    assert_ok(mnk_dir_list(masks, &names, &n, &err));
    assert_int_equal(n, N); /* and no stage left */
    assert_string_equal(names[N - 1], "000066.png");
    mnk_free(names);
    mnk_images_close(memory);

    /* a second run refuses each of the three, and leaves what was there */
    assert_int_equal(mnk_simulate_histology_write(&c, 4, N, npz, NULL, NULL, false, NULL, &err), MNK_ERR_INPUT);
    clear_error();
    (void)snprintf(name, sizeof name, "%s/b.npz", dir);
    assert_int_equal(mnk_simulate_histology_write(&c, 4, N, name, masks, NULL, false, NULL, &err), MNK_ERR_INPUT);
    clear_error();
    assert_int_equal(mnk_simulate_histology_write(&c, 4, N, name, NULL, csv, false, NULL, &err), MNK_ERR_INPUT);
    clear_error();
    assert_false(mnk_path_exists(name));
    /* stopped: nothing appears */
    mnk_observer o = {.stopped = always};
    (void)snprintf(masks, sizeof masks, "%s/masks2", dir);
    (void)snprintf(csv, sizeof csv, "%s/drawn2.csv", dir);
    assert_int_equal(mnk_simulate_histology_write(&c, 4, N, name, masks, csv, false, &o, &err), MNK_ERR_INTERRUPTED);
    clear_error();
    assert_false(mnk_path_exists(name) || mnk_path_exists(masks) || mnk_path_exists(csv));
}

static void contact_sheet_is_a_marked_png(void **state) {
    (void)state;
    mnk_histology_config c;
    mnk_histology_defaults(&c);
    c.size = 16;
    char path[600];
    (void)snprintf(path, sizeof path, "%s/sheet.png", test_folder("histology-sheet"));
    assert_ok(mnk_histology_sheet(&c, 1, 2, path, false, &err));
    uint8_t *bytes = NULL;
    size_t n = 0;
    assert_ok(mnk_file_read(path, 1 << 20, &bytes, &n, &err));
    assert_non_null(memmem(bytes, n, "Synthetic\0true", 14));
    mnk_free(bytes);
    assert_int_equal(mnk_histology_sheet(&c, 1, 0, path, true, &err), MNK_ERR_USAGE);
    clear_error();
}

static void forward_models_are_found_by_name(void **state) {
    (void)state;
    const mnk_simulator *m = mnk_simulator_find("histology", &err);
    assert_ptr_equal(m, &mnk_simulator_histology);
    mnk_histology_config c;
    assert_int_equal(m->config_size, sizeof c);
    mnk_options_defaults(m->table, &c);
    assert_ok(m->check(&c, &err));
    assert_ok(mnk_options_set(m->table, &c, "size", "20", &err));
    mnk_images *d = NULL;
    assert_ok(m->images(&c, 1, 4, NULL, &d, &err));
    assert_int_equal(d->width, 20);
    mnk_images_close(d);
    assert_null(mnk_simulator_find("histolgy", &err));
    assert_non_null(strstr(err.hint, "histology"));
    clear_error();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stain_matches_numpy),
        cmocka_unit_test(stain_round_trip_and_unit_vectors),
        cmocka_unit_test(points_keep_their_distance),
        cmocka_unit_test(borders_are_where_the_nearest_site_changes),
        cmocka_unit_test(subtypes_show_what_they_must),
        cmocka_unit_test(wrinkled_nuclei_and_grades),
        cmocka_unit_test(same_bytes_for_any_threads_and_any_n),
        cmocka_unit_test(mix_is_dealt_evenly),
        cmocka_unit_test(a_class_is_the_same_in_any_list),
        cmocka_unit_test(ambiguity_is_a_dial),
        cmocka_unit_test(every_size_and_scale_renders),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(written_and_read_back),
        cmocka_unit_test(contact_sheet_is_a_marked_png),
        cmocka_unit_test(forward_models_are_found_by_name),
        cmocka_unit_test(stops_and_runs_out_of_memory_cleanly),
    };
    return MNK_RUN_TESTS("histology", tests);
}
