#include "pictures.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <spng.h>
#include <tiffio.h>
#include <zlib.h>

#include "base/file.h"

uint16_t test_value(unsigned seed, int x, int y, int c, int depth) {
    unsigned v = (unsigned)(x * 37 + y * 101 + c * 67) + seed * 7919u;
    v = v * 2654435761u;
    v ^= v >> 15;
    return depth == 16 ? (uint16_t)v : (uint16_t)(v & 0xff);
}

static void store(uint8_t *p, uint16_t v, int depth) {
    if (depth == 16) memcpy(p, &v, 2);
    else *p = (uint8_t)v;
}

test_bytes test_png(unsigned seed, int width, int height, int colour_type, int depth, int alpha) {
    static const int samples[] = {1, 0, 3, 1, 2, 0, 4};
    int n = samples[colour_type], value = depth == 16 ? 2 : 1;
    size_t size = (size_t)width * (size_t)height * (size_t)n * (size_t)value;
    uint8_t *pixels = calloc(size, 1), *p = pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < n; c++, p += value) {
                bool is_alpha = (colour_type == 4 && c == 1) || (colour_type == 6 && c == 3);
                uint16_t v = is_alpha ? (uint16_t)alpha : test_value(seed, x, y, c, depth);
                store(p, colour_type == 3 ? v & 15 : v, depth);
            }
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr header = {
        .width = (uint32_t)width, .height = (uint32_t)height, .bit_depth = (uint8_t)depth, .color_type = (uint8_t)colour_type};
    struct spng_plte palette = {.n_entries = 16};
    for (int i = 0; i < 16; i++)
        palette.entries[i] = (struct spng_plte_entry){(uint8_t)(i * 16), (uint8_t)(255 - i * 16), (uint8_t)(i * 5), 0};
    spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    spng_set_ihdr(ctx, &header);
    if (colour_type == 3) spng_set_plte(ctx, &palette);
    int rc = spng_encode_image(ctx, pixels, size, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    test_bytes out = {0};
    if (!rc) out.p = spng_get_png_buffer(ctx, &out.n, &rc);
    spng_ctx_free(ctx);
    free(pixels);
    if (rc) fail_msg("test PNG: %s", spng_strerror(rc));
    return out;
}

test_bytes test_jpeg(unsigned seed, int width, int height, int channels, int quality, bool progressive) {
    struct jpeg_compress_struct c = {0};
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long n = 0;
    JSAMPLE *row = calloc((size_t)width * (size_t)channels, 1);
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &n);
    c.image_width = (JDIMENSION)width;
    c.image_height = (JDIMENSION)height;
    c.input_components = channels;
    c.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, quality, TRUE);
    if (progressive) jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) /* smooth, so that a lossy codec keeps it */
            for (int k = 0; k < channels; k++)
                row[x * channels + k] = (JSAMPLE)(60 + (x * 3 + y * 2 + k * 20 + (int)seed * 11) % 128);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    free(row);
    return (test_bytes){bytes, n};
}

