/* From the columns of a table to what models take: fitted on one table (train), applied to any table of the same schema, so
 * that nothing about test or synthetic rows leaks into the coding. No coding looks at the outcome.
 * Which column becomes what: docs/methods/table-models.md. */
#ifndef MNK_EVALUATE_MODELS_DESIGN_H
#define MNK_EVALUATE_MODELS_DESIGN_H

#include "evaluate/models/model.h"
#include "manikin/table.h"

typedef struct mnk_design_settings {
    size_t level_rows; /* a level with fewer training rows joins the others */
    size_t max_levels; /* indicators of one column in the linear form */
    size_t max_linear; /* columns of the linear form; max_levels is halved until they fit */
    double clip;       /* linear form: standardised numbers stay within -+ clip */
} mnk_design_settings;
mnk_design_settings mnk_design_defaults(void);

typedef struct mnk_design mnk_design;

/* Every data column (mnk_column_is_data) but those with skip[column] (NULL: none). settings may be NULL. MNK_ERR_INPUT when no
 * column is left or train is empty. */
mnk_status mnk_design_fit(const mnk_table *train, const bool *skip, const mnk_design_settings *settings, mnk_design **out,
                          mnk_error *err) MNK_CHECK;
mnk_status mnk_design_apply(const mnk_design *d, const mnk_table *t, mnk_features *out, mnk_error *err) MNK_CHECK;
size_t mnk_design_columns(const mnk_design *d); /* table columns used */
size_t mnk_design_linear(const mnk_design *d);  /* columns of the linear form */
void mnk_design_close(mnk_design *d);

/* Both forms of n x d plain numbers (features of images, distances), standardised by the mean and sd of fit [fit_n][d]. */
mnk_status mnk_features_plain(const float *x, size_t n, size_t d, const float *fit, size_t fit_n, mnk_features *out,
                              mnk_error *err) MNK_CHECK;

#endif
