/* PNG through libspng: every colour type of the standard, 1 to 16 bits, interlaced too. Palettes become RGB, grey of fewer
 * than 8 bits is widened to 8. */
#include <spng.h>
#include <string.h>

#include "base/mem.h"
#include "data/image_decode.h"
#include "data/images.h"

enum { CHUNK_BYTES_MAX = 8 << 20, TEXTS_MAX = 256 };

/* A decoder standing behind the header. */
static mnk_status start(const uint8_t *bytes, size_t n, spng_ctx **out, struct spng_ihdr *header, bool *transparent,
                        mnk_error *err) {
    spng_ctx *ctx = spng_ctx_new(0);
    if (!ctx) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    struct spng_trns trns;
    int rc = spng_set_image_limits(ctx, INT32_MAX, INT32_MAX); /* ours give the clearer message */
    if (!rc) rc = spng_set_chunk_limits(ctx, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX);
    if (!rc) rc = spng_set_png_buffer(ctx, bytes, n);
    if (!rc) rc = spng_get_ihdr(ctx, header);
    mnk_status status = MNK_OK;
    if (!rc) status = mnk_picture_check_size(header->width, header->height, err);
    if (!rc && status == MNK_OK) {
        rc = spng_get_trns(ctx, &trns);
        *transparent = !rc;
        if (rc == SPNG_ECHUNKAVAIL) rc = 0;
    }
    if (rc)
        status =
            MNK_FAIL(err, rc == SPNG_EMEM ? MNK_ERR_MEMORY : MNK_ERR_INPUT, "damaged or truncated PNG: %s", spng_strerror(rc));
    if (status != MNK_OK) spng_ctx_free(ctx);
    else *out = ctx;
    return status;
}

static void describe(const struct spng_ihdr *h, bool transparent, mnk_picture *p) {
    bool colour = h->color_type == SPNG_COLOR_TYPE_TRUECOLOR || h->color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ||
                  h->color_type == SPNG_COLOR_TYPE_INDEXED;
    bool alpha =
        transparent || h->color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA || h->color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
    p->width = (int)h->width;
    p->height = (int)h->height;
    p->channels = (colour ? 3 : 1) + alpha;
    p->depth = h->bit_depth == 16 ? 16 : 8;
}

static mnk_status info(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) {
    spng_ctx *ctx = NULL;
    struct spng_ihdr header;
    bool transparent = false;
    MNK_TRY(start(bytes, n, &ctx, &header, &transparent, err));
    describe(&header, transparent, out);
    spng_ctx_free(ctx);
    return MNK_OK;
}

/* libspng delivers grey with a transparent colour as RGBA only: keep red and alpha. */
static void fold_grey(mnk_picture *p, const void *rgba) {
    size_t pixels = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 2; c++) {
            if (p->depth == 16) ((uint16_t *)p->pixels)[2 * i + c] = ((const uint16_t *)rgba)[4 * i + 3 * c];
            else ((uint8_t *)p->pixels)[2 * i + c] = ((const uint8_t *)rgba)[4 * i + 3 * c];
        }
}

static bool is_synthetic(spng_ctx *ctx) {
    struct spng_text texts[TEXTS_MAX];
    uint32_t n = TEXTS_MAX;
    if (spng_get_text(ctx, texts, &n)) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!strcmp(texts[i].keyword, "Synthetic") && texts[i].length == 4 && !memcmp(texts[i].text, "true", 4)) return true;
    return false;
}

