#include "simulate/generator.h"

#include <string.h>

enum { MODELS_MAX = 32 };

const mnk_simulator *const mnk_simulators[] = {&mnk_simulator_histology, NULL};

const mnk_simulator *mnk_simulator_find(const char *name, mnk_error *err) {
    const char *names[MODELS_MAX];
    size_t n = 0;
    for (const mnk_simulator *const *m = mnk_simulators; *m && n < MODELS_MAX; m++) {
        names[n++] = (*m)->name;
        if (!strcmp(name, (*m)->name)) return *m;
    }
    (void)MNK_FAIL(err, MNK_ERR_USAGE, "unknown forward model %s", name);
    const char *near = mnk_nearest(name, names, n);
    if (near) mnk_error_hint(err, "did you mean %s?", near);
    else mnk_error_hint(err, "known: %s", names[0]);
    return NULL;
}
