/* manikin evaluate: what synthetic images are worth, and whether they are copies. */
#include <stdio.h>

#include "base/file.h"
#include "cli.h"
#include "data/images.h"
#include "evaluate/config.h"

typedef struct config {
    mnk_evaluate_config evaluate;
    mnk_images_options images;
    const char *train, *holdout, *synthetic, *classifier;
} config;

#define INSIDE(f) evaluate.f
/* clang-format off */
static const mnk_option table[] = {
    {"train", 0, MNK_OPTION_PATH, offsetof(config, train), "DATA", NULL, 0, 0, NULL, "real images the generator learned from", false},
    {"holdout", 0, MNK_OPTION_PATH, offsetof(config, holdout), "DATA", NULL, 0, 0, NULL, "real images it never saw: what perfect looks like", false},
    {"synthetic", 0, MNK_OPTION_PATH, offsetof(config, synthetic), "DATA", NULL, 0, 0, NULL, "the images to judge", false},
    {"classifier", 0, MNK_OPTION_PATH, offsetof(config, classifier), "MODEL", NULL, 0, 0, NULL, "classifier trained on real images: a second encoding, and label agreement", false},
    MNK_EVALUATE_ROWS(config, INSIDE),
    MNK_IMAGES_OPTION_ROWS(offsetof(config, images)),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

static mnk_status open_sets(cli_context *c, mnk_images *set[3], mnk_classifier **classifier, mnk_error *err) {
    const config *k = c->config;
    const char *path[3] = {k->train, k->holdout, k->synthetic}, *name[3] = {"train", "holdout", "synthetic"};
    for (int i = 0; i < 3; i++) {
        if (!path[i] && i == 1) continue;
        if (!path[i]) {
            mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "evaluate: --%s is missing", name[i]);
            mnk_error_hint(err, "manikin evaluate --train REAL --holdout UNSEEN --synthetic MADE");
            return status;
        }
        MNK_TRY(mnk_images_open(path[i], &k->images, c->observer, &set[i], err));
    }
    return k->classifier ? mnk_classifier_open(k->classifier, classifier, err) : MNK_OK;
}

static mnk_status run(cli_context *c, mnk_error *err) {
    config *k = c->config;
    mnk_images *set[3] = {0};
    mnk_classifier *classifier = NULL;
    mnk_result *result = NULL;
    k->evaluate.seed = (uint64_t)c->common.seed;
    mnk_status status = MNK_OK;
    if (c->common.json && !c->common.force && mnk_path_exists(c->common.json)) { /* said now, not after the work */
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists already", c->common.json);
        mnk_error_hint(err, "choose another name, or allow overwriting with --force");
        return status;
    }
    MNK_OUT(open_sets(c, set, &classifier, err));
    MNK_OUT(mnk_evaluate(set[0], set[1], set[2], classifier, &k->evaluate, c->observer, &result, err));
    if (c->common.json) MNK_OUT(mnk_result_write(result, c->common.json, c->common.force, err));
    mnk_result_print(result, stdout, c->colour);
    cli_next(c, "manikin run STUDY.yaml -o results/    # the same with usefulness and a report");
out:
    mnk_result_close(result);
    mnk_classifier_close(classifier);
    for (int i = 0; i < 3; i++) mnk_images_close(set[i]);
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
        "manikin evaluate --train t/ --holdout h/ --synthetic s/ --features-train t.npy --features-holdout h.npy "
        "--features-synthetic s.npy",
    .run = run,
    .for_tables = &cli_verb_evaluate_table,
};
