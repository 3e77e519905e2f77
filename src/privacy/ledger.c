/* Writing a ledger: append, fsync, and only then a permit. */
#include "privacy/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "privacy/ledger_lines.h"
#include "privacy/mechanism.h"

struct mnk_ledger {
    char *path;
    int fd;
    bool has_failed;
    mnk_ledger_book *book;
    mnk_noise noise;
};

const char *mnk_neighbours_name(mnk_neighbours n) { return n == MNK_REPLACE_ONE ? "replace_one" : "add_remove"; }

/* ---- lines ---- */

void mnk_ledger_line_header(mnk_json *j, const mnk_ledger_setup *s, const char *id) {
    mnk_json_object(j, NULL);
    mnk_json_string(j, "format", MNK_LEDGER_FORMAT);
    mnk_json_int(j, "format_version", MNK_LEDGER_FORMAT_VERSION);
    mnk_json_string(j, "id", id);
    mnk_json_string(j, "unit", "person");
    mnk_json_string(j, "neighbours", mnk_neighbours_name(s->neighbours));
    mnk_json_string(j, "noise", s->is_reproducible ? MNK_LEDGER_STAMP : "system");
    if (s->generator) mnk_json_string(j, "generator", s->generator);
    if (s->public_facts) mnk_json_string(j, "public", s->public_facts);
    if (s->data_hash) mnk_json_string(j, "data", s->data_hash);
    mnk_json_uint(j, "people", s->people);
}

void mnk_ledger_line_mechanism(mnk_json *j, const mnk_mechanism *m) {
    mnk_json_string(j, "mechanism", mnk_mechanism_name(m->kind));
    for (int i = 0; mnk_mechanism_field_name(i); i++) {
        const char *key = mnk_mechanism_field_name(i);
        unsigned flag;
        mnk_mechanism copy = *m;
        double value = *mnk_mechanism_field(&copy, key, strlen(key), &flag);
        if (mnk_mechanism_table[m->kind].fields & flag) mnk_json_double(j, key, value);
    }
    mnk_json_uint(j, "count", m->count);
    if (*m->what) mnk_json_string(j, "what", m->what);
}

void mnk_ledger_seal(mnk_text *text, const char *previous, char hash[MNK_HASH_TEXT]) {
    mnk_hash *h = mnk_hash_open();
    if (!h || text->failed) {
        text->failed = true;
        if (h) mnk_hash_finish(h, hash);
        return;
    }
    mnk_hash_add_text(h, previous);
    mnk_hash_add(h, text->s, text->n);
    mnk_hash_finish(h, hash);
    mnk_text_printf(text, ",\"hash\":\"%s\"}\n", hash);
}

/* ---- durable appending ---- */

static mnk_status io_failed(mnk_ledger *l, const char *what, mnk_error *err) {
    l->has_failed = true;
    mnk_status status = MNK_FAIL(err, MNK_ERR_IO, "%s: cannot %s the privacy ledger: %s", l->path, what, strerror(errno));
    mnk_error_hint(err, "no noise was drawn for the entry; nothing unaccounted happened");
    return status;
}

