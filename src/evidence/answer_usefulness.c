/* Does it help? For which class, against which baseline, how sure, and what would change the answer: in words, by the rules of
 * docs/methods/evidence.md. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"
#include "math/stats.h"

static void add(mnk_sentence out, const char *fmt, ...) MNK_PRINTF(2, 3);
static void add(mnk_sentence out, const char *fmt, ...) {
    size_t used = strlen(out), size = sizeof(mnk_sentence);
    va_list args;
    va_start(args, fmt);
    if (used < size) vsnprintf(out + used, size - used, fmt, args);
    va_end(args);
}

static bool is_verdict(const mnk_metric *m, const char *verdict) { return m && strcmp(m->verdict, verdict) == 0; }

static const char *name_of(const mnk_gain *g, char out[96]) {
    snprintf(out, 96, "%s", *g->subset ? g->subset : "all classes");
    return out;
}

/* "AUC 0.981 with, 0.974 without, difference +0.007, 95 % interval −0.004 to +0.018" */
static void numbers(const mnk_gain *g, mnk_sentence out) {
    char a[48], b[48], c[48], d[48];
    add(out, "%s %s with, %s without, difference %s, %.0f %% interval %s", strcmp(g->id, "macro_auc") ? "AUC" : "mean AUC",
        mnk_html_number(g->with ? g->with->value : NAN, c), mnk_html_number(g->baseline ? g->baseline->value : NAN, d),
        mnk_html_signed(g->gain->value, a), 100 * g->gain->level, mnk_html_interval(g->gain->low, g->gain->high, true, b));
}

/* ---- does it help? ---- */

static void say_help(const mnk_evidence *e, const mnk_findings *f, mnk_sentence out) {
    char name[96], margin[48];
    const mnk_gain *g = f->headline;
    if (!g || isnan(g->gain->value)) {
        add(out, "Does it help? Not measured%s%s.", g && g->gain->note[0] ? ": " : "",
            g           ? g->gain->note
            : e->test   ? ""
                        : ", because there is no test set");
        return;
    }
    mnk_html_number(mnk_metric_reference(g->gain, "margin"), margin);
    name_of(g, name);
    if (is_verdict(g->gain, "better")) add(out, "Does it help? Yes, for %s: synthetic images improve the classifier (", name);
    else if (is_verdict(g->gain, "worse")) add(out, "Does it help? No: for %s synthetic images make the classifier worse (", name);
    else if (is_verdict(g->gain, "not worse"))
        add(out, "Does it help? No gain was shown for %s, and no loss of %s or more either (", name, margin);
    else if (is_verdict(g->gain, "refused")) add(out, "Does it help? No conclusion: %s. For %s, without a verdict (", g->gain->note, name);
    else add(out, "Does it help? Cannot tell for %s: neither a gain nor the absence of a loss of %s is shown (", name, margin);
    numbers(g, out);
    add(out, ").");
}

/* ---- for which class? ---- */

static const char *short_verdict(const mnk_metric *m) { return *m->verdict ? m->verdict : "no verdict"; }

static void say_classes(const mnk_evidence *e, const mnk_findings *f, mnk_sentence out) {
    char a[48], b[48], count[48];
    add(out, "For which class? ");
    if (f->rarest) {
        add(out, "The rarest, %s (%s training images): %s. ", f->rarest, mnk_html_count(f->rarest_n, count),
            f->rare.gain ? short_verdict(f->rare.gain) : "not measured");
    }
    int listed = 0;
    for (int k = 0; e->train && k < e->train->classes; k++) {
        const char *name = e->train->class_names[k];
        mnk_gain g = mnk_gain_of(e->usefulness, "auc", f->arm, "", name);
        if (!g.gain || (f->rarest && !strcmp(name, f->rarest)) || strlen(out) > 330) continue;
        add(out, "%s%s: %s (%s)", listed++ ? "; " : "", name, short_verdict(g.gain), mnk_html_signed(g.gain->value, a));
    }
    if (listed) add(out, ". ");
    if (f->pair.gain)
        add(out, "The pair hardest to tell apart, %s: %s (%s, %s).", f->pair.subset, short_verdict(f->pair.gain),
            mnk_html_signed(f->pair.gain->value, a), mnk_html_interval(f->pair.gain->low, f->pair.gain->high, true, b));
}

