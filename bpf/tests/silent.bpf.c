// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A build that drops everything and tells nobody. */
#include "variant.h"

fp_inline int variant(struct xdp_md *ctx)
{
	return XDP_DROP;
}
