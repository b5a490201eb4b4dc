// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The fast path: Docs/pipeline.md, table by table.
 *
 *   xdp_fastpath   what is attached to a port: the program chain if there is one, then
 *     fp_cached      the shortcut: an untagged packet for the router whose flow is in the cache and needs nothing special
 *     fp_tables      everything: all packets the shortcut leaves alone, from the beginning
 *   xdp_resume     the chain's last slot: the same without the chain
 *   xdp_flood_egress  decides, per port, on the copies of a flooded frame
 *
 * The shortcut decides nothing the tables would decide otherwise; it only does not look where there is nothing to see.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "fastpath_abi.h"
#include "exact_match.h"
#include "prefix_tree.h"
#include "maps.h"
#include "parse.h"
#include "rewrite.h"
#include "nexthop.h"
#include "acl.h"
#include "events.h"
#include "verdict.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define MAC_BROADCAST 0xffffffffffffULL
#define MAC_GROUP 0x010000000000ULL
#define MAC_RESERVED 0x0180c2000000ULL

/* ---- ports ------------------------------------------------------------------------------------------------- */

fp_inline __u32 fp_port_of(__u32 ifindex)
{
	struct fp_ifindex_slot *slots = interfaces_base();
	__u32 i, slot = ifindex & (FP_IFINDEX_SLOTS - 1);

	if (!slots)
		return ~0U;
#pragma clang loop unroll(disable)
	for (i = 0; i < FP_IFINDEX_PROBES; i++) {
		if (slots[slot + i].ifindex == ifindex)
			return slots[slot + i].port;
		if (!slots[slot + i].ifindex)
			break;
	}
	return ~0U;
}

fp_inline struct fp_port *fp_port_at(__u32 index)
{
	struct fp_port *all = ports_base();

	return all && index < FP_MAX_PORTS ? &all[index] : 0;
}

/* The router interface a frame is admitted at, or 0. */
fp_inline __u32 fp_station_of(const struct fp_port *port, __u64 destination, __u16 vlan, __u16 *vrf)
{
	__u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < FP_MAX_STATIONS_PER_PORT; i++) {
		const struct fp_station *station = &port->stations[i];

		if (!station->rif)
			break;
		if (((destination ^ station->mac) & station->mask) == 0 && (station->any_vlan || station->vlan == vlan)) {
			*vrf = station->vrf;
			return station->rif;
		}
	}
	return 0;
}

/* ---- flow cache -------------------------------------------------------------------------------------------- */

struct fp_flow {
	__u64 *count;        /* 0: no valid entry */
	__u64 *action_word;
	__u64 action;
};

fp_inline int fp_flow_is_current(const struct fp_settings *s, __u64 action)
{
	return (action & FP_ACTION_STATIC) || fp_action_generation(action) == s->generation;
}

fp_inline void fp_flow4_count(__u64 *count, __u32 length)
{
	if (em_count(count, length)) {
		struct fp_entry32 *table = flow4_base();
		struct fp_counter *spill = flow4_spill_base();
		struct fp_settings *s = settings_base();
		__u32 index;

		if (!table || !spill || !s)
			return;
		index = ((void *)count - (void *)table) / sizeof(*table);
		if (index < fp_flow4_buckets * EM_SLOTS32)
			em_spill(count, &spill[index], s);
	}
}

/* ---- the shortcut ------------------------------------------------------------------------------------------ */

#define FP_NOT_CACHED -1

/* What a flow entry may say for the shortcut to act on it: send by a next hop, and no more. */
#define FP_PLAIN_MASK (FP_ACTION_VALID | FP_ACTION_MIRROR | FP_ACTION_TO_PORT | (3ULL << FP_ACTION_DISPOSITION_SHIFT))
