# SPDX-License-Identifier: Apache-2.0
"""The examples straight on the software GPU and through the remote path: equal output, also for many at once."""
import os
import subprocess
import tempfile
import unittest

from harness import PATIENCE, SANITIZED, SOFT, Server, built

EXAMPLES = [built('examples/' + name) for name in ('device_list', 'vector_add', 'matrix_multiply')]
RUNTIME = built('examples/vector_add_runtime')


def run_directly(program):
    """On the software GPU as the machine's driver library."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(SOFT, os.path.join(folder, 'libcuda.so.1'))
        return subprocess.run([program], capture_output=True, text=True, timeout=60 * PATIENCE, check=False,
                              env={**os.environ, 'LD_LIBRARY_PATH': folder})


class Programs(unittest.TestCase):
    def test_direct_and_remote_are_equal(self):
        with Server() as server:
            for program in EXAMPLES:
                with self.subTest(os.path.basename(program)):
                    direct, remote = run_directly(program), server.run(program)
                    self.assertEqual(direct.returncode, 0, direct.stderr)
                    self.assertEqual(remote.returncode, 0, remote.stderr)
                    self.assertEqual(direct.stdout, remote.stdout)
                    self.assertEqual(remote.stderr, '')

    @unittest.skipUnless(os.path.exists(RUNTIME), 'no nvcc')
    @unittest.skipIf(SANITIZED, 'a program of nvcc is not instrumented and cannot load a library that is')
    def test_program_of_the_runtime(self):
        with Server() as server:
            done = server.run(RUNTIME)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn('all equal', done.stdout)

    def test_says_that_it_is_software(self):
        with Server() as server:
            self.assertRegex(server.run(built('examples/device_list')).stdout.lower(), 'soft')

    def test_many_at_once(self):
        with Server(warm=1) as server:
            clients = [(program, server.start(program)) for program in EXAMPLES * 3]
            for program, client in clients:
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
