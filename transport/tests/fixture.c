/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helpers of fixture.h.
 */
#include "fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

const char *test_address(void)
{
	return "127.0.0.1:0";
}

void check_at(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

int listen_any(char *bound, size_t size)
{
	int fd = transport->listen(test_address(), bound, size);

	check(fd >= 0);
	return fd;
}

struct connection *accept_one(int listening_fd)
{
	struct pollfd p = {.fd = listening_fd, .events = POLLIN};
	struct connection *c;

	check(poll(&p, 1, 10000) == 1);
	check(transport->accept(listening_fd, &c) == 0);
	return c;
}

struct pair pair_create(void)
{
	char bound[128];
	struct pair p;
	int fd;

	fd = listen_any(bound, sizeof(bound));
	check(transport->connect(bound, 10000, &p.a) == 0);
	p.b = accept_one(fd);
	close(fd);
	return p;
}

void pair_destroy(struct pair *p)
{
	if (p->a)
		transport->close(p->a);
	if (p->b)
		transport->close(p->b);
	*p = (struct pair){0};
}

static uint8_t pattern(uint64_t position, unsigned seed)
{
	uint64_t x = (position >> 3) * UINT64_C(0x9e3779b97f4a7c15) + seed;

	x ^= x >> 29;
	return x >> (8 * (position & 7));
}

void pattern_fill(uint8_t *p, size_t size, uint64_t position, unsigned seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		p[i] = pattern(position + i, seed);
}

bool pattern_matches(const uint8_t *p, size_t size, uint64_t position, unsigned seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (p[i] != pattern(position + i, seed))
			return false;
	return true;
}

uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

void sleep_ms(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}
