/* Image datasets that are not as they should be: a clear refusal, the right status, nothing half-written. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "data/images.h"
#include "pictures.h"

static mnk_error err;
static char root[512]; /* of the running test */

static int clean(void **state) {
    (void)state;
    mnk_error_clear(&err);
    snprintf(root, sizeof root, "%s", test_folder("bad"));
    return 0;
}

/* Opening `name` below root fails with this status and these words. */
static void refused_with(const char *name, const mnk_images_options *o, mnk_status status, const char *words) {
    char spec[1100];
    mnk_images *d = NULL;
    snprintf(spec, sizeof spec, "%s%s%s", root, *name ? "/" : "", name);
    mnk_error_clear(&err);
    mnk_status got = mnk_images_open(spec, o, NULL, &d, &err);
    if (got == MNK_OK) {
        mnk_images_close(d);
        fail_msg("%s was accepted", spec);
    }
    if (got != status || !strstr(err.message, words))
        fail_msg("status %d, '%s' does not say '%s'", (int)got, err.message, words);
    assert_null(d);
}

static void refused(const char *name, const char *words) { refused_with(name, NULL, MNK_ERR_INPUT, words); }

static void put_png(const char *name, unsigned seed, int width, int height, int colour_type, int depth) {
    test_bytes b = test_png(seed, width, height, colour_type, depth, depth == 16 ? 65535 : 255);
    test_put(root, name, b.p, b.n);
    free(b.p);
}

static void put_text(const char *name, const char *text) { test_put(root, name, text, strlen(text)); }

static void missing_and_foreign(void **state) {
    (void)state;
    refused("nowhere", "no such file or folder");
    refused("nowhere:train", "no such file or folder");
    put_text("notes.txt", "hello");
    refused("notes.txt", "not an image dataset");
    refused("", "no pictures");
    put_png("k/1.png", 1, 4, 4, 0, 8);
    refused_with("k:tain", NULL, MNK_ERR_USAGE, "no split is called 'tain'");
    refused(":test", "has no splits");
    mnk_images_options bad_size = {.size = 5000}, bad_channels = {.channels = 2}, bad_depth = {.depth = 12};
    refused_with("", &bad_size, MNK_ERR_USAGE, "size");
    refused_with("", &bad_channels, MNK_ERR_USAGE, "channels");
    refused_with("", &bad_depth, MNK_ERR_USAGE, "depth");
    mnk_images_options small = {.max_bytes = 20};
    refused_with("", &small, MNK_ERR_MEMORY, "the limit is");
}

static void layouts_refused(void **state) {
    (void)state;
    mnk_error e = MNK_ERROR_INIT;
    char empty[600];
    put_png("a/1.png", 1, 4, 4, 0, 8);
    snprintf(empty, sizeof empty, "%s/hollow", root);
    assert_ok(mnk_dir_make(empty, &err));
    refused("", "1 class folder without pictures: hollow");
    assert_ok(mnk_dir_remove(empty, &e));
    put_png("stray.png", 1, 4, 4, 0, 8);
    refused("", "a picture without a class folder");
    clean(state);
    put_png("train/a/1.png", 1, 4, 4, 0, 8);
    put_png("b/2.png", 2, 4, 4, 0, 8);
    refused("", "some pictures are in a split folder");
    clean(state);
    put_png("train/1.png", 1, 4, 4, 0, 8);
    refused("", "a split folder without class folders");
}

static void one_class_is_a_dataset(void **state) {
    (void)state;
    mnk_images *d = NULL;
    put_png("only/1.png", 1, 4, 4, 0, 8);
    assert_ok(mnk_images_open(root, NULL, NULL, &d, &err));
    assert_int_equal(d->classes, 1);
    mnk_images_close(d);
}

