/* The classifier under DP-SGD: it learns, persons are the unit, and the file says what it guarantees and nothing of the rows.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/safetensors.h"
#include "learn/classifier/private.h"
#include "manikin/usefulness.h"
#include "textures.h"

enum { N = 400, PERSONS = 200 };

static mnk_error err = MNK_ERROR_INIT;

static void expect(mnk_status got, mnk_status want, const char *part) {
    if (got != want || !strstr(err.message, part))
        fail_msg("status %d, wanted %d with \"%s\": %s", (int)got, (int)want, part, err.message);
    mnk_error_clear(&err);
}

static mnk_images *persons_of_two(void) {
    mnk_images *d = textures(N, 16, 1, 2, 1, 1);
    assert_ok(MNK_NEW(d->group, N, &err));
    for (int32_t i = 0; i < N; i++) d->group[i] = i % PERSONS;
    return d;
}

static mnk_classifier_config small(void) {
    mnk_classifier_config c;
    mnk_classifier_defaults(&c);
    c.seed = 1, c.width = 4, c.stages = 2, c.batch = 50, c.steps = 40, c.rate = 2e-2, c.augment = false;
    return c;
}

static const mnk_classifier_private wanted = {
    .on = true, .target = {.epsilon = 8, .delta = 1e-4, .reproducible = true}, .sgd = {.clip = 1}};

static const char *in_folder(const char *name) {
    static char path[2][512];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", test_folder("private_classifier"), name);
    return path[turn];
}

static double area_of(mnk_classifier *c) {
    mnk_images *test = textures(200, 16, 1, 2, 1, 2);
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("test", 1, &r, &err));
    assert_ok(mnk_classifier_judge(c, test, 0.95, 200, 1, r, &err));
    const double area = mnk_result_find(r, "macro_auc", "", "")->value;
    mnk_result_close(r);
    mnk_images_close(test);
    return area;
}

static void test_learns(void **state) {
    (void)state;
    mnk_images *d = persons_of_two();
    mnk_classifier_config config = small();
    mnk_classifier *c, *again;
    mnk_st *st;
    char path[512];
    snprintf(path, sizeof path, "%s", in_folder("c.model"));
    assert_ok(mnk_classifier_train_private(d, &config, &wanted, path, false, NULL, &c, &err));
    assert_int_equal(mnk_classifier_describe(c).train_n, PERSONS);
    const double area = area_of(c);
    assert_true(area > 0.8);
    assert_ok(mnk_classifier_open(path, &again, &err)); /* group norm again */
    assert_true(area_of(again) == area);
    assert_ok(mnk_st_open(path, &st, &err));
    assert_string_equal(mnk_st_meta_get(st, "train_hash"), "");
    assert_non_null(strstr(mnk_st_meta_get(st, "privacy"), "NOT PRIVATE"));
    assert_non_null(strstr(mnk_st_meta_get(st, "privacy"), "a person more or less"));
    assert_non_null(strstr(mnk_st_meta_get(st, "privacy_block"), "\"sampling_rate\":0.25"));
    assert_non_null(strstr(mnk_st_meta_get(st, "model"), "\"norm\":\"group\""));
    assert_null(strstr(mnk_st_meta_get(st, "model"), "400"));
    assert_non_null(strstr(mnk_st_meta_get(st, "settings"), "\"balanced\":false"));
    mnk_st_close(st);
    char ledger[600], copy[600];
    snprintf(ledger, sizeof ledger, "%s.ledger", path);
    mnk_ledger_book *book;
    assert_ok(mnk_ledger_read(ledger, &book, &err));
    assert_ok(mnk_ledger_check_model(book, path, &err));
    assert_int_equal(book->people, PERSONS);
    assert_int_equal(book->spent.item[0].count, 40);
    mnk_ledger_book_close(book);
    /* a model read and written again keeps its statement */
    snprintf(copy, sizeof copy, "%s.copy", path);
    assert_ok(mnk_classifier_save(again, copy, false, &err));
    assert_ok(mnk_st_open(copy, &st, &err));
    assert_non_null(mnk_st_meta_get(st, "privacy_block"));
    mnk_st_close(st);
    mnk_classifier_close(again);
    mnk_classifier_close(c);
    mnk_images_close(d);
}

