#include "terminal.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_requested;

static struct {
    bool tty, quiet, verbose, colour, line_open;
    char what[64];
    double started, last_shown, first_done;
} screen;

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void on_signal(int number) {
    (void)number;
    if (stop_requested) _exit(130); /* asked twice: leave at once */
    stop_requested = 1;
}

bool terminal_colour(FILE *stream, bool no_color) {
    const char *term = getenv("TERM"), *off = getenv("NO_COLOR");
    return !no_color && !(off && *off) && !(term && strcmp(term, "dumb") == 0) && isatty(fileno(stream));
}

void terminal_finish(void) {
    if (screen.line_open) fputc('\n', stderr);
    screen.line_open = false;
}

static void time_left_text(double seconds, char out[24]) {
    if (!isfinite(seconds) || seconds < 0 || seconds > 8640000) snprintf(out, 24, "?");
    else if (seconds >= 3600) snprintf(out, 24, "%d:%02d:%02d", (int)seconds / 3600, (int)seconds / 60 % 60, (int)seconds % 60);
    else snprintf(out, 24, "%d:%02d", (int)seconds / 60, (int)seconds % 60);
}

/* A new piece of work begins when the unit changes or the count falls back. */
static void restart_if_new(const char *what, double done, double now) {
    static double last_done;
    if (strcmp(screen.what, what) != 0 || done < last_done) {
        terminal_finish();
        snprintf(screen.what, sizeof screen.what, "%s", what);
        screen.started = now;
        screen.first_done = done;
        screen.last_shown = screen.tty ? 0 : now;
    }
    last_done = done;
}

static void on_progress(void *ctx, const char *what, double done, double total, const char *detail) {
    (void)ctx;
    if (screen.quiet) return;
    double now = seconds_now();
    restart_if_new(what, done, now);
    bool last = total > 0 && done >= total;
    if (!(last && screen.tty) && now - screen.last_shown < (screen.tty ? 0.1 : 10.0)) return;
    screen.last_shown = now;
    double elapsed = now - screen.started, rate = elapsed > 0 ? (done - screen.first_done) / elapsed : 0;
    char line[400], left[24];
    int n = total > 0 ? snprintf(line, sizeof line, "%s %.0f/%.0f  %.0f%%", what, done, total, 100 * done / total)
                      : snprintf(line, sizeof line, "%s %.0f", what, done);
    if (*detail) n += snprintf(line + n, sizeof line - (size_t)n, "  %.200s", detail);
    if (rate > 0) n += snprintf(line + n, sizeof line - (size_t)n, rate >= 10 ? "  %.0f/s" : "  %.2g/s", rate);
    if (rate > 0 && total > 0) {
        time_left_text((total - done) / rate, left);
        snprintf(line + n, sizeof line - (size_t)n, last ? "  done" : "  left %s", left);
    }
    if (!screen.tty) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    struct winsize size;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col : 80;
    fprintf(stderr, "\r\033[K%.*s", columns - 1, line);
    fflush(stderr);
    screen.line_open = true;
    if (last) terminal_finish();
}

static void on_log(void *ctx, mnk_log_level level, const char *text) {
    (void)ctx;
    if ((level == MNK_LOG_DETAIL && !screen.verbose) || (level == MNK_LOG_INFO && screen.quiet)) return;
    if (screen.line_open) fputs("\r\033[K", stderr);
    screen.line_open = false;
    if (level == MNK_LOG_WARNING) fprintf(stderr, screen.colour ? "\033[33mwarning:\033[0m %s\n" : "warning: %s\n", text);
    else fprintf(stderr, "%s\n", text);
}

static bool on_stopped(void *ctx) {
    (void)ctx;
    return stop_requested != 0;
}

const mnk_observer *terminal_observer(const cli_common *common) {
    static const mnk_observer observer = {NULL, on_progress, on_log, on_stopped};
    screen.quiet = common->quiet;
    screen.verbose = common->verbose;
    screen.tty = isatty(STDERR_FILENO) && !(getenv("TERM") && strcmp(getenv("TERM"), "dumb") == 0);
    screen.colour = terminal_colour(stderr, common->no_color);
    /* On a stack of its own: kernels generated at run time (oneDNN's matrix products) may keep numbers below the stack pointer,
     * where the frame of a handler would otherwise land; the heap was found damaged after Ctrl-C in one run of six. */
    static char signal_stack[1 << 16];
    sigaltstack(&(stack_t){.ss_sp = signal_stack, .ss_size = sizeof signal_stack}, NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is reported as a failed write, not as a death */
    return &observer;
}

void terminal_error(const mnk_error *err, bool no_color, bool verbose) {
    terminal_finish();
    bool colour = terminal_colour(stderr, no_color);
    const char *word = err->code == MNK_ERR_INTERRUPTED ? "stopped" : err->code == MNK_ERR_GATE ? "gate not met" : "error";
    fprintf(stderr, colour ? "manikin: \033[1;31m%s:\033[0m %s\n" : "manikin: %s: %s\n", word, err->message);
    if (verbose && err->where[0]) fprintf(stderr, "  at: %s\n", err->where);
    if (err->hint[0]) fprintf(stderr, "  try: %s\n", err->hint);
}

void cli_next(const cli_context *c, const char *fmt, ...) {
    if (c->common.quiet) return;
    terminal_finish();
    va_list args;
    va_start(args, fmt);
    fputs(c->colour ? "\033[2mnext:\033[0m " : "next: ", stdout);
    vprintf(fmt, args);
    putchar('\n');
    va_end(args);
}
