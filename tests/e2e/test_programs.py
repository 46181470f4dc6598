# SPDX-License-Identifier: Apache-2.0
"""The examples straight on the software GPU and through the remote path: equal output, also for many at once."""
import os
import subprocess
import tempfile
import unittest

from harness import PATIENCE, SANITIZED, SOFT, Server, built

EXAMPLES = ['device_list', 'vector_add', 'matrix_multiply']
if not SANITIZED:  # nvcc's programs are not instrumented and cannot load a library that is
    EXAMPLES.append('vector_add_runtime')


def present():
    return [built('examples/' + name) for name in EXAMPLES if os.path.exists(built('examples/' + name))]


def run_directly(program):
    """On the software GPU as the machine's driver library."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(SOFT, os.path.join(folder, 'libcuda.so.1'))
        return subprocess.run([program], capture_output=True, text=True, timeout=60 * PATIENCE, check=False,
                              env={**os.environ, 'LD_LIBRARY_PATH': folder})


class Programs(unittest.TestCase):
    def test_direct_and_remote_are_equal(self):
        with Server() as server:
            for program in present():
                with self.subTest(os.path.basename(program)):
                    direct, remote = run_directly(program), server.run(program)
                    self.assertEqual(direct.returncode, 0, direct.stderr)
                    self.assertEqual(remote.returncode, 0, remote.stderr)
                    self.assertEqual(direct.stdout, remote.stdout)
                    self.assertEqual(remote.stderr, '')

    def test_says_that_it_is_software(self):
        with Server() as server:
            self.assertRegex(server.run(built('examples/device_list')).stdout.lower(), 'soft')

    def test_many_at_once(self):
        with Server(warm=1) as server:
            programs = [p for p in present() if 'runtime' not in p] * 3
            clients = [server.start(p) for p in programs]
            for program, client in zip(programs, clients):
                out, err = client.communicate(timeout=120 * PATIENCE)
                self.assertEqual(client.returncode, 0, f'{program}: {err}')
                self.assertTrue(out)
            server.settle()

    def test_synchronous_mode(self):
        with Server() as server:
            done = server.run(built('examples/matrix_multiply'), RGPU_SYNC='1')
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == '__main__':
    unittest.main()
