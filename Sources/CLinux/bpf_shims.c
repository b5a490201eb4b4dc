/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "bpf_shims.h"

#include <sched.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static _Thread_local char *log_buffer;
static _Thread_local size_t log_size, log_used;

int bpf_shim_unshare(int flags)
{
	return unshare(flags);
}

int bpf_shim_setns(int fd, int type)
{
	return setns(fd, type);
}

int bpf_shim_is_bpffs(const char *path)
{
	struct statfs status;

	if (statfs(path, &status))
		return -1;
	return (unsigned int)status.f_type == (unsigned int)BPF_FS_MAGIC;
}

int bpf_shim_drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return -1;
	data[0].effective = 0;
	data[1].effective = 0;
	return syscall(SYS_capset, &header, data);
}

void bpf_shim_log_begin(char *buffer, size_t size)
{
	log_buffer = buffer;
	log_size = size;
	log_used = 0;
	if (size)
		buffer[0] = 0;
}

size_t bpf_shim_log_end(void)
{
	log_buffer = NULL;
	return log_used;
}

int bpf_shim_log_print(const char *format, va_list arguments)
{
	size_t left;
	int n;

	if (!log_buffer || log_used + 1 >= log_size)
		return 0;
	left = log_size - log_used;
	n = vsnprintf(log_buffer + log_used, left, format, arguments);
	if (n > 0)
		log_used += (size_t)n < left ? (size_t)n : left - 1;
	return n;
}
