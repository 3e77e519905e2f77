/* The user's signing key: where it lies, and making it at first use. */
#ifndef MNK_CLI_KEY_H
#define MNK_CLI_KEY_H

#include "cli.h"
#include "manikin/evidence.h"

/* $XDG_CONFIG_HOME/manikin/manikin.key or ~/.config/manikin/manikin.key; false when neither variable is set. */
bool cli_key_default(char *out, size_t size);
/* Reads the key at `path`, or the default one, which is made (and announced on stderr) when it does not exist yet. */
mnk_status cli_key_load(const char *path, bool quiet, mnk_key *out, mnk_error *err) MNK_CHECK;

#endif
