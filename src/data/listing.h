/* The files of an image dataset, whether they lie in a folder or in a tar archive, and what the rest of the reader makes of
 * them:   folder | tar  ->  listing (paths)  ->  rows (class, split, group, attributes)  ->  images (pixels). */
#ifndef MNK_DATA_LISTING_H
#define MNK_DATA_LISTING_H

#include "data/csv.h"
#include "data/open.h"

#define MNK_ENTRIES_MAX 20000000 /* files of one dataset */

typedef struct mnk_entry {
    char *path; /* relative, parts separated by '/', without "./"; not yet fit for messages */
    uint64_t bytes, offset;
    bool folder;
} mnk_entry;

typedef struct mnk_listing mnk_listing;
struct mnk_listing {
    const char *path; /* of the folder or archive */
    mnk_arena *arena;
    mnk_entry *entry; /* sorted by path after mnk_listing_sort */
    size_t n, size;
    int fd; /* tar: the archive; folder: -1 */
    /* Reads one file, at most max_bytes; called from several threads at once. */
    mnk_status (*fetch)(const mnk_listing *l, const mnk_entry *e, size_t max_bytes, uint8_t **out, size_t *n, mnk_error *err);
};

mnk_status mnk_listing_init(mnk_listing *l, const char *path, mnk_error *err) MNK_CHECK;
void mnk_listing_clear(mnk_listing *l);
mnk_status mnk_listing_add(mnk_listing *l, const char *path, bool folder, uint64_t bytes, uint64_t offset,
                           mnk_error *err) MNK_CHECK;
/* Sorts by path; of files with the same path (a tar may hold both) the last one added stays. */
void mnk_listing_sort(mnk_listing *l);
/* Leaves out a leading folder common to everything, as archives have it, when below it lies a manifest.csv or every picture
 * still has a folder. Folders named like a split stay. */
void mnk_listing_strip(mnk_listing *l);
const mnk_entry *mnk_listing_find(const mnk_listing *l, const char *path);

/* One image to be. */
typedef struct mnk_row {
    const mnk_entry *entry; /* NULL: bad, `reason` says why */
    const char *name;       /* as in the listing or manifest */
    const char *reason;
    int32_t label, group; /* group -1 unknown */
    uint8_t split;
    const char **attribute; /* [attributes] */
} mnk_row;

typedef struct mnk_rows {
    mnk_row *row;
    size_t n;
    int classes, attributes;
    const char **class_name, **attribute_name, **group_name;
    size_t group_names;
    bool splits, groups, synthetic;
} mnk_rows;

/* Distinct words with numbers: classes and groups. */
typedef struct mnk_words {
    const char **word; /* by number; the caller's strings */
    size_t n, size;
    size_t *slot; /* open addressing, number + 1 */
    size_t slots;
} mnk_words;
/* Number of the word, new words get the next; SIZE_MAX when memory is short. */
size_t mnk_words_add(mnk_words *w, const char *word);
void mnk_words_clear(mnk_words *w);

/* Fills class_name in the order of the names, so that all splits of a dataset agree, and renumbers row.label (numbers of
 * `classes` so far; -1 stays). */
mnk_status mnk_rows_number_classes(mnk_rows *out, const mnk_words *classes, mnk_error *err) MNK_CHECK;

/* From the names of the folders. All memory is the listing's arena but row, class_name, group_name (mnk_rows_clear). */
mnk_status mnk_rows_from_folders(const mnk_listing *l, const mnk_open_request *request, mnk_rows *out,
                                 mnk_error *err) MNK_CHECK;
/* From a manifest in the listing. */
mnk_status mnk_rows_from_manifest(const mnk_listing *l, const mnk_entry *manifest, const mnk_open_request *request,
                                  mnk_rows *out, mnk_error *err) MNK_CHECK;
void mnk_rows_clear(mnk_rows *r);

/* Rows of a text parsed already, the listing giving the files: what the manifest's fuzz target calls. */
mnk_status mnk_rows_from_csv(const mnk_listing *l, const mnk_csv *csv, const char *name, const mnk_open_request *request,
                             mnk_rows *out, mnk_error *err) MNK_CHECK;

/* manifest.csv when there is one, folders otherwise; then decodes all. `manifest` (may be NULL) overrides the name. */
mnk_status mnk_listing_load(const mnk_listing *l, const char *manifest, const mnk_open_request *request, mnk_images **out,
                            mnk_error *err) MNK_CHECK;

/* Bad items of a batch, to be listed in one message or attached to the dataset. */
typedef struct mnk_bad {
    mnk_arena *arena; /* not owned */
    const char **line;
    size_t n, size;
} mnk_bad;
mnk_status mnk_bad_add(mnk_bad *b, const char *name, const char *reason, mnk_error *err) MNK_CHECK;
/* "PATH: 3 of 5000 images cannot be used" and the first ones, as many as the message holds. */
mnk_status mnk_bad_report(const mnk_bad *b, const char *path, size_t total, mnk_error *err);
void mnk_bad_clear(mnk_bad *b);

#endif
