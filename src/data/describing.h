/* How descriptions of images and of tables fill a result: metrics of group "data", flags up to a number. */
#ifndef MNK_DATA_DESCRIBING_H
#define MNK_DATA_DESCRIBING_H

#include <stdbool.h>

#include "manikin/result.h"

enum { MNK_DESCRIBE_FLAGS_MAX = 1000 };

typedef struct mnk_describing {
    mnk_result *r;
    bool failed; /* memory */
} mnk_describing;

/* note may be NULL. */
void mnk_describe_add(mnk_describing *g, const char *id, const char *subset, double value, size_t n, const char *note);
/* Counts, and flags the first MNK_DESCRIBE_FLAGS_MAX; of: the other row, SIZE_MAX none. */
void mnk_describe_flag(mnk_describing *g, const char *kind, size_t *count, size_t item, size_t of, double distance,
                       const char *note);

#endif
