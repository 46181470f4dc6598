# SPDX-License-Identifier: Apache-2.0
"""What emitters share: text of C."""
import re
import textwrap


def params(vars_, form=lambda v: v.decl):
    return ', '.join(map(form, vars_)) or 'void'


def wire_params(call, first=''):
    """Parameters of a half: a handle that the call creates is its number."""
    inner = [f'uint64_t {v.name}' if v.born else v.decl for v in call.params]
    return ', '.join(([first] if first else []) + inner) or 'void'


def around(calls, words, *given):
    """Prototypes of hand-written functions around calls."""
    ctypes = lambda call, args: [v.ctype if (v := call.param(a)) else 'size_t' for a in args]
    return ''.join(sorted({prototype(f'CUresult {name}', ', '.join([*given, *ctypes(call, args)]) or 'void', ';\n')
                           for call in calls for name, args in filter(None, (getattr(call, w) for w in words))}))


def prototype(name, inner, tail):
    """A prototype or the head of a definition."""
    return textwrap.fill(f'{name}({inner})', 98, subsequent_indent='\t\t', break_on_hyphens=False) + tail


def header(name, *includes, body):
    guard = re.sub(r'\W', '_', name).upper()
    lines = ''.join(f'#include {i if i[0] == "<" else chr(34) + i + chr(34)}\n' for i in includes)
    return f'#ifndef {guard}\n#define {guard}\n\n{lines}{chr(10) if lines else ""}{body}\n#endif\n'


def macro(name, rows):
    """A list for C, which gives each row to a macro of its own."""
    return f'#define {name}(X) \\\n' + ''.join(f'\tX({row}) \\\n' for row in rows) + '\n'


def indent(text):
    return re.sub(r'(?m)^(?=.)', '\t', text)


def slug(section):
    return re.sub(r'\W+', '_', section.lower())


def fixed_size(items):
    sizes = [i.size for i in items if i.kind != 'run']
    named = sorted({s for s in sizes if isinstance(s, str)})
    number = sum(s for s in sizes if isinstance(s, int))
    parts = [s if sizes.count(s) == 1 else f'{sizes.count(s)} * {s}' for s in named]
    return ' + '.join(([str(number)] if number or not parts else []) + parts)
