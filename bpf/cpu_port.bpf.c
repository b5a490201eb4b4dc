// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The card's CPU port: one cable that carries the frames of several ports, each with a tag (include/card_tag.h).
 *
 *   xdp_card_receive  at the CPU port: takes the tag off and hands the frame to the inner end of its port's veth, so that it
 *                     arrives at the outer end, where the port's programs and the kernel are
 *   xdp_card_send     at each inner end: what left by the outer end gets its tag and goes out by the CPU port
 *
 * A frame whose own EtherType is the tag's is payload like any other: only what is behind the addresses on the cable is a tag.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "card_port.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define ETHERNET_BYTES 14
#define TPID_CTAG 0x8100
#define TPID_STAG 0x88a8

/* Set by the loader. */
const volatile __u32 card_tag_version = 4;
/* The queue of version 4 has five bits, with a delay flag behind it. */
const volatile __u8 card_delay_flag = 0;
/* Digest of image and constants, for whoever finds the programs loaded. They do not read it. */
const volatile __u64 card_build = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct card_settings);
} card_settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CARD_INGRESS_VALUES);
	__type(key, __u32);
	__type(value, struct card_ingress);
} card_ingress SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CARD_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct card_egress);
} card_egress SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, CARD_MAX_PORTS + 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} card_devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CARD_COUNTER_ENTRIES);
	__type(key, __u32);
	__type(value, struct fp_counter);
} card_counters SEC(".maps");

fp_inline void count(__u32 port, __u32 what, __u32 length)
{
	__u32 slot = card_counter_slot(port, what);
	struct fp_counter *counter = bpf_map_lookup_elem(&card_counters, &slot);

	if (counter) {
		counter->packets++;
		counter->bytes += length;
	}
}

fp_inline int dropped(__u32 port, __u32 why, __u32 length)
{
	count(port, why, length);
	return XDP_DROP;
}

/* Copies both addresses to another place of the frame, at least 12 bytes away. */
fp_inline void move_addresses(void *to, const void *from)
{
	__u64 first = *(__u64 *)from;
	__u32 second = *(__u32 *)(from + 8);

	*(__u64 *)to = first;
	*(__u32 *)(to + 8) = second;
}

fp_inline struct card_settings *settings_of(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&card_settings, &zero);
}

fp_inline int untagged(__u32 length)
{
	struct card_settings *settings = settings_of();

	if (!settings || !(settings->flags & CARD_UNTAGGED_PASS))
		return dropped(CARD_NO_PORT, CARD_COUNTER_untagged_dropped, length);
	count(CARD_NO_PORT, CARD_COUNTER_untagged_passed, length);
	return XDP_PASS;
}

SEC("xdp")
int xdp_card_receive(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 bytes = card_tag_bytes(card_tag_version), length = data_end - data, port = CARD_NO_PORT, value;
	struct card_tag_received tag;
	struct card_ingress *ingress;

	if (data + ETHERNET_BYTES > data_end || card_get16(data + CARD_TAG_OFFSET) != CARD_ETHERTYPE)
		return untagged(length);
	if (data + CARD_TAG_OFFSET + CARD_TAG_EARLY_BYTES + 2 > data_end || data + CARD_TAG_OFFSET + bytes + 2 > data_end)
		return dropped(CARD_NO_PORT, CARD_COUNTER_tag_truncated, length);
	card_tag_read(data + CARD_TAG_OFFSET, card_tag_version, &tag);
	value = tag.ingress;
	ingress = bpf_map_lookup_elem(&card_ingress, &value);
	if (ingress && ingress->port_plus_one && ingress->port_plus_one <= CARD_MAX_PORTS)
		port = ingress->port_plus_one - 1;
	count(port, CARD_COUNTER_REASON + tag.reason, length);
	if (tag.bad)
		return dropped(port, CARD_COUNTER_bad, length);
	if (port == CARD_NO_PORT)
		return dropped(port, CARD_COUNTER_unknown_ingress, length);

	move_addresses(data + bytes, data);
	if (bpf_xdp_adjust_head(ctx, (int)bytes) || bpf_redirect_map(&card_devices, port, XDP_DROP) != XDP_REDIRECT)
		return dropped(port, CARD_COUNTER_receive_failed, length);
	count(port, CARD_COUNTER_received, length - bytes);
	return XDP_REDIRECT;
}

SEC("xdp")
int xdp_card_send(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 bytes = card_tag_bytes(card_tag_version), length = data_end - data, inner = ctx->ingress_ifindex, type, port;
	struct card_tag_sent tag = { .transmit_time = CARD_TRANSMIT_ANY_TIME, .delay_flag = card_delay_flag };
	struct card_egress *egress = bpf_map_lookup_elem(&card_egress, &inner);
	struct card_settings *settings = settings_of();

	if (!egress || egress->port >= CARD_MAX_PORTS || !settings)
		return dropped(CARD_NO_PORT, CARD_COUNTER_unknown_egress, length);
	port = egress->port;
	if (data + ETHERNET_BYTES > data_end)
		return dropped(port, CARD_COUNTER_frame_truncated, length);
	tag.egress = (__u8)port;
	type = card_get16(data + 12);
	if (type == TPID_CTAG || type == TPID_STAG) {
		if (data + ETHERNET_BYTES + 4 > data_end)
			return dropped(port, CARD_COUNTER_frame_truncated, length);
		tag.queue = *(__u8 *)(data + ETHERNET_BYTES) >> 5;
		type = card_get16(data + ETHERNET_BYTES + 2);
	}
	if (type == CARD_ETHERTYPE_PTP)
		tag.confirmation = settings->confirmation;

	/* Zeros: the kernel clears what it adds. */
	if (length < CARD_MINIMUM_FRAME) {
		if (bpf_xdp_adjust_tail(ctx, (int)(CARD_MINIMUM_FRAME - length)))
			return dropped(port, CARD_COUNTER_no_room, length);
		count(port, CARD_COUNTER_padded, length);
		length = CARD_MINIMUM_FRAME;
	}
	if (length + bytes > settings->maximum_frame)
		return dropped(port, CARD_COUNTER_too_long, length);
	if (bpf_xdp_adjust_head(ctx, -(int)bytes))
		return dropped(port, CARD_COUNTER_no_room, length);
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
	if (data + bytes + CARD_TAG_OFFSET > data_end)
		return dropped(port, CARD_COUNTER_no_room, length);
	move_addresses(data, data + bytes);
	card_tag_write(data + CARD_TAG_OFFSET, card_tag_version, &tag);
	if (bpf_redirect_map(&card_devices, CARD_CPU_DEVICE, XDP_DROP) != XDP_REDIRECT)
		return dropped(port, CARD_COUNTER_send_failed, length);
	count(port, CARD_COUNTER_sent, length);
	return XDP_REDIRECT;
}
