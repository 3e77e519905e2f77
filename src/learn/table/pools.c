#include "learn/table/pools.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "learn/table/kind.h"

/* A third of the working levels are pools. */
enum { POOL_SHARE = 3 };

typedef struct member {
    const char *text;
    double count;
    int32_t level;
} member;

static int by_count(const void *a, const void *b) {
    const member *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->level < y->level ? -1 : 1;
}

static int by_text(const void *a, const void *b) {
    const member *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : x->level < y->level ? -1 : 1;
}

typedef struct pool { /* members first..end-1 of the sorted rest begin with the same `prefix` characters */
    size_t first, end, prefix;
    double count;
    bool closed;
} pool;

static size_t children(const member *m, const pool *p) {
    size_t n = 0;
    for (size_t i = p->first; i < p->end; i++)
        if (i == p->first || strncmp(m[i].text, m[i - 1].text, p->prefix + 1) != 0) n++;
    return n;
}

static void split_pool(const member *m, pool *list, size_t *n, size_t which) {
    pool old = list[which];
    size_t at = which;
    for (size_t i = old.first; i < old.end; i++) {
        if (i == old.first || strncmp(m[i].text, m[i - 1].text, old.prefix + 1) != 0) {
            if (i != old.first) at = (*n)++;
            list[at] = (pool){.first = i, .prefix = old.prefix + 1};
        }
        list[at].end = i + 1;
        list[at].count += m[i].count;
    }
}

/* The largest pool is split by its next character as long as there is room. */
static size_t make_pools(const member *m, size_t members, pool *list, size_t most) {
    size_t n = members > 0;
    list[0] = (pool){.end = members};
    for (size_t i = 0; i < members; i++) list[0].count += m[i].count;
    while (n) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < n; i++)
            if (!list[i].closed && list[i].end - list[i].first > 1 && (best == SIZE_MAX || list[i].count > list[best].count))
                best = i;
        if (best == SIZE_MAX) break;
        size_t more = children(m, &list[best]);
        if (list[best].prefix >= 64 || n - 1 + more > most) list[best].closed = true;
        else split_pool(m, list, &n, best);
    }
    return n;
}

static void set_members(mnk_recode *k, const member *m, size_t n, int32_t work, size_t *at) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        k->to_work[m[i].level] = work;
        k->member[*at] = m[i].level;
        k->running[(*at)++] = sum += m[i].count;
    }
    k->start[work + 1] = (int32_t)*at;
}

static int by_level(const void *a, const void *b) {
    const member *x = a, *y = b;
    return x->level < y->level ? -1 : 1;
}

static mnk_status fill(mnk_recode *k, member *m, size_t n, size_t limit, bool is_private, mnk_error *err) {
    pool *list;
    size_t kept = n, at = 0, pools = 0;
    MNK_TRY(MNK_NEW(list, limit + 2, err));
    if (n > limit) {
        size_t most =
            is_private ? limit : limit / POOL_SHARE; /* which levels are frequent may not be looked at: all are pooled */
        kept = limit - most;
        qsort(m, n, sizeof *m, by_count);
        qsort(m + kept, n - kept, sizeof *m, by_text);
        pools = make_pools(m + kept, n - kept, list, most);
    }
    qsort(m, kept, sizeof *m, by_level);
    for (size_t i = 0; i < kept; i++) set_members(k, m + i, 1, (int32_t)i, &at);
    for (size_t i = 0; i < pools; i++)
        set_members(k, m + kept + list[i].first, list[i].end - list[i].first, (int32_t)(kept + i), &at);
    k->work_levels = kept + pools;
    mnk_free(list);
    return MNK_OK;
}

mnk_status mnk_pools_fit(const mnk_table *t, size_t c, const mnk_recode_options *o, mnk_recode *k, mnk_error *err) {
    const mnk_column *column = &t->schema->column[c];
    size_t n = 0, limit = o->levels < MNK_WORK_LEVELS ? o->levels : MNK_WORK_LEVELS;
    double *count = NULL;
    member *m = NULL;
    mnk_status status = MNK_NEW(count, column->levels + 1, err);
    if (status != MNK_OK) return status;
    MNK_OUT(MNK_NEW(m, column->levels + 1, err));
    k->levels = column->levels;
    MNK_OUT(MNK_NEW(k->to_work, k->levels + 1, err));
    MNK_OUT(MNK_NEW(k->start, MNK_WORK_LEVELS + 2, err));
    MNK_OUT(MNK_NEW(k->member, k->levels + 1, err));
    MNK_OUT(MNK_NEW(k->running, k->levels + 1, err));
    for (size_t i = 0; i < t->n && !o->is_private; i++)
        if (t->code[c][i] >= 0) count[t->code[c][i]]++;
    for (size_t i = 0; i < column->levels; i++) {
        k->to_work[i] = -1;
        if (o->is_private || count[i] > 0) m[n++] = (member){column->level[i], o->is_private ? 1 : count[i], (int32_t)i};
    }
    MNK_OUT(fill(k, m, n, limit, o->is_private, err));
out:
    mnk_free(count);
    mnk_free(m);
    return status;
}
