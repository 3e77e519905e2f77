/* A wanted mix: the values that a slot of the output is to have, from --class, --class-balance or --like. */
#ifndef MNK_LEARN_TABLE_MIX_H
#define MNK_LEARN_TABLE_MIX_H

#include "learn/table/generator.h"

typedef struct mnk_mix {
    mnk_table *rows, *work; /* to choose from: as they are written, and recoded */
    uint8_t *column;        /* [user's columns] 1: wanted */
} mnk_mix;

/* NULL in *out when nothing is wanted. */
mnk_status mnk_mix_open(mnk_table_generator *g, const mnk_table_sample_options *o, mnk_mix **out, mnk_error *err) MNK_CHECK;
void mnk_mix_close(mnk_mix *m);
/* The row that slot `slot` takes its wanted values from: in turn. */
static inline size_t mnk_mix_row(const mnk_mix *m, uint64_t slot) { return (size_t)(slot % m->rows->n); }

#endif
