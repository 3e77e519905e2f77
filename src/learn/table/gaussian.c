/* The Gaussian as a generator: fit, file. */
#include "learn/table/gaussian.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static void close_gaussian(void *model) {
    mnk_gaussian *g = model;
    if (!g) return;
    for (size_t k = 0; g->latent && k < g->classes; k++) mnk_latent_clear(&g->latent[k]);
    mnk_free(g->latent);
    mnk_free(g->position);
    mnk_free(g->absence);
    mnk_free(g->class_of);
    mnk_free(g->weight);
    mnk_free(g->mean);
    mnk_free(g->sd);
    mnk_free(g->correlation);
    mnk_free(g->edge);
    mnk_free(g->threshold);
    mnk_codebook_clear(&g->book);
    mnk_schema_close((mnk_schema *)g->schema);
    mnk_free(g);
}

static mnk_status fit(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err) {
    mnk_gaussian *g;
    (void)config;
    (void)context;
    *model = NULL;
    MNK_TRY(MNK_NEW(g, 1, err));
    g->columns = t->schema->columns;
    g->schema = mnk_schema_retain((mnk_schema *)t->schema);
    mnk_status status = mnk_codebook_fit(t, &g->book, err);
    if (status == MNK_OK) status = mnk_gaussian_estimate(g, t, err);
    if (status == MNK_OK) status = mnk_gaussian_prepare(g, err);
    if (status == MNK_OK) *model = g;
    else close_gaussian(g);
    return status;
}

static mnk_status save(const void *model, mnk_tensors *file, mnk_error *err) {
    const mnk_gaussian *g = model;
    void *label;
    MNK_TRY(mnk_tensors_block(file, 1, 4, &label, err));
    *(int32_t *)label = (int32_t)g->label;
    MNK_TRY(mnk_codebook_save(&g->book, file, err));
    MNK_TRY(mnk_tensors_add(file, "label", MNK_I32, label, 1, err));
    MNK_TRY(mnk_tensors_add(file, "class_of", MNK_I32, g->class_of, MNK_BINS, err));
    MNK_TRY(mnk_tensors_add(file, "weight", MNK_F64, g->weight, g->classes, err));
    MNK_TRY(mnk_tensors_add(file, "mean", MNK_F64, g->mean, g->classes * g->latents, err));
    MNK_TRY(mnk_tensors_add(file, "sd", MNK_F64, g->sd, g->classes * g->latents, err));
    return mnk_tensors_add(file, "correlation", MNK_F64, g->correlation, g->classes * g->latents * g->latents, err);
}

static mnk_status check(const mnk_tensors_in *in, const mnk_gaussian *g, mnk_error *err) {
    bool fine = true;
    double sum = 0;
    for (size_t k = 0; k < g->classes; k++) fine = fine && g->weight[k] >= 0 && g->weight[k] <= 1, sum += g->weight[k];
    for (size_t i = 0; i < g->classes * g->latents; i++)
        fine = fine && fabs(g->mean[i]) < 1e6 && g->sd[i] >= 1e-6 && g->sd[i] < 1e6;
    for (size_t i = 0; i < g->classes * g->latents * g->latents; i++) fine = fine && fabs(g->correlation[i]) <= 1;
    for (unsigned b = 0; b < MNK_BINS; b++) fine = fine && g->class_of[b] >= 0 && (size_t)g->class_of[b] < g->classes;
    return fine && sum > 0 ? MNK_OK : mnk_tensors_damaged(in, "its moments are impossible", err);
}

static mnk_status read_file(const mnk_tensors_in *in, mnk_gaussian *g, mnk_error *err) {
    const void *label = NULL;
    void *p;
    MNK_TRY(mnk_codebook_open(in, g->schema, &g->book, err));
    MNK_TRY(mnk_tensors_get(in, "label", MNK_I32, 1, &label, NULL, err));
    g->label = *(const int32_t *)label;
    if (g->label < -1 || g->label >= (long)g->columns || (g->label >= 0 && g->book.column[g->label].is_number))
        return mnk_tensors_damaged(in, "its label is impossible", err);
    MNK_TRY(mnk_gaussian_layout(g, err));
    MNK_TRY(mnk_tensors_copy(in, "class_of", MNK_I32, MNK_BINS, &p, NULL, err));
    g->class_of = p;
    MNK_TRY(mnk_tensors_copy(in, "weight", MNK_F64, SIZE_MAX, &p, &g->classes, err));
    g->weight = p;
    if (g->classes < 1 || g->classes > MNK_BINS) return mnk_tensors_damaged(in, "it has no classes", err);
    MNK_TRY(mnk_tensors_copy(in, "mean", MNK_F64, g->classes * g->latents, &p, NULL, err));
    g->mean = p;
    MNK_TRY(mnk_tensors_copy(in, "sd", MNK_F64, g->classes * g->latents, &p, NULL, err));
    g->sd = p;
    MNK_TRY(mnk_tensors_copy(in, "correlation", MNK_F64, g->classes * g->latents * g->latents, &p, NULL, err));
    g->correlation = p;
    return check(in, g, err);
}

static mnk_status open_file(const mnk_tensors_in *in, const mnk_schema *schema, const void *config, void **model,
                            mnk_error *err) {
    mnk_gaussian *g;
    (void)config;
    *model = NULL;
    MNK_TRY(MNK_NEW(g, 1, err));
    g->columns = schema->columns;
    g->schema = mnk_schema_retain((mnk_schema *)schema);
    mnk_status status = read_file(in, g, err);
    mnk_error inner = MNK_ERROR_INIT;
    if (status == MNK_OK && mnk_gaussian_prepare(g, &inner) != MNK_OK) status = mnk_tensors_damaged(in, inner.message, err);
    if (status == MNK_OK) *model = g;
    else close_gaussian(g);
    return status;
}

const mnk_generator_kind mnk_kind_gaussian = {
    .name = "gaussian",
    .summary = "records by a Gaussian for each class: closed form, the baseline to beat",
    .examples = "manikin train gaussian patients.csv --label outcome -o baseline.model\n",
    .can = MNK_KIND_GIVEN | MNK_KIND_BOX,
    .fit = fit,
    .draw = mnk_gaussian_draw,
    .save = save,
    .open = open_file,
    .close = close_gaussian,
};
