/* Evidence: signatures in minisign's format, manifest and verify, charts, the report. */
#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "evidence/svg.h"
#include "manikin/evidence.h"

static char folder[512];

static const char *in(const char *name) {
    static char path[4][800];
    static int k;
    k = (k + 1) % 4;
    snprintf(path[k], sizeof path[k], "%s/%s", folder, name);
    return path[k];
}

static void fresh(const char *name) { snprintf(folder, sizeof folder, "%s", test_folder(name)); }

static void put(const char *name, const char *text) {
    mnk_error err = MNK_ERROR_INIT;
    char path[800];
    snprintf(path, sizeof path, "%s", in(name));
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_ok(mnk_dir_make(path, &err));
    assert_ok(mnk_file_write(in(name), true, text, strlen(text), &err));
}

static char *get(const char *path, size_t *n) {
    mnk_error err = MNK_ERROR_INIT;
    uint8_t *bytes = NULL;
    assert_ok(mnk_file_read(path, 64 << 20, &bytes, n, &err));
    assert_non_null(bytes);
    return (char *)bytes;
}

/* ---- a very small checker of well-formed XML: every tag closed in order, every attribute quoted, no stray < or & ---- */
static const char *bad_xml(const char *s) {
    static const char *const empty[] = {"br", "img", "meta", "hr", "link", "col"};
    char open[64][24], name[24];
    int depth = 0;
    while (*s) {
        if (*s == '&') {
            const char *semicolon = strchr(s, ';');
            if (!semicolon || semicolon - s > 8) return s;
        }
        if (*s != '<') {
            s++;
            continue;
        }
        if (strncmp(s, "<!", 2) == 0) {
            s = strchr(s, '>');
            if (!s) return "unclosed declaration";
            continue;
        }
        bool close = s[1] == '/';
        const char *start = s;
        s += 1 + close;
        size_t n = strcspn(s, " \n\t/>");
        if (n == 0 || n >= sizeof name) return start;
        snprintf(name, sizeof name, "%.*s", (int)n, s);
        s += n;
        while (*s && *s != '>' && *s != '/') { /* attributes */
            s += strspn(s, " \n\t");
            if (*s == '>' || *s == '/') break;
            s += strcspn(s, "=> \n");
            if (*s != '=') continue;
            if (*++s != '"') return start;
            const char *quote = strchr(s + 1, '"');
            if (!quote || memchr(s + 1, '<', (size_t)(quote - s - 1))) return start;
            s = quote + 1;
        }
        bool self = *s == '/';
        s += self;
        if (*s != '>') return start;
        s++;
        if (close) {
            if (depth == 0 || strcmp(open[--depth], name) != 0) return start;
            continue;
        }
        for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) self |= strcmp(name, empty[i]) == 0;
        if (self) continue;
        if (depth == 64) return start;
        strcpy(open[depth++], name);
        if (strcmp(name, "style") == 0) s = strstr(s, "</style>");
        if (!s) return "unclosed style";
    }
    return depth ? "unclosed element" : NULL;
}

static void assert_well_formed(const char *s) {
    const char *bad = bad_xml(s);
    if (bad) fail_msg("not well-formed at: %.120s", bad);
}

static void test_checker_of_markup_sees_faults(void **state) {
    (void)state;
    assert_null(bad_xml("<a b=\"1\"><c/>x &amp; y</a>"));
    assert_non_null(bad_xml("<a><b></a></b>"));
    assert_non_null(bad_xml("<a>"));
    assert_non_null(bad_xml("<a b=1></a>"));
    assert_non_null(bad_xml("a & b"));
}

