#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/safetensors.h"

/* Known-answer vectors published with Random123 (kat_vectors, philox4x32 10). */
static void philox_known_answers(void **state) {
    (void)state;
    static const uint32_t kat[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
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
    const mnk_st_meta meta[] = {{"format", "manikin-model"}, {"format_version", version}, {"kind", "gan"}, {"note", "a \"quoted\" \xC3\xA9"}};
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(philox_known_answers), cmocka_unit_test(safetensors_round_trip),
                                       cmocka_unit_test(safetensors_refuses_every_cut_and_newer_versions)};
    return MNK_RUN_TESTS("base", tests);
}
