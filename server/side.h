/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's other connections: the side connection (answers of host
 * functions, heartbeats) and the passing of sockets from the supervisor. These
 * threads never enter the driver, so that a client's death is seen whatever
 * the driver does.
 */
#ifndef SIDE_H
#define SIDE_H

#include "state.h"

/* Serve the supervisor's link @fd from now on. */
int side_start(struct session *s, int link);
/* A side connection has come; -EEXIST for a second one. */
int side_attach(struct session *s, struct connection *c);

/* So many frames for mirrors have come. */
bool side_wrote(uint64_t count);

#endif
