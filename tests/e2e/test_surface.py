# SPDX-License-Identifier: Apache-2.0
"""What users meet: settings, messages, exit statuses, statistics, limits, the bench."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

from harness import CLIENT, PATIENCE, ROOT, SANITIZED, SERVER, SOFT, Server, built, inherited, nobody, wait_until

LIST = built('examples/device_list')
RUN = built('client/rgpu-run')
BENCH = built('bench/rgpu-bench')


def client(servers, *command, **more):
    environment = {**os.environ, 'LD_LIBRARY_PATH': CLIENT, 'RGPU_SERVERS': servers, **more}
    return subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE, env=environment,
                          stdin=subprocess.DEVNULL, check=False)


class NoServer(unittest.TestCase):
    def test_says_what_was_tried_and_what_to_do(self):
        with nobody() as address:
            done = client(address, LIST)
        ours = [line for line in done.stderr.splitlines() if line.startswith('remotegpu')]
        self.assertEqual(done.returncode, 1)
        self.assertIn('CUDA_ERROR_NO_DEVICE', done.stderr)
        self.assertEqual(len(ours), 1, done.stderr)
        self.assertIn(address, ours[0])
        self.assertIn('gpuserverd', ours[0])
        self.assertIn('RGPU_SERVERS', ours[0])

    def test_a_selection_is_not_to_blame(self):
        with nobody() as address:
            done = client(address, LIST, CUDA_VISIBLE_DEVICES='1')
        self.assertEqual(done.returncode, 1)
        self.assertNotIn('CUDA_VISIBLE_DEVICES', done.stderr)

    def test_settings_that_mean_nothing(self):
        none = 'RGPU_SERVERS names none'
        odd = 'not an address that this client knows'
        for servers, why in ((' ', none), (',', none), (' ,\t, ', none), ('udp://here', odd), ('TCP://localhost', odd),
                             ('http://localhost:7411/', odd), ('localhost:7411/', odd), ('[::1', odd), ('[::1]x', odd),
                             ('host:99999', odd), ('host:-1', odd), ('host:', odd), (':', odd), (':7411', odd),
                             ('tcp://', odd), ('tcp://:7411', odd), ('[]:7411', odd), ('localhost:0', 'refused'),
                             ('999.9.9.9', 'host'), ('no-such-host.invalid', 'host'), ('x' * 10000, odd),
                             (','.join(['localhost:0'] * 200), 'refused'), ('a\nb', 'a?b: '),
                             ('a\x1b[31m\x7f', 'a?[31m?: ')):
            with self.subTest(servers[:30]):
                done = client(servers, LIST)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn('CUDA_ERROR_NO_DEVICE', done.stderr)
                self.assertRegex(done.stderr, '^remotegpu: error: .*Start gpuserverd there, or name other servers in '
                                              r'RGPU_SERVERS \(now: .*\)\.\ncuInit.*\n$')
                self.assertIn(why, done.stderr)

    def test_lists_with_gaps(self):
        with Server() as server:
            for servers in (f'{server.address},', f' , {server.address} ,', f'udp://x,{server.address}',
                            f':,{server.address}', f'tcp://{server.address}'):
                with self.subTest(servers):
                    self.assertEqual(client(servers, LIST).returncode, 0)

    def test_the_next_server_is_tried(self):
        with Server() as server, nobody() as address:
            done = client(f'{address},tcp://{server.address}', LIST)
            self.assertEqual(done.returncode, 0, done.stderr)


class Settings(unittest.TestCase):
    def test_log_levels_go_to_stderr_only(self):
        with Server() as server:
            by_level = {level: server.run(LIST, RGPU_LOG=level) for level in ('error', 'warn', 'info', 'debug')}
            self.assertEqual(len({done.stdout for done in by_level.values()}), 1)
            lines = {level: len(done.stderr.splitlines()) for level, done in by_level.items()}
            self.assertEqual((lines['error'], lines['warn']), (0, 0))
            self.assertGreater(lines['info'], 0)
            self.assertGreaterEqual(lines['debug'], lines['info'])

    def test_closed_standard_files(self):
        """What is written to them goes nowhere, above all into no connection."""
        with Server() as server:
            for closed in ('2>&-', '>&-', '<&- >&- 2>&-'):
                with self.subTest(closed):
                    done = server.run('sh', '-c', f'exec "$0" {closed}', built('examples/vector_add'), RGPU_LOG='debug')
                    self.assertEqual(done.returncode, 0, done.stderr)
            wait_until('all sessions end in order', lambda: server.text().count('ended: goodbye') == 3, 10)

    def test_values_that_mean_nothing_are_told(self):
        with Server() as server:
            for name, value in (('RGPU_LOG', 'nonsense'), ('RGPU_LOG', 'INFO'), ('RGPU_LOG', '7'),
                                ('RGPU_SYNC', 'yes'), ('RGPU_SYNC', '2')):
                with self.subTest(name, value=value):
                    done = server.run(LIST, **{name: value})
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                    self.assertIn(f'{name}={value} has no meaning: it must be', done.stderr)
            for name, value in (('RGPU_LOG', ''), ('RGPU_SYNC', ''), ('RGPU_SYNC', '0'), ('RGPU_SYNC', '1'),
                                ('RGPU_STATS', '')):
                with self.subTest(name, value=value):
                    self.assertEqual(server.run(LIST, **{name: value}).stderr, '')

    def test_failures_after_the_call_are_told(self):
        with unittest.mock.patch.dict(os.environ, RGPU_SOFT_DEVICES='2'), Server() as server:
            done = server.run(built('tests/programs/peers'))
            quiet = server.run(built('tests/programs/peers'), RGPU_LOG='error')
        self.assertRegex(done.stderr, 'session [0-9]+ on .*: cuMemsetD32Async failed with CUDA_ERROR_INVALID_VALUE '
                                      r'\(1\) after the call had returned')
        self.assertEqual(quiet.stderr, '')
        self.assertEqual(done.stdout, quiet.stdout)

    def test_visible_devices(self):
        """Each device says by its place on the bus which it is; lists end where an entry names none."""
        def seen(server, selection):
            return re.findall(r'^device \d+: .* at 0000:01:0(\d)\.0$',
                              server.run(LIST, CUDA_VISIBLE_DEVICES=selection).stdout, re.MULTILINE)

        with unittest.mock.patch.dict(os.environ, RGPU_SOFT_DEVICES='3'), Server() as server:
            for selection, found in (('0', '0'), ('0,1', '01'), ('0,1,2,3', '012'), ('1', '1'), ('2,0', '20'),
                                     ('1,9,0', '1'), ('', ''), ('-1', ''), ('9', ''), ('none', '')):
                with self.subTest(selection):
                    self.assertEqual(seen(server, selection), list(found))
            done = server.run(LIST, CUDA_VISIBLE_DEVICES='9')
            long = server.run(LIST, CUDA_VISIBLE_DEVICES='9' * 600)
        self.assertIn('CUDA_VISIBLE_DEVICES=9 asks for devices', done.stderr)
        self.assertIn("the client's CUDA_VISIBLE_DEVICES, or another", long.stderr)
        with unittest.mock.patch.dict(os.environ, RGPU_SOFT_DEVICES='3', CUDA_VISIBLE_DEVICES='2,1'), \
                Server() as server:
            # Clients choose among what the server sees.
            for selection, found in (('0', '2'), ('1,0', '12'), ('2', ''), ('1', '1')):
                with self.subTest(selection):
                    self.assertEqual(seen(server, selection), list(found))

    def test_statistics(self):
        with Server() as server, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'stats.json')
            done = server.run(built('examples/vector_add'), RGPU_STATS=path)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(path) as f:
                stats = json.load(f)
        self.assertEqual(set(stats), {'calls', 'total'})
        for name, call in stats['calls'].items():
            self.assertRegex(name, '^cu[A-Z]')
            self.assertEqual(set(call) - {'failed', 'error'}, {'calls', 'waits', 'bytes', 'us'})
            self.assertGreater(call['calls'], 0)
        for what in ('calls', 'waits'):
            self.assertEqual(stats['total'][what], sum(call[what] for call in stats['calls'].values()))
        launch = next(call for name, call in stats['calls'].items() if name.startswith('cuLaunchKernel'))
        self.assertEqual((launch['calls'], launch['waits']), (1, 0))

    def test_statistics_of_failures(self):
        with Server() as server, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'stats.json')
            server.run(built('tests/programs/wrong_calls'), RGPU_STATS=path)
            with open(path) as f:
                calls = json.load(f)['calls']
        self.assertEqual(calls['cuInit'].get('failed', 0), 0)
        failed = calls['cuDeviceGetUuid']
        self.assertEqual((failed['calls'], failed['failed'], failed['error']), (1, 1, 101))

    def test_waits_that_need_no_round_trip(self):
        with Server() as server, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'stats.json')
            done = server.run(built('tests/round_trips'), RGPU_STATS=path)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            with open(path) as f:
                stats = json.load(f)['calls']
        self.assertEqual((stats['cuCtxSynchronize']['calls'], stats['cuCtxSynchronize']['waits']), (3, 1))

    def test_statistics_that_cannot_be_written(self):
        with Server() as server:
            for path in ('/nonexistent/stats.json', '/tmp', '/dev/full'):
                done = server.run(LIST, RGPU_STATS=path)
                self.assertEqual(done.returncode, 0)
                self.assertIn('RGPU_STATS: cannot write ' + path, done.stderr)

    def test_memory_limit(self):
        with Server('--memory-limit', '64M') as server:
            for program in ('tests/limit', 'tests/limit_pools'):
                done = server.run(built(program), str(64 << 20))
                self.assertEqual((done.returncode, done.stdout), (0, 'ok\n'), done.stderr)


class Library(unittest.TestCase):
    def test_its_threads_take_no_signals(self):
        """A program's handlers run on the program's threads."""
        with Server() as server:
            client = server.start(built('tests/busy'), '1')
            while 'waiting' not in client.stdout.readline():
                self.assertIsNone(client.poll())
            blocked = {}
            for thread in os.listdir(f'/proc/{client.pid}/task'):
                with open(f'/proc/{client.pid}/task/{thread}/status') as f:
                    blocked[int(thread)] = int(re.search(r'^SigBlk:\s*(\w+)', f.read(), re.MULTILINE).group(1), 16)
            client.communicate('\n')
        self.assertEqual(blocked.pop(client.pid), 0)
        self.assertGreater(len(blocked), 4)
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGPROF)
        for mask in blocked.values():
            for number in numbers:
                self.assertTrue(mask >> number - 1 & 1, hex(mask))

    @unittest.skipIf(SANITIZED, 'the interpreter is not instrumented and cannot load a library that is')
    def test_stays_when_it_is_unloaded(self):
        """Its threads go on, also those that a later load uses."""
        program = ('import ctypes, _ctypes, time\n'
                   'for _ in range(3):\n'
                   '    library = ctypes.CDLL("libcuda.so.1")\n'
                   '    assert library.cuInit(0) == 0\n'
                   '    _ctypes.dlclose(library._handle)\n'
                   '    time.sleep(0.05)\n'
                   'print("goes on")\n')
        with Server() as server:
            done = server.run(sys.executable, '-c', program)
        self.assertEqual((done.returncode, done.stdout), (0, 'goes on\n'), done.stderr)


class RgpuRun(unittest.TestCase):
    def test_sets_servers_and_passes_the_status_on(self):
        with Server() as server:
            done = client('nobody.invalid', RUN, '-s', server.address, '--', LIST)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = client('', RUN, '-s', server.address, sys.executable, '-c', 'import sys; sys.exit(7)')
            self.assertEqual(done.returncode, 7)

    def test_wrong_usage(self):
        for status, command in ((125, []), (125, ['--nonsense', LIST]), (125, ['-s']), (125, ['-s', '', LIST]),
                                (125, ['-s', ' , ', LIST]), (125, ['-s', 'localhost', '--']),
                                (127, ['--', '/nonexistent/program']), (127, ['no-such-command']), (127, ['']),
                                (126, [__file__]), (126, ['/tmp']), (126, [__file__ + '/x'])):
            with self.subTest(command):
                done = client('', RUN, *command)
                self.assertEqual((done.returncode, done.stdout), (status, ''))
                self.assertIn('rgpu-run: ', done.stderr)


class Daemon(unittest.TestCase):
    def gpuserverd(self, *options):
        return subprocess.run([SERVER, *options], capture_output=True, text=True, timeout=30 * PATIENCE,
                              stdin=subprocess.DEVNULL, check=False)

    def test_wrong_usage(self):
        for options in (['--nonsense'], ['--memory-limit', 'much'], ['--warm', '-1'], ['--log', 'loud'], ['extra']):
            with self.subTest(options):
                done = self.gpuserverd(*options)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertTrue(done.stderr)

    def test_failures(self):
        with Server() as server:
            for address, why in ((server.address, 'already in use'), ('192.0.2.1:7411', 'no such address'),
                                 ('no-such-host.invalid:7411', 'host')):
                with self.subTest(address):
                    done = self.gpuserverd('--listen', address)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn(f'cannot listen on "{address}": ', done.stderr)
                    self.assertIn(why, done.stderr)

    def test_a_driver_that_cannot_be_loaded(self):
        environment = {k: v for k, v in os.environ.items() if k != 'LD_LIBRARY_PATH'}
        with tempfile.TemporaryDirectory() as alone:
            shutil.copy(SERVER, alone)
            for program, driver, why in (
                    (SERVER, '/nonexistent/libcuda.so', 'No such file'),
                    (SERVER, os.path.join(CLIENT, 'libcuda.so.1'), "RemoteGPU's client library"),
                    (SERVER, __file__, 'invalid ELF header'),
                    (SERVER, 'libm.so.6', 'it has no cuInit'),
                    (os.path.join(alone, 'gpuserverd'), 'soft', 'libcuda-soft.so'),
                    (os.path.join(alone, 'gpuserverd'), 'auto', 'libcuda-soft.so')):
                if driver == 'auto' and os.path.exists('/dev/nvidiactl'):
                    continue
                for warm in ('0', '1'):
                    with self.subTest(driver=driver, warm=warm):
                        done = subprocess.run(
                            [program, '--listen', '127.0.0.1:0', '--driver', driver, '--warm', warm],
                            capture_output=True, text=True, timeout=30 * PATIENCE, env=environment, check=False)
                        self.assertEqual((done.returncode, done.stdout), (1, ''), done.stderr)
                        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                        self.assertIn('cannot start with --driver ' + driver, done.stderr)
                        self.assertIn(why, done.stderr)

    def test_no_device_is_visible(self):
        done = subprocess.run([SERVER, '--listen', '127.0.0.1:0', '--driver', 'soft'], capture_output=True, text=True,
                              timeout=30 * PATIENCE, env={**os.environ, 'CUDA_VISIBLE_DEVICES': '7'}, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('no GPU among CUDA_VISIBLE_DEVICES', done.stderr)

    def test_a_driver_that_is_gone_later(self):
        """The server goes on, and clients are told why they get no GPU."""
        with tempfile.TemporaryDirectory() as folder:
            path = shutil.copy(SOFT, folder)
            with Server(driver=path, warm=0) as server:
                self.assertEqual(server.run(LIST).returncode, 0)
                os.rename(path, path + '.away')
                done = server.run(LIST)
                self.assertEqual(done.returncode, 1)
                self.assertIn('CUDA_ERROR_NO_DEVICE', done.stderr)
                self.assertIn(path, done.stderr)
                os.rename(path + '.away', path)
                self.assertEqual(server.run(LIST).returncode, 0)


class Entry(unittest.TestCase):
    """./run, with a meson and a ninja that only look so."""
    MESON = """#!/bin/sh
