#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_long fail_countdown;

void mnk_alloc_fail_after(long n) { atomic_store(&fail_countdown, n); }

static int fail_now(void) { return atomic_load(&fail_countdown) > 0 && atomic_fetch_sub(&fail_countdown, 1) == 1; }

void *mnk_alloc(size_t count, size_t size) {
    if (fail_now()) return NULL;
    return calloc(count ? count : 1, size ? size : 1);
}

void *mnk_alloc_aligned(size_t count, size_t size) {
    size_t bytes = 0;
    if (fail_now() || mnk_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - 64) return NULL;
    bytes = (bytes + 63) / 64 * 64;
    void *p = aligned_alloc(64, bytes ? bytes : 64);
    if (p) memset(p, 0, bytes ? bytes : 64);
    return p;
}

void *mnk_realloc(void *p, size_t count, size_t size) {
    size_t bytes = 0;
    if (fail_now() || mnk_mul_overflow(count, size, &bytes)) return NULL;
    return realloc(p, bytes ? bytes : 1);
}

void *mnk_grow(void *list, size_t count, size_t size) {
    if ((count & (count - 1)) != 0) return list;
    return count > SIZE_MAX / 2 ? NULL : mnk_realloc(list, count ? 2 * count : 1, size);
}

char *mnk_strdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *copy = mnk_alloc(n, 1);
    if (copy) memcpy(copy, s, n);
    return copy;
}

void mnk_free(void *p) { free(p); }

size_t mnk_memory_available_bytes(void) {
    FILE *f = fopen("/proc/meminfo", "r");
    if (!f) return 0;
    char line[256];
    unsigned long long kib = 0;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) break;
    fclose(f);
    return (size_t)kib * 1024;
}

mnk_status mnk_memory_require(size_t need_bytes, const char *what, mnk_error *err) {
    size_t have = mnk_memory_available_bytes();
    if (!have || need_bytes <= have) return MNK_OK;
    return MNK_FAIL(err, MNK_ERR_MEMORY, "%s needs %.2f GiB of memory, %.2f GiB are available", what,
                    (double)need_bytes / 1073741824.0, (double)have / 1073741824.0);
}

typedef struct block {
    struct block *next;
    size_t used, size;
    _Alignas(16) char bytes[];
} block;

struct mnk_arena {
    block *top;
};

mnk_arena *mnk_arena_open(void) { return mnk_alloc(1, sizeof(mnk_arena)); }

void *mnk_arena_alloc(mnk_arena *a, size_t bytes) {
    if (bytes > SIZE_MAX / 2) return NULL;
    bytes = (bytes + 15) / 16 * 16;
    if (!a->top || a->top->size - a->top->used < bytes) {
        size_t size = bytes > 16384 ? bytes : 16384;
        block *b = mnk_alloc(1, sizeof(block) + size);
        if (!b) return NULL;
        b->next = a->top;
        b->size = size;
        a->top = b;
    }
    void *p = a->top->bytes + a->top->used;
    a->top->used += bytes;
    return p;
}

char *mnk_arena_strdup(mnk_arena *a, const char *s) {
    size_t n = strlen(s) + 1;
    char *copy = mnk_arena_alloc(a, n);
    if (copy) memcpy(copy, s, n);
    return copy;
}

char *mnk_arena_printf(mnk_arena *a, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *s = n < 0 ? NULL : mnk_arena_alloc(a, (size_t)n + 1);
    if (s) vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

void mnk_arena_close(mnk_arena *a) {
    if (!a) return;
    while (a->top) {
        block *next = a->top->next;
        mnk_free(a->top);
        a->top = next;
    }
    mnk_free(a);
}
