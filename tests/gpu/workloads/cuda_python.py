# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's own Python packages as clients: cuda.bindings, cuda.core and nvidia-ml-py.

    cuda_python.py bindings | core | nvml

Device query, a kernel compiled by NVRTC, memory, streams, events, NVML's listing. Prints check lines.
"""
import ctypes
import sys

SAXPY = r'''
extern "C" __global__ void saxpy(float a, const float *x, float *y, unsigned long long n)
{
	unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		y[i] += a * x[i];
}
'''
COUNT = 100000


def show(name, value):
    print('check', name, value, flush=True)


def must(answer):
    """The results of a call of cuda.bindings, whose first element is its status."""
    status, *results = answer
    if int(status):
        raise RuntimeError(str(status))
    return results[0] if len(results) == 1 else tuple(results)


def query_bindings(driver, device):
    attribute = driver.CUdevice_attribute
    show('name', must(driver.cuDeviceGetName(100, device)).split(b'\0')[0].decode())
    show('memory', must(driver.cuDeviceTotalMem(device)))
    show('uuid', must(driver.cuDeviceGetUuid(device)).bytes.hex())
    for name in ('MULTIPROCESSOR_COUNT', 'COMPUTE_CAPABILITY_MAJOR', 'WARP_SIZE', 'UNIFIED_ADDRESSING'):
        value = getattr(attribute, 'CU_DEVICE_ATTRIBUTE_' + name)
        show(name.lower(), must(driver.cuDeviceGetAttribute(value, device)))


def compile_ptx(nvrtc):
    program = must(nvrtc.nvrtcCreateProgram(SAXPY.encode(), b'saxpy.cu', 0, [], []))
    must(nvrtc.nvrtcCompileProgram(program, 1, [b'--gpu-architecture=compute_75']))
    ptx = b' ' * must(nvrtc.nvrtcGetPTXSize(program))
    must(nvrtc.nvrtcGetPTX(program, ptx))
    return ptx


def bindings():
    import numpy as np
    from cuda.bindings import driver, nvrtc
    must(driver.cuInit(0))
    device = must(driver.cuDeviceGet(0))
    query_bindings(driver, device)
    context = must(driver.cuDevicePrimaryCtxRetain(device))
    must(driver.cuCtxSetCurrent(context))
    module = must(driver.cuModuleLoadData(compile_ptx(nvrtc)))
    kernel = must(driver.cuModuleGetFunction(module, b'saxpy'))
    x = np.arange(COUNT, dtype=np.float32)
    y = np.ones(COUNT, dtype=np.float32)
    stream = must(driver.cuStreamCreate(0))
    start, end = must(driver.cuEventCreate(0)), must(driver.cuEventCreate(0))
    dx, dy = must(driver.cuMemAlloc(x.nbytes)), must(driver.cuMemAlloc(y.nbytes))
    must(driver.cuMemcpyHtoDAsync(dx, x.ctypes.data, x.nbytes, stream))
    must(driver.cuMemcpyHtoDAsync(dy, y.ctypes.data, y.nbytes, stream))
    must(driver.cuEventRecord(start, stream))
    values = (2.0, dx, dy, COUNT)
    types = (ctypes.c_float, None, None, ctypes.c_uint64)
    must(driver.cuLaunchKernel(kernel, (COUNT + 255) // 256, 1, 1, 256, 1, 1, 0, stream, (values, types), 0))
    must(driver.cuEventRecord(end, stream))
    must(driver.cuMemcpyDtoHAsync(y.ctypes.data, dy, y.nbytes, stream))
    must(driver.cuStreamSynchronize(stream))
    show('event', must(driver.cuEventElapsedTime(start, end)) >= 0)
    show('saxpy', bool((y == 2 * x + 1).all()))
    for free in (dx, dy):
        must(driver.cuMemFree(free))
    must(driver.cuStreamDestroy(stream))
    must(driver.cuModuleUnload(module))
    must(driver.cuDevicePrimaryCtxRelease(device))


def core():
    import numpy as np
    from cuda.core import Device, LaunchConfig, Program, ProgramOptions, launch
    device = Device()
    device.set_current()
    show('name', device.name)
    show('uuid', device.uuid)
    show('capability', tuple(device.compute_capability))
    show('multiprocessors', device.properties.multiprocessor_count)
    stream = device.create_stream()
    program = Program(SAXPY, code_type='c++', options=ProgramOptions(arch='compute_75'))
    kernel = program.compile('ptx', name_expressions=()).get_kernel('saxpy')
    x = np.arange(COUNT, dtype=np.float32)
    y = np.ones(COUNT, dtype=np.float32)
    from cuda.bindings import driver
    buffers = []
    for array in (x, y):
        buffers.append(device.memory_resource.allocate(array.nbytes, stream=stream))
        must(driver.cuMemcpyHtoDAsync(int(buffers[-1].handle), array.ctypes.data, array.nbytes, stream.handle))
    config = LaunchConfig(grid=(COUNT + 255) // 256, block=256)
    launch(stream, config, kernel, ctypes.c_float(2), buffers[0], buffers[1], ctypes.c_uint64(COUNT))
    event = stream.record()
    event.sync()
    show('done', event.is_done)
    must(driver.cuMemcpyDtoHAsync(y.ctypes.data, int(buffers[1].handle), y.nbytes, stream.handle))
    stream.sync()
    show('saxpy', bool((y == 2 * x + 1).all()))
    for buffer in buffers:
        buffer.close(stream)
    stream.close()


def nvml():
    import pynvml
    pynvml.nvmlInit()
    show('driver', pynvml.nvmlSystemGetDriverVersion())
    count = pynvml.nvmlDeviceGetCount()
    show('count', count)
    for i in range(count):
        handle = pynvml.nvmlDeviceGetHandleByIndex(i)
        show(f'name_{i}', pynvml.nvmlDeviceGetName(handle))
        show(f'uuid_{i}', pynvml.nvmlDeviceGetUUID(handle))
        show(f'memory_{i}', pynvml.nvmlDeviceGetMemoryInfo(handle).total)
        show(f'pci_{i}', pynvml.nvmlDeviceGetPciInfo(handle).busId)
        show(f'capability_{i}', pynvml.nvmlDeviceGetCudaComputeCapability(handle))
        show(f'utilization_{i}', 0 <= pynvml.nvmlDeviceGetUtilizationRates(handle).gpu <= 100)
        show(f'temperature_{i}', pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU) > 0)
    pynvml.nvmlShutdown()


if __name__ == '__main__':
    {f.__name__: f for f in (bindings, core, nvml)}[sys.argv[1]]()
