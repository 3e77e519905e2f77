/* Studies: the file format and its errors, thresholds, splits, what is done again, kill and resume, determinism. */
#include "test.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parallel.h"
#include "base/yaml.h"
#include "manikin/study.h"
#include "study/cache.h"
#include "study/study.h"

static mnk_status parse(const char *text, mnk_study **out, mnk_error *err) {
    return mnk_study_parse(text, strlen(text), "s.yaml", NULL, NULL, 0, out, err);
}

/* ---- the file ---- */
static void test_errors_name_line_and_column(void **state) {
    (void)state;
    static const struct {
        const char *text, *want; /* the message must begin with or hold this */
    } rows[] = {
        {"", "s.yaml:1:1: a study file is"},
        {"- a\n", "s.yaml:1:1: a study file is"},
        {"title: x\n", "s.yaml:1:1: the line \"manikin: 1\" is missing"},
        {"manikin: 2\n", "s.yaml:1:10: study format 2"},
        {"manikin: one\n", "s.yaml:1:10: manikin: the version"},
        {"manikin: 1\n", "s.yaml: the study names no data"},
        {"manikin: 1\ndata:\n  path: a\n  simulate: histology\n", "exclude each other"},
        {"manikin: 1\ndata:\n  pth: a\n", "s.yaml:3:3: unknown key \"pth\" in data; did you mean \"path\"?"},
        {"manikin: 1\ngann:\n  kimg: 1\n", "s.yaml:2:1: unknown key \"gann\"; did you mean \"gan\"?"},
        {"manikin: 1\ndata:\n  path: a\ngan:\n  kimg: lots\n", "s.yaml:5:3: gan.kimg: \"lots\": expected a number"},
        {"manikin: 1\ndata:\n  path: a\ngan:\n  pack: 9\n", "s.yaml:5:3: gan.pack: \"9\": must be between 1 and 8"},
        {"manikin: 1\ndata:\n  path: a\ngan:\n  loss: hing\n", "s.yaml:5:3: gan.loss: \"hing\": must be one of"},
        {"manikin: 1\ndata:\n  path: a\ngan:\n  size: 32\n", "s.yaml:5:3: gan.size is set in the section data"},
        {"manikin: 1\ndata:\n  path: a\ngan:\n  resume: true\n", "s.yaml:5:3: gan.resume: a study decides"},
        {"manikin: 1\ndata:\n  path: a\ngan:\n  kimg:\n", "s.yaml:5:3: gan.kimg: a value is missing"},
        {"manikin: 1\ndata:\n  path: a\ngan: 5\n", "s.yaml:4:6: gan: \"key: value\" lines"},
        {"manikin: 1\ndata:\n  path: a\ngan:\n  loss:\n    name: hinge\n", "s.yaml:5:3: gan.loss takes a value, not a section"},
        {"manikin: 1\ndata:\n  path: [a, b]\n", "s.yaml:3:3: data.path takes one value, not a list"},
        {"manikin: 1\nseed: [1]\n", "s.yaml:2:1: seed takes one value"},
        {"manikin: 1\nseed: -1\n", "s.yaml:2:1: seed: \"-1\": must be between"},
        {"manikin: 1\ntitle: a\ntitle: b\n", "s.yaml:3:1: \"title\" is given twice, first in line 2"},
        {"manikin: 1\ndata:\n  path: &x a\n", "s.yaml:3:9: anchors"},
        {"manikin: 1\ndata:\n  path: *x\n", "s.yaml:3:9: aliases"},
        {"manikin: 1\ndata:\n  path: !!str a\n", "s.yaml:3:9: tags"},
        {"manikin: 1\n---\nmanikin: 1\n", "s.yaml:2:1: a second document"},
        {"manikin: 1\ndata:\n\tpath: a\n", "s.yaml:3:1:"},
        {"manikin: 1\ndata: {path: a\n", "s.yaml:3:1:"},
        {"manikin: 1\n\"\\x00\": 1\n", "s.yaml:2:1: a NUL"},
        {"manikin: 1\n? [a]\n: b\n", "s.yaml:2:3: a name must be plain text"},
        {"manikin: 1\ntitle: \xff\xfe\n", "s.yaml:"},
        {"manikin: 1\ntitle: [[[[[[[[[[1]]]]]]]]]]\n", "nested too deeply"},
        {"manikin: 1\nsimulate:\n  size: 32\n", "s.yaml:3:3: the section \"simulate\" needs data.simulate"},
        {"manikin: 1\ndata:\n  simulate: histolgy\n", "s.yaml:3:13: data.simulate: "},
        {"manikin: 1\ndata:\n  simulate: histology\nsimulate:\n  sise: 32\n",
         "s.yaml:5:3: unknown key \"sise\" in simulate; did you mean \"size\"?"},
        {"manikin: 1\ndata:\n  path: a\ngate: coverage >= 1\n", "s.yaml:4:1: gate: a list of thresholds"},
        {"manikin: 1\ndata:\n  path: a\ngate:\n  - coverage\n", "s.yaml:5:5: gate: \"coverage\" is not a threshold"},
        {"manikin: 1\ndata:\n  path: a\ngate:\n  - coverage >= much\n",
         "s.yaml:5:5: gate: \"coverage >= much\": a number must follow"},
        {"manikin: 1\ndata:\n  path: a\ngate:\n  - {a: 1}\n", "s.yaml:5:5: gate: "},
        {"manikin: 1\ndata:\n  path: a\nrepeat:\n  subsets: 2\n", "every subset would be the whole training set"},
        {"manikin: 1\ndata:\n  path: a\nrepeat:\n  learning-curve: [100, 50]\n", "\"50\": whole numbers from 2 on in rising order"},
        {"manikin: 1\ndata:\n  path: a\nrepeat:\n  learning-curve: [1]\n", "whole numbers from 2 on"},
        {"manikin: 1\ndata:\n  path: a\nrepeat:\n  learning-curve: [all]\n", "\"all\": whole numbers"},
        {"manikin: 1\ndata:\n  path: a\nusefulness:\n  balanced: true\n", "s.yaml:5:3: usefulness.balanced: the arms decide"},
        {"manikin: 1\ndata:\n  path: a\nusefulness:\n  arms: rael\n", "did you mean \"real\"?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mnk_error err = MNK_ERROR_INIT;
        mnk_study *s = NULL;
        mnk_status status = parse(rows[i].text, &s, &err);
        if (status == MNK_OK) fail_msg("accepted: %s", rows[i].text);
        assert_null(s);
        if (!strstr(err.message, rows[i].want)) fail_msg("case %zu: \"%s\" lacks \"%s\"", i, err.message, rows[i].want);
        int code = mnk_status_exit_code(status);
        assert_true(code == 4 || code == 2);
    }
}

static void test_caps(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_study *s = NULL;
    size_t n = MNK_STUDY_BYTES_MAX + 1;
    char *text = mnk_alloc(n + 1, 1);
    memset(text, '#', n);
    assert_int_equal(mnk_study_parse(text, n, "big.yaml", NULL, NULL, 0, &s, &err), MNK_ERR_INPUT);
    mnk_error_clear(&err);
    memset(text, 'a', 5000); /* one very long word */
    assert_int_equal(mnk_study_parse(text, 5000, "long.yaml", NULL, NULL, 0, &s, &err), MNK_ERR_INPUT);
    mnk_error_clear(&err);
    size_t k = (size_t)sprintf(text, "manikin: 1\ndata: [");
    while (k + 4 < 100000) memcpy(text + k, "a, ", 3), k += 3;
    memcpy(text + k, "a]", 3);
    assert_int_equal(mnk_study_parse(text, k + 2, "many.yaml", NULL, NULL, 0, &s, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "too many entries"));
    mnk_free(text);
}

static void test_values_reach_their_sections(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_study *s = NULL;
    const char *text =
        "manikin: 1\ntitle: \"A: b\"\nseed: 7\nthreads: 2\ndata:\n  path: tiles/\n  keep: [a=10%, b=0.5]\n  holdout: "
        "25%\ngan:\n  kimg: 2k\n  loss: relativistic\n"
        "evaluate: off\nclassifier:\n  width: 8\nusefulness:\n  seeds: 2\nsample:\n  per-class: 1k\n  format: tar\n"
        "gate:\n  - coverage/scatter/a.low >= 0.5\n  - kid < 1e-2\n";
    const char *set[] = {"gan.kimg=3", "seed=8", "data.path=other/", "usefulness=off"};
    assert_ok(mnk_study_parse(text, strlen(text), "s.yaml", "folder", NULL, 0, &s, &err));
    assert_string_equal(mnk_study_title(s), "A: b");
    assert_int_equal(s->top.seed, 7);
    assert_int_equal(mnk_study_threads(s), 2);
    assert_string_equal(s->data.path, "folder/tiles/");
    assert_int_equal(s->data.keep.n, 2);
    assert_true(s->data.holdout == 0.25);
    assert_true(s->gan.kimg == 2000);
    assert_true(s->no_evaluate && !s->no_usefulness);
    assert_int_equal(s->usefulness.classifier.width, 8); /* the arms are the yardstick unless told otherwise */
    assert_int_equal(s->usefulness.seeds, 2);
    assert_int_equal(s->sample.per_class, 1000);
    assert_int_equal(s->gates, 2);
    assert_string_equal(s->gate[0].id, "coverage");
    assert_string_equal(s->gate[0].encoding, "scatter");
    assert_string_equal(s->gate[0].subset, "a");
    assert_int_equal(s->gate[0].part, 'l');
    assert_int_equal(s->gate[1].op, '<');
    mnk_study_close(s);
    assert_ok(mnk_study_parse(text, strlen(text), "s.yaml", "folder", set, 4, &s, &err));
    assert_true(s->gan.kimg == 3);
    assert_int_equal(s->top.seed, 8);
    assert_string_equal(s->data.path, "other/"); /* from the working folder, not from the file's */
    assert_true(s->no_usefulness);
    mnk_study_close(s);
    static const char *const bad[] = {"gan.kimg",   "gan.kmg=3", "gann.kimg=3",          "gan=3", "=3", "sed=1",
                                      "gan.size=3", "gate=x",    "data.simulate=nothing"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mnk_error why = MNK_ERROR_INIT;
        if (mnk_study_parse(text, strlen(text), "s.yaml", NULL, &bad[i], 1, &s, &why) == MNK_OK)
            fail_msg("--set %s was accepted", bad[i]);
    }
}

static void test_examples_are_valid(void **state) {
    (void)state;
    static const char *const names[] = {"demo", "blood-cells", "lung-tissue", "lung-rare", "lung-curve", "chest-xray"};
    for (int i = 0; i < 6; i++) {
        mnk_error err = MNK_ERROR_INIT;
        char path[64];
        mnk_study *s = NULL;
        snprintf(path, sizeof path, "examples/%s.yaml", names[i]);
        assert_ok(mnk_study_read(test_source(path), NULL, 0, &s, &err));
        if (i == 0) assert_string_equal(s->text, mnk_study_demo); /* the built-in study is the example */
        mnk_study_close(s);
    }
}

/* ---- thresholds ---- */
static void test_gates_judge(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    for (int e = 0; e < 2; e++) {
        mnk_metric *m = mnk_result_add_metric(r, "coverage", "diversity");
        snprintf(m->encoding, sizeof m->encoding, "%s", e ? "classifier" : "scatter");
        m->value = e ? 0.4 : 0.6;
        m->low = m->value - 0.1;
        m->high = m->value + 0.1;
    }
    snprintf(mnk_result_add_metric(r, "kid", "fidelity")->note, 20, "too few");
    static const struct {
        const char *text;
        bool met;
        double value;
    } rows[] = {{"coverage/scatter >= 0.6", true, 0.6},
                {"coverage/scatter > 0.6", false, 0.6},
                {"coverage >= 0.5", false, 0.4},
                {"coverage <= 0.5", false, 0.6},
                {"coverage/scatter.low>0.45", true, 0.5},
                {"coverage/classifier.high < 0.6", true, 0.5},
                {"kid < 1", false, NAN},
                {"nothing > 0", false, NAN}};
    mnk_arena *arena = mnk_arena_open();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mnk_study_gate g;
        mnk_gate out;
        const mnk_result *const results[2] = {NULL, r};
        assert_ok(mnk_study_gate_parse(rows[i].text, arena, &g, &err));
        mnk_study_gate_judge(&g, results, 2, &out);
        if (out.met != rows[i].met) fail_msg("%s", rows[i].text);
        assert_true(isnan(rows[i].value) ? isnan(out.value) : fabs(out.value - rows[i].value) < 1e-12);
        if (isnan(rows[i].value)) assert_true(out.note[0] != '\0');
    }
    mnk_arena_close(arena);
    mnk_result_close(r);
}

