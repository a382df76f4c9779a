"""Oracles of the programs with several leaves, means, inputs, widths and learning rates."""
import math

import numpy as np

import networks_quad as quad
from networks_vec import (Vec, act, constant, data, dense, from_moments, noise, pair_values,
                          readout, relu)


def both(K, T):
    return K, K + T


# ---------------------------------------------------------------- gates.tp

def products(v, f):
    """With d the derivative of f: E f f', E d d', E a f a' f', E (f + a d) (f + a d)' / 4."""
    return pair_values(v, lambda i, j: lambda a, b: [
        f.f(a) * f.f(b), f.d(a) * f.d(b), a * f.f(a) * b * f.f(b),
        (f.f(a) / 2 + a / 2 * f.d(a)) * (f.f(b) / 2 + b / 2 * f.d(b))], f.breaks, f.smooth)


def gate(X, act='silu'):
    """act(a) b, a and b independent given the layer below."""
    h = squashed(X)
    a, b = dense(h, gain=1.5), dense(h, gain=0.9, bias=0.1)
    ff, dd, _, _ = products(a, quad.ACT[act])
    return both(ff * b.C, dd * b.C * a.T + ff * b.T)


def gate_correlated(X, act='silu'):
    """act(a) (a / 2 + c): the derivative by a is act'(a) (a / 2 + c) + act(a) / 2."""
    h = squashed(X)
    a, c = dense(h, gain=1.5), dense(h, gain=0.9, bias=0.1)
    ff, dd, aa, da = products(a, quad.ACT[act])
    return both(aa / 4 + ff * c.C, (da + dd * c.C) * a.T + ff * c.T)


def squashed(X):
    return act(dense(data(X), bias=0.2), 'tanh')


def times(a, b, f):
    """The vector f(a) b of independent Gaussian a and b: a Vec again (b centred: mean 0)."""
    ff, dd, _, _ = products(a, f)
    return from_moments(ff * b.C, None, dd * b.C * a.T + ff * b.T)


def gate_deep(X, act='silu'):
    h = dense(data(X), bias=0.2)
    for _ in range(2):
        h = dense(times(dense(h), dense(h), quad.ACT[act]), gain=1.3, bias=0.3)
    return readout(relu(h))


def maxout(X):
    """max(a, b) = b + relu(y), y = a - b.  E b relu(y') = E step(y') Cov(b, y') = -C_b / 2, so the
    first three terms of the square cancel: C_b - 2 C_b / 2 = 0."""
    h = squashed(X)
    a, b = dense(h), dense(h, gain=1.5)
    y = Vec((a + b).s, (a + b).D, (a + b).O, None, 1.0)
    r = relu(y)
    return both(r.C, r.T * a.T + r.T * b.T)


def two_smooth(X):
    """sin(a) cos(b): products of independent expectations."""
    h = relu(dense(data(X), bias=0.2))
    a, b = dense(h), dense(h)
    s, c = act(unit_T(a), 'sin'), act(unit_T(b), 'cos')
    return both(s.C * c.C, s.T * c.C * a.T + s.C * c.T * b.T)


def unit_T(v):
    """The same Gaussian with T = 1: act() then returns E f' f' as T."""
    return Vec(v.s, v.D, v.O, v.mean, 1.0)


def mixed(X):
    """tanh(u) + e, u = e + g: E tanh(u) e' = E tanh'(u) Cov(u, e')."""
    e = dense(data(X), bias=0.2)
    u = e + dense(relu(e))
    t = act(unit_T(u), 'tanh')
    slope = np.array([quad.single(lambda x: [np.cosh(x)**-2.0], s)[0] for s in u.s])
    half = np.add.outer(slope, slope)
    return both(t.C + half * e.C + e.C, t.T * u.T + half * e.T + e.T)


def cubic(X):
    """F = a b (a + b) + a by Isserlis' formula for independent centred a, b."""
    h = squashed(X)
    a, b = dense(h), dense(h)
    A, B = a.C, b.C
    qa, qb = np.diag(A), np.diag(B)

    def outer(u, v):
        return np.outer(u, v)

    aa = outer(qa, qa) + 2 * A * A             # E a^2 a'^2
    bb = outer(qb, qb) + 2 * B * B
    # E (a^2 b + a b^2 + a)(..)': parity in a and b leaves these
    K = aa * B + A * bb + A * (outer(qb, np.ones_like(qb)) + outer(np.ones_like(qb), qb)) + A
    # F_a = 2 a b + b^2 + 1, F_b = a^2 + 2 a b
    one = np.ones_like(qb)
    Fa = 4 * A * B + bb + outer(qb, one) + outer(one, qb) + 1
    Fb = aa + 4 * A * B
    return both(K, Fa * a.T + Fb * b.T)


# ---------------------------------------------------------------- means.tp

def bias_mean(X, act='relu', depth=2, mean=0.3):
    v = data(X)
    for _ in range(depth):
        v = globals()['act'](dense(v, bias=0.2, mean=mean), act)
    return readout(v)


