/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tag of frames between a Real-Time HAT and the Pi: inserted behind the source address, all fields big-endian, the first
 * field in the most significant bits. Read by clang for the BPF target and, as module CFastPath, by Swift.
 *
 *   version                1, 2         3                  4
 *   bytes                  16           24                 24
 *   EtherType 0x813e       16 bits      16                 16
 *   from the card          (assumed)    ingress 6          ingress 5
 *                                       egress 6           egress 5
 *                                       reason 3           reason 5
 *                                       bad 1              bad 1
 *                                       bridge time 32, receive time 32, controlled time 64, reserved 32
 *   to the card            (assumed)    ingress 6: ones    ingress 5: ones
 *                                       egress 6           egress 5
 *                                       queue 3, 0         queue 6, or queue 5 and delay flag 1
 *                                       transmit time 32, confirmation 32, reserved 32, zeros 64
 *
 * Then the original EtherType. Source: the Linux DSA tagger's and the Wireshark dissector's field lists, as collected in the
 * public facts, sections 2.8 and 2.9.
 */
#ifndef CARD_TAG_H
#define CARD_TAG_H

#include "fastpath_abi.h"

#define CARD_ETHERTYPE 0x813e
/* Where the tag begins in a frame: behind both addresses. */
#define CARD_TAG_OFFSET 12
#define CARD_TAG_LATE_BYTES 24
#define CARD_TAG_EARLY_BYTES 16
/* A frame that is tagged has at least this much without its tag: the card's own padding. */
#define CARD_MINIMUM_FRAME 60
/* "Transmit whenever": no launch time. */
#define CARD_TRANSMIT_ANY_TIME 0xffffffffu
/* IEEE 1588 over Ethernet: the only frames that get a confirmation id. */
#define CARD_ETHERTYPE_PTP 0x88f7

/*
 * ASSUMPTION, the only one here. Of versions 1 and 2 no more is public than their 16 bytes. They are taken to be version 3 cut
 * short: the same 16 bits behind the EtherType, then two times (transmit time and confirmation) and 32 reserved bits, without the
 * controlled time. A card that says otherwise is changed here.
 */
#define CARD_TAG_EARLY_IS_LIKE 3

/* Why a frame came up, or was marked bad: the card's reason codes. Version 3 has room for the first eight. */
#define CARD_REASONS(X)           \
	X(0, mac_rx_er)               \
	X(1, oversize)                \
	X(2, fragment)                \
	X(3, runt)                    \
	X(6, fcs)                     \
	X(7, rx_pause)                \
	X(8, 6t_src_addr_upstream)    \
	X(9, 6t_dst_addr_downstream)  \
	X(10, addr_loopback)          \
	X(11, port_loopback)          \
	X(12, port_disabled)          \
	X(13, noc_action)             \
	X(14, drop_special_case)      \
	X(15, acc_dp)                 \
	X(16, tm_ct)                  \
	X(17, mac_not_dsa_tagged)     \
	X(18, qci_gate_closed)        \
	X(19, none)                   \
	X(26, proc_acc_default)       \
	X(27, proc_special_case)      \
	X(28, proc_fc_rule)           \
	X(29, proc_ethsw_switched)    \
	X(30, proc_ethsw_flood)       \
	X(31, proc_mac_routed)

#define CARD_REASON_SLOTS 32

#ifndef __bpf__
/* The name of a reason; 0 for the reserved numbers. */
fp_inline const char *card_reason_name(__u32 code)
{
	switch (code) {
#define X(number, name) case number: return #name;
	CARD_REASONS(X)
#undef X
	default: return 0;
	}
}
#endif

/* What the card says of a frame it hands up. Times are nanoseconds of the clocks they name. */
struct card_tag_received {
	__u64 controlled_time; /* 0 where the version has none */
	__u32 bridge_time;     /* the bridge clock when the frame was handed up */
	__u32 receive_time;    /* the bridge clock when it arrived */
	__u8 ingress, egress, reason, bad;
};

