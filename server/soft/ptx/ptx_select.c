/* SPDX-License-Identifier: Apache-2.0 */
/* Choices between two values: by a predicate or by a sign. */
#include "ptx_lane.h"
#include "ptx_parser.h"
#include "ptx_round.h"

#define SELECT(name, T)                                                                            \
	HANDLER(name)                                                                              \
	{                                                                                          \
		T *d = column(w, i->d);                                                            \
		const T *a = column(w, i->a), *b = column(w, i->b);                                \
		uint32_t yes = predicate(w, i->c);                                                 \
		LANES(lanes, l, d[l] = yes >> l & 1 ? a[l] : b[l]);                                \
		return i + 1;                                                                      \
	}

SELECT(select_32, uint32_t)
SELECT(select_64, uint64_t)

OP3(slct_32, uint32_t, uint32_t, uint32_t, int32_t, c >= 0 ? a : b)
OP3(slct_64, uint64_t, uint64_t, uint64_t, int32_t, c >= 0 ? a : b)
OP3(slct_16, uint32_t, uint32_t, uint32_t, int32_t, (uint16_t)(c >= 0 ? a : b))
OP3(slct_f32, uint32_t, uint32_t, uint32_t, float, taken(i, c) >= 0 ? a : b)
OP3(slct_f32_long, uint64_t, uint64_t, uint64_t, float, taken(i, c) >= 0 ? a : b)
OP3(slct_f32_16, uint32_t, uint32_t, uint32_t, float, (uint16_t)(taken(i, c) >= 0 ? a : b))

const struct rule rules_select[] = {
	{"selp.<b32|u32|s32>", "Wwwp", select_32},
	{"selp.f32", "Fffp", select_32},
	{"selp.<b64|u64|s64>", "Lllp", select_64},
	{"selp.f64", "Dddp", select_64},
	{"selp.<b16|u16|s16|f16>", "Hhhp", select_32},
	{"slct.<b32|u32|s32>.s32", "Wwww", slct_32},
	{"slct.f32.s32", "Fffw", slct_32},
	{"slct.<b64|u64|s64>.s32", "Lllw", slct_64},
	{"slct.f64.s32", "Dddw", slct_64},
	{"slct.<b16|u16|s16>.s32", "Hhhw", slct_16},
	{"slct.{ftz}.<b32|u32|s32>.f32", "Wwwf", slct_f32},
	{"slct.{ftz}.f32.f32", "Ffff", slct_f32},
	{"slct.{ftz}.<b64|u64|s64>.f32", "Lllf", slct_f32_long},
	{"slct.{ftz}.f64.f32", "Dddf", slct_f32_long},
	{"slct.{ftz}.<b16|u16|s16>.f32", "Hhhf", slct_f32_16},
	RULES_END
};
