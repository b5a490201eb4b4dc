// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A build that finds no route for anything and leaves it all to the kernel. */
#include "variant.h"

fp_inline int variant(struct xdp_md *ctx)
{
	variant_count(ctx, FP_KERNEL, FP_REASON_no_route);
	return XDP_PASS;
}
