#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "evidence/svg_draw.h"

static double label_column(const mnk_svg_frame *f, double longest) {
    double most = 0.42 * f->width;
    double px = longest + 14;
    return px > most ? most : px;
}

static void interval_point(mnk_text *t, const mnk_draw_axis *a, const mnk_svg_point *p, double y, double half) {
    char style[128];
    for (int k = 0; k < p->references; k++) {
        if (!isfinite(p->reference[k].value)) continue;
        double x = mnk_draw_at(a, p->reference[k].value);
        snprintf(style, sizeof style, "stroke=\"#222\" stroke-width=\"1.6\" stroke-dasharray=\"%s\"",
                 mnk_draw_reference_dash[p->reference[k].kind % 8]);
        mnk_draw_line(t, x, y - half, x, y + half, style);
    }
    if (!isfinite(p->value)) return;
    const char *c = mnk_draw_colour[p->series % MNK_SVG_SERIES_MAX];
    if (isfinite(p->low) && isfinite(p->high)) {
        snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"2\"", c);
        double x1 = mnk_draw_at(a, p->low), x2 = mnk_draw_at(a, p->high);
        mnk_draw_line(t, x1, y, x2, y, style);
        mnk_draw_line(t, x1, y - 3, x1, y + 3, style);
        mnk_draw_line(t, x2, y - 3, x2, y + 3, style);
    }
    mnk_draw_mark(t, p->series, mnk_draw_at(a, p->value), y, 4.5);
}

void mnk_svg_intervals(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_row *rows, size_t n, const char *const *series_names,
                       int series, const char *const *reference_names, int references) {
    double longest = 0, lo = INFINITY, hi = -INFINITY, y = MNK_LEGEND_PX;
    int most = 1;
    for (size_t i = 0; i < n; i++) {
        double px = mnk_draw_text_px(rows[i].label) * (rows[i].strong ? 1.08 : 1);
        if (px > longest) longest = px;
        if (rows[i].points > most) most = rows[i].points;
        for (int k = 0; k < rows[i].points; k++) {
            const mnk_svg_point *p = &rows[i].point[k];
            mnk_draw_widen(p->value, &lo, &hi);
            mnk_draw_widen(p->low, &lo, &hi);
            mnk_draw_widen(p->high, &lo, &hi);
            for (int r = 0; r < p->references; r++) mnk_draw_widen(p->reference[r].value, &lo, &hi);
        }
    }
    mnk_draw_axis a = {f->lo, f->hi, label_column(f, longest), f->width - 14.0};
    if (f->lo == f->hi && hi >= lo) a.lo = mnk_draw_padded(lo, hi, &a.hi);
    if (!(a.hi > a.lo)) a.lo = 0, a.hi = 1;
    double row_px = most > 1 ? most * MNK_SERIES_PX + 12 : MNK_ROW_PX;
    int height = (int)(MNK_LEGEND_PX + (double)n * row_px + MNK_AXIS_PX + 4);
    mnk_draw_begin(t, f, height);
    double x = 2;
    for (int i = 0; i < series; i++)
        if (series_names[i]) x = mnk_draw_legend(t, x, 14, MNK_LEGEND_MARK, i, series_names[i]);
    for (int i = 0; i < references; i++)
        if (reference_names[i]) x = mnk_draw_legend(t, x, 14, MNK_LEGEND_REFERENCE, i, reference_names[i]);
    mnk_draw_x_axis(t, &a, MNK_LEGEND_PX, MNK_LEGEND_PX + (double)n * row_px, f->x_label);
    for (size_t i = 0; i < n; i++, y += row_px) {
        if (rows[i].strong && i) mnk_draw_line(t, 0, y, f->width, y, "class=\"a\"");
        mnk_draw_text(t, a.from - 10, y + row_px / 2 + 4, rows[i].strong ? "e b" : "e", rows[i].label);
        double step = rows[i].points > 1 ? MNK_SERIES_PX : 0, first = y + row_px / 2 - step * (rows[i].points - 1) / 2;
        for (int k = 0; k < rows[i].points; k++) interval_point(t, &a, &rows[i].point[k], first + k * step, 6.5);
    }
    mnk_draw_end(t);
}

