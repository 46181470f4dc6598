/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How handlers are written: LANES runs a statement for every lane of a set,
 * with a loop that compilers vectorise when the set is whole. An operand may
 * be its own destination, lane by lane, but columns never overlap otherwise.
 */
#ifndef PTX_LANE_H
#define PTX_LANE_H

#include <string.h>

#include "ptx_machine.h"

#ifdef __clang__
#define LANES_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define LANES_INDEPENDENT _Pragma("GCC ivdep")
#endif

#define LANES(lanes, l, ...)                                                                       \
	do {                                                                                       \
		if (likely((lanes) == ALL_LANES)) {                                                \
			LANES_INDEPENDENT                                                          \
			for (unsigned l = 0; l < WARP_LANES; l++) {                                \
				__VA_ARGS__;                                                       \
			}                                                                          \
		} else {                                                                           \
			for (uint32_t left = (lanes); left; left &= left - 1) {                    \
				unsigned l = (unsigned)__builtin_ctz(left);                        \
				__VA_ARGS__;                                                       \
			}                                                                          \
		}                                                                                  \
	} while (0)

#define HANDLER(name)                                                                              \
	static const struct insn *name(struct warp *w, const struct insn *i, uint32_t lanes)

/* d = expression of a, of a and b, and so on; D and so on are the columns' types. */
#define OP1(name, D, A, expression)                                                                \
	HANDLER(name)                                                                              \
	{                                                                                          \
		D *d = column(w, i->d);                                                            \
		const A *pa = column(w, i->a);                                                     \
		LANES(lanes, l, const A a = pa[l]; d[l] = (D)(expression));                        \
		return i + 1;                                                                      \
	}

#define OP2(name, D, A, B, expression)                                                             \
	HANDLER(name)                                                                              \
	{                                                                                          \
		D *d = column(w, i->d);                                                            \
		const A *pa = column(w, i->a);                                                     \
		const B *pb = column(w, i->b);                                                     \
		LANES(lanes, l, const A a = pa[l]; const B b = pb[l]; d[l] = (D)(expression));     \
		return i + 1;                                                                      \
	}

#define OP3(name, D, A, B, C, expression)                                                          \
	HANDLER(name)                                                                              \
	{                                                                                          \
		D *d = column(w, i->d);                                                            \
		const A *pa = column(w, i->a);                                                     \
		const B *pb = column(w, i->b);                                                     \
		const C *pc = column(w, i->c);                                                     \
		LANES(lanes, l, const A a = pa[l]; const B b = pb[l]; const C c = pc[l];           \
			d[l] = (D)(expression));                                                   \
		return i + 1;                                                                      \
	}

#endif