/* ---- splits ---- */
static mnk_images *people(size_t persons, size_t each, bool groups) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = NULL;
    static const char *const names[] = {"a", "b"};
    assert_ok(mnk_images_new(persons * each * 2, 4, 4, 1, 2, names, &d, &err));
    if (groups) {
        d->group = mnk_alloc(d->n, sizeof *d->group);
        assert_non_null(d->group);
    }
    for (size_t i = 0; i < d->n; i++) {
        d->label[i] = i >= d->n / 2;
        if (groups) d->group[i] = (int32_t)(i / each);
        d->split[i] = MNK_SPLIT_NONE;
    }
    return d;
}

static size_t count(const mnk_images *d, mnk_split split, int label) {
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) n += d->split[i] == split && d->label[i] == label;
    return n;
}

static void test_splits_go_by_group_and_class(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    char note[512];
    for (int groups = 0; groups < 2; groups++) {
        mnk_images *d = people(50, 4, groups), *again = people(50, 4, groups);
        mnk_study_data o = {.val = 0.1, .holdout = 0.2, .test = 0.2, .keep = {1, {"b=10%"}}};
        assert_ok(mnk_study_assign(d, &o, 5, note, &err));
        assert_ok(mnk_study_assign(again, &o, 5, note, &err));
        assert_memory_equal(d->split, again->split, d->n);
        assert_ok(mnk_study_assign(again, &(mnk_study_data){.test = 0.2}, 6, note, &err) == MNK_OK ? MNK_OK : MNK_ERR_FAILED);
        assert_int_equal(count(d, MNK_SPLIT_TEST, 0), 40);
        assert_int_equal(count(d, MNK_SPLIT_TEST, 1), 40);
        assert_int_equal(count(d, MNK_SPLIT_HOLDOUT, 0), 40);
        assert_int_equal(count(d, MNK_SPLIT_VAL, 0), 20);
        assert_int_equal(count(d, MNK_SPLIT_TRAIN, 0), 100);
        size_t kept = count(d, MNK_SPLIT_TRAIN, 1);
        assert_true(kept >= 8 && kept <= 12); /* a tenth of 100, whole persons */
        assert_int_equal(count(d, MNK_SPLIT_NONE, 1), 100 - kept);
        for (size_t i = 0; groups && i < d->n; i++)
            for (size_t k = 0; k < d->n; k++)
                if (d->group[i] == d->group[k] && d->split[i] != d->split[k]) fail_msg("group %d is on two sides", d->group[i]);
        mnk_images_close(d);
        mnk_images_close(again);
    }
}

