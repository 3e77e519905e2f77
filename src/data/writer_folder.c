/* DIR/<class>/NNNNNN.png and DIR/manifest.csv, made under a temporary name beside DIR and renamed at the end. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/writer.h"

typedef struct folder {
    const mnk_images_meta *meta;
    char path[PATH_MAX], temporary[PATH_MAX]; /* without slashes at the end */
    char **class_folders;
    uint8_t *made; /* [classes] */
    mnk_text manifest;
} folder;

static bool claims(const char *path) { return path != NULL; }

static void folder_abort(void *state) {
    folder *f = state;
    if (!f) return;
    mnk_error ignored = MNK_ERROR_INIT;
    if (f->temporary[0] && mnk_dir_remove(f->temporary, &ignored) != MNK_OK)
        mnk_error_clear(&ignored); /* nothing more can be done */
    mnk_free(f->class_folders);
    mnk_free(f->made);
    mnk_text_clear(&f->manifest);
    mnk_free(f);
}

/* Refuses what is there already, without touching it. */
static mnk_status check_target(const char *path, bool force, mnk_error *err) {
    char **names = NULL, shown[96];
    size_t n = 0;
    if (!mnk_path_exists(path)) return MNK_OK;
    if (!mnk_path_is_dir(path))
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists and is not a folder", mnk_printable(path, shown));
    MNK_TRY(mnk_dir_list(path, &names, &n, err));
    mnk_free(names);
    if (!n || force) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: folder is not empty (%zu entries)", mnk_printable(path, shown), n);
    mnk_error_hint(err, "choose another folder, or allow overwriting with --force");
    return status;
}

static mnk_status folder_open(const char *path, bool force, const mnk_images_meta *meta, void **state, mnk_error *err) {
    folder *f = NULL;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    if (!n || n >= PATH_MAX - 300) return MNK_FAIL(err, MNK_ERR_USAGE, "a folder name of %zu characters", n);
    MNK_TRY(MNK_NEW(f, 1, err));
    f->meta = meta;
    snprintf(f->path, sizeof f->path, "%.*s", (int)n, path);
    mnk_status status = check_target(f->path, force, err);
    if (status == MNK_OK && (!(f->class_folders = mnk_class_folders(meta)) || !(f->made = mnk_alloc((size_t)meta->classes, 1))))
        status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    if (status == MNK_OK) {
        snprintf(f->temporary, sizeof f->temporary, "%.*s.tmp-%ld", (int)n, path, (long)getpid());
        status = mnk_dir_remove(f->temporary, err); /* of an earlier process with our number */
    }
    if (status == MNK_OK) status = mnk_dir_make(f->temporary, err);
    if (status != MNK_OK) folder_abort(f);
    else *state = f;
    return status;
}

/* One file inside the temporary folder: no atomicity needed, the folder's renaming gives it. */
static mnk_status put_file(const folder *f, const char *name, const void *bytes, size_t n, mnk_error *err) {
    char full[PATH_MAX + 256], shown[96];
    snprintf(full, sizeof full, "%s/%s", f->temporary, name);
    FILE *out = fopen(full, "wb");
    bool ok = out != NULL;
    int e = errno;
    if (ok && fwrite(bytes, 1, n, out) != n) ok = false, e = errno;
    if (out && fclose(out) != 0 && ok) ok = false, e = errno;
    if (ok) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_IO, "%s: cannot write %s: %s", mnk_printable(f->path, shown), name, strerror(e));
    if (e == ENOSPC || e == EDQUOT) mnk_error_hint(err, "free some space on this disk; nothing half-written was left behind");
    return status;
}

static mnk_status folder_add(void *state, const mnk_out_image *image, mnk_error *err) {
    folder *f = state;
    char name[128];
    if (!f->made[image->label]) {
        char full[PATH_MAX + 256];
        snprintf(full, sizeof full, "%s/%s", f->temporary, f->class_folders[image->label]);
        MNK_TRY(mnk_dir_make(full, err));
        f->made[image->label] = 1;
    }
    mnk_out_name(f->class_folders, image, name);
    mnk_manifest_add(&f->manifest, f->meta, name, image);
    return put_file(f, name, image->png, image->png_bytes, err);
}

/* One sync of the file system instead of one per picture. */
static mnk_status sync_all(const folder *f, mnk_error *err) {
    char shown[96];
    int fd = open(f->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && syncfs(fd) == 0;
    int e = errno;
    if (fd >= 0) close(fd);
    return ok ? MNK_OK : MNK_FAIL(err, MNK_ERR_IO, "%s: cannot write: %s", mnk_printable(f->path, shown), strerror(e));
}

/* Puts the new folder in the place of the old one; the old one goes last. */
static mnk_status swap_in(const folder *f, mnk_error *err) {
    char old[PATH_MAX + 32], shown[96];
    if (rename(f->temporary, f->path) == 0) return MNK_OK; /* nothing there, or an empty folder */
    if (errno != ENOTEMPTY && errno != EEXIST)
        return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot make folder: %s", mnk_printable(f->path, shown), strerror(errno));
    snprintf(old, sizeof old, "%s.old-%ld", f->path, (long)getpid());
    if (rename(f->path, old) != 0)
        return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot replace: %s", mnk_printable(f->path, shown), strerror(errno));
    if (rename(f->temporary, f->path) != 0) {
        int e = errno;
        (void)!rename(old, f->path);
        return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot replace: %s", mnk_printable(f->path, shown), strerror(e));
    }
    return mnk_dir_remove(old, err);
}

static mnk_status folder_commit(void *state, bool persons, mnk_error *err) {
    folder *f = state;
    mnk_text csv = {0};
    mnk_status status = mnk_manifest_finish(&f->manifest, f->meta, persons, &csv, err);
    if (status == MNK_OK) status = put_file(f, "manifest.csv", csv.s, csv.n, err);
    if (status == MNK_OK) status = sync_all(f, err);
    if (status == MNK_OK) status = swap_in(f, err);
    mnk_text_clear(&csv);
    folder_abort(f); /* after the renaming there is nothing left to remove */
    return status;
}

const mnk_sink mnk_sink_folder = {"folder", claims, true, folder_open, folder_add, folder_commit, folder_abort};
