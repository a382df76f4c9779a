/* Order and storage: loops, their fusion, ring sizes; and compile times that do not depend on
 * depth. */
#include "lk.h"
#include "lower/schedule.h"
#include <time.h>

static const char mlp[] =
    "network net(x: input, depth: int = 3) {\n"
    "    h = dense(x, bias = 0.3)\n"
    "    repeat depth - 1 { h = dense(relu(h), bias = 0.3) }\n"
    "    return readout(relu(h))\n"
    "}\n";
static const char stream[] =
    "network net(x: input, depth: int = 3) {\n"
    "    h = dense(x)\n"
    "    repeat depth { h = residual(h) }\n"
    "    return readout(h)\n"
    "}\n";
static const char tied[] =
    "network net(x: input, depth: int = 3) {\n"
    "    param W: matrix ~ N(0, 1 / fan_in)\n"
    "    h[0] = dense(x)\n"
    "    for l in 0..depth { h[l + 1] = sum(k in 0..l + 1) W * relu(h[k]) }\n"
    "    return readout(relu(h[depth]))\n"
    "}\n";

typedef struct Scheduled {
    Ctx c;
    Limit *l;
    Schedule s;
} Scheduled;

static void schedule(Scheduled *r, const char *text) {
    *r = (Scheduled){.c = ctx_new()};
    r->l = lk_limit(&r->c, text, NULL, NULL, 0);
    assert_true(lower_normalise(&r->c, r->l));
    assert_true(schedule_make(&r->c, r->l, &r->s));
}

static uint32_t loops(const NodeVec *n) {
    uint32_t k = 0;
    for (uint32_t i = 0; i < n->len; i++) k += n->data[i]->loop;
    return k;
}

static const Node *first_loop(const NodeVec *n) {
    for (uint32_t i = 0; i < n->len; i++)
        if (n->data[i]->loop) return n->data[i];
    fail_msg("no loop");
    return NULL;
}

static const LArray *array_of(const Scheduled *r, const char *name, LArrayId *id) {
    *id = 0;
    for (LArrayId k = 1; k < r->l->array.len; k++) {
        const LArray *q = &r->l->array.data[k];
        *id = k;
        if (!strcmp(sym_text(r->c.syms, q->name), name)) return q;
    }
    fail_msg("no array %s", name);
    return NULL;
}

static uint32_t slices(const Scheduled *r, const char *name) {
    LArrayId id;
    array_of(r, name, &id);
    return r->s.store[id].slices;
}

static bool in_node(const Node *n, LArrayId id) {
    if (!n->loop) return n->array == id;
    for (uint32_t i = 0; i < n->body.len; i++)
        if (in_node(n->body.data[i], id)) return true;
    return false;
}

static void assert_in(const Scheduled *r, const Node *n, const char *name) {
    LArrayId id;
    array_of(r, name, &id);
    assert_true(in_node(n, id));
}

/* K and Theta of a layer meet in one loop, each keeping only the layer at hand. */
static void layers(void **state) {
    (void)state;
    Scheduled r;
    schedule(&r, mlp);
    const NodeVec *pair = &r.s.root[KS_pair];
    assert_int_equal(loops(pair), 1);
    const Node *loop = first_loop(pair);
    static const char *const name[] = {"K.h2.h2", "K.relu.relu", "Th.h2.h2", "Th.relu.relu"};
    for (int i = 0; i < 4; i++) {
        assert_in(&r, loop, name[i]);
        assert_in_range(slices(&r, name[i]), 1, 2);
    }
    for (uint32_t i = 0; i < loop->body.len; i++) assert_false(loop->body.data[i]->loop);
    arena_free(r.c.a);
}

/* Reads come after what they read, or in an earlier turn. */
static void streams(void **state) {
    (void)state;
    Scheduled r;
    schedule(&r, stream);
    assert_int_equal(loops(&r.s.root[KS_pair]), 1);
    const Node *loop = first_loop(&r.s.root[KS_pair]);
    assert_in(&r, loop, "K.h2.h2");
    assert_in(&r, loop, "Th.h2.h2");
    assert_in_range(slices(&r, "K.h2.h2"), 1, 2);
    arena_free(r.c.a);
}

/* Layers that share a matrix: arrays over (l, l') for one sample and for a pair, kept whole where
 * every layer reads all earlier ones. */
static void shared(void **state) {
    (void)state;
    Scheduled r;
    schedule(&r, tied);
    LArrayId id;
    const LArray *q = array_of(&r, "K.relu.relu", &id);
    assert_int_equal(q->naxis, 2);
    assert_int_equal(r.s.store[id].slices, 0);
    q = array_of(&r, "q.relu.relu", &id);
    assert_int_equal(q->naxis, 2);
    assert_int_equal(r.s.store[id].slices, 0);
    arena_free(r.c.a);
}

/* ---- time */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double compile_time(const char *text, const char *depth, const char **kernel, Arena *keep) {
    double t = seconds();
    Lk r = {.c = ctx_new()};
    Setting set = {"depth", depth};
    r.l = lk_limit(&r.c, text, NULL, &set, 1);
    lk_kernel(&r, true, TP_F64);
    t = seconds() - t;
    Buf b = buf_new(r.c.a);
    kernel_print(&r.c, &b, r.k);
    *kernel = arena_strdup(keep, buf_text(&b));
    arena_free(r.c.a);
    return t;
}

/* The same code but for the default of `depth`, in the same time. */
static void depth_is_a_loop(void **state) {
    (void)state;
    static const char *const text[] = {mlp, stream, tied};
    Arena *a = arena_new(0, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        const char *k[2];
        double best[2] = {1e9, 1e9};
        for (int round = 0; round < 5; round++)
            for (int deep = 0; deep < 2; deep++)
                best[deep] =
                    fmin(best[deep], compile_time(text[i], deep ? "10000" : "3", &k[deep], a));
        const char *p = strstr(k[0], "size depth"), *q = strstr(k[1], "size depth");
        assert_non_null(p);
        assert_non_null(q);
        assert_int_equal(p - k[0], q - k[1]);
        assert_memory_equal(k[0], k[1], (size_t)(p - k[0]));
        assert_string_equal(strchr(p, '\n'), strchr(q, '\n'));
        if (!(best[1] < 2 * best[0])) fail_msg("depth 3: %.4f s, 10000: %.4f s", best[0], best[1]);
    }
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers), cmocka_unit_test(streams),
                                       cmocka_unit_test(shared), cmocka_unit_test(depth_is_a_loop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
