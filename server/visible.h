/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices a client wants to see (CUDA C++ Programming Guide,
 * CUDA_VISIBLE_DEVICES): a list of indices and of names such as GPU-…, that
 * ends where an entry names nothing.
 */
#ifndef VISIBLE_H
#define VISIBLE_H

/* Of the devices that @own lists, which may be all (NULL), those that @wanted does, as a list for the
 * driver; the caller frees it. Indices are places in @own, and other names have to be there word for
 * word: a client sees nothing that its server does not. NULL: out of memory. */
char *visible_devices(const char *own, const char *wanted);

#endif
