/* What a column's heading tells about it: words, and a unit. Headings are hints; cells decide. */
#ifndef MNK_DATA_HEADING_H
#define MNK_DATA_HEADING_H

#include <stdbool.h>
#include <stddef.h>

/* True when one of the heading's words (parts between other characters and humps: "patientId", "d.time") is in the list, which
 * ends in NULL and is lower case. */
bool mnk_heading_has(const char *heading, const char *const *words);
/* True when the heading as a whole, in lower case, is in the list. */
bool mnk_heading_is(const char *heading, const char *const *names);
/* True when the heading speaks of an identifier or a code. */
bool mnk_heading_is_id(const char *heading);
/* "glucose [mg/dl]", "weight (kg)", "age_years", "stay.days": the unit, "" when none. */
void mnk_heading_unit(const char *heading, char out[32]);

extern const char *const mnk_words_id[],
    *const mnk_words_person[], *const mnk_words_count[], *const mnk_words_date[],
                                                             *const mnk_words_code[],
                                                                 *const mnk_words_subgroup[],
                                                                     *const mnk_words_quasi[],
                                                                         *const mnk_words_sensitive[],
                                                                             *const mnk_words_positive[],
                                                                                 *const mnk_names_label[],
                                                                                     *const mnk_names_split[],
                                                                                         *const mnk_names_time[],
                                                                                             *const mnk_names_event[];

#endif
