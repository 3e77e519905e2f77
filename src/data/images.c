#include "data/images.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

/* What a handle really is: the public struct and the arena of its strings. */
typedef struct images {
    mnk_images pub; /* first: a handle is converted by a cast */
    mnk_arena *arena;
} images;

mnk_arena *mnk_images_arena(mnk_images *d) { return ((images *)d)->arena; }

size_t mnk_images_stride(const mnk_images *d) {
    return (size_t)d->height * (size_t)d->width * (size_t)d->channels * (d->depth == 16 ? 2 : 1);
}

void *mnk_images_pixels(const mnk_images *d, size_t i) {
    return (d->depth == 16 ? (uint8_t *)d->pixels16 : d->pixels8) + i * mnk_images_stride(d);
}

size_t mnk_images_bytes(const mnk_images_shape *s) {
    size_t row = (size_t)s->height * (size_t)s->width * (size_t)s->channels * (s->depth == 16 ? 2 : 1), bytes = 0;
    /* label, group, split, name pointer and its text, attributes */
    row += sizeof(int32_t) * (s->groups ? 2 : 1) + 1 + sizeof(char *) + 16 + (size_t)s->attributes * sizeof(char *);
    return mnk_mul_overflow(row, s->n, &bytes) ? SIZE_MAX : bytes;
}

mnk_status mnk_images_require(const mnk_images_shape *s, size_t max_bytes, const char *path, mnk_error *err) {
    char what[256], shown[96];
    size_t need = mnk_images_bytes(s);
    snprintf(what, sizeof what, "%s: %zu images of %dx%dx%d, %d bit,", mnk_printable(path, shown), s->n, s->width, s->height,
             s->channels, s->depth);
    if (need == SIZE_MAX) return MNK_FAIL(err, MNK_ERR_INPUT, "%s exceed any memory", what);
    if (max_bytes && need > max_bytes)
        return MNK_FAIL(err, MNK_ERR_MEMORY, "%s need %.2f GiB of memory, the limit is %.2f GiB", what,
                        (double)need / 1073741824.0, (double)max_bytes / 1073741824.0);
    mnk_status status = mnk_memory_require(need, what, err);
    if (status != MNK_OK) mnk_error_hint(err, "take one split (PATH:train), or make the images smaller with --size");
    return status;
}

mnk_status mnk_images_alloc(const mnk_images_shape *s, mnk_images **out, mnk_error *err) {
    *out = NULL;
    if (s->height < 1 || s->width < 1 || s->height > MNK_IMAGE_SIDE_MAX || s->width > MNK_IMAGE_SIDE_MAX ||
        (s->channels != 1 && s->channels != 3) || (s->depth != 8 && s->depth != 16) || s->classes < 1 ||
        s->classes > MNK_CLASSES_MAX || s->attributes < 0 || mnk_images_bytes(s) == SIZE_MAX)
        return MNK_FAIL(err, MNK_ERR_USAGE, "no such dataset: %zu images of %dx%dx%d, %d bit, %d classes", s->n, s->width,
                        s->height, s->channels, s->depth, s->classes);
    images *im = mnk_alloc(1, sizeof *im);
    if (!im) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_images *d = &im->pub;
    *d = (mnk_images){.n = s->n,
                      .height = s->height,
                      .width = s->width,
                      .channels = s->channels,
                      .depth = s->depth,
                      .classes = s->classes,
                      .attributes = s->attributes};
    size_t values = s->n * (size_t)s->height * (size_t)s->width * (size_t)s->channels;
    bool ok = (im->arena = mnk_arena_open()) != NULL;
    if (s->depth == 16) ok = ok && (d->pixels16 = mnk_alloc(values, 2));
    else ok = ok && (d->pixels8 = mnk_alloc(values, 1));
    ok = ok && (d->class_names = mnk_alloc((size_t)s->classes, sizeof(char *))) &&
         (d->label = mnk_alloc(s->n, sizeof(int32_t))) && (d->split = mnk_alloc(s->n, 1)) &&
         (d->name = mnk_alloc(s->n, sizeof(char *)));
    if (s->groups) ok = ok && (d->group = mnk_alloc(s->n, sizeof(int32_t)));
    if (s->attributes)
        ok = ok && (d->attribute_names = mnk_alloc((size_t)s->attributes, sizeof(char *))) &&
             (d->attribute_values = mnk_alloc((size_t)s->attributes * s->n, sizeof(char *)));
    if (!ok) {
        mnk_images_close(d);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes for %zu images", mnk_images_bytes(s), s->n);
    }
    if (d->group)
        for (size_t i = 0; i < s->n; i++) d->group[i] = -1;
    *out = d;
    return MNK_OK;
}

