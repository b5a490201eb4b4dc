/* SPDX-License-Identifier: Apache-2.0 */
/* Sending whole frames: AF_PACKET's address is not in Swift's Glibc. */
#ifndef CLINUX_PACKET_SHIMS_H
#define CLINUX_PACKET_SHIMS_H

#include <errno.h>
#include <linux/if_packet.h>
#include <stddef.h>
#include <stdint.h>
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

/*
 * Many frames in one call; sendmmsg(2) and recvmmsg(2) hide behind _GNU_SOURCE. Frame i of a batch is at
 * `frames` + i * `stride`. At most PACKET_BATCH frames are taken.
 */
#define PACKET_BATCH 64

/* A raw socket that receives what arrives at an interface, and not what leaves by it, and has room for `bytes` of it;
 * -errno on failure. */
int packet_receiver(int interface_index, int bytes);

/*
 * A wire: a raw socket that receives everything that arrives at an interface as it was on the wire, and sends by it, one frame
 * a call. -errno on failure.
 */
int packet_wire(int interface_index, int bytes);

/*
 * A frame that waits at a wire, with the VLAN tag that the kernel keeps beside it and with the checksum that it left to hardware. Its
 * length, 0 if none waits, or -errno; -EMSGSIZE of a frame that is longer than `size` or is many segments in one.
 */
int packet_wire_receive(int fd, void *frame, size_t size);

/* 0, or -errno. */
int packet_wire_send(int fd, const void *frame, size_t bytes);

/* Sends frames by an interface: how many were taken, or -errno if the first one was not. */
int packet_send_batch(int fd, int interface_index, const void *frames, size_t stride, const uint16_t *lengths,
		      unsigned int count);

/* What waits, at most `count` frames, without waiting for more: how many, or -errno. Frames longer than `stride` are cut
 * and `lengths` say how long they were. */
int packet_receive_batch(int fd, void *frames, size_t stride, uint16_t *lengths, unsigned int count);

/* How many frames the socket had no room for since this was asked last, or -errno. */
long packet_take_drops(int fd);

#endif
