/* Fidelity: charts with intervals and reference lines, and the tables behind them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/svg.h"

enum { ROWS = 40, ENCODINGS = 4 };
static const char *const reference_names[] = {"holdout", "copy of train", "floor"};

typedef struct chart {
    mnk_svg_row row[ROWS];
    mnk_svg_point point[ROWS][ENCODINGS];
    size_t rows;
    bool has_reference[3], has_series[ENCODINGS];
    const char *own; /* name of the first series when its metric lives in an encoding outside the list */
} chart;

/* holdout, copy and floor as kinds 0, 1, 2 of the legend. */
static void add_point(chart *c, mnk_svg_row *row, mnk_svg_point *points, const mnk_metric *m, int series) {
    static const char *const names[3] = {"holdout", "copy", "floor"};
    mnk_svg_point *p = &points[row->points++];
    c->has_series[series] = true;
    *p = (mnk_svg_point){.value = m->value, .low = m->low, .high = m->high, .series = series};
    for (int k = 0; k < 3; k++) {
        double v = mnk_metric_reference(m, names[k]);
        if (isnan(v)) continue;
        p->reference[p->references].value = v;
        p->reference[p->references++].kind = k;
        c->has_reference[k] = true;
    }
}

static void draw(mnk_text *t, const chart *c, mnk_svg_frame frame, const mnk_result *r, int series, const char *title,
                 const char *caption) {
    const char *names[8] = {NULL}, *references[3];
    for (int i = 0; i < series && i < ENCODINGS; i++)
        if (c->has_series[i]) names[i] = i == 0 && c->own ? c->own : r->encodings ? r->encoding[i].name : "synthetic";
    for (int k = 0; k < 3; k++) references[k] = c->has_reference[k] ? reference_names[k] : NULL;
    frame.title = title;
    mnk_html_figure(t, title);
    mnk_svg_intervals(t, &frame, c->row, c->rows, names, series, references, 3);
    mnk_html_figure_end(t, caption);
}

static const mnk_metric *find(const mnk_result *r, const char *id, int encoding, const char *subset) {
    return mnk_result_find(r, id, r->encodings ? r->encoding[encoding].name : "", subset);
}

/* A metric that only exists in an encoding outside the list ("pixels") stands in the first series. */
static const mnk_metric *find_any(const mnk_result *r, const char *id, int encoding, const char *subset) {
    const mnk_metric *m = find(r, id, encoding, subset);
    if (m || encoding) return m;
    for (int k = 1; k < r->encodings; k++)
        if (mnk_result_find(r, id, r->encoding[k].name, subset)) return NULL;
    for (size_t i = 0; i < r->metrics; i++)
        if (strcmp(r->metric[i].id, id) == 0 && strcmp(r->metric[i].subset, subset) == 0) return &r->metric[i];
    return NULL;
}

static int series_of(const mnk_result *r) { return r->encodings < 1 ? 1 : r->encodings < ENCODINGS ? r->encodings : ENCODINGS; }

static void overall_chart(mnk_text *t, const mnk_result *r) {
    chart c = {.rows = 0};
    int series = series_of(r);
    for (const mnk_metric_info *i = mnk_metric_infos; i->id && c.rows < ROWS; i++) {
        if (!i->is_share) continue;
        mnk_svg_row *row = &c.row[c.rows];
        *row = (mnk_svg_row){.label = i->name, .point = c.point[c.rows]};
        for (int k = 0; k < series; k++) {
            const mnk_metric *m = find(r, i->id, k, "");
            if (m) add_point(&c, row, c.point[c.rows], m, k);
        }
        if (row->points) c.rows++;
    }
    if (!c.rows) return;
    draw(t, &c, (mnk_svg_frame){.width = 720}, r, series, "All classes together",
         "Marks with whiskers are the synthetic images with their intervals, one mark per encoding. The solid tick is what "
         "unseen real images (holdout) reach: "
         "being near it is good, being beyond it towards “copy of train” is not. The dotted tick is noise.");
}

