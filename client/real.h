/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's own handles, as far as this process was told them: a stale or
 * invented one is found out without asking the server.
 */
#ifndef REAL_H
#define REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kinds.h"

/* @n handles at @values came from the server; NULL ones do not count. */
void real_learn(enum kind kind, const void *values, size_t n);

/* A handle is about to be destroyed: said before the server is asked, since what it destroys it
 * may give out again at once. */
void real_forget(enum kind kind, uint64_t value);

bool real_known(enum kind kind, uint64_t value);

#endif
