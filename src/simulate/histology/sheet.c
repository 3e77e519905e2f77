/* Contact sheet: one row of tiles per class. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "simulate/histology/histology.h"

enum { GAP = 4 }; /* px of white between tiles */

mnk_status mnk_histology_sheet(const mnk_histology_config *config, uint64_t seed, int columns, const char *path, bool force,
                               mnk_error *err) {
    MNK_TRY(mnk_histology_check(config, err));
    if (columns < 1 || columns > 100)
        return MNK_FAIL(err, MNK_ERR_USAGE, "contact sheet: %d columns, must be 1 to 100", columns);
    mnk_histology_class k[MNK_HISTOLOGY_CLASSES];
    int rows = mnk_histology_labels(config, k), size = (int)config->size;
    int width = columns * (size + GAP) + GAP, height = rows * (size + GAP) + GAP;
    uint8_t *sheet = NULL, *tile = NULL, *bytes = NULL;
    size_t n = 0;
    mnk_status status;
    MNK_OUT(MNK_NEW(sheet, (size_t)width * (size_t)height * 3, err));
    MNK_OUT(MNK_NEW(tile, (size_t)size * (size_t)size * 3, err));
    memset(sheet, 255, (size_t)width * (size_t)height * 3);
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++) {
            MNK_OUT(mnk_histology_image(config, seed, (uint64_t)(column * rows + row), k[row], tile, NULL, NULL, err));
            uint8_t *corner = sheet + 3 * ((size_t)(GAP + row * (size + GAP)) * width + GAP + column * (size + GAP));
            for (int y = 0; y < size; y++)
                memcpy(corner + 3 * (size_t)y * width, tile + 3 * (size_t)y * size, 3 * (size_t)size);
        }
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    const mnk_png_text marks[] = {
        {"Synthetic", "true"}, {"Software", "manikin " MNK_VERSION}, {"Generator", "histology phantom"}, {"Seed", text}};
    MNK_OUT(mnk_png_encode(sheet, height, width, 3, marks, sizeof marks / sizeof *marks, &bytes, &n, err));
    MNK_OUT(mnk_file_write(path, force, bytes, n, err));
out:
    mnk_free_bytes(bytes);
    mnk_free(sheet);
    mnk_free(tile);
    return status;
}
