/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of this process that were a client's once, and stay without memory
 * when they are not: graphs and copies may still name them, and would reach
 * whatever came to lie there.
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include "arena.h"

struct foreign {
	struct arena free; /* reserved here, and not mapped for the client */
};

int foreign_init(struct foreign *f);
void foreign_fini(struct foreign *f);
/* Memory at exactly these whole pages. -EEXIST: something of the process lies there; -ENOMEM. */
int foreign_map(struct foreign *f, uint64_t address, uint64_t bytes);
/* What foreign_map mapped is without memory again. */
void foreign_unmap(struct foreign *f, uint64_t address, uint64_t bytes);

#endif
