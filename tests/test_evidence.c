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
#include "evidence/gallery.h"
#include "evidence/html.h"
#include "evidence/svg.h"
#include "manikin/evidence.h"
#include "manikin/simulate.h"

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
    static uint8_t *bytes;
    assert_ok(mnk_file_read(path, 64 << 20, &bytes, n, &err));
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
    const mnk_svg_mark marks[5] = {{0.1, NAN, NAN, 0.5, 0.4, 0.6, "ε <0.1>"},
                                   {INFINITY, NAN, NAN, 0.9, NAN, NAN, NULL},
                                   {NAN, 0, 1, 0.5, 0, 1, "never"},
                                   {10, 1, 20, INFINITY, 0, 1, "never"},
                                   {-1, -2, 0, 0.7, 0, 1, "below"}};
    const mnk_svg_track tracks[3] = {{"a <1>", marks, 5},
                                     {"a & b, with a name that is too long for one row of the legend", marks, 5},
                                     {"none", marks + 2, 1}};
    const mnk_svg_rule rule[2] = {{"real & true", 0.8, false}, {"none", NAN, true}};
    mnk_svg_tracks(&t, &f, true, "no <guarantee>", tracks, 3, rule, 2);
    mnk_svg_tracks(&t, &f, false, NULL, tracks + 2, 1, rule, 0);
    mnk_text_add(&t, "</div>");
    assert_false(t.failed);
    assert_well_formed(t.s);
    assert_null(strstr(t.s, "nan"));
    assert_null(strstr(t.s, "inf"));
    assert_null(strstr(t.s, "<1>"));
    assert_null(strstr(t.s, "never"));
    assert_true(t.n < 40000);
    mnk_text_clear(&t);
}

/* ---- the report, on a made-up study ---- */
static mnk_images *phantom(uint64_t seed, size_t n) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_histology_config c;
    mnk_images *d = NULL;
    mnk_histology_defaults(&c);
    c.size = 32;
    c.persons = 8;
    assert_ok(mnk_simulate_histology(&c, seed, n, NULL, &d, NULL, &err));
    return d;
}

static mnk_metric *metric(mnk_result *r, const char *id, const char *group, const char *encoding, const char *subset,
                          double value, double half) {
    mnk_metric *m = mnk_result_add_metric(r, id, group);
    assert_non_null(m);
    snprintf(m->encoding, sizeof m->encoding, "%s", encoding);
    snprintf(m->subset, sizeof m->subset, "%s", subset);
    m->value = value;
    m->low = value - half;
    m->high = value + half;
    m->n = 300;
    return m;
}

static mnk_result *made_up_evaluation(const mnk_images *train) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    static const char *const encodings[2] = {"scatter", "classifier"};
    static const char *const ids[9] = {"alpha_precision", "beta_recall", "authenticity",     "precision", "recall",
                                       "density",         "coverage",    "frechet_distance", "kid"};
    r->encodings = 2;
    for (int e = 0; e < 2; e++) {
        snprintf(r->encoding[e].name, sizeof r->encoding[e].name, "%s", encodings[e]);
        r->encoding[e].dim = e ? 64 : 243;
        for (int i = 0; i < 9; i++) {
            mnk_metric *m = metric(r, ids[i], "fidelity", encodings[e], "",
                                   i < 7 ? 0.55 + 0.03 * i + 0.06 * e : 3.1 - 3 * (i == 8), i == 8 ? 0.02 : 0.03);
            mnk_metric_add_reference(m, "holdout", i < 7 ? 0.9 : 0.4);
            mnk_metric_add_reference(m, "copy", i == 2 ? 0 : i < 7 ? 1 : 0);
            mnk_metric_add_reference(m, "floor", i < 7 ? 0.04 : 40);
        }
        for (int c = 0; c < train->classes; c++) {
            mnk_metric_add_reference(
                metric(r, "coverage", "diversity", encodings[e], train->class_names[c], 0.8 - 0.15 * c - 0.05 * e, 0.05),
                "holdout", 0.93);
            mnk_metric_add_reference(
                metric(r, "precision", "fidelity", encodings[e], train->class_names[c], 0.7 + 0.06 * c, 0.04), "holdout", 0.9);
            mnk_metric_add_reference(
                metric(r, "within_class_sd", "diversity", encodings[e], train->class_names[c], 0.86 - 0.12 * c, 0.02),
                "holdout", 1.0);
        }
    }
    mnk_metric *gap = metric(r, "kid", "fidelity", "classifier", train->class_names[2], NAN, NAN);
    snprintf(gap->note, sizeof gap->note, "fewer than 20 images");
    for (size_t i = 0; i < 5; i++) {
        mnk_flag *f = mnk_result_add_flag(r, i < 1 ? "exact_copy" : "near_copy", 3 * i);
        f->of = (int64_t)(7 * i);
        f->distance = 0.01 * (double)i;
        snprintf(f->note, sizeof f->note, "turned 90");
        mnk_result_add_flag(r, "never_generated", 5 * i)->distance = 3 - 0.1 * (double)i;
    }
    mnk_flag *outside = mnk_result_add_flag(r, "near_copy", 1u << 30); /* must not be followed */
    outside->of = 1;
    mnk_result_add_flag(r, "never_generated", 1u << 30);
    return r;
}

