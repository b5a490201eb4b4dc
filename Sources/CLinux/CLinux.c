/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>

/*
 * The new namespace is made on a thread of its own, which ends at once: no failure can leave the caller's
 * thread in the wrong namespace.
 */
static void *unshare_and_open(void *result)
{
	int fd;

	if (unshare(CLONE_NEWNET) < 0) {
		*(int *)result = -errno;
		return NULL;
	}
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	*(int *)result = fd < 0 ? -errno : fd;
	return NULL;
}

int clinux_network_namespace_new(void)
{
	pthread_t thread;
	int result = -EIO;
	int error = pthread_create(&thread, NULL, unshare_and_open, &result);

	if (error)
		return -error;
	error = pthread_join(thread, NULL);
	return error ? -error : result;
}

int clinux_network_namespace_enter(int fd)
{
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

int clinux_mount_bind(const char *source, const char *target)
{
	return mount(source, target, "none", MS_BIND, NULL) < 0 ? -errno : 0;
}

int clinux_mount_make_shared(const char *directory)
{
	return mount("", directory, "none", MS_SHARED | MS_REC, NULL) < 0 ? -errno : 0;
}

int clinux_mount_detach(const char *target)
{
	return umount2(target, MNT_DETACH) < 0 ? -errno : 0;
}

struct offload_commands {
	uint32_t set;
	uint32_t get;
};

static const struct offload_commands commands[] = {
	[CLINUX_OFFLOAD_GRO] = { ETHTOOL_SGRO, ETHTOOL_GGRO },
	[CLINUX_OFFLOAD_TX_CHECKSUM] = { ETHTOOL_STXCSUM, ETHTOOL_GTXCSUM },
	[CLINUX_OFFLOAD_RX_CHECKSUM] = { ETHTOOL_SRXCSUM, ETHTOOL_GRXCSUM },
	[CLINUX_OFFLOAD_GSO] = { ETHTOOL_SGSO, ETHTOOL_GGSO },
	[CLINUX_OFFLOAD_TSO] = { ETHTOOL_STSO, ETHTOOL_GTSO },
	/* One of several flags in one value. */
	[CLINUX_OFFLOAD_TX_VLAN] = { ETHTOOL_SFLAGS, ETHTOOL_GFLAGS },
};

static uint32_t offload_flag(enum clinux_offload offload)
{
	return offload == CLINUX_OFFLOAD_TX_VLAN ? ETH_FLAG_TXVLAN : 0;
}

static int ethtool_value(int socket, const char *name, struct ethtool_value *value)
{
	struct ifreq request = { 0 };
	size_t length = strlen(name);

	if (length >= IFNAMSIZ)
		return -ENAMETOOLONG;
	memcpy(request.ifr_name, name, length);
	request.ifr_data = (void *)value;
	return ioctl(socket, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

int clinux_offload_set(int socket, const char *name, enum clinux_offload offload, int enabled)
{
	struct ethtool_value value = { .cmd = commands[offload].get };
	const uint32_t flag = offload_flag(offload);
	int error;

	if (flag) {
		error = ethtool_value(socket, name, &value);
		if (error)
			return error;
	}
	value.cmd = commands[offload].set;
	value.data = flag ? (enabled ? value.data | flag : value.data & ~flag) : enabled != 0;
	return ethtool_value(socket, name, &value);
}

int clinux_offload_get(int socket, const char *name, enum clinux_offload offload)
{
	struct ethtool_value value = { .cmd = commands[offload].get };
	int error = ethtool_value(socket, name, &value);

	if (error)
		return error;
	return offload_flag(offload) ? (value.data & offload_flag(offload)) != 0 : value.data != 0;
}

const char *clinux_errno_name(int number)
{
	return strerrorname_np(number);
}

const char *clinux_errno_meaning(int number)
{
	return strerrordesc_np(number);
}
