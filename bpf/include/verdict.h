/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ending a packet's way: count it once, explain it if asked, and give the kernel its answer. */
#ifndef VERDICT_H
#define VERDICT_H

#include "maps.h"

fp_inline void fp_count_verdict(__u32 port, __u32 disposition, __u32 reason, __u32 length)
{
	__u32 slot = fp_verdict_slot(port & (FP_MAX_PORTS - 1), disposition, reason & (FP_REASON_SLOTS - 1));
	struct fp_counter *counter = bpf_map_lookup_elem(&verdicts, &slot);

	if (counter) {
		counter->packets++;
		counter->bytes += length;
	}
}

fp_inline struct fp_trace *fp_trace_record(void)
{
	return fp_trace ? trace_base() : 0;
}

#endif
