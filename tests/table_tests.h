/* Tables for tests, read from what stands beside the checkout or in tests/golden. */
#ifndef MNK_TESTS_TABLE_TESTS_H
#define MNK_TESTS_TABLE_TESTS_H

#include "manikin/table.h"

/* Wisconsin diagnostic breast cancer: thirty numbers c0 … c29 and the label "class" (malignant, benign); NULL when absent. */
mnk_table *test_breast_cancer(void);
/* Every k-th row from `first` on, or all others. */
mnk_table *test_every(const mnk_table *t, size_t first, size_t k, bool others);

#endif
