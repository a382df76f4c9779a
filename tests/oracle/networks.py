"""Networks written in the language against recursions written by hand.  TAP.

    networks.py TPC [EVALUATOR [WHICH]]

EVALUATOR: jit (default) or interpreter.  WHICH: programs, activations, or a word of the names.

The oracles (networks_*.py) share no code and no formula with tpc: second moments by quadrature or
the arc-cosine formulas, carried from layer to layer as the theory says (arXiv 2006.14548).  The
error of an entry is taken relative to sqrt(K(x, x) K(x', x')), and tolerances are those of tpc's
methods: 1e-12 closed forms, 1e-10 Hermite series, 1e-9 kinked quadrature."""
import os
import subprocess
import sys
import tempfile

import numpy as np

import networks_acts
import networks_cases as cases
import networks_leaves as leaves

HERE = os.path.dirname(os.path.abspath(__file__))
CLOSED, SERIES, KINKED = 1e-12, 1e-10, 1e-9
# Sums of correlated vectors and kinks away from 0 have 1 - rho only by a difference of rounded
# numbers: at nearly parallel rows an NTK through a kink is off by the root of 2^-53.
ROUNDED = 3e-8
NEAR = [(0, 4), (0, 6), (4, 6), (1, 5), (5, 7)]     # of rows(True): nearly parallel, not equal


def rows(close=False):
    """Rows of unequal norms; close: opposite, scaled, equal, nearly equal and zero rows too."""
    rng = np.random.default_rng(7)
    X = rng.standard_normal((5, 5)) * np.array([[1.0], [1.7], [0.4], [0.9], [1.2]])
    if not close:
        return X
    near = X[0] + 1e-9 * rng.standard_normal(5)
    return np.vstack([X[:4], -X[0], 0.4 * X[1], near, X[1], np.zeros(5)])


class Case:
    """want() gives (nngp, ntk); near: the tolerance at nearly parallel rows, None: the same."""

    def __init__(self, name, file, network, want, X, tolerance, settings=(), more=(), near=None,
                 refused=None):
        self.name, self.file, self.network, self.want = name, file, network, want
        self.X, self.tolerance, self.settings, self.more = X, tolerance, dict(settings), dict(more)
        self.near, self.refused = near or tolerance, refused


def errors(got, want):
    """Worst error at ordinary and at nearly parallel rows."""
    scale = np.sqrt(np.outer(np.diag(want), np.diag(want)))
    e = abs(got - want) / np.maximum(scale, 1e-3 * abs(want).max())
    near = np.zeros(e.shape, bool)
    for i, j in NEAR:
        if max(i, j) < len(e):
            near[i, j] = near[j, i] = True
    return float(e[~near].max()), float(e[near].max(initial=0))


def run(tpc, evaluator, case, folder):
    def save(name, a):
        np.save(os.path.join(folder, name), a)
        return os.path.join(folder, name)

    argv = [tpc, 'run', os.path.join(HERE, case.file), save('x.npy', case.X), '--network',
            case.network,
            '-o', os.path.join(folder, 'K.npy'), '--kernel', 'nngp,ntk', '--evaluator', evaluator]
    for name, value in case.settings.items():
        argv += ['--set', '%s=%s' % (name, value)]
    for name, a in case.more.items():
        argv += ['--data', '%s=%s' % (name, save(name + '.npy', a))]
    p = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if case.refused:
        good = p.returncode == 1 and case.refused in p.stderr
        return '' if good else 'not refused: ' + p.stderr[:200]
    if p.returncode:
        return 'exit %d: %s' % (p.returncode, ' '.join(p.stderr.split())[:300])
    bad = []
    for kernel, want in zip(('nngp', 'ntk'), case.want()):
        got = np.load(os.path.join(folder, 'K.%s.npy' % kernel))
        found = errors(got, want) if got.shape == want.shape else (np.inf, np.inf)
        limits, where = (case.tolerance, case.near), ('', ', nearly parallel rows')
        for e, limit, where in zip(found, limits, where):
            if not e <= limit:
                bad.append('%s: error %.1e, tolerance %.0e%s' % (kernel, e, limit, where))
    return '; '.join(bad)


