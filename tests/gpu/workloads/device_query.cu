/* SPDX-License-Identifier: Apache-2.0 */
/* Every property and attribute that the runtime tells about the devices, one line each to compare. */
#include <cstdio>
#include <cstdlib>
#include <cuda.h>

static void check(cudaError_t e, const char *what)
{
	if (e == cudaSuccess)
		return;
	fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(e));
	exit(1);
}

static void properties(int device)
{
	cudaDeviceProp p;

	check(cudaGetDeviceProperties(&p, device), "cudaGetDeviceProperties");
	printf("check name %s\n", p.name);
	printf("check uuid ");
	for (char c : p.uuid.bytes)
		printf("%02x", (unsigned char)c);
	printf("\ncheck capability %d.%d\n", p.major, p.minor);
	printf("check memory %zu\n", p.totalGlobalMem);
	printf("check multiprocessors %d\n", p.multiProcessorCount);
	printf("check shared %zu %zu %zu\n", p.sharedMemPerBlock, p.sharedMemPerBlockOptin,
	       p.sharedMemPerMultiprocessor);
	printf("check block %d: %d %d %d\n", p.maxThreadsPerBlock, p.maxThreadsDim[0],
	       p.maxThreadsDim[1], p.maxThreadsDim[2]);
	printf("check grid %d %d %d\n", p.maxGridSize[0], p.maxGridSize[1], p.maxGridSize[2]);
	printf("check pci %04x:%02x:%02x\n", p.pciDomainID, p.pciBusID, p.pciDeviceID);
}

/* What a GPU behind a network cannot promise, and so does not: managed memory and touching it at the
 * same time, memory handles and events of other processes, direct access by network cards. */
static bool differs(int attribute)
{
	static const int list[] = {
		CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY,
		CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS,
		CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_IPC_EVENT_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_FABRIC_SUPPORTED,
	};

	for (int a : list) {
		if (a == attribute)
			return true;
	}
	return false;
}

int main()
{
	int count, driver, runtime, value;

	check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
	check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
	check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
	printf("check versions %d %d\ncheck devices %d\n", driver, runtime, count);
	for (int device = 0; device < count; device++) {
		properties(device);
		for (int a = 1; a < CU_DEVICE_ATTRIBUTE_MAX; a++) {
			cudaError_t e = cudaDeviceGetAttribute(&value, (cudaDeviceAttr)a, device);

			printf("%s attribute_%d %d %d\n", differs(a) ? "note" : "check", a, e, e ? 0 : value);
			cudaGetLastError();
		}
	}
	return 0;
}
