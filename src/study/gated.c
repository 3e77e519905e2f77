#include "study/gated.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

static void path_of(const char *dir, const char *name, char out[1200]) {
    snprintf(out, 1200, "%.1000s/results/%.100s.json", dir, name);
}

mnk_status mnk_gated_save(const char *dir, const char *name, const mnk_keep *k, const mnk_keep_report *r,
                          const mnk_result *before, const mnk_result *after, uint64_t seed, mnk_error *err) {
    char path[1200];
    mnk_result *x = NULL;
    path_of(dir, name, path);
    if (!k) return mnk_path_exists(path) ? mnk_dir_remove(path, err) : MNK_OK;
    snprintf(path, sizeof path, "%.1000s/results", dir);
    MNK_TRY(mnk_dir_make(path, err));
    path_of(dir, name, path);
    MNK_TRY(mnk_result_open("sample", seed, &x, err));
    mnk_status status = mnk_keep_counts(k, r, 0.95, x, err);
    if (status == MNK_OK && before && after) status = mnk_keep_effect(k, before, after, x, err);
    x->wall_s = NAN, x->threads = 0; /* equal runs, equal bytes */
    if (status == MNK_OK) status = mnk_result_write(x, path, true, err);
    mnk_result_close(x);
    return status;
}

/* The figures a reader asks for first; all stand in the file. */
static void add_effect(const mnk_result *x, char out[256]) {
    static const char *const ids[] = {"precision", "coverage", "authenticity"};
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
        for (size_t i = 0; i + 1 < x->metrics; i++) { /* "before" and "after" stand in pairs */
            const mnk_metric *a = &x->metric[i], *b = a + 1;
            const size_t n = strlen(out);
            if (strcmp(a->id, ids[k]) || strcmp(b->id, ids[k]) || strcmp(a->subset, "before")) continue;
            snprintf(out + n, 256 - n, "; %s %.3f to %.3f (%s)", a->id, a->value, b->value, b->verdict);
            break;
        }
}

mnk_status mnk_gated_words(const char *dir, const char *name, char out[256], mnk_error *err) {
    char path[1200];
    mnk_result *x = NULL;
    out[0] = '\0';
    path_of(dir, name, path);
    if (!mnk_path_exists(path)) return MNK_OK;
    MNK_TRY(mnk_result_read(path, &x, err));
    const mnk_metric *kept = mnk_result_find(x, "kept", "", "");
    if (kept) snprintf(out, 256, "%s drawn kept (%.1f %%)", kept->note, 100 * kept->value);
    for (size_t i = 0, n = 0; i < x->metrics; i++) {
        const mnk_metric *m = &x->metric[i];
        const size_t at = strlen(out);
        if (strcmp(m->id, "dropped") == 0)
            snprintf(out + at, 256 - at, "%s %.0f by %s", n++ ? "," : "; fall:", m->value * (double)m->n, m->subset);
    }
    add_effect(x, out);
    mnk_result_close(x);
    return MNK_OK;
}

mnk_status mnk_gated_judge(const mnk_table *train, const mnk_table *holdout, const mnk_table *rows,
                           const mnk_table_evaluate_config *config, const mnk_observer *observer, mnk_result **out,
                           mnk_error *err) {
    mnk_table_evaluate_config c = *config;
    mnk_table *same = NULL;
    c.by_class = c.find_rules = false;
    c.permutations = 0, c.shown = 0, c.never_shown = 0;
    MNK_TRY(mnk_keep_on_schema(rows, train->schema, &same, err));
    mnk_status status = mnk_evaluate_tables(train, holdout, same, &c, observer, out, err);
    mnk_table_close(same);
    return status;
}
