/* Checks finished evidence: signature, manifest, and every file below the folder. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "evidence/manifest.h"

enum { MANIFEST_MAX_BYTES = 256 << 20 };

const char *mnk_finding_name(mnk_finding_kind kind) {
    static const char *const names[] = {"changed", "missing", "added", "signature", "manifest"};
    return names[kind];
}

void mnk_verify_close(mnk_verify_report *r) {
    if (!r) return;
    mnk_free(r->finding);
    mnk_free(r);
}

static mnk_status find(mnk_verify_report *r, mnk_finding_kind kind, const char *path, mnk_error *err, const char *fmt, ...)
    MNK_PRINTF(5, 6);
static mnk_status find(mnk_verify_report *r, mnk_finding_kind kind, const char *path, mnk_error *err, const char *fmt, ...) {
    if ((r->findings & (r->findings - 1)) == 0) { /* grow at powers of two */
        mnk_finding *grown = mnk_realloc(r->finding, r->findings ? 2 * r->findings : 1, sizeof *grown);
        if (!grown) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the findings");
        r->finding = grown;
    }
    mnk_finding *f = &r->finding[r->findings++];
    f->kind = kind;
    snprintf(f->path, sizeof f->path, "%s", path);
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
    return MNK_OK;
}

/* A name that cannot leave the folder. */
static bool is_safe(const char *path) {
    if (!*path || *path == '/' || strlen(path) > 500) return false;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.')) return false;
        p += n;
        if (*p == '/' && !*++p) return false;
    }
    return true;
}

static mnk_status read_manifest(const char *dir, json_t **out, mnk_error *err) {
    char path[1100];
    *out = NULL;
    if (strlen(dir) > 1000) return MNK_FAIL(err, MNK_ERR_INPUT, "%.100s…: name too long", dir);
    snprintf(path, sizeof path, "%s/" MNK_MANIFEST_NAME, dir);
    if (!mnk_path_exists(path)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: there is no " MNK_MANIFEST_NAME, dir);
        mnk_error_hint(err, "give the folder that `manikin run` wrote, once it has ended");
        return status;
    }
    uint8_t *bytes = NULL;
    size_t n = 0;
    MNK_TRY(mnk_file_read(path, MANIFEST_MAX_BYTES, &bytes, &n, err));
    json_error_t e;
    json_t *root = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, &e);
    mnk_free(bytes);
    if (!root) return MNK_FAIL(err, MNK_ERR_INPUT, "%s:%d:%d: not JSON: %s", path, e.line, e.column, e.text);
    const char *format = json_string_value(json_object_get(root, "format"));
    json_int_t version = json_integer_value(json_object_get(root, "format_version"));
    mnk_status status = MNK_OK;
    if (!format || strcmp(format, "manikin-manifest") != 0 || version < 1 || !json_is_array(json_object_get(root, "outputs")))
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: not a manikin manifest", path);
    else if (version > MNK_MANIFEST_VERSION)
        status = MNK_FAIL(err, MNK_ERR_VERSION, "%s: manifest version %lld; this manikin (%s) reads up to %d", path,
                          (long long)version, MNK_VERSION, MNK_MANIFEST_VERSION);
    if (status == MNK_OK) *out = root;
    else json_decref(root);
    return status;
}

static mnk_status check_files(const json_t *root, const mnk_tree *tree, mnk_verify_report *r, mnk_error *err) {
    const json_t *outputs = json_object_get(root, "outputs");
    bool *seen = mnk_alloc(tree->n + 1, sizeof *seen);
    if (!seen) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_status status = MNK_OK;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(outputs, i, row) {
        const char *path = json_string_value(json_object_get(row, "path")),
                   *hash = json_string_value(json_object_get(row, "hash"));
        json_int_t bytes = json_integer_value(json_object_get(row, "bytes"));
        if (!path || !hash || !is_safe(path) || bytes < 0) {
            status = find(r, MNK_FINDING_MANIFEST, MNK_MANIFEST_NAME, err, "row %zu of outputs is malformed", i);
            if (status != MNK_OK) break;
            continue;
        }
        r->files++;
        r->bytes += (uint64_t)bytes;
        const mnk_tree_entry *e = mnk_tree_find(tree, path);
        if (e) seen[e - tree->entry] = true;
        if (!e || e->kind == MNK_TREE_EMPTY_FOLDER) status = find(r, MNK_FINDING_MISSING, path, err, "listed, but not there");
        else if (e->kind == MNK_TREE_OTHER) status = find(r, MNK_FINDING_CHANGED, path, err, "is a link or special file now");
        else if (e->bytes != (uint64_t)bytes)
            status =
                find(r, MNK_FINDING_CHANGED, path, err, "%llu bytes, was %lld", (unsigned long long)e->bytes, (long long)bytes);
        else if (strcmp(e->hash, hash) != 0) status = find(r, MNK_FINDING_CHANGED, path, err, "same size, other bytes");
        if (status != MNK_OK) break;
    }
    for (size_t k = 0; k < tree->n && status == MNK_OK; k++) {
        const mnk_tree_entry *e = &tree->entry[k];
        if (!seen[k] && !mnk_manifest_is_own(e->path))
            status = find(r, MNK_FINDING_ADDED, e->path, err, "%s",
                          e->kind == MNK_TREE_EMPTY_FOLDER ? "an empty folder that is not listed" : "not listed");
    }
    mnk_free(seen);
    return status;
}

