/* The bytes of a table file, unpacked when gzipped, with what they will need known before they are read. */
#ifndef MNK_DATA_TABLE_LOAD_H
#define MNK_DATA_TABLE_LOAD_H

#include <stddef.h>

#include "base/error.h"
#include "manikin/observer.h"

/* *out has a NUL that *n does not count; released with mnk_free. max_bytes: of memory for the whole table, 0: the machine's.
 * Refused before anything is read: what needs more than that (MNK_ERR_MEMORY beyond the machine, MNK_ERR_INPUT beyond
 * max_bytes); from the beginning of the text: lines that never end; while unpacking: more than the limit, or 250 times the
 * size of the file. */
mnk_status mnk_table_load(const char *path, size_t max_bytes, const mnk_observer *observer, char **out, size_t *n,
                          mnk_error *err) MNK_CHECK;
/* Memory a table of so many bytes of text takes, when its rows are like those of the sample. */
size_t mnk_table_load_need(const char *sample, size_t sample_bytes, size_t bytes);

#endif
