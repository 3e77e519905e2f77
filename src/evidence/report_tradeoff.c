/* Privacy against utility: what a budget buys, and what it costs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/svg.h"
#include "evidence/tables.h"

enum { ARMS = 16 };

/* What the result says of one arm. */
typedef struct arm {
    const char *name, *series;
    double epsilon; /* NaN: no guarantee */
    size_t makings;
    const mnk_metric *utility, *pairs, *attack, *cost;
    char label[24]; /* its budget, beside the mark */
} arm;

static bool is_utility(const mnk_metric *m) { return strstr(m->id, ".tstr.") || strcmp(m->id, "macro_auc.synthetic") == 0; }

static size_t read_arms(const mnk_result *r, arm out[ARMS]) {
    size_t n = 0;
    for (size_t i = 0; i < r->metrics && n < ARMS; i++) {
        const mnk_metric *m = &r->metric[i];
        if (strcmp(m->id, "epsilon") != 0) continue;
        arm *a = &out[n++];
        *a = (arm){.name = m->subset, .series = m->column, .epsilon = m->value, .makings = m->n};
        if (!isnan(a->epsilon)) snprintf(a->label, sizeof a->label, "ε %g", a->epsilon);
        for (size_t k = 0; k < r->metrics; k++) {
            const mnk_metric *x = &r->metric[k];
            if (strcmp(x->subset, a->name) != 0) continue;
            if (is_utility(x)) a->utility = x;
            else if (strcmp(x->id, "binned_accuracy_2") == 0) a->pairs = x;
            else if (strcmp(x->id, "max_attack_auc") == 0) a->attack = x;
            else if (strcmp(x->id, "utility_cost") == 0) a->cost = x;
        }
    }
    return n;
}

/* Series in order of appearance; the arms of each by rising budget, without one last. */
static int by_budget(const void *a, const void *b) {
    const arm *x = *(const arm *const *)a, *y = *(const arm *const *)b;
    if (isnan(x->epsilon) || isnan(y->epsilon)) return isnan(x->epsilon) - isnan(y->epsilon);
    return (x->epsilon > y->epsilon) - (x->epsilon < y->epsilon);
}

static size_t of_series(const arm *arms, size_t n, const char *series, const arm *out[ARMS]) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(arms[i].series, series) == 0) out[k++] = &arms[i];
    qsort(out, k, sizeof *out, by_budget);
    return k;
}

static bool is_first(const arm *arms, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (strcmp(arms[k].series, arms[i].series) == 0) return false;
    return true;
}

/* ---- planes ---- */

typedef struct plane {
    mnk_svg_track track[ARMS];
    mnk_svg_mark mark[ARMS][ARMS];
    size_t tracks;
    bool has_edge;
} plane;

static void fill_plane(const arm *arms, size_t n, bool by_attack, plane *p) {
    const arm *own[ARMS];
    *p = (plane){.tracks = 0};
    for (size_t i = 0; i < n; i++) {
        if (!is_first(arms, i)) continue;
        const size_t k = of_series(arms, n, arms[i].series, own);
        mnk_svg_mark *mark = p->mark[p->tracks];
        for (size_t m = 0; m < k; m++) {
            const arm *a = own[m];
            const mnk_metric *u = a->utility, *x = by_attack ? a->attack : NULL;
            mark[m] = (mnk_svg_mark){.x = NAN, .y = NAN, .x_low = NAN, .x_high = NAN};
            if (!u || isnan(u->value) || (by_attack && (!x || isnan(x->value)))) continue;
            mark[m] = (mnk_svg_mark){by_attack           ? x->value
                                     : isnan(a->epsilon) ? (double)INFINITY
                                                         : a->epsilon,
                                     by_attack ? x->low : (double)NAN,
                                     by_attack ? x->high : (double)NAN,
                                     u->value,
                                     u->low,
                                     u->high,
                                     by_attack && *a->label ? a->label : NULL};
            p->has_edge = p->has_edge || (!by_attack && isnan(a->epsilon));
        }
        p->track[p->tracks++] = (mnk_svg_track){arms[i].series, mark, k};
    }
}

static double mean_reference(const arm *arms, size_t n, bool of_attack, const char *name) {
    double sum = 0;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        const mnk_metric *m = of_attack ? arms[i].attack : arms[i].utility;
        const double x = m ? mnk_metric_reference(m, name) : (double)NAN;
        if (!isnan(x)) sum += x, k++;
    }
    return k ? sum / (double)k : (double)NAN;
}

