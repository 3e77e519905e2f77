/* Several rows a person: the person is the unit.
 *
 * The generator learns two working tables instead of one: *first*, a row a person (the first visit, and how many there are),
 * and *next*, a row for every later visit: static columns, the visit before, its number (all given), then the changing
 * columns. Columns that never change within a person are static; dates and the visit's time are learned as steps from the
 * visit before, so that gaps are reproduced and time runs forward. Drawing carries the state of one visit to the next. */
#ifndef MNK_LEARN_TABLE_VISITS_H
#define MNK_LEARN_TABLE_VISITS_H

#include "learn/table/recode.h"

typedef struct mnk_visits {
    mnk_schema *work;   /* of one row; a reference */
    uint8_t *is_static; /* [work columns] */
    uint8_t *is_step;   /* [work columns] a number learned as the step from the visit before */
    mnk_schema *first, *next;
    int32_t most; /* visits of one person */
} mnk_visits;

/* From the user's table and its working rows. */
mnk_status mnk_visits_fit(const mnk_table *t, const mnk_recoding *r, const mnk_table *work, mnk_visits **out, mnk_table **first,
                          mnk_table **next, mnk_error *err) MNK_CHECK;
void mnk_visits_close(mnk_visits *v);

/* How many visits row `row` of a drawn `first` table asks for, 1..most. */
int32_t mnk_visits_of(const mnk_visits *v, const mnk_table *first, size_t row);
/* Row `to` of a `next` table, given: the person's working row `from` of `now`, its visit number (from 1) and their total. */
void mnk_visits_ask(const mnk_visits *v, const mnk_table *now, size_t from, int32_t visit, int32_t visits, mnk_table *next,
                    size_t to);
/* The working row of that visit: static columns and steps from `now`, the rest as drawn. */
void mnk_visits_take(const mnk_visits *v, const mnk_table *now, size_t from, const mnk_table *next, size_t row, mnk_table *work,
                     size_t to);
/* The first so many columns of a `next` table are given. */
size_t mnk_visits_given(const mnk_visits *v);

mnk_status mnk_visits_save(const mnk_visits *v, mnk_tensors *file, mnk_error *err) MNK_CHECK;
mnk_status mnk_visits_open(const mnk_tensors_in *in, mnk_schema *work, mnk_visits **out, mnk_error *err) MNK_CHECK;

#endif
