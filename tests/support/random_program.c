#include "random_program.h"
#include "base/buf.h"

/* Of activations: odd ones, even ones, neither; smooth ones first. */
static const char *const act_name[] = {"tanh", "erf", "sin", "gelu", "wave", "cos",
                                       "identity", "relu", "abs", "leaky_relu"};
enum { NACT = 10, NSMOOTH = 7, PLAIN = 6 };

static uint32_t pick(uint64_t *seed, uint32_t n) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t h = *seed += 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((h ^ h >> 31) % n);
}

static bool needs_positions(RandomPiece k) { return k == RP_rnn || k == RP_attend; }

static RandomPiece piece(uint64_t *seed, const RandomProgram *p, RandomOptions o) {
    for (;;) {
        uint32_t k = pick(seed, RP_COUNT + 2);
        RandomPiece kind = k < RP_COUNT ? (RandomPiece)k : RP_dense;
        if (o.without >> kind & 1 || (needs_positions(kind) && !p->sequence)) continue;
        if (kind == RP_readout && p->readout == RR_moment) continue;
        return kind;
    }
}

RandomProgram random_program(uint64_t seed, RandomOptions o) {
    uint64_t s = seed << 20;
    RandomProgram p = {.seed = seed};
    uint32_t most = o.pieces ? o.pieces : 6, nact = o.smooth ? NSMOOTH : NACT;
    if (most > RANDOM_MAX_PIECES) most = RANDOM_MAX_PIECES;
    p.sequence = !pick(&s, 3);
    p.readout = o.fresh_readout ? RR_fresh : (RandomReadout)(pick(&s, RR_COUNT + 1) % RR_COUNT);
    p.nstep = 1 + pick(&s, most);
    for (uint32_t i = 0; i < p.nstep; i++) {
        RandomStep *t = &p.step[i];
        t->kind = piece(&s, &p, o);
        t->x = pick(&s, 3) ? i : pick(&s, i + 1);
        t->y = pick(&s, i + 1);
        t->act = pick(&s, nact);
        t->matrix = pick(&s, 2);
    }
    p.act = pick(&s, nact);
    uint32_t special = o.special ? pick(&s, 8) : 2;
    for (uint32_t i = 0; special == 0 && i < p.nstep; i++) p.step[i].act = PLAIN;
    if (special == 0) p.act = PLAIN;
    p.odd_readout = special == 1;
    return p;
}

/* ---- text */
static const char *vector(Arena *a, const RandomProgram *p, uint32_t k) {
    while (k && p->step[k - 1].gone) k = p->step[k - 1].x;
    return arena_printf(a, "h%u", k);
}

static void step_text(Buf *b, const RandomProgram *p, uint32_t i) {
    const RandomStep *t = &p->step[i];
    const char *x = vector(b->a, p, t->x), *y = vector(b->a, p, t->y), *f = act_name[t->act];
    uint32_t h = i + 1;
    char m = t->matrix ? 'B' : 'A';
    switch (t->kind) {
    case RP_dense:
        buf_printf(b, "    param W%u: matrix ~ N(0, 1 / fan_in)\n", h);
        buf_printf(b, "    param b%u: vector ~ N(0, 0.3)\n", h);
        buf_printf(b, "    h%u = W%u * %s(%s) + b%u\n", h, h, f, x, h);
        return;
    case RP_shared: buf_printf(b, "    h%u = %c * %s(%s)\n", h, m, f, x); return;
    case RP_tied: buf_printf(b, "    h%u = %c' * %s(%s)\n", h, m, f, x); return;
    case RP_sum:
        buf_printf(b, "    h%u = (%c * %s(%s) + %c' * %s(%s)) / sqrt(2)\n", h, m, f, x, m, f, x);
        return;
    case RP_gate: buf_printf(b, "    h%u = %s(%s) * %s\n", h, f, x, y); return;
    case RP_residual: buf_printf(b, "    h%u = %s + 0.5 * %s\n", h, x, y); return;
    case RP_norm:
        buf_printf(b, "    m%u = moment(%s)\n", h, x);
        buf_printf(b, "    h%u = (%s - m%u) / sqrt(moment((%s - m%u)^2) + 0.1)\n", h, x, h, x, h);
        return;
    case RP_scale:
        buf_printf(b, "    h%u = (moment(%s * %s) + 0.5) * %s(%s)\n", h, x, y, f, x);
        return;
    case RP_inside:
        buf_printf(b, "    h%u = %s((moment(%s * %s) + 0.5) * %s)\n", h, f, x, y, x);
        return;
    case RP_attend:
        buf_printf(b, "    for t in 0..T { k%u[t] = %c * %s(u[t]) + %s }\n", h, m, f, y);
        buf_puts(b, "    for s in 0..T, t in 0..T {");
        buf_printf(b, " e%u[s, t] = moment(k%u[s] * k%u[t]) }\n", h, h, h);
        buf_printf(b, "    a%u = softmax(e%u, over = t)\n", h, h);
        buf_puts(b, "    for s in 0..T {");
        buf_printf(b, " y%u[s] = sum(t in 0..T) a%u[s, t] * k%u[t] }\n", h, h, h);
        buf_printf(b, "    h%u = %s + avg(s in 0..T) %s(y%u[s])\n", h, x, f, h);
        return;
    case RP_loop:
        buf_printf(b, "    h%u = %s\n", h, x);
        buf_printf(b, "    repeat 3 { h%u = %c * %s(h%u) + 0.5 * %s }\n", h, m, f, h, y);
        return;
    case RP_stack:
        buf_printf(b, "    h%u = %s\n    repeat 3 {\n", h, x);
        buf_printf(b, "        param W%u: matrix ~ N(0, 1 / fan_in)\n", h);
        buf_printf(b, "        h%u = W%u * %s(h%u) + 0.5 * %s\n    }\n", h, h, f, h, y);
        return;
    case RP_zigzag:
        buf_printf(b, "    h%u = %s\n    repeat 2 { h%u = %c' * %s(%c * h%u) }\n", h, x, h, m, f, m,
                   h);
        return;
    case RP_rnn:
        buf_printf(b, "    s%u = %s\n", h, x);
        buf_printf(b, "    for t in 0..T { s%u = %s(%c * s%u + u[t]) ;", h, f, m, h);
        buf_printf(b, " r%u[t] = s%u }\n", h, h);
        buf_printf(b, "    h%u = avg(t in 0..T) r%u[t]\n", h, h);
        return;
    case RP_shift: buf_printf(b, "    h%u = %s + 1\n", h, x); return;
    case RP_readout: buf_printf(b, "    h%u = %s + 0.5 * v\n", h, x); return;
    case RP_COUNT: return;
    }
}

