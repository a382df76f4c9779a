"""Writes the C file with the standard library: embed_stdlib.py OUT FILE.tp...

What follows the line `# ---- tests` of a file stays out: it is read at every start."""
import os
import sys


def literal(text):
    escaped = text.replace('\\', '\\\\').replace('"', '\\"')
    return ''.join('\n     "%s\\n"' % line for line in escaped.splitlines()) or ' ""'


TESTS = '# ---- tests\n'
files = []
for path in sorted(sys.argv[2:], key=os.path.basename):
    with open(path, encoding='utf-8') as f:
        files.append((os.path.basename(path), f.read().split(TESTS)[0].rstrip() + '\n'))

with open(sys.argv[1], 'w', encoding='utf-8') as out:
    out.write('#include "syntax/syntax.h"\n\nstatic const SyntaxText stdlib[] = {\n')
    for name, text in files:
        size = len('\n'.join(text.splitlines()).encode()) + (1 if text else 0)
        out.write('    {"%s",%s, %d},\n' % (name, literal(text), size))
    out.write('    {0},\n};\n\nconst SyntaxText *syntax_stdlib(uint32_t *n) {\n')
    out.write('    *n = %d;\n    return stdlib;\n}\n' % len(files))
