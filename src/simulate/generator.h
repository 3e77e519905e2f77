/* The table of forward models. A new one is one folder here and one line in generator.c; nothing else names it. */
#ifndef MNK_SIMULATE_GENERATOR_H
#define MNK_SIMULATE_GENERATOR_H

#include "base/options.h"
#include "manikin/simulate.h"

/* Where a forward model's output goes. */
typedef struct mnk_simulate_output {
    const char *path;       /* dataset */
    const char *masks;      /* folder of label maps; NULL: none */
    const char *parameters; /* CSV of drawn parameters; NULL: none */
    bool force;
} mnk_simulate_output;

typedef struct mnk_simulator {
    const char *name;        /* as on the command line: "histology" */
    const char *summary;     /* one line */
    const mnk_option *table; /* over a struct of config_size bytes */
    size_t config_size;
    mnk_status (*check)(const void *config, mnk_error *err);
    /* n items to disk */
    mnk_status (*write)(const void *config, uint64_t seed, size_t n, const mnk_simulate_output *output,
                        const mnk_observer *observer, mnk_error *err);
    /* n items in memory; NULL for models whose output is no image dataset */
    mnk_status (*images)(const void *config, uint64_t seed, size_t n, const mnk_observer *observer, mnk_images **out,
                         mnk_error *err);
} mnk_simulator;

extern const mnk_simulator *const mnk_simulators[]; /* NULL-terminated */

/* NULL when there is none; err then suggests the nearest. */
const mnk_simulator *mnk_simulator_find(const char *name, mnk_error *err);

extern const mnk_simulator mnk_simulator_histology;
extern const mnk_option mnk_histology_options[]; /* over mnk_histology_config */

#endif
