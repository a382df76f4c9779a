"""Gaussian expectations by plain quadrature, for the oracles of networks.py.

Nothing here knows a closed form: smooth integrands by the trapezoid rule in two dimensions, kinked
ones by Gauss-Legendre panels split where a kink line crosses.  A pair of Gaussians (u, v) is given
by its standard deviations s, t and the defects D = 1 - rho, O = 1 + rho, of which the smaller one
is exact: so that nothing is lost near rho = +-1."""
import math

import numpy as np

EDGE = 13.2                     # the density is 1e-38 there
NODE, WEIGHT = np.polynomial.legendre.leggauss(20)
TRAPEZOID = np.arange(-EDGE, EDGE + 0.05, 0.11)
_erf = np.frompyfunc(math.erf, 1, 1)


def erf(x):
    return _erf(x).astype(float)


def density(z):
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def correlation(D, O):
    """rho and sqrt(1 - rho^2)."""
    return (1 - D if D <= O else O - 1), math.sqrt(max(D, 0) * max(O, 0))


def panel_nodes(edges):
    """Nodes and weights on the panels between sorted edges; edges may be one row for each outer
    node."""
    lo, hi = edges[..., :-1, None], edges[..., 1:, None]
    z = (lo + hi) / 2 + (hi - lo) / 2 * NODE
    w = (hi - lo) / 2 * WEIGHT * density(z)
    return z.reshape(z.shape[:-2] + (-1,)), w.reshape(w.shape[:-2] + (-1,))


def outer_edges(s, t, rho, w, mu, mv, bu, bv):
    edges = set(np.linspace(-EDGE, EDGE, 11))
    if s > 0:
        edges |= {(b - mu) / s for b in bu}
    if t > 0 and abs(rho) > 0.05:   # the inner integral has a layer of width w / rho there
        for b in bv:
            c, width = (b - mv) / (t * rho), w / abs(rho)
            edges |= {c + k * width for k in (-12, -8, -5, -3, -1.5, 0, 1.5, 3, 5, 8, 12)}
    return np.array(sorted(e for e in edges if -EDGE <= e <= EDGE))


def split_grid(s, t, rho, w, mu, mv, bu, bv):
    z1, w1 = panel_nodes(outer_edges(s, t, rho, w, mu, mv, bu, bv))
    base = np.broadcast_to(np.linspace(-EDGE, EDGE, 11), (len(z1), 11))
    cuts = []
    if t > 0 and w > 0:
        cuts = [np.clip(((b - mv) / t - rho * z1) / w, -EDGE, EDGE)[:, None] for b in bv]
    edges = np.sort(np.concatenate([base] + cuts, axis=1), axis=1)
    z2, w2 = panel_nodes(edges)
    return z1[:, None], w1[:, None], z2, w2


def pair(fns, s, t, D, O, mu=0.0, mv=0.0, bu=(), bv=(), smooth=False):
    """[E f(u, v) for f in fns(u, v)]; bu, bv: where F and G have kinks (not used where smooth)."""
    rho, w = correlation(D, O)
    if s == 0 or t == 0:
        rho, w = 0.0, 1.0
    if smooth:
        z1 = TRAPEZOID[:, None]
        z2 = TRAPEZOID[None, :]
        w1, w2 = density(z1) * 0.11, density(z2) * 0.11
    else:
        z1, w1, z2, w2 = split_grid(s, t, rho, w, mu, mv, bu, bv)
    weight = w1 * w2
    u = mu + s * z1
    v = mv + t * (rho * z1 + w * z2)
    return [float((weight * f).sum()) for f in fns(u, v)]


def single(fns, s, mu=0.0, breaks=()):
    """[E f(u) for f in fns(u)] of one Gaussian."""
    edges = set(np.linspace(-EDGE, EDGE, 27))
    if s > 0:
        edges |= {(b - mu) / s for b in breaks if abs(b - mu) < EDGE * s}
    z, w = panel_nodes(np.array(sorted(edges)))
    return [float((w * f).sum()) for f in fns(mu + s * z)]


class Fn:
    """A coordinatewise function, its almost-everywhere derivative and its kinks."""

    def __init__(self, f, d, breaks=(), smooth=True):
        self.f, self.d, self.breaks, self.smooth = f, d, breaks, smooth and not breaks


def _phi(x):
    return (1 + erf(x / math.sqrt(2))) / 2


def _sigmoid(x):
    return 0.5 + np.tanh(x / 2) / 2


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


def _mish_d(x):
    th = np.tanh(_softplus(x))
    return th + x * (1 - th * th) * _sigmoid(x)


def _elu(a, b):
    return Fn(lambda x: a * np.where(x > 0, x, b * np.expm1(np.minimum(x, 0))),
              lambda x: a * np.where(x > 0, 1, b * np.exp(np.minimum(x, 0))), (0,))


def _poly(*c):
    p = np.polynomial.Polynomial(c)
    return Fn(p, p.deriv())


_R = [math.sqrt(math.factorial(k)) for k in range(6)]
ACT = {
    'relu': Fn(lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0), (0,)),
    'leaky_relu': Fn(lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 1, 0.01),
                     (0,)),
    'abs': Fn(np.abs, np.sign, (0,)),
    'sign': Fn(np.sign, np.zeros_like, (0,)),
    'step': Fn(lambda x: 1.0 * (x > 0), np.zeros_like, (0,)),
    'relu2': Fn(lambda x: np.maximum(x, 0)**2, lambda x: 2 * np.maximum(x, 0), (0,)),
    'hard_tanh': Fn(lambda x: np.clip(x, -1, 1), lambda x: 1.0 * (abs(x) < 1), (-1, 1)),
    'relu6': Fn(lambda x: np.clip(x, 0, 6), lambda x: 1.0 * ((x > 0) & (x < 6)), (0, 6)),
    'elu': _elu(1, 1),
    'selu': _elu(1.0507009873554805, 1.6732632423543773),
    'softsign': Fn(lambda x: x / (1 + abs(x)), lambda x: (1 + abs(x))**-2.0, (0,)),
    'erf': Fn(erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
    'Phi': Fn(_phi, density),
    'gelu': Fn(lambda x: x * _phi(x), lambda x: _phi(x) + x * density(x)),
    'tanh': Fn(np.tanh, lambda x: np.cosh(x)**-2.0),
    'sigmoid': Fn(_sigmoid, lambda x: np.cosh(x / 2)**-2.0 / 4),
    'silu': Fn(lambda x: x * _sigmoid(x), lambda x: _sigmoid(x) + x * np.cosh(x / 2)**-2.0 / 4),
    'softplus': Fn(_softplus, _sigmoid),
    'mish': Fn(lambda x: x * np.tanh(_softplus(x)), _mish_d),
    'sin': Fn(np.sin, np.cos),
    'cos': Fn(np.cos, lambda x: -np.sin(x)),
    'exp': Fn(np.exp, np.exp),
    'gaussian': Fn(lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-x * x)),
    'square': _poly(0, 0, 1),
    'cube': _poly(0, 0, 0, 1),
    'quartic': _poly(0, 0, 0, 0, 1),
    'he1': _poly(0, 1),
    'he2': _poly(-1 / _R[2], 0, 1 / _R[2]),
    'he3': _poly(0, -3 / _R[3], 0, 1 / _R[3]),
    'he4': _poly(3 / _R[4], 0, -6 / _R[4], 0, 1 / _R[4]),
    'he5': _poly(0, 15 / _R[5], 0, -10 / _R[5], 0, 1 / _R[5]),
}
