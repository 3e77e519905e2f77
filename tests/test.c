#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

static char root[256]; /* of this process, removed when it ends */

static void remove_root(void) { (void)!mnk_dir_remove(root, NULL); }

const char *test_folder(const char *name) {
    static char path[512];
    const char *tmp = getenv("TMPDIR");
    if (!root[0]) {
        snprintf(root, sizeof root, "%s/manikin-test-%ld", tmp ? tmp : "/tmp", (long)getpid());
        atexit(remove_root);
    }
    snprintf(path, sizeof path, "%s/%s", root, name);
    mnk_error err = MNK_ERROR_INIT;
    if (mnk_dir_remove(path, &err) != MNK_OK || mnk_dir_make(path, &err) != MNK_OK) fail_msg("%s", err.message);
    return path;
}

const char *test_real_data(const char *name) {
    static char path[1024];
    const char *data = getenv("MANIKIN_DATA");
    snprintf(path, sizeof path, "%s/%s", data ? data : MNK_SOURCE_ROOT "/../shared/data", name);
    return mnk_path_exists(path) ? path : NULL;
}

const char *test_source(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, MNK_SOURCE_ROOT "/%s", name);
    return path;
}
