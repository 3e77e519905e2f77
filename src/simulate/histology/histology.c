/* The histology phantom: configuration, one tile, many tiles in memory. */
#include <stdlib.h>
#include <string.h>

#include "simulate/generator.h"
#include "simulate/histology/histology.h"

const char *const mnk_histology_class_names[MNK_HISTOLOGY_CLASSES] = {"clear_cell", "papillary", "chromophobe"};

const mnk_option mnk_histology_options[] = {MNK_HISTOLOGY_OPTION_ROWS(0), {.type = MNK_OPTION_END}};

void mnk_histology_defaults(mnk_histology_config *config) {
    memset(config, 0, sizeof *config);
    mnk_options_defaults(mnk_histology_options, config);
}

/* Reads the comma-separated class list; -1 when a name is unknown (copied to bad) or comes twice. */
static int parse_classes(const char *text, mnk_histology_class out[MNK_HISTOLOGY_CLASSES], char bad[32]) {
    if (!text || !*text) {
        for (int k = 0; k < MNK_HISTOLOGY_CLASSES; k++) out[k] = (mnk_histology_class)k;
        return MNK_HISTOLOGY_CLASSES;
    }
    int n = 0;
    while (true) {
        size_t len = strcspn(text, ",");
        int k = 0;
        while (k < MNK_HISTOLOGY_CLASSES &&
               (strlen(mnk_histology_class_names[k]) != len || strncmp(text, mnk_histology_class_names[k], len) != 0))
            k++;
        bool twice = false;
        for (int j = 0; j < n; j++) twice |= (int)out[j] == k;
        if (k == MNK_HISTOLOGY_CLASSES || twice || n == MNK_HISTOLOGY_CLASSES) {
            size_t m = len < 31 ? len : 31;
            memcpy(bad, text, m);
            bad[m] = 0;
            return -1;
        }
        out[n++] = (mnk_histology_class)k;
        if (!text[len]) return n;
        text += len + 1;
    }
}

/* Weights of the mix; false when they are not `classes` finite non-negative numbers with a positive sum. */
static bool parse_mix(const char *text, int classes, double out[MNK_HISTOLOGY_CLASSES]) {
    double sum = 0;
    for (int k = 0; k < classes; k++) {
        out[k] = 1;
        if (text && *text) {
            char *end;
            out[k] = strtod(text, &end);
            if (end == text || !isfinite(out[k]) || out[k] < 0 || *end != (k + 1 < classes ? ',' : 0)) return false;
            text = *end ? end + 1 : NULL;
            if (!text && k + 1 < classes) return false;
        }
        sum += out[k];
    }
    for (int k = 0; k < classes; k++) out[k] /= sum;
    return sum > 0 && isfinite(sum);
}

enum { FINE_SIDE_MAX = 6144 }; /* fine pixels: 1.6 GB of planes, about 40,000 nuclei */

static mnk_status in_range(const char *name, double v, double lo, double hi, mnk_error *err) {
    if (v >= lo && v <= hi) return MNK_OK;
    return MNK_FAIL(err, MNK_ERR_USAGE, "histology: %s is %g, must be %g to %g", name, v, lo, hi);
}

