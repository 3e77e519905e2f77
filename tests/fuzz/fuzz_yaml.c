#include <stdlib.h>
#include <string.h>

#include "manikin/study.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes give a study or an error with a message; nothing is opened or written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_study *s = NULL;
    mnk_status status = mnk_study_parse((const char *)data, size, "fuzz.yaml", "folder", NULL, 0, &s, &err);
    if ((status == MNK_OK) != (s != NULL)) abort();
    if (status != MNK_OK && !err.message[0]) abort();
    if (s && (!mnk_study_title(s) || !mnk_study_settings(s))) abort();
    mnk_study_close(s);
    return 0;
}