static void test_given_splits_are_kept(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    char note[512];
    mnk_images *d = people(20, 5, true);
    for (size_t i = 0; i < d->n; i++) d->split[i] = i / 5 % 4 == 0 ? MNK_SPLIT_TEST : MNK_SPLIT_TRAIN;
    mnk_study_data o = {.val = 0.1, .holdout = 0.2, .test = 0.5};
    assert_ok(mnk_study_assign(d, &o, 5, note, &err));
    for (size_t i = 0; i < d->n; i++) assert_int_equal(d->split[i] == MNK_SPLIT_TEST, i / 5 % 4 == 0);
    assert_non_null(strstr(note, "The data name their own split: test."));
    assert_non_null(strstr(note, "holdout (20 %)"));
    mnk_images *train = NULL;
    assert_ok(mnk_study_subset(d, MNK_SPLIT_TRAIN, &train, &err));
    assert_int_equal(train->n, count(d, MNK_SPLIT_TRAIN, 0) + count(d, MNK_SPLIT_TRAIN, 1));
    mnk_images_close(train);
    static const char *const bad[] = {"b", "b=", "b=0", "b=2", "c=10%", "b=x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mnk_error why = MNK_ERROR_INIT;
        o.keep = (mnk_option_list){1, {bad[i]}};
        assert_true(mnk_study_assign(d, &o, 5, note, &why) != MNK_OK);
    }
    mnk_error why = MNK_ERROR_INIT;
    assert_int_equal(mnk_study_assign(d, &(mnk_study_data){.val = 0.5, .holdout = 0.5}, 5, note, &why), MNK_ERR_USAGE);
    mnk_images_close(d);
}

