"""Latency: `tpc check` of a 3-layer ReLU MLP as a whole process, and from its source to a callable
kernel (as `tpc run -v` reports it).  Best of many runs.

    startup.py TPC [CHECK_MS COMPILE_MS]"""
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

SOURCE = """network mlp(x: input, depth: int = 3) {
    h = dense(x, bias = 0.1)
    repeat depth - 1 { h = dense(relu(h), gain = sqrt(2), bias = 0.1) }
    return readout(relu(h))
}
"""
RUNS = 30


def main():
    tpc = os.path.abspath(sys.argv[1])
    limit = [float(a) for a in sys.argv[2:4]] or [float('inf')] * 2
    check = compiled = float('inf')
    with tempfile.TemporaryDirectory() as folder:
        np.save(os.path.join(folder, 'x.npy'), np.eye(4))
        with open(os.path.join(folder, 'mlp.tp'), 'w') as f:
            f.write(SOURCE)
        for _ in range(RUNS):
            start = time.perf_counter()
            subprocess.run([tpc, 'check', 'mlp.tp'], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            check = min(check, 1e3 * (time.perf_counter() - start))
            p = subprocess.run([tpc, 'run', 'mlp.tp', 'x.npy', '-v'], cwd=folder, check=True,
                               capture_output=True, text=True)
            compiled = min(compiled, float(re.search(r'compiled in ([0-9.]+) ms', p.stderr).group(1)))
    print('check %.1f ms as a process; source to callable %.1f ms' % (check, compiled))
    return 1 if check > limit[0] or compiled > limit[1] else 0


if __name__ == '__main__':
    sys.exit(main())
