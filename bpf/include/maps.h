/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps of the fast path. Tables are arrays of one big element, mapped by the controller, so that a lookup is an
 * address computation and an entry is written without a system call. Their sizes are set before loading; the program
 * sees them as constants below, which is what lets the verifier bound every access.
 */
#ifndef MAPS_H
#define MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "fastpath_abi.h"
#include "parse.h"

/* The layout this object was compiled for: the loader asks before it loads. */
const volatile __u32 fp_abi_version = FP_ABI_VERSION;

/* Set by the loader, in agreement with the value sizes of the maps. */
const volatile __u32 fp_flow4_buckets = 1;
const volatile __u32 fp_flow6_buckets = 1;
const volatile __u32 fp_mac_buckets = 1;
const volatile __u32 fp_tree_limit = 1;   /* nodes of the prefix tree */
const volatile __u32 fp_route_limit = 1;
/* Some port takes frames of more than one buffer: look out for them. */
const volatile __u8 fp_multi_buffer = 0;
/* Write an explanation of every verdict into `trace`. */
const volatile __u8 fp_trace = 0;

/* Digest of the image and of the constants above, for whoever finds the program loaded. The program does not read it. */
const volatile __u64 fp_build = 0;
/* The image alone, for people. */
const volatile struct fp_image_digest fp_image = {};

/* Hides from the compiler what it knows of a value, so that a bound is computed where it is used and the verifier
 * sees it; else the compiler moves the address computation in front of the check. */
#define FP_OPAQUE(value) asm volatile("" : "+r"(value))

#define FP_MAPPED(name, bytes)                                  \
	struct {                                                \
		__uint(type, BPF_MAP_TYPE_ARRAY);               \
		__uint(map_flags, BPF_F_MMAPABLE);              \
		__uint(key_size, sizeof(__u32));                \
		__uint(value_size, bytes);                      \
		__uint(max_entries, 1);                         \
	} name SEC(".maps");                                    \
	fp_inline void *name##_base(void)                       \
	{                                                       \
		__u32 zero = 0;                                 \
		return bpf_map_lookup_elem(&name, &zero);       \
	}

#define FP_PER_CPU(name, element, count)                        \
	struct {                                                \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);        \
		__uint(key_size, sizeof(__u32));                \
		__uint(value_size, sizeof(element));            \
		__uint(max_entries, count);                     \
	} name SEC(".maps");

/* Written by the controller; the programs write counters, epochs and `spills` only. */
FP_MAPPED(settings, sizeof(struct fp_settings))
FP_MAPPED(interfaces, sizeof(__u64) * (FP_IFINDEX_SLOTS + FP_IFINDEX_PROBES))
FP_MAPPED(ports, sizeof(struct fp_port) * FP_PORT_RECORDS)
FP_MAPPED(vlans, sizeof(struct fp_vlan) * FP_MAX_VLANS)
FP_MAPPED(nexthops, sizeof(struct fp_nexthop) * FP_MAX_NEXTHOPS)
FP_MAPPED(groups, sizeof(struct fp_nexthop_group) * FP_MAX_NEXTHOP_GROUPS)
FP_MAPPED(acl, sizeof(struct fp_acl_rule) * FP_MAX_ACL_RULES * 2)
FP_MAPPED(acl_counters, sizeof(struct fp_counter) * FP_MAX_ACL_RULES * 2)
FP_MAPPED(flow4, 128)
FP_MAPPED(flow4_spill, 64)
FP_MAPPED(flow6, 128)
FP_MAPPED(flow6_spill, 64)
FP_MAPPED(mac, 128)
FP_MAPPED(mac_spill, 64)
FP_MAPPED(routes, sizeof(struct fp_route))
FP_MAPPED(routes_spill, sizeof(struct fp_counter))
FP_MAPPED(tree, 64 * 64)
FP_MAPPED(trace, sizeof(struct fp_trace))

/* Written by the programs, read by the controller. */
FP_PER_CPU(verdicts, struct fp_counter, FP_VERDICT_SLOTS)
FP_PER_CPU(event_budgets, struct fp_event_budget, FP_MAX_PORTS)

struct fp_recent {
	__u32 tag[FP_RECENT_MISSES];
};
FP_PER_CPU(recent, struct fp_recent, 1)

/* What a CPU knows of the packet it is working on. */
struct fp_scratch {
	struct fp_packet packet;
	struct fp_acl_key acl;
};
FP_PER_CPU(scratch, struct fp_scratch, 1)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps");

/* Whole packets have a ring of their own, so that they cannot push out misses. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_devmap_val));
	__uint(max_entries, FP_MAX_PORTS);
} tx_ports SEC(".maps");

/* The same ports, each with `xdp_flood_egress`, which decides per copy. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_devmap_val));
	__uint(max_entries, FP_MAX_PORTS);
} flood_ports SEC(".maps");

/* Programs run before the tables, slot 0 first; each ends by a tail call to the next slot, the last one to
 * FP_CHAIN_SLOTS - 1, where the fast path waits. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(max_entries, FP_CHAIN_SLOTS);
} chain SEC(".maps");

#endif
