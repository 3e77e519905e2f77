#include "study/generators.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/table/generator.h"

static const char baseline_name[] = "gaussian"; /* closed form: what a deep generator has to beat */

/* One line while it is read: a setting may carry a list of budgets. */
typedef struct entry {
    const mnk_study *s;
    const char *text;
    const mnk_generator_kind *kind;
    const char *setting[MNK_STUDY_SETTINGS_MAX];
    size_t settings;
    const char *budget[MNK_STUDY_BUDGETS_MAX]; /* texts of epsilon */
    size_t budgets;
    bool has_list;
} entry;

static mnk_status refuse(const entry *e, mnk_error *err, const char *what, const char *about) {
    return MNK_FAIL(err, MNK_ERR_INPUT, "%s: make.generators: \"%.80s\": %s%.80s", e->s->name, e->text, what, about);
}

static mnk_status find_kind(entry *e, const char *name, mnk_error *err) {
    const char *names[64];
    size_t n = 0;
    if ((e->kind = mnk_generator_kind_find(name))) return MNK_OK;
    while (n < 64 && mnk_table_generator_name(n)) names[n] = mnk_table_generator_name(n), n++;
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT, "%s: make.generators: there is no generator of tables \"%.40s\"", e->s->name, name);
    const char *near = mnk_nearest(name, names, n);
    mnk_error_hint(err, near ? "did you mean %s?" : "manikin help names them", near);
    return status;
}

static mnk_status add_word(entry *e, const char *word, bool after_comma, mnk_error *err) {
    const bool was_epsilon = e->settings && strncmp(e->setting[e->settings - 1], "epsilon=", 8) == 0;
    if (!strchr(word, '=')) {
        if (!after_comma || !e->settings) return refuse(e, err, "after the name setting=value is expected", "");
        if (!was_epsilon)
            return refuse(e, err, "a list of values is taken for epsilon alone, not in ", e->setting[e->settings - 1]);
        if (e->budgets == MNK_STUDY_BUDGETS_MAX) return refuse(e, err, "too many budgets: at most 8", "");
        e->budget[e->budgets++] = word, e->has_list = true;
        return MNK_OK;
    }
    if (e->settings == MNK_STUDY_SETTINGS_MAX) return refuse(e, err, "too many settings", "");
    if (strncmp(word, "epsilon=", 8) == 0) {
        if (e->budgets) return refuse(e, err, "epsilon is set twice", "");
        e->budget[e->budgets++] = word + 8;
    }
    e->setting[e->settings++] = word;
    return MNK_OK;
}

static mnk_status split_words(entry *e, mnk_error *err) {
    char *p = mnk_arena_strdup(e->s->arena, e->text);
    if (!p) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    for (bool comma = false;;) {
        const size_t gap = strspn(p, " \t,");
        comma = comma || memchr(p, ',', gap);
        p += gap;
        if (!*p) break;
        const char *word = p;
        p += strcspn(p, " \t,");
        const char mark = *p;
        if (mark) *p++ = '\0';
        MNK_TRY(e->kind ? add_word(e, word, comma, err) : find_kind(e, word, err));
        comma = mark == ',';
    }
    return e->kind ? MNK_OK : MNK_FAIL(err, MNK_ERR_INPUT, "%s: make.generators: an empty name", e->s->name);
}

/* Now, and not after other generators have worked for hours. */
static mnk_status check_settings(const entry *e, mnk_error *err) {
    mnk_option table[MNK_GENERATOR_OPTIONS];
    mnk_generator_config config;
    mnk_generator_options(e->kind, table);
    mnk_options_defaults(table, &config);
    for (size_t i = 0; i < e->settings; i++) {
        char name[128];
        mnk_error why = MNK_ERROR_INIT;
        const char *equals = strchr(e->setting[i], '=');
        snprintf(name, sizeof name, "%.*s", (int)(equals - e->setting[i] < 127 ? equals - e->setting[i] : 127), e->setting[i]);
        if (strncmp(e->setting[i], "epsilon=", 8) == 0 && e->has_list && mnk_options_find(table, name, strlen(name))) continue;
        if (mnk_options_set(table, &config, name, equals + 1, &why) == MNK_OK) continue;
        mnk_status status = refuse(e, err, "", why.message);
        if (*why.hint) mnk_error_hint(err, "%s", why.hint);
        return status;
    }
    return MNK_OK;
}

static double number_of(const entry *e, const char *name) {
    const size_t n = strlen(name);
    for (size_t i = 0; i < e->settings; i++)
        if (strncmp(e->setting[i], name, n) == 0 && e->setting[i][n] == '=') return strtod(e->setting[i] + n + 1, NULL);
    return NAN;
}

