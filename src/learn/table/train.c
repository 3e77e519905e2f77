/* Training: recode, split by person where there are persons, fit, write. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "learn/table/generator.h"
#include "learn/table/private/budget.h"
#include "learn/table/schema_text.h"

typedef struct trainer {
    const mnk_table *data;
    const mnk_observer *observer;
    const char *path;
    mnk_table_generator *g;
    mnk_table *work, *first, *next;
    mnk_fit_context context;
    mnk_tensors file;
    mnk_text options, schema;
} trainer;

static mnk_status set_options(mnk_table_generator *g, const char *const *setting, size_t settings, mnk_error *err) {
    mnk_option table[MNK_GENERATOR_OPTIONS];
    char name[128];
    mnk_generator_options(g->kind, table);
    mnk_options_defaults(table, &g->config);
    for (size_t i = 0; i < settings; i++) {
        const char *equals = strchr(setting[i], '=');
        if (!equals || (size_t)(equals - setting[i]) >= sizeof name)
            return MNK_FAIL(err, MNK_ERR_USAGE, "setting \"%.60s\": expected NAME=VALUE", setting[i]);
        snprintf(name, sizeof name, "%.*s", (int)(equals - setting[i]), setting[i]);
        MNK_TRY(mnk_options_set(table, &g->config, name, equals + 1, err));
    }
    return MNK_OK;
}

/* A rule that no row meets makes every draw a reject: said now. */
static mnk_status check_rules(const mnk_table *t, const mnk_observer *o, mnk_error *err) {
    size_t rules = t->schema->rules, good = 0, *broken = NULL;
    mnk_rule **rule = NULL;
    mnk_status status = MNK_OK;
    if (!rules) return MNK_OK;
    MNK_OUT(MNK_NEW(rule, rules, err));
    MNK_OUT(MNK_NEW(broken, rules, err));
    for (size_t k = 0; k < rules; k++) MNK_OUT(mnk_rule_parse(t->schema->rule[k], t->schema, &rule[k], err));
    for (size_t i = 0; i < t->n; i++) {
        bool fine = true;
        for (size_t k = 0; k < rules; k++)
            if (mnk_rule_row(rule[k], t, i) == 0) broken[k]++, fine = false;
        good += fine;
    }
    size_t worst = 0;
    for (size_t k = 1; k < rules; k++)
        if (broken[k] > broken[worst]) worst = k;
    if (good == 0) {
        status = MNK_FAIL(err, MNK_ERR_INPUT,
                          "no row of %.200s meets all %zu rules of its schema; \"%.200s\" is broken in %zu of %zu", t->source,
                          rules, t->schema->rule[worst], broken[worst], t->n);
        mnk_error_hint(err, "correct the rules: they contradict the table, or each other");
    } else if (good < t->n)
        mnk_observe_log(o, MNK_LOG_WARNING,
                        "%zu of %zu rows break a rule of the schema, most often \"%s\"; no synthetic row will", t->n - good,
                        t->n, t->schema->rule[worst]);
out:
    for (size_t k = 0; rule && k < rules; k++) mnk_rule_close(rule[k]);
    mnk_free(rule);
    mnk_free(broken);
    return status;
}

/* Person or row? */
static mnk_status choose_unit(trainer *r, bool *by_person, mnk_error *err) {
    const mnk_generator_kind *kind = r->g->kind;
    bool several = r->data->person && r->data->persons < r->data->n,
         is_private = mnk_generator_is_private(kind, r->g->config.own);
    const bool can = (kind->can & MNK_KIND_GIVEN) != 0 && !is_private; /* a second model would be paid twice */
    *by_person = false;
    if (r->g->config.unit == MNK_UNIT_ROW) return MNK_OK;
    if (is_private && r->g->config.unit == MNK_UNIT_AUTO) return MNK_OK; /* says itself what it does */
    if (r->g->config.unit == MNK_UNIT_PERSON && !several)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%.200s: no person has several rows; leave out --unit person", r->data->source);
    if (several && !can) {
        if (r->g->config.unit == MNK_UNIT_PERSON) {
            mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "%s cannot draw a visit given the one before", kind->name);
            mnk_error_hint(err, "use arf, cart or gaussian, or --unit row");
            return status;
        }
        mnk_observe_log(r->observer, MNK_LOG_WARNING,
                        "%s cannot carry a person's state from visit to visit: every row is drawn as a "
                        "person of its own (arf, cart and gaussian draw whole persons)",
                        kind->name);
        return MNK_OK;
    }
    *by_person = several;
    return MNK_OK;
}

