/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the conformance suite's parts share: the transport under test, a pair
 * of connected connections, a reproducible pattern of bytes, and threads whose
 * assertions end the whole program.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "transport.h"

extern const struct transport *transport;

/* Where to listen for tests: any free address of the scheme. */
const char *test_address(void);

struct pair {
	struct connection *a; /* connected */
	struct connection *b; /* accepted */
};

struct pair pair_create(void);
void pair_destroy(struct pair *p);

int listen_any(char *bound, size_t size);
struct connection *accept_one(int listening_fd);

/* cmocka cannot fail a test from another thread. */
void check_at(bool ok, const char *what, const char *file, int line);
#define check(x) check_at((x), #x, __FILE__, __LINE__)

/* Byte @position of stream number @seed. */
void pattern_fill(uint8_t *p, size_t size, uint64_t position, unsigned seed);
bool pattern_matches(const uint8_t *p, size_t size, uint64_t position, unsigned seed);

/* A small generator of its own for each thread. */
uint32_t next_random(uint64_t *state);

void sleep_ms(int ms);

extern const struct CMUnitTest stream_tests[], ending_tests[], address_tests[];
extern const size_t stream_test_count, ending_test_count, address_test_count;

#endif
