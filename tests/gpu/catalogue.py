# SPDX-License-Identifier: Apache-2.0
"""The programs on which native and remote are compared, and how they are built."""
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'workloads')
GENCODE = ['-gencode', 'arch=compute_75,code=compute_75', '-gencode', 'arch=compute_90,code=sm_90']


@dataclass
class Workload:
    name: str
    command: list            # {build} and {sources} are replaced
    timeout: int = 120       # seconds for one run
    builds: list = field(default_factory=list)
    server: list = field(default_factory=list)  # options of a server of its own
    native: list = None      # what runs natively, where it differs; [] for nothing
    alone: bool = False      # is timed, or counts processes: nothing may run beside it
    expected: dict = field(default_factory=dict)  # checks where there is no native run
    spread: dict = field(default_factory=dict)    # checks: how far native runs were seen apart
    differs: dict = field(default_factory=dict)   # checks: why they are not what they are natively


def python(script, *args, **more):
    return Workload(command=[sys.executable, '{sources}/' + script, *args], **more)


WORKLOADS = [
    Workload('device_query', ['{build}/device_query'], builds=['device_query'],
             differs={'attribute_132': 'multicast objects are not supported'}),
    Workload('vector_add_drv', ['{build}/vector_add_drv', '{build}/vector_add.fatbin'],
             builds=['vector_add_drv', 'vector_add.fatbin']),
    Workload('lat_static', ['{build}/lat_static'], builds=['lat_static'], alone=True),
    Workload('lat_shared', ['{build}/lat_shared'], builds=['lat_shared'], alone=True),
    Workload('libraries', ['{build}/libraries'], builds=['libraries'], alone=True),
    python('nvidia_smi.py', 'plain', name='nvidia_smi_plain'),
    python('nvidia_smi.py', 'list', name='nvidia_smi_list'),
    python('nvidia_smi.py', 'full', name='nvidia_smi_full'),
    python('nvidia_smi.py', 'query', name='nvidia_smi_query'),
    python('cuda_python.py', 'bindings', name='cuda_bindings'),
    python('cuda_python.py', 'core', name='cuda_core'),
    python('cuda_python.py', 'nvml', name='nvml'),
    python('frameworks.py', 'cupy', name='cupy', timeout=180),
    # A sum in the order that XLA's tuning found the fastest: of six choices each gave one sum, natively and
    # remotely, between 157.4432 and 157.4433.
    python('frameworks.py', 'jax', name='jax', timeout=180, spread={'random': .0002}),
    python('frameworks.py', 'triton', name='triton', timeout=180),
    python('frameworks.py', 'numba', name='numba', timeout=180),
    python('torch_work.py', 'basic', name='basic', timeout=240),
    python('torch_work.py', 'resnet', name='resnet', timeout=180, alone=True),
    # Sums by atomic additions: the loss depends on when kernels start. 30 native runs, by `gpt_paced` and with
    # CUDA_LAUNCH_BLOCKING=1: 7.21235 to 7.21430.
    python('torch_work.py', 'gpt', name='gpt', timeout=180, alone=True, spread={'gpt2_train_bf16': .002}),
    python('torch_work.py', 'gpt_exact', name='gpt_exact', timeout=180),
    python('torch_work.py', 'infer', '20', name='infer_20', native=[]),
    python('torch_work.py', 'infer', '120', name='infer_120', native=[]),
    python('torch_features.py', name='torch_features', timeout=240),
    python('torch_features.py', 'backend:cudaMallocAsync', name='torch_async', timeout=240),
    python('torch_features.py', 'expandable_segments:True', name='torch_expandable', timeout=240),
    python('array_features.py', 'cupy', name='cupy_features', timeout=240),
    python('array_features.py', 'jax', name='jax_features', timeout=240),
    python('torch_work.py', 'gpus', name='gpus'),
    python('torch_work.py', 'replicas', name='replicas'),
    python('two_clients.py', name='two_clients', timeout=180, alone=True, expected={'one_gone': 'True'},
           native=[sys.executable, '{sources}/two_clients.py', 'undisturbed']),
    python('memory_limit.py', name='memory_limit', native=[], server=['--memory-limit', '20G'],
           expected={'total_is_limit': 'True', 'free_within_limit': 'True', 'properties': 'True',
                     'nvidia_smi': '20480', 'trains': 'True', 'out_of_memory': 'yes',
                     'trains_after': 'True', '19_GiB': 'True', 'trains_at_the_end': 'True'}),
]


def build_command(target, build, nvcc):
    out = ['-o', os.path.join(build, target)]

    def source(name):
        return os.path.join(SOURCES, name)
    if target.startswith('lat_'):
        return [nvcc, '-O2', '-cudart', target[4:], *GENCODE, *out, source('lat.cu')]
    if target == 'device_query':
        return [nvcc, '-O2', *out, source('device_query.cu')]
    if target == 'libraries':
        return [nvcc, '-O2', *out, source('libraries.cu'), '-lcublas', '-lcufft', '-lcurand', '-lcusolver']
    if target == 'vector_add.fatbin':
        return [nvcc, '-fatbin', *GENCODE, *out, source('vector_add_kernel.cu')]
    home = os.path.dirname(os.path.dirname(os.path.realpath(nvcc)))
    return ['gcc', '-O2', f'-I{home}/include', *out, source('vector_add_drv.c'),
            f'-L{home}/lib64/stubs', f'-L{home}/targets/x86_64-linux/lib/stubs', '-lcuda']


def find_nvcc():
    return shutil.which('nvcc') or shutil.which('nvcc', path='/usr/local/cuda/bin')


def build(workload, folder):
    """Build what is not there yet. What went wrong, or None."""
    missing = [t for t in workload.builds if not os.path.exists(os.path.join(folder, t))]
    if not missing:
        return None
    nvcc = find_nvcc()
    if not nvcc:
        return 'no nvcc'
    os.makedirs(folder, exist_ok=True)
    for target in missing:
        done = subprocess.run(build_command(target, folder, nvcc), capture_output=True, text=True, timeout=300)
        if done.returncode:
            return f'{target} does not build: {done.stderr.strip()[-500:]}'
    return None
