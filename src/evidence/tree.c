#include "evidence/tree.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

enum { DEPTH_MAX = 16, ENTRIES_MAX = 4000000 };

static mnk_status add(mnk_tree *t, const char *path, mnk_tree_kind kind, uint64_t bytes, mnk_error *err) {
    if (t->n == ENTRIES_MAX) return MNK_FAIL(err, MNK_ERR_INPUT, "more than %d files below one folder", ENTRIES_MAX);
    if (t->n == t->size) {
        size_t size = t->size ? 2 * t->size : 64;
        mnk_tree_entry *grown = mnk_realloc(t->entry, size, sizeof *grown);
        if (!grown) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a list of %zu files", size);
        t->entry = grown;
        t->size = size;
    }
    mnk_tree_entry *e = &t->entry[t->n];
    *e = (mnk_tree_entry){.path = mnk_strdup(path), .kind = kind, .bytes = bytes};
    if (!e->path) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    t->n++;
    return MNK_OK;
}

static mnk_status walk(const char *dir, const char *below, int depth, mnk_tree *t, mnk_error *err) {
    char folder[PATH_MAX], path[PATH_MAX], full[PATH_MAX];
    if (depth > DEPTH_MAX) return MNK_FAIL(err, MNK_ERR_INPUT, "%s/%s: folders nested deeper than %d", dir, below, DEPTH_MAX);
    snprintf(folder, sizeof folder, "%s%s%s", dir, *below ? "/" : "", below);
    char **names = NULL;
    size_t n = 0;
    MNK_TRY(mnk_dir_list(folder, &names, &n, err));
    mnk_status status = MNK_OK;
    if (n == 0 && *below) status = add(t, below, MNK_TREE_EMPTY_FOLDER, 0, err);
    for (size_t i = 0; i < n && status == MNK_OK; i++) {
        struct stat st;
        int a = snprintf(path, sizeof path, "%s%s%s", below, *below ? "/" : "", names[i]);
        int b = snprintf(full, sizeof full, "%s/%s", dir, path);
        if (a < 0 || b < 0 || (size_t)a >= sizeof path || (size_t)b >= sizeof full)
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s/%s: name too long", folder, names[i]);
        else if (lstat(full, &st) != 0) status = MNK_FAIL(err, MNK_ERR_IO, "%s: cannot look at it: %s", full, strerror(errno));
        else if (S_ISDIR(st.st_mode)) status = walk(dir, path, depth + 1, t, err);
        else status = add(t, path, S_ISREG(st.st_mode) ? MNK_TREE_FILE : MNK_TREE_OTHER, (uint64_t)st.st_size, err);
    }
    mnk_free(names);
    return status;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const mnk_tree_entry *)a)->path, ((const mnk_tree_entry *)b)->path);
}

mnk_status mnk_tree_read(const char *dir, bool hash, const mnk_observer *observer, mnk_tree *out, mnk_error *err) {
    *out = (mnk_tree){0};
    if (!mnk_path_is_dir(dir)) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: not a folder", dir);
    MNK_TRY(walk(dir, "", 0, out, err));
    qsort(out->entry, out->n, sizeof *out->entry, by_path);
    uint64_t total = 0, done = 0;
    for (size_t i = 0; i < out->n; i++) total += out->entry[i].bytes;
    for (size_t i = 0; hash && i < out->n; i++) {
        mnk_tree_entry *e = &out->entry[i];
        if (e->kind != MNK_TREE_FILE) continue;
        char full[PATH_MAX];
        snprintf(full, sizeof full, "%s/%s", dir, e->path);
        MNK_TRY(mnk_hash_file(full, e->hash, err));
        done += e->bytes;
        mnk_observe_progress(observer, "checking", (double)done, (double)total, e->path);
        if (mnk_observe_stopped(observer)) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while checking %s", dir);
    }
    return MNK_OK;
}

void mnk_tree_clear(mnk_tree *t) {
    for (size_t i = 0; i < t->n; i++) mnk_free(t->entry[i].path);
    mnk_free(t->entry);
    *t = (mnk_tree){0};
}

const mnk_tree_entry *mnk_tree_find(const mnk_tree *t, const char *path) {
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(t->entry[mid].path, path);
        if (c == 0) return &t->entry[mid];
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}
