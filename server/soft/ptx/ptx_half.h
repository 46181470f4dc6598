/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of 16 bits as wider ones and back, rounded once and correctly. */
#ifndef PTX_HALF_H
#define PTX_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "ptx_code.h"

#define HALF_NAN 0x7fffu
#define FLOAT_NAN 0x7fffffffu

static inline float float_of(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

static inline uint32_t bits_of(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

static inline double double_of(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

static inline uint64_t bits_of_double(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	return bits;
}

static inline float half_to_float(uint32_t h)
{
	uint32_t sign = (h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;

	if (exponent == 31)
		return float_of(sign | 0x7f800000 | fraction << 13);
	if (!exponent)
		return float_of(sign | bits_of((float)fraction * 0x1p-24f));
	return float_of(sign | (exponent + 112) << 23 | fraction << 13);
}

static inline float brain_to_float(uint32_t b)
{
	return float_of(b << 16);
}

/*
 * A double to a format with @fraction bits and smallest normal exponent
 * @lowest, whose largest finite number is @largest.
 */
uint32_t narrow(double v, unsigned fraction, int lowest, uint32_t largest, enum rounding round);

static inline uint32_t half_of(double v, enum rounding round)
{
	return narrow(v, 10, -14, 0x7bff, round);
}

static inline uint32_t brain_of(double v, enum rounding round)
{
	return narrow(v, 7, -126, 0x7f7f, round);
}

#endif
