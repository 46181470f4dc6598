# SPDX-License-Identifier: Apache-2.0
"""50 kills of client or worker at random moments: nothing is left behind and the server serves on.

The moments come from a random seed, which is printed; SEED=N repeats them.
"""
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from harness import PATIENCE, SANITIZED, Server, built, shared_memory, wait_until

KILLS = int(os.environ.get('KILLS', '50'))
BUSY = built('tests/busy')
CHILDREN = built('tests/children')


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Kills(unittest.TestCase):
    def end_by_worker(self, server, client, number):
        """Kills the client's worker, as soon as it has one; the client must end by itself."""
        worker = None
        end = time.monotonic() + 60 * PATIENCE
        while client.poll() is None:
            worker = worker or server.worker_of(client.pid)
            if worker in server.workers():
                kill(worker)
            try:
                client.wait(0.05)
            except subprocess.TimeoutExpired:
                if time.monotonic() > end:
                    client.kill()
                    self.fail(f'kill {number}: the client hangs after its worker {worker} was killed')

    def kill_one(self, server, number):
        """Starts a client, kills it or its worker some time later, and waits for its end."""
        client = server.start(BUSY)
        drain = threading.Thread(target=client.stdout.read)
        drain.start()
        time.sleep(random.uniform(0, 0.4) * PATIENCE)
        if number % 2:
            client.kill()
        else:
            self.end_by_worker(server, client, number)
        drain.join()
        err = client.stderr.read()
        client.wait()
        for pipe in (client.stdin, client.stdout, client.stderr):
            pipe.close()
        self.assertNotEqual(client.returncode, 3, f'kill {number}: wrong data: {err}')
        if number % 2 == 0:
            self.assertEqual(client.returncode, 1, f'kill {number}: no error, but {client.returncode}: {err}')
            self.assertIn('CUDA_ERROR', err)

    def test_kills(self):
        seed = int(os.environ.get('SEED', random.randrange(1 << 30)))
        print(f'SEED={seed}', flush=True)
        random.seed(seed)
        memory = shared_memory()
        with Server(warm=1) as server:
            descriptors = server.descriptors()
            for number in range(KILLS):
                self.kill_one(server, number)
                if number % 10 == 9:
                    server.settle()
                    done = server.run(built('examples/vector_add'))
                    self.assertEqual(done.returncode, 0, done.stderr)
            server.settle()
            wait_until('no descriptors were leaked', lambda: server.descriptors() <= descriptors, 20)
        self.assertEqual(shared_memory() - memory, set(), 'shared memory was left behind')

    def test_idle_workers_killed(self):
        """Workers that wait for a session are replaced."""
        with Server(warm=2) as server:
            idle = server.workers()
            for pid in idle:
                kill(pid)
            # Until the supervisor has seen it, a session may be given to one of them, and is refused.
            wait_until('they are gone', lambda: not any(server.has_child(pid) for pid in idle), 20)
            server.settle()
            done = server.run(built('examples/vector_add'))
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_child_stays(self):
        """What it inherited of its killed parent keeps no worker."""
        with Server() as server:
            client = server.start(CHILDREN, 'stay')
            child = int(client.stdout.readline())
            try:
                client.kill()
                client.wait()
                server.settle()
            finally:
                kill(child)
                client.communicate()

    @unittest.skipIf(SANITIZED, 'sanitizers do not know such children')
    def test_a_child_exits(self):
        """Not by the session of its parent, nor with its statistics."""
        with Server() as server, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'stats.json')
            done = server.run(CHILDREN, 'exit', RGPU_STATS=path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, '^ended with 7\nparent: 5 5 .. 5')
            with open(path) as file:
                self.assertIn('cuMemcpyDtoH_v2', json.load(file)['calls'])

    def test_one_killed_the_other_goes_on(self):
        with Server(warm=2) as server:
            victim, survivor = server.start(BUSY), server.start(BUSY, '30')
            for client in (victim, survivor):
                self.assertIn('step 0', client.stdout.readline())
            victim.kill()
            victim.communicate()
            out, err = survivor.communicate('\n', timeout=60 * PATIENCE)
            self.assertEqual(survivor.returncode, 0, err)
            self.assertIn('step 29', out)
            server.settle()


if __name__ == '__main__':
    unittest.main()