static void polyline(mnk_text *t, const mnk_draw_axis *ax, const mnk_draw_axis *ay, const mnk_svg_line *l, int series) {
    bool pen = false;
    mnk_text_printf(
        t, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\" stroke-dasharray=\"%s\" d=\"",
        mnk_draw_colour[series % 8], mnk_draw_dash[series % 8]);
    for (size_t i = 0; i < l->n; i++) {
        if (!isfinite(l->x[i]) || !isfinite(l->y[i])) {
            pen = false;
            continue;
        }
        mnk_text_add(t, pen ? "L" : "M");
        mnk_draw_number(t, mnk_draw_at(ax, l->x[i]));
        mnk_text_add(t, " ");
        mnk_draw_number(t, mnk_draw_at(ay, l->y[i]));
        pen = true;
    }
    mnk_text_add(t, "\"/>\n");
}

void mnk_svg_lines(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_line *lines, int n) {
    double xlo = INFINITY, xhi = -INFINITY, ylo = INFINITY, yhi = -INFINITY;
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < lines[k].n; i++) {
            if (!isfinite(lines[k].y[i])) continue;
            mnk_draw_widen(lines[k].x[i], &xlo, &xhi);
            mnk_draw_widen(lines[k].y[i], &ylo, &yhi);
        }
    mnk_draw_axis ax = {xlo, xhi, 52, f->width - 12.0}, ay = {f->lo, f->hi, f->height - (double)MNK_AXIS_PX, MNK_LEGEND_PX + 4};
    if (!(xhi > xlo)) ax.lo = isfinite(xlo) ? xlo - 1 : 0, ax.hi = isfinite(xlo) ? xlo + 1 : 1;
    if (f->lo == f->hi && yhi >= ylo) ay.lo = mnk_draw_padded(ylo, yhi, &ay.hi);
    if (!(ay.hi > ay.lo)) ay.lo = 0, ay.hi = 1;
    mnk_draw_begin(t, f, f->height);
    double x = f->y_label ? mnk_draw_text_px(f->y_label) + 24 : 2;
    for (int k = 0; k < n; k++) x = mnk_draw_legend(t, x, 14, MNK_LEGEND_LINE, k, lines[k].name);
    mnk_draw_y_axis(t, &ay, ax.from, ax.to, f->y_label);
    mnk_draw_x_axis(t, &ax, ay.to, ay.from, f->x_label);
    for (int k = 0; k < n; k++) polyline(t, &ax, &ay, &lines[k], k);
    mnk_draw_end(t);
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
        if (mnk_draw_text_px(name[i]) > longest) longest = mnk_draw_text_px(name[i]);
    double left = label_column(f, longest), side = n ? (f->width - left - 60) / (double)n : 1, below = left < 120 ? left : 120;
    if (side > 22) side = 22;
    mnk_draw_begin(t, f, (int)(MNK_LEGEND_PX + side * (double)n + below + 8));
    for (int k = 0; k < 9; k++) { /* the scale */
        char c[8], b[32];
        double u = diverging ? k / 4.0 - 1 : k / 8.0;
        cell_colour(u, diverging, c);
        mnk_text_printf(t, "<rect x=\"%d\" y=\"4\" width=\"18\" height=\"11\" fill=\"%s\" stroke=\"#dbe0e6\"/>", 40 + 18 * k,
                        c);
        if (k == 0) mnk_draw_text(t, 36, 14, "e", mnk_draw_tick_text(diverging ? -f->hi : 0, b));
        if (k == 8) mnk_draw_text(t, 40 + 18 * 9 + 4, 14, "l", mnk_draw_tick_text(f->hi, b));
    }
    for (size_t i = 0; i < n; i++) {
        double y = MNK_LEGEND_PX + side * (double)i;
        mnk_draw_text(t, left - 6, y + side / 2 + 4, "e", name[i]);
        for (size_t k = 0; k < n; k++) {
            double v = value[i * n + k];
            char c[8];
            if (isnan(v)) continue;
            cell_colour(v / f->hi, diverging, c);
            mnk_text_add(t, "<rect");
            mnk_draw_attribute(t, "x", left + side * (double)k);
            mnk_draw_attribute(t, "y", y);
            mnk_draw_attribute(t, "width", side);
            mnk_draw_attribute(t, "height", side);
            mnk_text_printf(t, " fill=\"%s\" stroke=\"#eef1f4\"/>", c);
        }
        double x = left + side * ((double)i + 0.5) + 4, foot = MNK_LEGEND_PX + side * (double)n + 8;
        mnk_text_printf(t, "<text class=\"e\" transform=\"translate(%.1f %.1f) rotate(-60)\">", x, foot);
        mnk_xml_text(t, name[i]);
        mnk_text_add(t, "</text>\n");
    }
    mnk_draw_end(t);
}

