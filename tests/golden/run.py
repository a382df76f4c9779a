"""Golden texts: what tpc prints for the sources in the folders check/ and show/, exactly.  TAP.

    run.py TPC [--bless] [NAME..]

`x.tp` with a file beside it is compared with what a command prints about it:

    x.tprog  show --stage=program     x.err    check --format=short, standard error
    x.limit  show --stage=limit       x.human  check --format=human, standard error
    x.grad   show --stage=gradient
    x.kir    show --stage=kernel      x.json   check --format=json, standard output
                                      x.out    check, standard output

Comments at the head of x.tp change the command: `# args: --set depth=2` adds arguments, `# command:
run two.npy` replaces `check` (its file comes first).  Everything runs in the folder of x.tp.  Every
x.tp in check/ has such a file or is a twin `x-ok.tp`: the same program set right, of which check
says nothing.  Every message that source text can bring about occurs in some x.err.  --bless
rewrites the files that exist."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STAGES = {'tprog': 'program', 'grad': 'gradient', 'limit': 'limit', 'kir': 'kernel'}
FORMATS = {'err': 'short', 'human': 'human', 'json': 'json', 'out': 'human'}

# Messages that no file here shows, and what does.
ELSEWHERE = {
    117: 'tests/unit/syntax/t_load.c: 64 files', 120: 'tests/unit/syntax/t_load.c: 16 MiB',
    122: 'tests/unit/syntax/t_load.c: 256 files', 390: 'text of programs: tests/fuzz/program.c',
    480: 'text of kernels: tests/unit/kernel/t_text.c',
}


class Source:
    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.args, self.command = [], None
        with open(self.path('tp'), 'rb') as f:
            for line in f.read().decode('utf-8', 'replace').splitlines():
                m = re.match(r'# (args|command): (.*)', line)
                if not m:
                    break
                if m[1] == 'args':
                    self.args = m[2].split()
                else:
                    self.command = m[2].split()

    def path(self, ext):
        return os.path.join(self.folder, self.name + '.' + ext)

    def run(self, tpc, args):
        p = subprocess.run([tpc, *args, *self.args], cwd=self.folder, capture_output=True,
                           stdin=subprocess.DEVNULL, timeout=60)
        return p.returncode, p.stdout.decode(), p.stderr.decode()

    def shown(self, tpc, ext):
        """The text for x.EXT, or None with what went wrong."""
        file = self.name + '.tp'
        if ext in STAGES:
            code, out, err = self.run(tpc, ['show', '--stage=' + STAGES[ext], file])
            return (None, 'exit %d: %s' % (code, err)) if code or err else (out, '')
        command = self.command or ['check']
        command = [command[0], file, *command[1:], '--format=' + FORMATS[ext]]
        code, out, err = self.run(tpc, command)
        text = out if ext in ('json', 'out') else err
        errors = 'error[' in text or '"severity": "error"' in text
        if code != (1 if errors else 0):
            return None, 'exit %d: %s' % (code, err or out)
        return text, ''


def sources(kind, names):
    folder = os.path.join(HERE, kind)
    for f in sorted(os.listdir(folder)):
        name, ext = os.path.splitext(f)
        if ext == '.tp' and (not names or name in names):
            yield Source(folder, name)


def compare(s, ext, tpc, bless):
    text, why = s.shown(tpc, ext)
    if text is None:
        return why
    if bless:
        with open(s.path(ext), 'w') as f:
            f.write(text)
    with open(s.path(ext)) as f:
        want = f.read()
    if text == want:
        return ''
    a, b = text.splitlines(), want.splitlines()
    for i in range(max(len(a), len(b))):
        got, expected = (x[i] if i < len(x) else '(nothing)' for x in (a, b))
        if got != expected:
            return 'line %d\n  got      %s\n  expected %s' % (i + 1, got, expected)
    return 'the ends of the lines differ'


def quiet(s, tpc):
    """A program set right: no message."""
    command = s.command or ['check']
    code, _, err = s.run(tpc, [command[0], s.name + '.tp', *command[1:]])
    return 'exit %d: %s' % (code, err) if code or err else ''


def all_seen():
    seen, missing = set(), []
    for kind in 'check', 'parse':
        for f in os.listdir(os.path.join(HERE, kind)):
            if f.endswith(('.err', '.out')):
                with open(os.path.join(HERE, kind, f)) as t:
                    seen |= {int(c) for c in re.findall(r'\[TP(\d{4})\]', t.read())}
    for stage in 'syntax', 'program', 'check', 'limit', 'gauss', 'lower':
        with open(os.path.join(ROOT, 'compiler/diag/messages', stage + '.def')) as t:
            for code, name in re.findall(r'^DIAG\((\d+), \w+, (\w+)', t.read(), re.M):
                if int(code) not in seen | set(ELSEWHERE):
                    missing.append('TP%04d %s' % (int(code), name))
    return 'not shown: ' + ', '.join(missing) if missing else ''


def cases(tpc, bless, names):
    for kind in 'check', 'show':
        for s in sources(kind, names):
            exts = [e for e in (*STAGES, *FORMATS) if os.path.exists(s.path(e))]
            for ext in exts:
                yield '%s/%s.%s' % (kind, s.name, ext), compare(s, ext, tpc, bless)
            if s.name.endswith('-ok'):
                yield '%s/%s' % (kind, s.name), quiet(s, tpc)
            elif not exts:
                yield '%s/%s' % (kind, s.name), 'nothing to compare with'
            if kind == 'check' and 'err' in exts and 'error[' in open(s.path('err')).read():
                ok = os.path.exists(os.path.join(s.folder, s.name + '-ok.tp'))
                yield '%s/%s has a twin' % (kind, s.name), '' if ok else 'no %s-ok.tp' % s.name
    if not names:
        yield 'every message is shown', all_seen()


def main():
    bless = '--bless' in sys.argv
    tpc, *names = [a for a in sys.argv[1:] if a != '--bless']
    n = failed = 0
    for name, why in cases(os.path.abspath(tpc), bless, names):
        n += 1
        failed += bool(why)
        print('%s %d %s' % ('not ok' if why else 'ok', n, name))
        for line in why.splitlines():
            print('#', line)
    print('1..%d' % n)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
