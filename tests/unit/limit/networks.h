/* Networks of the unit tests, built as the elaborator would. */
#ifndef TPC_TEST_NETWORKS_H
#define TPC_TEST_NETWORKS_H
#include "build.h"

typedef PB *Network(void);

typedef struct Parts { /* what every network starts and ends with */
    PB *b;
    DefId x, e; /* input, U x */
    Fx sw, sb, one;
    FamId W;    /* one matrix a turn */
} Parts;

static Parts parts(const char *name) {
    PB *b = pb_new(name);
    Parts p = {.b = b, .sw = pb_real(b, "sw"), .sb = pb_real(b, "sb"), .one = fx_num(b->fx, 1)};
    pb_size(b, "depth", 1);
    p.x = pb_input(b, "x");
    p.e = pb_matmul(b, "e", pb_fam(b, FAM_input_matrix, "U", p.sw, p.sw, 0), pb_at(b, p.x));
    p.W = pb_fam(b, FAM_matrix, "W", p.sw, p.sw, 1);
    return p;
}

static PB *finish(Parts *p, Use y) {
    Fx sv = pb_real(p->b, "sv");
    pb_output(p->b, pb_fam(p->b, FAM_vector, "v", sv, sv, 0), y);
    return p->b;
}

static Aff depth_of(Parts *p, int64_t plus) { return aff_plus(pb_name(p->b, "depth"), plus); }
static Aff turn(Parts *p) { return pb_name(p->b, "l"); }
static void loop_over(Parts *p, Aff n) { pb_push(p->b, "l", aff_const(0), n); }

static DefId state(Parts *p, const char *name, Use init, Aff turns) {
    pb_push(p->b, "l", aff_const(0), aff_plus(turns, 1));
    DefId m = pb_mu(p->b, name);
    pb_pop(p->b);
    pb_mu_init(p->b, m, init);
    return m;
}

/* h = U x + b; repeat depth - 1 { h = W relu(h) + b }; readout of relu(h) */
static PB *net_mlp(void) {
    Parts p = parts("mlp");
    PB *b = p.b;
    FamId bias0 = pb_fam(b, FAM_vector, "b0", p.sb, p.sb, 0);
    FamId bias = pb_fam(b, FAM_vector, "b", p.sb, p.sb, 1);
    DefId b0 = pb_param(b, "b0", bias0), h0 = pb_lin(b, "h0");
    pb_arm(b, h0, p.one, pb_at(b, p.e));
    pb_arm(b, h0, p.one, pb_at(b, b0));
    DefId h = state(&p, "h", pb_at(b, h0), depth_of(&p, -1));
    loop_over(&p, depth_of(&p, -1));
    DefId r = pb_relu(b, "r", pb_own(b, h));
    DefId g = pb_matmul(b, "g", p.W, pb_own(b, r), turn(&p));
    DefId c = pb_param(b, "c", bias, turn(&p)), y = pb_lin(b, "y");
    pb_arm(b, y, p.one, pb_own(b, g));
    pb_arm(b, y, p.one, pb_own(b, c));
    pb_pop(b);
    pb_mu_next(b, h, y);
    return finish(&p, pb_at(b, pb_relu(b, "z", pb_at(b, h, depth_of(&p, -1)))));
}

/* x = U x; repeat depth { x = x + alpha (W relu(x) + b) } */
static PB *net_residual(void) {
    Parts p = parts("residual");
    PB *b = p.b;
    FamId bias = pb_fam(b, FAM_vector, "b", p.sb, p.sb, 1);
    DefId x = state(&p, "h", pb_at(b, p.e), depth_of(&p, 0));
    loop_over(&p, depth_of(&p, 0));
    DefId r = pb_relu(b, "r", pb_own(b, x));
    DefId g = pb_matmul(b, "g", p.W, pb_own(b, r), turn(&p));
    DefId c = pb_param(b, "c", bias, turn(&p)), y = pb_lin(b, "y");
    pb_arm(b, y, p.one, pb_own(b, x));
    pb_arm(b, y, pb_real(b, "alpha"), pb_own(b, g));
    pb_arm(b, y, pb_real(b, "alpha"), pb_own(b, c));
    pb_pop(b);
    pb_mu_next(b, x, y);
    return finish(&p, pb_at(b, x, depth_of(&p, 0)));
}

