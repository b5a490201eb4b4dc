/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Longest-prefix match as a search tree over disjoint intervals, in one mapped array of 64-byte nodes.
 *
 * The address space of 64-bit keys is cut where a prefix begins or ends; between two cuts one route is the longest
 * match, and that is the interval's value. IPv4 addresses are keys in their upper 32 bits. An IPv6 address is two keys: the
 * upper half first; where prefixes longer than /64 exist the value names a second tree over the lower half.
 *
 * Writing happens in fresh nodes, published by one 32-bit store (a root, or a leaf block's place in its parent); nodes
 * taken out are reused only after an RCU grace period. A reader therefore walks nodes that do not change.
 */
#ifndef PREFIX_TREE_H
#define PREFIX_TREE_H

#include "fastpath_abi.h"

/* A reference, as kept in roots and as the result of a walk:
 *   bits 0..27  leaf: route index (0 = no route); inner or subtree: node index
 *   bits 28..31 0: a route; 1..14: a tree of that height, root at the node; PT_LOWER | height is not used in nodes' children
 */
#define PT_INDEX_MASK 0x0fffffffU
#define PT_HEIGHT_SHIFT 28
#define PT_MAX_HEIGHT 12

#define PT_INNER_KEYS 5

#endif
