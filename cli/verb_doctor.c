/* manikin doctor: what this build can do, what is off, and how to turn it on. */
#include <cblas.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "cli.h"
#include "nn/backend.h"

static void row(const char *what, bool on, const char *detail) { printf("  %-22s %-4s %s\n", what, on ? "yes" : "no", detail); }

static mnk_status run(cli_context *c, mnk_error *err) {
    (void)c;
    (void)err;
    printf("manikin %s\n\nbuild\n", MNK_VERSION);
    row("fast convolutions", mnk_backend_find("onednn") != NULL,
        mnk_backend_find("onednn") ? "oneDNN" : "install libdnnl-dev and build again with -Donednn=enabled");
    row("reference engine", mnk_backend_find("reference") != NULL, "plain C, any machine");
    row("linear algebra", true, openblas_get_config());
#ifdef __AVX2__
    row("AVX2 and FMA", true, "this program needs a processor that has them (-Dmarch= changes it)");
#else
    row("AVX2 and FMA", false, "built for an older processor; -Dmarch=x86-64-v3 is several times faster where it runs");
#endif
    printf("\nmachine\n");
    printf("  %-22s %d\n", "threads", mnk_threads());
    printf("  %-22s %.1f GiB\n", "memory available", (double)mnk_memory_available_bytes() / 1073741824.0);
    const char *tool = access("/usr/bin/minisign", X_OK) == 0 ? "found: signatures can be checked without manikin too"
                                                              : "not found; manikin verify checks signatures itself";
    printf("  %-22s %s\n", "minisign", tool);
    return MNK_OK;
}

const cli_verb cli_verb_doctor = {
    .name = "doctor",
    .group = "start",
    .summary = "what this build can do, and how to turn on the rest",
    .uses = "threads",
    .run = run,
};
