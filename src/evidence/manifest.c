/* manifest.json: what went into a study, every file that came out with its BLAKE2b hash, seed and settings; signed. */
#include "evidence/manifest.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

bool mnk_manifest_is_own(const char *path) {
    return !strcmp(path, MNK_MANIFEST_NAME) || !strcmp(path, MNK_MANIFEST_NAME ".minisig");
}

static bool holds_times(const mnk_manifest_info *info, const char *path) {
    for (size_t i = 0; i < info->n_varies; i++)
        if (strcmp(info->varies[i], path) == 0) return true;
    return false;
}

static void write_inputs(mnk_json *j, const mnk_manifest_info *info) {
    mnk_json_array(j, "inputs");
    for (size_t i = 0; i < info->inputs; i++) {
        const mnk_manifest_input *in = &info->input[i];
        mnk_json_object(j, NULL);
        mnk_json_string(j, "role", in->role);
        mnk_json_string(j, "path", in->path);
        mnk_json_uint(j, "n", in->n);
        mnk_json_string(j, "hash", in->n >= MNK_MANIFEST_MIN_ITEMS && in->hash[0] ? in->hash : NULL);
        mnk_json_end_object(j);
    }
    mnk_json_end_array(j);
}

static mnk_status write_outputs(mnk_json *j, const mnk_manifest_info *info, const mnk_tree *tree, const char *dir,
                                mnk_error *err) {
    mnk_json_array(j, "outputs");
    for (size_t i = 0; i < tree->n; i++) {
        const mnk_tree_entry *e = &tree->entry[i];
        if (mnk_manifest_is_own(e->path)) continue;
        if (e->kind == MNK_TREE_OTHER)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s/%s: a link or special file cannot be part of signed evidence", dir,
                            e->path);
        if (e->kind == MNK_TREE_EMPTY_FOLDER) continue;
        mnk_json_object(j, NULL);
        mnk_json_string(j, "path", e->path);
        mnk_json_uint(j, "bytes", e->bytes);
        mnk_json_string(j, "hash", e->hash);
        if (holds_times(info, e->path)) mnk_json_bool(j, "holds_times", true);
        mnk_json_end_object(j);
    }
    mnk_json_end_array(j);
    return MNK_OK;
}

static mnk_status write_document(const char *dir, const mnk_manifest_info *info, const mnk_key *k, const mnk_tree *tree,
                                 mnk_error *err) {
    mnk_text text = {0};
    mnk_json j = {.text = &text};
    mnk_json_object(&j, NULL);
    mnk_json_string(&j, "format", "manikin-manifest");
    mnk_json_int(&j, "format_version", MNK_MANIFEST_VERSION);
    mnk_json_string(&j, "manikin_version", MNK_VERSION);
    mnk_json_string(&j, "title", info->title);
    if (info->created) mnk_json_string(&j, "created", info->created);
    mnk_json_uint(&j, "seed", info->seed);
    if (k) {
        char open[MNK_PUBLIC_KEY_TEXT];
        mnk_key_public_text(k, open);
        mnk_json_string(&j, "public_key", open);
    }
    mnk_json_string(&j, "hash", "BLAKE2b-256 of the whole file or data set");
    write_inputs(&j, info);
    if (info->settings_json) mnk_json_raw(&j, "settings", info->settings_json);
    if (info->evidence_content) mnk_json_string(&j, "evidence_content", info->evidence_content);
    mnk_status status = write_outputs(&j, info, tree, dir, err);
    mnk_json_end_object(&j);
    char path[1100];
    snprintf(path, sizeof path, "%s/" MNK_MANIFEST_NAME, dir);
    if (status == MNK_OK)
        status = text.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the manifest")
                             : mnk_file_write(path, true, text.s, text.n, err);
    mnk_text_clear(&text);
    return status;
}

mnk_status mnk_manifest_write(const char *dir, const mnk_manifest_info *info, const mnk_key *k, mnk_error *err) {
    char path[1100], signature[1200], comment[256];
    if (strlen(dir) > 1000) return MNK_FAIL(err, MNK_ERR_INPUT, "%.100s…: name too long", dir);
    snprintf(path, sizeof path, "%s/" MNK_MANIFEST_NAME, dir);
    snprintf(signature, sizeof signature, "%s.minisig", path);
    (void)unlink(signature); /* an old signature must never stand beside a new manifest */
    mnk_tree tree;
    mnk_status status = mnk_tree_read(dir, true, NULL, &tree, err);
    if (status == MNK_OK) status = write_document(dir, info, k, &tree, err);
    mnk_tree_clear(&tree);
    if (status != MNK_OK || !k) return status;
    snprintf(comment, sizeof comment, "manikin %s%s%s\tfile:" MNK_MANIFEST_NAME "\thashed", MNK_VERSION,
             info->created ? "\tcreated:" : "", info->created ? info->created : "");
    return mnk_sign_file(path, k, comment, err);
}
