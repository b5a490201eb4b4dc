// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program for the chain: counts what passes and hands it on, but drops UDP to port 7. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(max_entries, 16);
} chain SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} passed SEC(".maps");

SEC("xdp")
int chained(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&passed, &zero);

	if (count)
		__sync_fetch_and_add(count, 1);
	if (data + 38 <= end && data[12] == 8 && data[13] == 0 && data[23] == 17 && data[36] == 0 && data[37] == 7)
		return XDP_DROP;
	bpf_tail_call(ctx, &chain, 15);
	return XDP_PASS;
}
