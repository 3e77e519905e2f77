/* Data: where from, counts by class and split, persons, duplicates, what was left out. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/svg.h"

const char *mnk_images_short_source(const mnk_images *d) { return d->source[0] ? d->source : "made in memory"; }

/* Distinct group numbers, 0 when the set has none. */
static size_t groups_of(const mnk_images *d) {
    if (!d || !d->group) return 0;
    int32_t most = -1;
    for (size_t i = 0; i < d->n; i++)
        if (d->group[i] > most) most = d->group[i];
    if (most < 0) return 0;
    unsigned char *seen = mnk_alloc((size_t)most + 1, 1);
    size_t n = 0;
    for (size_t i = 0; seen && i < d->n; i++)
        if (d->group[i] >= 0 && !seen[d->group[i]]) seen[d->group[i]] = 1, n++;
    mnk_free(seen);
    return n;
}

enum { SETS = 5 };
typedef struct sets {
    const mnk_images *set[SETS];
    const char *name[SETS];
    int n;
} sets;

static sets sets_of(const mnk_evidence *e) {
    const mnk_images *const all[SETS] = {e->train, e->val, e->holdout, e->test, e->synthetic};
    static const char *const names[SETS] = {"train", "validation", "holdout", "test", "synthetic"};
    sets s = {.n = 0};
    for (int i = 0; i < SETS; i++)
        if (all[i]) s.set[s.n] = all[i], s.name[s.n++] = names[i];
    return s;
}

static void row_of(mnk_text *t, const char *css_class, const char *label, const sets *s, const size_t *value) {
    char b[48];
    mnk_text_printf(t, css_class ? "<tr class=\"%s\">" : "<tr>", css_class);
    mnk_html_element(t, "td", NULL, "%s", label);
    for (int k = 0; k < s->n; k++) mnk_html_element(t, "td", NULL, "%s", mnk_html_count(value[k], b));
    mnk_text_add(t, "</tr>\n");
}

static void counts(mnk_text *t, const mnk_evidence *e, const sets *s) {
    size_t value[SETS], any_group = 0;
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>class</th>");
    for (int k = 0; k < s->n; k++) mnk_html_element(t, "th", NULL, "%s", s->name[k]);
    mnk_text_add(t, "</tr>\n");
    for (int c = 0; c < e->train->classes; c++) {
        for (int k = 0; k < s->n; k++) value[k] = mnk_class_count(s->set[k], e->train->class_names[c]);
        row_of(t, NULL, e->train->class_names[c], s, value);
    }
    for (int k = 0; k < s->n; k++) value[k] = s->set[k]->n;
    row_of(t, "sum", "all", s, value);
    for (int k = 0; k < s->n; k++) any_group += value[k] = groups_of(s->set[k]);
    if (any_group) row_of(t, NULL, "persons or source groups", s, value);
    mnk_text_add(t, "</table></div>\n");
}

static void class_chart(mnk_text *t, const mnk_evidence *e) {
    enum { MOST = 24 };
    double value[MOST];
    mnk_svg_bar bars[MOST];
    int n = e->train->classes < MOST ? e->train->classes : MOST;
    for (int c = 0; c < n; c++) {
        value[c] = (double)mnk_class_count(e->train, e->train->class_names[c]);
        bars[c] = (mnk_svg_bar){e->train->class_names[c], &value[c]};
    }
    const char *names[1] = {"training images"};
    mnk_svg_frame f = {.title = "Training images per class", .width = 640};
    mnk_html_figure(t, "Training images per class");
    mnk_svg_bars(t, &f, bars, (size_t)n, names, 1);
    mnk_html_figure_end(t, "What the generator and the classifier learn from.");
}

static void skipped(mnk_text *t, const mnk_evidence *e, const sets *s) {
    enum { SHOWN = 20 };
    size_t n = e->train->skipped;
    (void)s;
    if (!n) {
        mnk_html_element(t, "p", NULL, "No file was left out.");
        return;
    }
    mnk_html_element(t, "p", NULL, "%zu file%s could not be used and %s left out:", n, n == 1 ? "" : "s",
                     n == 1 ? "was" : "were");
    mnk_text_add(t, "<ul>\n");
    for (size_t i = 0; i < n && i < SHOWN; i++)
        mnk_html_element(t, "li", NULL, "%s", e->train->skipped_reasons ? e->train->skipped_reasons[i] : "");
    if (n > SHOWN) mnk_html_element(t, "li", NULL, "and %zu more", n - SHOWN);
    mnk_text_add(t, "</ul>\n");
}

void mnk_report_data(mnk_text *t, const mnk_evidence *e) {
    mnk_html_section(t, "data", "Data");
    if (!e->train) {
        mnk_html_element(t, "p", NULL, "No data set was given.");
        mnk_html_section_end(t);
        return;
    }
    sets s = sets_of(e);
    mnk_html_element(t, "p", NULL, "%s: %d × %d pixels, %s, %d classes. %s", mnk_images_short_source(e->train), e->train->width,
                     e->train->height, e->train->channels == 3 ? "colour" : "grey", e->train->classes,
                     e->data_note ? e->data_note : "");
    counts(t, e, &s);
    mnk_html_element(t, "p", "note",
                     "The generator saw train only. Holdout is real data that nothing was trained on; it gives the baselines. "
                     "Test was touched once, to judge classifiers.");
    class_chart(t, e);
    skipped(t, e, &s);
    if (e->data && e->data->metrics) {
        mnk_html_element(t, "h3", NULL, "Duplicates and balance");
        mnk_report_table(t, e->data, true, NULL);
        for (size_t i = 0; i < e->data->warnings; i++) mnk_html_element(t, "p", "note", "%s", e->data->warning[i]);
    }
    mnk_html_section_end(t);
}
