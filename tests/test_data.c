/* Image datasets that are as they should be: every format written and read back, layouts, splits, selection. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "data/images.h"
#include "pictures.h"

static mnk_error err;

static int clean(void **state) {
    (void)state;
    mnk_error_clear(&err);
    return 0;
}

static void new_select_and_f32(void **state) {
    (void)state;
    mnk_images *d = NULL, *s = NULL;
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
    mnk_images_close(NULL);
}

/* A dataset of random shape and content. */
static mnk_images *random_images(uint32_t item) {
    mnk_rng r = mnk_rng_at(11, MNK_PURPOSE_TEST, item, 0);
    static const char *const names[] = {"clear cell", "papil,lary", "H&E/\"odd\"", "Lärche", "zz"};
    mnk_images *d = NULL;
    int channels = mnk_rng_below(&r, 2) ? 3 : 1;
    assert_ok(mnk_images_new(1 + mnk_rng_below(&r, 40), 1 + (int)mnk_rng_below(&r, 33), 1 + (int)mnk_rng_below(&r, 33),
                             channels, 5, names, &d, &err));
    size_t bytes = d->n * (size_t)d->height * (size_t)d->width * (size_t)channels;
    for (size_t i = 0; i < bytes; i++) d->pixels8[i] = (uint8_t)mnk_rng_u32(&r);
    for (size_t i = 0; i < d->n; i++) {
        d->label[i] = i < 5 && d->n >= 5 ? (int32_t)i : (int32_t)mnk_rng_below(&r, 5);
        d->split[i] = (uint8_t)(1 + mnk_rng_below(&r, 4));
    }
    mnk_images_rehash(d);
    return d;
}

static void write_images(const mnk_images *d, const char *path, const char *generator, bool compress) {
    mnk_images_meta meta = {.height = d->height,
                            .width = d->width,
                            .channels = d->channels,
                            .classes = d->classes,
                            .generator = generator,
                            .class_names = (const char *const *)d->class_names,
                            .model_hash = "blake2b:abc",
                            .seed = 7,
                            .n = d->n,
                            .compress = compress};
    mnk_images_writer *w = NULL;
    assert_ok(mnk_images_writer_open(path, false, &meta, &w, &err));
    for (size_t i = 0; i < d->n; i++)
        assert_ok(mnk_images_writer_add_person(w, mnk_images_pixels(d, i), d->label[i], d->split[i] * 100 + d->label[i],
                                               (mnk_split)d->split[i], &err));
    assert_false(mnk_path_exists(path)); /* nothing before commit */
    assert_ok(mnk_images_writer_commit(w, &err));
}

/* Every image of d, found in e by its pixels, class name, split and person; formats may change the order. */
static void same_images(const mnk_images *d, const mnk_images *e) {
    assert_int_equal(d->n, e->n);
    assert_int_equal(d->height, e->height);
    assert_int_equal(d->width, e->width);
    assert_int_equal(d->channels, e->channels);
    assert_non_null(e->group);
    size_t stride = mnk_images_stride(d);
    bool *used = calloc(d->n, sizeof *used);
    for (size_t i = 0; i < d->n; i++) {
        size_t k = 0;
        for (; k < e->n; k++)
            if (!used[k] && d->split[i] == e->split[k] && !strcmp(d->class_names[d->label[i]], e->class_names[e->label[k]]) &&
                !memcmp(mnk_images_pixels(d, i), mnk_images_pixels(e, k), stride))
                break;
        if (k == e->n) fail_msg("image %zu was not found again", i);
        used[k] = true;
    }
    free(used);
}

static void every_format_round_trips(void **state) {
    (void)state;
    static const char *const names[] = {"set.npz", "packed.npz", "set.tar", "folder"};
    for (uint32_t item = 0; item < 24; item++) {
        const char *folder = test_folder("round");
        mnk_images *d = random_images(item), *e = NULL;
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, names[item % 4]);
        bool synthetic = item / 4 % 2;
        write_images(d, path, synthetic ? "gan" : NULL, item % 4 == 1);
        assert_ok(mnk_images_open(path, NULL, NULL, &e, &err));
        same_images(d, e);
        assert_int_equal(e->synthetic, synthetic);
        mnk_images_close(e);
        mnk_images_close(d);
    }
}

