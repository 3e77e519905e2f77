#include "learn/gan/discriminator.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/gan/models.h"
#include "learn/gan/sample.h"
#include "learn/gan/trainer.h"

enum { PACKS = 64 };

typedef struct judge {
    mnk_gan_config config;
    mnk_gan_shape shape;
    mnk_gan_judge d;
    mnk_params *params;
    mnk_plan *plan;
    int32_t *label; /* of every class of the images, in the checkpoint's numbering */
} judge;

static mnk_status match_classes(judge *j, const json_t *data, const mnk_images *d, const char *path, mnk_error *err) {
    const json_t *classes = json_object_get(data, "classes");
    MNK_TRY(MNK_NEW(j->label, (size_t)d->classes + 1, err));
    for (int c = 0; c < d->classes; c++) {
        j->label[c] = -1;
        for (size_t k = 0; k < json_array_size(classes); k++)
            if (strcmp(json_string_value(json_array_get(classes, k)), d->class_names[c]) == 0) j->label[c] = (int32_t)k;
    }
    for (size_t i = 0; i < d->n; i++)
        if (j->label[d->label[i]] < 0)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: was not trained on class \"%s\" of %s", path, d->class_names[d->label[i]],
                            d->source);
    return MNK_OK;
}

static mnk_status read_meta(judge *j, const mnk_st *st, const mnk_images *d, const char *path, mnk_error *err) {
    const char *options = mnk_st_meta_get(st, "options"), *text = mnk_st_meta_get(st, "data");
    if (!options || !text) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: its settings are missing", path);
    MNK_TRY(mnk_gan_config_parse(options, path, &j->config, err));
    json_t *data = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    mnk_status status = mnk_gan_read_shape(data, path, &j->shape, err);
    if (status == MNK_OK && (j->shape.height != d->height || j->shape.width != d->width || j->shape.channels != d->channels))
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: made for images of %d x %d x %d, not %d x %d x %d of %s", path,
                          j->shape.height, j->shape.width, j->shape.channels, d->height, d->width, d->channels, d->source);
    if (status == MNK_OK) status = match_classes(j, data, d, path, err);
    json_decref(data);
    return status;
}

static mnk_status run(judge *j, const mnk_images *d, double *logit, mnk_error *err) {
    const size_t volume = (size_t)j->shape.inner_h * (size_t)j->shape.inner_w * (size_t)j->shape.channels;
    const size_t pack = (size_t)j->config.pack;
    float *image = NULL, out[PACKS];
    int32_t label[PACKS];
    MNK_TRY(MNK_NEW(image, PACKS * pack * volume, err));
    mnk_plan_refresh(j->plan, false);
    for (size_t at = 0; at < d->n; at += PACKS) {
        for (size_t k = 0; k < PACKS; k++) { /* the last batch is filled up with its last image */
            const size_t i = at + k < d->n ? at + k : d->n - 1;
            float *x = image + k * pack * volume;
            mnk_gan_inner_image(d, &j->shape, i, x);
            for (size_t p = 1; p < pack; p++) memcpy(x + p * volume, x, volume * sizeof *x);
            label[k] = j->label[d->label[i]];
        }
        mnk_plan_put(j->plan, j->d.image, image);
        mnk_plan_put_labels(j->plan, j->d.labels, label);
        mnk_plan_forward(j->plan, NULL);
        mnk_plan_get(j->plan, j->d.logit, out);
        for (size_t k = 0; k < PACKS && at + k < d->n; k++) logit[at + k] = (double)out[k];
    }
    mnk_free(image);
    return MNK_OK;
}

static mnk_status open_net(judge *j, const mnk_st *st, mnk_error *err) {
    const mnk_backend *backend = mnk_backend_find("auto");
    MNK_TRY(mnk_gan_judge_open(&j->config, &j->shape, &j->d, err));
    MNK_TRY(mnk_memory_require(mnk_plan_bytes(j->d.net, PACKS, backend, 0), "asking the discriminator", err));
    MNK_TRY(mnk_params_open(j->d.net, MNK_INIT_NORMAL_002, 0, 0, &j->params, err));
    MNK_TRY(mnk_params_load(j->d.net, j->params, "discriminator.", "w", st, err));
    return mnk_plan_open(j->d.net, j->params, PACKS, backend, 0, &j->plan, err);
}

mnk_status mnk_gan_discriminator_logits(const char *path, const mnk_images *d, double *logit, mnk_error *err) {
    judge j = {.label = NULL};
    mnk_st *st = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_st_open(path, &st, err));
    const char *kind = mnk_st_meta_get(st, "kind");
    if (kind && strcmp(kind, "gan") == 0)
        MNK_OUT(MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "%s: a released model holds no discriminator", path));
    MNK_OUT(mnk_st_require_model(st, path, "gan-checkpoint", err));
    MNK_OUT(read_meta(&j, st, d, path, err));
    MNK_OUT(open_net(&j, st, err));
    MNK_OUT(run(&j, d, logit, err));
out:
    mnk_plan_close(j.plan);
    mnk_params_close(j.params);
    mnk_net_close(j.d.net);
    mnk_free(j.label);
    mnk_st_close(st);
    return status;
}
