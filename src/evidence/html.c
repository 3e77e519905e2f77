#include "evidence/html.h"

#include <math.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/style.h"
#include "evidence/svg.h"
#include "manikin/dataset.h"

void mnk_html_begin(mnk_text *t, const char *title, const char *const (*nav)[2]) {
    mnk_text_add(t, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"generator\" content=\"manikin " MNK_VERSION "\">\n"
                    /* nothing is fetched and nothing runs, whatever a class name or a title holds */
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
                    "'unsafe-inline'\">\n<title>");
    mnk_xml_text(t, title);
    mnk_text_add(t, "</title>\n<style>\n");
    mnk_text_add(t, mnk_report_style);
    mnk_text_add(t, "</style>\n</head>\n<body>\n<nav aria-label=\"Sections\"><ol>\n");
    for (; nav && (*nav)[0]; nav++) {
        mnk_text_printf(t, "<li><a href=\"#%s\">", (*nav)[0]);
        mnk_xml_text(t, (*nav)[1]);
        mnk_text_add(t, "</a></li>\n");
    }
    mnk_text_add(t, "</ol></nav>\n<main>\n");
}

void mnk_html_end(mnk_text *t) { mnk_text_add(t, "</main>\n</body>\n</html>\n"); }

void mnk_html_section(mnk_text *t, const char *id, const char *title) {
    mnk_text_printf(t, "<section id=\"%s\">\n<h2>", id);
    mnk_xml_text(t, title);
    mnk_text_add(t, "</h2>\n");
}

void mnk_html_section_end(mnk_text *t) { mnk_text_add(t, "</section>\n"); }

static void vtext(mnk_text *t, const char *fmt, va_list args) {
    char small[512], *text = small;
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, fmt, args);
    if (n >= (int)sizeof small && (text = mnk_alloc((size_t)n + 1, 1)) != NULL) vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    if (!text) t->failed = true;
    else mnk_xml_text(t, text);
    if (text != small) mnk_free(text);
}

void mnk_html_text(mnk_text *t, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vtext(t, fmt, args);
    va_end(args);
}

void mnk_html_element(mnk_text *t, const char *tag, const char *css_class, const char *fmt, ...) {
    mnk_text_printf(t, css_class ? "<%s class=\"%s\">" : "<%s>", tag, css_class);
    va_list args;
    va_start(args, fmt);
    vtext(t, fmt, args);
    va_end(args);
    mnk_text_printf(t, "</%s>\n", tag);
}

void mnk_html_figure(mnk_text *t, const char *title) {
    mnk_text_add(t, "<figure>\n");
    mnk_html_element(t, "h3", NULL, "%s", title);
    mnk_text_add(t, "<div class=\"scroll\">\n");
}

void mnk_html_figure_end(mnk_text *t, const char *caption) {
    mnk_text_add(t, "</div>\n");
    if (caption) mnk_html_element(t, "figcaption", NULL, "%s", caption);
    mnk_text_add(t, "</figure>\n");
}

mnk_status mnk_html_image(mnk_text *t, const uint8_t *pixels, int height, int width, int channels, int shown_width,
                          const char *alt, mnk_error *err) {
    uint8_t *png = NULL;
    size_t n = 0;
    MNK_TRY(mnk_png_encode(pixels, height, width, channels, NULL, 0, &png, &n, err));
    size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);
    char *base64 = mnk_alloc(room, 1);
    if (!base64) {
        mnk_free_bytes(png);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes for a picture", room);
    }
    sodium_bin2base64(base64, room, png, n, sodium_base64_VARIANT_ORIGINAL);
    mnk_free_bytes(png);
    mnk_text_printf(t, "<img class=\"%s\" width=\"%d\" height=\"%d\" alt=\"", shown_width > width ? "px" : "sm", shown_width,
                    (int)((double)height * shown_width / width + 0.5));
    mnk_xml_text(t, alt);
    mnk_text_add(t, "\" src=\"data:image/png;base64,");
    mnk_text_add(t, base64);
    mnk_text_add(t, "\">\n");
    mnk_free(base64);
    return MNK_OK;
}

const char *mnk_html_count(uint64_t n, char out[48]) {
    char plain[32];
    size_t length = (size_t)snprintf(plain, sizeof plain, "%llu", (unsigned long long)n), k = 0;
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) out[k++] = ',';
        out[k++] = plain[i];
    }
    out[k] = '\0';
    return out;
}

const char *mnk_html_number(double x, char out[48]) {
    double a = fabs(x);
    if (isnan(x)) return strcpy(out, "–");
    if (isinf(x)) return strcpy(out, x > 0 ? "∞" : "−∞");
    const char *minus = x < 0 ? "−" : "";
    if (a >= 1000) {
        char count[48];
        snprintf(out, 48, "%s%.40s", minus, mnk_html_count((uint64_t)(a < 1e18 ? a + 0.5 : 1e18), count));
    } else if (a >= 100 || (a >= 2 && a == floor(a))) snprintf(out, 48, "%s%.0f", minus, a);
    else if (a >= 10) snprintf(out, 48, "%s%.1f", minus, a);
    else if (a >= 0.0995 || a == 0) snprintf(out, 48, "%s%.*f", minus, a >= 1.9995 ? 2 : a == 0 ? 0 : 3, a);
    else if (a >= 0.0005) snprintf(out, 48, "%s%.*f", minus, a >= 0.00995 ? 3 : 4, a);
    else snprintf(out, 48, "%s%.1e", minus, a);
    return out;
}

const char *mnk_html_percent(double x, char out[48]) {
    if (isnan(x)) return strcpy(out, "–");
    double p = 100 * x;
    snprintf(out, 48, p > 0 && p < 9.95 && p != floor(p) ? "%.1f %%" : "%.0f %%", p);
    return out;
}

const char *mnk_html_moment(const char *stamp, char out[48]) {
    if (strlen(stamp) == 20 && stamp[10] == 'T' && stamp[19] == 'Z') snprintf(out, 48, "%.10s %.5s UTC", stamp, stamp + 11);
    else snprintf(out, 48, "%.47s", stamp);
    return out;
}

const char *mnk_html_signed(double x, char out[48]) {
    if (isnan(x)) return strcpy(out, "–");
    double r = round(x * 1000) / 1000;
    snprintf(out, 48, "%s%.3f", r < 0 ? "−" : r > 0 ? "+" : "±", fabs(r));
    return out;
}

const char *mnk_html_interval(double low, double high, bool sign, char out[48]) {
    char a[48], b[48];
    if (isnan(low) || isnan(high)) return strcpy(out, "");
    snprintf(out, 48, "%.20s to %.20s", sign ? mnk_html_signed(low, a) : mnk_html_number(low, a),
             sign ? mnk_html_signed(high, b) : mnk_html_number(high, b));
    return out;
}

const char *mnk_html_duration(double s, char out[48]) {
    if (!(s >= 0)) return strcpy(out, "–");
    if (s < 9.95) snprintf(out, 48, "%.1f s", s);
    else if (s < 99.5) snprintf(out, 48, "%.0f s", s);
    else if (s < 5400) snprintf(out, 48, "%d min %02d s", (int)(s + 0.5) / 60, (int)(s + 0.5) % 60);
    else snprintf(out, 48, "%d h %02d min", (int)(s / 60 + 0.5) / 60, (int)(s / 60 + 0.5) % 60);
    return out;
}
