#include "study/cache.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "evidence/tree.h"

enum { RECORD_MAX_BYTES = 64 << 20 };

static mnk_status record_path(const char *dir, const char *step, const char *suffix, char out[PATH_MAX], mnk_error *err) {
    return snprintf(out, PATH_MAX, "%s/" MNK_STEPS_FOLDER "/%s%s", dir, step, suffix) < PATH_MAX
               ? MNK_OK
               : MNK_FAIL(err, MNK_ERR_INPUT, "%.100s…: name too long", dir);
}

static json_t *read_record(const char *path, const char *format) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    mnk_error ignored = MNK_ERROR_INIT;
    if (mnk_file_read(path, RECORD_MAX_BYTES, &bytes, &n, &ignored) != MNK_OK) return NULL;
    json_t *root = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
    mnk_free(bytes);
    const char *have = json_string_value(json_object_get(root, "format"));
    if (have && strcmp(have, format) == 0 && json_integer_value(json_object_get(root, "format_version")) == 1) return root;
    json_decref(root);
    return NULL;
}

/* ---- the folder ---- */

/* NAME.tmp-PID, as outfiles and writers call what is not finished. */
static bool is_temporary(const char *name) {
    const char *mark = NULL;
    for (const char *p = name; (p = strstr(p, ".tmp-")) != NULL; p++) mark = p;
    if (!mark || !isdigit((unsigned char)mark[5])) return false;
    return mark[5 + strspn(mark + 5, "0123456789-")] == '\0';
}

static mnk_status sweep(const char *dir, int depth, mnk_error *err) {
    char **names = NULL, path[PATH_MAX];
    size_t n = 0;
    if (depth > 16) return MNK_OK;
    MNK_TRY(mnk_dir_list(dir, &names, &n, err));
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < n && status == MNK_OK; i++) {
        struct stat st;
        if (snprintf(path, sizeof path, "%s/%s", dir, names[i]) >= (int)sizeof path || lstat(path, &st) != 0) continue;
        if (is_temporary(names[i])) status = mnk_dir_remove(path, err);
        else if (S_ISDIR(st.st_mode)) status = sweep(path, depth + 1, err);
    }
    mnk_free(names);
    return status;
}

/* Nothing in it, or only an empty folder of steps left by a run killed in its first moment. */
static mnk_status is_unused(const char *dir, bool *out, mnk_error *err) {
    char **names = NULL, steps[PATH_MAX];
    size_t n = 0, inside = 0;
    MNK_TRY(mnk_dir_list(dir, &names, &n, err));
    bool only_steps = n == 1 && strcmp(names[0], MNK_STEPS_FOLDER) == 0;
    mnk_free(names);
    *out = n == 0;
    if (!only_steps) return MNK_OK;
    snprintf(steps, sizeof steps, "%s/" MNK_STEPS_FOLDER, dir);
    if (!mnk_path_is_dir(steps)) return MNK_OK;
    MNK_TRY(mnk_dir_list(steps, &names, &inside, err));
    *out = true;
    for (size_t i = 0; i < inside; i++) *out = *out && is_temporary(names[i]);
    mnk_free(names);
    return MNK_OK;
}

static mnk_status check_owner(const char *dir, const char *name, mnk_error *err) {
    char marker[PATH_MAX];
    bool unused = false;
    MNK_TRY(is_unused(dir, &unused, err));
    if (unused) return MNK_OK;
    MNK_TRY(record_path(dir, "study", ".json", marker, err));
    json_t *root = read_record(marker, "manikin-study-run");
    const char *owner = json_string_value(json_object_get(root, "study"));
    mnk_status status = MNK_OK;
    if (!root) status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: the folder holds things that are not a manikin study", dir);
    else if (!owner || strcmp(owner, name) != 0)
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: the folder holds the results of another study, %s", dir,
                          owner ? owner : "without a name");
    if (status != MNK_OK) mnk_error_hint(err, "choose another folder with -o, or write into this one with --force");
    json_decref(root);
    return status;
}

