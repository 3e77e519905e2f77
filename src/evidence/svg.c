#include "evidence/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Okabe and Ito's palette without yellow, which vanishes on white; ordered so that neighbours differ in lightness too. */
static const char *const colour[MNK_SVG_SERIES_MAX] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                       "#56B4E9", "#E69F00", "#000000", "#7A7A7A"};
static const char *const dash[MNK_SVG_SERIES_MAX] = {"", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 4", "6 2 1 2"};
static const char *const reference_dash[MNK_SVG_REFERENCES_MAX] = {"", "3 2", "1 2", "5 2 1 2", "6 2", "2 4", "4 4", "1 1"};

#define CHARACTER_PX 7.4 /* at 12 px, for the widest of the usual fonts */

enum { LEGEND_PX = 26, AXIS_PX = 40, ROW_PX = 26, SERIES_PX = 13 };

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
static void number(mnk_text *t, double x) {
    double r = round(x * 10) / 10;
    if (r == 0) r = 0;
    if (r == floor(r)) mnk_text_printf(t, "%.0f", r);
    else {
        char b[32];
        mnk_text_add(t, mnk_double_text(r, b));
    }
}

static void attribute(mnk_text *t, const char *name, double x) {
    mnk_text_printf(t, " %s=\"", name);
    number(t, x);
    mnk_text_add(t, "\"");
}

static void line(mnk_text *t, double x1, double y1, double x2, double y2, const char *style) {
    mnk_text_add(t, "<line");
    attribute(t, "x1", x1);
    attribute(t, "y1", y1);
    attribute(t, "x2", x2);
    attribute(t, "y2", y2);
    mnk_text_printf(t, " %s/>", style);
}

static void text(mnk_text *t, double x, double y, const char *class, const char *s) {
    mnk_text_add(t, "<text");
    attribute(t, "x", x);
    attribute(t, "y", y);
    mnk_text_printf(t, " class=\"%s\">", class);
    mnk_xml_text(t, s);
    mnk_text_add(t, "</text>");
}

/* Width of a label; UTF-8 continuation bytes take no room. */
static double text_px(const char *s) {
    int n = 0;
    for (; s && *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n * CHARACTER_PX;
}

static void begin(mnk_text *t, const mnk_svg_frame *f, int height) {
    mnk_text_printf(t,
                    "<svg class=\"chart\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" "
                    "xmlns=\"http://www.w3.org/2000/svg\"",
                    f->width, height, f->width, height);
    mnk_text_add(t, " font-family=\"system-ui,sans-serif\" font-size=\"12\"><title>");
    mnk_xml_text(t, f->title);
    mnk_text_add(t, "</title>\n");
}

static void end(mnk_text *t) { mnk_text_add(t, "</svg>\n"); }

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

static const char *tick_text(double x, char b[32]) {
    if (fabs(x) >= 1e6) snprintf(b, 32, "%.3gM", x / 1e6);
    else if (fabs(x) >= 1e4) snprintf(b, 32, "%.4gk", x / 1e3);
    else snprintf(b, 32, "%.4g", x);
    return b;
}

/* Mark of a series: circle, square, triangle, diamond, then the same hollow. */
static void mark(mnk_text *t, int series, double x, double y, double r) {
    const char *c = colour[series % MNK_SVG_SERIES_MAX];
    char paint[96];
    if (series % 8 < 4) snprintf(paint, sizeof paint, "fill=\"%s\"", c);
    else snprintf(paint, sizeof paint, "fill=\"#fff\" stroke=\"%s\" stroke-width=\"2\"", c);
    switch (series % 4) {
    case 0:
        mnk_text_add(t, "<circle");
        attribute(t, "cx", x);
        attribute(t, "cy", y);
        attribute(t, "r", r);
        break;
    case 1:
        mnk_text_add(t, "<rect");
        attribute(t, "x", x - r * 0.9);
        attribute(t, "y", y - r * 0.9);
        attribute(t, "width", 1.8 * r);
        attribute(t, "height", 1.8 * r);
        break;
    default: {
        bool diamond = series % 4 == 3;
        const double px[4] = {x, x + 1.2 * r, diamond ? x : x - 1.2 * r, x - 1.2 * r}, up = diamond ? 1.25 : 1.2;
        const double py[4] = {y - up * r, diamond ? y : y + r, diamond ? y + up * r : y + r, y};
        mnk_text_add(t, "<polygon points=\"");
        for (int i = 0; i < (diamond ? 4 : 3); i++) {
            if (i) mnk_text_add(t, " ");
            number(t, px[i]);
            mnk_text_add(t, ",");
            number(t, py[i]);
        }
        mnk_text_add(t, "\"");
    }
    }
    mnk_text_printf(t, " %s/>", paint);
}

/* The legend: marks or line samples with names, from x on; returns the next x. */
typedef enum legend_kind { LEGEND_MARK, LEGEND_LINE, LEGEND_REFERENCE, LEGEND_BOX } legend_kind;

static double legend_entry(mnk_text *t, double x, double y, legend_kind kind, int i, const char *name) {
    char style[128];
    switch (kind) {
    case LEGEND_MARK: mark(t, i, x + 8, y - 4, 4.5); break;
    case LEGEND_LINE:
        snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"", colour[i % 8], dash[i % 8]);
        line(t, x, y - 4, x + 20, y - 4, style);
        x += 6;
        break;
    case LEGEND_REFERENCE:
        snprintf(style, sizeof style, "stroke=\"#222\" stroke-width=\"2\" stroke-dasharray=\"%s\"", reference_dash[i % 8]);
        line(t, x + 8, y - 12, x + 8, y + 3, style);
        break;
    case LEGEND_BOX:
        mnk_text_printf(t, "<rect x=\"%.0f\" y=\"%.0f\" width=\"14\" height=\"11\" fill=\"%s\"/>", x, y - 10, colour[i % 8]);
        break;
    }
    text(t, x + 20, y, "l", name);
    return x + 20 + text_px(name) + 18;
}

static double padded(double lo, double hi, double *out_hi) {
    double pad = hi > lo ? 0.04 * (hi - lo) : fabs(hi) > 0 ? 0.1 * fabs(hi) : 1;
    *out_hi = hi + pad;
    return lo - pad;
}

static void widen(double x, double *lo, double *hi) {
    if (!isfinite(x)) return;
    if (x < *lo) *lo = x;
    if (x > *hi) *hi = x;
}

typedef struct axis {
    double lo, hi, from, to; /* values, pixels */
} axis;

static double at(const axis *a, double x) {
    double u = (x - a->lo) / (a->hi - a->lo);
    return a->from + (u < -0.01 ? -0.01 : u > 1.01 ? 1.01 : u) * (a->to - a->from);
}

static void x_axis(mnk_text *t, const axis *a, double top, double bottom, const char *label) {
    double tick[12];
    char b[32];
    int n = mnk_svg_ticks(a->lo, a->hi, (int)((a->to - a->from) / 80), tick);
    for (int i = 0; i < n; i++) {
        double x = at(a, tick[i]);
        line(t, x, top, x, bottom, "class=\"g\"");
        text(t, x, bottom + 16, "m", tick_text(tick[i], b));
    }
    line(t, a->from, bottom, a->to, bottom, "class=\"a\"");
    if (label) text(t, (a->from + a->to) / 2, bottom + 33, "m", label);
}

static void y_axis(mnk_text *t, const axis *a, double left, double right, const char *label) {
    double tick[12];
    char b[32];
    int n = mnk_svg_ticks(a->lo, a->hi, 5, tick);
    for (int i = 0; i < n; i++) {
        double y = at(a, tick[i]);
        line(t, left, y, right, y, "class=\"g\"");
        text(t, left - 6, y + 4, "e", tick_text(tick[i], b));
    }
    if (label) text(t, 4, 14, "l", label);
}

static double label_column(const mnk_svg_frame *f, double longest) {
    double most = 0.42 * f->width;
    double px = longest + 14;
    return px > most ? most : px;
}

static void interval_point(mnk_text *t, const axis *a, const mnk_svg_point *p, double y, double half) {
    char style[128];
    for (int k = 0; k < p->references; k++) {
        if (!isfinite(p->reference[k].value)) continue;
        double x = at(a, p->reference[k].value);
        snprintf(style, sizeof style, "stroke=\"#222\" stroke-width=\"1.6\" stroke-dasharray=\"%s\"",
                 reference_dash[p->reference[k].kind % 8]);
        line(t, x, y - half, x, y + half, style);
    }
    if (!isfinite(p->value)) return;
    const char *c = colour[p->series % MNK_SVG_SERIES_MAX];
    if (isfinite(p->low) && isfinite(p->high)) {
        snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"2\"", c);
        double x1 = at(a, p->low), x2 = at(a, p->high);
        line(t, x1, y, x2, y, style);
        line(t, x1, y - 3, x1, y + 3, style);
        line(t, x2, y - 3, x2, y + 3, style);
    }
    mark(t, p->series, at(a, p->value), y, 4.5);
}

