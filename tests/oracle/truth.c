/* Verdicts against networks of finite width.  TAP.
 *
 *     truth PROGRAMS [FIRST]    random programs with seeds FIRST.. (1)
 *     truth --seed=N            one of them, in full
 *
 * A gap is Theta with the true transposes minus Theta with independently copied ones
 * (finite_gap), of the same parameters; gradient independence says that it tends to 0.  Of a
 * program called simple-gia, bp-like or gia-exact it must not differ from 0; of one called
 * gia-fails it should, and where the NTK does not show it, the reason is looked for.
 *
 * Statistics.  Networks are independent, so the mean gap is judged by Student's t; of the gaps of
 * Theta(x, x) and Theta(x, x') the smaller p counts, doubled.  A few networks of width 256 are a
 * screen: it only chooses which programs to look at closely.  Those are judged by new networks
 * alone, of widths 256 and 1,024, extrapolated in 1/n, D = (4 D_1024 - D_256) / 3, with Welch's
 * degrees of freedom.  It is an alarm where p < 1e-3 / PROGRAMS (Bonferroni): so a run of right
 * verdicts raises one with probability 1e-3 at most, as far as means over networks are normal and
 * gaps are a / n.  A single program passes the screen with gaps of a few hundredths of Theta. */
#include "../support/finite_gap.h"
#include "../support/random_program.h"
#include "../unit/program/common.h"
#include "check/check.h"

enum { NARROW = 256, WIDE = 1024, NRUNG = RUNG_simple_gia + 1 };
static const double FALSE_ALARMS = 1e-3;
/* A gap of so much Theta is no effect of width 256. */
static const double PLAIN = 0.05;
static const double COARSE = 0.1; /* a resolution that shows little */

typedef struct Case {
    Ctx c;
    const char *text;
    Program *p;
    Gradient *g;
    Verdict v;
    uint64_t next; /* seed of the next network */
} Case;

/* ---- statistics */

/* P(|T| > t) for nu degrees of freedom: with t = sqrt(nu) tan(angle) the density is
 * cos(angle)^(nu - 1); Simpson's rule. */
static double student_tail(double t, double nu) {
    double from = atan(fabs(t) / sqrt(nu)), part[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
        double lo = k ? 0 : from, h = (M_PI_2 - lo) / 4000;
        for (int i = 0; i <= 4000; i++)
            part[k] += (i % 4000 ? i % 2 ? 4 : 2 : 1) * h * pow(fabs(cos(lo + i * h)), nu - 1);
    }
    return part[0] / part[1];
}

typedef struct Judged { /* the clearer of the two gaps, relative to Theta */
    double mean, error, p;
} Judged;

static Judged judged(double mean, double error, double size, double nu) {
    double p = error > 0 ? student_tail(mean / error, nu) : 1;
    if (!isfinite(size) || !(size > 0)) return (Judged){0, NAN, 1};
    if (error <= 1e-12 * size) p = fabs(mean) <= 1e-9 * size;
    return (Judged){mean / size, error / size, p};
}

static Judged clearer(Judged a, Judged b) {
    Judged r = a.p <= b.p ? a : b;
    r.p = fmin(1, 2 * r.p);
    return r;
}

static void networks(Case *x, uint32_t n, uint32_t seeds, Gap out[2]) {
    finite_gaps(x->g, n, x->next, seeds, out);
    x->next += seeds;
}

static Judged screen(Case *x, uint32_t seeds) {
    Gap g[2];
    Judged j[2];
    networks(x, NARROW, seeds, g);
    for (int i = 0; i < 2; i++) j[i] = judged(g[i].mean, g[i].error, g[i].size, seeds - 1);
    return clearer(j[0], j[1]);
}

