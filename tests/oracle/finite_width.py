"""Networks of finite width against the limit that tpc computes.  TAP; minutes.

    finite_width.py TPC [WIDTH [SEEDS]]

Each network is written here once more, in NumPy, with random matrices of the given width; a small
tape gives its gradients.  The NNGP kernel is v's variance times <y, y'>, the NTK the sum over
parameters of learning rate times inner products of gradients (arXiv 2006.14548, section 2).  The
mean over seeds has to agree within 4 standard errors and a bias of a few 1/width."""
import os
import subprocess
import sys
import tempfile

import numpy as np

import networks_quad as quad

HERE = os.path.dirname(os.path.abspath(__file__))


class Net:
    """A tape of vectors of shape (width, rows).  Gradients are of f = v . y / sqrt(n), by row."""

    def __init__(self, X, n, seed):
        self.X, self.n = X.astype(np.float32), n
        self.rng = np.random.default_rng(seed)
        self.value, self.back, self.uses = [], [], []

    def draw(self, *shape):
        return self.rng.standard_normal(shape, dtype=np.float32)

    def matrix(self, s2=1.0, rows=None, cols=None):
        rows, cols = rows or self.n, cols or self.n
        return {'a': self.draw(rows, cols) * np.float32(np.sqrt(s2 / cols)), 'rate': s2 / cols,
                'uses': []}

    def push(self, value, back):
        self.value.append(value)
        self.back.append(back)
        return len(self.value) - 1

    def input(self, s2=1.0):
        """U x, with U of its own."""
        d = self.X.shape[1]
        U = {'a': self.draw(self.n, d) * np.float32(np.sqrt(s2 / d)), 'rate': s2 / d, 'uses': []}
        self.uses.append(U)
        y = self.push(U['a'] @ self.X.T, lambda dy: [])
        U['uses'].append((y, self.X.T))
        return y

    def matmul(self, W, u):
        if not any(W is V for V in self.uses):
            self.uses.append(W)
        y = self.push(W['a'] @ self.value[u], lambda dy: [(u, W['a'].T @ dy)])
        W['uses'].append((y, self.value[u]))
        return y

    def bias(self, like, s2, mean=0.0):
        rows = len(self.value[like])
        b = self.draw(rows, 1) * np.float32(np.sqrt(s2)) + np.float32(mean)
        y = self.push(np.repeat(b, len(self.X), 1), lambda dy: [])
        self.uses.append({'rate': s2, 'uses': [(y, np.ones((1, len(self.X)), np.float32))]})
        return self.add(like, y)

    def add(self, a, b, ca=1.0, cb=1.0):
        ca, cb = np.float32(ca), np.float32(cb)
        return self.push(ca * self.value[a] + cb * self.value[b],
                         lambda dy: [(a, ca * dy), (b, cb * dy)])

    def mul(self, a, b):
        x, y = self.value[a], self.value[b]
        return self.push(x * y, lambda dy: [(a, dy * y), (b, dy * x)])

    def act(self, a, name):
        f, x = quad.ACT[name], self.value[a]
        d = f.d(x).astype(np.float32)
        return self.push(f.f(x).astype(np.float32), lambda dy: [(a, dy * d)])

    def dense(self, u, gain=1.0, bias=0.0, mean=0.0):
        y = self.matmul(self.matrix(gain**2), u)
        return self.bias(y, bias**2, mean) if bias or mean else y

    def kernels(self, y, s2=1.0):
        """NNGP and NTK of the readout v . y / sqrt(n), v ~ N(0, s2)."""
        out = self.value[y].astype(float)
        nngp = s2 / self.n * out.T @ out
        v = self.draw(len(out), 1) * np.float32(np.sqrt(s2 / self.n))
        grad = [0] * len(self.value)
        grad[y] = np.repeat(v, len(self.X), 1)
        for k in reversed(range(len(self.value))):
            if isinstance(grad[k], int):
                continue
            for a, g in self.back[k](grad[k]):
                grad[a] = grad[a] + g
        ntk = nngp.copy()
        for W in self.uses:
            for p, u in W['uses']:
                for q, w in W['uses']:
                    if not isinstance(grad[p], int) and not isinstance(grad[q], int):
                        ntk += W['rate'] * (grad[p].T @ grad[q]) * (u.T @ w)
        return nngp, ntk


