/* manikin audit: what synthetic images, and the model that made them, give away of the images it learned from. */
#include "audit_finish.h"
#include "data/images.h"
#include "manikin/attack.h"
#include "privacy/attacks/config.h"

typedef struct config {
    mnk_attack_config attack;
    mnk_images_options images;
    cli_audit audit;
    const char *train, *holdout, *synthetic, *model, *classifier;
} config;

#define ATTACK(f) attack.f
/* clang-format off */
static const mnk_option table[] = {
    {"train", 0, MNK_OPTION_PATH, offsetof(config, train), "DATA", NULL, 0, 0, NULL, "real images the generator learned from", false},
    {"holdout", 0, MNK_OPTION_PATH, offsetof(config, holdout), "DATA", NULL, 0, 0, NULL, "real images it never saw: half is known to the attacker, half is attacked", false},
    {"synthetic", 0, MNK_OPTION_PATH, offsetof(config, synthetic), "DATA", NULL, 0, 0, NULL, "the images to be released", false},
    {"model", 0, MNK_OPTION_PATH, offsetof(config, model), "MODEL", NULL, 0, 0, NULL, "the model or the checkpoint to be released: a discriminator in it is attacked too", false},
    CLI_AUDIT_ROWS(config, audit),
    {"classifier", 0, MNK_OPTION_PATH, offsetof(config, classifier), "MODEL", NULL, 0, 0, NULL, "for --encoding classifier; must not have learned from train", true},
    MNK_ATTACK_IMAGE_ROWS(config, ATTACK),
    MNK_ATTACK_ROWS(config, ATTACK),
    MNK_IMAGES_OPTION_ROWS(offsetof(config, images)),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

static mnk_status open_sets(cli_context *c, mnk_images *set[3], mnk_classifier **classifier, mnk_error *err) {
    const config *k = c->config;
    const char *path[3] = {k->train, k->holdout, k->synthetic};
    for (int i = 0; i < 3; i++)
        if (path[i]) MNK_TRY(mnk_images_open(path[i], &k->images, c->observer, &set[i], err));
    return k->classifier ? mnk_classifier_open(k->classifier, classifier, err) : MNK_OK;
}

static mnk_status check(const config *k, mnk_error *err) {
    if (k->train && k->synthetic) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "audit: --%s is missing", k->train ? "synthetic" : "train");
    mnk_error_hint(err, "manikin audit --train REAL --holdout UNSEEN --synthetic MADE");
    return status;
}

static mnk_status run(cli_context *c, mnk_error *err) {
    config *k = c->config;
    mnk_images *set[3] = {0};
    mnk_classifier *classifier = NULL;
    mnk_result *result = NULL;
    mnk_status status = MNK_OK;
    k->attack.seed = (uint64_t)c->common.seed;
    k->audit.hide_real = k->attack.hide_real;
    MNK_OUT(check(k, err));
    MNK_OUT(cli_audit_begin(c, &k->audit, err));
    MNK_OUT(open_sets(c, set, &classifier, err));
    MNK_OUT(mnk_attack_images(set[0], set[1], set[2], classifier, k->model, &k->attack, c->observer, &result, err));
    MNK_OUT(cli_audit_finish(c, &k->audit, result, err));
out:
    cli_audit_close(&k->audit);
    mnk_result_close(result);
    mnk_classifier_close(classifier);
    for (int i = 0; i < 3; i++) mnk_images_close(set[i]);
    return status;
}

extern const cli_verb cli_verb_audit_table;

const cli_verb cli_verb_audit = {
    .name = "audit",
    .group = "judge",
    .summary = "attack synthetic data and its model: whom do they give away? A policy can stop the release",
    .uses = "seed threads json force",
    .table = table,
    .config_size = sizeof(config),
    .examples =
        "manikin audit --train t/ --holdout h/ --synthetic s/ --gate policy.yaml\n"
        "manikin audit --train t.npz:train --holdout t.npz:holdout --synthetic s.npz --model run/checkpoint.safetensors",
    .run = run,
    .for_tables = &cli_verb_audit_table,
};
