#include "program/fx_impl.h"
#include "diag/diag.h"
#include <math.h>
#include <stdlib.h>

/* Numerators and denominators stay below 2^53, so that p / q in double is correctly rounded. */
#define RAT_MAX ((int64_t)1 << 53)
enum { MAX_EXPONENT = 1024 };

static const uint8_t arity[] = {
#define FX(name, n, text) [FX_##name] = n,
#include "program/fx.def"
};

static const char *const text[] = {
#define FX(name, n, t) [FX_##name] = t,
#include "program/fx.def"
};

uint32_t fx_arity(FxOp op) { return arity[op]; }
const char *fx_text(FxOp op) { return text[op]; }

FxPool *fxpool_new(Arena *a, AffCtx *x) {
    FxPool *p = ARENA_NEW(a, FxPool);
    p->a = a;
    p->x = x;
    p->scratch = ARENA_NEW(a, FxScratch);
    p->scratch->a = a;
    p->nslot = 256;
    p->slot = ARENA_ARRAY(a, uint32_t, p->nslot);
    vec_push(a, &p->node, (FxNode){0});
    vec_push(a, &p->size, 0);
    return p;
}

const FxNode *fx_node(const FxPool *p, Fx f) {
    if (!f || f >= p->node.len) bug("fx_node: no expression %u", f);
    return &p->node.data[f];
}

/* ---- scratch */
FxMemo *fx_memo_take(const FxPool *p) {
    FxScratch *s = p->scratch;
    FxMemo *m = s->free;
    if (m)
        s->free = m->next;
    else
        m = ARENA_NEW(s->a, FxMemo);
    if (m->cap < p->node.len) {
        m->cap = p->node.len * 2;
        m->val = ARENA_ARRAY(s->a, Fx, m->cap);
        m->num = ARENA_ARRAY(s->a, double, m->cap);
        m->gen = ARENA_ARRAY(s->a, uint32_t, m->cap);
        m->now = 0;
    }
    m->now++;
    return m;
}

void fx_memo_give(const FxPool *p, FxMemo *m) {
    m->next = p->scratch->free;
    p->scratch->free = m;
}

/* ---- hash consing */
static uint64_t mix(uint64_t h, uint64_t v) {
    h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    return h * 0xff51afd7ed558ccdu;
}

static uint64_t aff_hash(uint64_t h, Aff a) {
    h = mix(h, (uint64_t)a.c);
    for (uint32_t i = 0; i < a.nterm; i++) {
        h = mix(h, a.term[i].name);
        h = mix(h, (uint64_t)(int64_t)a.term[i].k);
    }
    return h;
}

static uint64_t node_hash(const FxNode *n) {
    uint64_t bits, h = mix(0, n->op);
    memcpy(&bits, &n->num, sizeof bits);
    for (int i = 0; i < 3; i++) h = mix(h, n->arg[i]);
    h = mix(mix(mix(mix(h, bits), (uint64_t)n->p), (uint64_t)n->q), n->k);
    h = aff_hash(h, n->aff);
    for (uint32_t i = 0; i < n->nidx; i++) h = aff_hash(h, n->idx[i]);
    return h ^ (h >> 31);
}

static bool node_same(const FxNode *a, const FxNode *b) {
    if (a->op != b->op || a->k != b->k || a->nidx != b->nidx) return false;
    if (memcmp(a->arg, b->arg, sizeof a->arg)) return false;
    if (memcmp(&a->num, &b->num, sizeof a->num) || a->p != b->p || a->q != b->q) return false;
    if (!aff_eq(a->aff, b->aff)) return false;
    for (uint32_t i = 0; i < a->nidx; i++)
        if (!aff_eq(a->idx[i], b->idx[i])) return false;
    return true;
}

static void slots_grow(FxPool *p) {
    p->nslot *= 2;
    p->slot = ARENA_ARRAY(p->a, uint32_t, p->nslot);
    for (uint32_t i = 1; i < p->node.len; i++) {
        uint32_t s = (uint32_t)node_hash(&p->node.data[i]) & (p->nslot - 1);
        while (p->slot[s]) s = (s + 1) & (p->nslot - 1);
        p->slot[s] = i;
    }
}

static Fx node_intern(FxPool *p, FxNode n) {
    uint32_t s = (uint32_t)node_hash(&n) & (p->nslot - 1);
    for (; p->slot[s]; s = (s + 1) & (p->nslot - 1))
        if (node_same(&p->node.data[p->slot[s]], &n)) return p->slot[s];
    Fx f = p->node.len;
    p->slot[s] = f;
    double size = 1;
    for (uint32_t i = 0; i < arity[n.op]; i++) size += p->size.data[n.arg[i]];
    vec_push(p->a, &p->node, n);
    vec_push(p->a, &p->size, size);
    if (p->node.len * 2 > p->nslot) slots_grow(p);
    return f;
}