mnk_status mnk_histology_check(const mnk_histology_config *c, mnk_error *err) {
    for (const mnk_option *o = mnk_histology_options; o->type != MNK_OPTION_END; o++) {
        const void *field = (const char *)c + o->offset;
        if (o->type == MNK_OPTION_INT) MNK_TRY(in_range(o->name, (double)*(const int64_t *)field, o->lo, o->hi, err));
        if (o->type == MNK_OPTION_REAL) MNK_TRY(in_range(o->name, *(const double *)field, o->lo, o->hi, err));
    }
    MNK_TRY(in_range("grade", c->grade, 0, 4, err));
    MNK_TRY(in_range("stain", c->stain, 0, 2, err));
    /* beyond, planes take gigabytes and nuclei run out of 16-bit ids */
    if (c->size * raster_over((float)c->pixel_um) > FINE_SIDE_MAX) {
        (void)MNK_FAIL(err, MNK_ERR_USAGE,
                       "histology: size %lld px of %g um is a field of %.1f mm, at most %.1f mm can be drawn",
                       (long long)c->size, c->pixel_um, (double)c->size * c->pixel_um * 1e-3,
                       FINE_SIDE_MAX * c->pixel_um / raster_over((float)c->pixel_um) * 1e-3);
        mnk_error_hint(err, "make more tiles instead of larger ones");
        return MNK_ERR_USAGE;
    }
    mnk_histology_class k[MNK_HISTOLOGY_CLASSES];
    char bad[32];
    int n = parse_classes(c->classes, k, bad);
    if (n < 0) {
        (void)MNK_FAIL(err, MNK_ERR_USAGE, "histology: classes: \"%s\" is unknown or comes twice", bad);
        const char *near = mnk_nearest(bad, mnk_histology_class_names, MNK_HISTOLOGY_CLASSES);
        mnk_error_hint(err, near ? "did you mean %s?" : "known: clear_cell, papillary, chromophobe%s", near ? near : "");
        return MNK_ERR_USAGE;
    }
    double w[MNK_HISTOLOGY_CLASSES];
    if (!parse_mix(c->mix, n, w)) {
        (void)MNK_FAIL(err, MNK_ERR_USAGE, "histology: mix \"%s\" is not %d non-negative numbers with a positive sum", c->mix,
                       n);
        mnk_error_hint(err, "one number per class, with commas: 0.75,0.15,0.1");
        return MNK_ERR_USAGE;
    }
    return MNK_OK;
}

int mnk_histology_labels(const mnk_histology_config *config, mnk_histology_class out[MNK_HISTOLOGY_CLASSES]) {
    char bad[32];
    int n = parse_classes(config->classes, out, bad);
    return n < 0 ? 0 : n;
}

mnk_status mnk_histology_deal(const mnk_histology_config *config, size_t n, int32_t *label, mnk_error *err) {
    MNK_TRY(mnk_histology_check(config, err));
    mnk_histology_class k[MNK_HISTOLOGY_CLASSES];
    double w[MNK_HISTOLOGY_CLASSES], have[MNK_HISTOLOGY_CLASSES] = {0};
    int classes = mnk_histology_labels(config, k);
    (void)parse_mix(config->mix, classes, w); /* checked above */
    for (size_t i = 0; i < n; i++) {
        int best = 0;
        double lag = -1;
        for (int j = 0; j < classes; j++) {
            double behind = w[j] * (double)(i + 1) - have[j];
            if (w[j] > 0 && behind > lag + 1e-9) {
                lag = behind;
                best = j;
            }
        }
        label[i] = best;
        have[best] += 1;
    }
    return MNK_OK;
}

mnk_status mnk_histology_image(const mnk_histology_config *config, uint64_t seed, uint64_t item, mnk_histology_class k,
                               uint8_t *rgb, uint16_t *mask, mnk_histology_params *params, mnk_error *err) {
    static mnk_status (*const fill[MNK_HISTOLOGY_CLASSES])(slide *, mnk_error *) = {clear_fill, papillary_fill,
                                                                                    chromophobe_fill};
    MNK_TRY(mnk_histology_check(config, err));
    if ((int)k < 0 || k >= MNK_HISTOLOGY_CLASSES)
        return MNK_FAIL(err, MNK_ERR_USAGE, "histology: class %d, must be 0 to 2", (int)k);
    slide s;
    mnk_status status;
    MNK_TRY(slide_open(config, seed, item, &s, err));
    params_draw(config, seed, item, k, &s.p);
    MNK_OUT(fill[k](&s, err));
    MNK_OUT(section_picture(&s, rgb, mask, err));
    if (params) *params = s.p;
out:
    slide_close(&s);
    return status;
}