void mnk_svg_intervals(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_row *rows, size_t n, const char *const *series_names,
                       int series, const char *const *reference_names, int references) {
    double longest = 0, lo = INFINITY, hi = -INFINITY, y = LEGEND_PX;
    int most = 1;
    for (size_t i = 0; i < n; i++) {
        double px = text_px(rows[i].label) * (rows[i].strong ? 1.08 : 1);
        if (px > longest) longest = px;
        if (rows[i].points > most) most = rows[i].points;
        for (int k = 0; k < rows[i].points; k++) {
            const mnk_svg_point *p = &rows[i].point[k];
            widen(p->value, &lo, &hi);
            widen(p->low, &lo, &hi);
            widen(p->high, &lo, &hi);
            for (int r = 0; r < p->references; r++) widen(p->reference[r].value, &lo, &hi);
        }
    }
    axis a = {f->lo, f->hi, label_column(f, longest), f->width - 14.0};
    if (f->lo == f->hi && hi >= lo) a.lo = padded(lo, hi, &a.hi);
    if (!(a.hi > a.lo)) a.lo = 0, a.hi = 1;
    double row_px = most > 1 ? most * SERIES_PX + 12 : ROW_PX;
    int height = (int)(LEGEND_PX + (double)n * row_px + AXIS_PX + 4);
    begin(t, f, height);
    double x = 2;
    for (int i = 0; i < series; i++)
        if (series_names[i]) x = legend_entry(t, x, 14, LEGEND_MARK, i, series_names[i]);
    for (int i = 0; i < references; i++)
        if (reference_names[i]) x = legend_entry(t, x, 14, LEGEND_REFERENCE, i, reference_names[i]);
    x_axis(t, &a, LEGEND_PX, LEGEND_PX + (double)n * row_px, f->x_label);
    for (size_t i = 0; i < n; i++, y += row_px) {
        if (rows[i].strong && i) line(t, 0, y, f->width, y, "class=\"a\"");
        text(t, a.from - 10, y + row_px / 2 + 4, rows[i].strong ? "e b" : "e", rows[i].label);
        double step = rows[i].points > 1 ? SERIES_PX : 0, first = y + row_px / 2 - step * (rows[i].points - 1) / 2;
        for (int k = 0; k < rows[i].points; k++) interval_point(t, &a, &rows[i].point[k], first + k * step, 6.5);
    }
    end(t);
}

