/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the two libraries are. Both put a path, a bare name for the loader, or
 * "" for none into @out (PATH_MAX bytes), or say on stderr what was not found
 * and return -errno.
 */
#ifndef FIND_H
#define FIND_H

/* @wanted: a path, "none", or NULL for the client library built with this program. */
int find_remote(const char *wanted, char *out);

/*
 * @wanted: a path, "none", "soft", or "auto" for the library that the loader
 * finds on this machine. So that "auto" does not find ours, the folder of
 * @remote is taken out of LD_LIBRARY_PATH.
 */
int find_native(const char *wanted, const char *remote, char *out);

#endif
