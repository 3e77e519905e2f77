/* TIFF through libtiff: 8 and 16 bit unsigned, grey, RGB and palette, strips and tiles, interleaved or in planes, whatever
 * compression the library knows. A file of several pictures is refused (which one is meant?), reduced copies and masks aside.
 */
#include <stdio.h>
#include <string.h>

#include <tiffio.h>

#include "base/mem.h"
#include "data/image_decode.h"

enum { DIRECTORIES_MAX = 64, SINGLE_ALLOC_MAX = 512 << 20 };

/* The file in memory, as libtiff's client sees it. */
typedef struct memory {
    const uint8_t *bytes;
    size_t n, at;
    char message[200]; /* the first complaint */
} memory;

static tmsize_t on_read(thandle_t h, void *to, tmsize_t n) {
    memory *m = h;
    size_t left = m->n - m->at, take = n < 0 ? 0 : (size_t)n < left ? (size_t)n : left;
    memcpy(to, m->bytes + m->at, take);
    m->at += take;
    return (tmsize_t)take;
}

static tmsize_t on_write(thandle_t h, void *from, tmsize_t n) {
    (void)h, (void)from, (void)n;
    return 0;
}

static toff_t on_seek(thandle_t h, toff_t offset, int whence) {
    memory *m = h;
    uint64_t base = whence == SEEK_CUR ? m->at : whence == SEEK_END ? m->n : 0, at = base + offset;
    if (at > m->n) at = m->n; /* reading there yields nothing */
    m->at = (size_t)at;
    return m->at;
}

static int on_close(thandle_t h) {
    (void)h;
    return 0;
}

static toff_t on_size(thandle_t h) { return ((memory *)h)->n; }

static int on_complaint(TIFF *t, void *user, const char *module, const char *fmt, va_list args) {
    memory *m = user;
    (void)t, (void)module;
    if (!m->message[0]) vsnprintf(m->message, sizeof m->message, fmt, args);
    return 1;
}

static int on_warning(TIFF *t, void *user, const char *module, const char *fmt, va_list args) {
    (void)t, (void)user, (void)module, (void)fmt, (void)args;
    return 1; /* unknown private tags are everyday */
}

static TIFF *open_memory(memory *m) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, SINGLE_ALLOC_MAX);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_complaint, m);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, m);
    TIFF *t = TIFFClientOpenExt("memory", "rm", m, on_read, on_write, on_seek, on_close, on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return t;
}

static mnk_status damaged(const memory *m, mnk_error *err) {
    return MNK_FAIL(err, MNK_ERR_INPUT, "damaged or truncated TIFF: %.160s", m->message[0] ? m->message : "unreadable");
}

typedef struct layout {
    uint32_t width, height;
    uint16_t bits, samples, photometric, planar, compression, format, extras;
    uint16_t *extra_kinds, *red, *green, *blue;
} layout;

static mnk_status check_pages(TIFF *t, mnk_error *err) {
    int pages = 1, directories = 1;
    while (TIFFReadDirectory(t)) {
        uint32_t kind = 0;
        TIFFGetFieldDefaulted(t, TIFFTAG_SUBFILETYPE, &kind);
        pages += !(kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK));
        if (++directories > DIRECTORIES_MAX) break;
    }
    if (pages > 1)
        return MNK_FAIL(err, MNK_ERR_INPUT, "TIFF with %s%d pictures; one is expected",
                        directories > DIRECTORIES_MAX ? "more than " : "", pages);
    return TIFFSetDirectory(t, 0) ? MNK_OK : MNK_FAIL(err, MNK_ERR_INPUT, "damaged TIFF: its first picture cannot be reached");
}