static void spot(mnk_text *t, const mnk_draw_axis *ax, const mnk_draw_axis *ay, const mnk_svg_spot *s, int series,
                 double right) {
    double x = mnk_draw_at(ax, s->x), y = mnk_draw_at(ay, s->y);
    char style[64];
    snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"1.6\"", s->is_reference ? "#777" : mnk_draw_colour[series % 8]);
    if (isfinite(s->x_low) && isfinite(s->x_high))
        mnk_draw_line(t, mnk_draw_at(ax, s->x_low), y, mnk_draw_at(ax, s->x_high), y, style);
    if (isfinite(s->y_low) && isfinite(s->y_high))
        mnk_draw_line(t, x, mnk_draw_at(ay, s->y_low), x, mnk_draw_at(ay, s->y_high), style);
    if (s->is_reference) {
        mnk_text_add(t, "<circle");
        mnk_draw_attribute(t, "cx", x);
        mnk_draw_attribute(t, "cy", y);
        mnk_text_add(t, " r=\"4.5\" fill=\"#fff\" stroke=\"#777\" stroke-width=\"2\"/>");
    } else mnk_draw_mark(t, series, x, y, 5);
    bool fits = x + 9 + mnk_draw_text_px(s->name) < right;
    mnk_draw_text(t, fits ? x + 9 : x - 9, y - 7, fits ? "l" : "e", s->name);
}

void mnk_svg_plane(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_spot *spots, size_t n) {
    double xlo = INFINITY, xhi = -INFINITY, ylo = INFINITY, yhi = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        const mnk_svg_spot *s = &spots[i];
        if (!isfinite(s->x) || !isfinite(s->y)) continue;
        mnk_draw_widen(s->x, &xlo, &xhi), mnk_draw_widen(s->x_low, &xlo, &xhi), mnk_draw_widen(s->x_high, &xlo, &xhi);
        mnk_draw_widen(s->y, &ylo, &yhi), mnk_draw_widen(s->y_low, &ylo, &yhi), mnk_draw_widen(s->y_high, &ylo, &yhi);
    }
    mnk_draw_axis ax = {0, 1, 52, f->width - 14.0}, ay = {0, 1, f->height - (double)MNK_AXIS_PX, MNK_LEGEND_PX + 4};
    if (xhi >= xlo) ax.lo = mnk_draw_padded(xlo, xhi, &ax.hi);
    if (yhi >= ylo) ay.lo = mnk_draw_padded(ylo, yhi, &ay.hi);
    mnk_draw_begin(t, f, f->height);
    mnk_draw_y_axis(t, &ay, ax.from, ax.to, f->y_label);
    mnk_draw_x_axis(t, &ax, ay.to, ay.from, f->x_label);
    int series = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(spots[i].x) && isfinite(spots[i].y)) {
            spot(t, &ax, &ay, &spots[i], series, ax.to);
            series += !spots[i].is_reference;
        }
    mnk_draw_end(t);
}