static void files_read(const char *path, uint8_t **bytes, size_t *n) {
    assert_ok(mnk_file_read(path, 1 << 24, bytes, n, &err));
}

static void equal_data_give_equal_bytes(void **state) {
    (void)state;
    static const char *const names[] = {"set.npz", "set.tar"};
    char first[600], second[600];
    for (int k = 0; k < 2; k++) {
        const char *folder = test_folder("twice");
        mnk_images *d = random_images(3);
        uint8_t *a = NULL, *b = NULL;
        size_t na = 0, nb = 0;
        snprintf(first, sizeof first, "%s/1-%s", folder, names[k]);
        snprintf(second, sizeof second, "%s/2-%s", folder, names[k]);
        mnk_threads_set(1);
        write_images(d, first, "gan", true);
        mnk_threads_set(4);
        write_images(d, second, "gan", true);
        files_read(first, &a, &na);
        files_read(second, &b, &nb);
        assert_int_equal(na, nb);
        assert_memory_equal(a, b, na);
        free(a);
        free(b);
        mnk_images_close(d);
    }
}

/* The hash is a name of the content: it must not change from release to release nor with threads. */
static void hash_is_stable(void **state) {
    (void)state;
    mnk_images *d = NULL, *e = NULL;
    assert_ok(mnk_images_new(2, 2, 2, 1, 2, NULL, &d, &err));
    for (int i = 0; i < 8; i++) d->pixels8[i] = (uint8_t)(i * 30);
    d->label[1] = 1;
    mnk_images_rehash(d);
    assert_string_equal(d->hash, "blake2b:fe10d0c32b8afc8217dabb6bbcca4552971dc6d16f83950be9d3595cd8593f45");
    size_t rows[] = {0, 1};
    assert_ok(mnk_images_select(d, rows, 2, &e, &err));
    assert_string_equal(d->hash, e->hash);
    e->split[0] = MNK_SPLIT_TEST;
    mnk_images_rehash(e);
    assert_string_not_equal(d->hash, e->hash);
    mnk_images_close(e);
    mnk_images_close(d);
}

static void put_png(const char *folder, const char *name, unsigned seed) {
    test_bytes b = test_png(seed, 8, 6, 2, 8, 255);
    test_put(folder, name, b.p, b.n);
    free(b.p);
}

static void folders_give_classes_and_splits(void **state) {
    (void)state;
    const char *folder = test_folder("layout");
    put_png(folder, "train/beta/1.png", 1);
    put_png(folder, "train/alpha/deeper/2.PNG", 2);
    put_png(folder, "validation/alpha/3.png", 3);
    put_png(folder, "test/beta/4.png", 4);
    put_png(folder, "test/beta/.hidden.png", 5);
    test_put(folder, "README.md", "text", 4);
    mnk_images *d = NULL;
    char spec[600];
    assert_ok(mnk_images_open(folder, NULL, NULL, &d, &err));
    assert_int_equal(d->n, 4);
    assert_int_equal(d->classes, 2);
    assert_string_equal(d->class_names[0], "alpha");
    assert_string_equal(d->name[0], "test/beta/4.png");
    assert_int_equal(d->split[0], MNK_SPLIT_TEST);
    assert_int_equal(d->split[3], MNK_SPLIT_VAL);
    assert_int_equal(d->label[0], 1);
    assert_null(d->group);
    for (int c = 0; c < 3; c++) assert_int_equal(d->pixels8[(2 * 8 + 5) * 3 + c], test_value(4, 5, 2, c, 8));
    mnk_images_close(d);
    snprintf(spec, sizeof spec, "%s:train", folder);
    assert_ok(mnk_images_open(spec, NULL, NULL, &d, &err));
    assert_int_equal(d->n, 2);
    assert_int_equal(d->classes, 2);
    mnk_images_close(d);
    snprintf(spec, sizeof spec, "%s:test", folder); /* class numbers stay, though alpha has no test picture */
    assert_ok(mnk_images_open(spec, NULL, NULL, &d, &err));
    assert_int_equal(d->classes, 2);
    assert_int_equal(d->label[0], 1);
    assert_string_equal(d->source, spec);
    mnk_images_close(d);
}