static void polyline(mnk_text *t, const axis *ax, const axis *ay, const mnk_svg_line *l, int series) {
    bool pen = false;
    mnk_text_printf(
        t, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\" stroke-dasharray=\"%s\" d=\"",
        colour[series % 8], dash[series % 8]);
    for (size_t i = 0; i < l->n; i++) {
        if (!isfinite(l->x[i]) || !isfinite(l->y[i])) {
            pen = false;
            continue;
        }
        mnk_text_add(t, pen ? "L" : "M");
        number(t, at(ax, l->x[i]));
        mnk_text_add(t, " ");
        number(t, at(ay, l->y[i]));
        pen = true;
    }
    mnk_text_add(t, "\"/>\n");
}

void mnk_svg_lines(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_line *lines, int n) {
    double xlo = INFINITY, xhi = -INFINITY, ylo = INFINITY, yhi = -INFINITY;
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < lines[k].n; i++) {
            if (!isfinite(lines[k].y[i])) continue;
            widen(lines[k].x[i], &xlo, &xhi);
            widen(lines[k].y[i], &ylo, &yhi);
        }
    axis ax = {xlo, xhi, 52, f->width - 12.0}, ay = {f->lo, f->hi, f->height - (double)AXIS_PX, LEGEND_PX + 4};
    if (!(xhi > xlo)) ax.lo = isfinite(xlo) ? xlo - 1 : 0, ax.hi = isfinite(xlo) ? xlo + 1 : 1;
    if (f->lo == f->hi && yhi >= ylo) ay.lo = padded(ylo, yhi, &ay.hi);
    if (!(ay.hi > ay.lo)) ay.lo = 0, ay.hi = 1;
    begin(t, f, f->height);
    double x = f->y_label ? text_px(f->y_label) + 24 : 2;
    for (int k = 0; k < n; k++) x = legend_entry(t, x, 14, LEGEND_LINE, k, lines[k].name);
    y_axis(t, &ay, ax.from, ax.to, f->y_label);
    x_axis(t, &ax, ay.to, ay.from, f->x_label);
    for (int k = 0; k < n; k++) polyline(t, &ax, &ay, &lines[k], k);
    end(t);
}

