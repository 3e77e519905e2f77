/* The page of `manikin evaluate` on images: sets side by side. */
#include "manikin/evidence_images.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/tables.h"

#define PAGE_MAX_BYTES 3000000
enum { CLASSES_SHOWN = 12 };

static const char *const nav[][2] = {{"data", "Data"},
                                     {"ranking", "Side by side"},
                                     {"look", "Look"},
                                     {"numbers", "Numbers"},
                                     {"flagged", "Artefacts, copies, gaps"},
                                     {NULL, NULL}};

static void counts(mnk_text *t, const char *name, const mnk_images *d) {
    char n[48];
    mnk_text_add(t, "<tr>");
    mnk_html_element(t, "td", NULL, "%s", name);
    mnk_html_element(t, "td", NULL, "%s", mnk_html_count(d->n, n));
    mnk_html_element(t, "td", "t", "%s", d->source);
    mnk_text_add(t, "</tr>\n");
}

static void head(mnk_text *t, const mnk_images_evidence *e) {
    mnk_text_add(t, "<header>\n");
    mnk_html_element(t, "p", "kicker", "manikin · evidence on synthetic medical data");
    mnk_html_element(t, "h1", NULL, "%s", e->base.title);
    mnk_html_element(t, "p", "meta", "seed %llu · manikin %s · not signed", (unsigned long long)e->base.seed, MNK_VERSION);
    mnk_html_element(t, "p", "badge", "Research use. Not a medical device.");
    mnk_text_add(t, "</header>\n");
    mnk_html_section(t, "data", "Data");
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>set</th><th>images</th><th class=\"t\">from</th></tr>\n");
    counts(t, "train", e->train);
    if (e->holdout) counts(t, "holdout", e->holdout);
    for (size_t i = 0; i < e->n; i++) counts(t, e->synthetic[i].name, e->synthetic[i].images);
    mnk_text_add(t, "</table></div>\n");
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; k < e->synthetic[i].result->warnings; k++)
            mnk_html_element(t, "p", "note", "%s: %s", e->synthetic[i].name, e->synthetic[i].result->warning[k]);
    mnk_html_section_end(t);
}

/* One class: a row of real images, then a row of each set. */
static mnk_status sheet(mnk_text *t, const mnk_images_evidence *e, int label, int columns, mnk_error *err) {
    mnk_cell cells[(MNK_SYNTHETIC_MAX + 1) * MNK_LOOK_COLUMNS] = {{0}};
    const char *names[MNK_SYNTHETIC_MAX + 1];
    int rows = 0;
    for (size_t i = 0; i <= e->n; i++) {
        const mnk_images *d = i ? e->synthetic[i - 1].images : e->train;
        size_t item[MNK_LOOK_COLUMNS];
        if (!i && e->base.hide_real) continue;
        const size_t n = mnk_gallery_draw(d, label, (size_t)columns, e->base.seed, (uint64_t)label * 64 + i, item);
        for (size_t k = 0; k < n; k++) cells[rows * columns + (int)k] = (mnk_cell){d, item[k], 0};
        if (n) names[rows++] = i ? e->synthetic[i - 1].name : "real";
    }
    if (!rows) return MNK_OK;
    mnk_sprite s;
    char alt[256];
    MNK_TRY(mnk_sprite_make(cells, rows, columns, &s, err));
    snprintf(alt, sizeof alt, "Contact sheet of class %.100s: a row of real images, then one of each synthetic set",
             e->train->class_names[label]);
    mnk_text_add(t, "<div class=\"sheet\">");
    mnk_html_element(t, "h3", NULL, "%s", e->train->class_names[label]);
    mnk_text_add(t, "<div class=\"rows\"><div class=\"labels\">");
    for (int r = 0; r < rows; r++) mnk_html_element(t, "span", NULL, "%s", names[r]);
    mnk_text_add(t, "</div>");
    mnk_status status = mnk_html_image(t, s.pixels, s.height, s.width, s.channels, columns * 66 - 2, alt, err);
    mnk_text_add(t, "</div></div>\n");
    mnk_sprite_clear(&s);
    return status;
}