/* The signature: findings when it is absent or wrong; errors only when the caller's key cannot be read. */
static mnk_status check_signature(const char *dir, const json_t *root, const char *public_key, mnk_verify_report *r,
                                  mnk_error *err) {
    char path[1100], signature[1200];
    snprintf(path, sizeof path, "%s/" MNK_MANIFEST_NAME, dir);
    snprintf(signature, sizeof signature, "%s.minisig", path);
    const char *named = json_string_value(json_object_get(root, "public_key"));
    mnk_key k;
    mnk_error why = MNK_ERROR_INIT;
    r->is_key_from_manifest = !public_key;
    if (public_key) MNK_TRY(mnk_key_read_public(public_key, &k, err));
    else if (!named) {
        if (!mnk_path_exists(signature)) return MNK_OK; /* never signed: the caller says so */
        return find(r, MNK_FINDING_SIGNATURE, MNK_MANIFEST_NAME ".minisig", err,
                    "a signature, but the manifest names no key: give --public-key");
    } else if (strlen(named) != MNK_PUBLIC_KEY_TEXT - 1 || mnk_key_read_public(named, &k, &why) != MNK_OK) {
        return find(r, MNK_FINDING_MANIFEST, MNK_MANIFEST_NAME, err, "names a malformed public key");
    }
    mnk_key_public_text(&k, r->public_key);
    if (!mnk_path_exists(signature))
        return find(r, MNK_FINDING_MISSING, MNK_MANIFEST_NAME ".minisig", err, "the signature is not there");
    if (mnk_verify_file(path, &k, r->trusted_comment, &why) != MNK_OK) {
        r->trusted_comment[0] = '\0';
        const char *text = strstr(why.message, ": ");
        return find(r, MNK_FINDING_SIGNATURE, MNK_MANIFEST_NAME, err, "%s", text ? text + 2 : why.message);
    }
    r->is_signed = true;
    return MNK_OK;
}

mnk_status mnk_evidence_verify(const char *dir, const char *public_key, const mnk_observer *observer, mnk_verify_report **out,
                               mnk_error *err) {
    *out = NULL;
    json_t *root = NULL;
    mnk_tree tree = {0};
    mnk_verify_report *r = NULL;
    mnk_status status = read_manifest(dir, &root, err);
    if (status != MNK_OK) return status;
    MNK_OUT(MNK_NEW(r, 1, err));
    MNK_OUT(check_signature(dir, root, public_key, r, err));
    MNK_OUT(mnk_tree_read(dir, true, observer, &tree, err));
    MNK_OUT(check_files(root, &tree, r, err));
    *out = r;
    r = NULL;
out:
    mnk_verify_close(r);
    mnk_tree_clear(&tree);
    json_decref(root);
    return status;
}

/* The row of `path`; rows are sorted by name when manikin wrote them. */
static const json_t *find_output(const json_t *root, const char *path) {
    const json_t *outputs = json_object_get(root, "outputs");
    size_t lo = 0, hi = json_array_size(outputs);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const json_t *row = json_array_get(outputs, mid);
        const char *name = json_string_value(json_object_get(row, "path"));
        int c = name ? strcmp(name, path) : -1;
        if (c == 0) return row;
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}

static mnk_status compare_outputs(const json_t *a, const json_t *b, mnk_verify_report *r, mnk_error *err) {
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(a, "outputs"), i, row) {
        const char *path = json_string_value(json_object_get(row, "path")),
                   *hash = json_string_value(json_object_get(row, "hash"));
        if (!path || !hash) continue;
        r->files++;
        r->bytes += (uint64_t)json_integer_value(json_object_get(row, "bytes"));
        const json_t *other = find_output(b, path);
        const char *other_hash = json_string_value(json_object_get(other, "hash"));
        if (!other) MNK_TRY(find(r, MNK_FINDING_MISSING, path, err, "not in the other study"));
        else if (!json_is_true(json_object_get(row, "holds_times")) && (!other_hash || strcmp(hash, other_hash) != 0))
            MNK_TRY(find(r, MNK_FINDING_CHANGED, path, err, "differs from the other study"));
    }
    json_array_foreach(json_object_get(b, "outputs"), i, row) {
        const char *path = json_string_value(json_object_get(row, "path"));
        if (path && !find_output(a, path)) MNK_TRY(find(r, MNK_FINDING_ADDED, path, err, "only in the other study"));
    }
    return MNK_OK;
}

mnk_status mnk_evidence_compare(const char *dir, const char *other, mnk_verify_report **out, mnk_error *err) {
    *out = NULL;
    json_t *a = NULL, *b = NULL;
    mnk_verify_report *r = NULL;
    mnk_status status = read_manifest(dir, &a, err);
    if (status == MNK_OK) status = read_manifest(other, &b, err);
    if (status == MNK_OK) status = MNK_NEW(r, 1, err);
    if (status == MNK_OK) status = compare_outputs(a, b, r, err);
    if (status == MNK_OK) {
        const char *x = json_string_value(json_object_get(a, "evidence_content")),
                   *y = json_string_value(json_object_get(b, "evidence_content"));
        if ((x != NULL) != (y != NULL) || (x && strcmp(x, y) != 0))
            status = find(r, MNK_FINDING_CHANGED, "evidence.json", err, "the numbers differ (times and machine left out)");
    }
    if (status == MNK_OK) *out = r;
    else mnk_verify_close(r);
    json_decref(a);
    json_decref(b);
    return status;
}
