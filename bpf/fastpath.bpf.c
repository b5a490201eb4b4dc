// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The fast path: Docs/pipeline.md, table by table.
 *
 *   xdp_fastpath      what is attached to a port: the program chain if there is one, then
 *     fp_cached         the shortcut: an untagged packet for the router whose flow is in the cache and needs nothing special
 *     fp_tables         everything: all packets the shortcut leaves alone, from the beginning (include/tables.h)
 *   xdp_resume        the chain's last slot: the same without the chain
 *   xdp_flood_egress  decides, per port, on the copies of a flooded frame
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "tables.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* What a flow entry must say for the shortcut to act on it: valid, by a next hop, and no more. */
#define FP_PLAIN_MASK (FP_ACTION_VALID | FP_ACTION_MIRROR | FP_ACTION_TO_PORT | (3ULL << FP_ACTION_DISPOSITION_SHIFT))

/*
 * The shortcut. It reads what the tables would read, in the same order, and gives up (false) wherever there is more to
 * see than an entry that forwards: then nothing has been changed or counted. What it decides, the tables would
 * decide alike; tools/fuzz holds it to that.
 */
fp_inline int fp_cached(struct xdp_md *ctx, struct fp_settings *s)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct fp_packet p;
	struct fp_verdict verdict;
	const struct fp_port *port;
	struct fp_flow flow;
	__u32 record, minimum, left;
	__u64 destination;
	const __u8 *l4;
	__u16 type;

	if (data + ETHERNET_BYTES + IPV6_BYTES > data_end)
		return 0;
	record = fp_record_of(ctx->ingress_ifindex);
	port = fp_port_at(record);
	if (!port || (fp_port_head(port) & (FP_PORT_ADMIT | FP_PORT_SWITCHED)) != FP_PORT_ADMIT)
		return 0;
	destination = fp_mac(data);
	if (((destination ^ port->stations[0].mac) & port->stations[0].mask) || (destination & MAC_GROUP) ||
	    !port->stations[0].rif || (port->stations[0].vlan && !port->stations[0].any_vlan))
		return 0;

	p.length = data_end - data;
	p.tags = 0;
	left = p.length - ETHERNET_BYTES;
	type = *(__be16 *)(data + 12);
	if (type == bpf_htons(ETHERTYPE_IPV4)) {
		const struct ipv4_header *ip = data + ETHERNET_BYTES;

		p.ip_length = bpf_ntohs(ip->total_length);
		if (ip->version_ihl != 0x45 || (ip->fragment & bpf_htons(0x3fff)) || p.ip_length > left ||
		    fp_fold(fp_ipv4_sum(ip)) != 0xffff)
			return 0;
		p.family = 4;
		p.protocol = ip->protocol;
		p.ttl = ip->ttl;
		p.key[0] = *(__u64 *)ip->addresses;
		minimum = IPV4_BYTES;
		l4 = data + ETHERNET_BYTES + IPV4_BYTES;
	} else if (type == bpf_htons(ETHERTYPE_IPV6)) {
		const struct ipv6_header *ip = data + ETHERNET_BYTES;

		p.ip_length = IPV6_BYTES + bpf_ntohs(ip->payload_length);
		if (ip->version_class >> 4 != 6 || p.ip_length > left)
			return 0;
		p.family = 6;
		p.protocol = ip->next_header;
		p.ttl = ip->hop_limit;
		p.key[0] = ((__u64 *)ip->addresses)[0];
		p.key[1] = ((__u64 *)ip->addresses)[1];
		p.key[2] = ((__u64 *)ip->addresses)[2];
		p.key[3] = ((__u64 *)ip->addresses)[3];
		minimum = IPV6_BYTES;
		l4 = data + ETHERNET_BYTES + IPV6_BYTES;
	} else {
		return 0;
	}
	/* Other protocols, and extension headers, are left to the tables. */
	if (p.protocol == PROTOCOL_UDP)
		minimum += 8;
	else if (p.protocol == PROTOCOL_TCP)
		minimum += 20;
	else
		return 0;
	if (p.ip_length < minimum || (void *)(l4 + 8) > data_end)
		return 0;
	p.key[4] = fp_flow_word(*(__u32 *)l4, p.protocol, port->stations[0].rif);

	flow = fp_peek_flow(s, &p);
	if (!flow.count || (flow.action & FP_PLAIN_MASK) != FP_ACTION_VALID ||
	    (!(flow.action & FP_ACTION_ACL_DONE) && ((s->acl & 0x7fffffff) || (s->flags & FP_SETTING_ACL_DEFAULT_DROP))))
		return 0;
	verdict = fp_to_nexthop(ctx, &p, fp_action_index(flow.action), FP_REASON_flow_cache);
	if (verdict.disposition != FP_FORWARD)
		return 0;
	fp_count_flow(s, &flow, p.family, p.length);
	fp_count_verdict(record, FP_FORWARD, FP_REASON_flow_cache, p.length);
	if (fp_trace) {
		struct fp_way way = { .ctx = ctx };

		fp_explain(&way, &verdict);
	}
	return 1;
}

fp_inline int fp_ingress(struct xdp_md *ctx, struct fp_settings *s)
{
	if (!fp_multi_buffer || bpf_xdp_get_buff_len(ctx) == (__u64)(ctx->data_end - ctx->data))
		if (fp_cached(ctx, s))
			return XDP_REDIRECT;
	return fp_tables(ctx);
}

SEC("xdp")
int xdp_fastpath(struct xdp_md *ctx)
{
	struct fp_settings *s = settings_base();

	if (!s)
		return XDP_PASS;
	if (s->flags & FP_SETTING_CHAIN)
		bpf_tail_call(ctx, &chain, 0);
	return fp_ingress(ctx, s);
}

SEC("xdp")
int xdp_resume(struct xdp_md *ctx)
{
	struct fp_settings *s = settings_base();

	return s ? fp_ingress(ctx, s) : XDP_PASS;
}

/* A copy of a flooded frame at one port: it carries its VLAN's tag, and loses it where the VLAN is untagged. */
SEC("xdp/devmap")
int xdp_flood_egress(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 index = fp_record_of(ctx->egress_ifindex);
	const struct fp_port *port = fp_port_at(index);
	const struct fp_vlan_members *vlan;

	if (!port || !(fp_port_head(port) & FP_PORT_UP) || data + ETHERNET_BYTES + TAG_BYTES > data_end)
		return XDP_DROP;
	vlan = fp_vlan_at(bpf_ntohs(*(__be16 *)(data + ETHERNET_BYTES)) & 0xfff);
	if (!vlan || !(vlan->members & (1ULL << (index & 63))))
		return XDP_DROP;
	if ((vlan->untagged & (1ULL << (index & 63))) && fp_pop_tag(ctx))
		return XDP_DROP;
	return XDP_PASS;
}
