/* Identifiers: learned as a pattern, never as values, and counted through a stretch of the pattern where no training
 * identifier lies. */
#ifndef MNK_LEARN_TABLE_IDS_H
#define MNK_LEARN_TABLE_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MNK_ID_LENGTH 64

typedef struct mnk_id_pattern {
    /* One character a position: '=' as in `text`, 'd' digit, 'u' upper case, 'l' lower case, 'x' lower hexadecimal,
     * 'X' upper hexadecimal, 'n' digit or upper case, 'm' digit or lower case, 'w' any of them. "": plain numbers. */
    char kind[MNK_ID_LENGTH + 1];
    char text[MNK_ID_LENGTH + 1];
    uint64_t start, count; /* numbers of the counted positions that are free; plain numbers: from start upwards */
    double missing;        /* share of missing identifiers */
} mnk_id_pattern;

/* Learns the pattern of n texts. `numbers_above`: plain numbers larger than this instead (columns of numbers; text NULL). */
mnk_status mnk_id_fit(const char *const *text, size_t n, double numbers_above, mnk_id_pattern *out, mnk_error *err) MNK_CHECK;
/* Identifier k = 0, 1, 2 …: all different, none of the training table's. Positions beyond 60 bits are drawn with (seed, k). */
void mnk_id_make(const mnk_id_pattern *p, uint64_t seed, uint64_t k, char out[2 * MNK_ID_LENGTH]);
/* The plain number of identifier k. */
double mnk_id_number(const mnk_id_pattern *p, uint64_t k);

#endif