/* Subsets differ, sizes of one subset are nested, "*" speaks for the other classes, whole groups stay together. */
static void test_draws(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = people(40, 4, true);
    mnk_study_data o = {.keep = {2, {"*=50%", "b=10%"}}};
    bool is_drawn;
    uint8_t *before = NULL;
    size_t n[2][3], differ = 0;
    for (int subset = 0; subset < 2; subset++)
        for (int k = 0; k < 3; k++) {
            static const int64_t most[] = {0, 12, 4};
            assert_ok(mnk_study_thin(d, &o, &(mnk_study_draw){7, subset, most[k]}, &is_drawn, NULL, &err));
            assert_true(is_drawn);
            n[subset][k] = count(d, MNK_SPLIT_TRAIN, 0);
            assert_int_equal(count(d, MNK_SPLIT_TRAIN, 1), k < 2 ? (k ? 12 : 16) : 4); /* a tenth of 160 */
            for (size_t i = 0; i < d->n; i++) {
                assert_int_equal(d->split[i] == MNK_SPLIT_TRAIN, d->split[i / 4 * 4] == MNK_SPLIT_TRAIN);
                if (k && d->split[i] == MNK_SPLIT_TRAIN) assert_int_equal(before[i], MNK_SPLIT_TRAIN); /* nested */
                if (!k && subset) differ += d->split[i] != before[i];
            }
            mnk_free(before);
            before = mnk_alloc(d->n, 1);
            memcpy(before, d->split, d->n);
            if (!subset && k == 2) assert_ok(mnk_study_thin(d, &o, &(mnk_study_draw){7, 0, 0}, &is_drawn, NULL, &err));
            if (!subset && k == 2) memcpy(before, d->split, d->n); /* the whole of subset 0, to compare with subset 1 */
        }
    assert_true(n[0][0] == 80 && n[0][1] == 12 && n[0][2] == 4);
    assert_true(differ > 20);
    assert_ok(mnk_study_thin(d, &(mnk_study_data){.val = 0}, &(mnk_study_draw){7, 1, 1000}, &is_drawn, NULL, &err));
    assert_false(is_drawn);
    assert_int_equal(count(d, MNK_SPLIT_TRAIN, 0) + count(d, MNK_SPLIT_TRAIN, 1), d->n);
    mnk_free(before);
    mnk_images_close(d);
}

