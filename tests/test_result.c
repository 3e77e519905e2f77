/* Results: rows, JSON there and back with the same bytes, newer and damaged files, the table. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/result.h"

static mnk_result *sample(void) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("evaluate", 7, &r, &err));
    r->wall_s = 1.25;
    assert_non_null(mnk_result_add_input(r, "train", "tissue/ \"x\".npz", 500, "blake2b:00"));
    r->encodings = 1;
    snprintf(r->encoding[0].name, sizeof r->encoding[0].name, "scatter");
    r->encoding[0].dim = 64;
    for (int i = 0; i < 20; i++) {
        mnk_metric *m = mnk_result_add_metric(r, i % 2 ? "coverage" : "recall", "diversity");
        assert_non_null(m);
        if (i >= 2) snprintf(m->subset, sizeof m->subset, "class %d", i / 2);
        snprintf(m->encoding, sizeof m->encoding, "scatter");
        m->value = 1.0 / (i + 3);
        if (i % 3) m->low = m->value - 0.01, m->high = m->value + 0.01;
        m->n = 500;
        mnk_metric_add_reference(m, "holdout", 0.97);
        mnk_metric_add_reference(m, "floor", NAN);
    }
    mnk_flag *f = mnk_result_add_flag(r, "exact_copy", 17);
    assert_non_null(f);
    f->of = 231;
    snprintf(f->note, sizeof f->note, "turned 90");
    mnk_result_add_warning(r, "no holdout: %d references missing", 1);
    r->settings_json = mnk_strdup("{ \"k\": 5, \"encoding\": [\"scatter\", null, true, 0.1] }");
    return r;
}

static void test_round_trip(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = sample(), *back = NULL;
    char *a = NULL, *b = NULL;
    assert_ok(mnk_result_json(r, &a, &err));
    assert_ok(mnk_result_parse(a, strlen(a), "memory", &back, &err));
    back->threads = r->threads;
    assert_ok(mnk_result_json(back, &b, &err));
    assert_string_equal(a, b);
    assert_int_equal(back->metrics, 20);
    const mnk_metric *m = mnk_result_find(back, "coverage", "scatter", "class 3");
    assert_non_null(m);
    assert_true(m->value == 1.0 / 10);
    assert_int_equal(m->references, 2);
    assert_true(isnan(m->reference[1].value));
    assert_null(mnk_result_find(back, "coverage", "", "class 3"));
    assert_int_equal(back->flag[0].of, 231);
    mnk_free(a);
    mnk_free(b);
    mnk_result_close(r);
    mnk_result_close(back);
}

static void test_file(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = sample(), *back = NULL;
    char path[600];
    snprintf(path, sizeof path, "%s/r.json", test_folder("result"));
    assert_ok(mnk_result_write(r, path, false, &err));
    assert_int_equal(mnk_result_write(r, path, false, &err), MNK_ERR_INPUT);
    mnk_error_clear(&err);
    assert_ok(mnk_result_read(path, &back, &err));
    assert_string_equal(back->input[0].path, "tissue/ \"x\".npz");
    mnk_result_close(r);
    mnk_result_close(back);
}

static void refuse(const char *text, mnk_status expected, const char *words) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_int_equal(mnk_result_parse(text, strlen(text), "bad.json", &r, &err), expected);
    assert_null(r);
    if (!strstr(err.message, words)) fail_msg("expected \"%s\" in \"%s\"", words, err.message);
}

static void test_refusals(void **state) {
    (void)state;
    refuse("", MNK_ERR_INPUT, "not valid JSON");
    refuse("[]", MNK_ERR_INPUT, "not a manikin result");
    refuse("{\"format\":\"else\"}", MNK_ERR_INPUT, "format");
    refuse("{\"format\":\"manikin-result\",\"format_version\":2}", MNK_ERR_VERSION, "newer");
    refuse("{\"format\":\"manikin-result\",\"format_version\":1,\"metrics\":[{\"id\":\"x\",\"value\":\"a\"}]}", MNK_ERR_INPUT,
           "not a number");
    refuse("{\"format\":\"manikin-result\",\"format_version\":1,\"metrics\":[{\"id\":\"x\",\"ci\":[1]}]}", MNK_ERR_INPUT,
           "pair");
    refuse("{\"format\":\"manikin-result\",\"format_version\":1,\"flags\":[{\"item\":-1}]}", MNK_ERR_INPUT, "item");
    mnk_result *r = sample();
    mnk_error err = MNK_ERROR_INIT;
    char *text = NULL;
    assert_ok(mnk_result_json(r, &text, &err));
    for (size_t n = 0; n + 1 < strlen(text); n += 97) { /* cut short anywhere: refused, nothing leaks */
        mnk_result *back = NULL;
        assert_int_not_equal(mnk_result_parse(text, n, "cut.json", &back, &err), MNK_OK);
        assert_null(back);
    }
    mnk_free(text);
    mnk_result_close(r);
}

static void test_print(void **state) {
    (void)state;
    mnk_result *r = sample();
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    mnk_result_print(r, f, false);
    fclose(f);
    assert_non_null(strstr(text, "0.250"));
    assert_non_null(strstr(text, "class 9"));
    assert_non_null(strstr(text, "1 flagged exact_copy"));
    assert_non_null(strstr(text, "warning: no holdout"));
    free(text);
    mnk_result_close(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_print),
    };
    return MNK_RUN_TESTS("result", tests);
}