static mnk_status write_marker(const char *dir, const char *name, mnk_error *err) {
    char path[PATH_MAX];
    mnk_text t = {0};
    mnk_json j = {.text = &t};
    mnk_json_object(&j, NULL);
    mnk_json_string(&j, "format", "manikin-study-run");
    mnk_json_int(&j, "format_version", 1);
    mnk_json_string(&j, "study", name);
    mnk_json_end_object(&j);
    MNK_TRY(record_path(dir, "study", ".json", path, err));
    mnk_status status = t.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory") : MNK_OK;
    uint8_t *have = NULL;
    size_t n = 0;
    bool same = mnk_path_exists(path) && mnk_file_read(path, RECORD_MAX_BYTES, &have, &n, NULL) == MNK_OK && n == t.n &&
                memcmp(have, t.s, n) == 0;
    mnk_free(have);
    if (status == MNK_OK && !same) status = mnk_file_write(path, true, t.s, t.n, err);
    mnk_text_clear(&t);
    return status;
}

mnk_status mnk_cache_claim(const char *dir, const char *name, bool force, int *lock, mnk_error *err) {
    char steps[PATH_MAX];
    *lock = -1;
    MNK_TRY(mnk_dir_make(dir, err));
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot open the folder: %s", dir, strerror(errno));
    mnk_status status = MNK_OK;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: another manikin is working in this folder", dir);
    if (status == MNK_OK && !force) status = check_owner(dir, name, err);
    if (status == MNK_OK) status = sweep(dir, 0, err);
    if (status == MNK_OK) status = record_path(dir, "", "", steps, err);
    if (status == MNK_OK) status = mnk_dir_make(steps, err);
    if (status == MNK_OK) status = write_marker(dir, name, err);
    if (status == MNK_OK) *lock = fd;
    else close(fd);
    return status;
}

void mnk_cache_release(int lock) {
    if (lock >= 0) close(lock);
}

/* ---- records ---- */

