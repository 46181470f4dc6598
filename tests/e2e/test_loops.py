# SPDX-License-Identifier: Apache-2.0
"""Programs that make and destroy things for ever: neither the client nor its worker grows.

    test_loops.py [KIND ROUNDS]     one kind by hand, which prints what both took when warm and after each third
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
    """KiB of client and worker: when warm, and after each third of the rounds."""
    process = server.start(LOOPS, kind, str(rounds))
    with process:
        points = []
        for line in ('warm\n', 'done\n', 'done\n', 'done\n'):
            got = process.stdout.readline()
            if got != line:
                process.kill()
                raise AssertionError(f'{kind}: "{got}" {process.stderr.read()}')
            points.append((memory(process.pid), memory(server.worker_of(process.pid))))
            process.stdin.write('\n')
            process.stdin.flush()
        process.wait(10 * PATIENCE)
    return points


def growth(points):
    """KiB that client and worker grew in the third in which they grew least. What is left behind in every round
    shows in each third; a table, a heap or a stack that reaches its next size does so in one of them."""
    return [min(after - before for before, after in zip(side, side[1:])) for side in zip(*points)]


QUICK = 10000
ROUNDS = {'streams': QUICK, 'events': QUICK, 'memory': QUICK, 'pools': QUICK, 'mappings': QUICK, 'copies': QUICK,
          'pinned': QUICK, 'mapped': QUICK, 'graphs': QUICK, 'host_functions': QUICK, 'registered': 3000,
          'captures': 3000, 'graph_functions': 3000, 'set_functions': 3000, 'modules': 3000, 'libraries': 3000,
          'linkers': 3000, 'contexts': 1000, 'threads': 1000, 'primaries': 600}


def allowed(rounds):
    """KiB in a third of the rounds: some pages, but not something of every round."""
    return 32 + rounds / 3 * 40 / 1024


@unittest.skipIf(SANITIZED, 'sanitizers keep what is freed')
class Loops(unittest.TestCase):
    def test_nothing_grows(self):
        with Server() as server:
            for kind, rounds in ROUNDS.items():
                with self.subTest(kind):
                    grown = growth(measure(server, kind, rounds))
                    for side, kib in zip(('client', 'worker'), grown):
                        self.assertLess(kib, allowed(rounds), side)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        unittest.main()
    with Server() as s:
        for which in sys.argv[1].split(','):
            sides = zip(*measure(s, which, int(sys.argv[2])))
            print(f'{which:16}', ', '.join(f'{name} ' + ' -> '.join(map(str, side)) + ' KiB'
                                            for name, side in zip(('client', 'worker'), sides)), flush=True)
