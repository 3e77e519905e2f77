/* The page and the numbers of evidence on tables. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/tables.h"

#define REPORT_MAX_BYTES 3000000

static const char *const nav[][2] = {{"answer", "Answer"},
                                     {"data", "Data"},
                                     {"tradeoff", "Privacy and utility"},
                                     {"audit", "Attacks"},
                                     {"ranking", "Side by side"},
                                     {"scores", "Fidelity and diversity"},
                                     {"useful", "Usefulness"},
                                     {"fair", "Fairness"},
                                     {"columns", "Columns"},
                                     {"pairs", "Pairs of columns"},
                                     {"missing", "Missing values"},
                                     {"rows", "Rows to look at"},
                                     {"limits", "Limits"},
                                     {"repeat", "Repeat it"},
                                     {NULL, NULL}};

static void head(mnk_text *t, const mnk_table_evidence *e) {
    char moment[48];
    mnk_sentence sentence[8];
    int n = mnk_table_evidence_answer(e, sentence);
    mnk_text_add(t, "<header>\n");
    mnk_html_element(t, "p", "kicker", "manikin · evidence on synthetic medical data");
    mnk_html_element(t, "h1", NULL, "%s", e->base.title);
    mnk_html_element(t, "p", "meta", "%s%s%s · seed %llu · manikin %s · %s", e->train->source,
                     e->base.run.finished[0] ? " · " : "", mnk_html_moment(e->base.run.finished, moment),
                     (unsigned long long)e->base.seed, MNK_VERSION,
                     e->base.public_key ? "signed, see the end of the page" : "not signed");
    mnk_html_element(t, "p", "badge", "Research use. Not a medical device.");
    mnk_text_add(t, "</header>\n<div class=\"answer\" id=\"answer\">\n");
    for (int i = 0; i < n; i++) mnk_html_element(t, "p", NULL, "%s", sentence[i]);
    mnk_text_add(t, "</div>\n");
    mnk_report_gates(t, &e->base);
}

static mnk_status scores(mnk_text *t, const mnk_table_evidence *e, mnk_error *err) {
    static const char *const likeness[] = {"fidelity", "diversity", "authenticity", "copies"},
                             *const use[] = {"usefulness", "effects"}, *const fair[] = {"fairness"};
    mnk_html_section(t, "scores", "Fidelity, diversity, authenticity");
    mnk_html_element(
        t, "p", NULL,
        "Read each number beside its reference lines: holdout is what unseen real rows reach, copy what copying train "
        "reaches, floor what train with independently shuffled columns reaches.");
    mnk_report_scores(t, e, likeness, 4);
    mnk_html_section_end(t);
    mnk_html_section(t, "useful", "Usefulness");
    mnk_html_element(
        t, "p", NULL,
        "TRTR trains and tests on real rows, TSTR trains on synthetic and tests on real, TRTS the reverse, TR+S trains on "
        "both. Gains are paired differences against TRTR.");
    mnk_report_scores(t, e, use, 2);
    mnk_html_section_end(t);
    mnk_html_section(t, "fair", "Fairness");
    mnk_report_scores(t, e, fair, 1);
    MNK_TRY(mnk_report_subgroups(t, e, err));
    mnk_html_section_end(t);
    return MNK_OK;
}

static void limits(mnk_text *t, const mnk_table_evidence *e) {
    mnk_html_section(t, "limits", "Limits");
    mnk_text_add(t, "<ul>\n");
    if (!e->train->person)
        mnk_html_element(
            t, "li", NULL,
            "The table names no persons: each row counts as a person. Where several rows belong to one person, intervals "
            "are too narrow and every comparison with the holdout is too kind.");
    if (!e->holdout)
        mnk_html_element(t, "li", NULL, "There is no holdout, so nothing shows what unseen real rows would score.");
    if (e->train->schema->is_inferred)
        mnk_html_element(
            t, "li", NULL,
            "The schema was inferred and nobody has looked at it: types, missing codes and the outcome may be wrong.");
    mnk_html_element(t, "li", NULL, "%s: another seed gives other rows, and that spread is not in the intervals%s.",
                     e->tradeoff ? "All sections but those on privacy show the first making of each table"
                                 : "One draw of each synthetic table",
                     e->tradeoff ? " of those sections" : "");
    mnk_html_element(t, "li", NULL, "%s",
                     e->base.audits
                         ? "No leak found is not privacy shown: stronger attacks than those tried here exist."
                         : "No copy found is not privacy shown: membership and attribute inference were not tried here.");
    mnk_html_element(
        t, "li", NULL,
        "Many numbers stand on this page. Some will look remarkable by chance; only ranks and two-sample tests are corrected.");
    if (!e->base.hide_real) mnk_html_element(t, "li", NULL, "This page shows single training rows. Treat it like the data.");
    mnk_text_add(t, "</ul>\n");
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; e->synthetic[i].result && k < e->synthetic[i].result->warnings; k++)
            mnk_html_element(t, "p", "note", "%s: %s", e->synthetic[i].name, e->synthetic[i].result->warning[k]);
    mnk_html_section_end(t);
}

static mnk_status render(const mnk_table_evidence *e, size_t columns, mnk_text *t, mnk_error *err) {
    mnk_rank_entry entry[MNK_SYNTHETIC_MAX];
    for (size_t i = 0; i < e->n; i++) entry[i] = (mnk_rank_entry){e->synthetic[i].name, e->synthetic[i].result};
    mnk_html_begin(t, e->base.title, nav);
    head(t, e);
    mnk_report_tables(t, e);
    mnk_report_tradeoff(t, e->tradeoff);
    mnk_report_audits(t, &e->base);
    if (e->ranking) mnk_report_ranking(t, entry, e->n, e->ranking);
    MNK_TRY(scores(t, e, err));
    MNK_TRY(mnk_report_columns(t, e, columns, err));
    MNK_TRY(mnk_report_pairs(t, e, err));
    MNK_TRY(mnk_report_missing(t, e, err));
    mnk_report_rows(t, e);
    limits(t, e);
    mnk_report_repeat(t, &e->base);
    mnk_html_end(t);
    return t->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the report") : MNK_OK;
}

static mnk_status check(const mnk_table_evidence *e, mnk_error *err) {
    if (!e->train || e->n < 1 || e->n > MNK_SYNTHETIC_MAX)
        return MNK_FAIL(err, MNK_ERR_USAGE, "a report needs a training table and 1 to %d synthetic tables; there are %zu",
                        MNK_SYNTHETIC_MAX, e->n);
    return MNK_OK;
}

mnk_status mnk_table_evidence_page(const mnk_table_evidence *e, const char *path, bool force, mnk_error *err) {
    static const size_t columns[] = {MNK_COLUMNS_SHOWN, 24, 8, 0};
    MNK_TRY(check(e, err));
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
        mnk_text t = {0};
        mnk_status status = render(e, columns[k], &t, err);
        bool fits = t.n <= REPORT_MAX_BYTES;
        if (status == MNK_OK && fits) status = mnk_file_write(path, force, t.s, t.n, err);
        mnk_text_clear(&t);
        if (fits || status != MNK_OK) return status;
    }
    return MNK_FAIL(err, MNK_ERR_FAILED, "%s: more than %d bytes even without the charts of columns", path, REPORT_MAX_BYTES);
}

/* ---- evidence.json ---- */

