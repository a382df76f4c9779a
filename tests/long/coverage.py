"""Line coverage per folder of a build folder made with -Db_coverage=true, after its tests ran.

    coverage.py BUILD"""
import collections
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BATCH = 50


def reports(build):
    data = glob.glob(os.path.join(build, '**', '*.gcda'), recursive=True)
    for i in range(0, len(data), BATCH):
        p = subprocess.run(['gcov', '--json-format', '--stdout', *data[i:i + BATCH]], cwd=build,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        yield from map(json.loads, p.stdout.splitlines())


def main():
    build = os.path.abspath(sys.argv[1])
    lines = collections.defaultdict(dict) # folder -> (file, line) -> was run
    for report in reports(build):
        for f in report['files']:
            path = os.path.relpath(os.path.join(build, f['file']), ROOT)
            if not path.startswith(('compiler/', 'runtime/')) or not os.path.exists(path):
                continue
            known = lines[os.path.dirname(path)]
            for line in f['lines']:
                key = path, line['line_number']
                known[key] = known.get(key, False) or line['count'] > 0
    for folder in sorted(lines):
        show(folder, lines[folder].values())
    show('all', [run for known in lines.values() for run in known.values()])


def show(name, runs):
    print('%-28s %6d lines, %5.1f %% run' % (name, len(runs), 100 * sum(runs) / len(runs)))


main()
