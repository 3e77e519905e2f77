#include "nn/conv_direct.h"

#include <dnnl.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"

/* Image blocks per batch: balances 2 to 4 threads and is the number of partial weight gradients. */
#define UNITS 8

enum { FWD, BWD_DATA, BWD_WEIGHTS, PASSES };

/* One block of images of one pass: a primitive shared by the blocks of equal size, and tensors of its own, because setting
 * a data handle is not safe between threads. */
typedef struct unit {
    dnnl_primitive_t primitive; /* borrowed */
    dnnl_stream_t stream;
    dnnl_memory_t source, weights, target, scratch;
} unit;

typedef struct pass {
    bool used;
    dnnl_primitive_t full, tail; /* blocks of c->block images, and the smaller last one */
    size_t scratch_bytes;        /* of one unit */
    unit units[UNITS];
    char kernel[64];
} pass;

struct mnk_conv_direct {
    mnk_conv_shape shape;
    int icp, ocp;                                    /* padded channels */
    int block, units, last;                          /* images of a full block, blocks, images of the last block */
    size_t source_image, target_image, weight_count; /* floats */
    dnnl_engine_t engine;
    float *packed[2]; /* OIhw8i8o for FWD, OIhw8o8i for BWD_DATA */
    pass passes[PASSES];
};

static size_t round64(size_t bytes) { return (bytes + 63) / 64 * 64; }

static mnk_status refused(const mnk_conv_shape *s, dnnl_status_t status, const char *what, mnk_error *err) {
    mnk_status code = status == dnnl_out_of_memory ? MNK_ERR_MEMORY : MNK_ERR_UNSUPPORTED;
    return MNK_FAIL(err, code, "oneDNN %s failed (status %d) for a convolution of %d images %dx%dx%d to %dx%dx%d, k%d s%d p%d",
                    what, (int)status, s->n, s->ic, s->ih, s->iw, s->oc, s->oh, s->ow, s->k, s->stride, s->pad);
}

/* Descriptor of one pass over `images` images; `hint` is the forward descriptor for the backward ones. */
static dnnl_status_t describe(const mnk_conv_direct *c, int kind, int images, dnnl_primitive_desc_t hint,
                              dnnl_memory_desc_t md[3], dnnl_primitive_desc_t *out) {
    const mnk_conv_shape *s = &c->shape;
    dnnl_dims_t sd = {images, c->icp, s->ih, s->iw}, wd = {c->ocp, c->icp, s->k, s->k}, td = {images, c->ocp, s->oh, s->ow};
    dnnl_dims_t stride = {s->stride, s->stride}, pad = {s->pad, s->pad};
    dnnl_format_tag_t tag = kind == BWD_DATA ? dnnl_OIhw8o8i : dnnl_OIhw8i8o;
    dnnl_status_t st = dnnl_memory_desc_init_by_tag(&md[0], 4, sd, dnnl_f32, dnnl_nChw8c);
    if (!st) st = dnnl_memory_desc_init_by_tag(&md[1], 4, wd, dnnl_f32, tag);
    if (!st) st = dnnl_memory_desc_init_by_tag(&md[2], 4, td, dnnl_f32, dnnl_nChw8c);
    dnnl_convolution_desc_t d;
    if (st) return st;
    if (kind == FWD)
        st = dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct, &md[0], &md[1], NULL,
                                                &md[2], stride, pad, pad);
    else if (kind == BWD_DATA)
        st = dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &md[0], &md[1], &md[2], stride, pad, pad);
    else
        st = dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, &md[0], &md[1], NULL, &md[2], stride, pad,
                                                         pad);
    dnnl_primitive_attr_t attr = NULL;
    if (!st) st = dnnl_primitive_attr_create(&attr);
    if (!st) st = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (!st) st = dnnl_primitive_desc_create(out, &d, attr, c->engine, hint);
    dnnl_primitive_attr_destroy(attr);
    return st;
}

