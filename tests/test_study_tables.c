/* Studies of tables: whole runs, what is reused, equal bytes, killed runs, thresholds, bad study files. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "manikin/study.h"
#include "study/tables.h"
#include "test.h"

static char root[512], csv[700];

/* A hundred and twenty persons, some twice: age, sex, a laboratory value with holes, an outcome that depends on them. */
static void make_table(const char *folder) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_text t = {0};
    mnk_rng r = mnk_rng_at(7, MNK_PURPOSE_TEST, 0, 0);
    mnk_text_add(&t, "person,age,sex,lab,ward,died\n");
    for (int i = 0; i < 160; i++) {
        int person = i < 120 ? i : i - 120, age = 30 + (int)mnk_rng_below(&r, 50), male = (int)mnk_rng_below(&r, 2);
        double lab = 1 + 0.05 * age + 0.1 * (double)mnk_rng_below(&r, 20);
        bool died = (double)mnk_rng_below(&r, 100) < age + 10.0 * male - 20;
        mnk_text_printf(&t, "P%03d,%d,%s,", person, age, male ? "male" : "female");
        if (mnk_rng_below(&r, 10)) mnk_text_printf(&t, "%.1f", lab);
        mnk_text_printf(&t, ",%c,%s\n", "ABC"[mnk_rng_below(&r, 3)], died ? "yes" : "no");
    }
    snprintf(root, sizeof root, "%s", folder);
    snprintf(csv, sizeof csv, "%s/patients.csv", root);
    assert_ok(mnk_file_write(csv, true, t.s, t.n, &err));
    mnk_text_clear(&t);
}

static const char text[] =
    "manikin: 1\ntitle: small\ndata:\n  path: patients.csv\n  label: died\n  person: person\nmake:\n"
    "  generators: [bootstrap, shuffle]\n  baseline: false\nevaluate:\n  replicates: 50\n  permutations: 20\n"
    "  triples: 20\nusefulness:\n  seeds: 1\n  rounds: 10\n";

static mnk_status parse(const char *study, const char *const *set, size_t n, mnk_study **out, mnk_error *err) {
    return mnk_study_parse(study, strlen(study), "small.yaml", root, set, n, out, err);
}

static mnk_status run(const char *dir, const char *const *set, size_t n, mnk_study_outcome *out, mnk_error *err) {
    mnk_study *s = NULL;
    mnk_study_outcome unused;
    mnk_study_run_options o = {.command = "manikin run small.yaml"};
    MNK_TRY(parse(text, set, n, &s, err));
    mnk_status status = mnk_study_run(s, dir, &o, NULL, out ? out : &unused, err);
    mnk_study_close(s);
    return status;
}

static const char *dir_of(const char *name) {
    static char path[4][700];
    static int k;
    k = (k + 1) % 4;
    snprintf(path[k], sizeof path[k], "%s/%s", root, name);
    return path[k];
}

static void assert_same(const char *a, const char *b) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_verify_report *r = NULL;
    assert_ok(mnk_evidence_compare(a, b, &r, &err));
    if (r->findings) fail_msg("%s and %s differ: %s %s", a, b, r->finding[0].path, r->finding[0].text);
    assert_true(r->files > 8);
    mnk_verify_close(r);
}

static void test_whole_run_then_reuse_then_two_threads(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_study_outcome out;
    make_table(test_folder("table-study"));
    char a[700];
    snprintf(a, sizeof a, "%s", dir_of("a"));
    mnk_threads_set(1);
    assert_ok(run(a, NULL, 0, &out, &err));
    assert_false(out.is_unchanged);
    assert_true(out.answers >= 5);
    assert_non_null(strstr(out.answer[0], "Do not release")); /* bootstrap copies */
    assert_non_null(strstr(out.answer[0], "bootstrap"));
    assert_true(mnk_path_exists(dir_of("a/synthetic/shuffle.csv")) && mnk_path_exists(dir_of("a/results/ranking.json")));
    assert_ok(run(a, NULL, 0, &out, &err));
    assert_true(out.is_unchanged);
    mnk_threads_set(2);
    assert_ok(run(dir_of("b"), NULL, 0, NULL, &err));
    mnk_threads_set(1);
    assert_same(a, dir_of("b"));
    /* a threshold is read from the best generator that the ranking names, and a missed one is said */
    const char *missed[] = {"gate=coverage > 2"}, *met[] = {"gate=coverage >= 0"};
    assert_int_equal(run(a, missed, 1, &out, &err), MNK_ERR_GATE);
    assert_non_null(strstr(err.message, "coverage > 2"));
    mnk_error_clear(&err);
    assert_ok(run(a, met, 1, &out, &err));
    assert_true(out.gate[0].met);
}

