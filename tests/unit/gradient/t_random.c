/* Gradients of random networks against differences.  What fails is shrunk and printed with its
 * seed. */
#include "../../support/random_program.h"
#include "differences.h"

enum { PROGRAMS = 200 };

/* What is wrong with the gradient of the text; NULL: nothing. */
static const char *wrong_with(Ctx *c, const RandomProgram *r) {
    const char *text = random_text(c->a, r);
    Program *p = elaborate(c, load_text(c, text), NULL, NULL, 0);
    if (!p) return arena_printf(c->a, "refused: %s", messages(c));
    Gradient *g = gradient_of(c, p);
    if (!g) return "no gradient";
    return differences(c, g, r->seed, 4, 3);
}

static bool fails(void *ctx, const RandomProgram *r) {
    Ctx c = ctx_new();
    (void)ctx;
    bool bad = wrong_with(&c, r) != NULL;
    arena_free(c.a);
    return bad;
}

static void report(RandomProgram r) {
    Ctx c = ctx_new();
    r = random_shrink(r, fails, NULL);
    const char *wrong = wrong_with(&c, &r);
    print_error("%s\n%s", wrong ? wrong : "", random_text(c.a, &r));
    arena_free(c.a);
}

static void random_networks(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        RandomProgram r = random_program(seed, (RandomOptions){0});
        bool bad = fails(NULL, &r);
        if (bad) report(r);
        assert_false(bad);
    }
}

/* Shrinking keeps a failure, and only what it needs. */
static bool has_gate(void *ctx, const RandomProgram *r) {
    (void)ctx;
    for (uint32_t i = 0; i < r->nstep; i++)
        if (r->step[i].kind == RP_gate && !r->step[i].gone) return true;
    return false;
}

static void shrinking(void **state) {
    (void)state;
    uint32_t found = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        RandomProgram r = random_program(seed, (RandomOptions){.pieces = 10});
        if (!has_gate(NULL, &r)) continue;
        RandomProgram q = random_shrink(r, has_gate, NULL);
        uint32_t left = 0;
        for (uint32_t i = 0; i < q.nstep; i++) left += !q.step[i].gone;
        assert_int_equal(left, 1);
        found++;
    }
    assert_true(found > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shrinking),
                                       cmocka_unit_test(random_networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