/* libtiff writes into a file only; a memory stream would need six callbacks more. */
test_bytes test_tiff(unsigned seed, int width, int height, const test_tiff_kind *k) {
    char name[] = "/tmp/manikin-tiff-XXXXXX";
    int fd = mkstemp(name), value = k->depth == 16 ? 2 : 1, samples = k->palette ? 1 : k->channels;
    TIFF *t = fd < 0 ? NULL : TIFFFdOpen(fd, name, k->big_endian ? "wb" : "wl");
    if (!t) fail_msg("test TIFF: cannot create %s", name);
    for (int page = 0; page < 1 + k->two_pages; page++) {
        TIFFSetField(t, TIFFTAG_IMAGEWIDTH, width);
        TIFFSetField(t, TIFFTAG_IMAGELENGTH, height);
        TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, k->depth);
        TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, samples);
        if (k->format) TIFFSetField(t, TIFFTAG_SAMPLEFORMAT, k->format);
        TIFFSetField(t, TIFFTAG_COMPRESSION, k->compression);
        TIFFSetField(t, TIFFTAG_PLANARCONFIG, k->planes ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
        TIFFSetField(t, TIFFTAG_PHOTOMETRIC,
                     k->palette         ? PHOTOMETRIC_PALETTE
                     : k->channels == 3 ? PHOTOMETRIC_RGB
                     : k->white_is_zero ? PHOTOMETRIC_MINISWHITE
                                        : PHOTOMETRIC_MINISBLACK);
        if (k->palette) {
            uint16_t map[3][256];
            for (int i = 0; i < 256; i++)
                map[0][i] = (uint16_t)(i * 257), map[1][i] = (uint16_t)((255 - i) * 257), map[2][i] = 257;
            TIFFSetField(t, TIFFTAG_COLORMAP, map[0], map[1], map[2]);
        }
        int bw = k->tiled ? 16 : width, bh = k->tiled ? 16 : 5, per = k->planes ? 1 : samples;
        if (k->tiled) TIFFSetField(t, TIFFTAG_TILEWIDTH, bw), TIFFSetField(t, TIFFTAG_TILELENGTH, bh);
        else TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, bh);
        uint8_t *block = calloc((size_t)bw * (size_t)bh, (size_t)per * (size_t)value);
        for (int plane = 0; plane < (k->planes ? samples : 1); plane++)
            for (int y0 = 0; y0 < height; y0 += bh)
                for (int x0 = 0; x0 < width; x0 += bw) {
                    int rows = !k->tiled && height - y0 < bh ? height - y0 : bh;
                    for (int y = 0; y < rows; y++)
                        for (int x = 0; x < bw; x++)
                            for (int c = 0; c < per; c++)
                                store(block + (size_t)((y * bw + x) * per + c) * (size_t)value,
                                      test_value(seed, x0 + x, y0 + y, k->planes ? plane : c, k->depth), k->depth);
                    tmsize_t n = (tmsize_t)bw * rows * per * value;
                    if (k->tiled)
                        TIFFWriteEncodedTile(t, TIFFComputeTile(t, (uint32_t)x0, (uint32_t)y0, 0, (uint16_t)plane), block, n);
                    else TIFFWriteEncodedStrip(t, TIFFComputeStrip(t, (uint32_t)y0, (uint16_t)plane), block, n);
                }
        free(block);
        TIFFWriteDirectory(t);
    }
    TIFFClose(t);
    mnk_error err = MNK_ERROR_INIT;
    test_bytes out = {0};
    if (mnk_file_read(name, 1 << 24, &out.p, &out.n, &err) != MNK_OK) fail_msg("%s", err.message);
    remove(name);
    return out;
}

static void put(test_bytes *b, const void *bytes, size_t n) {
    b->p = realloc(b->p, b->n + n + 1);
    memcpy(b->p + b->n, bytes, n);
    b->n += n;
}

static void put_le(test_bytes *b, uint64_t v, int n) {
    for (int i = 0; i < n; i++) put(b, &(uint8_t){(uint8_t)(v >> (8 * i))}, 1);
}

