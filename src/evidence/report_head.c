/* Head of the page: title, answer box, tiles, gates. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"

static void tile(mnk_text *t, const char *name, const char *value, const char *range, const char *base) {
    mnk_text_add(t, "<div class=\"tile\">");
    mnk_html_element(t, "p", "name", "%s", name);
    mnk_html_element(t, "p", "value", "%s", value);
    mnk_html_element(t, "p", "range", "%s", *range ? range : " ");
    mnk_html_element(t, "p", "base", "%s", base);
    mnk_text_add(t, "</div>\n");
}

static void gain_tile(mnk_text *t, const char *name, const mnk_gain *g, const char *unit) {
    char value[48], interval[48], a[48], range[160], base[192];
    const mnk_metric *gain = g->gain;
    if (!gain || isnan(gain->value)) {
        tile(t, name, "–", "not measured",
             gain && gain->note[0] ? gain->note : "usefulness was switched off or had no test set");
        return;
    }
    mnk_html_signed(gain->value, value);
    mnk_html_interval(gain->low, gain->high, true, interval);
    snprintf(range, sizeof range, "%s, %.0f %% interval %s%s%s", unit, 100 * gain->level, *interval ? interval : "not known",
             *gain->verdict ? ": " : "", gain->verdict);
    snprintf(base, sizeof base, "baseline: %s", g->baseline ? mnk_html_number(g->baseline->value, a) : "–");
    tile(t, name, value, range, base);
}

static void metric_tile(mnk_text *t, const char *name, const mnk_metric *m, const char *what) {
    char value[48], interval[48], a[48], range[192], base[192];
    if (!m || isnan(m->value)) {
        tile(t, name, "–", "not measured", m && m->note[0] ? m->note : what);
        return;
    }
    mnk_html_interval(m->low, m->high, false, interval);
    snprintf(range, sizeof range, "%s%s%.60s", interval, *interval ? " · " : "", what);
    double holdout = mnk_metric_reference(m, "holdout");
    snprintf(base, sizeof base, "unseen real images (holdout): %s",
             isnan(holdout) ? "not measured" : mnk_html_number(holdout, a));
    tile(t, name, mnk_html_number(m->value, value), range, base);
}

static void tiles(mnk_text *t, const mnk_evidence *e, const mnk_findings *f) {
    char name[160], what[96], value[48], a[48], b[48], range[160], base[192];
    mnk_text_add(t, "<div class=\"tiles\">\n");
    gain_tile(t, "Gain from synthetic images, all classes", &f->all, "mean AUC");
    snprintf(name, sizeof name, "Gain, rarest class%s%.100s", f->rarest ? ": " : "", f->rarest ? f->rarest : "");
    if (f->rarest) gain_tile(t, name, &f->rare, "AUC");
    snprintf(what, sizeof what, "precision, %s encoding", *f->encoding ? f->encoding : "no");
    metric_tile(t, "Realism", f->realism, what);
    snprintf(what, sizeof what, "coverage, %s encoding", *f->encoding ? f->encoding : "no");
    metric_tile(t, "Real images reached", f->coverage, what);
    if (f->variety) {
        snprintf(what, sizeof what, "lowest class, %.60s", f->variety->subset);
        metric_tile(t, "Variety inside classes", f->variety, what);
    } else {
        metric_tile(t, "Variety inside classes", NULL, "spread of synthetic over real");
    }
    if (f->copies_measured) {
        size_t n = e->synthetic ? e->synthetic->n : 0;
        snprintf(value, sizeof value, "%s", mnk_html_count(f->exact + f->near_copies, a));
        snprintf(range, sizeof range, "of %s synthetic images; %s exact", mnk_html_count(n, a), mnk_html_count(f->exact, b));
        double holdout = mnk_metric_reference(f->authenticity, "holdout");
        snprintf(base, sizeof base, "authenticity %s; holdout %s",
                 f->authenticity ? mnk_html_number(f->authenticity->value, a) : "–",
                 isnan(holdout) ? "–" : mnk_html_number(holdout, b));
        tile(t, "Copies of training images", value, range, base);
    } else {
        tile(t, "Copies of training images", "–", "not looked for", "needs an evaluation");
    }
    mnk_text_add(t, "</div>\n");
}

void mnk_report_gates(mnk_text *t, const mnk_evidence *e) {
    if (!e->gates) {
        mnk_html_element(t, "p", "note", "No threshold was set before this run, so nothing here is called passed or failed.");
        return;
    }
    size_t met = 0;
    for (size_t i = 0; i < e->gates; i++) met += e->gate[i].met;
    mnk_html_element(t, "h3", NULL, "Thresholds set before the run: %zu of %zu met", met, e->gates);
    mnk_text_add(
        t, "<div class=\"scroll\"><table><tr><th>threshold</th><th>value</th><th>met</th><th class=\"t\">remark</th></tr>\n");
    for (size_t i = 0; i < e->gates; i++) {
        char value[48];
        mnk_text_add(t, "<tr><td><code>");
        mnk_html_text(t, "%s", e->gate[i].text);
        mnk_text_add(t, "</code></td>");
        mnk_html_element(t, "td", NULL, "%s", mnk_html_number(e->gate[i].value, value));
        mnk_html_element(t, "td", e->gate[i].met ? "yes" : "no", "%s", e->gate[i].met ? "yes" : "no");
        mnk_html_element(t, "td", "t", "%s", e->gate[i].note);
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div>\n");
}

/* A sentence that begins with its question shows it in bold. */
static void answer(mnk_text *t, const char *sentence) {
    const char *end = strchr(sentence, '?');
    size_t n = end && end - sentence < 48 ? (size_t)(end - sentence) + 1 : 0;
    mnk_text_add(t, "<p>");
    if (n) mnk_text_add(t, "<b>");
    mnk_html_text(t, "%.*s", (int)n, sentence);
    if (n) mnk_text_add(t, "</b>");
    mnk_html_text(t, "%s", sentence + n);
    mnk_text_add(t, "</p>\n");
}

void mnk_report_head(mnk_text *t, const mnk_evidence *e, const mnk_findings *f) {
    char moment[48];
    mnk_sentence sentence[8];
    int n = mnk_evidence_answer(e, sentence);
    mnk_text_add(t, "<header>\n");
    mnk_html_element(t, "p", "kicker", "manikin · evidence on synthetic medical data");
    mnk_html_element(t, "h1", NULL, "%s", e->title);
    mnk_html_element(t, "p", "meta", "%s%s%s · seed %llu · manikin %s · %s",
                     e->train ? mnk_images_short_source(e->train) : "no data", e->run.finished[0] ? " · " : "",
                     mnk_html_moment(e->run.finished, moment), (unsigned long long)e->seed, MNK_VERSION,
                     e->public_key ? "signed, see the end of the page" : "not signed");
    mnk_html_element(t, "p", "badge", "Research use. Not a medical device.");
    if (e->is_phantom)
        mnk_html_element(t, "p", "note",
                         "The images called real in this study come from a forward model: they are a phantom, made for "
                         "demonstration. Nothing here says anything about tissue.");
    mnk_text_add(t, "</header>\n<div class=\"answer\" id=\"answer\">\n");
    for (int i = 0; i < n; i++) answer(t, sentence[i]);
    mnk_text_add(t, "</div>\n");
    tiles(t, e, f);
    mnk_report_gates(t, e);
}