static dnnl_status_t make_primitive(mnk_conv_direct *c, int kind, int images, dnnl_memory_desc_t md[3], dnnl_primitive_t *out) {
    dnnl_primitive_desc_t forward = NULL, desc = NULL;
    dnnl_memory_desc_t ignored[3];
    dnnl_status_t st = kind == FWD ? dnnl_success : describe(c, FWD, images, NULL, ignored, &forward);
    if (!st) st = describe(c, kind, images, forward, md, &desc);
    if (!st) st = dnnl_primitive_create(out, desc);
    if (!st) {
        size_t bytes = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0));
        if (bytes > c->passes[kind].scratch_bytes) c->passes[kind].scratch_bytes = bytes;
        const char *name = "";
        dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name);
        strncpy(c->passes[kind].kernel, name, sizeof c->passes[kind].kernel - 1);
    }
    if (desc) dnnl_primitive_desc_destroy(desc);
    if (forward) dnnl_primitive_desc_destroy(forward);
    return st;
}

static dnnl_status_t open_unit(mnk_conv_direct *c, unit *u, const dnnl_memory_desc_t md[3]) {
    dnnl_memory_desc_t bytes;
    dnnl_dims_t one = {1};
    dnnl_status_t st = dnnl_memory_desc_init_by_tag(&bytes, 1, one, dnnl_u8, dnnl_a); /* oneDNN looks at the pointer alone */
    if (!st) st = dnnl_stream_create(&u->stream, c->engine, dnnl_stream_default_flags);
    if (!st) st = dnnl_memory_create(&u->source, &md[0], c->engine, DNNL_MEMORY_NONE);
    if (!st) st = dnnl_memory_create(&u->weights, &md[1], c->engine, DNNL_MEMORY_NONE);
    if (!st) st = dnnl_memory_create(&u->target, &md[2], c->engine, DNNL_MEMORY_NONE);
    if (!st) st = dnnl_memory_create(&u->scratch, &bytes, c->engine, DNNL_MEMORY_NONE);
    return st;
}

static dnnl_status_t open_pass(mnk_conv_direct *c, int kind) {
    pass *p = &c->passes[kind];
    dnnl_memory_desc_t full[3], tail[3];
    dnnl_status_t st = make_primitive(c, kind, c->block, full, &p->full);
    if (!st && c->last != c->block) st = make_primitive(c, kind, c->last, tail, &p->tail);
    for (int u = 0; !st && u < c->units; u++) {
        bool short_one = u == c->units - 1 && c->last != c->block;
        p->units[u].primitive = short_one ? p->tail : p->full;
        st = open_unit(c, &p->units[u], short_one ? tail : full);
    }
    p->used = true;
    return st;
}

static void close_pass(pass *p) {
    for (int u = 0; u < UNITS; u++) {
        unit *v = &p->units[u];
        if (v->scratch) dnnl_memory_destroy(v->scratch);
        if (v->target) dnnl_memory_destroy(v->target);
        if (v->weights) dnnl_memory_destroy(v->weights);
        if (v->source) dnnl_memory_destroy(v->source);
        if (v->stream) dnnl_stream_destroy(v->stream);
    }
    if (p->tail) dnnl_primitive_destroy(p->tail);
    if (p->full) dnnl_primitive_destroy(p->full);
}

void mnk_conv_direct_close(mnk_conv_direct *c) {
    if (!c) return;
    for (int kind = 0; kind < PASSES; kind++) close_pass(&c->passes[kind]);
    for (int kind = 0; kind < 2; kind++) mnk_free(c->packed[kind]);
    if (c->engine) dnnl_engine_destroy(c->engine);
    mnk_free(c);
}