def constant_vector(X, act='relu'):
    n = len(X)
    g = dense(relu(dense(data(X))) + constant(n, 0.5), bias=0.1)
    return readout(globals()['act'](g + constant(n, -0.4), act))


def column(X):
    shift = np.zeros(X.shape[1])
    shift[2], shift[0] = 1, -0.5
    return readout(relu(dense(data(X + shift), gain=math.sqrt(1.3))))


def two_inputs(X, Y):
    return readout(relu(dense(data(X)) + dense(data(Y), gain=0.6, bias=0.2)))


def shared_inputs(X, Y):
    """relu(u) + b, u = U (x + y / 2), b = U y: E relu(u) b' = Cov(u, b') / 2."""
    s2, d = 1.3, X.shape[1]
    u = dense(data(X + Y / 2), gain=math.sqrt(s2))
    r = relu(u)
    cross = s2 / d * (X + Y / 2) @ Y.T
    b = s2 / d * Y @ Y.T
    K = r.C + (cross + cross.T) / 2 + b
    return both(K, r.T + (cross + cross.T) / 2 + b)


# ---------------------------------------------------------------- learning.tp

def widths(X, ratio=2):
    """No width occurs before the readout: v'y / sqrt(n) sums ratio * n coordinates."""
    h = dense(relu(dense(data(X))), gain=1.2, bias=0.3)
    r = relu(h)
    return both(0.8 * ratio * r.C, 0.8 * ratio * r.T)


def rates(X):
    n = len(X)
    h = relu(dense(data(X), bias=0.3, lr_w=1, lr_b=0))
    g = relu(dense(h, gain=1.2, lr_w=0) + noise(n, 0, 1))
    r = relu(dense(g, gain=1.1, lr_w=0.5))
    return 0.8 * r.C, 0.3 * r.C + 0.8 * r.T


def deep(X, depth, gain=1.3, bias=0.2):
    h = dense(data(X), gain=gain, bias=bias)
    for _ in range(depth - 1):
        h = dense(relu(h), gain=gain, bias=bias)
    return readout(relu(h))


def programs(Case, rows, rounded):
    far, close = rows(), rows(True)
    rng = np.random.default_rng(11)
    Y = {n: rng.standard_normal((n, 5)) for n in (len(far), len(close))}

    def case(network, file, X, tolerance, fn=None, near=None, more=None, **settings):
        f = fn or globals()[network]
        name = ' '.join([network] + ['%s=%s' % p for p in settings.items()])
        args = [X] + ([more['y']] if more else [])
        return Case(name, 'programs/' + file, network, lambda: f(*args, **settings), X, tolerance,
                    settings, more or {}, near)

    gates = {'silu': 1e-10, 'tanh': 1e-10, 'step': 1e-12, 'relu': 1e-12, 'gelu': 1e-12}
    for name, tol in gates.items():
        near = rounded if name in ('step', 'relu') else None
        yield case('gate', 'gates.tp', close, tol, near=near, act=name)
        yield case('gate_correlated', 'gates.tp', close, tol, near=near, act=name)
    yield case('gate_deep', 'gates.tp', far, 1e-10, act='silu')
    yield case('gate_deep', 'gates.tp', far, 1e-12, act='step')
    yield case('maxout', 'gates.tp', close, 1e-12, near=rounded)
    yield case('two_smooth', 'gates.tp', close, 1e-12)
    yield case('mixed', 'gates.tp', close, 1e-10)
    yield case('cubic', 'gates.tp', close, 1e-12)
    yield Case('post_inside', 'programs/gates.tp', 'post_inside', None, far, 0, refused='TP0502')
    shifted = {'relu': 1e-12, 'tanh': 1e-10, 'gelu': 1e-12, 'erf': 1e-12, 'abs': 1e-12,
               'step': 1e-12, 'softplus': 1e-10, 'elu': 1e-9, 'sin': 1e-12}
    for name, tol in shifted.items():
        X = far if name == 'step' else close   # the root of a root at nearly parallel rows
        yield case('bias_mean', 'means.tp', X, tol, near=rounded, act=name, depth=2)
        yield case('constant', 'means.tp', far, tol, fn=constant_vector, act=name)
    yield case('bias_mean', 'means.tp', far, 1e-12, act='relu', depth=3, mean=-0.4)
    yield case('column', 'means.tp', far, 1e-12)
    for network in ('two_inputs', 'shared_inputs'):
        yield case(network, 'means.tp', far, 1e-12, more={'y': Y[len(far)]})
    for ratio in (2, 0.5, 1.7):
        yield case('widths', 'learning.tp', close, 1e-12, ratio=ratio)
    yield case('rates', 'learning.tp', close, 1e-12)
    for depth in (1, 2, 5, 20, 300):
        yield case('deep', 'learning.tp', close, 1e-12, depth=depth)
    yield case('deep', 'learning.tp', close, 1e-12, depth=30, bias=0, gain=1.5)
