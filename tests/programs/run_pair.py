# SPDX-License-Identifier: Apache-2.0
"""Runs a program straight on a driver library and through gpuserverd, and compares what it prints.

usage: run_pair.py [--driver soft|native] PROGRAM [ARGUMENT...]

Both runs must end alike, print the same and, on the remote side, nothing on stderr; a third run with
RGPU_SYNC=1, where every call waits, must print the same too. `native` is for machines with a GPU: the
straight run uses the machine's own driver, and so does the server. Exit status 77: the program's own
file is not there, so it was skipped.
"""
import argparse
import difflib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
from harness import PATIENCE, SOFT, Server  # noqa: E402 (found by the line above)

SECONDS = 60


def run_straight(driver, command):
    """As any program on a machine with that driver."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith('RGPU_')}
    with tempfile.TemporaryDirectory() as folder:
        if driver == 'soft':
            os.symlink(SOFT, os.path.join(folder, 'libcuda.so.1'))
        else:
            # The program's run path leads to our client: the system's folders come before it only so.
            os.symlink(native_driver(), os.path.join(folder, 'libcuda.so.1'))
        path = os.pathsep.join(filter(None, [folder, os.environ.get('LD_LIBRARY_PATH')]))
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=SECONDS * PATIENCE, env={**environment, 'LD_LIBRARY_PATH': path})


def native_driver():
    """The machine's libcuda.so.1, as the loader finds it."""
    listing = subprocess.run(['ldconfig', '-p'], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        if 'libcuda.so.1 ' in line and 'x86-64' in line:
            return line.split('=> ')[1].strip()
    raise SystemExit('this machine has no libcuda.so.1')


def differences(straight, remote, what):
    """What is wrong with the remote run, as lines; none when it is equal."""
    lines = list(difflib.unified_diff(straight.stdout.splitlines(), remote.stdout.splitlines(),
                                      'straight', what, lineterm=''))
    if straight.returncode != remote.returncode:
        lines.append(f'{what}: ended with {remote.returncode}, straight with {straight.returncode}')
    if remote.stderr != straight.stderr:
        lines.append(f'{what}: stderr is\n{remote.stderr}')
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--driver', choices=['soft', 'native'], default='soft')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command
    if not command:
        parser.error('no program')
    missing = [part for part in command if os.sep in part and not os.path.exists(part)]
    if missing:
        print(f'skipped: there is no {missing[0]}')
        return 77

    straight = run_straight(options.driver, command)
    wrong = []
    if straight.returncode != 0 or 'FAILED' in straight.stdout:
        wrong += [f'straight: ended with {straight.returncode}', straight.stdout[-2000:], straight.stderr[-2000:]]
    with Server(driver='soft' if options.driver == 'soft' else 'auto') as server:
        for what, more in (('remote', {}), ('remote, every call waiting', {'RGPU_SYNC': '1'})):
            try:
                done = server.run(*command, seconds=SECONDS, **more)
            except subprocess.TimeoutExpired as late:
                out = late.stdout.decode(errors='replace') if late.stdout else ''
                wrong += [f'{what}: not done after {late.timeout:g} s; the last of its output:', out[-1500:]]
                continue
            wrong += differences(straight, done, what)
    print('\n'.join(wrong) if wrong else f'{len(straight.stdout.splitlines())} lines, equal')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
