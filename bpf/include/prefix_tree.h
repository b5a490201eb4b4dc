/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Longest-prefix match as a search tree over disjoint intervals, in one mapped array of 64-byte nodes.
 *
 * The space of 64-bit keys is cut where a prefix begins or ends; between two cuts one route is the longest match,
 * and that is the interval's value. IPv4 addresses are keys in their upper 32 bits. An IPv6 address is two keys: the
 * upper half first; where prefixes longer than /64 exist the value names a second tree over the lower half.
 *
 * Writing happens in fresh nodes, published by one 32-bit store (a root, or one reference in a node); nodes taken
 * out are reused only after an RCU grace period. A reader therefore walks nodes whose keys do not change, and
 * every reference it follows leads to a complete node. Each address it computes comes from the reference it read,
 * which orders the reads on every processor Linux runs on: no barrier is needed.
 */
#ifndef PREFIX_TREE_H
#define PREFIX_TREE_H

#include "fastpath_abi.h"

/*
 * A reference is a route index (0: no route), or one of these flags and a node index:
 * NODE, a search node; LOWER, the root of a tree over the lower half of the address.
 */
#define PT_NODE 0x80000000U
#define PT_LOWER 0x40000000U
#define PT_INDEX_MASK 0x0fffffffU

/* Search nodes on a path, at most. The writer rebuilds a tree that would become deeper. */
#define PT_MAX_DEPTH 14

#define PT_KEYS 5
#define PT_CHILDREN 6

/*
 * A search node: child[i] covers the keys from key[i - 1] up to, but without, key[i]. Keys are stored without their
 * four top bits, which the root has used up; so a difference of two keys has its sign in bit 63. Unused keys are
 * PT_NO_KEY, greater than any.
 */
struct pt_node {
	__u64 key[PT_KEYS];
	__u32 child[PT_CHILDREN];
};

#define PT_ROOT_SHIFT 60
#define PT_KEY_MASK ((1ULL << PT_ROOT_SHIFT) - 1)
#define PT_NO_KEY 0x7fffffffffffffffULL

/* A root: a reference for each value of the key's four top bits. Node 0 is a root without routes, never written. */
struct pt_root {
	__u32 child[16];
};

/*
 * Node indices of the VRFs' roots, IPv4 then IPv6: they lie where nodes 1 to PT_FIRST_NODE - 1 would, so that trees and
 * roots are one map, which is kept, replaced and given back as a whole.
 */
struct pt_roots {
	__u32 root4[FP_MAX_VRFS];
	__u32 root6[FP_MAX_VRFS];
};

#define PT_FIRST_NODE (1 + sizeof(struct pt_roots) / sizeof(struct pt_node))

#ifdef __bpf__
#define PT_READ(pointer) (*(const volatile __u32 *)(pointer))
#else
#define PT_READ(pointer) __atomic_load_n((pointer), __ATOMIC_ACQUIRE)
#endif

/*
 * The value of the interval `key` lies in: a route index, or PT_LOWER and the root of a tree over the lower half.
 * `root` is a node index; `limit`, the number of nodes, a constant the verifier can see.
 */
fp_inline __u32 pt_lookup(const void *nodes, __u32 limit, __u32 root, __u64 key)
{
	const __u64 count = limit;
	const __u64 past = (key & PT_KEY_MASK) + 1;
	__u64 index = root;
	__u32 reference;
	int depth;

	if (index >= count)
		return 0;
	reference = PT_READ((const __u32 *)((const char *)nodes + index * sizeof(struct pt_node) +
					    (key >> PT_ROOT_SHIFT) * sizeof(__u32)));
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (depth = 0; depth < PT_MAX_DEPTH; depth++) {
		const struct pt_node *node;
		__u64 child;

		if (!(reference & PT_NODE))
			return reference;
		index = reference & PT_INDEX_MASK;
		if (index >= count)
			return 0;
		node = (const struct pt_node *)((const char *)nodes + index * sizeof(struct pt_node));
		/* The borrow of k - (key + 1) is 1 where k <= key: the keys passed are counted without a branch. */
		child = ((node->key[0] - past) >> 63) + ((node->key[1] - past) >> 63);
		child += ((node->key[2] - past) >> 63) + ((node->key[3] - past) >> 63);
		child += (node->key[4] - past) >> 63;
		if (child >= PT_CHILDREN)
			return 0;
		reference = PT_READ(&node->child[child]);
	}
	return reference & PT_NODE ? 0 : reference;
}

/* The route of an IPv4 address (host order), 0 for none. */
fp_inline __u32 pt_lookup4(const void *nodes, __u32 limit, __u32 root, __u32 address)
{
	return pt_lookup(nodes, limit, root, (__u64)address << 32);
}

/* The route of an IPv6 address (host order, two halves), 0 for none. */
fp_inline __u32 pt_lookup6(const void *nodes, __u32 limit, __u32 root, __u64 high, __u64 low)
{
	__u32 reference = pt_lookup(nodes, limit, root, high);

	if (reference & PT_LOWER)
		reference = pt_lookup(nodes, limit, reference & PT_INDEX_MASK, low);
	return reference;
}

/* Where a VRF's root is published; `vrf` below FP_MAX_VRFS. */
fp_inline __u32 *pt_root4(const void *nodes, __u32 vrf)
{
	return &((struct pt_roots *)((char *)nodes + sizeof(struct pt_node)))->root4[vrf];
}

fp_inline __u32 *pt_root6(const void *nodes, __u32 vrf)
{
	return &((struct pt_roots *)((char *)nodes + sizeof(struct pt_node)))->root6[vrf];
}

#ifndef __bpf__
/* For the writer. */
fp_inline __u32 pt_first_node(void) { return PT_FIRST_NODE; }

_Static_assert(sizeof(struct pt_node) == 64 && sizeof(struct pt_root) == 64 &&
		       __builtin_offsetof(struct pt_node, child) == 40, "layout of a prefix-tree node");
#endif

#endif
