/* What the page shows of the images: drawn by chance from the study's seed, with each synthetic image's nearest training image.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/svg.h"

/* Pixel differences the distance histograms may cost: about two seconds of one core. */
#define HISTOGRAM_BUDGET 2e10
enum { HISTOGRAM_ITEMS = 400, SALT_REAL = 0, SALT_SYNTHETIC = 1 << 16, SALT_HISTOGRAM = 1 << 20 };

void mnk_look_clear(mnk_look *l) {
    for (int i = 0; i < l->classes; i++) {
        mnk_look_class *c = &l->item[i];
        mnk_free(c->real);
        mnk_free(c->synthetic);
        mnk_free(c->nearest);
        mnk_free(c->turn);
        mnk_free(c->rms);
    }
    mnk_free(l->synthetic_rms);
    mnk_free(l->holdout_rms);
    *l = (mnk_look){.classes = 0};
}

static bool same_shape(const mnk_images *a, const mnk_images *b) {
    return a && b && a->n && b->n && a->height == b->height && a->width == b->width && a->channels == b->channels;
}

/* The synthetic set's label of a class of train, -1 when it has none. */
static int label_in(const mnk_images *d, const char *name) {
    for (int c = 0; d && c < d->classes; c++)
        if (strcmp(d->class_names[c], name) == 0) return c;
    return -1;
}

static mnk_status look_class(const mnk_evidence *e, int label, mnk_look_class *c, const mnk_observer *observer,
                             mnk_error *err) {
    c->label = label;
    MNK_TRY(MNK_NEW(c->real, MNK_LOOK_COLUMNS, err));
    MNK_TRY(MNK_NEW(c->synthetic, MNK_LOOK_COLUMNS, err));
    MNK_TRY(MNK_NEW(c->nearest, MNK_LOOK_COLUMNS, err));
    MNK_TRY(MNK_NEW(c->turn, MNK_LOOK_COLUMNS, err));
    MNK_TRY(MNK_NEW(c->rms, MNK_LOOK_COLUMNS, err));
    c->real_n = mnk_gallery_draw(e->train, label, MNK_LOOK_COLUMNS, e->seed, SALT_REAL + (uint64_t)label, c->real);
    int own = label_in(e->synthetic, e->train->class_names[label]);
    if (own < 0 || !same_shape(e->train, e->synthetic)) return MNK_OK;
    c->synthetic_n =
        mnk_gallery_draw(e->synthetic, own, MNK_LOOK_COLUMNS, e->seed, SALT_SYNTHETIC + (uint64_t)label, c->synthetic);
    return mnk_gallery_nearest(e->synthetic, c->synthetic, c->synthetic_n, e->train, true, c->nearest, c->turn, c->rms,
                               observer, err);
}

static mnk_status distances(const mnk_evidence *e, const mnk_images *d, size_t n, uint64_t salt, double **rms,
                            const mnk_observer *observer, mnk_error *err) {
    size_t *query = NULL, *nearest = NULL;
    mnk_status status;
    MNK_OUT(MNK_NEW(query, n, err));
    MNK_OUT(MNK_NEW(nearest, n, err));
    MNK_OUT(MNK_NEW(*rms, n, err));
    mnk_gallery_draw(d, -1, n, e->seed, salt, query);
    MNK_OUT(mnk_gallery_nearest(d, query, n, e->train, false, nearest, NULL, *rms, observer, err));
out:
    mnk_free(query);
    mnk_free(nearest);
    return status;
}

static void fill_bins(const double *rms, size_t n, double top, double *share) {
    for (size_t i = 0; i < n; i++) {
        int b = (int)(rms[i] / top * MNK_LOOK_BINS);
        share[b >= MNK_LOOK_BINS ? MNK_LOOK_BINS - 1 : b] += 100.0 / (double)n;
    }
}