static mnk_result *made_up_usefulness(const mnk_images *train) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("usefulness", 1, &r, &err));
    static const struct {
        const char *name, *verdict;
        double gain;
    } arms[] = {{"real", "worse", -0.03},
                {"real+over+classical", "", 0},
                {"real+synthetic", "cannot tell", 0.002},
                {"real+synthetic+over+classical", "better", 0.013},
                {"synthetic", "worse", -0.04}};
    static const char *const points[] = {"", "@100", "@300"};
    for (int p = 0; p < 3; p++)
        for (int a = 0; a < 5; a++) {
            char id[96];
            for (int c = -1; c < train->classes; c++) {
                const char *what = c < 0 ? "macro_auc" : "auc", *subset = c < 0 ? "" : train->class_names[c];
                snprintf(id, sizeof id, "%s.%s%s", what, arms[a].name, points[p]);
                metric(r, id, "usefulness", "", subset, 0.93 - 0.03 * c + arms[a].gain, 0.02);
                if (a == 1) continue;
                snprintf(id, sizeof id, "%s_gain.%s%s", what, arms[a].name, points[p]);
                mnk_metric *m = metric(r, id, "usefulness", "", subset, arms[a].gain, 0.011);
                snprintf(m->verdict, sizeof m->verdict, "%s", arms[a].verdict);
                static const char *const names[] = {"margin",   "p_holm",  "p_margin",  "sd_test",
                                                    "sd_units", "subsets", "generators"};
                static const double values[] = {0.01, 0.03, 0.001, 0.004, 0.008, 5, 2};
                for (int k = 0; k < 7; k++) mnk_metric_add_reference(m, names[k], values[k]);
            }
            if (a == 0 && p) {
                snprintf(id, sizeof id, "train_images%s", points[p]);
                metric(r, id, "usefulness", "", train->class_names[0], 100, NAN);
            }
        }
    return r;
}

typedef struct made_up {
    mnk_images *train, *holdout, *test, *synthetic;
    mnk_result *evaluate, *usefulness;
    mnk_evidence e;
} made_up;

static void make(made_up *m) {
    m->train = phantom(1, 300);
    m->holdout = phantom(2, 90);
    m->test = phantom(3, 90);
    m->synthetic = phantom(4, 240);
    m->evaluate = made_up_evaluation(m->train);
    m->usefulness = made_up_usefulness(m->train);
    static mnk_gate gates[2] = {
        {.text = "coverage/scatter >= 0.5", .threshold = 0.5, .value = 0.73, .met = true},
        {.text = "macro_auc_gain.real+synthetic.low > 0", .threshold = 0, .value = -0.003, .met = false}};
    static const mnk_evidence_fact facts[2] = {{"kind", "class-conditional GAN"}, {"parameters", "0.63 million"}};
    static const mnk_evidence_step steps[2] = {{"gan", "train the generator", 63.2, false},
                                               {"sample", "sample synthetic images", 1.8, true}};
    m->e = (mnk_evidence){.title = "Kidney <tumours> & \"a made-up study\"",
                          .seed = 1,
                          .is_phantom = true,
                          .train = m->train,
                          .holdout = m->holdout,
                          .test = m->test,
                          .synthetic = m->synthetic,
                          .evaluate = m->evaluate,
                          .usefulness = m->usefulness,
                          .rarest_class = "chromophobe",
                          .data_note = "Cut by the study.",
                          .generator = facts,
                          .generator_facts = 2,
                          .settings_json = "{\n  \"seed\": 1\n}",
                          .study_text = "manikin: 1\ntitle: <b>\n",
                          .command = "manikin run study.yaml -o results",
                          .gate = gates,
                          .gates = 2,
                          .public_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
                          .run = {.started = "2026-01-01T00:00:00Z",
                                  .finished = "2026-01-01T00:02:00Z",
                                  .wall_s = 120,
                                  .threads = 2,
                                  .hardware = "a processor",
                                  .step = steps,
                                  .steps = 2}};
}

static void unmake(made_up *m) {
    mnk_images_close(m->train);
    mnk_images_close(m->holdout);
    mnk_images_close(m->test);
    mnk_images_close(m->synthetic);
    mnk_result_close(m->evaluate);
    mnk_result_close(m->usefulness);
}

