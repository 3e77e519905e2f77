/* A table of 1,000,000 x 20: written as CSV, opened with its schema inferred, opened with a schema given, described. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "bench.h"
#include "manikin/table.h"

enum { N = 1000000, COLUMNS = 20 };

static mnk_error err;

static void must(mnk_status status) {
    if (status == MNK_OK) return;
    fprintf(stderr, "bench_table: %s\n", err.message);
    exit(1);
}

/* An identifier, three categories, a date, fifteen measurements of four decimals. */
static mnk_table *make(void) {
    static const char *const names[5] = {"id", "sex", "age_group", "city", "admitted"};
    mnk_schema *s = NULL;
    mnk_table *t = NULL;
    char text[32];
    must(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) {
        snprintf(text, sizeof text, "x%zu", c);
        must(mnk_schema_text(&s->column[c].name, c < 5 ? names[c] : text, &err));
        s->column[c].type = c == 0   ? MNK_COLUMN_INTEGER
                            : c < 4  ? MNK_COLUMN_CATEGORY
                            : c == 4 ? MNK_COLUMN_DATE
                                     : MNK_COLUMN_NUMERIC;
        s->column[c].decimals = 4;
        for (int l = 0; c >= 1 && c < 4 && l < (c == 1 ? 2 : c == 2 ? 10 : 200); l++) {
            snprintf(text, sizeof text, "level %d", l);
            must(mnk_schema_add_level(s, c, text, NULL, &err));
        }
    }
    must(mnk_schema_text(&s->column[4].format, "%Y-%m-%d", &err));
    must(mnk_table_new(s, N, &t, &err));
    for (size_t i = 0; i < N; i++) {
        mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, i, 0);
        for (size_t c = 0; c < COLUMNS; c++) {
            if (t->code[c]) t->code[c][i] = (int32_t)mnk_rng_below(&r, s->column[c].levels);
            else
                t->number[c][i] = c == 0   ? (double)i
                                  : c == 4 ? (double)(18000 + mnk_rng_below(&r, 1000))
                                           : 10 * mnk_rng_normal(&r);
        }
    }
    must(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

typedef struct lap {
    double wall;
    clock_t cpu;
} lap;

static lap now(void) { return (lap){bench_now_s(), clock()}; }

static void report(const char *what, lap from) {
    printf("%-28s %10.2f %10.2f\n", what, bench_now_s() - from.wall, (double)(clock() - from.cpu) / CLOCKS_PER_SEC);
}

int main(int argc, char **argv) {
    bench_options o;
    bench_parse(argc, argv, &o);
    char root[64], path[128];
    snprintf(root, sizeof root, "/tmp/manikin-bench-%ld", (long)getpid());
    must(mnk_dir_make(root, &err));
    snprintf(path, sizeof path, "%s/t.csv", root);
    mnk_table *t = make(), *a = NULL, *b = NULL;
    printf("%-28s %10s %10s  (%d rows x %d columns, %d threads)\n", "tables", "wall s", "cpu s", N, COLUMNS, o.threads);
    lap start = now();
    must(mnk_table_write(t, path, true, NULL, &err));
    report("write CSV", start);
    mnk_table_close(t);
    char schema[128];
    snprintf(schema, sizeof schema, "%s/t.schema.yaml", root);
    (void)unlink(schema);
    start = now();
    must(mnk_table_open(path, NULL, NULL, &a, &err));
    report("open, schema inferred", start);
    start = now();
    must(mnk_table_open(path, &(mnk_table_options){.schema = a->schema}, NULL, &b, &err));
    report("open, schema given", start);
    mnk_table_close(b);
    mnk_result *r = NULL;
    must(mnk_result_open("data", 0, &r, &err));
    start = now();
    must(mnk_table_describe(a, NULL, r, &err));
    report("describe", start);
    mnk_result_close(r);
    mnk_table_close(a);
    must(mnk_dir_remove(root, &err));
    return 0;
}
