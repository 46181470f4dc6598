#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs programs natively and through the remote path, in turn, and compares what they say and how long they take.

    tests/gpu/compare.py --pack DIR [--only NAME,...] [--repeat N] [--out DIR]

DIR is a build directory, or what pack.sh made of one. The client's programs find only our libraries; server
and client are on this machine. Results go to compare.md, compare.csv and compare.json in the --out folder.
Exit status: 0 when every program ended well and every check holds, 1 otherwise, 2 for wrong usage.
"""
import argparse
import concurrent.futures
import contextlib
import datetime
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import catalogue
import comparison


def find(folder, *places):
    for place in places:
        path = os.path.join(folder, place)
        if os.path.exists(path):
            return os.path.abspath(path)
    raise SystemExit(f'compare.py: no {places[0]} in {folder}')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    """gpuserverd on a free port of loopback, for a `with` statement."""

    def __init__(self, options, more, log):
        self.address = f'127.0.0.1:{free_port()}'
        self.log = open(log, 'a')
        self.process = subprocess.Popen(
            [options.server, '--listen', self.address, '--driver', options.driver, *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=environment_without_ours(options.client))

    def __enter__(self):
        for line in self.process.stdout:
            self.log.write(line)
            if 'listening on' in line:
                return self
        raise SystemExit(f'compare.py: the server did not start: see {self.log.name}')

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            print('compare.py: the server did not end within 20 s of SIGTERM', flush=True)
        self.log.close()


def run_program(command, environment, timeout, folder=None):
    """(exit status or 'timeout', seconds, stdout, stderr) of a program, in a process group of its own that ends with it."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                   env=environment, cwd=folder, start_new_session=True)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = 'timeout'
        seconds = round(time.monotonic() - started, 3)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        out.seek(0)
        err.seek(0)
        return code, seconds, out.read().decode(errors='replace'), err.read().decode(errors='replace')


def execute(command, environment, timeout):
    run = comparison.Run()
    run.code, run.seconds, out, err = run_program(command, environment, timeout)
    comparison.parse(run, out)
    if run.code != 0:
        run.tail = out[-2000:] + err[-4000:]
    return run


