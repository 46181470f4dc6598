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

			printf("check attribute_%d %d %d\n", a, e, e ? 0 : value);
			cudaGetLastError();
		}
	}
	return 0;
}
