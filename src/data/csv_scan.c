#include "data/csv_scan.h"

#include <string.h>

bool mnk_csv_scan_row(mnk_csv_scan *s) {
    while (s->p < s->end && (*s->p == '\n' || *s->p == '\r')) {
        s->line += *s->p == '\n' || s->p + 1 == s->end || s->p[1] != '\n';
        s->p++;
    }
    return s->p < s->end;
}

static mnk_status zero_byte(const mnk_csv_scan *s, mnk_error *err) {
    return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: a zero byte; not a text file", s->name, s->line);
}

/* Past the separator or the line end that must follow. */
static mnk_status end_field(mnk_csv_scan *s, mnk_csv_field *f, mnk_error *err) {
    f->last = true;
    if (s->p == s->end) return MNK_OK;
    char c = *s->p++;
    if (c == s->separator) f->last = false;
    else if (c == '\n' || c == '\r') {
        if (c == '\r' && s->p < s->end && *s->p == '\n') s->p++;
        s->line++;
    } else return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: text after a closing quote", s->name, s->line);
    return MNK_OK;
}

static mnk_status scan_quoted(mnk_csv_scan *s, mnk_csv_field *f, mnk_error *err) {
    size_t start = s->line;
    f->at = ++s->p;
    for (;; s->p++) {
        if (s->p == s->end) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: a quote is never closed", s->name, start);
        if (!*s->p) return zero_byte(s, err);
        if (*s->p == '\n') s->line++;
        if (*s->p != '"') continue;
        if (s->p + 1 == s->end || s->p[1] != '"') break;
        f->doubled = true;
        s->p++;
    }
    f->n = (size_t)(s->p++ - f->at);
    if (s->p < s->end && !*s->p) return zero_byte(s, err);
    return end_field(s, f, err);
}

mnk_status mnk_csv_scan_field(mnk_csv_scan *s, mnk_csv_field *f, mnk_error *err) {
    *f = (mnk_csv_field){.at = s->p};
    if (s->p < s->end && *s->p == '"') {
        f->quoted = true;
        return scan_quoted(s, f, err);
    }
    const char *p = s->p, *end = s->end;
    char separator = s->separator;
    while (p < end && *p != separator && *p != '\n' && *p != '\r' && *p) p++;
    f->n = (size_t)(p - s->p);
    s->p = p;
    if (p < end && !*p) return zero_byte(s, err);
    return end_field(s, f, err);
}

size_t mnk_csv_field_copy(const mnk_csv_field *f, char *out) {
    if (!f->doubled) {
        memcpy(out, f->at, f->n);
        return f->n;
    }
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        out[n++] = f->at[i];
        if (f->at[i] == '"') i++; /* inside quotes every quote has a twin */
    }
    return n;
}

size_t mnk_csv_mark(const char *bytes, size_t n) { return n >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3) ? 3 : 0; }
