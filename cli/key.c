#include "key.h"

#include <stdlib.h>

#include "base/file.h"

bool cli_key_default(char *out, size_t size) {
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = config && *config == '/' ? snprintf(out, size, "%s/manikin/manikin.key", config)
            : home && *home          ? snprintf(out, size, "%s/.config/manikin/manikin.key", home)
                                     : -1;
    return n > 0 && (size_t)n < size;
}

mnk_status cli_key_load(const char *path, bool quiet, mnk_key *out, mnk_error *err) {
    char own[1024];
    if (path) return mnk_key_read(path, out, err);
    if (!cli_key_default(own, sizeof own)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_FAILED, "no place for the signing key: HOME is not set");
        mnk_error_hint(err, "give --key FILE or --no-sign");
        return status;
    }
    if (mnk_path_exists(own)) return mnk_key_read(own, out, err);
    MNK_TRY(mnk_key_make(own, out, err));
    if (!quiet) {
        char text[MNK_PUBLIC_KEY_TEXT];
        mnk_key_public_text(out, text);
        fprintf(stderr, "made a signing key: %s (secret, not encrypted)\n  public key %s\n", own, text);
    }
    return MNK_OK;
}