static void test_threads(void **state) {
    (void)state;
    mnk_images *d = persons_of_two();
    mnk_classifier_config config = small();
    config.steps = 3, config.augment = true, config.dropout = 0.2;
    char hash[2][MNK_HASH_TEXT], path[512], ledger[600];
    for (int k = 0; k < 2; k++) { /* the ledger's random number is in the file: compare what was learned */
        mnk_classifier *c;
        snprintf(path, sizeof path, "%s", in_folder("t.model"));
        snprintf(ledger, sizeof ledger, "%s.ledger", path);
        mnk_threads_set(k ? 3 : 1);
        assert_ok(mnk_classifier_train_private(d, &config, &wanted, path, false, NULL, &c, &err));
        mnk_st *st;
        assert_ok(mnk_st_open(path, &st, &err));
        mnk_hash *h = mnk_hash_open();
        for (size_t i = 0; i < mnk_st_count(st); i++)
            mnk_hash_add(h, mnk_st_at(st, i)->data, mnk_st_at(st, i)->count * sizeof(float));
        mnk_hash_finish(h, hash[k]);
        mnk_st_close(st);
        mnk_classifier_close(c);
    }
    mnk_threads_set(1);
    assert_string_equal(hash[0], hash[1]);
    mnk_images_close(d);
}

static bool stop_soon(void *ctx) { return ++*(int *)ctx > 5; }

static void test_interrupted(void **state) {
    (void)state;
    int calls = 0;
    mnk_observer observer = {.ctx = &calls, .stopped = stop_soon};
    mnk_images *d = persons_of_two();
    mnk_classifier_config config = small();
    mnk_classifier_private again = wanted;
    mnk_classifier *c;
    char path[512], ledger[600];
    snprintf(path, sizeof path, "%s", in_folder("i.model"));
    snprintf(ledger, sizeof ledger, "%s.ledger", path);
    expect(mnk_classifier_train_private(d, &config, &wanted, path, false, &observer, &c, &err), MNK_ERR_INTERRUPTED, "ledger");
    assert_null(c);
    mnk_ledger_book *book;
    assert_ok(mnk_ledger_read(ledger, &book, &err));
    assert_int_equal(book->spent.item[0].count, 40); /* charged ahead, and spent */
    mnk_ledger_book_close(book);
    expect(mnk_classifier_train_private(d, &config, &wanted, path, false, NULL, &c, &err), MNK_ERR_INPUT, "exists already");
    again.target.resume = true;
    expect(mnk_classifier_train_private(d, &config, &again, path, false, NULL, &c, &err), MNK_ERR_INPUT, "nothing is left");
    again.target.epsilon = 16; /* more, and the rest of it */
    assert_ok(mnk_classifier_train_private(d, &config, &again, path, false, NULL, &c, &err));
    mnk_classifier_close(c);
    mnk_images_close(d);
}

static void test_refusals(void **state) {
    (void)state;
    mnk_images *d = persons_of_two();
    mnk_classifier_config config = small();
    mnk_classifier_private p = wanted;
    mnk_classifier *c;
    p.target.delta = 0.005; /* 1/200 */
    expect(mnk_classifier_train_private(d, &config, &p, in_folder("r.model"), false, NULL, &c, &err), MNK_ERR_USAGE, "1/200");
    p = wanted, p.target.epsilon = 0;
    expect(mnk_classifier_train_private(d, &config, &p, in_folder("r.model"), false, NULL, &c, &err), MNK_ERR_USAGE,
           "needs an epsilon");
    p = wanted, config.batch = 201;
    expect(mnk_classifier_train_private(d, &config, &p, in_folder("r.model"), false, NULL, &c, &err), MNK_ERR_USAGE,
           "batches of 201");
    p = wanted, p.on = false;
    expect(mnk_classifier_private_check(&p, &err), MNK_ERR_USAGE, "without --dp");
    const mnk_classifier_private none = {.sgd = {.clip = 1}};
    assert_ok(mnk_classifier_private_check(&none, &err));
    mnk_images_close(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_refusals),
    };
    return MNK_RUN_TESTS("private_classifier", tests);
}