/* ---- against which baseline? ---- */

/* "400 steps of 32 real + 32 synthetic": the first words of the note. */
static void add_about(const mnk_result *u, const mnk_arm *arm, mnk_sentence out) {
    char id[96];
    snprintf(id, sizeof id, "macro_auc.%s", arm->name);
    const mnk_metric *m = mnk_result_find(u, id, "", "");
    if (m) add(out, " (%.*s)", (int)strcspn(m->note, ";"), m->note);
}

/* Names of the arms whose headline statistic has this verdict. */
static int list_arms(const mnk_evidence *e, const mnk_findings *f, const char *verdict, bool synthetic, mnk_sentence out) {
    int n = 0;
    for (int a = 0; a < MNK_ARMS; a++) {
        if (mnk_arms[a].synthetic != synthetic || &mnk_arms[a] == f->arm) continue;
        mnk_gain g = mnk_gain_of(e->usefulness, f->headline->id, &mnk_arms[a], "", f->headline->subset);
        if (!is_verdict(g.gain, verdict)) continue;
        if (out) add(out, "%s%s", n ? "; " : "", mnk_arms[a].title);
        n++;
    }
    return n;
}

static void say_baseline(const mnk_evidence *e, const mnk_findings *f, mnk_sentence out) {
    add(out, "Against which baseline? The same classifier on real images with oversampling and classical augmentation, as many steps");
    add_about(e->usefulness, f->arm, out);
    add(out, ".");
    static const char *const verdicts[] = {"better", "worse"};
    for (int v = 0; v < 2; v++) {
        if (!list_arms(e, f, verdicts[v], true, NULL)) continue;
        add(out, " %s than it with synthetic images: ", v ? "Worse" : "Better");
        list_arms(e, f, verdicts[v], true, out);
        add(out, ".");
    }
}

/* ---- how sure? ---- */

static int arms_compared(const mnk_evidence *e, const mnk_findings *f) {
    int n = 0;
    for (int a = 0; a < MNK_ARMS; a++)
        n += mnk_gain_of(e->usefulness, f->headline->id, &mnk_arms[a], "", f->headline->subset).gain != NULL;
    return n;
}

static void say_sure(const mnk_evidence *e, const mnk_findings *f, mnk_sentence out) {
    const mnk_metric *m = f->headline->gain;
    char a[48], b[48];
    double subsets = mnk_metric_reference(m, "subsets"), generators = mnk_metric_reference(m, "generators"),
           groups = mnk_metric_reference(m, "groups"), p = mnk_metric_reference(m, "p_holm");
    add(out, "How sure? %.0f training subset%s with %.0f generator%s each, %s test images", subsets, subsets == 1 ? "" : "s",
        generators, generators == 1 ? "" : "s", mnk_html_count(m->n, a));
    if (!isnan(groups)) add(out, " of %.0f source groups or persons", groups);
    add(out, ". Verdicts are corrected for %d arms (Holm)", arms_compared(e, f));
    if (!isnan(p)) add(out, "; here p = %s for no difference", mnk_html_number(p, b));
    if (subsets == 1)
        add(out, ". The choice of training images and its chance are not in the interval%s",
            generators == 1 ? ", nor is another generator" : "");
    add(out, ".");
}

/* ---- what would change the answer? ---- */

int mnk_curve_sizes(const mnk_result *u, int64_t out[MNK_CURVE_SHOWN]) {
    int n = 0;
    for (size_t i = 0; u && i < u->metrics && n < MNK_CURVE_SHOWN; i++) {
        const char *at = strncmp(u->metric[i].id, "train_images@", 13) ? NULL : u->metric[i].id + 13;
        int64_t size = at ? strtoll(at, NULL, 10) : 0;
        if (size > 0 && (!n || size > out[n - 1])) out[n++] = size;
    }
    return n;
}

