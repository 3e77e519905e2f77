/* Many tiles to disk: dataset, label maps of nuclei, table of parameters; all three appear when the last tile is done. */
#include <spng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "simulate/generator.h"
#include "simulate/histology/histology.h"

enum { BATCH = 64 };

typedef struct job {
    const mnk_histology_config *config;
    uint64_t seed;
    mnk_histology_class k[MNK_HISTOLOGY_CLASSES];
    int32_t *label;
    size_t base, tile;            /* first item of the batch; bytes of a picture */
    uint8_t *rgb;                 /* BATCH pictures */
    uint16_t *mask;               /* BATCH label maps, or NULL */
    mnk_histology_params *params; /* BATCH */
    mnk_error *errors;            /* BATCH */
    const char *made;             /* folder of label maps when it is ours to remove */
    char stage[4096];             /* folder where label maps wait */
} job;

static void one(void *ctx, size_t j) {
    job *w = ctx;
    size_t i = w->base + j;
    mnk_error_clear(&w->errors[j]);
    uint16_t *mask = w->mask ? w->mask + j * w->tile / 3 : NULL;
    w->errors[j].code =
        mnk_histology_image(w->config, w->seed, i, w->k[w->label[i]], w->rgb + j * w->tile, mask, &w->params[j], &w->errors[j]);
}

static int32_t person_of(const job *w, size_t i, const mnk_histology_params *p) {
    return (int32_t)(w->label[i] * w->config->persons + (int64_t)p->person);
}

/* 16-bit grey PNG, 0 background, k nucleus k, marked as synthetic like the picture it belongs to. */
static mnk_status mask_write(const job *w, size_t i, const uint16_t *mask, mnk_error *err) {
    char name[64], path[sizeof w->stage + 64];
    struct spng_text text[2] = {{.type = SPNG_TEXT}, {.type = SPNG_TEXT}};
    strcpy(text[0].keyword, "Synthetic");
    text[0].text = (char *)"true";
    text[0].length = 4;
    strcpy(text[1].keyword, "Generator");
    text[1].text = (char *)"histology phantom: label map of nuclei";
    text[1].length = strlen(text[1].text);
    struct spng_ihdr ihdr = {.width = (uint32_t)w->config->size,
                             .height = (uint32_t)w->config->size,
                             .bit_depth = 16,
                             .color_type = SPNG_COLOR_TYPE_GRAYSCALE};
    (void)snprintf(name, sizeof name, "%06zu.png", i);
    (void)snprintf(path, sizeof path, "%s/%s", w->stage, name);
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!png) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: label map %s", name);
    size_t n = 0;
    int code = spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1);
    if (!code) code = spng_set_ihdr(png, &ihdr);
    if (!code) code = spng_set_text(png, text, 2);
    if (!code) code = spng_encode_image(png, mask, w->tile / 3 * 2, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    void *bytes = code ? NULL : spng_get_png_buffer(png, &n, &code);
    mnk_status status = bytes ? mnk_file_write(path, true, bytes, n, err)
                              : MNK_FAIL(err, MNK_ERR_FAILED, "label map %s: %s", name, spng_strerror(code));
    free(bytes);
    spng_ctx_free(png);
    return status;
}

/* Columns carry their unit in the name unless they do so already. */
static void csv_head(FILE *f) {
    fputs("item,class,person", f);
    for (size_t c = 2; c < mnk_histology_columns_n; c++) {
        const char *name = mnk_histology_columns[c].name, *unit = mnk_histology_columns[c].unit;
        size_t n = strlen(name), u = strlen(unit);
        bool has = n > u && name[n - u - 1] == '_' && !strcmp(name + n - u, unit);
        fprintf(f, has ? ",%s" : ",%s_%s", name, unit);
    }
    fputc('\n', f);
}

static void csv_row(FILE *f, const job *w, size_t i, const mnk_histology_params *p) {
    char text[32];
    fprintf(f, "%zu,%s,%d", i, mnk_histology_class_names[w->k[w->label[i]]], (int)person_of(w, i, p));
    for (size_t c = 2; c < mnk_histology_columns_n; c++) {
        const void *value = (const char *)p + mnk_histology_columns[c].offset;
        fprintf(f, ",%s", mnk_double_text(*(const double *)value, text));
    }
    fputc('\n', f);
}

/* Moves the finished label maps from the stage to their folder. */
static mnk_status masks_commit(const job *w, const char *folder, mnk_error *err) {
    char **names = NULL;
    size_t n = 0;
    mnk_status status = mnk_dir_make(folder, err);
    if (status == MNK_OK) status = mnk_dir_list(w->stage, &names, &n, err);
    for (size_t i = 0; i < n && status == MNK_OK; i++) {
        char from[sizeof w->stage + 256], to[sizeof w->stage + 256];
        (void)snprintf(from, sizeof from, "%s/%s", w->stage, names[i]);
        (void)snprintf(to, sizeof to, "%s/%s", folder, names[i]);
        if (rename(from, to) != 0) status = MNK_FAIL(err, MNK_ERR_IO, "%s: %m", to);
    }
    mnk_free(names);
    return status;
}