/* All bad files in one message; skipped and counted on request. */
static void bad_files_are_listed_together(void **state) {
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "k/good%u.png", i);
        put_png(name, i, 8, 8, 2, 8);
    }
    test_bytes whole = test_png(1, 8, 8, 2, 8, 255);
    test_put(root, "k/cut.png", whole.p, whole.n / 2);
    free(whole.p);
    put_text("k/empty.jpg", "");
    put_text("k/text.tif", "this is no picture");
    put_png("k/size.png", 1, 8, 9, 2, 8);
    put_png("k/grey.png", 1, 8, 8, 0, 8);
    put_png("k/deep.png", 1, 8, 8, 2, 16);
    refused("", "6 of 12 images cannot be used");
    static const char *const words[] = {"cut.png: damaged or truncated PNG", "empty.jpg: empty file (0 bytes)",
                                        "text.tif: not a PNG, JPEG or TIFF", "size.png: 8x9 pixels, most are 8x8",
                                        "grey.png: grey, most are RGB",      "deep.png: 16 bit, most have 8"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(err.message, words[i])) fail_msg("'%s' does not say '%s'", err.message, words[i]);
    mnk_images_options skip = {.skip_bad = true};
    mnk_images *d = NULL;
    mnk_error_clear(&err);
    assert_ok(mnk_images_open(root, &skip, NULL, &d, &err));
    assert_int_equal(d->n, 6);
    assert_int_equal(d->skipped, 6);
    for (size_t i = 0; i < d->n; i++) assert_int_equal(d->pixels8[i * 192], test_value((unsigned)i, 0, 0, 0, 8));
    mnk_images_close(d);
    mnk_images_options eight = {.depth = 8};
    refused_with("", &eight, MNK_ERR_INPUT, "deep.png: 16 bit, 8 bit was asked for");
    clean(state);
    put_text("k/a.png", "x");
    put_text("k/b.png", "y");
    refused_with("", &skip, MNK_ERR_INPUT, "2 of 2 images cannot be used"); /* nothing would be left */
    put_png("j/c.png", 1, 8, 8, 0, 8);
    refused_with("", &skip, MNK_ERR_INPUT, "class 'k' has no usable picture left");
    for (int i = 0; i < 400; i++) {
        char name[64];
        snprintf(name, sizeof name, "k/%03d\x1b[31m.png", i);
        put_text(name, "");
    }
    refused("", "402 of 403 images cannot be used");
    assert_non_null(strstr(err.message, "more"));
    assert_null(strchr(err.message, '\x1b'));
}

static void manifests_refused(void **state) {
    (void)state;
    put_png("1.png", 1, 4, 4, 0, 8);
    put_png("2.png", 2, 4, 4, 0, 8);
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "empty"},
        {"file,labl\n1.png,a\n", "column 'label' is missing; it has file, labl"},
        {"name,label\n1.png,a\n", "column 'file' is missing"},
        {"file;label\n1.png;a\n", "not separated by commas"},
        {"file,label\n", "lists no images"},
        {"file,label\n1.png,a,b\n", "line 2: 3 fields"},
        {"file,label\n\"1.png,a\n", "line 2: a quote is never closed"},
        {"file,label\n\"1.png\"x,a\n", "text after a closing quote"},
        {"file,label,label\n1.png,a,b\n", "two columns are called 'label'"},
        {"file,label\n1.png,a\n9.png,b\n", "9.png: missing"},
        {"file,label\n1.png,a\n1.png,b\n", "1.png: listed again in line 3"},
        {"file,label\n1.png,a\n2.png,\n", "2.png: no label in line 3"},
        {"file,label\n1.png,a\n../2.png,b\n", "../2.png: lies outside the folder"},
        {"file,label\n1.png,a\n/etc/passwd,b\n", "/etc/passwd: lies outside the folder"},
        {"file,label\n1.png,a\nmanifest.csv,b\n", "manifest.csv: not a PNG"},
        {"file,label,split\n1.png,a,train\n2.png,b,tset\n", "2.png: split 'tset' in line 3"},
        {"file,label,split,person\n1.png,a,train,ann\n2.png,a,test,ann\n",
         "1 group is on both sides of the split: ann (train and test)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text("manifest.csv", cases[i].text);
        refused("", cases[i].words);
    }
    test_put(root, "manifest.csv", "file,label\n1.png,\0\n", 19);
    refused("", "a zero byte");
    mnk_images_options other = {.label_column = "grade", .group_column = "patient"};
    put_text("manifest.csv", "file,label\n1.png,a\n");
    refused_with("", &other, MNK_ERR_INPUT, "column 'grade' is missing");
    /* a group without a name belongs to nobody; groups within classes are told apart on request */
    mnk_images *d = NULL;
    mnk_error_clear(&err);
    put_text("manifest.csv", "file,label,split,group\n1.png,a,train,\n2.png,a,test,\n");
    assert_ok(mnk_images_open(root, NULL, NULL, &d, &err));
    mnk_images_close(d);
    put_text("manifest.csv", "file,label,split,group\n1.png,a,train,7\n2.png,b,test,7\n");
    refused("", "1 group is on both sides");
    refused(":train", "1 group is on both sides"); /* whichever split is asked for */
    mnk_images_options within = {.groups_within_class = true};
    mnk_error_clear(&err);
    assert_ok(mnk_images_open(root, &within, NULL, &d, &err));
    assert_int_not_equal(d->group[0], d->group[1]);
    mnk_images_close(d);
}

