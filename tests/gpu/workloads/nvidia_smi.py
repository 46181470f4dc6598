# SPDX-License-Identifier: Apache-2.0
"""nvidia-smi in one of its forms: nvidia_smi.py plain | list | full | query. Prints what must not differ."""
import re
import subprocess
import sys

FORMS = {
    'plain': [],
    'list': ['-L'],
    'full': ['-q'],
    'query': ['--query-gpu=name,uuid,pci.bus_id,memory.total,driver_version,compute_cap', '--format=csv'],
}
STABLE = ('Product Name', 'GPU UUID', 'Driver Version', 'CUDA Version', 'Attached GPUs', 'Bus Id', 'Minor Number')


def main():
    form = sys.argv[1]
    done = subprocess.run(['nvidia-smi'] + FORMS[form], capture_output=True, text=True, timeout=100)
    print('check exit', done.returncode)
    print(done.stdout, done.stderr, sep='\n', file=sys.stderr)
    if form in ('list', 'query'):
        for i, line in enumerate(done.stdout.splitlines()):
            print(f'check line_{i}', line)
    elif form == 'plain':
        print('check versions', ' '.join(re.findall(r'(?:Driver|CUDA) Version: \S+', done.stdout)))
        print('check table', len([l for l in done.stdout.splitlines() if 'MiB' in l and '%' in l]))
    else:
        pairs = [line.split(':', 1) for line in done.stdout.splitlines() if ':' in line]
        for name, value in pairs:
            if name.strip() in STABLE:
                print('check', name.strip().replace(' ', '_'), value.strip())


if __name__ == '__main__':
    main()
