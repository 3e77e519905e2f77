/* arf and cart against independent implementations of the same methods (arfpy; sequential trees of scikit-learn): figures of
 * what is drawn from one table. See tests/golden/generators_golden.py. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden/generators_golden.h"
#include "manikin/table_generator.h"

enum { X, Y, Z, G, ILL, COLUMNS, SEEDS = 3, ROWS = 20000 };
static const double *const values[COLUMNS] = {golden_x, golden_y, golden_z, golden_g, golden_ill};
static const char *const names[COLUMNS] = {"x", "y", "z", "g", "ill"};
static mnk_error err;

static mnk_table *golden_table(void) {
    mnk_schema *s = NULL;
    mnk_table *t = NULL;
    char text[16];
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) {
        assert_ok(mnk_schema_text(&s->column[c].name, names[c], &err));
        s->column[c].type = c < G ? MNK_COLUMN_NUMERIC : MNK_COLUMN_CATEGORY;
        for (int k = 0; c >= G && k < (c == G ? 3 : 2); k++) {
            snprintf(text, sizeof text, "%d", k);
            assert_ok(mnk_schema_add_level(s, c, text, NULL, &err));
        }
    }
    s->column[ILL].roles = MNK_COLUMN_IS_LABEL;
    assert_ok(mnk_table_new(s, GOLDEN_ROWS, &t, &err));
    for (size_t c = 0; c < COLUMNS; c++)
        for (size_t i = 0; i < GOLDEN_ROWS; i++) {
            if (t->number[c]) t->number[c][i] = values[c][i];
            else t->code[c][i] = (int32_t)values[c][i];
        }
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

static double cell(const mnk_table *t, size_t c, size_t i) { return t->number[c] ? t->number[c][i] : t->code[c][i]; }

/* Mean of a column over the rows with g = level (-1: all), and its standard deviation. */
static double mean_of(const mnk_table *t, size_t c, int level, double *sd) {
    double n = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (level >= 0 && t->code[G][i] != level) continue;
        n++, sum += cell(t, c, i), squares += cell(t, c, i) * cell(t, c, i);
    }
    *sd = sqrt((squares - sum * sum / n) / (n - 1));
    return sum / n;
}

static double correlation(const mnk_table *t, size_t a, size_t b) {
    double sa, sb, ma = mean_of(t, a, -1, &sa), mb = mean_of(t, b, -1, &sb), sum = 0;
    for (size_t i = 0; i < t->n; i++) sum += (cell(t, a, i) - ma) * (cell(t, b, i) - mb);
    return sum / ((double)t->n - 1) / (sa * sb);
}

/* The figures in the order of the golden list. */
static size_t figures(const mnk_table *t, double *out) {
    static const size_t pair[][2] = {{X, Y}, {X, Z}, {Y, Z}, {Y, ILL}, {X, ILL}};
    size_t n = 0;
    double sd;
    for (size_t c = X; c <= Z; c++) {
        out[n++] = mean_of(t, c, -1, &sd);
        out[n++] = sd;
    }
    for (int k = 0; k < 3; k++) {
        out[n] = 0;
        for (size_t i = 0; i < t->n; i++) out[n] += (t->code[G][i] == k) / (double)t->n;
        n++;
    }
    out[n++] = mean_of(t, ILL, -1, &sd);
    for (size_t k = 0; k < sizeof pair / sizeof *pair; k++) out[n++] = correlation(t, pair[k][0], pair[k][1]);
    for (size_t c = X; c <= Z; c += Z - X)
        for (int k = 0; k < 3; k++) out[n++] = mean_of(t, c, k, &sd);
    return n;
}

enum { FIGURES = sizeof golden_figures / sizeof *golden_figures };

/* Mean of the figures over SEEDS fits, and over as many draws. */
static void learn_and_draw(const char *kind, const mnk_table *t, double mean[FIGURES]) {
    memset(mean, 0, FIGURES * sizeof *mean);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        char path[1024];
        double of[FIGURES + 8];
        mnk_table_generator *g = NULL;
        mnk_table *s = NULL;
        const mnk_table_sample_options o = {.n = ROWS, .seed = seed};
        snprintf(path, sizeof path, "%s/golden.model", test_folder("generators_golden"));
        assert_ok(mnk_table_generator_train(kind, t, NULL, 0, seed, path, true, NULL, &err));
        assert_ok(mnk_table_generator_open(path, &g, &err));
        assert_ok(mnk_table_generator_sample(g, &o, NULL, &s, NULL, &err));
        assert_int_equal(figures(s, of), FIGURES);
        for (size_t k = 0; k < FIGURES; k++) mean[k] += of[k] / SEEDS;
        mnk_table_close(s);
        mnk_table_generator_close(g);
    }
}

/* How many figures lie outside the span from the table's own to that of the independent implementation, four standard
 * deviations between its seeds added at both ends: not further off than theirs may be, and on no other side. */
static size_t outside(const char *kind, const double mean[FIGURES], bool is_arf, bool say) {
    size_t n = 0;
    for (size_t k = 0; k < FIGURES; k++) {
        const golden_figure *g = &golden_figures[k];
        const double theirs = is_arf ? g->arf : g->cart, margin = 4 * (is_arf ? g->arf_sd : g->cart_sd),
                     low = fmin(g->table, theirs) - margin, high = fmax(g->table, theirs) + margin;
        if (mean[k] >= low && mean[k] <= high) continue;
        if (say) print_message("# %s %s: %.4f, not %.4f to %.4f\n", kind, g->name, mean[k], low, high);
        n++;
    }
    return n;
}

static void computes_the_same_figures_of_the_table(void **state) {
    (void)state;
    mnk_table *t = golden_table();
    double of[FIGURES + 8];
    assert_int_equal(figures(t, of), FIGURES);
    for (size_t k = 0; k < FIGURES; k++) assert_true(fabs(of[k] - golden_figures[k].table) < 2e-5);
    mnk_table_close(t);
}

static void draws_as_independent_implementations_do(void **state) {
    (void)state;
    mnk_table *t = golden_table();
    double mean[FIGURES];
    learn_and_draw("arf", t, mean);
    assert_int_equal(outside("arf", mean, true, true), 0);
    learn_and_draw("cart", t, mean);
    assert_int_equal(outside("cart", mean, false, true), 0);
    learn_and_draw("shuffle", t, mean); /* without dependence the same test fails */
    assert_true(outside("shuffle", mean, true, false) >= 5 && outside("shuffle", mean, false, false) >= 5);
    mnk_table_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_the_same_figures_of_the_table),
        cmocka_unit_test(draws_as_independent_implementations_do),
    };
    return MNK_RUN_TESTS("generators_golden", tests);
}
