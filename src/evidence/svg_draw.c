#include "evidence/svg_draw.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"

/* Okabe and Ito's palette without yellow, which vanishes on white; ordered so that neighbours differ in lightness too. */
const char *const mnk_draw_colour[MNK_SVG_SERIES_MAX] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                         "#56B4E9", "#E69F00", "#000000", "#7A7A7A"};
const char *const mnk_draw_dash[MNK_SVG_SERIES_MAX] = {"", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 4", "6 2 1 2"};
const char *const mnk_draw_reference_dash[MNK_SVG_REFERENCES_MAX] = {"", "3 2", "1 2", "5 2 1 2", "6 2", "2 4", "4 4", "1 1"};

#define CHARACTER_PX 7.4 /* at 12 px, for the widest of the usual fonts */

void mnk_xml_text(mnk_text *t, const char *s) {
    for (; s && *s; s++) {
        switch (*s) {
        case '&': mnk_text_add(t, "&amp;"); break;
        case '<': mnk_text_add(t, "&lt;"); break;
        case '>': mnk_text_add(t, "&gt;"); break;
        case '"': mnk_text_add(t, "&quot;"); break;
        default:
            if ((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') mnk_text_add(t, " ");
            else mnk_text_add_n(t, s, 1);
        }
    }
}

/* A coordinate with at most one decimal, never "-0". */
void mnk_draw_number(mnk_text *t, double x) {
    double r = round(x * 10) / 10;
    if (r == 0) r = 0;
    if (r == floor(r)) mnk_text_printf(t, "%.0f", r);
    else {
        char b[32];
        mnk_text_add(t, mnk_double_text(r, b));
    }
}

void mnk_draw_attribute(mnk_text *t, const char *name, double x) {
    mnk_text_printf(t, " %s=\"", name);
    mnk_draw_number(t, x);
    mnk_text_add(t, "\"");
}

void mnk_draw_line(mnk_text *t, double x1, double y1, double x2, double y2, const char *style) {
    mnk_text_add(t, "<line");
    mnk_draw_attribute(t, "x1", x1);
    mnk_draw_attribute(t, "y1", y1);
    mnk_draw_attribute(t, "x2", x2);
    mnk_draw_attribute(t, "y2", y2);
    mnk_text_printf(t, " %s/>", style);
}

void mnk_draw_text(mnk_text *t, double x, double y, const char *class, const char *s) {
    mnk_text_add(t, "<text");
    mnk_draw_attribute(t, "x", x);
    mnk_draw_attribute(t, "y", y);
    mnk_text_printf(t, " class=\"%s\">", class);
    mnk_xml_text(t, s);
    mnk_text_add(t, "</text>");
}

/* Width of a label; UTF-8 continuation bytes take no room. */
double mnk_draw_text_px(const char *s) {
    int n = 0;
    for (; s && *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n * CHARACTER_PX;
}

void mnk_draw_begin(mnk_text *t, const mnk_svg_frame *f, int height) {
    mnk_text_printf(t,
                    "<svg class=\"chart\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" "
                    "xmlns=\"http://www.w3.org/2000/svg\"",
                    f->width, height, f->width, height);
    mnk_text_add(t, " font-family=\"system-ui,sans-serif\" font-size=\"12\"><title>");
    mnk_xml_text(t, f->title);
    mnk_text_add(t, "</title>\n");
}

void mnk_draw_end(mnk_text *t) { mnk_text_add(t, "</svg>\n"); }

int mnk_svg_ticks(double lo, double hi, int wanted, double out[12]) {
    if (!(hi > lo) || !isfinite(lo) || !isfinite(hi)) return 0;
    double raw = (hi - lo) / (wanted > 0 ? wanted : 5), power = pow(10, floor(log10(raw))), step = power;
    if (raw / power > 5) step = 10 * power;
    else if (raw / power > 2) step = 5 * power;
    else if (raw / power > 1) step = 2 * power;
    int n = 0;
    for (double k = ceil(lo / step - 1e-9); n < 12 && k * step <= hi + 1e-9 * step; k++) out[n++] = k == 0 ? 0 : k * step;
    return n;
}

const char *mnk_draw_tick_text(double x, char b[32]) {
    if (fabs(x) >= 1e6) snprintf(b, 32, "%.3gM", x / 1e6);
    else if (fabs(x) >= 1e4) snprintf(b, 32, "%.4gk", x / 1e3);
    else snprintf(b, 32, "%.4g", x);
    return b;
}

/* Mark of a series: circle, square, triangle, diamond, then the same hollow. */
void mnk_draw_mark(mnk_text *t, int series, double x, double y, double r) {
    const char *c = mnk_draw_colour[series % MNK_SVG_SERIES_MAX];
    char paint[96];
    if (series % 8 < 4) snprintf(paint, sizeof paint, "fill=\"%s\"", c);
    else snprintf(paint, sizeof paint, "fill=\"#fff\" stroke=\"%s\" stroke-width=\"2\"", c);
    switch (series % 4) {
    case 0:
        mnk_text_add(t, "<circle");
        mnk_draw_attribute(t, "cx", x);
        mnk_draw_attribute(t, "cy", y);
        mnk_draw_attribute(t, "r", r);
        break;
    case 1:
        mnk_text_add(t, "<rect");
        mnk_draw_attribute(t, "x", x - r * 0.9);
        mnk_draw_attribute(t, "y", y - r * 0.9);
        mnk_draw_attribute(t, "width", 1.8 * r);
        mnk_draw_attribute(t, "height", 1.8 * r);
        break;
    default: {
        bool diamond = series % 4 == 3;
        const double px[4] = {x, x + 1.2 * r, diamond ? x : x - 1.2 * r, x - 1.2 * r}, up = diamond ? 1.25 : 1.2;
        const double py[4] = {y - up * r, diamond ? y : y + r, diamond ? y + up * r : y + r, y};
        mnk_text_add(t, "<polygon points=\"");
        for (int i = 0; i < (diamond ? 4 : 3); i++) {
            if (i) mnk_text_add(t, " ");
            mnk_draw_number(t, px[i]);
            mnk_text_add(t, ",");
            mnk_draw_number(t, py[i]);
        }
        mnk_text_add(t, "\"");
    }
    }
    mnk_text_printf(t, " %s/>", paint);
}

double mnk_draw_legend(mnk_text *t, double x, double y, mnk_legend_kind kind, int i, const char *name) {
    char style[128];
    switch (kind) {
    case MNK_LEGEND_MARK: mnk_draw_mark(t, i, x + 8, y - 4, 4.5); break;
    case MNK_LEGEND_LINE:
        snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"", mnk_draw_colour[i % 8],
                 mnk_draw_dash[i % 8]);
        mnk_draw_line(t, x, y - 4, x + 20, y - 4, style);
        x += 6;
        break;
    case MNK_LEGEND_REFERENCE:
        snprintf(style, sizeof style, "stroke=\"#222\" stroke-width=\"2\" stroke-dasharray=\"%s\"",
                 mnk_draw_reference_dash[i % 8]);
        mnk_draw_line(t, x + 8, y - 12, x + 8, y + 3, style);
        break;
    case MNK_LEGEND_BOX:
        mnk_text_printf(t, "<rect x=\"%.0f\" y=\"%.0f\" width=\"14\" height=\"11\" fill=\"%s\"/>", x, y - 10,
                        mnk_draw_colour[i % 8]);
        break;
    }
    mnk_draw_text(t, x + 20, y, "l", name);
    return x + 20 + mnk_draw_text_px(name) + 18;
}

double mnk_draw_padded(double lo, double hi, double *out_hi) {
    double pad = hi > lo ? 0.04 * (hi - lo) : fabs(hi) > 0 ? 0.1 * fabs(hi) : 1;
    *out_hi = hi + pad;
    return lo - pad;
}

void mnk_draw_widen(double x, double *lo, double *hi) {
    if (!isfinite(x)) return;
    if (x < *lo) *lo = x;
    if (x > *hi) *hi = x;
}

double mnk_draw_at(const mnk_draw_axis *a, double x) {
    double u = (x - a->lo) / (a->hi - a->lo);
    return a->from + (u < -0.01 ? -0.01 : u > 1.01 ? 1.01 : u) * (a->to - a->from);
}

void mnk_draw_x_axis(mnk_text *t, const mnk_draw_axis *a, double top, double bottom, const char *label) {
    double tick[12];
    char b[32];
    int n = mnk_svg_ticks(a->lo, a->hi, (int)((a->to - a->from) / 80), tick);
    for (int i = 0; i < n; i++) {
        double x = mnk_draw_at(a, tick[i]);
        mnk_draw_line(t, x, top, x, bottom, "class=\"g\"");
        mnk_draw_text(t, x, bottom + 16, "m", mnk_draw_tick_text(tick[i], b));
    }
    mnk_draw_line(t, a->from, bottom, a->to, bottom, "class=\"a\"");
    if (label) mnk_draw_text(t, (a->from + a->to) / 2, bottom + 33, "m", label);
}

void mnk_draw_y_axis(mnk_text *t, const mnk_draw_axis *a, double left, double right, const char *label) {
    double tick[12];
    char b[32];
    int n = mnk_svg_ticks(a->lo, a->hi, 5, tick);
    for (int i = 0; i < n; i++) {
        double y = mnk_draw_at(a, tick[i]);
        mnk_draw_line(t, left, y, right, y, "class=\"g\"");
        mnk_draw_text(t, left - 6, y + 4, "e", mnk_draw_tick_text(tick[i], b));
    }
    if (label) mnk_draw_text(t, 4, 14, "l", label);
}
