#include "nn/backend.h"

#include <string.h>

/* The table of backends, best first; a new one is one line here. */
static const mnk_backend *const backends[] = {
#if MNK_HAVE_ONEDNN
    &mnk_backend_onednn,
#endif
    &mnk_backend_reference,
};

const mnk_backend *mnk_backend_find(const char *name) {
    if (!name) return NULL;
    if (!strcmp(name, "auto")) return backends[0];
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (!strcmp(name, backends[i]->name)) return backends[i];
    return NULL;
}
