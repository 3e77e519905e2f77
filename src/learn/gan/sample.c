#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "learn/gan/models.h"
#include "learn/gan/sample.h"

/* Items are computed in blocks of this many, each item always in slot item % BLOCK: whatever a kernel does with its place
 * in the batch, an item's bytes do not depend on how the caller cuts the work. */
#define BLOCK 64

struct mnk_gan {
    mnk_gan_info info;
    mnk_gan_config config;
    mnk_gan_shape shape;
    mnk_gan_generator g;
    mnk_params *params;
    mnk_plan *plan;
    mnk_arena *arena; /* strings of `info` */
    char hash[MNK_HASH_TEXT];
    float *z, *images;
    int32_t labels[BLOCK];
};

static mnk_status damaged(const char *path, const char *what, mnk_error *err) {
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: %s", path, what);
    mnk_error_hint(err, "train it again, or fetch the file anew");
    return status;
}

static mnk_status read_shape(mnk_gan *gan, const json_t *data, const char *path, mnk_error *err) {
    const json_t *height = json_object_get(data, "height"), *width = json_object_get(data, "width");
    const json_t *channels = json_object_get(data, "channels"), *classes = json_object_get(data, "classes");
    if (!json_is_integer(height) || !json_is_integer(width) || !json_is_integer(channels) || !json_is_array(classes))
        return damaged(path, "its image shape or classes are missing", err);
    long long h = json_integer_value(height), w = json_integer_value(width), c = json_integer_value(channels);
    size_t n = json_array_size(classes);
    mnk_error inner = MNK_ERROR_INIT;
    if (h < 0 || w < 0 || c < 0 || h > MNK_GAN_SIZE_MAX || w > MNK_GAN_SIZE_MAX || c > 3 || n > MNK_GAN_CLASSES_MAX ||
        mnk_gan_shape_of((int)h, (int)w, (int)c, (int)n, &gan->shape, &inner) != MNK_OK)
        return damaged(path, inner.code ? inner.message : "its image shape is impossible", err);
    char **names = mnk_arena_alloc(gan->arena, n * sizeof *names);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(classes, i));
        if (!name) return damaged(path, "a class has no name", err);
        if (!names || !(names[i] = mnk_arena_strdup(gan->arena, name)))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: class names");
    }
    gan->info.class_names = (const char *const *)names;
    gan->info.height = (int)h, gan->info.width = (int)w, gan->info.channels = (int)c, gan->info.classes = (int)n;
    return MNK_OK;
}

static const char *keep(mnk_gan *gan, const mnk_st *st, const char *key) {
    const char *value = mnk_st_meta_get(st, key);
    return value ? mnk_arena_strdup(gan->arena, value) : "";
}

static mnk_status read_meta(mnk_gan *gan, const mnk_st *st, const char *path, mnk_error *err) {
    const char *options = mnk_st_meta_get(st, "options"), *data = mnk_st_meta_get(st, "data");
    if (!options || !data) return damaged(path, "its settings are missing", err);
    MNK_TRY(mnk_gan_config_parse(options, path, &gan->config, err));
    json_t *root = json_loads(data, JSON_REJECT_DUPLICATES, NULL);
    mnk_status status = read_shape(gan, root, path, err);
    json_decref(root);
    MNK_TRY(status);
    mnk_gan_info *info = &gan->info;
    info->version = keep(gan, st, "manikin_version");
    info->options_json = keep(gan, st, "options");
    info->data_hash = keep(gan, st, "data_hash");
    info->privacy = keep(gan, st, "privacy");
    const char *seed = mnk_st_meta_get(st, "seed"), *kimg = mnk_st_meta_get(st, "kimg"),
               *trained = mnk_st_meta_get(st, "trained_kimg");
    info->seed = seed ? strtoull(seed, NULL, 10) : 0;
    info->kimg = kimg ? strtod(kimg, NULL) : 0;
    info->trained_kimg = trained ? strtod(trained, NULL) : info->kimg;
    if (!info->version || !info->options_json || !info->data_hash || !info->privacy)
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %s", path);
    return MNK_OK;
}

static mnk_status check_weights(const mnk_gan *gan, const char *path, mnk_error *err) {
    for (size_t i = 0; i < gan->params->n; i++)
        if (!isfinite(gan->params->w[i])) return damaged(path, "a weight is not finite", err);
    for (size_t i = 0; i < gan->params->n_state; i++)
        if (!isfinite(gan->params->state[i])) return damaged(path, "a normalisation statistic is not finite", err);
    return MNK_OK;
}

/* A small file must not make the program ask for much memory: the largest tensor has to be there before room is made. */
static mnk_status check_base(const mnk_gan *gan, const mnk_st *st, const char *path, mnk_error *err) {
    const mnk_st_tensor *base = mnk_st_find(st, "generator.base.w"), *classes = mnk_st_find(st, "generator.class.w");
    int features;
    mnk_net_shape(gan->g.net, gan->g.base, &features, NULL, NULL);
    if (!base || base->rank != 2 || base->shape[0] != gan->config.latent + gan->config.embed || base->shape[1] != features ||
        !classes || classes->rank != 2 || classes->shape[0] != gan->shape.classes || classes->shape[1] != gan->config.embed)
        return damaged(path, "its tensors do not fit its settings", err);
    return MNK_OK;
}