static void class_chart(mnk_text *t, const mnk_evidence *e, const mnk_result *r, const char *id, const char *title,
                        const char *caption) {
    chart c = {.rows = 0};
    int series = series_of(r);
    for (int k = 0; e->train && k < e->train->classes && c.rows < ROWS; k++) {
        mnk_svg_row *row = &c.row[c.rows];
        *row = (mnk_svg_row){.label = e->train->class_names[k], .point = c.point[c.rows]};
        for (int s = 0; s < series; s++) {
            const mnk_metric *m = find_any(r, id, s, e->train->class_names[k]);
            if (m && r->encodings && strcmp(m->encoding, r->encoding[s].name) != 0) c.own = m->encoding;
            if (m) add_point(&c, row, c.point[c.rows], m, s);
        }
        if (row->points) c.rows++;
    }
    if (!c.rows) return;
    draw(t, &c, (mnk_svg_frame){.width = 720}, r, series, title, caption);
}

static void cell(mnk_text *t, double x) {
    char b[48];
    mnk_html_element(t, "td", NULL, "%s", mnk_html_number(x, b));
}

/* Which columns of a table hold anything. */
typedef struct columns {
    bool encoding, interval, holdout, copy, floor, note;
} columns;

static bool is_in(const mnk_metric *m, bool overall, const char *group) {
    return (m->subset[0] == '\0') == overall && (!group || !strcmp(group, m->group));
}

static columns columns_of(const mnk_result *r, bool overall, const char *group) {
    columns c = {false};
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (!is_in(m, overall, group)) continue;
        c.encoding = c.encoding || *m->encoding;
        c.interval = c.interval || !isnan(m->low);
        c.holdout = c.holdout || !isnan(mnk_metric_reference(m, "holdout"));
        c.copy = c.copy || !isnan(mnk_metric_reference(m, "copy"));
        c.floor = c.floor || !isnan(mnk_metric_reference(m, "floor"));
        c.note = c.note || *m->note;
    }
    return c;
}

static void table_row(mnk_text *t, const mnk_metric *m, bool overall, columns c) {
    char b[48];
    mnk_text_add(t, "<tr>");
    if (overall) mnk_html_element(t, "td", NULL, "%s", mnk_metric_name(m->id));
    else mnk_html_element(t, "td", NULL, "%s · %s", m->subset, mnk_metric_name(m->id));
    if (c.encoding) mnk_html_element(t, "td", "l", "%s", m->encoding);
    cell(t, m->value);
    if (c.interval) mnk_html_element(t, "td", NULL, "%s", mnk_html_interval(m->low, m->high, false, b));
    if (c.holdout) cell(t, mnk_metric_reference(m, "holdout"));
    if (c.copy) cell(t, mnk_metric_reference(m, "copy"));
    if (c.floor) cell(t, mnk_metric_reference(m, "floor"));
    mnk_html_element(t, "td", NULL, "%s", mnk_html_count(m->n, b));
    if (c.note) mnk_html_element(t, "td", "t", "%s", m->note);
    mnk_text_add(t, "</tr>\n");
}

void mnk_report_table(mnk_text *t, const mnk_result *r, bool overall, const char *group) {
    bool any = false;
    for (size_t i = 0; i < r->metrics && !any; i++) any = is_in(&r->metric[i], overall, group);
    if (!any) return;
    columns c = columns_of(r, overall, group);
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>measure</th>");
    if (c.encoding) mnk_text_add(t, "<th class=\"l\">encoding</th>");
    mnk_text_add(t, "<th>value</th>");
    if (c.interval) mnk_text_add(t, "<th>interval</th>");
    if (c.holdout) mnk_text_add(t, "<th>holdout</th>");
    if (c.copy) mnk_text_add(t, "<th>copy</th>");
    if (c.floor) mnk_text_add(t, "<th>floor</th>");
    mnk_text_add(t, "<th>n</th>");
    if (c.note) mnk_text_add(t, "<th class=\"t\">remark</th>");
    mnk_text_add(t, "</tr>\n");
    for (size_t i = 0; i < r->metrics; i++)
        if (is_in(&r->metric[i], overall, group)) table_row(t, &r->metric[i], overall, c);
    mnk_text_add(t, "</table></div>\n");
}

