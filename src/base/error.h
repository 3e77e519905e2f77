/* The library's side of <manikin/error.h>. */
#ifndef MNK_BASE_ERROR_H
#define MNK_BASE_ERROR_H

#include "manikin/error.h"

#define MNK_STR_(x) #x
#define MNK_STR(x)  MNK_STR_(x)
#define MNK_HERE    __FILE__ ":" MNK_STR(__LINE__)

/* return MNK_FAIL(err, MNK_ERR_INPUT, "%s: truncated after %zu bytes", path, n); */
#ifdef __clang_analyzer__ /* which does not follow the code through mnk_error_set, and would think a failure MNK_OK */
#define MNK_FAIL(err, code, ...) ((void)mnk_error_set((err), (code), MNK_HERE, __VA_ARGS__), (code))
#else
#define MNK_FAIL(err, code, ...) mnk_error_set((err), (code), MNK_HERE, __VA_ARGS__)
#endif

/* Returns upward when expr fails; for functions that hold nothing to release. */
#define MNK_TRY(expr)                                                                                                          \
    do {                                                                                                                       \
        mnk_status mnk_try_ = (expr);                                                                                          \
        if (mnk_try_ != MNK_OK) return mnk_try_;                                                                               \
    } while (0)

/* Jumps to the function's single `out:` label when expr fails; needs a local `mnk_status status`. */
#define MNK_OUT(expr)                                                                                                          \
    do {                                                                                                                       \
        status = (expr);                                                                                                       \
        if (status != MNK_OK) goto out;                                                                                        \
    } while (0)

#endif
