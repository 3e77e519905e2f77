#include "study/spending.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "privacy/ledger.h"

static const char suffix[] = ".safetensors.ledger";

/* Killed while its first line was written: without a finished line there is no entry. */
static mnk_status holds_nothing(const char *path, bool *out, mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    MNK_TRY(mnk_file_read(path, (size_t)64 << 20, &bytes, &n, err));
    *out = n == 0 || !memchr(bytes, '\n', n);
    mnk_free(bytes);
    return MNK_OK;
}

mnk_status mnk_spending_set_aside(const char *dir, const char *id, mnk_error *err) {
    char from[1300], to[1300];
    bool is_empty;
    snprintf(from, sizeof from, "%.1000s/models/%.80s%s", dir, id, suffix);
    if (!mnk_path_exists(from)) return MNK_OK;
    MNK_TRY(holds_nothing(from, &is_empty, err));
    if (is_empty) return mnk_dir_remove(from, err);
    snprintf(to, sizeof to, "%.1000s/models/spent", dir);
    MNK_TRY(mnk_dir_make(to, err));
    size_t k = 1;
    do snprintf(to, sizeof to, "%.1000s/models/spent/%.80s-%zu%s", dir, id, k, suffix);
    while (mnk_path_exists(to) && k++ < 100000);
    if (rename(from, to) != 0) return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot be set aside: %s", from, strerror(errno));
    mnk_dir_sync_of(to);
    mnk_dir_sync_of(from);
    return MNK_OK;
}

static bool is_ledger(const char *name) {
    const size_t n = strlen(name), m = sizeof suffix - 1;
    return n > m && strcmp(name + n - m, suffix) == 0;
}

static mnk_status add_folder(const char *folder, mnk_mechanisms *all, size_t *n, mnk_error *err) {
    char **names = NULL, path[1600];
    size_t files = 0;
    mnk_status status = MNK_OK;
    if (!mnk_path_is_dir(folder)) return MNK_OK;
    MNK_TRY(mnk_dir_list(folder, &names, &files, err));
    for (size_t i = 0; i < files; i++) {
        mnk_ledger_book *b = NULL;
        if (!is_ledger(names[i])) continue;
        snprintf(path, sizeof path, "%.1200s/%.300s", folder, names[i]);
        MNK_OUT(mnk_ledger_read(path, &b, err));
        status = mnk_ledger_add_spent(b, all, err);
        mnk_ledger_book_close(b);
        if (status != MNK_OK) goto out;
        ++*n;
    }
out:
    mnk_free(names);
    return status;
}

mnk_status mnk_spending_sum(const char *dir, double delta, mnk_spending *out, mnk_error *err) {
    char folder[1100];
    mnk_mechanisms all = {.neighbours = MNK_ADD_REMOVE};
    mnk_status status = MNK_OK;
    *out = (mnk_spending){.ledgers = 0};
    snprintf(folder, sizeof folder, "%.1000s/models", dir);
    MNK_OUT(add_folder(folder, &all, &out->ledgers, err));
    snprintf(folder, sizeof folder, "%.1000s/models/spent", dir);
    MNK_OUT(add_folder(folder, &all, &out->set_aside, err));
    out->ledgers += out->set_aside;
    MNK_OUT(mnk_privacy_epsilon(&all, delta, &out->all, err));
out:
    mnk_mechanisms_clear(&all);
    return status;
}