void mnk_svg_histogram(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_sample *samples, int n, int bins) {
    enum { BINS_MAX = 200 };
    double lo = INFINITY, hi = -INFINITY, share[MNK_SVG_SERIES_MAX][BINS_MAX] = {{0}}, top = 0;
    if (n > MNK_SVG_SERIES_MAX) n = MNK_SVG_SERIES_MAX;
    if (bins > BINS_MAX) bins = BINS_MAX;
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < samples[k].n; i++) mnk_draw_widen(samples[k].value[i], &lo, &hi);
    mnk_draw_axis ax = {f->lo, f->hi, 52, f->width - 12.0};
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
    mnk_draw_axis ay = {0, top > 0 ? 1.06 * top : 1, f->height - (double)MNK_AXIS_PX, MNK_LEGEND_PX + 4};
    mnk_draw_begin(t, f, f->height);
    double x = f->y_label ? mnk_draw_text_px(f->y_label) + 24 : 2;
    for (int k = 0; k < n; k++) x = mnk_draw_legend(t, x, 14, MNK_LEGEND_LINE, k, samples[k].name);
    mnk_draw_y_axis(t, &ay, ax.from, ax.to, f->y_label);
    mnk_draw_x_axis(t, &ax, ay.to, ay.from, f->x_label);
    for (int k = 0; k < n; k++) {
        mnk_text_printf(
            t, "<path fill=\"%s\" fill-opacity=\"0.12\" stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\" d=\"M",
            mnk_draw_colour[k], mnk_draw_colour[k], mnk_draw_dash[k]);
        mnk_draw_number(t, ax.from);
        mnk_text_add(t, " ");
        mnk_draw_number(t, ay.from);
        for (int b = 0; b < bins; b++) {
            mnk_text_add(t, "V");
            mnk_draw_number(t, mnk_draw_at(&ay, share[k][b]));
            mnk_text_add(t, "H");
            mnk_draw_number(t, ax.from + (ax.to - ax.from) * (b + 1) / bins);
        }
        mnk_text_add(t, "V");
        mnk_draw_number(t, ay.from);
        mnk_text_add(t, "Z\"/>\n");
    }
    mnk_draw_end(t);
}

void mnk_svg_bars(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_bar *bars, size_t n, const char *const *series_names,
                  int series) {
    double longest = 0, most = 0, x = 2;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < series; k++) sum += bars[i].value[k] > 0 ? bars[i].value[k] : 0;
        if (sum > most) most = sum;
        if (mnk_draw_text_px(bars[i].label) > longest) longest = mnk_draw_text_px(bars[i].label);
    }
    mnk_draw_axis a = {0, most > 0 ? most : 1, label_column(f, longest), f->width - 64.0};
    mnk_draw_begin(t, f, (int)(MNK_LEGEND_PX + n * 22 + 6));
    for (int k = 0; k < series; k++) x = mnk_draw_legend(t, x, 14, MNK_LEGEND_BOX, k, series_names[k]);
    for (size_t i = 0; i < n; i++) {
        double y = MNK_LEGEND_PX + (double)i * 22, left = a.from, sum = 0;
        char b[32];
        mnk_draw_text(t, a.from - 10, y + 14, "e", bars[i].label);
        for (int k = 0; k < series; k++) {
            double v = bars[i].value[k] > 0 ? bars[i].value[k] : 0, right = mnk_draw_at(&a, sum + v);
            if (v > 0) {
                mnk_text_add(t, "<rect");
                mnk_draw_attribute(t, "x", left);
                mnk_draw_attribute(t, "y", y + 3);
                mnk_draw_attribute(t, "width", right - left);
                mnk_text_printf(t, " height=\"15\" fill=\"%s\" stroke=\"#fff\"/>", mnk_draw_colour[k % 8]);
            }
            left = right;
            sum += v;
        }
        mnk_draw_text(t, left + 6, y + 14, "l", mnk_draw_tick_text(sum, b));
    }
    mnk_draw_end(t);
}
