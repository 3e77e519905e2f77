/* A streaming JSON writer with stable bytes: same values, same text, whatever the locale. Reading is jansson's job.
 * Doubles print in the shortest form that reads back exactly; NaN and infinities print as null. */
#ifndef MNK_BASE_JSON_H
#define MNK_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Growing text buffer; `failed` is sticky when memory runs out. Zero-initialise; mnk_text_clear releases. */
typedef struct mnk_text {
    char *s;
    size_t n, size;
    bool failed;
} mnk_text;

void mnk_text_add(mnk_text *t, const char *s);
void mnk_text_add_n(mnk_text *t, const char *s, size_t n);
void mnk_text_printf(mnk_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mnk_text_clear(mnk_text *t);

/* Shortest decimal that reads back to the same double; `buffer` of at least 32 bytes. */
const char *mnk_double_text(double value, char buffer[32]);

/* The writer puts commas, colons and two-space indentation; nesting at most 32 deep. Keys are NULL inside arrays. */
typedef struct mnk_json {
    mnk_text *text;
    int depth;
    bool compact; /* one line, no spaces */
    bool has_items[32];
} mnk_json;

void mnk_json_object(mnk_json *j, const char *key); /* opens */
void mnk_json_array(mnk_json *j, const char *key);  /* opens */
void mnk_json_end_object(mnk_json *j);
void mnk_json_end_array(mnk_json *j);
void mnk_json_string(mnk_json *j, const char *key, const char *value); /* NULL prints null; bad UTF-8 becomes U+FFFD */
void mnk_json_int(mnk_json *j, const char *key, int64_t value);
void mnk_json_uint(mnk_json *j, const char *key, uint64_t value);
void mnk_json_double(mnk_json *j, const char *key, double value);
void mnk_json_bool(mnk_json *j, const char *key, bool value);
void mnk_json_null(mnk_json *j, const char *key);
void mnk_json_raw(mnk_json *j, const char *key, const char *json); /* text that is JSON already */

#endif
