/* Random systems over small boxes, every query against enumeration of the integer points. */
#include "affine/affine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { NVAR = 5, LO = -2, HI = 2, NTRIAL = 800 };

typedef struct World {
    Arena *a;
    AffCtx *x;
    Sym name[NVAR];
    int64_t at[NVAR];
    uint32_t seed;
} World;

static uint32_t rnd(World *w, uint32_t n) {
    w->seed = w->seed * 1664525u + 1013904223u;
    return (w->seed >> 8) % n;
}

static int64_t value(void *ctx, Sym s) {
    World *w = ctx;
    for (int i = 0; i < NVAR; i++)
        if (w->name[i] == s) return w->at[i];
    return 0;
}

static Aff random_form(World *w) {
    Aff e = aff_const((int64_t)rnd(w, 9) - 4);
    for (int i = 0; i < NVAR; i++) {
        int32_t k = rnd(w, 2) ? (int32_t)rnd(w, 5) - 2 : 0;
        e = aff_add(w->x, e, aff_scale(w->x, aff_name(w->x, w->name[i]), k));
    }
    return e;
}

static Cons random_cons(World *w) {
    Aff e = random_form(w);
    return rnd(w, 4) ? cons_ge(e) : cons_eq(w->x, e, aff_const(0));
}

static bool all_hold(World *w, const Cons *cs, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (!cons_at(cs[i], value, w)) return false;
    return true;
}

/* Next point of the box; false after the last. */
static bool next_point(World *w) {
    for (int i = 0; i < NVAR; i++) {
        if (++w->at[i] <= HI) return true;
        w->at[i] = LO;
    }
    return false;
}

static void first_point(World *w) {
    for (int i = 0; i < NVAR; i++) w->at[i] = LO;
}

typedef struct Truth {
    bool any, implied;
    int64_t lo, hi;
} Truth;

static Truth enumerate(World *w, const Cons *cs, uint32_t n, Aff e, Cons goal,
                       const Cons *projected,
                       uint32_t np) {
    Truth t = {.implied = true};
    first_point(w);
    do {
        if (!all_hold(w, cs, n)) continue;
        int64_t v = aff_at(e, value, w);
        t.lo = !t.any || v < t.lo ? v : t.lo;
        t.hi = !t.any || v > t.hi ? v : t.hi;
        t.any = true;
        t.implied &= cons_at(goal, value, w);
        for (uint32_t i = 0; i < np; i++) assert_true(cons_at(projected[i], value, w));
    } while (next_point(w));
    return t;
}

static void trial(World *w, uint32_t *decided) {
    ConsVec c = {0};
    for (int i = 0; i < NVAR; i++)
        cons_range(w->x, &c, w->name[i], aff_const(LO), aff_const(HI + 1));
    uint32_t n = rnd(w, 6);
    for (uint32_t i = 0; i < n; i++) vec_push(w->a, &c, random_cons(w));
    Aff e = random_form(w);
    Cons goal = random_cons(w);
    if (!rnd(w, 3)) {
        Cons of[] = {goal, random_cons(w)};
        goal = cons_not(w->x, of, 2);
    }
    Sym elim[] = {w->name[rnd(w, NVAR)], w->name[rnd(w, NVAR)]};
    ConsVec out = {0};
    bool projected = aff_project(w->x, c.data, c.len, elim, 2, &out);
    for (uint32_t i = 0; i < out.len; i++)
        assert_false(cons_mentions(out.data[i], elim[0]) || cons_mentions(out.data[i], elim[1]));
    bool feasible = aff_feasible(w->x, c.data, c.len);
    bool implied = aff_implied(w->x, c.data, c.len, goal);
    AffBounds b = aff_bounds(w->x, e, c.data, c.len);
    Aff reduced = aff_reduce(w->x, e, c.data, c.len);
    Truth t = enumerate(w, c.data, c.len, e, goal, out.data, out.len);
    assert_true(feasible || !t.any);
    assert_true(projected || !t.any);
    assert_true(!implied || t.implied);
    if (t.any) {
        assert_true(b.has_lo && b.has_hi); /* the box is finite */
        assert_true(b.lo <= t.lo && t.hi <= b.hi);
        Truth r = enumerate(w, c.data, c.len, reduced, goal, NULL, 0);
        assert_true(r.lo == t.lo && r.hi == t.hi);
        *decided += b.lo == t.lo && t.hi == b.hi && implied == t.implied;
    } else {
        *decided += !feasible;
    }
}

static void random_boxes(void **state) {
    (void)state;
    uint32_t decided = 0;
    for (uint32_t k = 0; k < NTRIAL; k++) {
        Arena *a = arena_new(0, NULL, NULL);
        Intern *syms = intern_new(a);
        World w = {.a = a, .x = affctx_new(a, syms), .seed = k * 2654435761u + 1};
        const char *names[NVAR] = {"i", "j", "k", "l", "m"};
        for (int i = 0; i < NVAR; i++) w.name[i] = intern(syms, names[i]);
        trial(&w, &decided);
        arena_free(a);
    }
    assert_true(decided > NTRIAL * 3 / 4); /* sound, and sharp most of the time */
}

/* Facts and least values against the same constraints written out. */
static void context(void **state) {
    (void)state;
    for (uint32_t k = 0; k < 300; k++) {
        Arena *a = arena_new(0, NULL, NULL);
        Intern *syms = intern_new(a);
        World w = {.a = a, .x = affctx_new(a, syms), .seed = k + 77};
        World v = {.a = a, .x = affctx_new(a, syms), .seed = k + 77};
        const char *names[NVAR] = {"i", "j", "k", "T", "N"};
        for (int i = 0; i < NVAR; i++) w.name[i] = v.name[i] = intern(syms, names[i]);
        ConsVec c = {0}, more = {0};
        for (uint32_t i = 0; i < 4; i++) vec_push(a, &c, random_cons(&w));
        Aff d = aff_sub(w.x, aff_name(w.x, w.name[3]), aff_name(w.x, w.name[4]));
        Cons fact = cons_ge(aff_plus(d, -1));
        affctx_size(w.x, w.name[3], 1);
        affctx_size(w.x, w.name[4], 2);
        affctx_fact(w.x, fact);
        for (uint32_t i = 0; i < c.len; i++) vec_push(a, &more, c.data[i]);
        vec_push(a, &more, fact);
        vec_push(a, &more, cons_ge(aff_plus(aff_name(w.x, w.name[3]), -1)));
        vec_push(a, &more, cons_ge(aff_plus(aff_name(w.x, w.name[4]), -2)));
        Cons goal = cons_ge(aff_sub(w.x, aff_name(w.x, w.name[3]), aff_name(w.x, w.name[0])));
        assert_int_equal(aff_feasible(w.x, c.data, c.len), aff_feasible(v.x, more.data, more.len));
        assert_int_equal(aff_implied(w.x, c.data, c.len, goal),
                         aff_implied(v.x, more.data, more.len, goal));
        arena_free(a);
    }
}

int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(random_boxes), cmocka_unit_test(context)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
