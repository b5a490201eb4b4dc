/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The policy table: Docs/pipeline.md, section 7. Rules stand in order of priority; the first that matches decides. */
#ifndef ACL_H
#define ACL_H

#include "maps.h"
#include "parse.h"

struct fp_acl_search {
	const struct fp_acl_key *key;
	__u32 first;             /* index of the bank's first rule */
	__u32 counter;           /* ~0: no rule matched */
	__u64 action;
};

fp_inline void fp_acl_key_of(struct fp_acl_key *key, const struct fp_packet *p, __u32 port, __u32 routed)
{
	__u64 flags = routed ? FP_ACL_ROUTED : 0;

	if (p->family)
		flags |= FP_ACL_IP | (p->family == 4 ? FP_ACL_IPV4 : FP_ACL_IPV6);
	if (p->l4)
		flags |= FP_ACL_L4;
	if (p->fragment)
		flags |= FP_ACL_FRAGMENT;
	if (p->fragment == FP_LATER_FRAGMENT)
		flags |= FP_ACL_LATER;
	key->w[0] = (__u64)port | ((__u64)p->vlan << 16) | ((__u64)p->ethertype << 32) |
		    ((__u64)(p->family ? p->protocol : 0) << 48) | (flags << 56);
	key->w[1] = p->destination | ((__u64)p->dscp << 48) | ((__u64)p->tcp_flags << 56);
	key->w[2] = p->source;
	key->w[3] = 0;
	if (p->l4 && (p->protocol == PROTOCOL_TCP || p->protocol == PROTOCOL_UDP))
		key->w[3] = bpf_ntohs((__u16)p->ports) | ((__u64)bpf_ntohs((__u16)(p->ports >> 16)) << 16);
	else if (p->l4)
		key->w[2] |= ((__u64)(p->ports & 0xffff)) << 48; /* type in the lower byte, code above it */
	if (p->family == 4) {
		key->w[4] = 0;
		key->w[5] = bpf_ntohl((__u32)p->key[0]);
		key->w[6] = 0;
		key->w[7] = bpf_ntohl((__u32)(p->key[0] >> 32));
	} else if (p->family == 6) {
		key->w[4] = bpf_be64_to_cpu(p->key[0]);
		key->w[5] = bpf_be64_to_cpu(p->key[1]);
		key->w[6] = bpf_be64_to_cpu(p->key[2]);
		key->w[7] = bpf_be64_to_cpu(p->key[3]);
	} else {
		key->w[4] = key->w[5] = key->w[6] = key->w[7] = 0;
	}
}

static long fp_acl_step(__u32 i, struct fp_acl_search *search)
{
	struct fp_acl_rule *all = acl_base(), *rule;
	const struct fp_acl_key *key = search->key;
	__u32 index = search->first + i;
	__u16 source_port = key->w[3], destination_port = key->w[3] >> 16;
	__u64 difference = 0;
	int w;

	if (!all)
		return 1;
	rule = &all[index & (FP_MAX_ACL_RULES * 2 - 1)];
#pragma clang loop unroll(full)
	for (w = 0; w < FP_ACL_WORDS; w++)
		difference |= (key->w[w] ^ rule->value[w]) & rule->mask[w];
	if (difference)
		return 0;
	if (source_port < rule->source_port_low || source_port > rule->source_port_high ||
	    destination_port < rule->destination_port_low ||
	    destination_port > rule->destination_port_high)
		return 0;
	search->action = rule->action;
	search->counter = rule->counter;
	return 1;
}

/* The action word of the first rule that matches, or of the default. */
fp_inline void fp_acl_lookup(struct fp_settings *s, struct fp_acl_search *search, struct fp_scratch *work, __u32 port,
			     __u32 routed)
{
	__u32 rules = *(volatile __u32 *)&s->acl;
	__u32 count = rules & 0x7fffffff, counter;
	struct fp_counter *counters;

	search->counter = ~0U;
	search->action = (s->flags & FP_SETTING_ACL_DEFAULT_DROP) ? (__u64)FP_DROP << FP_ACTION_DISPOSITION_SHIFT
								  : FP_ACL_PERMIT;
	if (!count)
		return;
	fp_acl_key_of(&work->acl, &work->packet, port, routed);
	search->key = &work->acl;
	search->first = (rules >> 31) * FP_MAX_ACL_RULES;
	bpf_loop(count, fp_acl_step, search, 0);
	counter = search->counter;
	counters = acl_counters_base();
	if (!counters || counter >= FP_MAX_ACL_RULES * 2)
		return;
	FP_OPAQUE(counter);
	counters += counter & (FP_MAX_ACL_RULES * 2 - 1);
	__sync_fetch_and_add(&counters->packets, 1);
	__sync_fetch_and_add(&counters->bytes, work->packet.length);
}

#endif