static void manifest_gives_all(void **state) {
    (void)state;
    const char *folder = test_folder("manifest");
    for (unsigned i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "img/%u.png", i);
        put_png(folder, name, i);
    }
    const char *csv = "\xef\xbb\xbf"
                      "file,diagnosis,person,split,sex,scanner\r\n"
                      "img/0.png,\"benign, mole\",anna,train,f,A\r\n\r\n"
                      "./img/2.png,melanoma,bert,test,m,\"B \"\"old\"\"\"\r\n"
                      "img/1.png,melanoma,anna,train,f,A\r\n"
                      "img/3.png,melanoma,,test,m,A";
    test_put(folder, "manifest.csv", csv, strlen(csv));
    mnk_images_options options = {.label_column = "diagnosis"};
    mnk_images *d = NULL;
    assert_ok(mnk_images_open(folder, &options, NULL, &d, &err));
    assert_int_equal(d->n, 4);
    assert_string_equal(d->class_names[0], "benign, mole");
    assert_int_equal(d->group[0], d->group[2]);
    assert_int_not_equal(d->group[0], d->group[1]);
    assert_int_equal(d->group[3], -1);
    assert_int_equal(d->attributes, 2);
    assert_string_equal(d->attribute_names[1], "scanner");
    assert_string_equal(d->attribute_values[1 * 4 + 1], "B \"old\"");
    assert_string_equal(d->attribute_values[0 * 4 + 3], "m");
    assert_int_equal(d->split[1], MNK_SPLIT_TEST);
    assert_int_equal(d->pixels8[0], test_value(0, 0, 0, 0, 8));
    mnk_images *s = NULL;
    size_t row = 1;
    assert_ok(mnk_images_select(d, &row, 1, &s, &err));
    assert_string_equal(s->attribute_values[1], "B \"old\"");
    mnk_images_close(s);
    mnk_images_close(d);
    char path[600];
    snprintf(path, sizeof path, "%s/manifest.csv:test", folder);
    assert_ok(mnk_images_open(path, &options, NULL, &d, &err));
    assert_int_equal(d->n, 2);
    mnk_images_close(d);
}

static void tar_styles(void **state) {
    (void)state;
    const char *folder = test_folder("tar");
    char path[600], long_name[260];
    test_bytes a = test_png(1, 5, 5, 0, 8, 255), b = test_png(2, 5, 5, 0, 8, 255);
    memset(long_name, 'n', 200);
    snprintf(long_name + 200, 60, ".png");
    char first[300], second[300];
    snprintf(path, sizeof path, "%s/a.tar", folder);
    for (int style = TEST_TAR_PLAIN; style <= TEST_TAR_GNU; style++) {
        snprintf(first, sizeof first, "./set/train/one/%s", style == TEST_TAR_PLAIN ? "1.png" : long_name);
        snprintf(second, sizeof second, "./set/train/two/2.png");
        test_member members[] = {
            {"./set/train/one/", "", 0}, {first, a.p, a.n}, {second, b.p, b.n}, {"./set/notes.txt", "x", 1}};
        test_bytes t = test_tar(members, 4, (test_tar_style)style);
        test_put(folder, "a.tar", t.p, t.n);
        free(t.p);
        mnk_images *d = NULL;
        assert_ok(mnk_images_open(path, NULL, NULL, &d, &err));
        assert_int_equal(d->n, 2);
        assert_string_equal(d->class_names[1], "two");
        assert_int_equal(d->split[0], MNK_SPLIT_TRAIN);
        if (style != TEST_TAR_PLAIN) assert_non_null(strstr(d->name[0], long_name));
        assert_int_equal(d->pixels8[7], test_value(1, 2, 1, 0, 8));
        mnk_images_close(d);
    }
    free(a.p);
    free(b.p);
}

