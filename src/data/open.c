#include "data/open.h"

#include <stddef.h>
#include <string.h>

#include "base/file.h"

/* In order of asking; the folder comes last because it claims every folder. */
static const mnk_images_format *const formats[] = {&mnk_format_npz, &mnk_format_tar, &mnk_format_folder};

static mnk_status no_such_split(const char *path, const char *word, mnk_error *err) {
    char shown[96], shown_word[96];
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: no split is called '%s'", mnk_printable(path, shown),
                                 mnk_printable(word, shown_word));
    mnk_error_hint(err, "after the colon: train, val, test or holdout");
    return status;
}

mnk_status mnk_spec_parse(const char *spec, char *path, size_t size, mnk_split *split, mnk_error *err) {
    *split = MNK_SPLIT_NONE;
    size_t n = strlen(spec);
    if (n == 0) return MNK_FAIL(err, MNK_ERR_USAGE, "empty dataset name");
    if (n >= size) return MNK_FAIL(err, MNK_ERR_USAGE, "dataset name of %zu characters; at most %zu", n, size - 1);
    memcpy(path, spec, n + 1);
    char *colon = strrchr(path, ':');
    if (!colon || mnk_path_exists(path)) return MNK_OK;
    *colon = '\0';
    int value = mnk_split_parse(colon + 1);
    if (value < 0 && mnk_path_exists(path)) return no_such_split(path, colon + 1, err);
    if (value < 0) *colon = ':'; /* not a split at all: complain about the whole path */
    else *split = (mnk_split)value;
    return MNK_OK;
}

const mnk_option mnk_images_option_table[] = {MNK_IMAGES_OPTION_ROWS(0), {.type = MNK_OPTION_END}};

static mnk_status check_options(const mnk_images_options *o, mnk_error *err) {
    if (o->size < 0 || o->size > 4096)
        return MNK_FAIL(err, MNK_ERR_USAGE, "size %lld: must be between 1 and 4096, or 0 to keep", (long long)o->size);
    if (o->channels != 0 && o->channels != 1 && o->channels != 3)
        return MNK_FAIL(err, MNK_ERR_USAGE, "channels %lld: must be 1 or 3, or 0 to keep", (long long)o->channels);
    if (o->depth != 0 && o->depth != 8 && o->depth != 16)
        return MNK_FAIL(err, MNK_ERR_USAGE, "depth %lld: must be 8 or 16, or 0 to keep", (long long)o->depth);
    return MNK_OK;
}

mnk_status mnk_images_open(const char *spec, const mnk_images_options *options, const mnk_observer *observer, mnk_images **out,
                           mnk_error *err) {
    static const mnk_images_options defaults = {0};
    *out = NULL;
    char path[1024], shown[96];
    mnk_open_request request = {.path = path, .options = options ? options : &defaults, .observer = observer};
    MNK_TRY(check_options(request.options, err));
    MNK_TRY(mnk_spec_parse(spec, path, sizeof path, &request.split, err));
    if (!mnk_path_exists(path)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: no such file or folder", mnk_printable(path, shown));
        mnk_error_hint(
            err, "a dataset is a folder of images, or a .npz or .tar file, with an optional :train, :val, :test or :holdout");
        return status;
    }
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!formats[i]->claims(path)) continue;
        mnk_images *d = NULL;
        MNK_TRY(formats[i]->open(&request, &d, err));
        strcpy(d->source, spec); /* mnk_spec_parse has measured it */
        mnk_images_rehash(d);
        *out = d;
        return MNK_OK;
    }
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: not an image dataset", mnk_printable(path, shown));
    mnk_error_hint(err, "a dataset is a folder of images, or a .npz or .tar file");
    return status;
}
