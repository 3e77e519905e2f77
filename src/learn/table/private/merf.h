/* dp-merf: the model (a network from latent numbers and a class to one distribution for each axis) and its training on a noisy
 * embedding, which is post-processing. */
#ifndef MNK_LEARN_TABLE_PRIVATE_MERF_H
#define MNK_LEARN_TABLE_PRIVATE_MERF_H

#include "learn/table/neural/model.h"
#include "learn/table/private/embedding.h"

typedef struct mnk_merf {
    mnk_axes axes;
    long label; /* axis of the classes, -1: one class */
    size_t classes, outputs;
    size_t *out_at; /* [columns] first output of an axis; unused for the label */
    double *share;  /* [classes] sums to 1 */
    mnk_neural_shape shape;
    mnk_net *net; /* input [latent + classes], output [outputs]; NULL: the label is the only column */
    mnk_value input, output;
    mnk_params *params;
    mnk_plan *plan; /* for drawing */
} mnk_merf;

typedef struct mnk_merf_steps {
    size_t steps, batch;
    double rate;
    uint64_t seed;
} mnk_merf_steps;

/* Axes of their own, as mnk_axes_open makes them; start weights from the seed. `label`: that of an embedding over such axes. */
mnk_status mnk_merf_open(const mnk_schema *s, size_t bins, long label, const mnk_neural_shape *shape, uint64_t seed,
                         mnk_merf **out, mnk_error *err) MNK_CHECK;
void mnk_merf_close(void *model);

/* Minimises sum over classes of share |mean vector of the class as the network draws it - target|^2 by Adam; target
 * [classes][features]: noisy embedding over noisy count. *left: the sum at the end. */
mnk_status mnk_merf_train(mnk_merf *m, const mnk_embedding *e, const double *target, const mnk_merf_steps *steps,
                          const mnk_observer *observer, double *left, mnk_error *err) MNK_CHECK;
/* Logits of one row to probabilities, axis by axis; in place. */
void mnk_merf_softmax(const mnk_merf *m, float *row);

/* The functions of a mnk_generator_kind. */
mnk_status mnk_merf_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_merf_save(const void *model, mnk_tensors *file, mnk_error *err) MNK_CHECK;
mnk_status mnk_merf_read(const mnk_tensors_in *in, const mnk_schema *schema, const mnk_neural_shape *shape, void **model,
                         mnk_error *err) MNK_CHECK;

#endif
