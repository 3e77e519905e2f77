#include "args.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "config_file.h"
#include "manikin/table.h"

const mnk_option cli_common_options[] = {
    {"out", 'o', MNK_OPTION_PATH, offsetof(cli_common, out), "PATH", NULL, 0, 0, NULL, "where the result goes", false},
    {"seed", 0, MNK_OPTION_INT, offsetof(cli_common, seed), "N", "1", 0, 9007199254740992.0, NULL,
     "same seed, same bytes, for any number of threads", false},
    {"threads", 0, MNK_OPTION_INT, offsetof(cli_common, threads), "N", "0", 0, 1024, NULL, "threads; 0 takes all cores", false},
    {"json", 0, MNK_OPTION_PATH, offsetof(cli_common, json), "FILE", NULL, 0, 0, NULL, "write the result as JSON as well",
     false},
    {"force", 0, MNK_OPTION_BOOL, offsetof(cli_common, force), NULL, "false", 0, 0, NULL, "overwrite existing outputs", false},
    {"quiet", 'q', MNK_OPTION_BOOL, offsetof(cli_common, quiet), NULL, "false", 0, 0, NULL, "no progress, warnings only",
     false},
    {"verbose", 'v', MNK_OPTION_BOOL, offsetof(cli_common, verbose), NULL, "false", 0, 0, NULL, "say more", false},
    {"no-color", 0, MNK_OPTION_BOOL, offsetof(cli_common, no_color), NULL, "false", 0, 0, NULL,
     "no colour (NO_COLOR in the environment does the same)", true},
    {0},
};

