# SPDX-License-Identifier: Apache-2.0
"""NVML through a server: the software GPU's answers, a host library's, limits, loss and fork."""
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
from harness import CLIENT, SANITIZED, SOFT, Server, built, nobody, wait_until

NVML = built('client/nvml')
FAKE = built('tests/nvml')
PLAIN = 'Python cannot load an instrumented library'
SUCCESS, UNINITIALIZED, NO_PERMISSION, INSUFFICIENT_SIZE, NOT_LOADED, NO_LIBRARY, LOST = 0, 1, 4, 7, 9, 12, 15


class Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in ('total', 'free', 'used')]


class Library:
    """libnvidia-ml.so.1 in this process; it reads RGPU_SERVERS when it is initialised."""

    def __init__(self, server):
        os.environ['RGPU_SERVERS'] = server.address
        self.calls = ctypes.CDLL(os.path.join(NVML, 'libnvidia-ml.so.1'))

    def __getattr__(self, name):
        return getattr(self.calls, 'nvml' + name)

    def device(self, index):
        out = ctypes.c_void_p()
        assert self.DeviceGetHandleByIndex_v2(index, ctypes.byref(out)) == SUCCESS
        return out

    def count(self):
        out = ctypes.c_uint()
        assert self.DeviceGetCount_v2(ctypes.byref(out)) == SUCCESS
        return out.value

    def name(self, index):
        text = ctypes.create_string_buffer(96)
        assert self.DeviceGetName(self.device(index), text, 96) == SUCCESS
        return text.value.decode()

    def memory(self, index):
        out = Memory()
        assert self.DeviceGetMemoryInfo(self.device(index), ctypes.byref(out)) == SUCCESS
        return out

    def utilization(self, index):
        return self.DeviceGetUtilizationRates(self.device(index), (ctypes.c_uint * 2)())


class Soft(unittest.TestCase):
    def test_calls_of_nvidia_smi(self):
        with Server(warm=0) as server:
            done = server.run(built('tests/nvml/smi_calls'), LD_LIBRARY_PATH=f'{NVML}:{CLIENT}')
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn('failed 0', done.stdout)

    def test_no_server(self):
        """NVML does not read the selection of devices, which is not to blame therefore."""
        with nobody() as address:
            done = subprocess.run([built('tests/nvml/smi_calls')], capture_output=True, text=True, check=False,
                                  env={**os.environ, 'LD_LIBRARY_PATH': f'{NVML}:{CLIENT}', 'RGPU_SERVERS': address,
                                       'CUDA_VISIBLE_DEVICES': '1'})
        self.assertIn('no GPU server can be used; ' + address, done.stderr)
        self.assertNotIn('CUDA_VISIBLE_DEVICES', done.stderr)

    @unittest.skipIf(SANITIZED, PLAIN)
    def test_life(self):
        with Server('--memory-limit', '100M', warm=0) as server:
            library = Library(server)
            self.assertEqual(library.DeviceGetCount_v2(ctypes.byref(ctypes.c_uint())), UNINITIALIZED)
            self.assertEqual(library.Init_v2(), SUCCESS)
            self.assertEqual(library.Init_v2(), SUCCESS)
            self.assertGreaterEqual(library.count(), 1)
            self.assertEqual(library.DeviceSetPersistenceMode(library.device(0), 1), NO_PERMISSION)
            memory = library.memory(0)
            self.assertEqual(memory.total, 100 << 20)
            self.assertEqual(memory.used + memory.free, memory.total)
            self.child_asks(library)
            self.assertEqual(library.Shutdown(), SUCCESS)
            self.assertGreaterEqual(library.count(), 1)
            self.assertEqual(library.Shutdown(), SUCCESS)
            self.assertEqual(library.Shutdown(), UNINITIALIZED)

    def child_asks(self, library):
        """A forked child has a session of its own, and the parent keeps its one."""
        pid = os.fork()
        if not pid:
            os._exit(library.utilization(0))
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(library.utilization(0), SUCCESS)

    @unittest.skipIf(SANITIZED, PLAIN)
    def test_loss(self):
        with Server(warm=0) as server:
            library = Library(server)
            self.assertEqual(library.Init_v2(), SUCCESS)
            for pid in server.workers():
                os.kill(pid, signal.SIGKILL)
            wait_until('the worker is gone', lambda: not server.workers(), 20)
            self.assertEqual(library.utilization(0), SUCCESS)
            device = library.device(0)
        self.assertEqual(library.DeviceGetUtilizationRates(device, (ctypes.c_uint * 2)()), LOST)
        self.assertEqual(library.Shutdown(), SUCCESS)
        self.assertEqual(library.Init_v2(), NOT_LOADED)


