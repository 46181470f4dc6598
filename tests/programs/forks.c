/* SPDX-License-Identifier: Apache-2.0 */
/* A child forked before cuInit has its own session; one forked after it has none, and harms nobody.
 */
#include <sys/wait.h>
#include <unistd.h>
#include "program.h"

static void join(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	if (WIFEXITED(status))
		printf("child ended with %d\n", WEXITSTATUS(status));
	else
		printf("CHILD KILLED by %d\n", WTERMSIG(status));
	fflush(stdout);
}

static void work(const char *who)
{
	unsigned n = 1000, value = 5;
	CUdeviceptr p;
	void *parameters[] = { &p, &n, &value };

	p = device_words(n);
	DO(launch_over(program_kernel(program_load(), "fill"), n, NULL, parameters));
	say_words(who, p, n);
	DO(cuMemFree_v2(p));
	fflush(stdout);
}

static void child_before(void)
{
	program_begin();
	work("child forked before init");
	exit(3);
}

static void child_after(CUdeviceptr p)
{
	CUcontext c = (CUcontext)8;
	int count = 99;
	char byte;

	SAY(cuInit(0));
	SAY(cuDeviceGetCount(&count));
	SAY(cuCtxGetCurrent(&c));
	SAY(cuMemAlloc_v2(&p, 16));
	SAY(cuMemcpyDtoH_v2(&byte, p, 1));
	SAY(cuCtxSynchronize());
	exit(4);
}

/* The leak checker wants to stop all threads at exit, and a forked child does not have its parent's. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

int main(void)
{
	unsigned value = 0;
	CUdeviceptr p;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	pid = fork();
	if (pid == 0)
		child_before();
	join(pid);
	program_begin();
	p = device_words(1);
	DO(cuMemsetD32_v2(p, 1234, 1));
	pid = fork();
	if (pid == 0)
		child_after(p);
	join(pid);
	DO(cuMemcpyDtoH_v2(&value, p, 4));
	printf("parent still has %u\n", value);
	work("parent");
	pid = fork();
	if (pid == 0)
		_exit(5);
	join(pid);
	work("parent again");
	return 0;
}
