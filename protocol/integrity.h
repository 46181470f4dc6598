/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to the integrity check that every CUDA runtime makes of its driver.
 *
 * The check asks for a keyed hash over facts that the driver itself told the
 * program: its version, addresses of two of its tables, the UUID and PCI numbers
 * of each device. A wrong answer makes every later runtime call fail with
 * "integrity checks failed" (103). The layouts are those of the hashed message.
 */
#ifndef INTEGRITY_H
#define INTEGRITY_H

#include <stddef.h>
#include <stdint.h>

enum { INTEGRITY_ANSWER = 16 };

struct integrity_device {
	uint8_t uuid[16];
	int32_t pci_domain;
	int32_t pci_bus;
	int32_t pci_device;
};

struct integrity_question {
	uint32_t driver_version;
	uint32_t version; /* which check: the runtime's argument */
	uint32_t pid;
	uint32_t thread; /* low half of pthread_self() */
	uint64_t runtime_table;
	uint64_t integrity_table;
	uint64_t integrity_function;
	uint64_t seconds; /* the runtime's argument */
};

void integrity_answer(const struct integrity_question *question,
		      const struct integrity_device *device, unsigned devices,
		      uint8_t out[INTEGRITY_ANSWER]);

/* MD2 (RFC 1319) of @a followed by @b; either may be empty. For integrity_answer and its test. */
void md2(const void *a, size_t a_size, const void *b, size_t b_size, uint8_t out[16]);

#endif
