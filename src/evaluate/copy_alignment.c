/* Alignments as text and as pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manikin/copies.h"

void mnk_alignment_text(const mnk_alignment *a, char *out, size_t size) {
    const int angle = (int)lrintf(a->angle_deg) % 360;
    char part[4][32] = {"", "", "", ""};
    const char *comma = "";
    if (a->mirrored) snprintf(part[0], sizeof part[0], "mirrored"), comma = ", ";
    if (angle) snprintf(part[1], sizeof part[1], "%sturned %d", comma, angle), comma = ", ";
    if (fabsf(a->zoom - 1) >= 0.015f) snprintf(part[2], sizeof part[2], "%szoom %.2f", comma, (double)a->zoom), comma = ", ";
    if (fabsf(a->shift_x) >= 0.03f || fabsf(a->shift_y) >= 0.03f)
        snprintf(part[3], sizeof part[3], "%smoved %.2f %.2f", comma, (double)a->shift_x, (double)a->shift_y), comma = ", ";
    snprintf(out, size, "%s%s%s%s", part[0], part[1], part[2], *comma ? part[3] : "as it is");
}

/* A number in lo..hi after `word`; moves *p behind it. */
static bool number(const char **p, float lo, float hi, float *out) {
    char *end = NULL;
    const double x = strtod(*p, &end);
    if (end == *p || !(x >= (double)lo && x <= (double)hi)) return false;
    *out = (float)x;
    *p = end;
    return true;
}

static bool starts(const char **p, const char *word) {
    const size_t n = strlen(word);
    if (strncmp(*p, word, n) != 0) return false;
    *p += n;
    return true;
}

bool mnk_alignment_parse(const char *text, mnk_alignment *out) {
    mnk_alignment a = {.zoom = 1};
    const char *p = text;
    bool ok = true;
    if (!starts(&p, "as it is")) {
        do {
            if (starts(&p, "mirrored")) a.mirrored = true;
            else if (starts(&p, "turned ")) ok = number(&p, 0, 360, &a.angle_deg);
            else if (starts(&p, "zoom ")) ok = number(&p, 0.1f, 10, &a.zoom);
            else if (starts(&p, "moved ")) ok = number(&p, -2, 2, &a.shift_x) && number(&p, -2, 2, &a.shift_y);
            else ok = false;
        } while (ok && starts(&p, ", "));
    }
    if (!ok || (*p && *p != ';')) return false;
    *out = a;
    return true;
}

static float value_at(const mnk_images *d, size_t k) {
    return d->depth == 16 ? (float)d->pixels16[k] * (1 / 257.0f) : (float)d->pixels8[k];
}

void mnk_copy_aligned(const mnk_images *d, size_t row, const mnk_alignment *as, uint8_t *out) {
    const int h = d->height, w = d->width, channels = d->channels;
    const float half = 0.5f * (float)(h < w ? h : w), cy = 0.5f * (float)h - 0.5f, cx = 0.5f * (float)w - 0.5f;
    const double t = (double)as->angle_deg * M_PI / 180;
    const float c = (float)cos(t) / as->zoom, s = (float)sin(t) / as->zoom;
    const size_t base = row * (size_t)h * (size_t)w * (size_t)channels;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++, out += channels) {
            const float v = (float)y - cy, u = (float)x - cx;
            const float back = u * c - v * s; /* turned clockwise, then mirrored, then moved back to where it came from */
            const float px = cx + (as->mirrored ? -back : back) + half * as->shift_x,
                        py = cy + u * s + v * c + half * as->shift_y;
            const bool outside = px < -0.5f || py < -0.5f || px > (float)w - 0.5f || py > (float)h - 0.5f;
            const float qx = fminf(fmaxf(px, 0), (float)(w - 1)), qy = fminf(fmaxf(py, 0), (float)(h - 1));
            const int x0 = (int)qx, y0 = (int)qy, x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0;
            const float fx = qx - (float)x0, fy = qy - (float)y0;
            for (int k = 0; k < channels; k++) {
                const size_t at = base + (size_t)k, across = (size_t)w * (size_t)channels, one = (size_t)channels;
                const float a = value_at(d, at + (size_t)y0 * across + (size_t)x0 * one);
                const float b = value_at(d, at + (size_t)y0 * across + (size_t)x1 * one);
                const float e = value_at(d, at + (size_t)y1 * across + (size_t)x0 * one);
                const float f = value_at(d, at + (size_t)y1 * across + (size_t)x1 * one);
                const float value = (1 - fy) * ((1 - fx) * a + fx * b) + fy * ((1 - fx) * e + fx * f);
                out[k] = outside ? 255 : (uint8_t)(value + 0.5f);
            }
        }
}
