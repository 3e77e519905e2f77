/* What all charts are drawn with: lines, labels, marks, legends, axes. svg.h has the charts. Lengths are pixels, y runs down.
 */
#ifndef MNK_EVIDENCE_SVG_DRAW_H
#define MNK_EVIDENCE_SVG_DRAW_H

#include "evidence/svg.h"

enum { MNK_LEGEND_PX = 26, MNK_AXIS_PX = 40, MNK_ROW_PX = 26, MNK_SERIES_PX = 13 }; /* heights */

extern const char *const mnk_draw_colour[MNK_SVG_SERIES_MAX], *const mnk_draw_dash[MNK_SVG_SERIES_MAX],
                                                                  *const mnk_draw_reference_dash[MNK_SVG_REFERENCES_MAX];

/* The <svg> element with its title, and its end. */
void mnk_draw_begin(mnk_text *t, const mnk_svg_frame *f, int height);
void mnk_draw_end(mnk_text *t);

void mnk_draw_number(mnk_text *t, double x); /* at most one decimal */
void mnk_draw_attribute(mnk_text *t, const char *name, double x);
/* `style`: attributes as they stand. */
void mnk_draw_line(mnk_text *t, double x1, double y1, double x2, double y2, const char *style);
/* `class`: l, m or e, x being the left end, middle or right end. */
void mnk_draw_text(mnk_text *t, double x, double y, const char *class, const char *s);
double mnk_draw_text_px(const char *s);
/* Of series 0..: circle, square, triangle, diamond, then the same hollow; r its size. */
void mnk_draw_mark(mnk_text *t, int series, double x, double y, double r);

/* One entry of a legend from x on: a mark or a sample of series (or reference) i, and its name. Returns the next x. */
typedef enum mnk_legend_kind { MNK_LEGEND_MARK, MNK_LEGEND_LINE, MNK_LEGEND_REFERENCE, MNK_LEGEND_BOX } mnk_legend_kind;
double mnk_draw_legend(mnk_text *t, double x, double y, mnk_legend_kind kind, int i, const char *name);

typedef struct mnk_draw_axis {
    double lo, hi, from, to; /* values, pixels */
} mnk_draw_axis;

/* Pixel of a value, kept within a hundredth of the axis. */
double mnk_draw_at(const mnk_draw_axis *a, double x);
/* Grid, ticks and label (NULL: none). */
void mnk_draw_x_axis(mnk_text *t, const mnk_draw_axis *a, double top, double bottom, const char *label);
void mnk_draw_y_axis(mnk_text *t, const mnk_draw_axis *a, double left, double right, const char *label);
const char *mnk_draw_tick_text(double x, char b[32]);

/* Takes x into lo..hi unless it is not finite. */
void mnk_draw_widen(double x, double *lo, double *hi);
/* lo..hi with room at both ends; returns the new lo. */
double mnk_draw_padded(double lo, double hi, double *out_hi);

#endif
