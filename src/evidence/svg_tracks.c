/* Marks joined in order along a setting or a measurement, with intervals both ways, rules, and labels where there is room. */
#include <math.h>
#include <stdio.h>

#include "evidence/svg_draw.h"

enum { LABELS_MAX = 256, EDGE_PX = 92 };

typedef struct box {
    double x, y, w, h;
} box;

typedef struct tracks {
    mnk_text *t;
    const mnk_svg_track *track;
    size_t n;
    bool log_x;
    mnk_draw_axis x, y;
    double edge_px; /* middle of the column for marks without x; 0: none */
    box taken[LABELS_MAX];
    size_t boxes;
} tracks;

static double x_value(const tracks *k, double x) { return !k->log_x ? x : x > 0 ? log10(x) : (double)NAN; }

/* Marks of one x stand side by side on a logarithmic axis: x is a setting there, not a measurement. */
static double x_px(const tracks *k, double x, size_t track) {
    const double step = isinf(x) ? 16 : 9, shift = k->log_x ? step * ((double)track - ((double)k->n - 1) / 2) : 0;
    return (isinf(x) ? k->edge_px : mnk_draw_at(&k->x, x_value(k, x))) + shift;
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
    const double w = mnk_draw_text_px(label), h = 12;
    for (int i = 0; i < 4; i++) {
        const bool right = i % 2 == 0, above = i < 2;
        const box b = {right ? x + 8 : x - 8 - w, above ? y - 4 - h : y + 5, w, h};
        if (!is_free(k, b, k->x.from, k->x.to + (k->edge_px > 0 ? EDGE_PX : 0))) continue;
        mnk_draw_text(k->t, right ? b.x : b.x + w, b.y + h - 2, right ? "l" : "e", label);
        take(k, b.x, b.y, b.w, b.h);
        return;
    }
}

static bool is_drawn(const tracks *k, const mnk_svg_mark *m) {
    return !isnan(m->x) && isfinite(m->y) && (!k->log_x || m->x > 0);
}

static void draw_track(tracks *k, size_t i) {
    const mnk_svg_track *track = &k->track[i];
    const char *c = mnk_draw_colour[i % 8];
    char style[128];
    const mnk_svg_mark *before = NULL;
    for (size_t m = 0; m < track->n; m++) {
        const mnk_svg_mark *now = &track->mark[m];
        if (!is_drawn(k, now)) continue;
        const double x = x_px(k, now->x, i), y = mnk_draw_at(&k->y, now->y);
        snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\"", c, mnk_draw_dash[i % 8]);
        if (before) mnk_draw_line(k->t, x_px(k, before->x, i), mnk_draw_at(&k->y, before->y), x, y, style);
        snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"1.4\"", c);
        if (isfinite(now->y_low) && isfinite(now->y_high))
            mnk_draw_line(k->t, x, mnk_draw_at(&k->y, now->y_low), x, mnk_draw_at(&k->y, now->y_high), style);
        if (!k->log_x && isfinite(now->x_low) && isfinite(now->x_high))
            mnk_draw_line(k->t, x_px(k, now->x_low, i), y, x_px(k, now->x_high, i), y, style);
        before = now;
    }
    for (size_t m = 0; m < track->n; m++)
        if (is_drawn(k, &track->mark[m])) {
            const double x = x_px(k, track->mark[m].x, i), y = mnk_draw_at(&k->y, track->mark[m].y);
            mnk_draw_mark(k->t, (int)(i % 8), x, y, 5);
            take(k, x - 6, y - 6, 12, 12);
        }
}

/* Legend in as many rows as it needs; only counted with t NULL. Returns the rows. */
static int track_legend(mnk_text *t, const mnk_svg_frame *f, const mnk_svg_track *track, size_t n, const mnk_svg_rule *rule,
                        size_t rules) {
    double x = 2, y = f->y_label ? 14 + MNK_LEGEND_PX - 4 : 14;
    int rows = f->y_label ? 2 : 1;
    for (size_t i = 0; i < n + rules; i++) {
        const char *name = i < n ? track[i].name : rule[i - n].name;
        const double w = 38 + mnk_draw_text_px(name);
        if (x > 2 && x + w > f->width) x = 2, y += 18, rows++;
        if (t && i < n) mnk_draw_legend(t, x, y, MNK_LEGEND_MARK, (int)(i % 8), name);
        else if (t) {
            char style[96];
            snprintf(style, sizeof style, "stroke=\"#444\" stroke-width=\"1.5\" stroke-dasharray=\"%s\"",
                     mnk_draw_reference_dash[1 + (i - n) % 7]);
            mnk_draw_line(t, x, y - 4, x + 16, y - 4, style);
            mnk_draw_text(t, x + 20, y, "l", name);
        }
        x += w;
    }
    return rows;
}

