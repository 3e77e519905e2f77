/* A classifier's model file: the description, the settings and the weights against each other; then one prediction. */
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "learn/classifier/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_st *st = NULL;
    mnk_classifier *c = NULL;
    if (mnk_st_parse(data, size, "fuzz", &st, &err) != MNK_OK) return 0;
    mnk_status status = mnk_classifier_read(st, "fuzz", &c, &err);
    mnk_st_close(st);
    if (status == MNK_OK) {
        size_t pixels = (size_t)c->summary.channels * (size_t)c->summary.height * (size_t)c->summary.width;
        float *planes = mnk_alloc(pixels, sizeof *planes), *prob = mnk_alloc((size_t)c->summary.classes, sizeof *prob);
        if (planes && prob) status = mnk_classifier_run(c, planes, 1, prob, NULL, &err);
        mnk_free(planes);
        mnk_free(prob);
    }
    mnk_classifier_close(c);
    return 0;
}