/* Plans every wanted pass for one thread: oneDNN's kernels bake the thread count in when they are made. */
static mnk_status open_passes(mnk_conv_direct *c, const bool wanted[PASSES], mnk_error *err) {
    static const char *const names[PASSES] = {"forward", "backward-data", "backward-weights"};
    mnk_status status = MNK_OK;
    for (int kind = 0; kind < 2; kind++)
        if (wanted[kind]) MNK_TRY(MNK_NEW_ALIGNED(c->packed[kind], c->weight_count, err));
    dnnl_status_t st = dnnl_engine_create(&c->engine, dnnl_cpu, 0);
    if (st) return refused(&c->shape, st, "engine", err);
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    for (int kind = 0; kind < PASSES && status == MNK_OK; kind++) {
        if (!wanted[kind]) continue;
        st = open_pass(c, kind);
        if (st) status = refused(&c->shape, st, names[kind], err);
    }
    omp_set_num_threads(threads);
    return status;
}

mnk_status mnk_conv_direct_open(const mnk_conv_shape *shape, bool fwd, bool bwd_data, bool bwd_weights, mnk_conv_direct **out,
                                mnk_error *err) {
    *out = NULL;
    mnk_conv_direct *c = NULL;
    MNK_TRY(MNK_NEW(c, 1, err));
    const mnk_conv_shape *s = &c->shape;
    c->shape = *shape;
    c->icp = mnk_padded(s->ic);
    c->ocp = mnk_padded(s->oc);
    c->block = (s->n + UNITS - 1) / UNITS;
    c->units = (s->n + c->block - 1) / c->block;
    c->last = s->n - (c->units - 1) * c->block;
    c->source_image = (size_t)c->icp * (size_t)s->ih * (size_t)s->iw;
    c->target_image = (size_t)c->ocp * (size_t)s->oh * (size_t)s->ow;
    c->weight_count = (size_t)c->icp * (size_t)c->ocp * (size_t)s->k * (size_t)s->k;
    mnk_status status = open_passes(c, (bool[PASSES]){fwd, bwd_data, bwd_weights}, err);
    if (status != MNK_OK) {
        mnk_conv_direct_close(c);
        return status;
    }
    *out = c;
    return MNK_OK;
}

const char *mnk_conv_direct_kernel(const mnk_conv_direct *c, int kind) { return c->passes[kind].kernel; }

size_t mnk_conv_direct_scratch_bytes(const mnk_conv_direct *c) {
    size_t most = 0;
    for (int kind = 0; kind < PASSES; kind++) {
        size_t bytes = round64(c->passes[kind].scratch_bytes);
        if (kind == BWD_WEIGHTS && c->passes[kind].used) bytes += round64(c->weight_count * sizeof(float));
        if (bytes > most) most = bytes;
    }
    return most * (size_t)c->units;
}

/* [k][k][ic][oc] -> [oc/8][ic/8][k][k][8][8], inner order i,o (forward) or o,i (backward data). */
void mnk_conv_direct_weights(mnk_conv_direct *c, const float *w) {
    int taps = c->shape.k * c->shape.k, ic = c->shape.ic, oc = c->shape.oc, ib_count = c->icp / 8, ob_count = c->ocp / 8;
    float *forward = c->packed[FWD], *backward = c->packed[BWD_DATA];
    if (!forward && !backward) return;
#pragma omp parallel for collapse(2) schedule(static)
    for (int ob = 0; ob < ob_count; ob++)
        for (int ib = 0; ib < ib_count; ib++)
            for (int t = 0; t < taps; t++) {
                size_t at = (((size_t)ob * (size_t)ib_count + (size_t)ib) * (size_t)taps + (size_t)t) * 64;
                int os = oc - ob * 8 < 8 ? oc - ob * 8 : 8, is = ic - ib * 8 < 8 ? ic - ib * 8 : 8;
                for (int i = 0; i < is; i++) { /* padding stays the zero it was allocated with */
                    const float *from = w + ((size_t)t * (size_t)ic + (size_t)(ib * 8 + i)) * (size_t)oc + (size_t)ob * 8;
                    if (forward) memcpy(forward + at + (size_t)i * 8, from, (size_t)os * sizeof *from);
                    if (backward)
                        for (int o = 0; o < os; o++) backward[at + (size_t)o * 8 + (size_t)i] = from[o];
                }
            }
}

