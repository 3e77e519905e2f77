/* Studies of tables: whole runs, what is reused, equal bytes, killed runs, thresholds, bad study files. */
#include <math.h>
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
#include "evidence/policy.h"
#include "manikin/study.h"
#include "study/generators.h"
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

/* ---- budgets, repeats and audits ---- */

/* Three hundred persons, one row each, with a checked schema: private generators take nothing from the rows. */
static void make_clinic(const char *folder) {
    static const char schema[] =
        "manikin_schema: 1\ncolumns:\n  - {name: age, type: integer, low: 20, high: 90}\n"
        "  - {name: sex, type: category, levels: [female, male]}\n  - {name: lab, type: numeric, low: 0, high: 10}\n"
        "  - {name: died, type: category, levels: [no, yes], roles: [label]}\n";
    mnk_error err = MNK_ERROR_INIT;
    mnk_text t = {0};
    char path[700];
    mnk_rng r = mnk_rng_at(9, MNK_PURPOSE_TEST, 0, 0);
    mnk_text_add(&t, "age,sex,lab,died\n");
    for (int i = 0; i < 300; i++) {
        int age = 30 + (int)mnk_rng_below(&r, 50), male = (int)mnk_rng_below(&r, 2);
        bool died = (double)mnk_rng_below(&r, 100) < age + 10.0 * male - 20;
        mnk_text_printf(&t, "%d,%s,%.3f,%s\n", age, male ? "male" : "female", 0.05 * age + 4 * mnk_rng_uniform(&r),
                        died ? "yes" : "no");
    }
    snprintf(root, sizeof root, "%s", folder);
    snprintf(path, sizeof path, "%s/clinic.csv", root);
    assert_ok(mnk_file_write(path, true, t.s, t.n, &err));
    snprintf(path, sizeof path, "%s/clinic.schema.yaml", root);
    assert_ok(mnk_file_write(path, true, schema, sizeof schema - 1, &err));
    mnk_text_clear(&t);
}

#define CLINIC                                                                                                                 \
    "manikin: 1\ntitle: budgets\ndata:\n  path: clinic.csv\n  label: died\n  holdout: 0.4\nevaluate:\n  replicates: 20\n"      \
    "  permutations: 0\n  triples: 5\nusefulness:\n  seeds: 1\n  rounds: 10\n"

static const char sweep[] = CLINIC "make:\n  generators:\n    - mst epsilon=1,100 delta=1e-5\n    - shuffle\n  repeats: 2\n"
                                   "  baseline: false\naudit:\n  attempts: 20\n  policy-title: rows\n"
                                   "  gate:\n    - exact_copies <= 0.5\n";

typedef struct seen {
    int steps, made;
} seen;

static void count_step(void *ctx, const mnk_step_event *e) {
    seen *s = ctx;
    if (e->state == MNK_STEP_STARTED) s->made++;
    else s->steps++;
}

static mnk_status run_counted(const char *study, const char *dir, const char *const *set, size_t n, seen *what,
                              mnk_study_outcome *out, mnk_error *err) {
    mnk_study *s = NULL;
    *what = (seen){0};
    mnk_study_run_options o = {.command = "manikin run budgets.yaml", .step = count_step, .ctx = what};
    MNK_TRY(parse(study, set, n, &s, err));
    mnk_status status = mnk_study_run(s, dir, &o, NULL, out, err);
    mnk_study_close(s);
    return status;
}

static char *text_of(const char *path) {
    mnk_error err = MNK_ERROR_INIT;
    uint8_t *bytes = NULL;
    size_t n = 0;
    assert_ok(mnk_file_read(path, 8 << 20, &bytes, &n, &err));
    return (char *)bytes;
}

static void assert_says(const char *path, const char *what) {
    char *s = text_of(path);
    if (!strstr(s, what)) fail_msg("%s does not say \"%s\"", path, what);
    mnk_free(s);
}

