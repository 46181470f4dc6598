#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rgpu_run_test.py RGPU_RUN: what a command finds in its environment, and exit statuses."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ''


class RgpuRun(unittest.TestCase):
    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.bin = self.folder('bin')
        shutil.copy(PROGRAM, self.bin + '/rgpu-run')

    def folder(self, *names, library=None):
        path = os.path.join(self.root, *names)
        os.makedirs(path, exist_ok=True)
        if library:
            open(os.path.join(path, library), 'w').close()
        return path

    def run_with(self, *arguments, **environment):
        clean = {k: v for k, v in os.environ.items()
                 if k not in ('LD_LIBRARY_PATH', 'RGPU_SERVERS')}
        return subprocess.run([self.bin + '/rgpu-run', *arguments], capture_output=True,
                              text=True, timeout=60, env={**clean, **environment}, check=False)

    def seen(self, *arguments, **environment):
        done = self.run_with(*arguments, 'env', **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return dict(line.split('=', 1) for line in done.stdout.splitlines() if '=' in line)

    def test_installed(self):
        libraries = self.folder('lib', 'remotegpu', library='libcuda.so.1')
        seen = self.seen('-s', 'a,b:1')
        self.assertEqual(seen['LD_LIBRARY_PATH'], libraries)
        self.assertEqual(seen['RGPU_SERVERS'], 'a,b:1')

    def test_in_a_build(self):
        self.folder('bin', library='libcuda.so.1')
        self.assertEqual(self.seen()['LD_LIBRARY_PATH'], self.bin)
        nvml = self.folder('bin', 'nvml', library='libnvidia-ml.so.1')
        self.assertEqual(self.seen()['LD_LIBRARY_PATH'], f'{self.bin}:{nvml}')

    def test_goes_in_front_of_what_was_set(self):
        self.folder('bin', library='libcuda.so.1')
        seen = self.seen(LD_LIBRARY_PATH='/x:/y', RGPU_SERVERS='kept')
        self.assertEqual(seen['LD_LIBRARY_PATH'], self.bin + ':/x:/y')
        self.assertEqual(seen['RGPU_SERVERS'], 'kept')
        self.assertEqual(self.seen(LD_LIBRARY_PATH='')['LD_LIBRARY_PATH'], self.bin)
        self.assertNotIn('RGPU_SERVERS', self.seen())

    def test_found_through_a_link(self):
        self.folder('bin', library='libcuda.so.1')
        elsewhere = self.folder('elsewhere') + '/run'
        os.symlink(self.bin + '/rgpu-run', elsewhere)
        done = subprocess.run([elsewhere, 'env'], capture_output=True, text=True, check=False)
        self.assertIn(f'LD_LIBRARY_PATH={self.bin}', done.stdout)

    def test_a_folder_that_no_library_path_can_name(self):
        for name in ('a:b', 'a;b'):
            self.bin = self.folder(name, library='libcuda.so.1')
            shutil.copy(PROGRAM, self.bin)
            done = self.run_with('true')
            self.assertEqual(done.returncode, 125)
            self.assertIn('LD_LIBRARY_PATH cannot name', done.stderr)

    def test_exit_statuses(self):
        self.folder('bin', library='libcuda.so.1')
        self.assertEqual(self.run_with('sh', '-c', 'exit 7').returncode, 7)
        self.assertEqual(self.run_with('--', 'sh', '-c', 'exit 7').returncode, 7)
        self.assertEqual(self.run_with('no-such-command').returncode, 127)
        self.assertEqual(self.run_with(self.bin).returncode, 126)
        self.assertEqual(self.run_with(self.bin + '/libcuda.so.1').returncode, 126)
        for wrong in ([], ['-s'], ['-s', '', 'true'], ['--nonsense', 'true'], ['-s', 'a']):
            done = self.run_with(*wrong)
            self.assertEqual(done.returncode, 125, wrong)
            self.assertIn('rgpu-run', done.stderr)

    def test_its_own_options(self):
        self.folder('bin', library='libcuda.so.1')
        self.assertIn('Usage', self.run_with('--help').stdout)
        self.assertRegex(self.run_with('--version').stdout, r'^rgpu-run \d')
        self.assertEqual(self.run_with('echo', '-s', 'x', '--help').stdout, '-s x --help\n')

    def test_without_libraries(self):
        done = self.run_with('true')
        self.assertEqual(done.returncode, 125)
        self.assertIn('libcuda.so.1', done.stderr)


if __name__ == '__main__':
    PROGRAM = sys.argv.pop(1)
    unittest.main()