test_bytes test_zip(const test_member *members, int n) {
    test_bytes out = {0}, directory = {0};
    for (int i = 0; i < n; i++) {
        const test_member *m = &members[i];
        uint8_t *packed = (uint8_t *)(uintptr_t)m->bytes;
        size_t packed_n = m->n, at = out.n, name = strlen(m->name);
        if (m->deflated) {
            z_stream z = {0};
            packed = malloc(m->n + 1024);
            deflateInit2(&z, 9, Z_DEFLATED, -15, 8, 0);
            z.next_in = (Bytef *)(uintptr_t)m->bytes, z.avail_in = (uInt)m->n, z.next_out = packed,
            z.avail_out = (uInt)(m->n + 1024);
            deflate(&z, Z_FINISH);
            packed_n = z.total_out;
            deflateEnd(&z);
        }
        uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), m->bytes, (uInt)m->n);
        put_le(&out, 0x04034b50, 4), put_le(&out, 20, 2), put_le(&out, 0, 2), put_le(&out, m->deflated ? 8 : 0, 2),
            put_le(&out, 0x210000, 4);
        put_le(&out, crc, 4), put_le(&out, packed_n, 4), put_le(&out, m->n, 4), put_le(&out, name, 2), put_le(&out, 0, 2);
        put(&out, m->name, name), put(&out, packed, packed_n);
        put_le(&directory, 0x02014b50, 4), put_le(&directory, 20, 2), put_le(&directory, 20, 2), put_le(&directory, 0, 2);
        put_le(&directory, m->deflated ? 8 : 0, 2), put_le(&directory, 0x210000, 4), put_le(&directory, crc, 4),
            put_le(&directory, packed_n, 4);
        put_le(&directory, m->n, 4), put_le(&directory, name, 2), put_le(&directory, 0, 8), put_le(&directory, 0, 4),
            put_le(&directory, at, 4);
        put(&directory, m->name, name);
        if (m->deflated) free(packed);
    }
    size_t at = out.n;
    put(&out, directory.p ? directory.p : (uint8_t *)"", directory.n);
    put_le(&out, 0x06054b50, 4), put_le(&out, 0, 4), put_le(&out, (uint64_t)n, 2), put_le(&out, (uint64_t)n, 2);
    put_le(&out, directory.n, 4), put_le(&out, at, 4), put_le(&out, 0, 2);
    free(directory.p);
    return out;
}

test_bytes test_npy(const char *descr, const char *shape, const void *items, size_t n) {
    char text[512];
    int length = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape);
    test_bytes out = {0};
    put(&out, "\x93NUMPY\x01\x00", 8), put_le(&out, (uint64_t)length, 2), put(&out, text, (size_t)length), put(&out, items, n);
    return out;
}

static void tar_entry(test_bytes *out, const char *name, char kind, const void *bytes, size_t n) {
    char h[512] = {0};
    unsigned sum = 0;
    snprintf(h, 100, "%.99s", name);
    snprintf(h + 100, 8, "0000644"), snprintf(h + 124, 12, "%011zo", n), snprintf(h + 136, 12, "00000000000");
    h[156] = kind;
    memcpy(h + 257, "ustar\00000", 8);
    memset(h + 148, ' ', 8);
    for (int i = 0; i < 512; i++) sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    put(out, h, 512), put(out, bytes, n), put(out, (char[512]){0}, (512 - n % 512) % 512);
}

test_bytes test_tar(const test_member *members, int n, test_tar_style style) {
    test_bytes out = {0};
    for (int i = 0; i < n; i++) {
        const char *name = members[i].name;
        size_t length = strlen(name);
        if (style == TEST_TAR_PAX) {
            char record[600];
            size_t total = length + 9; /* "NNN path=" … "\n", three digits */
            total += 1;
            int used = snprintf(record, sizeof record, "%03zu path=%s\n", total, name);
            tar_entry(&out, "PaxHeader", 'x', record, (size_t)used);
        }
        if (style == TEST_TAR_GNU) tar_entry(&out, "././@LongLink", 'L', name, length + 1);
        tar_entry(&out, style == TEST_TAR_PLAIN ? name : "short", name[length - 1] == '/' ? '5' : '0', members[i].bytes,
                  members[i].n);
    }
    put(&out, (char[1024]){0}, 1024);
    return out;
}

void test_put(const char *folder, const char *name, const void *bytes, size_t n) {
    char path[1024], parent[1024];
    mnk_error err = MNK_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    FILE *f = mnk_dir_make(parent, &err) == MNK_OK ? fopen(path, "wb") : NULL; /* without fsync: there are thousands */
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) fail_msg("cannot write %s", path);
}