/* One .npz of two arrays; the caller says what is wrong with it. */
static void put_npz(const char *descr, const char *shape, size_t n, const char *label_descr, const char *label_shape,
                    size_t label_n) {
    uint8_t *zeros = calloc(1, n + label_n + 1);
    test_bytes im = test_npy(descr, shape, zeros, n), lb = test_npy(label_descr, label_shape, zeros, label_n);
    test_member members[] = {{"train_images.npy", im.p, im.n, true}, {"train_labels.npy", lb.p, lb.n, true}};
    test_bytes z = test_zip(members, 2);
    test_put(root, "a.npz", z.p, z.n);
    free(zeros), free(im.p), free(lb.p), free(z.p);
}

static void npz_refused(void **state) {
    (void)state;
    static const struct {
        const char *descr, *shape;
        size_t n;
        const char *label_descr, *label_shape;
        size_t label_n;
        const char *words;
    } cases[] = {
        {"<f4", "(2, 3, 3)", 72, "|u1", "(2,)", 2, "train_images.npy is of type f4; images are uint8 or uint16"},
        {">u2", "(2, 3, 3)", 36, "|u1", "(2,)", 2, "big-endian"},
        {"|u1", "(2, 3, 3, 2)", 36, "|u1", "(2,)", 2, "has shape 2x3x3x2"},
        {"|u1", "(2, 3)", 6, "|u1", "(2,)", 2, "has shape 2x3"},
        {"|u1", "(2, 3, 0)", 0, "|u1", "(2,)", 2, "empty picture"},
        {"|u1", "(0, 3, 3)", 0, "|u1", "(0,)", 0, "the archive has no images"},
        {"|u1", "(2, 3, 3)", 18, "|u1", "(3,)", 3, "has shape 3, but there are 2 images"},
        {"|u1", "(2, 3, 3)", 18, "|u1", "(2, 4)", 8, "several labels per image"},
        {"|u1", "(2, 3, 3)", 18, "<f4", "(2,)", 8, "expected whole numbers"},
        {"|u1", "(2, 3, 3)", 17, "|u1", "(2,)", 2, "its shape asks for 18 bytes"},
        {"|u1", "(4294967296, 4294967296, 4)", 4, "|u1", "(2,)", 2, "its size overflows"},
        {"|u1", "(1000000000, 30, 30)", 4, "|u1", "(2,)", 2, "its shape asks for 900000000000 bytes"},
        {"|u1", "(1, 100000, 100000)", 4, "|u1", "(2,)", 2, "its shape asks for"},
        {"|u1", "(2, -3, 3)", 18, "|u1", "(2,)", 2, "damaged array header"},
        {"|O", "(2, 3, 3)", 18, "|u1", "(2,)", 2, "array of type '|O'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_npz(cases[i].descr, cases[i].shape, cases[i].n, cases[i].label_descr, cases[i].label_shape, cases[i].label_n);
        refused("a.npz", cases[i].words);
        assert_non_null(strstr(err.message, "a.npz")); /* says which file */
    }
    put_npz("<u2", "(2, 3, 3)", 36, "|u1", "(2,)", 2);
    mnk_images_options eight = {.depth = 8};
    refused_with("a.npz", &eight, MNK_ERR_INPUT, "16-bit images, 8 bit were asked for");
    refused("a.npz:test", "no test images");
    put_text("a.npz", "");
    refused("a.npz", "not a zip archive: only 0 bytes");
    put_text("a.npz", "PK but nothing more, only text that goes on for a while");
    refused("a.npz", "not a zip archive");
}

static void npz_labels_and_groups_refused(void **state) {
    (void)state;
    uint8_t pixels[16] = {0}, gap[4] = {0, 0, 2, 2};
    int32_t negative[4] = {0, -1, 1, 1}, groups_train[4] = {1, 2, 3, 4}, groups_test[4] = {9, 8, 3, 2};
    test_bytes im = test_npy("|u1", "(4, 2, 2)", pixels, 16), lg = test_npy("|u1", "(4,)", gap, 4),
               ln = test_npy("<i4", "(4,)", negative, 16), g1 = test_npy("<i4", "(4,)", groups_train, 16),
               g2 = test_npy("<i4", "(4,)", groups_test, 16);
    test_member one[] = {{"images.npy", im.p, im.n}, {"labels.npy", ln.p, ln.n}};
    test_bytes z = test_zip(one, 2);
    test_put(root, "a.npz", z.p, z.n);
    refused("a.npz", "row 1 is -1");
    free(z.p);
    one[1] = (test_member){"labels.npy", lg.p, lg.n};
    z = test_zip(one, 2);
    test_put(root, "a.npz", z.p, z.n);
    refused("a.npz", "class 1 has no images");
    free(z.p);
    z = test_zip(one, 1);
    test_put(root, "a.npz", z.p, z.n);
    refused("a.npz", "labels is missing");
    free(z.p);
    test_member split[] = {{"train_images.npy", im.p, im.n}, {"train_labels.npy", ln.p, ln.n}, {"train_groups.npy", g1.p, g1.n},
                           {"test_images.npy", im.p, im.n},  {"test_labels.npy", ln.p, ln.n},  {"test_groups.npy", g2.p, g2.n}};
    uint8_t fine[4] = {0, 1, 1, 0};
    test_bytes lf = test_npy("|u1", "(4,)", fine, 4);
    split[1] = split[4] = (test_member){"train_labels.npy", lf.p, lf.n};
    split[4].name = "test_labels.npy";
    z = test_zip(split, 6);
    test_put(root, "a.npz", z.p, z.n);
    refused("a.npz", "2 groups are on both sides of the split: 2 (train and test), 3 (train and test)");
    refused("a.npz:train", "2 groups are on both sides");
    free(z.p);
    split[0].name = "t_images.npy", split[3].name = "u_images.npy";
    z = test_zip(split, 1);
    test_put(root, "a.npz", z.p, z.n);
    refused("a.npz", "no image arrays; the archive holds: t_images.npy");
    free(z.p), free(im.p), free(lg.p), free(ln.p), free(g1.p), free(g2.p), free(lf.p);
}

/* Cut short anywhere, or with any byte changed, an archive is refused or gives what the checksum vouches for. */
static void archives_damaged_anywhere(void **state) {
    (void)state;
    mnk_threads_set(1); /* thousands of tiny files */
    uint8_t pixels[2 * 9], labels[2] = {0, 1};
    for (int i = 0; i < 18; i++) pixels[i] = (uint8_t)(i * 13);
    test_bytes im = test_npy("|u1", "(2, 3, 3)", pixels, 18), lb = test_npy("|u1", "(2,)", labels, 2),
               p1 = test_png(1, 3, 3, 0, 8, 255);
    test_member arrays[] = {{"images.npy", im.p, im.n, true}, {"labels.npy", lb.p, lb.n}},
                files[] = {{"a/1.png", p1.p, p1.n}, {"b/2.png", p1.p, p1.n}};
    test_bytes whole[2] = {test_zip(arrays, 2), test_tar(files, 2, TEST_TAR_PAX)};
    char path[600];
    for (int k = 0; k < 2; k++) {
        const char *name = k ? "a.tar" : "a.npz";
        snprintf(path, sizeof path, "%s/%s", root, name);
        for (size_t n = 0; n < whole[k].n - (k ? 512 : 0); n += k ? 61 : 1) {
            test_put(root, name, whole[k].p, n);
            refused(name, "");
        }
        for (size_t i = 0; i < whole[k].n; i += k ? 7 : 1) {
            uint8_t old = whole[k].p[i];
            whole[k].p[i] = (uint8_t)(old ^ 0x41);
            test_put(root, name, whole[k].p, whole[k].n);
            mnk_images *d = NULL;
            mnk_error_clear(&err);
            if (mnk_images_open(path, NULL, NULL, &d, &err) == MNK_OK) {
                if (!k) assert_memory_equal(d->pixels8, pixels, 18);
                mnk_images_close(d);
            } else assert_true(err.message[0] != 0);
            whole[k].p[i] = old;
        }
        free(whole[k].p);
    }
    free(im.p), free(lb.p), free(p1.p);
}

/* A small member that claims gigabytes. */
static void bombs(void **state) {
    (void)state;
    size_t n = 64 << 20;
    uint8_t *zeros = calloc(1, n);
    char shape[64];
    snprintf(shape, sizeof shape, "(%zu, 32, 32)", n / 1024);
    test_bytes im = test_npy("|u1", shape, zeros, n), lb = test_npy("|u1", "(1,)", zeros, 1);
    test_member members[] = {{"images.npy", im.p, im.n, true}, {"labels.npy", lb.p, lb.n}};
    test_bytes z = test_zip(members, 2);
    assert_in_range(z.n, 1, 1 << 20);
    test_put(root, "a.npz", z.p, z.n);
    refused("a.npz", "but there are 65536 images"); /* labels are read first, and cost nothing */
    for (size_t i = 0; i + 4 < z.n; i++)            /* both headers claim 4 GB more than deflate can yield */
        if (!memcmp(z.p + i, "PK\x01\x02", 4)) memset(z.p + i + 24, 0xfe, 4), i += 46;
    test_put(root, "a.npz", z.p, z.n);
    refused("a.npz", "claims 4278124286 bytes from");
    free(zeros), free(im.p), free(lb.p), free(z.p);
}

static void tars_refused(void **state) {
    (void)state;
    put_text("a.tar", "");
    refused("a.tar", "empty file (0 bytes)");
    put_text("a.tar", "short");
    refused("a.tar", "not a tar archive");
    test_bytes p = test_png(1, 4, 4, 0, 8, 255);
    test_member files[] = {{"../../k/evil\x1b.png", p.p, p.n / 2}, {"../../k/2.png", p.p, p.n}, {"../../k/3.png", p.p, p.n}};
    test_bytes t = test_tar(files, 3, TEST_TAR_PLAIN);
    test_put(root, "a.tar", t.p, t.n);
    refused("a.tar", "evil?.png: damaged or truncated PNG");
    memcpy(t.p + 124, "77777777777", 11); /* eight gigabytes less one */
    unsigned sum = 0;
    memset(t.p + 148, ' ', 8);
    for (int i = 0; i < 512; i++) sum += t.p[i];
    snprintf((char *)t.p + 148, 8, "%06o", sum);
    test_put(root, "a.tar", t.p, t.n);
    refused("a.tar", "truncated tar archive: a file of 8589934591 bytes");
    free(t.p), free(p.p);
}

/* ---- writing ---- */

static mnk_status write_some(const char *path, bool force, int n) {
    mnk_images_meta meta = {.height = 32, .width = 32, .channels = 3, .classes = 2, .generator = "gan", .seed = 1};
    mnk_images_writer *w = NULL;
    uint8_t pixels[32 * 32 * 3];
    MNK_TRY(mnk_images_writer_open(path, force, &meta, &w, &err));
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 32 * 32 * 3; k++) pixels[k] = (uint8_t)((k * 7 + i) * 2654435761u >> 13);
        mnk_status status = mnk_images_writer_add(w, pixels, i % 2, MNK_SPLIT_TRAIN, &err);
        if (status != MNK_OK) {
            mnk_images_writer_abort(w);
            return status;
        }
    }
    return mnk_images_writer_commit(w, &err);
}

