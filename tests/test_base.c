#include "test.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/options.h"
#include "base/rng.h"

/* Known-answer vectors published with Random123 (kat_vectors, philox4x32 10). */
static void philox_known_answers(void **state) {
    (void)state;
    static const uint32_t kat[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        mnk_philox(kat[i], kat[i] + 4, out);
        assert_memory_equal(out, kat[i] + 6, sizeof out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(philox_known_answers)};
    return MNK_RUN_TESTS("base", tests);
}
