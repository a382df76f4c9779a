"""Hand-written recursions for the programs of tests/oracle/programs, one function a network.

Each returns (nngp, ntk).  `relu` sees a centred Gaussian vector; sums (`+`) are of vectors that
are never correlated; everything else is written out with matrices of second moments."""
import math

import numpy as np

import networks_quad as quad
from networks_vec import act, arc, data, dense, readout, relu


# ---------------------------------------------------------------- sums.tp

def twice(X):
    h = dense(data(X), bias=0.3)
    return readout(2 * h)


def twice_relu(X):
    return readout(relu(2 * dense(2 * relu(dense(data(X), bias=0.3)))))


def relu_plus_id(h):
    """relu(h) + h for Gaussian h = 2 relu(h) - relu(-h): piecewise linear with slopes 2 and 1."""
    f = quad.Fn(lambda x: np.where(x > 0, 2 * x, x), lambda x: np.where(x > 0, 2, 1), (0,))
    return act(h, f)


def one_matrix(X):
    return readout(relu(dense(relu_plus_id(dense(data(X), bias=0.3)), gain=1.2)))


def two_matrices(X):
    h = dense(data(X), bias=0.3)
    return readout(relu(dense(relu(h), gain=1.2) + dense(h, gain=0.9)))


def in_sequence(X):
    s2 = 1.44
    r = relu(dense(data(X), bias=0.3))
    g = dense(r, gain=1.2)
    a = relu(g)
    b = relu(dense(a, gain=1.2))
    # Cov(W r, W a') = s2 E r E a': r and a are independent, g and the next preactivation are not
    cross = s2 * np.outer(r.mean, a.mean)
    dcross = s2 * np.outer(r.mean, a.mean)      # T(g, next) = e E r a' + s2 T(r, a'), T(r, a') = 0
    q = dense(a, gain=1.2)
    Ca, Da = mixed_relu(g.s, q.s, cross)
    C = a.C + 4 * b.C + 2 * (Ca + Ca.T)
    T = a.T + 4 * b.T + 2 * (Da * dcross + (Da * dcross).T)
    return C, C + T


def mixed_relu(s, t, cross, same=False):
    """E relu(g) relu(h') and E step(g) step(h') for Gaussian vectors of covariance cross; same: g
    is h, each row exactly correlated with itself."""
    n = len(s)
    C, D = np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if s[i] > 0 and t[j] > 0:
                c = 1.0 if same and i == j else min(max(cross[i, j] / (s[i] * t[j]), -1), 1)
                loss, k0 = arc(1 - c, 1 + c)
                C[i, j], D[i, j] = s[i] * t[j] * (1 - loss) / 2, k0 / 2
    return C, D


def readouts(X):
    h = dense(data(X), bias=0.3)
    r = relu(dense(relu(h), gain=1.1))
    K1, T1 = readout(h, gain=0.7, bias=0.2)
    K2, T2 = readout(r)
    return K1 + 4.25 * K2, T1 + 4.25 * T2


def difference(X):
    return readout(relu(dense(relu(dense(data(X))))))


# ---------------------------------------------------------------- residual.tp, stdlib residuals

def post(X, depth, name, gain=1, bias=0.0):
    h = dense(data(X))
    for _ in range(depth):
        g = dense(h, gain=gain, bias=bias)
        h = h + (relu(g) if name == 'relu' else act(g, name))
    return readout(h)


def pre(X, depth, scale, layers=1):
    h = dense(data(X))
    for _ in range(depth):
        g = h
        for _ in range(layers):
            g = dense(relu(g), gain=math.sqrt(2))
        h = h + scale * g
    return readout(h)


class Tied:
    """Vectors that share matrices: second moments C[a, b] and tangent kernels T[a, b]."""

    def __init__(self):
        self.C, self.T = {}, {}

    def relu_pair(self, a, b):
        """E relu(a) relu(b'), E step(a) step(b')."""
        s, t = [np.sqrt(np.diag(self.C[k, k])) for k in (a, b)]
        return mixed_relu(s, t, self.C[a, b], a == b)

    def act_pair(self, a, b, name):
        """The same for any function and its derivative, by quadrature."""
        if name == 'relu':
            return self.relu_pair(a, b)
        s, t = [np.sqrt(np.diag(self.C[k, k])) for k in (a, b)]
        f, n = quad.ACT[name], len(s)
        out = np.zeros((2, n, n))
        for i in range(n):
            for j in range(n):
                c = 1.0 if a == b and i == j else self.C[a, b][i, j] / (s[i] * t[j])
                both = quad.pair(lambda u, v: [f.f(u) * f.f(v), f.d(u) * f.d(v)], s[i], t[j],
                                 1 - c, 1 + c, 0, 0, f.breaks, f.breaks, f.smooth)
                out[:, i, j] = both
        return out


def post_tied(X, depth, s2=0.8):
    """h_k = e + sum over i < k of relu(g_i), g_i = W h_i."""
    e = dense(data(X))
    t, R, S = Tied(), {}, {}
    n = len(X)
    zero = np.zeros((n, n))
    for k in range(depth + 1):
        for a in range(k + 1):
            for i, j in {(a, k), (k, a)}:
                total = sum((R[p, q] for p in range(i) for q in range(j)), zero)
                tang = sum((S[p, q] for p in range(i) for q in range(j)), zero)
                hC, hT = e.C + total, e.T + tang
                t.C[i, j] = s2 * hC
                t.T[i, j] = s2 * hC + s2 * hT
                if i == j == depth:
                    return hC, hC + hT
        for a in range(k + 1):
            for i, j in {(a, k), (k, a)}:
                R[i, j], dot = t.relu_pair(i, j)
                S[i, j] = dot * t.T[i, j]