/* ---- numbers */
/* num / den in lowest terms with both small; false if it is not. */
static bool rat_reduce(__int128 num, __int128 den, int64_t *p, int64_t *q) {
    if (den == 0) return false;
    if (den < 0) num = -num, den = -den;
    __int128 a = num < 0 ? -num : num, b = den;
    while (b) {
        __int128 r = a % b;
        a = b;
        b = r;
    }
    if (a > 1) num /= a, den /= a;
    if (num > RAT_MAX || num < -RAT_MAX || den > RAT_MAX) return false;
    *p = (int64_t)num;
    *q = (int64_t)den;
    return true;
}

static Fx rat_node(FxPool *p, int64_t num, int64_t den) {
    return node_intern(
        p, (FxNode){.op = FX_num, .num = (double)num / (double)den, .p = num, .q = den});
}

Fx fx_inexact(FxPool *p, double v) {
    if (isnan(v)) v = (double)NAN; /* one NaN, so that equal bits mean equal nodes */
    return node_intern(p, (FxNode){.op = FX_num, .num = v});
}

Fx fx_rat(FxPool *p, int64_t num, int64_t den) {
    int64_t a, b;
    if (rat_reduce(num, den, &a, &b)) return rat_node(p, a, b);
    return fx_inexact(p, (double)num / (double)den);
}

/* Doubles that are small dyadic rationals are exact. */
Fx fx_num(FxPool *p, double v) {
    double m = v;
    int64_t den = 1;
    for (int i = 0; i <= 40 && fabs(m) <= (double)RAT_MAX; i++, m *= 2, den *= 2)
        if (m == floor(m)) return fx_rat(p, (int64_t)m, den);
    return fx_inexact(p, v);
}

typedef struct Decimal {
    int64_t digits, scale; /* digits * 10^scale */
    bool exact;
} Decimal;

static Decimal decimal_read(const char *s, size_t n) {
    Decimal d = {0, 0, true};
    bool point = false;
    size_t i = 0;
    for (; i < n && s[i] != 'e' && s[i] != 'E'; i++) {
        if (s[i] == '_') continue;
        if (s[i] == '.') {
            point = true;
            continue;
        }
        if (s[i] < '0' || s[i] > '9' || d.digits > RAT_MAX / 10) d.exact = false;
        if (!d.exact) break;
        d.digits = d.digits * 10 + (s[i] - '0');
        if (point) d.scale--;
    }
    if (i < n && d.exact) {
        bool neg = ++i < n && s[i] == '-';
        if (i < n && (s[i] == '-' || s[i] == '+')) i++;
        int64_t e = 0;
        for (; i < n && e < 1000; i++) e = e * 10 + (s[i] - '0');
        d.scale += neg ? -e : e;
    }
    return d;
}

Fx fx_decimal(FxPool *p, const char *s, size_t n) {
    Decimal d = decimal_read(s, n);
    if (d.exact && d.scale >= -18 && d.scale <= 18) {
        __int128 ten = 1;
        int64_t a, b;
        for (int64_t i = 0; i < (d.scale < 0 ? -d.scale : d.scale); i++) ten *= 10;
        if (d.scale < 0 ? rat_reduce(d.digits, ten, &a, &b)
                        : rat_reduce(d.digits * ten, 1, &a, &b))
            return rat_node(p, a, b);
    }
    size_t end;
    return fx_inexact(p, text_double(s, n, &end));
}

/* ---- leaves */
Fx fx_leaf(FxPool *p, uint32_t k) { return node_intern(p, (FxNode){.op = FX_leaf, .k = k}); }
Fx fx_theta(FxPool *p, uint32_t k) { return node_intern(p, (FxNode){.op = FX_theta, .k = k}); }
Fx fx_hyper(FxPool *p, Sym name) { return node_intern(p, (FxNode){.op = FX_hyper, .k = name}); }
Fx fx_dim(FxPool *p, uint32_t in) { return node_intern(p, (FxNode){.op = FX_dim, .k = in}); }

Fx fx_index(FxPool *p, Aff a) {
    if (aff_is_const(a)) return fx_rat(p, a.c, 1);
    return node_intern(p, (FxNode){.op = FX_index, .aff = a});
}

Fx fx_sref(FxPool *p, uint32_t def, const Aff *idx, uint32_t n) {
    return node_intern(p, (FxNode){.op = FX_sref, .k = def, .idx = idx, .nidx = n});
}

