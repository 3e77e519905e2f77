/* Picture files: every kind decoded to the pixels it was made of, every kind damaged and refused. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "base/mem.h"
#include "data/image_decode.h"
#include "data/images.h"
#include "pictures.h"

static mnk_error err;

static int clean(void **state) {
    (void)state;
    mnk_error_clear(&err);
    return 0;
}

static int value(const mnk_picture *p, int x, int y, int c) {
    size_t at = ((size_t)y * (size_t)p->width + (size_t)x) * (size_t)p->channels + (size_t)c;
    return p->depth == 16 ? ((uint16_t *)p->pixels)[at] : ((uint8_t *)p->pixels)[at];
}

static void expect(test_bytes b, unsigned seed, int width, int height, int channels, int depth, bool inverted) {
    mnk_picture head, p;
    assert_ok(mnk_image_info(b.p, b.n, &head, &err));
    assert_ok(mnk_image_decode(b.p, b.n, &p, &err));
    assert_int_equal(head.width, width);
    assert_int_equal(p.width, width);
    assert_int_equal(p.height, height);
    assert_int_equal(p.channels, channels);
    assert_int_equal(p.depth, depth);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                int want = test_value(seed, x, y, c, depth);
                assert_int_equal(value(&p, x, y, c), inverted ? (depth == 16 ? 65535 : 255) - want : want);
            }
    mnk_picture_clear(&p);
    free(b.p);
}

static void png_kinds(void **state) {
    (void)state;
    for (int depth = 8; depth <= 16; depth += 8) {
        int opaque = depth == 16 ? 65535 : 255;
        expect(test_png(1, 7, 5, 0, depth, opaque), 1, 7, 5, 1, depth, false);
        expect(test_png(2, 7, 5, 2, depth, opaque), 2, 7, 5, 3, depth, false);
        expect(test_png(3, 1, 9, 4, depth, opaque), 3, 1, 9, 1, depth, false);
        expect(test_png(4, 9, 1, 6, depth, opaque), 4, 9, 1, 3, depth, false);
        test_bytes clear = test_png(5, 4, 4, 6, depth, opaque - 1);
        mnk_picture p;
        assert_int_equal(mnk_image_decode(clear.p, clear.n, &p, &err), MNK_ERR_INPUT);
        assert_non_null(strstr(err.message, "not opaque"));
        mnk_error_clear(&err);
        free(clear.p);
    }
    test_bytes palette = test_png(6, 5, 3, 3, 8, 255);
    mnk_picture p;
    assert_ok(mnk_image_decode(palette.p, palette.n, &p, &err));
    assert_int_equal(p.channels, 3);
    int index = test_value(6, 2, 1, 0, 8) & 15;
    assert_int_equal(value(&p, 2, 1, 0), index * 16);
    assert_int_equal(value(&p, 2, 1, 1), 255 - index * 16);
    mnk_picture_clear(&p);
    free(palette.p);
}

static void jpeg_kinds(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        int channels = k & 1 ? 3 : 1;
        test_bytes b = test_jpeg(0, 40, 24, channels, 95, k & 2);
        mnk_picture p;
        assert_ok(mnk_image_decode(b.p, b.n, &p, &err));
        assert_int_equal(p.channels, channels);
        assert_int_equal(p.height, 24);
        int worst = 0;
        for (int y = 2; y < 20; y++)
            for (int x = 2; x < 20; x++) {
                int d = abs(value(&p, x, y, 0) - (60 + (x * 3 + y * 2) % 128));
                if (d > worst) worst = d;
            }
        assert_in_range(worst, 0, 40); /* lossy at the wrap of the ramp, otherwise close */
        mnk_picture_clear(&p);
        free(b.p);
    }
    test_bytes cmyk = test_jpeg(0, 16, 16, 4, 90, false);
    mnk_picture p;
    assert_int_equal(mnk_image_decode(cmyk.p, cmyk.n, &p, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "neither grey nor RGB"));
    free(cmyk.p);
}

