/* Beer-Lambert: optical density is the stain matrix times concentration, intensity exp(-OD). */
#include "simulate/histology/histology.h"

static void unit(const double in[3], stain *m, int k) {
    double n = sqrt(in[0] * in[0] + in[1] * in[1] + in[2] * in[2]);
    for (int i = 0; i < 3; i++) m->od[i][k] = in[i] / n;
}

void stain_of(const mnk_histology_params *p, stain *m) {
    /* haemoglobin in eosin-stained red cells: direction read off photographs, a design choice; brown pigment
     * (haemosiderin, lipofuscin): the DAB vector of Ruifrok and Johnston 2001 as the nearest published brown */
    static const double blood[3] = {0.06, 0.88, 0.47}, brown[3] = {0.27, 0.57, 0.78};
    const double h[3] = {p->h_red, p->h_green, p->h_blue}, e[3] = {p->e_red, p->e_green, p->e_blue};
    unit(h, m, CHROMOGEN_H);
    unit(e, m, CHROMOGEN_E);
    unit(blood, m, CHROMOGEN_BLOOD);
    unit(brown, m, CHROMOGEN_BROWN);
}

void stain_render(const stain *m, const double c[CHROMOGENS], double rgb[3]) {
    for (int i = 0; i < 3; i++) {
        double od = 0;
        for (int k = 0; k < CHROMOGENS; k++) od += m->od[i][k] * c[k];
        rgb[i] = exp(-od);
    }
}

void stain_unmix(const stain *m, const double rgb[3], double *h, double *e) {
    double hh = 0, he = 0, ee = 0, hy = 0, ey = 0;
    for (int i = 0; i < 3; i++) {
        double a = m->od[i][CHROMOGEN_H], b = m->od[i][CHROMOGEN_E], y = -log(rgb[i]);
        hh += a * a;
        he += a * b;
        ee += b * b;
        hy += a * y;
        ey += b * y;
    }
    double det = hh * ee - he * he; /* > 0 unless the two stains have one colour */
    *h = (ee * hy - he * ey) / det;
    *e = (hh * ey - he * hy) / det;
}
