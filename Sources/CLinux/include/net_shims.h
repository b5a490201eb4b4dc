/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Netlink target needs from Linux and Swift cannot express: calls glibc hides behind _GNU_SOURCE,
 * the variadic ioctl, and a thread whose namespace may be changed without touching the caller's.
 * Every function returns a value >= 0, or a negative errno.
 */
#ifndef CLINUX_NET_SHIMS_H
#define CLINUX_NET_SHIMS_H

#include <stdint.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/veth.h>

/* A new network namespace that nothing but the returned descriptor keeps alive. */
int clinux_network_namespace_new(void);

/* Puts the calling thread into the network namespace behind the descriptor. */
int clinux_network_namespace_enter(int fd);

/* Bind-mounts `source` on `target`; makes `directory` a shared mount point; detaches a mount. */
int clinux_mount_bind(const char *source, const char *target);
int clinux_mount_make_shared(const char *directory);
int clinux_mount_detach(const char *target);

/* One legacy ethtool switch (`ETHTOOL_SGRO`, `ETHTOOL_GGRO`, ...) of the interface `name`. */
enum clinux_offload {
	CLINUX_OFFLOAD_GRO,
	CLINUX_OFFLOAD_TX_CHECKSUM,
	CLINUX_OFFLOAD_RX_CHECKSUM,
	CLINUX_OFFLOAD_GSO,
	CLINUX_OFFLOAD_TSO,
	CLINUX_OFFLOAD_TX_VLAN,
};
int clinux_offload_set(int socket, const char *name, enum clinux_offload offload, int enabled);
int clinux_offload_get(int socket, const char *name, enum clinux_offload offload);

/* "EPERM" and "Operation not permitted" for 1; a null pointer for a number Linux does not know. */
const char *clinux_errno_name(int number);
const char *clinux_errno_meaning(int number);

#endif
