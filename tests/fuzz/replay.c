/* Runs a fuzz target on every file of its corpus, one TAP line a file: what `make test` does under ASan and UBSan. */
#include <stdint.h>
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv) {
    mnk_error err = MNK_ERROR_INIT;
    char **names = NULL;
    size_t n = 0;
    if (argc != 2 || mnk_dir_list(argv[1], &names, &n, &err) != MNK_OK) {
        printf("Bail out! %s\n", argc == 2 ? err.message : "usage: replay FOLDER");
        return 1;
    }
    printf("1..%zu\n", n + 1);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("ok 1 - empty input\n");
    for (size_t i = 0; i < n; i++) {
        char path[2048];
        snprintf(path, sizeof path, "%s/%s", argv[1], names[i]);
        uint8_t *bytes = NULL;
        size_t size = 0;
        if (mnk_file_read(path, (size_t)64 << 20, &bytes, &size, &err) != MNK_OK) {
            printf("not ok %zu - %s: %s\n", i + 2, names[i], err.message);
            continue;
        }
        uint8_t *exact = mnk_alloc(size, 1); /* no spare NUL behind the data: reading past the end is found */
        for (size_t k = 0; exact && k < size; k++) exact[k] = bytes[k];
        mnk_free(bytes);
        LLVMFuzzerTestOneInput(exact, size);
        mnk_free(exact);
        printf("ok %zu - %s\n", i + 2, names[i]);
        fflush(stdout);
    }
    mnk_free(names);
    return 0;
}
