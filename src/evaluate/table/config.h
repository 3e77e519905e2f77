/* The rows of the options of the judge of tables, for tables over mnk_table_evaluate_config itself and structs that hold one.
 */
#ifndef MNK_EVALUATE_TABLE_CONFIG_H
#define MNK_EVALUATE_TABLE_CONFIG_H

#include "evaluate/config.h"
#include "manikin/evaluate_table.h"

/* clang-format off */
#define MNK_TABLE_EVALUATE_ROWS(type, field) \
    {"compat", 0, MNK_OPTION_CHOICE, offsetof(type, field(compat)), "NAME", "none", 0, 0, \
     "none|synthcity|authors|both|sdmetrics|mostlyai|all", "also print what this published program computes", false}, \
    MNK_JUDGE_ROWS(type, field, "rows", ""), \
    {"pairs", 0, MNK_OPTION_INT, offsetof(type, field(pairs)), "N", "20000", 1, 20000, NULL, \
     "at most this many pairs of columns are looked at", true}, \
    {"triples", 0, MNK_OPTION_INT, offsetof(type, field(triples)), "N", "2000", 0, 1e6, NULL, \
     "at most this many triples of columns in the 3-way accuracy (mostlyai-qa: 10000)", true}, \
    {"permutations", 0, MNK_OPTION_INT, offsetof(type, field(permutations)), "N", "999", 0, 1e5, NULL, \
     "permutations behind the p-value of mmd2", true}, \
    {"mmd-items", 0, MNK_OPTION_INT, offsetof(type, field(mmd_items)), "N", "1000", 10, 5000, NULL, "at most this many rows a set in mmd2", \
     true}, \
    {"shown", 0, MNK_OPTION_INT, offsetof(type, field(shown)), "N", "20", 0, 1e6, NULL, "worst pairs of columns to name", true}, \
    {"find-rules", 0, MNK_OPTION_BOOL, offsetof(type, field(find_rules)), NULL, "true", 0, 0, NULL, \
     "look for what always holds in train and flag the synthetic rows that break it", false}, \
    {"rows-shown", 0, MNK_OPTION_INT, offsetof(type, field(rows_shown)), "N", "20", 0, 1e6, NULL, \
     "flag at most this many rows for each broken rule", true}
/* clang-format on */

extern const mnk_option mnk_table_evaluate_options[];

/* Bits of the CHOICE "compat". */
enum { MNK_COMPAT_SYNTHCITY = 1, MNK_COMPAT_AUTHORS = 2, MNK_COMPAT_SDMETRICS = 4, MNK_COMPAT_MOSTLYAI = 8 };
unsigned mnk_table_compat(int choice);

#endif
