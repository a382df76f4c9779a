/* The verifier: each rule has a kernel that breaks it, and what it says. */
#include "kt.h"

#define HEAD                                                     \
    "kernel t f64 nngp\ninput x\n"                               \
    "size n hyper least 0\nsize m measured s\nreal r hyper\n"    \
    "table t = 1, 2\n"                                           \
    "array g sample input gram 0 0\narray u pair input unit 0 0\n" \
    "array w const [i in 0..n]\narray s sample\n"                \
    "array S sample [l in 0..n]\narray H series [l in 0..m]\n"   \
    "array K pair [l in 0..n]\narray R pair [l in 0..n ring 2]\n" \
    "array cell pair\narray out pair output nngp\n"

typedef struct Case {
    const char *text, *fault; /* fault NULL: sound */
} Case;

static void check(const Case *t, size_t n, const char *head) {
    for (size_t i = 0; i < n; i++) {
        Ctx c = kt_ctx();
        Kernel *k;
        const char *text = arena_printf(c.a, "%s%s", head, t[i].text);
        uint32_t file = source_add(c.src, "t.kir", text, strlen(text));
        if (!kernel_read(&c, text, file, &k)) fail_msg("%s: %s", t[i].text, kt_messages(&c));
        const char *fault = kernel_verify(&c, k);
        if (!t[i].fault && fault) fail_msg("%s: %s", t[i].text, fault);
        if (t[i].fault && !fault) fail_msg("%s: accepted, not: %s", t[i].text, t[i].fault);
        if (fault && !strstr(fault, t[i].fault))
            fail_msg("%s: %s, not: %s", t[i].text, fault, t[i].fault);
        arena_free(c.a);
    }
}

static void scopes_and_types(void **state) {
    (void)state;
    static const Case t[] = {
        {"pair { %0 = load cell %1 = add %0, %0 store out, %1 }", NULL},
        {"pair { %0 = load cell %1 = lt %0, %0 %2 = add %1, %0 }", "operand 1 is not a real"},
        {"pair { %0 = load cell %1 = select %0, %0, %0 }", "operand 1 is not a mask"},
        {"pair { %0 = load cell %1 = and %0, %0 }", "operand 1 is not a mask"},
        {"pair { for l in 0..n { %0 = load cell } store out, %0 }", "operand 1 is not a value"},
        {"pair { for l in 0..n { if l=0 { %0 = load cell } else { %1 = neg %0 } } }",
         "operand 1 is not a value"},
        {"pair { %0 = load cell for l in 0..n { store cell, %0 } }", NULL},
    };
    check(t, sizeof t / sizeof *t, HEAD);
}

static void indices(void **state) {
    (void)state;
    static const Case t[] = {
        {"pair { for l in 0..n { %0 = load K[l] } }", NULL},
        {"pair { for l in 0..n { %0 = load K[l-1] } }", "index l-1 of K may lie below 0"},
        {"pair { for l in 0..n { %0 = load K[l+1] } }", "index l+1 of K may reach n"},
        {"pair { for l in 1..n { %0 = load K[l-1] } }", NULL},
        {"pair { for l in 0..n { if l>=1 { %0 = load K[l-1] } } }", NULL},
        {"pair { for l in 0..n { if l=0 { } else { %0 = load K[l-1] } } }", NULL},
        {"pair { for l in 0..n { if l>=1 { } else { %0 = load K[l-1] } } }", "may lie below 0"},
        {"pair { for l in 0..n { if n=l+1 { } else { %0 = load K[l+1] } } }", NULL},
        {"pair { %0 = load K[0] }", "index 0 of K may reach n"},
        {"pair { if n>=1 { %0 = load K[n-1] } }", NULL},
        {"pair { for l in 0..n { %0 = load R[l] } }", NULL},
        {"pair { for l in 0..n { %0 = load R[l-1] } }", "may lie below 0"},
        {"pair { for l in 0..n { %0 = load K } }", "0 indices of `K`, which has 1 axes"},
        {"pair { %0 = load cell[0] }", "1 indices of `cell`, which has 0 axes"},
        {"pair { for l in 0..n { for k in 0..l+1 { %0 = load K[k] } } }", NULL},
        {"pair { for l in 0..n { for k in 0..l+2 { %0 = load K[k] } } }", "may reach n"},
        {"pair { %0 = table t[1] }", NULL},
        {"pair { %0 = table t[2] }", "index 2 of the table may reach 2"},
        {"pair { %0 = index l }", "`l` is neither a size nor a loop variable here"},
        {"pair { for l in 0..n { } %0 = index l }", "`l` is neither"},
        {"pair { for l in 0..k { } }", "`k` is neither"},
        {"pair { for l in 0..n { for l in 0..n { } } }", "loop variable `l` is in use"},
        {"pair { for n in 0..4 { } }", "`n` cannot be a loop variable"},
        {"pair { if k>=1 { } }", "`k` is neither"},
        {"pair { if not(k>=1 & n>=1) { } }", "`k` is neither"},
    };
    check(t, sizeof t / sizeof *t, HEAD);
}