/* Distance to the nearest training image: synthetic against holdout, as many of each. */
static mnk_status look_distances(const mnk_evidence *e, mnk_look *l, const mnk_observer *observer, mnk_error *err) {
    if (!same_shape(e->train, e->synthetic) || !same_shape(e->train, e->holdout)) return MNK_OK;
    double cost = (double)e->train->n * e->train->height * e->train->width * e->train->channels * 2;
    size_t n = HISTOGRAM_ITEMS;
    if (e->synthetic->n < n) n = e->synthetic->n;
    if (e->holdout->n < n) n = e->holdout->n;
    if ((double)n * cost > HISTOGRAM_BUDGET) n = (size_t)(HISTOGRAM_BUDGET / cost);
    if (n < 20) return MNK_OK;
    MNK_TRY(distances(e, e->synthetic, n, SALT_HISTOGRAM, &l->synthetic_rms, observer, err));
    MNK_TRY(distances(e, e->holdout, n, SALT_HISTOGRAM + 1, &l->holdout_rms, observer, err));
    l->synthetic_n = l->holdout_n = n;
    double top = 1;
    for (size_t i = 0; i < n; i++) top = fmax(top, fmax(l->synthetic_rms[i], l->holdout_rms[i]));
    for (int b = 0; b <= MNK_LOOK_BINS; b++) l->bin_px[b] = top * b / MNK_LOOK_BINS;
    fill_bins(l->synthetic_rms, n, top, l->synthetic_share);
    fill_bins(l->holdout_rms, n, top, l->holdout_share);
    return MNK_OK;
}

mnk_status mnk_look_make(const mnk_evidence *e, const mnk_observer *observer, mnk_look *out, mnk_error *err) {
    *out = (mnk_look){.classes = 0};
    mnk_status status = MNK_OK;
    for (int c = 0; e->train && c < e->train->classes && c < MNK_LOOK_CLASSES && status == MNK_OK; c++) {
        out->classes = c + 1;
        status = look_class(e, c, &out->item[c], observer, err);
    }
    if (status == MNK_OK) status = look_distances(e, out, observer, err);
    if (status != MNK_OK) mnk_look_clear(out);
    return status;
}

static mnk_status sheet(mnk_text *t, const mnk_evidence *e, const mnk_look_class *c, int columns, mnk_error *err) {
    mnk_cell cells[3 * MNK_LOOK_COLUMNS] = {{0}};
    static const char *const all_labels[3] = {"real", "synthetic", "nearest training image"};
    const char *labels[3];
    int rows = 0;
    if (!e->hide_real && c->real_n) {
        for (int k = 0; k < columns && (size_t)k < c->real_n; k++)
            cells[rows * columns + k] = (mnk_cell){e->train, c->real[k], 0};
        labels[rows++] = all_labels[0];
    }
    if (c->synthetic_n) {
        for (int k = 0; k < columns && (size_t)k < c->synthetic_n; k++)
            cells[rows * columns + k] = (mnk_cell){e->synthetic, c->synthetic[k], 0};
        labels[rows++] = all_labels[1];
        if (!e->hide_real) {
            for (int k = 0; k < columns && (size_t)k < c->synthetic_n; k++)
                cells[rows * columns + k] = (mnk_cell){e->train, c->nearest[k], c->turn[k]};
            labels[rows++] = all_labels[2];
        }
    }
    if (!rows) return MNK_OK;
    mnk_sprite s;
    MNK_TRY(mnk_sprite_make(cells, rows, columns, &s, err));
    char alt[256];
    const char *name = e->train->class_names[c->label];
    snprintf(alt, sizeof alt,
             "Contact sheet of class %.100s: rows of real images, synthetic images and the nearest training image of each",
             name);
    mnk_text_add(t, "<div class=\"sheet\">");
    mnk_html_element(t, "h3", NULL, "%s", name);
    mnk_text_add(t, "<div class=\"rows\"><div class=\"labels\">");
    for (int r = 0; r < rows; r++) mnk_html_element(t, "span", NULL, "%s", labels[r]);
    mnk_text_add(t, "</div>");
    mnk_status status = mnk_html_image(t, s.pixels, s.height, s.width, s.channels, columns * 66 - 2, alt, err);
    mnk_text_add(t, "</div></div>\n");
    mnk_sprite_clear(&s);
    return status;
}

mnk_status mnk_report_look(mnk_text *t, const mnk_evidence *e, const mnk_look *l, int columns, mnk_error *err) {
    if (!l->classes) return MNK_OK;
    mnk_html_section(t, "look", "Look");
    mnk_html_element(
        t, "p", NULL, "Random, not chosen; seed %llu. %s", (unsigned long long)e->seed,
        e->hide_real
            ? "Real images are not shown, as the study asks."
            : "Below each synthetic image stands the training image nearest to it, over the eight flips and quarter turns.");
    for (int i = 0; i < l->classes; i++) MNK_TRY(sheet(t, e, &l->item[i], columns, err));
    if (e->train->classes > l->classes)
        mnk_html_element(t, "p", "note", "The first %d of %d classes are shown.", l->classes, e->train->classes);
    mnk_html_section_end(t);
    return MNK_OK;
}
