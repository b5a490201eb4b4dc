/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <unistd.h>

int packet_receiver(int interface_index, int bytes)
{
	const int on = 1;
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = interface_index,
	};
	/* Of no protocol until it is bound: frames of other interfaces must not get in first. */
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

int packet_send_batch(int fd, int interface_index, const void *frames, size_t stride, const uint16_t *lengths,
		      unsigned int count)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = interface_index };
	struct mmsghdr messages[PACKET_BATCH];
	struct iovec vectors[PACKET_BATCH];
	int sent;

	if (count > PACKET_BATCH)
		count = PACKET_BATCH;
	memset(messages, 0, count * sizeof(messages[0]));
	for (unsigned int i = 0; i < count; i++) {
		vectors[i].iov_base = (char *)frames + i * stride;
		vectors[i].iov_len = lengths[i];
		messages[i].msg_hdr.msg_name = &to;
		messages[i].msg_hdr.msg_namelen = sizeof(to);
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, messages, count, 0);
	return sent < 0 ? -errno : sent;
}

int packet_receive_batch(int fd, void *frames, size_t stride, uint16_t *lengths, unsigned int count)
{
	struct mmsghdr messages[PACKET_BATCH];
	struct iovec vectors[PACKET_BATCH];
	int received;

	if (count > PACKET_BATCH)
		count = PACKET_BATCH;
	memset(messages, 0, count * sizeof(messages[0]));
	for (unsigned int i = 0; i < count; i++) {
		vectors[i].iov_base = (char *)frames + i * stride;
		vectors[i].iov_len = stride;
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	received = recvmmsg(fd, messages, count, MSG_DONTWAIT | MSG_TRUNC, NULL);
	if (received < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < received; i++)
		lengths[i] = messages[i].msg_len > UINT16_MAX ? UINT16_MAX : (uint16_t)messages[i].msg_len;
	return received;
}

long packet_take_drops(int fd)
{
	struct tpacket_stats statistics = { 0 };
	socklen_t length = sizeof(statistics);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) < 0)
		return -errno;
	return statistics.tp_drops;
}
