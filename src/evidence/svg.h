/* Charts as SVG: interval charts, line charts, histograms and bars. Plain text, stable bytes, no script; colours are those of
 * Okabe and Ito (2008), and marks, dashes and labels carry the same information for print in grey. */
#ifndef MNK_EVIDENCE_SVG_H
#define MNK_EVIDENCE_SVG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

enum { MNK_SVG_SERIES_MAX = 8, MNK_SVG_REFERENCES_MAX = 8 };

/* The frame all charts share. Sizes are in CSS pixels at full width; the chart scales with the page. */
typedef struct mnk_svg_frame {
    const char *title;   /* read out by screen readers; the visible title stands in the page */
    const char *x_label; /* NULL for none */
    const char *y_label;
    int width, height; /* height 0: as many rows as there are (interval and bar charts) */
    double lo, hi;     /* axis of the values; lo == hi: from the data */
} mnk_svg_frame;

/* ---- intervals: a dot with its interval per row and series, short lines where the references lie ---- */
typedef struct mnk_svg_point {
    double value, low, high; /* NaN: no dot; NaN low/high: no interval */
    int series;              /* 0.. : colour and mark */
    struct {
        double value;
        int kind; /* index into reference_names */
    } reference[MNK_SVG_REFERENCES_MAX];
    int references;
} mnk_svg_point;

typedef struct mnk_svg_row {
    const char *label;
    const mnk_svg_point *point;
    int points;
    bool strong; /* bold label, a thin rule above */
} mnk_svg_row;

/* series_names and reference_names make the legend; NULL entries are left out. */
void mnk_svg_intervals(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_row *rows, size_t n, const char *const *series_names,
                       int series, const char *const *reference_names, int references);

/* ---- lines over x; NaN breaks a line ---- */
typedef struct mnk_svg_line {
    const char *name;
    const double *x, *y;
    size_t n;
} mnk_svg_line;
void mnk_svg_lines(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_line *lines, int n);

/* ---- a plane: one mark per item with its intervals as a cross, items named beside the mark, references as grey rings ---- */
typedef struct mnk_svg_spot {
    const char *name;
    double x, x_low, x_high, y, y_low, y_high; /* NaN x or y: not drawn; NaN ends: no interval */
    bool is_reference;
} mnk_svg_spot;
void mnk_svg_plane(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_spot *spots, size_t n);

/* ---- tracks: marks with bars in both directions, joined in order by a line; what of each is told in the legend ---- */
typedef struct mnk_svg_mark {
    double x, x_low, x_high, y, y_low,
        y_high;        /* x INFINITY: at the edge on the right; NaN x or y: not drawn; NaN ends: no bar */
    const char *label; /* beside the mark where there is room; NULL: none */
} mnk_svg_mark;
typedef struct mnk_svg_track {
    const char *name;
    const mnk_svg_mark *mark;
    size_t n;
} mnk_svg_track;
typedef struct mnk_svg_rule { /* a dashed line across */
    const char *name;
    double at;
    bool is_vertical;
} mnk_svg_rule;
/* log_x: a logarithmic axis, marks of equal x side by side. edge: what stands below marks with x INFINITY (NULL: there are
 * none). */
void mnk_svg_tracks(mnk_text *t, const mnk_svg_frame *f, bool log_x, const char *edge, const mnk_svg_track *track, size_t n,
                    const mnk_svg_rule *rule, size_t rules);

/* ---- a square of cells, one per pair of rows; NaN is left white; the names stand left and, turned, below ---- */
void mnk_svg_square(mnk_text *t, const mnk_svg_frame *f, const double *value, const char *const *name, size_t n,
                    bool diverging);

/* ---- histograms drawn over one another as outlines, each scaled to its own total (shares, in %) ---- */
typedef struct mnk_svg_sample {
    const char *name;
    const double *value;
    size_t n;
} mnk_svg_sample;
void mnk_svg_histogram(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_sample *samples, int n, int bins);

/* ---- horizontal bars, stacked by series, with the numbers written in a column at the right ---- */
typedef struct mnk_svg_bar {
    const char *label;
    const double *value; /* one per series */
} mnk_svg_bar;
void mnk_svg_bars(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_bar *bars, size_t n, const char *const *series_names,
                  int series);

/* Text with & < > " and control characters made safe, for SVG and HTML alike. */
void mnk_xml_text(mnk_text *t, const char *s);
/* Ticks at 1, 2 or 5 times a power of ten inside [lo, hi]: count (at most 12) and the values. */
int mnk_svg_ticks(double lo, double hi, int wanted, double out[12]);

#endif
