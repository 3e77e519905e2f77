#include "test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/safetensors.h"

/* Known-answer vectors published with Random123 (kat_vectors, philox4x32 10). */
static void philox_known_answers(void **state) {
    (void)state;
    static const uint32_t kat[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
         0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        mnk_philox(kat[i], kat[i] + 4, out);
        assert_memory_equal(out, kat[i] + 6, sizeof out);
    }
}

/* Shared helper: a model with two tensors; returns its bytes. */
static uint8_t *small_model(const char *version, size_t *n) {
    static const float w[6] = {1, 2, 3, 4, 5, 6};
    static const int64_t step = 42;
    mnk_error err = MNK_ERROR_INIT;
    char path[600];
    snprintf(path, sizeof path, "%s/m.model", test_folder("st"));
    const mnk_st_tensor tensors[] = {{"g.fc.w", MNK_F32, 2, {2, 3}, 6, w}, {"step", MNK_I64, 0, {0}, 1, &step}};
    const mnk_st_meta meta[] = {
        {"format", "manikin-model"}, {"format_version", version}, {"kind", "gan"}, {"note", "a \"quoted\" \xC3\xA9"}};
    assert_ok(mnk_st_write(path, false, tensors, 2, meta, 4, &err));
    assert_int_equal(mnk_st_write(path, false, tensors, 2, meta, 4, &err), MNK_ERR_INPUT); /* never overwritten unasked */
    mnk_error_clear(&err);
    uint8_t *bytes = NULL;
    assert_ok(mnk_file_read(path, 1 << 20, &bytes, n, &err));
    return bytes;
}

static void safetensors_round_trip(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    size_t n = 0;
    uint8_t *bytes = small_model("1", &n);
    mnk_st *st = NULL;
    assert_ok(mnk_st_parse(bytes, n, "m", &st, &err));
    assert_ok(mnk_st_require_model(st, "m", "gan", &err));
    assert_int_equal(mnk_st_require_model(st, "m", "classifier", &err), MNK_ERR_INPUT);
    assert_int_equal(mnk_st_count(st), 2);
    const mnk_st_tensor *t = mnk_st_find(st, "g.fc.w");
    assert_non_null(t);
    assert_int_equal(t->shape[1], 3);
    assert_true(((const float *)t->data)[5] == 6.0f);
    assert_int_equal(*(const int64_t *)mnk_st_find(st, "step")->data, 42);
    assert_string_equal(mnk_st_meta_get(st, "note"), "a \"quoted\" \xC3\xA9");
    assert_null(mnk_st_find(st, "absent"));
    mnk_st_close(st);
    mnk_free(bytes);
}

static void safetensors_refuses_every_cut_and_newer_versions(void **state) {
    (void)state;
    size_t n = 0;
    uint8_t *bytes = small_model("1", &n);
    for (size_t cut = 0; cut < n; cut++) {
        mnk_error err = MNK_ERROR_INIT;
        mnk_st *st = NULL;
        uint8_t *copy = mnk_alloc(cut + 1, 1); /* exact size: a read past the end shows under ASan */
        memcpy(copy, bytes, cut);
        assert_int_equal(mnk_st_parse(copy, cut, "m", &st, &err), MNK_ERR_INPUT);
        assert_null(st);
        assert_true(strlen(err.message) > 0);
        mnk_free(copy);
    }
    mnk_free(bytes);
    mnk_error err = MNK_ERROR_INIT;
    bytes = small_model("2", &n);
    mnk_st *st = NULL;
    assert_ok(mnk_st_parse(bytes, n, "m", &st, &err));
    assert_int_equal(mnk_st_require_model(st, "m", "gan", &err), MNK_ERR_VERSION);
    mnk_st_close(st);
    mnk_free(bytes);
}

/* Mean, variance and tails of the derived distributions, with tolerances of six standard errors: fails for a wrong formula,
 * not by chance (the stream is fixed). */
