/* SPDX-License-Identifier: Apache-2.0 */
/* RGPU_STATS=FILE: what every call cost, written as JSON when the process ends. */
#ifndef STATS_H
#define STATS_H

#include <stddef.h>

void stats_sent(size_t bytes);
void stats_waited(void);

/* Read the setting; write the file, if one is wanted. */
void stats_start(void);
void stats_write(void);

#endif
