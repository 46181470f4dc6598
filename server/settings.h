/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Environment settings that the driver reads when it starts. A client's own
 * come with its hello; a fixed list says which of them count. What differs
 * from the server's environment makes the profile that a worker is started
 * with, so that equal profiles can share warm workers.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	SETTINGS_MAX = 24, /* names on the list */
};

/* "NAME=value" for each listed name that differs, in the list's order, else NULL. */
struct settings {
	char *value[SETTINGS_MAX];
};

/* Of @count strings "NAME=value", keep those that matter; others are left out. Later ones win.
 * -EINVAL for a value that no setting has (too long, control characters); -ENOMEM. */
int settings_init(struct settings *s, char **given, size_t count);
/* -ENOMEM. */
int settings_copy(struct settings *to, const struct settings *from);
void settings_fini(struct settings *s);
bool settings_equal(const struct settings *a, const struct settings *b);
bool settings_empty(const struct settings *s);

/* This process's environment with the settings in front of what they replace: an array to be
 * freed, whose strings are borrowed from @s and the environment. NULL when out of memory. */
char **settings_environment(const struct settings *s);

#endif
