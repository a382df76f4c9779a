"""Runs cases with a built tpc and compares with the expected kernels.  TAP.

    run.py TPC [EVALUATOR [CASES.json]]      EVALUATOR: jit (default) or interpreter

The error of a kernel is max|a - b| / max|b|, b the expected values."""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def setting(name, value):
    return ['--set', '%s=%r' % (name, value) if isinstance(value, float) else '%s=%s' % (name, value)]


def expected(expect):
    if 'file' in expect:
        return np.load(os.path.join(HERE, expect['file']))
    return np.array(expect['values'], dtype=float)


def error(got, expect):
    ref = expected(expect)
    if got.shape != ref.shape:
        return 'shape %s, expected %s' % (got.shape, ref.shape)
    beyond = np.isnan(ref)
    if (np.isnan(got) != beyond).any():
        return 'NaN at other places than beyond the lengths'
    got, ref = got[~beyond], ref[~beyond]
    if not np.isfinite(got).all():
        return 'not finite'
    return float(abs(got - ref).max() / (abs(ref).max() or 1))


def run_in(folder, tpc, evaluator, case):
    x = os.path.join(HERE, case['x'])
    out = os.path.join(folder, 'K.npy')
    kernels = sorted(case['expect'])
    argv = [tpc, 'run', os.path.join(HERE, case['program']), x, '-o', out, '--network', case['network'],
            '--kernel', ','.join(kernels), '--evaluator', evaluator]
    for name, value in case['set'].items():
        argv += setting(name, value)
    for name, lengths in case.get('size', {}).items():
        argv += ['--size', name + '=' + os.path.join(HERE, lengths)]
    p = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if p.returncode:
        return 'exit %d: %s' % (p.returncode, p.stderr.strip()[:200])
    for k in kernels:
        name = out if len(kernels) == 1 else os.path.join(folder, 'K.%s.npy' % k)
        e = error(np.load(name), case['expect'][k])
        if isinstance(e, str) or not e <= case['tolerance']:
            return '%s: error %s, tolerance %g' % (k, e, case['tolerance'])
    return None


def run(tpc, evaluator, case):
    with tempfile.TemporaryDirectory() as folder:
        return run_in(folder, tpc, evaluator, case)


def main():
    tpc = os.path.abspath(sys.argv[1])
    evaluator, name = (sys.argv[2:] + ['jit', 'cases.json'][len(sys.argv) - 2:])[:2]
    cases = json.load(open(os.path.join(HERE, name)))['cases']
    print('1..%d' % len(cases))
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(lambda case: run(tpc, evaluator, case), cases)
        for i, (case, why) in enumerate(zip(cases, answers), 1):
            bad += why is not None
            print('%s %d - %s%s' % ('not ok' if why else 'ok', i, case['name'], ' # ' + why if why else ''))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
