/* Several synthetic sets beside one another: ranks with their ties, and what is traded for what. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/svg.h"
#include "evidence/tables.h"
#include "manikin/rank.h"

static const char *rank_text(const mnk_metric *m, char out[48]) {
    if (!m || isnan(m->value)) return "–";
    if (m->low == m->high) snprintf(out, 48, "%.0f", m->low);
    else snprintf(out, 48, "%.0f–%.0f", m->low, m->high);
    return out;
}

static void rank_table(mnk_text *t, const mnk_rank_entry *set, size_t n, const mnk_result *ranking) {
    char b[48];
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>measure</th>");
    for (size_t i = 0; i < n; i++) mnk_html_element(t, "th", NULL, "%s", set[i].name);
    mnk_text_add(t, "</tr>\n<tr class=\"sum\"><td>mean rank</td>");
    for (size_t i = 0; i < n; i++) {
        const mnk_metric *m = mnk_result_find(ranking, "rank", "", set[i].name);
        mnk_html_element(t, "td", NULL, "%s", m ? mnk_html_number(m->value, b) : "–");
    }
    mnk_text_add(t, "</tr>\n");
    const char *last_id = "", *last_encoding = "";
    for (size_t k = 0; k < ranking->metrics; k++) {
        const mnk_metric *m = &ranking->metric[k];
        if (strncmp(m->id, "rank.", 5) != 0 || (!strcmp(m->id, last_id) && !strcmp(m->encoding, last_encoding))) continue;
        last_id = m->id, last_encoding = m->encoding;
        mnk_text_add(t, "<tr>");
        mnk_html_element(t, "td", NULL, "%s%s%s", m->id + 5, *m->encoding ? ", " : "", m->encoding);
        for (size_t i = 0; i < n; i++)
            mnk_html_element(t, "td", NULL, "%s", rank_text(mnk_result_find(ranking, m->id, m->encoding, set[i].name), b));
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div>\n");
}

static double reference_of(const mnk_metric *m, const char *name) {
    for (int i = 0; m && i < m->references; i++)
        if (strcmp(m->reference[i].name, name) == 0) return m->reference[i].value;
    return NAN;
}

/* One plane; left out when no set has both measures. */
static bool plane(mnk_text *t, const mnk_rank_entry *set, size_t n, mnk_rank_axis across, mnk_rank_axis up) {
    static const char *const lines[] = {"holdout", "copy", "floor"};
    mnk_svg_spot spot[MNK_SYNTHETIC_MAX + 3];
    const mnk_metric *x0 = NULL, *y0 = NULL;
    size_t spots = 0;
    for (size_t i = 0; i < n && i < MNK_SYNTHETIC_MAX; i++) {
        const mnk_metric *x = mnk_rank_axis_metric(set[i].result, across), *y = mnk_rank_axis_metric(set[i].result, up);
        if (!x || !y || (x0 && (strcmp(x->id, x0->id) || strcmp(y->id, y0->id)))) continue;
        x0 = x, y0 = y;
        spot[spots++] = (mnk_svg_spot){set[i].name, x->value, x->low, x->high, y->value, y->low, y->high, false};
    }
    if (!spots) return false;
    for (int k = 0; k < 3; k++)
        spot[spots++] =
            (mnk_svg_spot){lines[k], reference_of(x0, lines[k]), NAN, NAN, reference_of(y0, lines[k]), NAN, NAN, true};
    char title[128], x_label[128], y_label[128];
    snprintf(title, sizeof title, "%s and %s", mnk_rank_axis_name(across), mnk_rank_axis_name(up));
    if (title[0] >= 'a') title[0] = (char)(title[0] - 'a' + 'A');
    snprintf(x_label, sizeof x_label, "%s (%s)", x0->id, mnk_rank_axis_name(across));
    snprintf(y_label, sizeof y_label, "%s (%s)", y0->id, mnk_rank_axis_name(up));
    mnk_svg_frame f = {.title = title, .x_label = x_label, .y_label = y_label, .width = 720, .height = 380};
    mnk_html_figure(t, title);
    mnk_svg_plane(t, &f, spot, spots);
    mnk_html_figure_end(
        t, "Crosses are intervals; grey rings are the reference lines: unseen real data, a copy of train, and the floor.");
    return true;
}

void mnk_report_ranking(mnk_text *t, const mnk_rank_entry *set, size_t n, const mnk_result *ranking) {
    mnk_html_section(t, "ranking", "Side by side");
    mnk_html_element(t, "p", NULL,
                     "Rank 1 is best. A range means that chance leaves these ranks open: sets whose intervals do not tell them "
                     "apart, after correction for the number of pairs, share their ranks.");
    rank_table(t, set, n, ranking);
    plane(t, set, n, MNK_RANK_FIDELITY, MNK_RANK_DIVERSITY);
    if (!plane(t, set, n, MNK_RANK_PRIVACY, MNK_RANK_UTILITY))
        mnk_html_element(
            t, "p", "note",
            "The plane of privacy and utility is not drawn: usefulness was not measured here (a study measures it).");
    mnk_html_section_end(t);
}
