/* Usefulness: AUC of every arm, differences from the baseline with verdicts, and the learning curve. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/svg.h"

enum { STATISTICS = 3, ROWS = MNK_CURVE_SHOWN + 1 };

/* The statistics shown for every arm: all classes, the rarest, the hard pair; those that were measured. */
typedef struct statistics {
    const mnk_gain *item[STATISTICS];
    char name[STATISTICS][96];
    int n;
} statistics;

static statistics statistics_of(const mnk_findings *f) {
    statistics s = {.n = 0};
    const mnk_gain *const all[] = {&f->all, &f->rare, &f->pair};
    for (int k = 0; k < STATISTICS; k++) {
        if (!all[k]->gain) continue;
        snprintf(s.name[s.n], sizeof s.name[0], "%s", *all[k]->subset ? all[k]->subset : "all classes (mean)");
        s.item[s.n++] = all[k];
    }
    return s;
}

static mnk_svg_point point_of(const mnk_metric *m, int series) {
    return (mnk_svg_point){.value = m->value, .low = m->low, .high = m->high, .series = series};
}

/* One row an arm, one series a statistic: AUC, or the difference from the baseline. */
static void arms_chart(mnk_text *t, const mnk_result *u, const statistics *s, bool gains) {
    mnk_svg_row row[MNK_ARMS];
    mnk_svg_point point[MNK_ARMS][STATISTICS];
    const char *names[STATISTICS] = {NULL}, *zero[1] = {"no difference"};
    size_t rows = 0;
    for (int a = 0; a < MNK_ARMS; a++) {
        row[rows] = (mnk_svg_row){.label = mnk_arms[a].title, .point = point[rows], .strong = a == MNK_ARM_BASELINE};
        for (int k = 0; k < s->n; k++) {
            mnk_gain g = mnk_gain_of(u, s->item[k]->id, &mnk_arms[a], "", s->item[k]->subset);
            const mnk_metric *m = gains ? g.gain : g.with;
            names[k] = s->name[k];
            if (!m) continue;
            point[rows][row[rows].points] = point_of(m, k);
            point[rows][row[rows].points++].references = gains; /* zero: its only reference */
        }
        rows += row[rows].points > 0;
    }
    if (!rows) return;
    mnk_svg_frame f = {.title = gains ? "Difference from the baseline by arm" : "AUC on the test set by arm",
                       .x_label = gains ? "difference in AUC" : "area under the ROC curve",
                       .width = 720};
    mnk_html_figure(t, gains ? "Gain over the baseline" : "AUC on the untouched test set");
    mnk_svg_intervals(t, &f, row, rows, names, s->n, gains ? zero : NULL, gains);
    mnk_html_figure_end(
        t, gains ? "Paired differences from “real, oversampled and augmented”, the same test images, subset by subset. An "
                   "interval wholly to the right of zero is an improvement, wholly to the left a loss; the verdicts in the "
                   "table are stricter, because they are corrected for the number of arms."
                 : "Each mark is the mean over classifiers trained on the named images with the same number of steps, judged "
                   "on real test images. Overlapping whiskers do not settle a difference; the paired differences do.");
}

