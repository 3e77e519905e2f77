/* Training curves, from the events.jsonl that the generator's training left. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/svg.h"

enum { EVENTS_MAX_BYTES = 64 << 20, POINTS = 400, VARIETY_CLASSES = 8, LINE_MAX_BYTES = 65536 };

typedef struct curves {
    double kimg[POINTS], d[POINTS], g[POINTS];
    size_t n;
    double snapshot[POINTS], variety[VARIETY_CLASSES][POINTS];
    char name[VARIETY_CLASSES][64];
    int classes;
    size_t snapshots;
} curves;

static double number(const json_t *v) { return json_is_number(v) ? json_number_value(v) : NAN; }

static void add_variety(curves *c, double kimg, const json_t *variety) {
    const char *name;
    json_t *value;
    size_t at = c->snapshots;
    if (!json_is_object(variety) || at == POINTS) return;
    c->snapshot[at] = kimg;
    for (int k = 0; k < VARIETY_CLASSES; k++) c->variety[k][at] = NAN;
    json_object_foreach((json_t *)variety, name, value) {
        int k = 0;
        while (k < c->classes && strncmp(c->name[k], name, sizeof c->name[k] - 1) != 0) k++;
        if (k == VARIETY_CLASSES) continue;
        if (k == c->classes) snprintf(c->name[c->classes++], sizeof c->name[0], "%s", name);
        c->variety[k][at] = number(value);
    }
    c->snapshots++;
}

/* One line; a resumed run may repeat an earlier stretch, whose later version counts. */
static void add_line(curves *c, const char *line, size_t n, size_t every, size_t *seen) {
    json_t *row = n < LINE_MAX_BYTES ? json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    double kimg = number(json_object_get(row, "kimg")), d = number(json_object_get(row, "d_loss")),
           g = number(json_object_get(row, "g_loss"));
    if (row && !isnan(kimg)) {
        while (c->n && c->kimg[c->n - 1] >= kimg) c->n--;
        while (c->snapshots && c->snapshot[c->snapshots - 1] >= kimg) c->snapshots--;
        add_variety(c, kimg, json_object_get(row, "variety"));
        if ((!isnan(d) || !isnan(g)) && (*seen)++ % every == 0 && c->n < POINTS) {
            c->kimg[c->n] = kimg;
            c->d[c->n] = d;
            c->g[c->n++] = g;
        }
    }
    json_decref(row);
}

static mnk_status read_events(const char *path, curves *c, mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0, lines = 0, seen = 0;
    MNK_TRY(mnk_file_read(path, EVENTS_MAX_BYTES, &bytes, &n, err));
    for (size_t i = 0; i < n; i++) lines += bytes[i] == '\n';
    size_t every = lines / POINTS + 1;
    for (const char *p = (const char *)bytes, *end = p + n; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t length = (size_t)((stop ? stop : end) - p);
        add_line(c, p, length, every, &seen);
        p += length + 1;
    }
    mnk_free(bytes);
    return MNK_OK;
}

static void charts(mnk_text *t, const curves *c) {
    mnk_svg_line losses[2] = {{"discriminator", c->kimg, c->d, c->n}, {"generator", c->kimg, c->g, c->n}};
    mnk_svg_frame f = {.title = "Losses while training",
                       .x_label = "thousand training images shown",
                       .y_label = "loss",
                       .width = 720,
                       .height = 250};
    if (c->n > 1) {
        mnk_html_figure(t, f.title);
        mnk_svg_lines(t, &f, losses, 2);
        mnk_html_figure_end(
            t, "Neither curve says whether the images are good; sudden jumps or a discriminator near zero are warnings.");
    }
    if (c->snapshots > 1 && c->classes) {
        mnk_svg_line lines[VARIETY_CLASSES];
        for (int k = 0; k < c->classes; k++) lines[k] = (mnk_svg_line){c->name[k], c->snapshot, c->variety[k], c->snapshots};
        mnk_svg_frame v = {.title = "Variety inside classes while training",
                           .x_label = f.x_label,
                           .y_label = "ratio",
                           .width = 720,
                           .height = 250};
        mnk_html_figure(t, v.title);
        mnk_svg_lines(t, &v, lines, c->classes);
        mnk_html_figure_end(t, "Spread of pixel values of generated images over that of training images, per class. Falling "
                               "towards 0 is collapse.");
    }
}

void mnk_report_training(mnk_text *t, const mnk_evidence *e) {
    if (!e->generator_facts && !e->events_path) return;
    mnk_html_section(t, "training", "Training of the generator");
    if (e->generator_facts) {
        mnk_text_add(t, "<dl>\n");
        for (size_t i = 0; i < e->generator_facts; i++) {
            mnk_html_element(t, "dt", NULL, "%s", e->generator[i].name);
            mnk_html_element(t, "dd", NULL, "%s", e->generator[i].value);
        }
        mnk_text_add(t, "</dl>\n");
    }
    curves *c = mnk_alloc(1, sizeof *c);
    mnk_error why = MNK_ERROR_INIT;
    if (!c) t->failed = true;
    else if (e->events_path) {
        if (read_events(e->events_path, c, &why) == MNK_OK) charts(t, c);
        else mnk_html_element(t, "p", "note", "The training record could not be read: %s.", why.message);
    }
    mnk_free(c);
    mnk_html_section_end(t);
}
