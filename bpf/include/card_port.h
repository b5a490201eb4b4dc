/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of the card's CPU port (cpu_port.bpf.c) and user space share: settings, ports, counters. Read by clang for
 * the BPF target and, as module CFastPath, by Swift. User space writes everything but the counters.
 */
#ifndef CARD_PORT_H
#define CARD_PORT_H

#include "card_tag.h"

/* Version of this layout; pinned maps of another version are not taken over. */
#define CARD_ABI_VERSION 1

#define CARD_MAX_PORTS 32      /* a port's number is what the tag calls it on the way out: egress, 0 to 31 */
#define CARD_NO_PORT 32        /* in the counters' place of a port: frames that belong to none */
#define CARD_CPU_DEVICE 32     /* in the device map: the CPU port; below it, the inner ends */
#define CARD_INGRESS_VALUES 64 /* what an ingress field of six bits can say */

/* What is counted, by port: the numbers are part of the layout. */
#define CARD_COUNTERS(X)                                                                         \
	X(0, received)         /* delivered to a port */                                             \
	X(1, bad)              /* the card marked it bad: dropped */                                 \
	X(2, unknown_ingress)  /* the tag's ingress is no port: dropped */                           \
	X(3, tag_truncated)    /* ends before the tag and an EtherType behind it: dropped */         \
	X(4, untagged_dropped)                                                                       \
	X(5, untagged_passed)  /* handed to the kernel as frames of the CPU port itself */           \
	X(6, receive_failed)   /* the tag could not be taken off, or the port has no interface */    \
	X(7, sent)             /* given a tag and to the CPU port */                                 \
	X(8, padded)           /* of these: brought to the least length */                           \
	X(9, frame_truncated)  /* from a port, shorter than an Ethernet header: dropped */           \
	X(10, too_long)        /* would not fit the CPU port with its tag: dropped */                \
	X(11, unknown_egress)  /* from an interface that is no port: dropped */                      \
	X(12, no_room)         /* the buffer has no room for padding or tag: dropped */              \
	X(13, send_failed)     /* the CPU port has no interface */

enum card_counter {
#define X(code, name) CARD_COUNTER_##name = code,
	CARD_COUNTERS(X)
#undef X
};
#define CARD_COUNTER_COUNT 14
/* Behind these, one for each reason code of well-formed tags, whatever became of their frames. */
#define CARD_COUNTER_REASON 32
#define CARD_COUNTER_SLOTS 64

#ifndef __bpf__
fp_inline const char *card_counter_name(__u32 code)
{
	switch (code) {
#define X(number, name) case number: return #name;
	CARD_COUNTERS(X)
#undef X
	default: return 0;
	}
}
#endif

fp_inline __u32 card_counter_slot(__u32 port, __u32 counter)
{
	return port * CARD_COUNTER_SLOTS + counter;
}

#define CARD_COUNTER_ENTRIES ((CARD_MAX_PORTS + 1) * CARD_COUNTER_SLOTS)

/* Untagged frames go to the kernel. */
#define CARD_UNTAGGED_PASS 1u

struct card_settings {
	__u32 abi_version;
	__u32 flags;
	__u32 maximum_frame; /* bytes that the CPU port takes, tag included */
	__u32 confirmation;  /* what PTP frames get as confirmation id */
	__u32 cpu_interface;
	__u32 cpu_restore;   /* what was changed at the CPU port and is to be put back, CARD_RESTORE_* */
};

#define CARD_RESTORE_PROMISCUOUS 1u   /* it was not promiscuous */
#define CARD_RESTORE_RX_CHECKSUM 2u   /* it did verify checksums */

/* Of an ingress value: the port plus one, or 0. What the tag calls a port on the way in is another number. */
struct card_ingress {
	__u32 port_plus_one;
};

/* Of an inner end's interface. */
struct card_egress {
	__u32 port;
};

#endif