static bool outputs_match(const char *dir, const json_t *outputs) {
    size_t i = 0;
    json_t *row = NULL;
    if (!json_is_array(outputs)) return false;
    json_array_foreach(outputs, i, row) {
        const char *path = json_string_value(json_object_get(row, "path")),
                   *hash = json_string_value(json_object_get(row, "hash"));
        char full[PATH_MAX], now[MNK_HASH_TEXT];
        struct stat st;
        if (!path || !hash || snprintf(full, sizeof full, "%s/%s", dir, path) >= (int)sizeof full) return false;
        if (lstat(full, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != json_integer_value(json_object_get(row, "bytes")))
            return false;
        if (mnk_hash_file(full, now, NULL) != MNK_OK || strcmp(now, hash) != 0) return false;
    }
    return true;
}

mnk_status mnk_cache_check(const char *dir, const char *step, const char *key, mnk_cache_state *out, mnk_error *err) {
    char path[PATH_MAX];
    *out = (mnk_cache_state){.is_current = false};
    MNK_TRY(record_path(dir, step, ".json", path, err));
    json_t *root = read_record(path, "manikin-step");
    const char *have = json_string_value(json_object_get(root, "key")),
               *digest = json_string_value(json_object_get(root, "digest"));
    if (have && digest && strcmp(have, key) == 0 && strlen(digest) < MNK_HASH_TEXT &&
        outputs_match(dir, json_object_get(root, "outputs"))) {
        out->is_current = true;
        out->wall_s = json_number_value(json_object_get(root, "wall_s"));
        snprintf(out->digest, sizeof out->digest, "%s", digest);
    }
    json_decref(root);
    return MNK_OK;
}

static mnk_status add_output(mnk_json *j, const char *dir, const char *path, char hash[MNK_HASH_TEXT], mnk_error *err) {
    char full[PATH_MAX];
    struct stat st;
    snprintf(full, sizeof full, "%s/%s", dir, path);
    if (stat(full, &st) != 0) return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot look at it: %s", full, strerror(errno));
    MNK_TRY(mnk_hash_file(full, hash, err));
    mnk_json_object(j, NULL);
    mnk_json_string(j, "path", path);
    mnk_json_int(j, "bytes", (int64_t)st.st_size);
    mnk_json_string(j, "hash", hash);
    mnk_json_end_object(j);
    return MNK_OK;
}

/* A file, or every file below a folder; *digest is the file's hash, or that over the folder's names and hashes. */
static mnk_status add_outputs(mnk_json *j, const char *dir, const char *path, char digest[MNK_HASH_TEXT], mnk_error *err) {
    char full[PATH_MAX];
    snprintf(full, sizeof full, "%s/%s", dir, path);
    if (!mnk_path_is_dir(full)) return add_output(j, dir, path, digest, err);
    mnk_tree tree;
    mnk_hash *h = mnk_hash_open();
    mnk_status status = h ? mnk_tree_read(full, false, NULL, &tree, err) : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    for (size_t i = 0; status == MNK_OK && i < tree.n; i++) {
        char below[PATH_MAX], hash[MNK_HASH_TEXT];
        if (tree.entry[i].kind != MNK_TREE_FILE) continue;
        if (snprintf(below, sizeof below, "%s/%s", path, tree.entry[i].path) >= (int)sizeof below) continue;
        status = add_output(j, dir, below, hash, err);
        mnk_hash_add_text(h, tree.entry[i].path);
        mnk_hash_add_text(h, hash);
    }
    if (h) mnk_tree_clear(&tree), mnk_hash_finish(h, digest);
    return status;
}

mnk_status mnk_cache_commit(const char *dir, const char *step, const char *key, double wall_s, const char *const *outputs,
                            int n, const char *digest, mnk_cache_state *out, mnk_error *err) {
    char path[PATH_MAX];
    MNK_TRY(record_path(dir, step, ".json", path, err));
    mnk_text t = {0};
    mnk_json j = {.text = &t};
    mnk_status status = MNK_OK;
    *out = (mnk_cache_state){.is_current = true, .wall_s = wall_s};
    if (digest) snprintf(out->digest, sizeof out->digest, "%s", digest);
    mnk_json_object(&j, NULL);
    mnk_json_string(&j, "format", "manikin-step");
    mnk_json_int(&j, "format_version", 1);
    mnk_json_string(&j, "step", step);
    mnk_json_string(&j, "key", key);
    mnk_json_double(&j, "wall_s", wall_s);
    mnk_json_array(&j, "outputs");
    for (int i = 0; i < n && status == MNK_OK; i++) {
        char hash[MNK_HASH_TEXT] = "";
        status = add_outputs(&j, dir, outputs[i], hash, err);
        if (i == 0 && !digest) snprintf(out->digest, sizeof out->digest, "%s", hash);
    }
    mnk_json_end_array(&j);
    mnk_json_string(&j, "digest", out->digest);
    mnk_json_end_object(&j);
    if (status == MNK_OK)
        status = t.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory") : mnk_file_write(path, true, t.s, t.n, err);
    mnk_text_clear(&t);
    return status;
}

mnk_status mnk_cache_begin(const char *dir, const char *step, const char *key, const char *folder, bool *can_continue,
                           mnk_error *err) {
    char note[PATH_MAX], full[PATH_MAX];
    MNK_TRY(record_path(dir, step, ".key", note, err));
    if (snprintf(full, sizeof full, "%s/%s", dir, folder) >= (int)sizeof full)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%.100s…: name too long", dir);
    uint8_t *have = NULL;
    size_t n = 0;
    *can_continue = mnk_path_is_dir(full) && mnk_file_read(note, 4096, &have, &n, NULL) == MNK_OK && n == strlen(key) &&
                    memcmp(have, key, n) == 0;
    mnk_free(have);
    if (*can_continue) return MNK_OK;
    MNK_TRY(mnk_dir_remove(full, err));
    MNK_TRY(mnk_dir_make(full, err));
    return mnk_file_write(note, true, key, strlen(key), err);
}