static void budgets_plane(mnk_text *t, const arm *arms, size_t n, const char *utility) {
    plane *p = malloc(sizeof *p);
    if (!p) {
        t->failed = true;
        return;
    }
    const mnk_svg_rule rule = {"real rows, or any copy of them", mean_reference(arms, n, false, "trtr"), false};
    const mnk_svg_frame f = {.title = "Utility over the privacy budget",
                             .x_label = "epsilon promised (smaller: more private)",
                             .y_label = utility,
                             .width = 720,
                             .height = 400};
    fill_plane(arms, n, false, p);
    mnk_html_figure(t, "What a privacy budget buys");
    mnk_svg_tracks(t, &f, true, p->has_edge ? "no guarantee" : NULL, p->track, p->tracks, &rule, isfinite(rule.at));
    mnk_html_figure_end(t, "Marks are means over the makings, bars their intervals (test records and the generator's own "
                           "randomness). Generators without a guarantee stand at the right edge.");
    free(p);
}

static void attacks_plane(mnk_text *t, const arm *arms, size_t n, const char *utility) {
    plane *p = malloc(sizeof *p);
    if (!p) {
        t->failed = true;
        return;
    }
    const double real = mean_reference(arms, n, false, "trtr"), copy = mean_reference(arms, n, true, "copy");
    mnk_svg_rule rule[3];
    size_t rules = 0;
    if (isfinite(real)) rule[rules++] = (mnk_svg_rule){"real rows", real, false};
    rule[rules++] = (mnk_svg_rule){"chance", 0.5, true};
    if (isfinite(copy)) rule[rules++] = (mnk_svg_rule){"a copy of train", copy, true};
    const mnk_svg_frame f = {.title = "Utility over the strongest attack",
                             .x_label = "largest area of an attack (0.5: chance; further right: less private)",
                             .y_label = utility,
                             .width = 720,
                             .height = 400};
    fill_plane(arms, n, true, p);
    mnk_html_figure(t, "What attacks find, and what the rows are worth");
    mnk_svg_tracks(t, &f, false, NULL, p->track, p->tracks, rule, rules);
    mnk_html_figure_end(
        t, "The same marks over what attacks achieved. A low area is not a guarantee: it is what these attacks found.");
    free(p);
}

/* ---- the table ---- */

static void cell(mnk_text *t, const mnk_metric *m, bool is_signed) {
    char a[48], b[48];
    if (!m || isnan(m->value)) {
        mnk_html_element(t, "td", m ? "t" : NULL, "%s", m && *m->note ? m->note : "–");
        return;
    }
    const char *interval = mnk_html_interval(m->low, m->high, is_signed, b);
    mnk_html_element(t, "td", NULL, "%s%s%s%s", is_signed ? mnk_html_signed(m->value, a) : mnk_html_number(m->value, a),
                     *interval ? " (" : "", interval, *interval ? ")" : "");
}

static void arms_table(mnk_text *t, const arm *arms, size_t n, const char *utility, bool has_attacks) {
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>made by</th><th>epsilon</th><th>makings</th>");
    mnk_html_element(t, "th", NULL, "%s", utility);
    mnk_text_add(t, "<th>lost by this budget</th><th>pairs of columns</th>");
    if (has_attacks) mnk_text_add(t, "<th>strongest attack</th>");
    mnk_text_add(t, "</tr>\n");
    for (size_t i = 0; i < n; i++) {
        const arm *own[ARMS];
        if (!is_first(arms, i)) continue;
        const size_t k = of_series(arms, n, arms[i].series, own);
        for (size_t m = 0; m < k; m++) {
            mnk_text_add(t, "<tr>");
            mnk_html_element(t, "td", NULL, "%s", own[m]->name);
            if (isnan(own[m]->epsilon)) mnk_text_add(t, "<td>none</td>");
            else mnk_html_element(t, "td", NULL, "%g", own[m]->epsilon);
            mnk_html_element(t, "td", NULL, "%zu", own[m]->makings);
            cell(t, own[m]->utility, false);
            cell(t, own[m]->cost, true);
            cell(t, own[m]->pairs, false);
            if (has_attacks) cell(t, own[m]->attack, false);
            mnk_text_add(t, "</tr>\n");
        }
    }
    mnk_text_add(t, "</table></div>\n");
    mnk_html_element(
        t, "p", "note",
        "Pairs of columns: 1 minus the mean total variation over all pairs; lost: usefulness at the next larger budget minus "
        "usefulness at this one. Losses are judged as if the two had been tested on different records, which errs towards "
        "\"not shown\".");
}

/* ---- in words ---- */

static const mnk_metric *all_of(const mnk_result *r) { return mnk_result_find(r, "epsilon_all", "", ""); }