bool args_common_applies(const cli_verb *verb, const mnk_option *o) {
    if (!strcmp(o->name, "quiet") || !strcmp(o->name, "verbose") || !strcmp(o->name, "no-color")) return true;
    size_t n = strlen(o->name);
    for (const char *p = verb->uses ? verb->uses : ""; (p = strstr(p, o->name)); p += n)
        if ((p == verb->uses || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0')) return true;
    return false;
}

static bool verb_is(const cli_verb *v, const char *first, const char *second) {
    size_t n = strlen(first);
    if (strncmp(v->name, first, n) != 0) return false;
    return v->name[n] == '\0' ? !second : v->name[n] == ' ' && second && strcmp(v->name + n + 1, second) == 0;
}

/* "train" alone, or "train foo": say what can be trained. */
static mnk_status incomplete_verb(const char *first, const char *second, mnk_error *err) {
    char kinds[256] = "";
    const char *names[64];
    size_t n = 0, length = strlen(first);
    for (const cli_verb *const *v = cli_verbs; *v; v++) {
        if (strncmp((*v)->name, first, length) != 0 || (*v)->name[length] != ' ' || n == 64) continue;
        names[n++] = (*v)->name + length + 1;
        strncat(kinds, n > 1 ? ", " : "", sizeof kinds - strlen(kinds) - 1);
        strncat(kinds, names[n - 1], sizeof kinds - strlen(kinds) - 1);
    }
    if (!n) return MNK_OK;
    const char *near = second ? mnk_nearest(second, names, n) : NULL;
    if (!second) return MNK_FAIL(err, MNK_ERR_USAGE, "%s what? one of: %s", first, kinds);
    return near ? MNK_FAIL(err, MNK_ERR_USAGE, "%s: unknown kind %s; did you mean %s?", first, second, near)
                : MNK_FAIL(err, MNK_ERR_USAGE, "%s: unknown kind %s; one of: %s", first, second, kinds);
}

mnk_status args_find_verb(int argc, char **argv, const cli_verb **verb, int *words, mnk_error *err) {
    const char *first = argv[0], *second = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    for (const cli_verb *const *v = cli_verbs; *v; v++) {
        *words = 2;
        *verb = *v;
        if (second && verb_is(*v, first, second)) return MNK_OK;
        *words = 1;
        if (verb_is(*v, first, NULL)) return MNK_OK;
    }
    *verb = NULL;
    MNK_TRY(incomplete_verb(first, second, err));
    const char *names[64];
    char firsts[64][32];
    size_t n = 0;
    for (const cli_verb *const *v = cli_verbs; *v && n < 64; v++, n++) {
        snprintf(firsts[n], sizeof firsts[n], "%.*s", (int)strcspn((*v)->name, " "), (*v)->name);
        names[n] = firsts[n];
    }
    const char *near = mnk_nearest(first, names, n);
    mnk_status status = near ? MNK_FAIL(err, MNK_ERR_USAGE, "unknown command %s; did you mean %s?", first, near)
                             : MNK_FAIL(err, MNK_ERR_USAGE, "unknown command %s", first);
    mnk_error_hint(err, "manikin help");
    return status;
}

const cli_verb *args_for_data(const cli_verb *verb, int argc, char **argv) {
    for (int i = 0; verb->for_tables && i < argc; i++) {
        const char *value = argv[i], *equals = strchr(value, '=');
        if (*value == '-') value = equals ? equals + 1 : "";
        if (mnk_is_table(value)) return verb->for_tables;
    }
    return verb;
}

/* One option may live in the verb's table or among the common ones. */
typedef struct target {
    const mnk_option *row;
    const mnk_option *table;
    void *config;
} target;

static target find_target(args_parsed *a, const char *name, size_t n) {
    const mnk_option *row = mnk_options_find(a->verb->table, name, n);
    if (row) return (target){row, a->verb->table, a->config};
    row = mnk_options_find(cli_common_options, name, n);
    if (row && args_common_applies(a->verb, row)) return (target){row, cli_common_options, &a->common};
    return (target){0};
}

static target find_letter(args_parsed *a, char letter) {
    for (const mnk_option *o = a->verb->table; o && o->type != MNK_OPTION_END; o++)
        if (o->letter == letter) return (target){o, a->verb->table, a->config};
    for (const mnk_option *o = cli_common_options; o->type != MNK_OPTION_END; o++)
        if (o->letter == letter && args_common_applies(a->verb, o)) return (target){o, cli_common_options, &a->common};
    return (target){0};
}

static mnk_status unknown_option(const args_parsed *a, const char *text, size_t n, mnk_error *err) {
    const char *names[256];
    size_t count = 0;
    for (const mnk_option *o = a->verb->table; o && o->type != MNK_OPTION_END && count < 200; o++) names[count++] = o->name;
    for (const mnk_option *o = cli_common_options; o->type != MNK_OPTION_END; o++)
        if (args_common_applies(a->verb, o)) names[count++] = o->name;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)n, text);
    const char *near = mnk_nearest(word, names, count);
    mnk_status status = near ? MNK_FAIL(err, MNK_ERR_USAGE, "unknown option --%s; did you mean --%s?", word, near)
                             : MNK_FAIL(err, MNK_ERR_USAGE, "unknown option --%s", word);
    mnk_error_hint(err, "manikin %s --help", a->verb->name);
    return status;
}

static bool is_switch(const target *t) { return t->row->type == MNK_OPTION_BOOL; }

static mnk_status parse_long(args_parsed *a, const char *text, const char *next, int *used, mnk_error *err) {
    size_t n = strcspn(text, "=");
    const char *value = text[n] == '=' ? text + n + 1 : NULL;
    if (!strcmp(text, "help")) return a->help = ARGS_HELP_LONG, MNK_OK;
    if (n == 6 && !strncmp(text, "config", 6)) {
        if (!value && !(value = next)) return MNK_FAIL(err, MNK_ERR_USAGE, "--config needs a file name");
        *used = text[n] != '=';
        return MNK_OK; /* read before the flags, which win */
    }
    target t = find_target(a, text, n);
    bool negated = false;
    if (!t.row && n > 3 && !strncmp(text, "no-", 3)) {
        t = find_target(a, text + 3, n - 3);
        negated = t.row && is_switch(&t);
        if (!negated) t.row = NULL;
    }
    if (!t.row) return unknown_option(a, text, n, err);
    if (is_switch(&t)) value = negated ? "false" : value ? value : "true";
    else if (!value) {
        if (!next)
            return MNK_FAIL(err, MNK_ERR_USAGE, "--%s needs a value (%s)", t.row->name, t.row->value ? t.row->value : "VALUE");
        value = next;
        *used = 1;
    }
    return mnk_options_set(t.table, t.config, t.row->name, value, err);
}

