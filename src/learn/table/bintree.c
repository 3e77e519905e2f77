#include "learn/table/bintree.h"

#include <string.h>

#include "base/mem.h"

mnk_status mnk_bintree_open(mnk_bintree *t, mnk_error *err) {
    *t = (mnk_bintree){.room = 64, .nodes = 1};
    MNK_TRY(MNK_NEW(t->node, t->room, err));
    t->node[0] = (mnk_bintree_node){.column = -1, .left = -1};
    return MNK_OK;
}

void mnk_bintree_clear(mnk_bintree *t) {
    mnk_free(t->node);
    *t = (mnk_bintree){0};
}

mnk_status mnk_bintree_split(mnk_bintree *t, size_t at, int32_t column, const uint64_t mask[4], int32_t *left, mnk_error *err) {
    if (t->nodes + 2 > t->room) {
        mnk_bintree_node *more = mnk_realloc(t->node, t->room * 2, sizeof *more);
        if (!more) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: a tree of %zu nodes", t->room * 2);
        t->node = more;
        t->room *= 2;
    }
    *left = (int32_t)t->nodes;
    t->node[t->nodes] = t->node[t->nodes + 1] = (mnk_bintree_node){.column = -1, .left = -1};
    t->nodes += 2;
    t->node[at].column = column;
    t->node[at].left = *left;
    memcpy(t->node[at].mask, mask, sizeof t->node[at].mask);
    return MNK_OK;
}

void mnk_bintree_number_leaves(mnk_bintree *t) {
    t->leaves = 0;
    for (size_t i = 0; i < t->nodes; i++)
        if (t->node[i].column < 0) t->node[i].left = (int32_t)t->leaves++;
}

static bool in_mask(const uint64_t mask[4], unsigned bin) { return mask[bin >> 6] >> (bin & 63) & 1; }

void mnk_bintree_place_unseen(const mnk_codes *c, const uint32_t *count, uint64_t mask[4]) {
    uint64_t side[2] = {0, 0};
    for (unsigned b = 0; b < c->bins; b++) side[in_mask(mask, b)] += count[b];
    for (unsigned b = 0; b < c->bins; b++) {
        if (count[b]) continue;
        bool left = side[1] >= side[0];
        for (unsigned d = 1; c->ordered && b > 0 && d < c->bins; d++) {
            bool below = b > d && count[b - d], above = b + d < c->bins && count[b + d];
            if (!below && !above) continue;
            left = in_mask(mask, below ? b - d : b + d);
            break;
        }
        if (left) mask[b >> 6] |= (uint64_t)1 << (b & 63);
    }
}

size_t mnk_bintree_find(const mnk_bintree *t, const uint8_t *bins, size_t stride, size_t row) {
    size_t at = 0;
    while (t->node[at].column >= 0) {
        const mnk_bintree_node *n = &t->node[at];
        at = (size_t)n->left + !mnk_bintree_goes_left(n, bins[(size_t)n->column * stride + row]);
    }
    return at;
}

void mnk_bintrees_close(mnk_bintree *trees, size_t count) {
    for (size_t i = 0; trees && i < count; i++) mnk_bintree_clear(&trees[i]);
    mnk_free(trees);
}

/* ---- file ---- */

mnk_status mnk_bintrees_save(const mnk_bintree *trees, size_t count, mnk_tensors *file, mnk_error *err) {
    size_t nodes = 0, at = 0;
    void *block[3];
    for (size_t i = 0; i < count; i++) nodes += trees[i].nodes;
    MNK_TRY(mnk_tensors_block(file, count, 4, &block[0], err));
    MNK_TRY(mnk_tensors_block(file, 2 * nodes, 4, &block[1], err));
    MNK_TRY(mnk_tensors_block(file, 4 * nodes, 8, &block[2], err));
    int32_t *size = block[0], *link = block[1];
    uint64_t *mask = block[2];
    for (size_t i = 0; i < count; i++) {
        size[i] = (int32_t)trees[i].nodes;
        for (size_t k = 0; k < trees[i].nodes; k++, at++) {
            link[2 * at] = trees[i].node[k].column, link[2 * at + 1] = trees[i].node[k].left;
            memcpy(mask + 4 * at, trees[i].node[k].mask, sizeof trees[i].node[k].mask);
        }
    }
    MNK_TRY(mnk_tensors_add(file, "tree.size", MNK_I32, size, count, err));
    MNK_TRY(mnk_tensors_add(file, "tree.link", MNK_I32, link, 2 * nodes, err));
    return mnk_tensors_add(file, "tree.mask", MNK_I64, mask, 4 * nodes, err);
}

static mnk_status open_tree(const mnk_tensors_in *in, const int32_t *link, const uint64_t *mask, size_t nodes, size_t columns,
                            mnk_bintree *t, mnk_error *err) {
    MNK_TRY(MNK_NEW(t->node, nodes, err));
    t->nodes = t->room = nodes;
    for (size_t k = 0; k < nodes; k++) {
        int32_t column = link[2 * k], left = link[2 * k + 1];
        t->node[k] = (mnk_bintree_node){.column = column, .left = left};
        memcpy(t->node[k].mask, mask + 4 * k, sizeof t->node[k].mask);
        bool leaf = column < 0, fine = leaf ? left == (int32_t)t->leaves
                                            : (size_t)column < columns && left > (int32_t)k && (size_t)left + 1 < nodes;
        if (!fine) return mnk_tensors_damaged(in, "a tree has an impossible node", err);
        t->leaves += leaf;
    }
    return MNK_OK;
}

mnk_status mnk_bintrees_open(const mnk_tensors_in *in, size_t columns, mnk_bintree **trees, size_t *count, mnk_error *err) {
    const void *size = NULL, *link = NULL, *mask = NULL;
    size_t nodes = 0, at = 0;
    *trees = NULL;
    MNK_TRY(mnk_tensors_get(in, "tree.size", MNK_I32, SIZE_MAX, &size, count, err));
    MNK_TRY(mnk_tensors_get(in, "tree.link", MNK_I32, SIZE_MAX, &link, &nodes, err));
    nodes /= 2;
    MNK_TRY(mnk_tensors_get(in, "tree.mask", MNK_I64, 4 * nodes, &mask, NULL, err));
    MNK_TRY(MNK_NEW(*trees, *count + 1, err));
    for (size_t i = 0; i < *count; i++) {
        int32_t n = ((const int32_t *)size)[i];
        if (n < 1 || (size_t)n > nodes - at) return mnk_tensors_damaged(in, "its trees end too early", err);
        MNK_TRY(open_tree(in, (const int32_t *)link + 2 * at, (const uint64_t *)mask + 4 * at, (size_t)n, columns, &(*trees)[i],
                          err));
        at += (size_t)n;
    }
    return at == nodes ? MNK_OK : mnk_tensors_damaged(in, "it has nodes of no tree", err);
}
