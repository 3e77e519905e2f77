/* Options from a file: a flat YAML mapping whose keys are the long option names. */
#ifndef MNK_CLI_CONFIG_FILE_H
#define MNK_CLI_CONFIG_FILE_H

#include "base/error.h"
#include "base/mem.h"

/* Calls set(ctx, name, value) for every entry; a sequence calls it once an item. Errors name file and line. Values live
 * in `strings`. */
mnk_status config_file_read(const char *path, mnk_arena *strings,
                            mnk_status (*set)(void *ctx, const char *name, const char *value, mnk_error *err), void *ctx,
                            mnk_error *err) MNK_CHECK;

#endif
