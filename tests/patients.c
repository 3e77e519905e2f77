#include "patients.h"

#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

static void level(mnk_schema *s, size_t c, const char *text) {
    mnk_error err = MNK_ERROR_INIT;
    int32_t code;
    assert_ok(mnk_schema_add_level(s, c, text, &code, &err));
}

mnk_schema *patients_schema(void) {
    static const char *const names[] = {"age", "sex", "site", "marker", "code", "person", "died", "cost", "time", "event"};
    static const unsigned roles[] = {
        0, MNK_COLUMN_IS_SUBGROUP, MNK_COLUMN_IS_SUBGROUP, 0, 0, MNK_COLUMN_IS_PERSON, MNK_COLUMN_IS_LABEL,
        0, MNK_COLUMN_IS_TIME,     MNK_COLUMN_IS_EVENT};
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s;
    assert_ok(mnk_schema_new(P_COLUMNS, &s, &err));
    for (size_t c = 0; c < P_COLUMNS; c++) {
        mnk_column *k = &s->column[c];
        assert_ok(mnk_schema_text(&k->name, names[c], &err));
        k->roles = roles[c];
        k->type = MNK_COLUMN_NUMERIC;
        if (c == P_SEX || c == P_SITE || c == P_CODE || c == P_DIED) k->type = MNK_COLUMN_CATEGORY;
        if (c == P_PERSON || c == P_EVENT) k->type = MNK_COLUMN_INTEGER;
    }
    level(s, P_SEX, "female"), level(s, P_SEX, "male");
    level(s, P_SITE, "a"), level(s, P_SITE, "b"), level(s, P_SITE, "c");
    level(s, P_DIED, "no"), level(s, P_DIED, "yes");
    for (int k = 0; k < 60; k++) {
        char text[8];
        snprintf(text, sizeof text, "C%02d", k);
        level(s, P_CODE, text);
    }
    return s;
}

mnk_table *patients(mnk_schema *s, const patients_options *o) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t;
    assert_ok(mnk_table_new(s, o->n, &t, &err));
    for (size_t i = 0; i < o->n; i++) {
        mnk_rng rng = mnk_rng_at(o->seed, MNK_PURPOSE_TEST, i, 50);
        double age = 60.0 + 10.0 * mnk_rng_normal(&rng), u = mnk_rng_uniform(&rng);
        double marker = 0.3 * (age - 60.0) / 10.0 + mnk_rng_normal(&rng);
        int32_t male = mnk_rng_uniform(&rng) < 0.45;
        double strength = o->strength + (male ? o->male_strength : 0.0);
        double eta = strength * (0.8 * (age - 60.0) / 10.0 - 0.7 * male + 0.5 * marker);
        t->number[P_AGE][i] = age;
        t->code[P_SEX][i] = male;
        t->code[P_SITE][i] = u < 0.5 ? 0 : u < 0.95 ? 1 : 2;
        t->code[P_CODE][i] = (int32_t)fmin(59.0, floor(8.0 * mnk_rng_exponential(&rng) * (1.0 + 0.5 * male)));
        t->number[P_PERSON][i] = (double)(o->offset + i / (size_t)(o->rows_of_person ? o->rows_of_person : 1));
        t->code[P_DIED][i] = mnk_rng_uniform(&rng) < 1.0 / (1.0 + exp(0.6 - eta));
        t->number[P_COST][i] = 1000.0 + 300.0 * eta + 400.0 * mnk_rng_normal(&rng);
        double life = 10.0 * mnk_rng_exponential(&rng) * exp(-eta), end = 5.0 + 15.0 * mnk_rng_uniform(&rng);
        t->number[P_TIME][i] = ceil(10.0 * fmin(life, end)) / 10.0;
        t->number[P_EVENT][i] = life <= end;
        t->number[P_MARKER][i] = mnk_rng_uniform(&rng) < 0.1 ? NAN : marker;
    }
    assert_ok(mnk_table_finish(t, &err));
    return t;
}

mnk_table *patients_shuffled(const mnk_table *t, uint64_t seed) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *s;
    size_t *order;
    assert_ok(mnk_table_new(t->schema, t->n, &s, &err));
    assert_ok(MNK_NEW(order, t->n, &err));
    for (size_t c = 0; c < t->schema->columns; c++) {
        mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_TEST, c, 51);
        mnk_rng_permutation(&rng, order, t->n);
        for (size_t i = 0; i < t->n; i++) {
            if (t->number[c]) s->number[c][i] = t->number[c][order[i]];
            else s->code[c][i] = t->code[c][order[i]];
        }
    }
    mnk_free(order);
    assert_ok(mnk_table_finish(s, &err));
    return s;
}

const mnk_metric *found(const mnk_result *r, const char *id, const char *subset) {
    const mnk_metric *m = mnk_result_find(r, id, "", subset);
    if (!m) fail_msg("no metric %s of %s", id, subset);
    return m;
}

double reference_of(const mnk_metric *m, const char *name) {
    for (int k = 0; k < m->references; k++)
        if (strcmp(m->reference[k].name, name) == 0) return m->reference[k].value;
    fail_msg("%s has no reference %s", m->id, name);
    return NAN;
}