/* dw = (or +=) sum over units, in unit order, of partial gradients in OIhw8i8o, without their padding. */
static void add_partials(const mnk_conv_direct *c, const float *partial, size_t stride, float *dw, bool accumulate) {
    int taps = c->shape.k * c->shape.k, ic = c->shape.ic, oc = c->shape.oc, ib_count = c->icp / 8, ob_count = c->ocp / 8;
#pragma omp parallel for collapse(2) schedule(static)
    for (int ob = 0; ob < ob_count; ob++)
        for (int ic_i = 0; ic_i < ic; ic_i++)
            for (int t = 0; t < taps; t++) {
                size_t at = (((size_t)ob * (size_t)ib_count + (size_t)(ic_i / 8)) * (size_t)taps + (size_t)t) * 64 +
                            (size_t)(ic_i % 8) * 8;
                float *to = dw + ((size_t)t * (size_t)ic + (size_t)ic_i) * (size_t)oc + (size_t)ob * 8;
                int os = oc - ob * 8 < 8 ? oc - ob * 8 : 8;
                float sum[8] = {0};
                for (int u = 0; u < c->units; u++)
                    for (int o = 0; o < 8; o++) sum[o] += partial[(size_t)u * stride + at + (size_t)o];
                for (int o = 0; o < os; o++) to[o] = accumulate ? to[o] + sum[o] : sum[o];
            }
}

/* Runs one unit; oneDNN takes non-const pointers even for what it only reads. */
static void run(const mnk_conv_direct *c, int kind, int u, const float *source, const float *weights, const float *target,
                void *scratch) {
    static const int args[PASSES][3] = {{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                                        {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
                                        {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}};
    const unit *v = &c->passes[kind].units[u];
    size_t first = (size_t)u * (size_t)c->block;
    dnnl_memory_set_data_handle(v->source, (void *)(source + first * c->source_image));
    dnnl_memory_set_data_handle(v->weights, (void *)weights);
    dnnl_memory_set_data_handle(v->target, (void *)(target + first * c->target_image));
    dnnl_memory_set_data_handle(v->scratch, scratch);
    dnnl_exec_arg_t a[4] = {
        {args[kind][0], v->source}, {args[kind][1], v->weights}, {args[kind][2], v->target}, {DNNL_ARG_SCRATCHPAD, v->scratch}};
    dnnl_primitive_execute(v->primitive, v->stream, 4, a);
}

static void run_blocks(mnk_conv_direct *c, int kind, const float *source, const float *target, void *scratch) {
    size_t stride = round64(c->passes[kind].scratch_bytes);
#pragma omp parallel for schedule(dynamic, 1)
    for (int u = 0; u < c->units; u++) run(c, kind, u, source, c->packed[kind], target, (char *)scratch + (size_t)u * stride);
}

void mnk_conv_direct_fwd(mnk_conv_direct *c, const float *x, float *y, void *scratch) { run_blocks(c, FWD, x, y, scratch); }

void mnk_conv_direct_bwd_data(mnk_conv_direct *c, const float *dy, float *dx, void *scratch) {
    run_blocks(c, BWD_DATA, dx, dy, scratch);
}

void mnk_conv_direct_bwd_weights(mnk_conv_direct *c, const float *x, const float *dy, float *dw, bool accumulate,
                                 void *scratch) {
    size_t bytes = round64(c->weight_count * sizeof(float)), own = round64(c->passes[BWD_WEIGHTS].scratch_bytes);
    float *partial = scratch;
    char *rest = (char *)scratch + (size_t)c->units * bytes;
#pragma omp parallel for schedule(dynamic, 1)
    for (int u = 0; u < c->units; u++)
        run(c, BWD_WEIGHTS, u, x, partial + (size_t)u * (bytes / sizeof(float)), dy, rest + (size_t)u * own);
    add_partials(c, partial, bytes / sizeof(float), dw, accumulate);
}
