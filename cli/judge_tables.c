#include "judge_tables.h"

#include "manikin/fairness.h"

mnk_status cli_open_tables(const char *train, const char *holdout, const char *const *synthetic, size_t n,
                           const mnk_table_options *options, const mnk_observer *observer, cli_judged_tables *out,
                           mnk_error *err) {
    mnk_table_options o = *options;
    *out = (cli_judged_tables){0};
    MNK_TRY(mnk_table_open(train, &o, observer, &out->train, err));
    o.schema = out->train->schema;
    if (holdout) MNK_TRY(mnk_table_open(holdout, &o, observer, &out->holdout, err));
    for (size_t i = 0; i < n; i++) {
        MNK_TRY(mnk_table_open(synthetic[i], &o, observer, &out->table[i], err));
        cli_judged_add(&out->judged, synthetic[i]);
        out->synthetic[i] = (mnk_synthetic_table){.name = out->judged.name[i], .table = out->table[i]};
    }
    return MNK_OK;
}

mnk_status cli_judge_tables(cli_judged_tables *t, const mnk_table_evaluate_config *evaluate,
                            const mnk_table_models_config *models, const mnk_observer *observer, mnk_error *err) {
    cli_judged *j = &t->judged;
    for (size_t i = 0; i < j->n; i++) {
        if (j->n > 1) mnk_observe_log(observer, MNK_LOG_INFO, "judging %s (%zu of %zu)", j->name[i], i + 1, j->n);
        MNK_TRY(mnk_evaluate_tables(t->train, t->holdout, t->table[i], evaluate, observer, &j->result[i], err));
        cli_judged_warn_same(j, i, t->table[i]->hash, t->train->hash, t->holdout ? t->holdout->hash : NULL);
        MNK_TRY(mnk_table_models(t->train, t->holdout, t->table[i], models, observer, j->result[i], err));
        if (models->fairness)
            MNK_TRY(mnk_table_fidelity_by_subgroup(t->train, t->holdout, t->table[i], evaluate, observer, j->result[i], err));
        t->synthetic[i].result = j->result[i];
    }
    return cli_judged_rank(j, evaluate->level, evaluate->seed, err);
}

void cli_close_judged_tables(cli_judged_tables *j) {
    cli_judged_close(&j->judged);
    for (size_t i = 0; i < MNK_SYNTHETIC_MAX; i++) mnk_table_close(j->table[i]);
    mnk_table_close(j->holdout);
    mnk_table_close(j->train);
    *j = (cli_judged_tables){0};
}
