#include "run_study.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "key.h"
#include "terminal.h"

typedef struct shown {
    bool quiet, is_plan;
} shown;

static void duration(double s, char out[32]) {
    if (s < 9.95) snprintf(out, 32, "%.1f s", s);
    else if (s < 99.5) snprintf(out, 32, "%.0f s", s);
    else snprintf(out, 32, "%d min %02d s", (int)(s + 0.5) / 60, (int)(s + 0.5) % 60);
}

static void on_step(void *ctx, const mnk_step_event *e) {
    const shown *how = ctx;
    char time[32];
    if (how->quiet) return;
    terminal_finish();
    duration(e->wall_s, time);
    if (how->is_plan) {
        const char *what = e->state == MNK_STEP_REUSED ? "up to date" : "to do";
        printf("  %d/%d  %-30s  %s\n", e->index, e->total, e->title, what);
    } else if (e->state == MNK_STEP_STARTED) {
        fprintf(stderr, "%d/%d  %s …\n", e->index, e->total, e->title);
        return;
    } else {
        printf("%d/%d  %-30s  %s%s\n", e->index, e->total, e->title, e->state == MNK_STEP_REUSED ? "up to date, took " : "",
               time);
    }
    fflush(stdout);
}

/* Words broken at 96 columns, indented by two. */
static void print_wrapped(const char *text) {
    size_t column = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        if (column && column + 1 + n > 96) fputs("\n", stdout), column = 0;
        printf("%s%.*s", column ? " " : "  ", (int)n, p);
        column += n + 1;
        p += n + (p[n] == ' ');
    }
    fputs("\n", stdout);
}

static void print_outcome(const mnk_study_outcome *out) {
    printf("\n");
    for (int i = 0; i < out->answers; i++) print_wrapped(out->answer[i]);
    for (size_t i = 0; i < out->gates; i++) {
        char value[32];
        const mnk_gate *g = &out->gate[i];
        printf("%sthreshold %-7s %s  (%s)\n", i ? "" : "\n", g->met ? "met" : "NOT MET", g->text,
               isnan(g->value) ? g->note : mnk_double_text(g->value, value));
    }
    printf("\nreport: %s%s\n", out->report, out->is_unchanged ? "  (nothing had changed)" : "");
}

mnk_status cli_run_study(cli_context *c, const mnk_study *s, const char *dir, const char *key_path, bool no_sign,
                         const char *command, mnk_error *err) {
    mnk_key key;
    shown how = {c->common.quiet, false};
    if (c->common.threads == 0 && mnk_study_threads(s) > 0) mnk_threads_set(mnk_study_threads(s));
    if (!no_sign) MNK_TRY(cli_key_load(key_path, c->common.quiet, &key, err));
    mnk_study_run_options o = {
        .force = c->common.force, .key = no_sign ? NULL : &key, .command = command, .step = on_step, .ctx = &how};
    mnk_study_outcome out;
    if (!c->common.quiet) printf("%s\n", mnk_study_title(s));
    mnk_status status = mnk_study_run(s, dir, &o, c->observer, &out, err);
    mnk_key_clear(&key);
    terminal_finish();
    if (status == MNK_OK || status == MNK_ERR_GATE) {
        print_outcome(&out);
        cli_next(c, "manikin verify %s", dir);
    } else if (status == MNK_ERR_INTERRUPTED) {
        err->hint[0] = '\0'; /* the step's own advice speaks of other commands */
        mnk_error_hint(err, "what is done is saved; go on with: %s", command);
    }
    return status;
}

mnk_status cli_plan_study(cli_context *c, const mnk_study *s, const char *dir, mnk_error *err) {
    shown how = {false, true};
    (void)c;
    printf("%s -> %s\n", mnk_study_title(s), dir);
    MNK_TRY(mnk_study_plan(s, dir, on_step, &how, err));
    printf("\n%s\n", mnk_study_settings(s));
    return MNK_OK;
}
