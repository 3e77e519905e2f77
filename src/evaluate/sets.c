/* The sets that are compared: do they go together, what is the floor, what does the classifier say of each. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "evaluate/encoding.h"

const char *const mnk_role_names[MNK_ROLES] = {"train", "holdout", "synthetic", "floor"};

/* Labels of d in train's numbering; a class that has images must be known to train. */
static mnk_status match_labels(const mnk_images *train, const mnk_images *d, const char *role, int32_t **out, mnk_error *err) {
    int32_t *map = NULL, *label = NULL;
    MNK_TRY(MNK_NEW(map, d->classes > 0 ? (size_t)d->classes : 1, err));
    mnk_status status = MNK_NEW(label, d->n ? d->n : 1, err);
    for (int k = 0; k < d->classes; k++) {
        map[k] = -1;
        for (int t = 0; t < train->classes; t++)
            if (!strcmp(train->class_names[t], d->class_names[k])) map[k] = t;
    }
    for (size_t i = 0; i < d->n && status == MNK_OK; i++) {
        label[i] = map[d->label[i]];
        if (label[i] < 0) {
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: class \"%s\" of %s (image %zu) is unknown to train", d->source,
                              d->class_names[d->label[i]], role, i);
            mnk_error_hint(err, "classes are matched by name; both sets must use the same names");
        }
    }
    mnk_free(map);
    if (status == MNK_OK) *out = label;
    else mnk_free(label);
    return status;
}

static mnk_status check_pair(const mnk_images *train, const mnk_images *d, const char *role, mnk_error *err) {
    if (d->height == train->height && d->width == train->width && d->channels == train->channels && d->depth == train->depth)
        return MNK_OK;
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT, "%s images are %d x %d x %d at %d bits, train images %d x %d x %d at %d bits", role,
                 d->height, d->width, d->channels, d->depth, train->height, train->width, train->channels, train->depth);
    mnk_error_hint(err, "open both with the same --size and --channels");
    return status;
}

/* Shuffles the pixels of one picture: colours stay, structure goes. */
static void shuffle_pixels(mnk_images *d, size_t i, const size_t *order) {
    const size_t pixels = (size_t)d->height * (size_t)d->width, c = (size_t)d->channels, item = d->depth == 16 ? 2 : 1;
    uint8_t *base = d->depth == 16 ? (uint8_t *)(d->pixels16 + i * pixels * c) : d->pixels8 + i * pixels * c;
    for (size_t p = pixels; p > 1; p--) { /* applied as swaps: the permutation's Fisher-Yates again, in place */
        uint8_t a[6], *x = base + (p - 1) * c * item, *y = base + order[p - 1] % p * c * item;
        memcpy(a, x, c * item);
        memmove(x, y, c * item);
        memcpy(y, a, c * item);
    }
}

static mnk_status make_floor(mnk_sets *s, mnk_error *err) {
    const mnk_images *train = s->images[MNK_ROLE_TRAIN];
    const size_t cap = (size_t)s->config->max_items, n = train->n < cap ? train->n : cap;
    const size_t pixels = (size_t)train->height * (size_t)train->width;
    size_t *order = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(order, train->n > pixels ? train->n : pixels, err));
    MNK_OUT(MNK_NEW(s->floor_row, n, err));
    mnk_rng choice = mnk_rng_at(s->config->seed, MNK_PURPOSE_SUBSET, MNK_ROLE_FLOOR, 0);
    mnk_rng_permutation(&choice, order, train->n);
    memcpy(s->floor_row, order, n * sizeof *order);
    MNK_OUT(mnk_images_select(train, s->floor_row, n, &s->floor, err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(s->config->seed, MNK_PURPOSE_FLOOR, i, 0);
        for (size_t p = 1; p < pixels; p++) order[p] = (size_t)mnk_rng_below(&r, p + 1);
        shuffle_pixels(s->floor, i, order);
    }
    s->images[MNK_ROLE_FLOOR] = s->floor;
out:
    mnk_free(order);
    return status;
}

