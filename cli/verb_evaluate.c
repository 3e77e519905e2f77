/* manikin evaluate: what synthetic images are worth, and whether they are copies. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/images.h"
#include "evaluate/config.h"
#include "judged.h"
#include "manikin/evidence_images.h"

typedef struct config {
    mnk_evaluate_config evaluate;
    mnk_images_options images;
    const char *train, *holdout, *classifier, *report;
    mnk_option_list synthetic;
    bool hide_real;
} config;

#define INSIDE(f) evaluate.f
/* clang-format off */
static const mnk_option table[] = {
    {"train", 0, MNK_OPTION_PATH, offsetof(config, train), "DATA", NULL, 0, 0, NULL, "real images the generator learned from", false},
    {"holdout", 0, MNK_OPTION_PATH, offsetof(config, holdout), "DATA", NULL, 0, 0, NULL, "real images it never saw: what perfect looks like", false},
    {"synthetic", 0, MNK_OPTION_LIST, offsetof(config, synthetic), "DATA", NULL, 0, 0, NULL, "the images to judge; given several times, the sets are ranked", false},
    {"report", 0, MNK_OPTION_PATH, offsetof(config, report), "FILE.html", NULL, 0, 0, NULL, "write a page: ranks, contact sheets, artefacts, copies, what was never generated", false},
    {"hide-real", 0, MNK_OPTION_BOOL, offsetof(config, hide_real), NULL, "false", 0, 0, NULL, "show no real image on the page", false},
    {"classifier", 0, MNK_OPTION_PATH, offsetof(config, classifier), "MODEL", NULL, 0, 0, NULL, "classifier trained on real images: a second encoding, and label agreement", false},
    MNK_EVALUATE_ROWS(config, INSIDE),
    MNK_IMAGES_OPTION_ROWS(offsetof(config, images)),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

typedef struct judged_images {
    mnk_images *train, *holdout, *set[MNK_SYNTHETIC_MAX];
    mnk_classifier *classifier;
    cli_judged judged;
} judged_images;

static void close_all(judged_images *j) {
    cli_judged_close(&j->judged);
    for (size_t i = 0; i < MNK_SYNTHETIC_MAX; i++) mnk_images_close(j->set[i]);
    mnk_images_close(j->train);
    mnk_images_close(j->holdout);
    mnk_classifier_close(j->classifier);
}

static mnk_status open_all(cli_context *c, judged_images *j, mnk_error *err) {
    const config *k = c->config;
    if (k->synthetic.n > 1 && k->evaluate.features_synthetic)
        return MNK_FAIL(err, MNK_ERR_USAGE, "evaluate: --features-synthetic goes with one synthetic set");
    MNK_TRY(mnk_images_open(k->train, &k->images, c->observer, &j->train, err));
    if (k->holdout) MNK_TRY(mnk_images_open(k->holdout, &k->images, c->observer, &j->holdout, err));
    for (size_t i = 0; i < k->synthetic.n; i++) {
        MNK_TRY(mnk_images_open(k->synthetic.items[i], &k->images, c->observer, &j->set[i], err));
        cli_judged_add(&j->judged, k->synthetic.items[i]);
    }
    return k->classifier ? mnk_classifier_open(k->classifier, &j->classifier, err) : MNK_OK;
}

static mnk_status judge_all(cli_context *c, judged_images *j, mnk_error *err) {
    const config *k = c->config;
    cli_judged *all = &j->judged;
    for (size_t i = 0; i < all->n; i++) {
        if (all->n > 1) mnk_observe_log(c->observer, MNK_LOG_INFO, "judging %s (%zu of %zu)", all->name[i], i + 1, all->n);
        MNK_TRY(mnk_evaluate(j->train, j->holdout, j->set[i], j->classifier, &k->evaluate, c->observer, &all->result[i], err));
        cli_judged_warn_same(all, i, j->set[i]->hash, j->train->hash, j->holdout ? j->holdout->hash : NULL);
    }
    return cli_judged_rank(all, k->evaluate.level, k->evaluate.seed, err);
}

static mnk_status write_page(cli_context *c, judged_images *j, mnk_error *err) {
    const config *k = c->config;
    char title[256];
    mnk_synthetic_images set[MNK_SYNTHETIC_MAX];
    mnk_images_evidence e = {
        .train = j->train, .holdout = j->holdout, .synthetic = set, .n = j->judged.n, .ranking = j->judged.ranking};
    snprintf(title, sizeof title, "%s: %.200s", j->judged.n > 1 ? "Synthetic image sets compared" : "Synthetic images judged",
             mnk_path_base(k->train));
    e.base = (mnk_evidence){.title = title, .seed = k->evaluate.seed, .hide_real = k->hide_real};
    for (size_t i = 0; i < j->judged.n; i++) {
        MNK_TRY(mnk_images_relabel(j->set[i], j->train->classes, (const char *const *)j->train->class_names, err));
        set[i] = (mnk_synthetic_images){j->judged.name[i], j->set[i], j->judged.result[i]};
    }
    return mnk_images_evidence_page(&e, k->report, c->common.force, err);
}

static mnk_status run(cli_context *c, mnk_error *err) {
    config *k = c->config;
    judged_images j = {0};
    mnk_status status = MNK_OK;
    k->evaluate.seed = (uint64_t)c->common.seed;
    MNK_TRY(cli_judged_check(c, k->train, &k->synthetic, k->report, "sets",
                             "manikin evaluate --train REAL --holdout UNSEEN --synthetic MADE", err));
    MNK_OUT(open_all(c, &j, err));
    MNK_OUT(judge_all(c, &j, err));
    if (c->common.json) MNK_OUT(cli_judged_write(&j.judged, c->common.json, c->common.force, err));
    if (k->report) MNK_OUT(write_page(c, &j, err));
    cli_judged_print(&j.judged, stdout, c->colour);
    if (k->report) cli_next(c, "look at %s", k->report);
    else cli_next(c, "manikin run STUDY.yaml -o results/    # the same with usefulness and a report");
out:
    close_all(&j);
    return status;
}

extern const cli_verb cli_verb_evaluate_table;

const cli_verb cli_verb_evaluate = {
    .name = "evaluate",
    .group = "judge",
    .summary = "score synthetic images or tables against real ones: fidelity, diversity, authenticity, use",
    .uses = "seed threads json force",
    .table = table,
    .config_size = sizeof(config),
    .examples =
        "manikin evaluate --train blood.npz:train --holdout blood.npz:test --synthetic made/\n"
        "manikin evaluate --train t/ --holdout h/ --synthetic s/ --classifier yardstick.safetensors --json scores.json\n"
        "manikin evaluate --train t/ --holdout h/ --synthetic a/ --synthetic b/ --report page.html    # ranked\n"
        "manikin evaluate --train t/ --holdout h/ --synthetic s/ --features-train t.npy --features-holdout h.npy "
        "--features-synthetic s.npy",
    .run = run,
    .for_tables = &cli_verb_evaluate_table,
};
