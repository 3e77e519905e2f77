/* A folder of pictures, or a manifest (any .csv) with its pictures beside it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "data/listing.h"

enum { DEPTH_MAX = 16 }; /* of folders; links that lead back up end here */

/* Adds everything below root/relative, hidden names aside. */
static mnk_status walk(mnk_listing *l, const char *relative, int depth, mnk_error *err) {
    char folder[PATH_MAX], shown[96];
    char **names = NULL;
    size_t n = 0;
    if (depth > DEPTH_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: folders nested more than %d deep", mnk_printable(relative, shown), DEPTH_MAX);
    snprintf(folder, sizeof folder, "%s%s%s", l->path, *relative ? "/" : "", relative);
    MNK_TRY(mnk_dir_list(folder, &names, &n, err));
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < n && status == MNK_OK; i++) {
        char below[PATH_MAX], full[PATH_MAX];
        struct stat st;
        if (names[i][0] == '.' || !strcmp(names[i], "__MACOSX")) continue;
        if ((size_t)snprintf(below, sizeof below, "%s%s%s", relative, *relative ? "/" : "", names[i]) >= sizeof below ||
            (size_t)snprintf(full, sizeof full, "%s/%s", l->path, below) >= sizeof full) {
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: name too long", mnk_printable(names[i], shown));
            continue;
        }
        bool found = stat(full, &st) == 0; /* a dangling link becomes an unreadable file, which is said later */
        bool is_folder = found && S_ISDIR(st.st_mode);
        status = mnk_listing_add(l, below, is_folder, found && !is_folder ? (uint64_t)st.st_size : 0, 0, err);
        if (status == MNK_OK && is_folder) status = walk(l, below, depth + 1, err);
    }
    mnk_free(names);
    return status;
}

static mnk_status fetch(const mnk_listing *l, const mnk_entry *e, size_t max_bytes, uint8_t **out, size_t *n, mnk_error *err) {
    char full[PATH_MAX];
    snprintf(full, sizeof full, "%s/%s", l->path, e->path);
    return mnk_file_read(full, max_bytes, out, n, err);
}

static bool claims(const char *path) { return mnk_path_is_dir(path) || !strcmp(mnk_path_ext(path), ".csv"); }

static mnk_status open_folder(const mnk_open_request *request, mnk_images **out, mnk_error *err) {
    char root[PATH_MAX], manifest[PATH_MAX] = "";
    snprintf(root, sizeof root, "%s", request->path);
    if (!mnk_path_is_dir(root)) { /* DIR/NAME.csv */
        const char *base = mnk_path_base(request->path);
        snprintf(manifest, sizeof manifest, "%s", base);
        size_t n = (size_t)(base - request->path);
        snprintf(root, sizeof root, "%.*s", n ? (int)n : 1, n ? request->path : ".");
    }
    for (size_t n = strlen(root); n > 1 && root[n - 1] == '/'; n--) root[n - 1] = '\0';
    mnk_listing l;
    MNK_TRY(mnk_listing_init(&l, root, err));
    l.fetch = fetch;
    mnk_status status = walk(&l, "", 0, err);
    if (status == MNK_OK) {
        mnk_listing_sort(&l);
        status = mnk_listing_load(&l, *manifest ? manifest : NULL, request, out, err);
    }
    mnk_listing_clear(&l);
    return status;
}

const mnk_images_format mnk_format_folder = {"folder", claims, open_folder};
