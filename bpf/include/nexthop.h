/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last stage of a routed packet: Docs/pipeline.md, "Next hop"; and sending a frame as it is. */
#ifndef NEXTHOP_H
#define NEXTHOP_H

#include "maps.h"
#include "parse.h"
#include "ports.h"
#include "rewrite.h"

/* What a stage decided. With FP_KERNEL nothing of the frame has been changed. */
struct fp_verdict {
	__u32 disposition;
	__u32 reason;
	__u32 egress_port;
};

fp_inline struct fp_verdict fp_ends(__u32 disposition, __u32 reason)
{
	return (struct fp_verdict){ disposition, reason, ~0U };
}

fp_inline struct fp_nexthop *fp_nexthop_at(__u32 index)
{
	struct fp_nexthop *all = nexthops_base();

	/* A mask and not a comparison: the compiler would fold that into a test the verifier does not follow. */
	return all ? &all[index & (FP_MAX_NEXTHOPS - 1)] : 0;
}

/*
 * `state` names the rewrite in force; the writer lets a grace period pass before it writes that half again, so it
 * stays what it is for as long as this program looks at it.
 */
fp_inline struct fp_rewrite *fp_rewrite_in_force(struct fp_nexthop *nexthop, __u64 state)
{
	return (state & FP_NEXTHOP_SECOND) ? &nexthop->rewrite[1] : &nexthop->rewrite[0];
}

fp_inline struct fp_verdict fp_to_nexthop(struct xdp_md *ctx, const struct fp_packet *p, __u32 index, __u32 reason)
{
	struct fp_nexthop *nexthop = fp_nexthop_at(index);
	struct fp_rewrite *rewrite;
	void *data, *data_end;
	__u64 state;
	__u32 l3, port;
	__u16 vlan;

	if (!nexthop)
		return fp_ends(FP_KERNEL, FP_REASON_internal);
	state = *(volatile __u64 *)&nexthop->state;
	if (!(state & FP_NEXTHOP_RESOLVED))
		return fp_ends(FP_KERNEL, FP_REASON_neighbor_unresolved);
	if (state & FP_NEXTHOP_PORT_DOWN)
		return fp_ends(FP_KERNEL, FP_REASON_egress_port_down);
	rewrite = fp_rewrite_in_force(nexthop, state);
	if (p->ttl <= 1)
		return fp_ends(FP_KERNEL, FP_REASON_ttl_expired);
	if (p->ip_length > rewrite->mtu)
		return fp_ends(FP_KERNEL, FP_REASON_mtu_exceeded);
	port = rewrite->port;
	vlan = rewrite->vlan;
	if (bpf_redirect_map(&tx_ports, port, 0) != XDP_REDIRECT)
		return fp_ends(FP_KERNEL, FP_REASON_egress_port_down);

	if (p->tags && !vlan) {
		if (fp_pop_tag(ctx))
			return fp_ends(FP_KERNEL, FP_REASON_internal);
	} else if (!p->tags && vlan) {
		if (fp_push_tag(ctx, vlan))
			return fp_ends(FP_KERNEL, FP_REASON_internal);
	}
	l3 = ETHERNET_BYTES + (vlan ? TAG_BYTES : 0);
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
	if (data + l3 + IPV4_BYTES > data_end)
		return fp_ends(FP_DROP, FP_REASON_internal);
	__builtin_memcpy(data, rewrite->destination, 12); /* and source, which follows it */
	if (vlan)
		*(__u32 *)(data + 12) = bpf_htonl(((__u32)TPID_CTAG << 16) | vlan);
	if (p->family == 4)
		fp_decrement_ttl(data + l3);
	else
		((struct ipv6_header *)(data + l3))->hop_limit--;
	return (struct fp_verdict){ FP_FORWARD, reason, port };
}

/* Sends the frame as it is. */
fp_inline struct fp_verdict fp_to_port(__u32 port, __u32 reason)
{
	const struct fp_port *egress = port < FP_MAX_PORTS ? fp_port_at(port) : 0;

	if (!egress || !(fp_port_head(egress) & FP_PORT_UP) || bpf_redirect_map(&tx_ports, port, 0) != XDP_REDIRECT)
		return fp_ends(FP_KERNEL, FP_REASON_egress_port_down);
	return (struct fp_verdict){ FP_FORWARD, reason, port };
}

#endif
