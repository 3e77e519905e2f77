/* Binned accuracy of one, two and three columns together, after mostlyai-qa, with the accuracy that another sample of the
 * same population would reach. Also what the families share. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/table/families.h"

mnk_status mnk_table_view_open(const mnk_table_sets *s, const char *subset, bool by_column, mnk_result *r, mnk_table_view *out,
                               mnk_error *err) {
    *out = (mnk_table_view){.sets = s, .subset = subset, .by_column = by_column, .result = r};
    mnk_status status = mnk_orders_open(s, &out->orders, err);
    if (status == MNK_OK) status = mnk_binned_open(s, MNK_BINS_LEVELS, UINT16_MAX, &out->levels, err);
    if (status == MNK_OK) status = mnk_binned_open(s, MNK_BINS_TOP, UINT16_MAX, &out->top, err);
    if (status != MNK_OK) mnk_table_view_close(out);
    return status;
}

void mnk_table_view_close(mnk_table_view *v) {
    if (!v) return;
    mnk_orders_close(&v->orders);
    mnk_binned_close(&v->levels);
    mnk_binned_close(&v->top);
}

/* ---- one family's rows ---- */

typedef struct ranked {
    size_t unit;
    double value;
} ranked;

static int lowest_first(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return (x->unit > y->unit) - (x->unit < y->unit);
}

static void name_unit(const mnk_table_sets *s, const mnk_tuple *tuple, int ways, size_t unit, char name[96]) {
    const mnk_tuple self = {{(uint16_t)unit, 0, 0}}, *t = tuple ? &tuple[unit] : &self;
    size_t at = 0;
    for (int k = 0; k < ways && at < 96; k++)
        at += (size_t)snprintf(name + at, 96 - at, "%s%.30s", k ? " x " : "", mnk_sets_name(s, t->column[k]));
}

/* The rows of units: all in their order, or the `worst` lowest. */
static mnk_status report_units(const mnk_table_view *v, const mnk_score *score, size_t units, const mnk_scale *scale,
                               const mnk_tuple *tuple, int ways, size_t worst, mnk_error *err) {
    ranked *list = NULL;
    size_t n = 0;
    char name[96];
    mnk_status status = MNK_NEW(list, units, err);
    for (size_t u = 0; u < units && status == MNK_OK; u++)
        if (!isnan(score[u].value[MNK_ROLE_SYNTHETIC])) list[n++] = (ranked){u, score[u].value[MNK_ROLE_SYNTHETIC]};
    if (worst < n) qsort(list, n, sizeof *list, lowest_first);
    for (size_t k = 0; k < n && k < worst && status == MNK_OK; k++) {
        name_unit(v->sets, tuple, ways, list[k].unit, name);
        status = mnk_score_add(v->result, scale, name, v->subset, &score[list[k].unit], v->sets->config->level, NULL, err);
    }
    mnk_free(list);
    return status;
}

mnk_status mnk_family_report(const mnk_table_view *v, const mnk_family *f, const mnk_scale *scale, const mnk_tuple *tuple,
                             int ways, size_t worst, const char *note, mnk_error *err) {
    mnk_score *score = NULL, mean;
    if (!f->units) return MNK_OK;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(score, f->units, err));
    MNK_OUT(mnk_family_run(f, v->sets, score, &mean, err));
    if (isnan(mean.value[MNK_ROLE_SYNTHETIC])) goto out; /* no such column has values on both sides */
    MNK_OUT(mnk_score_add(v->result, scale, "", v->subset, &mean, v->sets->config->level, note, err));
    if (v->by_column) MNK_OUT(report_units(v, score, f->units, scale, tuple, ways, worst, err));
out:
    mnk_free(score);
    return status;
}

/* ---- accuracy ---- */

mnk_status mnk_table_accuracy(const mnk_table_view *v, mnk_error *err) {
    static const mnk_scale scale[3] = {{"binned_accuracy_1", "fidelity", 0, 1},
                                       {"binned_accuracy_2", "fidelity", 0, 1},
                                       {"binned_accuracy_3", "fidelity", 0, 1}};
    const mnk_table_sets *s = v->sets;
    for (int ways = 1; ways <= 3; ways++) {
        const size_t most = ways == 3 ? (size_t)s->config->triples : (size_t)s->config->pairs;
        mnk_cells cells = {.binned = &v->top, .ways = ways, .decimals = -1};
        mnk_tuple *tuple = NULL;
        size_t units = 0;
        bool is_sample = false;
        char note[96];
        MNK_TRY(mnk_tuples_list(s, ways, most, NULL, &tuple, &units, &is_sample, err));
        snprintf(note, sizeof note, "of a random choice of %zu %s", units, ways == 2 ? "pairs" : "triples");
        cells.tuple = tuple;
        mnk_cells_fit(&cells, units, MNK_MOST_CELLS);
        const mnk_family f = {units, mnk_cells_unit, &cells, mnk_cells_scratch(&cells, s), v->by_column && ways < 3};
        const size_t worst = ways == 1 ? SIZE_MAX : ways == 2 ? (size_t)s->config->shown : 0;
        mnk_status status = mnk_family_report(v, &f, &scale[ways - 1], tuple, ways, worst, is_sample ? note : NULL, err);
        mnk_free(tuple);
        MNK_TRY(status);
    }
    return MNK_OK;
}