/* White to blue for 0..hi; orange over white to blue for -hi..hi. */
static void cell_colour(double u, bool diverging, char out[8]) {
    static const double high[3] = {0, 114, 178}, low[3] = {213, 94, 0};
    const double *end = diverging && u < 0 ? low : high;
    double a = fabs(u) > 1 ? 1 : fabs(u);
    int c[3];
    for (int k = 0; k < 3; k++) c[k] = (int)(255 + a * (end[k] - 255) + 0.5);
    snprintf(out, 8, "#%02x%02x%02x", (unsigned)c[0] & 255, (unsigned)c[1] & 255, (unsigned)c[2] & 255);
}

void mnk_svg_square(mnk_text *t, const mnk_svg_frame *f, const double *value, const char *const *name, size_t n,
                    bool diverging) {
    double longest = 0;
    for (size_t i = 0; i < n; i++)
        if (text_px(name[i]) > longest) longest = text_px(name[i]);
    double left = label_column(f, longest), side = n ? (f->width - left - 60) / (double)n : 1, below = left < 120 ? left : 120;
    if (side > 22) side = 22;
    begin(t, f, (int)(LEGEND_PX + side * (double)n + below + 8));
    for (int k = 0; k < 9; k++) { /* the scale */
        char c[8], b[32];
        double u = diverging ? k / 4.0 - 1 : k / 8.0;
        cell_colour(u, diverging, c);
        mnk_text_printf(t, "<rect x=\"%d\" y=\"4\" width=\"18\" height=\"11\" fill=\"%s\" stroke=\"#dbe0e6\"/>", 40 + 18 * k,
                        c);
        if (k == 0) text(t, 36, 14, "e", tick_text(diverging ? -f->hi : 0, b));
        if (k == 8) text(t, 40 + 18 * 9 + 4, 14, "l", tick_text(f->hi, b));
    }
    for (size_t i = 0; i < n; i++) {
        double y = LEGEND_PX + side * (double)i;
        text(t, left - 6, y + side / 2 + 4, "e", name[i]);
        for (size_t k = 0; k < n; k++) {
            double v = value[i * n + k];
            char c[8];
            if (isnan(v)) continue;
            cell_colour(v / f->hi, diverging, c);
            mnk_text_add(t, "<rect");
            attribute(t, "x", left + side * (double)k);
            attribute(t, "y", y);
            attribute(t, "width", side);
            attribute(t, "height", side);
            mnk_text_printf(t, " fill=\"%s\" stroke=\"#eef1f4\"/>", c);
        }
        double x = left + side * ((double)i + 0.5) + 4, foot = LEGEND_PX + side * (double)n + 8;
        mnk_text_printf(t, "<text class=\"e\" transform=\"translate(%.1f %.1f) rotate(-60)\">", x, foot);
        mnk_xml_text(t, name[i]);
        mnk_text_add(t, "</text>\n");
    }
    end(t);
}

