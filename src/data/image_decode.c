#include "data/image_decode.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"

static const mnk_image_driver *const drivers[] = {&mnk_driver_png, &mnk_driver_jpeg, &mnk_driver_tiff};
enum { N_DRIVERS = sizeof drivers / sizeof *drivers };

bool mnk_image_name(const char *path) {
    const char *ext = mnk_path_ext(path);
    size_t n = strlen(ext);
    for (size_t i = 0; i < N_DRIVERS && n; i++)
        for (const char *p = drivers[i]->extensions; *p;) {
            size_t length = strcspn(p, " ");
            if (length == n && strncasecmp(p, ext, n) == 0) return true;
            p += length + (p[length] == ' ');
        }
    return false;
}

static mnk_status find_driver(const uint8_t *bytes, size_t n, const mnk_image_driver **out, mnk_error *err) {
    if (!n) return MNK_FAIL(err, MNK_ERR_INPUT, "empty file (0 bytes)");
    for (size_t i = 0; i < N_DRIVERS; i++)
        for (const char *const *magic = drivers[i]->magic; *magic; magic++)
            if (n >= drivers[i]->magic_length && !memcmp(bytes, *magic, drivers[i]->magic_length)) {
                *out = drivers[i];
                return MNK_OK;
            }
    return MNK_FAIL(err, MNK_ERR_INPUT, "not a PNG, JPEG or TIFF picture");
}

mnk_status mnk_image_info(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) {
    const mnk_image_driver *driver = NULL;
    *out = (mnk_picture){0};
    MNK_TRY(find_driver(bytes, n, &driver, err));
    MNK_TRY(driver->info(bytes, n, out, err));
    return mnk_picture_check_size((uint64_t)out->width, (uint64_t)out->height, err);
}

mnk_status mnk_image_decode(const uint8_t *bytes, size_t n, mnk_picture *out, mnk_error *err) {
    const mnk_image_driver *driver = NULL;
    *out = (mnk_picture){0};
    MNK_TRY(find_driver(bytes, n, &driver, err));
    mnk_status status = driver->decode(bytes, n, out, err);
    if (status == MNK_OK) status = mnk_picture_drop_alpha(out, err);
    if (status != MNK_OK) mnk_picture_clear(out);
    return status;
}
