/* The ledger: what is written is what is read, nothing can be taken out of it, and no way of dying makes privacy cheaper. */
#include "test.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "privacy/closed.h"
#include "privacy/ledger.h"

static mnk_error err = MNK_ERROR_INIT;

static const mnk_ledger_setup setup = {
    .generator = "mst", .public_facts = "levels and bounds", .people = 1000, .is_reproducible = true};
static const mnk_mechanism counts = {
    .kind = MNK_MECHANISM_DISCRETE_GAUSSIAN, .noise = 8, .count = 3, .what = "1-way marginals"};
static const mnk_mechanism steps = {
    .kind = MNK_MECHANISM_GAUSSIAN, .noise = 1.1, .sampling_rate = .01, .count = 100, .what = "\"gradients\"\n\xff"};

static const char *path_in(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", test_folder("privacy_ledger"), name);
    return path;
}

static void expect(mnk_status got, mnk_status want, const char *part) {
    if (got != want || !strstr(err.message, part)) fail_msg("status %d: %s", (int)got, err.message);
    mnk_error_clear(&err);
}

/* A ledger of two runs with five entries and a model; its text is returned (mnk_free). */
static char *write_ledger(const char *path, size_t *n) {
    mnk_ledger *l = NULL;
    mnk_permit permit;
    uint8_t *text = NULL;
    char model[600];
    snprintf(model, sizeof model, "%s.model", path);
    assert_ok(mnk_file_write(model, true, "weights", 7, &err));
    assert_ok(mnk_ledger_open(path, &setup, false, &l, &err));
    assert_ok(mnk_ledger_begin_run(l, "tuning 1", &err));
    assert_ok(mnk_ledger_charge(l, &counts, &permit, &err));
    assert_ok(mnk_ledger_charge(l, &steps, &permit, &err));
    assert_ok(mnk_ledger_begin_run(l, "training", &err));
    assert_ok(mnk_ledger_charge(l, &steps, &permit, &err));
    assert_ok(mnk_ledger_bind_model(l, model, &err));
    mnk_ledger_close(l);
    assert_ok(mnk_file_read(path, 1 << 20, &text, n, &err));
    return (char *)text;
}

static void test_round_trip(void **state) {
    (void)state;
    const char *path = path_in("a.ledger");
    char model[600];
    size_t n;
    char *text = write_ledger(path, &n);
    mnk_ledger_book *b = NULL;
    assert_ok(mnk_ledger_read(path, &b, &err));
    assert_true(b->runs == 2 && b->entries == 6 && b->models == 1 && b->good_bytes == n && !b->has_torn_tail);
    assert_string_equal(b->run[0].what, "tuning 1");
    assert_true(b->run[0].spent.n == 2 && b->run[1].spent.n == 1);
    assert_true(b->spent.n == 2 && b->spent.item[0].count == 3 && b->spent.item[1].count == 200); /* tuning counts */
    assert_true(b->spent.item[1].noise == 1.1 && b->spent.item[1].sampling_rate == .01 && b->people == 1000);
    assert_true(b->spent.not_private && strstr(text, "NOT PRIVATE"));
    mnk_guarantee all, direct;
    mnk_mechanisms list = {0};
    mnk_mechanism two = steps;
    two.count = 200;
    assert_ok(mnk_mechanisms_add(&list, &counts, &err));
    assert_ok(mnk_mechanisms_add(&list, &two, &err));
    assert_ok(mnk_privacy_epsilon(&list, 1e-5, &direct, &err));
    assert_ok(mnk_ledger_guarantee(b, NULL, 1e-5, &all, &err));
    assert_true(all.epsilon == direct.epsilon && all.not_private && !direct.not_private);
    assert_ok(mnk_ledger_guarantee(b, &list, 1e-5, &all, &err));
    assert_true(all.epsilon > direct.epsilon);
    mnk_mechanisms_clear(&list);
    snprintf(model, sizeof model, "%s.model", path);
    assert_ok(mnk_ledger_check_model(b, model, &err));
    assert_ok(mnk_file_write(model, true, "weighs!", 7, &err));
    expect(mnk_ledger_check_model(b, model, &err), MNK_ERR_INPUT, "not the model");
    assert_ok(mnk_ledger_check_head(b, mnk_ledger_head(b), &err));
    mnk_text emitted = {0};
    mnk_json j = {.text = &emitted};
    mnk_ledger_emit(b, &j, NULL);
    assert_true(strstr(emitted.s, b->id) && strstr(emitted.s, "NOT PRIVATE") && strstr(emitted.s, mnk_ledger_head(b)));
    mnk_text_clear(&emitted);
    mnk_ledger_book_close(b);
    mnk_free(text);
}

