/* Memory: checked allocation, aligned buffers and an arena. All heap use of the library passes through here, so that
 * tests can make the n-th allocation fail. */
#ifndef MNK_BASE_MEM_H
#define MNK_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Zeroed array of count*size bytes, NULL when the product overflows or memory is short. Release with mnk_free. */
void *mnk_alloc(size_t count, size_t size);

/* Like mnk_alloc, aligned to 64 bytes (one cache line, any vector register). */
void *mnk_alloc_aligned(size_t count, size_t size);

/* Grows or shrinks; new bytes are not zeroed; on failure returns NULL and leaves p alone. Not for aligned buffers. */
void *mnk_realloc(void *p, size_t count, size_t size);

/* Room for one more element after `count`: lists double whenever the count is a power of two, so that no capacity has to be
 * stored. Returns the list, moved perhaps; on failure NULL, and the old list stays. */
void *mnk_grow(void *list, size_t count, size_t size);

char *mnk_strdup(const char *s);
void mnk_free(void *p);

/* Convenience: fails with MNK_ERR_MEMORY and the number of bytes. */
#define MNK_NEW(out, count, err)                                                                                               \
    (((out) = mnk_alloc((count), sizeof *(out)))                                                                               \
         ? MNK_OK                                                                                                              \
         : MNK_FAIL((err), MNK_ERR_MEMORY, "out of memory: %zu bytes for %s", (size_t)(count) * sizeof *(out), #out))
#define MNK_NEW_ALIGNED(out, count, err)                                                                                       \
    (((out) = mnk_alloc_aligned((count), sizeof *(out)))                                                                       \
         ? MNK_OK                                                                                                              \
         : MNK_FAIL((err), MNK_ERR_MEMORY, "out of memory: %zu bytes for %s", (size_t)(count) * sizeof *(out), #out))

/* a*b and a+b with overflow check: true on overflow, *out untouched. */
static inline int mnk_mul_overflow(size_t a, size_t b, size_t *out) { return __builtin_mul_overflow(a, b, out); }
static inline int mnk_add_overflow(size_t a, size_t b, size_t *out) { return __builtin_add_overflow(a, b, out); }

/* Bytes of memory the machine can still give without swapping (MemAvailable), 0 when unknown. */
size_t mnk_memory_available_bytes(void);

/* Fails early with MNK_ERR_MEMORY, naming both numbers, when `need` exceeds what is available. */
mnk_status mnk_memory_require(size_t need_bytes, const char *what, mnk_error *err) MNK_CHECK;

/* Test hook: the n-th allocation from now fails (0 switches off). */
void mnk_alloc_fail_after(long n);

/* Arena: many small objects with one lifetime (strings of a manifest, nodes of a configuration). */
typedef struct mnk_arena mnk_arena;
mnk_arena *mnk_arena_open(void); /* NULL when memory is short */
void *mnk_arena_alloc(mnk_arena *a, size_t bytes);
char *mnk_arena_strdup(mnk_arena *a, const char *s);
char *mnk_arena_printf(mnk_arena *a, const char *fmt, ...) MNK_PRINTF(2, 3);
void mnk_arena_close(mnk_arena *a);

#endif
