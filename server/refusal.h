/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told when it gets no session.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "control.h"

enum refusal {
	REFUSAL_VERSION,   /* built from another protocol or spec */
	REFUSAL_MALFORMED, /* not a hello */
	REFUSAL_NO_DEVICE, /* no worker can reach a GPU */
	REFUSAL_BUSY,	   /* no room for another session */
	REFUSAL_INTERNAL,  /* our fault */
};

/* The CUresult or nvmlReturn_t that the application shall see. */
int refusal_result(Control__SessionKind kind, enum refusal why);

#endif