static void tiff_kinds(void **state) {
    (void)state;
    static const int compressions[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS};
    unsigned seed = 0;
    for (int bits = 0; bits < 64; bits++) {
        test_tiff_kind k = {.channels = bits & 1 ? 3 : 1,
                            .depth = bits & 2 ? 16 : 8,
                            .tiled = bits & 4,
                            .planes = bits & 8,
                            .compression = compressions[bits >> 4],
                            .big_endian = bits & 16};
        seed++;
        expect(test_tiff(seed, 37, 23, &k), seed, 37, 23, k.channels, k.depth, false);
    }
    test_tiff_kind white = {.channels = 1, .depth = 16, .compression = COMPRESSION_NONE, .white_is_zero = true};
    expect(test_tiff(9, 6, 6, &white), 9, 6, 6, 1, 16, true);
    test_tiff_kind palette = {.channels = 1, .depth = 8, .compression = COMPRESSION_LZW, .palette = true};
    test_bytes b = test_tiff(3, 6, 6, &palette);
    mnk_picture p;
    assert_ok(mnk_image_decode(b.p, b.n, &p, &err));
    assert_int_equal(p.channels, 3);
    assert_int_equal(value(&p, 4, 2, 0), test_value(3, 4, 2, 0, 8));
    assert_int_equal(value(&p, 4, 2, 1), 255 - test_value(3, 4, 2, 0, 8));
    mnk_picture_clear(&p);
    free(b.p);
}

static void refused_tiffs(void **state) {
    (void)state;
    static const struct {
        test_tiff_kind kind;
        const char *why;
    } cases[] = {{{.channels = 1, .depth = 8, .compression = COMPRESSION_NONE, .two_pages = true}, "2 pictures"},
                 {{.channels = 1, .depth = 16, .compression = COMPRESSION_NONE, .format = SAMPLEFORMAT_INT}, "signed"},
                 {{.channels = 2, .depth = 8, .compression = COMPRESSION_NONE}, "not opaque"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_bytes b = test_tiff(1, 8, 8, &cases[i].kind);
        mnk_picture p;
        mnk_error_clear(&err);
        assert_int_equal(mnk_image_decode(b.p, b.n, &p, &err), MNK_ERR_INPUT);
        if (!strstr(err.message, cases[i].why)) fail_msg("'%s' does not say '%s'", err.message, cases[i].why);
        free(b.p);
    }
}

static test_bytes sample(int kind) {
    test_tiff_kind strips = {.channels = 3, .depth = 8, .compression = COMPRESSION_LZW},
                   tiles = {.channels = 1, .depth = 16, .compression = COMPRESSION_ADOBE_DEFLATE, .tiled = true};
    switch (kind) {
    case 0: return test_png(1, 12, 9, 2, 8, 255);
    case 1: return test_png(2, 12, 9, 6, 16, 65535);
    case 2: return test_jpeg(3, 24, 16, 3, 80, false);
    case 3: return test_jpeg(4, 24, 16, 1, 80, true);
    case 4: return test_tiff(5, 20, 18, &strips);
    default: return test_tiff(6, 20, 18, &tiles);
    }
}

/* Cut anywhere, a picture is refused with a message; only bytes after the last pixel may be missing. */
static void truncated_anywhere(void **state) {
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        test_bytes b = sample(kind);
        mnk_picture whole, p;
        assert_ok(mnk_image_decode(b.p, b.n, &whole, &err));
        size_t bytes = (size_t)whole.width * (size_t)whole.height * (size_t)whole.channels * (whole.depth == 16 ? 2 : 1),
               accepted = 0;
        for (size_t n = 0; n < b.n; n++) {
            uint8_t *copy = malloc(n + 1); /* exact size, so that a sanitizer sees any byte read beyond */
            memcpy(copy, b.p, n);
            mnk_error_clear(&err);
            mnk_status status = mnk_image_decode(copy, n, &p, &err);
            if (status == MNK_OK) {
                assert_memory_equal(p.pixels, whole.pixels, bytes);
                accepted++;
                mnk_picture_clear(&p);
            } else {
                assert_int_equal(status, MNK_ERR_INPUT);
                assert_true(err.message[0] != 0);
                assert_null(p.pixels);
            }
            free(copy);
        }
        assert_in_range(accepted, 0, 16); /* at most an end marker and a checksum */
        mnk_picture_clear(&whole);
        free(b.p);
    }
}

