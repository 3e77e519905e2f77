#include "learn/table/mix.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void mnk_mix_close(mnk_mix *m) {
    if (!m) return;
    mnk_table_close(m->rows);
    mnk_table_close(m->work);
    mnk_free(m->column);
    mnk_free(m);
}

static mnk_status want(const mnk_table_generator *g, mnk_mix *m, size_t c, mnk_error *err) {
    const mnk_recode *k = &g->recoding->column[c];
    if (k->work < 0)
        return MNK_FAIL(err, MNK_ERR_USAGE, "column %s is not learned: it cannot be asked for", g->schema->column[c].name);
    if (!(g->kind->can & MNK_KIND_GIVEN) && k->kind != MNK_RECODE_CODE)
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "%s cannot draw rows for given values of %s, a column of numbers",
                        g->kind->name, g->schema->column[c].name);
    m->column[c] = 1;
    if (k->kind == MNK_RECODE_SURVIVAL || k->kind == MNK_RECODE_GAP) m->column[k->base] = 1; /* it means nothing without */
    return MNK_OK;
}

/* ---- classes ---- */

static mnk_status label_column(const mnk_table_generator *g, size_t *out, mnk_error *err) {
    long c = mnk_schema_role(g->schema, MNK_COLUMN_IS_LABEL);
    if (c < 0 || g->recoding->column[c].kind != MNK_RECODE_CODE) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE,
                                     c < 0 ? "the model has no label column: it knows no classes"
                                           : "the model's label column is a number: it has no classes");
        mnk_error_hint(err, "use --where, or set the label's type and role in the schema and train again");
        return status;
    }
    *out = (size_t)c;
    return MNK_OK;
}

static mnk_status find_class(mnk_table_generator *g, size_t c, const char *name, int32_t *code, mnk_error *err) {
    *code = mnk_schema_level(g->schema, c, name);
    if (*code >= 0 && (size_t)*code < g->recoding->column[c].levels && g->recoding->column[c].to_work[*code] >= 0)
        return MNK_OK;
    const mnk_column *k = &g->schema->column[c];
    const char *near = mnk_nearest(name, (const char *const *)k->level, k->levels);
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "the model has no class \"%.60s\" of %s", name, k->name);
    if (near) mnk_error_hint(err, "did you mean \"%.100s\"?", near);
    else if (k->levels) mnk_error_hint(err, "its classes begin with \"%.60s\"", k->level[0]);
    return status;
}

/* One row a class: this one, or all that occur. */
static mnk_status by_class(mnk_table_generator *g, const mnk_table_sample_options *o, mnk_mix *m, mnk_error *err) {
    size_t c = 0, n = 0;
    int32_t only = -1;
    MNK_TRY(label_column(g, &c, err));
    const mnk_recode *k = &g->recoding->column[c];
    if (o->class_name) MNK_TRY(find_class(g, c, o->class_name, &only, err));
    MNK_TRY(mnk_table_new(g->schema, o->class_name ? 1 : k->levels, &m->rows, err));
    for (size_t i = 0; i < k->levels; i++)
        if (only >= 0 ? (int32_t)i == only : k->to_work[i] >= 0) m->rows->code[c][n++] = (int32_t)i;
    m->rows->n = n;
    return want(g, m, c, err);
}

/* ---- --like ---- */

static mnk_status by_columns(const mnk_table_generator *g, const char *list, mnk_mix *m, mnk_error *err) {
    char name[256];
    for (const char *p = list; *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)(n < 255 ? n : 255), p);
        p += n;
        long c = mnk_schema_find(g->schema, name);
        if (c < 0) return MNK_FAIL(err, MNK_ERR_USAGE, "--like-columns: the model has no column \"%.100s\"", name);
        MNK_TRY(want(g, m, (size_t)c, err));
    }
    return MNK_OK;
}

static mnk_status by_rows(mnk_table_generator *g, const mnk_table_sample_options *o, mnk_mix *m, mnk_error *err) {
    const mnk_schema *s = g->schema;
    if (o->like->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "%.200s: has no rows to be like", o->like->source);
    if (o->like->schema->columns != s->columns)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%.200s: is not on the generator's schema", o->like->source);
    MNK_TRY(mnk_table_new(o->like->schema, o->like->n, &m->rows, err));
    for (size_t c = 0; c < s->columns; c++) {
        if (m->rows->number[c]) memcpy(m->rows->number[c], o->like->number[c], o->like->n * sizeof(double));
        else memcpy(m->rows->code[c], o->like->code[c], o->like->n * sizeof(int32_t));
    }
    if (o->like_columns) return by_columns(g, o->like_columns, m, err);
    size_t found = 0;
    for (size_t c = 0; c < s->columns; c++)
        if (s->column[c].roles & (MNK_COLUMN_IS_LABEL | MNK_COLUMN_IS_SUBGROUP) && g->recoding->column[c].work >= 0) {
            MNK_TRY(want(g, m, c, err));
            found++;
        }
    if (found) return MNK_OK;
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_USAGE, "--like: in which columns? the schema names neither a label nor a subgroup");
    mnk_error_hint(err, "add --like-columns sex,age");
    return status;
}

mnk_status mnk_mix_open(mnk_table_generator *g, const mnk_table_sample_options *o, mnk_mix **out, mnk_error *err) {
    int ways = (o->class_name != NULL) + o->class_balance + (o->like != NULL);
    *out = NULL;
    if (!ways) return MNK_OK;
    if (ways > 1) return MNK_FAIL(err, MNK_ERR_USAGE, "--class, --class-balance and --like exclude each other");
    mnk_mix *m;
    mnk_status status = MNK_NEW(m, 1, err);
    if (status != MNK_OK) return status;
    MNK_OUT(MNK_NEW(m->column, g->schema->columns + 1, err));
    MNK_OUT(o->like ? by_rows(g, o, m, err) : by_class(g, o, m, err));
    MNK_OUT(mnk_recoding_apply(g->recoding, m->rows, &m->work, err));
    *out = m;
    m = NULL;
out:
    mnk_mix_close(m);
    return status;
}
