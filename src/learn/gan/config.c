#include "learn/gan/config.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/gan/augment.h"
#include "learn/gan/loss.h"

#define AT(f) offsetof(mnk_gan_config, f)

/* Defaults are what a screening on 32 px blood cells chose; docs/methods/gan.md says what was compared. */
const mnk_option mnk_gan_options[] = {
    {"epochs", 0, MNK_OPTION_INT, AT(epochs), "N", "0", 0, 1e6, NULL, "passes over the training images (0: see --kimg)", false},
    {"kimg", 0, MNK_OPTION_REAL, AT(kimg), "K", "0", 0, 1e7, NULL, "thousands of images to train on (0: 600)", false},
    {"minutes", 0, MNK_OPTION_REAL, AT(minutes), "T", "0", 0, 1e6, NULL,
     "stop after this time; where it stops differs from run to run", false},
    {"loss", 0, MNK_OPTION_CHOICE, AT(loss), "NAME", "hinge", 0, 0, "hinge|logistic|relativistic", "objective", false},
    {"spectral", 0, MNK_OPTION_BOOL, AT(spectral), NULL, "true", 0, 0, NULL, "spectral normalisation of the discriminator",
     false},
    {"pack", 0, MNK_OPTION_INT, AT(pack), "N", "4", 1, 8, NULL, "images of one class judged together; more keeps variety",
     false},
    {"r1", 0, MNK_OPTION_REAL, AT(r1), "GAMMA", "0", 0, 1e4, NULL, "gradient penalty on real images", false},
    {"r2", 0, MNK_OPTION_REAL, AT(r2), "GAMMA", "0", 0, 1e4, NULL, "gradient penalty on generated images", false},
    {"penalty-every", 0, MNK_OPTION_INT, AT(penalty_every), "N", "4", 1, 64, NULL, "steps between gradient penalties", true},
    {"width", 0, MNK_OPTION_INT, AT(width), "N", "32", 4, 256, NULL, "channels at full size; cost grows with the square",
     false},
    {"width-d", 0, MNK_OPTION_INT, AT(width_d), "N", "0", 0, 256, NULL, "the same for the discriminator (0: as --width)", true},
    {"latent", 0, MNK_OPTION_INT, AT(latent), "N", "64", 1, 1024, NULL, "random inputs of the generator", true},
    {"embed", 0, MNK_OPTION_INT, AT(embed), "N", "32", 1, 1024, NULL, "numbers that stand for a class", true},
    {"upsample", 0, MNK_OPTION_CHOICE, AT(upsample), "NAME", "deconv", 0, 0, "deconv|resize", "how the generator doubles sizes",
     true},
    {"norm", 0, MNK_OPTION_CHOICE, AT(norm), "NAME", "batch", 0, 0, "batch|conditional|group", "normalisation in the generator",
     true},
    {"augment", 0, MNK_OPTION_TEXT, AT(augment), "LIST", "flip,rot90,translate,cutout,colour", 0, 0, NULL,
     "any of flip,rot90,translate,cutout,colour,stain, or none", false},
    {"augment-start", 0, MNK_OPTION_REAL, AT(augment_start), "K", "0", 0, 1e7, NULL, "kimg before augmentation begins", true},
    {"adaptive", 0, MNK_OPTION_BOOL, AT(adaptive), NULL, "true", 0, 0, NULL,
     "augment as much as keeps the discriminator from overfitting; without: fully from the start", true},
    {"adaptive-target", 0, MNK_OPTION_REAL, AT(adaptive_target), "R", "0.6", 0, 1, NULL,
     "mean sign of the discriminator to hold", true},
    {"balance", 0, MNK_OPTION_CHOICE, AT(balance), "NAME", "balanced", 0, 0, "balanced|proportional", "classes in a batch",
     false},
    {"ramp-start", 0, MNK_OPTION_REAL, AT(ramp_start), "K", "0", 0, 1e7, NULL, "kimg without class conditioning", true},
    {"ramp-end", 0, MNK_OPTION_REAL, AT(ramp_end), "K", "0", 0, 1e7, NULL, "kimg from which conditioning is full", true},
    {"batch", 0, MNK_OPTION_INT, AT(batch), "N", "64", 2, 1024, NULL, "images a step", false},
    {"rate-g", 0, MNK_OPTION_REAL, AT(rate_g), "RATE", "2e-4", 0, 1, NULL, "learning rate of the generator", false},
    {"rate-d", 0, MNK_OPTION_REAL, AT(rate_d), "RATE", "8e-4", 0, 1, NULL, "learning rate of the discriminator", false},
    {"beta1", 0, MNK_OPTION_REAL, AT(beta1), "B", "0", 0, 0.9999, NULL, "Adam's first decay", true},
    {"beta2", 0, MNK_OPTION_REAL, AT(beta2), "B", "0.9", 0, 0.99999, NULL, "Adam's second decay", true},
    {"ema", 0, MNK_OPTION_REAL, AT(ema), "B", "0.998", 0, 0.999999, NULL, "decay of the averaged weights, per step", true},
    {"keep", 0, MNK_OPTION_CHOICE, AT(keep), "WHICH", "best", 0, 0, "best|last", "weights that the model gets", true},
    {"patience", 0, MNK_OPTION_REAL, AT(patience), "K", "0", 0, 1e7, NULL,
     "stop after this many kimg without a better snapshot (0: never)", false},
    {"dp", 0, MNK_OPTION_BOOL, AT(dp), NULL, "false", 0, 0, NULL,
     "differential privacy of the persons in the training images (wants --epsilon and --delta)", false},
    {"epsilon", 0, MNK_OPTION_REAL, AT(epsilon), "E", "0", 0, 1e6, NULL,
     "with --dp: the privacy budget; 1 is strong protection, above 10 promises little", false},
    {"delta", 0, MNK_OPTION_REAL, AT(delta), "D", "0", 0, 1, NULL,
     "with --dp: chance that the promise fails; well below 1 / persons", false},
    {"clip", 0, MNK_OPTION_REAL, AT(clip), "C", "1", 1e-6, 1e6, NULL, "with --dp: norm that each pack's gradient is clipped to",
     false},
    {"canaries", 0, MNK_OPTION_INT, AT(canaries), "M", "0", 0, 1e6, NULL,
     "with --dp: made-up packs trained along, each in with chance 1/2: they measure the privacy from below, at a cost in noise",
     false},
    {"reproducible-noise", 0, MNK_OPTION_BOOL, AT(reproducible_noise), NULL, "false", 0, 0, NULL,
     "with --dp: noise from --seed, for tests: the model is stamped NOT PRIVATE", true},
    {"backend", 0, MNK_OPTION_CHOICE, AT(backend), "NAME", "auto", 0, 0, "auto|reference|onednn", "kernels", true},
    {"log-every", 0, MNK_OPTION_REAL, AT(log_every), "K", "2", 0.001, 1e6, NULL, "kimg between lines of events.jsonl", true},
    {"snapshot-every", 0, MNK_OPTION_REAL, AT(snapshot_every), "K", "20", 0.001, 1e6, NULL,
     "kimg between sample grids, variety checks and checkpoints", false},
    {"resume", 0, MNK_OPTION_BOOL, AT(resume), NULL, "false", 0, 0, NULL, "go on from the checkpoint beside the model", false},
    {"init-from", 0, MNK_OPTION_PATH, AT(init_from), "FILE", NULL, 0, 0, NULL,
     "start from the weights of a model or checkpoint", false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

/* A continuation may change these; everything else must be what the run began with. */
static const char *const free_options[] = {"epochs",    "kimg",           "minutes", "keep",      "patience", "backend",
                                           "log-every", "snapshot-every", "resume",  "init-from", "epsilon",  "delta"};

/* What files written before an option existed mean. */
static const struct {
    const char *name, *value;
} before[] = {{"width-d", "0"}, {"dp", "false"}, {"clip", "1"}, {"canaries", "0"}, {"reproducible-noise", "false"}};

const char *mnk_gan_option_before(const char *name) {
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (strcmp(before[i].name, name) == 0) return before[i].value;
    return NULL;
}

static bool is_free(const char *name) {
    for (size_t i = 0; i < sizeof free_options / sizeof *free_options; i++)
        if (strcmp(free_options[i], name) == 0) return true;
    return false;
}

void mnk_gan_config_defaults(mnk_gan_config *config) {
    memset(config, 0, sizeof *config);
    mnk_options_defaults(mnk_gan_options, config);
    config->seed = 1;
}

static mnk_status privacy_alone(const mnk_gan_config *config, mnk_error *err) {
    const char *name = config->epsilon > 0          ? "epsilon"
                       : config->delta > 0          ? "delta"
                       : config->clip != 1          ? "clip"
                       : config->canaries > 0       ? "canaries"
                       : config->reproducible_noise ? "reproducible-noise"
                                                    : NULL;
    if (!name) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "--%s says how private a private run is, but --dp is missing", name);
    mnk_error_hint(err, "add --dp; without it the model has no formal guarantee");
    return status;
}

/* What would tell of real images without paying for it, or has no gradient of one pack. */
static mnk_status check_private(const mnk_gan_config *config, mnk_error *err) {
    if (!config->dp) return privacy_alone(config, err);
    if (config->epsilon == 0 || config->delta == 0) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_USAGE, "--dp needs %s", config->epsilon == 0 ? "an --epsilon above 0" : "a --delta above 0");
        mnk_error_hint(err, "state both, for instance --epsilon 8 --delta 1e-6");
        return status;
    }
    const struct {
        bool is_set;
        const char *name, *why;
    } refused[] = {
        {mnk_gan_losses[config->loss].pairs, "loss relativistic", "it compares every real pack with a generated one"},
        {config->r1 > 0, "r1", "the penalty's gradient on real images is not clipped"},
        {config->r2 > 0, "r2", "private runs have no gradient penalty"},
        {config->ramp_end > 0, "ramp-end", "a pack of a private run has one class"},
        {config->patience > 0, "patience", "it compares snapshots with the training images"},
        {config->epochs > 0, "epochs", "it would tell the number of images; use --kimg"},
        {config->minutes > 0, "minutes", "noise is sized for a number of steps fixed in advance; use --kimg"},
        {config->pack == 1 && config->balance == MNK_GAN_PROPORTIONAL, "balance proportional",
         "with --pack 1 the sizes of the classes are not public"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (refused[i].is_set)
            return MNK_FAIL(err, MNK_ERR_USAGE, "--%s does not go with --dp: %s", refused[i].name, refused[i].why);
    return MNK_OK;
}

mnk_status mnk_gan_config_check(const mnk_gan_config *config, mnk_error *err) {
    MNK_TRY(mnk_options_check(mnk_gan_options, config, err));
    if (config->batch % config->pack) {
        mnk_status s = MNK_FAIL(err, MNK_ERR_USAGE, "--batch %lld does not divide into packs of %lld", (long long)config->batch,
                                (long long)config->pack);
        mnk_error_hint(err, "use --batch %lld", (long long)((config->batch / config->pack + 1) * config->pack));
        return s;
    }
    if (config->ramp_end < config->ramp_start)
        return MNK_FAIL(err, MNK_ERR_USAGE, "--ramp-end %g lies before --ramp-start %g", config->ramp_end, config->ramp_start);
    if (!(config->rate_g > 0) || !(config->rate_d > 0))
        return MNK_FAIL(err, MNK_ERR_USAGE, "--rate-g and --rate-d must be above 0");
    MNK_TRY(check_private(config, err));
    mnk_augment_list list;
    return mnk_augment_parse(config->augment, &list, err);
}

mnk_status mnk_gan_shape_of(int height, int width, int channels, int classes, mnk_gan_shape *out, mnk_error *err) {
    int larger = height > width ? height : width;
    if (height < 8 || width < 8 || larger > MNK_GAN_SIZE_MAX) {
        mnk_status s = MNK_FAIL(err, MNK_ERR_INPUT, "images of %d x %d pixels: the GAN takes 8 to %d a side", width, height,
                                MNK_GAN_SIZE_MAX);
        mnk_error_hint(err, "resize with --size 64");
        return s;
    }
    if (channels != 1 && channels != 3)
        return MNK_FAIL(err, MNK_ERR_INPUT, "images of %d channels: the GAN takes 1 or 3", channels);
    if (classes < 1 || classes > MNK_GAN_CLASSES_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%d classes: the GAN takes 1 to %d", classes, MNK_GAN_CLASSES_MAX);
    int stages = 0;
    while (larger >> (stages + 3)) stages++; /* floor(log2(larger / 4)): the larger base side is 4..7, or 8 after rounding up */
    int unit = 1 << stages;
    *out = (mnk_gan_shape){.height = height, .width = width, .channels = channels, .classes = classes, .stages = stages};
    out->base_h = (height + unit - 1) / unit, out->base_w = (width + unit - 1) / unit;
    out->inner_h = out->base_h * unit, out->inner_w = out->base_w * unit;
    out->top = (out->inner_h - height) / 2, out->left = (out->inner_w - width) / 2;
    return MNK_OK;
}

uint64_t mnk_gan_steps_per_epoch(const mnk_gan_config *config, size_t n) {
    return (n + (size_t)config->batch - 1) / (size_t)config->batch;
}

uint64_t mnk_gan_total_steps(const mnk_gan_config *config, size_t n) {
    if (config->epochs > 0) return (uint64_t)config->epochs * mnk_gan_steps_per_epoch(config, n);
    double kimg = config->kimg > 0 ? config->kimg : config->minutes > 0 ? 0 : 600;
    return (uint64_t)ceil(kimg * 1000 / (double)config->batch);
}

bool mnk_gan_config_json(const mnk_gan_config *config, mnk_text *out) {
    mnk_option kept[sizeof mnk_gan_options / sizeof *mnk_gan_options];
    size_t n = 0;
    for (const mnk_option *o = mnk_gan_options; o->type != MNK_OPTION_END; o++)
        if (!is_free(o->name)) kept[n++] = *o;
    kept[n] = (mnk_option){.type = MNK_OPTION_END};
    mnk_json j = {.text = out, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_options_write(kept, config, &j);
    mnk_json_end_object(&j);
    return !out->failed;
}

static mnk_status set_from_json(const mnk_option *o, const json_t *v, const char *where, mnk_gan_config *out, mnk_error *err) {
    char number[64];
    const char *text = NULL;
    if (json_is_string(v)) text = json_string_value(v);
    else if (json_is_boolean(v)) text = json_is_true(v) ? "true" : "false";
    else if (json_is_integer(v)) snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v)), text = number;
    else if (json_is_real(v)) snprintf(number, sizeof number, "%.17g", json_real_value(v)), text = number;
    mnk_error inner = MNK_ERROR_INIT;
    if (!text || mnk_options_set(mnk_gan_options, out, o->name, text, &inner) != MNK_OK)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: setting %s: %s", where, o->name, text ? inner.message : "wrong type");
    return MNK_OK;
}

mnk_status mnk_gan_config_parse(const char *json, const char *where, mnk_gan_config *out, mnk_error *err) {
    mnk_gan_config_defaults(out);
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    mnk_status status = MNK_OK;
    if (!json_is_object(root)) {
        json_decref(root);
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: its settings are not a JSON object", where);
    }
    for (const mnk_option *o = mnk_gan_options; o->type != MNK_OPTION_END && status == MNK_OK; o++) {
        const json_t *v = json_object_get(root, o->name);
        if (is_free(o->name) || o->type == MNK_OPTION_TEXT) continue; /* text would point into `root` */
        const char *old = mnk_gan_option_before(o->name);
        status = v     ? set_from_json(o, v, where, out, err)
                 : old ? mnk_options_set(mnk_gan_options, out, o->name, old, err)
                       : MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: setting %s is missing", where, o->name);
    }
    json_decref(root);
    out->augment = out->init_from = NULL;
    return status;
}
