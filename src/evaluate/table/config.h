/* The rows of the options of the judge of tables, for tables over mnk_table_evaluate_config itself and structs that hold one.
 */
#ifndef MNK_EVALUATE_TABLE_CONFIG_H
#define MNK_EVALUATE_TABLE_CONFIG_H

#include "base/options.h"
#include "manikin/evaluate_table.h"

/* clang-format off */
#define MNK_TABLE_EVALUATE_ROWS(type, field) \
    {"compat", 0, MNK_OPTION_CHOICE, offsetof(type, field(compat)), "NAME", "none", 0, 0, \
     "none|synthcity|authors|both|sdmetrics|mostlyai|all", "also print what this published program computes", false}, \
    {"neighbours", 'k', MNK_OPTION_INT, offsetof(type, field(neighbours)), "K", "5", 1, 64, NULL, \
     "neighbours of precision, recall, density and coverage", true}, \
    {"max-items", 0, MNK_OPTION_INT, offsetof(type, field(max_items)), "N", "10000", 10, 1e6, NULL, \
     "at most this many rows a set in comparisons at equal n", true}, \
    {"replicates", 0, MNK_OPTION_INT, offsetof(type, field(replicates)), "N", "1000", 0, 1e6, NULL, "bootstrap replicates behind the intervals", \
     true}, \
    {"level", 0, MNK_OPTION_REAL, offsetof(type, field(level)), "SHARE", "0.95", 0.5, 0.9999, NULL, "confidence of the intervals", true}, \
    {"by-class", 0, MNK_OPTION_BOOL, offsetof(type, field(by_class)), NULL, "true", 0, 0, NULL, "also judge every class on its own", false}, \
    {"near-share", 0, MNK_OPTION_REAL, offsetof(type, field(near_share)), "SHARE", "0.01", 1e-6, 0.5, NULL, \
     "a near copy is nearer to train than all but this share of the holdout rows", true}, \
    {"never-shown", 0, MNK_OPTION_INT, offsetof(type, field(never_shown)), "N", "100", 0, 1e6, NULL, \
     "flag at most this many real rows as never generated", true}, \
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
