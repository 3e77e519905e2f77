#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    if (mnk_result_parse((const char *)data, size, "fuzz", &r, &err) != MNK_OK) return 0;
    char *text = NULL;
    if (mnk_result_json(r, &text, &err) == MNK_OK) mnk_free(text);
    FILE *sink = fopen("/dev/null", "w");
    if (sink) {
        mnk_result_print(r, sink, true);
        fclose(sink);
    }
    mnk_result_close(r);
    return 0;
}
