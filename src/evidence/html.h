/* Pieces of a self-contained page: shell and style, sections, figures, pictures embedded as PNG, numbers as people read them.
 */
#ifndef MNK_EVIDENCE_HTML_H
#define MNK_EVIDENCE_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

/* Everything up to and including <main>, and from </main> on. nav: pairs of id and title, NULL-terminated. */
void mnk_html_begin(mnk_text *t, const char *title, const char *const (*nav)[2]);
void mnk_html_end(mnk_text *t);

void mnk_html_section(mnk_text *t, const char *id, const char *title);
void mnk_html_section_end(mnk_text *t);

/* Formats, then escapes the whole text. */
void mnk_html_text(mnk_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* <tag>text</tag> or <tag class="…">text</tag>; class may be NULL. */
void mnk_html_element(mnk_text *t, const char *tag, const char *css_class, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A figure: bold title, then the caller's chart, then the caption that says how to read it. */
void mnk_html_figure(mnk_text *t, const char *title);
void mnk_html_figure_end(mnk_text *t, const char *caption);

/* Pixels (grey or RGB, 8 bit) as an embedded PNG, shown `shown_width` CSS pixels wide at most, without smoothing when enlarged.
 */
mnk_status mnk_html_image(mnk_text *t, const uint8_t *pixels, int height, int width, int channels, int shown_width,
                          const char *alt, mnk_error *err) MNK_CHECK;

/* ---- numbers; each buffer of 48 bytes ---- */
const char *mnk_html_number(double x, char out[48]);                             /* 0.873, 12.4, 1,204; "–" when NaN */
const char *mnk_html_signed(double x, char out[48]);                             /* +0.012, −0.004 */
const char *mnk_html_interval(double low, double high, bool sign, char out[48]); /* "0.81 to 0.90"; "" when none */
const char *mnk_html_percent(double share, char out[48]);                        /* 79 %, 0.4 % */
const char *mnk_html_moment(const char *stamp, char out[48]); /* "2026-11-23T21:30:00Z" as 2026-11-23 21:30 UTC */
const char *mnk_html_count(uint64_t n, char out[48]);         /* 12,345 */
const char *mnk_html_duration(double seconds, char out[48]);  /* 41 s, 3 min 12 s, 1 h 4 min */

#endif
