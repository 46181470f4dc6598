#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program straight on a driver library and through gpuserverd, and compares what it prints.

usage: run_pair.py [--driver soft|native] [--recorded FILE] [--remote-only] [--seeds FIRST-LAST] PROGRAM [ARGUMENT...]

The remote run must print and end as the straight one, also with RGPU_SYNC=1, where every call waits.
FILE holds what NVIDIA's driver made the program print on a GPU: then all runs must print just that.
--remote-only is for what the software GPU cannot do straight.
--seeds runs the program for each of these numbers, its first argument, and goes on after a difference.
With `native`, on a machine with a GPU, the straight run uses the machine's driver, and so does the server.
Exit status 77: a file of the command is not there, so it was skipped.
"""
import argparse
import difflib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
from harness import PATIENCE, SOFT, Server, inherited  # noqa: E402 (found by the line above)

SECONDS = 60
LINES = 200  # of differences


class Run:
    """What a program did."""

    def __init__(self, what, out, err='', status=0):
        self.what, self.out, self.err, self.status = what, out, err, status

    def differences(self, other):
        """How another run differs from this one, as lines; none when it does not."""
        lines = list(difflib.unified_diff(self.out.splitlines(), other.out.splitlines(), self.what, other.what,
                                          lineterm=''))
        if self.status != other.status:
            lines.append(f'{other.what}: ended with {other.status}, {self.what}: with {self.status}')
        if self.err != other.err:
            lines.append(f'{other.what}: stderr is\n{other.err[-2000:]}')
        return lines


def native_driver():
    """The machine's libcuda.so.1, as the loader finds it."""
    listing = subprocess.run(['ldconfig', '-p'], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        if 'libcuda.so.1 ' in line and 'x86-64' in line:
            return line.split('=> ')[1].strip()
    raise SystemExit('this machine has no libcuda.so.1')


def run_straight(driver, command):
    """With that driver as the machine's; the programs' own run path leads to our client."""
    environment = inherited()
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(SOFT if driver == 'soft' else native_driver(), os.path.join(folder, 'libcuda.so.1'))
        path = os.pathsep.join(filter(None, [folder, os.environ.get('LD_LIBRARY_PATH')]))
        return finish('straight', subprocess.run, command, stdin=subprocess.DEVNULL, capture_output=True,
                      text=True, check=False, timeout=SECONDS * PATIENCE,
                      env={**environment, 'LD_LIBRARY_PATH': path})


def finish(what, run, *arguments, **more):
    try:
        done = run(*arguments, **more)
    except subprocess.TimeoutExpired as late:
        out = late.stdout.decode(errors='replace') if late.stdout else ''
        return Run(what, out, status=f'nothing after {late.timeout:g} s')
    return Run(what, done.stdout, done.stderr, done.returncode)


def run_all(options, command, server):
    runs = []
    if options.recorded:
        with open(options.recorded, encoding='utf-8') as file:
            runs.append(Run('recorded', file.read()))
    if not options.remote_only:
        runs.append(run_straight(options.driver, command))
    # Warnings tell of calls that failed after they had returned: the output has what came of them.
    for what, more in (('remote', {}), ('remote, every call waiting', {'RGPU_SYNC': '1'})):
        runs.append(finish(what, server.run, *command, seconds=SECONDS, RGPU_LOG='error', **more))
    return runs


def compare(options, command, server):
    """Says what differs, or that nothing does; whether something did."""
    first, *rest = run_all(options, command, server)
    wrong = [f'{first.what}: ended with {first.status}\n{first.err}'] if first.status else []
    for run in rest:
        wrong += first.differences(run)
    if len(wrong) > LINES:
        wrong[LINES // 2:-LINES // 2] = ['…']
    print('\n'.join(wrong) or f'{len(first.out.splitlines())} lines, equal in {len(rest) + 1} runs', flush=True)
    return bool(wrong)


def seeds_of(text):
    first, last = map(int, text.split('-'))
    return range(first, last + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--driver', choices=['soft', 'native'], default='soft')
    parser.add_argument('--recorded')
    parser.add_argument('--remote-only', action='store_true')
    parser.add_argument('--seeds', type=seeds_of)
    parser.add_argument('command', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        parser.error('no program')
    missing = [part for part in options.command if os.sep in part and not os.path.exists(part)]
    if missing:
        print(f'skipped: there is no {missing[0]}')
        return 77

    wrong = 0
    with Server(driver='soft' if options.driver == 'soft' else 'auto') as server:
        for seed in options.seeds or [None]:
            program, *arguments = options.command
            if seed is not None:
                print(f'seed {seed}: ', end='')
                arguments.insert(0, str(seed))
            wrong += compare(options, [program, *arguments], server)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