static mnk_status append(mnk_ledger *l, const mnk_text *text, mnk_error *err) {
    for (size_t done = 0; done < text->n;) {
        ssize_t n = write(l->fd, text->s + done, text->n - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return io_failed(l, "write", err);
        done += (size_t)n;
    }
    return fsync(l->fd) == 0 ? MNK_OK : io_failed(l, "sync", err);
}

/* Seals the open object, adds it to the book by the same reader that will check the file later (what that refuses must not
 * get into the file), and makes it durable. */
static mnk_status commit(mnk_ledger *l, mnk_text *text, mnk_error *err) {
    char hash[MNK_HASH_TEXT];
    if (l->has_failed) return MNK_FAIL(err, MNK_ERR_FAILED, "%s: the ledger failed before and takes no more entries", l->path);
    mnk_ledger_seal(text, mnk_ledger_head(l->book), hash);
    if (text->failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a ledger entry");
    if (text->n > MNK_LEDGER_LINE_MAX) return MNK_FAIL(err, MNK_ERR_USAGE, "a ledger entry of %zu bytes", text->n);
    mnk_status status = mnk_ledger_book_add(l->book, text->s, text->n - 1, l->path, err);
    if (status == MNK_OK) status = append(l, text, err);
    if (status != MNK_OK) l->has_failed = true;
    return status;
}

/* ---- opening ---- */

static mnk_status write_header(mnk_ledger *l, const mnk_ledger_setup *setup, mnk_error *err) {
    uint8_t bytes[16];
    char id[33];
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(id, sizeof id, bytes, sizeof bytes);
    mnk_ledger_line_header(&j, setup, id);
    mnk_status status = commit(l, &text, err);
    mnk_text_clear(&text);
    if (status == MNK_OK) mnk_dir_sync_of(l->path);
    return status;
}

static bool same_text(const char *a, const char *b) { return strcmp(a ? a : "", b) == 0; }

static mnk_status check_setup(const mnk_ledger *l, const mnk_ledger_setup *s, mnk_error *err) {
    const mnk_ledger_book *b = l->book;
    const char *what = b->spent.neighbours != s->neighbours           ? "another neighbour relation"
                       : b->spent.not_private != s->is_reproducible   ? "another source of noise"
                       : !same_text(s->data_hash, b->data)            ? "other training data"
                       : !same_text(s->generator, b->generator)       ? "another generator"
                       : !same_text(s->public_facts, b->public_facts) ? "other public facts"
                       : b->people != s->people                       ? "another number of people"
                                                                      : NULL;
    return what ? MNK_FAIL(err, MNK_ERR_INPUT, "%s: this ledger was begun with %s", l->path, what) : MNK_OK;
}

/* Reads what is there and cuts off a line that was never finished: the noise it announced was not drawn. */
static mnk_status take_up(mnk_ledger *l, const mnk_ledger_setup *setup, mnk_error *err) {
    mnk_ledger_book_close(l->book);
    l->book = NULL;
    MNK_TRY(mnk_ledger_read(l->path, &l->book, err));
    MNK_TRY(check_setup(l, setup, err));
    if (l->book->has_torn_tail && ftruncate(l->fd, (off_t)l->book->good_bytes) != 0) return io_failed(l, "mend", err);
    if (l->book->lacks_newline) {
        mnk_text newline = {0};
        mnk_text_add(&newline, "\n");
        mnk_status status = newline.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory") : append(l, &newline, err);
        mnk_text_clear(&newline);
        l->book->good_bytes++;
        MNK_TRY(status);
    }
    return fsync(l->fd) == 0 ? MNK_OK : io_failed(l, "sync", err); /* lines of a killed run may not be on the disk yet */
}

/* Killed while the very first line was written: nothing was spent yet. */
static bool is_unfinished_header(int fd, off_t size) {
    static const char begin[] = "{\"format\":\"" MNK_LEDGER_FORMAT "\"";
    char bytes[MNK_LEDGER_LINE_MAX];
    if (size <= 0 || size > (off_t)sizeof bytes || pread(fd, bytes, (size_t)size, 0) != size) return false;
    const size_t known = (size_t)size < sizeof begin - 1 ? (size_t)size : sizeof begin - 1;
    return !memchr(bytes, '\n', (size_t)size) && memcmp(bytes, begin, known) == 0;
}

static mnk_status open_file(mnk_ledger *l, const mnk_ledger_setup *setup, bool resume, mnk_error *err) {
    struct stat st;
    l->fd = open(l->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (l->fd < 0) return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot open the privacy ledger: %s", l->path, strerror(errno));
    if (flock(l->fd, LOCK_EX | LOCK_NB) != 0)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: another process is spending from this privacy ledger", l->path);
    if (fstat(l->fd, &st) != 0 || !S_ISREG(st.st_mode)) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: not a regular file", l->path);
    if (is_unfinished_header(l->fd, st.st_size)) {
        if (ftruncate(l->fd, 0) != 0) return io_failed(l, "mend", err);
        st.st_size = 0;
    }
    if (st.st_size == 0) return write_header(l, setup, err);
    if (resume) return take_up(l, setup, err);
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: a privacy ledger exists already", l->path);
    mnk_error_hint(err, "what was spent stays spent: resume, or choose another model name for other data");
    return status;
}

mnk_status mnk_ledger_open(const char *path, const mnk_ledger_setup *setup, bool resume, mnk_ledger **out, mnk_error *err) {
    mnk_ledger *l = NULL;
    *out = NULL;
    MNK_TRY(MNK_NEW(l, 1, err));
    l->fd = -1;
    l->path = mnk_strdup(path);
    l->book = mnk_ledger_book_open();
    mnk_status status = MNK_OK;
    if (!l->path || !l->book) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    else status = open_file(l, setup, resume, err);
    if (status != MNK_OK) {
        mnk_ledger_close(l);
        return status;
    }
    if (setup->is_reproducible) mnk_noise_open_reproducible(setup->test_seed, &l->noise);
    else mnk_noise_open(&l->noise);
    *out = l;
    return MNK_OK;
}

void mnk_ledger_close(mnk_ledger *l) {
    if (!l) return;
    mnk_noise_close(&l->noise);
    if (l->fd >= 0) close(l->fd);
    mnk_ledger_book_close(l->book);
    mnk_free(l->path);
    mnk_free(l);
}

/* ---- entries ---- */

static void begin_entry(const mnk_ledger *l, mnk_json *j) {
    mnk_json_object(j, NULL);
    mnk_json_uint(j, "seq", l->book->entries + 1);
}

static mnk_status text_entry(mnk_ledger *l, const char *key, const char *value, mnk_error *err) {
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    begin_entry(l, &j);
    mnk_json_string(&j, key, value);
    mnk_status status = commit(l, &text, err);
    mnk_text_clear(&text);
    return status;
}

mnk_status mnk_ledger_begin_run(mnk_ledger *l, const char *what, mnk_error *err) {
    if (strlen(what) >= sizeof l->book->run->what)
        return MNK_FAIL(err, MNK_ERR_USAGE, "ledger: run name \"%.60s…\" is too long", what);
    if (l->book->runs >= MNK_LEDGER_RUNS_MAX)
        return MNK_FAIL(err, MNK_ERR_USAGE, "ledger: more than %d runs", MNK_LEDGER_RUNS_MAX);
    return text_entry(l, "run", what, err);
}

mnk_status mnk_ledger_bound(mnk_ledger *l, double rho, mnk_error *err) {
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    if (l->book->version < 2 || rho == l->book->bound_rho) return MNK_OK;
    begin_entry(l, &j);
    mnk_json_double(&j, "bound_rho", rho);
    mnk_status status = commit(l, &text, err);
    mnk_text_clear(&text);
    return status;
}

mnk_status mnk_ledger_charge(mnk_ledger *l, const mnk_mechanism *m, mnk_permit *out, mnk_error *err) {
    mnk_mechanism own = *m;
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    *out = (mnk_permit){0};
    MNK_TRY(mnk_mechanism_check(&own, l->book->spent.neighbours, err));
    begin_entry(l, &j);
    mnk_ledger_line_mechanism(&j, &own);
    mnk_status status = commit(l, &text, err);
    mnk_text_clear(&text);
    const bool halves = l->book->spent.neighbours == MNK_REPLACE_ONE && own.sampling_rate < 1; /* see MNK_MECHANISM_GAUSSIAN */
    if (status == MNK_OK)
        *out = (mnk_permit){.noise = &l->noise,
                            .mechanism = own,
                            .change = halves ? own.sensitivity / 2 : own.sensitivity,
                            .left = own.count,
                            .batches_left = own.count};
    return status;
}

mnk_status mnk_ledger_bind_model(mnk_ledger *l, const char *model_path, mnk_error *err) {
    char hash[MNK_HASH_TEXT];
    MNK_TRY(mnk_hash_file(model_path, hash, err));
    return text_entry(l, "model", hash, err);
}

const mnk_ledger_book *mnk_ledger_state(const mnk_ledger *l) { return l->book; }

void mnk_ledger_emit(const mnk_ledger_book *b, mnk_json *j, const char *key) {
    mnk_json_object(j, key);
    mnk_json_string(j, "ledger", b->id);
    mnk_json_string(j, "head", mnk_ledger_head(b));
    mnk_json_string(j, "unit", "person");
    mnk_json_string(j, "neighbours", mnk_neighbours_name(b->spent.neighbours));
    mnk_json_string(j, "noise", b->spent.not_private ? MNK_LEDGER_STAMP : "system");
    if (*b->public_facts) mnk_json_string(j, "public", b->public_facts);
    mnk_json_uint(j, "people", b->people);
    mnk_json_uint(j, "runs", b->runs);
    if (b->bound_rho > 0) mnk_json_double(j, "bound_rho", b->bound_rho);
    mnk_json_array(j, "mechanisms");
    for (size_t i = 0; i < b->spent.n; i++) {
        mnk_json_object(j, NULL);
        mnk_ledger_line_mechanism(j, &b->spent.item[i]);
        mnk_json_end_object(j);
    }
    mnk_json_end_array(j);
    mnk_json_end_object(j);
}
