/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#ifndef SIZES_H
#define SIZES_H

#include <stdint.h>

/* Bytes of the value that belongs to one. */
static inline uint64_t size_of_Attribute(uint64_t v)
{
	switch (v) {
	case 2:
	case 3:
		return 8;
	default:
		return 4;
	}
}

#endif
