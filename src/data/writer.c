#include "data/writer.h"

#include <stdio.h>
#include <string.h>

#include "base/parallel.h"

enum { BLOCK_BYTES = 8 << 20, BLOCK_IMAGES = 512 };

static const mnk_sink *const sinks[] = {&mnk_sink_npz, &mnk_sink_tar, &mnk_sink_folder}; /* the folder takes any name */

struct mnk_images_writer {
    const mnk_sink *sink;
    void *state;
    mnk_arena *arena;
    mnk_images_meta meta; /* strings in the arena */
    mnk_png_text texts[5];
    size_t n_texts, image_bytes, added, block_size, block_n;
    uint8_t *pixels; /* of the block */
    mnk_out_image *block;
    mnk_error *encode_errors; /* [block_size] */
    bool persons, failed;
};

static mnk_status check_meta(const mnk_images_meta *m, mnk_error *err) {
    if (m->height < 1 || m->width < 1 || m->height > MNK_IMAGE_SIDE_MAX || m->width > MNK_IMAGE_SIDE_MAX ||
        (m->channels != 1 && m->channels != 3) || m->classes < 1 || m->classes > MNK_CLASSES_MAX)
        return MNK_FAIL(err, MNK_ERR_USAGE, "no such dataset to write: %dx%dx%d, %d classes", m->width, m->height, m->channels,
                        m->classes);
    return MNK_OK;
}

static bool copy_meta(mnk_images_writer *w, const mnk_images_meta *m) {
    w->meta = *m;
    bool ok = (w->arena = mnk_arena_open()) != NULL;
    const char **names = ok ? mnk_arena_alloc(w->arena, (size_t)m->classes * sizeof *names) : NULL;
    ok = names != NULL;
    for (int c = 0; c < m->classes && ok; c++)
        ok = (names[c] =
                  m->class_names ? mnk_arena_strdup(w->arena, m->class_names[c]) : mnk_arena_printf(w->arena, "%d", c)) != NULL;
    w->meta.class_names = names;
    if (ok && m->generator) {
        char *seed = mnk_arena_printf(w->arena, "%llu", (unsigned long long)m->seed);
        ok = seed && (w->meta.generator = mnk_arena_strdup(w->arena, m->generator)) &&
             (w->meta.model_hash = mnk_arena_strdup(w->arena, m->model_hash ? m->model_hash : ""));
        const mnk_png_text texts[] = {{"Synthetic", "true"},
                                      {"Software", "manikin " MNK_VERSION},
                                      {"Generator", w->meta.generator},
                                      {"Seed", seed},
                                      {"Model", w->meta.model_hash}};
        w->n_texts = ok && *w->meta.model_hash ? 5 : 4;
        memcpy(w->texts, texts, sizeof texts);
    }
    return ok;
}

static void release(mnk_images_writer *w) {
    mnk_free(w->pixels);
    mnk_free(w->block);
    mnk_free(w->encode_errors);
    mnk_arena_close(w->arena);
    mnk_free(w);
}

mnk_status mnk_images_writer_open(const char *path, bool force, const mnk_images_meta *meta, mnk_images_writer **out,
                                  mnk_error *err) {
    *out = NULL;
    MNK_TRY(check_meta(meta, err));
    mnk_images_writer *w = NULL;
    MNK_TRY(MNK_NEW(w, 1, err));
    w->image_bytes = (size_t)meta->height * (size_t)meta->width * (size_t)meta->channels;
    w->block_size = BLOCK_BYTES / w->image_bytes;
    if (w->block_size > BLOCK_IMAGES) w->block_size = BLOCK_IMAGES;
    if (w->block_size < 1) w->block_size = 1;
    mnk_status status = copy_meta(w, meta) ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    if (status == MNK_OK) status = MNK_NEW(w->pixels, w->block_size * w->image_bytes, err);
    if (status == MNK_OK) status = MNK_NEW(w->block, w->block_size, err);
    if (status == MNK_OK) status = MNK_NEW(w->encode_errors, w->block_size, err);
    for (size_t i = 0; i < sizeof sinks / sizeof *sinks && status == MNK_OK && !w->sink; i++)
        if (sinks[i]->claims(path)) w->sink = sinks[i];
    if (status == MNK_OK) status = w->sink->open(path, force, &w->meta, &w->state, err);
    if (status != MNK_OK) release(w);
    else *out = w;
    return status;
}

