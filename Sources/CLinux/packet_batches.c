/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
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

int packet_wire(int interface_index, int bytes)
{
	const struct packet_mreq everything = { .mr_ifindex = interface_index, .mr_type = PACKET_MR_PROMISC };
	const int on = 1;
	const int fd = packet_receiver(interface_index, bytes);
	int error;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof(everything)) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* What a NIC would do on sending: RFC 1071 over what follows `start`, put at `start` + `offset`. */
static void complete_checksum(uint8_t *frame, size_t length, size_t start, size_t offset)
{
	uint32_t sum = 0;
	size_t i;

	if (start + offset + 2 > length)
		return;
	for (i = start; i + 1 < length; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	if (i < length)
		sum += (uint32_t)frame[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	/* Of UDP zero says that there is none. */
	if (sum == 0)
		sum = 0xffff;
	frame[start + offset] = (uint8_t)(sum >> 8);
	frame[start + offset + 1] = (uint8_t)sum;
}

int packet_wire_receive(int fd, void *frame, size_t size)
{
	enum { ADDRESSES = 12, TAG = 4 };
	struct virtio_net_hdr header;
	struct iovec parts[] = { { &header, sizeof(header) }, { frame, size } };
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	const ssize_t received = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
	uint8_t *bytes = frame;
	size_t length;

	if (received < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if ((size_t)received < sizeof(header) + ADDRESSES)
		return -EBADMSG;
	length = (size_t)received - sizeof(header);
	if (length + TAG > size || header.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return -EMSGSIZE;
	if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		complete_checksum(bytes, length, header.csum_start, header.csum_offset);
	for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
		struct tpacket_auxdata aux;
		uint16_t tag[2];

		if (each->cmsg_level != SOL_PACKET || each->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(each), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			continue;
		tag[0] = htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q);
		tag[1] = htons(aux.tp_vlan_tci);
		memmove(bytes + ADDRESSES + TAG, bytes + ADDRESSES, length - ADDRESSES);
		memcpy(bytes + ADDRESSES, tag, TAG);
		length += TAG;
	}
	return (int)length;
}

int packet_wire_send(int fd, const void *frame, size_t bytes)
{
	struct virtio_net_hdr header = { 0 };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)frame, bytes } };
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	return sendmsg(fd, &message, 0) < 0 ? -errno : 0;
}

long packet_take_drops(int fd)
{
	struct tpacket_stats statistics = { 0 };
	socklen_t length = sizeof(statistics);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) < 0)
		return -errno;
	return statistics.tp_drops;
}