static void log_axis(mnk_text *t, const mnk_draw_axis *a, double top, double bottom, const char *label) {
    static const double step[] = {1, 2, 5};
    const bool wide = a->hi - a->lo > 2.2;
    for (int e = (int)floor(a->lo); e <= (int)ceil(a->hi); e++)
        for (int k = 0; k < (wide ? 1 : 3); k++) {
            char b[32];
            const double v = e + log10(step[k]);
            if (v < a->lo || v > a->hi) continue;
            mnk_draw_line(t, mnk_draw_at(a, v), top, mnk_draw_at(a, v), bottom, "class=\"g\"");
            snprintf(b, sizeof b, "%.4g", step[k] * pow(10, e));
            mnk_draw_text(t, mnk_draw_at(a, v), bottom + 16, "m", b);
        }
    mnk_draw_line(t, a->from, bottom, a->to, bottom, "class=\"a\"");
    if (label) mnk_draw_text(t, (a->from + a->to) / 2, bottom + 33, "m", label);
}

static void fit_axes(tracks *k, const mnk_svg_frame *f, const mnk_svg_rule *rule, size_t rules, const char *edge, int rows) {
    double xlo = INFINITY, xhi = -INFINITY, ylo = INFINITY, yhi = -INFINITY;
    for (size_t i = 0; i < k->n; i++)
        for (size_t m = 0; m < k->track[i].n; m++) {
            const mnk_svg_mark *p = &k->track[i].mark[m];
            if (!is_drawn(k, p)) continue;
            mnk_draw_widen(p->y, &ylo, &yhi), mnk_draw_widen(p->y_low, &ylo, &yhi), mnk_draw_widen(p->y_high, &ylo, &yhi);
            if (isinf(p->x)) continue;
            mnk_draw_widen(x_value(k, p->x), &xlo, &xhi);
            if (!k->log_x) mnk_draw_widen(p->x_low, &xlo, &xhi), mnk_draw_widen(p->x_high, &xlo, &xhi);
        }
    for (size_t i = 0; i < rules; i++)
        if (rule[i].is_vertical) mnk_draw_widen(x_value(k, rule[i].at), &xlo, &xhi);
        else mnk_draw_widen(rule[i].at, &ylo, &yhi);
    k->x = (mnk_draw_axis){0, 1, 52, f->width - 14.0 - (edge ? EDGE_PX : 0)};
    k->y = (mnk_draw_axis){0, 1, f->height - (double)MNK_AXIS_PX, MNK_LEGEND_PX + 4 + 18.0 * (rows - 1)};
    if (xhi >= xlo) k->x.lo = mnk_draw_padded(xlo, xhi, &k->x.hi);
    if (k->log_x && xhi >= xlo) k->x.lo = xlo - 0.3, k->x.hi = xhi + 0.3;
    if (yhi >= ylo) k->y.lo = mnk_draw_padded(ylo, yhi, &k->y.hi);
    k->edge_px = edge ? f->width - 14.0 - EDGE_PX / 2.0 : 0;
}

void mnk_svg_tracks(mnk_text *t, const mnk_svg_frame *f, bool log_x, const char *edge, const mnk_svg_track *track, size_t n,
                    const mnk_svg_rule *rule, size_t rules) {
    tracks k = {.t = t, .track = track, .n = n, .log_x = log_x};
    const int rows = track_legend(NULL, f, track, n, rule, rules);
    fit_axes(&k, f, rule, rules, edge, rows);
    const double right = f->width - 14.0;
    mnk_draw_begin(t, f, f->height);
    track_legend(t, f, track, n, rule, rules);
    mnk_draw_y_axis(t, &k.y, k.x.from, right, f->y_label);
    if (log_x) log_axis(t, &k.x, k.y.to, k.y.from, f->x_label);
    else mnk_draw_x_axis(t, &k.x, k.y.to, k.y.from, f->x_label);
    if (edge) {
        mnk_draw_line(t, k.x.to, k.y.to, k.x.to, k.y.from, "class=\"a\"");
        mnk_draw_text(t, k.edge_px, k.y.from + 16, "m", edge);
    }
    for (size_t i = 0; i < rules; i++) {
        char style[96];
        if (!isfinite(rule[i].is_vertical ? x_value(&k, rule[i].at) : rule[i].at)) continue;
        snprintf(style, sizeof style, "stroke=\"#444\" stroke-width=\"1.5\" stroke-dasharray=\"%s\"",
                 mnk_draw_reference_dash[1 + i % 7]);
        if (rule[i].is_vertical)
            mnk_draw_line(t, mnk_draw_at(&k.x, x_value(&k, rule[i].at)), k.y.to, mnk_draw_at(&k.x, x_value(&k, rule[i].at)),
                          k.y.from, style);
        else mnk_draw_line(t, k.x.from, mnk_draw_at(&k.y, rule[i].at), right, mnk_draw_at(&k.y, rule[i].at), style);
    }
    for (size_t i = 0; i < n; i++) draw_track(&k, i);
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < track[i].n; m++)
            if (is_drawn(&k, &track[i].mark[m]) && track[i].mark[m].label)
                place_label(&k, x_px(&k, track[i].mark[m].x, i), mnk_draw_at(&k.y, track[i].mark[m].y), track[i].mark[m].label);
    mnk_draw_end(t);
}
