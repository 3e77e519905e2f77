#include "learn/classifier/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Groups of four channels (of two, of one) for group norm. */
static int groups_of(int channels) { return channels % 4 == 0 ? channels / 4 : channels % 2 == 0 ? channels / 2 : channels; }

/* Convolution without bias, norm, ReLU. */
static mnk_value conv_norm(mnk_classifier *c, mnk_value x, const char *stem, const char *part, int channels, int stride,
                           bool relu) {
    mnk_net *net = c->net;
    char name[64];
    snprintf(name, sizeof name, "%s.%sconv", stem, part);
    mnk_value y = mnk_net_conv(net, x, name, channels, 3, stride, 1, 0);
    snprintf(name, sizeof name, "%s.%snorm", stem, part);
    y = mnk_net_norm(net, y, name, c->norm, c->norm == MNK_NORM_GROUP ? groups_of(channels) : 0, -1);
    return relu ? mnk_net_act(net, y, MNK_ACT_RELU, 0.0) : y;
}

mnk_status mnk_classifier_build(mnk_classifier *c, double dropout, mnk_error *err) {
    mnk_classifier_summary *s = &c->summary;
    int side = s->height < s->width ? s->height : s->width;
    if (side < MNK_CLASSIFIER_SIDE_MIN || s->height > MNK_CLASSIFIER_SIDE_MAX || s->width > MNK_CLASSIFIER_SIDE_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "classifier: images of %d x %d px; sides of %d to %d px are supported", s->width,
                        s->height, MNK_CLASSIFIER_SIDE_MIN, MNK_CLASSIFIER_SIDE_MAX);
    if (c->stages == 0) c->stages = side < 96 ? 3 : 4;
    while (c->stages > 1 && side >> c->stages < 3) c->stages--; /* 3 px are left: for 2 oneDNN has slow kernels only */
    c->net = mnk_net_open();
    if (!c->net) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a network");
    c->input = mnk_net_input(c->net, "image", s->channels, s->height, s->width);
    mnk_value x = conv_norm(c, c->input, "stem", "", c->width, 1, true);
    int channels = c->width;
    for (int stage = 1; stage <= c->stages; stage++) {
        char name[32];
        channels = c->width << (stage - 1);
        snprintf(name, sizeof name, "stage%d", stage);
        x = conv_norm(c, x, name, "down_", channels, 2, true);
        mnk_value y = conv_norm(c, x, name, "block_a_", channels, 1, true);
        y = conv_norm(c, y, name, "block_b_", channels, 1, false);
        x = mnk_net_act(c->net, mnk_net_add(c->net, x, y), MNK_ACT_RELU, 0.0);
    }
    c->features = mnk_net_global_pool(c->net, x);
    x = c->features;
    if (dropout > 0.0) x = mnk_net_dropout(c->net, x, dropout);
    c->logits = mnk_net_linear(c->net, x, "head", s->classes, MNK_NN_BIAS);
    MNK_TRY(mnk_net_check(c->net, err));
    MNK_TRY(mnk_params_open(c->net, MNK_INIT_HE, s->seed, 0, &c->params, err));
    s->dim = channels;
    s->parameters = c->params->n;
    s->macs = mnk_net_macs(c->net);
    return MNK_OK;
}

static mnk_status find_backend(const char *name, const mnk_backend **out, mnk_error *err) {
    *out = mnk_backend_find(name);
    if (*out) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "this build has no backend %s", name);
    mnk_error_hint(err, "use --backend auto; manikin doctor lists what this build can do");
    return status;
}

mnk_status mnk_classifier_plan(mnk_classifier *c, const char *backend, mnk_error *err) {
    const mnk_backend *kernels;
    MNK_TRY(find_backend(backend, &kernels, err));
    MNK_TRY(mnk_memory_require(mnk_plan_bytes(c->net, MNK_CLASSIFIER_BATCH, kernels, 0), "the classifier", err));
    return mnk_plan_open(c->net, c->params, MNK_CLASSIFIER_BATCH, kernels, 0, &c->plan, err);
}

mnk_status mnk_classifier_alloc(int classes, const char *const *class_names, mnk_classifier **out, mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_classifier *c = NULL;
    *out = NULL;
    MNK_TRY(MNK_NEW(c, 1, err));
    c->summary.classes = classes;
    c->summary.val_loss = c->summary.val_accuracy = NAN;
    MNK_OUT(MNK_NEW(c->class_names, (size_t)classes, err));
    MNK_OUT(MNK_NEW(c->known, (size_t)classes, err));
    for (int k = 0; k < classes; k++) {
        c->class_names[k] = mnk_strdup(class_names[k]);
        if (!c->class_names[k]) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for class names"));
    }
    *out = c;
    c = NULL;
out:
    mnk_classifier_close(c);
    return status;
}

void mnk_classifier_close(mnk_classifier *c) {
    if (!c) return;
    mnk_plan_close(c->plan);
    mnk_params_close(c->params);
    mnk_net_close(c->net);
    for (int k = 0; c->class_names && k < c->summary.classes; k++) mnk_free(c->class_names[k]);
    mnk_free(c->class_names);
    mnk_free(c->known);
    mnk_free(c->settings_json);
    mnk_free(c->privacy_block);
    mnk_free(c);
}

