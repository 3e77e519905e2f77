/* All files below a folder, sorted by name, with size and hash. */
#ifndef MNK_EVIDENCE_TREE_H
#define MNK_EVIDENCE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "manikin/observer.h"

typedef enum mnk_tree_kind { MNK_TREE_FILE, MNK_TREE_EMPTY_FOLDER, MNK_TREE_OTHER /* link, socket, device */ } mnk_tree_kind;

typedef struct mnk_tree_entry {
    char *path; /* below the folder, with '/' */
    mnk_tree_kind kind;
    uint64_t bytes;
    char hash[MNK_HASH_TEXT]; /* "" unless hashed */
} mnk_tree_entry;

typedef struct mnk_tree {
    mnk_tree_entry *entry;
    size_t n, size;
} mnk_tree;

/* Reads the tree below dir; with `hash` also the files' contents, reporting progress in bytes ("checking"). Links are never
 * followed. At most 16 levels and 4 million entries. Release with mnk_tree_clear, also after an error. */
mnk_status mnk_tree_read(const char *dir, bool hash, const mnk_observer *observer, mnk_tree *out, mnk_error *err) MNK_CHECK;
void mnk_tree_clear(mnk_tree *t);
/* Binary search; NULL when absent. */
const mnk_tree_entry *mnk_tree_find(const mnk_tree *t, const char *path);

#endif