/* x = x + relu(W x): not Gaussian */
static PB *postact(const char *name, bool tied) {
    Parts p = parts(name);
    PB *b = p.b;
    FamId W = tied ? pb_fam(b, FAM_matrix, "V", p.sw, p.sw, 0) : p.W;
    DefId x = state(&p, "h", pb_at(b, p.e), depth_of(&p, 0));
    loop_over(&p, depth_of(&p, 0));
    DefId g = pb_matmul(b, "g", W, pb_own(b, x), turn(&p));
    DefId r = pb_relu(b, "r", pb_own(b, g)), y = pb_lin(b, "y");
    pb_arm(b, y, p.one, pb_own(b, x));
    pb_arm(b, y, p.one, pb_own(b, r));
    pb_pop(b);
    pb_mu_next(b, x, y);
    return finish(&p, pb_at(b, x, depth_of(&p, 0)));
}

static PB *net_postact(void) { return postact("postact", false); }
static PB *net_postact_tied(void) { return postact("postact_tied", true); }

/* x[0] = U x; x[l + 1] = sum(k in 0..l + 1) W[l, k] relu(x[k]); relu(x[k]) stands inside both
 * loops, as the elaborator leaves it */
static PB *net_dense(void) {
    Parts p = parts("dense");
    PB *b = p.b;
    FamId W = pb_fam(b, FAM_matrix, "D", p.sw, p.sw, 2);
    DefId x = state(&p, "h", pb_at(b, p.e), depth_of(&p, 0));
    loop_over(&p, depth_of(&p, 0));
    pb_push(b, "k", aff_const(0), aff_plus(turn(&p), 1));
    Aff k = pb_name(b, "k");
    DefId r = pb_relu(b, "r", pb_at(b, x, k));
    DefId g = pb_matmul(b, "g", W, pb_own(b, r), turn(&p), k);
    pb_pop(b);
    DefId y = pb_lin(b, "y");
    pb_arm_sum(b, y, p.one, pb_at(b, g, turn(&p), pb_name(b, "m")),
               pb_dim(b, "m", aff_const(0), aff_plus(turn(&p), 1)));
    pb_pop(b);
    pb_mu_next(b, x, y);
    return finish(&p, pb_at(b, pb_relu(b, "z", pb_at(b, x, depth_of(&p, 0)))));
}

/* x[l + 1] = W (relu(x[0]) + .. + relu(x[l])), one matrix for all turns */
static PB *net_dense_tied(void) {
    Parts p = parts("dense_tied");
    PB *b = p.b;
    FamId W = pb_fam(b, FAM_matrix, "D", p.sw, p.sw, 0);
    DefId x = state(&p, "h", pb_at(b, p.e), depth_of(&p, 0));
    pb_push(b, "l", aff_const(0), depth_of(&p, 1));
    DefId s = pb_mu(b, "s"), r = pb_relu(b, "r", pb_own(b, x));
    pb_pop(b);
    loop_over(&p, depth_of(&p, 0));
    DefId t = pb_lin(b, "t");
    pb_arm(b, t, p.one, pb_own(b, s));
    pb_arm(b, t, p.one, pb_own(b, r));
    DefId y = pb_matmul(b, "y", W, pb_own(b, t));
    pb_pop(b);
    pb_mu_next(b, s, t);
    pb_mu_next(b, x, y);
    return finish(&p, pb_at(b, s, depth_of(&p, 0)));
}

/* tanh(W1 h) * (W2 h), h = tanh(U x) */
static PB *net_gated(void) {
    Parts p = parts("gated");
    PB *b = p.b;
    Fx u = fx_leaf(b->fx, 0), v = fx_leaf(b->fx, 1);
    DefId h = pb_nonlin(b, "h", fx_op(b->fx, FX_tanh, u, 0, 0), 1, pb_at(b, p.e));
    DefId g = pb_matmul(b, "g", p.W, pb_at(b, h), aff_const(0));
    DefId w = pb_matmul(b, "w", p.W, pb_at(b, h), aff_const(1));
    Fx f = fx_mul(b->fx, fx_op(b->fx, FX_tanh, u, 0, 0), v);
    return finish(&p, pb_at(b, pb_nonlin(b, "y", f, 2, pb_at(b, g), pb_at(b, w))));
}

/* relu(e + e) */
static PB *net_twice(void) {
    Parts p = parts("twice");
    PB *b = p.b;
    DefId s = pb_lin(b, "s");
    pb_arm(b, s, p.one, pb_at(b, p.e));
    pb_arm(b, s, p.one, pb_at(b, p.e));
    return finish(&p, pb_at(b, pb_relu(b, "r", pb_at(b, s))));
}

