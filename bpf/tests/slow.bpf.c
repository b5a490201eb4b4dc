// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A program that runs for long with something in its hands, and looks at the end whether that was freed meanwhile: what a
 * grace period must not let happen.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "Dual BSD/GPL";

struct slow_shared {
	__u64 current;  /* what a program that begins now takes */
	__u64 freed;    /* everything below this is freed */
	__u64 runs;
	__u64 wrong;    /* runs whose thing was freed under them */
	__u64 nanoseconds;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slow_shared);
} slow_shared SEC(".maps");

struct until {
	__u64 time;
};

static long is_over(__u32 index, struct until *until)
{
	(void)index;
	return bpf_ktime_get_ns() >= until->time;
}

SEC("xdp")
int slow(struct xdp_md *ctx)
{
	__u32 zero = 0;
	volatile struct slow_shared *shared = bpf_map_lookup_elem(&slow_shared, &zero);
	struct until until;
	__u64 taken;

	(void)ctx;
	if (!shared)
		return XDP_ABORTED;
	taken = shared->current;
	until.time = bpf_ktime_get_ns() + shared->nanoseconds;
	bpf_loop(1 << 20, is_over, &until, 0);
	if (shared->freed > taken)
		__sync_fetch_and_add(&((struct slow_shared *)shared)->wrong, 1);
	__sync_fetch_and_add(&((struct slow_shared *)shared)->runs, 1);
	return XDP_DROP;
}
