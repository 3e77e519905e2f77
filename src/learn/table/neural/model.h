/* What a neural generator is once it is trained: a layout and one network from (latent, condition) to the raw features of a
 * row: scores as they are, and logits of the states. ctgan's generator and tvae's decoder are both this. */
#ifndef MNK_LEARN_TABLE_NEURAL_MODEL_H
#define MNK_LEARN_TABLE_NEURAL_MODEL_H

#include "learn/table/kind.h"
#include "learn/table/neural/layout.h"
#include "nn/net.h"

enum { MNK_NEURAL_BATCH = 256 /* rows of a drawing pass: one shape for every request, so a row's bytes depend on it alone */ };
enum { MNK_LATENT_MAX = 1024, MNK_WIDTH_MAX = 4096, MNK_DEPTH_MAX = 4 };

typedef struct mnk_neural_shape {
    int latent, width, depth;   /* random inputs, features of a hidden layer, hidden layers */
    bool batch_norm, is_public; /* is_public: of the layout */
} mnk_neural_shape;

typedef struct mnk_neural_model {
    mnk_schema *schema; /* one reference */
    mnk_codebook book;
    mnk_layout layout;
    mnk_neural_shape shape;
    mnk_net *net; /* NULL: no column has a feature (all are constant) */
    mnk_value input, output;
    mnk_params *params;
    mnk_plan *plan; /* for drawing */
    float *sigma; /* [layout.width] spread around a drawn score; at states what is added to their logit (mnk_neural_rake), else
                     0 */
} mnk_neural_model;

/* The network: input [latent + conditions], hidden layers, output [width] that also sees the input. */
mnk_status mnk_neural_net_open(const mnk_neural_shape *shape, size_t inputs, size_t outputs, const char *prefix, mnk_net **net,
                               mnk_value *input, mnk_value *output, mnk_error *err) MNK_CHECK;

/* Codebook (NULL: that of the table; otherwise taken over and zeroed), layout and network with start weights, for a table. */
mnk_status mnk_neural_model_open(const mnk_table *t, mnk_codebook *book, const mnk_neural_shape *shape, bool conditional,
                                 uint64_t seed, uint32_t stream, mnk_neural_model **out, mnk_error *err) MNK_CHECK;
void mnk_neural_model_close(void *model);
/* The network for drawing, with its weights or (during training) their average. */
mnk_status mnk_neural_model_ready(mnk_neural_model *m, bool average, mnk_error *err) MNK_CHECK;

mnk_status mnk_neural_save(const void *model, mnk_tensors *file, mnk_error *err) MNK_CHECK;
mnk_status mnk_neural_open(const mnk_tensors_in *file, const mnk_schema *schema, const mnk_neural_shape *shape,
                           bool conditional, void **model, mnk_error *err) MNK_CHECK;
mnk_status mnk_neural_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) MNK_CHECK;

/* Sets what is added to the logits of states, so that freely drawn rows have the table's shares of every state: of codes,
 * spikes and missing values. Looks at the table's shares: not for private models. */
mnk_status mnk_neural_rake(mnk_neural_model *m, uint64_t seed, uint32_t stream, mnk_error *err) MNK_CHECK;

/* A state by its logits, u in [0, 1); `allowed` [states] 0 forbids, NULL: all. */
unsigned mnk_neural_state(const mnk_piece *p, const float *logit, const uint8_t *allowed, double u);
/* A piece of the condition vector by u in [0, 1): its states by their frequency. */
unsigned mnk_neural_condition(const mnk_piece *p, const uint8_t *allowed, double u);

#endif
