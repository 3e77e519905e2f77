/* The inside of the images writer: one table of sinks. The writer gathers images in blocks, encodes a block in parallel
 * where the sink wants PNGs, and hands them over in order, so that the bytes never depend on the thread count. */
#ifndef MNK_DATA_WRITER_H
#define MNK_DATA_WRITER_H

#include "base/json.h"
#include "data/images.h"

/* One image on its way out; png is NULL for sinks that take pixels. */
typedef struct mnk_out_image {
    const uint8_t *pixels;
    uint8_t *png;
    size_t png_bytes;
    int label;
    bool persons;   /* the dataset has them */
    int32_t person; /* -1 unknown */
    uint8_t split;
    size_t number; /* from 0 */
} mnk_out_image;

typedef struct mnk_sink {
    const char *name;
    bool (*claims)(const char *path);
    bool png;
    /* meta and its strings live as long as the writer. Nothing may appear under `path` before commit. */
    mnk_status (*open)(const char *path, bool force, const mnk_images_meta *meta, void **state, mnk_error *err);
    mnk_status (*add)(void *state, const mnk_out_image *image, mnk_error *err);
    /* `persons`: images came with persons. Releases state in every case. */
    mnk_status (*commit)(void *state, bool persons, mnk_error *err);
    void (*abort)(void *state);
} mnk_sink;

extern const mnk_sink mnk_sink_npz, mnk_sink_tar, mnk_sink_folder;

/* Folder names of the classes: the name itself where a file system takes it, else made fit and distinct. NULL when memory is
 * short; one block, release with mnk_free. */
char **mnk_class_folders(const mnk_images_meta *meta);
/* "CLASS/000017.png" */
void mnk_out_name(char *const *folders, const mnk_out_image *image, char out[128]);

/* manifest.csv: one row, and the heading that fits it. */
void mnk_manifest_add(mnk_text *rows, const mnk_images_meta *meta, const char *file, const mnk_out_image *image);
/* Heading and rows into *out (mnk_text_clear). */
mnk_status mnk_manifest_finish(const mnk_text *rows, const mnk_images_meta *meta, bool persons, mnk_text *out,
                               mnk_error *err) MNK_CHECK;

#endif
