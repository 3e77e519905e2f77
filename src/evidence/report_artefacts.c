/* Artefacts: the synthetic images that look like no real one of their class, worst first, class by class. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"

enum { CLASSES_SHOWN = 12 };

/* Flags of one class; they stand worst first in the result. */
static int pick(const mnk_evidence *e, int label, int most, const mnk_flag **out, size_t *all) {
    int n = 0;
    *all = 0;
    for (size_t i = 0; i < e->evaluate->flags; i++) {
        const mnk_flag *f = &e->evaluate->flag[i];
        if (strcmp(f->flag, "artefact") != 0 || f->item >= e->synthetic->n || f->of < 0 || (size_t)f->of >= e->train->n ||
            e->train->label[f->of] != label)
            continue;
        ++*all;
        if (n < most) out[n++] = f;
    }
    return n;
}

static mnk_status one_class(mnk_text *t, const mnk_evidence *e, int label, int columns, mnk_error *err) {
    const mnk_flag *flag[MNK_LOOK_COLUMNS];
    mnk_cell cells[2 * MNK_LOOK_COLUMNS] = {{0}};
    size_t all = 0;
    const int n = pick(e, label, columns < MNK_LOOK_COLUMNS ? columns : MNK_LOOK_COLUMNS, flag, &all);
    const int rows = e->hide_real ? 1 : 2;
    char alt[200];
    mnk_sprite s;
    if (!n) return MNK_OK;
    for (int k = 0; k < n; k++) {
        cells[k] = (mnk_cell){e->synthetic, flag[k]->item, 0};
        cells[n + k] = (mnk_cell){e->train, (size_t)flag[k]->of, 0};
    }
    MNK_TRY(mnk_sprite_make(cells, rows, n, &s, err));
    snprintf(alt, sizeof alt, "Artefacts of class %.100s, and below each the nearest training image",
             e->train->class_names[label]);
    mnk_text_add(t, "<div class=\"sheet\">");
    mnk_html_element(t, "h4", NULL, "%s", e->train->class_names[label]);
    mnk_text_add(t, "<div class=\"rows\"><div class=\"labels\"><span>artefacts</span>");
    if (rows == 2) mnk_text_add(t, "<span>nearest real image</span>");
    mnk_text_add(t, "</div>");
    mnk_status status = mnk_html_image(t, s.pixels, s.height, s.width, s.channels, n * 66 - 2, alt, err);
    mnk_text_add(t, "</div>");
    mnk_html_element(
        t, "p", "note",
        "%s times the limit at the worst, %s at the last shown of %zu flagged; images %zu to the left, %zu to the right.",
        mnk_html_number(flag[0]->distance, (char[48]){0}), mnk_html_number(flag[n - 1]->distance, (char[48]){0}), all,
        flag[0]->item, flag[n - 1]->item);
    mnk_text_add(t, "</div>\n");
    mnk_sprite_clear(&s);
    return status;
}

mnk_status mnk_report_artefacts(mnk_text *t, const mnk_evidence *e, int columns, mnk_error *err) {
    const mnk_metric *share = NULL;
    char a[48], b[48];
    for (size_t i = 0; i < e->evaluate->metrics && !share; i++)
        if (!strcmp(e->evaluate->metric[i].id, "artefacts") && !*e->evaluate->metric[i].subset) share = &e->evaluate->metric[i];
    if (!share || !e->synthetic || isnan(share->value)) return MNK_OK;
    mnk_html_element(t, "h3", NULL, "Artefacts");
    const double usual = mnk_metric_reference(share, "holdout");
    mnk_html_element(
        t, "p", NULL,
        "%s of the synthetic images are farther from every real image of their class than nearly all real ones are "
        "from each other (%s encoding)%s%s.%s",
        mnk_html_percent(share->value, a), share->encoding, isnan(usual) ? "" : "; of unseen real images it is ",
        isnan(usual) ? "" : mnk_html_percent(usual, b),
        share->value > 0 ? " The worst of each class, the farthest to the left:" : "");
    for (int c = 0; c < e->train->classes && c < CLASSES_SHOWN; c++) MNK_TRY(one_class(t, e, c, columns, err));
    return MNK_OK;
}