/* average over all layers of an MLP, one matrix a turn or one for all */
static PB *layers(const char *name, bool tied) {
    Parts p = parts(name);
    PB *b = p.b;
    FamId W = tied ? pb_fam(b, FAM_matrix, "V", p.sw, p.sw, 0) : p.W;
    DefId h = state(&p, "h", pb_at(b, p.e), depth_of(&p, 0));
    loop_over(&p, depth_of(&p, 0));
    DefId r = pb_relu(b, "r", pb_own(b, h));
    DefId g = pb_matmul(b, "g", W, pb_own(b, r), turn(&p));
    pb_pop(b);
    pb_mu_next(b, h, g);
    DefId s = pb_lin(b, "s");
    Fx weight = fx_div(b->fx, p.one, fx_index(b->fx, depth_of(&p, 0)));
    pb_arm_sum(b, s, weight, pb_at(b, r, pb_name(b, "m")),
               pb_dim(b, "m", aff_const(0), depth_of(&p, 0)));
    return finish(&p, pb_at(b, s));
}

static PB *net_layers(void) { return layers("layers", false); }
static PB *net_layers_tied(void) { return layers("layers_tied", true); }

/* Gaussians with means: tanh(W tanh(e + 1/2) + 1/3), one of them through alpha */
static PB *net_shifted(void) {
    Parts p = parts("shifted");
    PB *b = p.b;
    DefId one = pb_one(b), a = pb_lin(b, "a"), c = pb_lin(b, "c");
    Fx tanh0 = fx_op(b->fx, FX_tanh, fx_leaf(b->fx, 0), 0, 0);
    pb_arm(b, a, p.one, pb_at(b, p.e));
    pb_arm(b, a, fx_rat(b->fx, 1, 2), pb_at(b, one));
    DefId h = pb_nonlin(b, "h", tanh0, 1, pb_at(b, a));
    pb_arm(b, c, p.one, pb_at(b, pb_matmul(b, "g", p.W, pb_at(b, h), aff_const(0))));
    pb_arm(b, c, pb_real(b, "alpha"), pb_at(b, one));
    return finish(&p, pb_at(b, pb_nonlin(b, "y", tanh0, 1, pb_at(b, c))));
}

/* tanh(e + g + .3 t) + e with t = tanh(e), g = W t: several leaves, Stein against e */
static PB *net_mixed(void) {
    Parts p = parts("mixed");
    PB *b = p.b;
    Fx u = fx_leaf(b->fx, 0), tanh0 = fx_op(b->fx, FX_tanh, u, 0, 0);
    DefId t = pb_nonlin(b, "t", tanh0, 1, pb_at(b, p.e));
    DefId g = pb_matmul(b, "g", p.W, pb_at(b, t), aff_const(0)), s = pb_lin(b, "s");
    pb_arm(b, s, p.one, pb_at(b, p.e));
    pb_arm(b, s, p.one, pb_at(b, g));
    pb_arm(b, s, fx_decimal(b->fx, "0.3", 3), pb_at(b, t));
    DefId y = pb_nonlin(b, "y", tanh0, 1, pb_at(b, s)), o = pb_lin(b, "o");
    pb_arm(b, o, p.one, pb_at(b, y));
    pb_arm(b, o, p.one, pb_at(b, p.e));
    return finish(&p, pb_at(b, o));
}

/* step(e) + e: the function jumps, so its covariance with e is an expectation, not Stein's */
static PB *net_jump(void) {
    Parts p = parts("jump");
    PB *b = p.b;
    Fx step = fx_op(b->fx, FX_step, fx_leaf(b->fx, 0), 0, 0);
    DefId t = pb_nonlin(b, "t", step, 1, pb_at(b, p.e)), o = pb_lin(b, "o");
    pb_arm(b, o, p.one, pb_at(b, t));
    pb_arm(b, o, p.one, pb_at(b, p.e));
    DefId g = pb_matmul(b, "g", p.W, pb_at(b, o), aff_const(0));
    return finish(&p, pb_at(b, pb_relu(b, "y", pb_at(b, g))));
}

/* leaky relu by `if` (continuous: Stein's lemma applies), slope a hyperparameter */
static PB *net_leaky(void) {
    Parts p = parts("leaky");
    PB *b = p.b;
    Fx u = fx_leaf(b->fx, 0), zero = fx_num(b->fx, 0);
    Fx f = fx_op(b->fx, FX_if, fx_op(b->fx, FX_gt, u, zero, 0), u,
                 fx_mul(b->fx, pb_real(b, "alpha"), u));
    DefId t = pb_nonlin(b, "t", f, 1, pb_at(b, p.e)), o = pb_lin(b, "o");
    pb_arm(b, o, p.one, pb_at(b, t));
    pb_arm(b, o, p.one, pb_at(b, p.e));
    return finish(&p, pb_at(b, o));
}

