/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The layout shared by the fast-path programs and user space: table entries, settings, events and the codes of
 * verdicts. Read by clang for the BPF target and, as module CFastPath, by Swift. Little-endian hosts only.
 *
 * Who writes what: user space (one process, the controller) writes every table; the programs write only counters,
 * last-hit epochs, per-CPU statistics and events. How a reader never sees half an entry: Docs/decisions/0002.
 */
#ifndef FASTPATH_ABI_H
#define FASTPATH_ABI_H

#include <linux/types.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the fast path's tables are laid out for little-endian hosts"
#endif

#ifdef __bpf__
#define fp_inline static inline __attribute__((always_inline))
#else
#define fp_inline static inline
#endif

/* Version of this layout; pinned tables of another version are not adopted. */
#define FP_ABI_VERSION 2

/* ---- limits ------------------------------------------------------------------------------------------------ */

#define FP_MAX_PORTS 64           /* a VLAN's members are one 64-bit word */
#define FP_MAX_VLANS 4096
#define FP_MAX_VRFS 256
#define FP_MAX_ROUTER_INTERFACES 1024
#define FP_MAX_STATIONS_PER_PORT 8
#define FP_MAX_ACL_RULES 512      /* a bank; two banks */
#define FP_MAX_NEXTHOPS 65536
#define FP_MAX_NEXTHOP_GROUPS 1024
#define FP_GROUP_BUCKETS 64       /* weights resolve to 1/64 */
#define FP_IFINDEX_SLOTS 4096     /* ifindex -> port, open addressing */
#define FP_IFINDEX_PROBES 8
#define FP_CHAIN_SLOTS 16
#define FP_SEEDS 12
#define FP_RECENT_MISSES 8192     /* per CPU: misses reported this tick, by hash */
#define FP_PACKET_IN_SMALL 256
#define FP_PACKET_IN_LARGE 2048   /* a packet-in carries at most this much of the packet */

/* Stored time: one epoch is this long. The epoch is a 16-bit counter written by the controller. */
#define FP_EPOCH_MILLISECONDS 500

/* ---- verdicts ---------------------------------------------------------------------------------------------- */

/* What becomes of a packet. */
enum fp_disposition {
	FP_FORWARD = 0, /* leaves by a port (or by all ports of a VLAN, reason FLOOD) */
	FP_DROP = 1,
	FP_KERNEL = 2,  /* continues, unchanged, in the kernel's stack */
	FP_CPU = 3,     /* handed to the controller and consumed */
};

/* Why: the table or rule that decided. One list for drops, punts and forwards, shared with Swift by name. */
#define FP_REASONS(X)                                                                                       \
	X(0, none)                                                                                          \
	X(1, flow_cache)            /* a flow-cache entry */                                                \
	X(2, acl)                   /* an ACL entry, or the ACL's default */                                \
	X(3, route)                 /* a route: forward, blackhole, or trap to the CPU port */              \
	X(4, mac)                   /* a MAC-table entry */                                                 \
	X(5, flood)                 /* flooded in its VLAN */                                               \
	X(6, port)                  /* the port does not admit packets */                                   \
	X(7, local)                 /* the route says: for this node itself */                              \
	X(8, ethernet_truncated)    /* shorter than an Ethernet header */                                   \
	X(9, vlan_truncated)                                                                                \
	X(10, ipv4_truncated)                                                                               \
	X(11, ipv4_version)                                                                                 \
	X(12, ipv4_header_length)                                                                           \
	X(13, ipv4_total_length)                                                                            \
	X(14, ipv4_checksum)                                                                                \
	X(15, ipv6_truncated)                                                                               \
	X(16, ipv6_version)                                                                                 \
	X(17, ipv6_payload_length)                                                                          \
	X(18, ipv6_extension)       /* an extension header is cut short, or there are too many */           \
	X(19, l4_truncated)                                                                                 \
	X(20, vlan_ingress)         /* the port is not a member of the packet's VLAN */                     \
	X(21, vlan_egress)          /* nor is the port the packet should leave by */                        \
	X(22, source_mac)           /* a multicast or zero source address */                                \
	X(23, same_port)            /* would leave by the port it came in at */                             \
	X(24, unknown_unicast)      /* VLAN policy for unknown destinations */                              \
	X(25, broadcast)            /* VLAN policy for broadcast */                                         \
	X(26, multicast)            /* VLAN policy, or multicast at a routed port */                        \
	X(27, reserved_multicast)   /* IEEE 802.1Q 8.6.3: 01:80:c2:00:00:00 to :0f never cross a bridge */  \
	X(28, not_my_station)       /* at a routed port, for another station */                             \
	X(29, not_ip)               /* for the router, but not IP */                                        \
	X(30, vlan_depth)           /* for the router, with more than one tag */                            \
	X(31, no_route)                                                                                     \
	X(32, ip_options)                                                                                   \
	X(33, fragment)                                                                                     \
	X(34, hop_by_hop)                                                                                   \
	X(35, special_address)      /* an address that is never routed by the fast path */                  \
	X(36, ttl_expired)                                                                                  \
	X(37, mtu_exceeded)                                                                                 \
	X(38, neighbor_unresolved)                                                                          \
	X(39, egress_port_down)                                                                             \
	X(40, unknown_port)         /* the interface is no port of this node */                             \
	X(41, multi_buffer)         /* the frame does not lie in one buffer */                              \
	X(42, internal)             /* a bound that cannot be passed was passed: a bug, please report */