void mnk_report_fidelity(mnk_text *t, const mnk_evidence *e) {
    const mnk_result *r = e->evaluate;
    mnk_html_section(t, "fidelity", "Fidelity and variety");
    if (!r) {
        mnk_html_element(t, "p", NULL, "Not measured in this study.");
        mnk_html_section_end(t);
        return;
    }
    mnk_text_add(t, "<p>");
    mnk_html_text(t,
                  "Synthetic images are compared with real ones as lists of numbers, and the numbers depend on the encoding:");
    for (int i = 0; i < r->encodings; i++)
        mnk_html_text(t, "%s %s (%d numbers%s%s)", i ? "," : "", r->encoding[i].name, r->encoding[i].dim,
                      *r->encoding[i].note ? "; " : "", r->encoding[i].note);
    mnk_html_text(t, ". Each encoding is blind where the other sees: scattering reads texture and hardly notices a missing "
                     "kind of image, a classifier's features notice what "
                     "separates classes and little else. Read both.");
    mnk_text_add(t, "</p>\n");
    overall_chart(t, r);
    mnk_report_table(t, r, true, NULL);
    class_chart(t, e, r, "coverage", "Coverage by class",
                "Share of the real images of a class that have a synthetic one nearby; the solid tick is what unseen real "
                "images reach.");
    class_chart(t, e, r, "precision", "Precision by class",
                "Share of the synthetic images of a class that lie among its real images.");
    class_chart(t, e, r, "within_class_sd", "Variety inside each class",
                "Spread of synthetic images of a class divided by the spread of real ones. 1 is the same variety; far below 1 "
                "means that the images of a class resemble each other too much.");
    class_chart(t, e, r, "label_agreement", "Agreement with the label",
                "Share of synthetic images that a classifier trained on real images calls by the class they were made for.");
    for (size_t i = 0; i < r->warnings; i++) mnk_html_element(t, "p", "note", "Warning: %s", r->warning[i]);
    mnk_html_section_end(t);
}

/* Every usefulness metric, one a line, for the list at the end. */
static void usefulness_list(mnk_text *t, const mnk_result *r) {
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>measure</th><th>class</th><th>value</th><th>interval</th><th "
                    "class=\"l\">verdict</th>"
                    "<th>n</th><th class=\"t\">remark</th></tr>\n");
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        char b[48];
        bool gain = strstr(m->id, "gain") != NULL;
        mnk_text_add(t, "<tr>");
        mnk_html_element(t, "td", NULL, "%s", mnk_metric_name(m->id));
        mnk_html_element(t, "td", NULL, "%s", *m->subset ? m->subset : "all");
        mnk_html_element(t, "td", NULL, "%s", gain ? mnk_html_signed(m->value, b) : mnk_html_number(m->value, b));
        mnk_html_element(t, "td", NULL, "%s", mnk_html_interval(m->low, m->high, gain, b));
        mnk_html_element(t, "td", "l", "%s", m->verdict);
        mnk_html_element(t, "td", NULL, "%s", mnk_html_count(m->n, b));
        mnk_html_element(t, "td", "t", "%s", m->note);
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div>\n");
}

void mnk_report_numbers(mnk_text *t, const mnk_evidence *e) {
    if (!e->evaluate && !e->usefulness) return;
    mnk_html_section(t, "numbers", "All numbers by class");
    if (e->evaluate) mnk_report_table(t, e->evaluate, false, NULL);
    if (e->usefulness) {
        mnk_html_element(t, "h3", NULL, "Usefulness");
        usefulness_list(t, e->usefulness);
    }
    mnk_html_section_end(t);
}