/* Every byte changed in turn: no crash, and a result of the promised shape or a message. */
static void damaged_anywhere(void **state) {
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        test_bytes b = sample(kind);
        for (size_t i = 0; i < b.n; i++)
            for (int k = 0; k < 2; k++) {
                uint8_t old = b.p[i];
                mnk_picture p;
                b.p[i] = k ? 0xff : (uint8_t)(old ^ 1 << i % 8);
                mnk_error_clear(&err);
                if (mnk_image_decode(b.p, b.n, &p, &err) == MNK_OK) {
                    assert_true(p.channels == 1 || p.channels == 3);
                    mnk_picture_clear(&p);
                } else assert_true(err.message[0] != 0);
                b.p[i] = old;
            }
        free(b.p);
    }
}

static void put_be32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t crc_of(const uint8_t *p, size_t n) {
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    }
    return ~c;
}

/* 100,000 x 100,000 pixels in a header cost nothing but the message. */
static void giant_headers(void **state) {
    (void)state;
    mnk_picture p;
    test_bytes png = test_png(1, 4, 4, 2, 8, 255), jpeg = test_jpeg(1, 16, 16, 1, 90, false);
    put_be32(png.p + 16, 100000);
    put_be32(png.p + 20, 100000);
    put_be32(png.p + 29, crc_of(png.p + 12, 17));
    assert_int_equal(mnk_image_decode(png.p, png.n, &p, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "100000x100000"));
    mnk_error_clear(&err);
    for (size_t i = 0; i + 9 < jpeg.n; i++)
        if (jpeg.p[i] == 0xff && jpeg.p[i + 1] == 0xc0)
            memset(jpeg.p + i + 5, 0xff, 4); /* 65535 x 65535, the most it can say */
    assert_int_equal(mnk_image_decode(jpeg.p, jpeg.n, &p, &err), MNK_ERR_INPUT);
    free(png.p), free(jpeg.p);
    mnk_error_clear(&err);
    test_tiff_kind k = {.channels = 1, .depth = 8, .compression = COMPRESSION_NONE};
    test_bytes tiff = test_tiff(1, 4, 4, &k);
    uint32_t at = tiff.p[4] | (uint32_t)tiff.p[5] << 8;
    for (int i = 0; i < tiff.p[at]; i++) {
        uint8_t *entry = tiff.p + at + 2 + 12 * i; /* ImageWidth 256 and ImageLength 257, as LONG */
        if (entry[1] == 1 && entry[0] <= 1) entry[2] = 4, entry[8] = 0xa0, entry[9] = 0x86, entry[10] = 1, entry[11] = 0;
    }
    assert_int_equal(mnk_image_decode(tiff.p, tiff.n, &p, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "100000x100000"));
    free(tiff.p);
}

static void foreign_files(void **state) {
    (void)state;
    mnk_picture p;
    assert_int_equal(mnk_image_decode((const uint8_t *)"", 0, &p, &err), MNK_ERR_INPUT);
    assert_string_equal(err.message, "empty file (0 bytes)");
    mnk_error_clear(&err);
    assert_int_equal(mnk_image_decode((const uint8_t *)"GIF89a", 6, &p, &err), MNK_ERR_INPUT);
    assert_true(mnk_image_name("a/B.JPEG") && mnk_image_name("x.tif") && !mnk_image_name("x.gif") && !mnk_image_name("png"));
}