static void test_class_names(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = NULL;
    assert_ok(mnk_images_new(4, 4, 4, 1, 2, NULL, &d, &err));
    assert_ok(mnk_study_name_classes(d, &(mnk_option_list){2, {"benign", "malignant"}}, &err));
    assert_string_equal(d->class_names[1], "malignant");
    assert_int_equal(mnk_study_name_classes(d, &(mnk_option_list){1, {"benign"}}, &err), MNK_ERR_INPUT);
    mnk_error_clear(&err);
    assert_int_equal(mnk_study_name_classes(d, &(mnk_option_list){2, {"malignant", "benign"}}, &err), MNK_ERR_INPUT);
    mnk_images_close(d);
}

/* ---- whole runs: the smallest study that has every step ---- */
static const char tiny[] =
    "manikin: 1\ntitle: tiny\ndata:\n  simulate: histology\n  n: 180\n  holdout: 0.25\n  test: 0.25\n  keep: "
    "[chromophobe=50%]\n"
    "simulate:\n  size: 16\n  persons: 6\ngan:\n  kimg: 0.512\n  batch: 16\n  width: 4\n  latent: 8\n  embed: 4\n  "
    "snapshot-every: 0.128\n"
    "  log-every: 0.064\nsample:\n  per-class: 40\nclassifier:\n  steps: 12\n  batch: 16\n  width: 4\n  stages: 2\n"
    "evaluate:\n  replicates: 20\nusefulness:\n  seeds: 1\n  bootstrap: 100\n  arms: real,synthetic\n";