static const mnk_metric *metric(const mnk_result *r, const char *id, const char *subset) {
    for (size_t i = 0; i < r->metrics; i++)
        if (!strcmp(r->metric[i].id, id) && !strcmp(r->metric[i].subset, subset)) return &r->metric[i];
    fail_msg("no metric %s of %s", id, subset);
    return NULL;
}

static void test_budgets_repeats_and_audit(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_study_outcome out;
    seen what;
    mnk_result *r = NULL;
    make_clinic(test_folder("table-budgets"));
    mnk_threads_set(1);
    const char *dir = dir_of("swept");
    char a[700];
    snprintf(a, sizeof a, "%s", dir);
    assert_ok(run_counted(sweep, a, NULL, 0, &what, &out, &err));
    assert_int_equal(what.made, 2 + 3 * 6); /* data, report; three arms twice: made, judged, attacked */
    assert_int_equal(out.gates, 1);
    assert_true(out.gate[0].met && strstr(out.gate[0].text, "policy: exact_copies"));
    assert_true(mnk_path_exists(dir_of("swept/models/mst-e100-r2.safetensors.ledger")));
    assert_ok(mnk_result_read(dir_of("swept/results/tradeoff.json"), &r, &err));
    assert_true(metric(r, "epsilon", "mst-e1")->value == 1 && metric(r, "epsilon", "mst-e1")->n == 2);
    assert_true(isnan(metric(r, "epsilon", "shuffle")->value));
    const mnk_metric *u = metric(r, "macro_auc.tstr.boosting", "mst-e100"), *cost = metric(r, "utility_cost", "mst-e1");
    assert_true(u->n == 2 && u->low < u->value && u->value < u->high);
    assert_true(fabs(cost->value - (u->value - metric(r, "macro_auc.tstr.boosting", "mst-e1")->value)) < 1e-12);
    const double all = metric(r, "epsilon_all", "")->value;
    assert_true(metric(r, "epsilon_all", "")->n == 4 && all > 100 && all < 2 * (1 + 100));
    mnk_result_close(r);
    assert_says(dir_of("swept/report.html"), "What a privacy budget buys");
    assert_says(dir_of("swept/report.html"), "Every attack on mst-e1");
    assert_says(dir_of("swept/report.html"), "<dd>rows</dd>");
    assert_says(dir_of("swept/evidence.json"), "\"policy\"");
    /* nothing is made twice; a changed policy is judged again without new attacks, and stops the study */
    assert_ok(run_counted(sweep, a, NULL, 0, &what, &out, &err));
    assert_true(what.made == 0 && out.is_unchanged);
    const char *strict[] = {"audit.gate=max_attack_auc.high <= 0.01"};
    assert_int_equal(run_counted(sweep, a, strict, 1, &what, &out, &err), MNK_ERR_GATE);
    assert_true(what.made == 1 && strstr(err.message, "policy: max_attack_auc.high"));
    mnk_error_clear(&err);
    /* a model that is made again has a ledger of its own, and the old one still counts */
    assert_ok(mnk_dir_remove(dir_of("swept/synthetic/mst-e1.csv"), &err));
    assert_ok(run_counted(sweep, a, NULL, 0, &what, &out, &err));
    assert_true(mnk_path_exists(dir_of("swept/models/spent/mst-e1-1.safetensors.ledger")));
    assert_ok(mnk_result_read(dir_of("swept/results/tradeoff.json"), &r, &err));
    assert_true(metric(r, "epsilon_all", "")->n == 5 && metric(r, "epsilon_all", "")->value > all);
    mnk_result_close(r);
}

