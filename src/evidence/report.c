/* Puts the page together and holds it to its size. */
#include "evidence/report.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "evidence/html.h"

#define REPORT_MAX_BYTES 3000000

static const char *const nav[][2] = {
    {"answer", "Answer"},
    {"data", "Data"},
    {"look", "Look"},
    {"fidelity", "Fidelity and variety"},
    {"usefulness", "Usefulness"},
    {"copies", "Copies, gaps, artefacts"},
    {"audit", "Attacks"},
    {"training", "Training"},
    {"limits", "Limits"},
    {"method", "Method"},
    {"numbers", "All numbers by class"},
    {"repeat", "Repeat it"},
    {NULL, NULL},
};

static mnk_status render(const mnk_evidence *e, const mnk_look *l, int columns, mnk_text *t, mnk_error *err) {
    mnk_findings f;
    mnk_findings_of(e, &f);
    mnk_html_begin(t, e->title, nav);
    mnk_report_head(t, e, &f);
    mnk_report_data(t, e);
    MNK_TRY(mnk_report_look(t, e, l, columns, err));
    mnk_report_fidelity(t, e);
    mnk_report_usefulness(t, e, &f);
    MNK_TRY(mnk_report_copies(t, e, &f, l, columns, err));
    mnk_report_audits(t, e);
    mnk_report_training(t, e);
    mnk_report_limits(t, e, &f);
    mnk_report_method(t, e);
    mnk_report_numbers(t, e);
    mnk_report_repeat(t, e);
    mnk_html_end(t);
    return t->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the report") : MNK_OK;
}

static mnk_status write_page(const mnk_evidence *e, const mnk_look *l, const char *path, mnk_error *err) {
    static const int columns[] = {MNK_LOOK_COLUMNS, 10, 8, 6, 4, 2};
    mnk_status status = MNK_OK;
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
        mnk_text t = {0};
        status = render(e, l, columns[k], &t, err);
        bool fits = t.n <= REPORT_MAX_BYTES;
        if (status == MNK_OK && fits) status = mnk_file_write(path, true, t.s, t.n, err);
        mnk_text_clear(&t);
        if (fits || status != MNK_OK) return status;
    }
    return MNK_FAIL(err, MNK_ERR_FAILED, "%s: more than %d bytes even with the smallest contact sheets", path,
                    REPORT_MAX_BYTES);
}

static mnk_status write_numbers(const mnk_evidence *e, const mnk_look *l, const char *path, char content_hash[73],
                                mnk_error *err) {
    mnk_text t = {0};
    mnk_status status = MNK_OK;
    if (content_hash) {
        status = mnk_evidence_json(e, l, false, &t, err);
        if (status == MNK_OK) mnk_hash_bytes(t.s, t.n, content_hash);
        mnk_text_clear(&t);
    }
    if (status == MNK_OK) status = mnk_evidence_json(e, l, true, &t, err);
    if (status == MNK_OK) status = mnk_file_write(path, true, t.s, t.n, err);
    mnk_text_clear(&t);
    return status;
}

mnk_status mnk_evidence_write(const mnk_evidence *e, const char *dir, const mnk_observer *observer, char content_hash[73],
                              mnk_error *err) {
    char page[1200], numbers[1200];
    if (strlen(dir) > 1000) return MNK_FAIL(err, MNK_ERR_INPUT, "%.100s…: name too long", dir);
    snprintf(page, sizeof page, "%s/report.html", dir);
    snprintf(numbers, sizeof numbers, "%s/evidence.json", dir);
    mnk_look look;
    MNK_TRY(mnk_look_make(e, observer, &look, err));
    mnk_status status = write_numbers(e, &look, numbers, content_hash, err);
    if (status == MNK_OK) status = write_page(e, &look, page, err);
    mnk_look_clear(&look);
    return status;
}
