"""docs/verdicts.md: the verdict of every network of the standard library, and for every layer the
network whose test states it.  TAP.

    library.py TPC [--bless]

--bless writes the file; else it must be what would be written, and every layer of the library must
be used, directly or through others, by a network that has a test with a line `verdict ..`."""
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAD = '''# Verdicts of the standard library

Written by `tests/golden/library.py`; the ladder is explained by `tpc explain TP0403` and the codes
after it.  Verdicts are those of the default values; where other values give a higher rung, the last
column says which.

'''


def blocks(path):
    """(kind, name, text) of the layers, networks and tests of a file."""
    with open(path) as f:
        text = re.sub(r'#.*', '', f.read())
    found = list(re.finditer(r'^(layer|network|test|fn|program)\s+(\w+)', text, re.M))
    for m, n in zip(found, found[1:] + [None]):
        yield m[1], m[2], text[m.end():n.start() if n else None]


class Library:
    def __init__(self):
        self.files = sorted(glob.glob(os.path.join(ROOT, 'stdlib', '*.tp')))
        self.layer, self.network, self.tested = {}, {}, {}
        for path in self.files:
            for kind, name, text in blocks(path):
                if kind == 'layer':
                    self.layer[name] = (path, text)
                elif kind == 'network':
                    self.network[name] = (path, text)
                elif kind == 'test':
                    m = re.match(r'\s*:\s*(\w+)(\([^{]*\))?', text)
                    verdict = re.search(r'^\s*verdict\s+([\w-]+)', text, re.M)
                    if m and verdict:
                        self.tested.setdefault(m[1], (name, m[2] or '', verdict[1]))

    def used(self, text, seen):
        """The layers that a text calls, and those that these call."""
        for name in set(re.findall(r'(\w+)\s*\(', text)) & set(self.layer):
            if name not in seen:
                seen.add(name)
                self.used(self.layer[name][1], seen)
        return seen

    def witnesses(self):
        """layer -> the tested network that uses it, the smallest first."""
        uses = {n: self.used(self.network[n][1], set()) for n in self.tested if n in self.network}
        return {layer: min((n for n in uses if layer in uses[n]),
                           key=lambda n: (len(uses[n]), n), default=None) for layer in self.layer}


def verdicts(tpc, path):
    p = subprocess.run([tpc, 'check', '--format=json', os.path.relpath(path, ROOT)], cwd=ROOT,
                       capture_output=True, text=True, timeout=120)
    return json.loads(p.stdout)['networks'] if p.returncode == 0 else None


def cell(x):
    return '' if x is None else str(x).replace('|', '\\|')


def table(tpc, lib):
    out = [HEAD, '## Networks\n\n', '| network | of | verdict | readout | for | higher |\n',
           '| --- | --- | --- | --- | --- | --- |\n']
    missing = []
    for path in lib.files:
        found = verdicts(tpc, path)
        if found is None:
            missing.append(os.path.basename(path))
        for n in found or []:
            only = ' and '.join(x for x in (n.get('condition'), n.get('sizes')) if x)
            row = [n['name'], os.path.basename(path), n['verdict'], n['readout'], only,
                   n.get('higher')]
            out.append('| %s |\n' % ' | '.join(map(cell, row)))
    out += ['\n## Layers\n\n', '| layer | of | network | test | verdict |\n',
            '| --- | --- | --- | --- | --- |\n']
    for layer, network in lib.witnesses().items():
        test, arguments, verdict = lib.tested.get(network, ('', '', ''))
        row = [layer, os.path.basename(lib.layer[layer][0]), (network or '') + arguments, test,
               verdict]
        out.append('| %s |\n' % ' | '.join(map(cell, row)))
    return ''.join(out), missing


def main():
    tpc, lib = os.path.abspath(sys.argv[1]), Library()
    path = os.path.join(ROOT, 'docs', 'verdicts.md')
    text, unreadable = table(tpc, lib)
    if '--bless' in sys.argv:
        with open(path, 'w') as f:
            f.write(text)
    alone = [layer for layer, network in lib.witnesses().items() if not network]
    with open(path) as f:
        same = f.read() == text
    results = [('every file has verdicts', unreadable),
               ('every layer has its verdict in a test', alone),
               ('docs/verdicts.md is up to date', [] if same else ['run library.py TPC --bless'])]
    for i, (name, wrong) in enumerate(results, 1):
        print('%s %d %s' % ('not ok' if wrong else 'ok', i, name))
        for w in wrong:
            print('#  ', w)
    print('1..%d' % len(results))
    return any(wrong for _, wrong in results)


if __name__ == '__main__':
    sys.exit(main())
