#!/usr/bin/python3
"""Text file -> C array of its bytes: embed.py IN OUT NAME"""
import sys

text = open(sys.argv[1], 'rb').read() + b'\0'
rows = [', '.join(str(b) for b in text[i:i + 20]) for i in range(0, len(text), 20)]
with open(sys.argv[2], 'w') as f:
    f.write('static const char %s[] = {\n    %s\n};\n' % (sys.argv[3], ',\n    '.join(rows)))
