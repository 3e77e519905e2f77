/* Several rows a person: the person is the unit.
 *
 * The generator learns two working tables instead of one: *first*, a row a person (the first visit, and how many there are),
 * and *next*, a row for every later visit: static columns, the visit before, what is remembered of those
 * before it (memory.h), its number (all given), then the changing columns. Columns that never change within a person are
 * static; dates and the visit's time are learned as steps from the visit before, so that gaps are reproduced and time runs
 * forward. Drawing carries the memory from visit to visit. */
#ifndef MNK_LEARN_TABLE_VISITS_H
#define MNK_LEARN_TABLE_VISITS_H

#include "learn/table/recode.h"

typedef struct mnk_visits {
    mnk_schema *work;   /* of one row; a reference */
    uint8_t *is_static; /* [work columns] */
    uint8_t *is_step;   /* [work columns] a number learned as the step from the visit before */
    uint8_t *remembers; /* [work columns] bits of memory.h */
    mnk_schema *first, *next;
    size_t given; /* the first columns of `next`: those that are given */
    int32_t most; /* visits of one person */
} mnk_visits;

/* From the user's table and its working rows. */
mnk_status mnk_visits_fit(const mnk_table *t, const mnk_recoding *r, const mnk_table *work, mnk_visits **out, mnk_table **first,
                          mnk_table **next, mnk_error *err) MNK_CHECK;
void mnk_visits_close(mnk_visits *v);

/* How many visits row `row` of a drawn `first` table asks for, 1..most. */
int32_t mnk_visits_of(const mnk_visits *v, const mnk_table *first, size_t row);
/* Row `to` of a `next` table, given: the person's working row `from` of `now`, what is remembered of the person (who has seen
 * that row), its visit number (from 1) and their total. */
struct mnk_memory;
void mnk_visits_ask(const struct mnk_memory *m, size_t person, const mnk_table *now, size_t from, int32_t visit, int32_t visits,
                    mnk_table *next, size_t to);
/* The working row of that visit: static columns and steps from `now`, the rest as drawn. */
void mnk_visits_take(const mnk_visits *v, const mnk_table *now, size_t from, const mnk_table *next, size_t row, mnk_table *work,
                     size_t to);
/* A column of one schema as one of another, with a longer name; `same`: with its type and levels, else a number without bounds.
 */
mnk_status mnk_visits_copy_column(const mnk_schema *from, size_t c, const char *suffix, bool same, mnk_schema *to, size_t at,
                                  mnk_error *err) MNK_CHECK;

mnk_status mnk_visits_save(const mnk_visits *v, mnk_tensors *file, mnk_error *err) MNK_CHECK;
mnk_status mnk_visits_open(const mnk_tensors_in *in, mnk_schema *work, mnk_visits **out, mnk_error *err) MNK_CHECK;

#endif