static void write_events(void) {
    mnk_text t = {0};
    for (int i = 1; i <= 40; i++)
        mnk_text_printf(&t, "{\"event\":\"%s\",\"kimg\":%d,\"d_loss\":%g,\"g_loss\":%g%s}\n", i % 4 ? "step" : "snapshot",
                        2 * i, 1.9 - 0.02 * i, 0.3 + 0.01 * i,
                        i % 4 ? "" : ",\"variety\":{\"clear_cell\":0.7,\"papillary\":0.6}");
    mnk_text_add(&t, "{\"event\":\"step\",\"kimg\":\"x\"}\nnot json\n{\"kimg\": 90, \"d_lo"); /* killed while writing */
    put("events.jsonl", t.s);
    mnk_text_clear(&t);
}

static void test_report_is_whole_small_and_safe(void **state) {
    (void)state;
    fresh("report");
    mnk_error err = MNK_ERROR_INIT;
    made_up m;
    make(&m);
    write_events();
    m.e.events_path = in("events.jsonl");
    char content[73], again[73];
    assert_ok(mnk_evidence_write(&m.e, folder, NULL, content, &err));
    size_t n = 0;
    char *page = get(in("report.html"), &n);
    assert_true(n < 3000000);
    assert_well_formed(page);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<tumours>"));
    assert_null(strstr(page, "http://") == strstr(page, "http://www.w3.org/2000/svg") ? NULL
                                                                                      : "an address that is not a name space");
    static const char *const needed[] = {"Research use. Not a medical device.",
                                         "id=\"answer\"",
                                         "id=\"data\"",
                                         "id=\"look\"",
                                         "Random, not chosen; seed 1",
                                         "id=\"fidelity\"",
                                         "id=\"usefulness\"",
                                         "id=\"copies\"",
                                         "id=\"training\"",
                                         "id=\"limits\"",
                                         "id=\"method\"",
                                         "id=\"repeat\"",
                                         "1 of 2 met",
                                         "Losses while training",
                                         "manikin run study.yaml",
                                         "phantom",
                                         "<b>Does it help?</b> Yes, for chromophobe",
                                         "<b>For which class?</b> The rarest, chromophobe",
                                         "<b>Against which baseline?</b>",
                                         "Worse than it with synthetic images: synthetic alone, augmented.",
                                         "<b>How sure?</b> 5 training subsets with 2 generators each, ",
                                         "<b>What would change the answer?</b>",
                                         "100: better (+0.013); 300: better (+0.013).",
                                         "Learning curve: what synthetic images add",
                                         "1 exact",
                                         "fewer than 20 images"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!strstr(page, needed[i])) fail_msg("the page lacks: %s", needed[i]);
    mnk_free(page);
    /* the numbers: JSON, and the same but for "run" at another time */
    char *numbers = get(in("evidence.json"), &n);
    assert_non_null(strstr(numbers, "\"format\": \"manikin-evidence\""));
    assert_non_null(strstr(numbers, "\"macro_auc_gain.real+synthetic+over+classical@300\""));
    mnk_free(numbers);
    m.e.run = (mnk_evidence_run){.finished = "2027-01-01T00:00:00Z", .threads = 1};
    assert_ok(mnk_evidence_write(&m.e, folder, NULL, again, &err));
    assert_string_equal(content, again);
    m.usefulness->metric[0].value += 0.001;
    assert_ok(mnk_evidence_write(&m.e, folder, NULL, again, &err));
    assert_string_not_equal(content, again);
    unmake(&m);
}

/* The words for each verdict on the rarest class. */
static void test_answer_follows_the_verdict(void **state) {
    (void)state;
    static const struct {
        const char *verdict, *help, *change;
        double value;
    } rows[] = {
        {"better", "Does it help? Yes, for chromophobe", "More real images", 0.02},
        {"worse", "Does it help? No: for chromophobe", "A generator nearer to real images", -0.02},
        {"not worse", "Does it help? No gain was shown for chromophobe, and no loss of 0.010 or more", "Less real data",
         -0.001},
        {"not worse", "Does it help? No gain was shown", "training subsets in place of 5 would show it to be a gain", 0.011},
        {"cannot tell", "Does it help? Cannot tell for chromophobe", "in place of 5", 0.001},
        {"refused", "Does it help? No conclusion: a generator collapsed", "A generator that has not collapsed", 0.001}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        made_up m;
        mnk_sentence out[8];
        make(&m);
        for (size_t k = 0; k < m.usefulness->metrics; k++) {
            mnk_metric *one = &m.usefulness->metric[k];
            if (strcmp(one->id, "auc_gain.real+synthetic+over+classical") || strcmp(one->subset, "chromophobe")) continue;
            one->value = rows[i].value;
            snprintf(one->verdict, sizeof one->verdict, "%s", rows[i].verdict);
            if (i == 5) snprintf(one->note, sizeof one->note, "a generator collapsed");
        }
        int n = mnk_evidence_answer(&m.e, out);
        assert_int_equal(n, 8);
        if (!strstr(out[0], rows[i].help)) fail_msg("%s: %s", rows[i].verdict, out[0]);
        if (!strstr(out[4], rows[i].change)) fail_msg("%s: %s", rows[i].verdict, out[4]);
        unmake(&m);
    }
}

