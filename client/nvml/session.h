/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's one session: counted by nvmlInit and nvmlShutdown, guarded by
 * one lock, opened again when the connection is lost and in a forked child,
 * which is possible because the server keeps nothing for it but a numbering of
 * devices that is the same every time. No thread, and no socket before the
 * first nvmlInit.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdint.h>

#include "nvml/call.h"

void session_lock(void);
void session_unlock(void);

/* All of these are called with the lock held. */

/* NVML_SUCCESS, or UNINITIALIZED. */
nvmlReturn_t session_check(void);
nvmlReturn_t session_open(void);
nvmlReturn_t session_close(void);

/* Send a request and wait for its reply, whose values are valid until the next exchange or the
 * session's end. The reply's own result, or what became of the connection. */
nvmlReturn_t session_exchange(
	uint16_t opcode, const void *request, size_t size, struct cursor *reply);

/* ---- answers that never change ---- */

bool cache_find(uint16_t opcode, const void *request, size_t size, struct cursor *reply);
void cache_add(uint16_t opcode, const void *request, size_t size, const struct cursor *reply);
void cache_clear(void);

#endif
