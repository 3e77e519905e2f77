/* What is drawn for a person and for a tile. Ranges and where they come from: docs/methods/histology.md. */
#include <string.h>

#include "simulate/histology/histology.h"

#define COLUMN(field, unit)                                                                                                    \
    { #field, unit, offsetof(mnk_histology_params, field) }
const mnk_histology_column mnk_histology_columns[] = {COLUMN(class_index, "index"),
                                                      COLUMN(person, "index"),
                                                      COLUMN(variant, "index"),
                                                      COLUMN(grade, "ISUP"),
                                                      COLUMN(stain_toward, "fraction"),
                                                      COLUMN(h_red, "od"),
                                                      COLUMN(h_green, "od"),
                                                      COLUMN(h_blue, "od"),
                                                      COLUMN(e_red, "od"),
                                                      COLUMN(e_green, "od"),
                                                      COLUMN(e_blue, "od"),
                                                      COLUMN(stain_h, "factor"),
                                                      COLUMN(stain_e, "factor"),
                                                      COLUMN(section_um, "um"),
                                                      COLUMN(white_red, "grey"),
                                                      COLUMN(white_green, "grey"),
                                                      COLUMN(white_blue, "grey"),
                                                      COLUMN(drift, "fraction"),
                                                      COLUMN(cell_um, "um"),
                                                      COLUMN(cell_cv, "fraction"),
                                                      COLUMN(cytoplasm_e, "od"),
                                                      COLUMN(cytoplasm_h, "od"),
                                                      COLUMN(eosinophilic_fraction, "fraction"),
                                                      COLUMN(eosinophilic_e, "od"),
                                                      COLUMN(membrane_um, "um"),
                                                      COLUMN(membrane_e, "od"),
                                                      COLUMN(nucleus_um, "um"),
                                                      COLUMN(nucleus_cv, "fraction"),
                                                      COLUMN(nucleus_wrinkle, "fraction"),
                                                      COLUMN(nuclear_h, "od"),
                                                      COLUMN(chromatin, "fraction"),
                                                      COLUMN(nucleolus_um, "um"),
                                                      COLUMN(halo_um, "um"),
                                                      COLUMN(halo_strength, "fraction"),
                                                      COLUMN(binucleate, "fraction"),
                                                      COLUMN(cystic, "fraction"),
                                                      COLUMN(nest_um, "um"),
                                                      COLUMN(septum_um, "um"),
                                                      COLUMN(septum_presence, "fraction"),
                                                      COLUMN(frond_um, "um"),
                                                      COLUMN(core_um, "um"),
                                                      COLUMN(layer_um, "um"),
                                                      COLUMN(solid, "fraction"),
                                                      COLUMN(foamy, "per_1000um2"),
                                                      COLUMN(psammoma, "per_mm2"),
                                                      COLUMN(focus_um, "um"),
                                                      COLUMN(noise, "grey"),
                                                      COLUMN(nuclei, "count")};
const size_t mnk_histology_columns_n = sizeof mnk_histology_columns / sizeof *mnk_histology_columns;

static double uni(mnk_rng *r, double lo, double hi) { return lo + (hi - lo) * mnk_rng_uniform(r); }
static double normal(mnk_rng *r) {
    double z = mnk_rng_normal(r);
    return z < -2.5 ? -2.5 : z > 2.5 ? 2.5 : z;
}
static double mix(double a, double b, double t) { return a + (b - a) * t; }
static double around(mnk_rng *r, double mean, double cv) { return mean * exp(cv * normal(r)); }

/* Unit stain vector between the two references, perturbed. Ruifrok and Johnston 2001; Macenko et al. 2009 (the reference
 * matrix of its published implementation). */
static void stain_vector(const double a[3], const double b[3], double toward, double sd, mnk_rng *r, double *red, double *green,
                         double *blue) {
    double v[3], n = 0;
    for (int i = 0; i < 3; i++) {
        v[i] = mix(a[i], b[i], toward) + sd * normal(r);
        if (v[i] < 0.01) v[i] = 0.01; /* a stain only absorbs */
        n += v[i] * v[i];
    }
    n = sqrt(n);
    *red = v[0] / n;
    *green = v[1] / n;
    *blue = v[2] / n;
}

static void draw_laboratory(const mnk_histology_config *c, mnk_histology_params *p, mnk_rng *r) {
    static const double rj_h[3] = {0.65, 0.70, 0.29}, rj_e[3] = {0.07, 0.99, 0.11};
    static const double macenko_h[3] = {0.5626, 0.7201, 0.4062}, macenko_e[3] = {0.2159, 0.8012, 0.5581};
    double drawn = uni(r, 0.30, 0.85);
    p->stain_toward = c->stain == 0 ? drawn : c->stain - 1;
    stain_vector(rj_h, macenko_h, p->stain_toward, c->stain_sd, r, &p->h_red, &p->h_green, &p->h_blue);
    stain_vector(rj_e, macenko_e, p->stain_toward, c->stain_sd, r, &p->e_red, &p->e_green, &p->e_blue);
    double common = 0.6 * c->stain_strength * normal(r); /* thick or well stained sections are darker in both */
    p->stain_h = exp(common + 0.8 * c->stain_strength * normal(r));
    p->stain_e = exp(common + 0.8 * c->stain_strength * normal(r));
    p->section_um = around(r, c->section_um, 0.12);
    double level = uni(r, 236, 247);
    p->white_red = level + uni(r, -2, 3);
    p->white_green = level + uni(r, -3, 2);
    p->white_blue = level + uni(r, -3, 4);
    for (double *w = &p->white_red; w <= &p->white_blue; w++) *w = *w > 252 ? 252 : *w;
}

/* Nuclear features by ISUP grade (Delahunt et al. 2013: nucleoli absent, then visible at x400, at x100, then extreme
 * pleomorphism); diameters after Fuhrman 1982, lowered to what paraffin sections show. */
static void draw_grade(const mnk_histology_config *c, const double weight[4], mnk_histology_params *p, mnk_rng *r) {
    static const double diameter[4] = {6.6, 7.6, 9.4, 12.0}, cv[4] = {0.08, 0.11, 0.17, 0.27};
    static const double nucleolus[4] = {0, 1.1, 2.1, 2.6}, granules[4] = {0.12, 0.18, 0.26, 0.34};
    double u = mnk_rng_uniform(r);
    int g = 0;
    while (g < 3 && u >= weight[g]) u -= weight[g++];
    if (c->grade > 0) g = c->grade - 1;
    p->grade = g + 1;
    p->nucleus_um = around(r, diameter[g], 0.06);
    p->nucleus_cv = around(r, cv[g], 0.12);
    p->nucleolus_um = nucleolus[g] * exp(0.1 * normal(r));
    p->chromatin = around(r, granules[g], 0.15);
    p->nucleus_wrinkle = around(r, 0.022 + 0.008 * g, 0.2);
}

static void draw_clear(const mnk_histology_config *c, mnk_histology_params *p, mnk_rng *r) {
    static const double grades[4] = {0.15, 0.45, 0.32, 0.08};
    draw_grade(c, grades, p, r);
    p->cell_um = fmax(uni(r, 14, 20), 1.6 * p->nucleus_um);
    p->cell_cv = 0.2;
    p->cytoplasm_e = uni(r, 0.05, 0.15);
    p->cytoplasm_h = uni(r, 0.015, 0.05);
    p->membrane_um = uni(r, 0.4, 0.7);
    p->membrane_e = uni(r, 0.30, 0.46);
    p->nuclear_h = uni(r, 1.15, 1.55);
    p->cystic = mnk_rng_uniform(r) < 0.4 ? uni(r, 0.01, 0.06) : 0;
    p->nest_um = uni(r, 60, 120);
    p->septum_um = uni(r, 3, 6);
    p->septum_presence = uni(r, 0.85, 1);
    /* granular eosinophilic cytoplasm comes with grade in clear cell carcinoma */
    p->eosinophilic_fraction = 0.01 + 0.04 * (p->grade - 1) * uni(r, 0.2, 1);
    p->eosinophilic_e = uni(r, 0.24, 0.40);
}

static void draw_papillary(const mnk_histology_config *c, mnk_histology_params *p, mnk_rng *r) {
    static const double grades1[4] = {0.35, 0.50, 0.15, 0}, grades2[4] = {0.03, 0.27, 0.60, 0.10};
    bool second = mnk_rng_uniform(r) < 0.45;
    p->variant = second ? 2 : 1;
    draw_grade(c, second ? grades2 : grades1, p, r);
    p->cell_um = second ? uni(r, 8.5, 11) : uni(r, 6.8, 8.5);
    p->cell_cv = 0.15;
    p->nucleus_um *= second ? 0.95 : 0.9;
    p->cytoplasm_e = second ? uni(r, 0.45, 0.68) : uni(r, 0.20, 0.34);
    p->cytoplasm_h = second ? uni(r, 0.08, 0.16) : uni(r, 0.22, 0.36);
    p->membrane_um = 0.6;
    p->membrane_e = uni(r, 0.08, 0.2);
    p->nuclear_h = uni(r, 1.2, 1.65);
    p->frond_um = uni(r, 45, 105);
    p->layer_um = second ? uni(r, 17, 25) : uni(r, 9, 12.5);
    p->core_um = fmax(9, (p->frond_um - 2 * p->layer_um) * uni(r, 0.3, 0.75));
    p->septum_um = uni(r, 3, 7); /* capillary radius in the cores */
    p->septum_presence = 1;
    double foam = mnk_rng_uniform(r);
    p->foamy = (second ? 0.8 : 3.5) * foam * foam;
    p->psammoma = mnk_rng_uniform(r) < 0.35 ? uni(r, 10, 80) : 0;
}

static void draw_chromophobe(mnk_histology_params *p, mnk_rng *r) {
    p->grade = 0; /* ISUP grading is not applied to chromophobe carcinoma */
    bool eosinophilic = mnk_rng_uniform(r) < 0.25;
    p->variant = eosinophilic;
    p->cell_um = eosinophilic ? uni(r, 15, 19) : uni(r, 18, 26);
    p->cell_cv = uni(r, 0.25, 0.4);
    p->cytoplasm_e = uni(r, 0.20, 0.32);
    p->cytoplasm_h = uni(r, 0.06, 0.12);
    p->eosinophilic_fraction = eosinophilic ? uni(r, 0.75, 0.95) : uni(r, 0.15, 0.40);
    p->eosinophilic_e = uni(r, 0.42, 0.60);
    p->membrane_um = uni(r, 1.0, 1.5);
    p->membrane_e = uni(r, 0.80, 1.15);
    p->nucleus_um = uni(r, 6.6, 8.6);
    p->nucleus_cv = uni(r, 0.15, 0.24);
    p->nucleus_wrinkle = uni(r, 0.065, 0.105);
    p->nuclear_h = uni(r, 1.45, 1.9);
    p->chromatin = uni(r, 0.2, 0.3);
    p->nucleolus_um = mnk_rng_uniform(r) < 0.3 ? uni(r, 0.8, 1.2) : 0;
    p->halo_um = uni(r, 1.2, 3.0);
    p->halo_strength = uni(r, 0.6, 0.9);
    p->binucleate = uni(r, 0.06, 0.16);
    p->nest_um = uni(r, 110, 190);
    p->septum_um = uni(r, 2, 4.5);
    p->septum_presence = uni(r, 0.3, 0.7);
}

/* Moves a tile towards the look-alike a pathologist would name: eosinophilic clear cell against chromophobe, solid or
 * clear-celled papillary, chromophobe losing halo, membrane and wrinkles. t = 0 leaves the textbook. */
static void drift_to(mnk_histology_class k, double t, double u, mnk_histology_params *p) {
    if (k == MNK_HISTOLOGY_CLEAR) {
        p->eosinophilic_fraction = mix(p->eosinophilic_fraction, 0.95, t * u);
        p->cytoplasm_e = mix(p->cytoplasm_e, 0.26, t);
        p->cytoplasm_h = mix(p->cytoplasm_h, 0.09, t);
        p->membrane_um = mix(p->membrane_um, 1.1, 0.7 * t);
        p->membrane_e = mix(p->membrane_e, 0.75, 0.7 * t);
        p->nucleus_wrinkle = mix(p->nucleus_wrinkle, 0.08, 0.7 * t);
        p->septum_presence = mix(p->septum_presence, 0.4, t);
        p->halo_um = mix(0, 1.2, t);
        p->halo_strength = mix(0, 0.5, t);
    } else if (k == MNK_HISTOLOGY_PAPILLARY) {
        p->solid = t * u;
        p->cytoplasm_e = mix(p->cytoplasm_e, 0.28, 0.7 * t * (1 - u));
        p->cytoplasm_h = mix(p->cytoplasm_h, 0.06, 0.8 * t * (1 - u));
        p->membrane_e = mix(p->membrane_e, 0.6, t);
        p->foamy *= 1 - 0.7 * t;
        p->core_um *= 1 - 0.4 * t;
    } else {
        p->halo_strength = mix(p->halo_strength, 0.15, t);
        p->membrane_um = mix(p->membrane_um, 0.75, 0.9 * t);
        p->membrane_e = mix(p->membrane_e, 0.50, 0.9 * t);
        p->nucleus_wrinkle = mix(p->nucleus_wrinkle, 0.035, 0.9 * t);
        p->cytoplasm_e = mix(p->cytoplasm_e, 0.14, t * u);
        p->eosinophilic_fraction = mix(p->eosinophilic_fraction, u < 0.5 ? 0.02 : 0.9, 0.8 * t);
        p->cell_um = mix(p->cell_um, 16, 0.6 * t);
        p->septum_presence = mix(p->septum_presence, 0.9, t * u);
        p->nest_um = mix(p->nest_um, 100, t * u);
    }
}

void params_draw(const mnk_histology_config *c, uint64_t seed, uint64_t item, mnk_histology_class k, mnk_histology_params *p) {
    memset(p, 0, sizeof *p);
    mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_PHANTOM, item, STEP_ITEM);
    uint64_t person = mnk_rng_below(&r, (uint64_t)c->persons);
    mnk_rng q = mnk_rng_at(seed, MNK_PURPOSE_PHANTOM, ((uint64_t)k << 32) + person, STEP_PERSON);
    p->class_index = k;
    p->person = (double)person;
    draw_laboratory(c, p, &q);
    if (k == MNK_HISTOLOGY_CLEAR) draw_clear(c, p, &q);
    else if (k == MNK_HISTOLOGY_PAPILLARY) draw_papillary(c, p, &q);
    else draw_chromophobe(p, &q);
    double inclination = mnk_rng_uniform(&q), way = mnk_rng_uniform(&q);

    /* most tiles are near the textbook, some persons and some fields are not */
    double field = mnk_rng_uniform(&r);
    p->drift = c->ambiguity * (0.35 * inclination * inclination + 0.65 * field * field) * 1.6;
    if (p->drift > 1) p->drift = 1;
    drift_to(k, p->drift, 0.5 * way + 0.5 * mnk_rng_uniform(&r), p);

    static const double cv = 0.07; /* from field to field within one tumour */
    double *vary[] = {&p->cell_um,   &p->cytoplasm_e, &p->eosinophilic_e, &p->membrane_e, &p->nucleus_um,
                      &p->nuclear_h, &p->nest_um,     &p->septum_um,      &p->frond_um,   &p->core_um,
                      &p->layer_um,  &p->section_um,  &p->halo_um};
    for (size_t i = 0; i < sizeof vary / sizeof *vary; i++) *vary[i] = around(&r, *vary[i], cv);
    p->eosinophilic_fraction *= uni(&r, 0.3, 1.5);
    if (p->eosinophilic_fraction > 1) p->eosinophilic_fraction = 1;
    /* stain amounts of this person's section; thickness acts on all alike */
    double thick = p->section_um / c->section_um;
    double *eosin[] = {&p->cytoplasm_e, &p->eosinophilic_e, &p->membrane_e};
    for (size_t i = 0; i < 3; i++) *eosin[i] *= p->stain_e * sqrt(thick);
    p->cytoplasm_h *= p->stain_h;
    p->nuclear_h *= p->stain_h;

    mnk_rng a = mnk_rng_at(seed, MNK_PURPOSE_ACQUISITION, item, 0);
    double u = mnk_rng_uniform(&a);
    p->focus_um = c->focus_um * u * u * u * u; /* most tiles are in focus */
    p->noise = c->noise * uni(&a, 0.6, 1.4);
}
