/* Errors: a status code to branch on and a caller-owned record to read. */
#ifndef MANIKIN_ERROR_H
#define MANIKIN_ERROR_H

#if defined(__GNUC__)
#define MNK_API               __attribute__((visibility("default")))
#define MNK_CHECK             __attribute__((warn_unused_result))
#define MNK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define MNK_API
#define MNK_CHECK
#define MNK_PRINTF(fmt, args)
#endif

/* Codes 0-99 never change their meaning. mnk_status_exit_code() maps them to the program's exit codes. */
typedef enum mnk_status {
    MNK_OK = 0,
    MNK_ERR_FAILED = 1,      /* failed while running: a library call, a limit of the system */
    MNK_ERR_USAGE = 2,       /* wrong argument or option */
    MNK_ERR_GATE = 3,        /* ran well, but a threshold set before the run was not met */
    MNK_ERR_INPUT = 4,       /* input data refused: missing, damaged, inconsistent, hostile */
    MNK_ERR_MEMORY = 5,      /* not enough memory, said before or while running */
    MNK_ERR_IO = 6,          /* reading or writing failed: disk full, permissions */
    MNK_ERR_VERSION = 7,     /* file written by a newer version */
    MNK_ERR_UNSUPPORTED = 8, /* this build cannot do it; the hint says how to turn it on */
    MNK_ERR_INTERRUPTED = 9  /* stopped on request; what was done is saved */
} mnk_status;

/* The first error wins: setting an error that is already set does nothing.
 * `message` says what and where in the input (file, row, column, item) and why; `hint` says what to do, or is empty.
 * Initialise with MNK_ERROR_INIT or mnk_error_clear(). */
typedef struct mnk_error {
    mnk_status code;
    char message[1024];
    char hint[256];
    char where[64]; /* source file:line, for bug reports */
} mnk_error;

#define MNK_ERROR_INIT                                                                                                         \
    { MNK_OK, "", "", "" }

MNK_API void mnk_error_clear(mnk_error *err);

/* Records an error unless one is recorded already; returns `code`, so that `return MNK_FAIL(...)` reads well. */
MNK_API mnk_status mnk_error_set(mnk_error *err, mnk_status code, const char *where, const char *fmt, ...) MNK_PRINTF(4, 5);

/* Adds the advice line; only the first hint is kept. */
MNK_API void mnk_error_hint(mnk_error *err, const char *fmt, ...) MNK_PRINTF(2, 3);

/* Exit code of the program for a status: 0 done, 1 failed, 2 usage, 3 gate, 4 input refused, 130 interrupted. */
MNK_API int mnk_status_exit_code(mnk_status status);

#endif
