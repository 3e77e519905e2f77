/* What every private generator of tables shares: its options, what must be public before a row is read, the ledger, and the
 * guarantee that the model states. The unit is a person; neighbours differ by one person more or less. */
#ifndef MNK_LEARN_TABLE_PRIVATE_BUDGET_H
#define MNK_LEARN_TABLE_PRIVATE_BUDGET_H

#include "learn/private_target.h"
#include "learn/table/kind.h"
#include "learn/table/private/canaries.h"

/* The first member of the config of every kind with MNK_KIND_PRIVATE: the frame reads it. */
typedef struct mnk_private_config {
    mnk_private_target target;
    int64_t bins, rows_per_person;
    bool public_schema;
    int64_t canaries;   /* 0: none; only where the kind has MNK_PRIVATE_CANARIES_ROW */
    double noise_fault; /* tests only, no option: noise is divided by this; 0: it is not. Refused unless reproducible */
} mnk_private_config;

/* clang-format off */
#define MNK_PRIVATE_OPTION_ROWS(config) \
    MNK_PRIVATE_TARGET_ROWS(config, budget.target), MNK_PRIVATE_RESUME_ROW(config, budget.target), \
    {"rows-per-person", 0, MNK_OPTION_INT, offsetof(config, budget.rows_per_person), "N", "1", 1, 1000, NULL, "rows of a person that take part, the first ones; public, more cost noise", false}, \
    {"bins", 0, MNK_OPTION_INT, offsetof(config, budget.bins), "N", "32", 2, 255, NULL, "bins of a column of numbers, of equal width between its bounds", false}, \
    {"public-schema", 0, MNK_OPTION_BOOL, offsetof(config, budget.public_schema), NULL, "false", 0, 0, NULL, "you state that levels and bounds of the schema are public although they were inferred from these data", false}
/* Where all is measured by mnk_budget_measure. */
#define MNK_PRIVATE_CANARIES_ROW(config) \
    {"canaries", 0, MNK_OPTION_INT, offsetof(config, budget.canaries), "M", "0", 0, 1e6, NULL, "made-up persons among the real ones, each in with chance 1/2: a run that measures the privacy from below, its model not for release", false}
/* clang-format on */

/* Refuses (MNK_ERR_USAGE, MNK_ERR_INPUT) an impossible target, and a schema that was learned from the rows: inferred, or with
 * columns that are open or have no bounds; all of them are named. Before anything else reads the rows. */
mnk_status mnk_private_check(const mnk_table *t, const mnk_private_config *c, mnk_error *err) MNK_CHECK;

typedef struct mnk_budget {
    const mnk_private_config *config;
    mnk_ledger *ledger; /* the fit context's, which the frame closes */
    uint32_t *row;      /* [rows] that take part: the first rows_per_person of each person */
    size_t rows;
    const mnk_axes *axes;
    const mnk_observer *observer;
    mnk_row_canaries canaries;
} mnk_budget;

/* Opens MODEL.ledger (a run "training"), chooses the rows and makes the canaries. `axes` must live as long. The frame calls
 * mnk_private_bind after the model is written. */
mnk_status mnk_budget_open(const mnk_table *t, const mnk_axes *axes, const char *generator, const mnk_private_config *c,
                           mnk_fit_context *context, mnk_budget *out, mnk_error *err) MNK_CHECK;
void mnk_budget_close(mnk_budget *b);
/* The chosen rows in bins, and the canaries that are in. Closed with mnk_rows_close. */
mnk_status mnk_budget_rows(const mnk_budget *b, const mnk_table *t, mnk_rows *out, mnk_error *err) MNK_CHECK;

/* The factor that makes what the ledger has and the plan together (epsilon, delta)-private; see mnk_privacy_noise. */
mnk_status mnk_budget_calibrate(const mnk_budget *b, const mnk_mechanisms *plan, double *factor, mnk_error *err) MNK_CHECK;
/* What is left, as rho of zero-concentrated privacy; the whole is written into the ledger as its bound, for kinds that choose
 * by earlier answers. */
mnk_status mnk_budget_rho(const mnk_budget *b, double *rho, mnk_error *err) MNK_CHECK;

/* noisy = count plus discrete Gaussian noise, [cells]: one use of the permit. The canaries look at it. `count`: of the rows of
 * mnk_budget_rows over `set`, of bins for one axis, of cells for several. */
mnk_status mnk_budget_measure(mnk_budget *b, mnk_permit *p, const mnk_axis_set *set, const int64_t *count, size_t cells,
                              double *noisy, mnk_error *err) MNK_CHECK;

/* Writes the guarantee into the context: one line, and the block that goes into the model file, with what the canaries found;
 * MNK_ERR_GATE when they refute it. `adaptive`: the noise of later entries was chosen by earlier answers within a rho fixed in
 * advance; then the guarantee is that of the whole rho (a Renyi filter, Feldman & Zrnic 2021), because composing the list as it
 * came out holds for lists known beforehand only. */
mnk_status mnk_budget_state(const mnk_budget *b, bool adaptive, double rows, mnk_fit_context *context,
                            mnk_error *err) MNK_CHECK;

#endif