static mnk_status check_budgets(const entry *e, double epsilon[MNK_STUDY_BUDGETS_MAX], mnk_error *err) {
    for (size_t i = 0; i < e->budgets; i++) {
        char *end = NULL;
        epsilon[i] = strtod(e->budget[i], &end);
        if (end == e->budget[i] || *end || !(epsilon[i] > 0) || !isfinite(epsilon[i]))
            return refuse(e, err, "epsilon must be a number above 0, not ", e->budget[i]);
        for (size_t k = 0; k < i; k++)
            if (epsilon[k] == epsilon[i]) return refuse(e, err, "a budget is listed twice: ", e->budget[i]);
    }
    if (!(e->kind->can & MNK_KIND_PRIVATE) || (e->budgets && number_of(e, "delta") > 0)) return MNK_OK;
    mnk_status status = refuse(e, err, "a private generator needs epsilon and delta", "");
    mnk_error_hint(err, "%s epsilon=1 delta=1e-6, or several budgets: epsilon=0.1,1,10", e->kind->name);
    return status;
}

static size_t listed(const mnk_study_generators *g, const char *series, size_t before) {
    size_t n = 0;
    for (size_t i = 0; i < before; i++) n += strcmp(g->item[i].series, series) == 0;
    return n;
}

/* "mst", or of a second line "mst-2". */
static void name_series(const entry *e, const mnk_study_generators *g, char out[64]) {
    snprintf(out, 64, "%.40s", e->kind->name);
    for (size_t k = 2; listed(g, out, g->n); k++) snprintf(out, 64, "%.40s-%zu", e->kind->name, k);
}

static mnk_status add_generator(const mnk_study *s, const char *text, mnk_study_generators *g, mnk_error *err) {
    entry e = {.s = s, .text = text};
    double epsilon[MNK_STUDY_BUDGETS_MAX];
    char series[64];
    MNK_TRY(split_words(&e, err));
    MNK_TRY(check_settings(&e, err));
    MNK_TRY(check_budgets(&e, epsilon, err));
    name_series(&e, g, series);
    for (size_t b = 0; b < (e.budgets ? e.budgets : 1); b++) {
        if (g->n == MNK_STUDY_GENERATORS_MAX)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: make.generators: more than %d generators and budgets", s->name,
                            MNK_STUDY_GENERATORS_MAX);
        mnk_study_generator *k = &g->item[g->n];
        *k = (mnk_study_generator){.name = e.kind->name,
                                   .settings = e.settings,
                                   .epsilon = e.budgets ? epsilon[b] : (double)NAN,
                                   .delta = number_of(&e, "delta"),
                                   .arm = g->n};
        snprintf(k->series, sizeof k->series, "%s", series);
        if (e.has_list) snprintf(k->id, sizeof k->id, "%s-e%.6g", series, epsilon[b]);
        else snprintf(k->id, sizeof k->id, "%s", series);
        for (size_t i = 0; i < e.settings; i++) {
            const bool swept = e.has_list && strncmp(e.setting[i], "epsilon=", 8) == 0;
            k->setting[i] = swept ? mnk_arena_printf(s->arena, "epsilon=%s", e.budget[b]) : e.setting[i];
            if (!k->setting[i]) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        }
        k->is_baseline = strcmp(k->name, baseline_name) == 0 && !k->settings;
        g->n++;
    }
    g->has_sweep = g->has_sweep || e.has_list;
    return MNK_OK;
}

uint64_t mnk_study_repeat_seed(uint64_t seed, int repeat) { return seed + 100 * (uint64_t)repeat; }

static mnk_status add_repeats(const mnk_study *s, mnk_study_generators *g, mnk_error *err) {
    g->arms = g->n;
    if (g->arms * (size_t)s->make.repeats > MNK_STUDY_TABLES_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: make.repeats: %zu generators and budgets times %lld are more than %d tables",
                        s->name, g->arms, (long long)s->make.repeats, MNK_STUDY_TABLES_MAX);
    for (int r = 1; r < (int)s->make.repeats; r++)
        for (size_t i = 0; i < g->arms; i++) {
            mnk_study_generator *k = &g->item[g->n++];
            *k = g->item[i];
            k->repeat = r;
            snprintf(k->id, sizeof k->id, "%.64s-r%d", g->item[i].id, r + 1);
        }
    return MNK_OK;
}

mnk_status mnk_study_list_generators(const mnk_study *s, mnk_study_generators *out, mnk_error *err) {
    bool has_baseline = false;
    *out = (mnk_study_generators){.n = 0};
    for (size_t i = 0; i < s->make.generators.n; i++) MNK_TRY(add_generator(s, s->make.generators.items[i], out, err));
    if (!s->make.generators.n) MNK_TRY(add_generator(s, mnk_table_generator_name(0), out, err));
    for (size_t i = 0; i < out->n; i++) has_baseline = has_baseline || out->item[i].is_baseline;
    if (s->make.baseline && !has_baseline) MNK_TRY(add_generator(s, baseline_name, out, err));
    return add_repeats(s, out, err);
}

mnk_status mnk_study_check_tables(const mnk_study *s, mnk_error *err) {
    mnk_study_generators g;
    return mnk_study_list_generators(s, &g, err);
}
