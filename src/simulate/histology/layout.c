/* Where things stand: hard-core point patterns, Lloyd relaxation, and distances in their power diagram. */
#include <string.h>

#include "base/mem.h"
#include "simulate/histology/histology.h"

void sites_close(sites *t) {
    mnk_free(t->site);
    mnk_free(t->head);
    mnk_free(t->next);
    memset(t, 0, sizeof *t);
}

static int bucket_of(const sites *t, float x, float y) {
    int i = (int)((x - t->x0) / t->bucket), j = (int)((y - t->y0) / t->bucket);
    i = i < 0 ? 0 : i >= t->gw ? t->gw - 1 : i;
    j = j < 0 ? 0 : j >= t->gh ? t->gh - 1 : j;
    return j * t->gw + i;
}

void sites_index(sites *t) {
    for (int i = 0; i < t->gw * t->gh; i++) t->head[i] = -1;
    for (int i = 0; i < t->n; i++) {
        int b = bucket_of(t, t->site[i].x, t->site[i].y);
        t->next[i] = t->head[b];
        t->head[b] = i;
    }
}

/* True when no site is nearer than d. */
static bool is_free(const sites *t, float x, float y, float d) {
    int ci = (int)((x - t->x0) / t->bucket), cj = (int)((y - t->y0) / t->bucket);
    for (int j = cj - 1; j <= cj + 1; j++)
        for (int i = ci - 1; i <= ci + 1; i++) {
            if (i < 0 || j < 0 || i >= t->gw || j >= t->gh) continue;
            for (int k = t->head[j * t->gw + i]; k >= 0; k = t->next[k]) {
                float dx = t->site[k].x - x, dy = t->site[k].y - y;
                if (dx * dx + dy * dy < d * d) return false;
            }
        }
    return true;
}

/* One step of Lloyd's iteration with the cells sampled on a square raster: sites move to the mean of their samples. */
static mnk_status relax(sites *t, float low, float high, spacing_f f, void *ctx, mnk_error *err) {
    float *sum = NULL;
    MNK_TRY(MNK_NEW(sum, (size_t)t->n * 3 + 1, err));
    float step = t->bucket / 5;
    int side = (int)((high - low) / step);
    for (int j = 0; j < side; j++)
        for (int i = 0; i < side; i++) {
            float x = low + ((float)i + 0.5F) * step, y = low + ((float)j + 0.5F) * step;
            if (f && f(ctx, x, y) <= 0) continue;
            place q = sites_at(t, x, y, -1);
            if (q.site < 0) continue;
            sum[q.site * 3] += x;
            sum[q.site * 3 + 1] += y;
            sum[q.site * 3 + 2] += 1;
        }
    for (int i = 0; i < t->n; i++) {
        float n = sum[i * 3 + 2];
        site *s = &t->site[i];
        bool rim = s->x < low + t->bucket || s->y < low + t->bucket || s->x > high - t->bucket || s->y > high - t->bucket;
        if (n < 4 || rim) continue;
        s->x = sum[i * 3] / n;
        s->y = sum[i * 3 + 1] / n;
    }
    mnk_free(sum);
    sites_index(t);
    return MNK_OK;
}

mnk_status sites_throw(sites *t, float low, float high, float spacing, spacing_f f, void *ctx, int lloyd, mnk_rng *r,
                       mnk_error *err) {
    memset(t, 0, sizeof *t);
    mnk_status status = MNK_OK;
    float side = high - low;
    t->x0 = t->y0 = low;
    t->bucket = spacing;
    t->gw = t->gh = (int)(side / spacing) + 1;
    /* with a smaller local spacing more fit; four times the count at the largest spacing bounds what the subtypes use */
    t->size = (int)(4 * side * side / (spacing * spacing)) + 16;
    MNK_OUT(MNK_NEW(t->site, (size_t)t->size, err));
    MNK_OUT(MNK_NEW(t->next, (size_t)t->size, err));
    MNK_OUT(MNK_NEW(t->head, (size_t)t->gw * t->gh, err));
    sites_index(t);
    int darts = 14 * t->gw * t->gh + 20;
    for (int i = 0; i < darts && t->n < t->size; i++) {
        float x = low + side * mnk_rng_uniform_f32(r), y = low + side * mnk_rng_uniform_f32(r);
        float d = f ? f(ctx, x, y) : spacing;
        if (d <= 0 || !is_free(t, x, y, d < spacing ? d : spacing)) continue;
        site *s = &t->site[t->n];
        memset(s, 0, sizeof *s);
        s->x = s->nx = x;
        s->y = s->ny = y;
        int b = bucket_of(t, x, y);
        t->next[t->n] = t->head[b];
        t->head[b] = t->n++;
    }
    for (int i = 0; i < lloyd; i++) MNK_OUT(relax(t, low, high, f, ctx, err));
    for (int i = 0; i < t->n; i++) {
        t->site[i].nx = t->site[i].x;
        t->site[i].ny = t->site[i].y;
    }
    return MNK_OK;
out:
    sites_close(t);
    return status;
}

/* In a power diagram the border between sites i and j is the line where |p-i|^2 - w_i = |p-j|^2 - w_j; the distance of
 * p to it is (pow_j - pow_i) / (2 |i-j|) (Aurenhammer 1987). */
