"""`tpc check` as a whole process: a multilayer perceptron, a transformer block, a 2-D ResNet, each
with a fresh readout (the structural rungs) and with one of nonzero mean (corrections), and 2,000
lines.
Best of several runs.

    check.py TPC [MLP_MS BLOCK_MS LINES_MS]"""
import os
import subprocess
import sys
import tempfile
import time

MLP = """network mlp(x: input, depth: int = 3) {
    h = dense(x, bias = 0.1)
    repeat depth - 1 { h = dense(relu(h), gain = sqrt(2), bias = 0.1) }
    param v: vector ~ N(MEAN, 1)
    return v' * relu(h) / sqrt(n)
}
"""
BLOCK = """layer norm(x: vector) {
    m = moment(x)
    return (x - m) / sqrt(moment((x - m)^2))
}

network block(x: input[T]) {
    param U: matrix ~ N(0, 1 / fan_in)
    param K: matrix ~ N(0, 1 / fan_in)
    param A: matrix ~ N(0, 1 / fan_in)
    param B: matrix ~ N(0, 1 / fan_in)
    for t in 0..T { h[t] = U * x[t] }
    for t in 0..T { k[t] = K * h[t] }
    for s in 0..T, t in 0..T { score[s, t] = moment(k[s] * k[t]) }
    a = softmax(score, over = t)
    for s in 0..T { y[s] = norm(h[s] + (sum(t in 0..T) a[s, t] * k[t])) }
    for s in 0..T { z[s] = norm(y[s] + B * gelu(A * y[s])) }
    param v: vector ~ N(MEAN, 1)
    return v' * (avg(s in 0..T) z[s]) / sqrt(n)
}
"""
RESNET = """network resnet(x: input[H, W], depth: int = 4, k: int = 3) {
    param U: matrix ~ N(0, 1 / fan_in)
    param F: matrix[depth; k, k] ~ N(0, 1 / (k * k * fan_in))
    for i in 0..H, j in 0..W { h[i, j] = U * x[i, j] }
    for l in 0..depth {
        y = pad(h, zero)
        for i in 0..H, j in 0..W {
            s[i, j] = sum(p in 0..k, q in 0..k) F[l; p, q] * relu(y[i + p - k//2, j + q - k//2])
            g[i, j] = h[i, j] + s[i, j]
        }
        h = g
    }
    param v: vector ~ N(MEAN, 1)
    return v' * (avg(i in 0..H, j in 0..W) relu(h[i, j])) / sqrt(n)
}
"""
RUNS = 10


def lines(mean):
    t = ['network f(x: input) {', '    param U: matrix ~ N(0, 1 / fan_in)',
         '    param v: vector ~ N(%d, 1)' % mean, '    h0 = U * x']
    for k in range(1, 998):
        t += ['    param W%d: matrix ~ N(0, 2 / fan_in)' % k,
              '    h%d = W%d * relu(h%d)' % (k, k, k - 1)]
    return '\n'.join(t + ["    return v' * relu(h997) / sqrt(n)", '}']) + '\n'


def best(tpc, folder, text, runs):
    path = os.path.join(folder, 'f.tp')
    with open(path, 'w') as f:
        f.write(text)
    ms = float('inf')
    for _ in range(runs):
        start = time.perf_counter()
        p = subprocess.run([tpc, 'check', path], check=True, capture_output=True, text=True)
        ms = min(ms, 1e3 * (time.perf_counter() - start))
    return ms, p.stdout.split('\n')[0]


def main():
    tpc = os.path.abspath(sys.argv[1])
    limit = [float(a) for a in sys.argv[2:5]] or [float('inf')] * 3
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        for name, text, most in (('mlp', MLP, 0), ('block', BLOCK, 1), ('resnet', RESNET, 1),
                                 ('lines', None, 2)):
            for mean in 0, 1:
                source = text.replace('MEAN', str(mean)) if text else lines(mean)
                ms, verdict = best(tpc, folder, source, RUNS if text else 3)
                slow |= ms > limit[most]
                print('%-8s %7.1f ms  %s' % (name, ms, verdict))
    return 1 if slow else 0


if __name__ == '__main__':
    sys.exit(main())
