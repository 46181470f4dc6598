/* SPDX-License-Identifier: Apache-2.0 */
/* Device printf and assertions: see ptx_printf.c. */
#ifndef PTX_PRINTF_H
#define PTX_PRINTF_H

#include "ptx_machine.h"

/* Print what the format at @format makes of the arguments at @list, which are
 * addresses of a kernel. *count is what printf returns there: the number of
 * arguments. False after a fault. */
bool device_printf(struct warp *w, const struct insn *i, unsigned lane, uint64_t format,
	uint64_t list, int *count);
/* @arguments are __assertfail's. */
void device_assert(struct warp *w, const struct insn *i, unsigned lane, const uint64_t *arguments);

#endif