place sites_at(const sites *t, float x, float y, int nest) {
    enum { NEAR = 96 };
    int near[NEAR], n = 0;
    float pow[NEAR];
    place q = {-1, -1, 1e6F, 1e6F};
    float best = 1e30F;
    int ci = (int)((x - t->x0) / t->bucket), cj = (int)((y - t->y0) / t->bucket);
    for (int j = cj - 2; j <= cj + 2; j++)
        for (int i = ci - 2; i <= ci + 2; i++) {
            if (i < 0 || j < 0 || i >= t->gw || j >= t->gh) continue;
            for (int k = t->head[j * t->gw + i]; k >= 0 && n < NEAR; k = t->next[k]) {
                const site *s = &t->site[k];
                if (nest >= 0 && s->nest != nest) continue;
                float dx = s->x - x, dy = s->y - y, d = dx * dx + dy * dy - s->power;
                near[n] = k;
                pow[n++] = d;
                if (d < best) {
                    best = d;
                    q.site = k;
                }
            }
        }
    if (q.site < 0) return q;
    const site *o = &t->site[q.site];
    for (int i = 0; i < n; i++) {
        if (near[i] == q.site) continue;
        float gap = pow[i] - best;
        if (gap > 14 * t->bucket * q.edge2) continue; /* farther: two sites near p are less than 7.1 buckets apart */
        const site *s = &t->site[near[i]];
        float dx = s->x - o->x, dy = s->y - o->y, d = gap / (2 * sqrtf(dx * dx + dy * dy) + 1e-6F);
        if (d < q.edge) {
            q.edge2 = q.edge;
            q.edge = d;
            q.neighbour = near[i];
        } else if (d < q.edge2) q.edge2 = d;
    }
    return q;
}

void finder_init(finder *f, const sites *t, float reach) {
    f->t = t;
    f->reach = reach;
    f->slack = min_f(0.3F * t->bucket, 4);
    f->nest = -2;
    f->n = 0;
    f->x = f->y = 0;
}

/* Collects the sites that matter within `slack` of (x, y). A site whose border with the nearest one is farther than
 * reach + 2 slack from here cannot come within reach of any point that near: between the two lie at most slack to the
 * point, reach to its border, and slack for the nearest site being another one there. */
static void gather(finder *f, float x, float y, int nest) {
    const sites *t = f->t;
    int near[FINDER_NEAR], n = 0, first = -1;
    float power[FINDER_NEAR], best = 1e30F;
    int ci = (int)((x - t->x0) / t->bucket), cj = (int)((y - t->y0) / t->bucket);
    for (int j = cj - 2; j <= cj + 2; j++)
        for (int i = ci - 2; i <= ci + 2; i++) {
            if (i < 0 || j < 0 || i >= t->gw || j >= t->gh) continue;
            for (int k = t->head[j * t->gw + i]; k >= 0 && n < FINDER_NEAR; k = t->next[k]) {
                const site *s = &t->site[k];
                if (nest >= 0 && s->nest != nest) continue;
                float dx = s->x - x, dy = s->y - y, d = dx * dx + dy * dy - s->power;
                near[n] = k;
                power[n] = d;
                if (d < best) {
                    best = d;
                    first = n;
                }
                n++;
            }
        }
    f->n = 0;
    f->x = x;
    f->y = y;
    f->nest = nest;
    for (int i = 0; i < n; i++) {
        const site *s = &t->site[near[i]], *o = &t->site[near[first]];
        float dx = s->x - o->x, dy = s->y - o->y, limit = 2 * (f->reach + 2 * f->slack), gap = power[i] - best;
        if (i != first && gap * gap > limit * limit * (dx * dx + dy * dy)) continue;
        f->id[f->n] = near[i];
        f->px[f->n] = s->x;
        f->py[f->n] = s->y;
        f->power[f->n++] = s->power;
    }
}

place finder_at(finder *f, float x, float y, int nest) {
    float mx = x - f->x, my = y - f->y;
    if (nest != f->nest || mx * mx + my * my > f->slack * f->slack) gather(f, x, y, nest);
    place q = {-1, -1, f->reach, f->reach};
    float d[FINDER_NEAR], best = 1e30F;
    int first = -1;
    for (int i = 0; i < f->n; i++) {
        float dx = f->px[i] - x, dy = f->py[i] - y;
        d[i] = dx * dx + dy * dy - f->power[i];
        if (d[i] < best) {
            best = d[i];
            first = i;
        }
    }
    if (first < 0) return q;
    q.site = f->id[first];
    for (int i = 0; i < f->n; i++) {
        if (i == first) continue;
        float dx = f->px[i] - f->px[first], dy = f->py[i] - f->py[first], gap = d[i] - best, away2 = 4 * (dx * dx + dy * dy);
        if (gap * gap >= q.edge2 * q.edge2 * away2) continue;
        float border = gap / sqrtf(away2);
        if (border < q.edge) {
            q.edge2 = q.edge;
            q.edge = border;
            q.neighbour = f->id[i];
        } else q.edge2 = border;
    }
    return q;
}
