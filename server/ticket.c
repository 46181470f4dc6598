/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See ticket.h. Sixteen random bytes are all that a further connection shows,
 * so they are compared without telling by time how many were right.
 */
#include "ticket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "worker_link.h"

int ticket_create(struct ticket **out, uint64_t session, struct visitor *v, Control__Hello *hello)
{
	struct ticket *t = calloc(1, sizeof(*t));
	int err = 0;

	if (!t)
		return -ENOMEM;
	t->session = session;
	t->visitor = v;
	snprintf(t->peer, sizeof(t->peer), "%s", visitor_peer(v));
	if (getrandom(t->bytes, sizeof(t->bytes), 0) != sizeof(t->bytes))
		err = -EIO;
	/* NVML reads no settings: all its workers are alike. */
	if (!err && hello->kind == CONTROL__SESSION_KIND__CUDA)
		err = settings_init(&t->settings, hello->environment, hello->n_environment);
	if (err) {
		free(t);
		return err;
	}
	t->hello = hello;
	*out = t;
	return 0;
}

static void free_hello(struct ticket *t)
{
	if (t->hello)
		control__hello__free_unpacked(t->hello, NULL);
	t->hello = NULL;
}

void ticket_destroy(struct ticket *t)
{
	if (!t)
		return;
	free_hello(t);
	settings_fini(&t->settings);
	free(t);
}

static bool same(const uint8_t *a, const uint8_t *b)
{
	unsigned differ = 0;
	int i;

	for (i = 0; i < PRELUDE_TICKET; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

struct ticket *tickets_find(const struct tickets *list, const uint8_t bytes[PRELUDE_TICKET])
{
	struct ticket *t;

	TAILQ_FOREACH(t, list, link)
		if (same(t->bytes, bytes))
			return t;
	return NULL;
}

static int send_assign(const struct ticket *t, const struct visitor *v, Control__Assign *a)
{
	a->session = t->session;
	a->ticket = (ProtobufCBinaryData){sizeof(t->bytes), (uint8_t *)t->bytes};
	a->scheme = (char *)visitor_scheme(v);
	a->peer = (char *)visitor_peer(v);
	return worker_link_send(t->worker->link_fd, &a->base, visitor_fd(v));
}

int ticket_assign(struct ticket *t, uint64_t memory_limit)
{
	Control__Assign a = CONTROL__ASSIGN__INIT;
	int err;

	a.role = CONTROL__ROLE__COMMAND;
	a.hello = t->hello;
	a.memory_limit = memory_limit;
	err = send_assign(t, t->visitor, &a);
	if (err)
		return err;
	visitor_drop(t->visitor);
	t->visitor = NULL;
	free_hello(t);
	return 0;
}

int ticket_join(const struct ticket *t, const struct visitor *v, const struct prelude *p)
{
	Control__Assign a = CONTROL__ASSIGN__INIT;

	a.role = p->role == PRELUDE_SIDE ? CONTROL__ROLE__SIDE : CONTROL__ROLE__BULK;
	a.lane = p->lane;
	return send_assign(t, v, &a);
}