static void test_report_can_hide_real_images_and_bear_gaps(void **state) {
    (void)state;
    fresh("gaps");
    mnk_error err = MNK_ERROR_INIT;
    made_up m;
    make(&m);
    m.e.hide_real = true;
    assert_ok(mnk_evidence_write(&m.e, folder, NULL, NULL, &err));
    size_t n = 0;
    char *page = get(in("report.html"), &n);
    assert_null(strstr(page, "nearest training image</span>"));
    assert_null(strstr(page, "real training images that no"));
    mnk_free(page);
    mnk_evidence bare = {.title = "Nothing yet"};
    assert_ok(mnk_evidence_write(&bare, folder, NULL, NULL, &err));
    page = get(in("report.html"), &n);
    assert_well_formed(page);
    assert_non_null(strstr(page, "Not measured"));
    mnk_free(page);
    unmake(&m);
}

static void test_nearest_image_is_found_under_every_turn(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = phantom(1, 24), *copies = phantom(9, 8);
    size_t side = 32, volume = side * side * 3, query[8], nearest[8];
    int turn[8];
    double rms[8];
    for (size_t t = 0; t < 8; t++) { /* copy t: image 3t of train, turned the way t says */
        query[t] = t;
        for (size_t y = 0; y < side; y++)
            for (size_t x = 0; x < side; x++) {
                size_t v = y, u = t & 4 ? side - 1 - x : x;
                for (size_t q = 0; q < (t & 3); q++) {
                    size_t w = v;
                    v = u;
                    u = side - 1 - w;
                }
                memcpy(copies->pixels8 + t * volume + (v * side + u) * 3, train->pixels8 + 3 * t * volume + (y * side + x) * 3,
                       3);
            }
    }
    assert_ok(mnk_gallery_nearest(copies, query, 8, train, true, nearest, turn, rms, NULL, &err));
    for (size_t t = 0; t < 8; t++) {
        assert_int_equal(nearest[t], 3 * t);
        assert_true(rms[t] == 0);
        /* the neighbour, turned as said, must be the copy itself */
        mnk_cell cells[2] = {{copies, t, 0}, {train, nearest[t], turn[t]}};
        mnk_sprite s;
        assert_ok(mnk_sprite_make(cells, 1, 2, &s, &err));
        for (int y = 0; y < s.height; y++)
            assert_memory_equal(s.pixels + y * s.width * 3, s.pixels + (y * s.width + s.cell + MNK_SPRITE_GAP) * 3,
                                (size_t)s.cell * 3);
        mnk_sprite_clear(&s);
    }
    mnk_images_close(train);
    mnk_images_close(copies);
}

static void test_numbers_as_people_read_them(void **state) {
    (void)state;
    char b[48];
    assert_string_equal(mnk_html_number(0.8734, b), "0.873");
    assert_string_equal(mnk_html_number(-0.0049, b), "−0.0049");
    assert_string_equal(mnk_html_number(12.44, b), "12.4");
    assert_string_equal(mnk_html_number(1234567, b), "1,234,567");
    assert_string_equal(mnk_html_number(0, b), "0");
    assert_string_equal(mnk_html_number(1, b), "1.000");
    assert_string_equal(mnk_html_number(NAN, b), "–");
    assert_string_equal(mnk_html_signed(0.0071, b), "+0.007");
    assert_string_equal(mnk_html_signed(-0.0001, b), "±0.000");
    assert_string_equal(mnk_html_interval(0.1, NAN, false, b), "");
    assert_string_equal(mnk_html_interval(-0.004, 0.018, true, b), "−0.004 to +0.018");
    assert_string_equal(mnk_html_duration(192, b), "3 min 12 s");
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
        cmocka_unit_test(test_numbers_as_people_read_them),
        cmocka_unit_test(test_nearest_image_is_found_under_every_turn),
        cmocka_unit_test(test_report_is_whole_small_and_safe),
        cmocka_unit_test(test_answer_follows_the_verdict),
        cmocka_unit_test(test_report_can_hide_real_images_and_bear_gaps),
    };
    return MNK_RUN_TESTS("evidence", tests);
}