/* Whose each row is, for the generators that protect persons. */
static mnk_status name_persons(trainer *r, mnk_error *err) {
    memcpy(r->work->hash, r->data->hash, sizeof r->work->hash);
    r->work->persons = r->data->persons;
    if (!r->data->person) return MNK_OK;
    MNK_TRY(MNK_NEW(r->work->person, r->data->n + 1, err));
    memcpy(r->work->person, r->data->person, r->data->n * sizeof *r->work->person);
    return MNK_OK;
}

static mnk_status fit(trainer *r, mnk_error *err) {
    mnk_table_generator *g = r->g;
    const mnk_generator_kind *kind = g->kind;
    mnk_recode_options o = {.levels = (size_t)g->config.levels, .is_private = mnk_generator_is_private(kind, g->config.own)};
    bool by_person = false;
    if (o.is_private) {
        const mnk_private_config *p = (const void *)g->config.own;
        MNK_TRY(mnk_private_check(r->data, p, err));
        o.public_range = p->public_schema;
    }
    MNK_TRY(check_rules(r->data, r->observer, err));
    MNK_TRY(choose_unit(r, &by_person, err));
    MNK_TRY(mnk_recoding_fit(r->data, &o, &g->recoding, err));
    if (g->recoding->work->columns == 0)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%.200s: no column to learn: all are identifiers, text, or ignored",
                        r->data->source);
    MNK_TRY(mnk_recoding_apply(g->recoding, r->data, &r->work, err));
    r->context.stream = 0;
    if (!by_person) {
        r->work->persons = r->work->n;
        if (o.is_private) MNK_TRY(name_persons(r, err));
        return kind->fit(r->work, g->config.own, &r->context, &g->model[MNK_MODEL_ROWS], err);
    }
    MNK_TRY(mnk_visits_fit(r->data, g->recoding, r->work, &g->visits, &r->first, &r->next, err));
    mnk_table_close(r->work);
    r->work = NULL;
    g->info.by_person = true;
    r->first->persons = r->first->n, r->next->persons = r->next->n;
    MNK_TRY(kind->fit(r->first, g->config.own, &r->context, &g->model[MNK_MODEL_ROWS], err));
    r->context.stream = 1, r->context.given = g->visits->given;
    return kind->fit(r->next, g->config.own, &r->context, &g->model[MNK_MODEL_VISITS], err);
}

