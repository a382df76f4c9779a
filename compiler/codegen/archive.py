"""archive.py ARCHIVE HEADER: a header with the archive's path, new whenever the archive changes."""
import hashlib
import os
import sys

path = os.path.abspath(sys.argv[1])
with open(path, 'rb') as f:
    data = f.read()
if not data.startswith(b'!<arch>'):
    sys.exit(f'{path}: not an archive with its members inside')
with open(sys.argv[2], 'w') as f:
    f.write(f'/* {hashlib.sha256(data).hexdigest()} */\n#define TPC_RUNTIME_ARCHIVE "{path}"\n')