# ---------------------------------------------------------------- the programs once more

def post_tied(t):
    W = t.matrix(0.8)
    h = t.input()
    for _ in range(3):
        h = t.add(h, t.act(t.matmul(W, h), 'relu'))
    return t.kernels(h)


def weighted_tied(t):
    W = t.matrix(1.69)
    h = t.input()
    total = t.act(h, 'relu')
    for k in range(1, 4):
        h = t.matmul(W, t.act(h, 'relu'))
        total = t.add(total, t.act(h, 'relu'), 1, 1 / (k + 1))
    return t.kernels(total)


def untied(t):
    x = [t.input()]
    for _ in range(3):
        terms = [t.matmul(t.matrix(1.2), t.act(v, 'relu')) for v in x]
        total = terms[0]
        for term in terms[1:]:
            total = t.add(total, term)
        x.append(total)
    return t.kernels(t.act(x[-1], 'relu'))


def gate_correlated(t):
    h = t.act(t.bias(t.input(), 0.04), 'tanh')
    a, c = t.dense(h, 1.5), t.dense(h, 0.9, 0.1)
    return t.kernels(t.mul(t.act(a, 'silu'), t.add(a, c, 0.5)))


def bias_mean(t):
    h = t.bias(t.input(), 0.04, 0.3)
    return t.kernels(t.act(t.dense(t.act(h, 'relu'), 1, 0.2, 0.3), 'relu'))


def widths(t):
    h = t.act(t.input(), 'relu')
    W = t.matrix(1.44, rows=2 * t.n)
    return t.kernels(t.act(t.bias(t.matmul(W, h), 0.09), 'relu'), 0.8)


CASES = [('residual', post_tied), ('connect', weighted_tied), ('connect', untied),
         ('gates', gate_correlated), ('means', bias_mean), ('learning', widths)]


def limit(tpc, file, network, X, folder):
    x, out = os.path.join(folder, 'x.npy'), os.path.join(folder, 'K.npy')
    np.save(x, X)
    program = os.path.join(HERE, 'programs', file + '.tp')
    subprocess.run([tpc, 'run', program, x, '--network', network, '-o', out,
                    '--kernel', 'nngp,ntk'], check=True)
    return [np.load(os.path.join(folder, 'K.%s.npy' % k)) for k in ('nngp', 'ntk')]


def compare(tpc, file, fn, width, seeds, X, folder):
    want = np.array(limit(tpc, file, fn.__name__, X, folder))
    runs = np.array([fn(Net(X, width, 100 + s)) for s in range(seeds)])
    mean, error = runs.mean(0), runs.std(0, ddof=1) / np.sqrt(seeds)
    scale = np.sqrt(np.einsum('kii,kjj->kij', want, want))
    allowed = 4 * error + 30 / width * scale
    worst = (abs(mean - want) / allowed).max()
    note = 'worst %.2f of what is allowed; standard error %.1e' % (worst, (error / scale).max())
    return worst <= 1, note


def main():
    tpc = os.path.abspath(sys.argv[1])
    width = int(sys.argv[2]) if len(sys.argv) > 2 else 4096
    seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 16
    X = np.random.default_rng(3).standard_normal((3, 5))
    print('1..%d' % len(CASES))
    bad = 0
    for i, (file, fn) in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as folder:
            good, note = compare(tpc, file, fn, width, seeds, X, folder)
        bad += not good
        print('%s %d - %s # %s' % ('ok' if good else 'not ok', i, fn.__name__, note), flush=True)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