def programs():
    far, close = rows(), rows(True)

    def case(network, file, X, tolerance=CLOSED, fn=None, near=None, **settings):
        values = {k: v for k, v in settings.items() if k != 'act'}
        f = fn or getattr(cases, network)
        name = ' '.join([network] + ['%s=%s' % p for p in settings.items()])
        return Case(name, file, network, lambda: f(X, **values), X, tolerance, settings, near=near)

    def tied(network, file, tolerance=CLOSED, **settings):
        """Oracles from rounded moments: rows that are far from parallel, one of them twice."""
        def oracle(X, **values):
            return getattr(cases, network)(X, **dict(values, **settings))

        c = case(network, file, far, fn=oracle, **settings)
        again = [0, 1, 2, 3, 4, 1]
        return Case(c.name, file, network, lambda: [K[np.ix_(again, again)] for K in c.want()],
                    far[again], tolerance, settings)

    lib = os.path.join('..', '..', 'stdlib', 'layers.tp')
    for name in ('twice', 'twice_relu', 'two_matrices', 'readouts', 'difference'):
        yield case(name, 'programs/sums.tp', close)
    yield case('one_matrix', 'programs/sums.tp', close, near=ROUNDED)
    yield tied('in_sequence', 'programs/sums.tp')
    for depth in (0, 1, 2, 3, 4, 7):
        yield case('resnet_post', lib, close, near=ROUNDED,
                   fn=lambda X, depth: cases.post(X, depth, 'relu'), depth=depth)
        yield tied('post_tied', 'programs/residual.tp', depth=depth)
        yield case('resnet', lib, close, fn=cases.pre, depth=depth, scale=0.5)
        yield case('resnet2', lib, close, depth=depth, scale=0.7,
                   fn=lambda X, depth, scale: cases.pre(X, depth, scale, 2))
        yield tied('pre_tied', 'programs/residual.tp', depth=depth)
        yield case('tied_mlp', 'programs/residual.tp', close, depth=depth)
        for name in ('tied', 'by_distance', 'weighted_tied'):
            yield tied(name, 'programs/connect.tp', depth=depth)
        yield case('untied', 'programs/connect.tp', close, depth=depth, near=ROUNDED)
        yield case('weighted', 'programs/connect.tp', close, depth=depth)
    yield case('post_gelu', 'programs/residual.tp', far, CLOSED, depth=2,
               fn=lambda X, depth: cases.post(X, depth, 'gelu', bias=0.2))
    smooth = {'sigmoid': SERIES, 'softplus': SERIES, 'gelu': CLOSED, 'elu': KINKED}
    for name, limit in smooth.items():
        yield tied('weighted_tied', 'programs/connect.tp', limit, depth=2, act=name)
    for blocks, layers in ((1, 1), (2, 3), (3, 1)):
        yield case('nested', 'programs/connect.tp', close, near=ROUNDED, blocks=blocks,
                   layers=layers)
        yield case('nested_tied', 'programs/connect.tp', close, blocks=blocks, layers=layers)


def main():
    tpc = os.path.abspath(sys.argv[1])
    evaluator = sys.argv[2] if len(sys.argv) > 2 else 'jit'
    which = sys.argv[3] if len(sys.argv) > 3 else ''
    acts = list(networks_acts.programs(Case, rows, ROUNDED))
    every = list(programs()) + list(leaves.programs(Case, rows, ROUNDED))
    if which == 'activations':
        every = acts
    elif which != 'programs':
        every = [c for c in every + acts if which in c.name]
    print('1..%d' % len(every))
    bad = 0
    for i, case in enumerate(every, 1):
        with tempfile.TemporaryDirectory() as folder:
            why = run(tpc, evaluator, case, folder)
        bad += bool(why)
        note = ' # ' + why if why else ''
        print('%s %d - %s%s' % ('not ok' if why else 'ok', i, case.name, note), flush=True)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