static Judged extrapolated(Case *x, uint32_t narrow, uint32_t wide) {
    Gap a[2], b[2];
    Judged j[2];
    networks(x, NARROW, narrow, a);
    networks(x, WIDE, wide, b);
    for (int i = 0; i < 2; i++) {
        double u = 16 * b[i].error * b[i].error / 9, w = a[i].error * a[i].error / 9, s = u + w;
        double nu = s > 0 ? s * s / (u * u / (wide - 1) + w * w / (narrow - 1)) : 1;
        j[i] = judged((4 * b[i].mean - a[i].mean) / 3, sqrt(s), b[i].size, nu);
    }
    return clearer(j[0], j[1]);
}

/* ---- programs */

static int64_t probe_size(void *ctx, Sym name) {
    (void)ctx;
    (void)name;
    return GAP_POSITIONS;
}

static double probe_gram(void *ctx, uint32_t in1, const int64_t *pos1, uint32_t in2,
                         const int64_t *pos2) {
    uint32_t npos = *(const bool *)ctx;
    double sum = 0;
    for (uint32_t i = 0; i < GAP_DIM; i++)
        sum += gap_datum(false, in1, pos1, npos, i) * gap_datum(false, in2, pos2, npos, i);
    return sum / GAP_DIM;
}

/* The verdict at the networks' own inputs and sizes. */
static bool case_make(Case *x, const RandomProgram *r) {
    bool sequence = r->sequence;
    CheckProbe probe = {.size = probe_size, .gram = probe_gram, .ctx = &sequence};
    *x = (Case){.c = ctx_new(), .next = r->seed * 1000003 + 1};
    x->text = random_text(x->c.a, r);
    x->p = elaborate_text(&x->c, x->text);
    return x->p && gradient_make(&x->c, x->p, &x->g) && check_program(&x->c, x->p, &probe, &x->v);
}

static RandomProgram program_at(uint64_t seed) {
    return random_program(seed, (RandomOptions){.pieces = 5, .special = true});
}

static void comment(const char *text) {
    for (const char *s = text, *e; *s; s = e + (*e == '\n')) {
        e = s + strcspn(s, "\n");
        printf("#   %.*s\n", (int)(e - s), s);
    }
}

static const CheckReason *witness(const Verdict *v) {
    for (uint32_t i = 0; i < v->reason.len; i++)
        if (v->reason.data[i].clause == CLAUSE_coefficient) return &v->reason.data[i];
    return NULL;
}

/* ---- right verdicts */

/* For the shrinker: still called right, and still a gap. */
static bool still_wrong(void *ctx, const RandomProgram *r) {
    Case x;
    (void)ctx;
    bool wrong = case_make(&x, r) && x.v.rung >= RUNG_gia_exact && screen(&x, 48).p < 1e-6;
    arena_free(x.c.a);
    return wrong;
}

static bool alarm(Case *x, uint32_t programs, Judged *j) {
    *j = screen(x, 12);
    if (j->p > 0.02) return false;
    *j = screen(x, 36);
    if (j->p > 0.005) return false;
    *j = extrapolated(x, 64, 20);
    return j->p < FALSE_ALARMS / programs;
}

static void say_alarm(const Case *x, const RandomProgram *r, Judged j) {
    Case small;
    printf("# seed %llu is called %s, yet its NTK differs by %.3g +- %.2g (p = %.1e)\n",
           (unsigned long long)r->seed, rung_text(x->v.rung), j.mean, j.error, j.p);
    RandomProgram s = random_shrink(*r, still_wrong, NULL);
    if (!case_make(&small, &s)) return;
    printf("# the smallest such program is called %s:\n", rung_text(small.v.rung));
    comment(small.text);
    for (uint32_t i = 0; i < small.v.why.len; i++) printf("#   %s\n", small.v.why.data[i]);
    arena_free(small.c.a);
}

/* ---- gia-fails: does the NTK show it? */

