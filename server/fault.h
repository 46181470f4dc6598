/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that failed on the device, found without anybody waiting for it: the
 * driver says so of whatever is asked in that context, so one thing of each
 * context is asked now and then, and the client is told once.
 */
#ifndef FAULT_H
#define FAULT_H

#include "state.h"

/* What @c is asked by; it is current. Without it none of its faults is found. */
void fault_prepare(struct context *c);
void fault_forget(struct context *c);

/* Ask all contexts. Only queries, so it is not held up by what holds the driver's lock. */
void fault_look(struct session *s);

/* The context that is current has failed with an assertion: send the client its text. */
void fault_text(struct session *s);

#endif