static void test_not_reset(void **state) {
    (void)state;
    const char *path = path_in("b.ledger");
    mnk_ledger *l = NULL, *second = NULL;
    mnk_permit permit;
    size_t n;
    mnk_free(write_ledger(path, &n));
    expect(mnk_ledger_open(path, &setup, false, &l, &err), MNK_ERR_INPUT, "exists already");
    mnk_ledger_setup other = setup;
    other.neighbours = MNK_REPLACE_ONE;
    expect(mnk_ledger_open(path, &other, true, &l, &err), MNK_ERR_INPUT, "neighbour");
    other = setup, other.is_reproducible = false;
    expect(mnk_ledger_open(path, &other, true, &l, &err), MNK_ERR_INPUT, "source of noise"); /* the stamp is for good */
    other = setup, other.data_hash = "blake2b:0";
    expect(mnk_ledger_open(path, &other, true, &l, &err), MNK_ERR_INPUT, "training data");
    assert_ok(mnk_ledger_open(path, &setup, true, &l, &err));
    expect(mnk_ledger_open(path, &setup, true, &second, &err), MNK_ERR_INPUT, "another process");
    mnk_mechanism bad = {.kind = MNK_MECHANISM_GAUSSIAN, .noise = -1};
    expect(mnk_ledger_charge(l, &bad, &permit, &err), MNK_ERR_USAGE, "noise");
    assert_true(permit.noise == NULL);
    assert_ok(mnk_ledger_charge(l, &counts, &permit, &err)); /* a refused entry does not end the ledger */
    assert_true(permit.left == 3 && mnk_ledger_state(l)->spent.item[0].count == 6);
    mnk_ledger_close(l);
    mnk_ledger_close(NULL);
}

/* Every byte changed, every line left out, swapped or cut: refused, or (the end cut off) nothing complete forgotten. */
static void test_tampering(void **state) {
    (void)state;
    const char *path = path_in("c.ledger");
    size_t n, lines = 0;
    char *text = write_ledger(path, &n), *copy;
    mnk_ledger_book *b = NULL, *whole = NULL;
    assert_ok(MNK_NEW(copy, n, &err));
    assert_ok(mnk_ledger_parse(text, n, "whole", &whole, &err));
    for (size_t i = 0; i < n; i++) {
        memcpy(copy, text, n);
        copy[i] ^= 1 << (i % 7);
        mnk_status status = mnk_ledger_parse(copy, n, "changed", &b, &err);
        if (status == MNK_OK) /* the last newline alone may go: then the line before it still counts or is torn */
            assert_true(i == n - 1 && b->entries + 1 >= whole->entries);
        mnk_ledger_book_close(b);
        mnk_error_clear(&err);
    }
    for (size_t cut = 0; cut <= n; cut++) {
        size_t complete = 0;
        for (size_t i = 0; i < cut; i++) complete += text[i] == '\n';
        mnk_status status = mnk_ledger_parse(text, cut, "cut", &b, &err);
        const bool header_is_whole = complete > 0 || (cut > 0 && text[cut] == '\n');
        assert_true((status == MNK_OK) == header_is_whole);
        if (status == MNK_OK) {
            assert_true(b->entries + 1 >= complete && b->entries <= complete); /* complete lines, and one that lacks its end */
            if (b->entries < whole->entries)
                expect(mnk_ledger_check_head(b, mnk_ledger_head(whole), &err), MNK_ERR_INPUT, "does not hold");
        }
        mnk_ledger_book_close(b);
        mnk_error_clear(&err);
    }
    char *line[16];
    for (char *p = text; p < text + n && lines < 15; p = strchr(p, '\n') + 1) line[lines++] = p;
    line[lines] = text + n;
    for (size_t k = 0; k + 1 < lines; k++) {
        size_t before = (size_t)(line[k] - text), length = (size_t)(line[k + 1] - line[k]);
        memcpy(copy, text, before);
        memcpy(copy + before, line[k + 1], n - before - length);
        assert_true(mnk_ledger_parse(copy, n - length, "left out", &b, &err) == MNK_ERR_INPUT);
        mnk_error_clear(&err);
    }
    mnk_ledger_book_close(whole);
    mnk_free(copy);
    mnk_free(text);
}

/* A file cut anywhere opens again, keeps every complete line, and goes on. */
static void test_torn(void **state) {
    (void)state;
    const char *path = path_in("d.ledger");
    size_t n;
    char *text = write_ledger(path, &n);
    for (size_t cut = 0; cut <= n; cut += 7) {
        size_t complete = 0;
        for (size_t i = 0; i < cut; i++) complete += text[i] == '\n';
        mnk_ledger *l = NULL;
        mnk_permit permit;
        mnk_ledger_book *b = NULL;
        assert_ok(mnk_file_write(path, true, text, cut, &err));
        assert_ok(mnk_ledger_open(path, &setup, true, &l, &err));
        assert_true(mnk_ledger_state(l)->entries + 1 >= complete);
        size_t entries = mnk_ledger_state(l)->entries;
        assert_ok(mnk_ledger_charge(l, &counts, &permit, &err));
        mnk_ledger_close(l);
        assert_ok(mnk_ledger_read(path, &b, &err));
        assert_true(b->entries == entries + 1 && !b->has_torn_tail);
        mnk_ledger_book_close(b);
    }
    assert_ok(mnk_file_write(path, true, "{\"format\":\"letters\"", 19, &err)); /* not ours: left alone */
    mnk_ledger *l = NULL;
    assert_true(mnk_ledger_open(path, &setup, true, &l, &err) == MNK_ERR_INPUT);
    mnk_error_clear(&err);
    mnk_free(text);
}

