/* manikin train NAME: every generator of tables is a verb of its own, from its row in src/learn/table/kinds.c. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli.h"
#include "learn/table/generator.h"
#include "train_table.h"

typedef struct train_table_config {
    mnk_generator_config generator;
    table_source source;
} train_table_config;

cli_verb cli_train_table_verbs[CLI_TRAIN_TABLES + 1];
static mnk_option options[CLI_TRAIN_TABLES][MNK_GENERATOR_OPTIONS + 16];
static char names[CLI_TRAIN_TABLES][32];

static const mnk_option source_options[] = {TABLE_SOURCE_OPTION_ROWS(offsetof(train_table_config, source)),
                                            {.type = MNK_OPTION_END}};

/* The options as texts, as the library takes them. */
static mnk_status settings_of(const mnk_generator_kind *kind, const train_table_config *config, mnk_arena *arena,
                              const char **out, size_t *n, mnk_error *err) {
    mnk_option table[MNK_GENERATOR_OPTIONS];
    char value[128];
    mnk_generator_options(kind, table);
    *n = 0;
    for (const mnk_option *o = table; o->type != MNK_OPTION_END; o++) {
        bool text = o->type == MNK_OPTION_TEXT || o->type == MNK_OPTION_PATH;
        const char *given = text ? *(const char *const *)((const char *)&config->generator + o->offset) : NULL;
        if (text && !given) continue;
        if (text) out[*n] = mnk_arena_printf(arena, "%s=%s", o->name, given); /* however long */
        else out[*n] = mnk_arena_printf(arena, "%s=%s", o->name, mnk_options_text(o, &config->generator, value));
        if (!out[(*n)++]) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    }
    return MNK_OK;
}

static mnk_status run(cli_context *c, mnk_error *err) {
    const train_table_config *config = c->config;
    const mnk_generator_kind *kind = mnk_generator_kind_find(c->verb->name + strlen("train "));
    const char *setting[MNK_GENERATOR_OPTIONS];
    size_t settings = 0;
    mnk_table *data = NULL;
    mnk_arena *arena = NULL;
    if (!c->common.out) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: where should the model go?", c->verb->name);
        mnk_error_hint(err, "add -o patients.model");
        return status;
    }
    mnk_status status = MNK_OK;
    arena = mnk_arena_open();
    MNK_OUT(arena ? settings_of(kind, config, arena, setting, &settings, err) : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory"));
    MNK_OUT(table_source_open(&config->source, c->operand[0], c->observer, &data, err));
    MNK_OUT(mnk_table_generator_train(kind->name, data, setting, settings, (uint64_t)c->common.seed, c->common.out,
                                      c->common.force, c->observer, err));
    mnk_observe_log(c->observer, MNK_LOG_INFO, "%s learned from %zu rows, %zu persons, %zu columns: %s", kind->name, data->n,
                    data->persons, data->schema->columns, c->common.out);
    cli_next(c, "manikin sample %s -n %zu -o synthetic.csv", c->common.out, data->n);
out:
    mnk_table_close(data);
    mnk_arena_close(arena);
    return status;
}

mnk_status table_source_open(const table_source *s, const char *path, const mnk_observer *observer, mnk_table **out,
                             mnk_error *err) {
    mnk_table_options o = {.schema_path = s->schema,
                           .label_column = s->label,
                           .person_column = s->person,
                           .missing = s->missing,
                           .ignore_columns = s->ignore};
    return mnk_table_open(path, &o, observer, out, err);
}

__attribute__((constructor)) static void make_verbs(void) {
    for (size_t i = 0; i < CLI_TRAIN_TABLES && mnk_generator_kinds[i]; i++) {
        const mnk_generator_kind *kind = mnk_generator_kinds[i];
        mnk_option *table = options[i];
        mnk_generator_options(kind, table); /* offsets within the generator's configuration, the first member */
        while (table->type != MNK_OPTION_END) table++;
        for (const mnk_option *o = source_options; o->type != MNK_OPTION_END; o++) *table++ = *o;
        *table = (mnk_option){.type = MNK_OPTION_END};
        snprintf(names[i], sizeof names[i], "train %s", kind->name);
        cli_train_table_verbs[i] = (cli_verb){.name = names[i],
                                              .group = "make",
                                              .summary = kind->summary,
                                              .operands = "TABLE",
                                              .min_operands = 1,
                                              .max_operands = 1,
                                              .uses = "seed threads out force",
                                              .table = options[i],
                                              .config_size = sizeof(train_table_config),
                                              .examples = kind->examples,
                                              .run = run};
    }
}
