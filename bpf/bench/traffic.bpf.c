// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The two ends of the real path: frames made by a live test run and sent by a device, and frames counted. */
#include "bench.h"

char _license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} out SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} received SEC(".maps");

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	if (bench_restore(ctx))
		return XDP_ABORTED;
	return bpf_redirect_map(&out, 0, 0);
}

/* Counts what came through the node and takes it off the wire. */
SEC("xdp")
int sink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	__u64 *counter;
	__u8 ttl;

	if (data + ETHERNET + IPV6 > data_end)
		return XDP_PASS;
	if (*(__be16 *)(data + 12) == bpf_htons(0x0800))
		ttl = ((struct ipv4 *)(data + ETHERNET))->ttl;
	else if (*(__be16 *)(data + 12) == bpf_htons(0x86dd))
		ttl = ((struct ipv6 *)(data + ETHERNET))->hop_limit;
	else
		return XDP_PASS;
	/* Neighbour discovery has 255; what was sent has 64, and what a bridge let through too. */
	if (ttl != 63 && ttl != 64)
		return XDP_PASS;
	counter = bpf_map_lookup_elem(&received, &zero);
	if (counter)
		++*counter;
	return XDP_DROP;
}

/* A veth takes redirected frames only while its peer has a native program: the generator's own end needs one too. */
SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}