static bool differs(Case *x, Judged *j) {
    *j = screen(x, 16);
    if (j->p < 1e-4 && fabs(j->mean) > PLAIN) return true;
    *j = extrapolated(x, 32, 6);
    if (j->p < 1e-3) return true;
    *j = extrapolated(x, 64, 16);
    return j->p < 1e-3;
}

typedef struct Products { /* squared norms of the products: with and without copies */
    Finite *f;
    DefId d;
    double norm;
} Products;

static void add_norm(void *ctx, const int64_t *idx) {
    Products *q = ctx;
    uint32_t len;
    const double *v = finite_at(q->f, q->d, idx, &len);
    for (uint32_t i = 0; i < len; i++) q->norm += v[i] * v[i] / len;
}

typedef struct Moved { /* the product whose second moment changes most clearly */
    DefId d;
    double mean, error;
} Moved;

static bool is_product(const Case *x, DefId d) {
    const Def *o = &x->g->p->def.data[d];
    return o->op == PO_matmul && x->g->p->fam.data[o->fam].kind == FAM_matrix;
}

/* Second moments of product d in networks of width NARROW: true over copied, minus 1. */
static Moved moment_change(DefId d, Finite *const (*f)[2], uint32_t seeds) {
    double sum = 0, square = 0, r;
    for (uint32_t k = 0; k < seeds; k++) {
        Products q[2] = {{f[k][0], d, 0}, {f[k][1], d, 0}};
        for (int i = 0; i < 2; i++) finite_each(f[k][i], d, add_norm, &q[i]);
        r = q[1].norm > 0 ? q[0].norm / q[1].norm - 1 : 0;
        sum += r;
        square += r * r;
    }
    double mean = sum / seeds, var = (square - sum * mean) / (seeds - 1);
    return (Moved){d, mean, sqrt(fmax(var, 0) / seeds)};
}

enum { REASON_SEEDS = 32 };

static Moved most_moved(Case *x) {
    Arena *a = arena_new(0, NULL, NULL);
    Finite *f[REASON_SEEDS][2];
    GapNetwork r[REASON_SEEDS][2];
    const double *level = gap_levels(a);
    Moved best = {0};
    for (uint32_t k = 0; k < REASON_SEEDS; k++) {
        uint64_t seed = x->next + k;
        f[k][0] = finite_new(a, x->g->p, gap_network(&r[k][0], level, seed, 0, NARROW, false));
        f[k][1] = finite_sample(f[k][0], gap_network(&r[k][1], level, seed, 0, NARROW, true));
    }
    for (DefId d = 1; d < x->g->p->def.len; d++) {
        if (!is_product(x, d)) continue;
        Moved m = moment_change(d, (Finite *const (*)[2])f, REASON_SEEDS);
        if (fabs(m.mean) > 5 * m.error && fabs(m.mean) > fabs(best.mean)) best = m;
    }
    arena_free(a);
    return best;
}

/* Each exception with its coefficient and the reason why the NTK does not see it. */
static void say_exception(Case *x, const RandomProgram *r, Judged j) {
    const CheckReason *w = witness(&x->v);
    Moved m = most_moved(x);
    printf("# seed %llu is called gia-fails, its NTK moves by %.3f +- %.3f (p = %.2g)\n",
           (unsigned long long)r->seed, j.mean, j.error, j.p);
    if (w)
        printf("#   %s = %.6g, %u of %u: %s\n", w->formula, w->value, w->nonzero, w->of, w->text);
    if (!m.d) {
        printf("#   no product's second moment moves: the corrections are below the resolution\n");
        return;
    }
    const char *why = j.error > COARSE ? "Theta scatters too much"
                                       : "its part in Theta is below the resolution";
    printf("#   <x x> of `%s` moves by %.3f +- %.3f; %s\n",
           sym_text(x->c.syms, x->g->p->def.data[m.d].name), m.mean, m.error, why);
}

/* ---- a run */

typedef struct Tally {
    uint32_t of[NRUNG], both[NRUNG]; /* both: of these, with a matrix in both orientations */
    uint32_t alarms, differ, exceptions, unreadable;
} Tally;

