/* What the folder and the tar sink share: names and the manifest. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/csv.h"
#include "data/writer.h"

enum { FOLDER_BYTES = 72 }; /* folder and file name fit the 100 bytes of a plain tar header */

/* Slashes, control characters, a leading dot and over-long names are no folder names; a split's name would be misread. */
static void make_fit(const char *name, char out[FOLDER_BYTES]) {
    size_t n = 0;
    for (const char *p = name; *p && n < FOLDER_BYTES - 8; p++, n++) {
        bool unfit = *p == '/' || *p == '\\' || (unsigned char)*p < 0x20 || *p == 0x7f || (n == 0 && *p == '.');
        out[n] = unfit ? '_' : *p;
    }
    while (n && n == FOLDER_BYTES - 8 && ((unsigned char)out[n - 1] & 0xc0) == 0x80) n--; /* do not end inside a character */
    if (n == FOLDER_BYTES - 8 && ((unsigned char)out[n - 1] & 0x80)) n--;
    if (!n) out[n++] = '_';
    out[n] = '\0';
    if (mnk_split_parse(out) >= 0) memcpy(out + n, "_", 2);
}

char **mnk_class_folders(const mnk_images_meta *meta) {
    size_t n = (size_t)meta->classes;
    char **folders = mnk_alloc(n, sizeof(char *) + FOLDER_BYTES);
    if (!folders) return NULL;
    char *text = (char *)(folders + n);
    for (size_t c = 0; c < n; c++) {
        folders[c] = text + c * FOLDER_BYTES;
        make_fit(meta->class_names[c], folders[c]);
        size_t length = strlen(folders[c]);
        for (size_t other = 0; other < c; other++) /* distinct, also where case does not count */
            if (!strcasecmp(folders[c], folders[other])) {
                snprintf(folders[c] + length, FOLDER_BYTES - length, "_%zu", c);
                break;
            }
    }
    return folders;
}

void mnk_out_name(char *const *folders, const mnk_out_image *image, char out[128]) {
    snprintf(out, 128, "%.*s/%06zu.png", FOLDER_BYTES, folders[image->label], image->number);
}

void mnk_manifest_add(mnk_text *rows, const mnk_images_meta *meta, const char *file, const mnk_out_image *image) {
    mnk_csv_add(rows, file);
    mnk_text_add(rows, ",");
    mnk_csv_add(rows, meta->class_names[image->label]);
    mnk_text_printf(rows, ",%s", mnk_split_name((mnk_split)image->split));
    if (image->persons && image->person >= 0) mnk_text_printf(rows, ",%d", image->person);
    else if (image->persons) mnk_text_add(rows, ",");
    if (meta->generator) {
        mnk_text_add(rows, ",true,");
        mnk_csv_add(rows, meta->generator);
        mnk_text_add(rows, ",");
        mnk_csv_add(rows, meta->model_hash);
        mnk_text_printf(rows, ",%llu", (unsigned long long)meta->seed);
    }
    mnk_text_add(rows, "\n");
}

mnk_status mnk_manifest_finish(const mnk_text *rows, const mnk_images_meta *meta, bool persons, mnk_text *out, mnk_error *err) {
    mnk_text_printf(out, "file,label,split%s%s\n", persons ? ",person" : "",
                    meta->generator ? ",synthetic,generator,model,seed" : "");
    if (rows->n) mnk_text_add_n(out, rows->s, rows->n);
    return out->failed || rows->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: the manifest") : MNK_OK;
}