static mnk_status look(mnk_text *t, const mnk_images_evidence *e, int columns, mnk_error *err) {
    mnk_html_section(t, "look", "Look");
    mnk_html_element(t, "p", NULL, "Random, not chosen; seed %llu.%s", (unsigned long long)e->base.seed,
                     e->base.hide_real ? " Real images are not shown, as asked." : "");
    for (int c = 0; c < e->train->classes && c < CLASSES_SHOWN; c++) MNK_TRY(sheet(t, e, c, columns, err));
    if (e->train->classes > CLASSES_SHOWN)
        mnk_html_element(t, "p", "note", "The first %d of %d classes are shown.", CLASSES_SHOWN, e->train->classes);
    mnk_html_section_end(t);
    return MNK_OK;
}

static void numbers(mnk_text *t, const mnk_images_evidence *e) {
    mnk_html_section(t, "numbers", "Numbers");
    mnk_html_element(t, "p", NULL,
                     "Read each number beside its reference lines: holdout is what unseen real images reach, copy what copying "
                     "train reaches, floor what noise reaches.");
    for (size_t i = 0; i < e->n; i++) {
        mnk_html_element(t, "h3", NULL, "%s", e->synthetic[i].name);
        mnk_report_table(t, e->synthetic[i].result, true, NULL);
        mnk_text_add(t, "<details><summary>By class</summary>");
        mnk_report_table(t, e->synthetic[i].result, false, NULL);
        mnk_text_add(t, "</details>\n");
    }
    mnk_html_section_end(t);
}

static mnk_status flagged(mnk_text *t, const mnk_images_evidence *e, int columns, mnk_error *err) {
    mnk_html_section(t, "flagged", "Artefacts, copies, gaps");
    for (size_t i = 0; i < e->n; i++) {
        mnk_evidence one = e->base;
        mnk_findings f;
        one.train = e->train, one.holdout = e->holdout, one.synthetic = e->synthetic[i].images;
        one.evaluate = e->synthetic[i].result;
        mnk_findings_of(&one, &f);
        mnk_html_element(t, "h2", NULL, "%s", e->synthetic[i].name);
        MNK_TRY(mnk_report_galleries(t, &one, &f, NULL, columns, err));
    }
    mnk_html_section_end(t);
    return MNK_OK;
}

static mnk_status render(const mnk_images_evidence *e, int columns, mnk_text *t, mnk_error *err) {
    mnk_rank_entry entry[MNK_SYNTHETIC_MAX];
    for (size_t i = 0; i < e->n; i++) entry[i] = (mnk_rank_entry){e->synthetic[i].name, e->synthetic[i].result};
    mnk_html_begin(t, e->base.title, nav);
    head(t, e);
    if (e->ranking) mnk_report_ranking(t, entry, e->n, e->ranking);
    MNK_TRY(look(t, e, columns, err));
    numbers(t, e);
    MNK_TRY(flagged(t, e, columns, err));
    mnk_html_end(t);
    return t->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the page") : MNK_OK;
}

mnk_status mnk_images_evidence_page(const mnk_images_evidence *e, const char *path, bool force, mnk_error *err) {
    static const int columns[] = {MNK_LOOK_COLUMNS, 8, 6, 4, 2};
    if (!e->train || e->n < 1 || e->n > MNK_SYNTHETIC_MAX)
        return MNK_FAIL(err, MNK_ERR_USAGE, "a page of images needs train and 1 to %d synthetic sets", MNK_SYNTHETIC_MAX);
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
        mnk_text t = {0};
        mnk_status status = render(e, columns[k], &t, err);
        const bool fits = t.n <= PAGE_MAX_BYTES;
        if (status == MNK_OK && fits) status = mnk_file_write(path, force, t.s, t.n, err);
        mnk_text_clear(&t);
        if (fits || status != MNK_OK) return status;
    }
    return MNK_FAIL(err, MNK_ERR_FAILED, "%s: more than %d bytes even with the smallest contact sheets", path, PAGE_MAX_BYTES);
}
