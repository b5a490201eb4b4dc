/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fast path of another build, for tests: the product's source with something in front of it. A test program includes
 * this and defines `variant`: an XDP action ends the packet's way, -1 lets it go on to the fast path.
 */
#ifndef VARIANT_H
#define VARIANT_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "tables.h"

fp_inline int variant(struct xdp_md *ctx);

/* What the fast path's programs begin with. */
#define settings_base()                            \
	({                                         \
		int verdict = variant(ctx);        \
                                                   \
		if (verdict >= 0)                  \
			return verdict;            \
		(settings_base)();                 \
	})
#include "../fastpath.bpf.c"
#undef settings_base

fp_inline void variant_count(struct xdp_md *ctx, __u32 disposition, __u32 reason)
{
	fp_count_verdict(fp_record_of(ctx->ingress_ifindex), disposition, reason, ctx->data_end - ctx->data);
}

#endif
