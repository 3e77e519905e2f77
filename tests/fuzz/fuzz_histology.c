/* Class list and mix of the histology phantom: two lines of text. What passes the check must deal labels in range. */
#include <stdlib.h>
#include <string.h>

#include "manikin/simulate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096) return 0;
    char *text = calloc(size + 1, 1);
    if (!text) return 0;
    memcpy(text, data, size);
    mnk_histology_config c;
    mnk_histology_defaults(&c);
    char *line = strchr(text, '\n');
    if (line) {
        *line = 0;
        c.mix = line + 1;
    }
    c.classes = text;
    mnk_error err = MNK_ERROR_INIT;
    int32_t label[50];
    mnk_histology_class k[MNK_HISTOLOGY_CLASSES];
    if (mnk_histology_deal(&c, 50, label, &err) == MNK_OK) {
        int classes = mnk_histology_labels(&c, k);
        for (int i = 0; i < 50; i++)
            if (label[i] < 0 || label[i] >= classes) abort();
    } else if (err.code != MNK_ERR_USAGE || !err.message[0]) abort();
    free(text);
    return 0;
}
