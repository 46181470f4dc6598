# SPDX-License-Identifier: Apache-2.0
"""What emitters share: text of C."""
import re


def params(vars_, form=lambda v: v.decl):
    return ', '.join(map(form, vars_)) or 'void'


def wire_params(call, first=''):
    """Parameters of a half: a handle that the call creates is its number."""
    inner = [f'uint64_t {v.name}' if v.born else v.decl for v in call.params]
    return ', '.join(([first] if first else []) + inner) or 'void'


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


def header(name, *includes, body):
    guard = re.sub(r'\W', '_', name).upper()
    lines = ''.join(f'#include {i if i[0] == "<" else chr(34) + i + chr(34)}\n' for i in includes)
    return f'#ifndef {guard}\n#define {guard}\n\n{lines}{chr(10) if lines else ""}{body}\n#endif\n'


def macro(name, rows):
    """A list for C, which gives each row to a macro of its own."""
    return f'#define {name}(X) \\\n' + ''.join(f'\tX({row}) \\\n' for row in rows) + '\n'


def exports_map(spec):
    names = sorted(n for c in spec.calls for n in c.exported) + sorted(v.name for v in spec.data)
    return '{\nglobal:\n' + ''.join(f'\t{n};\n' for n in names) + 'local:\n\t*;\n};\n'


def indent(text):
    return re.sub(r'(?m)^(?=.)', '\t', text)


def slug(section):
    return re.sub(r'\W+', '_', section.lower())


def scaled(count, item):
    return count if item.size == 1 else f'{count} * {item.size}'


def offset(items, item):
    """Where a value of fixed size begins, which all values before it are."""
    return fixed_size(items[:items.index(item)])


def fixed_size(items):
    sizes = [i.size for i in items if i.kind != 'run']
    named = sorted({s for s in sizes if isinstance(s, str)})
    number = sum(s for s in sizes if isinstance(s, int))
    parts = [s if sizes.count(s) == 1 else f'{sizes.count(s)} * {s}' for s in named]
    return ' + '.join(([str(number)] if number or not parts else []) + parts)
