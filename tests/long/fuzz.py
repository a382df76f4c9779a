"""Fuzzes for FUZZ_SECONDS (60), beginning with a corpus; what is found lies beside the fuzzer.

    fuzz.py FUZZER DICTIONARY CORPUS...     DICTIONARY: a file, which need not be there"""
import os
import re
import subprocess
import sys
import tempfile

fuzzer, words, *corpus = sys.argv[1:]
seconds = os.environ.get('FUZZ_SECONDS', '60')
options = ['-max_total_time=' + seconds, '-timeout=30', '-rss_limit_mb=4096', '-print_final_stats=1',
           '-artifact_prefix=%s-' % os.path.abspath(fuzzer)]
if os.path.exists(words):
    options.append('-dict=' + words)
with tempfile.TemporaryDirectory() as new:
    p = subprocess.run([fuzzer, *options, new, *corpus], stderr=subprocess.PIPE, text=True,
                       errors='replace', stdin=subprocess.DEVNULL)
if p.returncode:
    sys.exit(p.stderr[-20000:])
runs = re.search(r'number_of_executed_units: (\d+)', p.stderr).group(1)
print('%s: %s inputs in %s s' % (os.path.basename(fuzzer), runs, seconds))
