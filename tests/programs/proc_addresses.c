/* SPDX-License-Identifier: Apache-2.0 */
/* cuGetProcAddress as runtimes use it: that what is found works, levels, both default streams. */
#include <dlfcn.h>
#include "program.h"

static void ask(const char *name, int version, unsigned long long flags)
{
	CUdriverProcAddressQueryResult status = 99;
	void *f = &f;
	CUresult r = cuGetProcAddress_v2(name, &f, version, flags, &status);
	Dl_info info = { 0 };

	if (r == CUDA_SUCCESS && f)
		dladdr(f, &info);
	printf("%s %d %llu: %s, status %d, %s\n", name, version, flags, result_name(r), (int)status,
	       r ? "untouched" : f ? info.dli_sname ? info.dli_sname : "a function" : "none");
}

int main(void)
{
	static const char *const name[] = {"", "cuInit", "cuMemAlloc", "cuMemAlloc_v2",
		"cuStreamQuery", "cuMemcpyHtoD", "cuGetProcAddress", "cuLaunchKernel",
		"cuCtxSynchronize", "cuNonsense"};
	static const int version[] = { 0, 2000, 3020, 6999, 7000, 11030, 12000 };
	CUresult (*driver_version)(int *);
	void *f = &f;
	int v = 0;

	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++)
		for (size_t k = 0; k < sizeof(version) / sizeof(*version); k++)
			for (unsigned flags = 0; flags < 5; flags++)
				ask(name[i], version[k], flags);
	say("old form", cuGetProcAddress("cuNonsense", &f, 11030, 0));
	DO(cuGetProcAddress("cuDriverGetVersion", &f, 11030, 0));
	driver_version = (CUresult (*)(int *))f;
	DO(driver_version(&v));
	printf("version %s\n", v >= 11030 ? "good" : "TOO OLD");
	return 0;
}
