// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sees what the fast path cannot: that a redirect it decided failed afterwards in the kernel (the driver does not transmit XDP
 * frames, the link went down). Loaded beside the fast path where the kernel has BTF; forwarding does not need it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "fastpath_abi.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* Ids of the fast path's devmaps: redirects by others' maps are none of ours. */
const volatile __u32 watch_transmit_map = 0;
const volatile __u32 watch_flood_map = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct fp_send_failures));
	__uint(max_entries, FP_MAX_PORTS);
} send_failures SEC(".maps");

/* include/trace/events/xdp.h: dev, xdp, tgt, err, map_type, map_id, index. The index is our port. */
SEC("tp_btf/xdp_redirect_err")
int watch_redirect_err(__u64 *args)
{
	__u32 map = args[5], port = args[6];
	struct fp_send_failures *failures;

	if (map != watch_transmit_map && map != watch_flood_map)
		return 0;
	failures = bpf_map_lookup_elem(&send_failures, &port);
	if (failures) {
		failures->frames++;
		failures->error = -(__s64)(int)args[3];
	}
	return 0;
}
