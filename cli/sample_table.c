/* manikin sample with a generator of tables: rows, within conditions, like a given mix, or into the holes of a table. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "manikin/table_generator.h"
#include "train_table.h"

/* On the generator's schema, so that levels have the same numbers. */
static mnk_status open_on_schema(const char *path, const mnk_table_generator_info *info, const mnk_observer *observer,
                                 mnk_table **out, mnk_error *err) {
    mnk_table_options o = {.schema = info->schema};
    return mnk_table_open(path, &o, observer, out, err);
}

static mnk_status check(cli_context *c, const sample_table_config *k, mnk_error *err) {
    if (!c->common.out) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "sample: where should the table go?");
        mnk_error_hint(err, "add -o synthetic.csv");
        return status;
    }
    if (k->impute && (k->n || k->persons || k->where || k->class_name || k->class_balance || k->like))
        return MNK_FAIL(err, MNK_ERR_USAGE, "--impute fills the holes of a table: leave out -n and the conditions");
    if (!mnk_is_table(c->common.out)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: a table is written as .csv or .csv.gz", c->common.out);
        mnk_error_hint(err, "add -o synthetic.csv");
        return status;
    }
    if (!c->common.force && mnk_path_exists(c->common.out)) { /* said now, not after the work */
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists already", c->common.out);
        mnk_error_hint(err, "choose another name, or allow overwriting with --force");
        return status;
    }
    return MNK_OK;
}

static mnk_status draw(cli_context *c, const sample_table_config *k, mnk_table_generator *g, mnk_table **out, mnk_error *err) {
    const mnk_table_generator_info *info = mnk_table_generator_describe(g);
    mnk_table *other = NULL;
    mnk_status status;
    if (k->impute) {
        MNK_OUT(open_on_schema(k->impute, info, c->observer, &other, err));
        MNK_OUT(mnk_table_generator_impute(g, other, (uint64_t)c->common.seed, c->observer, out, NULL, err));
        goto out;
    }
    if (k->like) MNK_OUT(open_on_schema(k->like, info, c->observer, &other, err));
    mnk_table_sample_options o = {.n = (size_t)k->n,
                                  .persons = (size_t)k->persons,
                                  .where = k->where,
                                  .class_name = k->class_name,
                                  .class_balance = k->class_balance,
                                  .like = other,
                                  .like_columns = k->like_columns,
                                  .seed = (uint64_t)c->common.seed};
    MNK_OUT(mnk_table_generator_sample(g, &o, c->observer, out, NULL, err));
out:
    mnk_table_close(other);
    return status;
}

mnk_status sample_table_run(cli_context *c, const sample_table_config *k, mnk_error *err) {
    mnk_table_generator *g = NULL;
    mnk_table *t = NULL;
    mnk_status status;
    MNK_OUT(check(c, k, err));
    MNK_OUT(mnk_table_generator_open(c->operand[0], &g, err));
    const mnk_table_generator_info *info = mnk_table_generator_describe(g);
    MNK_OUT(draw(c, k, g, &t, err));
    mnk_table_meta meta = {.generator = info->generator, .model_hash = info->model_hash, .seed = (uint64_t)c->common.seed};
    MNK_OUT(mnk_table_write(t, c->common.out, c->common.force, &meta, err));
    mnk_observe_log(c->observer, MNK_LOG_INFO, "%zu rows%s in %s (%s, model %.20s…, seed %lld, privacy: %s)", t->n,
                    k->impute ? "" : " of synthetic persons", c->common.out, info->generator, info->model_hash,
                    (long long)c->common.seed, info->privacy);
    cli_next(c, "manikin evaluate --train TRAIN --holdout HOLDOUT --synthetic %s", c->common.out);
out:
    mnk_table_close(t);
    mnk_table_generator_close(g);
    return status;
}