def environment_without_ours(client):
    """The environment of a native run: what finds our libraries is taken out of it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith('RGPU_')}
    path = [p for p in environment.get('LD_LIBRARY_PATH', '').split(':') if p and os.path.realpath(p) not in client]
    environment['LD_LIBRARY_PATH'] = ':'.join(path)
    return environment


def remote_environment(options, address):
    environment = environment_without_ours(options.client)
    path = options.client + [p for p in environment['LD_LIBRARY_PATH'].split(':') if p]
    environment.update(LD_LIBRARY_PATH=':'.join(path), RGPU_SERVERS=address)
    return environment


def run_remote(options, command, timeout, address, number):
    stats = os.path.join(options.scratch, f'stats-{number}.json')
    if os.path.exists(stats):
        os.unlink(stats)
    run = execute(command, {**remote_environment(options, address), 'RGPU_STATS': stats}, timeout)
    try:
        with open(stats) as f:
            run.stats = json.load(f)
    except (OSError, ValueError):
        run.stats = None
    return run


def native_environment(options):
    environment = environment_without_ours(options.client)
    if options.native_library:
        environment['LD_LIBRARY_PATH'] = options.native_library + ':' + environment['LD_LIBRARY_PATH']
    return environment


def run_native(options, command, timeout):
    return execute(command, native_environment(options), timeout)


def filled(command, options):
    return [word.format(build=options.build, sources=catalogue.SOURCES) for word in command]


def say(workload, kind, i, run):
    figures = ' '.join(f'{name}={value:g}{unit}' for name, (value, unit) in list(run.figures.items())[:6])
    print(f'{workload.name} {kind} {i + 1}: exit {run.code}, {run.seconds:.1f} s {figures}', flush=True)
    if run.code != 0:
        print(run.tail, flush=True)


def run_pair(workload, options, server, i):
    """One native and one remote run; None for one that is not wanted."""
    remote_command = filled(workload.command, options)
    native_command = remote_command if workload.native is None else filled(workload.native, options)
    native = remote = None
    if options.native and native_command:
        native = run_native(options, native_command, workload.timeout)
        say(workload, 'native', i, native)
    if options.remote:
        remote = run_remote(options, remote_command, workload.timeout, server.address, i)
        say(workload, 'remote', i, remote)
    return native, remote


def compare(workload, options, server):
    """Programs whose times count run one after the other, the rest beside one another."""
    pairs = []
    if workload.alone or options.jobs == 1:
        for i in range(options.repeat):
            pairs.append(run_pair(workload, options, server, i))
            if any(run and run.code == 'timeout' for run in pairs[-1]):
                break
    else:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            pairs = list(pool.map(lambda i: run_pair(workload, options, server, i), range(options.repeat)))
    native, remote = ([pair[side] for pair in pairs if pair[side]] for side in (0, 1))
    for line in comparison.failures(workload, native, remote):
        print('FAILED', line, flush=True)
    return workload, native, remote


def compare_all(workloads, options, done):
    """Adds to @done as it goes, so that what was measured can be written whatever happens."""
    log = os.path.join(options.out, 'server.log')

    def server_with(more):
        return Server(options, more, log) if options.remote else contextlib.nullcontext()
    with server_with(options.server_option) as server:
        for workload in workloads:
            problem = catalogue.build(workload, options.build)
            if problem:
                print(f'{workload.name} skipped: {problem}', flush=True)
            elif workload.server:
                with server_with(workload.server) as own:
                    done.append(compare(workload, options, own))
            else:
                done.append(compare(workload, options, server))


def about(options):
    command = ['nvidia-smi', '--query-gpu=name,driver_version', '--format=csv,noheader']
    try:
        gpu = subprocess.run(command, capture_output=True, text=True, timeout=60,
                             env=environment_without_ours(options.client)).stdout.strip()
    except OSError:
        gpu = 'none'
    return {'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
            'commit': options.commit, 'gpu and driver': gpu.replace('\n', '; '),
            'machine': f'{platform.platform()}, {os.cpu_count()} cores', 'transport': 'TCP over loopback'}


def parse_options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--pack', help='build directory, or what pack.sh made')
    p.add_argument('--only', help='names of workloads, separated by commas')
    p.add_argument('--skip', default='', help='names of workloads to leave out')
    p.add_argument('--repeat', type=int, default=5)
    p.add_argument('--jobs', type=int, default=5, help='runs at once of programs whose times do not count')
    p.add_argument('--out', default='build/gpu-results', help='folder for the results')
    p.add_argument('--build', help='folder for built workloads (OUT/programs)')
    p.add_argument('--driver', default='auto', help='what the server drives')
    p.add_argument('--server-option', action='append', default=[], help='more options for the server')
    p.add_argument('--native-library', help='folder of the native libcuda.so.1, when not the system\'s')
    p.add_argument('--no-native', dest='native', action='store_false')
    p.add_argument('--no-remote', dest='remote', action='store_false')
    p.add_argument('--commit', default='not given')
    p.add_argument('--list', action='store_true', help='list the workloads and exit')
    return p.parse_args()


def prepare(options):
    """What both ways of comparing need: absolute paths, and where our libraries are."""
    options.out = os.path.abspath(options.out)
    options.client = []
    if options.remote:
        options.server = find(options.pack, 'gpuserverd', 'server/gpuserverd')
        found = [find(options.pack, 'libcuda.so.1', 'client/libcuda.so.1'),
                 find(options.pack, 'libnvidia-ml.so.1', 'client/nvml/libnvidia-ml.so.1')]
        options.client = list(dict.fromkeys(os.path.realpath(os.path.dirname(path)) for path in found))
    if options.native_library:
        options.native_library = os.path.abspath(options.native_library)
    os.makedirs(options.out, exist_ok=True)


def main():
    options = parse_options()
    wanted = options.only.split(',') if options.only else [w.name for w in catalogue.WORKLOADS]
    wanted = [name for name in wanted if name not in options.skip.split(',')]
    unknown = set(wanted) - {w.name for w in catalogue.WORKLOADS}
    no_pack = options.remote and not options.pack
    if options.list or unknown or no_pack or options.repeat < 1:
        print(*(w.name for w in catalogue.WORKLOADS), sep='\n')
        for problem in [f'no workload {name}' for name in sorted(unknown)] + (['no --pack'] if no_pack else []):
            print(f'compare.py: {problem}', file=sys.stderr)
        return 0 if options.list else 2
    prepare(options)
    options.build = os.path.abspath(options.build or os.path.join(options.out, 'programs'))
    options.scratch = tempfile.mkdtemp(prefix='compare-')
    done = []
    try:
        compare_all([w for w in catalogue.WORKLOADS if w.name in wanted], options, done)
    finally:
        shutil.rmtree(options.scratch, ignore_errors=True)
        comparison.write(done, about(options), options.out)
    bad = [line for entry in done for line in comparison.failures(*entry)]
    print(f'{len(done)} compared, {len(bad)} failures; see {options.out}/compare.md')
    return 1 if bad or len(done) < len(wanted) else 0


if __name__ == '__main__':
    sys.exit(main())