enum fp_reason {
#define X(code, name) FP_REASON_##name = code,
	FP_REASONS(X)
#undef X
};
#define FP_REASON_COUNT 43
#define FP_REASON_SLOTS 64 /* counters are laid out by 64 */

#ifndef __bpf__
/* The name of a reason, for the test that compares this list with Swift's. */
fp_inline const char *fp_reason_name(__u32 code)
{
	switch (code) {
#define X(number, name) case number: return #name;
	FP_REASONS(X)
#undef X
	default: return 0;
	}
}
#endif

/* ---- the action word --------------------------------------------------------------------------------------- */

/*
 * What an exact-match entry says, in one naturally aligned 64-bit word, so that it is read and written whole:
 *
 *   0..17   index: next hop, or port
 *   18      valid; a word without it is a free slot
 *   19      static: holds whatever the policy generation
 *   20      the ACL has been consulted; do not consult it again
 *   21      mirror a copy to the CPU
 *   22..23  disposition
 *   24      index is a port (redirect, unmodified) and not a next hop
 *   25      free
 *   26..31  reason to report for what is not forwarded
 *   32..47  policy generation the entry was derived from
 *   48..63  epoch of the last hit; the one part written by the programs (as a 16-bit store)
 */
#define FP_ACTION_INDEX_MASK 0x3ffffULL
#define FP_ACTION_VALID (1ULL << 18)
#define FP_ACTION_STATIC (1ULL << 19)
#define FP_ACTION_ACL_DONE (1ULL << 20)
#define FP_ACTION_MIRROR (1ULL << 21)
#define FP_ACTION_DISPOSITION_SHIFT 22
#define FP_ACTION_TO_PORT (1ULL << 24)
#define FP_ACTION_REASON_SHIFT 26
#define FP_ACTION_GENERATION_SHIFT 32
#define FP_ACTION_EPOCH_SHIFT 48

fp_inline __u32 fp_action_index(__u64 action) { return (__u32)(action & FP_ACTION_INDEX_MASK); }
fp_inline __u32 fp_action_disposition(__u64 action) { return (__u32)(action >> FP_ACTION_DISPOSITION_SHIFT) & 3; }
fp_inline __u32 fp_action_reason(__u64 action) { return (__u32)(action >> FP_ACTION_REASON_SHIFT) & 63; }
fp_inline __u16 fp_action_generation(__u64 action) { return (__u16)(action >> FP_ACTION_GENERATION_SHIFT); }

/* ---- counters ---------------------------------------------------------------------------------------------- */