static void spot(mnk_text *t, const axis *ax, const axis *ay, const mnk_svg_spot *s, int series, double right) {
    double x = at(ax, s->x), y = at(ay, s->y);
    char style[64];
    snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"1.6\"", s->is_reference ? "#777" : colour[series % 8]);
    if (isfinite(s->x_low) && isfinite(s->x_high)) line(t, at(ax, s->x_low), y, at(ax, s->x_high), y, style);
    if (isfinite(s->y_low) && isfinite(s->y_high)) line(t, x, at(ay, s->y_low), x, at(ay, s->y_high), style);
    if (s->is_reference) {
        mnk_text_add(t, "<circle");
        attribute(t, "cx", x);
        attribute(t, "cy", y);
        mnk_text_add(t, " r=\"4.5\" fill=\"#fff\" stroke=\"#777\" stroke-width=\"2\"/>");
    } else mark(t, series, x, y, 5);
    bool fits = x + 9 + text_px(s->name) < right;
    text(t, fits ? x + 9 : x - 9, y - 7, fits ? "l" : "e", s->name);
}

void mnk_svg_plane(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_spot *spots, size_t n) {
    double xlo = INFINITY, xhi = -INFINITY, ylo = INFINITY, yhi = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        const mnk_svg_spot *s = &spots[i];
        if (!isfinite(s->x) || !isfinite(s->y)) continue;
        widen(s->x, &xlo, &xhi), widen(s->x_low, &xlo, &xhi), widen(s->x_high, &xlo, &xhi);
        widen(s->y, &ylo, &yhi), widen(s->y_low, &ylo, &yhi), widen(s->y_high, &ylo, &yhi);
    }
    axis ax = {0, 1, 52, f->width - 14.0}, ay = {0, 1, f->height - (double)AXIS_PX, LEGEND_PX + 4};
    if (xhi >= xlo) ax.lo = padded(xlo, xhi, &ax.hi);
    if (yhi >= ylo) ay.lo = padded(ylo, yhi, &ay.hi);
    begin(t, f, f->height);
    y_axis(t, &ay, ax.from, ax.to, f->y_label);
    x_axis(t, &ax, ay.to, ay.from, f->x_label);
    int series = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(spots[i].x) && isfinite(spots[i].y)) {
            spot(t, &ax, &ay, &spots[i], series, ax.to);
            series += !spots[i].is_reference;
        }
    end(t);
}

/* ---- tracks ---- */

enum { LABELS_MAX = 256, EDGE_PX = 92 };

typedef struct box {
    double x, y, w, h;
} box;

typedef struct tracks {
    mnk_text *t;
    const mnk_svg_track *track;
    size_t n;
    bool log_x;
    axis x, y;
    double edge_px; /* middle of the column for marks without x; 0: none */
    box taken[LABELS_MAX];
    size_t boxes;
} tracks;

static double x_value(const tracks *k, double x) { return !k->log_x ? x : x > 0 ? log10(x) : (double)NAN; }

/* Marks of one x stand side by side on a logarithmic axis: x is a setting there, not a measurement. */
static double x_px(const tracks *k, double x, size_t track) {
    const double step = isinf(x) ? 16 : 9, shift = k->log_x ? step * ((double)track - ((double)k->n - 1) / 2) : 0;
    return (isinf(x) ? k->edge_px : at(&k->x, x_value(k, x))) + shift;
}

static void take(tracks *k, double x, double y, double w, double h) {
    if (k->boxes < LABELS_MAX) k->taken[k->boxes++] = (box){x, y, w, h};
}

static bool is_free(const tracks *k, box b, double left, double right) {
    if (b.x < left || b.x + b.w > right) return false;
    for (size_t i = 0; i < k->boxes; i++) {
        const box *o = &k->taken[i];
        if (b.x < o->x + o->w && o->x < b.x + b.w && b.y < o->y + o->h && o->y < b.y + b.h) return false;
    }
    return true;
}