static void arms_table(mnk_text *t, const mnk_result *u, const statistics *s) {
    char b[48];
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>trained on</th>");
    for (int k = 0; k < s->n; k++) {
        mnk_html_element(t, "th", NULL, "%s", s->name[k]);
        mnk_text_add(t, "<th>gain</th><th>interval</th><th class=\"l\">verdict</th>");
    }
    mnk_text_add(t, "</tr>\n");
    for (int a = 0; a < MNK_ARMS; a++) {
        if (!mnk_gain_of(u, s->item[0]->id, &mnk_arms[a], "", s->item[0]->subset).with) continue;
        mnk_text_add(t, a == MNK_ARM_BASELINE ? "<tr class=\"sum\">" : "<tr>");
        mnk_html_element(t, "td", NULL, "%s", mnk_arms[a].title);
        for (int k = 0; k < s->n; k++) {
            mnk_gain g = mnk_gain_of(u, s->item[k]->id, &mnk_arms[a], "", s->item[k]->subset);
            mnk_html_element(t, "td", NULL, "%s", mnk_html_number(g.with ? g.with->value : NAN, b));
            mnk_html_element(t, "td", NULL, "%s", g.gain ? mnk_html_signed(g.gain->value, b) : "");
            mnk_html_element(t, "td", NULL, "%s", g.gain ? mnk_html_interval(g.gain->low, g.gain->high, true, b) : "");
            mnk_html_element(t, "td", "l", "%s", g.gain ? g.gain->verdict : a == MNK_ARM_BASELINE ? "baseline" : "");
        }
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div>\n");
}

/* ---- the learning curve ---- */

typedef struct size_row {
    char label[64], suffix[32];
} size_row;

/* Sizes, then the study's own training set. */
static int curve_rows(const mnk_result *u, size_row out[ROWS]) {
    int64_t size[MNK_CURVE_SHOWN];
    char b[48];
    int n = mnk_curve_sizes(u, size);
    if (!n) return 0;
    for (int i = 0; i < n; i++) {
        snprintf(out[i].label, sizeof out[i].label, "at most %s a class", mnk_html_count((uint64_t)size[i], b));
        snprintf(out[i].suffix, sizeof out[i].suffix, "@%lld", (long long)size[i]);
    }
    snprintf(out[n].label, sizeof out[n].label, "all training images");
    out[n].suffix[0] = '\0';
    return n + 1;
}

/* One row a size. Gains: a series a statistic, of the arm spoken of; else a series an arm, of the headline. */
static void curve_chart(mnk_text *t, const mnk_evidence *e, const mnk_findings *f, const statistics *s, bool gains) {
    static const int shown[] = {MNK_ARM_BASELINE, 0, 6, 7};
    enum { SHOWN = sizeof shown / sizeof *shown };
    size_row size[ROWS];
    mnk_svg_row row[ROWS];
    mnk_svg_point point[ROWS][MNK_SVG_SERIES_MAX];
    const char *names[MNK_SVG_SERIES_MAX] = {NULL}, *zero[1] = {"no difference"};
    int n = curve_rows(e->usefulness, size), series = gains ? s->n : SHOWN;
    for (int i = 0; i < n; i++) {
        row[i] = (mnk_svg_row){.label = size[i].label, .point = point[i]};
        for (int k = 0; k < series; k++) {
            const mnk_gain *what = gains ? s->item[k] : f->headline;
            const mnk_arm *arm = gains ? f->arm : &mnk_arms[shown[k]];
            mnk_gain g = mnk_gain_of(e->usefulness, what->id, arm, size[i].suffix, what->subset);
            const mnk_metric *m = gains ? g.gain : g.with;
            if (!m) continue;
            names[k] = gains ? s->name[k] : arm->title;
            point[i][row[i].points] = point_of(m, k);
            point[i][row[i].points++].references = gains;
        }
    }
    if (!n) return;
    mnk_svg_frame frame = {.title = gains ? "Gain by amount of training data" : "AUC by amount of training data",
                           .x_label = gains ? "difference in AUC" : "area under the ROC curve",
                           .width = 720};
    mnk_html_figure(t, gains ? "Learning curve: what synthetic images add" : "Learning curve: AUC");
    mnk_svg_intervals(t, &frame, row, (size_t)n, names, series, gains ? zero : NULL, gains);
    mnk_html_figure_end(t, gains
                               ? "Difference from the baseline at the same amount of real data. Where the interval leaves zero "
                                 "to the right, synthetic images pay."
                               : "The same statistic as in the first sentence of the answer, by arm.");
}

static void curve_table(mnk_text *t, const mnk_evidence *e, const mnk_findings *f, const statistics *s) {
    size_row size[ROWS];
    char b[48];
    int n = curve_rows(e->usefulness, size);
    if (!n) return;
    mnk_html_element(t, "p", NULL, "Gain of “%s” over the baseline:", f->arm->title);
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>training images</th>");
    for (int k = 0; k < s->n; k++) {
        mnk_html_element(t, "th", NULL, "%s", s->name[k]);
        mnk_text_add(t, "<th>interval</th><th class=\"l\">verdict</th>");
    }
    mnk_text_add(t, "</tr>\n");
    for (int i = 0; i < n; i++) {
        mnk_text_add(t, "<tr>");
        mnk_html_element(t, "td", NULL, "%s", size[i].label);
        for (int k = 0; k < s->n; k++) {
            const mnk_metric *m = mnk_gain_of(e->usefulness, s->item[k]->id, f->arm, size[i].suffix, s->item[k]->subset).gain;
            mnk_html_element(t, "td", NULL, "%s", m ? mnk_html_signed(m->value, b) : "");
            mnk_html_element(t, "td", NULL, "%s", m ? mnk_html_interval(m->low, m->high, true, b) : "");
            mnk_html_element(t, "td", "l", "%s", m ? m->verdict : "");
        }
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div>\n");
}

void mnk_report_usefulness(mnk_text *t, const mnk_evidence *e, const mnk_findings *f) {
    mnk_html_section(t, "usefulness", "Usefulness");
    if (!e->usefulness || !f->arm) {
        mnk_html_element(t, "p", NULL, "Not measured in this study.");
        mnk_html_section_end(t);
        return;
    }
    statistics s = statistics_of(f);
    mnk_html_element(
        t, "p", NULL,
        "The same small classifier is trained on different images with the same number of steps, and judged on real "
        "test images that nothing else has seen. What synthetic images must beat is not real images alone but "
        "“%s”: drawing rare classes as often as common ones, and flips, turns, shifts and colour changes, cost "
        "nothing.%s%s%s",
        mnk_arms[MNK_ARM_BASELINE].title, f->rarest ? " The rarest class is " : "", f->rarest ? f->rarest : "",
        f->rarest ? "." : "");
    arms_chart(t, e->usefulness, &s, false);
    arms_chart(t, e->usefulness, &s, true);
    arms_table(t, e->usefulness, &s);
    curve_chart(t, e, f, &s, false);
    curve_chart(t, e, f, &s, true);
    curve_table(t, e, f, &s);
    for (size_t i = 0; i < e->usefulness->warnings; i++)
        mnk_html_element(t, "p", "note", "Warning: %s", e->usefulness->warning[i]);
    mnk_html_section_end(t);
}
