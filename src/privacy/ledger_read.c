#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "privacy/ledger.h"
#include "privacy/ledger_lines.h"
#include "privacy/mechanism.h"

static const size_t MAX_FILE_BYTES = (size_t)64 << 20;

/* Where a line stands, for messages. */
typedef struct place {
    const char *name;
    size_t line;
    mnk_error *err;
} place;

static mnk_status refuse(const place *p, const char *what, const char *key) {
    mnk_status status = MNK_FAIL(p->err, MNK_ERR_INPUT, "%s: line %zu: %s%s", p->name, p->line, what, key);
    mnk_error_hint(p->err, "a ledger that does not verify proves nothing: restore the file, or treat the model as not private");
    return status;
}

mnk_ledger_book *mnk_ledger_book_open(void) { return mnk_alloc(1, sizeof(mnk_ledger_book)); }

void mnk_ledger_book_close(mnk_ledger_book *b) {
    if (!b) return;
    for (size_t i = 0; i < b->runs; i++) mnk_mechanisms_clear(&b->run[i].spent);
    mnk_mechanisms_clear(&b->spent);
    mnk_free(b->run);
    mnk_free(b->head);
    mnk_free(b);
}

const char *mnk_ledger_head(const mnk_ledger_book *b) { return b->entries || b->head ? b->head[b->entries] : ""; }

static mnk_status get_text(const place *p, const json_t *o, const char *key, bool required, char *out, size_t size) {
    const json_t *v = json_object_get(o, key);
    out[0] = '\0';
    if (!v && !required) return MNK_OK;
    if (!json_is_string(v) || json_string_length(v) >= size || strlen(json_string_value(v)) != json_string_length(v))
        return refuse(p, "missing, not a text, or too long: ", key);
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return MNK_OK;
}

static mnk_status get_hash(const place *p, const json_t *o, const char *key, bool required, char out[MNK_HASH_TEXT]) {
    MNK_TRY(get_text(p, o, key, required, out, MNK_HASH_TEXT));
    if (!*out && !required) return MNK_OK;
    if (strlen(out) != MNK_HASH_TEXT - 1 || strncmp(out, "blake2b:", 8) != 0 ||
        strspn(out + 8, "0123456789abcdef") != MNK_HASH_TEXT - 9)
        return refuse(p, "not a hash: ", key);
    return MNK_OK;
}

static mnk_status get_count(const place *p, const json_t *o, const char *key, int64_t low, int64_t high, uint64_t *out) {
    const json_t *v = json_object_get(o, key);
    int64_t x = json_integer_value(v);
    if (!json_is_integer(v) || x < low || x > high) return refuse(p, "missing, or not a whole number in range: ", key);
    *out = (uint64_t)x;
    return MNK_OK;
}

static mnk_status read_header(const place *p, const json_t *o, mnk_ledger_book *b) {
    char text[64];
    uint64_t version = 0;
    MNK_TRY(get_text(p, o, "format", true, text, sizeof text));
    if (strcmp(text, MNK_LEDGER_FORMAT) != 0) return refuse(p, "not a privacy ledger", "");
    MNK_TRY(get_count(p, o, "format_version", 1, INT32_MAX, &version));
    if (version > MNK_LEDGER_FORMAT_VERSION) {
        mnk_status status = MNK_FAIL(p->err, MNK_ERR_VERSION, "%s: ledger format %llu is newer than this program reads (%d)",
                                     p->name, (unsigned long long)version, MNK_LEDGER_FORMAT_VERSION);
        mnk_error_hint(p->err, "update manikin");
        return status;
    }
    b->version = (int)version;
    MNK_TRY(get_text(p, o, "id", true, b->id, sizeof b->id));
    if (strlen(b->id) != 32 || strspn(b->id, "0123456789abcdef") != 32) return refuse(p, "not an id: ", b->id);
    MNK_TRY(get_text(p, o, "unit", true, text, sizeof text));
    if (strcmp(text, "person") != 0) return refuse(p, "the unit of privacy is not a person: ", text);
    MNK_TRY(get_text(p, o, "neighbours", true, text, sizeof text));
    if (!strcmp(text, mnk_neighbours_name(MNK_REPLACE_ONE))) b->spent.neighbours = MNK_REPLACE_ONE;
    else if (strcmp(text, mnk_neighbours_name(MNK_ADD_REMOVE)) != 0) return refuse(p, "unknown neighbours: ", text);
    MNK_TRY(get_text(p, o, "noise", true, text, sizeof text));
    b->spent.not_private = strcmp(text, "system") != 0; /* anything but the system's generator */
    MNK_TRY(get_text(p, o, "generator", false, b->generator, sizeof b->generator));
    MNK_TRY(get_text(p, o, "public", false, b->public_facts, sizeof b->public_facts));
    MNK_TRY(get_hash(p, o, "data", false, b->data));
    return get_count(p, o, "people", 0, INT64_MAX, &b->people);
}

