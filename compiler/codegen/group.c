/* How many vectors of pairs the pair function keeps in flight.
 *
 * Measured on the depth-20 ReLU recursion in float64 (a Horner chain of 17 steps and a square root;
 * ns per entry and layer; EPYC, Zen 4, 512-bit vectors):
 *     u x g:  1x1 2.74   2x1 1.81   2x2 1.67   2x4 1.64   4x1 1.63   4x2 1.62   8x1 1.63
 * A single vector is bound by latency, from four on the FMA ports are, and every doubling doubles
 * compile time.  Intel's wide vectors like groups better than long lockstep (1.31 with two groups
 * of two, 1.43 with four in lockstep).  With 256 bits the vectors are shorter: eight of them (1.89;
 * 2x2 2.21); in float32 2x2 is as good there, but worse where each layer has a reciprocal norm
 * (times of a loop by hand: layer norm 1.34, 4x2 1.28; a recurrent network 1.30, 1.14). */
#include "codegen/emit.h"
#include <string.h>


static uint32_t instructions(const KFn *f) {
    uint32_t n = 0;
    for (uint32_t i = 1; i < f->block.len; i++) n += f->block.data[i].ins.len;
    return n;
}

/* Compile time grows with instructions * vectors; large bodies have parallelism of their own. */
enum { LARGE = 1500, HUGE_BODY = 6000 };

static Grouping preferred(const Target *t, bool f32) {
    bool zen = t->tune && !strncmp(t->tune, "znver", 5);
    const Grouping four = {.u = 4, .g = 1}, two = {.u = 2, .g = 2}, eight = {.u = 4, .g = 2};
    if (t->bits >= 512) return zen && !f32 ? four : two;
    if (t->bits == 256) return eight;
    return t->fma ? four : (Grouping){.u = 1, .g = 1}; /* without fma: calls bound it */
}

/* A quotient in every turn keeps more registers waiting than 256 bits leave: times of a loop by
 * hand of a recurrent network with erf, float64: 1.41 (4x2), 1.30 (2x2), float32: 1.57, 1.45. */
static bool divides(const Kernel *k) {
    const KFn *f = &k->fn[KS_pair];
    for (uint32_t v = 1; v < f->ins.len; v++)
        if (f->ins.data[v].op == KO_div) return true;
    return false;
}

/* The largest number of axes of one scratch array that grow with a size of the data or a
 * hyperparameter. */
static uint32_t long_axes(const Kernel *k) {
    uint32_t most = 0;
    for (uint32_t i = 1; i < k->array.len; i++) {
        const KArray *a = &k->array.data[i];
        uint32_t n = 0;
        for (uint32_t j = 0; a->stage == KS_pair && a->class == KA_stored && j < a->naxis; j++)
            n += !a->axis[j].slices && !aff_is_const(aff_sub(k->aff, a->axis[j].hi, a->axis[j].lo));
        if (n > most) most = n;
    }
    return most;
}

/* Is scratch that is made outside the loop read in the block at places that do not name the loop's
 * variable: all of it again in every turn? */
static bool rereads_in(const KFn *f, const KIns *loop, uint32_t block) {
    const KBlock *b = &f->block.data[block];
    for (uint32_t i = 0; i < b->ins.len; i++) {
        const KIns *k = &f->ins.data[b->ins.data[i]];
        bool named = k->op != KO_load || k->side != SIDE_none || !k->nidx;
        for (uint32_t n = 0; n < k->nidx && !named; n++) named = aff_mentions(k->idx[n], loop->var);
        if (!named && !kfn_stores(f, loop->block, k->x)) return true;
        if (k->block && rereads_in(f, loop, k->block)) return true;
        if (k->block2 && rereads_in(f, loop, k->block2)) return true;
    }
    return false;
}

