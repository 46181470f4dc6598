#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Test the parser and the generator as one tests a compiler.

usage: spec_test.py PROTOCOL_FOLDER [--update]

Golden output for a small spec, bad specs with the message that each must give,
CALLS.md as committed, and no name of the driver in the programs. --update
writes the golden output anew, to be read before it is committed.
"""
import os
import re
import sys
import tempfile
import unittest

FOLDER = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '..'))
TESTS = os.path.join(FOLDER, 'tests')
sys.path.insert(0, FOLDER)
import generate  # noqa: E402
from emit import slug  # noqa: E402
from spec import Spec, SpecError  # noqa: E402


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


def write_all(spec, directory):
    for part in generate.PARTS:
        generate.write(spec, directory, *generate.PARTS[part])


class Golden(unittest.TestCase):
    def test_output_of_small_spec(self):
        spec = Spec(os.path.join(TESTS, 'small.api'))
        with tempfile.TemporaryDirectory() as directory:
            write_all(spec, directory)
            golden = os.path.join(TESTS, 'golden')
            self.assertEqual(sorted(os.listdir(directory)), sorted(os.listdir(golden)))
            for name in sorted(os.listdir(golden)):
                self.assertEqual(read(directory, name), read(golden, name), name)

    def test_sections(self):
        self.assertEqual([slug(s) for s in Spec(os.path.join(TESTS, 'small.api')).sections],
                         ['first_calls', 'rest'])


class Bad(unittest.TestCase):
    def test_each_gives_its_message(self):
        names = sorted(os.listdir(os.path.join(TESTS, 'bad')))
        self.assertGreater(len(names), 20)
        for name in names:
            path = os.path.join(TESTS, 'bad', name)
            expected = re.match(r'# expect (.*)', read(path))[1]
            with self.subTest(name), self.assertRaises(SpecError) as caught:
                Spec(path)
            self.assertEqual(str(caught.exception), f'{path}:{expected}', name)


class Real(unittest.TestCase):
    def test_calls_md_is_fresh(self):
        with tempfile.TemporaryDirectory() as directory:
            generate.write(Spec(os.path.join(FOLDER, 'cuda.api')), directory, *generate.PARTS['calls'])
            self.assertEqual(read(directory, 'CALLS.md'), read(FOLDER, 'CALLS.md'),
                             'run: generate.py calls cuda.api .')

    def test_programs_know_no_names(self):
        for name in (n for n in os.listdir(FOLDER) if n.endswith('.py')):
            self.assertEqual(re.findall(r'cu[A-Z]\w*', read(FOLDER, name)), [], name)

    def test_every_call_is_described(self):
        spec = Spec(os.path.join(FOLDER, 'cuda.api'))
        self.assertEqual([c.name for c in spec.calls if not c.text], [])

    def test_hash_follows_the_text(self):
        small = read(TESTS, 'small.api')
        with tempfile.TemporaryDirectory() as directory:
            hashes = set()
            for text in (small, small + '\n'):
                path = os.path.join(directory, 'x.api')
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(text)
                hashes.add(Spec(path).hash)
            self.assertEqual(len(hashes), 2)


if __name__ == '__main__':
    if '--update' in sys.argv:
        target = os.path.join(TESTS, 'golden')
        os.makedirs(target, exist_ok=True)
        for old in os.listdir(target):
            os.remove(os.path.join(target, old))
        write_all(Spec(os.path.join(TESTS, 'small.api')), target)
    unittest.main(argv=sys.argv[:1])
