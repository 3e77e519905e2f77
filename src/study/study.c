/* From text to a checked study. */
#include "study/study.h"
#include "manikin/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/yaml.h"
#include "evaluate/config.h"
#include "evaluate/models/config.h"
#include "evaluate/table/config.h"
#include "evaluate/usefulness.h"
#include "learn/classifier/config.h"
#include "learn/gan/config.h"
#include "study/generators.h"
#include "study/study_audit.h"

#define STUDY_VERSION 1
#define DATA(f)       offsetof(mnk_study_data, f)

const mnk_option mnk_study_data_options[] = {
    {"path", 0, MNK_OPTION_PATH, DATA(path), "DATA", NULL, 0, 0, NULL, "folder, manifest.csv, .npz or .tar", false},
    {"simulate", 0, MNK_OPTION_TEXT, DATA(simulate), "NAME", NULL, 0, 0, NULL, "a forward model instead of data: histology",
     false},
    {"n", 0, MNK_OPTION_INT, DATA(n), "N", "2400", 1, 1e7, NULL, "images to simulate", false},
    {"size", 0, MNK_OPTION_INT, DATA(size), "PX", "0", 0, 4096, NULL, "resize to PX x PX (0: as they are)", false},
    {"channels", 0, MNK_OPTION_INT, DATA(channels), "N", "0", 0, 3, NULL, "1 grey, 3 colour (0: as they are)", false},
    {"skip-bad", 0, MNK_OPTION_BOOL, DATA(skip_bad), NULL, "false", 0, 0, NULL,
     "leave out unreadable images instead of refusing", false},
    {"groups-within-class", 0, MNK_OPTION_BOOL, DATA(groups_within_class), NULL, "false", 0, 0, NULL,
     "group names start again in every class", true},
    {"label-column", 0, MNK_OPTION_TEXT, DATA(label_column), "NAME", NULL, 0, 0, NULL, "column of manifest.csv with the class",
     true},
    {"group-column", 0, MNK_OPTION_TEXT, DATA(group_column), "NAME", NULL, 0, 0, NULL, "column with the person or source group",
     false},
    {"split-column", 0, MNK_OPTION_TEXT, DATA(split_column), "NAME", NULL, 0, 0, NULL, "column with train, val, test, holdout",
     true},
    {"val", 0, MNK_OPTION_REAL, DATA(val), "SHARE", "0.1", 0, 0.9, NULL, "share cut for validation where the data name none",
     false},
    {"holdout", 0, MNK_OPTION_REAL, DATA(holdout), "SHARE", "0.2", 0, 0.9, NULL,
     "share held out for baselines where the data name none", false},
    {"test", 0, MNK_OPTION_REAL, DATA(test), "SHARE", "0.2", 0, 0.9, NULL, "share cut for the test where the data name none",
     false},
    {"classes", 0, MNK_OPTION_LIST, DATA(classes), "NAME", NULL, 0, 0, NULL,
     "names of the classes, where the data only number them", false},
    {"keep", 0, MNK_OPTION_LIST, DATA(keep), "CLASS=SHARE", NULL, 0, 0, NULL,
     "keep this share of the training images of a class (*: of every other class)", false},
    {"rarest", 0, MNK_OPTION_TEXT, DATA(rarest), "CLASS", NULL, 0, 0, NULL,
     "the class the answer speaks of (default: fewest training images)", true},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

static const mnk_option top_options[] = {
    {"title", 0, MNK_OPTION_TEXT, offsetof(mnk_study_top, title), "TEXT", "A study", 0, 0, NULL, "headline of the report",
     false},
    {"seed", 0, MNK_OPTION_INT, offsetof(mnk_study_top, seed), "N", "1", 0, 9007199254740992.0, NULL, "of every random number",
     false},
    {"threads", 0, MNK_OPTION_INT, offsetof(mnk_study_top, threads), "N", "0", 0, 1024, NULL, "0: as many as the machine has",
     false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

static const mnk_option sample_options[] = {
    {"per-class", 0, MNK_OPTION_INT, offsetof(mnk_study_sample, per_class), "N", "500", 1, 1e7, NULL,
     "synthetic images of every class", false},
    {"format", 0, MNK_OPTION_CHOICE, offsetof(mnk_study_sample, format), "NAME", "npz", 0, 0, "npz|folder|tar",
     "how they are written", false},
    {"keep", 0, MNK_OPTION_TEXT, offsetof(mnk_study_sample, keep), "WORDS", NULL, 0, 0, NULL,
     "draw until so many images pass: authentic, alpha=A, inside, no-copy, distance>=D", false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

static const mnk_option repeat_options[] = {
    {"subsets", 0, MNK_OPTION_INT, offsetof(mnk_study_repeat, subsets), "N", "1", 1, 100, NULL,
     "training subsets drawn by data.keep and learning-curve, each judged for usefulness", false},
    {"generators", 0, MNK_OPTION_INT, offsetof(mnk_study_repeat, generators), "N", "1", 1, 100, NULL,
     "generators trained on each subset", false},
    {"learning-curve", 0, MNK_OPTION_LIST, offsetof(mnk_study_repeat, curve), "N", NULL, 0, 0, NULL,
     "usefulness again with at most N training images a class", false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

static const mnk_option report_options[] = {
    {"hide-real", 0, MNK_OPTION_BOOL, offsetof(mnk_study_report, hide_real), NULL, "false", 0, 0, NULL,
     "show no real image in the report", false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

#define TABLE(f) offsetof(mnk_study_table_data, f)
static const mnk_option table_data_options[] = {
    {"path", 0, MNK_OPTION_PATH, TABLE(path), "CSV", NULL, 0, 0, NULL, "a table with a heading, .csv or .csv.gz", false},
    {"schema", 0, MNK_OPTION_PATH, TABLE(schema), "FILE", NULL, 0, 0, NULL,
     "its schema [NAME.schema.yaml beside it, else inferred]", false},
    {"label", 0, MNK_OPTION_TEXT, TABLE(label), "COLUMN", NULL, 0, 0, NULL, "the outcome [by the schema]", false},
    {"person", 0, MNK_OPTION_TEXT, TABLE(person), "COLUMN", NULL, 0, 0, NULL,
     "rows with the same value belong to one person [by the schema]", false},
    {"missing", 0, MNK_OPTION_TEXT, TABLE(missing), "LIST", NULL, 0, 0, NULL, "texts that mean \"missing\" in every column",
     true},
    {"holdout", 0, MNK_OPTION_REAL, TABLE(holdout), "SHARE", "0.3", 0.01, 0.9, NULL,
     "share of persons held out where the table names no split: baselines, and the test set of usefulness", false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

static const mnk_option make_options[] = {
    {"generators", 0, MNK_OPTION_LIST, offsetof(mnk_study_make, generators), "NAME", NULL, 0, 0, NULL,
     "what makes the synthetic tables: \"arf\", \"ctgan epochs=100\", \"mst epsilon=0.1,1,10 delta=1e-6\"", false},
    {"rows", 0, MNK_OPTION_INT, offsetof(mnk_study_make, rows), "N", "0", 0, 1e9, NULL,
     "rows of each synthetic table (0: as many as train)", false},
    {"repeats", 0, MNK_OPTION_INT, offsetof(mnk_study_make, repeats), "N", "1", 1, 20, NULL,
     "make and judge everything so many times: intervals then contain the generator's own randomness", false},
    {"keep", 0, MNK_OPTION_TEXT, offsetof(mnk_study_make, keep), "WORDS", NULL, 0, 0, NULL,
     "draw until so many rows pass: authentic, alpha=A, inside, no-copy, distance>=D", false},
    {"baseline", 0, MNK_OPTION_BOOL, offsetof(mnk_study_make, baseline), NULL, "true", 0, 0, NULL,
     "also the closed-form generator that the others have to beat", true},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

const mnk_study_section mnk_study_table_sections[] = {
    {"data", table_data_options, offsetof(mnk_study, table_data), 0, NULL},
    {"make", make_options, offsetof(mnk_study, make), 0, NULL},
    {"evaluate", mnk_table_evaluate_options, offsetof(mnk_study, table_evaluate), 0, NULL},
    {"usefulness", mnk_table_models_options, offsetof(mnk_study, models), offsetof(mnk_study, no_usefulness), NULL},
    {"audit", mnk_study_audit_table_options, offsetof(mnk_study, audit), offsetof(mnk_study, no_audit), NULL, true},
    {"report", report_options, offsetof(mnk_study, report), 0, NULL},
    {NULL, NULL, 0, 0, NULL},
};

static const char *const gan_refused[] = {"size", "channels", "skip-bad", "resume", NULL};
static const char *const usefulness_refused[] = {"balanced", "augment", NULL};

const mnk_study_section mnk_study_sections[] = {
    {"data", mnk_study_data_options, offsetof(mnk_study, data), 0, NULL},
    {"simulate", NULL, 0, 0, NULL},
    {"gan", mnk_gan_options, offsetof(mnk_study, gan), 0, gan_refused},
    {"sample", sample_options, offsetof(mnk_study, sample), 0, NULL},
    {"classifier", mnk_classifier_options, offsetof(mnk_study, classifier), offsetof(mnk_study, no_classifier), NULL},
    {"evaluate", mnk_evaluate_options, offsetof(mnk_study, evaluate), offsetof(mnk_study, no_evaluate), NULL},
    {"usefulness", mnk_usefulness_options, offsetof(mnk_study, usefulness), offsetof(mnk_study, no_usefulness),
     usefulness_refused},
    {"repeat", repeat_options, offsetof(mnk_study, repeat), 0, NULL},
    {"audit", mnk_study_audit_options, offsetof(mnk_study, audit), offsetof(mnk_study, no_audit), NULL, true},
    {"report", report_options, offsetof(mnk_study, report), 0, NULL},
    {NULL, NULL, 0, 0, NULL},
};

const mnk_option *mnk_study_table(const mnk_study *s, const mnk_study_section *section) {
    if (section->table) return section->table;
    return s->simulator ? s->simulator->table : NULL;
}

void *mnk_study_config(mnk_study *s, const mnk_study_section *section) {
    return section->table ? (char *)s + section->offset : s->simulator_config;
}

static const mnk_study_section *find_section(const mnk_study *s, const char *name) {
    for (const mnk_study_section *k = s->sections; k->name; k++)
        if (strcmp(k->name, name) == 0) return k;
    return NULL;
}

/* ---- messages ---- */
typedef struct place {
    const char *name;
    int line, column; /* 0: --set */
} place;

static mnk_status fail_at(place p, mnk_error *err, const char *fmt, ...) MNK_PRINTF(3, 4);
static mnk_status fail_at(place p, mnk_error *err, const char *fmt, ...) {
    char text[768];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return p.line ? MNK_FAIL(err, MNK_ERR_INPUT, "%s:%d:%d: %s", p.name, p.line, p.column, text)
                  : MNK_FAIL(err, MNK_ERR_USAGE, "--set %s: %s", p.name, text);
}

/* The option parser speaks of flags ("--kimg x: expected a number"); a study speaks of keys. */
static const char *without_flag(const char *message) {
    const char *colon = strncmp(message, "--", 2) == 0 ? strstr(message, ": ") : NULL;
    return colon ? colon + 2 : message;
}

static const char *near_option(const mnk_option *table, const char *word) {
    const char *names[256];
    size_t n = 0;
    for (const mnk_option *o = table; o && o->type != MNK_OPTION_END && n < 256; o++) names[n++] = o->name;
    return mnk_nearest(word, names, n);
}

static mnk_status unknown(place p, mnk_error *err, const char *section, const char *key, const char *near) {
    return near
               ? fail_at(p, err, "unknown key \"%.100s\"%s%s; did you mean \"%s\"?", key, *section ? " in " : "", section, near)
               : fail_at(p, err, "unknown key \"%.100s\"%s%s", key, *section ? " in " : "", section);
}

/* ---- values ---- */
static bool is_off(const char *text) { return !strcmp(text, "off") || !strcmp(text, "false") || !strcmp(text, "no"); }

/* Paths in the file count from the file's folder. */
static const char *resolve(const mnk_study *s, const char *path, place p) {
    if (!p.line || !s->folder || *path == '/') return path;
    return mnk_arena_printf(s->arena, "%s/%s", s->folder, path);
}

static mnk_status set_value(mnk_study *s, const char *section, const mnk_option *table, void *config, const char *key,
                            const char *value, place p, mnk_error *err) {
    const mnk_option *o = mnk_options_find(table, key, strlen(key));
    if (!o) return unknown(p, err, section, key, near_option(table, key));
    if (o->type == MNK_OPTION_PATH && !(value = resolve(s, value, p))) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    if (!*value && o->type != MNK_OPTION_TEXT)
        return fail_at(p, err, "%s%s%s: a value is missing", section, *section ? "." : "", key);
    mnk_error inner = MNK_ERROR_INIT;
    if (mnk_options_set(table, config, key, value, &inner) == MNK_OK) return MNK_OK;
    return fail_at(p, err, "%s%s%s: \"%.100s\": %s", section, *section ? "." : "", key, value, without_flag(inner.message));
}

static bool is_refused(const mnk_study_section *section, const char *key) {
    for (const char *const *r = section->refused; r && *r; r++)
        if (strcmp(*r, key) == 0) return true;
    return false;
}

static mnk_status set_in_section(mnk_study *s, const mnk_study_section *section, const char *key, const char *value, place p,
                                 mnk_error *err) {
    const mnk_option *table = mnk_study_table(s, section);
    if (!table) return fail_at(p, err, "the section \"simulate\" needs data.simulate, which names the forward model");
    if (is_refused(section, key)) {
        const char *why = section->refused == usefulness_refused ? "%s.%s: the arms decide this, each for itself"
                          : strcmp(key, "resume")                ? "%s.%s is set in the section data"
                                                                 : "%s.%s: a study decides this by itself";
        return fail_at(p, err, why, section->name, key);
    }
    return set_value(s, section->name, table, mnk_study_config(s, section), key, value, p, err);
}

static mnk_status set_list(mnk_study *s, const mnk_study_section *section, const mnk_yaml *entry, place p, mnk_error *err) {
    const mnk_option *table = mnk_study_table(s, section),
                     *o = table ? mnk_options_find(table, entry->key, strlen(entry->key)) : NULL;
    if (table && !o) return unknown(p, err, section->name, entry->key, near_option(table, entry->key));
    if (!o || o->type != MNK_OPTION_LIST)
        return fail_at(p, err, "%s.%s takes one value, not a list", section->name, entry->key);
    for (const mnk_yaml *i = entry->first; i; i = i->next) {
        place at = {p.name, i->line, i->column};
        if (i->kind != MNK_YAML_TEXT)
            return fail_at(at, err, "%s.%s: a list of plain values is expected", section->name, entry->key);
        MNK_TRY(set_in_section(s, section, entry->key, i->text, at, err));
    }
    return MNK_OK;
}

static mnk_status read_section(mnk_study *s, const mnk_study_section *section, const mnk_yaml *node, mnk_error *err) {
    place here = {s->name, node->value_line, node->value_column};
    if (node->kind == MNK_YAML_TEXT && is_off(node->text) && section->off_offset) {
        *(bool *)((char *)s + section->off_offset) = true;
        return MNK_OK;
    }
    if (section->starts_off) *(bool *)((char *)s + section->off_offset) = false;
    if (node->kind == MNK_YAML_TEXT && !*node->text) return MNK_OK; /* "gan:" alone: all defaults */
    if (node->kind != MNK_YAML_MAP)
        return fail_at(here, err, "%s: \"key: value\" lines are expected below it%s", section->name,
                       section->off_offset ? ", or \"off\"" : "");
    if (!mnk_study_table(s, section))
        return fail_at(here, err, "the section \"simulate\" needs data.simulate, which names the forward model");
    for (const mnk_yaml *c = node->first; c; c = c->next) {
        place p = {s->name, c->line, c->column};
        if (c->kind == MNK_YAML_MAP) return fail_at(p, err, "%s.%s takes a value, not a section", section->name, c->key);
        if (c->kind == MNK_YAML_LIST) MNK_TRY(set_list(s, section, c, p, err));
        else MNK_TRY(set_in_section(s, section, c->key, c->text, p, err));
    }
    return MNK_OK;
}

static mnk_status add_gate(mnk_study *s, const char *text, place p, mnk_error *err) {
    if (s->gates == sizeof s->gate / sizeof *s->gate) return fail_at(p, err, "gate: more than %zu thresholds", s->gates);
    mnk_error inner = MNK_ERROR_INIT;
    if (mnk_gate_parse(text, s->arena, &s->gate[s->gates], &inner) != MNK_OK) {
        mnk_status status = fail_at(p, err, "gate: %s", inner.message);
        mnk_error_hint(err, "%s", inner.hint);
        return status;
    }
    s->gates++;
    return MNK_OK;
}

static mnk_status read_gates(mnk_study *s, const mnk_yaml *node, mnk_error *err) {
    if (node->kind != MNK_YAML_LIST)
        return fail_at((place){s->name, node->line, node->column}, err,
                       "gate: a list of thresholds is expected, one \"- metric >= number\" a line");
    for (const mnk_yaml *c = node->first; c; c = c->next) {
        place p = {s->name, c->line, c->column};
        if (c->kind != MNK_YAML_TEXT) return fail_at(p, err, "gate: \"metric >= number\" is expected");
        MNK_TRY(add_gate(s, c->text, p, err));
    }
    return MNK_OK;
}

static mnk_status check_version(const mnk_study *s, const mnk_yaml *root, mnk_error *err) {
    const mnk_yaml *v = mnk_yaml_get(root, "manikin");
    char *end = NULL;
    long version = v && v->kind == MNK_YAML_TEXT ? strtol(v->text, &end, 10) : 0;
    if (!v)
        return fail_at((place){s->name, 1, 1}, err, "the line \"manikin: %d\" is missing; it names the version of the format",
                       STUDY_VERSION);
    place p = {s->name, v->value_line, v->value_column};
    if (!end || end == v->text || *end || version < 1)
        return fail_at(p, err, "manikin: the version of the format is expected, %d", STUDY_VERSION);
    if (version > STUDY_VERSION)
        return MNK_FAIL(err, MNK_ERR_VERSION, "%s:%d:%d: study format %ld; this manikin (%s) reads up to %d", p.name, p.line,
                        p.column, version, MNK_VERSION, STUDY_VERSION);
    return MNK_OK;
}

static mnk_status set_simulator(mnk_study *s, place p, mnk_error *err) {
    mnk_error inner = MNK_ERROR_INIT;
    s->simulator = mnk_simulator_find(s->data.simulate, &inner);
    if (!s->simulator) return fail_at(p, err, "data.simulate: %s", inner.message);
    if (!s->simulator->images) return fail_at(p, err, "data.simulate: %s makes no images", s->data.simulate);
    s->simulator_config = mnk_arena_alloc(s->arena, s->simulator->config_size);
    if (!s->simulator_config) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    memset(s->simulator_config, 0, s->simulator->config_size);
    mnk_options_defaults(s->simulator->table, s->simulator_config);
    return MNK_OK;
}

static mnk_status read_top(mnk_study *s, const mnk_yaml *root, mnk_error *err) {
    for (const mnk_yaml *c = root->first; c; c = c->next) {
        place p = {s->name, c->line, c->column};
        if (!strcmp(c->key, "manikin") || !strcmp(c->key, "gate") || find_section(s, c->key)) continue;
        const mnk_option *o = mnk_options_find(top_options, c->key, strlen(c->key));
        if (o && c->kind != MNK_YAML_TEXT) return fail_at(p, err, "%s takes one value", c->key);
        if (o) {
            MNK_TRY(set_value(s, "", top_options, &s->top, c->key, c->text, p, err));
            continue;
        }
        const char *names[16] = {"manikin", "gate", "title", "seed", "threads"};
        size_t n = 5;
        for (const mnk_study_section *k = s->sections; k->name; k++) names[n++] = k->name;
        return unknown(p, err, "", c->key, mnk_nearest(c->key, names, n));
    }
    return MNK_OK;
}

/* Data first, because it names the forward model whose options the section simulate takes. */
static mnk_status read_sections(mnk_study *s, const mnk_yaml *root, const char *const *set, size_t n, mnk_error *err) {
    for (const mnk_study_section *k = s->sections; k->name; k++) {
        const mnk_yaml *node = mnk_yaml_get(root, k->name);
        /* the arms are the yardstick classifier too, unless the study says otherwise */
        if (!s->is_table && strcmp(k->name, "usefulness") == 0) s->usefulness.classifier = s->classifier;
        if (node) MNK_TRY(read_section(s, k, node, err));
        for (size_t i = 0; i < n; i++) {
            const char *dot = strchr(set[i], '.'), *equals = strchr(set[i], '=');
            size_t length = strlen(k->name);
            if (!equals) continue;
            const char *key_end = equals, *value = equals + 1;
            place p = {set[i], 0, 0};
            if ((size_t)(equals - set[i]) == length && memcmp(set[i], k->name, length) == 0 && k->off_offset && is_off(value)) {
                *(bool *)((char *)s + k->off_offset) = true;
            } else if (dot && dot < equals && (size_t)(dot - set[i]) == length && memcmp(set[i], k->name, length) == 0) {
                const char *key = mnk_arena_printf(s->arena, "%.*s", (int)(key_end - dot - 1), dot + 1),
                           *copy = mnk_arena_strdup(s->arena, value);
                if (!key || !copy) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
                MNK_TRY(set_in_section(s, k, key, copy, p, err));
                if (k->starts_off) *(bool *)((char *)s + k->off_offset) = false;
            }
        }
        if (strcmp(k->name, "data") == 0 && s->data.simulate) {
            const mnk_yaml *at = mnk_yaml_get(node, "simulate");
            MNK_TRY(set_simulator(
                s, (place){at ? s->name : s->data.simulate, at ? at->value_line : 0, at ? at->value_column : 0}, err));
        }
    }
    return MNK_OK;
}

/* --set of top-level keys, gates, and those that fit nothing. */
static mnk_status set_top(mnk_study *s, const char *const *set, size_t n, mnk_error *err) {
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(set[i], '=');
        place p = {set[i], 0, 0};
        if (!equals || equals == set[i]) return fail_at(p, err, "expected section.key=value");
        char *key = mnk_arena_printf(s->arena, "%.*s", (int)(equals - set[i]), set[i]),
             *value = mnk_arena_strdup(s->arena, equals + 1);
        if (!key || !value) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        if (strcmp(key, "gate") == 0) {
            MNK_TRY(add_gate(s, value, p, err));
            continue;
        }
        char *dot = strchr(key, '.');
        if (dot) *dot = '\0';
        const mnk_study_section *section = find_section(s, key);
        if (!dot && section && section->off_offset && is_off(value)) continue;
        if (dot && section) continue; /* done with its section */
        if (dot || section) return fail_at(p, err, section ? "expected %s.key=value" : "there is no section \"%s\"", key);
        MNK_TRY(set_value(s, "", top_options, &s->top, key, value, p, err));
    }
    return MNK_OK;
}

static mnk_status read_curve(mnk_study *s, mnk_error *err) {
    const mnk_option_list *list = &s->repeat.curve;
    if (list->n > MNK_CURVE_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: repeat.learning-curve: %zu sizes; at most %d", s->name, list->n,
                        MNK_CURVE_MAX);
    for (size_t i = 0; i < list->n; i++) {
        char *end = NULL;
        double v = strtod(list->items[i], &end);
        if (end == list->items[i] || *end || !(v >= 2 && v <= 1e7) || v != (double)(int64_t)v ||
            (i && v <= (double)s->curve[i - 1]))
            return MNK_FAIL(
                err, MNK_ERR_INPUT,
                "%s: repeat.learning-curve: \"%.40s\": whole numbers from 2 on in rising order are expected, the most "
                "training images of a class",
                s->name, list->items[i]);
        s->curve[s->curves++] = (int64_t)v;
    }
    if (s->repeat.subsets == 1 || s->data.keep.n || s->curves) return MNK_OK;
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT, "%s: repeat.subsets: every subset would be the whole training set", s->name);
    mnk_error_hint(err, "data.keep (\"*=50%%\" for all classes) or repeat.learning-curve says what is drawn");
    return status;
}

static mnk_status check_keep(const mnk_study *s, mnk_error *err) {
    const char *keep = s->is_table ? s->make.keep : s->sample.keep;
    mnk_error inner = MNK_ERROR_INIT;
    mnk_keep k;
    if (!keep || mnk_keep_parse(keep, &k, &inner) == MNK_OK) return MNK_OK;
    return MNK_FAIL(err, MNK_ERR_INPUT, "%s: %s.%s", s->name, s->is_table ? "make" : "sample", inner.message);
}

static mnk_status check_whole(mnk_study *s, mnk_error *err) {
    MNK_TRY(check_keep(s, err));
    if (s->is_table) MNK_TRY(mnk_study_check_tables(s, err));
    MNK_TRY(mnk_study_check_audit(s, err));
    if (s->is_table) return MNK_OK;
    if (!s->data.path == !s->data.simulate) {
        mnk_status status = MNK_FAIL(
            err, MNK_ERR_INPUT,
            s->data.path ? "%s: data.path and data.simulate exclude each other" : "%s: the study names no data", s->name);
        mnk_error_hint(err, "under \"data:\" give either \"path: DATA\" or \"simulate: histology\"");
        return status;
    }
    mnk_error inner = MNK_ERROR_INIT;
    if (s->simulator && s->simulator->check && s->simulator->check(s->simulator_config, &inner) != MNK_OK)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: simulate: %s", s->name, without_flag(inner.message));
    if (mnk_gan_config_check(&s->gan, &inner) != MNK_OK)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: gan: %s", s->name, without_flag(inner.message));
    if (!s->no_usefulness && mnk_usefulness_check(&s->usefulness, &inner) != MNK_OK)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: %s", s->name, inner.message);
    return read_curve(s, err);
}

void mnk_study_section_json(const mnk_study *s, const char *section, mnk_text *out) {
    const mnk_study_section *k = find_section(s, section);
    const mnk_option *table = k ? mnk_study_table(s, k) : NULL;
    mnk_json j = {.text = out, .compact = true};
    mnk_json_object(&j, NULL);
    if (table) mnk_options_write(table, mnk_study_config((mnk_study *)s, k), &j);
    mnk_json_end_object(&j);
}

static mnk_status write_settings(mnk_study *s, mnk_error *err) {
    mnk_text t = {0};
    mnk_json j = {.text = &t};
    mnk_json_object(&j, NULL);
    mnk_json_string(&j, "title", s->top.title);
    mnk_json_int(&j, "seed", s->top.seed);
    for (const mnk_study_section *k = s->sections; k->name; k++) {
        const mnk_option *table = mnk_study_table(s, k);
        if (!table) continue;
        if (k->off_offset && *(const bool *)((const char *)s + k->off_offset)) {
            mnk_json_bool(&j, k->name, false);
            continue;
        }
        mnk_json_object(&j, k->name);
        mnk_options_write(table, mnk_study_config(s, k), &j);
        mnk_json_end_object(&j);
    }
    mnk_json_array(&j, "gate");
    for (size_t i = 0; i < s->gates; i++) mnk_json_string(&j, NULL, s->gate[i].text);
    mnk_json_end_array(&j);
    mnk_json_end_object(&j);
    while (t.n && t.s[t.n - 1] == '\n') t.s[--t.n] = '\0';
    s->settings = t.failed ? NULL : mnk_arena_strdup(s->arena, t.s);
    mnk_text_clear(&t);
    return s->settings ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
}

/* A study is one of tables when its data are: the last data.path counts. */
static bool names_table(const mnk_yaml *root, const char *const *set, size_t n) {
    const mnk_yaml *data = mnk_yaml_get(root, "data"),
                   *path = data && data->kind == MNK_YAML_MAP ? mnk_yaml_get(data, "path") : NULL;
    const char *last = path && path->kind == MNK_YAML_TEXT ? path->text : "";
    for (size_t i = 0; i < n; i++)
        if (strncmp(set[i], "data.path=", 10) == 0) last = set[i] + 10;
    return mnk_is_table(last);
}

static const mnk_yaml_format study_format = {"study", "manikin: 1", MNK_STUDY_BYTES_MAX, 10000};

mnk_status mnk_study_parse(const char *text, size_t bytes, const char *name, const char *folder, const char *const *set,
                           size_t n, mnk_study **out, mnk_error *err) {
    *out = NULL;
    mnk_study *s = NULL;
    mnk_yaml *root = NULL;
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(s, 1, err));
    if (!(s->arena = mnk_arena_open()) || !(s->name = mnk_arena_strdup(s->arena, name)) ||
        !(s->text = mnk_arena_alloc(s->arena, bytes + 1)) || (folder && !(s->folder = mnk_arena_strdup(s->arena, folder))))
        MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory"));
    memcpy((char *)s->text, text, bytes);
    ((char *)s->text)[bytes] = '\0';
    mnk_options_defaults(top_options, &s->top);
    MNK_OUT(mnk_yaml_parse(text, bytes, s->name, &study_format, s->arena, &root, err));
    s->is_table = names_table(root, set, n);
    s->sections = s->is_table ? mnk_study_table_sections : mnk_study_sections;
    for (const mnk_study_section *k = s->sections; k->name; k++) {
        if (k->table) mnk_options_defaults(k->table, mnk_study_config(s, k));
        if (k->starts_off) *(bool *)((char *)s + k->off_offset) = true;
    }
    MNK_OUT(check_version(s, root, err));
    MNK_OUT(read_top(s, root, err));
    MNK_OUT(set_top(s, set, n, err));
    MNK_OUT(read_sections(s, root, set, n, err));
    const mnk_yaml *gate = mnk_yaml_get(root, "gate");
    if (gate) MNK_OUT(read_gates(s, gate, err));
    MNK_OUT(check_whole(s, err));
    MNK_OUT(write_settings(s, err));
    *out = s;
    s = NULL;
out:
    mnk_study_close(s);
    return status;
}

mnk_status mnk_study_read(const char *path, const char *const *set, size_t n, mnk_study **out, mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    MNK_TRY(mnk_file_read(path, study_format.bytes_max, &bytes, &size, err));
    const char *base = mnk_path_base(path);
    char folder[1024] = "";
    mnk_status status = MNK_OK;
    if ((size_t)(base - path) >= sizeof folder) status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: name too long", path);
    else if (base > path) snprintf(folder, sizeof folder, "%.*s", base - path > 1 ? (int)(base - path - 1) : 1, path);
    if (status == MNK_OK) status = mnk_study_parse((const char *)bytes, size, path, *folder ? folder : NULL, set, n, out, err);
    mnk_free(bytes);
    return status;
}

void mnk_study_close(mnk_study *s) {
    if (!s) return;
    mnk_policy_close(&s->policy);
    mnk_arena_close(s->arena);
    mnk_free(s);
}

const char *mnk_study_title(const mnk_study *s) { return s->top.title; }
int mnk_study_threads(const mnk_study *s) { return (int)s->top.threads; }
const char *mnk_study_settings(const mnk_study *s) { return s->settings; }
void mnk_study_set_seed(mnk_study *s, uint64_t seed) {
    s->top.seed = (int64_t)seed;
    mnk_error ignored = MNK_ERROR_INIT;
    (void)!write_settings(s, &ignored); /* on a full memory the older text stays */
}