static void say_all(const mnk_result *r, mnk_sentence out) {
    char a[48];
    const mnk_metric *m = all_of(r);
    const double set_aside = mnk_metric_reference(m, "set_aside");
    if (isnan(m->value)) {
        snprintf(out, sizeof(mnk_sentence), "What publishing all models together spends is %.159s", m->note);
        return;
    }
    snprintf(out, sizeof(mnk_sentence),
             "%sEach model keeps its own promise. Publishing all of them together, or choosing one by looking at all, spends "
             "epsilon %s "
             "at delta %g: the %zu ledgers of this study composed%s.",
             r->warnings ? "NOT PRIVATE (reproducible noise, for tests). " : "", mnk_html_number(m->value, a),
             mnk_metric_reference(m, "delta"), m->n, set_aside > 0 ? ", with models made again or never finished" : "");
}

/* Budgets under which some makings were worth nothing. */
static void say_unmeasured(const arm *const *own, size_t k, mnk_sentence out) {
    for (size_t m = 0; m < k; m++) {
        const size_t at = strlen(out);
        if (own[m]->utility && isnan(own[m]->utility->value) && at < 400)
            snprintf(out + at, sizeof(mnk_sentence) - at, " At epsilon %g usefulness %.100s.", own[m]->epsilon,
                     own[m]->utility->note);
    }
}

/* "What privacy costs, mst: from epsilon 10 to 1 it costs 0.05 of macro_auc… (−0.02 to +0.12: no loss shown), from 1 to 0.1
 * 0.28 …" */
static bool say_series(const arm *arms, size_t n, size_t i, mnk_sentence out) {
    const arm *own[ARMS];
    const size_t k = of_series(arms, n, arms[i].series, own);
    size_t at = 0;
    if (k < 2) return false;
    for (size_t m = k; m-- > 0;) {
        char a[48], b[48];
        const mnk_metric *c = own[m]->cost;
        if (!c || at > 330) continue;
        const bool is_first_step = at == 0;
        if (is_first_step)
            at = (size_t)snprintf(out, sizeof(mnk_sentence), "What privacy costs with %.40s, in %.40s:", arms[i].series,
                                  own[m]->utility->id);
        at += (size_t)snprintf(out + at, sizeof(mnk_sentence) - at, "%s from epsilon %g to %g %s %s (%s%s)",
                               is_first_step ? "" : ",", mnk_metric_reference(c, "from"), mnk_metric_reference(c, "to"),
                               c->value < 0 ? "a gain of" : "a loss of", mnk_html_number(fabs(c->value), a),
                               mnk_html_interval(c->low, c->high, true, b),
                               c->low > 0 || c->high < 0 ? "" : ": no difference shown");
    }
    if (!at)
        at =
            (size_t)snprintf(out, sizeof(mnk_sentence), "What the budgets of %.40s cost could not be compared", arms[i].series);
    snprintf(out + at, sizeof(mnk_sentence) - at, ".");
    say_unmeasured(own, k, out);
    return true;
}

int mnk_answer_tradeoff(const mnk_result *r, mnk_sentence *out, int n, int most) {
    arm arms[ARMS];
    const size_t k = r ? read_arms(r, arms) : 0;
    const int last = n + most - (r && all_of(r) ? 1 : 0);
    for (size_t i = 0; i < k && n < last; i++)
        if (is_first(arms, i) && say_series(arms, k, i, out[n])) n++;
    if (r && all_of(r) && most > 0) say_all(r, out[n++]);
    return n;
}

void mnk_report_tradeoff(mnk_text *t, const mnk_result *r) {
    arm arms[ARMS];
    const size_t n = r ? read_arms(r, arms) : 0;
    bool has_budget = false, has_attacks = false;
    const char *utility = NULL;
    if (!n) return;
    for (size_t i = 0; i < n; i++) {
        has_budget = has_budget || !isnan(arms[i].epsilon);
        has_attacks = has_attacks || (arms[i].attack && arms[i].utility);
        if (!utility && arms[i].utility) utility = arms[i].utility->id;
    }
    mnk_html_section(t, "tradeoff", "Privacy against utility");
    if (all_of(r)) {
        mnk_sentence all;
        say_all(r, all);
        mnk_html_element(t, "p", NULL, "%s", all);
    }
    if (utility && has_budget) budgets_plane(t, arms, n, utility);
    if (has_attacks) attacks_plane(t, arms, n, utility);
    arms_table(t, arms, n, utility ? utility : "usefulness", has_attacks);
    for (size_t i = 0; i < r->warnings; i++) mnk_html_element(t, "p", "note", "%s", r->warning[i]);
    mnk_html_section_end(t);
}
