/* A private model of a table: axes and a distribution over them that factorises over a junction tree. What mst and aim make;
 * drawing and files are the same for both. */
#ifndef MNK_LEARN_TABLE_PRIVATE_MARGINALS_H
#define MNK_LEARN_TABLE_PRIVATE_MARGINALS_H

#include "learn/table/kind.h"
#include "learn/table/private/axes.h"
#include "learn/table/private/junction.h"

typedef struct mnk_marginals_way { /* drawing a clique given its separator */
    int32_t *start;                /* [separator_cells + 1] into cell and running */
    int32_t *cell;                 /* [cells] */
    double *running;               /* [cells] summed up within a state of the separator */
} mnk_marginals_way;

typedef struct mnk_marginals {
    mnk_axes axes;
    mnk_junction *tree;     /* beliefs up to date */
    mnk_marginals_way *way; /* [cliques] */
} mnk_marginals;

/* Takes axes and tree over (both zeroed) and prepares drawing. */
mnk_status mnk_marginals_open(mnk_axes *axes, mnk_junction **tree, void **model, mnk_error *err) MNK_CHECK;

/* The functions of a mnk_generator_kind. */
mnk_status mnk_marginals_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_marginals_save(const void *model, mnk_tensors *file, mnk_error *err) MNK_CHECK;
mnk_status mnk_marginals_read(const mnk_tensors_in *in, const mnk_schema *schema, const void *config, void **model,
                              mnk_error *err) MNK_CHECK;
void mnk_marginals_close(void *model);

#endif