/*
 * Packets and bytes of an entry in one word, so that one atomic addition counts a packet: packets in the upper 26 bits,
 * bytes in the lower 38. When either half reaches its top bit the program moves the word into the entry's
 * spill counter, so nothing wraps however long nobody reads.
 */
#define FP_COUNT_PACKET_SHIFT 38
#define FP_COUNT_PACKET (1ULL << FP_COUNT_PACKET_SHIFT)
#define FP_COUNT_BYTES_MASK (FP_COUNT_PACKET - 1)
#define FP_COUNT_SPILL_BITS ((1ULL << 63) | (1ULL << (FP_COUNT_PACKET_SHIFT - 1)))

struct fp_counter {
	__u64 packets;
	__u64 bytes;
};

/* Per CPU, by port, disposition and reason: every packet is counted here exactly once. */
#define FP_VERDICT_SLOTS (FP_MAX_PORTS * 4 * FP_REASON_SLOTS)
fp_inline __u32 fp_verdict_slot(__u32 port, __u32 disposition, __u32 reason)
{
	return (port << 8) | (disposition << 6) | reason;
}

/* ---- settings ---------------------------------------------------------------------------------------------- */

#define FP_SETTING_CHAIN (1U << 0)        /* run the program chain before the tables */
#define FP_SETTING_ACL_DEFAULT_DROP (1U << 1)

/* One element, mapped by the controller. The first line is what every packet reads. */
struct fp_settings {
	__u16 generation;         /* policy generation; entries derived from another one are misses */
	__u16 epoch;              /* time in FP_EPOCH_MILLISECONDS, wrapping */
	__u32 flags;              /* FP_SETTING_* */
	__u32 acl;                /* bit 31: bank; below: rules in it */
	__u32 moves;              /* exact-match entries being moved: odd while one is on its way, see exact_match.h */
	__u32 event_budget;       /* events a port may report per epoch on one CPU */
	__u32 spills;             /* spill counters in use: 0 means readers need not look at them */
	__u32 reserved[2];
	__u64 pad0[4];

	__u64 seed[3][FP_SEEDS];  /* hash seeds: first bucket, second bucket, ECMP; random per creation */
	__u32 abi_version;        /* at this place in every version */
	__u32 policy_open;        /* not 0: derived entries may be of a policy that was being changed; programs do not read it */
	__u64 created;            /* CLOCK_BOOTTIME, ns: which tables these are */
	__u64 name_key[2];        /* key of the names below; random per creation */
};

/* Which object file a program was loaded from: its SHA-256. */
struct fp_image_digest {
	__u64 words[4];
};

/* ---- ports ------------------------------------------------------------------------------------------------- */

/*
 * A port has two records, so that its stations can be written anew beside those in force: number n and n + FP_MAX_PORTS.
 * The interface's slot says which one ingress looks at; the head is the same in both.
 */
#define FP_PORT_RECORDS (2 * FP_MAX_PORTS)

/* Which port an interface is: ifindex (0: free) | record << 32, read and written whole. */
fp_inline __u64 fp_interface_slot(__u32 ifindex, __u32 record) { return ifindex | ((__u64)record << 32); }

#define FP_PORT_ADMIT (1U << 0)
#define FP_PORT_SWITCHED (1U << 1)         /* else routed */
#define FP_PORT_MALFORMED_TO_KERNEL (1U << 2)
#define FP_PORT_LEARN_FLOWS (1U << 3)
#define FP_PORT_LEARN_MACS (1U << 4)
#define FP_PORT_UP (1U << 5)               /* frames may be sent to it */
#define FP_PORT_CONFIGURED (1U << 6)       /* the record is in use */
#define FP_PORT_MALFORMED_IGNORED (1U << 7) /* headers above Ethernet are not judged */

/* A station address of the router at a port. Stations are compiled per port, in order of priority. */
struct fp_station {
	__u64 mac;    /* host order, 48 bits */
	__u64 mask;   /* 0: end of the list */
	__u16 vlan;   /* 0: untagged at a routed port; at a switched port the VLAN the frame belongs to */
	__u16 rif;    /* router interface the packet arrives at */
	__u16 vrf;
	__u16 any_vlan;
};

