/* SPDX-License-Identifier: Apache-2.0 */
/* Sending whole frames: AF_PACKET's address is not in Swift's Glibc. */
#ifndef CLINUX_PACKET_SHIMS_H
#define CLINUX_PACKET_SHIMS_H

#include <errno.h>
#include <linux/if_packet.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

/* A raw socket that receives nothing; -errno on failure. */
static inline int packet_socket(void)
{
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Sends a frame by an interface. 0, or -errno. */
static inline int packet_send(int fd, int interface_index, const void *frame, size_t bytes)
{
	struct sockaddr_ll to;

	memset(&to, 0, sizeof(to));
	to.sll_family = AF_PACKET;
	to.sll_ifindex = interface_index;
	return sendto(fd, frame, bytes, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

#endif