static void encode(void *ctx, size_t i) {
    mnk_images_writer *w = ctx;
    mnk_out_image *o = &w->block[i];
    mnk_error_clear(&w->encode_errors[i]);
    if (mnk_png_encode(o->pixels, w->meta.height, w->meta.width, w->meta.channels, w->texts, w->n_texts, &o->png, &o->png_bytes,
                       &w->encode_errors[i]) != MNK_OK)
        o->png = NULL; /* the error tells */
}

static mnk_status flush(mnk_images_writer *w, mnk_error *err) {
    mnk_status status = MNK_OK;
    if (w->sink->png) mnk_parallel_for(w->block_n, encode, w);
    for (size_t i = 0; i < w->block_n; i++) {
        mnk_out_image *o = &w->block[i];
        const mnk_error *e = &w->encode_errors[i];
        if (status == MNK_OK && w->sink->png && !o->png) status = mnk_error_set(err, e->code, e->where, "%s", e->message);
        if (status == MNK_OK) status = w->sink->add(w->state, o, err);
        mnk_free(o->png);
    }
    w->block_n = 0;
    return status;
}

static mnk_status add(mnk_images_writer *w, const uint8_t *pixels, int label, bool persons, int32_t person, mnk_split split,
                      mnk_error *err) {
    if (w->failed) return MNK_FAIL(err, MNK_ERR_FAILED, "writing has failed already");
    if (label < 0 || label >= w->meta.classes || split < MNK_SPLIT_NONE || split > MNK_SPLIT_HOLDOUT)
        return MNK_FAIL(err, MNK_ERR_USAGE, "image %zu: label %d, split %d; there are %d classes", w->added, label, (int)split,
                        w->meta.classes);
    if (w->added && persons != w->persons)
        return MNK_FAIL(err, MNK_ERR_USAGE, "image %zu: all images of a dataset come with a person or none", w->added);
    w->persons = persons;
    uint8_t *to = w->pixels + w->block_n * w->image_bytes;
    memcpy(to, pixels, w->image_bytes);
    w->block[w->block_n++] = (mnk_out_image){
        .pixels = to, .label = label, .persons = persons, .person = person, .split = (uint8_t)split, .number = w->added++};
    mnk_status status = w->block_n == w->block_size ? flush(w, err) : MNK_OK;
    w->failed = status != MNK_OK;
    return status;
}

mnk_status mnk_images_writer_add(mnk_images_writer *w, const uint8_t *pixels, int label, mnk_split split, mnk_error *err) {
    return add(w, pixels, label, false, -1, split, err);
}

mnk_status mnk_images_writer_add_person(mnk_images_writer *w, const uint8_t *pixels, int label, int32_t person, mnk_split split,
                                        mnk_error *err) {
    return add(w, pixels, label, true, person, split, err);
}

mnk_status mnk_images_writer_commit(mnk_images_writer *w, mnk_error *err) {
    mnk_status status = w->failed ? MNK_FAIL(err, MNK_ERR_FAILED, "writing has failed already") : MNK_OK;
    if (status == MNK_OK && w->meta.n && w->added != w->meta.n)
        status = MNK_FAIL(err, MNK_ERR_USAGE, "%zu images were written, %zu announced", w->added, w->meta.n);
    if (status == MNK_OK) status = flush(w, err);
    if (status == MNK_OK) status = w->sink->commit(w->state, w->persons, err);
    else w->sink->abort(w->state);
    release(w);
    return status;
}

void mnk_images_writer_abort(mnk_images_writer *w) {
    if (!w) return;
    w->sink->abort(w->state);
    release(w);
}