/* Reads the tags of the picture and refuses, by name, what is not understood. */
static mnk_status read_layout(TIFF *t, const memory *m, layout *l, mnk_error *err) {
    *l = (layout){.format = SAMPLEFORMAT_UINT};
    if (!TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &l->width) || !TIFFGetField(t, TIFFTAG_IMAGELENGTH, &l->height) ||
        !TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &l->photometric))
        return damaged(m, err);
    TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &l->bits);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &l->samples);
    TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &l->planar);
    TIFFGetFieldDefaulted(t, TIFFTAG_COMPRESSION, &l->compression);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &l->format);
    TIFFGetFieldDefaulted(t, TIFFTAG_EXTRASAMPLES, &l->extras, &l->extra_kinds);
    MNK_TRY(mnk_picture_check_size(l->width, l->height, err));
    if (l->photometric == PHOTOMETRIC_YCBCR && l->compression == COMPRESSION_JPEG) {
        TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB); /* libjpeg converts */
        l->photometric = PHOTOMETRIC_RGB;
    }
    if (l->bits != 8 && l->bits != 16) return MNK_FAIL(err, MNK_ERR_INPUT, "TIFF of %d bit; 8 and 16 are read", l->bits);
    if (l->format != SAMPLEFORMAT_UINT && l->format != SAMPLEFORMAT_VOID)
        return MNK_FAIL(err, MNK_ERR_INPUT, "TIFF of signed or floating-point values; unsigned integers are read");
    int colours = 0;
    if (l->photometric == PHOTOMETRIC_MINISBLACK || l->photometric == PHOTOMETRIC_MINISWHITE) colours = 1;
    else if (l->photometric == PHOTOMETRIC_PALETTE) colours = 1;
    else if (l->photometric == PHOTOMETRIC_RGB) colours = 3;
    if (!colours)
        return MNK_FAIL(err, MNK_ERR_INPUT, "TIFF in a colour space (%d) that is neither grey, RGB nor palette",
                        l->photometric);
    if (l->samples != colours + l->extras || l->extras > 1 || (l->extras && l->photometric == PHOTOMETRIC_PALETTE))
        return MNK_FAIL(err, MNK_ERR_INPUT, "TIFF with %d channels, %d of them colour; at most one more (alpha) is read",
                        l->samples, colours);
    if (l->photometric == PHOTOMETRIC_PALETTE &&
        (l->bits != 8 || !TIFFGetField(t, TIFFTAG_COLORMAP, &l->red, &l->green, &l->blue)))
        return MNK_FAIL(err, MNK_ERR_INPUT, "TIFF with a palette that is missing or not of 8 bit");
    return MNK_OK;
}

static void describe(const layout *l, mnk_picture *p) {
    p->width = (int)l->width;
    p->height = (int)l->height;
    p->channels = l->photometric == PHOTOMETRIC_PALETTE ? 3 : l->samples;
    p->depth = l->bits;
}

/* Copies rows x columns of a strip or tile into the picture at (x, y). `step` values lie between neighbours in the source. */
static void place(const layout *l, mnk_picture *raw, const uint8_t *from, size_t from_stride, uint32_t x, uint32_t y,
                  uint32_t columns, uint32_t rows, int plane) {
    size_t value = raw->depth == 16 ? 2 : 1, samples = l->samples;
    for (uint32_t r = 0; r < rows; r++) {
        const uint8_t *in = from + r * from_stride;
        uint8_t *out = (uint8_t *)raw->pixels + (((size_t)(y + r) * l->width + x) * samples + (size_t)plane) * value;
        if (l->planar == PLANARCONFIG_CONTIG || samples == 1) memcpy(out, in, columns * samples * value);
        else
            for (uint32_t c = 0; c < columns; c++) memcpy(out + c * samples * value, in + c * value, value);
    }
}

static mnk_status read_blocks(TIFF *t, const memory *m, const layout *l, mnk_picture *raw, mnk_error *err) {
    bool tiled = TIFFIsTiled(t) != 0, planes = l->planar == PLANARCONFIG_SEPARATE && l->samples > 1;
    uint32_t bw = l->width, bh = l->height;
    if (tiled && (!TIFFGetField(t, TIFFTAG_TILEWIDTH, &bw) || !TIFFGetField(t, TIFFTAG_TILELENGTH, &bh)))
        return damaged(m, err);
    if (!tiled) {
        TIFFGetFieldDefaulted(t, TIFFTAG_ROWSPERSTRIP, &bh);
        if (bh > l->height) bh = l->height;
    }
    MNK_TRY(mnk_picture_check_size(bw, bh, err));
    tmsize_t size = tiled ? TIFFTileSize(t) : TIFFStripSize(t);
    size_t stride = (size_t)bw * (planes ? 1 : l->samples) * (l->bits / 8);
    if (size <= 0 || (size_t)size < stride * bh) return damaged(m, err);
    if (size > 32 << 20) MNK_TRY(mnk_memory_require((size_t)size, "a block of the TIFF", err));
    uint8_t *block = mnk_alloc((size_t)size, 1);
    if (!block) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes", (size_t)size);
    mnk_status status = MNK_OK;
    for (int plane = 0; plane < (planes ? l->samples : 1) && status == MNK_OK; plane++)
        for (uint32_t y = 0; y < l->height && status == MNK_OK; y += bh)
            for (uint32_t x = 0; x < l->width && status == MNK_OK; x += bw) {
                uint32_t rows = l->height - y < bh ? l->height - y : bh, columns = l->width - x < bw ? l->width - x : bw;
                tmsize_t want = tiled ? size : (tmsize_t)(stride * rows);
                tmsize_t got = tiled ? TIFFReadEncodedTile(t, TIFFComputeTile(t, x, y, 0, (uint16_t)plane), block, size)
                                     : TIFFReadEncodedStrip(t, TIFFComputeStrip(t, y, (uint16_t)plane), block, want);
                if (got < want || m->message[0]) status = damaged(m, err);
                else place(l, raw, block, stride, x, y, columns, rows, plane);
            }
    mnk_free(block);
    return status;
}

