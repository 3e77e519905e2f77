/* What is remembered of a person's earlier visits, beside the visit before: without it every dependence that reaches further
 * than one visit would die out from visit to visit, and a person's own level with it.
 *
 *   two visits before     the value there (of the first visit, where there are not two: no hole that only says so)
 *   so far                numbers: mean; two levels: share of the second; more levels: the most frequent one (the lower of two)
 *   last known            of columns with holes: the last value that was there
 *   since first, gap      of dates and the visit's time: visit before less first visit, and less the one before it
 *
 * A column keeps those that tell something about its next value (dates: about the next step) beyond the value before
 * (mnk_memory_choose). */
#ifndef MNK_LEARN_TABLE_MEMORY_H
#define MNK_LEARN_TABLE_MEMORY_H

#include "learn/table/visits.h"

enum {
    MNK_REMEMBERS_TWO = 1 << 0,
    MNK_REMEMBERS_SO_FAR = 1 << 1,
    MNK_REMEMBERS_LAST = 1 << 2,
    MNK_REMEMBERS_SINCE = 1 << 3,
    MNK_REMEMBERS_GAP = 1 << 4,
    MNK_REMEMBERS = 5,     /* kinds */
    MNK_REMEMBERS_ALL = 31 /* those that fit the column */
};

typedef struct mnk_memory {
    const mnk_visits *v;
    size_t persons;
    double *before, *two, *last, *sum, *known, *first, *gap; /* [column*persons + person]; codes as numbers, NaN missing */
    uint16_t *count;       /* [person*levels + level], levels of all columns that remember the most frequent one */
    size_t levels, *start; /* [work columns] into them */
    uint8_t *seen;         /* [persons] has any visit */
} mnk_memory;

/* The kinds out of `wanted` that a working column of v can have. */
unsigned mnk_memory_of(const mnk_visits *v, size_t column, unsigned wanted);
/* Columns of a `next` table for them, from `at` on; returns the place behind. */
mnk_status mnk_memory_schema(const mnk_visits *v, mnk_schema *next, size_t *at, mnk_error *err) MNK_CHECK;

mnk_status mnk_memory_open(const mnk_visits *v, size_t persons, mnk_memory *out, mnk_error *err) MNK_CHECK;
void mnk_memory_clear(mnk_memory *m);
/* Forgets a person. */
void mnk_memory_reset(mnk_memory *m, size_t person);
/* Another visit of a person: row `row` of a working table. */
void mnk_memory_see(mnk_memory *m, size_t person, const mnk_table *work, size_t row);
/* What is remembered into row `to` of a `next` table. */
void mnk_memory_write(const mnk_memory *m, size_t person, mnk_table *next, size_t to);

/* Of all kinds in v->remembers (and in the columns of `next`) those that tell something: a conditional likelihood ratio test of
 * independence of the remembered and the next value given the value before, in at most six classes each; kept when it exceeds
 * its degrees of freedom by four standard deviations and 0.002 nats a row. Dates keep theirs. */
mnk_status mnk_memory_choose(mnk_visits *v, const mnk_table *next, mnk_error *err) MNK_CHECK;

#endif
