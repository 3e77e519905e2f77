#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

mnk_status mnk_file_read(const char *path, size_t max_bytes, uint8_t **out, size_t *n, mnk_error *err) {
    *out = NULL;
    *n = 0;
    FILE *f = fopen(path, "rb");
    if (!f) return MNK_FAIL(err, errno == ENOENT ? MNK_ERR_INPUT : MNK_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    struct stat st;
    mnk_status status = MNK_OK;
    if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: not a regular file", path);
    } else if ((uint64_t)st.st_size > max_bytes) {
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: %lld bytes, more than the %zu allowed here", path, (long long)st.st_size,
                          max_bytes);
    } else {
        size_t size = (size_t)st.st_size;
        uint8_t *bytes = mnk_alloc(size + 1, 1);
        if (!bytes) {
            status = MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory for %zu bytes", path, size);
        } else if (fread(bytes, 1, size, f) != size) {
            status = MNK_FAIL(err, MNK_ERR_IO, "%s: cannot read: %s", path, ferror(f) ? strerror(errno) : "file shrank");
            mnk_free(bytes);
        } else {
            *out = bytes;
            *n = size;
        }
    }
    fclose(f);
    return status;
}

struct mnk_outfile {
    FILE *stream;
    char *path, *temporary;
};

static void outfile_free(mnk_outfile *f) {
    if (!f) return;
    mnk_free(f->path);
    mnk_free(f->temporary);
    mnk_free(f);
}

mnk_status mnk_outfile_open(const char *path, bool force, mnk_outfile **out, mnk_error *err) {
    *out = NULL;
    if (!force && mnk_path_exists(path)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists already", path);
        mnk_error_hint(err, "choose another name, or allow overwriting with --force");
        return status;
    }
    mnk_outfile *f = mnk_alloc(1, sizeof *f);
    size_t length = strlen(path) + 32;
    if (!f || !(f->path = mnk_strdup(path)) || !(f->temporary = mnk_alloc(length, 1))) {
        outfile_free(f);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    }
    snprintf(f->temporary, length, "%s.tmp-%ld", path, (long)getpid());
    f->stream = fopen(f->temporary, "wb");
    if (!f->stream) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_IO, "%s: cannot create: %s", path, strerror(errno));
        outfile_free(f);
        return status;
    }
    *out = f;
    return MNK_OK;
}

FILE *mnk_outfile_stream(mnk_outfile *f) { return f->stream; }

static mnk_status write_failed(const mnk_outfile *f, mnk_error *err) {
    int e = errno;
    mnk_status status = MNK_FAIL(err, MNK_ERR_IO, "%s: cannot write: %s", f->path, strerror(e));
    if (e == ENOSPC || e == EDQUOT) mnk_error_hint(err, "free some space on this disk; nothing half-written was left behind");
    return status;
}

mnk_status mnk_outfile_write(mnk_outfile *f, const void *bytes, size_t n, mnk_error *err) {
    errno = 0;
    return fwrite(bytes, 1, n, f->stream) == n ? MNK_OK : write_failed(f, err);
}

void mnk_dir_sync_of(const char *path) {
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!fsync(fd); /* the name is safe on most systems even when this fails */
    close(fd);
}

mnk_status mnk_outfile_commit(mnk_outfile *f, mnk_error *err) {
    mnk_status status = MNK_OK;
    errno = 0;
    if (fflush(f->stream) != 0 || ferror(f->stream) || fsync(fileno(f->stream)) != 0) status = write_failed(f, err);
    if (fclose(f->stream) != 0 && status == MNK_OK) status = write_failed(f, err);
    f->stream = NULL;
    if (status == MNK_OK && rename(f->temporary, f->path) != 0) status = write_failed(f, err);
    if (status != MNK_OK) (void)unlink(f->temporary);
    else mnk_dir_sync_of(f->path);
    outfile_free(f);
    return status;
}

void mnk_outfile_abort(mnk_outfile *f) {
    if (!f) return;
    if (f->stream) fclose(f->stream);
    (void)unlink(f->temporary);
    outfile_free(f);
}

mnk_status mnk_file_write(const char *path, bool force, const void *bytes, size_t n, mnk_error *err) {
    mnk_outfile *f = NULL;
    MNK_TRY(mnk_outfile_open(path, force, &f, err));
    mnk_status status = mnk_outfile_write(f, bytes, n, err);
    if (status != MNK_OK) {
        mnk_outfile_abort(f);
        return status;
    }
    return mnk_outfile_commit(f, err);
}

bool mnk_path_exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

bool mnk_path_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

mnk_status mnk_dir_make(const char *path, mnk_error *err) {
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: name too long", path);
    for (char *p = part + 1;; p++) {
        if (*p != '/' && *p != '\0') continue;
        char end = *p;
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot make folder: %s", part, strerror(errno));
        if (end == '\0') break;
        *p = end;
    }
    return mnk_path_is_dir(path) ? MNK_OK : MNK_FAIL(err, MNK_ERR_IO, "%s: not a folder", path);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

mnk_status mnk_dir_list(const char *path, char ***names, size_t *n, mnk_error *err) {
    *names = NULL;
    *n = 0;
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, NULL);
    if (count < 0)
        return MNK_FAIL(err, errno == ENOENT || errno == ENOTDIR ? MNK_ERR_INPUT : MNK_ERR_IO, "%s: cannot read folder: %s",
                        path, strerror(errno));
    size_t bytes = 0, kept = 0;
    for (int i = 0; i < count; i++) bytes += sizeof(char *) + strlen(entries[i]->d_name) + 1;
    char **list = mnk_alloc(1, bytes + 1);
    char *text = list ? (char *)(list + count) : NULL;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (list && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            list[kept++] = strcpy(text, name);
            text += strlen(name) + 1;
        }
        free(entries[i]);
    }
    free(entries);
    if (!list) return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", path);
    qsort(list, kept, sizeof *list, compare_names); /* the same order in every locale */
    *names = list;
    *n = kept;
    return MNK_OK;
}

mnk_status mnk_dir_claim(const char *path, bool force, mnk_error *err) {
    if (mnk_path_exists(path)) {
        char **names = NULL;
        size_t n = 0;
        MNK_TRY(mnk_dir_list(path, &names, &n, err));
        mnk_free(names);
        if (n && !force) {
            mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: folder is not empty (%zu entries)", path, n);
            mnk_error_hint(err, "choose another folder, or allow overwriting with --force");
            return status;
        }
    }
    return mnk_dir_make(path, err);
}

mnk_status mnk_dir_remove(const char *path, mnk_error *err) {
    struct stat st;
    if (lstat(path, &st) != 0) return MNK_OK;
    if (!S_ISDIR(st.st_mode))
        return unlink(path) == 0 ? MNK_OK : MNK_FAIL(err, MNK_ERR_IO, "%s: cannot delete: %s", path, strerror(errno));
    char **names = NULL;
    size_t n = 0;
    MNK_TRY(mnk_dir_list(path, &names, &n, err));
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < n && status == MNK_OK; i++) {
        char below[PATH_MAX];
        snprintf(below, sizeof below, "%s/%s", path, names[i]);
        status = mnk_dir_remove(below, err);
    }
    mnk_free(names);
    if (status == MNK_OK && rmdir(path) != 0)
        status = MNK_FAIL(err, MNK_ERR_IO, "%s: cannot delete: %s", path, strerror(errno));
    return status;
}

const char *mnk_path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *mnk_path_ext(const char *path) {
    const char *base = mnk_path_base(path), *dot = strrchr(base, '.');
    return dot && dot != base ? dot : "";
}