struct fp_port {
	/* FP_PORT_* (32 bits; 0: not configured) | VLAN of untagged frames at a switched port << 32
	 * | largest IP packet the port sends, bytes << 48. Read and written whole. */
	__u64 head;
	__u64 reserved[2];
	struct fp_station stations[FP_MAX_STATIONS_PER_PORT];
	__u64 pad[5];
};

/* Policies of a VLAN for what has no single destination. */
enum fp_flood_policy { FP_FLOOD = 0, FP_FLOOD_DROP = 1, FP_FLOOD_KERNEL = 2 };

struct fp_vlan_members {
	__u64 members;         /* ports, a bit each */
	__u64 untagged;        /* those that send it without a tag */
	__u8 unknown_unicast;  /* enum fp_flood_policy */
	__u8 broadcast;
	__u8 multicast;
	__u8 pad[5];
};

/* `state`, 0 or 1, says which half is in force; the other one may be written meanwhile. */
struct fp_vlan {
	__u64 state;
	struct fp_vlan_members half[2];
	__u64 pad;
};

/* ---- next hops --------------------------------------------------------------------------------------------- */

#define FP_NEXTHOP_RESOLVED (1U << 0)
#define FP_NEXTHOP_SECOND (1U << 1)  /* which of the two rewrites is in force */
#define FP_NEXTHOP_PORT_DOWN (1U << 2)

struct fp_rewrite {
	__u8 destination[6];
	__u8 source[6];
	__u16 vlan;   /* 0: leave untagged */
	__u16 port;
	__u16 mtu;    /* of the IP packet */
	__u8 pad[6];
};

/*
 * One line. `state` is read once and says which rewrite is in force; the other one may be written meanwhile.
 *
 * Who finds these tables after the process that wrote them has to know what a slot stands for, since flows and routes
 * name slots. So a slot bears a name: a keyed hash of router interface and neighbour, written before anything
 * points at the slot; with the id of the next hop in the upper half of `state`. 0 and 0: the slot is free.
 */
struct fp_nexthop {
	__u64 state;  /* FP_NEXTHOP_* | id << 32 */
	struct fp_rewrite rewrite[2];
	__u64 name;
};

struct fp_nexthop_group {
	__u32 bucket[FP_GROUP_BUCKETS]; /* next hops; weights by repetition */
};

/* ---- routes ------------------------------------------------------------------------------------------------ */

/*
 * A prefix tree's result is an index into the routes; 0 is no route. The upper half of a route's action word, which no
 * program looks at, is its name: a keyed hash of VRF and prefix.
 */
#define FP_ROUTE_NAME_SHIFT 32
#define FP_ROUTE_GROUP (1ULL << 25)  /* index is a next-hop group */

struct fp_route {
	__u64 action;  /* action word; disposition FORWARD: next hop or, with FP_ROUTE_GROUP, group */
	__u64 count;   /* packed counter */
};

/* ---- ACL --------------------------------------------------------------------------------------------------- */

#define FP_ACL_IPV4 (1U << 0)
#define FP_ACL_IPV6 (1U << 1)
#define FP_ACL_IP (1U << 2)         /* either */
#define FP_ACL_L4 (1U << 3)         /* ports and TCP flags, or ICMP type and code, are present */
#define FP_ACL_FRAGMENT (1U << 4)   /* first or later */
#define FP_ACL_LATER (1U << 5)      /* a later fragment: nothing of L4 is present */
#define FP_ACL_ROUTED (1U << 6)     /* admitted to the router by its station address */

