/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Changing the frame: tags, addresses, TTL. Every function here re-reads ctx->data, since the frame may have moved. */
#ifndef REWRITE_H
#define REWRITE_H

#include "maps.h"
#include "parse.h"

/* RFC 1624, equation 3, for TTL - 1: the 16-bit word of TTL and protocol falls by 0x0100. */
fp_inline void fp_decrement_ttl(struct ipv4_header *ip)
{
	__u32 sum = (__u32)ip->checksum + bpf_htons(0x0100);

	ip->checksum = (__u16)(sum + (sum >= 0xffff));
	ip->ttl--;
}

/* Adds a tag of VID `vlan` in front of what the frame has. 0 on success. */
fp_inline int fp_push_tag(struct xdp_md *ctx, __u16 vlan)
{
	void *data, *data_end;
	__u64 *from;
	__u32 *tag;
	__u64 first;
	__u32 second;

	if (bpf_xdp_adjust_head(ctx, -TAG_BYTES))
		return -1;
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
	if (data + ETHERNET_BYTES + TAG_BYTES > data_end)
		return -1;
	from = data + TAG_BYTES;
	first = from[0];
	second = *(__u32 *)(data + TAG_BYTES + 8);
	*(__u64 *)data = first;
	*(__u32 *)(data + 8) = second;
	tag = data + 12;
	*tag = bpf_htonl(((__u32)TPID_CTAG << 16) | vlan);
	return 0;
}

/* Removes the outer tag. 0 on success. */
fp_inline int fp_pop_tag(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u64 first;
	__u32 second;

	if (data + ETHERNET_BYTES + TAG_BYTES > data_end)
		return -1;
	first = *(__u64 *)data;
	second = *(__u32 *)(data + 8);
	*(__u64 *)(data + TAG_BYTES) = first;
	*(__u32 *)(data + TAG_BYTES + 8) = second;
	return bpf_xdp_adjust_head(ctx, TAG_BYTES);
}

/* Gives the frame, whose outer tag is as parsed, the tag of `vlan` at a switched port. 0 on success. */
fp_inline int fp_ensure_tag(struct xdp_md *ctx, const struct fp_packet *p, __u16 vlan)
{
	void *data, *data_end;
	__be16 *tci;

	if (p->tags == 0)
		return fp_push_tag(ctx, vlan);
	if (p->vid != 0)
		return 0;
	/* A priority tag: it keeps its priority and TPID and gets the VLAN's number. */
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
	tci = data + ETHERNET_BYTES;
	if ((void *)(tci + 1) > data_end)
		return -1;
	*tci = (*tci & bpf_htons(0xf000)) | bpf_htons(vlan);
	return 0;
}

#endif
