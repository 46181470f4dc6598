# SPDX-License-Identifier: Apache-2.0
"""The whole suite: ./run test [GROUP…]. Standard library only.

Each group builds what it needs under build/test/, has its own time limit and its own log, and adds
to the counts of the last line. Exit status: 0 when nothing failed, 1 otherwise, 2 for wrong usage.
"""
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.join(ROOT, 'build', 'test')
MESON = os.environ.get('MESON', 'meson')
JOBS = str(max(2, min(8, os.cpu_count() or 2)))
FUZZ_SECONDS = 60
TAIL_LINES = 30
TEST_LINES = 15
SANITIZER_OPTIONS = {
    'ASAN_OPTIONS': 'detect_leaks=1:abort_on_error=0:handle_segv=1:detect_stack_use_after_return=0',
    'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1',
    'TSAN_OPTIONS': 'halt_on_error=1:second_deadlock_stack=1:suppressions='
                    + os.path.join(ROOT, 'tests', 'tsan.supp'),
    'KILLS': '12',  # the 50 are in the plain build: here each takes several times as long
}


class Group:
    """Counts and the log of one group."""

    def __init__(self, name, limit):
        self.name = name
        self.deadline = time.monotonic() + limit
        self.log = os.path.join(TOP, name + '.log')
        self.passed, self.failed, self.skipped = [], [], []
        self.details = []  # what failed tests said at the end

    def run(self, command, **environment):
        """Runs @command into the log; its exit status, or None when the group's time is over."""
        with open(self.log, 'a') as log:
            log.write('$ ' + ' '.join(command) + '\n')
            log.flush()
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT, env={**os.environ, **environment},
                                       start_new_session=True)
            try:
                return process.wait(max(1, self.deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.write(f'\nstopped: the time limit of the group {self.name} is over\n')
                return None
            finally:
                end_process_group(process)

    def tail(self):
        """The end of the log, or what begins with the first command of the build that failed."""
        with open(self.log, errors='replace') as log:
            lines = log.read().splitlines()
        failed = next((i for i, line in enumerate(lines) if line.startswith('FAILED:')), None)
        picked = lines[-TAIL_LINES:] if failed is None else lines[failed:failed + TAIL_LINES]
        return '\n'.join(line[:300] for line in picked)


def end_process_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def is_set_up(path):
    """To the end, and in this place: a build folder that was moved has names of the other place in it."""
    try:
        with open(os.path.join(path, 'meson-info', 'meson-info.json')) as info:
            source = json.load(info)['directories']['source']
    except (OSError, ValueError):
        return False
    return source == os.path.realpath(ROOT) and os.path.exists(os.path.join(path, 'build.ninja'))


def set_up(group, folder, compiler, *options, targets=None):
    """Configure and build in build/test/FOLDER; @targets() tells what, after configuring."""
    path = os.path.join(TOP, folder)
    environment = {'CC': compiler}
    if not is_set_up(path):
        shutil.rmtree(path, ignore_errors=True)
        if group.run([MESON, 'setup', path, *options], **environment) != 0:
            return False
    runtimes = os.path.join(path, 'runtimes')
    if not os.path.lexists(runtimes):
        os.symlink(os.path.join(TOP, 'runtimes'), runtimes)
    return group.run(['ninja', '-C', path, '-j', JOBS, *(targets() if targets else ['all'])]) == 0


def build(group, folder, compiler, *options, targets=None):
    if not shutil.which(compiler):
        group.skipped.append((f'build with {compiler}', f'no {compiler} here'))
        return False
    ok = set_up(group, folder, compiler, *options, targets=targets)
    (group.passed if ok else group.failed).append(f'build {folder}')
    return ok


def skip_reason(entry):
    for line in (entry.get('stdout', '') + '\n' + entry.get('stderr', '')).splitlines():
        if 'skip' in line.lower():
            return line.strip()
    return 'no reason given'


def take_meson_results(group, path):
    """Counts the tests of the last `meson test`; how many there were."""
    count = 0
    with open(path, errors='replace') as log:
        for line in log:
            entry = json.loads(line)
            name = f"{group.name}: {entry['name']}"
            count += 1
            if entry['result'] in ('OK', 'EXPECTEDFAIL'):
                group.passed.append(name)
            elif entry['result'] == 'SKIP':
                group.skipped.append((name, skip_reason(entry)))
            else:
                group.failed.append(f"{name} ({entry['result'].lower()})")
                said = (entry.get('stdout', '') + entry.get('stderr', '')).splitlines()
                group.details.append('\n'.join([f'--- {name}'] + said[-TEST_LINES:]))
    return count


def meson_test(group, folder, *arguments, prefix=(), **environment):
    path = os.path.join(TOP, folder)
    log = os.path.join(path, 'meson-logs', 'testlog.json')
    if os.path.exists(log):
        os.unlink(log)
    status = group.run([*prefix, MESON, 'test', '-C', path, '--print-errorlogs',
                        '--num-processes', JOBS, *arguments], **environment)
    count = take_meson_results(group, log) if os.path.exists(log) else 0
    if status is None:
        group.failed.append(f'{group.name}: time limit')
    elif not count:
        group.failed.append(f'{group.name}: no tests were found')


def fetch_runtimes(group):
    """CUDA runtimes of several releases; without a network their tests are skipped."""
    if os.environ.get('RGPU_INSTALL') != 'no':
        group.run(['timeout', '120', os.path.join(ROOT, 'tests', 'programs', 'fetch_runtimes.sh'), TOP])


def group_gcc(group):
    fetch_runtimes(group)
    if build(group, 'gcc', 'gcc', '-Dwerror=true'):
        meson_test(group, 'gcc', '--no-suite', 'e2e')


def group_e2e(group):
    if set_up(group, 'gcc', 'gcc', '-Dwerror=true'):
        meson_test(group, 'gcc', '--suite', 'e2e', '--num-processes', '1')
    else:
        group.failed.append('e2e: build')


def group_clang(group):
    build(group, 'clang', 'clang', '-Dwerror=true')


def group_asan(group):
    """Tests and examples under the address and undefined-behaviour sanitizers."""
    if build(group, 'asan', 'gcc', '-Db_sanitize=address,undefined', '-Db_lundef=false', '-Dwerror=true'):
        meson_test(group, 'asan', '--timeout-multiplier', '4', **SANITIZER_OPTIONS)


def group_tsan(group):
    """Everything with threads under the thread sanitizer, which wants a fixed memory layout."""
    if build(group, 'tsan', 'gcc', '-Db_sanitize=thread', '-Db_lundef=false', '-Dwerror=false'):
        prefix = ['setarch', '-R'] if shutil.which('setarch') else []
        meson_test(group, 'tsan', '--timeout-multiplier', '6', prefix=prefix, **SANITIZER_OPTIONS)


def fuzzers(folder):
    """{name: program} of the fuzzers of a build."""
    command = [MESON, 'introspect', '--targets', os.path.join(TOP, folder)]
    targets = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {t['name']: t['filename'][0] for t in targets
            if t['type'] == 'executable' and t['name'].startswith('fuzz')}


def corpus(name):
    """The folder of seeds in the tree that belongs to a fuzzer, or None."""
    wanted = re.sub('^fuzz[-_]', '', name)
    for parent, folders, _ in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith(('.', 'build'))]
        if os.path.basename(parent) == 'corpus' and wanted in folders:
            return os.path.join(parent, wanted)
    return None


def group_fuzz(group):
    """Each fuzzer for a minute, from its corpus; what it finds anew stays in the build folder."""
    def programs():
        return [os.path.relpath(p, os.path.join(TOP, 'fuzz')) for p in fuzzers('fuzz').values()]
    if not build(group, 'fuzz', 'clang', '-Dfuzz=true', '-Dwerror=false', '-Db_sanitize=address,undefined',
                 '-Db_lundef=false', '-Dc_args=-fsanitize=fuzzer-no-link', targets=programs):
        return
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for ok, what in pool.map(lambda item: run_fuzzer(group, *item), sorted(fuzzers('fuzz').items())):
            (group.passed if ok else group.failed).append(what)


def run_fuzzer(group, name, program):
    work = os.path.join(TOP, 'fuzz-work', name)
    os.makedirs(work, exist_ok=True)
    own = Group(name, group.deadline - time.monotonic())
    open(own.log, 'w').close()
    status = own.run([program, f'-max_total_time={FUZZ_SECONDS}', '-timeout=60', '-rss_limit_mb=4000',
                      '-max_len=65536', '-print_final_stats=1', f'-artifact_prefix={work}/', work,
                      *[s for s in [corpus(name)] if s]], **SANITIZER_OPTIONS)
    if status != 0:
        group.details.append(f'--- {own.log}\n{own.tail()}')
    return status == 0, f'{name}, {FUZZ_SECONDS} s'


GROUPS = [  # name, what to do, seconds
    ('gcc', group_gcc, 900),
    ('e2e', group_e2e, 1200),
    ('clang', group_clang, 900),
    ('asan', group_asan, 1800),
    ('tsan', group_tsan, 1800),
    ('fuzz', group_fuzz, 1200),
]


def run_group(name, work, limit):
    group = Group(name, limit)
    if os.path.exists(group.log):
        os.unlink(group.log)
    open(group.log, 'w').close()
    began = time.monotonic()
    print(f'{name}: …', flush=True)
    try:
        work(group)
    except Exception as e:  # a broken group must not hide the others' results
        group.failed.append(f'{name}: {type(e).__name__}: {e}')
    print(f'{name}: {len(group.passed)} passed, {len(group.failed)} failed, {len(group.skipped)} skipped '
          f'in {time.monotonic() - began:.0f} s', flush=True)
    if group.failed:
        said = '\n'.join(group.details) or group.tail()
        print(f'{said}\n--- more in {os.path.relpath(group.log, ROOT)}', flush=True)
    return group


def main():
    names = [g[0] for g in GROUPS]
    wanted = sys.argv[1:] or names
    if set(wanted) - set(names):
        print('groups:', *names)
        return 0 if wanted in (['--list'], ['--help']) else 2
    os.makedirs(TOP, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends, too
    groups = [run_group(*g) for g in GROUPS if g[0] in wanted]
    for group in groups:
        for name, reason in group.skipped:
            print(f'skipped: {name}: {reason}')
    for group in groups:
        for name in group.failed:
            print(f'FAILED: {name}')
    count = [sum(len(getattr(g, kind)) for g in groups) for kind in ('passed', 'failed', 'skipped')]
    print('{} passed, {} failed, {} skipped'.format(*count))
    return 1 if count[1] else 0


if __name__ == '__main__':
    sys.exit(main())
