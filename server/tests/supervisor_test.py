#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What clients, hostile or not, can do to the supervisor: nothing to others.

    supervisor_test.py GPUSERVERD

GPUSERVERD is built with the worker of fake/worker.c.
"""
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

PROGRAM = ''
SPEC_HASH = 0x1122334455667788
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open(os.path.join(ROOT, 'protocol', 'wire.h')) as header:
    VERSION = int(re.search(r'WIRE_VERSION = (\d+)', header.read())[1])
SECONDS = 60  # for what takes far less where nothing is wrong
COMMAND, SIDE, BULK = range(3)


def varint(n):
    out = b''
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def hello(version=VERSION, spec=SPEC_HASH, kind=0, environment=()):
    body = field(1, version) + field(2, spec) + field(3, kind) + field(4, 42)
    body += field(5, b'host') + field(6, b'program')
    for setting in environment:
        body += field(7, setting.encode())
    return struct.pack('<I', len(body)) + body


def prelude(role=COMMAND, version=VERSION, lane=0, ticket=bytes(16), magic=b'RGPU'):
    return magic + struct.pack('<HHII', version, role, lane, 0) + ticket


def decode(body):
    """The fields of a message: numbers, or bytes of strings and messages."""
    out, pos = {}, 0

    def number():
        nonlocal pos
        n = shift = 0
        while True:
            byte = body[pos]
            pos += 1
            n |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return n

    while pos < len(body):
        key = number()
        n = number()
        if key & 7:
            out[key >> 3] = body[pos:pos + n]
            pos += n
        else:
            out[key >> 3] = n
    return out


def receive(sock, size):
    data = b''
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def run_with(*options):
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=SECONDS)


class Driver:
    """How workers start from now on."""

    def __init__(self, word):
        self.file = tempfile.NamedTemporaryFile('w')
        self.name = 'file:' + self.file.name
        self.change(word)

    def change(self, word):
        self.file.seek(0)
        self.file.truncate()
        self.file.write(word)
        self.file.flush()


class Server:
    def __init__(self, driver='ok', *options, env=None):
        self.log = tempfile.NamedTemporaryFile('a')
        self.process = subprocess.Popen(
            [PROGRAM, '--listen', '127.0.0.1:0', '--driver', driver, '--log', 'debug', *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, **(env or {})})
        line = self.process.stdout.readline()
        match = re.fullmatch(r'listening on tcp://127.0.0.1:(\d+)\n', line)
        assert match, line + self.lines()
        self.port = int(match[1])

    def lines(self):
        with open(self.log.name) as log:
            return log.read()

    def wait_for(self, text, count=1):
        deadline = time.monotonic() + SECONDS
        while self.lines().count(text) < count:
            assert time.monotonic() < deadline, f'no "{text}" in:\n{self.lines()}'
            time.sleep(0.01)

    def workers(self):
        pid = self.process.pid
        with open(f'/proc/{pid}/task/{pid}/children') as f:
            return f.read().split()

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), timeout=SECONDS)

    def send(self, data):
        sock = self.connect()
        sock.sendall(data)
        return sock

    def answer(self, sock):
        size = struct.unpack('<I', receive(sock, 4))[0]
        return decode(receive(sock, size))

    def session(self, **kinds):
        return Session(self, **kinds)

    def refusal(self, data):
        sock = self.send(data)
        refusal = decode(self.answer(sock)[2])
        assert sock.recv(1) == b''
        return refusal[1], refusal[2].decode()

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(SECONDS)
        self.process.stdout.close()
        return status


class Session:
    def __init__(self, server, **kinds):
        self.server = server
        self.sock = server.send(prelude() + hello(**kinds))
        answer = server.answer(self.sock)
        assert 1 in answer, answer
        welcome = decode(answer[1])
        self.id, self.ticket, self.limit = welcome[1], welcome[2], welcome.get(11, 0)

    def ask(self, what):
        self.sock.sendall(what)
        return self.sock.makefile().readline().strip()

    def join(self, role, lane=0):
        return self.server.send(prelude(role, lane=lane, ticket=self.ticket))

    def alive(self):
        return self.ask(b'p').isdigit()


def is_running(pid):
    """A zombie whose new parent does not reap has ended, too."""
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def sockets():
    with open('/proc/net/tcp') as f:
        return [line.split() for line in f.readlines()[1:]]


def listening_port(pid):
    """Where a process that has not said it yet listens; None: nowhere."""
    inodes = set()
    for name in os.listdir(f'/proc/{pid}/fd'):
        try:
            inodes.add(os.readlink(f'/proc/{pid}/fd/{name}'))
        except OSError:
            pass
    for fields in sockets():
        if fields[3] == '0A' and f'socket:[{fields[9]}]' in inodes:
            return int(fields[1].split(':')[1], 16)
    return None


def wait_taken(sock):
    """Until all that was sent was read by the other end."""
    ports = [f':{s[1]:04X}' for s in (sock.getpeername(), sock.getsockname())]
    deadline = time.monotonic() + SECONDS
    while not any(fields[1].endswith(ports[0]) and fields[2].endswith(ports[1]) and fields[4].endswith(':00000000')
                  for fields in sockets()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_gone(pid):
    deadline = time.monotonic() + SECONDS
    while is_running(pid):
        assert time.monotonic() < deadline, f'{pid} still runs'
        time.sleep(0.01)


class Case(unittest.TestCase):
    def setUp(self):
        warnings.simplefilter('ignore', ResourceWarning)

    def serve(self, *args, **env):
        server = Server(*args, **env)
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        return server


class Sessions(Case):
    def test_session(self):
        server = self.serve('ok', '--memory-limit', '2K')
        session = server.session()
        self.assertEqual(session.id, 1)
        self.assertEqual(len(session.ticket), 16)
        self.assertEqual(session.limit, 2048)
        self.assertTrue(session.alive())
        self.assertEqual(session.ask(b'l'), os.environ.get('WORKER_LAYOUT', 'compat'))
        for role, lane in ((SIDE, 0), (BULK, 0), (BULK, 3)):
            self.assertEqual(session.join(role, lane).makefile().readline(), f'{role} {lane}\n')
        self.assertTrue(session.alive())
        session.sock.close()
        server.wait_for('session=1 peer=127.0.0.1')
        server.wait_for('session ended')

    def test_byte_by_byte(self):
        server = self.serve()
        sock = server.connect()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in prelude() + hello():
            sock.sendall(bytes([byte]))
            time.sleep(0.0005)
        self.assertIn(1, server.answer(sock))

    def test_what_follows_the_hello_is_the_workers(self):
        server = self.serve()
        sock = server.send(prelude() + hello() + b'p')
        self.assertIn(1, server.answer(sock))
        self.assertTrue(sock.makefile().readline().strip().isdigit())

    def test_warm_workers(self):
        server = self.serve('ok', '--warm', '2')
        server.wait_for('2 warm workers are ready')
        sessions = [server.session() for _ in range(5)]
        self.assertEqual(len({s.ask(b'p') for s in sessions}), 5)
        server.wait_for('is ready', 7)

    def test_no_warm_workers(self):
        server = self.serve('ok', '--warm', '0')
        session = server.session()
        worker = session.ask(b'p')
        deadline = time.monotonic() + SECONDS
        while server.workers() != [worker]:
            assert time.monotonic() < deadline, server.workers()
            time.sleep(0.01)

    def test_settings(self):
        server = self.serve('ok', env={'CUDA_DEVICE_MAX_CONNECTIONS': '8'})
        server.wait_for('1 warm worker is ready')

        def connections(*environment):
            return server.session(environment=environment).ask(b'c')

        self.assertEqual(connections(), '8')
        self.assertEqual(connections('CUDA_DEVICE_MAX_CONNECTIONS=32'), '32')
        self.assertEqual(connections('CUDA_DEVICE_MAX_CONNECTIONS=8', 'LD_PRELOAD=/x'), '8')
        # No setting of a client's: a warm worker serves it.
        session = server.session(environment=['CUDA_CACHE_MAXSIZE=4294967296'])
        self.assertEqual(session.ask(b's'), 'unset')
        bad = 'CUDA_DEVICE_MAX_CONNECTIONS=' + 'x' * 1000
        self.assertIn('CUDA_', server.refusal(prelude() + hello(environment=[bad]))[1])

    def test_nvml(self):
        server = self.serve()
        session = server.session(kind=1, spec=0x99, environment=['CUDA_MODULE_LOADING=EAGER'])
        self.assertEqual(session.ask(b'n'), 'nvml')
        self.assertEqual(server.session().ask(b'n'), 'cuda')

    def test_100_at_once(self):
        server = self.serve()
        results = []

        def one():
            session = server.session()
            results.append(session.ask(b'p'))
            session.sock.close()

        threads = [threading.Thread(target=one) for _ in range(100)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(set(results)), 100)

    def test_client_leaves_while_it_waits(self):
        driver = Driver('ok')
        server = self.serve(driver.name, '--warm', '0')
        driver.change('hang')
        server.send(prelude() + hello()).close()
        server.wait_for('went away before its session began')


class Deaths(Case):
    def test_worker_killed(self):
        server = self.serve()
        first, second = server.session(), server.session()
        os.kill(int(first.ask(b'p')), signal.SIGKILL)
        self.assertEqual(first.sock.recv(1), b'')
        server.wait_for('session=1 peer=127.0.0.1')
        server.wait_for('ended by signal 9')
        self.assertEqual(first.join(SIDE).recv(1), b'')
        server.wait_for('no valid ticket')
        self.assertTrue(second.alive())
        self.assertTrue(server.session().alive())

    def test_worker_aborts_or_fails(self):
        server = self.serve()
        for byte, text in ((b'x', 'ended by signal 6'), (b'e', 'exit status 3')):
            server.session().sock.sendall(byte)
            server.wait_for(text)
        self.assertTrue(server.session().alive())

    def test_sigterm_ends_workers(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            server = self.serve()
            session = server.session()
            pid = int(session.ask(b'p'))
            self.assertEqual(server.stop(how), 0)
            self.assertEqual(session.sock.recv(1), b'')
            wait_gone(pid)

    def test_more_signals_while_it_ends(self):
        for _ in range(5):
            server = self.serve()
            self.assertTrue(server.session().alive())
            while server.process.poll() is None:
                server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.stop(), 0)

    def test_sigterm_ends_workers_that_hang(self):
        driver = Driver('ok')
        server = self.serve(driver.name)
        server.wait_for('1 warm worker is ready')
        driver.change('hang')
        self.assertTrue(server.session().alive())
        self.assertEqual(server.stop(), 0)

    def test_sighup_is_ignored(self):
        server = self.serve()
        server.process.send_signal(signal.SIGHUP)
        self.assertTrue(server.session().alive())

    def test_killed_supervisor(self):
        server = self.serve('ok', '--warm', '1')
        session = server.session()
        server.wait_for('is ready', 3)
        ready = set(re.findall(r'worker (\d+) is ready', server.lines()))
        idle, = map(int, ready - {session.ask(b'p')})
        self.assertEqual(server.stop(signal.SIGKILL), -signal.SIGKILL)
        wait_gone(idle)
        self.assertTrue(session.alive())
        session.sock.close()


class Start(Case):
    """A server whose driver cannot be loaded does not begin; nothing else keeps it from that."""

    def test_no_driver(self):
        for driver, why in (('fail', 'no driver library was found: install one'), ('crash', 'signal 6')):
            for warm in ('0', '1', '3'):
                with self.subTest(driver=driver, warm=warm):
                    result = run_with('--listen', '127.0.0.1:0', '--driver', driver, '--warm', warm)
                    self.assertEqual(result.returncode, 1)
                    self.assertEqual(result.stdout, '')
                    lines = result.stderr.splitlines()
                    self.assertEqual(len(lines), 1, lines)
                    self.assertIn(f'cannot start with --driver {driver}: ', lines[0])
                    self.assertIn(why, lines[0])
                    self.assertIn('give --driver the path', lines[0])

    def begin(self, driver):
        process = subprocess.Popen([PROGRAM, '--listen', '127.0.0.1:0', '--driver', driver],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        deadline = time.monotonic() + SECONDS
        while not (port := listening_port(process.pid)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return process, socket.create_connection(('127.0.0.1', port), timeout=SECONDS)

    def test_who_is_early_is_served(self):
        driver = Driver('hang')
        process, sock = self.begin(driver.name)
        sock.sendall(prelude() + hello())
        sock.settimeout(0.3)
        self.assertRaises(TimeoutError, sock.recv, 1)
        driver.change('ok')
        sock.settimeout(SECONDS)
        self.assertIn(1, Server.answer(None, sock))
        self.assertIn('listening on', process.stdout.readline())
        process.terminate()
        self.assertEqual(process.wait(SECONDS), 0)

    def test_who_is_early_is_told_why_not(self):
        driver = Driver('hang')
        process, sock = self.begin(driver.name)
        sock.sendall(prelude() + hello())
        wait_taken(sock)
        driver.change('fail')
        code, text = decode(Server.answer(None, sock)[2]).values()
        self.assertEqual(code, 100)
        self.assertIn(b'no driver library', text)
        self.assertEqual(process.wait(SECONDS), 1)

    def test_sigterm(self):
        process, _ = self.begin('hang')
        process.terminate()
        self.assertEqual(process.wait(SECONDS), 0)
        self.assertEqual(process.stdout.read(), '')

    def test_a_driver_that_has_no_context_now(self):
        for options in ((), ('--warm', '0')):
            server = self.serve('full', *options)
            code, text = server.refusal(prelude() + hello())
            self.assertEqual(code, 100)
            self.assertIn('no context', text)

    def test_a_clients_settings_do_not_count(self):
        """What fails with settings of one client does not end the server."""
        driver = Driver('hang')
        process, sock = self.begin(driver.name)
        sock.sendall(prelude() + hello(environment=['CUDA_VISIBLE_DEVICES=9']))
        wait_taken(sock)
        sock.close()
        driver.change('ok')
        self.assertIn('listening on', process.stdout.readline())
        process.terminate()
        self.assertEqual(process.wait(SECONDS), 0)


class Failures(Case):
    """The driver worked when the server began, and fails later."""

    def failing(self, how, *options):
        driver = Driver('ok')
        server = self.serve(driver.name, *options)
        server.driver = driver
        if not options:
            server.wait_for('1 warm worker is ready')
        driver.change(how)
        if not options:
            self.assertTrue(server.session().alive())
            server.wait_for('could not become ready')
        return server

    def test_no_driver(self):
        server = self.failing('fail')
        code, text = server.refusal(prelude() + hello())
        self.assertEqual(code, 100)
        self.assertIn('no driver library was found: install one', text)
        # Those with settings of their own start cold, and fail as clearly.
        code, text = server.refusal(prelude() + hello(environment=['CUDA_MODULE_LOADING=X']))
        self.assertEqual(code, 100)
        self.assertIn('no driver library', text)

    def test_crash_at_start(self):
        server = self.failing('crash')
        code, text = server.refusal(prelude() + hello())
        self.assertEqual(code, 100)
        self.assertIn('signal 6', text)

    def test_no_driver_and_none_warm(self):
        server = self.failing('fail', '--warm', '0')
        for _ in range(2):
            self.assertEqual(server.refusal(prelude() + hello())[0], 100)

    def test_recovery(self):
        server = self.failing('fail')
        self.assertEqual(server.refusal(prelude() + hello())[0], 100)
        server.driver.change('fine')
        server.wait_for('1 warm worker is ready', 2)
        self.assertTrue(server.session().alive())


class Refusals(Case):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def tearDown(self):
        self.assertTrue(self.server.session().alive())

    def test_versions(self):
        code, text = self.server.refusal(prelude(version=7) + hello())
        self.assertEqual(code, 803)
        self.assertRegex(text, f'version {VERSION}, client version 7: use matching')
        code, text = self.server.refusal(prelude() + hello(version=9))
        self.assertRegex(text, f'version {VERSION}, client version 9')

    def test_spec(self):
        code, text = self.server.refusal(prelude() + hello(spec=0xabcdef))
        self.assertEqual(code, 803)
        self.assertIn('1122334455667788', text)
        self.assertIn('0000000000abcdef', text)
        self.assertIn('matching releases', text)

    def test_kinds(self):
        self.assertEqual(self.server.refusal(prelude() + hello(kind=1))[0], 18)
        self.assertEqual(self.server.refusal(prelude() + hello(kind=7))[0], 999)
        self.assertEqual(self.server.refusal(prelude() + hello(kind=0xffffffff))[0], 999)

    def test_not_ours(self):
        for data in (b'GET / HTTP/1.1\r\nHost: somewhere.example\r\n\r\n',
                     prelude(magic=b'RGPX'), prelude(role=3), bytes(32), b'\xff' * 5000):
            sock = self.server.send(data)
            try:
                self.assertEqual(sock.recv(1), b'')
            except ConnectionResetError:
                pass
        self.server.wait_for('not this protocol', 5)

    def test_length(self):
        for length in (0xffffffff, 0x80000000, 65537):
            data = prelude() + struct.pack('<I', length) + bytes(100)
            self.assertIn('longer', self.server.refusal(data)[1])

    def test_not_a_hello(self):
        for body in (b'\xff' * 100, b'\x3a\xff\xff\xff\xff\x0f', b'\x08'):
            data = prelude() + struct.pack('<I', len(body)) + body
            self.assertIn('not a hello', self.server.refusal(data)[1])
        self.assertEqual(self.server.refusal(prelude() + bytes(4))[0], 803)

    def test_a_long_list(self):
        """Two bytes for each of its elements, of which the server would keep many more while it waits."""
        for number, value in ((7, b''), (8, 0x200000000000), (10, 0x280000000000)):
            body = hello()[4:] + field(number, value) * 257
            self.assertIn('more than any client', self.server.refusal(prelude() + struct.pack('<I', len(body)) + body)[1])

    def test_unknown_ticket(self):
        for role in (SIDE, BULK):
            sock = self.server.send(prelude(role, ticket=os.urandom(16)))
            self.assertEqual(sock.recv(1), b'')
            sock = self.server.send(prelude(role))
            self.assertEqual(sock.recv(1), b'')

    def test_truncated(self):
        data = prelude() + hello()
        for size in range(0, len(data), 3):
            self.server.send(data[:size]).close()
        self.server.wait_for('went away before', len(range(0, len(data), 3)))

    def test_random_streams(self):
        rng = random.Random(1)
        data = bytearray(prelude() + hello())
        for _ in range(300):
            mutant = bytearray(data)
            for _ in range(rng.randrange(1, 5)):
                mutant[rng.randrange(len(mutant))] = rng.randrange(256)
            self.server.send(bytes(mutant)).close()

    def test_flood_of_silence(self):
        silent = [self.server.connect() for _ in range(600)]
        self.assertTrue(self.server.session().alive())
        self.server.wait_for('too many connections at once', 50)
        for sock in silent:
            sock.close()

    def test_slow_loris(self):
        sock = self.server.send(prelude() + struct.pack('<I', 60000))
        start = time.monotonic()
        sock.settimeout(1)
        while time.monotonic() - start < SECONDS:
            try:
                sock.sendall(b'x')
                if sock.recv(1) == b'':
                    break
            except TimeoutError:
                pass
            except (ConnectionResetError, BrokenPipeError):
                break
        self.assertTrue(9 < time.monotonic() - start < SECONDS)
        self.server.wait_for('in time')


class CommandLine(unittest.TestCase):
    def test_help_and_version(self):
        self.assertRegex(run_with('--help').stdout, '--memory-limit SIZE')
        self.assertRegex(run_with('--version').stdout, r'^gpuserverd \d+\.\d+\.\d+\n$')
        self.assertEqual(run_with('--help').returncode, 0)

    def test_wrong_usage(self):
        for option, values in {'--warm': ('x', '-1', '+1', '257', '', '1.5', '0x1', ' 1', '9' * 30),
                               '--memory-limit': ('5X', '0', '0G', '', '20GB', '20g', '1.5G', '-5', '5 ', '0x10', 'G',
                                                  '99999999T', '18446744073709551616'),
                               '--log': ('loud', 'INFO', '', '3'),
                               '--driver': ('',)}.items():
            for value in values:
                result = run_with(option, value)
                self.assertEqual(result.returncode, 2, (option, value))
                self.assertIn(f'{option} "{value}": must be ', result.stderr)
        for options in (['--nonsense'], ['extra'], ['--', 'extra'], ['-h'], ['--listen'], ['--driver'],
                        ['--listen', 'a'] * 17, ['--warm', '1', '--warm', 'x']):
            result = run_with(*options)
            self.assertEqual(result.returncode, 2, options)
            self.assertTrue(result.stderr, options)

    def test_cannot_listen(self):
        for address in ('no-such-host.invalid:1', '192.0.2.1:0', '::1:7411', '999.1.1.1:0'):
            result = run_with('--listen', address)
            self.assertEqual(result.returncode, 1, address)
            self.assertIn(f'cannot listen on "{address}"', result.stderr)

    def test_not_an_address(self):
        for address in ('', ':7411', 'tcp://', 'tcp://:7411', '[]:7411', 'pigeon://x', 'TCP://127.0.0.1:0',
                        '127.0.0.1:99999', '127.0.0.1:-1', '127.0.0.1:', '127.0.0.1:http', '127.0.0.1:0 ',
                        '[::1', '[::1]x', '[::1]:'):
            result = run_with('--listen', address)
            self.assertEqual(result.returncode, 2, address)
            self.assertIn(f'cannot listen on "{address}": it must be ADDR:PORT', result.stderr)

    def test_addresses(self):
        for address in ('tcp://127.0.0.1:0', '0.0.0.0:0', 'localhost:0', '[::1]:0', '[::]:0'):
            if ':' in address[:3] and not socket.has_dualstack_ipv6():
                continue
            process = subprocess.Popen([PROGRAM, '--driver', 'ok', '--listen', address],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.assertRegex(process.stdout.readline(), 'listening on tcp://')
            process.terminate()
            process.communicate()
            self.assertEqual(process.returncode, 0, address)

    def test_port_in_use(self):
        with socket.create_server(('127.0.0.1', 0)) as taken:
            result = run_with('--listen', f'127.0.0.1:{taken.getsockname()[1]}')
        self.assertEqual(result.returncode, 1)
        self.assertIn('Address already in use', result.stderr)


if __name__ == '__main__':
    PROGRAM = sys.argv.pop(1)
    unittest.main()
