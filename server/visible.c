/* SPDX-License-Identifier: Apache-2.0 */
/* See visible.h. What a client gives ends up in a worker's environment, so that only entries that are
 * understood do. */
#include "visible.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_MAX = 1024 };

struct entry {
	const char *text;
	size_t size;
};

/* The entry that begins at *list, which is behind it then. */
static struct entry entry_next(const char **list)
{
	struct entry e = {*list, strcspn(*list, ",")};

	*list += e.size + (e.text[e.size] == ',');
	while (e.size && isspace((unsigned char)*e.text)) {
		e.text++;
		e.size--;
	}
	while (e.size && isspace((unsigned char)e.text[e.size - 1]))
		e.size--;
	return e;
}

static bool is_index(struct entry e, unsigned long *index)
{
	char digits[8];

	if (!e.size || e.size >= sizeof(digits) || strspn(e.text, "0123456789") < e.size)
		return false;
	memcpy(digits, e.text, e.size);
	digits[e.size] = '\0';
	*index = strtoul(digits, NULL, 10);
	return *index < INDEX_MAX;
}

static bool is_name(struct entry e)
{
	return e.size > 4 && (!strncmp(e.text, "GPU-", 4) || !strncmp(e.text, "MIG-", 4)) &&
	       strspn(e.text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-/") >= e.size;
}

/* What stands in @own for an entry. */
static bool entry_within(const char *own, struct entry *e)
{
	unsigned long index, at = 0;
	bool by_index = is_index(*e, &index);

	if (!by_index && !is_name(*e))
		return false;
	if (!own)
		return true;
	while (*own) {
		struct entry o = entry_next(&own);

		if (by_index ? at++ == index : o.size == e->size && !memcmp(o.text, e->text, o.size)) {
			*e = o;
			return true;
		}
	}
	return false;
}

char *visible_devices(const char *own, const char *wanted)
{
	/* Each entry of @own may be wanted several times, which the driver then refuses. */
	size_t room = (strlen(wanted) + 1) * (own ? strlen(own) + 1 : 1) + 1, n = 0;
	char *out = malloc(room);

	if (!out)
		return NULL;
	while (*wanted) {
		struct entry e = entry_next(&wanted);

		if (!entry_within(own, &e))
			break;
		if (n)
			out[n++] = ',';
		memcpy(out + n, e.text, e.size);
		n += e.size;
	}
	out[n] = '\0';
	return out;
}