static void test_newer(void **state) {
    (void)state;
    mnk_ledger_book *b = NULL;
    mnk_text t = {0};
    char hash[MNK_HASH_TEXT];
    mnk_text_add(&t, "{\"format\":\"manikin-privacy-ledger\",\"format_version\":3");
    mnk_hash *h = mnk_hash_open();
    mnk_hash_add_text(h, "");
    mnk_hash_add(h, t.s, t.n);
    mnk_hash_finish(h, hash);
    mnk_text_printf(&t, ",\"hash\":\"%s\"}\n", hash);
    expect(mnk_ledger_parse(t.s, t.n, "new", &b, &err), MNK_ERR_VERSION, "newer");
    mnk_text_clear(&t);
    expect(mnk_ledger_parse("", 0, "none", &b, &err), MNK_ERR_INPUT, "empty");
}

/* The disk is full: no permit, and none afterwards. */
static void test_full_disk(void **state) {
    (void)state;
    const char *path = path_in("e.ledger");
    size_t n;
    mnk_free(write_ledger(path, &n));
    pid_t child = fork();
    if (child == 0) { /* a limit on file size makes write fail as a full disk does */
        mnk_ledger *l = NULL;
        mnk_permit permit = {0};
        signal(SIGXFSZ, SIG_IGN);
        if (mnk_ledger_open(path, &setup, true, &l, &err) != MNK_OK) _exit(1);
        if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){n + 20, n + 20}) != 0) _exit(2);
        if (mnk_ledger_charge(l, &counts, &permit, &err) != MNK_ERR_IO || permit.noise) _exit(3);
        mnk_error_clear(&err);
        if (mnk_ledger_charge(l, &counts, &permit, &err) != MNK_ERR_FAILED || permit.noise) _exit(4);
        _exit(0);
    }
    int code = -1;
    waitpid(child, &code, 0);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    mnk_ledger *l = NULL;
    assert_ok(mnk_ledger_open(path, &setup, true, &l, &err)); /* the half line is mended */
    assert_true(mnk_ledger_state(l)->entries == 6);
    mnk_ledger_close(l);
}

/* A spender, killed 200 times at random: every use it acknowledged is in the ledger, and each kill costs at most one more. */
static void spend(const char *path, int channel) {
    mnk_ledger *l = NULL;
    if (mnk_ledger_open(path, &(mnk_ledger_setup){.generator = "gan", .people = 60000}, true, &l, NULL) != MNK_OK) _exit(1);
    for (;;) {
        mnk_permit permit;
        int64_t count = 41;
        mnk_mechanism m = {.kind = MNK_MECHANISM_DISCRETE_GAUSSIAN, .noise = 2};
        if (mnk_ledger_charge(l, &m, &permit, NULL) != MNK_OK) _exit(2);
        if (mnk_permit_discrete_gaussian(&permit, &count, 1, NULL) != MNK_OK) _exit(3);
        if (write(channel, "n", 1) != 1) _exit(4); /* noise was seen outside */
    }
}

static void test_kills(void **state) {
    (void)state;
    enum { KILLS = 200 };
    const char *path = path_in("k.ledger");
    uint64_t seen = 0;
    mnk_rng rng = mnk_rng_at((uint64_t)time(NULL), MNK_PURPOSE_TEST, 77, 0); /* random indeed: nothing here depends on when */
    for (int k = 0; k < KILLS; k++) {
        int channel[2], code;
        char buffer[4096];
        ssize_t got;
        assert_int_equal(pipe(channel), 0);
        pid_t child = fork();
        if (child == 0) {
            close(channel[0]);
            spend(path, channel[1]);
        }
        close(channel[1]);
        const long wait_ns = (long)mnk_rng_below(&rng, 6000000);
        nanosleep(&(struct timespec){0, wait_ns}, NULL);
        kill(child, SIGKILL);
        while ((got = read(channel[0], buffer, sizeof buffer)) > 0) seen += (uint64_t)got;
        close(channel[0]);
        waitpid(child, &code, 0);
        if (!WIFSIGNALED(code)) fail_msg("the spender ended by itself with %d after %d kills", WEXITSTATUS(code), k);
    }
    mnk_ledger *l = NULL;
    assert_ok(mnk_ledger_open(path, &(mnk_ledger_setup){.generator = "gan", .people = 60000}, true, &l, &err));
    const mnk_ledger_book *b = mnk_ledger_state(l);
    uint64_t charged = b->spent.n ? b->spent.item[0].count : 0;
    assert_true(seen > 0 && charged >= seen && charged <= seen + KILLS);
    assert_true(!b->spent.not_private);
    mnk_ledger_close(l);
}

