/* Privacy ledgers: arbitrary bytes, and the same bytes as lines whose hashes are made to fit, so that the fuzzer gets past the
 * chain to the entries. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "privacy/ledger.h"
#include "privacy/ledger_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *text, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_ledger_book *b = NULL;
    if (mnk_ledger_parse(text, size, "fuzz", &b, &err) != MNK_OK) return;
    mnk_text out = {0};
    mnk_json j = {.text = &out};
    mnk_ledger_emit(b, &j, NULL);
    if (mnk_ledger_check_head(b, mnk_ledger_head(b), &err) != MNK_OK) __builtin_trap();
    mnk_text_clear(&out);
    mnk_ledger_book_close(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    mnk_text chained = {0};
    char hash[MNK_HASH_TEXT] = "";
    parse(text, size);
    for (size_t at = 0; at < size;) { /* each line but for its last brace, sealed */
        const char *end = memchr(text + at, '\n', size - at);
        size_t n = end ? (size_t)(end - text) - at : size - at, open = n;
        mnk_text line = {0};
        char previous[MNK_HASH_TEXT];
        memcpy(previous, hash, sizeof previous);
        while (open > 0 && text[at + open - 1] != '}') open--;
        mnk_text_add_n(&line, text + at, open > 0 ? open - 1 : n);
        mnk_ledger_seal(&line, previous, hash);
        if (!line.failed) mnk_text_add_n(&chained, line.s, line.n);
        mnk_text_clear(&line);
        at += n + 1;
    }
    if (chained.s && !chained.failed) parse(chained.s, chained.n);
    mnk_text_clear(&chained);
    return 0;
}
