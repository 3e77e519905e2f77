#include "judge_tables.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/result.h"
#include "manikin/rank.h"

/* The file's name without folder, split and ending; numbered when an earlier table has it. */
static void name_table(cli_judged_tables *j, size_t i, const char *path) {
    char base[48];
    snprintf(base, sizeof base, "%.47s", mnk_path_base(path));
    char *dot = strstr(base, ".csv");
    if (dot) *dot = '\0';
    snprintf(j->name[i], sizeof j->name[i], "%s", base);
    for (size_t k = 0; k < i; k++)
        if (strcmp(j->name[k], j->name[i]) == 0) snprintf(j->name[i], sizeof j->name[i], "%s (%zu)", base, i + 1);
}

mnk_status cli_open_tables(const char *train, const char *holdout, const char *const *synthetic, size_t n,
                           const mnk_table_options *options, const mnk_observer *observer, cli_judged_tables *out,
                           mnk_error *err) {
    mnk_table_options o = *options;
    *out = (cli_judged_tables){0};
    MNK_TRY(mnk_table_open(train, &o, observer, &out->train, err));
    o.schema = out->train->schema;
    if (holdout) MNK_TRY(mnk_table_open(holdout, &o, observer, &out->holdout, err));
    for (size_t i = 0; i < n; i++) {
        MNK_TRY(mnk_table_open(synthetic[i], &o, observer, &out->table[i], err));
        name_table(out, i, synthetic[i]);
        out->synthetic[i] = (mnk_synthetic_table){.name = out->name[i], .table = out->table[i]};
        out->n++;
    }
    return MNK_OK;
}

mnk_status cli_judge_tables(cli_judged_tables *j, const mnk_table_evaluate_config *evaluate,
                            const mnk_table_models_config *models, const mnk_observer *observer, mnk_error *err) {
    mnk_rank_entry entry[MNK_SYNTHETIC_MAX];
    for (size_t i = 0; i < j->n; i++) {
        if (j->n > 1) mnk_observe_log(observer, MNK_LOG_INFO, "judging %s (%zu of %zu)", j->name[i], i + 1, j->n);
        MNK_TRY(mnk_evaluate_tables(j->train, j->holdout, j->table[i], evaluate, observer, &j->result[i], err));
        MNK_TRY(mnk_table_models(j->train, j->holdout, j->table[i], models, observer, j->result[i], err));
        j->synthetic[i].result = j->result[i];
        entry[i] = (mnk_rank_entry){j->name[i], j->result[i]};
    }
    if (j->n < 2) return MNK_OK;
    MNK_TRY(mnk_result_open("evaluate", evaluate->seed, &j->ranking, err));
    return mnk_rank(entry, j->n, evaluate->level, j->ranking, err);
}

mnk_status cli_write_judged(const cli_judged_tables *j, const char *path, bool force, mnk_error *err) {
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

/* "1", "2-3" */
static void print_ranks(const cli_judged_tables *j, FILE *out) {
    fprintf(out, "\nmean rank over all measures (1 is best; a measure that cannot tell two apart gives both the same ranks)\n");
    for (size_t i = 0; i < j->n; i++) {
        const mnk_metric *m = mnk_result_find(j->ranking, "rank", "", j->name[i]);
        if (m) fprintf(out, "  %-24s %5.2f  over %zu measures\n", j->name[i], m->value, m->n);
    }
}

void cli_print_judged(const cli_judged_tables *j, FILE *out, bool colour) {
    for (size_t i = 0; i < j->n; i++) {
        if (j->n > 1) fprintf(out, "%s== %s ==\n", i ? "\n" : "", j->name[i]);
        mnk_result_print(j->result[i], out, colour);
    }
    if (j->ranking) print_ranks(j, out);
}

void cli_close_judged(cli_judged_tables *j) {
    for (size_t i = 0; i < MNK_SYNTHETIC_MAX; i++) {
        mnk_result_close(j->result[i]);
        mnk_table_close(j->table[i]);
    }
    mnk_result_close(j->ranking);
    mnk_table_close(j->holdout);
    mnk_table_close(j->train);
    *j = (cli_judged_tables){0};
}
