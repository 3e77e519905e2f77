/* Results as aligned text for people: overall rows with interval and reference lines, then one row a metric with a column
 * a class, then flags and warnings. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/result.h"

enum { COLUMNS = 8, NAME_WIDTH = 12 };

static const char *number(double x, char buffer[24]) {
    if (isnan(x)) return "-";
    double a = fabs(x);
    snprintf(buffer, 24,
             a != 0 && (a < 5e-4 || a >= 1e6) ? "%.2e"
             : a >= 1000                      ? "%.0f"
             : a >= 100                       ? "%.1f"
             : a >= 10                        ? "%.2f"
                                              : "%.3f",
             x);
    return buffer;
}

static int widest_id(const mnk_result *r) {
    size_t w = 6;
    for (size_t i = 0; i < r->metrics; i++)
        if (strlen(r->metric[i].id) > w) w = strlen(r->metric[i].id);
    return (int)w;
}

/* Names of references in order of first use; returns how many. */
static int reference_names(const mnk_result *r, const char *names[COLUMNS]) {
    int n = 0;
    for (size_t i = 0; i < r->metrics; i++)
        for (int k = 0; k < r->metric[i].references && !*r->metric[i].subset; k++) {
            int seen = 0;
            for (int s = 0; s < n; s++) seen |= !strcmp(names[s], r->metric[i].reference[k].name);
            if (!seen && n < COLUMNS) names[n++] = r->metric[i].reference[k].name;
        }
    return n;
}

static void print_overall(const mnk_result *r, FILE *out, bool colour) {
    const char *names[COLUMNS];
    int references = reference_names(r, names), width = widest_id(r);
    const char *bold = colour ? "\033[1m" : "", *dim = colour ? "\033[2m" : "", *plain = colour ? "\033[0m" : "";
    fprintf(out, "%s%-*s %-10s %10s  %-19s %8s", bold, width, "metric", "encoding", "value", "interval", "n");
    for (int k = 0; k < references; k++) fprintf(out, " %9s", names[k]);
    fprintf(out, "%s\n", plain);
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        char a[24], b[24], ci[64] = "";
        if (*m->subset || *m->column) continue;
        if (!isnan(m->low) || !isnan(m->high)) snprintf(ci, sizeof ci, "%s .. %s", number(m->low, a), number(m->high, b));
        fprintf(out, "%-*s %-10s %s%10s%s  %-19s %8zu", width, m->id, *m->encoding ? m->encoding : "-", bold,
                number(m->value, a), plain, ci, m->n);
        for (int k = 0; k < references; k++) {
            double v = NAN;
            for (int s = 0; s < m->references; s++)
                if (!strcmp(m->reference[s].name, names[k])) v = m->reference[s].value;
            fprintf(out, " %9s", number(v, a));
        }
        fprintf(out, "\n");
        if (*m->note) fprintf(out, "%s%-*s %s%s\n", dim, width, "", m->note, plain);
    }
}

/* Distinct subsets in order of first use. The list is released with mnk_free. */
static const char **subset_names(const mnk_result *r, size_t *n) {
    const char **names = mnk_alloc(r->metrics ? r->metrics : 1, sizeof *names);
    *n = 0;
    for (size_t i = 0; names && i < r->metrics; i++) {
        size_t k = 0;
        while (k < *n && strcmp(names[k], r->metric[i].subset)) k++;
        if (k == *n && *r->metric[i].subset) names[(*n)++] = r->metric[i].subset;
    }
    return names;
}

/* One block of up to COLUMNS subsets: each (id, encoding) that has any of them is a row. */
static void print_block(const mnk_result *r, const char *const *names, size_t n, FILE *out, bool colour) {
    int width = widest_id(r);
    fprintf(out, "\n%s%-*s %-10s", colour ? "\033[1m" : "", width, "metric", "encoding");
    for (size_t k = 0; k < n; k++) fprintf(out, " %*.*s", NAME_WIDTH, NAME_WIDTH, names[k]);
    fprintf(out, "%s\n", colour ? "\033[0m" : "");
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        bool first = *m->subset != '\0' && !*m->column;
        for (size_t k = 0; k < i && first; k++)
            first = !*r->metric[k].subset || strcmp(r->metric[k].id, m->id) || strcmp(r->metric[k].encoding, m->encoding);
        if (!first) continue;
        fprintf(out, "%-*s %-10s", width, m->id, *m->encoding ? m->encoding : "-");
        for (size_t k = 0; k < n; k++) {
            char a[24];
            const mnk_metric *found = mnk_result_find(r, m->id, m->encoding, names[k]);
            fprintf(out, " %*s", NAME_WIDTH, found ? number(found->value, a) : "");
        }
        fprintf(out, "\n");
    }
}

static void print_flags(const mnk_result *r, FILE *out) {
    enum { SHOWN = 8 };
    for (size_t i = 0; i < r->flags; i++) {
        const char *kind = r->flag[i].flag;
        size_t count = 0, shown = 0;
        bool first = true;
        for (size_t k = 0; k < i; k++) first = first && strcmp(r->flag[k].flag, kind);
        if (!first) continue;
        for (size_t k = i; k < r->flags; k++) count += !strcmp(r->flag[k].flag, kind);
        fprintf(out, "\n%zu flagged %s\n", count, kind);
        for (size_t k = i; k < r->flags && shown < SHOWN; k++) {
            const mnk_flag *f = &r->flag[k];
            char a[24];
            if (strcmp(f->flag, kind)) continue;
            shown++;
            fprintf(out, "  item %-7zu", f->item);
            if (f->of >= 0) fprintf(out, " of %-7lld", (long long)f->of);
            fprintf(out, " distance %s%s%s\n", number(f->distance, a), *f->note ? "  " : "", f->note);
        }
        if (count > shown) fprintf(out, "  and %zu more\n", count - shown);
    }
}

void mnk_result_print(const mnk_result *r, FILE *stream, bool colour) {
    for (size_t i = 0; i < r->inputs; i++)
        fprintf(stream, "%-10s %zu items  %s\n", r->input[i].role, r->input[i].n, r->input[i].path);
    for (int i = 0; i < r->encodings; i++)
        fprintf(stream, "%-10s %s, %d dimensions%s%s\n", "encoding", r->encoding[i].name, r->encoding[i].dim,
                *r->encoding[i].note ? ": " : "", r->encoding[i].note);
    if (r->inputs || r->encodings) fprintf(stream, "\n");
    if (r->metrics) print_overall(r, stream, colour);
    size_t n = 0;
    const char **names = subset_names(r, &n);
    for (size_t k = 0; names && k < n; k += COLUMNS)
        print_block(r, names + k, n - k < COLUMNS ? n - k : COLUMNS, stream, colour);
    mnk_free(names);
    print_flags(r, stream);
    for (size_t i = 0; i < r->warnings; i++)
        fprintf(stream, "%s%swarning:%s %s\n", i ? "" : "\n", colour ? "\033[33m" : "", colour ? "\033[0m" : "", r->warning[i]);
}
