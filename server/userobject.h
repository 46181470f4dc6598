/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the application that graphs keep alive. The driver counts who has
 * one; the client is told when nobody does, and ends it. What the application
 * itself has is counted here, too, since the driver takes its word for it.
 */
#ifndef USEROBJECT_H
#define USEROBJECT_H

#include "state.h"

int user_objects_create(struct session *s);

#endif