static mnk_status run_tiny(const char *dir, const char *const *set, size_t n, const mnk_key *key, mnk_study_outcome *out,
                           mnk_error *err) {
    mnk_study *s = NULL;
    mnk_study_outcome unused;
    MNK_TRY(mnk_study_parse(tiny, strlen(tiny), "tiny.yaml", NULL, set, n, &s, err));
    mnk_study_run_options o = {.key = key, .command = "manikin run tiny.yaml"};
    mnk_status status = mnk_study_run(s, dir, &o, NULL, out ? out : &unused, err);
    mnk_study_close(s);
    return status;
}

static char root[512];
static const char *dir_of(const char *name) {
    static char path[4][700];
    static int k;
    k = (k + 1) % 4;
    snprintf(path[k], sizeof path[k], "%s/%s", root, name);
    return path[k];
}

static void assert_same_study(const char *a, const char *b) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_verify_report *r = NULL;
    assert_ok(mnk_evidence_compare(a, b, &r, &err));
    if (r->findings) fail_msg("%s and %s differ: %s %s", a, b, r->finding[0].path, r->finding[0].text);
    assert_true(r->files > 8);
    mnk_verify_close(r);
}

static void assert_verifies(const char *dir) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_verify_report *r = NULL;
    assert_ok(mnk_evidence_verify(dir, NULL, NULL, &r, &err));
    if (r->findings) fail_msg("%s: %s %s", dir, r->finding[0].path, r->finding[0].text);
    mnk_verify_close(r);
}

static struct timespec changed(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) fail_msg("%s: %s", path, strerror(errno));
    return st.st_mtim;
}

static bool is_same_time(struct timespec a, struct timespec b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

static void test_run_twice_then_change_then_two_threads(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_study_outcome out;
    mnk_key key;
    snprintf(root, sizeof root, "%s", test_folder("runs"));
    assert_ok(mnk_key_make(dir_of("keys/a.key"), &key, &err));
    char a[700], model[800], samples[800], report[800];
    snprintf(a, sizeof a, "%s", dir_of("a"));
    snprintf(model, sizeof model, "%s/gan/model.safetensors", a);
    snprintf(samples, sizeof samples, "%s/synthetic.npz", a);
    snprintf(report, sizeof report, "%s/report.html", a);
    mnk_threads_set(1);
    assert_ok(run_tiny(a, NULL, 0, &key, &out, &err));
    assert_false(out.is_unchanged);
    assert_true(out.answers >= 4);
    assert_verifies(a);

    struct timespec model_time = changed(model), samples_time = changed(samples), report_time = changed(report);
    assert_ok(run_tiny(a, NULL, 0, &key, &out, &err));
    assert_true(out.is_unchanged);
    assert_true(is_same_time(report_time, changed(report)));

    /* another number of samples: the generator stays, what follows is done again */
    const char *more[] = {"sample.per-class=41"};
    assert_ok(run_tiny(a, more, 1, &key, &out, &err));
    assert_true(is_same_time(model_time, changed(model)));
    assert_false(is_same_time(samples_time, changed(samples)));
    assert_verifies(a);
    /* a damaged output is made again */
    assert_int_equal(truncate(samples, 100), 0);
    assert_ok(run_tiny(a, NULL, 0, &key, &out, &err));
    assert_verifies(a);

    mnk_threads_set(2);
    assert_ok(run_tiny(dir_of("b"), NULL, 0, NULL, &out, &err));
    mnk_threads_set(1);
    assert_same_study(a, dir_of("b"));
    /* a missed threshold: everything is written, the status says it */
    const char *gate[] = {"gate=coverage > 2"};
    assert_int_equal(run_tiny(a, gate, 1, NULL, &out, &err), MNK_ERR_GATE);
    assert_non_null(strstr(err.message, "coverage > 2"));
    assert_verifies(a);
}

static void test_foreign_folders_are_refused(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_study *s = NULL;
    mnk_study_outcome out;
    snprintf(root, sizeof root, "%s", test_folder("foreign"));
    assert_ok(mnk_file_write(dir_of("thesis.txt"), false, "x", 1, &err));
    assert_int_equal(run_tiny(root, NULL, 0, NULL, &out, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "not a manikin study"));
    assert_non_null(strstr(err.hint, "--force"));
    mnk_error_clear(&err);
    /* the results of another study */
    int lock = -1, second = -1;
    assert_ok(mnk_cache_claim(dir_of("mine"), "other.yaml", false, &lock, &err));
    assert_int_equal(mnk_cache_claim(dir_of("mine"), "other.yaml", false, &second, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "another manikin is working"));
    mnk_cache_release(lock);
    mnk_error_clear(&err);
    assert_int_equal(run_tiny(dir_of("mine"), NULL, 0, NULL, &out, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "another study"));
    mnk_study_close(s);
}

/* Kills a run at ever later moments until one gets through; the result must equal that of an unbroken run. */
static void test_survives_kill_at_any_moment(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    snprintf(root, sizeof root, "%s", test_folder("kill"));
    char whole[700], broken[700];
    snprintf(whole, sizeof whole, "%s", dir_of("whole"));
    snprintf(broken, sizeof broken, "%s", dir_of("broken"));
    mnk_threads_set(1); /* OpenMP's threads do not survive fork */
    assert_ok(run_tiny(whole, NULL, 0, NULL, NULL, &err));
    int kills = 0;
    unsigned delay_us = 2000;
    for (int i = 0; i < 400; i++) {
        pid_t child = fork();
        if (child == 0) {
            mnk_error why = MNK_ERROR_INIT;
            mnk_status status = run_tiny(broken, NULL, 0, NULL, NULL, &why);
            if (status != MNK_OK) fprintf(stderr, "%s\n", why.message);
            _exit(status == MNK_OK ? 0 : 1);
        }
        assert_true(child > 0);
        usleep(delay_us);
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            break;
        }
        kills++;
        delay_us += delay_us / 6 + 500;
        assert_int_not_equal(i, 399);
    }
    assert_true(kills >= 5);
    /* what a kill leaves in the moment before an archive's spool loses its name */
    char spool[800];
    snprintf(spool, sizeof spool, "%s/data/phantom.npz.tmp-1-4", broken);
    assert_ok(mnk_file_write(spool, true, "x", 1, &err));
    assert_ok(run_tiny(broken, NULL, 0, NULL, NULL, &err));
    assert_verifies(broken);
    assert_same_study(whole, broken);
}

