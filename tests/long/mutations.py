"""Errors put into the verdicts on purpose, each of which a test must find.  TAP.

    mutations.py SOURCE [PATTERN]

A copy of the tree SOURCE is built in a temporary folder; every mutation whose name matches PATTERN
is put into it, and its test has to fail, saying what the table says."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

CHECK, COEFFICIENT = 'compiler/check/check_t_check', 'compiler/check/check_t_coefficient'
PROGRAMS, TRUTH = 'compiler/gradient/gradient_t_programs', 'tests/truth'

# name, file, what stands there, what takes its place, the test, what its output says
MUTATIONS = [
    ('a product of odds is odd', 'compiler/check/form_calc.c',
     'return a == b ? PAR_even : PAR_odd;',
     'return a == PAR_even && b == PAR_even ? PAR_even : PAR_odd;', CHECK, '^product of odds: '),
    ('.. and in corrections', 'compiler/check/form_calc.c', 'return a == b ? PAR_even : PAR_odd;',
     'return a == PAR_even && b == PAR_even ? PAR_even : PAR_odd;', COEFFICIENT, '^inside, cube: '),
    ('a moment of an odd vector is a number', 'compiler/check/parity.c',
     'return x == PAR_odd || x == PAR_zero ? PAR_zero : PAR_even;',
     'return x == PAR_zero ? PAR_zero : PAR_even;', CHECK, '^a moment of an odd vector added: '),
    ('a moment of an odd vector is odd', 'compiler/check/parity.c',
     'return x == PAR_odd || x == PAR_zero ? PAR_zero : PAR_even;', 'return x;', CHECK,
     '^a moment of an odd vector: '),
    ('a moment of an even vector is 0', 'compiler/check/parity.c',
     'return x == PAR_odd || x == PAR_zero ? PAR_zero : PAR_even;',
     'return x == PAR_none ? PAR_even : PAR_zero;', CHECK,
     '^a moment of an even vector added: '),
    ('the orientation is fixed', 'compiler/check/bplike.c',
     'if (!obstacle(s, &q, f, false, &clause)) continue;',
     'if (!obstacle(s, &q, f, false, &clause)) continue;\n        if (s) return false;', CHECK,
     "^the embedding is special, W' is forward: "),
    ('special vectors are readouts', 'compiler/check/bplike.c',
     'for (int kind = 0; kind < 2; kind++)', 'for (int kind = 2; kind < 2; kind++)', CHECK,
     '^the embedding is special, '),
    ('a correction for every hat of the family', 'compiler/check/limit1.c',
     '    leaf_bases(l, h->arg, &base);\n',
     '    for (uint32_t i = 0; i < l->leaf.len; i++) vec_push(l->a, &base, i);\n', COEFFICIENT,
     'FAILED.*test_witness'),
    ('one hat for all products by a member', 'compiler/check/leaves.c',
     'if (a->kind != b->kind || a->arg != b->arg) return false;',
     'if (a->kind != b->kind || (a->arg != b->arg && a->kind != LEAF_hat)) return false;',
     COEFFICIENT, 'FAILED.*test_witness'),
    ('.. against networks', 'compiler/check/leaves.c',
     'if (a->kind != b->kind || a->arg != b->arg) return false;',
     'if (a->kind != b->kind || (a->arg != b->arg && a->kind != LEAF_hat)) return false;',
     TRUTH, '^not ok 2'),
    ('the derivative almost everywhere', 'compiler/check/form_calc.c',
     'case FF_sign: return form_scale(p, form_fn(p, FF_delta, a), 2, 1);',
     'case FF_sign: return FORM_ZERO;', COEFFICIENT, '^relu: '),
    ('.. against networks', 'compiler/check/form_calc.c',
     'case FF_sign: return form_scale(p, form_fn(p, FF_delta, a), 2, 1);',
     'case FF_sign: return FORM_ZERO;', TRUTH, '^not ok 2'),
    ('dtheta of moments dropped', 'compiler/gradient/scalars.c',
     '    Fx g = pass_sref(s, s->adj[id], &at);\n    if (d.op == PO_mean) {',
     '    Fx g = pass_sref(s, s->adj[id], &at);\n    if (s) return;\n    if (d.op == PO_mean) {',
     COEFFICIENT, '^norm: '),
    ('dtheta of coefficients dropped', 'compiler/gradient/rules.c',
     'if (!reads_scalar(s, a->coef)) continue;', 'if (s) continue;', COEFFICIENT, '^norm: '),
    ('dtheta of functions dropped', 'compiler/gradient/rules.c',
     'for (uint32_t k = 0; k < v.len; k++) nonlin_scalar(s, id, v.data[k]);',
     'for (uint32_t k = 0; k < v.len && !s; k++) nonlin_scalar(s, id, v.data[k]);', PROGRAMS,
     r'FAILED.*\bown\b'),
]
TARGETS = [CHECK, COEFFICIENT, PROGRAMS, TRUTH]


def build(folder):
    p = subprocess.run(['ninja', '-C', folder, '-j2', *TARGETS], capture_output=True, text=True)
    return p.stdout[-800:] if p.returncode else ''


def output(folder, test):
    arguments = ['200'] if test == TRUTH else []
    p = subprocess.run([os.path.join(folder, test), *arguments], capture_output=True, text=True,
                       timeout=1200)
    return p.stdout + p.stderr


def survived(source, folder, m):
    _, file, old, new, test, says = m
    path = os.path.join(source, file)
    with open(path) as f:
        text = f.read()
    if text.count(old) != 1:
        return '%s: what is to be changed is not there once' % file
    with open(path, 'w') as f:
        f.write(text.replace(old, new))
    try:
        wrong = build(folder)
        if wrong:
            return wrong
        out = output(folder, test)
        return '' if re.search(says, out, re.M) else '%s does not find it:\n%s' % (test, out[-400:])
    finally:
        with open(path, 'w') as f:
            f.write(text)


def copied(path, names):
    return [n for n in names if n == '.git' or (path == sys.argv[1] and n.startswith('build'))]


def main():
    pattern = sys.argv[2] if len(sys.argv) > 2 else ''
    chosen = [m for m in MUTATIONS if re.search(pattern, m[0])]
    with tempfile.TemporaryDirectory() as top:
        source, folder = os.path.join(top, 'source'), os.path.join(top, 'build')
        shutil.copytree(sys.argv[1], source, ignore=copied)
        subprocess.run(['/usr/bin/meson', 'setup', folder, source], check=True, capture_output=True)
        failed = 0
        for i, m in enumerate(chosen, 1):
            why = survived(source, folder, m)
            failed += bool(why)
            print('%s %d %s: %s' % ('not ok' if why else 'ok', i, m[0], m[4].split('/')[-1]),
                  flush=True)
            for line in why.splitlines():
                print('#  ', line)
    print('1..%d' % len(chosen))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
