/* Forms, constraints and their text; queries on small examples with known answers. */
#include "affine/affine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

typedef struct Fix {
    Arena *a;
    Intern *syms;
    AffCtx *x;
} Fix;

static int setup(void **state) {
    Arena *a = arena_new(0, NULL, NULL);
    Fix *f = ARENA_NEW(a, Fix);
    f->a = a;
    f->syms = intern_new(a);
    f->x = affctx_new(a, f->syms);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    arena_free(((Fix *)*state)->a);
    return 0;
}

static Aff var(Fix *f, const char *s) { return aff_name(f->x, intern(f->syms, s)); }

static void text_is(Fix *f, Aff a, const char *want) {
    Buf b = buf_new(f->a);
    aff_print(f->syms, &b, a);
    assert_string_equal(buf_text(&b), want);
}

static void cons_is(Fix *f, Cons c, const char *want) {
    Buf b = buf_new(f->a);
    cons_print(f->syms, &b, c);
    assert_string_equal(buf_text(&b), want);
}

static void forms(void **state) {
    Fix *f = *state;
    Aff a = var(f, "a"), p = var(f, "p"), n = var(f, "N");
    Aff e = aff_plus(aff_add(f->x, aff_scale(f->x, a, 2), p), -1);
    text_is(f, e, "2*a+p-1");
    text_is(f, aff_sub(f->x, aff_const(1), p), "1-p");
    text_is(f, aff_sub(f->x, n, aff_plus(p, 1)), "N-p-1");
    text_is(f, aff_sub(f->x, e, e), "0");
    text_is(f, aff_plus(aff_scale(f->x, p, -1), -2), "-p-2");
    assert_int_equal(aff_coef(e, intern(f->syms, "a")), 2);
    AffSubst swap[] = {{intern(f->syms, "a"), p}, {intern(f->syms, "p"), a}};
    text_is(f, aff_subst(f->x, e, swap, 2), "a+2*p-1");
    assert_true(aff_eq(aff_add(f->x, a, p), aff_add(f->x, p, a)));
    assert_int_equal(aff_cmp(a, a), 0);
    assert_int_equal(aff_cmp(a, p), -aff_cmp(p, a));
}

static void constraints(void **state) {
    Fix *f = *state;
    Aff a = var(f, "a"), p = var(f, "p"), n = var(f, "N"), m = var(f, "m");
    cons_is(f, cons_ge(aff_plus(aff_add(f->x, a, p), -1)), "a+p>=1");
    cons_is(f, cons_lt(f->x, aff_add(f->x, a, p), n), "N>=a+p+1");
    cons_is(f, cons_eq(f->x, p, aff_const(0)), "p=0");
    assert_true(cons_same(cons_eq(f->x, p, m), cons_eq(f->x, m, p)));
    Cons eq = cons_eq(f->x, p, m), both[] = {eq, cons_ge(a)};
    cons_is(f, cons_not(f->x, &eq, 1), "p!=m");
    cons_is(f, cons_not(f->x, both, 2), "not(p=m & a>=0)");
    Cons ge = cons_ge(aff_plus(a, -1));
    cons_is(f, cons_not(f->x, &ge, 1), "0>=a");
    assert_true(cons_mentions(cons_not(f->x, both, 2), intern(f->syms, "m")));
}

static void sizes(void **state) {
    Fix *f = *state;
    Sym depth = intern(f->syms, "depth"), prime = affctx_prime(f->x, depth);
    assert_string_equal(sym_text(f->syms, prime), "depth'");
    assert_true(affctx_unprime(f->x, prime) == depth && affctx_unprime(f->x, depth) == depth);
    assert_false(affctx_is_size(f->x, prime));
    affctx_size(f->x, depth, 1);
    assert_true(affctx_is_size(f->x, prime));
    assert_false(affctx_is_size(f->x, intern(f->syms, "l")));
    Cons zero = cons_eq(f->x, aff_name(f->x, prime), aff_const(0));
    assert_false(aff_feasible(f->x, &zero, 1));
    /* a fact, and the new least value, change the answers already given */
    Aff d = aff_name(f->x, depth), k = var(f, "k");
    affctx_size(f->x, intern(f->syms, "k"), INT64_MIN);
    Cons c = cons_lt(f->x, k, d);
    assert_false(aff_implied(f->x, NULL, 0, c));
    affctx_fact(f->x, cons_le(f->x, aff_plus(k, 3), d));
    assert_true(aff_implied(f->x, NULL, 0, c));
    Cons small = cons_le(f->x, d, aff_const(2));
    assert_true(aff_implied(f->x, &small, 1, cons_le(f->x, k, aff_const(-1))));
}