const char *random_text(Arena *a, const RandomProgram *p) {
    Buf b = buf_new(a);
    buf_printf(&b, "# seed %llu\n", (unsigned long long)p->seed);
    buf_puts(&b, "fn wave(x) = 0.5 * x + 0.3 * x^2\n");
    buf_printf(&b, "network f(x: input%s) {\n", p->sequence ? "[T]" : "");
    buf_puts(&b, "    param U: matrix ~ N(0, 1 / fan_in)\n"
                 "    param A: matrix ~ N(0, 1 / n)\n"
                 "    param B: matrix ~ N(0, 0.8 / n)\n");
    if (p->readout != RR_moment)
        buf_printf(&b, "    param v: vector ~ N(%d, 1)\n", p->readout == RR_mean);
    if (p->sequence) buf_puts(&b, "    for t in 0..T { u[t] = U * x[t] }\n    h0 = u[0]\n");
    else buf_puts(&b, "    h0 = U * x\n");
    for (uint32_t i = 0; i < p->nstep; i++)
        if (!p->step[i].gone) step_text(&b, p, i);
    const char *h = vector(a, p, p->nstep), *f = act_name[p->act];
    if (p->readout == RR_moment) buf_printf(&b, "    return moment(%s(%s))\n}\n", f, h);
    else if (p->odd_readout)
        buf_printf(&b, "    r = tanh(v)\n    return r' * %s(%s) / sqrt(n)\n}\n", f, h);
    else buf_printf(&b, "    return v' * %s(%s) / sqrt(n)\n}\n", f, h);
    return buf_text(&b);
}

/* ---- shrinking */
static bool keep_if(RandomProgram *p, RandomProgram q, bool (*fails)(void *, const RandomProgram *),
                    void *ctx) {
    if (!fails(ctx, &q)) return false;
    *p = q;
    return true;
}

RandomProgram random_shrink(RandomProgram p, bool (*fails)(void *ctx, const RandomProgram *p),
                            void *ctx) {
    for (bool change = true; change;) {
        change = false;
        RandomProgram q = p;
        for (uint32_t i = p.nstep; i-- > 0;) {
            if (p.step[i].gone) continue;
            q = p;
            q.step[i].gone = true;
            change |= keep_if(&p, q, fails, ctx);
        }
        for (uint32_t i = 0; i < p.nstep; i++) {
            if (p.step[i].gone || p.step[i].act == PLAIN) continue;
            q = p;
            q.step[i].act = PLAIN;
            change |= keep_if(&p, q, fails, ctx);
        }
        q = p;
        q.act = PLAIN;
        if (p.act != PLAIN) change |= keep_if(&p, q, fails, ctx);
        q = p;
        q.readout = RR_fresh;
        if (p.readout != RR_fresh) change |= keep_if(&p, q, fails, ctx);
        q = p;
        q.odd_readout = false;
        if (p.odd_readout) change |= keep_if(&p, q, fails, ctx);
    }
    return p;
}