static size_t entries_of_root(void) {
    char **names = NULL;
    size_t n = 0;
    assert_ok(mnk_dir_list(root, &names, &n, &err));
    mnk_free(names);
    return n;
}

static void full_targets_are_kept(void **state) {
    (void)state;
    static const char *const names[] = {"folder", "a.npz", "a.tar"};
    for (int k = 0; k < 3; k++) {
        char path[600];
        mnk_images *d = NULL;
        clean(state);
        snprintf(path, sizeof path, "%s/%s", root, names[k]);
        assert_ok(write_some(path, false, 10));
        assert_int_equal(write_some(path, false, 20), MNK_ERR_INPUT); /* a second run */
        assert_non_null(strstr(err.hint, "--force"));
        mnk_error_clear(&err);
        assert_ok(mnk_images_open(path, NULL, NULL, &d, &err));
        assert_int_equal(d->n, 10);
        mnk_images_close(d);
        assert_ok(write_some(path, true, 20));
        assert_ok(mnk_images_open(path, NULL, NULL, &d, &err));
        assert_int_equal(d->n, 20);
        assert_true(d->synthetic);
        mnk_images_close(d);
        assert_int_equal(entries_of_root(), 1); /* no temporary left */
    }
    char path[600], other[600];
    snprintf(path, sizeof path, "%s/file", root);
    put_text("file", "precious");
    assert_int_equal(write_some(path, true, 3), MNK_ERR_INPUT); /* a file is not replaced by a folder */
    mnk_error_clear(&err);
    snprintf(other, sizeof other, "%s/new/deep/set", root);
    assert_ok(write_some(other, false, 3)); /* parents are made */
}

