#include "sample_keep.h"

#include <stdio.h>

#include "base/mem.h"

static mnk_status parse(const char *keep, const char *train, mnk_keep *out, mnk_error *err) {
    MNK_TRY(mnk_keep_parse(keep, out, err));
    if (train) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "sample: --keep needs --train, the real data to hold every item against");
    mnk_error_hint(err, "add --train DATA, what the generator learned from");
    return status;
}

static mnk_status write_json(cli_context *c, const mnk_keep *k, const mnk_keep_report *r, mnk_error *err) {
    mnk_result *x = NULL;
    if (!c->common.json) return MNK_OK;
    MNK_TRY(mnk_result_open("sample", (uint64_t)c->common.seed, &x, err));
    mnk_status status = mnk_keep_counts(k, r, 0.95, x, err);
    if (status == MNK_OK) status = mnk_result_write(x, c->common.json, c->common.force, err);
    mnk_result_close(x);
    return status;
}

static mnk_status write_images(cli_context *c, const mnk_gan_info *info, const mnk_images *d, mnk_error *err) {
    const size_t volume = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    mnk_images_meta meta = {.height = info->height,
                            .width = info->width,
                            .channels = info->channels,
                            .classes = info->classes,
                            .class_names = info->class_names,
                            .generator = "gan",
                            .model_hash = info->model_hash,
                            .seed = (uint64_t)c->common.seed,
                            .n = d->n};
    mnk_images_writer *w = NULL;
    MNK_TRY(mnk_images_writer_open(c->common.out, c->common.force, &meta, &w, err));
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < d->n && status == MNK_OK; i++)
        status = mnk_images_writer_add(w, d->pixels8 + i * volume, d->label[i], MNK_SPLIT_TRAIN, err);
    if (status == MNK_OK) return mnk_images_writer_commit(w, err);
    mnk_images_writer_abort(w);
    return status;
}

mnk_status sample_keep_images(cli_context *c, mnk_gan *gan, const uint64_t *count, const char *keep, const char *train,
                              mnk_error *err) {
    const mnk_gan_info *info = mnk_gan_describe(gan);
    mnk_evaluate_config config;
    mnk_images *real = NULL, *made = NULL;
    mnk_keep k;
    mnk_keep_report r;
    mnk_status status = MNK_OK;
    mnk_evaluate_defaults(&config);
    config.seed = (uint64_t)c->common.seed;
    MNK_OUT(parse(keep, train, &k, err));
    MNK_OUT(mnk_images_open(train, &(mnk_images_options){.channels = info->channels}, c->observer, &real, err));
    MNK_OUT(mnk_keep_sample_images(gan, count, (uint64_t)c->common.seed, &k, real, NULL, &config, c->observer, &made, &r, err));
    MNK_OUT(write_images(c, info, made, err));
    MNK_OUT(write_json(c, &k, &r, err));
    cli_keep_print(&k, &r, "drawn images");
out:
    mnk_images_close(real);
    mnk_images_close(made);
    return status;
}

mnk_status sample_keep_table(cli_context *c, mnk_table_generator *g, const mnk_table_sample_options *options, const char *keep,
                             const char *train, mnk_table **out, mnk_error *err) {
    mnk_table_evaluate_config config;
    mnk_table *real = NULL;
    mnk_keep k;
    mnk_keep_report r;
    mnk_status status = MNK_OK;
    mnk_table_evaluate_defaults(&config);
    config.seed = (uint64_t)c->common.seed;
    MNK_OUT(parse(keep, train, &k, err));
    MNK_OUT(mnk_table_open(train, NULL, c->observer, &real, err));
    MNK_OUT(mnk_keep_sample_table(g, options, &k, real, &config, c->observer, out, &r, err));
    MNK_OUT(write_json(c, &k, &r, err));
    cli_keep_print(&k, &r, "drawn rows");
out:
    mnk_table_close(real);
    return status;
}