void mnk_images_close(mnk_images *d) {
    if (!d) return;
    images *im = (images *)d;
    mnk_free(d->pixels8);
    mnk_free(d->pixels16);
    mnk_free(d->class_names);
    mnk_free(d->label);
    mnk_free(d->group);
    mnk_free(d->split);
    mnk_free(d->name);
    mnk_free(d->attribute_names);
    mnk_free(d->attribute_values);
    mnk_free(d->skipped_reasons);
    mnk_arena_close(im->arena);
    mnk_free(im);
}

mnk_status mnk_images_new(size_t n, int height, int width, int channels, int classes, const char *const *class_names,
                          mnk_images **out, mnk_error *err) {
    mnk_images_shape shape = {.n = n, .height = height, .width = width, .channels = channels, .depth = 8, .classes = classes};
    mnk_images *d = NULL;
    *out = NULL;
    MNK_TRY(mnk_images_alloc(&shape, &d, err));
    mnk_arena *a = mnk_images_arena(d);
    bool ok = true;
    for (int c = 0; c < classes && ok; c++)
        ok = (d->class_names[c] = class_names ? mnk_arena_strdup(a, class_names[c]) : mnk_arena_printf(a, "%d", c)) != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        ok = (d->name[i] = mnk_arena_printf(a, "%06zu", i)) != NULL;
        d->split[i] = MNK_SPLIT_TRAIN;
    }
    if (!ok) {
        mnk_images_close(d);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: names of %zu images", n);
    }
    mnk_images_rehash(d);
    *out = d;
    return MNK_OK;
}

/* Copies what does not depend on the rows. */
static bool copy_frame(const mnk_images *d, mnk_images *to) {
    mnk_arena *a = mnk_images_arena(to);
    bool ok = true;
    for (int c = 0; c < d->classes && ok; c++) ok = (to->class_names[c] = mnk_arena_strdup(a, d->class_names[c])) != NULL;
    for (int k = 0; k < d->attributes && ok; k++)
        ok = (to->attribute_names[k] = mnk_arena_strdup(a, d->attribute_names[k])) != NULL;
    if (ok && d->skipped) {
        ok = (to->skipped_reasons = mnk_alloc(d->skipped, sizeof(char *))) != NULL;
        for (size_t i = 0; i < d->skipped && ok; i++)
            ok = (to->skipped_reasons[i] = mnk_arena_strdup(a, d->skipped_reasons[i])) != NULL;
        if (ok) to->skipped = d->skipped;
    }
    memcpy(to->source, d->source, sizeof to->source);
    to->synthetic = d->synthetic;
    return ok;
}

mnk_status mnk_images_select(const mnk_images *d, const size_t *index, size_t n, mnk_images **out, mnk_error *err) {
    *out = NULL;
    for (size_t i = 0; i < n; i++)
        if (index[i] >= d->n) return MNK_FAIL(err, MNK_ERR_USAGE, "row %zu of a dataset with %zu images", index[i], d->n);
    mnk_images_shape shape = {.n = n,
                              .height = d->height,
                              .width = d->width,
                              .channels = d->channels,
                              .depth = d->depth,
                              .classes = d->classes,
                              .groups = d->group != NULL,
                              .attributes = d->attributes};
    mnk_images *to = NULL;
    MNK_TRY(mnk_images_alloc(&shape, &to, err));
    mnk_arena *a = mnk_images_arena(to);
    bool ok = copy_frame(d, to);
    size_t stride = mnk_images_stride(d);
    for (size_t i = 0; i < n && ok; i++) {
        size_t from = index[i];
        memcpy(mnk_images_pixels(to, i), mnk_images_pixels(d, from), stride);
        to->label[i] = d->label[from];
        to->split[i] = d->split[from];
        if (d->group) to->group[i] = d->group[from];
        ok = (to->name[i] = mnk_arena_strdup(a, d->name[from])) != NULL;
        for (size_t k = 0; k < (size_t)d->attributes && ok; k++)
            ok = (to->attribute_values[k * n + i] = mnk_arena_strdup(a, d->attribute_values[k * d->n + from])) != NULL;
    }
    if (!ok) {
        mnk_images_close(to);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: names of %zu images", n);
    }
    mnk_images_rehash(to);
    *out = to;
    return MNK_OK;
}

