/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the controller is told: misses, and copies of packets. A port may report so much per epoch on each CPU, and
 * the same miss once per epoch; what is over is counted. Packets never wait for any of this.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "maps.h"
#include "parse.h"

/* False when this miss has been reported in this epoch. Two misses may share a slot; then both are reported again. */
fp_inline __u32 *fp_first_report(struct fp_settings *s, __u32 hash)
{
	__u32 zero = 0, tag = (hash & ~(FP_RECENT_MISSES - 1)) | (s->epoch & (FP_RECENT_MISSES - 1));
	struct fp_recent *seen = bpf_map_lookup_elem(&recent, &zero);
	__u32 *slot;

	if (!seen)
		return 0;
	slot = &seen->tag[hash & (FP_RECENT_MISSES - 1)];
	return *slot == tag ? 0 : slot;
}

fp_inline struct fp_event_budget *fp_budget(struct fp_settings *s, __u32 port)
{
	struct fp_event_budget *budget;

	port &= FP_MAX_PORTS - 1;
	budget = bpf_map_lookup_elem(&event_budgets, &port);
	if (!budget)
		return 0;
	if (budget->epoch != s->epoch) {
		budget->epoch = s->epoch;
		budget->used = 0;
	}
	return budget;
}

/* Reports a miss; `key` and the rest are the caller's. Returns the event to fill, already reserved, or 0. */
fp_inline struct fp_event *fp_miss_begin(struct fp_settings *s, __u32 port, __u32 hash)
{
	struct fp_event_budget *budget = fp_budget(s, port);
	struct fp_event *event;
	__u32 *slot;

	if (!budget)
		return 0;
	slot = fp_first_report(s, hash);
	if (!slot) {
		budget->repeated++;
		return 0;
	}
	if (budget->used >= s->event_budget) {
		budget->lost++;
		return 0;
	}
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		budget->lost++;
		return 0;
	}
	budget->used++;
	budget->sent++;
	*slot = (hash & ~(FP_RECENT_MISSES - 1)) | (s->epoch & (FP_RECENT_MISSES - 1));
	event->port = port;
	event->time = bpf_ktime_get_ns();
	event->captured = 0;
	event->mirror = 0;
	event->pad = 0;
	return event;
}

fp_inline void fp_fill_packet_in(struct fp_event *event, __u32 port, __u32 length, __u32 reason, __u32 mirror)
{
	event->type = FP_EVENT_PACKET_IN;
	event->port = port;
	event->vlan = 0;
	event->family = 0;
	event->disposition = mirror ? 0 : FP_CPU;
	event->reason = reason;
	event->mirror = mirror;
	event->vrf = 0;
	event->length = length;
	event->time = bpf_ktime_get_ns();
	event->pad = 0;
}

#define FP_PACKET_IN(bytes)                                                                              \
	do {                                                                                             \
		struct fp_event *event = bpf_ringbuf_reserve(&packets, sizeof(*event) + (bytes), 0);     \
		__u32 captured = length < (bytes) ? length : (bytes);                                    \
                                                                                                         \
		if (!event) {                                                                            \
			budget->lost++;                                                                  \
			return;                                                                          \
		}                                                                                        \
		fp_fill_packet_in(event, port, length, reason, mirror);                                  \
		event->captured = captured;                                                              \
		if (captured < 1 || captured > (bytes) || bpf_xdp_load_bytes(ctx, 0, event + 1, captured)) \
			event->captured = 0;                                                             \
		budget->used++;                                                                          \
		budget->sent++;                                                                          \
		bpf_ringbuf_submit(event, 0);                                                            \
	} while (0)

/* Hands a copy of the frame to the controller. */
static __attribute__((noinline)) void fp_packet_in(struct xdp_md *ctx, struct fp_settings *s, __u32 port,
						   __u32 reason, __u32 mirror)
{
	__u32 length = (__u32)(ctx->data_end - ctx->data) & 0xffff;
	struct fp_event_budget *budget = fp_budget(s, port);

	if (!budget)
		return;
	if (budget->used >= s->event_budget) {
		budget->lost++;
		return;
	}
	if (length <= FP_PACKET_IN_SMALL)
		FP_PACKET_IN(FP_PACKET_IN_SMALL);
	else
		FP_PACKET_IN(FP_PACKET_IN_LARGE);
}

#endif