static void distributions_have_their_moments(void **state) {
    (void)state;
    enum { N = 200000 };
    const struct {
        int kind;
        double parameter, mean, variance;
    } cases[] = {{0, 0, 0.5, 1.0 / 12}, {1, 0, 0, 1}, {2, 0, 1, 1},       {3, 0.5, 0.5, 0.5},
                 {3, 4, 4, 4},          {4, 3, 3, 3}, {4, 200, 200, 200}, {5, 7, 3, 4}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mnk_rng r = mnk_rng_at(7, MNK_PURPOSE_TEST, c, 0);
        double sum = 0, squares = 0;
        for (int i = 0; i < N; i++) {
            double x = 0;
            switch (cases[c].kind) {
            case 0: x = mnk_rng_uniform(&r); break;
            case 1: x = mnk_rng_normal(&r); break;
            case 2: x = mnk_rng_exponential(&r); break;
            case 3: x = mnk_rng_gamma(&r, cases[c].parameter); break;
            case 4: x = (double)mnk_rng_poisson(&r, cases[c].parameter); break;
            default: x = (double)mnk_rng_below(&r, (uint64_t)cases[c].parameter); break;
            }
            sum += x;
            squares += (x - cases[c].mean) * (x - cases[c].mean);
        }
        double se = sqrt(cases[c].variance / N);
        if (fabs(sum / N - cases[c].mean) > 6 * se) fail_msg("case %zu: mean %g, not %g", c, sum / N, cases[c].mean);
        if (fabs(squares / N / cases[c].variance - 1) > 0.03)
            fail_msg("case %zu: variance %g, not %g", c, squares / N, cases[c].variance);
    }
}

static void streams_do_not_meet(void **state) {
    (void)state;
    mnk_rng a = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 0), same = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 0);
    mnk_rng others[] = {mnk_rng_at(2, MNK_PURPOSE_TEST, 0, 0), mnk_rng_at(1, MNK_PURPOSE_INIT, 0, 0),
                        mnk_rng_at(1, MNK_PURPOSE_TEST, 1, 0), mnk_rng_at(1, MNK_PURPOSE_TEST, (uint64_t)1 << 32, 0),
                        mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 1)};
    uint64_t first = mnk_rng_u64(&a);
    assert_true(first == mnk_rng_u64(&same));
    for (size_t i = 0; i < 5; i++) assert_true(first != mnk_rng_u64(&others[i]));
    size_t index[100], seen[100] = {0};
    mnk_rng_permutation(&a, index, 100);
    for (int i = 0; i < 100; i++) seen[index[i]]++;
    for (int i = 0; i < 100; i++) assert_int_equal(seen[i], 1);
}

static void add_reciprocals(void *ctx, size_t begin, size_t end, double *partial) {
    (void)ctx;
    for (size_t i = begin; i < end; i++) partial[0] += 1.0 / (double)(i + 1), partial[1] += (double)i;
}

static void sums_do_not_depend_on_threads(void **state) {
    (void)state;
    double one[2] = {0};
    mnk_threads_set(1);
    assert_int_equal(mnk_parallel_sum(100003, 1000, 2, one, add_reciprocals, NULL), 0);
    for (int threads = 2; threads <= 4; threads++) {
        double many[2] = {0};
        mnk_threads_set(threads);
        assert_int_equal(mnk_parallel_sum(100003, 1000, 2, many, add_reciprocals, NULL), 0);
        assert_memory_equal(one, many, sizeof one);
    }
    assert_true(one[1] == 100003.0 * 100002.0 / 2);
    mnk_threads_set(3); /* OpenBLAS must not change the number behind our back */
    assert_int_equal(mnk_threads(), 3);
    int threads = mnk_blas_enter();
    assert_int_equal(mnk_threads(), 1);
    mnk_blas_leave(threads);
    assert_int_equal(mnk_threads(), 3);
    mnk_threads_set(0);
}

static void json_is_exact_and_escaped(void **state) {
    (void)state;
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_json_string(&j, "a\"b", "line\nbreak \xff \xc3\xa9 \x01");
    mnk_json_double(&j, "third", 1.0 / 3);
    mnk_json_double(&j, "nan", NAN);
    mnk_json_double(&j, "big", 100000);
    mnk_json_double(&j, "tiny", 5e-324);
    mnk_json_array(&j, "list");
    mnk_json_int(&j, NULL, INT64_MIN);
    mnk_json_bool(&j, NULL, true);
    mnk_json_end_array(&j);
    mnk_json_end_object(&j);
    assert_string_equal(text.s,
                        "{\"a\\\"b\":\"line\\nbreak \xEF\xBF\xBD \xc3\xa9 \\u0001\",\"third\":0.3333333333333333,\"nan\":null,"
                        "\"big\":100000,\"tiny\":5e-324,\"list\":[-9223372036854775808,true]}");
    mnk_text_clear(&text);
    mnk_rng r = mnk_rng_at(3, MNK_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < 20000; i++) { /* every printed double reads back to itself */
        uint64_t bits = mnk_rng_u64(&r);
        double x = 0;
        char buffer[32];
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x)) assert_true(strtod(mnk_double_text(x, buffer), NULL) == x);
    }
}