@unittest.skipIf(SANITIZED, PLAIN)
class Host(unittest.TestCase):
    """The server's own NVML, here one that is made up; found where a server finds libraries."""

    def setUp(self):
        self.before = os.environ.get('LD_LIBRARY_PATH')
        self.folder = tempfile.TemporaryDirectory()
        # By its name a driver of NVIDIA's, whose devices NVML tells.
        self.driver = os.path.join(self.folder.name, 'libcuda.so.1')
        os.symlink(SOFT, self.driver)

    def tearDown(self):
        self.folder.cleanup()
        if self.before is None:
            os.environ.pop('LD_LIBRARY_PATH', None)
        else:
            os.environ['LD_LIBRARY_PATH'] = self.before

    def test_answers(self):
        os.environ['LD_LIBRARY_PATH'] = FAKE
        with Server('--memory-limit', '4G', driver=self.driver, warm=0) as server:
            library = Library(server)
            self.assertEqual(library.Init_v2(), SUCCESS)
            self.assertEqual([library.name(i) for i in range(library.count())], ['Host GPU 0', 'Host GPU 1'])
            memory = library.memory(1)
            self.assertEqual((memory.total, memory.used, memory.free), (4 << 30, 3 << 30, 1 << 30))
            count, clocks = ctypes.c_uint(1), (ctypes.c_uint * 8)()
            ask = library.DeviceGetSupportedMemoryClocks
            self.assertEqual(ask(library.device(0), ctypes.byref(count), clocks), INSUFFICIENT_SIZE)
            self.assertEqual(count.value, 3)
            self.assertEqual(ask(library.device(0), ctypes.byref(count), clocks), SUCCESS)
            self.assertEqual(list(clocks[:3]), [3201, 2619, 1593])
            count = ctypes.c_uint(8)
            self.assertEqual(library.DeviceGetComputeRunningProcesses_v3(
                library.device(0), ctypes.byref(count), (ctypes.c_ulonglong * 64)()), SUCCESS)
            self.assertEqual(count.value, 0)
            library.Shutdown()

    def test_without_library(self):
        os.environ.pop('LD_LIBRARY_PATH', None)
        with Server(driver=self.driver, warm=0) as server:
            self.assertEqual(Library(server).Init_v2(), NO_LIBRARY)

    def test_own_client_as_library(self):
        """A server that finds our client library as the host's must not become its own client."""
        os.environ['LD_LIBRARY_PATH'] = NVML
        with Server(driver=self.driver, warm=0) as server:
            self.assertEqual(Library(server).Init_v2(), NO_LIBRARY)
            self.assertLessEqual(len(server.workers()), 1)


@unittest.skipIf(SANITIZED, PLAIN)
class Bindings(unittest.TestCase):
    @unittest.skipUnless(subprocess.run([sys.executable, '-c', 'import pynvml'], check=False,
                                        capture_output=True).returncode == 0, 'nvidia-ml-py is not installed')
    def test_pynvml(self):
        program = '''
import pynvml as n
n.nvmlInit()
for i in range(n.nvmlDeviceGetCount()):
    h = n.nvmlDeviceGetHandleByIndex(i)
    pci = n.nvmlDeviceGetPciInfo(h)
    same = n.nvmlDeviceGetHandleByPciBusId(pci.busId)
    assert n.nvmlDeviceGetUUID(h) == n.nvmlDeviceGetUUID(same)
    assert n.nvmlDeviceGetMemoryInfo(h).total == n.nvmlDeviceGetMemoryInfo(h, version=n.nvmlMemory_v2).total
    assert n.nvmlDeviceGetComputeRunningProcesses(h) == []
print(n.nvmlSystemGetDriverVersion(), n.nvmlSystemGetNVMLVersion(), n.nvmlSystemGetCudaDriverVersion())
n.nvmlShutdown()
'''
        with Server(warm=0) as server:
            done = server.run(sys.executable, '-c', program, LD_LIBRARY_PATH=f'{NVML}:{CLIENT}')
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == '__main__':
    unittest.main()