/* ---- folding of constants */
static bool rat_isqrt(int64_t v, int64_t *root) {
    int64_t r = (int64_t)llround(sqrt((double)v));
    *root = r;
    return r >= 0 && r * r == v;
}

static Fx fold_pow(FxPool *p, const FxNode *a, const FxNode *b) {
    if (!a->q || b->q != 1 || llabs(b->p) > MAX_EXPONENT) return 0;
    if (a->p == 0 && b->p < 0) return 0;
    int64_t num = 1, den = 1, n = llabs(b->p);
    for (int64_t i = 0; i < n; i++)
        if (!rat_reduce((__int128)num * a->p, (__int128)den * a->q, &num, &den))
            return fx_inexact(p, pow(a->num, b->num));
    return b->p < 0 ? fx_rat(p, den, num) : fx_rat(p, num, den);
}

static Fx rat_or_double(FxPool *p, bool exact, __int128 num, __int128 den, double v) {
    int64_t a, b;
    if (exact && rat_reduce(num, den, &a, &b)) return rat_node(p, a, b);
    return fx_inexact(p, v);
}

static Fx fold_binary(FxPool *p, FxOp op, const FxNode *a, const FxNode *b) {
    bool exact = a->q && b->q;
    __int128 ap = a->p, aq = a->q, bp = b->p, bq = b->q;
    double x = a->num, y = b->num;
    if (op == FX_add) return rat_or_double(p, exact, ap * bq + bp * aq, aq * bq, x + y);
    if (op == FX_sub) return rat_or_double(p, exact, ap * bq - bp * aq, aq * bq, x - y);
    if (op == FX_mul) return rat_or_double(p, exact, ap * bp, aq * bq, x * y);
    if (op == FX_div) return y != 0 ? rat_or_double(p, exact, ap * bq, aq * bp, x / y) : 0;
    if (op == FX_pow) return fold_pow(p, a, b);
    if (op == FX_gt) return fx_rat(p, x > y, 1);
    if (op == FX_ge) return fx_rat(p, x >= y, 1);
    if (op == FX_eq) return fx_rat(p, x == y, 1);
    if (op == FX_and) return fx_rat(p, x != 0 && y != 0, 1);
    if (op == FX_or) return fx_rat(p, x != 0 || y != 0, 1);
    return 0;
}

static Fx fold_unary(FxPool *p, FxOp op, const FxNode *a) {
    int64_t r, s;
    bool zero = a->num == 0;
    if (op == FX_neg) return a->q ? rat_node(p, -a->p, a->q) : fx_inexact(p, -a->num);
    if (op == FX_abs) return a->q ? rat_node(p, llabs(a->p), a->q) : fx_inexact(p, fabs(a->num));
    if (op == FX_sign) return fx_rat(p, (a->num > 0) - (a->num < 0), 1);
    if (op == FX_step) return fx_rat(p, a->num > 0, 1);
    if (op == FX_not) return fx_rat(p, zero, 1);
    if (op == FX_sqrt)
        return a->q && a->p >= 0 && rat_isqrt(a->p, &r) && rat_isqrt(a->q, &s) ? rat_node(p, r, s)
                                                                               : 0;
    if (op == FX_exp || op == FX_cos) return zero ? fx_rat(p, 1, 1) : 0;
    if (op == FX_sin || op == FX_tanh || op == FX_erf) return zero ? fx_rat(p, 0, 1) : 0;
    if (op == FX_log) return a->num == 1 ? fx_rat(p, 0, 1) : 0;
    if (op == FX_Phi) return zero ? fx_rat(p, 1, 2) : 0;
    return 0;
}

static Fx drop_sum(FxPool *p, FxOp op, Fx a, Fx b) {
    if (fx_is_zero(p, b)) return a;
    if (!fx_is_zero(p, a)) return 0;
    return op == FX_add ? b : fx_op(p, FX_neg, b, 0, 0);
}

static Fx drop_product(FxPool *p, FxOp op, Fx a, Fx b) {
    if (fx_is_num(p, b, 1)) return a;
    if (op == FX_div) return fx_is_zero(p, a) && !fx_is_zero(p, b) ? a : 0;
    if (fx_is_zero(p, a)) return a;
    return fx_is_zero(p, b) || fx_is_num(p, a, 1) ? b : 0;
}

static Fx drop_extremum(FxPool *p, FxOp op, Fx a, Fx b) {
    const FxNode *x = fx_node(p, a), *y = fx_node(p, b);
    if (a == b) return a;
    if (x->op != FX_num || y->op != FX_num) return 0;
    return (op == FX_max) == (x->num > y->num) ? a : b;
}

