#include "data/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image_decode.h"

mnk_status mnk_listing_init(mnk_listing *l, const char *path, mnk_error *err) {
    *l = (mnk_listing){.path = path, .fd = -1, .arena = mnk_arena_open()};
    return l->arena ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
}

void mnk_listing_clear(mnk_listing *l) {
    mnk_free(l->entry);
    mnk_arena_close(l->arena);
    l->entry = NULL;
    l->arena = NULL;
}

mnk_status mnk_listing_add(mnk_listing *l, const char *path, bool folder, uint64_t bytes, uint64_t offset, mnk_error *err) {
    if (l->n >= MNK_ENTRIES_MAX) return MNK_FAIL(err, MNK_ERR_INPUT, "more than %d files", MNK_ENTRIES_MAX);
    if (l->n == l->size) {
        size_t size = l->size ? l->size * 2 : 1024;
        mnk_entry *bigger = mnk_realloc(l->entry, size, sizeof *bigger);
        if (!bigger) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: a list of %zu files", size);
        l->entry = bigger;
        l->size = size;
    }
    char *copy = mnk_arena_strdup(l->arena, path);
    if (!copy) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: a list of %zu files", l->n);
    l->entry[l->n++] = (mnk_entry){.path = copy, .folder = folder, .bytes = bytes, .offset = offset};
    return MNK_OK;
}

static int compare_entries(const void *a, const void *b) {
    const mnk_entry *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    return order ? order : x->offset < y->offset ? -1 : x->offset > y->offset;
}

void mnk_listing_sort(mnk_listing *l) {
    if (!l->n) return;
    qsort(l->entry, l->n, sizeof *l->entry, compare_entries);
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (i + 1 < l->n && !strcmp(l->entry[i].path, l->entry[i + 1].path)) continue;
        l->entry[kept++] = l->entry[i];
    }
    l->n = kept;
}

void mnk_listing_strip(mnk_listing *l) {
    if (!l->n) return;
    char top[512];
    size_t length = strcspn(l->entry[0].path, "/");
    snprintf(top, sizeof top, "%.*s", (int)length, l->entry[0].path);
    bool manifest = false, filed = true;
    if (length >= sizeof top || mnk_split_parse(top) >= 0) return;
    for (size_t i = 0; i < l->n; i++) {
        const mnk_entry *e = &l->entry[i];
        if (strncmp(e->path, top, length) != 0 || (e->path[length] != '/' && !(e->folder && !e->path[length]))) return;
        if (!e->path[length]) continue;
        const char *rest = e->path + length + 1;
        manifest = manifest || !strcmp(rest, "manifest.csv");
        if (!e->folder && mnk_image_name(rest) && !strchr(rest, '/')) filed = false;
    }
    if (!manifest && !filed) return;
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (!l->entry[i].path[length]) continue;
        l->entry[kept] = l->entry[i];
        l->entry[kept++].path += length + 1;
    }
    l->n = kept;
}

const mnk_entry *mnk_listing_find(const mnk_listing *l, const char *path) {
    size_t lo = 0, hi = l->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcmp(path, l->entry[mid].path);
        if (!order) return &l->entry[mid];
        if (order < 0) hi = mid;
        else lo = mid + 1;
    }
    return NULL;
}

/* FNV-1a, 64 bit. */
static uint64_t word_hash(const char *s) {
    uint64_t h = 14695981039346656037u;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

static bool words_grow(mnk_words *w) {
    size_t size = w->size ? w->size * 2 : 64, slots = size * 2;
    const char **word = mnk_realloc(w->word, size, sizeof *word);
    if (!word) return false;
    w->word = word;
    size_t *slot = mnk_alloc(slots, sizeof *slot);
    if (!slot) return false;
    for (size_t i = 0; i < w->n; i++) {
        size_t at = word_hash(w->word[i]) & (slots - 1);
        while (slot[at]) at = (at + 1) & (slots - 1);
        slot[at] = i + 1;
    }
    mnk_free(w->slot);
    w->slot = slot;
    w->slots = slots;
    w->size = size;
    return true;
}

size_t mnk_words_add(mnk_words *w, const char *word) {
    if (w->n == w->size && !words_grow(w)) return SIZE_MAX;
    size_t at = word_hash(word) & (w->slots - 1);
    while (w->slot[at]) {
        if (!strcmp(w->word[w->slot[at] - 1], word)) return w->slot[at] - 1;
        at = (at + 1) & (w->slots - 1);
    }
    w->slot[at] = w->n + 1;
    w->word[w->n] = word;
    return w->n++;
}

void mnk_words_clear(mnk_words *w) {
    mnk_free(w->word);
    mnk_free(w->slot);
    *w = (mnk_words){0};
}

mnk_status mnk_bad_add(mnk_bad *b, const char *name, const char *reason, mnk_error *err) {
    if (b->n == b->size) {
        size_t size = b->size ? b->size * 2 : 64;
        const char **bigger = mnk_realloc(b->line, size, sizeof *bigger);
        if (!bigger) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: a list of %zu bad files", size);
        b->line = bigger;
        b->size = size;
    }
    char shown[96];
    if (!(b->line[b->n] = mnk_arena_printf(b->arena, "%s: %s", mnk_printable(name, shown), reason)))
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: a list of %zu bad files", b->n);
    b->n++;
    return MNK_OK;
}

mnk_status mnk_bad_report(const mnk_bad *b, const char *path, size_t total, mnk_error *err) {
    char list[900], shown[96];
    size_t used = 0, n = 0;
    list[0] = '\0';
    for (; n < b->n && n < 10; n++) {
        size_t length = strlen(b->line[n]);
        if (used + length + 4 > sizeof list - 100) break; /* room for the heading */
        used += (size_t)snprintf(list + used, sizeof list - used, "\n  %s", b->line[n]);
    }
    if (n < b->n) snprintf(list + used, sizeof list - used, "\n  … and %zu more", b->n - n);
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT, "%s: %zu of %zu images cannot be used%s", mnk_printable(path, shown), b->n, total, list);
    mnk_error_hint(err, "mend or remove them, or leave them out with --skip-bad");
    return status;
}

void mnk_bad_clear(mnk_bad *b) {
    mnk_free(b->line);
    *b = (mnk_bad){0};
}