/* Otherwise a copied transpose changes nothing. */
static bool uses_both(const Case *x) {
    const Program *p = x->g->p;
    for (DefId d = 1; d < p->def.len; d++)
        for (DefId e = 1; is_product(x, d) && e < d; e++)
            if (is_product(x, e) && p->def.data[e].fam == p->def.data[d].fam &&
                p->def.data[e].transposed != p->def.data[d].transposed)
                return true;
    return false;
}

static void visit(Tally *t, uint64_t seed, uint32_t programs) {
    Case x;
    Judged j;
    RandomProgram r = program_at(seed);
    if (!case_make(&x, &r)) {
        printf("# seed %llu: %s\n", (unsigned long long)seed, messages(&x.c));
        t->unreadable++;
        arena_free(x.c.a);
        return;
    }
    t->of[x.v.rung]++;
    t->both[x.v.rung] += uses_both(&x);
    if (x.v.rung >= RUNG_gia_exact && alarm(&x, programs, &j)) {
        t->alarms++;
        say_alarm(&x, &r, j);
    } else if (x.v.rung == RUNG_gia_fails && differs(&x, &j)) {
        t->differ++;
    } else if (x.v.rung == RUNG_gia_fails) {
        t->exceptions++;
        say_exception(&x, &r, j);
    }
    fflush(stdout);
    arena_free(x.c.a);
}

static void say_verdict(const Case *x) {
    printf("# %s, readout: %s\n", rung_text(x->v.rung), readout_text(x->v.readout));
    for (uint32_t i = 0; i < x->v.reason.len; i++) {
        const CheckReason *q = &x->v.reason.data[i];
        printf("#   %s: %s; %s %.6g +- %.1g\n", clause_name(q->clause), q->text,
               q->formula ? q->formula : "", q->value, q->bound);
    }
    for (uint32_t i = 0; i < x->v.why.len; i++) printf("#   %s\n", x->v.why.data[i]);
}

static int one(uint64_t seed) {
    Case x;
    RandomProgram r = program_at(seed);
    if (!case_make(&x, &r)) return 1;
    comment(x.text);
    say_verdict(&x);
    Judged j = screen(&x, 64), e = extrapolated(&x, 64, 20);
    printf("# width 256: %.4f +- %.4f, p = %.2g; extrapolated: %.4f +- %.4f, p = %.2g\n", j.mean,
           j.error, j.p, e.mean, e.error, e.p);
    say_exception(&x, &r, e);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strncmp(argv[1], "--seed=", 7)) return one(strtoull(argv[1] + 7, NULL, 10));
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 200;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    Tally t = {0};
    for (uint64_t s = first; s < first + n; s++) visit(&t, s, n);
    printf("# seeds %llu to %llu:", (unsigned long long)first, (unsigned long long)(first + n - 1));
    for (Rung r = RUNG_simple_gia;; r--) {
        printf(" %u %s (%u)%s", t.of[r], rung_text(r), t.both[r], r ? "," : "\n");
        if (!r) break;
    }
    printf("# in brackets: those that use a matrix in both orientations, forward or backward\n");
    printf("# gia-fails: the NTK differs of %u, not significantly of %u\n", t.differ, t.exceptions);
    printf("%s 1 every program has a verdict\n", t.unreadable ? "not ok" : "ok");
    printf("%s 2 no program that is called right differs\n", t.alarms ? "not ok" : "ok");
    bool few = false;
    for (int r = 0; r < NRUNG; r++) few |= r != RUNG_undecided && t.of[r] * 25 < n;
    printf("%s 3 every rung has its share\n", few ? "not ok" : "ok");
    printf("%s 4 most failures show\n1..4\n", t.differ < t.exceptions ? "not ok" : "ok");
    return t.unreadable || t.alarms || few || t.differ < t.exceptions;
}
