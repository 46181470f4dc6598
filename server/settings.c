/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See settings.h. Left out on purpose: names of files and libraries (a client
 * must not choose what the server opens), the size of the driver's cache on
 * disk, which all sessions share, and CUDA_LAUNCH_BLOCKING (would block the
 * worker's dispatcher; the client waits itself).
 */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "visible.h"

enum {
	VALUE_MAX = 512,
	VISIBLE_DEVICES = 0,
};

static const char *const names[] = {
	[VISIBLE_DEVICES] = "CUDA_VISIBLE_DEVICES", /* of those that the server sees */
	"CUDA_MODULE_LOADING",
	"CUDA_MODULE_DATA_LOADING",
	"CUDA_DEVICE_MAX_CONNECTIONS",
	"CUDA_DEVICE_MAX_COPY_CONNECTIONS",
	"CUDA_DEVICE_ORDER",
	"CUDA_DEVICE_DEFAULT_PERSISTING_L2_CACHE_PERCENTAGE_LIMIT",
	"CUDA_MANAGED_FORCE_DEVICE_ALLOC",
	"CUDA_AUTO_BOOST",
	"CUDA_SCALE_LAUNCH_QUEUES",
	"CUDA_GRAPHS_USE_NODE_PRIORITY",
	"CUDA_FORCE_PTX_JIT",
	"CUDA_DISABLE_PTX_JIT",
	"CUDA_FORCE_JIT",
	"CUDA_DISABLE_JIT",
	"CUDA_CACHE_DISABLE",
	"CUDA_FORCE_CDP1_IF_SUPPORTED",
	"CUDA_MPS_ACTIVE_THREAD_PERCENTAGE",
	"CUDA_MPS_CLIENT_PRIORITY",
};

enum {
	NAMES = sizeof(names) / sizeof(names[0]),
};

_Static_assert((int)NAMES <= (int)SETTINGS_MAX, "struct settings has a place for each name");

extern char **environ;

/* The place of the setting that "NAME=value" sets; -1 for none of ours. */
static int name_of(const char *setting)
{
	const char *equals = strchr(setting, '=');
	int i;

	if (!equals)
		return -1;
	for (i = 0; i < NAMES; i++)
		if (!strncmp(names[i], setting, equals - setting) && !names[i][equals - setting])
			return i;
	return -1;
}

static bool value_allowed(const char *value)
{
	const char *p;

	for (p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return p - value <= VALUE_MAX;
}

/* Keep @value in place @i, or nothing there when the server's own environment says the same. */
static int keep(struct settings *s, int i, const char *value)
{
	const char *own = getenv(names[i]);
	char *copy = NULL;

	if ((!own || strcmp(own, value)) && asprintf(&copy, "%s=%s", names[i], value) < 0)
		return -ENOMEM;
	free(s->value[i]);
	s->value[i] = copy;
	return 0;
}

static int take(struct settings *s, int i, const char *value)
{
	char *list;
	int err;

	if (!value_allowed(value))
		return -EINVAL;
	if (i != VISIBLE_DEVICES)
		return keep(s, i, value);
	list = visible_devices(getenv(names[i]), value);
	if (!list)
		return -ENOMEM;
	err = keep(s, i, list);
	free(list);
	return err;
}

int settings_init(struct settings *s, char **given, size_t count)
{
	size_t i;
	int err = 0;

	*s = (struct settings){0};
	for (i = 0; i < count && !err; i++) {
		int place = name_of(given[i]);

		if (place >= 0)
			err = take(s, place, given[i] + strlen(names[place]) + 1);
	}
	if (err)
		settings_fini(s);
	return err;
}

int settings_copy(struct settings *to, const struct settings *from)
{
	*to = (struct settings){0};
	for (int i = 0; i < NAMES; i++) {
		to->value[i] = from->value[i] ? strdup(from->value[i]) : NULL;
		if (from->value[i] && !to->value[i]) {
			settings_fini(to);
			return -ENOMEM;
		}
	}
	return 0;
}

void settings_fini(struct settings *s)
{
	int i;

	for (i = 0; i < NAMES; i++) {
		free(s->value[i]);
		s->value[i] = NULL;
	}
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
	int i;

	for (i = 0; i < NAMES; i++) {
		if (!a->value[i] != !b->value[i])
			return false;
		if (a->value[i] && strcmp(a->value[i], b->value[i]))
			return false;
	}
	return true;
}

bool settings_empty(const struct settings *s)
{
	return settings_equal(s, &(struct settings){0});
}

char **settings_environment(const struct settings *s)
{
	size_t n = 0, count = 0;
	char **out;
	int i;

	while (environ[count])
		count++;
	out = malloc((count + NAMES + 1) * sizeof(*out));
	if (!out)
		return NULL;

	for (i = 0; i < NAMES; i++)
		if (s->value[i])
			out[n++] = s->value[i];
	for (size_t k = 0; k < count; k++) {
		i = name_of(environ[k]);
		if (i < 0 || !s->value[i])
			out[n++] = environ[k];
	}
	out[n] = NULL;
	return out;
}