/* ---- signatures ---- */
static void test_key_is_private_and_never_overwritten(void **state) {
    (void)state;
    fresh("key");
    mnk_error err = MNK_ERROR_INIT;
    mnk_key k, again, open;
    assert_ok(mnk_key_make(in("deep/er/manikin.key"), &k, &err));
    struct stat st;
    assert_int_equal(stat(in("deep/er/manikin.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_ok(mnk_key_read(in("deep/er/manikin.key"), &again, &err));
    assert_memory_equal(&k, &again, sizeof k);
    assert_ok(mnk_key_read_public(in("deep/er/manikin.pub"), &open, &err));
    assert_memory_equal(k.open, open.open, sizeof k.open);
    char text[MNK_PUBLIC_KEY_TEXT];
    mnk_key_public_text(&k, text);
    assert_memory_equal(text, "RW", 2);
    assert_int_equal(strlen(text), MNK_PUBLIC_KEY_TEXT - 1);
    assert_ok(mnk_key_read_public(text, &open, &err));
    assert_int_equal(mnk_key_make(in("deep/er/manikin.key"), &again, &err), MNK_ERR_INPUT);
    mnk_error_clear(&err);
    assert_int_equal(chmod(in("deep/er/manikin.key"), 0644), 0);
    assert_int_equal(mnk_key_read(in("deep/er/manikin.key"), &again, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "can be read by other users"));
}

static void test_bad_keys_are_refused(void **state) {
    (void)state;
    fresh("badkey");
    mnk_key k, out;
    mnk_error err = MNK_ERROR_INIT;
    assert_ok(mnk_key_make(in("a.key"), &k, &err));
    size_t n = 0;
    char *text = get(in("a.key"), &n);
    for (size_t cut = 0; cut < n - 1; cut += 7) { /* cut short anywhere */
        assert_ok(mnk_file_write(in("b.key"), true, text, cut, &err));
        assert_int_equal(chmod(in("b.key"), 0600), 0);
        mnk_error refused = MNK_ERROR_INIT;
        assert_int_equal(mnk_key_read(in("b.key"), &out, &refused), MNK_ERR_INPUT);
    }
    char *body = strchr(text, '\n') + 1;
    for (size_t i = 0; i < 40; i++) { /* any byte of the record changed */
        char *p = body + i * 5, was = *p;
        *p = was == 'A' ? 'B' : 'A';
        assert_ok(mnk_file_write(in("b.key"), true, text, n, &err));
        assert_int_equal(chmod(in("b.key"), 0600), 0);
        mnk_error refused = MNK_ERROR_INIT;
        mnk_status status = mnk_key_read(in("b.key"), &out, &refused);
        size_t byte = i * 5 * 3 / 4; /* salt and limits of an unencrypted key are not used, nor protected */
        if (byte < 5 || byte > 55) assert_true(status != MNK_OK);
        *p = was;
    }
    assert_int_equal(mnk_key_read_public("RWnonsense", &out, &err), MNK_ERR_INPUT);
    mnk_free(text);
}

static void test_signature_round_trip_and_every_flipped_byte(void **state) {
    (void)state;
    fresh("sign");
    mnk_error err = MNK_ERROR_INIT;
    mnk_key k, other;
    char comment[256];
    put("m.json", "{\"n\": 1}\n");
    assert_ok(mnk_key_make(in("a.key"), &k, &err));
    assert_ok(mnk_key_make(in("b.key"), &other, &err));
    assert_ok(mnk_sign_file(in("m.json"), &k, "manikin test\tfile:m.json", &err));
    assert_ok(mnk_verify_file(in("m.json"), &k, comment, &err));
    assert_string_equal(comment, "manikin test\tfile:m.json");
    mnk_error refused = MNK_ERROR_INIT;
    assert_int_equal(mnk_verify_file(in("m.json"), &other, NULL, &refused), MNK_ERR_INPUT);
    assert_non_null(strstr(refused.message, "another key"));
    const char *const files[] = {"m.json", "m.json.minisig"};
    for (int f = 0; f < 2; f++) {
        size_t n = 0;
        char *bytes = get(in(files[f]), &n);
        for (size_t i = 0; i < n; i++) {
            bytes[i] ^= 1;
            assert_ok(mnk_file_write(in(files[f]), true, bytes, n, &err));
            mnk_error why = MNK_ERROR_INIT;
            if (mnk_verify_file(in("m.json"), &k, NULL, &why) == MNK_OK) fail_msg("%s: flipped byte %zu not seen", files[f], i);
            bytes[i] ^= 1;
        }
        assert_ok(mnk_file_write(in(files[f]), true, bytes, n, &err));
        mnk_free(bytes);
    }
    assert_ok(mnk_verify_file(in("m.json"), &k, NULL, &err));
    assert_int_equal(mnk_sign_file(in("m.json"), &k, "two\nlines", &err), MNK_ERR_USAGE);
}

static int run(const char *const *argv) {
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(126);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_minisign_accepts_and_makes_our_signatures(void **state) {
    (void)state;
    if (run((const char *[]){"minisign", "-v", NULL}) == 127) skip();
    fresh("minisign");
    mnk_error err = MNK_ERROR_INIT;
    mnk_key k;
    char text[MNK_PUBLIC_KEY_TEXT];
    put("manifest.json", "{\"format\": \"manikin-manifest\"}\n");
    assert_ok(mnk_key_make(in("a.key"), &k, &err));
    assert_ok(mnk_sign_file(in("manifest.json"), &k, "signed by a test", &err));
    mnk_key_public_text(&k, text);
    const char *by_text[] = {"minisign", "-Vm", in("manifest.json"), "-P", text, NULL};
    assert_int_equal(run(by_text), 0);
    const char *by_file[] = {"minisign", "-Vm", in("manifest.json"), "-p", in("a.pub"), NULL};
    assert_int_equal(run(by_file), 0);
    /* and the other way: minisign signs with our key file, we accept */
    const char *sign[] = {"minisign", "-S", "-s", in("a.key"), "-m", in("manifest.json"), NULL};
    assert_int_equal(run(sign), 0);
    assert_ok(mnk_verify_file(in("manifest.json"), &k, NULL, &err));
    put("manifest.json", "{\"format\": \"manikin-manifesT\"}\n");
    assert_int_not_equal(run(by_text), 0);
}

/* ---- manifest and verify ---- */
static void write_evidence(const mnk_key *k) {
    mnk_error err = MNK_ERROR_INIT;
    put("report.html", "<!doctype html><title>x</title>\n");
    put("evidence.json", "{\"metrics\": []}\n");
    put("gan/model.safetensors", "\x01\x02\x03");
    put("synthetic/classes/0/000000.png", "png");
    mnk_manifest_input input[2] = {
        {.role = "train", .path = "data.npz:train", .hash = "blake2b:00", .n = 500},
        {.role = "test", .path = "tiny.npz", .hash = "blake2b:few-records", .n = MNK_MANIFEST_MIN_ITEMS - 1}};
    const char *varies[] = {"report.html"};
    mnk_manifest_info info = {.title = "a test",
                              .seed = 7,
                              .input = input,
                              .inputs = 2,
                              .settings_json = "{\"gan\": {\"epochs\": 3}}",
                              .evidence_content = "blake2b:22",
                              .varies = varies,
                              .n_varies = 1,
                              .created = "2026-01-01T00:00:00Z"};
    assert_ok(mnk_manifest_write(folder, &info, k, &err));
}

static size_t findings(const char *key, mnk_finding *first) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_verify_report *r = NULL;
    assert_ok(mnk_evidence_verify(folder, key, NULL, &r, &err));
    size_t n = r->findings;
    if (n && first) *first = r->finding[0];
    mnk_verify_close(r);
    return n;
}

static void test_manifest_names_no_small_set(void **state) {
    (void)state;
    fresh("small");
    write_evidence(NULL);
    size_t n = 0;
    char *text = get(in("manifest.json"), &n);
    assert_non_null(strstr(text, "blake2b:00"));
    assert_null(strstr(text, "few-records"));
    assert_non_null(strstr(text, "\"hash\": null"));
    mnk_free(text);
}

static void test_verify_sees_every_flipped_byte(void **state) {
    (void)state;
    fresh("flip");
    mnk_error err = MNK_ERROR_INIT;
    mnk_key k;
    char keys[600];
    snprintf(keys, sizeof keys, "%s-keys/a.key", folder);
    assert_ok(mnk_key_make(keys, &k, &err));
    write_evidence(&k);
    assert_int_equal(findings(NULL, NULL), 0);
    const char *const files[] = {"report.html", "evidence.json", "gan/model.safetensors", "synthetic/classes/0/000000.png",
                                 "manifest.json.minisig"};
    for (int f = 0; f < 5; f++) {
        size_t n = 0;
        char *bytes = get(in(files[f]), &n);
        for (size_t i = 0; i < n; i++) {
            mnk_finding found;
            bytes[i] ^= 0x20;
            assert_ok(mnk_file_write(in(files[f]), true, bytes, n, &err));
            if (findings(NULL, &found) != 1) fail_msg("%s: flipped byte %zu not seen", files[f], i);
            if (f < 4) {
                assert_int_equal(found.kind, MNK_FINDING_CHANGED);
                assert_string_equal(found.path, files[f]);
            }
            bytes[i] ^= 0x20;
        }
        assert_ok(mnk_file_write(in(files[f]), true, bytes, n, &err));
        mnk_free(bytes);
    }
    size_t n = 0;
    char *bytes = get(in("manifest.json"), &n);
    char open[MNK_PUBLIC_KEY_TEXT];
    mnk_key_public_text(&k, open);
    for (size_t i = 0; i < n; i++) { /* either refused as a manifest, or a finding */
        bytes[i] ^= 0x20;
        assert_ok(mnk_file_write(in("manifest.json"), true, bytes, n, &err));
        mnk_verify_report *r = NULL;
        mnk_error why = MNK_ERROR_INIT;
        if (mnk_evidence_verify(folder, i % 2 ? open : NULL, NULL, &r, &why) == MNK_OK && r->findings == 0)
            fail_msg("manifest.json: flipped byte %zu not seen", i);
        mnk_verify_close(r);
        bytes[i] ^= 0x20;
    }
    mnk_free(bytes);
}

static void test_verify_names_missing_and_added(void **state) {
    (void)state;
    fresh("missing");
    mnk_error err = MNK_ERROR_INIT;
    mnk_key k, stranger;
    mnk_finding found;
    char open[MNK_PUBLIC_KEY_TEXT];
    char keys[600];
    snprintf(keys, sizeof keys, "%s-keys/a.key", folder);
    char others[600];
    snprintf(others, sizeof others, "%s-keys/b.key", folder);
    assert_ok(mnk_key_make(keys, &k, &err));
    assert_ok(mnk_key_make(others, &stranger, &err));
    write_evidence(&k);
    mnk_key_public_text(&k, open);
    assert_int_equal(findings(open, NULL), 0);
    mnk_key_public_text(&stranger, open);
    assert_int_equal(findings(open, &found), 1);
    assert_int_equal(found.kind, MNK_FINDING_SIGNATURE);

    put("gan/extra.txt", "x");
    assert_int_equal(findings(NULL, &found), 1);
    assert_int_equal(found.kind, MNK_FINDING_ADDED);
    assert_string_equal(found.path, "gan/extra.txt");
    assert_int_equal(unlink(in("gan/extra.txt")), 0);
    assert_int_equal(mkdir(in("hidden"), 0777), 0);
    assert_int_equal(findings(NULL, &found), 1);
    assert_int_equal(found.kind, MNK_FINDING_ADDED);
    assert_int_equal(rmdir(in("hidden")), 0);

    assert_int_equal(rename(in("evidence.json"), in("../moved")), 0);
    assert_int_equal(findings(NULL, &found), 1);
    assert_int_equal(found.kind, MNK_FINDING_MISSING);
    assert_string_equal(found.path, "evidence.json");
    assert_int_equal(symlink("../moved", in("evidence.json")), 0);
    assert_int_equal(findings(NULL, &found), 1);
    assert_int_equal(found.kind, MNK_FINDING_CHANGED);
    assert_int_equal(unlink(in("evidence.json")), 0);
    assert_int_equal(rename(in("../moved"), in("evidence.json")), 0);

    assert_int_equal(unlink(in("manifest.json.minisig")), 0);
    assert_int_equal(findings(NULL, &found), 1);
    assert_int_equal(found.kind, MNK_FINDING_MISSING);
    assert_int_equal(unlink(in("manifest.json")), 0);
    mnk_verify_report *r = NULL;
    assert_int_equal(mnk_evidence_verify(folder, NULL, NULL, &r, &err), MNK_ERR_INPUT);
}

static void test_hostile_manifests(void **state) {
    (void)state;
    fresh("hostile");
    static const struct {
        const char *text;
        mnk_status want;
    } rows[] = {
        {"", MNK_ERR_INPUT},
        {"[]", MNK_ERR_INPUT},
        {"{\"format\":\"manikin-manifest\",\"format_version\":1}", MNK_ERR_INPUT},
        {"{\"format\":\"manikin-manifest\",\"format_version\":2,\"outputs\":[]}", MNK_ERR_VERSION},
        {"{\"format\":\"manikin-manifest\",\"format_version\":1,\"format_version\":1,\"outputs\":[]}", MNK_ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mnk_error err = MNK_ERROR_INIT;
        mnk_verify_report *r = NULL;
        put("manifest.json", rows[i].text);
        assert_int_equal(mnk_evidence_verify(folder, NULL, NULL, &r, &err), rows[i].want);
    }
    static const char *const paths[] = {"/etc/passwd", "../x", "a/../../x", "", "a//b", ".", "a/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char text[512];
        mnk_finding found;
        snprintf(
            text, sizeof text,
            "{\"format\":\"manikin-manifest\",\"format_version\":1,\"outputs\":[{\"path\":\"%s\",\"bytes\":1,\"hash\":\"x\"}]}",
            paths[i]);
        put("manifest.json", text);
        assert_int_equal(findings(NULL, &found), 1);
        assert_int_equal(found.kind, MNK_FINDING_MANIFEST);
    }
}

static void test_links_cannot_be_evidence(void **state) {
    (void)state;
    fresh("links");
    mnk_error err = MNK_ERROR_INIT;
    put("a", "1");
    assert_int_equal(symlink("a", in("b")), 0);
    mnk_manifest_info info = {.title = "t"};
    assert_int_equal(mnk_manifest_write(folder, &info, NULL, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "/b: a link"));
}

/* ---- charts ---- */
static void test_ticks(void **state) {
    (void)state;
    double t[12];
    assert_int_equal(mnk_svg_ticks(0, 1, 5, t), 6);
    assert_true(t[0] == 0 && fabs(t[5] - 1) < 1e-12);
    assert_int_equal(mnk_svg_ticks(0.31, 0.99, 5, t), 3); /* .4 .6 .8 */
    assert_int_equal(mnk_svg_ticks(1, 1, 5, t), 0);
    assert_int_equal(mnk_svg_ticks(NAN, 1, 5, t), 0);
    assert_true(mnk_svg_ticks(-1e9, 1e9, 5, t) >= 2);
}

static void test_charts_are_well_formed_whatever_the_numbers(void **state) {
    (void)state;
    const double x[5] = {0, 1, 2, 3, 4}, y[5] = {1, NAN, 3, INFINITY, -2}, none[1] = {NAN};
    const char *series[2] = {"real <1>", "real & synthetic"}, *references[2] = {"holdout", "copy"};
    mnk_svg_point p[2] = {
        {.value = 0.5, .low = 0.4, .high = 0.6, .series = 0, .reference = {{0.7, 0}, {NAN, 1}}, .references = 2},
        {.value = NAN, .low = NAN, .high = NAN, .series = 1}};
    mnk_svg_row rows[2] = {{.label = "a \"quoted\" <label>", .point = p, .points = 2, .strong = true},
                           {.label = "Bézout", .point = p + 1, .points = 1}};
    mnk_svg_line lines[2] = {{"G", x, y, 5}, {"empty", x, none, 1}};
    mnk_svg_sample samples[2] = {{"one", x, 5}, {"none", none, 1}};
    const double counts[2] = {3, 0};
    mnk_svg_bar bars[1] = {{"class", counts}};
    mnk_svg_frame f = {.title = "a & b", .x_label = "x", .y_label = "y", .width = 600, .height = 240};
    mnk_text t = {0};
    mnk_text_add(&t, "<div>");
    mnk_svg_intervals(&t, &f, rows, 2, series, 2, references, 2);
    mnk_svg_intervals(&t, &f, rows, 0, series, 2, references, 2);
    mnk_svg_lines(&t, &f, lines, 2);
    mnk_svg_lines(&t, &f, lines + 1, 1);
    mnk_svg_histogram(&t, &f, samples, 2, 20);
    mnk_svg_histogram(&t, &f, samples + 1, 1, 20);
    mnk_svg_bars(&t, &f, bars, 1, series, 2);
    mnk_text_add(&t, "</div>");
    assert_false(t.failed);
    assert_well_formed(t.s);
    assert_null(strstr(t.s, "nan"));
    assert_null(strstr(t.s, "inf"));
    assert_null(strstr(t.s, "<1>"));
    assert_true(t.n < 24000);
    mnk_text_clear(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checker_of_markup_sees_faults),
        cmocka_unit_test(test_key_is_private_and_never_overwritten),
        cmocka_unit_test(test_bad_keys_are_refused),
        cmocka_unit_test(test_signature_round_trip_and_every_flipped_byte),
        cmocka_unit_test(test_minisign_accepts_and_makes_our_signatures),
        cmocka_unit_test(test_manifest_names_no_small_set),
        cmocka_unit_test(test_verify_sees_every_flipped_byte),
        cmocka_unit_test(test_verify_names_missing_and_added),
        cmocka_unit_test(test_hostile_manifests),
        cmocka_unit_test(test_links_cannot_be_evidence),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_charts_are_well_formed_whatever_the_numbers),
    };
    return MNK_RUN_TESTS("evidence", tests);
}
