#include "test.h"

#include <stdio.h>
#include <string.h>

#include "data/images.h"

static mnk_error err;

static void new_select_and_f32(void **state) {
    (void)state;
    mnk_images *d = NULL, *s = NULL;
    mnk_error_clear(&err);
    const char *names[] = {"benign", "malignant"};
    assert_ok(mnk_images_new(3, 2, 2, 3, 2, names, &d, &err));
    assert_string_equal(d->name[2], "000002");
    for (size_t i = 0; i < 36; i++) d->pixels8[i] = (uint8_t)(i * 7);
    d->label[1] = 1;
    mnk_images_rehash(d);
    size_t rows[] = {2, 1, 1};
    assert_ok(mnk_images_select(d, rows, 3, &s, &err));
    assert_memory_equal(s->pixels8 + 12, d->pixels8 + 12, 12);
    assert_memory_equal(s->pixels8, d->pixels8 + 24, 12);
    assert_int_equal(s->label[2], 1);
    assert_string_equal(s->name[0], "000002");
    assert_string_equal(s->class_names[1], "malignant");
    assert_string_not_equal(s->hash, d->hash);
    float x[12];
    mnk_images_f32(d, 0, x);
    assert_float_equal(x[0], -1, 1e-7);
    assert_float_equal(x[1], 21 / 127.5 - 1, 1e-6); /* second pixel of the red plane */
    assert_float_equal(x[4], 7 / 127.5 - 1, 1e-6);  /* first of the green plane */
    size_t beyond = 3;
    mnk_images *none = NULL;
    assert_int_equal(mnk_images_select(d, &beyond, 1, &none, &err), MNK_ERR_USAGE);
    assert_null(none);
    mnk_images_close(s);
    mnk_images_close(d);
}

static void real_npz(void **state) {
    (void)state;
    mnk_error_clear(&err);
    const char *path = test_real_data("lung_he/tiles32.npz");
    if (!path) skip();
    mnk_images *d = NULL;
    /* its groups are numbered within classes, and are refused until that is said */
    assert_int_equal(mnk_images_open(path, NULL, NULL, &d, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "64 groups are on both sides of the split"));
    mnk_error_clear(&err);
    mnk_images_options options = {.groups_within_class = true};
    assert_ok(mnk_images_open(path, &options, NULL, &d, &err));
    assert_int_equal(d->n, 7203 + 1848);
    int32_t groups = 0;
    for (size_t i = 0; i < d->n; i++)
        if (d->group[i] >= groups) groups = d->group[i] + 1;
    assert_int_equal(groups, 354 + 88); /* README of the data */
    assert_int_equal(d->classes, 3);
    assert_int_equal(d->channels, 3);
    assert_int_equal(d->split[7203], MNK_SPLIT_TEST);
    assert_non_null(d->group);
    mnk_images_close(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(new_select_and_f32), cmocka_unit_test(real_npz)};
    return MNK_RUN_TESTS("data", tests);
}
