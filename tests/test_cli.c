/* The tables of verbs and options themselves: every row is complete and its default is valid. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "../cli/args.h"
#include "base/mem.h"

static void every_option_is_complete(void **state) {
    (void)state;
    for (const cli_verb *const *v = cli_verbs; *v; v++) {
        assert_true((*v)->summary && strlen((*v)->summary) > 4 && (*v)->group && (*v)->run);
        for (const mnk_option *o = (*v)->table; o && o->type != MNK_OPTION_END; o++) {
            if (!o->help || strlen(o->help) < 5) fail_msg("%s --%s: no help", (*v)->name, o->name);
            if (o->offset >= (*v)->config_size) fail_msg("%s --%s: outside its struct", (*v)->name, o->name);
            if (mnk_options_find(o + 1, o->name, strlen(o->name))) fail_msg("%s --%s: twice", (*v)->name, o->name);
            if (mnk_options_find(cli_common_options, o->name, strlen(o->name)))
                fail_msg("%s --%s: hides a common option", (*v)->name, o->name);
            for (const mnk_option *p = o + 1; o->letter && p->type != MNK_OPTION_END; p++)
                if (p->letter == o->letter) fail_msg("%s -%c: twice", (*v)->name, o->letter);
            if (o->def) {
                mnk_error err = MNK_ERROR_INIT;
                void *config = mnk_alloc(1, (*v)->config_size);
                if (mnk_options_set((*v)->table, config, o->name, o->def, &err) != MNK_OK)
                    fail_msg("%s: default: %s", (*v)->name, err.message);
                mnk_free(config);
            } else if (o->type == MNK_OPTION_INT || o->type == MNK_OPTION_REAL || o->type == MNK_OPTION_CHOICE) {
                fail_msg("%s --%s: a number or choice without a default", (*v)->name, o->name);
            }
        }
    }
}

typedef struct settings {
    bool on;
    int64_t count;
    double rate;
    int loss;
    mnk_option_list names;
    const char *path;
} settings;

static const mnk_option table[] = {
    {"on", 0, MNK_OPTION_BOOL, offsetof(settings, on), NULL, "true", 0, 0, NULL, "a switch", false},
    {"count", 'n', MNK_OPTION_INT, offsetof(settings, count), "N", "5", 1, 100000, NULL, "a number", false},
    {"rate", 0, MNK_OPTION_REAL, offsetof(settings, rate), "R", "0.5", 0, 1, NULL, "a rate", false},
    {"loss", 0, MNK_OPTION_CHOICE, offsetof(settings, loss), NULL, "hinge", 0, 0, "hinge|logistic", "a choice", false},
    {"name", 0, MNK_OPTION_LIST, offsetof(settings, names), "NAME", NULL, 0, 0, NULL, "names", false},
    {"path", 0, MNK_OPTION_PATH, offsetof(settings, path), "FILE", NULL, 0, 0, NULL, "a file", false},
    {0},
};

static const cli_verb verb = {
    .name = "try", .operands = "DATA", .max_operands = 1, .uses = "seed out", .table = table, .config_size = sizeof(settings)};

static mnk_status parse(args_parsed *a, mnk_error *err, const char *line) {
    static char copy[512];
    static char *argv[64];
    int argc = 0;
    mnk_error_clear(err);
    snprintf(copy, sizeof copy, "%s", line);
    for (char *p = strtok(copy, " "); p && argc < 64; p = strtok(NULL, " ")) argv[argc++] = p;
    return args_parse(&verb, argc, argv, a, err);
}

static void flags_fill_the_struct(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    args_parsed a;
    assert_ok(parse(&a, &err, "--no-on -n 20k data --rate=25% --loss logistic --name a --name b -o out --seed 7 --path x"));
    const settings *s = a.config;
    assert_false(s->on);
    assert_int_equal(s->count, 20000);
    assert_true(s->rate == 0.25);
    assert_int_equal(s->loss, 1);
    assert_int_equal(s->names.n, 2);
    assert_string_equal(s->names.items[1], "b");
    assert_string_equal(a.common.out, "out");
    assert_int_equal(a.common.seed, 7);
    assert_string_equal(a.operand[0], "data");
    args_clear(&a);
}

static void mistakes_are_named(void **state) {
    (void)state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"--cuont 3", "did you mean --count"},
        {"-n 0", "between 1 and 100000"},
        {"-n 1.5", "whole number"},
        {"-n x", "whole number"},
        {"--rate nan", "expected a number"},
        {"--loss foo", "one of hinge|logistic"},
        {"--rate", "needs a value"},
        {"a b", "\"b\" was given too"},
        {"--threads 2", "unknown option --threads"},
        {"-z", "unknown option -z"},
        {"--config /nonexistent", "cannot open"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mnk_error err = MNK_ERROR_INIT;
        args_parsed a;
        assert_int_not_equal(parse(&a, &err, cases[i].line), MNK_OK);
        if (!strstr(err.message, cases[i].message)) fail_msg("%s: %s", cases[i].line, err.message);
        args_clear(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_option_is_complete), cmocka_unit_test(flags_fill_the_struct),
                                       cmocka_unit_test(mistakes_are_named)};
    return MNK_RUN_TESTS("cli", tests);
}
