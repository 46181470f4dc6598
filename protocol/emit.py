# SPDX-License-Identifier: Apache-2.0
"""What emitters share: text of C, and how long runs of values are."""
import re


def params(vars_, form=lambda v: v.decl):
    return ', '.join(map(form, vars_)) or 'void'


def prototype(name, inner, tail):
    """A prototype or the head of a definition, wrapped to 100 columns."""
    text, column = f'{name}(', len(name) + 1
    for i, param in enumerate(inner.split(', ')):
        if i and column + len(param) + 2 > 98:
            text, column = text + ',\n\t\t', 16
        elif i:
            text, column = text + ', ', column + 2
        text, column = text + param, column + len(param)
    return text + ')' + tail


def indent(text):
    return re.sub(r'(?m)^(?=.)', '\t', text)


def slug(section):
    return re.sub(r'\W+', '_', section.lower())


def plain_name(item):
    """What a value is called, as one identifier to derive others from."""
    return f'{item.var.name}_{item.field.name}' if item.field else item.var.name


def counted(item, n):
    """The length of a run from the number that says it."""
    if item.sized:
        return f'size_of_{item.count.base}({n})'
    return f'({n} - {item.leaf.less})' if item.leaf.less else n


def run_count(item, at, given):
    """How many values of a run there are; `at` gives the place of the number that says it."""
    if item.count == 'string':
        return f'{plain_name(item)}_length'
    if item.count is None:
        return f'({given} ? 1u : 0u)'
    count = item.count if isinstance(item.count, int) else counted(item, at(item.count))
    return f'({given} ? {count} : 0)' if item.leaf.optional else str(count)


def scaled(count, item):
    return count if item.size == 1 else f'{count} * {item.size}'


def offset(items, item):
    """Where a value of fixed size begins, which all values before it are."""
    return fixed_size(items[:items.index(item)])


def fixed_size(items):
    sizes = [1 if i.kind == 'flag' else 4 if i.kind == 'length' else i.size
             for i in items if i.kind != 'run']
    named = sorted({s for s in sizes if isinstance(s, str)})
    number = sum(s for s in sizes if isinstance(s, int))
    parts = [s if sizes.count(s) == 1 else f'{sizes.count(s)} * {s}' for s in named]
    return ' + '.join(([str(number)] if number or not parts else []) + parts)
