/* The adversarial random forest as a generator: options, fit, file. */
#include "learn/table/arf.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"

/* clang-format off */
static const mnk_option options[] = {
    {"trees", 0, MNK_OPTION_INT, offsetof(mnk_arf_config, trees), "N", "30", 1, 1000, NULL, "trees of the forest", false},
    {"min-leaf", 0, MNK_OPTION_INT, offsetof(mnk_arf_config, min_leaf), "N", "5", 2, 1e6, NULL, "training rows of a leaf at least", false},
    {"rounds", 0, MNK_OPTION_INT, offsetof(mnk_arf_config, rounds), "N", "10", 1, 100, NULL, "adversarial rounds at most", false},
    {"delta", 0, MNK_OPTION_REAL, offsetof(mnk_arf_config, delta), "D", "0", 0, 0.5, NULL, "stop when the forest tells real from synthetic rows with accuracy 0.5 + D", false},
    {"split-rows", 0, MNK_OPTION_INT, offsetof(mnk_arf_config, rows), "N", "100k", 100, 1e9, NULL, "rows that splits are sought with; leaves are filled with all", true},
    {"residual", 0, MNK_OPTION_BOOL, offsetof(mnk_arf_config, residual), NULL, "true", 0, 0, NULL, "keep the correlations that are left within leaves", true},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

void mnk_arf_close(void *model) {
    mnk_arf *a = model;
    if (!a) return;
    mnk_bintrees_close(a->tree, a->trees);
    mnk_codebook_clear(&a->book);
    mnk_schema_close((mnk_schema *)a->schema);
    mnk_free(a->leaf.first);
    mnk_free(a->leaf.weight);
    mnk_free(a->leaf.start);
    mnk_free(a->leaf.state);
    mnk_free(a->leaf.share);
    mnk_free(a->leaf.normal);
    mnk_free(a->leaf.mean);
    mnk_free(a->leaf.cut);
    mnk_free(a->cumulative);
    mnk_free(a->position);
    mnk_free(a->absence);
    mnk_free(a->correlation);
    mnk_latent_clear(&a->latent);
    mnk_free(a);
}

/* What follows from the rest. */
static mnk_status prepare(mnk_arf *a, mnk_error *err) {
    double sum = 0;
    MNK_TRY(MNK_NEW(a->cumulative, a->leaf.leaves + 1, err));
    for (size_t k = 0; k < a->leaf.leaves; k++) a->cumulative[k] = sum += a->leaf.weight[k];
    mnk_arf_leaves *l = &a->leaf;
    MNK_TRY(MNK_NEW(l->cut, 2 * l->normals + 1, err));
    for (size_t k = 0; k < l->normals; k++) {
        l->cut[2 * k] = (float)mnk_normal_cdf((l->low[k] - l->mean[k]) / l->sd[k]);
        l->cut[2 * k + 1] = (float)mnk_normal_cdf((l->high[k] - l->mean[k]) / l->sd[k]);
    }
    return mnk_latent_open(a->correlation, a->latents, NULL, &a->latent, err);
}

static mnk_status fit(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err) {
    mnk_arf *a = NULL;
    uint8_t *bins = NULL;
    mnk_status status;
    *model = NULL;
    size_t need = t->n * t->schema->columns * 7 + t->n * 16;
    MNK_OUT(mnk_memory_require(need, "an adversarial random forest", err));
    MNK_OUT(MNK_NEW(a, 1, err));
    a->config = *(const mnk_arf_config *)config;
    a->schema = mnk_schema_retain((mnk_schema *)t->schema);
    MNK_OUT(mnk_codebook_fit(t, &a->book, err));
    MNK_OUT(MNK_NEW(bins, t->n * t->schema->columns + 1, err));
    mnk_codebook_encode(&a->book, t, bins);
    MNK_OUT(mnk_arf_grow(a, bins, t->n, context, err));
    MNK_OUT(mnk_arf_fill(a, t, bins, context, err));
    MNK_OUT(prepare(a, err));
    *model = a;
    a = NULL;
out:
    mnk_free(bins);
    mnk_arf_close(a);
    return status;
}

/* ---- file ---- */

static mnk_status save(const void *model, mnk_tensors *file, mnk_error *err) {
    const mnk_arf *a = model;
    const mnk_arf_leaves *l = &a->leaf;
    MNK_TRY(mnk_codebook_save(&a->book, file, err));
    MNK_TRY(mnk_bintrees_save(a->tree, a->trees, file, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.weight", MNK_F64, l->weight, l->leaves, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.start", MNK_I32, l->start, l->leaves * l->columns + 1, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.state", MNK_U8, l->state, l->states, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.share", MNK_F32, l->share, l->states, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.normal", MNK_I32, l->normal, l->leaves * l->columns, err));
    MNK_TRY(mnk_tensors_add(file, "normal", MNK_F32, l->mean, 4 * l->normals, err));
    return mnk_tensors_add(file, "correlation", MNK_F64, a->correlation, a->latents * a->latents, err);
}

static mnk_status check_cell(const mnk_tensors_in *in, const mnk_arf *a, size_t leaf, size_t c, mnk_error *err) {
    const mnk_arf_leaves *l = &a->leaf;
    const mnk_codes *k = &a->book.column[c];
    size_t cell = leaf * l->columns + c;
    float before = 0;
    bool continuous = false, fine = l->start[cell + 1] >= l->start[cell] && l->start[cell + 1] <= l->states;
    fine = fine && (l->weight[leaf] == 0 || l->start[cell + 1] > l->start[cell]);
    for (uint32_t s = l->start[cell]; fine && s < l->start[cell + 1]; s++) {
        bool is_normal = l->state[s] == MNK_ARF_CONTINUOUS;
        fine = l->share[s] >= before && l->share[s] <= 1.0001f && (l->state[s] != 0 || s == l->start[cell]);
        fine = fine && (is_normal ? k->has_continuous
                                  : l->state[s] < k->bins && (l->state[s] == 0 || mnk_codes_is_atom(k, l->state[s])));
        continuous = continuous || is_normal;
        before = l->share[s];
    }
    fine = fine && continuous == (l->normal[cell] != UINT32_MAX) && (!continuous || l->normal[cell] < l->normals);
    return fine ? MNK_OK : mnk_tensors_damaged(in, "a leaf's distribution is impossible", err);
}

static mnk_status check_leaves(const mnk_tensors_in *in, const mnk_arf *a, mnk_error *err) {
    const mnk_arf_leaves *l = &a->leaf;
    double sum = 0;
    bool fine = l->start[0] == 0 && l->start[l->leaves * l->columns] == l->states;
    for (size_t k = 0; k < l->leaves; k++) {
        fine = fine && l->weight[k] >= 0 && l->weight[k] < 1e12;
        sum += l->weight[k];
    }
    for (size_t i = 0; i < l->normals; i++)
        fine = fine && isfinite(l->mean[i]) && l->sd[i] > 0 && isfinite(l->sd[i]) && l->low[i] >= -100 && l->high[i] <= 100 &&
               l->low[i] <= l->high[i];
    if (!fine || !(sum > 0)) return mnk_tensors_damaged(in, "its leaves are impossible", err);
    for (size_t k = 0; k < l->leaves; k++)
        for (size_t c = 0; c < l->columns; c++) MNK_TRY(check_cell(in, a, k, c, err));
    return MNK_OK;
}

static mnk_status read_leaves(const mnk_tensors_in *in, mnk_arf *a, mnk_error *err) {
    mnk_arf_leaves *l = &a->leaf;
    void *p;
    size_t n;
    l->columns = a->book.columns;
    MNK_TRY(MNK_NEW(l->first, a->trees + 1, err));
    for (size_t t = 0; t < a->trees; t++) l->leaves += a->tree[t].leaves, l->first[t + 1] = (uint32_t)l->leaves;
    MNK_TRY(mnk_tensors_copy(in, "leaf.weight", MNK_F64, l->leaves, &p, NULL, err));
    l->weight = p;
    MNK_TRY(mnk_tensors_copy(in, "leaf.start", MNK_I32, l->leaves * l->columns + 1, &p, NULL, err));
    l->start = p;
    MNK_TRY(mnk_tensors_copy(in, "leaf.state", MNK_U8, SIZE_MAX, &p, &l->states, err));
    l->state = p;
    MNK_TRY(mnk_tensors_copy(in, "leaf.share", MNK_F32, l->states, &p, NULL, err));
    l->share = p;
    MNK_TRY(mnk_tensors_copy(in, "leaf.normal", MNK_I32, l->leaves * l->columns, &p, NULL, err));
    l->normal = p;
    MNK_TRY(mnk_tensors_copy(in, "normal", MNK_F32, SIZE_MAX, &p, &n, err));
    l->mean = p;
    l->normals = n / 4;
    l->sd = l->mean + l->normals, l->low = l->sd + l->normals, l->high = l->low + l->normals;
    return MNK_OK;
}

static mnk_status open_file(const mnk_tensors_in *in, const mnk_schema *schema, const void *config, void **model,
                            mnk_error *err) {
    mnk_arf *a = NULL;
    void *p;
    mnk_status status = MNK_NEW(a, 1, err);
    *model = NULL;
    if (status != MNK_OK) return status;
    a->config = *(const mnk_arf_config *)config;
    a->schema = mnk_schema_retain((mnk_schema *)schema);
    MNK_OUT(mnk_codebook_open(in, schema, &a->book, err));
    MNK_OUT(mnk_bintrees_open(in, schema->columns, &a->tree, &a->trees, err));
    MNK_OUT(a->trees ? MNK_OK : mnk_tensors_damaged(in, "it has no trees", err));
    MNK_OUT(read_leaves(in, a, err));
    MNK_OUT(check_leaves(in, a, err));
    MNK_OUT(mnk_arf_latents(a, err));
    MNK_OUT(mnk_tensors_copy(in, "correlation", MNK_F64, a->latents * a->latents, &p, NULL, err));
    a->correlation = p;
    for (size_t i = 0; i < a->latents * a->latents; i++)
        if (!(fabs(a->correlation[i]) <= 1)) {
            status = mnk_tensors_damaged(in, "its correlations are impossible", err);
            goto out;
        }
    mnk_error inner = MNK_ERROR_INIT;
    if (prepare(a, &inner) != MNK_OK) {
        status = mnk_tensors_damaged(in, inner.message, err);
        goto out;
    }
    *model = a;
    a = NULL;
out:
    mnk_arf_close(a);
    return status;
}

const mnk_generator_kind mnk_kind_arf = {
    .name = "arf",
    .summary = "records by an adversarial random forest: numbers, codes and holes, in seconds",
    .examples = "manikin train arf patients.csv -o patients.model               # types, roles and holes as they are\n"
                "manikin train arf visits.csv --person patient -o visits.model   # several rows a person\n"
                "manikin sample patients.model -n 100000 -o synthetic.csv --where 'age >= 80 and sex = F'\n",
    .options = options,
    .config_size = sizeof(mnk_arf_config),
    .can = MNK_KIND_GIVEN | MNK_KIND_BOX,
    .fit = fit,
    .draw = mnk_arf_draw,
    .density = mnk_arf_density,
    .save = save,
    .open = open_file,
    .close = mnk_arf_close,
    .oldest = 2,
};
