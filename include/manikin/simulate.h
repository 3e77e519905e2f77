/* Forward models: synthetic data from physics and clinical knowledge, learned from nobody. Each output is a phantom. */
#ifndef MANIKIN_SIMULATE_H
#define MANIKIN_SIMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/dataset.h"
#include "manikin/error.h"
#include "manikin/observer.h"

/* ---- histology: H&E sections of renal cell carcinoma, three subtypes ----
 * Parameters, units, ranges and sources: docs/methods/histology.md. */

typedef enum mnk_histology_class {
    MNK_HISTOLOGY_CLEAR,
    MNK_HISTOLOGY_PAPILLARY,
    MNK_HISTOLOGY_CHROMOPHOBE,
    MNK_HISTOLOGY_CLASSES
} mnk_histology_class;

/* Short names, by enum: "clear_cell", "papillary", "chromophobe". */
MNK_API extern const char *const mnk_histology_class_names[MNK_HISTOLOGY_CLASSES];

/* What to make. Filled with defaults by mnk_histology_defaults() or the option table (src/simulate/generator.h). */
typedef struct mnk_histology_config {
    int64_t size;          /* tile side, px; 16..2048 */
    double pixel_um;       /* micrometres per pixel; 0.1..8 */
    const char *classes;   /* comma-separated subset of the names above, in label order; NULL: all three */
    const char *mix;       /* comma-separated weights, one per class; NULL: equal */
    int64_t persons;       /* persons per class; 1..100000 */
    double ambiguity;      /* 0 textbook .. 1 hard: how far persons and tiles drift towards look-alikes */
    int grade;             /* ISUP grade of clear cell and papillary: 0 drawn per person, 1..4 fixed */
    int stain;             /* 0 between the two references (drawn per person), 1 Ruifrok-Johnston, 2 Macenko */
    double stain_sd;       /* sd of the perturbation of each stain vector component, per person; 0..0.3 */
    double stain_strength; /* sd of the log of stain concentration, per person; 0..1 */
    double section_um;     /* section thickness; 1..10 */
    double focus_um;       /* largest defocus blur (sd of the point spread) drawn per tile; 0..10 */
    double noise;          /* camera noise, sd in grey levels at white; 0..50 */
} mnk_histology_config;

MNK_API void mnk_histology_defaults(mnk_histology_config *config);

/* Everything drawn for one tile: ground truth that comes out with the image. Lengths in um, stain amounts as
 * concentrations along unit stain vectors (natural-log optical density). The first block is the person's. */
typedef struct mnk_histology_params {
    double class_index, person, variant, grade;            /* variant: papillary type 1/2; else 0 classic, 1 eosinophilic */
    double stain_toward;                                   /* 0 Ruifrok-Johnston .. 1 Macenko */
    double h_red, h_green, h_blue, e_red, e_green, e_blue; /* the person's unit stain vectors */
    double stain_h, stain_e;                               /* concentration factors */
    double section_um;
    double white_red, white_green, white_blue;    /* light without tissue, grey levels */
    double drift;                                 /* 0 textbook .. 1 look-alike, this tile */
    double cell_um, cell_cv;                      /* spacing of cells (cell diameter) and its variation */
    double cytoplasm_e, cytoplasm_h;              /* of ordinary cells */
    double eosinophilic_fraction, eosinophilic_e; /* of the second cell population */
    double membrane_um, membrane_e;
    double nucleus_um, nucleus_cv, nucleus_wrinkle; /* mean diameter, cv of diameter, rms contour deviation (k=3..8) / radius */
    double nuclear_h, chromatin, nucleolus_um;      /* stain of nuclei, its granularity (cv), diameter of nucleoli (0: none) */
    double halo_um, halo_strength, binucleate;      /* perinuclear clearing; fraction of cells with two nuclei */
    double cystic;                                  /* fraction of cells opened to fluid-filled or bloody spaces */
    double nest_um, septum_um, septum_presence;     /* nest diameter; capillary or septum width; fraction of the net present */
    double frond_um, core_um, layer_um;             /* papillae: whole width, core width, epithelial height */
    double solid, foamy, psammoma;                  /* filled lumina; foam cells per 1000 um^2 of core; bodies per mm^2 */
    double focus_um, noise;                         /* acquisition: sd of blur, sd of noise in grey levels */
    double nuclei;                                  /* counted in the finished tile */
} mnk_histology_params;

/* Name and unit of each field above, in order, for the parameter file. */
typedef struct mnk_histology_column {
    const char *name, *unit;
    size_t offset;
} mnk_histology_column;
MNK_API extern const mnk_histology_column mnk_histology_columns[];
MNK_API extern const size_t mnk_histology_columns_n;

/* Checks the configuration; the message names the option. */
MNK_API mnk_status mnk_histology_check(const mnk_histology_config *config, mnk_error *err) MNK_CHECK;

/* Number of classes asked for, and the class behind each label (out[label]). The configuration must have passed the check. */
MNK_API int mnk_histology_labels(const mnk_histology_config *config, mnk_histology_class out[MNK_HISTOLOGY_CLASSES]);

/* Labels of items 0..n-1: each next item goes to the class furthest behind its share of the mix, so that counts are
 * within one of the exact share for every n and item i has the same label whatever n is. */
MNK_API mnk_status mnk_histology_deal(const mnk_histology_config *config, size_t n, int32_t *label, mnk_error *err) MNK_CHECK;

/* One tile: rgb[size*size*3]; mask[size*size] (0 background, k nucleus k) and params may be NULL. The bytes depend on
 * (config, seed, item, class) alone. */
MNK_API mnk_status mnk_histology_image(const mnk_histology_config *config, uint64_t seed, uint64_t item,
                                       mnk_histology_class class_index, uint8_t *rgb, uint16_t *mask,
                                       mnk_histology_params *params, mnk_error *err) MNK_CHECK;

/* n tiles in memory, with label, person as group (label * persons + params.person) and the synthetic flag. params[n] may be
 * NULL. */
MNK_API mnk_status mnk_simulate_histology(const mnk_histology_config *config, uint64_t seed, size_t n,
                                          const mnk_observer *observer, mnk_images **out, mnk_histology_params *params,
                                          mnk_error *err) MNK_CHECK;

/* n tiles to a dataset on disk (folder, .npz or .tar by name), streamed in batches. masks: folder for
 * <item>.png label maps (16 bit grey), or NULL. parameters: CSV of everything drawn, or NULL. */
MNK_API mnk_status mnk_simulate_histology_write(const mnk_histology_config *config, uint64_t seed, size_t n, const char *path,
                                                const char *masks, const char *parameters, bool force,
                                                const mnk_observer *observer, mnk_error *err) MNK_CHECK;

/* Contact sheet as one PNG: a row per class, `columns` tiles each (item column * classes + row). */
MNK_API mnk_status mnk_histology_sheet(const mnk_histology_config *config, uint64_t seed, int columns, const char *path,
                                       bool force, mnk_error *err) MNK_CHECK;

#endif