def pre_tied(X, depth, scale=0.5):
    """h_k = e + scale sum over i < k of W relu(h_i)."""
    e = dense(data(X))
    t, R, S = Tied(), {}, {}
    zero = np.zeros((len(X), len(X)))
    for k in range(depth + 1):
        for a in range(k + 1):
            for i, j in {(a, k), (k, a)}:
                total = sum((R[p, q] for p in range(i) for q in range(j)), zero)
                tang = sum((S[p, q] for p in range(i) for q in range(j)), zero)
                t.C[i, j] = e.C + 2 * scale**2 * total
                t.T[i, j] = e.T + 2 * scale**2 * (total + tang)
        for a in range(k + 1):
            for i, j in {(a, k), (k, a)}:
                R[i, j], dot = t.relu_pair(i, j)
                S[i, j] = dot * t.T[i, j]
    K = t.C[depth, depth]
    return K, K + t.T[depth, depth]


def tied_mlp(X, depth):
    """Only equal turns meet: the layers' recursion is that of different matrices."""
    h = dense(data(X))
    for _ in range(depth):
        h = dense(relu(h), gain=1.3, bias=0.2)
    return readout(relu(h))


# ---------------------------------------------------------------- connect.tp

def untied(X, depth):
    x = [dense(data(X))]
    r = []
    for _ in range(depth):
        r.append(relu(x[-1]))
        parts = [dense(v, gain=math.sqrt(1.2)) for v in r]
        total = parts[0]
        for p in parts[1:]:
            total = total + p
        x.append(total)
    return readout(relu(x[-1]))


def by_distance(X, depth, s2=0.9):
    """x_a = sum over k < a of W[a - 1 - k] relu(x_k): x_a and x_b meet where a - k = b - m."""
    e = dense(data(X))
    t, R, S = Tied(), {}, {}
    zero = np.zeros((len(X), len(X)))
    for k in range(depth + 1):
        for a in range(k + 1):
            for i, j in {(a, k), (k, a)}:
                if i == 0 or j == 0:
                    t.C[i, j], t.T[i, j] = (e.C, e.T) if i == j else (zero, zero)
                    continue
                d = range(min(i, j))
                total = sum((R[i - 1 - p, j - 1 - p] for p in d), zero)
                tang = sum((S[i - 1 - p, j - 1 - p] for p in d), zero)
                t.C[i, j] = s2 * total
                t.T[i, j] = s2 * (total + tang)
        for a in range(k + 1):
            for i, j in {(a, k), (k, a)}:
                R[i, j], dot = t.relu_pair(i, j)
                S[i, j] = dot * t.T[i, j]
    K = R[depth, depth]
    return K, K + S[depth, depth]


def tied(X, depth, s2=0.7):
    """x_a = W sum over k < a of relu(x_k)."""
    e = dense(data(X))
    t, R, S = Tied(), {}, {}
    zero = np.zeros((len(X), len(X)))
    for k in range(depth + 1):
        for a in range(k + 1):
            for i, j in {(a, k), (k, a)}:
                if i == 0 or j == 0:
                    t.C[i, j], t.T[i, j] = (e.C, e.T) if i == j else (zero, zero)
                    continue
                total = sum((R[p, q] for p in range(i) for q in range(j)), zero)
                tang = sum((S[p, q] for p in range(i) for q in range(j)), zero)
                t.C[i, j] = s2 * total
                t.T[i, j] = s2 * (total + tang)
        for a in range(k + 1):
            for i, j in {(a, k), (k, a)}:
                R[i, j], dot = t.relu_pair(i, j)
                S[i, j] = dot * t.T[i, j]
    K = R[depth, depth]
    return K, K + S[depth, depth]


def weighted(X, depth):
    h = dense(data(X), gain=1.3, bias=0.2)
    total = relu(h)
    for k in range(1, depth + 1):
        h = dense(relu(h), gain=1.3, bias=0.2)
        total = total + (1 / (k + 1)) * relu(h)
    return readout(total)


def weighted_tied(X, depth, act='relu', s2=1.69):
    """h_k = W act(h_(k-1)): different turns are correlated through their means."""
    e = dense(data(X))
    t, R, S = Tied(), {}, {}
    zero = np.zeros((len(X), len(X)))
    for k in range(depth + 1):
        for i, j in [(k, k)] + [(a, k) for a in range(k)] + [(k, a) for a in range(k)]:
            if i == 0 or j == 0:
                t.C[i, j], t.T[i, j] = (e.C, e.T) if i == j else (zero, zero)
            else:
                t.C[i, j] = s2 * R[i - 1, j - 1]
                t.T[i, j] = s2 * (R[i - 1, j - 1] + S[i - 1, j - 1])
            R[i, j], dot = t.act_pair(i, j, act)
            S[i, j] = dot * t.T[i, j]
    w = [1 / (k + 1) for k in range(depth + 1)]
    idx = range(depth + 1)
    K = sum(w[i] * w[j] * R[i, j] for i in idx for j in idx)
    return K, K + sum(w[i] * w[j] * S[i, j] for i in idx for j in idx)


def nested(X, blocks, layers):
    h = dense(data(X))
    for _ in range(blocks):
        g = h
        for _ in range(layers):
            g = dense(relu(g), gain=1.2, bias=0.1)
        h = 0.8 * h + g
    return readout(relu(h))


def nested_tied(X, blocks, layers):
    h = dense(data(X))
    for _ in range(blocks * layers):
        h = dense(relu(h), gain=1.2)
    return readout(relu(h))