/* With a bound the guarantee is the bound's, which is more than the list composes to (Canonne, Kamath & Steinke 2020: a closed
 * form of rho), and entries beyond it are refused by the writer and by the reader. */
static void test_bound(void **state) {
    (void)state;
    const char *path = path_in("bound.ledger");
    const double rho = 0.1;
    mnk_mechanism one = {.kind = MNK_MECHANISM_DISCRETE_GAUSSIAN, .noise = 4, .count = 1}; /* rho 1/32 */
    mnk_ledger *l = NULL;
    mnk_ledger_book *b = NULL;
    mnk_permit permit;
    mnk_guarantee whole, list;
    assert_ok(mnk_ledger_open(path, &setup, false, &l, &err));
    assert_ok(mnk_ledger_bound(l, rho, &err));
    assert_ok(mnk_ledger_bound(l, rho, &err)); /* said once */
    for (int i = 0; i < 3; i++) assert_ok(mnk_ledger_charge(l, &one, &permit, &err));
    expect(mnk_ledger_charge(l, &one, &permit, &err), MNK_ERR_INPUT, "more was spent than the bound");
    assert_true(permit.noise == NULL);
    mnk_ledger_close(l);
    assert_ok(mnk_ledger_read(path, &b, &err));
    assert_true(b->version == 2 && b->entries == 4 && b->bound_rho == rho && fabs(mnk_ledger_rho(b) - 3.0 / 32) < 1e-15);
    assert_ok(mnk_ledger_guarantee(b, NULL, 1e-5, &whole, &err));
    assert_ok(mnk_privacy_epsilon(&b->spent, 1e-5, &list, &err));
    assert_true(fabs(whole.epsilon - mnk_zcdp_epsilon(rho, 1e-5)) < 1e-9 && whole.epsilon > list.epsilon);
    assert_string_equal(whole.method, "zcdp filter");
    mnk_mechanisms all = {0};
    assert_ok(mnk_ledger_add_spent(b, &all, &err)); /* two such ledgers together: rho adds */
    assert_ok(mnk_ledger_add_spent(b, &all, &err));
    assert_ok(mnk_privacy_epsilon(&all, 1e-5, &list, &err));
    assert_true(fabs(list.epsilon - mnk_zcdp_epsilon(2 * rho, 1e-5)) < 1e-9 && all.not_private);
    mnk_mechanisms_clear(&all);
    mnk_ledger_book_close(b);
    /* a larger bound may follow, a smaller one than was spent may not */
    assert_ok(mnk_ledger_open(path, &setup, true, &l, &err));
    assert_ok(mnk_ledger_bound(l, 2 * rho, &err));
    assert_ok(mnk_ledger_charge(l, &one, &permit, &err));
    expect(mnk_ledger_bound(l, rho, &err), MNK_ERR_INPUT, "more was spent");
    mnk_ledger_close(l);
    /* format 1 has no such line */
    size_t n;
    uint8_t *text = NULL;
    assert_ok(mnk_file_read(test_source("tests/fuzz/corpus/ledger/good"), 1 << 20, &text, &n, &err));
    assert_ok(mnk_ledger_parse((char *)text, n, "good", &b, &err));
    assert_true(b->version == 1 && b->bound_rho == 0);
    mnk_ledger_book_close(b);
    mnk_free(text);
}

static void test_memory(void **state) {
    (void)state;
    const char *path = path_in("m.ledger");
    size_t n;
    char *text = write_ledger(path, &n);
    for (int k = 1; k < 60; k++) {
        mnk_ledger_book *b = NULL;
        mnk_alloc_fail_after(k);
        mnk_status status = mnk_ledger_parse(text, n, "short", &b, &err);
        mnk_alloc_fail_after(0);
        assert_true(status == MNK_OK || status == MNK_ERR_MEMORY);
        if (status == MNK_OK) assert_true(b->entries == 6); /* never a smaller sum */
        mnk_ledger_book_close(b);
        mnk_error_clear(&err);
    }
    mnk_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_not_reset), cmocka_unit_test(test_tampering),
        cmocka_unit_test(test_torn),       cmocka_unit_test(test_newer),     cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_kills),      cmocka_unit_test(test_memory),    cmocka_unit_test(test_bound),
    };
    return MNK_RUN_TESTS("privacy_ledger", tests);
}
