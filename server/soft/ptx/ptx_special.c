/* SPDX-License-Identifier: Apache-2.0 */
/* The names of special registers. A block that is no cluster is one of its own. */

#include "ptx_parser.h"
#include "ptx_special.h"

#define ENVREGS 32

static const struct {
	const char *name;
	enum thread_special special;
} thread_specials[] = {
	{"%tid.x", SPECIAL_TID_X}, {"%tid.y", SPECIAL_TID_Y}, {"%tid.z", SPECIAL_TID_Z},
	{"%tid", SPECIAL_TID_X}, {"%warpid", SPECIAL_WARPID},
};

static const struct {
	const char *name;
	enum special special;
	unsigned bits;
} specials[] = {
	{"%tid.w", SPECIAL_ZERO, 32},
	{"%ntid.x", SPECIAL_NTID_X, 32}, {"%ntid.y", SPECIAL_NTID_Y, 32},
	{"%ntid.z", SPECIAL_NTID_Z, 32}, {"%ntid.w", SPECIAL_ZERO, 32},
	{"%ntid", SPECIAL_NTID_X, 32},
	{"%ctaid.x", SPECIAL_CTAID_X, 32}, {"%ctaid.y", SPECIAL_CTAID_Y, 32},
	{"%ctaid.z", SPECIAL_CTAID_Z, 32}, {"%ctaid.w", SPECIAL_ZERO, 32},
	{"%ctaid", SPECIAL_CTAID_X, 32},
	{"%nctaid.x", SPECIAL_NCTAID_X, 32}, {"%nctaid.y", SPECIAL_NCTAID_Y, 32},
	{"%nctaid.z", SPECIAL_NCTAID_Z, 32}, {"%nctaid.w", SPECIAL_ZERO, 32},
	{"%nctaid", SPECIAL_NCTAID_X, 32},
	{"%laneid", SPECIAL_LANEID, 32}, {"%nwarpid", SPECIAL_NWARPID, 32},
	{"%smid", SPECIAL_SMID, 32},
	{"%nsmid", SPECIAL_NSMID, 32},
	{"%lanemask_eq", SPECIAL_MASK_EQ, 32}, {"%lanemask_le", SPECIAL_MASK_LE, 32},
	{"%lanemask_lt", SPECIAL_MASK_LT, 32}, {"%lanemask_ge", SPECIAL_MASK_GE, 32},
	{"%lanemask_gt", SPECIAL_MASK_GT, 32},
	{"%dynamic_smem_size", SPECIAL_DYNAMIC_SHARED, 32},
	{"%total_smem_size", SPECIAL_TOTAL_SHARED, 32},
	{"%aggr_smem_size", SPECIAL_TOTAL_SHARED, 32},
	{"%reserved_smem_offset_begin", SPECIAL_ZERO, 32},
	{"%reserved_smem_offset_end", SPECIAL_ZERO, 32},
	{"%reserved_smem_offset_0", SPECIAL_ZERO, 32},
	{"%reserved_smem_offset_1", SPECIAL_ZERO, 32},
	{"%reserved_smem_offset_cap", SPECIAL_ZERO, 32},
	{"%gridid", SPECIAL_GRIDID, 64},
	{"%clusterid.x", SPECIAL_CTAID_X, 32}, {"%clusterid.y", SPECIAL_CTAID_Y, 32},
	{"%clusterid.z", SPECIAL_CTAID_Z, 32},
	{"%nclusterid.x", SPECIAL_NCTAID_X, 32}, {"%nclusterid.y", SPECIAL_NCTAID_Y, 32},
	{"%nclusterid.z", SPECIAL_NCTAID_Z, 32},
	{"%cluster_ctaid.x", SPECIAL_ZERO, 32}, {"%cluster_ctaid.y", SPECIAL_ZERO, 32},
	{"%cluster_ctaid.z", SPECIAL_ZERO, 32},
	{"%cluster_nctaid.x", SPECIAL_ONE, 32}, {"%cluster_nctaid.y", SPECIAL_ONE, 32},
	{"%cluster_nctaid.z", SPECIAL_ONE, 32},
	{"%cluster_ctarank", SPECIAL_ZERO, 32}, {"%cluster_nctarank", SPECIAL_ONE, 32},
};

static uint32_t envreg(struct text name, unsigned *bits)
{
	unsigned n = 0;

	for (size_t i = 7; i < name.size && n < ENVREGS; i++) {
		if (name.at[i] < '0' || name.at[i] > '9')
			return 0;
		n = n * 10 + (unsigned)(name.at[i] - '0');
	}
	if (n >= ENVREGS)
		return 0;
	*bits = 32;
	return OPERAND(FILE_SPECIALS, n == 1 ? SPECIAL_ENVREG1
				      : n == 2 ? SPECIAL_ENVREG2
					       : SPECIAL_ZERO);
}

/* *bits is 0 if there is none. */
uint32_t special_find(struct text name, unsigned *bits)
{
	static const struct text prefix = {"%envreg", 7};

	*bits = 0;
	if (!name.size || *name.at != '%')
		return 0;
	for (size_t i = 0; i < sizeof(thread_specials) / sizeof(*thread_specials); i++) {
		if (text_is(name, thread_specials[i].name)) {
			*bits = 32;
			return OPERAND(FILE_THREADS, thread_specials[i].special);
		}
	}
	for (size_t i = 0; i < sizeof(specials) / sizeof(*specials); i++) {
		if (text_is(name, specials[i].name)) {
			*bits = specials[i].bits;
			return OPERAND(FILE_SPECIALS, specials[i].special);
		}
	}
	if (name.size > 7 && text_equal((struct text){name.at, 7}, prefix))
		return envreg(name, bits);
	return 0;
}
