/* From results to words: what the answer box says, by rules stated in docs/methods/evidence.md. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"

const mnk_metric_info mnk_metric_infos[] = {
    {"alpha_precision", "α-precision", "higher", "do synthetic images fall where real ones are dense?", true},
    {"precision", "precision", "like holdout", "share of synthetic images inside the neighbourhood of some real image", true},
    {"density", "density", "like holdout", "how many real neighbourhoods a synthetic image falls into, 1 is usual", true},
    {"beta_recall", "β-recall", "like holdout", "do real images fall where synthetic ones are dense?", true},
    {"recall", "recall", "like holdout", "share of real images inside the neighbourhood of some synthetic image", true},
    {"coverage", "coverage", "like holdout", "share of real images with a synthetic one nearby", true},
    {"authenticity", "authenticity", "like holdout",
     "share of synthetic images that are not closer to a training image than its own neighbour is", true},
    {"frechet_distance", "Fréchet distance", "lower",
     "distance of means and covariances; comparable at equal n and encoding only", false},
    {"kid", "kernel distance (KID)", "lower",
     "squared kernel mean discrepancy, unbiased, so that small negative values mean none", false},
    {"within_class_sd", "variety inside the class", "like holdout",
     "spread of synthetic images of a class over that of real ones", false},
    {"label_agreement", "label agreement", "like holdout",
     "share of synthetic images that the yardstick classifier calls by their class", true},
    {"exact_copies", "exact copies", "lower", "share of synthetic images equal to a training image under some flip or turn",
     false},
    {"near_copies", "near copies", "like holdout",
     "share of synthetic images nearer to a training image than nearly all unseen real images are", false},
    {"artefacts", "artefacts", "like holdout",
     "share of synthetic images farther from the real ones of their class than nearly all real ones are from each other", true},
    {"never_generated", "never generated", "like holdout", "share of training images that no synthetic image comes near", true},
    {NULL, NULL, NULL, NULL, false},
};

const mnk_metric_info *mnk_metric_info_of(const char *id) {
    for (const mnk_metric_info *i = mnk_metric_infos; i->id; i++)
        if (strcmp(i->id, id) == 0) return i;
    return NULL;
}

const char *mnk_metric_name(const char *id) {
    const mnk_metric_info *i = mnk_metric_info_of(id);
    return i ? i->name : id;
}

double mnk_metric_reference(const mnk_metric *m, const char *name) {
    for (int i = 0; m && i < m->references; i++)
        if (strcmp(m->reference[i].name, name) == 0) return m->reference[i].value;
    return NAN;
}

size_t mnk_class_count(const mnk_images *d, const char *class_name) {
    if (!d || !class_name) return 0;
    for (int c = 0; c < d->classes; c++) {
        if (strcmp(d->class_names[c], class_name) != 0) continue;
        size_t n = 0;
        for (size_t i = 0; i < d->n; i++) n += d->label[i] == c;
        return n;
    }
    return 0;
}

/* The class with the fewest training images; none when all classes are nearly of one size. */
static const char *rarest_class(const mnk_evidence *e, size_t *n) {
    if (e->rarest_class) {
        *n = mnk_class_count(e->train, e->rarest_class);
        return e->rarest_class;
    }
    const char *name = NULL;
    size_t most = 0;
    for (int c = 0; e->train && c < e->train->classes; c++) {
        size_t count = mnk_class_count(e->train, e->train->class_names[c]);
        if (!name || count < *n) *n = count, name = e->train->class_names[c];
        if (count > most) most = count;
    }
    return 10 * *n > 9 * most ? NULL : name;
}

/* The first metric with this id and encoding over all classes, NULL when it is missing. */
static const mnk_metric *overall(const mnk_result *r, const char *id, const char *encoding) {
    return r ? mnk_result_find(r, id, encoding, "") : NULL;
}

static const mnk_metric *lowest_variety(const mnk_result *r, const char *id) {
    const mnk_metric *worst = NULL;
    for (size_t i = 0; r && i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (strcmp(m->id, id) != 0 || !*m->subset || isnan(m->value)) continue;
        if (!worst || m->value < worst->value) worst = m;
    }
    return worst;
}

/* In whatever encoding it was measured. */
static const mnk_metric *any_encoding(const mnk_result *r, const char *id) {
    for (size_t i = 0; i < r->metrics; i++)
        if (strcmp(r->metric[i].id, id) == 0 && !*r->metric[i].subset) return &r->metric[i];
    return NULL;
}

