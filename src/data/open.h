/* What a dataset format is asked for, and the table they stand in. A new format is one file and one line in open.c. */
#ifndef MNK_DATA_OPEN_H
#define MNK_DATA_OPEN_H

#include <stdio.h>

#include "data/images.h"

typedef struct mnk_open_request {
    const char *path;                  /* without the split */
    mnk_split split;                   /* NONE: all rows */
    const mnk_images_options *options; /* never NULL */
    const mnk_observer *observer;
} mnk_open_request;

typedef struct mnk_images_format {
    const char *name;
    bool (*claims)(const char *path); /* by name and kind of file alone */
    mnk_status (*open)(const mnk_open_request *request, mnk_images **out, mnk_error *err);
} mnk_images_format;

extern const mnk_images_format mnk_format_npz, mnk_format_tar, mnk_format_folder;

/* An archive already open as a stream; the fuzz targets come in here. `request->path` names it in messages. */
mnk_status mnk_npz_read(FILE *f, const mnk_open_request *request, mnk_images **out, mnk_error *err) MNK_CHECK;

/* Cuts "PATH:split" into `path` (of `size` bytes) and split. A path that exists as it stands has no split, so that names with
 * colons work. */
mnk_status mnk_spec_parse(const char *spec, char *path, size_t size, mnk_split *split, mnk_error *err) MNK_CHECK;

#endif