static mnk_status decode(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) {
    spng_ctx *ctx = NULL;
    struct spng_ihdr header;
    bool transparent = false;
    void *wide = NULL;
    MNK_TRY(start(bytes, n, &ctx, &header, &transparent, err));
    describe(&header, transparent, out);
    bool fold = transparent && out->channels == 2;
    int format = SPNG_FMT_PNG; /* as stored, 16 bit in this machine's order */
    if (transparent) format = out->depth == 16 ? SPNG_FMT_RGBA16 : SPNG_FMT_RGBA8;
    else if (header.color_type == SPNG_COLOR_TYPE_INDEXED) format = SPNG_FMT_RGB8;
    else if (header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && header.bit_depth < 8) format = SPNG_FMT_G8;
    size_t size = 0;
    int rc = spng_decoded_image_size(ctx, format, &size);
    mnk_status status = rc ? MNK_OK : mnk_picture_alloc(out, err);
    if (!rc && status == MNK_OK && fold) {
        wide = mnk_alloc(size, 1);
        if (!wide) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes", size);
    }
    if (!rc && status == MNK_OK)
        rc = spng_decode_image(ctx, fold ? wide : out->pixels, size, format, transparent ? SPNG_DECODE_TRNS : 0);
    if (!rc && status == MNK_OK) {
        if (fold) fold_grey(out, wide);
        out->synthetic = is_synthetic(ctx);
    }
    if (rc)
        status =
            MNK_FAIL(err, rc == SPNG_EMEM ? MNK_ERR_MEMORY : MNK_ERR_INPUT, "damaged or truncated PNG: %s", spng_strerror(rc));
    mnk_free(wide);
    spng_ctx_free(ctx);
    if (status != MNK_OK) mnk_picture_clear(out);
    return status;
}

const mnk_image_driver mnk_driver_png = {"PNG", ".png", {"\x89PNG\r\n\x1a\n", NULL}, 8, info, decode};

/* Tiles are written by the ten thousand: fewer filters tried, a lower level and a window no larger than the picture take
 * 0.4 of the time for 5 to 9 % more bytes (measured on blood cells of 32 and 64 px). Larger pictures, the sheets of a
 * report, keep the library's defaults. */
static int set_effort(spng_ctx *ctx, size_t raw_bytes) {
    if (raw_bytes > 128 << 10) return 0;
    int window_bits = 9;
    while (window_bits < 15 && (size_t)1 << window_bits < raw_bytes) window_bits++;
    int rc = spng_set_option(ctx, SPNG_IMG_COMPRESSION_LEVEL, 3);
    if (!rc) rc = spng_set_option(ctx, SPNG_IMG_WINDOW_BITS, window_bits);
    if (!rc) rc = spng_set_option(ctx, SPNG_FILTER_CHOICE, SPNG_FILTER_CHOICE_SUB | SPNG_FILTER_CHOICE_UP);
    return rc;
}

mnk_status mnk_png_encode(const uint8_t *pixels, int height, int width, int channels, const mnk_png_text *texts, size_t n_texts,
                          uint8_t **out, size_t *n, mnk_error *err) {
    *out = NULL;
    *n = 0;
    if (height < 1 || width < 1 || height > MNK_IMAGE_SIDE_MAX || width > MNK_IMAGE_SIDE_MAX ||
        (channels != 1 && channels != 3) || n_texts > 32)
        return MNK_FAIL(err, MNK_ERR_USAGE, "no such PNG: %dx%dx%d with %zu texts", width, height, channels, n_texts);
    struct spng_text chunk[32];
    memset(chunk, 0, sizeof chunk);
    for (size_t i = 0; i < n_texts; i++) {
        chunk[i].type = SPNG_TEXT;
        memcpy(chunk[i].keyword, texts[i].key, strnlen(texts[i].key, sizeof chunk[i].keyword - 1));
        chunk[i].length = strlen(texts[i].value);
        chunk[i].text = (char *)(uintptr_t)texts[i].value; /* libspng only reads it */
    }
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!ctx) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    struct spng_ihdr header = {.width = (uint32_t)width,
                               .height = (uint32_t)height,
                               .bit_depth = 8,
                               .color_type = channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR};
    int rc = spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    if (!rc) rc = spng_set_ihdr(ctx, &header);
    if (!rc) rc = set_effort(ctx, (size_t)height * ((size_t)width * (size_t)channels + 1));
    if (!rc && n_texts) rc = spng_set_text(ctx, chunk, (uint32_t)n_texts);
    if (!rc)
        rc = spng_encode_image(ctx, pixels, (size_t)height * (size_t)width * (size_t)channels, SPNG_FMT_PNG,
                               SPNG_ENCODE_FINALIZE);
    if (!rc) *out = spng_get_png_buffer(ctx, n, &rc);
    spng_ctx_free(ctx);
    if (rc) {
        mnk_free(*out);
        *out = NULL;
        return MNK_FAIL(err, rc == SPNG_EMEM ? MNK_ERR_MEMORY : MNK_ERR_FAILED, "cannot encode PNG: %s", spng_strerror(rc));
    }
    return MNK_OK;
}
