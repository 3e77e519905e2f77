/* What the cells of a table look like, column by column, and the schema that follows from it. docs/methods/tables.md has the
 * rules. Nothing depends on the number of threads: what is gathered is order-free (counts, extremes, sets). */
#ifndef MNK_DATA_TABLE_INFER_H
#define MNK_DATA_TABLE_INFER_H

#include "data/number_text.h"
#include "data/table_file.h"

enum { MNK_LEVELS_MAX = 1000 }; /* different texts that are remembered of one column */

/* Texts of a list "a,b,c" beside those that are known: part of mnk_table_options.missing. */
typedef struct mnk_missing_list {
    bool is_given;
    size_t n;
    mnk_cell item[64];
} mnk_missing_list;
mnk_status mnk_missing_list_parse(const char *text, mnk_missing_list *out, mnk_error *err) MNK_CHECK;
/* The empty field; listed texts; without a list NA, N/A, NaN, NULL, #N/A, <NA> in any case, and "?". */
bool mnk_is_missing_text(const mnk_missing_list *l, const mnk_cell *c);
/* Those that mean missing among numbers and dates alone: ".", "-", "--", "None". */
bool mnk_is_missing_number(const mnk_cell *c);

typedef struct mnk_number_stats { /* of the cells that are numbers in one style */
    size_t n, integral, leading_zeros, exponents;
    int decimals_low, decimals_high, significant;
    double low, high;
} mnk_number_stats;

typedef struct mnk_text_set { /* different texts, open addressing */
    size_t n, size;
    mnk_cell *slot; /* [size] */
    bool many;      /* more than MNK_LEVELS_MAX: the set is dropped */
} mnk_text_set;

typedef struct mnk_column_stats {
    size_t missing, number_missing, infinite, texts; /* number_missing: those of mnk_is_missing_number; texts: of no number */
    size_t longest, with_blanks;
    mnk_number_stats number[2]; /* by style */
    uint64_t dates[2];          /* patterns that read every cell so far */
    mnk_text_set set, missing_set;
} mnk_column_stats;

/* Gathers; *out is [columns], cleared with mnk_column_stats_clear. The cells point into the file and into `texts`. */
mnk_status mnk_table_look(const mnk_table_file *f, const mnk_missing_list *l, mnk_arena *texts, mnk_column_stats **out,
                          mnk_error *err) MNK_CHECK;
void mnk_column_stats_clear(mnk_column_stats *s, size_t columns);
void mnk_column_stats_clear_one(mnk_column_stats *s); /* the sets; not s itself */

/* The style in which a column's numbers are written; `preferred` decides what both could be (1,234). */
mnk_number_style mnk_column_style(const mnk_column_stats *s, mnk_number_style preferred);
/* The style that the unambiguous columns of a table speak for. */
mnk_number_style mnk_table_style(const mnk_column_stats *s, size_t columns);

/* The schema of the file: every column open. label and person (may be NULL) name columns with those roles. */
mnk_status mnk_schema_infer(const mnk_table_file *f, const mnk_column_stats *s, const mnk_table_options *o, mnk_schema **out,
                            mnk_error *err) MNK_CHECK;

#endif
