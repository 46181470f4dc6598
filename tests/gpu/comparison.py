# SPDX-License-Identifier: Apache-2.0
"""What the runs of the workloads said: parsing, the rule for checks, medians, and the written tables."""
import csv
import json
import os
import statistics
from dataclasses import dataclass, field


@dataclass
class Run:
    code: object = None                          # exit status, or 'timeout'
    seconds: float = 0
    figures: dict = field(default_factory=dict)  # name -> (value, unit)
    checks: dict = field(default_factory=dict)   # name -> text
    stats: dict = None                           # RGPU_STATS, remote only
    tail: str = ''                               # of a failed run's output


def parse(run, text):
    """Takes the `figure NAME VALUE UNIT` and `check NAME VALUE` lines of a program into @run."""
    for line in text.splitlines():
        words = line.split(None, 2)
        if len(words) < 2:
            continue
        if words[0] == 'check':
            run.checks[words[1]] = words[2].strip() if len(words) > 2 else ''
        elif words[0] == 'figure' and len(words) == 3:
            value, unit = words[2].split()
            run.figures[words[1]] = (float(value), unit)


def as_number(text):
    try:
        return float(text)
    except ValueError:
        return None


def compare_check(native, remote, spread=0):
    """'equal', 'within spread', 'unknown' (no native value) or 'DIFFERENT', for one check's values.

    Where all native values are equal the remote ones must be that value. Else they are numbers, and no
    remote one may be farther from the native median than the native ones are from one another, or than
    @spread, if native runs were seen that far apart before.
    """
    if not native or not remote:
        return 'unknown'
    if set(remote) == set(native) and len(set(native)) == 1:
        return 'equal'
    if len(set(native)) == 1 and not spread:
        return 'DIFFERENT'
    numbers = [as_number(v) for v in native], [as_number(v) for v in remote]
    if None in numbers[0] or None in numbers[1]:
        return 'equal' if set(remote) <= set(native) else 'DIFFERENT'
    spread = max(spread, max(numbers[0]) - min(numbers[0]))
    middle = statistics.median(numbers[0])
    return 'within spread' if all(abs(v - middle) <= spread for v in numbers[1]) else 'DIFFERENT'


def check_rows(workload, native, remote):
    """{name: (verdict, native values, remote values)}"""
    rows = {}
    names = dict.fromkeys(n for run in native + remote for n in run.checks)
    for name in dict.fromkeys([*names, *workload.expected]):
        theirs = [r.checks[name] for r in native if name in r.checks]
        ours = [r.checks[name] for r in remote if name in r.checks]
        if name in workload.expected and not theirs:
            theirs = [workload.expected[name]]
        verdict = compare_check(theirs, ours, workload.spread.get(name, 0))
        if verdict == 'DIFFERENT' and name in workload.differs:
            verdict = f'differs ({workload.differs[name]})'
        if remote and theirs and len(ours) < len(remote):
            verdict = 'MISSING'
        rows[name] = (verdict, theirs, ours)
    return rows


def median_figure(runs, name):
    values = [r.figures[name][0] for r in runs if name in r.figures]
    return statistics.median(values) if values else None


def figure_rows(native, remote):
    """[(name, unit, native median, remote median, remote time / native time)]"""
    rows = []
    units = {name: f[1] for run in native + remote for name, f in run.figures.items()}
    for name, unit in units.items():
        theirs, ours = median_figure(native, name), median_figure(remote, name)
        ratio = None
        if theirs and ours:
            ratio = theirs / ours if unit.endswith('/s') else ours / theirs
        rows.append((name, unit, theirs, ours, ratio))
    return rows


def failures(workload, native, remote):
    """One line for everything that must not be."""
    lines = []
    for kind, runs in (('native', native), ('remote', remote)):
        for i, run in enumerate(runs):
            if run.code != 0:
                lines.append(f'{workload.name}: {kind} run {i + 1}: exit {run.code}')
    for name, (verdict, theirs, ours) in check_rows(workload, native, remote).items():
        if verdict.isupper():
            lines.append(f'{workload.name}: {name} {verdict}: native {sorted(set(theirs))}, remote {sorted(set(ours))}')
    return lines


def waits(runs):
    values = [r.stats['total']['waits'] for r in runs if r.stats]
    return statistics.median(values) if values else None


def number(value):
    if value is None:
        return '-'
    return f'{value:.2f}' if abs(value) < 1000 else f'{value:.0f}'


def verdict_words(rows):
    counts = {}
    for verdict, _, _ in rows.values():
        counts[verdict] = counts.get(verdict, 0) + 1
    return ', '.join(f'{n} {verdict}' for verdict, n in sorted(counts.items())) or '-'


def markdown(results, about):
    lines = ['# Native and remote in one run', '']
    lines += [f'- {name}: {value}' for name, value in about.items()]
    lines += ['', 'Medians of the runs. Ratio: remote time / native time. A check is equal where the native runs are '
              'equal, else it must lie within their spread.', '']
    lines += ['| program | runs (native, remote) | exit statuses | checks | waits |', '|---|---|---|---|---|']
    for workload, native, remote in results:
        codes = ', '.join(sorted({str(r.code) for r in native + remote}))
        rows = check_rows(workload, native, remote)
        lines.append(f'| {workload.name} | {len(native)}, {len(remote)} | {codes} | {verdict_words(rows)} '
                     f'| {number(waits(remote))} |')
    lines += ['', '| figure | native | remote | unit | ratio |', '|---|---|---|---|---|']
    for workload, native, remote in results:
        for name, unit, theirs, ours, ratio in figure_rows(native, remote):
            lines.append(f'| {workload.name}: {name} | {number(theirs)} | {number(ours)} | {unit} | {number(ratio)} |')
    by_name = {w.name: remote for w, _, remote in results}
    few, many = (waits(by_name.get(name, [])) for name in ('infer_20', 'infer_120'))
    if few is not None and many is not None:
        lines += ['', f'Waits per ResNet-50 inference: {(many - few) / 100:.2f}']
    bad = [line for r in results for line in failures(*r)]
    lines += ['', '## Failures', ''] + [f'- {line}' for line in bad or ['none']]
    return '\n'.join(lines) + '\n'


def write_csv(results, path):
    with open(path, 'w', newline='') as f:
        out = csv.writer(f)
        out.writerow(['workload', 'figure', 'unit', 'native', 'remote', 'ratio'])
        for workload, native, remote in results:
            for row in figure_rows(native, remote):
                out.writerow([workload.name, *row[:2], *('' if v is None else f'{v:.4f}' for v in row[2:])])


def write(results, about, folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'compare.md'), 'w') as f:
        f.write(markdown(results, about))
    write_csv(results, os.path.join(folder, 'compare.csv'))
    data = {'about': about, 'workloads': [
        {'name': w.name, 'native': [vars(r) for r in native], 'remote': [vars(r) for r in remote],
         'failures': failures(w, native, remote)} for w, native, remote in results]}
    with open(os.path.join(folder, 'compare.json'), 'w') as f:
        json.dump(data, f, indent=1)
        f.write('\n')