/* Right above, left above, right below, left below; nowhere when all are taken: the table has every number. */
static void place_label(tracks *k, double x, double y, const char *label) {
    const double w = text_px(label), h = 12;
    for (int i = 0; i < 4; i++) {
        const bool right = i % 2 == 0, above = i < 2;
        const box b = {right ? x + 8 : x - 8 - w, above ? y - 4 - h : y + 5, w, h};
        if (!is_free(k, b, k->x.from, k->x.to + (k->edge_px > 0 ? EDGE_PX : 0))) continue;
        text(k->t, right ? b.x : b.x + w, b.y + h - 2, right ? "l" : "e", label);
        take(k, b.x, b.y, b.w, b.h);
        return;
    }
}

static bool is_drawn(const tracks *k, const mnk_svg_mark *m) {
    return !isnan(m->x) && isfinite(m->y) && (!k->log_x || m->x > 0);
}

static void draw_track(tracks *k, size_t i) {
    const mnk_svg_track *track = &k->track[i];
    const char *c = colour[i % 8];
    char style[128];
    const mnk_svg_mark *before = NULL;
    for (size_t m = 0; m < track->n; m++) {
        const mnk_svg_mark *now = &track->mark[m];
        if (!is_drawn(k, now)) continue;
        const double x = x_px(k, now->x, i), y = at(&k->y, now->y);
        snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\"", c, dash[i % 8]);
        if (before) line(k->t, x_px(k, before->x, i), at(&k->y, before->y), x, y, style);
        snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"1.4\"", c);
        if (isfinite(now->y_low) && isfinite(now->y_high))
            line(k->t, x, at(&k->y, now->y_low), x, at(&k->y, now->y_high), style);
        if (!k->log_x && isfinite(now->x_low) && isfinite(now->x_high))
            line(k->t, x_px(k, now->x_low, i), y, x_px(k, now->x_high, i), y, style);
        before = now;
    }
    for (size_t m = 0; m < track->n; m++)
        if (is_drawn(k, &track->mark[m])) {
            const double x = x_px(k, track->mark[m].x, i), y = at(&k->y, track->mark[m].y);
            mark(k->t, (int)(i % 8), x, y, 5);
            take(k, x - 6, y - 6, 12, 12);
        }
}

/* Legend in as many rows as it needs; only counted with t NULL. Returns the rows. */
static int track_legend(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_track *track, size_t n, const mnk_svg_rule *rule,
                        size_t rules) {
    double x = 2, y = f->y_label ? 14 + LEGEND_PX - 4 : 14;
    int rows = f->y_label ? 2 : 1;
    for (size_t i = 0; i < n + rules; i++) {
        const char *name = i < n ? track[i].name : rule[i - n].name;
        const double w = 38 + text_px(name);
        if (x > 2 && x + w > f->width) x = 2, y += 18, rows++;
        if (t && i < n) legend_entry(t, x, y, LEGEND_MARK, (int)(i % 8), name);
        else if (t) {
            char style[96];
            snprintf(style, sizeof style, "stroke=\"#444\" stroke-width=\"1.5\" stroke-dasharray=\"%s\"",
                     reference_dash[1 + (i - n) % 7]);
            line(t, x, y - 4, x + 16, y - 4, style);
            text(t, x + 20, y, "l", name);
        }
        x += w;
    }
    return rows;
}

static void log_axis(mnk_text *t, const axis *a, double top, double bottom, const char *label) {
    static const double step[] = {1, 2, 5};
    const bool wide = a->hi - a->lo > 2.2;
    for (int e = (int)floor(a->lo); e <= (int)ceil(a->hi); e++)
        for (int k = 0; k < (wide ? 1 : 3); k++) {
            char b[32];
            const double v = e + log10(step[k]);
            if (v < a->lo || v > a->hi) continue;
            line(t, at(a, v), top, at(a, v), bottom, "class=\"g\"");
            snprintf(b, sizeof b, "%.4g", step[k] * pow(10, e));
            text(t, at(a, v), bottom + 16, "m", b);
        }
    line(t, a->from, bottom, a->to, bottom, "class=\"a\"");
    if (label) text(t, (a->from + a->to) / 2, bottom + 33, "m", label);
}

