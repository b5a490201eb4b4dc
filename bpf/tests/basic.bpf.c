/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps of the kinds the BPF target handles, and programs small enough to predict. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct basic_key {
	__u32 a;
	__u32 b;
};

struct basic_value {
	__u64 count;
	__u64 bytes;
};

struct basic_event {
	__u64 sequence;
	__u32 length;
	__u32 interface;
};

const volatile __u32 verdict = XDP_PASS;
const volatile __u64 marker = 0;
__u64 runs = 5;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct basic_key);
	__type(value, struct basic_value);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, struct basic_value);
} shared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} chain SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("xdp")
int answer(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *mine = bpf_map_lookup_elem(&per_cpu, &zero);
	struct basic_value *value = bpf_map_lookup_elem(&shared, &zero);

	if (mine)
		(*mine)++;
	if (value) {
		value->count++;
		value->bytes += ctx->data_end - ctx->data;
	}
	runs++;
	return verdict;
}

SEC("xdp")
int first_byte(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data;

	if (data + 14 > (unsigned char *)(long)ctx->data_end)
		return XDP_ABORTED;
	data[0] = 0xaa;
	return XDP_TX;
}

SEC("xdp")
int grow(struct xdp_md *ctx)
{
	if (bpf_xdp_adjust_head(ctx, -4))
		return XDP_ABORTED;
	return XDP_PASS;
}

SEC("xdp")
int interface_index(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex;
}

SEC("xdp")
int call_next(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &chain, 1);
	return XDP_DROP;
}

SEC("xdp")
int emit(struct xdp_md *ctx)
{
	static __u64 sequence;
	struct basic_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return XDP_ABORTED;
	event->sequence = sequence++;
	event->length = ctx->data_end - ctx->data;
	event->interface = ctx->ingress_ifindex;
	/* Every third record is thrown away, so that a reader has to step over it. */
	if (event->sequence % 3 == 2)
		bpf_ringbuf_discard(event, 0);
	else
		bpf_ringbuf_submit(event, 0);
	return XDP_PASS;
}

SEC("xdp")
int redirect(struct xdp_md *ctx)
{
	return bpf_redirect_map(&ports, 1, XDP_DROP);
}

SEC("xdp/devmap")
int egress(struct xdp_md *ctx)
{
	__u32 one = 1;
	struct basic_value *value = bpf_map_lookup_elem(&shared, &one);

	if (value)
		__sync_fetch_and_add(&value->count, 1);
	return XDP_PASS;
}

SEC("xdp")
int count_and_drop(struct xdp_md *ctx)
{
	__u32 two = 2;
	struct basic_value *value = bpf_map_lookup_elem(&shared, &two);

	if (value)
		__sync_fetch_and_add(&value->count, 1);
	return XDP_DROP;
}

SEC("xdp")
int to_socket(struct xdp_md *ctx)
{
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