/* Labels of every width, shapes N and N x 1, groups, names, a set without splits. */
static void npz_types(void **state) {
    (void)state;
    const char *folder = test_folder("npz");
    char path[600];
    uint8_t pixels[3 * 4];
    for (int i = 0; i < 12; i++) pixels[i] = (uint8_t)(i * 20);
    static const struct {
        const char *descr, *shape;
        int item;
    } types[] = {{"|u1", "(3,)", 1},  {"|i1", "(3, 1)", 1}, {"<i2", "(3,)", 2},  {"<u2", "(3, 1)", 2},
                 {"<i4", "(3L,)", 4}, {"<u4", "(3,)", 4},   {"<i8", "(3,1)", 8}, {"<u8", "(3,)", 8}};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        uint8_t labels[24] = {0};
        labels[types[t].item] = 2;
        labels[2 * types[t].item] = 1;
        int32_t groups[] = {70000, -1, 4};
        test_bytes im = test_npy("|u1", "(3, 2, 2)", pixels, 12),
                   lb = test_npy(types[t].descr, types[t].shape, labels, (size_t)(3 * types[t].item)),
                   gr = test_npy("<i4", "(3,)", groups, 12), cn = test_npy("|S3", "(3,)", "one\0two\0\0\0" + 0, 9);
        const char names[] = {'o', 'n', 'e', 't', 'w', 'o', 'x', 0, 0};
        memcpy(cn.p + cn.n - 9, names, 9);
        test_member members[] = {{"images.npy", im.p, im.n, t % 2 == 1},
                                 {"labels.npy", lb.p, lb.n, true},
                                 {"groups.npy", gr.p, gr.n},
                                 {"class_names.npy", cn.p, cn.n}};
        test_bytes z = test_zip(members, 4);
        test_put(folder, "t.npz", z.p, z.n);
        free(z.p), free(im.p), free(lb.p), free(gr.p), free(cn.p);
        snprintf(path, sizeof path, "%s/t.npz", folder);
        mnk_images *d = NULL;
        assert_ok(mnk_images_open(path, NULL, NULL, &d, &err));
        assert_int_equal(d->label[1], 2);
        assert_int_equal(d->label[2], 1);
        assert_int_equal(d->group[0], 70000);
        assert_int_equal(d->group[1], -1);
        assert_string_equal(d->class_names[2], "x");
        assert_int_equal(d->split[0], MNK_SPLIT_NONE);
        assert_memory_equal(d->pixels8, pixels, 12);
        mnk_images_close(d);
    }
}

static void sixteen_bits_are_kept(void **state) {
    (void)state;
    const char *folder = test_folder("deep");
    test_bytes a = test_png(1, 6, 4, 0, 16, 255), b = test_png(2, 6, 4, 0, 8, 255);
    test_put(folder, "k/a.png", a.p, a.n);
    mnk_images *d = NULL;
    assert_ok(mnk_images_open(folder, NULL, NULL, &d, &err));
    assert_int_equal(d->depth, 16);
    assert_null(d->pixels8);
    assert_int_equal(d->pixels16[9], test_value(1, 3, 1, 0, 16));
    float x[24];
    mnk_images_f32(d, 0, x);
    assert_float_equal(x[9], test_value(1, 3, 1, 0, 16) / 32767.5 - 1, 1e-6);
    mnk_images_close(d);
    test_put(folder, "k/b.png", b.p, b.n);
    mnk_images_options both = {.depth = 16};
    assert_ok(mnk_images_open(folder, &both, NULL, &d, &err));
    assert_int_equal(d->pixels16[24 + 9], test_value(2, 3, 1, 0, 8) * 257);
    mnk_images_close(d);
    free(a.p), free(b.p);
}

