/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See spawn.h. Between fork and exec only async-signal-safe calls are made,
 * and all signals are blocked until the supervisor's handlers are gone.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker_link.h"

/* The driver's mappings away from where a client's lie. The thread sanitizer has a layout of its
 * own, which randomisation can break. */
#ifdef __SANITIZE_THREAD__
#define LAYOUT ADDR_NO_RANDOMIZE
#else
#define LAYOUT ADDR_COMPAT_LAYOUT
#endif

static struct rlimit descriptors;
static bool raised;

void spawn_raise_limits(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &descriptors) < 0)
		return;
	most = descriptors;
	most.rlim_cur = most.rlim_max;
	raised = !setrlimit(RLIMIT_NOFILE, &most);
}

static void reset_handlers(void)
{
	struct sigaction act;
	int i;

	for (i = 1; i < NSIG; i++) {
		if (sigaction(i, NULL, &act) < 0 || act.sa_handler == SIG_IGN)
			continue;
		act = (struct sigaction){.sa_handler = SIG_DFL};
		sigaction(i, &act, NULL);
	}
}

/* dup2 does nothing, not even clear close-on-exec, when both are the same. */
static void move_fd(int from, int to)
{
	if (from == to)
		fcntl(to, F_SETFD, 0);
	else
		dup2(from, to);
}

static void run_child(char *const argv[], char *const environment[], int link)
{
	sigset_t none;
	int zero;

	reset_handlers();
	setsid();
	personality(LAYOUT);
	if (raised)
		setrlimit(RLIMIT_NOFILE, &descriptors);

	/* Descriptors 0 to 2 are open, so @link is none of them; @zero may have got number 3. */
	zero = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (zero >= 0)
		dup2(zero, STDIN_FILENO);
	move_fd(link, WORKER_LINK_FD);
	dup2(STDERR_FILENO, STDOUT_FILENO);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve("/proc/self/exe", argv, environment);
	_exit(127);
}

int spawn_worker(char *const argv[], char *const environment[], pid_t *pid, int *link)
{
	sigset_t all, before;
	int pair[2], err;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
		goto close_pair;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (!child)
		run_child(argv, environment, pair[1]);
	err = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = err;
	if (child < 0)
		goto close_pair;

	close(pair[1]);
	*pid = child;
	*link = pair[0];
	return 0;

close_pair:
	err = -errno;
	close(pair[0]);
	close(pair[1]);
	return err;
}
