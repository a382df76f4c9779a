"""Time per entry and layer of tanh (Hermite series) over that of ReLU, both compiled by tpc, in
alternation on one thread; variances about 1, depth 20.  Prints the median ratio.

    series.py TPC [LIMIT]"""
import os
import re
import statistics
import subprocess
import sys
import tempfile

import numpy as np

N, D, DEPTH, ROUNDS = 1536, 64, 20, 7
SOURCE = """network f(x: input, depth: int = %d) {
    h = dense(x, gain = %s, bias = 0.3)
    repeat depth - 1 { h = dense(%s(h), gain = %s, bias = 0.3) }
    return readout(%s(h))
}
"""


def pairs(tpc, program, folder):
    p = subprocess.run([tpc, 'run', program, 'x.npy', '-o', 'K.npy', '--kernel', 'nngp,ntk', '--threads',
                        '1', '-v'], cwd=folder, capture_output=True, text=True, check=True)
    return float(re.search(r'pairs ([0-9.e+-]+) s', p.stderr).group(1))


def main():
    tpc = os.path.abspath(sys.argv[1])
    limit = float(sys.argv[2]) if len(sys.argv) > 2 else None
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, D)) * rng.uniform(0.9, 1.1, (N, 1))
    with tempfile.TemporaryDirectory() as folder:
        np.save(os.path.join(folder, 'x.npy'), x)
        for act, first, gain in (('tanh', '0.95', '1.5'), ('relu', '0.95', 'sqrt(2 * 0.91)')):
            with open(os.path.join(folder, act + '.tp'), 'w') as f:
                f.write(SOURCE % (DEPTH, first, act, gain, act))
        times = [(pairs(tpc, 'tanh.tp', folder), pairs(tpc, 'relu.tp', folder)) for _ in range(ROUNDS)]
    entry = N * (N + 1) / 2 * DEPTH / 1e9
    ratio = statistics.median(a / b for a, b in times)
    print('tanh %.2f, relu %.2f ns per entry and layer: ratio %.2f' % (
        statistics.median(a for a, _ in times) / entry, statistics.median(b for _, b in times) / entry, ratio))
    return 1 if limit and ratio > limit else 0


if __name__ == '__main__':
    sys.exit(main())