[ "$1" = setup ] || { echo 1.5.0; exit; }
mkdir -p "$2/meson-info"
printf '{"directories": {"source": "%s"}}' "$(pwd -P)" >"$2/meson-info/meson-info.json"
touch "$2/build.ninja"
"""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.tree = os.path.join(self.folder, 'a tree')
        os.makedirs(os.path.join(self.tree, 'tests'))
        for name in ('run', 'tests/suite.py'):
            shutil.copy(os.path.join(ROOT, name), os.path.join(self.tree, name))
        for name, text in (('meson', self.MESON), ('ninja', '#!/bin/sh\n')):
            with open(os.path.join(self.folder, name), 'w') as f:
                f.write(text)
            os.chmod(f.name, 0o755)

    def entry(self, *arguments):
        environment = {**inherited(), 'PATH': self.folder + ':' + os.environ['PATH'], 'RGPU_INSTALL': 'no'}
        return subprocess.run([os.path.join(self.tree, 'run'), *arguments], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, env=environment, check=False)

    def test_wrong_usage(self):
        for arguments in (['nonsense'], [''], ['demo', 'x'], ['build', '--help'], ['help', 'x'], ['test', 'nonsense'],
                          ['test', '--nonsense'], ['test', '--list', 'x']):
            with self.subTest(arguments):
                self.assertEqual(self.entry(*arguments).returncode, 2)

    def test_a_build_that_cannot_be_used(self):
        """Made for another place, or not to the end: made anew; else kept."""
        for spoil in (None, 'move', 'build.ninja', 'meson-info/meson-info.json'):
            with self.subTest(spoil):
                self.assertEqual(self.entry('build').returncode, 0)
                mark = os.path.join('build', 'release', 'mark')
                open(os.path.join(self.tree, mark), 'w').close()
                if spoil == 'move':
                    self.tree = shutil.move(self.tree, self.tree + ' elsewhere')
                elif spoil:
                    os.unlink(os.path.join(self.tree, 'build', 'release', spoil))
                self.assertEqual(self.entry('build').returncode, 0)
                self.assertEqual(os.path.exists(os.path.join(self.tree, mark)), not spoil)


class Bench(unittest.TestCase):
    def bench(self, server, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'bench.json')
            done = subprocess.run([BENCH, *arguments, '--native', 'soft', '--servers', server.address, '--repeat', '1',
                                   '--json', path], capture_output=True, text=True, timeout=120 * PATIENCE, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(path) as f:
                return json.load(f)

    def test_latency(self):
        with Server() as server:
            result = self.bench(server, 'latency')
        self.assertEqual(result['native']['device'], result['remote']['device'])
        self.assertIn('launch + synchronize', [row['name'] for row in result['results']])
        for row in result['results']:
            for side in ('native', 'remote'):
                self.assertGreater(row[side]['median'], 0, row)
                self.assertGreaterEqual(row[side]['p99'], 0, row)
            self.assertGreater(row['ratio'], 0)

    def test_bandwidth(self):
        with Server() as server:
            result = self.bench(server, 'bandwidth', '--sizes', '4K,1M,5M')
        self.assertEqual(len(result['results']), 12)
        self.assertEqual({row['bytes'] for row in result['results']}, {4096, 1 << 20, 5 << 20})
        self.assertEqual({row['unit'] for row in result['results']}, {'GB/s'})

    def test_wrong_usage(self):
        for arguments in ([], ['speed'], ['latency', '--repeat', '0'], ['bandwidth', '--sizes', '1Q']):
            done = subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 2, arguments)


if __name__ == '__main__':
    unittest.main()
