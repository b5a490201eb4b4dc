// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The least a program of this kind does with the kernel's own maps: parse, one lookup, count, decrement the TTL,
 * rewrite the MAC addresses, redirect. No checks beyond what the verifier asks for: no checksum, no ACL, no stations.
 */
#include "bench.h"

char _license[] SEC("license") = "Dual BSD/GPL";

enum counting { COUNT_IN_VALUE = 0, COUNT_PER_CPU = 1 };
const volatile __u32 counting = COUNT_IN_VALUE;

struct peer_key {
	__u32 in_port;
	__u8 protocol, family;
	__u16 pad;
	__be32 ports;
	__u32 pad1;
	__be64 source[2], destination[2];
};

struct peer_value {
	__u8 macs[12];
	__u32 port;
	__u64 packets;  /* COUNT_PER_CPU: index into `counters` */
	__u64 bytes;
};

struct prefix_key {
	__u32 length;
	__be32 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct peer_key);
	__type(value, struct peer_value);
} flows_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct peer_key);
	__type(value, struct peer_value);
} flows_lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct prefix_key);
	__type(value, struct peer_value);
} prefixes SEC(".maps");

struct peer_counter {
	__u64 packets, bytes;
};

/* Counters beside the flows, a slab per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct peer_counter);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} devices SEC(".maps");


/* 0 when the packet is not one this program forwards. */
bench_inline int parse(struct xdp_md *ctx, struct peer_key *key)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__be16 type;

	if (data + ETHERNET > data_end)
		return 0;
	type = *(__be16 *)(data + 12);
	__builtin_memset(key, 0, sizeof(*key));
	key->in_port = ctx->ingress_ifindex;
	if (type == bpf_htons(0x0800)) {
		struct ipv4 *ip = data + ETHERNET;

		if ((void *)(ip + 1) + 4 > data_end || ip->version_ihl != 0x45 || ip->ttl <= 1)
			return 0;
		key->family = 4;
		key->protocol = ip->protocol;
		((__be32 *)key->source)[3] = ip->source;
		((__be32 *)key->destination)[3] = ip->destination;
		key->ports = *(__be32 *)(ip + 1);
	} else if (type == bpf_htons(0x86dd)) {
		struct ipv6 *ip = data + ETHERNET;

		if ((void *)(ip + 1) + 4 > data_end || ip->hop_limit <= 1)
			return 0;
		key->family = 6;
		key->protocol = ip->next_header;
		key->source[0] = ip->source[0];
		key->source[1] = ip->source[1];
		key->destination[0] = ip->destination[0];
		key->destination[1] = ip->destination[1];
		key->ports = *(__be32 *)(ip + 1);
	} else {
		return 0;
	}
	return key->family;
}

bench_inline void count(struct peer_value *value, __u32 length)
{
	if (counting == COUNT_PER_CPU) {
		__u32 index = value->packets;
		struct peer_counter *counter = bpf_map_lookup_elem(&counters, &index);

		if (counter) {
			counter->packets++;
			counter->bytes += length;
		}
	} else {
		__sync_fetch_and_add(&value->packets, 1);
		__sync_fetch_and_add(&value->bytes, length);
	}
}

bench_inline int forward(struct xdp_md *ctx, struct peer_value *value, __u32 family)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;

	if (data + ETHERNET + IPV4 > data_end)
		return XDP_ABORTED;
	count(value, data_end - data);
	__builtin_memcpy(data, value->macs, 12);
	if (family == 4) {
		struct ipv4 *ip = data + ETHERNET;
		__u32 sum = (__u32)ip->checksum + bpf_htons(0x0100);

		ip->checksum = (__u16)(sum + (sum >= 0xffff));
		ip->ttl--;
	} else {
		((struct ipv6 *)(data + ETHERNET))->hop_limit--;
	}
	return bpf_redirect_map(&devices, value->port, 0);
}

#define PEER(name, map)                                                 \
	SEC("xdp")                                                      \
	int name(struct xdp_md *ctx)                                    \
	{                                                               \
		struct peer_key key;                                    \
		struct peer_value *value;                               \
									\
		if (!parse(ctx, &key))                                  \
			return XDP_PASS;                                \
		value = bpf_map_lookup_elem(&map, &key);                \
		return value ? forward(ctx, value, key.family) : XDP_PASS; \
	}

PEER(peer_hash, flows_hash)
PEER(peer_lru, flows_lru)

SEC("xdp")
int peer_lpm(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ipv6 *ip = data + ETHERNET;
	struct peer_value *value;
	struct prefix_key key;

	if ((void *)(ip + 1) > data_end || *(__be16 *)(data + 12) != bpf_htons(0x86dd) || ip->hop_limit <= 1)
		return XDP_PASS;
	key.length = 128;
	__builtin_memcpy(key.address, ip->destination, 16);
	value = bpf_map_lookup_elem(&prefixes, &key);
	return value ? forward(ctx, value, 6) : XDP_PASS;
}