static void queries(void **state) {
    Fix *f = *state;
    AffCtx *x = f->x;
    Aff l = var(f, "l"), m = var(f, "l'"), d = var(f, "depth");
    affctx_size(x, intern(f->syms, "depth"), 1);
    ConsVec c = {0};
    cons_range(x, &c, intern(f->syms, "l"), aff_const(0), d);
    cons_range(x, &c, intern(f->syms, "l'"), aff_const(0), d);
    assert_true(aff_feasible(x, c.data, c.len));
    AffBounds b = aff_bounds(x, aff_sub(x, m, l), c.data, c.len);
    assert_false(b.has_lo || b.has_hi);
    vec_push(f->a, &c, cons_le(x, aff_sub(x, m, l), aff_const(1)));
    vec_push(f->a, &c, cons_le(x, aff_sub(x, l, m), aff_const(2)));
    b = aff_bounds(x, aff_sub(x, m, l), c.data, c.len);
    assert_true(b.has_lo && b.has_hi && b.lo == -2 && b.hi == 1);
    /* 2 l = 2 l' + 1 has no integer solution; 2 l = 3 l' + 1 has */
    Cons odd = cons_eq(x, aff_scale(x, l, 2), aff_plus(aff_scale(x, m, 2), 1));
    assert_false(aff_feasible(x, &odd, 1));
    Cons fine = cons_eq(x, aff_scale(x, l, 2), aff_plus(aff_scale(x, m, 3), 1));
    assert_true(aff_feasible(x, &fine, 1));
    Cons eq = cons_eq(x, m, aff_plus(l, 1));
    text_is(f, aff_reduce(x, aff_sub(x, m, l), &eq, 1), "1");
    Sym el = intern(f->syms, "l'");
    ConsVec out = {0};
    Cons two[] = {eq, cons_lt(x, m, d)};
    assert_true(aff_project(x, two, 2, &el, 1, &out));
    assert_int_equal(out.len, 1);
    assert_true(cons_same(out.data[0], cons_lt(x, aff_plus(l, 1), d)));
}

static void overflow(void **state) {
    Fix *f = *state;
    Aff a = aff_scale(f->x, var(f, "a"), INT32_MAX);
    assert_false(affctx_overflow(f->x));
    aff_add(f->x, a, a);
    assert_true(affctx_overflow(f->x));
    /* rows whose combination does not fit are dropped: feasible (at 0), never a crash */
    const char *name[] = {"a", "b", "c", "d", "e", "g"};
    ConsVec cs = {0};
    for (int i = 0; i < 6; i++) {
        Aff u = aff_scale(f->x, var(f, name[i]), INT32_MAX - i);
        Aff v = aff_scale(f->x, var(f, name[(i + 1) % 6]), INT32_MAX - 11 * i - 7);
        vec_push(f->a, &cs, cons_ge(aff_sub(f->x, u, v)));
        vec_push(f->a, &cs, cons_ge(aff_plus(aff_sub(f->x, v, u), INT64_MAX / 2)));
    }
    assert_true(aff_feasible(f->x, cs.data, cs.len));
}

int main(void) {
    const struct CMUnitTest t[] = {
        cmocka_unit_test_setup_teardown(forms, setup, teardown),
        cmocka_unit_test_setup_teardown(constraints, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(queries, setup, teardown),
        cmocka_unit_test_setup_teardown(overflow, setup, teardown),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