mnk_classifier_summary mnk_classifier_describe(const mnk_classifier *c) { return c->summary; }
int mnk_classifier_dim(const mnk_classifier *c) { return c->summary.dim; }

const char *mnk_classifier_class_name(const mnk_classifier *c, int label) {
    return label >= 0 && label < c->summary.classes ? c->class_names[label] : NULL;
}

mnk_status mnk_classifier_map(const mnk_classifier *c, const mnk_images *images, int32_t *map, mnk_error *err) {
    return mnk_classifier_match(images, "images", c->summary.classes, c->class_names, map, err);
}

mnk_status mnk_classifier_check_images(const mnk_classifier *c, const mnk_images *images, const char *what, mnk_error *err) {
    const mnk_classifier_summary *s = &c->summary;
    if (images->height == s->height && images->width == s->width && images->channels == s->channels) return MNK_OK;
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT, "%s (%.300s): images of %d x %d px, %s, but the classifier was trained on %d x %d px, %s",
                 what, images->source, images->width, images->height, images->channels == 3 ? "colour" : "grey", s->width,
                 s->height, s->channels == 3 ? "colour" : "grey");
    if (s->width == s->height)
        mnk_error_hint(err, "--size %d --channels %d brings them to the classifier's form", s->width, s->channels);
    return status;
}

void mnk_classifier_softmax(const mnk_classifier *c, const float *logits, float *prob) {
    int classes = c->summary.classes;
    double largest = -INFINITY, sum = 0.0;
    for (int k = 0; k < classes; k++)
        if (c->known[k] && logits[k] > largest) largest = logits[k];
    for (int k = 0; k < classes; k++) sum += c->known[k] ? exp(logits[k] - largest) : 0.0;
    for (int k = 0; k < classes; k++) prob[k] = c->known[k] ? (float)(exp(logits[k] - largest) / sum) : 0.0f;
}

/* One batch of up to MNK_CLASSIFIER_BATCH images that are in the plan already. */
static void run_batch(mnk_classifier *c, size_t first, size_t n, float *logits, float *vectors, float *prob, float *features) {
    size_t classes = (size_t)c->summary.classes, dim = (size_t)c->summary.dim;
    mnk_plan_forward(c->plan, NULL);
    if (prob) {
        mnk_plan_get(c->plan, c->logits, logits);
        for (size_t i = 0; i < n; i++) mnk_classifier_softmax(c, logits + i * classes, prob + (first + i) * classes);
    }
    if (!features) return;
    mnk_plan_get(c->plan, c->features, vectors);
    memcpy(features + first * dim, vectors, n * dim * sizeof *features);
}

/* Images come from `planes`, or, when that is NULL, from the rows of `images` (row NULL: 0, 1, ...). */
static mnk_status run(mnk_classifier *c, const mnk_images *images, const size_t *row, const float *planes, size_t n,
                      float *prob, float *features, mnk_error *err) {
    enum { B = MNK_CLASSIFIER_BATCH };
    mnk_status status = MNK_OK;
    size_t pixels = (size_t)c->summary.channels * (size_t)c->summary.height * (size_t)c->summary.width;
    float *batch = NULL, *logits = NULL, *vectors = NULL;
    MNK_OUT(MNK_NEW_ALIGNED(batch, B * pixels, err));
    MNK_OUT(MNK_NEW_ALIGNED(logits, B * (size_t)c->summary.classes, err));
    MNK_OUT(MNK_NEW_ALIGNED(vectors, B * (size_t)c->summary.dim, err));
    for (size_t first = 0; first < n; first += B) {
        size_t m = n - first < B ? n - first : B;
        memset(batch + m * pixels, 0, (B - m) * pixels * sizeof *batch);
        if (planes) memcpy(batch, planes + first * pixels, m * pixels * sizeof *batch);
        for (size_t i = 0; images && i < m; i++) mnk_images_f32(images, row ? row[first + i] : first + i, batch + i * pixels);
        mnk_plan_put(c->plan, c->input, batch);
        run_batch(c, first, m, logits, vectors, prob, features);
    }
out:
    mnk_free(batch);
    mnk_free(logits);
    mnk_free(vectors);
    return status;
}

mnk_status mnk_classifier_predict(mnk_classifier *c, const mnk_images *images, float *prob, mnk_error *err) {
    MNK_TRY(mnk_classifier_check_images(c, images, "images", err));
    return run(c, images, NULL, NULL, images->n, prob, NULL, err);
}

mnk_status mnk_classifier_features(mnk_classifier *c, const mnk_images *images, float *features, mnk_error *err) {
    MNK_TRY(mnk_classifier_check_images(c, images, "images", err));
    return run(c, images, NULL, NULL, images->n, NULL, features, err);
}

mnk_status mnk_classifier_run(mnk_classifier *c, const float *planes, size_t n, float *prob, float *features, mnk_error *err) {
    return run(c, NULL, NULL, planes, n, prob, features, err);
}

mnk_status mnk_classifier_run_rows(mnk_classifier *c, const mnk_images *images, const size_t *row, size_t n, float *prob,
                                   mnk_error *err) {
    return run(c, images, row, NULL, n, prob, NULL, err);
}
