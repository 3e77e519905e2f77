#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "manikin/observer.h"

void mnk_error_clear(mnk_error *err) {
    if (err) *err = (mnk_error)MNK_ERROR_INIT;
}

mnk_status mnk_error_set(mnk_error *err, mnk_status code, const char *where, const char *fmt, ...) {
    if (!err || err->code != MNK_OK) return code;
    err->code = code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    snprintf(err->where, sizeof err->where, "%s", where ? where : "");
    return code;
}

void mnk_error_hint(mnk_error *err, const char *fmt, ...) {
    if (!err || err->code == MNK_OK || err->hint[0]) return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
}

int mnk_status_exit_code(mnk_status status) {
    switch (status) {
    case MNK_OK: return 0;
    case MNK_ERR_USAGE: return 2;
    case MNK_ERR_GATE: return 3;
    case MNK_ERR_INPUT:
    case MNK_ERR_VERSION: return 4;
    case MNK_ERR_INTERRUPTED: return 130;
    case MNK_ERR_FAILED:
    case MNK_ERR_MEMORY:
    case MNK_ERR_IO:
    case MNK_ERR_UNSUPPORTED: break;
    }
    return 1;
}

void mnk_observe_progress(const mnk_observer *o, const char *what, double done, double total, const char *detail) {
    if (o && o->progress) o->progress(o->ctx, what, done, total, detail ? detail : "");
}

void mnk_observe_log(const mnk_observer *o, mnk_log_level level, const char *fmt, ...) {
    if (!o || !o->log) return;
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    o->log(o->ctx, level, text);
}

bool mnk_observe_stopped(const mnk_observer *o) { return o && o->stopped && o->stopped(o->ctx); }
