// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A build that drops every fourth packet, and says so. It has a map the product does not have. */
#include "variant.h"

FP_PER_CPU(passed_by, __u64, 1)

fp_inline int variant(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&passed_by, &zero);

	if (!count || (*count)++ % 4)
		return -1;
	variant_count(ctx, FP_DROP, FP_REASON_internal);
	return XDP_DROP;
}