static void splits_go_by_group(void **state) {
    (void)state;
    enum { N = 600 };
    for (uint64_t seed = 1; seed <= 5; seed++) {
        mnk_images *d = NULL, *e = NULL;
        size_t rows[N];
        assert_ok(mnk_images_new(N, 1, 1, 1, 3, NULL, &d, &err));
        d->group = calloc(N, sizeof *d->group);
        for (int i = 0; i < N; i++) rows[i] = (size_t)i, d->label[i] = i < 400 ? 0 : i < 540 ? 1 : 2, d->group[i] = i / 4;
        assert_ok(mnk_images_select(d, rows, N, &e, &err));
        assert_ok(mnk_images_split(d, 0.7, 0.1, 0.2, seed, &err));
        int count[3][5] = {{0}};
        for (int i = 0; i < N; i++) {
            assert_int_equal(d->split[i], d->split[i / 4 * 4]); /* a group stays together */
            count[d->label[i]][d->split[i]]++;
        }
        for (int c = 0; c < 3; c++) {
            int n = c == 0 ? 400 : c == 1 ? 140 : 60;
            assert_in_range(count[c][MNK_SPLIT_TRAIN], n * 7 / 10 - 4, n * 7 / 10 + 4);
            assert_in_range(count[c][MNK_SPLIT_VAL], n / 10 - 4, n / 10 + 4);
            assert_in_range(count[c][MNK_SPLIT_TEST], n / 5 - 4, n / 5 + 4);
        }
        assert_ok(mnk_images_split(e, 0.7, 0.1, 0.2, seed, &err));
        assert_memory_equal(d->split, e->split, N);
        assert_string_equal(d->hash, e->hash);
        assert_ok(mnk_images_split(e, 0.7, 0.1, 0.2, seed + 1, &err));
        assert_memory_not_equal(d->split, e->split, N);
        assert_int_equal(mnk_images_split(e, 0.7, 0.1, 0.1, seed, &err), MNK_ERR_USAGE);
        mnk_error_clear(&err);
        mnk_images_close(d);
        mnk_images_close(e);
    }
}

static void classes_are_matched_by_name(void **state) {
    (void)state;
    mnk_images *d = NULL;
    const char *own[] = {"b", "c"}, *real[] = {"a", "b", "c"}, *other[] = {"a", "b"};
    assert_ok(mnk_images_new(2, 1, 1, 1, 2, own, &d, &err));
    d->label[1] = 1;
    assert_ok(mnk_images_relabel(d, 3, real, &err));
    assert_int_equal(d->classes, 3);
    assert_int_equal(d->label[0], 1);
    assert_int_equal(d->label[1], 2);
    assert_string_equal(d->class_names[0], "a");
    assert_int_equal(mnk_images_relabel(d, 2, other, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "'c'"));
    assert_int_equal(d->label[1], 2);
    mnk_images_close(d);
}

static void real_data(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t n, train;
        int classes, channels;
    } sets[] = {{"blood_pbc/cells32.npz", 4600, 4000, 8, 3},
                {"blood_pbc/cells64.tar", 2400, 2000, 8, 3},
                {"chest_pneumonia28/pneumonia28.npz", 5232, 4708, 2, 1},
                {"lung_he/tiles64.tar", 2652, 2124, 3, 3}};
    int seen = 0;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const char *path = test_real_data(sets[i].name);
        if (!path) continue;
        mnk_images *d = NULL;
        size_t train = 0;
        assert_ok(mnk_images_open(path, NULL, NULL, &d, &err));
        for (size_t k = 0; k < d->n; k++) train += d->split[k] == MNK_SPLIT_TRAIN;
        assert_int_equal(d->n, sets[i].n);
        assert_int_equal(train, sets[i].train);
        assert_int_equal(d->classes, sets[i].classes);
        assert_int_equal(d->channels, sets[i].channels);
        mnk_images_close(d);
        seen++;
    }
    if (!seen) skip();
}

static void real_groups(void **state) {
    (void)state;
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
    mnk_images_close(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(new_select_and_f32, clean),
        cmocka_unit_test_setup(every_format_round_trips, clean),
        cmocka_unit_test_setup(equal_data_give_equal_bytes, clean),
        cmocka_unit_test_setup(hash_is_stable, clean),
        cmocka_unit_test_setup(folders_give_classes_and_splits, clean),
        cmocka_unit_test_setup(manifest_gives_all, clean),
        cmocka_unit_test_setup(tar_styles, clean),
        cmocka_unit_test_setup(npz_types, clean),
        cmocka_unit_test_setup(sixteen_bits_are_kept, clean),
        cmocka_unit_test_setup(splits_go_by_group, clean),
        cmocka_unit_test_setup(classes_are_matched_by_name, clean),
        cmocka_unit_test_setup(real_data, clean),
        cmocka_unit_test_setup(real_groups, clean),
    };
    return MNK_RUN_TESTS("data", tests);
}