static mnk_status make_plan(mnk_gan *gan, const mnk_st *st, const char *path, mnk_error *err) {
    const mnk_backend *backend = mnk_backend_find("auto");
    MNK_TRY(mnk_gan_generator_open(&gan->config, &gan->shape, &gan->g, err));
    MNK_TRY(check_base(gan, st, path, err));
    MNK_TRY(mnk_memory_require(mnk_plan_bytes(gan->g.net, BLOCK, backend, 0), "sampling", err));
    MNK_TRY(mnk_params_open(gan->g.net, MNK_INIT_NORMAL_002, 0, 0, &gan->params, err));
    mnk_error inner = MNK_ERROR_INIT;
    if (mnk_params_load(gan->g.net, gan->params, "generator.", "w", st, &inner) != MNK_OK)
        return damaged(path, inner.message, err);
    MNK_TRY(check_weights(gan, path, err));
    MNK_TRY(mnk_plan_open(gan->g.net, gan->params, BLOCK, backend, 0, &gan->plan, err));
    mnk_plan_refresh(gan->plan, false);
    gan->info.parameters = gan->params->n;
    const mnk_gan_shape *s = &gan->shape;
    MNK_TRY(MNK_NEW(gan->z, (size_t)BLOCK * (size_t)gan->config.latent, err));
    return MNK_NEW(gan->images, (size_t)BLOCK * (size_t)s->channels * (size_t)s->inner_h * (size_t)s->inner_w, err);
}

static mnk_status read_model(mnk_gan *gan, const mnk_st *st, const char *path, mnk_error *err) {
    const char *kind = mnk_st_meta_get(st, "kind");
    if (kind && strcmp(kind, "gan-checkpoint") == 0) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: is a training checkpoint, not a model", path);
        mnk_error_hint(err, "give the model file beside the .run folder; train with --resume writes it");
        return status;
    }
    MNK_TRY(mnk_st_require_model(st, path, "gan", err));
    MNK_TRY(read_meta(gan, st, path, err));
    return make_plan(gan, st, path, err);
}

mnk_status mnk_gan_open_st(const mnk_st *st, const char *name, mnk_gan **out, mnk_error *err) {
    mnk_gan *gan;
    *out = NULL;
    MNK_TRY(MNK_NEW(gan, 1, err));
    gan->arena = mnk_arena_open();
    gan->info.model_hash = gan->hash;
    mnk_status status = gan->arena ? read_model(gan, st, name, err) : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %s", name);
    if (status == MNK_OK) *out = gan;
    else mnk_gan_close(gan);
    return status;
}

mnk_status mnk_gan_open(const char *path, mnk_gan **out, mnk_error *err) {
    mnk_st *st;
    *out = NULL;
    MNK_TRY(mnk_st_open(path, &st, err));
    mnk_status status = mnk_gan_open_st(st, path, out, err);
    mnk_st_close(st);
    if (status == MNK_OK) status = mnk_hash_file(path, (*out)->hash, err);
    if (status == MNK_OK) return MNK_OK;
    mnk_gan_close(*out);
    *out = NULL;
    return status;
}

void mnk_gan_close(mnk_gan *gan) {
    if (!gan) return;
    mnk_plan_close(gan->plan);
    mnk_params_close(gan->params);
    mnk_net_close(gan->g.net);
    mnk_arena_close(gan->arena);
    mnk_free(gan->z);
    mnk_free(gan->images);
    mnk_free(gan);
}

const mnk_gan_info *mnk_gan_describe(const mnk_gan *gan) { return &gan->info; }

static void crop(const mnk_gan_shape *s, const float *image, uint8_t *pixels) {
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++)
            for (int c = 0; c < s->channels; c++) {
                float v = (image[(c * s->inner_h + y + s->top) * s->inner_w + x + s->left] + 1) * 127.5f + 0.5f;
                *pixels++ = v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
            }
}

mnk_status mnk_gan_sample(mnk_gan *gan, const int32_t *labels, size_t n, uint64_t seed, uint64_t first_item, uint8_t *pixels,
                          mnk_error *err) {
    const mnk_gan_shape *s = &gan->shape;
    size_t latent = (size_t)gan->config.latent, volume = (size_t)s->channels * (size_t)s->inner_h * (size_t)s->inner_w;
    size_t bytes = (size_t)s->height * (size_t)s->width * (size_t)s->channels;
    for (size_t i = 0; i < n; i++)
        if (labels[i] < 0 || labels[i] >= s->classes)
            return MNK_FAIL(err, MNK_ERR_USAGE, "class %d: the model has classes 0 to %d", (int)labels[i], s->classes - 1);
    for (size_t i = 0; i < n;) {
        size_t slot = (size_t)((first_item + i) % BLOCK), count = BLOCK - slot < n - i ? BLOCK - slot : n - i;
        memset(gan->labels, 0, sizeof gan->labels);
        memset(gan->z, 0, BLOCK * latent * sizeof *gan->z);
        for (size_t k = 0; k < count; k++) {
            mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_SAMPLE, first_item + i + k, 0);
            mnk_rng_normal_f32(&rng, gan->z + (slot + k) * latent, latent);
            gan->labels[slot + k] = labels[i + k];
        }
        mnk_plan_put(gan->plan, gan->g.z, gan->z);
        mnk_plan_put_labels(gan->plan, gan->g.labels, gan->labels);
        mnk_plan_forward(gan->plan, NULL);
        mnk_plan_get(gan->plan, gan->g.image, gan->images);
        for (size_t k = 0; k < count; k++) crop(s, gan->images + (slot + k) * volume, pixels + (i + k) * bytes);
        i += count;
    }
    return MNK_OK;
}
