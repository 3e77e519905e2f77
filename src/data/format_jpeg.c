/* JPEG through libjpeg-turbo: grey and colour of 8 bits, baseline and progressive. A file that libjpeg would patch up with
 * grey (truncated, damaged) is refused: invented pixels have no place in a medical data set. EXIF orientation is ignored. */
#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

#include "data/image_decode.h"

enum { SCANS_MAX = 200 };

/* The error manager libjpeg calls back; longjmp leaves through `escape`. */
typedef struct manager {
    struct jpeg_error_mgr pub; /* first */
    jmp_buf escape;
    char message[JMSG_LENGTH_MAX];
    bool memory;
} manager;

static void on_error(j_common_ptr c) {
    manager *m = (manager *)c->err;
    m->memory = c->err->msg_code == JERR_OUT_OF_MEMORY;
    c->err->format_message(c, m->message);
    longjmp(m->escape, 1);
}

/* Level -1 is a warning. Those about pixels count as errors; about trailing bytes and metadata they harm nothing. */
static void on_message(j_common_ptr c, int level) {
    int code = c->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM &&
        code != JWRN_BOGUS_ICC)
        on_error(c);
}

/* A progressive file may hold thousands of scans in a few bytes, each costing a pass over the picture. */
static void on_progress(j_common_ptr c) {
    if (c->is_decompressor && ((j_decompress_ptr)c)->input_scan_number > SCANS_MAX) {
        manager *m = (manager *)c->err;
        snprintf(m->message, sizeof m->message, "more than %d scans", SCANS_MAX);
        longjmp(m->escape, 1);
    }
}

/* Everything that changes between setjmp and longjmp lives behind pointers, so nothing is lost in registers. */
typedef struct job {
    struct jpeg_decompress_struct c;
    struct jpeg_progress_mgr progress;
    manager m;
    mnk_picture *out;
    mnk_error *err;
    mnk_status status;
} job;

static mnk_status describe(job *j) {
    struct jpeg_decompress_struct *c = &j->c;
    if (c->jpeg_color_space != JCS_GRAYSCALE && c->jpeg_color_space != JCS_YCbCr && c->jpeg_color_space != JCS_RGB)
        return MNK_FAIL(j->err, MNK_ERR_INPUT, "JPEG in a colour space that is neither grey nor RGB (%d components)",
                        c->num_components);
    c->out_color_space = c->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    j->out->width = (int)c->image_width;
    j->out->height = (int)c->image_height;
    j->out->channels = c->out_color_space == JCS_GRAYSCALE ? 1 : 3;
    j->out->depth = 8;
    return mnk_picture_check_size(c->image_width, c->image_height, j->err);
}

static mnk_status read_lines(job *j) {
    struct jpeg_decompress_struct *c = &j->c;
    MNK_TRY(mnk_picture_alloc(j->out, j->err));
    c->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(c);
    size_t stride = (size_t)j->out->width * (size_t)j->out->channels;
    while (c->output_scanline < c->output_height) {
        JSAMPROW row = (JSAMPROW)j->out->pixels + c->output_scanline * stride;
        jpeg_read_scanlines(c, &row, 1);
    }
    jpeg_finish_decompress(c);
    return MNK_OK;
}

static mnk_status run(const uint8_t *bytes, size_t n, mnk_picture *out, bool pixels, mnk_error *err) {
    job j = {.out = out, .err = err};
    job *volatile keep = &j;
    j.c.err = jpeg_std_error(&j.m.pub);
    j.m.pub.error_exit = on_error;
    j.m.pub.emit_message = on_message;
    if (setjmp(j.m.escape)) {
        job *k = keep;
        k->status =
            MNK_FAIL(k->err, k->m.memory ? MNK_ERR_MEMORY : MNK_ERR_INPUT, "damaged or truncated JPEG: %s", k->m.message);
    } else {
        jpeg_create_decompress(&j.c);
        j.c.mem->max_memory_to_use = 1L << 30;
        j.progress.progress_monitor = on_progress;
        j.c.progress = &j.progress;
        jpeg_mem_src(&j.c, bytes, n);
        jpeg_read_header(&j.c, TRUE);
        j.status = describe(&j);
        if (j.status == MNK_OK && pixels) j.status = read_lines(&j);
    }
    job *k = keep;
    jpeg_destroy_decompress(&k->c);
    if (k->status != MNK_OK) mnk_picture_clear(k->out);
    return k->status;
}

static mnk_status info(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) {
    return run(bytes, n, out, false, err);
}
static mnk_status decode(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) {
    return run(bytes, n, out, true, err);
}

const mnk_image_driver mnk_driver_jpeg = {"JPEG", ".jpg .jpeg", {"\xff\xd8\xff", NULL}, 3, info, decode};
