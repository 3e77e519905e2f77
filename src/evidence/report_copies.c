/* Copies of training images, and real images that the generator never came near. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/svg.h"
#include "manikin/copies.h"

enum { PAIRS = 12, NEVER = 24 };

/* Lower distance first, then the lower item, so that the choice is the same every time. */
static int by_distance(const void *a, const void *b) {
    const mnk_flag *x = *(const mnk_flag *const *)a, *y = *(const mnk_flag *const *)b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static int by_distance_down(const void *a, const void *b) {
    const mnk_flag *x = *(const mnk_flag *const *)a, *y = *(const mnk_flag *const *)b;
    if (x->distance != y->distance) return x->distance > y->distance ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* The `most` first flags of a kind in the given order; flags that point outside the sets are left out. */
static int pick(const mnk_evidence *e, bool copies, int most, int (*order)(const void *, const void *), const mnk_flag **out) {
    enum { POOL = 4096 };
    static _Thread_local const mnk_flag *pool[POOL];
    size_t n = 0;
    for (size_t i = 0; i < e->evaluate->flags && n < POOL; i++) {
        const mnk_flag *f = &e->evaluate->flag[i];
        bool is_copy = !strcmp(f->flag, "exact_copy") || !strcmp(f->flag, "near_copy");
        if (copies ? !is_copy || !e->synthetic || f->item >= e->synthetic->n || f->of < 0 || (size_t)f->of >= e->train->n
                   : strcmp(f->flag, "never_generated") != 0 || f->item >= e->train->n)
            continue;
        pool[n++] = f;
    }
    qsort(pool, n, sizeof *pool, order);
    int k = 0;
    while (k < most && (size_t)k < n) out[k] = pool[k], k++;
    return k;
}

/* The training image of a flag, moved as the flag's note says: a set of one. *out NULL when the note says nothing of it. */
static mnk_status aligned(const mnk_images *train, const mnk_flag *f, mnk_images **out, mnk_error *err) {
    static const char *const name[1] = {"aligned"};
    mnk_alignment as;
    *out = NULL;
    if (!mnk_alignment_parse(f->note, &as)) return MNK_OK;
    MNK_TRY(mnk_images_new(1, train->height, train->width, train->channels, 1, name, out, err));
    mnk_copy_aligned(train, (size_t)f->of, &as, (*out)->pixels8);
    return MNK_OK;
}

/* "near, score 0.31: mirrored, turned 37, zoom 1.18; r 0.91; p 0.002 (n 600)" */
static void caption(mnk_text *t, const mnk_flag *f) {
    if (!strcmp(f->flag, "exact_copy")) mnk_html_text(t, "exact");
    else mnk_html_text(t, "near, score %.2f", f->distance);
    if (f->note[0]) mnk_html_text(t, ": %s", f->note);
}

static mnk_status pair(mnk_text *t, const mnk_evidence *e, const mnk_flag *f, mnk_error *err) {
    mnk_images *moved = NULL;
    mnk_sprite s = {0};
    char alt[128];
    MNK_TRY(aligned(e->train, f, &moved, err));
    const mnk_cell cells[3] = {
        {e->synthetic, f->item, 0}, {moved ? moved : e->train, moved ? 0 : (size_t)f->of, 0}, {e->train, (size_t)f->of, 0}};
    mnk_status status = mnk_sprite_make(cells, 1, 3, &s, err);
    snprintf(alt, sizeof alt, "synthetic image %zu, training image %lld as aligned, and as it is", f->item, (long long)f->of);
    mnk_text_add(t, "<div>");
    if (status == MNK_OK) status = mnk_html_image(t, s.pixels, s.height, s.width, s.channels, 196, alt, err);
    if (status == MNK_OK) caption(t, f);
    mnk_text_add(t, "</div>\n");
    mnk_sprite_clear(&s);
    mnk_images_close(moved);
    return status;
}

static mnk_status pairs(mnk_text *t, const mnk_evidence *e, const mnk_findings *f, int columns, mnk_error *err) {
    const mnk_flag *flag[PAIRS];
    char a[48];
    int n = pick(e, true, columns < PAIRS ? columns : PAIRS, by_distance, flag);
    if (!n || e->hide_real) return MNK_OK;
    mnk_html_element(t, "h3", NULL, "The closest pairs");
    mnk_html_element(
        t, "p", "note",
        "Left the synthetic image; middle the training image it resembles most, moved as said below it; right that "
        "training image as it is. The %d closest. Score: 0 the same, about 1 what unrelated images have. r: "
        "correlation once aligned. p: share of the n unseen real images of that class that come as near (at least 1 in n + 1).",
        n);
    const double usual = f->near_share && f->near_share->references ? f->near_share->reference[0].value : NAN;
    if (!isnan(usual))
        mnk_html_element(t, "p", "note",
                         "%s of unseen real images would be flagged as well: a flag is a reason to look, not a proof.",
                         mnk_html_percent(usual, a));
    mnk_text_add(t, "<div class=\"pairs\">\n");
    for (int i = 0; i < n; i++) MNK_TRY(pair(t, e, flag[i], err));
    mnk_text_add(t, "</div>\n");
    return MNK_OK;
}

static mnk_status never(mnk_text *t, const mnk_evidence *e, const mnk_findings *f, int columns, mnk_error *err) {
    const mnk_flag *flag[NEVER];
    char a[48], b[48];
    mnk_html_element(t, "h3", NULL, "What was never generated");
    if (f->never_share && !isnan(f->never_share->value))
        mnk_html_element(
            t, "p", NULL,
            "%s of the training images have no synthetic image nearby; of unseen real images as many as these would miss %s.",
            mnk_html_percent(f->never_share->value, a), mnk_html_percent(mnk_metric_reference(f->never_share, "holdout"), b));
    else
        mnk_html_element(t, "p", NULL, "%s of %s training images have no synthetic image nearby.", mnk_html_count(f->never, a),
                         mnk_html_count(e->train->n, b));
    int n = pick(e, false, 2 * columns < NEVER ? 2 * columns : NEVER, by_distance_down, flag);
    if (!n || e->hide_real) return MNK_OK;
    mnk_cell cells[NEVER] = {{0}};
    for (int i = 0; i < n; i++) cells[i] = (mnk_cell){e->train, flag[i]->item, 0};
    int across = n < columns ? n : columns;
    mnk_sprite s;
    MNK_TRY(mnk_sprite_make(cells, (n + across - 1) / across, across, &s, err));
    mnk_status status = mnk_html_image(t, s.pixels, s.height, s.width, s.channels, across * 66 - 2,
                                       "real training images that no synthetic image comes near", err);
    mnk_sprite_clear(&s);
    mnk_html_element(t, "p", "note",
                     "Real training images, those farthest from any synthetic image first. Rare patterns that the generator "
                     "does not make are found here.");
    return status;
}

static void histogram(mnk_text *t, const mnk_look *l) {
    if (!l->synthetic_n || !l->holdout_n) return;
    mnk_svg_sample samples[2] = {{"synthetic", l->synthetic_rms, l->synthetic_n},
                                 {"unseen real (holdout)", l->holdout_rms, l->holdout_n}};
    mnk_svg_frame f = {.title = "Distance to the nearest training image",
                       .x_label = "root mean square difference, grey levels",
                       .y_label = "% of images",
                       .width = 720,
                       .height = 260,
                       .hi = l->bin_px[MNK_LOOK_BINS]};
    char caption[384];
    snprintf(caption, sizeof caption,
             "Pixel distance from %zu synthetic and %zu holdout images, drawn by chance, to the nearest training image. A heap "
             "of synthetic images near zero would be copies as they are (turned, cropped or recoloured ones do not show here); "
             "unseen real images show how near is usual.",
             l->synthetic_n, l->holdout_n);
    mnk_html_figure(t, f.title);
    mnk_svg_histogram(t, &f, samples, 2, MNK_LOOK_BINS);
    mnk_html_figure_end(t, caption);
}

mnk_status mnk_report_copies(mnk_text *t, const mnk_evidence *e, const mnk_findings *f, const mnk_look *l, int columns,
                             mnk_error *err) {
    mnk_html_section(t, "copies", "Copies and gaps");
    if (!e->evaluate || !e->train) {
        mnk_html_element(t, "p", NULL, "Not measured in this study.");
        mnk_html_section_end(t);
        return MNK_OK;
    }
    char a[48], b[48], c[48];
    mnk_html_element(
        t, "p", NULL,
        "%s exact and %s near copies of training images among %s synthetic images. Exact ones were looked for under the "
        "eight flips and quarter turns; near ones under any rotation, mirrored or not, zooms of 0.6 to 1.7, crops, "
        "and changes of colour.",
        mnk_html_count(f->exact, a), mnk_html_count(f->near_copies, b), mnk_html_count(e->synthetic ? e->synthetic->n : 0, c));
    MNK_TRY(pairs(t, e, f, columns, err));
    histogram(t, l);
    MNK_TRY(never(t, e, f, columns, err));
    mnk_html_section_end(t);
    return MNK_OK;
}
