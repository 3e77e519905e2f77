/* A table from text in memory, as the fuzz target and tests have it; mnk_table_open is the same from a file. */
#ifndef MNK_DATA_TABLE_OPEN_H
#define MNK_DATA_TABLE_OPEN_H

#include "base/error.h"
#include "manikin/table.h"

/* `name` is for messages, and a schema file beside that path counts. options may be NULL. */
mnk_status mnk_table_parse(const char *bytes, size_t n, const char *name, const mnk_table_options *options, mnk_table **out,
                           mnk_error *err) MNK_CHECK;

#endif
