/* GAN models: settings, image shape and classes in the metadata of a safetensors file, and the tensors they promise. */
#include <stddef.h>
#include <stdint.h>

#include "learn/gan/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_st *st = NULL;
    mnk_gan *gan = NULL;
    if (mnk_st_parse(data, size, "fuzz", &st, &err) != MNK_OK) return 0;
    mnk_status status = mnk_gan_open_st(st, "fuzz", &gan, &err);
    mnk_st_close(st);
    if (status != MNK_OK) return 0;
    const mnk_gan_info *info = mnk_gan_describe(gan);
    size_t volume = (size_t)info->height * (size_t)info->width * (size_t)info->channels;
    static uint8_t pixels[3 * 512 * 512]; /* the largest image that the format allows */
    int32_t label = info->classes - 1;
    status = volume <= sizeof pixels ? mnk_gan_sample(gan, &label, 1, 1, 0, pixels, &err) : MNK_ERR_FAILED;
    mnk_gan_close(gan);
    return status == MNK_OK ? 0 : 1;
}
