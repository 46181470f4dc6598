/* SPDX-License-Identifier: Apache-2.0 */
/* What every worker thread that may enter the driver does first. */
#ifndef SERVER_THREAD_H
#define SERVER_THREAD_H

/* Captures are all begun relaxed; a thread in another mode would end them by asking (semantics of
 * cuThreadExchangeStreamCaptureMode). */
void thread_prepare(void);

#endif
