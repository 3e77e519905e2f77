/* How a long computation tells its caller what it does, and how the caller stops it. */
#ifndef MANIKIN_OBSERVER_H
#define MANIKIN_OBSERVER_H

#include <stdbool.h>

#include "manikin/error.h"

typedef enum mnk_log_level { MNK_LOG_DETAIL, MNK_LOG_INFO, MNK_LOG_WARNING } mnk_log_level;

/* Every member may be NULL, and so may the observer. Calls come from the thread that called the library. */
typedef struct mnk_observer {
    void *ctx;
    /* `done` of `total` units of `what` ("epoch", "image"); total 0 when unknown; detail is one short line or "". */
    void (*progress)(void *ctx, const char *what, double done, double total, const char *detail);
    void (*log)(void *ctx, mnk_log_level level, const char *text);
    bool (*stopped)(void *ctx); /* true asks the computation to save and return MNK_ERR_INTERRUPTED */
} mnk_observer;

MNK_API void mnk_observe_progress(const mnk_observer *o, const char *what, double done, double total, const char *detail);
MNK_API void mnk_observe_log(const mnk_observer *o, mnk_log_level level, const char *fmt, ...) MNK_PRINTF(3, 4);
MNK_API bool mnk_observe_stopped(const mnk_observer *o);

#endif
