/* manikin simulate histology: a dataset from a forward model. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "simulate/generator.h"

enum { SHEET_COLUMNS = 8 };

typedef struct config {
    mnk_histology_config histology;
    int64_t number;
    const char *masks, *parameters, *sheet;
} config;

static const mnk_option table[] = {{"number", 'n', MNK_OPTION_INT, offsetof(config, number), "N", "300", 1, 100000000, NULL,
                                    "tiles, all classes together", false},
                                   MNK_HISTOLOGY_OPTION_ROWS(offsetof(config, histology)),
                                   {"masks", 0, MNK_OPTION_PATH, offsetof(config, masks), "DIR", NULL, 0, 0, NULL,
                                    "also write label maps of the nuclei", false},
                                   {"parameters", 0, MNK_OPTION_PATH, offsetof(config, parameters), "CSV", NULL, 0, 0, NULL,
                                    "also write everything that was drawn", false},
                                   {"sheet", 0, MNK_OPTION_PATH, offsetof(config, sheet), "PNG", NULL, 0, 0, NULL,
                                    "also write a contact sheet, a row per class", false},
                                   {.type = MNK_OPTION_END}};

static mnk_status run(cli_context *c, mnk_error *err) {
    const config *k = c->config;
    if (!c->common.out) {
        (void)MNK_FAIL(err, MNK_ERR_USAGE, "simulate histology: where to?");
        mnk_error_hint(err, "-o DIR, -o FILE.npz or -o FILE.tar");
        return MNK_ERR_USAGE;
    }
    mnk_simulate_output out = {.path = c->common.out, .masks = k->masks, .parameters = k->parameters, .force = c->common.force};
    MNK_TRY(mnk_simulator_histology.write(&k->histology, (uint64_t)c->common.seed, (size_t)k->number, &out, c->observer, err));
    if (k->sheet)
        MNK_TRY(mnk_histology_sheet(&k->histology, (uint64_t)c->common.seed, SHEET_COLUMNS, k->sheet, c->common.force, err));
    if (!c->common.quiet)
        printf("%lld phantom tiles of %lldx%lld px (%g um a side) in %s\n", (long long)k->number, (long long)k->histology.size,
               (long long)k->histology.size, (double)k->histology.size * k->histology.pixel_um, c->common.out);
    cli_next(c, "manikin data %s", c->common.out);
    return MNK_OK;
}

const cli_verb cli_verb_simulate_histology = {
    .name = "simulate histology",
    .group = "make",
    .summary = "stained tiles of three renal carcinomas from a forward model: a phantom",
    .uses = "seed threads out force",
    .table = table,
    .config_size = sizeof(config),
    .examples = "manikin simulate histology -n 3000 -o phantom.npz                 # 64 px, 1 um a pixel, three subtypes\n"
                "manikin simulate histology -n 300 --size 128 --pixel-um 0.5 --masks nuclei/ --parameters drawn.csv -o tiles/\n"
                "manikin simulate histology -n 2000 --mix 0.75,0.17,0.08 -o rare.tar   # one class is rare",
    .run = run,
};
