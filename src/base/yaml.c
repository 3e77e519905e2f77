#include "base/yaml.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
    yaml_parser_t parser;
    const char *name;
    const mnk_yaml_format *format;
    mnk_arena *arena;
    mnk_error *err;
    mnk_yaml *open[MNK_YAML_DEPTH_MAX]; /* containers being filled */
    const char *key[MNK_YAML_DEPTH_MAX];
    int key_line[MNK_YAML_DEPTH_MAX], key_column[MNK_YAML_DEPTH_MAX];
    int keys[MNK_YAML_DEPTH_MAX];
    int depth, nodes;
    mnk_yaml *root;
} reader;

const mnk_yaml *mnk_yaml_get(const mnk_yaml *map, const char *key) {
    for (const mnk_yaml *c = map ? map->first : NULL; c; c = c->next)
        if (c->key && strcmp(c->key, key) == 0) return c;
    return NULL;
}

static mnk_status fail_at(const reader *r, yaml_mark_t mark, const char *what, const char *hint) {
    mnk_status status = MNK_FAIL(r->err, MNK_ERR_INPUT, "%s:%zu:%zu: %s", r->name, mark.line + 1, mark.column + 1, what);
    if (hint) mnk_error_hint(r->err, "%s", hint);
    return status;
}

/* `what` has one %s: the kind of file. */
__attribute__((format(printf, 3, 0))) static mnk_status fail_file(const reader *r, yaml_mark_t mark, const char *what) {
    char text[160];
    snprintf(text, sizeof text, what, r->format->name);
    return fail_at(r, mark, text, NULL);
}

static char *copy_text(const reader *r, const yaml_event_t *e) {
    char *text = mnk_arena_alloc(r->arena, e->data.scalar.length + 1);
    if (text) {
        memcpy(text, e->data.scalar.value, e->data.scalar.length);
        text[e->data.scalar.length] = '\0';
    }
    return text;
}

/* Hangs a new node into the open container; maps have had their key before. */
static mnk_status add_node(reader *r, mnk_yaml_kind kind, yaml_mark_t mark, mnk_yaml **out) {
    if (++r->nodes > r->format->nodes_max) return fail_file(r, mark, "too many entries for a %s file");
    mnk_yaml *node = mnk_arena_alloc(r->arena, sizeof *node);
    if (!node) return MNK_FAIL(r->err, MNK_ERR_MEMORY, "%s: out of memory", r->name);
    *node = (mnk_yaml){.kind = kind, .line = (int)mark.line + 1, .column = (int)mark.column + 1};
    node->value_line = node->line;
    node->value_column = node->column;
    *out = node;
    if (r->depth == 0) {
        r->root = node;
        return MNK_OK;
    }
    mnk_yaml *parent = r->open[r->depth - 1];
    if (parent->kind == MNK_YAML_MAP) {
        node->key = r->key[r->depth - 1];
        node->line = r->key_line[r->depth - 1];
        node->column = r->key_column[r->depth - 1];
        r->key[r->depth - 1] = NULL;
    }
    if (parent->last) parent->last->next = node;
    else parent->first = node;
    parent->last = node;
    return MNK_OK;
}

static bool wants_key(const reader *r) {
    return r->depth && r->open[r->depth - 1]->kind == MNK_YAML_MAP && !r->key[r->depth - 1];
}

static mnk_status take_key(reader *r, const yaml_event_t *e, const char *text) {
    const mnk_yaml *earlier = mnk_yaml_get(r->open[r->depth - 1], text);
    if (earlier) {
        char what[256];
        snprintf(what, sizeof what, "\"%.100s\" is given twice, first in line %d", text, earlier->line);
        return fail_at(r, e->start_mark, what, NULL);
    }
    if (!*text) return fail_at(r, e->start_mark, "empty name", NULL);
    if (++r->keys[r->depth - 1] > MNK_YAML_KEYS_MAX) return fail_at(r, e->start_mark, "too many names in one place", NULL);
    r->key[r->depth - 1] = text;
    r->key_line[r->depth - 1] = (int)e->start_mark.line + 1;
    r->key_column[r->depth - 1] = (int)e->start_mark.column + 1;
    return MNK_OK;
}

