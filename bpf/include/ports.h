/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From interface to port, and which frames are for the router. */
#ifndef PORTS_H
#define PORTS_H

#include "maps.h"

#define MAC_BROADCAST 0xffffffffffffULL
#define MAC_GROUP 0x010000000000ULL
#define MAC_RESERVED 0x0180c2000000ULL

/* The record of the port an interface is, or ~0. Open addressing; the controller keeps runs within FP_IFINDEX_PROBES. */
fp_inline __u32 fp_record_of(__u32 ifindex)
{
	const volatile __u64 *slots = interfaces_base();
	__u64 slot;
	__u32 i;

	if (!slots)
		return ~0U;
	slots += ifindex & (FP_IFINDEX_SLOTS - 1);
	slot = slots[0];
	if ((__u32)slot == ifindex)
		return slot >> 32;
#pragma clang loop unroll(disable)
	for (i = 1; i < FP_IFINDEX_PROBES; i++) {
		slot = slots[i];
		if ((__u32)slot == ifindex)
			return slot >> 32;
	}
	return ~0U;
}

/* A port's record, by number. A port's own number names one that will do for its head. */
fp_inline const struct fp_port *fp_port_at(__u32 record)
{
	struct fp_port *all = ports_base();

	if (!all || record >= FP_PORT_RECORDS)
		return 0;
	FP_OPAQUE(record);
	return &all[record & (FP_PORT_RECORDS - 1)];
}

fp_inline __u64 fp_port_head(const struct fp_port *port)
{
	return *(const volatile __u64 *)&port->head;
}

fp_inline __u16 fp_head_pvid(__u64 head) { return (__u16)(head >> 32); }
fp_inline __u16 fp_head_mtu(__u64 head) { return (__u16)(head >> 48); }

/* The router interface a frame is admitted at, or 0. */
fp_inline __u32 fp_station_of(const struct fp_port *port, __u64 destination, __u16 vlan, __u16 *vrf)
{
	__u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < FP_MAX_STATIONS_PER_PORT; i++) {
		const struct fp_station *station = &port->stations[i];

		if (!station->rif)
			break;
		if (((destination ^ station->mac) & station->mask) == 0 && (station->any_vlan || station->vlan == vlan)) {
			*vrf = station->vrf;
			return station->rif;
		}
	}
	return 0;
}

#endif