/* A constant operand decides `and`, `or`, or leaves it to the other if that is 0 or 1. */
static Fx drop_logic(FxPool *p, FxOp op, Fx a, Fx b) {
    const FxNode *x = fx_node(p, a), *y = fx_node(p, b);
    if (x->op != FX_num && y->op != FX_num) return 0;
    bool on_left = x->op == FX_num, known = (on_left ? x : y)->num != 0;
    FxOp rest = (on_left ? y : x)->op;
    if (known == (op == FX_or)) return fx_rat(p, known, 1);
    bool truth = rest == FX_gt || rest == FX_ge || rest == FX_eq || rest == FX_not ||
                 rest == FX_and || rest == FX_or;
    return !truth ? 0 : on_left ? b : a;
}

/* Neutral and absorbing elements; 0 where there is nothing to drop. */
static Fx drop_neutral(FxPool *p, FxOp op, Fx a, Fx b) {
    if (op == FX_add || op == FX_sub) return drop_sum(p, op, a, b);
    if (op == FX_mul || op == FX_div) return drop_product(p, op, a, b);
    if (op == FX_pow) return fx_is_num(p, b, 1) ? a : fx_is_zero(p, b) ? fx_rat(p, 1, 1) : 0;
    if (op == FX_max || op == FX_min) return drop_extremum(p, op, a, b);
    return op == FX_and || op == FX_or ? drop_logic(p, op, a, b) : 0;
}

Fx fx_op(FxPool *p, FxOp op, Fx a, Fx b, Fx c) {
    const FxNode *x = fx_node(p, a), *y = arity[op] > 1 ? fx_node(p, b) : 0;
    if (op == FX_if) {
        if (x->op == FX_num) return x->num != 0 ? b : c;
        if (b == c) return b;
        return node_intern(p, (FxNode){.op = op, .arg = {a, b, c}});
    }
    if (op == FX_neg && x->op == FX_neg) return x->arg[0];
    bool consts = x->op == FX_num && (!y || y->op == FX_num);
    Fx f = 0;
    if (consts) {
        FxNode xs = *x, ys = y ? *y : (FxNode){0}; /* the pool may move while folding */
        f = y ? fold_binary(p, op, &xs, &ys) : fold_unary(p, op, &xs);
    }
    if (!f && y) f = drop_neutral(p, op, a, b);
    return f ? f : node_intern(p, (FxNode){.op = op, .arg = {a, y ? b : 0, 0}});
}

/* ---- questions */
bool fx_is_num(const FxPool *p, Fx f, double v) {
    const FxNode *n = fx_node(p, f);
    return n->op == FX_num && n->num == v;
}

bool fx_is_zero(const FxPool *p, Fx f) { return fx_is_num(p, f, 0); }

/* Is there a node of kind op below f?  Kind by kind the largest k + 1 is collected in *top. */
static bool search(const FxPool *p, Fx f, FxOp op, FxMemo *m, uint32_t *top) {
    if (m->gen[f] == m->now) return m->val[f];
    const FxNode *n = fx_node(p, f);
    bool hit = n->op == op;
    if (hit && n->k + 1 > *top) *top = n->k + 1;
    for (uint32_t i = 0; i < arity[n->op]; i++) hit |= search(p, n->arg[i], op, m, top);
    m->gen[f] = m->now;
    m->val[f] = hit;
    return hit;
}

static bool fx_search(const FxPool *p, Fx f, FxOp op, uint32_t *top) {
    FxMemo *m = fx_memo_take(p);
    *top = 0;
    bool hit = search(p, f, op, m, top);
    fx_memo_give(p, m);
    return hit;
}

bool fx_has(const FxPool *p, Fx f, FxOp op) {
    uint32_t top;
    return fx_search(p, f, op, &top);
}

uint32_t fx_nleaf(const FxPool *p, Fx f) {
    uint32_t top;
    fx_search(p, f, FX_leaf, &top);
    return top;
}

uint32_t fx_ntheta(const FxPool *p, Fx f) {
    uint32_t top;
    fx_search(p, f, FX_theta, &top);
    return top;
}

double fx_size(const FxPool *p, Fx f) { return p->size.data[f]; }

static void leaves(const FxPool *p, Fx f, FxMemo *m, bool *has) {
    if (m->gen[f] == m->now) return;
    const FxNode *n = fx_node(p, f);
    m->gen[f] = m->now;
    if (n->op == FX_leaf) has[n->k] = true;
    for (uint32_t i = 0; i < arity[n->op]; i++) leaves(p, n->arg[i], m, has);
}

void fx_leaves(const FxPool *p, Fx f, bool *has) {
    FxMemo *m = fx_memo_take(p);
    leaves(p, f, m, has);
    fx_memo_give(p, m);
}
