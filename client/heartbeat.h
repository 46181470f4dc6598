/* SPDX-License-Identifier: Apache-2.0 */
/* The side connection: what must not queue behind commands, and signs of life. */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include <stdint.h>

void side_send(uint16_t opcode, uint64_t value, const void *data, uint32_t size);

/* A thread that tells the server every few seconds that this process lives. */
int heartbeat_start(void);

#endif