static void invert(mnk_picture *p) {
    size_t n = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; i < n; i++) { /* the first channel; a second is alpha */
        size_t at = i * (size_t)p->channels;
        if (p->depth == 16) ((uint16_t *)p->pixels)[at] = (uint16_t)(65535 - ((uint16_t *)p->pixels)[at]);
        else ((uint8_t *)p->pixels)[at] = (uint8_t)(255 - ((uint8_t *)p->pixels)[at]);
    }
}

/* Palette entries have 16 bits; some writers fill only the low eight (the table then stays below 256). */
static void expand_palette(const layout *l, const mnk_picture *index, mnk_picture *out) {
    bool low = true;
    for (int i = 0; i < 256 && low; i++) low = l->red[i] < 256 && l->green[i] < 256 && l->blue[i] < 256;
    size_t n = (size_t)out->width * (size_t)out->height;
    const uint8_t *in = index->pixels;
    uint8_t *p = out->pixels;
    for (size_t i = 0; i < n; i++, p += 3) {
        p[0] = (uint8_t)(low ? l->red[in[i]] : l->red[in[i]] >> 8);
        p[1] = (uint8_t)(low ? l->green[in[i]] : l->green[in[i]] >> 8);
        p[2] = (uint8_t)(low ? l->blue[in[i]] : l->blue[in[i]] >> 8);
    }
}

static mnk_status read_pixels(TIFF *t, const memory *m, const layout *l, mnk_picture *out, mnk_error *err) {
    bool palette = l->photometric == PHOTOMETRIC_PALETTE;
    mnk_picture index = {.width = out->width, .height = out->height, .channels = 1, .depth = 8};
    mnk_status status = mnk_picture_alloc(out, err);
    if (status == MNK_OK && palette) status = mnk_picture_alloc(&index, err);
    if (status == MNK_OK) status = read_blocks(t, m, l, palette ? &index : out, err);
    if (status == MNK_OK && palette) expand_palette(l, &index, out);
    if (status == MNK_OK && l->photometric == PHOTOMETRIC_MINISWHITE) invert(out);
    mnk_picture_clear(&index);
    return status;
}

static mnk_status run(const uint8_t *bytes, size_t n, mnk_picture *out, bool pixels, mnk_error *err) {
    memory m = {.bytes = bytes, .n = n};
    layout l;
    TIFF *t = open_memory(&m);
    if (!t) return damaged(&m, err);
    mnk_status status = check_pages(t, err);
    if (status == MNK_OK) status = read_layout(t, &m, &l, err);
    if (status == MNK_OK) describe(&l, out);
    if (status == MNK_OK && pixels) {
        m.message[0] = '\0';
        status = read_pixels(t, &m, &l, out, err);
    }
    TIFFClose(t);
    if (status != MNK_OK) mnk_picture_clear(out);
    return status;
}

static mnk_status info(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) {
    return run(bytes, n, out, false, err);
}
static mnk_status decode(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) {
    return run(bytes, n, out, true, err);
}

const mnk_image_driver mnk_driver_tiff = {"TIFF", ".tif .tiff", {"II*\0", "MM\0*", "II+\0", NULL}, 4, info, decode};
