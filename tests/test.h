/* Every test program: cmocka's headers in the order it wants them, and the library's internals. Programs print TAP. */
#ifndef MNK_TESTS_TEST_H
#define MNK_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

/* Checks that a call succeeded and shows its message when not. */
#define assert_ok(call)                                                                                                        \
    do {                                                                                                                       \
        mnk_status status_ = (call);                                                                                           \
        if (status_ != MNK_OK) fail_msg("%s: %s", #call, err.message);                                                         \
    } while (0)

#define MNK_RUN_TESTS(name, tests)                                                                                             \
    (cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests_name(name, tests, NULL, NULL))

/* Folder for a test's files, made empty; the same string until the next call. */
const char *test_folder(const char *name);
/* Real data beside the checkout (MANIKIN_DATA or ../shared/data): the path of `name`, or NULL when absent: then skip(). */
const char *test_real_data(const char *name);

/* A file of the project itself ("examples/demo.yaml"); the same string until the next call. */
const char *test_source(const char *name);

#endif