mnk_status mnk_sets_open(const mnk_images *train, const mnk_images *holdout, const mnk_images *synthetic,
                         mnk_classifier *classifier, const mnk_evaluate_config *config, mnk_sets *out, mnk_error *err) {
    *out = (mnk_sets){
        .images = {train, holdout, synthetic, NULL}, .classes = train->classes, .classifier = classifier, .config = config};
    const size_t least = (size_t)config->neighbours + 2;
    mnk_status status = MNK_OK;
    for (int role = 0; role < MNK_ROLE_FLOOR; role++) {
        const mnk_images *d = out->images[role];
        if (!d) continue;
        if (d->n < least) {
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s has %zu images; %lld neighbours need at least %zu", mnk_role_names[role],
                              d->n, (long long)config->neighbours, least);
            mnk_error_hint(err, "give more images, or fewer neighbours with --neighbours");
            goto out;
        }
        if (role != MNK_ROLE_TRAIN) MNK_OUT(check_pair(train, d, mnk_role_names[role], err));
        MNK_OUT(match_labels(train, d, mnk_role_names[role], &out->label[role], err));
    }
    MNK_OUT(make_floor(out, err));
    MNK_OUT(match_labels(train, out->floor, "floor", &out->label[MNK_ROLE_FLOOR], err));
out:
    if (status != MNK_OK) mnk_sets_close(out);
    return status;
}

static mnk_status classify(mnk_sets *s, int role, const int32_t *to_train, int classes, mnk_error *err) {
    enum { BLOCK = 256 };
    const mnk_images *d = s->images[role];
    const size_t values = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    float *planes = NULL, *prob = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(planes, BLOCK * values, err));
    MNK_OUT(MNK_NEW(prob, BLOCK * (size_t)classes, err));
    MNK_OUT(MNK_NEW(s->features[role], d->n * s->feature_d, err));
    MNK_OUT(MNK_NEW(s->predicted[role], d->n, err));
    for (size_t i0 = 0; i0 < d->n; i0 += BLOCK) {
        const size_t n = d->n - i0 < BLOCK ? d->n - i0 : BLOCK;
        for (size_t i = 0; i < n; i++) mnk_images_f32(d, i0 + i, planes + i * values);
        MNK_OUT(mnk_classifier_run(s->classifier, planes, n, prob, s->features[role] + i0 * s->feature_d, err));
        for (size_t i = 0; i < n; i++) {
            int best = 0;
            for (int k = 1; k < classes; k++)
                if (prob[i * (size_t)classes + (size_t)k] > prob[i * (size_t)classes + (size_t)best]) best = k;
            s->predicted[role][i0 + i] = to_train[best];
        }
    }
out:
    mnk_free(planes);
    mnk_free(prob);
    return status;
}

mnk_status mnk_sets_classify(mnk_sets *s, const mnk_observer *observer, mnk_error *err) {
    if (!s->classifier) return MNK_OK;
    const mnk_images *train = s->images[MNK_ROLE_TRAIN];
    const mnk_classifier_summary about = mnk_classifier_describe(s->classifier);
    if (about.height != train->height || about.width != train->width || about.channels != train->channels)
        return MNK_FAIL(err, MNK_ERR_INPUT, "the classifier was trained on %d x %d x %d images, these are %d x %d x %d",
                        about.height, about.width, about.channels, train->height, train->width, train->channels);
    int32_t *map = NULL, *to_train = NULL; /* train -> classifier, classifier -> train */
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(map, (size_t)train->classes, err));
    MNK_OUT(MNK_NEW(to_train, (size_t)about.classes, err));
    MNK_OUT(mnk_classifier_map(s->classifier, train, map, err));
    for (int k = 0; k < about.classes; k++) to_train[k] = -1;
    for (int k = 0; k < train->classes; k++)
        if (map[k] >= 0) to_train[map[k]] = k;
    s->feature_d = (size_t)about.dim;
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!s->images[role]) continue;
        mnk_observe_progress(observer, "classify", role, MNK_ROLES, mnk_role_names[role]);
        MNK_OUT(classify(s, role, to_train, about.classes, err));
    }
out:
    mnk_free(map);
    mnk_free(to_train);
    return status;
}

void mnk_sets_close(mnk_sets *s) {
    if (!s) return;
    mnk_images_close(s->floor);
    mnk_free(s->floor_row);
    for (int role = 0; role < MNK_ROLES; role++) {
        mnk_free(s->label[role]);
        mnk_free(s->features[role]);
        mnk_free(s->predicted[role]);
        mnk_free(s->spread[role]);
    }
    *s = (mnk_sets){0};
}
