/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who polls when the dispatcher cannot: the driver holds it in a call while
 * another thread's call holds the driver's lock and waits for work that only
 * the client can let go on, such as a host function. It also looks for faults.
 */
#ifndef WATCH_H
#define WATCH_H

#include "state.h"

int watch_start(struct session *s);

/* There is something to poll, or a context more. After it was published. */
void watch_wake(struct session *s);

#endif
