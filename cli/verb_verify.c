/* manikin verify: is this evidence as it was signed? */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli.h"
#include "key.h"
#include "manikin/evidence.h"

typedef struct verify_config {
    const char *public_key, *compare;
} verify_config;

static const mnk_option table[] = {
    {"public-key", 0, MNK_OPTION_TEXT, offsetof(verify_config, public_key), "KEY", NULL, 0, 0, NULL,
     "whose signature it must be: a .pub file or the line in it (RW…)", false},
    {"compare", 0, MNK_OPTION_PATH, offsetof(verify_config, compare), "DIR", NULL, 0, 0, NULL,
     "compare with another finished study, times and machine left out", false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

static void print_findings(const mnk_verify_report *r) {
    enum { SHOWN = 50 };
    for (size_t i = 0; i < r->findings && i < SHOWN; i++)
        printf("  %-9s  %s  (%s)\n", mnk_finding_name(r->finding[i].kind), r->finding[i].path, r->finding[i].text);
    if (r->findings > SHOWN) printf("  … and %zu more\n", r->findings - SHOWN);
}

static void print_signature(const mnk_verify_report *r) {
    char own[1024];
    mnk_key k;
    char text[MNK_PUBLIC_KEY_TEXT] = "";
    if (!r->is_signed) {
        if (!r->public_key[0]) printf("not signed: files were checked against a manifest that anybody could have rewritten\n");
        return;
    }
    if (cli_key_default(own, sizeof own) && strlen(own) > 4) {
        memcpy(own + strlen(own) - 4, ".pub", 5);
        if (mnk_path_exists(own) && mnk_key_read_public(own, &k, NULL) == MNK_OK) mnk_key_public_text(&k, text);
    }
    printf("signed by %s%s\n", r->public_key,
           !r->is_key_from_manifest           ? " (the key you gave)"
           : strcmp(text, r->public_key) == 0 ? " (your own key)"
                                              : " (the key named inside; ask its owner, then give --public-key)");
    if (r->trusted_comment[0]) printf("comment   %s\n", r->trusted_comment);
}

static mnk_status compare(const char *dir, const char *other, mnk_error *err) {
    mnk_verify_report *r = NULL;
    MNK_TRY(mnk_evidence_compare(dir, other, &r, err));
    mnk_status status = MNK_OK;
    if (r->findings) {
        printf("%s and %s differ in %zu of %zu files:\n", dir, other, r->findings, r->files);
        print_findings(r);
        status = MNK_FAIL(err, MNK_ERR_FAILED, "%s and %s are not the same study result", dir, other);
    } else {
        printf("%s and %s: %zu files the same, times and machine left out\n", dir, other, r->files);
    }
    mnk_verify_close(r);
    return status;
}

static mnk_status run(cli_context *c, mnk_error *err) {
    const verify_config *config = c->config;
    const char *dir = c->operand[0];
    if (config->compare) return compare(dir, config->compare, err);
    mnk_verify_report *r = NULL;
    MNK_TRY(mnk_evidence_verify(dir, config->public_key, c->observer, &r, err));
    mnk_status status = MNK_OK;
    if (r->findings) {
        printf("%s: %zu of %zu files are not as they were signed:\n", dir, r->findings, r->files);
        print_findings(r);
        status = MNK_FAIL(err, MNK_ERR_FAILED, "%s: the evidence was changed", dir);
    } else {
        printf("%s: all %zu files (%.1f MB) are as the manifest lists them, none is missing, none was added\n", dir, r->files,
               (double)r->bytes / 1e6);
    }
    print_signature(r);
    mnk_verify_close(r);
    return status;
}

const cli_verb cli_verb_verify = {
    .name = "verify",
    .group = "show",
    .summary = "check evidence: signature, and every file below DIR",
    .operands = "DIR",
    .min_operands = 1,
    .max_operands = 1,
    .uses = "",
    .table = table,
    .config_size = sizeof(verify_config),
    .examples = "manikin verify results/blood                              # nothing changed, missing or added?\n"
                "manikin verify results/blood --public-key hospital.pub    # and signed by whom I expect?\n"
                "manikin verify results/blood --compare results/again      # the same numbers, models and samples?\n",
    .run = run,
};
