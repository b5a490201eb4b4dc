/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One good program, one the verifier refuses: it reads the packet without a bounds check. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int innocent(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int reads_beyond(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data;
	int sum = 0;

	/* Much log before the fault, so that a reader who cuts it short is found out. */
#pragma clang loop unroll(full)
	for (int i = 0; i < 64; i++)
		if (ctx->rx_queue_index == (__u32)i * 7)
			sum += i;
	return data[sum] == 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
