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

/* Rows of the histology table for a struct that holds a mnk_histology_config at offset `base`. */
#define MNK_HISTOLOGY_AT(base, field) (base) + offsetof(mnk_histology_config, field)
/* clang-format off */
#define MNK_HISTOLOGY_OPTION_ROWS(base) \
    {"size", 0, MNK_OPTION_INT, MNK_HISTOLOGY_AT(base, size), "PX", "64", 16, 2048, NULL, \
     "side of a tile in pixels", false}, \
    {"pixel-um", 0, MNK_OPTION_REAL, MNK_HISTOLOGY_AT(base, pixel_um), "UM", "1", 0.1, 8, NULL, \
     "micrometres per pixel: 0.5 is a x20 objective, 1 a x10", false}, \
    {"classes", 0, MNK_OPTION_TEXT, MNK_HISTOLOGY_AT(base, classes), "A,B", NULL, 0, 0, NULL, \
     "subtypes, in label order: clear_cell,papillary,chromophobe", false}, \
    {"mix", 0, MNK_OPTION_TEXT, MNK_HISTOLOGY_AT(base, mix), "W,W", NULL, 0, 0, NULL, \
     "share of each class; equal when not given", false}, \
    {"persons", 0, MNK_OPTION_INT, MNK_HISTOLOGY_AT(base, persons), "N", "40", 1, 100000, NULL, \
     "persons per class; stain, thickness and tumour are theirs", false}, \
    {"ambiguity", 0, MNK_OPTION_REAL, MNK_HISTOLOGY_AT(base, ambiguity), "A", "0.5", 0, 1, NULL, \
     "0 textbook cases, 1 many look-alikes", false}, \
    {"grade", 0, MNK_OPTION_CHOICE, MNK_HISTOLOGY_AT(base, grade), "G", "drawn", 0, 0, "drawn|1|2|3|4", \
     "ISUP grade of clear cell and papillary", false}, \
    {"stain", 0, MNK_OPTION_CHOICE, MNK_HISTOLOGY_AT(base, stain), "S", "between", 0, 0, "between|ruifrok|macenko", \
     "published stain vectors, or drawn between the two", true}, \
    {"stain-sd", 0, MNK_OPTION_REAL, MNK_HISTOLOGY_AT(base, stain_sd), "SD", "0.03", 0, 0.3, NULL, \
     "how much stain vectors differ from person to person", true}, \
    {"stain-strength", 0, MNK_OPTION_REAL, MNK_HISTOLOGY_AT(base, stain_strength), "SD", "0.15", 0, 1, NULL, \
     "how much stain amounts differ, sd of the log", true}, \
    {"section-um", 0, MNK_OPTION_REAL, MNK_HISTOLOGY_AT(base, section_um), "UM", "4", 1, 10, NULL, \
     "thickness of the sections", true}, \
    {"focus-um", 0, MNK_OPTION_REAL, MNK_HISTOLOGY_AT(base, focus_um), "UM", "0.9", 0, 10, NULL, \
     "largest defocus blur of a tile", true}, \
    { "noise", 0, MNK_OPTION_REAL, MNK_HISTOLOGY_AT(base, noise), "GREY", "2", 0, 50, NULL, \
     "camera noise at white, grey levels", true }
/* clang-format on */

extern const mnk_simulator mnk_simulator_histology;
extern const mnk_option mnk_histology_options[]; /* over mnk_histology_config */

#endif