/* A run in one go and one that was resumed make the same file. */
static void write_options(trainer *r) {
    mnk_option table[MNK_GENERATOR_OPTIONS];
    size_t n = 0;
    mnk_generator_options(r->g->kind, table);
    for (const mnk_option *o = table; o->type != MNK_OPTION_END; o++)
        if (o->offset != offsetof(mnk_generator_config, resume)) table[n++] = *o;
    table[n] = (mnk_option){.type = MNK_OPTION_END};
    mnk_json j = {.text = &r->options, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_options_write(table, &r->g->config, &j);
    mnk_json_end_object(&j);
}

static mnk_status write_model(trainer *r, bool force, mnk_error *err) {
    mnk_table_generator *g = r->g;
    char seed[32], rows[32], persons[32], version[16], format[16];
    write_options(r);
    mnk_schema_to_json(g->schema, &r->schema);
    if (r->options.failed || r->schema.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: metadata");
    r->file.prefix = "";
    MNK_TRY(mnk_recoding_save(g->recoding, &r->file, err));
    if (g->visits) MNK_TRY(mnk_visits_save(g->visits, &r->file, err));
    r->file.prefix = "rows.";
    MNK_TRY(g->kind->save(g->model[MNK_MODEL_ROWS], &r->file, err));
    r->file.prefix = "visits.";
    if (g->visits) MNK_TRY(g->kind->save(g->model[MNK_MODEL_VISITS], &r->file, err));
    mnk_tensors_align(&r->file);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->context.seed);
    /* of a private model nothing may follow from the rows but what was paid for: no hash, no exact number */
    const bool is_private = mnk_generator_is_private(g->kind, g->config.own);
    snprintf(rows, sizeof rows, "%zu", is_private ? r->context.rows : r->data->n);
    snprintf(persons, sizeof persons, "%zu", is_private ? r->context.rows : r->data->persons);
    snprintf(version, sizeof version, "%d", MNK_MODEL_FORMAT_VERSION);
    snprintf(format, sizeof format, "%d", MNK_TABLE_FORMAT);
    mnk_st_meta meta[] = {{"format", "manikin-model"},
                          {"format_version", version},
                          {"kind", "table"},
                          {"table_format", format},
                          {"manikin_version", MNK_VERSION},
                          {"generator", g->kind->name},
                          {"options", r->options.s},
                          {"schema", r->schema.s},
                          {"data_hash", is_private ? "" : r->data->hash},
                          {"seed", seed},
                          {"rows", rows},
                          {"persons", persons},
                          {"by_person", g->visits ? "true" : "false"},
                          {"synthetic_generator", g->kind->name},
                          {"privacy", r->context.privacy},
                          {"privacy_block", r->context.guarantee.s}};
    size_t lines = sizeof meta / sizeof *meta - !r->context.guarantee.s;
    MNK_TRY(mnk_st_write(r->path, force, r->file.at, r->file.n, meta, lines, err));
    return r->context.ledger ? mnk_ledger_bind_model(r->context.ledger, r->path, err) : MNK_OK;
}

/* The model stands: nothing is left to resume. */
static void remove_checkpoints(const char *path) {
    static const char *const parts[] = {"rows", "visits"};
    char name[4096];
    for (size_t i = 0; i < 2; i++)
        if (snprintf(name, sizeof name, "%s.%s.checkpoint", path, parts[i]) < (int)sizeof name) remove(name);
}

static mnk_status check_start(const char *generator, const mnk_table *train, const char *path, bool force,
                              const mnk_generator_kind **kind, mnk_error *err) {
    *kind = mnk_generator_kind_find(generator);
    if (!*kind) {
        const char *names[64];
        size_t n = 0;
        while (n < 64 && mnk_table_generator_name(n)) names[n] = mnk_table_generator_name(n), n++;
        const char *near = mnk_nearest(generator, names, n);
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "there is no generator of tables \"%.60s\"", generator);
        mnk_error_hint(err, near ? "did you mean %s?" : "manikin help train", near);
        return status;
    }
    if (train->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "%.200s: has no rows to learn from", train->source);
    if (!force && mnk_path_exists(path)) { /* said now, not after the work */
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists already", path);
        mnk_error_hint(err, "choose another name, or allow overwriting with --force");
        return status;
    }
    return MNK_OK;
}

mnk_status mnk_table_generator_train(const char *generator, const mnk_table *train, const char *const *setting, size_t settings,
                                     uint64_t seed, const char *model_path, bool force, const mnk_observer *observer,
                                     mnk_error *err) {
    trainer r = {.data = train, .observer = observer, .path = model_path};
    const mnk_generator_kind *kind;
    mnk_status status;
    MNK_TRY(check_start(generator, train, model_path, force, &kind, err));
    MNK_TRY(MNK_NEW(r.g, 1, err));
    r.g->kind = kind;
    r.context = (mnk_fit_context){.seed = seed, .model_path = model_path, .observer = observer, .privacy = "none"};
    MNK_OUT(set_options(r.g, setting, settings, err));
    r.context.resume = r.g->config.resume, r.context.force = force;
    MNK_OUT(fit(&r, err));
    r.g->schema = mnk_schema_retain(r.g->recoding->schema);
    MNK_OUT(write_model(&r, force, err));
    if (kind->can & MNK_KIND_RESUMES) remove_checkpoints(model_path);
out:
    mnk_ledger_close(r.context.ledger);
    mnk_text_clear(&r.context.guarantee);
    mnk_tensors_clear(&r.file);
    mnk_text_clear(&r.options);
    mnk_text_clear(&r.schema);
    mnk_table_close(r.work);
    mnk_table_close(r.first);
    mnk_table_close(r.next);
    mnk_table_generator_close(r.g);
    return status;
}
