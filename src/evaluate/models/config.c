#include "evaluate/models/config.h"

#define PLAIN(f) f
/* clang-format off */
const mnk_option mnk_table_models_options[] = {
    MNK_TABLE_MODELS_ROWS(mnk_table_models_config, PLAIN),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

void mnk_table_models_defaults(mnk_table_models_config *config) {
    *config = (mnk_table_models_config){.seed = 1};
    mnk_options_defaults(mnk_table_models_options, config);
}

mnk_status mnk_table_models_check(const mnk_table_models_config *c, const mnk_table *first, const mnk_table *second,
                                  const mnk_table *third, mnk_error *err) {
    const mnk_table *const tables[] = {first, second, third};
    if (c->seeds < 1 || c->seeds > 100 || c->max_rows < 50 || c->c2st_rows < 20 || c->folds < 2 || c->folds > 20 ||
        c->rounds < 1 || c->depth < 1 || c->depth > 12 || !(c->near_share >= 0.0 && c->near_share <= 0.5) ||
        !(c->level > 0.0 && c->level < 1.0) || c->bootstrap < 1 || c->least < 2)
        return MNK_FAIL(err, MNK_ERR_USAGE, "models of tables: a setting is out of its range");
    for (int k = 0; k < 3; k++) {
        if (!tables[k]) continue;
        if (tables[k]->schema != first->schema)
            return MNK_FAIL(err, MNK_ERR_USAGE, "%.300s and %.300s do not share one schema", first->source, tables[k]->source);
        if (tables[k]->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "%.300s has no rows", tables[k]->source);
    }
    return MNK_OK;
}