static void set(mnk_json *j, const char *key, const mnk_table *t) {
    if (!t) return;
    mnk_json_object(j, key);
    mnk_json_string(j, "source", t->source);
    mnk_json_uint(j, "n", t->n);
    if (t->person) mnk_json_uint(j, "persons", t->persons);
    mnk_json_string(j, "hash", t->persons >= MNK_MANIFEST_MIN_ITEMS ? t->hash : NULL);
    mnk_json_end_object(j);
}

static mnk_status numbers(const mnk_table_evidence *e, bool with_run, mnk_text *out, mnk_error *err) {
    mnk_json j = {.text = out};
    mnk_sentence sentence[8];
    int n = mnk_table_evidence_answer(e, sentence);
    mnk_json_object(&j, NULL);
    mnk_json_string(&j, "format", "manikin-evidence");
    mnk_json_int(&j, "format_version", 1);
    mnk_json_string(&j, "kind", "tables");
    mnk_json_string(&j, "version", MNK_VERSION);
    mnk_json_string(&j, "title", e->base.title);
    mnk_json_uint(&j, "seed", e->base.seed);
    mnk_json_array(&j, "answer");
    for (int i = 0; i < n; i++) mnk_json_string(&j, NULL, sentence[i]);
    mnk_json_end_array(&j);
    mnk_evidence_json_gates(&j, &e->base);
    mnk_json_object(&j, "data");
    if (e->base.data_note) mnk_json_string(&j, "note", e->base.data_note);
    set(&j, "train", e->train);
    set(&j, "holdout", e->holdout);
    mnk_json_end_object(&j);
    mnk_json_array(&j, "synthetic");
    for (size_t i = 0; i < e->n; i++) {
        mnk_json_object(&j, NULL);
        mnk_json_string(&j, "name", e->synthetic[i].name);
        mnk_json_bool(&j, "baseline", e->synthetic[i].is_baseline);
        set(&j, "table", e->synthetic[i].table);
        for (size_t k = 0; k < e->synthetic[i].facts; k++)
            mnk_json_string(&j, e->synthetic[i].fact[k].name, e->synthetic[i].fact[k].value);
        mnk_evidence_json_result(&j, "result", e->synthetic[i].result);
        mnk_json_end_object(&j);
    }
    mnk_json_end_array(&j);
    mnk_evidence_json_result(&j, "data_checks", e->base.data);
    mnk_evidence_json_result(&j, "ranking", e->ranking);
    mnk_evidence_json_result(&j, "tradeoff", e->tradeoff);
    mnk_evidence_json_audits(&j, &e->base);
    if (e->base.settings_json) mnk_json_raw(&j, "settings", e->base.settings_json);
    if (with_run) mnk_evidence_json_run(&j, &e->base.run);
    mnk_json_end_object(&j);
    return out->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for evidence.json") : MNK_OK;
}

mnk_status mnk_table_evidence_write(const mnk_table_evidence *e, const char *dir, char content_hash[73], mnk_error *err) {
    char path[1200];
    mnk_text t = {0};
    MNK_TRY(check(e, err));
    if (strlen(dir) > 1000) return MNK_FAIL(err, MNK_ERR_INPUT, "%.100s…: name too long", dir);
    mnk_status status = MNK_OK;
    for (int with_run = content_hash ? 0 : 1; with_run < 2 && status == MNK_OK; with_run++) {
        status = numbers(e, with_run, &t, err);
        snprintf(path, sizeof path, "%s/evidence.json", dir);
        if (status == MNK_OK && with_run) status = mnk_file_write(path, true, t.s, t.n, err);
        else if (status == MNK_OK) mnk_hash_bytes(t.s, t.n, content_hash);
        mnk_text_clear(&t);
    }
    snprintf(path, sizeof path, "%s/report.html", dir);
    return status == MNK_OK ? mnk_table_evidence_page(e, path, true, err) : status;
}
