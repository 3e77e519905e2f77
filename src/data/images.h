/* The library's side of image datasets: how readers make one, and the options every verb that reads one offers. */
#ifndef MNK_DATA_IMAGES_H
#define MNK_DATA_IMAGES_H

#include "base/mem.h"
#include "base/options.h"
#include "manikin/dataset.h"

/* Limits on what a file may ask for; generous for medicine, small enough that no header can exhaust the machine. */
#define MNK_IMAGE_SIDE_MAX       32768               /* pixels along one side */
#define MNK_IMAGE_PIXELS_MAX     ((size_t)256 << 20) /* pixels of one picture */
#define MNK_IMAGE_FILE_BYTES_MAX ((size_t)1 << 30)   /* bytes of one picture file */
#define MNK_CLASSES_MAX          10000

/* Option rows over an mnk_images_options that begins `at` bytes into the configuration, to stand in a verb's own table. */
#define MNK_IMAGES_OPTION_ROWS(at)                                                                                             \
    {"skip-bad",                                                                                                               \
     0,                                                                                                                        \
     MNK_OPTION_BOOL,                                                                                                          \
     (at) + offsetof(mnk_images_options, skip_bad),                                                                            \
     NULL,                                                                                                                     \
     "false",                                                                                                                  \
     0,                                                                                                                        \
     0,                                                                                                                        \
     NULL,                                                                                                                     \
     "leave out unreadable images and count them",                                                                             \
     false},                                                                                                                   \
        {"size",                                                                                                               \
         0,                                                                                                                    \
         MNK_OPTION_INT,                                                                                                       \
         (at) + offsetof(mnk_images_options, size),                                                                            \
         "PX",                                                                                                                 \
         "0",                                                                                                                  \
         0,                                                                                                                    \
         4096,                                                                                                                 \
         NULL,                                                                                                                 \
         "crop to the centre square and resize to PX x PX; 0 keeps",                                                           \
         false},                                                                                                               \
        {"channels", 0, MNK_OPTION_INT, (at) + offsetof(mnk_images_options, channels), "N",  "0",                              \
         0,          3, NULL,           "convert to 1 (grey) or 3 (RGB); 0 keeps",     false},                                 \
        {"depth", 0,  MNK_OPTION_INT, (at) + offsetof(mnk_images_options, depth),          "BITS", "0",                        \
         0,       16, NULL,           "8 refuses 16-bit images, 16 accepts both; 0 keeps", true},                              \
        {"label-column",                                                                                                       \
         0,                                                                                                                    \
         MNK_OPTION_TEXT,                                                                                                      \
         (at) + offsetof(mnk_images_options, label_column),                                                                    \
         "NAME",                                                                                                               \
         NULL,                                                                                                                 \
         0,                                                                                                                    \
         0,                                                                                                                    \
         NULL,                                                                                                                 \
         "manifest column of the class [label]",                                                                               \
         false},                                                                                                               \
        {"group-column",                                                                                                       \
         0,                                                                                                                    \
         MNK_OPTION_TEXT,                                                                                                      \
         (at) + offsetof(mnk_images_options, group_column),                                                                    \
         "NAME",                                                                                                               \
         NULL,                                                                                                                 \
         0,                                                                                                                    \
         0,                                                                                                                    \
         NULL,                                                                                                                 \
         "manifest column of the person or source [person, group]",                                                            \
         false},                                                                                                               \
        {"split-column",                                                                                                       \
         0,                                                                                                                    \
         MNK_OPTION_TEXT,                                                                                                      \
         (at) + offsetof(mnk_images_options, split_column),                                                                    \
         "NAME",                                                                                                               \
         NULL,                                                                                                                 \
         0,                                                                                                                    \
         0,                                                                                                                    \
         NULL,                                                                                                                 \
         "manifest column of the split [split]",                                                                               \
         true},                                                                                                                \
    {                                                                                                                          \
        "groups-within-class", 0, MNK_OPTION_BOOL, (at) + offsetof(mnk_images_options, groups_within_class), NULL, "false", 0, \
            0, NULL, "group names start again in every class", false                                                           \
    }
extern const mnk_option mnk_images_option_table[]; /* the same rows, on their own */

typedef struct mnk_images_shape {
    size_t n;
    int height, width, channels, depth; /* depth 8 or 16 decides which pixel array exists */
    int classes;
    bool groups;    /* a group array, all -1 */
    int attributes; /* names and values are allocated empty (NULL) */
} mnk_images_shape;

/* Zeroed arrays of these sizes; strings (class_names, name, attribute_*) are NULL until set from the arena. */
mnk_status mnk_images_alloc(const mnk_images_shape *s, mnk_images **out, mnk_error *err) MNK_CHECK;
/* Strings that live as long as the dataset. */
mnk_arena *mnk_images_arena(mnk_images *d);
/* Bytes mnk_images_alloc will take; SIZE_MAX on overflow. */
size_t mnk_images_bytes(const mnk_images_shape *s);
/* Refuses, before anything is allocated, what exceeds max_bytes (0: no own limit) or the machine. */
mnk_status mnk_images_require(const mnk_images_shape *s, size_t max_bytes, const char *path, mnk_error *err) MNK_CHECK;
/* Bytes of one picture in d. */
size_t mnk_images_stride(const mnk_images *d);
void *mnk_images_pixels(const mnk_images *d, size_t i);

/* Splits as text: "train", "val" (also "valid", "validation"), "test", "holdout"; -1 when the word is none of them. */
int mnk_split_parse(const char *word);
const char *mnk_split_name(mnk_split split); /* "" for NONE */

/* Renumbers groups so that (class, group) pairs get numbers of their own, in order of appearance; -1 stays. */
mnk_status mnk_split_groups_within_class(int32_t *group, const int32_t *label, size_t n, mnk_error *err) MNK_CHECK;
/* A group on two sides of a split is refused by name; rows of group -1 or split NONE do not count.
 * `group_name(ctx, g)` may be NULL: then numbers are shown. */
mnk_status mnk_split_check_groups(const int32_t *group, const uint8_t *split, size_t n, const char *path,
                                  const char *(*group_name)(void *ctx, int32_t g), void *ctx, mnk_error *err) MNK_CHECK;

/* Next character of UTF-8 text (not at its end) and the bytes it takes; what is not well-formed is U+FFFD, one byte. */
size_t mnk_utf8_next(const char *p, uint32_t *out);
/* Text of the input made fit for a message: control characters and bad UTF-8 become '?', the middle of long text is
 * left out. The buffer is returned. */
const char *mnk_printable(const char *text, char buffer[96]);

#endif