static void test_survives_kills(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    make_table(test_folder("table-kill"));
    char whole[700], broken[700];
    snprintf(whole, sizeof whole, "%s", dir_of("whole"));
    snprintf(broken, sizeof broken, "%s", dir_of("broken"));
    mnk_threads_set(1); /* OpenMP's threads do not survive fork */
    assert_ok(run(whole, NULL, 0, NULL, &err));
    int kills = 0;
    unsigned delay_us = 4000;
    for (bool done = false; !done; delay_us += delay_us / 4 + 2000) {
        pid_t child = fork();
        if (child == 0) {
            mnk_error why = MNK_ERROR_INIT;
            _exit(run(broken, NULL, 0, NULL, &why) == MNK_OK ? 0 : 1);
        }
        assert_true(child > 0);
        usleep(delay_us);
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        done = WIFEXITED(status);
        if (done) assert_int_equal(WEXITSTATUS(status), 0);
        kills += !done;
        assert_true(kills < 200);
    }
    assert_true(kills >= 3);
    assert_ok(run(broken, NULL, 0, NULL, &err));
    assert_same(whole, broken);
}

static void assert_refused(const char *study, const char *says) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_study *s = NULL;
    assert_true(parse(study, NULL, 0, &s, &err) != MNK_OK);
    if (!strstr(err.message, says) && !strstr(err.hint, says)) fail_msg("\"%s\" does not say \"%s\"", err.message, says);
    assert_null(s);
}

static void test_bad_studies(void **state) {
    (void)state;
    make_table(test_folder("table-bad"));
    assert_refused("manikin: 1\ndata:\n  path: p.csv\nmake:\n  generators: [bootstrapp]\n", "bootstrap");
    assert_refused("manikin: 1\ndata:\n  path: p.csv\nmake:\n  generators: [\"arf trees\"]\n", "setting=value");
    assert_refused("manikin: 1\ndata:\n  path: p.csv\ngan:\n  kimg: 5\n", "gan");
    assert_refused("manikin: 1\ndata:\n  path: p.csv\n  keep: [a=1]\n", "keep");
    assert_refused("manikin: 1\ndata:\n  path: p.csv\n  holdout: 2\n", "holdout");
    mnk_error err = MNK_ERROR_INIT;
    const char *unknown[] = {"data.label=dead"};
    assert_int_equal(run(dir_of("x"), unknown, 1, NULL, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "dead"));
}

static void test_generators_are_listed_once(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_study *s = NULL;
    mnk_study_generators g;
    make_table(test_folder("table-list"));
    assert_ok(parse("manikin: 1\ndata:\n  path: p.csv\nmake:\n  generators: [shuffle, shuffle]\n  baseline: false\n", NULL, 0,
                    &s, &err));
    assert_ok(mnk_study_list_generators(s, &g, &err));
    assert_int_equal(g.n, 2);
    assert_string_equal(g.item[1].id, "shuffle-2");
    mnk_study_close(s);
    assert_ok(parse("manikin: 1\ndata:\n  path: p.csv\n", NULL, 0, &s, &err)); /* the default, and the baseline beside it */
    assert_ok(mnk_study_list_generators(s, &g, &err));
    assert_true(g.item[g.n - 1].is_baseline);
    mnk_study_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_run_then_reuse_then_two_threads),
        cmocka_unit_test(test_survives_kills),
        cmocka_unit_test(test_bad_studies),
        cmocka_unit_test(test_generators_are_listed_once),
    };
    return MNK_RUN_TESTS("study_tables", tests);
}