/*
 * What a rule is compared with; numbers in host order, absent fields 0.
 *   w0  ingress port (16) | VLAN << 16 | EtherType << 32 | IP protocol << 48 | FP_ACL_* << 56
 *   w1  destination MAC (48) | DSCP << 48 | TCP flags << 56
 *   w2  source MAC (48) | ICMP type << 48 | ICMP code << 56
 *   w3  source port (16) | destination port << 16
 *   w4  w5  IP source      (IPv4: w4 = 0, w5 = address)
 *   w6  w7  IP destination (IPv4: w6 = 0, w7 = address)
 * VLAN is the outer tag's VID at a routed port (0 untagged) and the VLAN the frame belongs to at a switched port.
 */
#define FP_ACL_WORDS 8
struct fp_acl_key {
	__u64 w[FP_ACL_WORDS];
};

#define FP_ACL_PERMIT (1ULL << 25)  /* go on with the tables; else disposition, index and TO_PORT decide */

struct fp_acl_rule {
	__u64 value[FP_ACL_WORDS];
	__u64 mask[FP_ACL_WORDS];
	__u16 source_port_low, source_port_high;
	__u16 destination_port_low, destination_port_high;
	__u64 action;   /* action word */
	__u32 counter;  /* index of the rule's counter; stays with the rule when the list is written anew */
	__u32 id;       /* of the ACL entry; what its counter belongs to */
	__u64 pad1[5];
};

/* ---- exact-match entries ----------------------------------------------------------------------------------- */

/*
 * Last key word of a flow: source port (16, network order) | destination port << 16 (network order)
 *   | protocol << 32 | 0 << 40 | router interface << 48. ICMP: type and code stand for the source port.
 */
fp_inline __u64 fp_flow_word(__u32 ports, __u8 protocol, __u16 rif)
{
	return (__u64)ports | ((__u64)protocol << 32) | ((__u64)rif << 48);
}

/* IPv4 flow: key[0] = source and destination as they stand in the header, key[1] = fp_flow_word.
 * MAC: key[0] = MAC (host order, 48 bits) | VLAN << 48, key[1] = 0. */
struct fp_entry32 {
	__u64 key[2];
	__u64 action;
	__u64 count;
};

/* IPv6 flow: key[0..3] = source and destination as they stand in the header, key[4] = fp_flow_word. */
struct fp_entry64 {
	__u64 key[5];
	__u64 action;
	__u64 count;
	__u64 spare;
};

/* ---- events ------------------------------------------------------------------------------------------------ */

enum fp_event_type {
	FP_EVENT_FLOW_MISS = 1,
	FP_EVENT_MAC_MISS = 2,   /* an unknown source address, or a known one at another port */
	FP_EVENT_PACKET_IN = 3,  /* followed by the packet's first `captured` bytes */
};

struct fp_event {
	__u16 type;
	__u16 port;
	__u16 vlan;
	__u8 family;       /* 4 or 6 for a flow miss */
	__u8 disposition;  /* what became of the packet */
	__u8 reason;
	__u8 mirror;       /* packet-in: a copy; the packet itself went on */
	__u16 vrf;
	__u32 length;      /* of the frame */
	__u64 time;        /* CLOCK_MONOTONIC, ns */
	__u64 key[5];      /* flow: as in the entry, IPv4 in key[0] and key[4]; MAC: key[0] */
	__u32 captured;
	__u32 pad;
};

/* Per CPU and port: what may still be reported in this epoch, and what was not. */
struct fp_event_budget {
	__u32 epoch;
	__u32 used;
	__u64 lost;        /* events not reported: over budget or ring full */
	__u64 sent;
	__u64 repeated;    /* misses not reported because the same flow had been, in this epoch */
};

/* Per CPU and port: frames that were to leave by it and that the kernel did not send, and the last errno (watch.bpf.c). */
struct fp_send_failures {
	__u64 frames;
	__u64 error;
};

/* ---- explanation ------------------------------------------------------------------------------------------- */

/* What a traced run decided, written only by a program loaded with `fp_trace` set (replay and explain). */
struct fp_trace {
	__u32 disposition;
	__u32 reason;
	__u32 egress_port;
	__u32 vlan;          /* of a flood */
	__u32 mirror;
	__u32 valid;         /* set when the record is complete */
};

#endif