/* h = U x; repeat depth { h = relu(W tanh(h)) }: tanh over U x in the first turn, over relu
 * later */
static PB *net_cases(void) {
    Parts p = parts("cases");
    PB *b = p.b;
    Fx tanh0 = fx_op(b->fx, FX_tanh, fx_leaf(b->fx, 0), 0, 0);
    DefId h = state(&p, "h", pb_at(b, p.e), depth_of(&p, 0));
    loop_over(&p, depth_of(&p, 0));
    DefId t = pb_nonlin(b, "t", tanh0, 1, pb_own(b, h));
    DefId g = pb_matmul(b, "g", p.W, pb_own(b, t), turn(&p));
    DefId y = pb_nonlin(b, "y", fx_op(b->fx, FX_tanh, fx_leaf(b->fx, 0), 0, 0), 1, pb_own(b, g));
    pb_pop(b);
    pb_mu_next(b, h, y);
    return finish(&p, pb_at(b, pb_nonlin(b, "z", tanh0, 1, pb_at(b, h, depth_of(&p, 0)))));
}

/* two inputs and a coordinate of one: U x + V z + U (x + basis(1)) */
static PB *net_inputs(void) {
    Parts p = parts("inputs");
    PB *b = p.b;
    DefId z = pb_input(b, "z"), k = pb_basis(b, "k", 0, 1), s = pb_lin(b, "s"), o = pb_lin(b, "o");
    pb_arm(b, s, p.one, pb_at(b, p.x));
    pb_arm(b, s, pb_real(b, "alpha"), pb_at(b, k));
    FamId U = 1;
    pb_arm(b, o, p.one, pb_at(b, pb_matmul(b, "u1", U, pb_at(b, s))));
    pb_arm(b, o, p.one, pb_at(b, pb_matmul(b, "u2", U, pb_at(b, z))));
    pb_arm(b, o, p.one, pb_at(b, p.e));
    return finish(&p, pb_at(b, pb_relu(b, "r", pb_at(b, o))));
}

/* two readouts of one hidden layer, widths 2 n and n, with coefficients, and a scalar bias */
static PB *net_outputs(void) {
    Parts p = parts("outputs");
    PB *b = p.b;
    DefId r = pb_relu(b, "r", pb_at(b, p.e)), out[3];
    b->p->def.data[r].width = fx_num(b->fx, 2);
    out[0] = pb_output(b, pb_fam(b, FAM_vector, "v", pb_real(b, "sv"), pb_real(b, "sv"), 0),
                       pb_at(b, r));
    out[1] = pb_output(b, pb_fam(b, FAM_vector, "w", pb_real(b, "sv"), fx_num(b->fx, 0), 0),
                       pb_at(b, p.e));
    out[2] = pb_param(b, "c", pb_fam(b, FAM_vector, "c", p.sb, fx_num(b->fx, 1), 0));
    Arm *arm = ARENA_ARRAY(b->c.a, Arm, 3);
    for (int i = 0; i < 3; i++) {
        Fx coef = i ? p.one : pb_real(b, "alpha");
        arm[i] = (Arm){.coef = coef, .use = pb_at(b, out[i])};
    }
    Def d = {.op = PO_output, .name = intern(b->c.syms, "out"), .arm = arm, .narm = 3};
    vec_push(b->c.a, &b->p->def, d);
    b->p->out = b->p->def.len - 1;
    return b;
}

static const struct {
    const char *name;
    Network *make;
} networks[] = {
    {"mlp", net_mlp}, {"residual", net_residual}, {"postact", net_postact},
    {"postact_tied", net_postact_tied}, {"dense", net_dense}, {"dense_tied", net_dense_tied},
    {"gated", net_gated}, {"twice", net_twice}, {"layers", net_layers},
    {"layers_tied", net_layers_tied}, {"shifted", net_shifted}, {"mixed", net_mixed},
    {"jump", net_jump}, {"leaky", net_leaky}, {"cases", net_cases}, {"inputs", net_inputs},
    {"outputs", net_outputs},
};
enum { NNETWORK = sizeof networks / sizeof *networks };
#endif