mnk_status mnk_images_relabel(mnk_images *d, int classes, const char *const *class_names, mnk_error *err) {
    int32_t *number = NULL;
    char **names = NULL, shown[96];
    if (classes < 1 || classes > MNK_CLASSES_MAX) return MNK_FAIL(err, MNK_ERR_USAGE, "%d classes", classes);
    mnk_status status = MNK_NEW(number, (size_t)d->classes, err);
    if (status == MNK_OK) status = MNK_NEW(names, (size_t)classes, err);
    for (int c = 0; c < classes && status == MNK_OK; c++)
        if (!(names[c] = mnk_arena_strdup(mnk_images_arena(d), class_names[c])))
            status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    for (int c = 0; c < d->classes && status == MNK_OK; c++) {
        number[c] = -1;
        for (int k = 0; k < classes && number[c] < 0; k++)
            if (!strcmp(d->class_names[c], class_names[k])) number[c] = k;
    }
    for (size_t i = 0; i < d->n && status == MNK_OK; i++)
        if (number[d->label[i]] < 0)
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%.200s: class '%s' is not among the %d classes of the other dataset",
                              d->source, mnk_printable(d->class_names[d->label[i]], shown), classes);
    if (status == MNK_OK) {
        for (size_t i = 0; i < d->n; i++) d->label[i] = number[d->label[i]];
        mnk_free(d->class_names);
        d->class_names = names;
        d->classes = classes;
        names = NULL;
        mnk_images_rehash(d);
    }
    mnk_free(names);
    mnk_free(number);
    return status;
}

void mnk_images_f32(const mnk_images *d, size_t i, float *out) {
    size_t plane = (size_t)d->height * (size_t)d->width, channels = (size_t)d->channels;
    if (d->depth == 16) {
        const uint16_t *p = d->pixels16 + i * plane * channels;
        for (size_t c = 0; c < channels; c++)
            for (size_t k = 0; k < plane; k++) out[c * plane + k] = (float)p[k * channels + c] / 32767.5f - 1.0f;
    } else {
        const uint8_t *p = d->pixels8 + i * plane * channels;
        for (size_t c = 0; c < channels; c++)
            for (size_t k = 0; k < plane; k++) out[c * plane + k] = (float)p[k * channels + c] / 127.5f - 1.0f;
    }
}

void mnk_images_rehash(mnk_images *d) {
    mnk_hash *h = mnk_hash_open();
    if (!h) {
        snprintf(d->hash, sizeof d->hash, "blake2b:out-of-memory"); /* never equal to a real one */
        return;
    }
    uint64_t frame[6] = {
        d->n, (uint64_t)d->height, (uint64_t)d->width, (uint64_t)d->channels, (uint64_t)d->depth, (uint64_t)d->classes};
    mnk_hash_add(h, frame, sizeof frame);
    for (int c = 0; c < d->classes; c++) mnk_hash_add_text(h, d->class_names[c]);
    if (d->n) {
        mnk_hash_add(h, mnk_images_pixels(d, 0), d->n * mnk_images_stride(d));
        mnk_hash_add(h, d->label, d->n * sizeof *d->label);
        if (d->group) mnk_hash_add(h, d->group, d->n * sizeof *d->group);
        mnk_hash_add(h, d->split, d->n);
    }
    mnk_hash_finish(h, d->hash);
}

void mnk_free_bytes(void *p) { mnk_free(p); }
