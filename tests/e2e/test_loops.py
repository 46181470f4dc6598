# SPDX-License-Identifier: Apache-2.0
"""Programs that make and destroy things for ever: neither the client nor its worker grows.

    test_loops.py [KIND ROUNDS]     one kind by hand, which prints what both took before and after
"""
import sys
import unittest

from harness import PATIENCE, SANITIZED, Server, built

LOOPS = built('tests/loops')


def memory(pid):
    """What a process has for itself, in KiB."""
    with open(f'/proc/{pid}/status') as f:
        fields = dict(line.split(':', 1) for line in f)
    return sum(int(fields[name].split()[0]) for name in ('RssAnon', 'RssShmem'))


def measure(server, kind, rounds):
    """KiB of client and worker, when warm and at the end."""
    process = server.start(LOOPS, kind, str(rounds))
    with process:
        points = []
        for line in ('warm\n', 'done\n'):
            got = process.stdout.readline()
            if got != line:
                process.kill()
                raise AssertionError(f'{kind}: "{got}" {process.stderr.read()}')
            points.append([memory(process.pid), memory(server.worker_of(process.pid))])
            process.stdin.write('\n')
            process.stdin.flush()
        process.wait(10 * PATIENCE)
    return points


QUICK = 10000
ROUNDS = {'streams': QUICK, 'events': QUICK, 'memory': QUICK, 'pools': QUICK, 'mappings': QUICK, 'copies': QUICK,
          'pinned': QUICK, 'mapped': QUICK, 'graphs': QUICK, 'host_functions': QUICK, 'registered': 3000,
          'captures': 3000, 'graph_functions': 3000, 'modules': 3000, 'libraries': 3000, 'linkers': 3000, 'contexts': 1000, 'threads': 1000,
          'primaries': 600}


def allowed(rounds):
    """KiB: the next size of some table, but not something of every round."""
    return 128 + rounds * 40 / 1024


@unittest.skipIf(SANITIZED, 'sanitizers keep what is freed')
class Loops(unittest.TestCase):
    def test_nothing_grows(self):
        with Server() as server:
            for kind, rounds in ROUNDS.items():
                with self.subTest(kind):
                    warm, done = measure(server, kind, rounds)
                    for side, before, after in zip(('client', 'worker'), warm, done):
                        self.assertLess(after - before, allowed(rounds), side)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        unittest.main()
    with Server() as s:
        for which in sys.argv[1].split(','):
            warm, done = measure(s, which, int(sys.argv[2]))
            print(f'{which:16} client {warm[0]:7} -> {done[0]:7} KiB, worker {warm[1]:7} -> {done[1]:7} KiB', flush=True)
