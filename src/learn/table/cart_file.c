/* Sequential trees in a file. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/table/cart_model.h"

mnk_status mnk_cart_save(const void *model, mnk_tensors *file, mnk_error *err) {
    const mnk_cart *m = model;
    size_t starts = 0, entries = 0, tilts = 0, at = 0, k = 0, w = 0;
    void *block[4];
    for (size_t c = 0; c < m->columns; c++) starts += m->tree[c].leaves + 1, entries += m->leaf[c].start[m->tree[c].leaves];
    for (size_t c = 0; c < m->columns; c++) tilts += m->classes * m->book.column[c].bins;
    MNK_TRY(mnk_codebook_save(&m->book, file, err));
    MNK_TRY(mnk_bintrees_save(m->tree, m->columns, file, err));
    MNK_TRY(mnk_tensors_block(file, starts, 4, &block[0], err));
    MNK_TRY(mnk_tensors_block(file, entries, 1, &block[1], err));
    MNK_TRY(mnk_tensors_block(file, entries, 4, &block[2], err));
    MNK_TRY(mnk_tensors_block(file, tilts, 4, &block[3], err));
    for (size_t c = 0; c < m->columns; c++) {
        size_t n = m->leaf[c].start[m->tree[c].leaves];
        memcpy((uint32_t *)block[0] + k, m->leaf[c].start, (m->tree[c].leaves + 1) * 4);
        memcpy((uint8_t *)block[1] + at, m->leaf[c].bin, n);
        memcpy((float *)block[2] + at, m->leaf[c].share, n * 4);
        size_t tilt = m->classes * m->book.column[c].bins;
        memcpy((float *)block[3] + w, m->leaf[c].tilt, tilt * 4);
        k += m->tree[c].leaves + 1, at += n, w += tilt;
    }
    MNK_TRY(mnk_tensors_add(file, "order", MNK_I32, m->order, m->columns, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.start", MNK_I32, block[0], starts, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.bin", MNK_U8, block[1], entries, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.share", MNK_F32, block[2], entries, err));
    return mnk_tensors_add(file, "leaf.tilt", MNK_F32, block[3], tilts, err);
}

static mnk_status open_leaves(const mnk_tensors_in *in, mnk_cart *m, size_t c, const uint32_t *start, const uint8_t *bin,
                              const float *share, size_t left, mnk_error *err) {
    mnk_cart_leaves *l = &m->leaf[c];
    size_t n = m->tree[c].leaves, entries = start[n];
    bool fine = start[0] == 0 && entries <= left;
    for (size_t k = 0; fine && k < n; k++) {
        fine = start[k + 1] >= start[k] && start[k + 1] <= entries;
        float before = 0;
        for (uint32_t i = start[k]; fine && i < start[k + 1]; i++) {
            fine = bin[i] < m->book.column[c].bins && share[i] >= before && share[i] <= 1.0001f;
            before = share[i];
        }
    }
    if (!fine) return mnk_tensors_damaged(in, "a leaf's shares are impossible", err);
    MNK_TRY(MNK_NEW(l->start, n + 1, err));
    MNK_TRY(MNK_NEW(l->bin, entries + 1, err));
    MNK_TRY(MNK_NEW(l->share, entries + 1, err));
    memcpy(l->start, start, (n + 1) * sizeof *start);
    memcpy(l->bin, bin, entries);
    memcpy(l->share, share, entries * sizeof *share);
    return MNK_OK;
}

static mnk_status open_tilts(const mnk_tensors_in *in, mnk_cart *m, mnk_error *err) {
    const void *data = NULL;
    size_t total = 0;
    bool fine = true;
    for (size_t c = 0; c < m->columns; c++) total += m->classes * m->book.column[c].bins;
    MNK_TRY(mnk_tensors_get(in, "leaf.tilt", MNK_F32, total, &data, NULL, err));
    const float *from = data;
    for (size_t c = 0; c < m->columns; c++) {
        size_t n = m->classes * m->book.column[c].bins;
        MNK_TRY(MNK_NEW(m->leaf[c].tilt, n, err));
        for (size_t i = 0; i < n; i++) fine = fine && from[i] > 1e-3f && from[i] < 1e3f;
        memcpy(m->leaf[c].tilt, from, n * sizeof *from);
        from += n;
    }
    return fine ? MNK_OK : mnk_tensors_damaged(in, "a factor on a leaf's shares is impossible", err);
}

mnk_status mnk_cart_read(const mnk_tensors_in *in, mnk_cart *m, mnk_error *err) {
    const void *order = NULL, *start = NULL, *bin = NULL, *share = NULL;
    size_t trees = 0, starts = 0, entries = 0, k = 0, at = 0;
    uint8_t *seen = NULL;
    mnk_status status;
    MNK_OUT(mnk_codebook_open(in, m->schema, &m->book, err));
    MNK_OUT(mnk_bintrees_open(in, m->columns, &m->tree, &trees, err));
    MNK_OUT(trees == m->columns ? MNK_OK : mnk_tensors_damaged(in, "a column has no tree", err));
    MNK_OUT(mnk_tensors_get(in, "order", MNK_I32, m->columns, &order, NULL, err));
    MNK_OUT(mnk_tensors_get(in, "leaf.start", MNK_I32, SIZE_MAX, &start, &starts, err));
    MNK_OUT(mnk_tensors_get(in, "leaf.bin", MNK_U8, SIZE_MAX, &bin, &entries, err));
    MNK_OUT(mnk_tensors_get(in, "leaf.share", MNK_F32, entries, &share, NULL, err));
    MNK_OUT(MNK_NEW(seen, m->columns + 1, err));
    MNK_OUT(MNK_NEW(m->order, m->columns + 1, err));
    MNK_OUT(MNK_NEW(m->leaf, m->columns + 1, err));
    for (size_t i = 0; i < m->columns; i++) {
        int32_t c = ((const int32_t *)order)[i];
        MNK_OUT(c >= 0 && (size_t)c < m->columns && !seen[c] ? MNK_OK
                                                             : mnk_tensors_damaged(in, "its order is impossible", err));
        m->order[i] = c, seen[c] = 1;
    }
    for (size_t c = 0; c < m->columns; c++) {
        MNK_OUT(m->tree[c].leaves + 1 <= starts - k ? MNK_OK : mnk_tensors_damaged(in, "its leaves end too early", err));
        MNK_OUT(open_leaves(in, m, c, (const uint32_t *)start + k, (const uint8_t *)bin + at, (const float *)share + at,
                            entries - at, err));
        k += m->tree[c].leaves + 1, at += m->leaf[c].start[m->tree[c].leaves];
    }
    mnk_cart_find_classes(m);
    MNK_OUT(open_tilts(in, m, err));
out:
    mnk_free(seen);
    return status;
}
