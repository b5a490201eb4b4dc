/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The flow cache: finding an entry, whether it holds, and counting on it. */
#ifndef FLOWS_H
#define FLOWS_H

#include "exact_match.h"
#include "maps.h"
#include "parse.h"

/* An entry found: its words in the table, and the action as it was read. `count` is 0 when there is none. */
struct fp_flow {
	__u64 *count;
	__u64 *word;
	__u64 action;
};

fp_inline int fp_flow_holds(const struct fp_settings *s, __u64 action)
{
	return (action & FP_ACTION_STATIC) || fp_action_generation(action) == s->generation;
}

/* Defines a search for a packet's valid entry by one kind of lookup. */
#define FP_FLOW_LOOKUP(name, lookup32, lookup64)                                                            \
	fp_inline struct fp_flow name(const struct fp_settings *s, const struct fp_packet *p)              \
	{                                                                                                  \
		struct fp_flow flow = {};                                                                  \
                                                                                                           \
		if (p->family == 4) {                                                                      \
			void *table = flow4_base();                                                        \
			struct fp_entry32 *entry;                                                          \
                                                                                                           \
			if (!table)                                                                        \
				return flow;                                                               \
			entry = lookup32(s, table, fp_flow4_buckets, p->key[0], p->key[4], &flow.action);  \
			if (entry) {                                                                       \
				flow.count = &entry->count;                                                \
				flow.word = &entry->action;                                                \
			}                                                                                  \
		} else {                                                                                   \
			void *table = flow6_base();                                                        \
			struct fp_entry64 *entry;                                                          \
                                                                                                           \
			if (!table)                                                                        \
				return flow;                                                               \
			entry = lookup64(s, table, fp_flow6_buckets, p->key[0], p->key[1], p->key[2],      \
					 p->key[3], p->key[4], &flow.action);                              \
			if (entry) {                                                                       \
				flow.count = &entry->count;                                                \
				flow.word = &entry->action;                                                \
			}                                                                                  \
		}                                                                                          \
		if (flow.count && !fp_flow_holds(s, flow.action))                                          \
			flow.count = 0;                                                                    \
		return flow;                                                                               \
	}

FP_FLOW_LOOKUP(fp_find_flow, em_find32, em_find64)
FP_FLOW_LOOKUP(fp_peek_flow, em_peek32, em_peek64)

/* Defines a function that moves a full count word of `table` into its spill counter. */
#define FP_SPILL(table, entry_type, slots)                                                                 \
	static __attribute__((noinline)) int table##_spill_word(__u64 *count, struct fp_settings *s)       \
	{                                                                                                  \
		char *base = table##_base();                                                               \
		struct fp_counter *spill = table##_spill_base();                                           \
		__u64 index;                                                                               \
                                                                                                           \
		if (!base || !spill)                                                                       \
			return 0;                                                                          \
		index = ((__u64)((char *)count - base)) / sizeof(entry_type);                              \
		if (index < (slots))                                                                       \
			em_spill(count, &spill[index], s);                                                 \
		return 0;                                                                                  \
	}

FP_SPILL(flow4, struct fp_entry32, (__u64)fp_flow4_buckets *EM_SLOTS32)
FP_SPILL(flow6, struct fp_entry64, (__u64)fp_flow6_buckets *EM_SLOTS64)
FP_SPILL(mac, struct fp_entry32, (__u64)fp_mac_buckets *EM_SLOTS32)
FP_SPILL(routes, struct fp_route, (__u64)fp_route_limit)

fp_inline void fp_count_flow(struct fp_settings *s, const struct fp_flow *flow, __u32 family, __u32 length)
{
	if (em_count(flow->count, length)) {
		if (family == 4)
			flow4_spill_word(flow->count, s);
		else
			flow6_spill_word(flow->count, s);
	}
	em_touch(flow->word, flow->action, s->epoch);
}

#endif