static void abort_leaves_nothing(void **state) {
    (void)state;
    static const char *const names[] = {"folder", "a.npz", "a.tar"};
    for (int k = 0; k < 3; k++) {
        char path[600];
        mnk_images_meta meta = {.height = 4, .width = 4, .channels = 1, .classes = 2, .n = 5};
        mnk_images_writer *w = NULL;
        uint8_t pixels[16] = {0};
        snprintf(path, sizeof path, "%s/%s", root, names[k]);
        assert_ok(mnk_images_writer_open(path, false, &meta, &w, &err));
        assert_ok(mnk_images_writer_add(w, pixels, 0, MNK_SPLIT_TRAIN, &err));
        mnk_images_writer_abort(w);
        assert_int_equal(entries_of_root(), 0);
        assert_ok(mnk_images_writer_open(path, false, &meta, &w, &err));
        assert_int_equal(mnk_images_writer_add(w, pixels, 2, MNK_SPLIT_TRAIN, &err), MNK_ERR_USAGE);
        mnk_error_clear(&err);
        assert_ok(mnk_images_writer_add(w, pixels, 1, MNK_SPLIT_TRAIN, &err));
        assert_int_equal(mnk_images_writer_add_person(w, pixels, 1, 3, MNK_SPLIT_TRAIN, &err), MNK_ERR_USAGE);
        mnk_error_clear(&err);
        assert_int_equal(mnk_images_writer_commit(w, &err), MNK_ERR_USAGE); /* 5 were announced */
        mnk_error_clear(&err);
        assert_int_equal(entries_of_root(), 0);
    }
    mnk_images_writer_abort(NULL);
}