static mnk_status add_run(const place *p, const char *what, mnk_ledger_book *b) {
    if (b->runs >= MNK_LEDGER_RUNS_MAX) return refuse(p, "too many runs", "");
    mnk_ledger_run *run = mnk_grow(b->run, b->runs, sizeof *run);
    if (!run) return MNK_FAIL(p->err, MNK_ERR_MEMORY, "%s: out of memory", p->name);
    b->run = run;
    run[b->runs] = (mnk_ledger_run){.spent = {.neighbours = b->spent.neighbours, .not_private = b->spent.not_private}};
    snprintf(run[b->runs].what, sizeof run[b->runs].what, "%s", what);
    b->runs++;
    return MNK_OK;
}

double mnk_ledger_rho(const mnk_ledger_book *b) {
    double rho = 0;
    for (size_t i = 0; i < b->spent.n; i++)
        rho += (double)b->spent.item[i].count * mnk_mechanism_table[b->spent.item[i].kind].rho(&b->spent.item[i]);
    return rho;
}

static mnk_status check_bound(const place *p, const mnk_ledger_book *b) {
    if (b->bound_rho == 0 || mnk_ledger_rho(b) <= b->bound_rho * (1 + 1e-9)) return MNK_OK;
    return refuse(p, "more was spent than the bound that was stated beforehand", "");
}

/* {"mechanism": name, "count": n, "what": …} and exactly the fields its kind reads. */
static mnk_status read_mechanism(const place *p, const json_t *o, mnk_ledger_book *b) {
    char name[32], what[sizeof((mnk_mechanism *)0)->what];
    mnk_mechanism m = {0};
    mnk_error why = MNK_ERROR_INIT;
    MNK_TRY(get_text(p, o, "mechanism", true, name, sizeof name));
    MNK_TRY(get_text(p, o, "what", false, what, sizeof what));
    m.kind = mnk_mechanism_find(name, strlen(name));
    if (m.kind == MNK_MECHANISM_KINDS) return refuse(p, "unknown mechanism ", name);
    MNK_TRY(get_count(p, o, "count", 1, (int64_t)1 << 50, &m.count));
    memcpy(m.what, what, sizeof m.what);
    for (int i = 0; mnk_mechanism_field_name(i); i++) {
        const char *key = mnk_mechanism_field_name(i);
        const json_t *v = json_object_get(o, key);
        unsigned flag;
        double *field = mnk_mechanism_field(&m, key, strlen(key), &flag);
        if (!(mnk_mechanism_table[m.kind].fields & flag) && !v) continue;
        if (!json_is_number(v) || !(mnk_mechanism_table[m.kind].fields & flag) || !(json_number_value(v) > 0))
            return refuse(p, "missing, unexpected, or not above 0: ", key);
        *field = json_number_value(v);
    }
    if (b->runs == 0) MNK_TRY(add_run(p, "", b));
    mnk_status status = mnk_mechanisms_add(&b->spent, &m, &why);
    if (status == MNK_OK) status = mnk_mechanisms_add(&b->run[b->runs - 1].spent, &m, &why);
    if (status == MNK_ERR_MEMORY) return MNK_FAIL(p->err, status, "%s", why.message);
    if (b->spent.n > MNK_LEDGER_KINDS_MAX) return refuse(p, "too many different mechanisms", "");
    return status == MNK_OK ? check_bound(p, b) : refuse(p, why.message, "");
}