/* As products of matrices do. */
static bool rereads(const Kernel *k) {
    const KFn *f = &k->fn[KS_pair];
    for (uint32_t b = 1; b < f->block.len; b++)
        for (uint32_t i = 0; i < f->block.data[b].ins.len; i++) {
            const KIns *v = &f->ins.data[f->block.data[b].ins.data[i]];
            if (v->op == KO_loop && rereads_in(f, v, v->block)) return true;
        }
    return false;
}

static bool has_long_arrays(const Kernel *k) { return long_axes(k) > 0; }

static bool sizes_vary(const Kernel *k) {
    for (uint32_t i = 0; i < k->size.len; i++)
        if (k->size.data[i].varies) return true;
    return false;
}

/* Long arrays in steps of a whole block of samples would use a part of the cache's sets; where
 * sizes vary, small blocks would make for many calls. */
uint32_t sample_block(const Kernel *k, Grouping pair) {
    if (pair.strip) return 1; /* positions lie side by side */
    uint32_t lanes = pair.w * pair.u * pair.g;
    if (!has_long_arrays(k) || sizes_vary(k)) return TP_BLOCK;
    return lanes < 8 ? 8 : lanes;
}

/* A left sample's element would fill a cache line of its own. */
bool pair_is_compact(const Kernel *k) { return has_long_arrays(k); }

/* Each vector more is as much more scratch, which counts where arrays have two long axes (images,
 * T x T); sequences stay in the cache, and their recursions wait for one step after another
 * (T = 64, Zen 4, 512 bits, times of a hand-written loop: 1.84 with one vector, 1.20 with two, 1.14
 * with four).  Measured on 21 layers of 3 x 3 convolutions and ReLU on 32 x 32 images (Zen 4): 512
 * bits, float64: 1.19 (one vector), 1.18 (two), float32: 1.22, 1.28; 256 bits, float64: 1.54, 1.18,
 * 1.15 (four), float32: 1.44, 1.12, 1.55.  What is read again in every turn has to stay in the
 * cache: a transformer with T = 64, 256 bits, float64: 0.96, 1.04, 1.51, float32: 0.85, 1.40, 1.51.
 */
static uint32_t vectors_beside_arrays(const Target *t, bool f32) {
    if (t->bits != 256) return 1;
    return f32 ? 2 : 4;
}

/* Turns of loops are better lanes than pairs up to half as many right samples as lanes, a third of
 * 16: rows of an image do not always fill a vector.  Times of pairs as lanes, 21 layers on 32 x 32
 * images and a pooling, 512 bits (Zen 4): 2, 4, 8 images in float64 0.31, 0.52, 1.1; in float32
 * 0.48, 0.8, 1.2. */
Grouping strip_grouping(const Kernel *k, const Target *t, const CodegenOptions *o) {
    uint32_t lanes = t->bits / (k->dtype == TP_F32 ? 32 : 64);
    bool few = o->right && o->right * (lanes > 8 ? 3 : 2) <= lanes;
    return few && has_long_arrays(k) && !sizes_vary(k) ? (Grouping){1, 1, 1, lanes} : (Grouping){0};
}

Grouping pair_grouping(const Kernel *k, const Target *t, const CodegenOptions *o) {
    bool f32 = k->dtype == TP_F32;
    Grouping n = preferred(t, f32);
    n.w = t->bits / (f32 ? 32 : 64);
    uint32_t size = instructions(&k->fn[KS_pair]);
    if (t->bits == 256 && divides(k)) n = (Grouping){n.w, 2, 2, 0};
    if (size > LARGE) n.g = 1;
    if (long_axes(k) > 1)
        n = (Grouping){n.w, rereads(k) ? 1 : vectors_beside_arrays(t, f32), 1, 0};
    if (size > HUGE_BODY && n.u > 2) n.u = 2;
    if (o->u) n.u = o->u;
    if (o->g) n.g = o->g;
    while (TP_BLOCK % (n.u * n.g * n.w) || n.u * n.g > MAX_VECTORS) {
        if (n.g > 1)
            n.g /= 2;
        else
            n.u /= 2;
    }
    return n;
}