static void stages_and_sides(void **state) {
    (void)state;
    static const Case t[] = {
        {"const { for i in 0..n { %0 = num 1 store w[i], %0 } }", NULL},
        {"const { %0 = load s }", "array `s` belongs to a later stage"},
        {"sample { %0 = load cell }", "array `cell` belongs to a later stage"},
        {"sample { for l in 0..m { } }", "the measured size `m` is not known here yet"},
        {"sample { %0 = index m }", "the measured size `m` is not known here yet"},
        {"series { for l in 0..m { %0 = load s@x store H[l], %0 } }", NULL},
        {"series { %0 = load s@x store s, %0 }", "array `s` belongs to another stage"},
        {"pair { for l in 0..m { %0 = load H@y[l] } }", NULL},
        {"pair { %0 = load s }", "array `s` is read without a side"},
        {"pair { %0 = load u@x }", "array `u` is read with a side"},
        {"pair { %0 = load cell@x }", "array `cell` is read with a side"},
        {"sample { %0 = load g@y }", "side y outside the pair stage"},
        {"sample { %0 = num 1 store s, %0 }", NULL},
        {"sample { %0 = num 1 store s@x, %0 }", "a store has a side"},
        {"pair { %0 = num 1 store s, %0 }", "array `s` belongs to another stage"},
        {"sample { %0 = num 1 store g, %0 }", "a store to input array `g`"},
        {"sample { %0 = num 1 store out, %0 }", "array `out` belongs to another stage"},
        {"pair { %0 = load out }", "an output is read"},
    };
    check(t, sizeof t / sizeof *t, HEAD);
}

static void declarations(void **state) {
    (void)state;
    static const Case t[] = {
        {"", NULL},
        {"array a pair array a pair", "name `a` stands twice"},
        {"table a = 1 array a pair", "name `a` stands twice"},
        {"real a hyper\nreal a hyper", "number `a` stands twice"},
        {"size a hyper size a hyper", "size `a` stands twice"},
        {"size d dim 1", "size `d` is of input 1, which is not declared"},
        {"array a pair size d measured a", "size `d` must measure a stored sample array"},
        {"array a sample [l in 0..k]", "`k` is neither a size"},
        {"size m measured s array s sample array a sample [l in 0..m]", "measured size `m`"},
        {"size m measured s array s sample array a pair [l in 0..m]", NULL},
        {"array a pair input gram 0 1", "is of input 1, which is not declared"},
        {"array a const input gram 0 0", "is of the wrong stage"},
        {"array a pair input norm 0 0", "is of the wrong stage"},
        {"array a sample input unit 0 0", "is of the wrong stage"},
        {"array a sample input none 0 0", "holds nothing"},
        {"array a pair output ntk", "is of a kernel that is not asked for"},
        {"array a const output nngp", "must be of the pair or sample stage"},
        {"array a sample output nngp array b pair output nngp [p in 0..3]", NULL},
        {"array a pair [p in 0..3 ring 2 wrap]", "is a ring and wraps"},
        {"size T position array a sample input norm 0 0 [p in 0..T]", "has other axes"},
        {"array a sample input data 0 0", "is of vectors, not numbers"},
        {"size f floor 3 / 0", "divides by 0"},
        {"size f floor g / 2 size g hyper", "is made of what is no size before it"},
        {"size T position varies size f floor T / 2", "must vary as those"},
        {"size T hyper varies", "cannot vary"},
        {"size T position size r right T", "of a size that does not vary"},
        {"size T position varies size m max T, 3 varies size r right m", NULL},
        {"size T position varies array a const [p in 0..T]", "is not the same for all samples"},
        {"size T position varies size r right T array a sample [p in 0..r]",
         "the right sample's size `r`"},
        {"size T position varies real a = [T]\narray c const const { %0 = real a store c, %0 }",
         "number `a` is not the same for all samples"},
        {"array a pair finite \"m\"", "is checked, but no stored sample array"},
    };
    check(t, sizeof t / sizeof *t, "kernel t f64 nngp\ninput x\n");
}

/* What text cannot express. */
static void structure(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k = kt_parse(&c, "kernel t f64\narray a pair\n"
                             "pair { %0 = num 1 if 1>=0 { } store a, %0 }");
    KFn *f = &k->fn[KS_pair];
    KIns *branch = &f->ins.data[2], keep = *branch;
    branch->block = 1;
    assert_non_null(strstr(kernel_verify(&c, k), "is used twice"));
    branch->block = 77;
    assert_non_null(strstr(kernel_verify(&c, k), "does not exist"));
    *branch = keep;
    branch->ncons = 0;
    assert_non_null(strstr(kernel_verify(&c, k), "no condition"));
    *branch = keep;
    assert_null(kernel_verify(&c, k));
    vec_push(c.a, &f->block.data[1].ins, 1);
    assert_non_null(strstr(kernel_verify(&c, k), "defined twice"));
    f->block.data[1].ins.len--;
    f->ins.data[3].x = 9;
    assert_non_null(strstr(kernel_verify(&c, k), "there is no array 9"));
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes_and_types), cmocka_unit_test(indices),
        cmocka_unit_test(stages_and_sides), cmocka_unit_test(declarations),
        cmocka_unit_test(structure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