/* What the card is told of a frame to send. */
struct card_tag_sent {
	__u32 transmit_time; /* CARD_TRANSMIT_ANY_TIME, or nanoseconds of the bridge clock */
	__u32 confirmation;  /* 0: none; else 1 to 65535 */
	__u8 egress, queue;
	__u8 delay_flag;     /* the queue has five bits, and a flag behind it */
	__u8 pad;
};

/* Bytes of a tag, its EtherType included; 0 for a version that there is not. */
fp_inline __u32 card_tag_bytes(__u32 version)
{
	return version == 3 || version == 4 ? CARD_TAG_LATE_BYTES : version == 1 || version == 2 ? CARD_TAG_EARLY_BYTES : 0;
}

/* The version whose first 16 bits a version has. */
fp_inline __u32 card_tag_heading(__u32 version)
{
	return version < 3 ? CARD_TAG_EARLY_IS_LIKE : version;
}

fp_inline __u32 card_tag_port_bits(__u32 version)
{
	return card_tag_heading(version) == 3 ? 6 : 5;
}

fp_inline __u32 card_get16(const __u8 *at) { return (__u32)at[0] << 8 | at[1]; }
fp_inline __u32 card_get32(const __u8 *at) { return card_get16(at) << 16 | card_get16(at + 2); }

fp_inline void card_put16(__u8 *at, __u32 value)
{
	at[0] = (__u8)(value >> 8);
	at[1] = (__u8)value;
}

fp_inline void card_put32(__u8 *at, __u32 value)
{
	card_put16(at, value >> 16);
	card_put16(at + 2, value);
}

/* Reads the tag that begins at `tag`; card_tag_bytes() of it are there, and it is one (its EtherType is right). */
fp_inline void card_tag_read(const __u8 *tag, __u32 version, struct card_tag_received *said)
{
	__u32 word = card_get16(tag + 2);

	if (card_tag_heading(version) == 3) {
		said->ingress = (__u8)(word >> 10);
		said->egress = word >> 4 & 0x3f;
		said->reason = word >> 1 & 0x7;
	} else {
		said->ingress = (__u8)(word >> 11);
		said->egress = word >> 6 & 0x1f;
		said->reason = word >> 1 & 0x1f;
	}
	said->bad = word & 1;
	said->bridge_time = card_get32(tag + 4);
	said->receive_time = card_get32(tag + 8);
	said->controlled_time = 0;
	if (card_tag_bytes(version) == CARD_TAG_LATE_BYTES)
		said->controlled_time = (__u64)card_get32(tag + 12) << 32 | card_get32(tag + 16);
}

/* Writes the tag that begins at `tag`, where card_tag_bytes() are free. Fields are cut to their bits. */
fp_inline void card_tag_write(__u8 *tag, __u32 version, const struct card_tag_sent *say)
{
	__u32 word;

	if (card_tag_heading(version) == 3)
		word = 0x3fu << 10 | (say->egress & 0x3fu) << 4 | (say->queue & 0x7u) << 1;
	else if (say->delay_flag)
		word = 0x1fu << 11 | (say->egress & 0x1fu) << 6 | (say->queue & 0x1fu) << 1;
	else
		word = 0x1fu << 11 | (say->egress & 0x1fu) << 6 | (say->queue & 0x3fu);
	card_put16(tag, CARD_ETHERTYPE);
	card_put16(tag + 2, word);
	card_put32(tag + 4, say->transmit_time);
	card_put32(tag + 8, say->confirmation);
	card_put32(tag + 12, 0);
	if (card_tag_bytes(version) == CARD_TAG_LATE_BYTES) {
		card_put32(tag + 16, 0);
		card_put32(tag + 20, 0);
	}
}

/* When the frame arrived, on the controlled clock: the bridge clock tells how long ago that was. */
fp_inline __u64 card_arrival(const struct card_tag_received *said)
{
	return said->controlled_time - (__u32)(said->bridge_time - said->receive_time);
}

#endif
