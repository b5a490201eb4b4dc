/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The whole pipeline, Docs/pipeline.md from section 1 to 8, for every packet the shortcut leaves alone. It starts from the
 * bytes, so that nothing has to be carried over.
 */
#ifndef FP_TABLES_H
#define FP_TABLES_H

#include "acl.h"
#include "events.h"
#include "flows.h"
#include "nexthop.h"
#include "ports.h"
#include "prefix_tree.h"
#include "verdict.h"

/* A packet on its way through the tables. What was parsed stands in `scratch`: a program's stack is 512 bytes. */
struct fp_way {
	struct xdp_md *ctx;
	struct fp_settings *s;
	const struct fp_port *port;
	__u64 head;       /* of the port */
	struct fp_scratch *work;
	struct fp_packet *p; /* in `work` */
	__u32 port_index;
	__u32 rif;        /* 0: not admitted to the router */
	__u32 vrf;
	__u32 mirrored;
	__u32 flood_vlan;
};

fp_inline int fp_address_is_special4(__u32 a)
{
	return a >> 24 == 0 || a >> 24 == 127 || a >= 0xe0000000;
}

fp_inline int fp_address_is_special6(__u64 high, __u64 low)
{
	return high >> 56 == 0xff || high >> 54 == 0x3fa || (high == 0 && low <= 1);
}

fp_inline __u32 fp_flow_hash(const struct fp_settings *s, const struct fp_packet *p)
{
	if (p->family == 4)
		return em_hash2(s->seed[2], p->key[0], p->key[4]);
	return em_hash5(s->seed[2], p->key[0], p->key[1], p->key[2], p->key[3], p->key[4]);
}

fp_inline void fp_mirror(struct fp_way *way, __u32 reason)
{
	if (way->mirrored)
		return;
	way->mirrored = 1;
	fp_packet_in(way->ctx, way->s, way->port_index, reason, 1);
}

/* True when the ACL ends the packet's way; its verdict is in `verdict`. */
fp_inline int fp_acl(struct fp_way *way, struct fp_verdict *verdict)
{
	struct fp_acl_search search;

	fp_acl_lookup(way->s, &search, way->work, way->port_index, way->rif != 0);
	if (search.action & FP_ACTION_MIRROR)
		fp_mirror(way, FP_REASON_acl);
	if (search.action & FP_ACL_PERMIT)
		return 0;
	if (fp_action_disposition(search.action) == FP_FORWARD)
		*verdict = fp_to_port(fp_action_index(search.action), FP_REASON_acl);
	else
		*verdict = fp_ends(fp_action_disposition(search.action), FP_REASON_acl);
	return 1;
}

/* ---- section 4: routed packets ------------------------------------------------------------------------------ */

fp_inline int fp_has_flow_key(const struct fp_packet *p)
{
	return p->family && p->tags <= 1 && !p->options && !p->hop_by_hop && !p->fragment;
}

fp_inline struct fp_verdict fp_route_packet(struct fp_way *way, __u32 hash)
{
	const struct fp_packet *p = way->p;
	struct fp_settings *s = way->s;
	struct fp_route *all = routes_base(), *route;
	const void *nodes = tree_base();
	__u32 index, vrf = way->vrf, special;

	if (!p->family)
		return fp_ends(FP_KERNEL, FP_REASON_not_ip);
	if (p->tags > 1)
		return fp_ends(FP_KERNEL, FP_REASON_vlan_depth);
	if (p->options)
		return fp_ends(FP_KERNEL, FP_REASON_ip_options);
	if (p->hop_by_hop)
		return fp_ends(FP_KERNEL, FP_REASON_hop_by_hop);
	if (p->fragment)
		return fp_ends(FP_KERNEL, FP_REASON_fragment);
	if (!all || !nodes || vrf >= FP_MAX_VRFS)
		return fp_ends(FP_KERNEL, FP_REASON_internal);

	if (p->family == 4) {
		__u32 source = bpf_ntohl((__u32)p->key[0]), destination = bpf_ntohl((__u32)(p->key[0] >> 32));

		special = fp_address_is_special4(source) || fp_address_is_special4(destination);
		index = special ? 0 : pt_lookup4(nodes, fp_tree_limit, PT_READ(pt_root4(nodes, vrf)), destination);
	} else {
		__u64 high = bpf_be64_to_cpu(p->key[2]), low = bpf_be64_to_cpu(p->key[3]);

		special = fp_address_is_special6(bpf_be64_to_cpu(p->key[0]), bpf_be64_to_cpu(p->key[1])) ||
			  fp_address_is_special6(high, low);
		index = special ? 0 : pt_lookup6(nodes, fp_tree_limit, PT_READ(pt_root6(nodes, vrf)), high, low);
	}
	if (special)
		return fp_ends(FP_KERNEL, FP_REASON_special_address);
	if (!index || index >= fp_route_limit)
		return fp_ends(FP_KERNEL, FP_REASON_no_route);
	route = &all[index];
	if (em_count(&route->count, p->length))
		routes_spill_word(&route->count, s);
	{
		__u64 action = *(volatile __u64 *)&route->action;

		index = fp_action_index(action);
		if (fp_action_disposition(action) == FP_KERNEL)
			return fp_ends(FP_KERNEL, FP_REASON_local);
		if (fp_action_disposition(action) != FP_FORWARD)
			return fp_ends(fp_action_disposition(action), FP_REASON_route);
		if (action & FP_ROUTE_GROUP) {
			struct fp_nexthop_group *groups = groups_base();

			if (!groups || index >= FP_MAX_NEXTHOP_GROUPS)
				return fp_ends(FP_KERNEL, FP_REASON_internal);
			index = *(volatile __u32 *)&groups[index].bucket[hash & (FP_GROUP_BUCKETS - 1)];
		}
	}
	return fp_to_nexthop(way->ctx, p, index, FP_REASON_route);
}

