/* Limits, method, and how to repeat the study. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"

void mnk_report_limits(mnk_text *t, const mnk_evidence *e, const mnk_findings *f) {
    char count[48];
    mnk_html_section(t, "limits", "Limits");
    mnk_text_add(t, "<ul>\n");
    if (e->is_phantom) mnk_html_element(t, "li", NULL, "The data are a phantom. What holds here need not hold for tissue.");
    bool repeated = f->headline && f->headline->gain && mnk_metric_reference(f->headline->gain, "subsets") > 1;
    mnk_html_element(
        t, "li", NULL, "%s",
        repeated ? "Fidelity, variety and copies are those of the first generator. Usefulness is judged over all of them."
                 : "One training set. Another one, or another generator, gives other numbers, and how much they move "
                   "is not in the intervals (repeat.subsets).");
    if (e->train && !e->train->group)
        mnk_html_element(t, "li", NULL,
                         "The data name no persons, so images of one person may stand on both sides of a split; every "
                         "comparison with holdout and test is then too kind.");
    if (f->rarest && f->rarest_n && f->rarest_n < 200)
        mnk_html_element(
            t, "li", NULL,
            "The rarest class has %s training images; figures for it are uncertain, and a generator can memorise so few.",
            mnk_html_count(f->rarest_n, count));
    if (e->test && e->test->n < 1000)
        mnk_html_element(t, "li", NULL,
                         "The test set has %s images; differences much smaller than the intervals cannot be seen with it.",
                         mnk_html_count(e->test->n, count));
    mnk_html_element(t, "li", NULL, "No %s found is not privacy shown: %s, and the generator gives no formal guarantee.",
                     e->audits ? "leak" : "copy",
                     e->audits ? "stronger attacks than those tried here exist"
                               : "membership inference and attribute inference were not tried here");
    mnk_html_element(t, "li", NULL,
                     "Encodings are blind to what they do not encode. No person has looked at these images for this report.");
    mnk_html_element(
        t, "li", NULL,
        "Many numbers stand on this page. Some will look remarkable by chance; verdicts on usefulness are corrected for the "
        "number of arms, intervals are not.");
    if (!e->hide_real && e->train && !e->is_phantom)
        mnk_html_element(t, "li", NULL,
                         "This page shows training images. Treat it like the data; the study option report: hide-real: true "
                         "leaves them out.");
    mnk_text_add(t, "</ul>\n");
    mnk_html_section_end(t);
}

void mnk_report_method(mnk_text *t, const mnk_evidence *e) {
    mnk_html_section(t, "method", "Method");
    mnk_html_element(t, "p", NULL,
                     "Real images are divided, by person or source group where these are known, into train, validation, "
                     "holdout and test. The generator learns from train. "
                     "Synthetic images are compared with train; holdout, which nothing was trained on, is compared with train "
                     "in the same way and is what perfect looks like. "
                     "A copy of train shows what cheating looks like, noise is the floor.");
    mnk_text_add(
        t, "<div class=\"scroll\"><table><tr><th>measure</th><th class=\"t\">question</th><th class=\"t\">good</th></tr>\n");
    for (const mnk_metric_info *i = mnk_metric_infos; i->id; i++) {
        mnk_text_add(t, "<tr>");
        mnk_html_element(t, "td", NULL, "%s", i->name);
        mnk_html_element(t, "td", "t", "%s", i->meaning);
        mnk_html_element(t, "td", "t", "%s", i->good);
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div>\n");
    mnk_html_element(
        t, "p", NULL,
        "Words in the answer box follow fixed rules. “Better” and “worse” are said when the paired difference from "
        "the baseline is not 0, “not worse” when it is above minus the margin set in the study, both after Holm's "
        "correction for the number of arms; otherwise the word is “cannot tell”. “Collapsed” is said when synthetic images of "
        "some class spread less than "
        "%.1f times as much as real ones, “reduced” below %.1f. "
        "Passing and failing exist only against thresholds written into the study before it ran.",
        MNK_VARIETY_COLLAPSED, MNK_VARIETY_REDUCED);
    mnk_html_element(
        t, "p", "note",
        "α-precision, β-recall, authenticity: Alaa et al. 2022. Precision, recall: Kynkäänniemi et al. 2019. Density, "
        "coverage: Naeem et al. 2020. "
        "Fréchet distance: Heusel et al. 2017. Kernel distance: Bińkowski et al. 2018. Intervals of AUC: DeLong et al. 1988. "
        "Formulas and deviations: docs/methods.md of manikin %s.",
        MNK_VERSION);
    (void)e;
    mnk_html_section_end(t);
}

static void steps(mnk_text *t, const mnk_evidence *e) {
    char b[48];
    if (!e->run.steps) return;
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>step</th><th>time</th><th class=\"t\">remark</th></tr>\n");
    for (size_t i = 0; i < e->run.steps; i++) {
        mnk_text_add(t, "<tr>");
        mnk_html_element(t, "td", NULL, "%s", e->run.step[i].title);
        mnk_html_element(t, "td", NULL, "%s", mnk_html_duration(e->run.step[i].wall_s, b));
        mnk_html_element(t, "td", "t", "%s", e->run.step[i].is_reused ? "from an earlier run, nothing had changed" : "");
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div>\n");
}

static void inputs(mnk_text *t, const mnk_evidence *e) {
    const mnk_images *const set[] = {e->train, e->val, e->holdout, e->test, e->synthetic};
    static const char *const name[] = {"train", "validation", "holdout", "test", "synthetic"};
    mnk_text_add(t, "<dl>\n");
    for (int i = 0; i < 5; i++)
        if (set[i]) {
            mnk_html_element(t, "dt", NULL, "%s", name[i]);
            mnk_text_add(t, "<dd>");
            char count[48];
            mnk_html_text(t, "%s images, ", mnk_html_count(set[i]->n, count));
            mnk_html_element(t, "code", NULL, "%s",
                             set[i]->n >= MNK_MANIFEST_MIN_ITEMS ? set[i]->hash : "hash withheld: too few items");
            mnk_text_add(t, "</dd>\n");
        }
    mnk_text_add(t, "</dl>\n");
}

void mnk_report_repeat(mnk_text *t, const mnk_evidence *e) {
    char b[48], from[48], to[48];
    mnk_html_section(t, "repeat", "Repeat it");
    mnk_html_element(
        t, "p", NULL,
        "The same version, data, settings and seed give the same models, data and numbers, for any number of threads.");
    if (e->command) mnk_html_element(t, "pre", NULL, "%s", e->command);
    mnk_text_add(t, "<dl>\n");
    mnk_html_element(t, "dt", NULL, "manikin");
    mnk_html_element(t, "dd", NULL, "%s", MNK_VERSION);
    mnk_html_element(t, "dt", NULL, "seed");
    mnk_html_element(t, "dd", NULL, "%llu", (unsigned long long)e->seed);
    if (e->run.hardware[0]) {
        mnk_html_element(t, "dt", NULL, "machine");
        mnk_html_element(t, "dd", NULL, "%s, %d thread%s used", e->run.hardware, e->run.threads,
                         e->run.threads == 1 ? "" : "s");
    }
    if (e->run.finished[0]) {
        mnk_html_element(t, "dt", NULL, "when");
        mnk_html_element(t, "dd", NULL, "%s to %s, all steps together %s", mnk_html_moment(e->run.started, from),
                         mnk_html_moment(e->run.finished, to), mnk_html_duration(e->run.wall_s, b));
    }
    mnk_text_add(t, "</dl>\n");
    steps(t, e);
    mnk_html_element(t, "h3", NULL, "Data sets");
    inputs(t, e);
    if (e->study_text) {
        mnk_html_element(t, "h3", NULL, "Study file");
        mnk_html_element(t, "pre", NULL, "%s", e->study_text);
    }
    if (e->settings_json) {
        mnk_html_element(t, "h3", NULL, "All settings, resolved");
        mnk_html_element(t, "pre", NULL, "%s", e->settings_json);
    }
    mnk_html_section_end(t);
    mnk_text_add(t, "<footer>\n");
    mnk_html_element(t, "p", NULL,
                     "All numbers are in evidence.json beside this page. manifest.json lists every file with its hash.");
    if (e->public_key) {
        mnk_html_element(t, "p", NULL, "Signed with Ed25519. Check that nothing was changed, with manikin or with minisign:");
        mnk_html_element(t, "pre", NULL, "manikin verify . --public-key %s\nminisign -Vm manifest.json -P %s", e->public_key,
                         e->public_key);
    } else {
        mnk_html_element(t, "p", NULL, "This study was not signed.");
    }
    mnk_text_add(t, "</footer>\n");
}
