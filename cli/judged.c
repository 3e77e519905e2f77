#include "judged.h"

#include <string.h>

#include "base/file.h"
#include "base/result.h"
#include "manikin/rank.h"

mnk_status cli_refuse_existing(const char *path, bool force, mnk_error *err) {
    if (!path || force || !mnk_path_exists(path)) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists already", path);
    mnk_error_hint(err, "choose another name, or allow overwriting with --force");
    return status;
}

mnk_status cli_judged_check(const cli_context *c, const char *train, const mnk_option_list *synthetic, const char *report,
                            const char *what, const char *example, mnk_error *err) {
    mnk_status status = MNK_OK;
    if (!train || !synthetic->n)
        status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: --%s is missing", c->verb->name, train ? "synthetic" : "train");
    else if (synthetic->n > MNK_SYNTHETIC_MAX)
        status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: %zu synthetic %s; at most %d are compared", c->verb->name, synthetic->n,
                          what, MNK_SYNTHETIC_MAX);
    if (status != MNK_OK) {
        mnk_error_hint(err, "%s", example);
        return status;
    }
    MNK_TRY(cli_refuse_existing(c->common.json, c->common.force, err));
    return cli_refuse_existing(report, c->common.force, err);
}

/* "runs/a/made.csv:train" and "runs/a/made/" are both "made". */
static void short_name(const char *path, char out[48]) {
    static const char *const endings[] = {".csv", ".npz", ".tar"};
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", path);
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) copy[n - 1] = '\0';
    snprintf(out, 48, "%.47s", mnk_path_base(copy));
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
        char *dot = strstr(out, endings[k]);
        if (dot && dot != out) *dot = '\0';
    }
}

void cli_judged_add(cli_judged *j, const char *path) {
    char base[48];
    short_name(path, base);
    snprintf(j->name[j->n], sizeof j->name[0], "%s", base);
    for (size_t k = 0; k < j->n; k++)
        if (strcmp(j->name[k], base) == 0) snprintf(j->name[j->n], sizeof j->name[0], "%s (%zu)", base, j->n + 1);
    j->n++;
}

void cli_judged_warn_same(cli_judged *j, size_t i, const char *hash, const char *train, const char *holdout) {
    const char *which = strcmp(hash, train) == 0 ? "train" : holdout && strcmp(hash, holdout) == 0 ? "holdout" : NULL;
    if (which)
        mnk_result_add_warning(
            j->result[i],
            "%s IS the %s set (equal hash %.20s…): real data, not synthetic. Every figure below is that of a "
            "copy; do not report it as a generator's",
            j->name[i], which, hash);
}

mnk_status cli_judged_rank(cli_judged *j, double level, uint64_t seed, mnk_error *err) {
    mnk_rank_entry entry[MNK_SYNTHETIC_MAX];
    if (j->n < 2) return MNK_OK;
    for (size_t i = 0; i < j->n; i++) entry[i] = (mnk_rank_entry){j->name[i], j->result[i]};
    MNK_TRY(mnk_result_open("evaluate", seed, &j->ranking, err));
    return mnk_rank(entry, j->n, level, j->ranking, err);
}

mnk_status cli_judged_write(const cli_judged *j, const char *path, bool force, mnk_error *err) {
    if (j->n == 1) return mnk_result_write(j->result[0], path, force, err);
    mnk_text t = {0};
    mnk_json out = {.text = &t};
    mnk_json_object(&out, NULL);
    mnk_json_string(&out, "format", "manikin-results");
    mnk_json_int(&out, "format_version", 1);
    mnk_json_object(&out, "results");
    for (size_t i = 0; i < j->n; i++) mnk_result_emit(j->result[i], &out, j->name[i]);
    mnk_json_end_object(&out);
    mnk_result_emit(j->ranking, &out, "ranking");
    mnk_json_end_object(&out);
    mnk_status status =
        t.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the results") : mnk_file_write(path, force, t.s, t.n, err);
    mnk_text_clear(&t);
    return status;
}

static void print_ranks(const cli_judged *j, FILE *out) {
    fprintf(out, "\nmean rank over all measures (1 is best; a measure that cannot tell two apart gives both the same ranks)\n");
    for (size_t i = 0; i < j->n; i++) {
        const mnk_metric *m = mnk_result_find(j->ranking, "rank", "", j->name[i]);
        if (m) fprintf(out, "  %-24s %5.2f  over %zu measures\n", j->name[i], m->value, m->n);
    }
}

void cli_judged_print(const cli_judged *j, FILE *out, bool colour) {
    for (size_t i = 0; i < j->n; i++) {
        if (j->n > 1) fprintf(out, "%s== %s ==\n", i ? "\n" : "", j->name[i]);
        mnk_result_print(j->result[i], out, colour);
    }
    if (j->ranking) print_ranks(j, out);
}

void cli_judged_close(cli_judged *j) {
    for (size_t i = 0; i < MNK_SYNTHETIC_MAX; i++) mnk_result_close(j->result[i]);
    mnk_result_close(j->ranking);
    *j = (cli_judged){.n = 0};
}
