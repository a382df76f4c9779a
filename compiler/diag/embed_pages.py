"""Writes the C file with the explain pages: embed_pages.py OUT PAGE.md..."""
import os
import re
import sys


def literal(text):
    escaped = text.replace('\\', '\\\\').replace('"', '\\"')
    return '\n'.join('    "%s\\n"' % line for line in escaped.splitlines())


rows = []
for path in sorted(sys.argv[2:]):
    m = re.fullmatch(r'TP(\d{4})\.md', os.path.basename(path))
    if not m:
        sys.exit('%s: a page is named TPnnnn.md' % path)
    with open(path, encoding='utf-8') as f:
        rows.append((int(m[1]), f.read()))

with open(sys.argv[1], 'w', encoding='utf-8') as out:
    out.write('#include "diag/diag.h"\n\n')
    out.write('const char *diag_page(uint32_t code) {\n    switch (code) {\n')
    for code, text in rows:
        out.write('    case %d: return\n%s;\n' % (code, literal(text)))
    out.write('    }\n    return NULL;\n}\n')
