#include "config_file.h"

#include <string.h>
#include <yaml.h>

#include "base/file.h"

static mnk_status at_line(const char *path, size_t line, const mnk_error *inner, mnk_error *err) {
    mnk_status status = MNK_FAIL(err, inner->code, "%s:%zu: %.800s", path, line + 1, inner->message);
    if (inner->hint[0]) mnk_error_hint(err, "%s", inner->hint);
    return status;
}

mnk_status config_file_read(const char *path, mnk_arena *strings,
                            mnk_status (*set)(void *ctx, const char *name, const char *value, mnk_error *err), void *ctx,
                            mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    MNK_TRY(mnk_file_read(path, 1 << 20, &bytes, &n, err));
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        mnk_free(bytes);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    }
    yaml_parser_set_input_string(&parser, bytes, n);
    mnk_status status = MNK_OK;
    char *key = NULL;
    int depth = 0; /* 1 inside the mapping, 2 inside a value's sequence */
    for (bool over = false; !over && status == MNK_OK;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s:%zu: not YAML: %s", path, parser.problem_mark.line + 1,
                              parser.problem ? parser.problem : "unreadable");
            break;
        }
        size_t line = event.start_mark.line;
        mnk_error inner = MNK_ERROR_INIT;
        switch (event.type) {
        case YAML_STREAM_END_EVENT: over = true; break;
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT:
            if ((event.type == YAML_MAPPING_START_EVENT) != (depth == 0) || depth > 1 || (depth == 1 && !key))
                status = MNK_FAIL(err, MNK_ERR_INPUT, "%s:%zu: expected lines of \"option: value\"", path, line + 1);
            depth++;
            break;
        case YAML_SEQUENCE_END_EVENT: key = NULL; /* fall through */
        case YAML_MAPPING_END_EVENT: depth--; break;
        case YAML_SCALAR_EVENT: {
            char *text = mnk_arena_strdup(strings, (const char *)event.data.scalar.value);
            if (!text) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
            else if (depth == 0)
                status = MNK_FAIL(err, MNK_ERR_INPUT, "%s:%zu: expected lines of \"option: value\"", path, line + 1);
            else if (depth == 1 && !key) key = text;
            else {
                if (set(ctx, key, text, &inner) != MNK_OK) status = at_line(path, line, &inner, err);
                if (depth == 1) key = NULL;
            }
            break;
        }
        default: break;
        }
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    mnk_free(bytes);
    return status;
}
