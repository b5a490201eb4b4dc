/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From bytes to fields: Docs/pipeline.md, section 2. Addresses are kept in host order, ports as they stand in the packet.
 */
#ifndef PARSE_H
#define PARSE_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>

#include "fastpath_abi.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define TPID_CTAG 0x8100
#define TPID_STAG 0x88a8

#define PROTOCOL_HOP_BY_HOP 0
#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_ROUTING 43
#define PROTOCOL_FRAGMENT 44
#define PROTOCOL_AH 51
#define PROTOCOL_ICMPV6 58
#define PROTOCOL_DESTINATION 60

#define ETHERNET_BYTES 14
#define TAG_BYTES 4
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define MAX_EXTENSIONS 6
/* Offsets into a packet stay below this, far beyond any linear buffer, so that the verifier can follow them. */
#define MAX_OFFSET 0x3fff

enum fp_fragment { FP_NOT_FRAGMENT = 0, FP_FIRST_FRAGMENT = 1, FP_LATER_FRAGMENT = 2 };

struct ipv4_header {
	__u8 version_ihl, tos;
	__be16 total_length, id, fragment;
	__u8 ttl, protocol;
	__be16 checksum;
	__u8 addresses[8];
} __attribute__((packed));

struct ipv6_header {
	__u8 version_class, class_label;
	__be16 label;
	__be16 payload_length;
	__u8 next_header, hop_limit;
	__u8 addresses[32];
} __attribute__((packed));

struct fp_packet {
	__u64 destination, source; /* MAC */
	__u64 key[5];              /* flow key: IPv4 addresses in key[0], IPv6 in key[0..3]; last word in key[4] */
	__u32 length;              /* of the frame */
	__u32 ip_length;
	__u32 ports;               /* both, network order; ICMP: type and code in the source port's place */
	__u16 ethertype;
	__u16 vid;                 /* of the outer tag; 0 without one */
	__u16 vlan;                /* the VLAN the frame belongs to */
	__u8 tags;
	__u8 family;               /* 0, 4 or 6 */
	__u8 protocol, dscp, ttl, tcp_flags;
	__u8 fragment;             /* enum fp_fragment */
	__u8 options, hop_by_hop, l4;
};

fp_inline __u64 fp_mac(const void *at)
{
	return bpf_be64_to_cpu(*(const __u64 *)at) >> 16;
}

fp_inline __u32 fp_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Sum of the 20 bytes every IPv4 header has; 0xffff after folding when the checksum holds and there are no options. */
fp_inline __u64 fp_ipv4_sum(const struct ipv4_header *ip)
{
	const __u32 *word = (const __u32 *)ip;

	return (__u64)word[0] + word[1] + word[2] + word[3] + word[4];
}

fp_inline int fp_parse_l4(struct fp_packet *p, void *data, void *data_end, __u32 offset, __u32 left)
{
	__u8 *l4;

	if (p->fragment == FP_LATER_FRAGMENT)
		return 0;
	if (offset > MAX_OFFSET)
		return FP_REASON_internal;
	l4 = data + offset;
	if (p->protocol == PROTOCOL_TCP) {
		if (left < 20 || (void *)(l4 + 20) > data_end)
			return FP_REASON_l4_truncated;
		p->ports = *(__u32 *)l4;
		p->tcp_flags = l4[13];
	} else if (p->protocol == PROTOCOL_UDP) {
		if (left < 8 || (void *)(l4 + 8) > data_end)
			return FP_REASON_l4_truncated;
		p->ports = *(__u32 *)l4;
	} else if ((p->protocol == PROTOCOL_ICMP && p->family == 4) || (p->protocol == PROTOCOL_ICMPV6 && p->family == 6)) {
		if (left < 4 || (void *)(l4 + 4) > data_end)
			return FP_REASON_l4_truncated;
		p->ports = *(__u16 *)l4;
	} else {
		return 0;
	}
	p->l4 = 1;
	return 0;
}

fp_inline int fp_parse_ipv4(struct fp_packet *p, void *data, void *data_end, __u32 l3)
{
	struct ipv4_header *ip = data + l3;
	__u32 left = p->length - l3, header, i, length;
	__u64 sum;

	if ((void *)(ip + 1) > data_end)
		return FP_REASON_ipv4_truncated;
	if (ip->version_ihl >> 4 != 4)
		return FP_REASON_ipv4_version;
	header = (ip->version_ihl & 15) * 4;
	if (header < IPV4_BYTES || header > left)
		return FP_REASON_ipv4_header_length;
	length = bpf_ntohs(ip->total_length);
	if (length < header || length > left)
		return FP_REASON_ipv4_total_length;
	p->ip_length = length;
	sum = fp_ipv4_sum(ip);
	for (i = IPV4_BYTES; i < 60; i += 4) {
		__u32 *option = (void *)ip + i;

		if (i >= header)
			break;
		if ((void *)(option + 1) > data_end)
			return FP_REASON_internal;
		sum += *option;
	}
	if (fp_fold(sum) != 0xffff)
		return FP_REASON_ipv4_checksum;
	p->options = header > IPV4_BYTES;
	p->protocol = ip->protocol;
	p->dscp = ip->tos >> 2;
	p->ttl = ip->ttl;
	if (ip->fragment & bpf_htons(0x1fff))
		p->fragment = FP_LATER_FRAGMENT;
	else if (ip->fragment & bpf_htons(0x2000))
		p->fragment = FP_FIRST_FRAGMENT;
	p->key[0] = *(__u64 *)ip->addresses;
	p->family = 4;
	return fp_parse_l4(p, data, data_end, l3 + header, length - header);
}

