#include "base/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(const mnk_option *o, void *config) { return (char *)config + o->offset; }
static const void *cfield(const mnk_option *o, const void *config) { return (const char *)config + o->offset; }

const mnk_option *mnk_options_find(const mnk_option *table, const char *name, size_t n) {
    for (const mnk_option *o = table; o && o->type != MNK_OPTION_END; o++)
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0) return o;
    return NULL;
}

/* Index of value in "a|b|c", -1 when absent. */
static int choice_index(const char *choices, const char *value) {
    int i = 0;
    size_t n = strlen(value);
    for (const char *p = choices; *p; i++) {
        size_t length = strcspn(p, "|");
        if (length == n && memcmp(p, value, n) == 0) return i;
        p += length + (p[length] == '|');
    }
    return -1;
}

const char *mnk_options_choice(const mnk_option *row, int value, char buffer[64]) {
    const char *p = row->choices;
    for (int i = 0; i < value && *p; i++) {
        p += strcspn(p, "|");
        p += *p == '|';
    }
    snprintf(buffer, 64, "%.*s", (int)strcspn(p, "|"), p);
    return buffer;
}

static bool parse_number(const char *text, double *out) {
    char *end = NULL;
    errno = 0;
    double x = strtod(text, &end);
    if (end == text || errno == ERANGE || !isfinite(x)) return false;
    if (*end == 'k' || *end == 'K') x *= 1e3, end++;
    else if (*end == 'M') x *= 1e6, end++;
    else if (*end == '%') x /= 100, end++;
    if (*end != '\0') return false;
    *out = x;
    return true;
}

static mnk_status out_of_range(const mnk_option *o, const char *value, mnk_error *err) {
    char lo[32], hi[32];
    mnk_double_text(o->lo, lo);
    mnk_double_text(o->hi, hi);
    return MNK_FAIL(err, MNK_ERR_USAGE, "--%s %s: must be between %s and %s", o->name, value, lo, hi);
}

static mnk_status set_field(const mnk_option *o, void *config, const char *value, mnk_error *err) {
    double x = 0;
    switch (o->type) {
    case MNK_OPTION_BOOL: {
        bool yes = !*value || !strcmp(value, "true") || !strcmp(value, "yes") || !strcmp(value, "on") || !strcmp(value, "1");
        bool no = !strcmp(value, "false") || !strcmp(value, "no") || !strcmp(value, "off") || !strcmp(value, "0");
        if (!yes && !no) return MNK_FAIL(err, MNK_ERR_USAGE, "--%s %s: expected true or false", o->name, value);
        *(bool *)field(o, config) = yes;
        return MNK_OK;
    }
    case MNK_OPTION_INT:
        if (!parse_number(value, &x) || x != floor(x) || fabs(x) > 9007199254740992.0)
            return MNK_FAIL(err, MNK_ERR_USAGE, "--%s %s: expected a whole number", o->name, value);
        if (o->lo < o->hi && (x < o->lo || x > o->hi)) return out_of_range(o, value, err);
        *(int64_t *)field(o, config) = (int64_t)x;
        return MNK_OK;
    case MNK_OPTION_REAL:
        if (!parse_number(value, &x)) return MNK_FAIL(err, MNK_ERR_USAGE, "--%s %s: expected a number", o->name, value);
        if (o->lo < o->hi && (x < o->lo || x > o->hi)) return out_of_range(o, value, err);
        *(double *)field(o, config) = x;
        return MNK_OK;
    case MNK_OPTION_TEXT:
    case MNK_OPTION_PATH: *(const char **)field(o, config) = value; return MNK_OK;
    case MNK_OPTION_CHOICE: {
        int i = choice_index(o->choices, value);
        if (i < 0) return MNK_FAIL(err, MNK_ERR_USAGE, "--%s %s: must be one of %s", o->name, value, o->choices);
        *(int *)field(o, config) = i;
        return MNK_OK;
    }
    case MNK_OPTION_LIST: {
        mnk_option_list *list = field(o, config);
        if (list->n == MNK_OPTION_LIST_MAX)
            return MNK_FAIL(err, MNK_ERR_USAGE, "--%s: given more than %d times", o->name, MNK_OPTION_LIST_MAX);
        list->items[list->n++] = value;
        return MNK_OK;
    }
    case MNK_OPTION_END: break;
    }
    return MNK_FAIL(err, MNK_ERR_USAGE, "--%s: cannot be set", o->name);
}

void mnk_options_defaults(const mnk_option *table, void *config) {
    for (const mnk_option *o = table; o && o->type != MNK_OPTION_END; o++) {
        if (o->def) (void)!set_field(o, config, o->def, NULL); /* a test checks that every default parses */
        else if (o->type == MNK_OPTION_LIST) ((mnk_option_list *)field(o, config))->n = 0;
        else if (o->type == MNK_OPTION_TEXT || o->type == MNK_OPTION_PATH) *(const char **)field(o, config) = NULL;
        else if (o->type == MNK_OPTION_BOOL) *(bool *)field(o, config) = false;
    }
}