static mnk_status read_bound(const place *p, const json_t *o, mnk_ledger_book *b) {
    const json_t *v = json_object_get(o, "bound_rho");
    const double rho = json_is_number(v) ? json_number_value(v) : 0;
    if (b->version < 2 || !(rho > 0) || !isfinite(rho)) return refuse(p, "not a bound above 0, or in format 1: ", "bound_rho");
    b->bound_rho = rho;
    return check_bound(p, b);
}

static mnk_status read_entry(const place *p, const json_t *o, mnk_ledger_book *b) {
    uint64_t seq = 0;
    MNK_TRY(get_count(p, o, "seq", 0, INT64_MAX, &seq));
    if (seq != b->entries + 1) return refuse(p, "out of sequence", "");
    if (json_object_get(o, "mechanism")) return read_mechanism(p, o, b);
    if (json_object_get(o, "run")) {
        char what[sizeof b->run->what];
        MNK_TRY(get_text(p, o, "run", true, what, sizeof what));
        return add_run(p, what, b);
    }
    if (json_object_get(o, "bound_rho")) return read_bound(p, o, b);
    if (!json_object_get(o, "model")) return refuse(p, "neither a mechanism, a run, a bound nor a model", "");
    MNK_TRY(get_hash(p, o, "model", true, b->model));
    b->models++;
    return MNK_OK;
}

/* The hash at the end of the line against the one computed; both are fixed-length text, so its place is known. */
static mnk_status check_chain(const place *p, const mnk_ledger_book *b, const char *line, size_t n, char hash[MNK_HASH_TEXT]) {
    static const char key[] = ",\"hash\":\"";
    const size_t tail = sizeof key - 1 + MNK_HASH_TEXT - 1 + 2;
    if (n <= tail || memcmp(line + n - tail, key, sizeof key - 1) != 0 || memcmp(line + n - 2, "\"}", 2) != 0)
        return refuse(p, "does not end in a hash", "");
    mnk_hash *h = mnk_hash_open();
    if (!h) return MNK_FAIL(p->err, MNK_ERR_MEMORY, "%s: out of memory", p->name);
    mnk_hash_add_text(h, b->head ? b->head[b->entries] : "");
    mnk_hash_add(h, line, n - tail);
    mnk_hash_finish(h, hash);
    if (memcmp(hash, line + n - 2 - (MNK_HASH_TEXT - 1), MNK_HASH_TEXT - 1) != 0)
        return refuse(p, "its hash does not follow from the lines before: changed, or a line is missing", "");
    return MNK_OK;
}

mnk_status mnk_ledger_book_add(mnk_ledger_book *b, const char *line, size_t n, const char *name, mnk_error *err) {
    const bool is_header = !b->head;
    const place p = {name, is_header ? 1 : b->entries + 2, err};
    char hash[MNK_HASH_TEXT];
    json_error_t bad;
    if (n > MNK_LEDGER_LINE_MAX) return refuse(&p, "too long", "");
    json_t *o = json_loadb(line, n, JSON_REJECT_DUPLICATES, &bad);
    mnk_status status = json_is_object(o) ? MNK_OK : refuse(&p, "not a JSON object", "");
    if (status == MNK_OK) status = check_chain(&p, b, line, n, hash);
    if (status == MNK_OK) status = is_header ? read_header(&p, o, b) : read_entry(&p, o, b);
    json_decref(o);
    MNK_TRY(status);
    const size_t lines = is_header ? 0 : b->entries + 1;
    void *head = mnk_grow(b->head, lines, sizeof *b->head);
    if (!head) return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", name);
    b->head = head;
    memcpy(b->head[lines], hash, sizeof hash);
    b->entries = lines;
    b->good_bytes += n + 1;
    return MNK_OK;
}

