// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The measuring frame: a test run does not restore its packet between repetitions, so this does, and then runs the
 * program under test, unmodified, by a tail call. What it costs itself is measured with `drop` under test.
 */
#include "bench.h"

char _license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(max_entries, 1);
} under_test SEC(".maps");

SEC("xdp")
int drive(struct xdp_md *ctx)
{
	if (bench_restore(ctx))
		return XDP_ABORTED;
	bpf_tail_call(ctx, &under_test, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}