fp_inline int fp_parse_ipv6(struct fp_packet *p, void *data, void *data_end, __u32 l3)
{
	struct ipv6_header *ip = data + l3;
	__u32 left, offset, i;
	__u8 next;

	if ((void *)(ip + 1) > data_end)
		return FP_REASON_ipv6_truncated;
	if (ip->version_class >> 4 != 6)
		return FP_REASON_ipv6_version;
	left = bpf_ntohs(ip->payload_length);
	if (left > p->length - l3 - IPV6_BYTES)
		return FP_REASON_ipv6_payload_length;
	p->ip_length = IPV6_BYTES + left;
	p->ttl = ip->hop_limit;
	p->dscp = ((ip->version_class & 15) << 2) | (ip->class_label >> 6);
	p->key[0] = ((__u64 *)ip->addresses)[0];
	p->key[1] = ((__u64 *)ip->addresses)[1];
	p->key[2] = ((__u64 *)ip->addresses)[2];
	p->key[3] = ((__u64 *)ip->addresses)[3];
	p->family = 6;
	next = ip->next_header;
	offset = l3 + IPV6_BYTES;
	for (i = 0; i <= MAX_EXTENSIONS; i++) {
		__u8 *extension;
		__u32 size;

		if (next != PROTOCOL_HOP_BY_HOP && next != PROTOCOL_ROUTING && next != PROTOCOL_FRAGMENT &&
		    next != PROTOCOL_DESTINATION && next != PROTOCOL_AH)
			break;
		if (i == MAX_EXTENSIONS || left < 8 || offset > MAX_OFFSET)
			return FP_REASON_ipv6_extension;
		extension = data + offset;
		if ((void *)(extension + 8) > data_end)
			return FP_REASON_ipv6_extension;
		if (next == PROTOCOL_FRAGMENT) {
			size = 8;
			p->fragment = (*(__u16 *)(extension + 2) & bpf_htons(0xfff8)) ? FP_LATER_FRAGMENT
										      : FP_FIRST_FRAGMENT;
		} else if (next == PROTOCOL_AH) {
			size = (extension[1] + 2) * 4;
		} else {
			size = (extension[1] + 1) * 8;
			if (next == PROTOCOL_HOP_BY_HOP)
				p->hop_by_hop = 1;
		}
		if (size > left)
			return FP_REASON_ipv6_extension;
		next = extension[0];
		offset += size;
		left -= size;
		if (p->fragment == FP_LATER_FRAGMENT)
			break;
	}
	p->protocol = next;
	return fp_parse_l4(p, data, data_end, offset, left);
}

/* Whether what is malformed lies above Ethernet and its tags. */
fp_inline int fp_malformed_ip(int reason)
{
	return reason >= FP_REASON_ipv4_truncated && reason <= FP_REASON_l4_truncated;
}

/* Takes the packet as one that is not IP. */
fp_inline void fp_forget_ip(struct fp_packet *p)
{
	p->family = p->protocol = p->dscp = p->ttl = p->tcp_flags = 0;
	p->fragment = p->options = p->hop_by_hop = p->l4 = 0;
	p->ports = p->ip_length = 0;
}

/* 0, or the reason the frame is malformed. `p` starts zeroed but for its length. */
fp_inline int fp_parse(struct fp_packet *p, void *data, void *data_end)
{
	__u32 offset = 12, i;
	__u16 type;

	if (data + ETHERNET_BYTES > data_end)
		return FP_REASON_ethernet_truncated;
	p->destination = fp_mac(data);
	p->source = fp_mac(data + 6);
	type = bpf_ntohs(*(__be16 *)(data + 12));
	for (i = 0; i < 2; i++) {
		__be16 *tag = data + offset;

		if (type != TPID_CTAG && type != TPID_STAG)
			break;
		if ((void *)(tag + 3) > data_end)
			return FP_REASON_vlan_truncated;
		if (i == 0)
			p->vid = bpf_ntohs(tag[1]) & 0xfff;
		type = bpf_ntohs(tag[2]);
		offset += TAG_BYTES;
		p->tags++;
	}
	p->ethertype = type;
	if (type == ETHERTYPE_IPV4)
		return fp_parse_ipv4(p, data, data_end, offset + 2);
	if (type == ETHERTYPE_IPV6)
		return fp_parse_ipv6(p, data, data_end, offset + 2);
	return 0;
}

#endif
