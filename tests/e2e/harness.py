# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a server of their own on the software GPU, programs run through it,
and a look at what a server leaves behind. BUILD_ROOT names the build folder (build/release)."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('BUILD_ROOT', os.path.join(ROOT, 'build', 'release')))
SANITIZED = os.environ.get('E2E_SANITIZER', 'none') != 'none'
# Sanitizers slow everything down: limits of time are multiplied by this.
PATIENCE = float(os.environ.get('E2E_PATIENCE', '4' if SANITIZED else '1'))


def built(path):
    return os.path.join(BUILD, path)


SERVER = built('server/gpuserverd')
CLIENT = built('client')
SOFT = built('server/soft/libcuda-soft.so')


def inherited():
    """This environment without settings of the product; those of the software GPU stay."""
    return {k: v for k, v in os.environ.items() if not k.startswith('RGPU_') or k.startswith('RGPU_SOFT_')}


@contextlib.contextmanager
def nobody():
    """An address where nobody listens, and nobody else will for so long."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        yield '127.0.0.1:%d' % s.getsockname()[1]


def wait_until(what, condition, seconds):
    """Polls until @condition() is true; AssertionError after @seconds."""
    end = time.monotonic() + seconds * PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f'{what}: not within {seconds * PATIENCE:g} s')
        time.sleep(0.02)


def process_fields(pid):
    """State, parent and session of a process; None when there is none."""
    try:
        with open(f'/proc/{pid}/stat') as f:
            fields = f.read().rsplit(')', 1)[1].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[3])


def wire_version():
    with open(os.path.join(ROOT, 'protocol', 'wire.h')) as f:
        return int(re.search(r'WIRE_VERSION = (\d+)', f.read()).group(1))


def mapped_memory():
    """Names of /dev/shm that running processes hold."""
    held = set()
    for name in os.listdir('/proc'):
        try:
            with open(f'/proc/{name}/maps') as f:
                held.update(re.findall(r' /dev/shm/(.*)', f.read()))
            held.update(os.path.basename(os.readlink(f'/proc/{name}/fd/{fd}')) for fd in os.listdir(f'/proc/{name}/fd'))
        except OSError:
            pass
    return held


def shared_memory():
    """Shared memory that nobody uses, of this user."""
    left = set()
    for name in os.listdir('/dev/shm'):
        try:
            if os.stat('/dev/shm/' + name).st_uid == os.getuid():
                left.add(name)
        except OSError:
            pass
    return left - mapped_memory() if left else left


class Server:
    """gpuserverd on the software GPU, for a `with` statement; must end cleanly by SIGTERM."""

    def __init__(self, *options, driver='soft', warm=1, log='info'):
        self.port = self.address = None  # the system's choice, as the log tells
        self.warm = warm
        self.before = {}  # length of the log when a client was started
        self.log = tempfile.NamedTemporaryFile('w+', prefix='gpuserverd-', suffix='.log')
        self.process = subprocess.Popen(
            [SERVER, '--listen', '127.0.0.1:0', '--driver', driver, '--warm', str(warm), '--log', log, *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, env=inherited(),
            start_new_session=True)

    def text(self):
        with open(self.log.name, errors='replace') as f:
            return f.read()

    def __enter__(self):
        wait_until('the server listens', lambda: self.find_port() or self.process.poll() is not None, 60)
        if not self.port:
            raise AssertionError('the server ended: ' + self.text())
        self.address = f'127.0.0.1:{self.port}'
        self.settle()
        return self

    def find_port(self):
        found = re.search(r'listening on tcp://127\.0\.0\.1:(\d+)\s', self.text())
        self.port = int(found.group(1)) if found else None
        return self.port

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30 * PATIENCE)
        except subprocess.TimeoutExpired:
            status = f'still running {30 * PATIENCE:g} s after SIGTERM'
        left = self.family()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        text = self.text()
        self.log.close()
        if kind:
            print('--- the server\'s log\n' + text[-4000:])
        elif status != 0 or [pid for pid in left if pid != self.process.pid]:
            raise AssertionError(f'the server ended with {status}, leaving {left}:\n{text[-4000:]}')

    def family(self):
        """The server and all processes it started, also those whose parent is gone."""
        pids = []
        for name in os.listdir('/proc'):
            fields = process_fields(name) if name.isdigit() else None
            if fields and fields[0] != 'Z' and self.process.pid in (int(name), fields[1], fields[2]):
                pids.append(int(name))
        return pids

    def workers(self):
        return [pid for pid in self.family() if pid != self.process.pid]

    def has_child(self, pid):
        """Also one that ended and that the server did not look after yet."""
        fields = process_fields(pid)
        return fields is not None and fields[1] == self.process.pid

    def settle(self):
        """Waits until only the warm workers are there."""
        wait_until(f'{self.warm} warm workers and no others', lambda: len(self.workers()) == self.warm, 20)

    def worker_of(self, pid):
        """The process that serves the client @pid, as the log tells; None as long as there is none. What is older
        than a client of start() is about another one that had its number."""
        found = re.search(rf'\[{pid}\] on \S+ goes to worker (\d+)', self.text()[self.before.get(pid, 0):])
        return int(found.group(1)) if found else None

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def environment(self, **more):
        return {**os.environ, 'LD_LIBRARY_PATH': CLIENT, 'RGPU_SERVERS': self.address, **more}

    def start(self, *command, **more):
        before = len(self.text())
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=self.environment(**more))
        self.before[process.pid] = before
        return process

    def run(self, *command, seconds=60, **more):
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds * PATIENCE, env=self.environment(**more), check=False)