/* A file may not grow beyond 20 kB: what a full disk does, without being root. */
static void full_disk(void **state) {
    (void)state;
    static const char *const names[] = {"a.npz", "a.tar"};
    struct rlimit old, small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    for (int k = 0; k < 2; k++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", root, names[k]);
        small = old;
        small.rlim_cur = 20000;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        mnk_error_clear(&err);
        mnk_status status = write_some(path, false, 600);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(status, MNK_ERR_IO);
        assert_non_null(strstr(err.message, "cannot write"));
        assert_int_equal(entries_of_root(), 0);
    }
}

/* The same with a disk that is really full, where this user may mount one. */
static void full_file_system(void **state) {
    (void)state;
    char command[700], path[600];
    snprintf(command, sizeof command, "mount -t tmpfs -o size=200k tmpfs '%s' 2>/dev/null", root);
    if (geteuid() != 0 || system(command) != 0) skip();
    static const char *const names[] = {"folder", "a.npz", "a.tar"};
    mnk_status status[3];
    size_t left[3];
    for (int k = 0; k < 3; k++) {
        snprintf(path, sizeof path, "%s/%s", root, names[k]);
        mnk_error_clear(&err);
        status[k] = write_some(path, false, 2000);
        left[k] = entries_of_root();
    }
    snprintf(command, sizeof command, "umount '%s'", root);
    assert_int_equal(system(command), 0);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(status[k], MNK_ERR_IO);
        assert_int_equal(left[k], 0);
    }
}