static mnk_status parse_letters(args_parsed *a, const char *text, const char *next, int *used, mnk_error *err) {
    for (const char *p = text; *p; p++) {
        if (*p == 'h') {
            a->help = ARGS_HELP_SHORT;
            continue;
        }
        target t = find_letter(a, *p);
        if (!t.row) {
            mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "unknown option -%c", *p);
            mnk_error_hint(err, "manikin %s --help", a->verb->name);
            return status;
        }
        if (is_switch(&t)) {
            MNK_TRY(mnk_options_set(t.table, t.config, t.row->name, "true", err));
            continue;
        }
        const char *value = p[1] ? p + 1 : next;
        if (!value) return MNK_FAIL(err, MNK_ERR_USAGE, "-%c needs a value (%s)", *p, t.row->value ? t.row->value : "VALUE");
        *used = p[1] == '\0';
        return mnk_options_set(t.table, t.config, t.row->name, value, err);
    }
    return MNK_OK;
}

static mnk_status set_from_file(void *ctx, const char *name, const char *value, mnk_error *err) {
    args_parsed *a = ctx;
    target t = find_target(a, name, strlen(name));
    return t.row ? mnk_options_set(t.table, t.config, name, value, err) : unknown_option(a, name, strlen(name), err);
}

/* Files named by --config, in order, before any flag. */
static mnk_status read_config_files(args_parsed *a, int argc, char **argv, mnk_error *err) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *path = NULL;
        if (!strncmp(argv[i], "--config=", 9)) path = argv[i] + 9;
        else if (!strcmp(argv[i], "--config") && i + 1 < argc) path = argv[i + 1];
        if (path) MNK_TRY(config_file_read(path, a->strings, set_from_file, a, err));
    }
    return MNK_OK;
}

static mnk_status check_operands(const args_parsed *a, mnk_error *err) {
    const cli_verb *v = a->verb;
    mnk_status status = MNK_OK;
    if (a->operands < v->min_operands) status = MNK_FAIL(err, MNK_ERR_USAGE, "%s needs %s", v->name, v->operands);
    else if (v->max_operands >= 0 && a->operands > v->max_operands)
        status = v->max_operands
                     ? MNK_FAIL(err, MNK_ERR_USAGE, "%s takes %s, but \"%s\" was given too", v->name, v->operands,
                                a->operand[v->max_operands])
                     : MNK_FAIL(err, MNK_ERR_USAGE, "%s takes no argument, but \"%s\" was given", v->name, a->operand[0]);
    if (status != MNK_OK) mnk_error_hint(err, "manikin %s --help", v->name);
    return status;
}

mnk_status args_parse(const cli_verb *verb, int argc, char **argv, args_parsed *a, mnk_error *err) {
    *a = (args_parsed){.verb = verb};
    MNK_TRY(MNK_NEW(a->operand, (size_t)argc + 1, err));
    a->config = mnk_alloc(1, verb->config_size);
    a->strings = mnk_arena_open();
    if (!a->config || !a->strings) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_options_defaults(cli_common_options, &a->common);
    mnk_options_defaults(verb->table, a->config);
    MNK_TRY(read_config_files(a, argc, argv, err));
    bool options_over = false;
    for (int i = 0; i < argc; i++) {
        const char *s = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        int used = 0;
        if (options_over || s[0] != '-' || s[1] == '\0') a->operand[a->operands++] = s;
        else if (s[1] != '-') MNK_TRY(parse_letters(a, s + 1, next, &used, err));
        else if (s[2] == '\0') options_over = true;
        else MNK_TRY(parse_long(a, s + 2, next, &used, err));
        i += used;
    }
    return a->help == ARGS_RUN ? check_operands(a, err) : MNK_OK;
}

void args_clear(args_parsed *a) {
    mnk_free(a->config);
    mnk_free(a->operand);
    mnk_arena_close(a->strings);
    *a = (args_parsed){0};
}
