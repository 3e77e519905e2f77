#include "picture_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return fuzz_picture(&mnk_driver_jpeg, data, size); }