/* Whichever allocation fails: an error, no crash, no leak (the sanitizer build looks), nothing left on the disk. */
static void memory_runs_out(void **state) {
    (void)state;
    char set[600], out[600];
    snprintf(set, sizeof set, "%s/set", root);
    assert_ok(write_some(set, false, 4));
    put_text("set/manifest.csv",
             "file,label,split,person,sex\n0/000000.png,a,train,x,m\n1/000001.png,b,test,y,f\n0/000002.png,a,train,x,m\n");
    static const char *const names[] = {"out", "out.npz", "out.tar"};
    int failures = 0;
    for (long n = 1; n < 400; n++) {
        mnk_images *d = NULL;
        mnk_error_clear(&err);
        mnk_alloc_fail_after(n);
        mnk_status status = mnk_images_open(set, NULL, NULL, &d, &err);
        mnk_alloc_fail_after(0);
        failures += status != MNK_OK;
        if (status != MNK_OK) assert_true(err.message[0] != 0);
        mnk_images_close(d);
    }
    for (long n = 1; n < 60; n++) {
        snprintf(out, sizeof out, "%s/%s", root, names[n % 3]);
        mnk_error_clear(&err);
        mnk_alloc_fail_after(n / 3 + 1);
        mnk_status status = write_some(out, false, 2);
        mnk_alloc_fail_after(0);
        mnk_error ignored = MNK_ERROR_INIT;
        assert_int_equal(mnk_path_exists(out), status == MNK_OK);
        assert_int_equal(mnk_dir_remove(out, &ignored), MNK_OK);
        assert_int_equal(entries_of_root(), 1);
    }
    assert_in_range(failures, 20, 399);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(missing_and_foreign, clean),
        cmocka_unit_test_setup(layouts_refused, clean),
        cmocka_unit_test_setup(one_class_is_a_dataset, clean),
        cmocka_unit_test_setup(bad_files_are_listed_together, clean),
        cmocka_unit_test_setup(manifests_refused, clean),
        cmocka_unit_test_setup(npz_refused, clean),
        cmocka_unit_test_setup(npz_labels_and_groups_refused, clean),
        cmocka_unit_test_setup(archives_damaged_anywhere, clean),
        cmocka_unit_test_setup(bombs, clean),
        cmocka_unit_test_setup(tars_refused, clean),
        cmocka_unit_test_setup(full_targets_are_kept, clean),
        cmocka_unit_test_setup(abort_leaves_nothing, clean),
        cmocka_unit_test_setup(full_disk, clean),
        cmocka_unit_test_setup(full_file_system, clean),
        cmocka_unit_test_setup(memory_runs_out, clean),
    };
    return MNK_RUN_TESTS("data_bad", tests);
}
