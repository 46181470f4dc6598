/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Special registers that stay the same while a warp runs: columns of two files,
 * one of the warp's own and one that the warps of a block share, in the order
 * given here. Those that change (clocks) are instructions.
 */
#ifndef PTX_SPECIAL_H
#define PTX_SPECIAL_H

enum thread_special {
	SPECIAL_TID_X, SPECIAL_TID_Y, SPECIAL_TID_Z, SPECIAL_WARPID, THREAD_SPECIALS,
};

enum special {
	SPECIAL_NTID_X, SPECIAL_NTID_Y, SPECIAL_NTID_Z,
	SPECIAL_CTAID_X, SPECIAL_CTAID_Y, SPECIAL_CTAID_Z,
	SPECIAL_NCTAID_X, SPECIAL_NCTAID_Y, SPECIAL_NCTAID_Z,
	SPECIAL_LANEID, SPECIAL_NWARPID, SPECIAL_SMID, SPECIAL_NSMID,
	SPECIAL_MASK_EQ, SPECIAL_MASK_LE, SPECIAL_MASK_LT, SPECIAL_MASK_GE, SPECIAL_MASK_GT,
	SPECIAL_DYNAMIC_SHARED, SPECIAL_TOTAL_SHARED,
	SPECIAL_ZERO, SPECIAL_ONE,
	SPECIAL_ENVREG1, SPECIAL_ENVREG2,	/* where the grid's workspace is */
	SPECIAL_GRIDID,				/* a long: two units */
	SPECIAL_UNITS = SPECIAL_GRIDID + 2,
};

#endif
