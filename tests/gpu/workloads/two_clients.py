# SPDX-License-Identifier: Apache-2.0
"""Two processes train at once and one is killed in the middle of a step: the other must not notice.

Prints the survivor's losses, to compare with an undisturbed run, and whether, one second after the
kill, the host's own NVML shows the dead one's memory free (HOST_NVIDIA_SMI names a command that shows it;
processes are not listed by every virtual machine's driver, used memory is).
"""
import os
import shlex
import signal
import subprocess
import sys
import time

WORK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'torch_work.py')
STEPS = 300
CONTEXT_MIB = 500  # an H200's context alone; what the victim trained comes on top


def start(steps):
    return subprocess.Popen([sys.executable, WORK, 'train', str(steps)], stdout=subprocess.PIPE, text=True)


def wait_for_steps(process, count):
    """Lines up to and with the loss of step `count`."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(f'check loss_{count} '):
            return lines
    raise SystemExit(f'a training process ended before step {count}')


def memory_used():
    """MiB in use on the GPU as the host sees it, outside of any client library."""
    command = shlex.split(os.environ.get('HOST_NVIDIA_SMI', 'nvidia-smi'))
    command += ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '--id=0']
    environment = {k: v for k, v in os.environ.items() if k not in ('LD_LIBRARY_PATH', 'RGPU_SERVERS')}
    text = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60).stdout
    return int(text.split()[0])


def main():
    undisturbed = 'undisturbed' in sys.argv
    survivor = start(STEPS)
    if not undisturbed:
        victim = start(1000000)
        wait_for_steps(victim, 20)
    lines = wait_for_steps(survivor, 50)
    if not undisturbed:
        before = memory_used()
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        time.sleep(1)
        after = memory_used()
        print('memory used', before, '->', after, 'MiB')
        print('check one_gone', before - after >= CONTEXT_MIB, flush=True)
    lines += wait_for_steps(survivor, STEPS - 1)
    if survivor.wait(60):
        raise SystemExit('the survivor failed')
    sys.stdout.writelines(l for l in lines if l.startswith('check loss_') and l.split()[1].endswith('9'))


if __name__ == '__main__':
    main()
