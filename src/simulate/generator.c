#include "simulate/generator.h"

#include <string.h>

const mnk_simulator *const mnk_simulators[] = {&mnk_simulator_histology, NULL};

const mnk_simulator *mnk_simulator_find(const char *name, mnk_error *err) {
    const char *names[sizeof mnk_simulators / sizeof *mnk_simulators];
    size_t n = 0;
    for (; mnk_simulators[n]; n++) {
        names[n] = mnk_simulators[n]->name;
        if (!strcmp(name, names[n])) return mnk_simulators[n];
    }
    (void)MNK_FAIL(err, MNK_ERR_USAGE, "unknown forward model %s", name);
    const char *near = mnk_nearest(name, names, n);
    if (near) mnk_error_hint(err, "did you mean %s?", near);
    else mnk_error_hint(err, "known: %s", names[0]);
    return NULL;
}