mnk_status mnk_options_set(const mnk_option *table, void *config, const char *name, const char *value, mnk_error *err) {
    const mnk_option *o = mnk_options_find(table, name, strlen(name));
    if (o) return set_field(o, config, value, err);
    const char *names[256];
    size_t n = 0;
    for (o = table; o && o->type != MNK_OPTION_END && n < 256; o++) names[n++] = o->name;
    const char *near = mnk_nearest(name, names, n);
    return near ? MNK_FAIL(err, MNK_ERR_USAGE, "unknown option %s; did you mean %s?", name, near)
                : MNK_FAIL(err, MNK_ERR_USAGE, "unknown option %s", name);
}

mnk_status mnk_options_check(const mnk_option *table, const void *config, mnk_error *err) {
    for (const mnk_option *o = table; o->type != MNK_OPTION_END; o++) {
        double x = 0;
        if (o->type == MNK_OPTION_INT) x = (double)*(const int64_t *)cfield(o, config);
        else if (o->type == MNK_OPTION_REAL) x = *(const double *)cfield(o, config);
        else continue;
        if (!isfinite(x)) return MNK_FAIL(err, MNK_ERR_USAGE, "--%s: not a finite number", o->name);
        if (o->lo < o->hi && (x < o->lo || x > o->hi))
            return MNK_FAIL(err, MNK_ERR_USAGE, "--%s %g: must be between %g and %g", o->name, x, o->lo, o->hi);
    }
    return MNK_OK;
}

const char *mnk_options_text(const mnk_option *o, const void *config, char buffer[128]) {
    const void *p = cfield(o, config);
    char small[64];
    buffer[0] = '\0';
    switch (o->type) {
    case MNK_OPTION_BOOL: snprintf(buffer, 128, "%s", *(const bool *)p ? "true" : "false"); break;
    case MNK_OPTION_INT: snprintf(buffer, 128, "%lld", (long long)*(const int64_t *)p); break;
    case MNK_OPTION_REAL: snprintf(buffer, 128, "%s", mnk_double_text(*(const double *)p, small)); break;
    case MNK_OPTION_TEXT:
    case MNK_OPTION_PATH: return *(const char *const *)p ? *(const char *const *)p : "";
    case MNK_OPTION_CHOICE: snprintf(buffer, 128, "%s", mnk_options_choice(o, *(const int *)p, small)); break;
    case MNK_OPTION_LIST:
    case MNK_OPTION_END: break;
    }
    return buffer;
}

void mnk_options_write(const mnk_option *table, const void *config, mnk_json *j) {
    char buffer[64];
    for (const mnk_option *o = table; o && o->type != MNK_OPTION_END; o++) {
        const void *p = cfield(o, config);
        switch (o->type) {
        case MNK_OPTION_BOOL: mnk_json_bool(j, o->name, *(const bool *)p); break;
        case MNK_OPTION_INT: mnk_json_int(j, o->name, *(const int64_t *)p); break;
        case MNK_OPTION_REAL: mnk_json_double(j, o->name, *(const double *)p); break;
        case MNK_OPTION_TEXT:
        case MNK_OPTION_PATH: mnk_json_string(j, o->name, *(const char *const *)p); break;
        case MNK_OPTION_CHOICE: mnk_json_string(j, o->name, mnk_options_choice(o, *(const int *)p, buffer)); break;
        case MNK_OPTION_LIST: {
            const mnk_option_list *list = p;
            mnk_json_array(j, o->name);
            for (size_t i = 0; i < list->n; i++) mnk_json_string(j, NULL, list->items[i]);
            mnk_json_end_array(j);
            break;
        }
        case MNK_OPTION_END: break;
        }
    }
}

/* Optimal string alignment distance, capped by the row length below. */
static size_t edit_distance(const char *a, const char *b) {
    enum { MAX = 63 };
    size_t n = strlen(a), m = strlen(b), d[3][MAX + 1];
    if (n > MAX || m > MAX) return MAX;
    for (size_t k = 0; k <= m; k++) d[0][k] = k;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = d[i % 3], *up = d[(i + 2) % 3], *upup = d[(i + 1) % 3];
        row[0] = i;
        for (size_t k = 1; k <= m; k++) {
            size_t best = up[k - 1] + (a[i - 1] != b[k - 1]);
            if (up[k] + 1 < best) best = up[k] + 1;
            if (row[k - 1] + 1 < best) best = row[k - 1] + 1;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && upup[k - 2] + 1 < best)
                best = upup[k - 2] + 1;
            row[k] = best;
        }
    }
    return d[n % 3][m];
}

const char *mnk_nearest(const char *word, const char *const *names, size_t n) {
    const char *best = NULL;
    size_t best_distance = 3;
    for (size_t i = 0; i < n; i++) {
        size_t distance = edit_distance(word, names[i]);
        if (strlen(word) >= 3 && strncmp(word, names[i], strlen(word)) == 0) distance = 1;
        if (distance < best_distance && distance < strlen(names[i])) best_distance = distance, best = names[i];
    }
    return best;
}