/* A file-size limit stands for the full disk: the write fails, the old file stays, no temporary file is left. */
static void full_disk_leaves_the_old_file(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    char folder[512], path[600];
    snprintf(folder, sizeof folder, "%s", test_folder("full"));
    snprintf(path, sizeof path, "%s/out.bin", folder);
    static char bytes[100000];
    assert_ok(mnk_file_write(path, false, "old", 3, &err));
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    mnk_status status = mnk_file_write(path, true, bytes, sizeof bytes, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(status, MNK_ERR_IO);
    assert_non_null(strstr(err.message, "out.bin"));
    mnk_error_clear(&err);
    char **names = NULL;
    size_t n = 0;
    assert_ok(mnk_dir_list(folder, &names, &n, &err));
    assert_int_equal(n, 1);
    mnk_free(names);
    uint8_t *content = NULL;
    assert_ok(mnk_file_read(path, 100, &content, &n, &err));
    assert_string_equal((char *)content, "old");
    mnk_free(content);
    assert_int_equal(mnk_file_read(path, 2, &content, &n, &err), MNK_ERR_INPUT);
    mnk_error_clear(&err);
    assert_int_equal(mnk_dir_claim(folder, false, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.hint, "--force"));
}

static void first_error_wins_and_codes_map(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    assert_int_equal(MNK_FAIL(&err, MNK_ERR_INPUT, "first %d", 1), MNK_ERR_INPUT);
    assert_int_equal(MNK_FAIL(&err, MNK_ERR_IO, "second"), MNK_ERR_IO);
    assert_string_equal(err.message, "first 1");
    assert_int_equal(MNK_FAIL(NULL, MNK_ERR_IO, "nobody listens"), MNK_ERR_IO);
    static const int codes[] = {0, 1, 2, 3, 4, 1, 1, 4, 1, 130};
    for (int i = 0; i < 10; i++) assert_int_equal(mnk_status_exit_code((mnk_status)i), codes[i]);
}

static void short_memory_is_an_error_not_a_crash(void **state) {
    (void)state;
    assert_null(mnk_alloc(SIZE_MAX / 2, 4));
    assert_null(mnk_alloc_aligned(SIZE_MAX / 2, 4));
    mnk_error err = MNK_ERROR_INIT;
    assert_int_equal(mnk_memory_require(SIZE_MAX / 2, "this", &err), MNK_ERR_MEMORY);
    size_t n = 0;
    uint8_t *bytes = small_model("1", &n);
    int failures = 0;
    for (long k = 1; k <= 4; k++) {
        mnk_st *st = NULL;
        mnk_error_clear(&err);
        mnk_alloc_fail_after(k);
        mnk_status status = mnk_st_parse(bytes, n, "m", &st, &err);
        mnk_alloc_fail_after(0);
        if (status != MNK_OK) assert_int_equal(status, MNK_ERR_MEMORY);
        failures += status != MNK_OK;
        mnk_st_close(st);
    }
    assert_int_equal(failures, 3); /* the handle, the table, the data */
    mnk_free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(streams_do_not_meet),
        cmocka_unit_test(sums_do_not_depend_on_threads),
        cmocka_unit_test(json_is_exact_and_escaped),
        cmocka_unit_test(full_disk_leaves_the_old_file),
        cmocka_unit_test(first_error_wins_and_codes_map),
        cmocka_unit_test(short_memory_is_an_error_not_a_crash),
        cmocka_unit_test(safetensors_round_trip),
        cmocka_unit_test(safetensors_refuses_every_cut_and_newer_versions),
    };
    return MNK_RUN_TESTS("base", tests);
}
