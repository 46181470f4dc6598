/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker without a driver, to test the supervisor with. --driver says how it
 * starts: "ok", "fail", "full" (fails with the driver loaded), "crash",
 * "hang", or "file:PATH" to do what the word in that file says, which may change
 * while it hangs. Serving, it sends each further connection its role and lane,
 * and does what the bytes on the command connection say.
 */
#include "worker.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call_names.h"
#include "nvml/nvml.h"
#include "worker_link.h"

const uint64_t spec_hash = 0x1122334455667788;
const uint64_t nvml_spec_hash = 0x99;

static bool is_nvml;

static void report(const char *driver, bool ready, const char *failure)
{
	Control__Report r = CONTROL__REPORT__INIT;

	r.driver = (char *)driver;
	r.ready = ready;
	r.failure = (char *)failure;
	worker_link_send(WORKER_LINK_FD, &r.base, -1);
}

static const char *word_in(const char *path)
{
	static char word[32];
	FILE *f = fopen(path, "r");
	const char *read = f ? fgets(word, sizeof(word), f) : NULL;

	if (f)
		fclose(f);
	return read ? word : "hang"; /* it is being changed */
}

static void start(const char *how)
{
	if (!strncmp(how, "file:", 5)) {
		const char *path = how + 5;

		while (!strcmp(how = word_in(path), "hang"))
			usleep(1000);
	}
	if (!strcmp(how, "fail")) {
		report("", false, "no driver library was found: install one");
		_exit(1);
	}
	if (!strcmp(how, "crash"))
		abort();
	while (!strcmp(how, "hang"))
		pause();
	report("the test's", false, "");
	if (!strcmp(how, "full")) {
		report("", false, "no context could be made");
		_exit(1);
	}
	report("", true, "");
}

static void welcome(int fd, const Control__Assign *a)
{
	Control__Welcome w = CONTROL__WELCOME__INIT;
	Control__Answer answer = CONTROL__ANSWER__INIT;
	uint8_t *bytes;
	size_t size;

	w.session = a->session;
	w.ticket = a->ticket;
	w.memory_limit = a->memory_limit;
	answer.welcome = &w;
	if (control_pack(&answer.base, &bytes, &size))
		_exit(2);
	if (send(fd, bytes, size, MSG_NOSIGNAL) < 0)
		_exit(2);
	free(bytes);
}

/* Takes over what was passed; the command connection's descriptor, or -1. */
static int take_assigned(void)
{
	uint8_t bytes[WORKER_LINK_MAX];
	Control__Assign *a;
	char text[32];
	ssize_t n;
	int fd, command = -1;

	n = worker_link_recv(WORKER_LINK_FD, bytes, &fd);
	if (n <= 0)
		return -2;
	a = control__assign__unpack(NULL, n, bytes);
	if (!a || fd < 0)
		_exit(2);
	if (a->role == CONTROL__ROLE__COMMAND) {
		welcome(fd, a);
		command = fd;
	} else {
		n = snprintf(text, sizeof(text), "%d %u\n", (int)a->role, a->lane);
		if (send(fd, text, n, MSG_NOSIGNAL) < 0)
			_exit(2);
		close(fd);
	}
	control__assign__free_unpacked(a, NULL);
	return command;
}

static void say(int fd, const char *text)
{
	char line[300];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	if (send(fd, line, n, MSG_NOSIGNAL) < 0)
		_exit(2);
}

static void obey(int fd)
{
	char byte, number[16];
	const char *value;

	if (recv(fd, &byte, 1, 0) <= 0)
		_exit(0);
	switch (byte) {
	case 'x':
		abort();
	case 'e':
		_exit(3);
	case 'p':
		snprintf(number, sizeof(number), "%d", (int)getpid());
		say(fd, number);
		break;
	case 'c':
		value = getenv("CUDA_DEVICE_MAX_CONNECTIONS");
		say(fd, value ? value : "unset");
		break;
	case 's':
		value = getenv("CUDA_CACHE_MAXSIZE");
		say(fd, value ? value : "unset");
		break;
	case 'l':
		say(fd, personality(0xffffffff) & ADDR_COMPAT_LAYOUT ? "compat" : "usual");
		break;
	case 'n':
		say(fd, is_nvml ? "nvml" : "cuda");
		break;
	default:
		say(fd, "?");
	}
}

int worker_main(int argc, char **argv)
{
	struct pollfd fds[2] = {{WORKER_LINK_FD, POLLIN}, {-1, POLLIN}};

	if (argc < 6 || strcmp(argv[2], "--driver"))
		return 2;
	is_nvml = !strcmp(argv[argc - 1], "--nvml");
	start(argv[3]);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			obey(fds[1].fd);
		if (fds[0].revents) {
			int command = take_assigned();

			if (command == -2 && fds[1].fd < 0)
				return 0;
			if (command == -2)
				fds[0].fd = -1;
			if (command >= 0)
				fds[1].fd = command;
		}
	}
}