/* A miss that has a flow key, reported once the packet is decided. Nothing waits for it. */
fp_inline void fp_report_flow_miss(const struct fp_way *way, __u32 hash, const struct fp_verdict *verdict)
{
	const struct fp_packet *p = way->p;
	struct fp_event *event = fp_miss_begin(way->s, way->port_index, hash);
	int i;

	if (!event)
		return;
	event->type = FP_EVENT_FLOW_MISS;
	event->vlan = p->vlan;
	event->family = p->family;
	event->disposition = verdict->disposition;
	event->reason = verdict->reason;
	event->vrf = way->vrf;
	event->length = p->length;
	for (i = 0; i < 5; i++)
		event->key[i] = p->key[i];
	bpf_ringbuf_submit(event, 0);
}

/* The packet has passed the ACL; `flow` is its entry, if it has one. */
fp_inline struct fp_verdict fp_routed(struct fp_way *way, const struct fp_flow *flow, __u32 hash)
{
	__u32 disposition = fp_action_disposition(flow->action);

	if (!flow->count)
		return fp_route_packet(way, hash);
	fp_count_flow(way->s, flow, way->p->family, way->p->length);
	if (flow->action & FP_ACTION_MIRROR)
		fp_mirror(way, FP_REASON_flow_cache);
	if (disposition != FP_FORWARD)
		return fp_ends(disposition, fp_action_reason(flow->action));
	if (flow->action & FP_ACTION_TO_PORT)
		return fp_to_port(fp_action_index(flow->action), FP_REASON_flow_cache);
	return fp_to_nexthop(way->ctx, way->p, fp_action_index(flow->action), FP_REASON_flow_cache);
}

/* ---- section 5: switched frames ------------------------------------------------------------------------------- */

/* What is in force for a VLAN. */
fp_inline const struct fp_vlan_members *fp_vlan_at(__u32 id)
{
	const struct fp_vlan *all = vlans_base();

	if (!all)
		return 0;
	all += id & (FP_MAX_VLANS - 1);
	return *(const volatile __u64 *)&all->state ? &all->half[1] : &all->half[0];
}