static void fit_axes(tracks *k, const mnk_svg_frame *f, const mnk_svg_rule *rule, size_t rules, const char *edge, int rows) {
    double xlo = INFINITY, xhi = -INFINITY, ylo = INFINITY, yhi = -INFINITY;
    for (size_t i = 0; i < k->n; i++)
        for (size_t m = 0; m < k->track[i].n; m++) {
            const mnk_svg_mark *p = &k->track[i].mark[m];
            if (!is_drawn(k, p)) continue;
            widen(p->y, &ylo, &yhi), widen(p->y_low, &ylo, &yhi), widen(p->y_high, &ylo, &yhi);
            if (isinf(p->x)) continue;
            widen(x_value(k, p->x), &xlo, &xhi);
            if (!k->log_x) widen(p->x_low, &xlo, &xhi), widen(p->x_high, &xlo, &xhi);
        }
    for (size_t i = 0; i < rules; i++)
        if (rule[i].is_vertical) widen(x_value(k, rule[i].at), &xlo, &xhi);
        else widen(rule[i].at, &ylo, &yhi);
    k->x = (axis){0, 1, 52, f->width - 14.0 - (edge ? EDGE_PX : 0)};
    k->y = (axis){0, 1, f->height - (double)AXIS_PX, LEGEND_PX + 4 + 18.0 * (rows - 1)};
    if (xhi >= xlo) k->x.lo = padded(xlo, xhi, &k->x.hi);
    if (k->log_x && xhi >= xlo) k->x.lo = xlo - 0.3, k->x.hi = xhi + 0.3;
    if (yhi >= ylo) k->y.lo = padded(ylo, yhi, &k->y.hi);
    k->edge_px = edge ? f->width - 14.0 - EDGE_PX / 2.0 : 0;
}

void mnk_svg_tracks(mnk_text *t, const mnk_svg_frame *f, bool log_x, const char *edge, const mnk_svg_track *track, size_t n,
                    const mnk_svg_rule *rule, size_t rules) {
    tracks k = {.t = t, .track = track, .n = n, .log_x = log_x};
    const int rows = track_legend(NULL, f, track, n, rule, rules);
    fit_axes(&k, f, rule, rules, edge, rows);
    const double right = f->width - 14.0;
    begin(t, f, f->height);
    track_legend(t, f, track, n, rule, rules);
    y_axis(t, &k.y, k.x.from, right, f->y_label);
    if (log_x) log_axis(t, &k.x, k.y.to, k.y.from, f->x_label);
    else x_axis(t, &k.x, k.y.to, k.y.from, f->x_label);
    if (edge) {
        line(t, k.x.to, k.y.to, k.x.to, k.y.from, "class=\"a\"");
        text(t, k.edge_px, k.y.from + 16, "m", edge);
    }
    for (size_t i = 0; i < rules; i++) {
        char style[96];
        if (!isfinite(rule[i].is_vertical ? x_value(&k, rule[i].at) : rule[i].at)) continue;
        snprintf(style, sizeof style, "stroke=\"#444\" stroke-width=\"1.5\" stroke-dasharray=\"%s\"",
                 reference_dash[1 + i % 7]);
        if (rule[i].is_vertical)
            line(t, at(&k.x, x_value(&k, rule[i].at)), k.y.to, at(&k.x, x_value(&k, rule[i].at)), k.y.from, style);
        else line(t, k.x.from, at(&k.y, rule[i].at), right, at(&k.y, rule[i].at), style);
    }
    for (size_t i = 0; i < n; i++) draw_track(&k, i);
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < track[i].n; m++)
            if (is_drawn(&k, &track[i].mark[m]) && track[i].mark[m].label)
                place_label(&k, x_px(&k, track[i].mark[m].x, i), at(&k.y, track[i].mark[m].y), track[i].mark[m].label);
    end(t);
}