mnk_gain mnk_gain_of(const mnk_result *u, const char *id, const mnk_arm *arm, const char *suffix, const char *subset) {
    char name[96];
    mnk_gain g = {.id = id, .subset = subset};
    snprintf(name, sizeof name, "%s.%s%s", id, mnk_arms[MNK_ARM_BASELINE].name, suffix);
    g.baseline = mnk_result_find(u, name, "", subset);
    snprintf(name, sizeof name, "%s.%s%s", id, arm->name, suffix);
    g.with = mnk_result_find(u, name, "", subset);
    snprintf(name, sizeof name, "%s_gain.%s%s", id, arm->name, suffix);
    g.gain = mnk_result_find(u, name, "", subset);
    return g;
}

/* The arm spoken of is fixed before any result: real and synthetic images with oversampling and classical augmentation, or,
 * where it was switched off, the next mixed arm of the table. */
static void find_gains(const mnk_evidence *e, mnk_findings *f) {
    static const int order[] = {6, 5, 4, 8, 9, 7};
    const mnk_result *u = e->usefulness;
    for (size_t i = 0; u && i < sizeof order / sizeof *order && !f->arm; i++) {
        const mnk_arm *arm = &mnk_arms[order[i]];
        if (mnk_gain_of(u, "macro_auc", arm, "", "").gain) f->arm = arm;
    }
    if (!f->arm) return;
    f->all = mnk_gain_of(u, "macro_auc", f->arm, "", "");
    if (f->rarest) f->rare = mnk_gain_of(u, "auc", f->arm, "", f->rarest);
    for (size_t i = 0; i < u->metrics; i++)
        if (!strncmp(u->metric[i].id, "pair_auc.", 9) && !strchr(u->metric[i].id, '@'))
            f->pair = mnk_gain_of(u, "pair_auc", f->arm, "", u->metric[i].subset);
    f->headline = f->rare.gain ? &f->rare : &f->all;
}

void mnk_findings_of(const mnk_evidence *e, mnk_findings *f) {
    *f = (mnk_findings){.encoding = ""};
    f->rarest = rarest_class(e, &f->rarest_n);
    find_gains(e, f);
    f->variety = lowest_variety(e->usefulness, "generator_variety");
    const mnk_result *r = e->evaluate;
    if (!r) return;
    for (int i = 0; i < r->encodings; i++)
        if (i == 0 || strcmp(r->encoding[i].name, "classifier") == 0) f->encoding = r->encoding[i].name;
    f->realism = overall(r, "precision", f->encoding);
    f->coverage = overall(r, "coverage", f->encoding);
    f->authenticity = overall(r, "authenticity", f->encoding);
    if (lowest_variety(r, "within_class_sd")) f->variety = lowest_variety(r, "within_class_sd");
    f->near_share = any_encoding(r, "near_copies");
    f->never_share = any_encoding(r, "never_generated");
    f->copies_measured = true;
    for (size_t i = 0; i < r->flags; i++) {
        f->exact += strcmp(r->flag[i].flag, "exact_copy") == 0;
        f->near_copies += strcmp(r->flag[i].flag, "near_copy") == 0;
        f->never += strcmp(r->flag[i].flag, "never_generated") == 0;
    }
}

/* Spread alone is blind to missing kinds of images: coverage far below the holdout's is named as well. */
static const char *variety_verdict(const mnk_findings *f) {
    double v = f->variety->value, holdout = f->coverage ? mnk_metric_reference(f->coverage, "holdout") : NAN;
    if (v < MNK_VARIETY_COLLAPSED) return "The generator has collapsed inside a class";
    if (v < MNK_VARIETY_REDUCED) return "Variety inside classes is reduced";
    if (f->coverage && f->coverage->value < 0.8 * holdout)
        return "No collapse inside a class, but kinds of real images are missed";
    return "No collapse was seen";
}

static void say_variety(const mnk_findings *f, mnk_sentence out) {
    char a[48], b[48], c[48];
    size_t n = 0;
    if (f->variety) {
        double v = f->variety->value;
        n = (size_t)snprintf(out, sizeof(mnk_sentence),
                             "%s: in the least varied class, %s, synthetic images spread %s times as much as real ones%s%s%s. ",
                             variety_verdict(f), f->variety->subset, mnk_html_number(v, a), *f->variety->encoding ? " (" : "",
                             f->variety->encoding, *f->variety->encoding ? " encoding)" : "");
    }
    if (f->coverage && !isnan(f->coverage->value) && n < sizeof(mnk_sentence)) {
        double holdout = mnk_metric_reference(f->coverage, "holdout");
        snprintf(out + n, sizeof(mnk_sentence) - n, "Synthetic images come near %s of the real images%s%s.",
                 mnk_html_percent(f->coverage->value, b), isnan(holdout) ? "" : "; as many unseen real images would come near ",
                 isnan(holdout) ? "" : mnk_html_percent(holdout, c));
    } else if (!n) {
        snprintf(out, sizeof(mnk_sentence), "Variety was not measured.");
    }
}

