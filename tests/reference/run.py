"""Runs the cases of cases.json with a built tpc and compares with the expected kernels.  TAP.

    run.py TPC [EVALUATOR]      EVALUATOR: jit (default) or interpreter

The error of a kernel is max|a - b| / max|b|, b the expected values."""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def setting(name, value):
    return ['--set', '%s=%r' % (name, value) if isinstance(value, float) else '%s=%s' % (name, value)]


def error(got, expect):
    ref = np.load(os.path.join(HERE, expect['file'])) * expect.get('scale', 1)
    if got.shape != ref.shape:
        return 'shape %s, expected %s' % (got.shape, ref.shape)
    keep = np.ix_(*[expect.get('keep', range(n)) for n in ref.shape])
    got, ref = got[keep], ref[keep]
    if not np.isfinite(got).all():
        return 'not finite'
    return float(abs(got - ref).max() / (abs(ref).max() or 1))


def run(tpc, evaluator, case, folder):
    x = os.path.join(HERE, case['x'])
    out = os.path.join(folder, 'K.npy')
    kernels = sorted(case['expect'])
    argv = [tpc, 'run', os.path.join(HERE, case['program']), x, '-o', out, '--network', case['network'],
            '--kernel', ','.join(kernels), '--evaluator', evaluator]
    for name, value in case['set'].items():
        argv += setting(name, value)
    p = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if p.returncode:
        return 'exit %d: %s' % (p.returncode, p.stderr.strip()[:200])
    for k in kernels:
        name = out if len(kernels) == 1 else os.path.join(folder, 'K.%s.npy' % k)
        e = error(np.load(name), case['expect'][k])
        if isinstance(e, str) or not e <= case['tolerance']:
            return '%s: error %s, tolerance %g' % (k, e, case['tolerance'])
    return None


def main():
    tpc = os.path.abspath(sys.argv[1])
    evaluator = sys.argv[2] if len(sys.argv) > 2 else 'jit'
    cases = json.load(open(os.path.join(HERE, 'cases.json')))['cases']
    print('1..%d' % len(cases))
    bad = 0
    for i, case in enumerate(cases, 1):
        with tempfile.TemporaryDirectory() as folder:
            why = run(tpc, evaluator, case, folder)
        bad += why is not None
        print('%s %d - %s%s' % ('not ok' if why else 'ok', i, case['name'], ' # ' + why if why else ''))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