void mnk_svg_histogram(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_sample *samples, int n, int bins) {
    enum { BINS_MAX = 200 };
    double lo = INFINITY, hi = -INFINITY, share[MNK_SVG_SERIES_MAX][BINS_MAX] = {{0}}, top = 0;
    if (n > MNK_SVG_SERIES_MAX) n = MNK_SVG_SERIES_MAX;
    if (bins > BINS_MAX) bins = BINS_MAX;
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < samples[k].n; i++) widen(samples[k].value[i], &lo, &hi);
    axis ax = {f->lo, f->hi, 52, f->width - 12.0};
    if (f->lo == f->hi && hi >= lo) ax.lo = lo < 0 ? lo : 0, ax.hi = hi;
    if (!(ax.hi > ax.lo)) ax.hi = ax.lo + 1;
    for (int k = 0; k < n; k++) {
        size_t total = 0;
        for (size_t i = 0; i < samples[k].n; i++) total += isfinite(samples[k].value[i]);
        for (size_t i = 0; i < samples[k].n; i++) {
            double u = (samples[k].value[i] - ax.lo) / (ax.hi - ax.lo);
            if (!isfinite(u)) continue;
            int b = (int)(u * bins);
            b = b < 0 ? 0 : b >= bins ? bins - 1 : b;
            share[k][b] += 100.0 / (double)total;
            if (share[k][b] > top) top = share[k][b];
        }
    }
    axis ay = {0, top > 0 ? 1.06 * top : 1, f->height - (double)AXIS_PX, LEGEND_PX + 4};
    begin(t, f, f->height);
    double x = f->y_label ? text_px(f->y_label) + 24 : 2;
    for (int k = 0; k < n; k++) x = legend_entry(t, x, 14, LEGEND_LINE, k, samples[k].name);
    y_axis(t, &ay, ax.from, ax.to, f->y_label);
    x_axis(t, &ax, ay.to, ay.from, f->x_label);
    for (int k = 0; k < n; k++) {
        mnk_text_printf(
            t, "<path fill=\"%s\" fill-opacity=\"0.12\" stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\" d=\"M",
            colour[k], colour[k], dash[k]);
        number(t, ax.from);
        mnk_text_add(t, " ");
        number(t, ay.from);
        for (int b = 0; b < bins; b++) {
            mnk_text_add(t, "V");
            number(t, at(&ay, share[k][b]));
            mnk_text_add(t, "H");
            number(t, ax.from + (ax.to - ax.from) * (b + 1) / bins);
        }
        mnk_text_add(t, "V");
        number(t, ay.from);
        mnk_text_add(t, "Z\"/>\n");
    }
    end(t);
}

void mnk_svg_bars(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_bar *bars, size_t n, const char *const *series_names,
                  int series) {
    double longest = 0, most = 0, x = 2;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < series; k++) sum += bars[i].value[k] > 0 ? bars[i].value[k] : 0;
        if (sum > most) most = sum;
        if (text_px(bars[i].label) > longest) longest = text_px(bars[i].label);
    }
    axis a = {0, most > 0 ? most : 1, label_column(f, longest), f->width - 64.0};
    begin(t, f, (int)(LEGEND_PX + n * 22 + 6));
    for (int k = 0; k < series; k++) x = legend_entry(t, x, 14, LEGEND_BOX, k, series_names[k]);
    for (size_t i = 0; i < n; i++) {
        double y = LEGEND_PX + (double)i * 22, left = a.from, sum = 0;
        char b[32];
        text(t, a.from - 10, y + 14, "e", bars[i].label);
        for (int k = 0; k < series; k++) {
            double v = bars[i].value[k] > 0 ? bars[i].value[k] : 0, right = at(&a, sum + v);
            if (v > 0) {
                mnk_text_add(t, "<rect");
                attribute(t, "x", left);
                attribute(t, "y", y + 3);
                attribute(t, "width", right - left);
                mnk_text_printf(t, " height=\"15\" fill=\"%s\" stroke=\"#fff\"/>", colour[k % 8]);
            }
            left = right;
            sum += v;
        }
        text(t, left + 6, y + 14, "l", tick_text(sum, b));
    }
    end(t);
}
