/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Things that both ends know by a number, such as host functions: a hash table
 * that is embedded in them and grows with them. Numbers that are given one
 * after the other share no bucket. The caller locks.
 */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stddef.h>
#include <stdint.h>

/* The first member of the thing. */
struct numbered {
	struct numbered *next;
	uint64_t number;
};

/* All zero: empty. */
struct numbers {
	struct numbered **bucket;
	size_t room, count;
};

/* 0; -EEXIST: its number is there already; -ENOMEM. */
int numbers_add(struct numbers *n, struct numbered *thing);
/* NULL: none. */
struct numbered *numbers_find(const struct numbers *n, uint64_t number);
void numbers_remove(struct numbers *n, struct numbered *thing);

#endif