static void say_curve(const mnk_evidence *e, const mnk_findings *f, mnk_sentence out) {
    int64_t size[MNK_CURVE_SHOWN];
    int n = mnk_curve_sizes(e->usefulness, size);
    char a[48], suffix[32];
    for (int i = 0; i < n && strlen(out) < 420; i++) {
        snprintf(suffix, sizeof suffix, "@%lld", (long long)size[i]);
        mnk_gain g = mnk_gain_of(e->usefulness, f->headline->id, f->arm, suffix, f->headline->subset);
        if (!g.gain) continue;
        add(out, "%s%lld: %s (%s)", i ? "; " : " By training images of a class: ", (long long)size[i], short_verdict(g.gain),
            mnk_html_signed(g.gain->value, a));
    }
    if (n) add(out, ".");
}

/* Half-width of the interval with `units` subsets and a test set `times` as large: the formulas of mnk_auc_effect, the test part
 * taken as shared by all units, corrected for the number of arms by Bonferroni. */
static double half_width(double sd_test, double sd_units, double units, double times, double alpha) {
    double test = sd_test * sd_test / times, own = units > 1 ? sd_units * sd_units / units : 0.0, sum = own + test;
    double df = own > 0.0 ? sum * sum / (own * own / (units - 1.0)) : INFINITY;
    return mnk_student_quantile(1.0 - 0.5 * alpha, df) * sqrt(sum);
}

/* How much more of what would settle it, if the difference stayed: the smallest test set, then the fewest subsets, for which the
 * corrected interval would clear either 0 or minus the margin, whichever is farther from the difference. */
static void say_more(const mnk_metric *m, int arms, mnk_sentence out) {
    double margin = mnk_metric_reference(m, "margin"), subsets = mnk_metric_reference(m, "subsets");
    double units = subsets > 1 ? subsets : mnk_metric_reference(m, "generators"), want = fmax(fabs(m->value), m->value + margin);
    double test = mnk_metric_reference(m, "sd_test"), between = mnk_metric_reference(m, "sd_units");
    const char *what = subsets > 1 ? "training subsets" : "generators";
    enum { SUBSETS_MOST = 60, TIMES_MOST = 64 };
    if (isnan(test) || isnan(between) || isnan(margin)) return;
    for (int times = 1; times <= TIMES_MOST; times++)
        for (double u = units; u <= SUBSETS_MOST; u++) {
            if (half_width(test, between, u, times, (1.0 - m->level) / arms) > want) {
                if (units < 2) break;
                continue;
            }
            add(out, " If the difference stayed as it is,");
            if (u > units) add(out, " about %.0f %s in place of %.0f", u, what, units);
            if (times > 1) add(out, "%s a test set about %d times as large", u > units ? " and" : "", times);
            if (u == units && times == 1) add(out, " a single comparison in place of %d", arms);
            add(out, " would settle it.");
            return;
        }
    add(out, " The difference is too near to what must be told apart for any feasible number of subsets or test images.");
}

static void say_change(const mnk_evidence *e, const mnk_findings *f, mnk_sentence out) {
    const mnk_metric *m = f->headline->gain;
    add(out, "What would change the answer?");
    if (is_verdict(m, "refused")) add(out, " A generator that has not collapsed: longer training, or packing (gan.pack).");
    else if (is_verdict(m, "better")) add(out, " More real images: gains from synthetic ones shrink as the real set grows.");
    else if (is_verdict(m, "worse")) add(out, " A generator nearer to real images, or a smaller synthetic share.");
    else if (is_verdict(m, "cannot tell")) say_more(m, arms_compared(e, f), out);
    else add(out, " Less real data, where a gain has more room, or a better generator.");
    if (mnk_metric_reference(m, "subsets") == 1) add(out, " Another choice of training images may: repeat.subsets tries some.");
    say_curve(e, f, out);
}

int mnk_answer_usefulness(const mnk_evidence *e, const mnk_findings *f, mnk_sentence *out, int n) {
    *out[n] = '\0';
    say_help(e, f, out[n++]);
    if (!f->headline || isnan(f->headline->gain->value)) return n;
    for (int k = 0; k < 4; k++) *out[n + k] = '\0';
    say_classes(e, f, out[n++]);
    say_baseline(e, f, out[n++]);
    say_sure(e, f, out[n++]);
    say_change(e, f, out[n++]);
    return n;
}
