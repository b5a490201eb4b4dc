/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From interface to port, and which frames are for the router. */
#ifndef PORTS_H
#define PORTS_H

#include "maps.h"

#define MAC_BROADCAST 0xffffffffffffULL
#define MAC_GROUP 0x010000000000ULL
#define MAC_RESERVED 0x0180c2000000ULL

/* The port an interface is, or ~0. Open addressing; the controller keeps runs within FP_IFINDEX_PROBES. */
fp_inline __u32 fp_port_of(__u32 ifindex)
{
	struct fp_ifindex_slot *slots = interfaces_base();
	__u32 i, slot = ifindex & (FP_IFINDEX_SLOTS - 1);

	if (!slots)
		return ~0U;
	slots += slot;
	if (slots->ifindex == ifindex)
		return slots->port;
#pragma clang loop unroll(disable)
	for (i = 1; i < FP_IFINDEX_PROBES; i++)
		if (slots[i].ifindex == ifindex)
			return slots[i].port;
	return ~0U;
}

fp_inline struct fp_port *fp_port_at(__u32 index)
{
	struct fp_port *all = ports_base();

	if (!all || index >= FP_MAX_PORTS)
		return 0;
	FP_OPAQUE(index);
	return &all[index & (FP_MAX_PORTS - 1)];
}

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