static void test_bad_budgets_and_audits(void **state) {
    (void)state;
    make_clinic(test_folder("table-bad-budgets"));
#define MAKE(line)  "manikin: 1\ndata:\n  path: clinic.csv\nmake:\n  generators:\n    - \"" line "\"\n"
#define AUDIT(line) "manikin: 1\ndata:\n  path: clinic.csv\naudit:\n" line
    assert_refused(MAKE("mst epsilon=0 delta=1e-6"), "above 0");
    assert_refused(MAKE("mst epsilon=1,-1 delta=1e-6"), "above 0");
    assert_refused(MAKE("mst epsilon=1,x delta=1e-6"), "above 0");
    assert_refused(MAKE("mst epsilon=1,1.0 delta=1e-6"), "listed twice");
    assert_refused(MAKE("mst 0.1,1,10 delta=1e-6"), "setting=value is expected");
    assert_refused(MAKE("mst epsilon=0.1,1"), "needs epsilon and delta");
    assert_refused(MAKE("mst delta=1e-6"), "needs epsilon and delta");
    assert_refused(MAKE("mst epsilon=1 10 delta=1e-6"), "setting=value is expected");
    assert_refused(MAKE("mst epsilon=1,2,3,4,5,6,7,8,9 delta=1e-6"), "too many budgets");
    assert_refused(MAKE("arf trees=5,10"), "for epsilon alone");
    assert_refused(MAKE("arf epsilon=1,10"), "epsilon");
    assert_refused(MAKE("arf treess=5"), "trees");
    assert_refused(MAKE("arf") "  repeats: 0\n", "repeats");
    assert_refused(
        MAKE("mst epsilon=1,2,3,4,5,6,7,8 delta=1e-6") "    - aim epsilon=1,2,3,4,5,6,7,8 delta=1e-6\n  repeats: 9\n",
        "more than 16");
    assert_refused(MAKE("mst epsilon=1,2,3,4,5,6,7,8 delta=1e-6") "  repeats: 20\n", "more than 128");
    assert_refused(AUDIT("  atempts: 5\n"), "attempts");
    assert_refused(AUDIT("  gate: [max_attack_auc]\n"), "threshold");
    assert_refused(AUDIT("  policy: none.yaml\n  gate: [exact_copies <= 0]\n"), "one of the two");
    assert_refused(AUDIT("  policy-title: release\n"), "there is no gate");
    assert_refused(AUDIT("  policy: none.yaml\n"), "none.yaml");
    assert_refused(AUDIT("  generators: [gausian]\n"), "gaussian");
    assert_refused(AUDIT("  shadows: 8\n"), "models: true");
    /* too little was held out: said before anything is made */
    mnk_error err = MNK_ERROR_INIT;
    mnk_study_outcome out;
    seen what;
    const char *little[] = {"data.holdout=0.05"};
    assert_int_equal(run_counted(sweep, dir_of("little"), little, 1, &what, &out, &err), MNK_ERR_INPUT);
    assert_true(what.made == 0 && strstr(err.message, "in the holdout"));
}

/* The hash of a policy written in the study is that of the file that says the same. */
static void test_policy_inline_or_file(void **state) {
    (void)state;
    static const char file[] = "manikin_policy: 1\ntitle: \"a \\\"b\\\"\"\ngate:\n  - \"exact_copies <= 0\"\n";
    mnk_error err = MNK_ERROR_INIT;
    mnk_policy a, b;
    const char *rule[] = {"exact_copies <= 0"};
    assert_ok(mnk_policy_of("a \"b\"", rule, 1, "study", &a, &err));
    assert_ok(mnk_policy_parse(file, sizeof file - 1, "file", &b, &err));
    assert_string_equal(a.hash, b.hash);
    assert_string_equal(a.title, "a \"b\"");
    assert_int_equal(a.rules, 1);
    mnk_policy_close(&a);
    mnk_policy_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_run_then_reuse_then_two_threads),
        cmocka_unit_test(test_survives_kills),
        cmocka_unit_test(test_bad_studies),
        cmocka_unit_test(test_generators_are_listed_once),
        cmocka_unit_test(test_budgets_repeats_and_audit),
        cmocka_unit_test(test_bad_budgets_and_audits),
        cmocka_unit_test(test_policy_inline_or_file),
    };
    return MNK_RUN_TESTS("study_tables", tests);
}
