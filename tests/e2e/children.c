/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client whose child outlives it or ends before it: children stay|exit.
 *
 *     stay   prints the child's number and waits to be killed; the child stays until it is, too
 *     exit   the child comes of no fork() that the library would see, ends by exit(), and harms
 * nobody
 */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../programs/program.h"

enum { N = 1000 };

static void stay(void)
{
	pid_t child = fork();

	if (child > 0)
		printf("%d\n", (int)child);
	fflush(stdout);
	for (;;)
		pause();
}

static void child_exits(void)
{
	pid_t child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	int status = -1;

	if (child == 0)
		exit(7);
	waitpid(child, &status, 0);
	printf("%s %d\n", WIFEXITED(status) ? "ended with" : "KILLED by",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

int main(int argc, char **argv)
{
	CUdeviceptr p;

	program_begin();
	p = device_words(N);
	DO(cuMemsetD32_v2(p, 5, N));
	DO(cuCtxSynchronize());
	if (argc > 1 && !strcmp(argv[1], "stay"))
		stay();
	child_exits();
	say_words("parent", p, N);
	return 0;
}