static mnk_status take_scalar(reader *r, const yaml_event_t *e) {
    size_t n = e->data.scalar.length;
    if (e->data.scalar.anchor) return fail_file(r, e->start_mark, "anchors (&name) are not used in %s files");
    if (e->data.scalar.tag) return fail_file(r, e->start_mark, "tags (!name) are not used in %s files");
    if (n > MNK_YAML_TEXT_MAX) return fail_at(r, e->start_mark, "text longer than 4096 bytes", NULL);
    if (memchr(e->data.scalar.value, '\0', n)) return fail_at(r, e->start_mark, "a NUL character inside text", NULL);
    char *text = copy_text(r, e);
    if (!text) return MNK_FAIL(r->err, MNK_ERR_MEMORY, "%s: out of memory", r->name);
    if (wants_key(r)) return take_key(r, e, text);
    mnk_yaml *node = NULL;
    MNK_TRY(add_node(r, MNK_YAML_TEXT, e->start_mark, &node));
    node->text = text;
    return MNK_OK;
}

static mnk_status open_container(reader *r, mnk_yaml_kind kind, const yaml_event_t *e) {
    bool is_map = kind == MNK_YAML_MAP;
    if (is_map ? e->data.mapping_start.anchor != NULL : e->data.sequence_start.anchor != NULL)
        return fail_file(r, e->start_mark, "anchors (&name) are not used in %s files");
    if (is_map ? e->data.mapping_start.tag != NULL : e->data.sequence_start.tag != NULL)
        return fail_file(r, e->start_mark, "tags (!name) are not used in %s files");
    if (wants_key(r)) return fail_at(r, e->start_mark, "a name must be plain text", NULL);
    if (r->depth == MNK_YAML_DEPTH_MAX) return fail_at(r, e->start_mark, "nested too deeply", NULL);
    mnk_yaml *node = NULL;
    MNK_TRY(add_node(r, kind, e->start_mark, &node));
    r->key[r->depth] = NULL;
    r->keys[r->depth] = 0;
    r->open[r->depth++] = node;
    return MNK_OK;
}

static mnk_status take_event(reader *r, const yaml_event_t *e) {
    switch (e->type) {
    case YAML_ALIAS_EVENT: return fail_file(r, e->start_mark, "aliases (*name) are not used in %s files");
    case YAML_SCALAR_EVENT: return take_scalar(r, e);
    case YAML_MAPPING_START_EVENT: return open_container(r, MNK_YAML_MAP, e);
    case YAML_SEQUENCE_START_EVENT: return open_container(r, MNK_YAML_LIST, e);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: r->depth--; return MNK_OK;
    case YAML_DOCUMENT_START_EVENT:
        return r->root ? fail_file(r, e->start_mark, "a second document (---) in one %s file") : MNK_OK;
    default: return MNK_OK;
    }
}

static mnk_status parser_failed(const reader *r) {
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) return MNK_FAIL(r->err, MNK_ERR_MEMORY, "%s: out of memory", r->name);
    if (p->error == YAML_READER_ERROR)
        return MNK_FAIL(r->err, MNK_ERR_INPUT, "%s:%zu:%zu: not text: %s (byte %zu)", r->name, p->mark.line + 1,
                        p->mark.column + 1, p->problem ? p->problem : "unreadable", p->problem_offset);
    const char *problem = p->problem ? p->problem : "not YAML";
    const char *hint = strstr(problem, "cannot start any token") ? "indent with spaces, not with tabs" : NULL;
    return fail_at(r, p->problem_mark, problem, hint);
}

mnk_status mnk_yaml_parse(const char *text, size_t n, const char *name, const mnk_yaml_format *format, mnk_arena *arena,
                          mnk_yaml **out, mnk_error *err) {
    *out = NULL;
    if (n > format->bytes_max)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: %zu bytes; a %s file has at most %zu", name, n, format->name,
                        format->bytes_max);
    reader r = {.name = name, .format = format, .arena = arena, .err = err};
    if (!yaml_parser_initialize(&r.parser)) return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", name);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    mnk_status status = MNK_OK;
    for (bool done = false; !done && status == MNK_OK;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r.parser, &event)) {
            status = parser_failed(&r);
            break;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        status = take_event(&r, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&r.parser);
    if (status == MNK_OK && (!r.root || r.root->kind != MNK_YAML_MAP))
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s:1:1: a %s file is a list of \"name: value\" lines, beginning with \"%s\"",
                          name, format->name, format->begins);
    if (status == MNK_OK) *out = r.root;
    return status;
}
