/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the benchmark's programs share: the packets they work on and how a packet becomes one of many flows. The same
 * formulas stand in Sources/piccolo-bench/Workload.swift.
 */
#ifndef BENCH_H
#define BENCH_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define bench_inline static inline __attribute__((always_inline))

#define ETHERNET 14
#define IPV4 20
#define IPV6 40

struct ipv4 {
	__u8 version_ihl, tos;
	__be16 total_length, id, fragment;
	__u8 ttl, protocol;
	__be16 checksum;
	__be32 source, destination;
} __attribute__((packed));

struct ipv6 {
	__be32 version_class_label;
	__be16 payload_length;
	__u8 next_header, hop_limit;
	__be64 source[2], destination[2];
} __attribute__((packed));

enum workload { WORKLOAD_FLOWS = 0, WORKLOAD_ROUTES = 1 };

/* One element, mapped by user space. */
struct bench_settings {
	__u64 sequence;   /* packets so far */
	__u32 count;      /* flows, or prefixes */
	__u32 workload;   /* enum workload */
	__u32 in_order;   /* visit them one after the other instead of at random */
	__u8 macs[12];    /* destination and source the packet starts with */
	__u32 pad[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bench_settings));
	__uint(max_entries, 1);
} bench SEC(".maps");

/* Finalisers of MurmurHash3 (Appleby, public domain): bijections that look random. */
bench_inline __u32 mix32(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ (h >> 16);
}

bench_inline __u64 mix64(__u64 h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ (h >> 33);
}

/* Makes the packet in place what it was before it was forwarded, as the next of the workload's flows. 0 on success. */
bench_inline int bench_restore(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct bench_settings *settings;
	__u32 zero = 0, number, sequence;
	__u64 random;

	settings = bpf_map_lookup_elem(&bench, &zero);
	if (!settings || data + ETHERNET + IPV6 + 8 > data_end)
		return -1;
	sequence = settings->sequence++;
	number = settings->in_order ? sequence : ((__u64)mix32(sequence) * settings->count) >> 32;
	random = mix64(number);
	__builtin_memcpy(data, settings->macs, 12);
	if (*(__be16 *)(data + 12) == bpf_htons(0x0800)) {
		struct ipv4 *ip = data + ETHERNET;
		const __u16 *word = (const __u16 *)ip;
		__u32 sum = 0;
		int i;

		/* Odd multiplier: every number below 2^24 has an address of its own. */
		ip->source = bpf_htonl(0x0a000000 | ((number * 0x9e3779b1) & 0xffffff));
		*(__be16 *)(ip + 1) = (__be16)random | bpf_htons(1024);
		ip->ttl = 64;
		ip->checksum = 0;
#pragma clang loop unroll(full)
		for (i = 0; i < IPV4 / 2; i++)
			sum += word[i];
		sum = (sum & 0xffff) + (sum >> 16);
		sum += sum >> 16;
		ip->checksum = ~sum;
	} else {
		struct ipv6 *ip = data + ETHERNET;

		ip->hop_limit = 64;
		if (settings->workload == WORKLOAD_ROUTES) {
			ip->destination[0] = bpf_cpu_to_be64(0x2000000000000000ULL | (random >> 3));
		} else {
			ip->source[1] = random;
			*(__be16 *)(ip + 1) = (__be16)(random >> 32) | bpf_htons(1024);
		}
	}
	return 0;
}

#endif