static void test_full_disk_is_said_and_leaves_nothing_half_written(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    snprintf(root, sizeof root, "%s", test_folder("full"));
    mnk_threads_set(1);
    for (rlim_t limit = 2000; limit <= 128000; limit *= 4) {
        pid_t child = fork();
        if (child == 0) { /* a file-size limit stands for a full disk */
            mnk_error why = MNK_ERROR_INIT;
            signal(SIGXFSZ, SIG_IGN);
            struct rlimit r = {limit, limit};
            setrlimit(RLIMIT_FSIZE, &r);
            mnk_status status = run_tiny(dir_of("d"), NULL, 0, NULL, NULL, &why);
            _exit(status == MNK_OK ? 0 : status == MNK_ERR_IO && why.message[0] ? 42 : 1);
        }
        int status = 0;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 42);
    }
    assert_ok(run_tiny(dir_of("d"), NULL, 0, NULL, NULL, &err));
    assert_verifies(dir_of("d"));
}

/* Ctrl-C: stopped at the k-th question, then continued. */
static int questions;
static bool stop_at(void *ctx) { return ++questions == *(int *)ctx; }

static void test_interrupted_run_goes_on(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    snprintf(root, sizeof root, "%s", test_folder("interrupt"));
    mnk_threads_set(1);
    assert_ok(run_tiny(dir_of("whole"), NULL, 0, NULL, NULL, &err));
    mnk_study *s = NULL;
    assert_ok(mnk_study_parse(tiny, strlen(tiny), "tiny.yaml", NULL, NULL, 0, &s, &err));
    int stops = 0;
    for (int k = 3; k < 4000; k = k * 2 + 1) {
        mnk_study_outcome out;
        mnk_error why = MNK_ERROR_INIT;
        mnk_observer observer = {.ctx = &k, .stopped = stop_at};
        questions = 0;
        mnk_status status =
            mnk_study_run(s, dir_of("b"), &(mnk_study_run_options){.command = "manikin run tiny.yaml"}, &observer, &out, &why);
        if (status == MNK_OK) break;
        if (status != MNK_ERR_INTERRUPTED) fail_msg("%s", why.message);
        stops++;
    }
    mnk_study_close(s);
    assert_true(stops >= 3);
    assert_ok(run_tiny(dir_of("b"), NULL, 0, NULL, NULL, &err));
    assert_same_study(dir_of("whole"), dir_of("b"));
}

