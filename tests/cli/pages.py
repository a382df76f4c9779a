"""The programs of the explain pages, as a user would try them: the one under `## Wrong` gives the
page's message and no other, the one under `## Right` none.  TAP.

    pages.py TPC

`tpc check` finds most messages; the table below names the commands that find the others.  Every
message of the source has its page, and `tpc explain` prints it."""
import glob
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHECK, KERNEL = ['check'], ['show', '--stage=kernel']
COMMAND = [
    (range(100, 400), CHECK),
    (range(200, 201), ['show']),
    (range(398, 400), ['show', '--stage=gradient']),
    (range(400, 401), ['run', 'x.npy', '--kernel=ntk']),
    (range(401, 402), ['run', 'x.npy', '--kernel=nngp']),
    (range(403, 411), CHECK),  # notes below a verdict
    (range(420, 530), KERNEL),
    (range(600, 700), ['test']),
]


def command(code):
    return [c for codes, c in COMMAND if code in codes][-1]


def program(page, heading):
    m = re.search(r'^## %s\n+```tp\n(.*?)^```' % heading, page, re.M | re.S)
    return m and m[1]


def codes_of(tpc, folder, code, text):
    """The codes that come out, and the output."""
    with open(os.path.join(folder, 'page.tp'), 'w') as f:
        f.write(text)
    first, *rest = command(code)
    p = subprocess.run([tpc, first, 'page.tp', *rest, '--format=short'], cwd=folder, timeout=60,
                       capture_output=True, text=True, stdin=subprocess.DEVNULL)
    found = set(re.findall(r'(?:error|warning)\[TP(\d{4})\]', p.stderr))
    if re.search(r'note\[TP%04d\]' % code, p.stdout):
        found.add('%04d' % code)
    errors = 'error[' in p.stderr
    if p.returncode != (1 if errors else 0):
        found.add('exit %d' % p.returncode)
    return found, p.stderr


def check_page(tpc, folder, code, page):
    if not page.startswith('# TP%04d: ' % code):
        return 'the first line is not `# TP%04d: title`' % code
    wrong, right = program(page, 'Wrong'), program(page, 'Right')
    if (wrong is None) != (right is None):
        return 'one of the two programs is missing'
    if wrong is None:
        return 'a program that is not found' if '```tp' in page else ''
    found, text = codes_of(tpc, folder, code, wrong)
    if found != {'%04d' % code}:
        return 'the wrong program gives %s\n%s' % (sorted(found), text)
    found, text = codes_of(tpc, folder, code, right)
    if found:
        return 'the right program gives %s\n%s' % (sorted(found), text)
    return ''


def messages():
    for path in sorted(glob.glob(os.path.join(ROOT, 'compiler/diag/messages/*.def'))):
        with open(path) as f:
            for code in re.findall(r'^DIAG\((\d+),', f.read(), re.M):
                yield int(code)


def one(tpc, folder, code):
    p = subprocess.run([tpc, 'explain', 'TP%04d' % code], capture_output=True, text=True)
    if p.returncode:
        return 'explain: ' + p.stderr
    with open(os.path.join(ROOT, 'compiler/diag/pages/TP%04d.md' % code)) as f:
        if f.read() != p.stdout:
            return 'explain prints something else than the page'
    return check_page(tpc, folder, code, p.stdout)


def main():
    tpc = os.path.abspath(sys.argv[1])
    codes = list(messages())
    failed = 0
    print('1..%d' % len(codes))
    with tempfile.TemporaryDirectory() as folder:
        np.save(os.path.join(folder, 'x.npy'), np.eye(3))
        for n, code in enumerate(codes, 1):
            why = one(tpc, folder, code)
            failed += bool(why)
            print('%s %d TP%04d' % ('not ok' if why else 'ok', n, code))
            for line in why.splitlines():
                print('#', line)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