fp_inline struct fp_verdict fp_flood(struct fp_way *way, __u32 policy, __u32 reason)
{
	__u16 vlan = way->p->vlan;

	if (policy == FP_FLOOD_KERNEL)
		return fp_ends(FP_KERNEL, reason);
	if (policy != FP_FLOOD)
		return fp_ends(FP_DROP, reason);
	if (fp_ensure_tag(way->ctx, way->p, vlan))
		return fp_ends(FP_DROP, FP_REASON_internal);
	way->flood_vlan = vlan;
	bpf_redirect_map(&flood_ports, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
	return (struct fp_verdict){ FP_FORWARD, FP_REASON_flood, ~0U };
}

/* Looks the source address up and reports it when it is new or has moved. Decides nothing. */
fp_inline void fp_learn(struct fp_way *way)
{
	const struct fp_packet *p = way->p;
	__u64 key = p->source | ((__u64)p->vlan << 48), action = 0;
	void *table = mac_base();
	struct fp_entry32 *entry;
	struct fp_event *event;

	if (!table || !(way->head & FP_PORT_LEARN_MACS))
		return;
	entry = em_find32(way->s, table, fp_mac_buckets, key, 0, &action);
	if (entry) {
		if (action & FP_ACTION_STATIC)
			return;
		if ((action & FP_ACTION_TO_PORT) && fp_action_index(action) == way->port_index) {
			em_touch(&entry->action, action, way->s->epoch);
			return;
		}
	}
	event = fp_miss_begin(way->s, way->port_index, em_hash2(way->s->seed[2], key, way->port_index));
	if (!event)
		return;
	event->type = FP_EVENT_MAC_MISS;
	event->vlan = p->vlan;
	event->family = 0;
	event->disposition = 0;
	event->reason = 0;
	event->vrf = 0;
	event->length = p->length;
	event->key[0] = key;
	event->key[1] = event->key[2] = event->key[3] = event->key[4] = 0;
	bpf_ringbuf_submit(event, 0);
}

fp_inline struct fp_verdict fp_switch_to(struct fp_way *way, const struct fp_vlan_members *vlan, __u32 egress)
{
	const struct fp_packet *p = way->p;
	const struct fp_port *port;
	__u64 head;

	if (egress == way->port_index)
		return fp_ends(FP_DROP, FP_REASON_same_port);
	port = fp_port_at(egress);
	if (!port || egress >= FP_MAX_PORTS)
		return fp_ends(FP_DROP, FP_REASON_internal);
	head = fp_port_head(port);
	if (!(vlan->members & (1ULL << (egress & 63))))
		return fp_ends(FP_DROP, FP_REASON_vlan_egress);
	if (!(head & FP_PORT_UP))
		return fp_ends(FP_DROP, FP_REASON_egress_port_down);
	if (p->length > (__u32)fp_head_mtu(head) + ETHERNET_BYTES + TAG_BYTES * p->tags)
		return fp_ends(FP_DROP, FP_REASON_mtu_exceeded);
	if (bpf_redirect_map(&tx_ports, egress, 0) != XDP_REDIRECT)
		return fp_ends(FP_DROP, FP_REASON_egress_port_down);
	if (vlan->untagged & (1ULL << (egress & 63))) {
		if (p->tags && fp_pop_tag(way->ctx))
			return fp_ends(FP_DROP, FP_REASON_internal);
	} else if (fp_ensure_tag(way->ctx, p, p->vlan)) {
		return fp_ends(FP_DROP, FP_REASON_internal);
	}
	return (struct fp_verdict){ FP_FORWARD, FP_REASON_mac, egress };
}

fp_inline struct fp_verdict fp_switched(struct fp_way *way)
{
	const struct fp_packet *p = way->p;
	const struct fp_vlan_members *vlan = fp_vlan_at(p->vlan);
	struct fp_entry32 *entry;
	void *table = mac_base();
	__u64 action = 0;

	if (!vlan || !table)
		return fp_ends(FP_DROP, FP_REASON_internal);
	if (p->destination == MAC_BROADCAST)
		return fp_flood(way, vlan->broadcast, FP_REASON_broadcast);
	if (p->destination & MAC_GROUP)
		return fp_flood(way, vlan->multicast, FP_REASON_multicast);
	entry = em_find32(way->s, table, fp_mac_buckets, p->destination | ((__u64)p->vlan << 48), 0, &action);
	if (!entry)
		return fp_flood(way, vlan->unknown_unicast, FP_REASON_unknown_unicast);
	if (em_count(&entry->count, p->length))
		mac_spill_word(&entry->count, way->s);
	if (fp_action_disposition(action) != FP_FORWARD)
		return fp_ends(fp_action_disposition(action), FP_REASON_mac);
	return fp_switch_to(way, vlan, fp_action_index(action));
}

/* ---- sections 1 to 3, and 6 ----------------------------------------------------------------------------------- */

fp_inline struct fp_verdict fp_decide(struct fp_way *way, void *data, void *data_end)
{
	struct fp_packet *p = way->p;
	struct fp_verdict verdict;
	struct fp_flow flow = {};
	int malformed, keyed;
	__u32 hash = 0;
	__u16 vrf = 0;

	if (!(way->head & FP_PORT_ADMIT))
		return fp_ends(FP_DROP, FP_REASON_port);
	malformed = fp_parse(p, data, data_end);
	if (malformed) {
		if (!(way->head & FP_PORT_MALFORMED_IGNORED) || !fp_malformed_ip(malformed))
			return fp_ends(way->head & FP_PORT_MALFORMED_TO_KERNEL ? FP_KERNEL : FP_DROP, malformed);
		fp_forget_ip(p);
	}

	p->vlan = p->vid;
	if ((way->head & FP_PORT_SWITCHED) && !p->vid)
		p->vlan = fp_head_pvid(way->head);
	if ((p->destination & ~0xfULL) == MAC_RESERVED)
		return fp_ends(FP_KERNEL, FP_REASON_reserved_multicast);
	if (way->head & FP_PORT_SWITCHED) {
		const struct fp_vlan_members *vlan = fp_vlan_at(p->vlan);

		if (!vlan || !(vlan->members & (1ULL << (way->port_index & 63))))
			return fp_ends(FP_DROP, FP_REASON_vlan_ingress);
		if (!p->source || (p->source & MAC_GROUP))
			return fp_ends(FP_DROP, FP_REASON_source_mac);
		fp_learn(way);
	}
	way->rif = fp_station_of(way->port, p->destination, p->vlan, &vrf);
	way->vrf = vrf;
	keyed = way->rif && fp_has_flow_key(p);
	if (keyed) {
		p->key[4] = fp_flow_word(p->ports, p->protocol, way->rif);
		hash = fp_flow_hash(way->s, p);
		flow = fp_find_flow(way->s, p);
	}
	/* An entry that carries the ACL's decision stands for it. */
	if (!(flow.count && (flow.action & FP_ACTION_ACL_DONE)) && fp_acl(way, &verdict))
		;
	else if (way->rif)
		verdict = fp_routed(way, &flow, hash);
	else if (way->head & FP_PORT_SWITCHED)
		verdict = fp_switched(way);
	else if (p->destination & MAC_GROUP)
		verdict = fp_ends(FP_KERNEL, p->destination == MAC_BROADCAST ? FP_REASON_broadcast : FP_REASON_multicast);
	else
		verdict = fp_ends(FP_KERNEL, FP_REASON_not_my_station);
	if (keyed && !flow.count && (way->head & FP_PORT_LEARN_FLOWS))
		fp_report_flow_miss(way, hash, &verdict);
	return verdict;
}

fp_inline void fp_explain(const struct fp_way *way, const struct fp_verdict *verdict)
{
	struct fp_trace *record = fp_trace_record();

	if (!record)
		return;
	record->disposition = verdict->disposition;
	record->reason = verdict->reason;
	record->egress_port = verdict->egress_port;
	record->vlan = way->flood_vlan;
	record->mirror = way->mirrored;
	record->valid = 1;
}

/* Everything, for one packet. The kernel's code. A function of its own, so that the verifier looks at it once. */
__attribute__((noinline)) int fp_tables(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct fp_way way = { .ctx = ctx };
	struct fp_verdict verdict;
	__u32 zero = 0, record;

	way.s = settings_base();
	way.work = bpf_map_lookup_elem(&scratch, &zero);
	if (!way.s || !way.work)
		return XDP_PASS;
	way.p = &way.work->packet;
	__builtin_memset(way.p, 0, sizeof(*way.p));
	way.p->length = data_end - data;
	record = fp_record_of(ctx->ingress_ifindex);
	way.port = fp_port_at(record);
	way.head = way.port ? fp_port_head(way.port) : 0;
	way.port_index = (__u32)way.head ? record & (FP_MAX_PORTS - 1) : 0;
	if (fp_multi_buffer && bpf_xdp_get_buff_len(ctx) != (__u64)(data_end - data)) {
		way.p->length = bpf_xdp_get_buff_len(ctx);
		verdict = fp_ends(FP_KERNEL, FP_REASON_multi_buffer);
	} else if (!(__u32)way.head) {
		verdict = fp_ends(FP_KERNEL, FP_REASON_unknown_port);
	} else {
		verdict = fp_decide(&way, data, data_end);
	}
	fp_count_verdict(way.port_index, verdict.disposition, verdict.reason, way.p->length);
	fp_explain(&way, &verdict);
	switch (verdict.disposition) {
	case FP_FORWARD:
		return XDP_REDIRECT;
	case FP_KERNEL:
		return XDP_PASS;
	case FP_CPU:
		fp_packet_in(ctx, way.s, way.port_index, verdict.reason, 0);
		return XDP_DROP;
	default:
		return XDP_DROP;
	}
}

#endif