/* Two subsets, a point on the learning curve and selection: killed and gone on, with one thread and with two, the same bytes; what is
 * done is not done again, and what no longer belongs is swept away. */
static void test_repetition(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    static const char *const set[] = {"repeat.subsets=2", "repeat.learning-curve=10", "usefulness.select=realism",
                                      "classifier.steps=4", "usefulness.steps=6", "evaluate=off"};
    const size_t n = sizeof set / sizeof *set;
    char whole[700], broken[700], path[900];
    snprintf(root, sizeof root, "%s", test_folder("repeat"));
    snprintf(whole, sizeof whole, "%s", dir_of("whole"));
    snprintf(broken, sizeof broken, "%s", dir_of("broken"));
    mnk_threads_set(1);
    int kills = 0;
    for (unsigned delay_us = 300000; delay_us < 20000000; delay_us += 300000) {
        pid_t child = fork();
        if (child == 0) {
            mnk_error why = MNK_ERROR_INIT;
            mnk_status status = run_tiny(broken, set, n, NULL, NULL, &why);
            if (status != MNK_OK) fprintf(stderr, "%s\n", why.message);
            _exit(status == MNK_OK ? 0 : 1);
        }
        usleep(delay_us);
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            break;
        }
        kills++;
    }
    assert_true(kills >= 1);
    mnk_threads_set(2);
    assert_ok(run_tiny(whole, set, n, NULL, NULL, &err));
    mnk_threads_set(1);
    assert_verifies(broken);
    assert_same_study(whole, broken);
    mnk_result *r = NULL;
    snprintf(path, sizeof path, "%s/results/usefulness.json", whole);
    assert_ok(mnk_result_read(path, &r, &err));
    const mnk_metric *m = mnk_result_find(r, "auc_gain.synthetic@10", "", "chromophobe");
    assert_non_null(m);
    assert_true(m->verdict[0] && mnk_result_find(r, "macro_auc_gain.real+synthetic+over+classical:realism", "", ""));
    assert_true(mnk_result_find(r, "train_images@10", "", "papillary")->value <= 14);
    mnk_result_close(r);
    /* another number of classifier steps: generators stay; one subset fewer: what belonged to it goes */
    const char *less[] = {"repeat.subsets=1", "usefulness.select=realism", "classifier.steps=4", "usefulness.steps=7", "evaluate=off"};
    char kept[900], gone[900];
    snprintf(kept, sizeof kept, "%s/gan/model.safetensors", whole);
    snprintf(gone, sizeof gone, "%s/trials/gan-s1-g0", whole);
    struct timespec before = changed(kept);
    assert_true(mnk_path_is_dir(gone));
    assert_ok(run_tiny(whole, less, 5, NULL, NULL, &err));
    assert_true(is_same_time(before, changed(kept)));
    assert_false(mnk_path_exists(gone));
    assert_verifies(whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_name_line_and_column),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_values_reach_their_sections),
        cmocka_unit_test(test_examples_are_valid),
        cmocka_unit_test(test_gates_judge),
        cmocka_unit_test(test_splits_go_by_group_and_class),
        cmocka_unit_test(test_given_splits_are_kept),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_class_names),
        cmocka_unit_test(test_foreign_folders_are_refused),
        cmocka_unit_test(test_run_twice_then_change_then_two_threads),
        cmocka_unit_test(test_survives_kill_at_any_moment),
        cmocka_unit_test(test_repetition),
        cmocka_unit_test(test_interrupted_run_goes_on),
        cmocka_unit_test(test_full_disk_is_said_and_leaves_nothing_half_written),
    };
    return MNK_RUN_TESTS("study", tests);
}