static void say_copies(const mnk_evidence *e, const mnk_findings *f, mnk_sentence out) {
    char a[48], b[48], c[48], d[48];
    if (!f->copies_measured) {
        snprintf(out, sizeof(mnk_sentence), "Copies of training images were not looked for.");
        return;
    }
    size_t n = e->synthetic ? e->synthetic->n : f->authenticity ? f->authenticity->n : 0;
    size_t k = (size_t)(f->exact + f->near_copies == 0
                            ? snprintf(out, sizeof(mnk_sentence),
                                       "No exact or near copy of a training image was found among %s synthetic images.",
                                       mnk_html_count(n, a))
                            : snprintf(out, sizeof(mnk_sentence),
                                       "%s exact and %s near copies of training images were found among %s synthetic images.",
                                       mnk_html_count(f->exact, a), mnk_html_count(f->near_copies, b), mnk_html_count(n, c)));
    double usual = mnk_metric_reference(f->near_share, "holdout");
    if (!isnan(usual) && k < sizeof(mnk_sentence))
        k += (size_t)snprintf(out + k, sizeof(mnk_sentence) - k,
                              " Near copies are %s of the synthetic images; of unseen real images it would be %s.",
                              mnk_html_percent(f->near_share->value, a), mnk_html_percent(usual, b));
    if (f->authenticity && !isnan(f->authenticity->value) && k < sizeof(mnk_sentence)) {
        double holdout = mnk_metric_reference(f->authenticity, "holdout");
        snprintf(out + k, sizeof(mnk_sentence) - k, " Authenticity is %s%s%s.", mnk_html_percent(f->authenticity->value, d),
                 isnan(holdout) ? "" : "; unseen real images would have ", isnan(holdout) ? "" : mnk_html_percent(holdout, c));
    }
}

static void say_gaps(const mnk_evidence *e, mnk_sentence out) {
    size_t n = 0, missing = 0;
    const mnk_metric *first = NULL;
    for (int k = 0; k < 2; k++) {
        const mnk_result *r = k ? e->usefulness : e->evaluate;
        for (size_t i = 0; r && i < r->metrics; i++)
            if (isnan(r->metric[i].value)) {
                missing++;
                if (!first) first = &r->metric[i];
            }
    }
    const char *const absent[] = {e->evaluate ? NULL : "fidelity and copies", e->usefulness ? NULL : "usefulness",
                                  e->holdout ? NULL : "the holdout baseline", e->test ? NULL : "anything on a test set"};
    n = (size_t)snprintf(out, sizeof(mnk_sentence), "Not measured: ");
    size_t empty = n;
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (absent[i]) n += (size_t)snprintf(out + n, sizeof(mnk_sentence) - n, "%s%s", n > empty ? ", " : "", absent[i]);
    if (first && n < 300)
        n += (size_t)snprintf(out + n, sizeof(mnk_sentence) - n,
                              "%s%zu value%s that could not be estimated (such as %s%s%s: %s)", n > empty ? ", " : "", missing,
                              missing == 1 ? "" : "s", mnk_metric_name(first->id), *first->subset ? " of " : "", first->subset,
                              first->note[0] ? first->note : "too few items");
    if (n < 440)
        n += (size_t)snprintf(out + n, sizeof(mnk_sentence) - n, "%s%srobustness, and what readers see.",
                              n > empty ? "; and by design not here: " : "", e->audits ? "" : "privacy beyond copies, ");
}

int mnk_evidence_answer(const mnk_evidence *e, mnk_sentence out[8]) {
    mnk_findings f;
    mnk_findings_of(e, &f);
    int n = 0;
    n = mnk_answer_usefulness(e, &f, out, n);
    say_variety(&f, out[n++]);
    say_copies(e, &f, out[n++]);
    if (!e->audits || n < 7) say_gaps(e, out[n++]); /* eight at most: what was never generated yields to the attacks */
    if (n == 8) return n;
    mnk_answer_audits(e, out[n]);
    return n + (*out[n] != '\0');
}