static mnk_status job_open(job *w, const mnk_histology_config *config, uint64_t seed, size_t n, const char *masks, bool force,
                           mnk_error *err) {
    w->config = config;
    w->seed = seed;
    w->tile = (size_t)config->size * (size_t)config->size * 3;
    MNK_TRY(MNK_NEW(w->label, n, err));
    MNK_TRY(MNK_NEW(w->rgb, BATCH * w->tile, err));
    MNK_TRY(MNK_NEW(w->params, BATCH, err));
    MNK_TRY(MNK_NEW(w->errors, BATCH, err));
    MNK_TRY(mnk_histology_deal(config, n, w->label, err));
    if (!masks) return MNK_OK;
    MNK_TRY(MNK_NEW(w->mask, BATCH * w->tile / 3, err));
    bool there = mnk_path_exists(masks);
    MNK_TRY(mnk_dir_claim(masks, force, err));
    if (!there) w->made = masks;
    if ((size_t)snprintf(w->stage, sizeof w->stage, "%s/.partial", masks) >= sizeof w->stage) {
        w->stage[0] = 0;
        return MNK_FAIL(err, MNK_ERR_USAGE, "masks: the path is longer than %zu characters", sizeof w->stage - 10);
    }
    MNK_TRY(mnk_dir_remove(w->stage, err));
    return mnk_dir_make(w->stage, err);
}

static void job_close(job *w) {
    mnk_error ignored = MNK_ERROR_INIT;
    if (w->stage[0]) (void)!mnk_dir_remove(w->stage, &ignored);
    if (w->made) (void)rmdir(w->made); /* goes only when nothing was moved into it */
    mnk_free(w->label);
    mnk_free(w->rgb);
    mnk_free(w->mask);
    mnk_free(w->params);
    mnk_free(w->errors);
}

static mnk_status run_batch(job *w, size_t m, mnk_images_writer *writer, FILE *csv, mnk_error *err) {
    mnk_parallel_for(m, one, w);
    for (size_t j = 0; j < m; j++) {
        size_t i = w->base + j;
        if (w->errors[j].code != MNK_OK) {
            if (err && err->code == MNK_OK) *err = w->errors[j];
            return w->errors[j].code;
        }
        MNK_TRY(mnk_images_writer_add_person(writer, w->rgb + j * w->tile, w->label[i], person_of(w, i, &w->params[j]),
                                             MNK_SPLIT_NONE, err));
        if (csv) csv_row(csv, w, i, &w->params[j]);
        if (w->mask) MNK_TRY(mask_write(w, i, w->mask + j * w->tile / 3, err));
    }
    return MNK_OK;
}

mnk_status mnk_simulate_histology_write(const mnk_histology_config *config, uint64_t seed, size_t n, const char *path,
                                        const char *masks, const char *parameters, bool force, const mnk_observer *observer,
                                        mnk_error *err) {
    MNK_TRY(mnk_histology_check(config, err));
    if (n == 0) return MNK_FAIL(err, MNK_ERR_USAGE, "histology: no tiles asked for");
    job w = {0};
    mnk_images_writer *writer = NULL;
    mnk_outfile *csv = NULL;
    mnk_status status;
    const char *names[MNK_HISTOLOGY_CLASSES];
    int size = (int)config->size, classes = mnk_histology_labels(config, w.k);
    for (int k = 0; k < classes; k++) names[k] = mnk_histology_class_names[w.k[k]];
    mnk_images_meta meta = {.height = size,
                            .width = size,
                            .channels = 3,
                            .classes = classes,
                            .class_names = names,
                            .generator = "histology phantom",
                            .model_hash = "",
                            .seed = seed,
                            .n = n};
    MNK_OUT(mnk_images_writer_open(path, force, &meta, &writer, err));
    if (parameters) {
        MNK_OUT(mnk_outfile_open(parameters, force, &csv, err));
        csv_head(mnk_outfile_stream(csv));
    }
    MNK_OUT(job_open(&w, config, seed, n, masks, force, err));
    for (w.base = 0; w.base < n; w.base += BATCH) {
        mnk_observe_progress(observer, "tile", (double)w.base, (double)n, "");
        if (mnk_observe_stopped(observer))
            MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "histology: stopped after %zu of %zu tiles; nothing was written", w.base,
                             n));
        MNK_OUT(run_batch(&w, n - w.base < BATCH ? n - w.base : BATCH, writer, csv ? mnk_outfile_stream(csv) : NULL, err));
    }
    mnk_observe_progress(observer, "tile", (double)n, (double)n, "");
    if (masks) MNK_OUT(masks_commit(&w, masks, err));
    if (csv) {
        status = mnk_outfile_commit(csv, err);
        csv = NULL;
        if (status != MNK_OK) goto out;
    }
    status = mnk_images_writer_commit(writer, err);
    writer = NULL;
out:
    if (writer) mnk_images_writer_abort(writer);
    if (csv) mnk_outfile_abort(csv);
    job_close(&w);
    return status;
}

static mnk_status check(const void *config, mnk_error *err) { return mnk_histology_check(config, err); }
static mnk_status write_all(const void *config, uint64_t seed, size_t n, const mnk_simulate_output *o,
                            const mnk_observer *observer, mnk_error *err) {
    return mnk_simulate_histology_write(config, seed, n, o->path, o->masks, o->parameters, o->force, observer, err);
}
static mnk_status images(const void *config, uint64_t seed, size_t n, const mnk_observer *observer, mnk_images **out,
                         mnk_error *err) {
    return mnk_simulate_histology(config, seed, n, observer, out, NULL, err);
}

const mnk_simulator mnk_simulator_histology = {
    .name = "histology",
    .summary = "stained sections of clear cell, papillary and chromophobe renal carcinoma: a phantom",
    .table = mnk_histology_options,
    .config_size = sizeof(mnk_histology_config),
    .check = check,
    .write = write_all,
    .images = images,
};
