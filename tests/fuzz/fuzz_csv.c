#include <stdlib.h>
#include <string.h>

#include "data/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A manifest over three files; then every field is written again and must read back the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_csv *csv = NULL, *again = NULL;
    mnk_listing l;
    mnk_rows rows;
    mnk_images_options options = {0};
    mnk_open_request request = {.path = "fuzz", .options = &options};
    if (mnk_csv_parse((const char *)data, size, "fuzz.csv", &csv, &err) != MNK_OK) {
        if (!err.message[0]) abort();
        return 0;
    }
    if (mnk_listing_init(&l, "fuzz", &err) == MNK_OK) {
        static const char *const files[] = {"a.png", "b/c.jpg", "z.tif"};
        for (int i = 0; i < 3; i++)
            if (mnk_listing_add(&l, files[i], false, 1, 0, &err) != MNK_OK) abort();
        if (mnk_rows_from_csv(&l, csv, "fuzz.csv", &request, &rows, &err) == MNK_OK) {
            for (size_t i = 0; i < rows.n; i++)
                if (rows.row[i].entry ? rows.row[i].label < 0 || rows.row[i].label >= rows.classes : !rows.row[i].reason)
                    abort();
            mnk_rows_clear(&rows);
        } else if (!err.message[0]) abort();
        mnk_listing_clear(&l);
    }
    size_t n = mnk_csv_columns(csv), m = mnk_csv_rows(csv);
    mnk_text text = {0};
    for (size_t r = 0; r <= m && n > 1; r++)
        for (size_t c = 0; c < n; c++) {
            mnk_csv_add(&text, r ? mnk_csv_cell(csv, r - 1, c) : mnk_csv_heading(csv, c));
            mnk_text_add(&text, c + 1 < n ? "," : "\n");
        }
    bool bom = text.n >= 3 && !memcmp(text.s, "\xef\xbb\xbf", 3); /* a heading that begins with a second one */
    if (n > 1 && !bom) {
        mnk_error_clear(&err);
        if (mnk_csv_parse(text.s, text.n, "again", &again, &err) != MNK_OK || mnk_csv_columns(again) != n ||
            mnk_csv_rows(again) != m)
            abort();
        for (size_t r = 0; r < m; r++)
            for (size_t c = 0; c < n; c++)
                if (strcmp(mnk_csv_cell(csv, r, c), mnk_csv_cell(again, r, c)) != 0) abort();
    }
    mnk_text_clear(&text);
    mnk_csv_close(again);
    mnk_csv_close(csv);
    return 0;
}
