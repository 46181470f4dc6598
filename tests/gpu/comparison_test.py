# SPDX-License-Identifier: Apache-2.0
"""The rules by which native and remote runs are compared."""
import unittest

import compare_folder
import comparison
from catalogue import Workload


def run(figures=None, code=0, **checks):
    return comparison.Run(code=code, figures=figures or {}, checks=checks)


class CompareCheck(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(comparison.compare_check(['1.5', '1.5'], ['1.5']), 'equal')
        self.assertEqual(comparison.compare_check(['1.5', '1.5'], ['1.5', '1.50001']), 'DIFFERENT')
        self.assertEqual(comparison.compare_check(['NVIDIA H200'], ['NVIDIA H200']), 'equal')

    def test_spread(self):
        self.assertEqual(comparison.compare_check(['1', '2', '3'], ['2.5', '1.1']), 'within spread')
        self.assertEqual(comparison.compare_check(['1', '2', '3'], ['4.5']), 'DIFFERENT')
        self.assertEqual(comparison.compare_check(['1', '2', '3'], ['nan']), 'DIFFERENT')

    def test_spread_seen_before(self):
        self.assertEqual(comparison.compare_check(['1', '1'], ['1', '2.5'], spread=2), 'within spread')
        self.assertEqual(comparison.compare_check(['1', '1.1'], ['2.5'], spread=2), 'within spread')
        self.assertEqual(comparison.compare_check(['1', '1'], ['1'], spread=2), 'equal')
        self.assertEqual(comparison.compare_check(['1', '1'], ['3.5'], spread=2), 'DIFFERENT')
        self.assertEqual(comparison.compare_check(['1', '1'], ['nan'], spread=2), 'DIFFERENT')

    def test_words(self):
        self.assertEqual(comparison.compare_check(['a', 'b'], ['b']), 'equal')
        self.assertEqual(comparison.compare_check(['a', 'b'], ['c']), 'DIFFERENT')

    def test_nothing_to_compare(self):
        self.assertEqual(comparison.compare_check([], ['1']), 'unknown')
        self.assertEqual(comparison.compare_check(['1'], []), 'unknown')


class Rows(unittest.TestCase):
    def test_parse(self):
        r = comparison.Run()
        comparison.parse(r, 'noise\nfigure a 1.5 ms\ncheck b two words \ncheck c\n')
        self.assertEqual(r.figures, {'a': (1.5, 'ms')})
        self.assertEqual(r.checks, {'b': 'two words', 'c': ''})

    def test_ratio_is_of_times(self):
        native = [run({'t': (2.0, 'ms'), 'b': (50.0, 'GB/s')})]
        remote = [run({'t': (3.0, 'ms'), 'b': (25.0, 'GB/s')})]
        self.assertEqual([row[4] for row in comparison.figure_rows(native, remote)], [1.5, 2.0])

    def test_median(self):
        runs = [run({'t': (v, 'ms')}) for v in (9.0, 1.0, 2.0)]
        self.assertEqual(comparison.median_figure(runs, 't'), 2.0)

    def test_expected_and_missing(self):
        rows = comparison.check_rows(Workload('w', [], expected={'a': 'yes', 'b': 'no'}), [], [run(a='yes')])
        self.assertEqual(rows['a'][0], 'equal')
        self.assertEqual(rows['b'][0], 'MISSING')

    def test_known_difference(self):
        workload = Workload('w', [], differs={'a': 'reason'}, spread={'b': .1})
        native, remote = [run(a='1', b='1', c='1')], [run(a='2', b='1.05', c='2')]
        verdicts = {name: row[0] for name, row in comparison.check_rows(workload, native, remote).items()}
        self.assertEqual(verdicts, {'a': 'differs (reason)', 'b': 'within spread', 'c': 'DIFFERENT'})
        self.assertEqual(len(comparison.failures(workload, native, remote)), 1)

    def test_failures(self):
        workload = Workload('w', [])
        self.assertEqual(comparison.failures(workload, [run(a='1')], [run(a='1')]), [])
        self.assertEqual(len(comparison.failures(workload, [run(a='1')], [run(a='2', code=1)])), 2)
        self.assertEqual(len(comparison.failures(workload, [run(a='1')], [run(code='timeout')])), 2)


class Folder(unittest.TestCase):
    def test_output(self):
        self.assertEqual(compare_folder.compare_output('sum 3\n', 'sum 3\n', 'sum 3\n'), 'equal')
        self.assertEqual(compare_folder.compare_output('took 3.5 ms', 'took 4 ms', 'took 1e-3 ms'), 'numbers differ')
        self.assertEqual(compare_folder.compare_output('took 3.5 ms', 'took 4 ms', 'failed in 1 ms'), 'DIFFERENT')
        self.assertEqual(compare_folder.compare_output('sum 3', 'sum 3', 'sum 4'), 'DIFFERENT')

    def test_verdict(self):
        self.assertEqual(compare_folder.judge('pass', 'pass', 'equal'), ('pass', ''))
        self.assertEqual(compare_folder.judge('pass', 'pass', 'DIFFERENT')[0], 'fail')
        self.assertEqual(compare_folder.judge('pass', 'exit 1', 'DIFFERENT')[0], 'fail')
        self.assertEqual(compare_folder.judge('pass', 'timeout', 'DIFFERENT')[0], 'fail')
        self.assertEqual(compare_folder.judge('exit 2', 'exit 2', 'equal'), ('waived', 'natively: exit 2'))


if __name__ == '__main__':
    unittest.main()