mnk_status mnk_ledger_parse(const char *text, size_t n, const char *name, mnk_ledger_book **out, mnk_error *err) {
    *out = NULL;
    mnk_ledger_book *b = mnk_ledger_book_open();
    if (!b) return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", name);
    mnk_status status = MNK_OK;
    for (size_t at = 0; at < n && status == MNK_OK;) {
        const char *end = memchr(text + at, '\n', n - at);
        const size_t length = end ? (size_t)(end - text) - at : n - at;
        mnk_error why = MNK_ERROR_INIT;
        status = mnk_ledger_book_add(b, text + at, length, name, end ? err : &why);
        if (!end && status == MNK_OK) b->lacks_newline = true, b->good_bytes--;
        if (!end && status != MNK_OK && status != MNK_ERR_MEMORY && b->head) b->has_torn_tail = true, status = MNK_OK;
        else if (!end && status != MNK_OK) status = MNK_FAIL(err, why.code, "%s", why.message);
        at += length + 1;
    }
    if (status == MNK_OK && !b->head) status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: empty, not a privacy ledger", name);
    if (status == MNK_OK) *out = b;
    else mnk_ledger_book_close(b);
    return status;
}

mnk_status mnk_ledger_read(const char *path, mnk_ledger_book **out, mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    *out = NULL;
    MNK_TRY(mnk_file_read(path, MAX_FILE_BYTES, &bytes, &n, err));
    mnk_status status = mnk_ledger_parse((const char *)bytes, n, path, out, err);
    mnk_free(bytes);
    return status;
}

mnk_status mnk_ledger_check_model(const mnk_ledger_book *b, const char *model_path, mnk_error *err) {
    char hash[MNK_HASH_TEXT];
    MNK_TRY(mnk_hash_file(model_path, hash, err));
    if (!*b->model) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: the ledger is bound to no model yet", model_path);
    if (strcmp(hash, b->model) == 0) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: is not the model this ledger was last bound to", model_path);
    mnk_error_hint(err, "its guarantee is not what this ledger says");
    return status;
}

mnk_status mnk_ledger_check_head(const mnk_ledger_book *b, const char *head, mnk_error *err) {
    for (size_t i = 0; b->head && i <= b->entries; i++)
        if (strcmp(b->head[i], head) == 0) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "ledger %s does not hold the entry this model was made under", b->id);
    mnk_error_hint(err, "it is another model's ledger, or entries were lost: then what was spent is unknown");
    return status;
}

mnk_status mnk_ledger_add_spent(const mnk_ledger_book *b, mnk_mechanisms *all, mnk_error *err) {
    if (all->neighbours != b->spent.neighbours)
        return MNK_FAIL(err, MNK_ERR_USAGE, "ledger %s speaks of other neighbours: it cannot be summed with the others", b->id);
    all->not_private = all->not_private || b->spent.not_private;
    if (b->bound_rho > 0) {
        const mnk_mechanism whole = {.kind = MNK_MECHANISM_ZCDP, .rho = b->bound_rho, .what = "bound of a filter"};
        return mnk_mechanisms_add(all, &whole, err);
    }
    for (size_t i = 0; i < b->spent.n; i++) MNK_TRY(mnk_mechanisms_add(all, &b->spent.item[i], err));
    return MNK_OK;
}

mnk_status mnk_ledger_guarantee(const mnk_ledger_book *b, const mnk_mechanisms *planned, double delta, mnk_guarantee *out,
                                mnk_error *err) {
    mnk_mechanisms all = {.neighbours = b->spent.neighbours, .not_private = b->spent.not_private};
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_ledger_add_spent(b, &all, err));
    for (size_t i = 0; planned && i < planned->n; i++) MNK_OUT(mnk_mechanisms_add(&all, &planned->item[i], err));
    MNK_OUT(mnk_privacy_epsilon(&all, delta, out, err));
    if (b->bound_rho > 0) out->method = "zcdp filter";
out:
    mnk_mechanisms_clear(&all);
    return status;
}