/* Values from Pillow 13.0.0 (tests/golden/resize.py): LANCZOS of a centre square, and grey by ITU-R BT.601. */
static void resizing(void **state) {
    (void)state;
    static const uint8_t grey_6[36] = {115, 139, 124, 130, 126, 101, 126, 137, 136, 142, 124, 149,
                                       114, 142, 128, 116, 152, 165, 133, 143, 131, 133, 130, 137,
                                       117, 128, 138, 131, 110, 116, 125, 128, 125, 128, 144, 107};
    static const uint8_t grey_20[20] = {143, 143, 123, 88, 100, 144, 164, 136, 96,  94,
                                        121, 136, 115, 97, 119, 165, 186, 165, 157, 161};
    static const uint8_t luma[5] = {83, 125, 120, 100, 104};
    uint8_t pixels[13 * 15], out[400];
    for (int y = 0; y < 13; y++)
        for (int x = 0; x < 15; x++) pixels[y * 15 + x] = (uint8_t)(80 + (x * x * 3 + y * 29 + x * y * 5) % 100);
    mnk_picture p = {.width = 15, .height = 13, .channels = 1, .depth = 8, .pixels = pixels};
    assert_ok(mnk_picture_fit(&p, 6, 6, 1, 8, out, &err));
    for (int i = 0; i < 36; i++) assert_in_range(out[i] + 1, grey_6[i], grey_6[i] + 2); /* Pillow rounds in between */
    assert_ok(mnk_picture_fit(&p, 20, 20, 1, 8, out, &err));
    for (int i = 0; i < 20; i++) assert_in_range(out[7 * 20 + i] + 1, grey_20[i], grey_20[i] + 2);
    mnk_picture rgb = {.width = 5, .height = 1, .channels = 3, .depth = 8, .pixels = pixels};
    assert_ok(mnk_picture_fit(&rgb, 1, 5, 1, 8, out, &err));
    for (int i = 0; i < 5; i++) assert_in_range(out[i] + 1, luma[i], luma[i] + 2);
    uint16_t deep[15];
    assert_ok(mnk_picture_fit(&rgb, 1, 5, 3, 16, deep, &err));
    for (int i = 0; i < 15; i++) assert_int_equal(deep[i], pixels[i] * 257);
    mnk_picture flat = {.width = 3, .height = 3, .channels = 1, .depth = 16, .pixels = deep};
    for (int i = 0; i < 9; i++) deep[i] = 40000;
    uint16_t large[64];
    assert_ok(mnk_picture_fit(&flat, 8, 8, 1, 16, large, &err));
    for (int i = 0; i < 64; i++) assert_int_equal(large[i], 40000);
}

static void printable_text(void **state) {
    (void)state;
    char b[96], long_name[301];
    assert_string_equal(mnk_printable("Lärche.png", b), "Lärche.png");
    assert_string_equal(mnk_printable("a\x1b[31mb\n\x80\xc2\x85z", b), "a?[31mb???z");
    memset(long_name, 'x', 300);
    memcpy(long_name + 296, ".png", 5);
    mnk_printable(long_name, b);
    assert_in_range(strlen(b), 60, 95);
    assert_string_equal(b + strlen(b) - 5, "x.png");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(png_kinds, clean),          cmocka_unit_test_setup(jpeg_kinds, clean),
        cmocka_unit_test_setup(tiff_kinds, clean),         cmocka_unit_test_setup(refused_tiffs, clean),
        cmocka_unit_test_setup(truncated_anywhere, clean), cmocka_unit_test_setup(damaged_anywhere, clean),
        cmocka_unit_test_setup(giant_headers, clean),      cmocka_unit_test_setup(foreign_files, clean),
        cmocka_unit_test_setup(resizing, clean),           cmocka_unit_test_setup(printable_text, clean),
    };
    return MNK_RUN_TESTS("pictures", tests);
}
