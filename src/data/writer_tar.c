/* A tar of the folder the folder sink would make: <class>/NNNNNN.png, manifest.csv last. Times and owners are zero, so that
 * equal data give equal bytes. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/writer.h"

enum { BLOCK = 512 };

typedef struct archive {
    const mnk_images_meta *meta;
    mnk_outfile *out;
    char **class_folders;
    mnk_text manifest;
} archive;

static bool claims(const char *path) { return !strcmp(mnk_path_ext(path), ".tar"); }

static void tar_abort(void *state) {
    archive *a = state;
    if (!a) return;
    mnk_outfile_abort(a->out);
    mnk_free(a->class_folders);
    mnk_text_clear(&a->manifest);
    mnk_free(a);
}

static mnk_status tar_open(const char *path, bool force, const mnk_images_meta *meta, void **state, mnk_error *err) {
    archive *a = NULL;
    MNK_TRY(MNK_NEW(a, 1, err));
    a->meta = meta;
    mnk_status status = (a->class_folders = mnk_class_folders(meta)) ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    if (status == MNK_OK) status = mnk_outfile_open(path, force, &a->out, err);
    if (status != MNK_OK) tar_abort(a);
    else *state = a;
    return status;
}

/* ustar header, data, padding. Names are below 100 bytes (mnk_class_folders), sizes below 8 GiB. */
static mnk_status put_file(archive *a, const char *name, const void *bytes, size_t n, mnk_error *err) {
    static const char zeros[BLOCK];
    char h[BLOCK] = {0};
    if (n >= (size_t)1 << 33) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: too large for a tar archive", name);
    memcpy(h, name, strnlen(name, 100));
    memcpy(h + 100, "0000644", 8);
    memcpy(h + 108, "0000000", 8);
    memcpy(h + 116, "0000000", 8);
    snprintf(h + 124, 12, "%011llo", (unsigned long long)n);
    memcpy(h + 136, "00000000000", 12);
    memset(h + 148, ' ', 8);
    h[156] = '0';
    memcpy(h + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (int i = 0; i < BLOCK; i++) sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum & 0777777);
    h[155] = ' ';
    MNK_TRY(mnk_outfile_write(a->out, h, BLOCK, err));
    MNK_TRY(mnk_outfile_write(a->out, bytes, n, err));
    return mnk_outfile_write(a->out, zeros, (BLOCK - n % BLOCK) % BLOCK, err);
}

static mnk_status tar_add(void *state, const mnk_out_image *image, mnk_error *err) {
    archive *a = state;
    char name[128];
    mnk_out_name(a->class_folders, image, name);
    mnk_manifest_add(&a->manifest, a->meta, name, image);
    return put_file(a, name, image->png, image->png_bytes, err);
}

static mnk_status tar_commit(void *state, bool persons, mnk_error *err) {
    archive *a = state;
    mnk_text csv = {0};
    static const char end[2 * BLOCK];
    mnk_status status = mnk_manifest_finish(&a->manifest, a->meta, persons, &csv, err);
    if (status == MNK_OK) status = put_file(a, "manifest.csv", csv.s, csv.n, err);
    if (status == MNK_OK) status = mnk_outfile_write(a->out, end, sizeof end, err);
    if (status == MNK_OK) {
        status = mnk_outfile_commit(a->out, err);
        a->out = NULL;
    }
    mnk_text_clear(&csv);
    tar_abort(a);
    return status;
}

const mnk_sink mnk_sink_tar = {"tar", claims, true, tar_open, tar_add, tar_commit, tar_abort};
