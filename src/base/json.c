#include "base/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool text_reserve(mnk_text *t, size_t more) {
    if (t->failed) return false;
    if (t->size - t->n > more) return true;
    size_t size = t->size ? t->size : 256;
    while (size - t->n <= more) {
        if (size > SIZE_MAX / 2) return t->failed = true, false;
        size *= 2;
    }
    char *s = mnk_realloc(t->s, size, 1);
    if (!s) return t->failed = true, false;
    t->s = s;
    t->size = size;
    return true;
}

void mnk_text_add_n(mnk_text *t, const char *s, size_t n) {
    if (!text_reserve(t, n)) return;
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = '\0';
}

void mnk_text_add(mnk_text *t, const char *s) { mnk_text_add_n(t, s, strlen(s)); }

void mnk_text_printf(mnk_text *t, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n >= 0 && text_reserve(t, (size_t)n)) {
        vsnprintf(t->s + t->n, (size_t)n + 1, fmt, again);
        t->n += (size_t)n;
    }
    va_end(again);
}

void mnk_text_clear(mnk_text *t) {
    mnk_free(t->s);
    *t = (mnk_text){0};
}

const char *mnk_double_text(double value, char buffer[32]) {
    if (value == floor(value) && fabs(value) < 1e15 && (value != 0 || !signbit(value))) { /* 100000, not 1e+05 */
        snprintf(buffer, 32, "%.0f", value);
        return buffer;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buffer, 32, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value) break;
    }
    char *comma = strchr(buffer, ','); /* a caller's locale must not reach the bytes */
    if (comma) *comma = '.';
    return buffer;
}

static void indent(mnk_json *j) {
    if (j->compact) return;
    mnk_text_add(j->text, "\n");
    for (int i = 0; i < j->depth; i++) mnk_text_add(j->text, "  ");
}

/* Length of the valid UTF-8 sequence at s, 0 when invalid (overlong forms, surrogates and > U+10FFFF included). */
static int utf8_length(const unsigned char *s) {
    if (s[0] < 0x80) return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF && (s[1] & 0xC0) == 0x80) return 2;
    if ((s[0] & 0xF0) == 0xE0 && (s[1] & 0xC0) == 0x80 && (s[2] & 0xC0) == 0x80) {
        if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)) return 0;
        return 3;
    }
    if (s[0] >= 0xF0 && s[0] <= 0xF4 && (s[1] & 0xC0) == 0x80 && (s[2] & 0xC0) == 0x80 && (s[3] & 0xC0) == 0x80) {
        if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0;
        return 4;
    }
    return 0;
}

static void quoted(mnk_text *t, const char *s) {
    mnk_text_add(t, "\"");
    while (*s) {
        unsigned char c = (unsigned char)*s;
        int n = utf8_length((const unsigned char *)s);
        if (n == 0) {
            mnk_text_add(t, "\xEF\xBF\xBD");
            n = 1;
        } else if (c == '"' || c == '\\') {
            mnk_text_printf(t, "\\%c", c);
        } else if (c == '\n') {
            mnk_text_add(t, "\\n");
        } else if (c == '\t') {
            mnk_text_add(t, "\\t");
        } else if (c < 0x20 || c == 0x7F) {
            mnk_text_printf(t, "\\u%04x", c);
        } else {
            mnk_text_add_n(t, s, (size_t)n);
        }
        s += n;
    }
    mnk_text_add(t, "\"");
}

static void item(mnk_json *j, const char *key) {
    if (j->depth > 0) {
        if (j->has_items[j->depth]) mnk_text_add(j->text, ",");
        j->has_items[j->depth] = true;
        indent(j);
    }
    if (key) {
        quoted(j->text, key);
        mnk_text_add(j->text, j->compact ? ":" : ": ");
    }
}

static void begin(mnk_json *j, const char *key, const char *bracket) {
    item(j, key);
    mnk_text_add(j->text, bracket);
    if (j->depth >= 31) { /* our own bug: the nesting of every document is fixed */
        j->text->failed = true;
        return;
    }
    j->has_items[++j->depth] = false;
}

static void end(mnk_json *j, const char *bracket) {
    bool any = j->has_items[j->depth];
    if (j->depth > 0) j->depth--;
    if (any) indent(j);
    mnk_text_add(j->text, bracket);
    if (j->depth == 0 && !j->compact) mnk_text_add(j->text, "\n");
}

void mnk_json_object(mnk_json *j, const char *key) { begin(j, key, "{"); }
void mnk_json_array(mnk_json *j, const char *key) { begin(j, key, "["); }
void mnk_json_end_object(mnk_json *j) { end(j, "}"); }
void mnk_json_end_array(mnk_json *j) { end(j, "]"); }

void mnk_json_string(mnk_json *j, const char *key, const char *value) {
    item(j, key);
    if (value) quoted(j->text, value);
    else mnk_text_add(j->text, "null");
}

void mnk_json_int(mnk_json *j, const char *key, int64_t value) {
    item(j, key);
    mnk_text_printf(j->text, "%lld", (long long)value);
}

void mnk_json_uint(mnk_json *j, const char *key, uint64_t value) {
    item(j, key);
    mnk_text_printf(j->text, "%llu", (unsigned long long)value);
}

void mnk_json_double(mnk_json *j, const char *key, double value) {
    char buffer[32];
    item(j, key);
    mnk_text_add(j->text, isfinite(value) ? mnk_double_text(value, buffer) : "null");
}

void mnk_json_bool(mnk_json *j, const char *key, bool value) {
    item(j, key);
    mnk_text_add(j->text, value ? "true" : "false");
}

void mnk_json_null(mnk_json *j, const char *key) {
    item(j, key);
    mnk_text_add(j->text, "null");
}

void mnk_json_raw(mnk_json *j, const char *key, const char *json) {
    item(j, key);
    mnk_text_add(j->text, json);
}
