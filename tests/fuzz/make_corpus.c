/* Makes the seeds of the image targets again: make_corpus tests/fuzz/corpus */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "../pictures.h"

static const char *root;

static void keep(const char *name, test_bytes b) {
    test_put(root, name, b.p, b.n);
    free(b.p);
}

static void pictures(void) {
    keep("png/grey", test_png(1, 5, 4, 0, 8, 255));
    keep("png/rgb", test_png(2, 5, 4, 2, 8, 255));
    keep("png/palette", test_png(3, 5, 4, 3, 8, 255));
    keep("png/grey-alpha", test_png(4, 5, 4, 4, 8, 255));
    keep("png/rgba16", test_png(5, 3, 3, 6, 16, 65535));
    keep("png/grey16", test_png(6, 5, 4, 0, 16, 0));
    keep("jpeg/grey", test_jpeg(1, 9, 8, 1, 60, false));
    keep("jpeg/rgb", test_jpeg(2, 17, 9, 3, 60, false));
    keep("jpeg/progressive", test_jpeg(3, 17, 17, 3, 60, true));
    keep("jpeg/cmyk", test_jpeg(4, 8, 8, 4, 60, false));
    static const test_tiff_kind kinds[] = {
        {.channels = 1, .depth = 8, .compression = COMPRESSION_NONE},
        {.channels = 3, .depth = 8, .compression = COMPRESSION_LZW},
        {.channels = 3, .depth = 16, .compression = COMPRESSION_NONE, .planes = true, .big_endian = true},
        {.channels = 1, .depth = 16, .compression = COMPRESSION_ADOBE_DEFLATE, .tiled = true},
        {.channels = 3, .depth = 8, .compression = COMPRESSION_PACKBITS, .tiled = true, .planes = true},
        {.channels = 1, .depth = 8, .compression = COMPRESSION_LZW, .palette = true},
        {.channels = 1, .depth = 8, .compression = COMPRESSION_NONE, .white_is_zero = true},
        {.channels = 1, .depth = 8, .compression = COMPRESSION_NONE, .two_pages = true}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char name[32];
        snprintf(name, sizeof name, "tiff/%zu", i);
        keep(name, test_tiff((unsigned)i, 7, 6, &kinds[i]));
    }
}

static void archives(void) {
    static const uint8_t pixels[4 * 4 * 3] = {9, 8, 7, 200, 100}, labels[4] = {0, 1, 1, 0};
    static const int32_t groups[4] = {3, 4, 4, 9};
    static const char names[] = "a\0\0\0b\0\0\0";
    test_bytes grey = test_npy("|u1", "(4, 2, 2)", pixels, 16), rgb = test_npy("|u1", "(4, 2, 2, 3)", pixels, 48),
               deep = test_npy("<u2", "(4, 2, 3)", pixels, 48), label = test_npy("|u1", "(4, 1)", labels, 4),
               group = test_npy("<i4", "(4,)", groups, 16), name = test_npy("<U1", "(2,)", names, 8);
    test_member plain[] = {{"images.npy", grey.p, grey.n}, {"labels.npy", label.p, label.n}};
    test_member splits[] = {{"train_images.npy", rgb.p, rgb.n, true},     {"train_labels.npy", label.p, label.n},
                            {"train_groups.npy", group.p, group.n, true}, {"test_images.npy", deep.p, deep.n},
                            {"test_labels.npy", label.p, label.n, true},  {"class_names.npy", name.p, name.n}};
    keep("npz/plain", test_zip(plain, 2));
    keep("npz/splits", test_zip(splits, 3));
    keep("npz/mixed", test_zip(splits, 6));
    keep("npz/names", test_zip(splits + 3, 3));
    keep("npz/empty", test_zip(splits, 0));
    test_bytes png = test_png(1, 2, 2, 0, 8, 255);
    const char *csv = "file,label,split,person\nx/1.png,a,train,p\ny/2.png,b,test,q\n";
    test_member files[] = {
        {"set/x/1.png", png.p, png.n}, {"set/y/2.png", png.p, png.n}, {"set/manifest.csv", csv, strlen(csv)}};
    test_member folders[] = {{"train/a/", "", 0}, {"train/a/1.png", png.p, png.n}, {"test/b/2.png", png.p, png.n}};
    keep("tar/folders", test_tar(folders, 3, TEST_TAR_PLAIN));
    keep("tar/manifest", test_tar(files, 3, TEST_TAR_PLAIN));
    keep("tar/pax", test_tar(files, 2, TEST_TAR_PAX));
    keep("tar/gnu", test_tar(files, 2, TEST_TAR_GNU));
    free(png.p), free(grey.p), free(rgb.p), free(deep.p), free(label.p), free(group.p), free(name.p);
}

static void tables(void) {
    static const char *const texts[] = {
        "file,label\na.png,x\nb/c.jpg,y\n",
        "\xef\xbb\xbf"
        "file,label,split,person,sex\r\n./a.png,\"x, \"\"y\"\"\",train,p,m\r\nz.tif,y,test,q,f\r\n",
        "file,label\n\"a\n.png\",x\n",
        "file,label,synthetic,generator\na.png,x,true,gan\n../b.png,,false,\n",
        "file,label\na.png,x,y\n",
        "\"file"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char name[32];
        snprintf(name, sizeof name, "csv/%zu", i);
        test_put(root, name, texts[i], strlen(texts[i]));
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    root = argv[1];
    pictures();
    archives();
    tables();
    return 0;
}
