/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#ifndef CALLS_H
#define CALLS_H

#define SPEC_HASH 0xa185c96b6462b77aull

#define OPCODES(X) \
	X(setAsync, 0x0100, 0, .stream_at = 17, .event_at = -1) \
	X(limit, 0x0101, DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(setLimit, 0x0102, DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(eventTime, 0x0103, DISPATCH_WAITS, .stream_at = -1, .event_at = 0) \
	X(eventOf, 0x010a, DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(graphDestroy, 0x0104, DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(nodes, 0x0106, DISPATCH_NO_CONTEXT | DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(make, 0x0107, DISPATCH_BLOCKS | DISPATCH_WAITS, .stream_at = 4, .event_at = -1) \
	X(attribute, 0x0108, DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(encode, 0x0109, DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(allocate, 0x0110, DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(stream_create, 0x0111, 0, .stream_at = 0, .event_at = 8) \
	X(limit_range, 0x0112, DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(event_plain, 0x0113, 0, .stream_at = -1, .event_at = 4) \
	X(mode_reset, 0x0114, DISPATCH_WAITS, .stream_at = -1, .event_at = -1) \
	X(event_end, 0x0115, 0, .stream_at = -1, .event_at = 0) \
	X(event_awaited, 0x0116, DISPATCH_WAITS, .stream_at = -1, .event_at = 4) \

#define KINDS(X) \
	X(Stream, 400) \
	X(Event, 400) \
	X(Graph, 1) \
	X(Node, 1) \

#define FUNCTIONS(X) \
	X(setAsync) \
	X(set_v2) \
	X(limit) \
	X(setLimit) \
	X(eventCreate) \
	X(eventDestroy) \
	X(eventTime) \
	X(eventOf) \
	X(graphDestroy) \
	X(nodes) \
	X(make) \
	X(attribute) \
	X(encode) \
	X(version) \
	X(allocate) \
	X(draw) \

#define DRIVER_CALLS(X) \
	X(setAsync) \
	X(set_v2) \
	X(limit) \
	X(setLimit) \
	X(eventCreate) \
	X(eventDestroy) \
	X(eventTime) \
	X(eventOf) \
	X(graphDestroy) \
	X(nodes) \
	X(make) \
	X(attribute) \
	X(encode) \
	X(version) \
	X(allocate) \

#define PROC_ROWS(X) \
	X(limit, 1, 2000, limit) \
	X(limit, 2, 2000, limit) \
	X(set, 1, 3020, setAsync) \
	X(set, 1, 3020, set_v2) \
	X(set, 2, 7000, setAsync_ptsz) \
	X(set, 2, 7000, set_v2_ptds) \
	X(version, 1, 2000, version) \
	X(version, 2, 2000, version) \


#endif
