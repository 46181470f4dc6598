#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every program of a folder twice natively and once through the remote path, and compares how they end and what they print.

    tests/gpu/compare_folder.py --pack DIR [--arguments FILE] [--only REGEX] [--out DIR] FOLDER

DIR is a build directory, or what pack.sh made of one. A program runs in the folder where it lies. FILE (JSON) gives
arguments by name: {"NAME": {"args": [...]}}, {"NAME": {"runs": [{"args": [...]}, ...]}} or {"NAME": {"skip": true}}.
Results go to folder.csv in the --out folder, what differing programs printed to its logs/. Exit status: 0 when every
program that passes natively passes remotely and prints the same, 1 otherwise, 2 for wrong usage.
"""
import argparse
import concurrent.futures
import csv
import json
import os
import re
import sys

import compare

COLUMNS = ['name', 'native', 'remote', 'output', 'native_s', 'remote_s', 'verdict', 'reason']
NUMBER = re.compile(r'[-+]?(0x[0-9a-f]+|\d[\d.]*(e[-+]?\d+)?|nan|inf)', re.I)


def programs(folder):
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(d for d in folders if d != 'CMakeFiles')
        for name in sorted(names):
            path = os.path.join(where, name)
            with open(path, 'rb') as f:
                elf = f.read(18)
            if os.access(path, os.X_OK) and elf[:4] == b'\x7fELF' and '.so' not in name and not name.endswith('.o'):
                yield path


def jobs_of(options):
    """[(name, path, arguments)], one for each run."""
    given = {}
    if options.arguments:
        with open(options.arguments) as f:
            given = json.load(f)
    for path in programs(options.folder):
        name = os.path.basename(path)
        wanted = given.get(name, {})
        if wanted.get('skip') or not re.search(options.only, name):
            continue
        for run in wanted.get('runs', [wanted]):
            arguments = run.get('args', [])
            yield ' '.join([name, *arguments]), path, arguments


def state(code):
    return 'pass' if code == 0 else 'timeout' if code == 'timeout' else f'exit {code}'


def compare_output(first, second, remote):
    """'equal', 'numbers differ' (natively, too) or 'DIFFERENT', for what two native runs and a remote one printed."""
    if remote in (first, second):
        return 'equal'
    masked = {NUMBER.sub('#', text) for text in (first, second)}
    if first != second and (NUMBER.sub('#', remote) in masked or len(masked) > 1):
        return 'numbers differ'
    return 'DIFFERENT'


def judge(native, remote, output):
    if native != 'pass':
        return 'waived', f'natively: {native}'
    if remote != 'pass':
        return 'fail', ''
    return ('fail', 'prints something else') if output == 'DIFFERENT' else ('pass', '')


def run(job, options, address):
    row = run_three(job, options, address)
    print(*row.values(), sep=', ', flush=True)
    return row


def run_three(job, options, address):
    name, path, arguments = job
    where, command = os.path.dirname(path), ['./' + os.path.basename(path), *arguments]
    native, remote = compare.native_environment(options), compare.remote_environment(options, address)
    texts, codes, seconds = [], [], []
    for environment in (native, native, remote):
        code, took, out, err = compare.run_program(command, environment, options.timeout, where)
        codes.append(code)
        seconds.append(took)
        texts.append(out + err)
        if code == 'timeout' and environment is native:
            return dict(zip(COLUMNS, [name, 'timeout', '-', '-', took, '-', *judge('timeout', '', '')]))
    output = compare_output(*texts)
    ends = [state(c) for c in codes]
    row = dict(zip(COLUMNS, [name, ends[0], ends[2], output, min(seconds[:2]), seconds[2], *judge(ends[0], ends[2], output)]))
    if row['verdict'] == 'fail':
        for kind, text in zip(('native', 'native2', 'remote'), texts):
            with open(os.path.join(options.out, 'logs', re.sub(r'\W+', '_', name) + '.' + kind), 'w') as f:
                f.write(text[-20000:])
    return row


def parse_options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('folder')
    p.add_argument('--pack', required=True, help='build directory, or what pack.sh made')
    p.add_argument('--arguments', help='JSON file with the programs\' arguments')
    p.add_argument('--only', default='', help='regular expression for the names of programs')
    p.add_argument('--jobs', type=int, default=4, help='programs at once')
    p.add_argument('--timeout', type=int, default=60, help='seconds for a run')
    p.add_argument('--out', default='build/gpu-results', help='folder for the results')
    p.add_argument('--driver', default='auto', help='what the server drives')
    p.add_argument('--native-library', help='folder of the native libcuda.so.1, when not the system\'s')
    return p.parse_args()


def main():
    options = parse_options()
    options.folder = os.path.abspath(options.folder)
    options.remote = True
    compare.prepare(options)
    os.makedirs(os.path.join(options.out, 'logs'), exist_ok=True)
    jobs = list(jobs_of(options))
    if not jobs:
        print(f'compare_folder.py: no programs in {options.folder}', file=sys.stderr)
        return 2
    with compare.Server(options, [], os.path.join(options.out, 'server.log')) as server, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(lambda job: run(job, options, server.address), jobs))
    with open(os.path.join(options.out, 'folder.csv'), 'w', newline='') as f:
        out = csv.DictWriter(f, COLUMNS)
        out.writeheader()
        out.writerows(rows)
    counts = {v: sum(row['verdict'] == v for row in rows) for v in ('pass', 'fail', 'waived')}
    print(', '.join(f'{n} {verdict}' for verdict, n in counts.items()))
    return 1 if counts['fail'] else 0


if __name__ == '__main__':
    sys.exit(main())
