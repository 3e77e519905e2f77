/* Datasets: images with label, subgroup attributes, person and split. */
#ifndef MANIKIN_DATASET_H
#define MANIKIN_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/error.h"
#include "manikin/observer.h"

typedef enum mnk_split { MNK_SPLIT_NONE, MNK_SPLIT_TRAIN, MNK_SPLIT_VAL, MNK_SPLIT_TEST, MNK_SPLIT_HOLDOUT } mnk_split;

/* n images of one size in memory, row by row: pixels[((i*height + y)*width + x)*channels + c]. A handle is read-only
 * for everybody but the module that made it; views (subsets) share nothing and are ordinary datasets. */
typedef struct mnk_images {
    size_t n;
    int height, width, channels; /* channels 1 (grey) or 3 (RGB) */
    int depth;                   /* bits: 8 -> pixels8, 16 -> pixels16 */
    uint8_t *pixels8;
    uint16_t *pixels16;
    int classes;
    char **class_names;      /* [classes]; "0", "1" … for .npz without names */
    int32_t *label;          /* [n], 0..classes-1 */
    int32_t *group;          /* [n] person or source group, -1 where unknown; NULL when no such column */
    uint8_t *split;          /* [n] mnk_split */
    char **name;             /* [n] file or row name, for messages and flags */
    int attributes;          /* subgroup columns */
    char **attribute_names;  /* [attributes] */
    char **attribute_values; /* [attributes*n], row a*n+i */
    size_t skipped;          /* files left out by skip_bad */
    char **skipped_reasons;  /* [skipped] */
    char source[1024];       /* the path as given */
    char hash[73];           /* "blake2b:…" over pixels, labels, groups and splits in order */
    bool synthetic;          /* carries manikin's synthetic mark (PNG text, manifest column or .npz member) */
} mnk_images;

typedef struct mnk_images_options {
    bool skip_bad;    /* leave out unreadable files and count them, instead of refusing */
    int64_t size;     /* resize to size x size (centre crop to square, Lanczos); 0 keeps, and then all must agree */
    int64_t channels; /* 0 keeps, 1 or 3 converts */
    int64_t depth;    /* 0 keeps; 8 refuses 16-bit files, 16 accepts both */
    const char *label_column, *group_column, *split_column; /* manifest columns; NULL: label, person|group, split */
    bool groups_within_class; /* group names start again in every class: group 4 of class A is not group 4 of class B.
                                 Never guessed, since a person with images in two classes looks the same. */
    size_t max_bytes;         /* refuse beyond; 0: what the machine has */
} mnk_images_options;

/* Opens `spec` = PATH[:split], PATH being DIR/<class>/files, DIR/manifest.csv, DIR/<split>/<class>/files, FILE.npz
 * (MedMNIST layout), FILE.tar of such a folder. options may be NULL. All bad files are listed in one error. */
MNK_API mnk_status mnk_images_open(const char *spec, const mnk_images_options *options, const mnk_observer *observer,
                                   mnk_images **out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_images_close(mnk_images *d);

/* A new dataset with the rows index[0..n-1] of d (repeats allowed). */
MNK_API mnk_status mnk_images_select(const mnk_images *d, const size_t *index, size_t n, mnk_images **out,
                                     mnk_error *err) MNK_CHECK;

/* Assigns splits by group (person), stratified by class; fractions sum to 1. Existing splits are replaced. */
MNK_API mnk_status mnk_images_split(mnk_images *d, double train, double val, double test, uint64_t seed,
                                    mnk_error *err) MNK_CHECK;

/* Renumbers the labels to a given list of classes, by name: for comparing datasets that hold different classes. Classes of
 * d without images that the list lacks are dropped; one with images is refused (MNK_ERR_INPUT) and d left alone. */
MNK_API mnk_status mnk_images_relabel(mnk_images *d, int classes, const char *const *class_names, mnk_error *err) MNK_CHECK;

/* Image i as f32 planes out[c][y][x] in [-1, 1]. */
MNK_API void mnk_images_f32(const mnk_images *d, size_t i, float *out);

/* An empty dataset to be filled by its maker (generators, simulators): arrays allocated, split TRAIN, names "000000". */
MNK_API mnk_status mnk_images_new(size_t n, int height, int width, int channels, int classes, const char *const *class_names,
                                  mnk_images **out, mnk_error *err) MNK_CHECK;
/* Recomputes `hash` after filling. */
MNK_API void mnk_images_rehash(mnk_images *d);

/* ---- writing, streamed: images are written as they come, in order ---- */
typedef struct mnk_images_writer mnk_images_writer;

typedef struct mnk_images_meta { /* what every output says of itself */
    int height, width, channels, classes;
    const char *const *class_names;
    const char *generator;  /* "gan", "histology"; NULL for real data (no synthetic mark) */
    const char *model_hash; /* or "" */
    uint64_t seed;
    size_t n;      /* images to come: fewer or more are refused at commit; 0 unknown */
    bool compress; /* .npz: deflated instead of stored (PNGs are always compressed) */
} mnk_images_meta;

/* Format by name: FILE.npz, FILE.tar, or a folder of DIR/<class>/NNNNNN.png with manifest.csv. PNGs carry tEXt
 * "Synthetic" = "true", "Software", "Generator", "Model", "Seed"; an .npz has members synthetic, generator, model, seed.
 * Nothing appears under `path` before commit. Equal images, meta and order give equal bytes. */
MNK_API mnk_status mnk_images_writer_open(const char *path, bool force, const mnk_images_meta *meta, mnk_images_writer **out,
                                          mnk_error *err) MNK_CHECK;
/* pixels: height*width*channels bytes. */
MNK_API mnk_status mnk_images_writer_add(mnk_images_writer *w, const uint8_t *pixels, int label, mnk_split split,
                                         mnk_error *err) MNK_CHECK;
/* The same with the person (or source group) of the image: column "person" of the manifest, "<split>_groups" of an .npz;
 * -1 unknown. All images of a dataset come through this call or none. */
MNK_API mnk_status mnk_images_writer_add_person(mnk_images_writer *w, const uint8_t *pixels, int label, int32_t person,
                                                mnk_split split, mnk_error *err) MNK_CHECK;
MNK_API mnk_status mnk_images_writer_commit(mnk_images_writer *w, mnk_error *err) MNK_CHECK; /* closes in every case */
MNK_API void mnk_images_writer_abort(mnk_images_writer *w);

/* ---- one picture ---- */
typedef struct mnk_png_text {
    const char *key, *value;
} mnk_png_text;
/* 8-bit grey or RGB PNG in memory; texts may be NULL. Release *out with mnk_free_bytes(). */
MNK_API mnk_status mnk_png_encode(const uint8_t *pixels, int height, int width, int channels, const mnk_png_text *texts,
                                  size_t n_texts, uint8_t **out, size_t *n, mnk_error *err) MNK_CHECK;
MNK_API void mnk_free_bytes(void *p);

#endif
