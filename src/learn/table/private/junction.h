/* A distribution over several axes that factorises over a junction tree, with exact inference (Lauritzen & Spiegelhalter 1988;
 * Jensen, Lauritzen & Olesen 1990). Cliques of two axes make it a Markov tree and inference ordinary belief propagation. */
#ifndef MNK_LEARN_TABLE_PRIVATE_JUNCTION_H
#define MNK_LEARN_TABLE_PRIVATE_JUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { MNK_CLIQUE_AXES = 24 };

typedef struct mnk_axis_set { /* ascending */
    uint16_t n, axis[MNK_CLIQUE_AXES];
} mnk_axis_set;

typedef struct mnk_clique {
    mnk_axis_set set;
    size_t cells;           /* product of its axes' sizes; the last axis runs fastest */
    double *potential;      /* [cells] logarithms, up to a constant */
    double *belief;         /* [cells] probabilities, after mnk_junction_infer */
    long parent;            /* an earlier clique, -1 for the first */
    mnk_axis_set separator; /* shared with the parent; may be empty */
    size_t separator_cells;
    int32_t *inner, *outer; /* [cells], [parent's cells]: cell of the separator */
    double *message;        /* [separator_cells] */
} mnk_clique;

typedef struct mnk_junction {
    size_t axes, cliques, cells; /* cells: of all cliques */
    int32_t *size;               /* [axes] */
    mnk_clique *clique;          /* parents before children; every axis is in one at least */
} mnk_junction;

/* Triangulates the graph of `sets` (greedy: the vertex whose clique has the fewest cells first) and joins the maximal cliques
 * by a spanning tree of largest separators. All potentials 0: uniform. MNK_ERR_UNSUPPORTED beyond MNK_CLIQUE_AXES in a clique
 * or `most` cells in all. */
mnk_status mnk_junction_open(size_t axes, const int32_t *size, const mnk_axis_set *set, size_t sets, double most,
                             mnk_junction **out, mnk_error *err) MNK_CHECK;
/* The tree with these cliques and parents, as a file says: refused (MNK_ERR_INPUT) unless parents come first, every axis is
 * in a clique, and what a clique shares with earlier ones is in its parent. */
mnk_status mnk_junction_restore(size_t axes, const int32_t *size, const mnk_axis_set *set, const long *parent, size_t cliques,
                                double most, mnk_junction **out, mnk_error *err) MNK_CHECK;
void mnk_junction_close(mnk_junction *j);
/* Cells of the cliques that mnk_junction_open would make; INFINITY where it would refuse or memory is short. */
double mnk_junction_cells(size_t axes, const int32_t *size, const mnk_axis_set *set, size_t sets);

/* Beliefs from potentials: exact marginals of every clique. */
void mnk_junction_infer(mnk_junction *j);

/* A clique that holds the set; -1 when none does. The smallest of several. */
long mnk_junction_holder(const mnk_junction *j, const mnk_axis_set *set);
size_t mnk_junction_set_cells(const mnk_junction *j, const mnk_axis_set *set);
/* map[cell of `from`] = cell of `to`, a subset. */
void mnk_junction_map(const mnk_junction *j, const mnk_axis_set *from, const mnk_axis_set *to, int32_t *map);

#endif
