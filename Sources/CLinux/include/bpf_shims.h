/* SPDX-License-Identifier: Apache-2.0 */
/* What the BPF target needs of C and Swift cannot express: namespaces, acquire and release on mapped memory, and
 * a printer with a va_list. */
#ifndef BPF_SHIMS_H
#define BPF_SHIMS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define BPF_SHIM_NEWNET 0x40000000
#define BPF_SHIM_NEWNS 0x00020000

/* unshare(2) and setns(2) hide behind _GNU_SOURCE, which Swift's Glibc module does not set. */
int bpf_shim_unshare(int flags);
int bpf_shim_setns(int fd, int type);

/* statfs(2) is not in Swift's Glibc module either: 1 on a BPF file system, 0 on another, -1 if there is no such path. */
int bpf_shim_is_bpffs(const char *path);

/* Clears the effective capabilities of the calling thread alone (capset(2) has no wrapper in the C library). */
int bpf_shim_drop_capabilities(void);

/* Collects what libbpf prints on this thread into `buffer` until the end call; the text stays terminated. */
void bpf_shim_log_begin(char *buffer, size_t size);
size_t bpf_shim_log_end(void);
int bpf_shim_log_print(const char *format, va_list arguments);

static inline uint64_t bpf_shim_load_acquire64(const void *address)
{
	return __atomic_load_n((const uint64_t *)address, __ATOMIC_ACQUIRE);
}

static inline uint32_t bpf_shim_load_acquire32(const void *address)
{
	return __atomic_load_n((const uint32_t *)address, __ATOMIC_ACQUIRE);
}

static inline void bpf_shim_store_release64(void *address, uint64_t value)
{
	__atomic_store_n((uint64_t *)address, value, __ATOMIC_RELEASE);
}

/* The consumer's position must be visible to the producer before the ring is seen empty and the reader sleeps. */
static inline void bpf_shim_store_seq64(void *address, uint64_t value)
{
	__atomic_store_n((uint64_t *)address, value, __ATOMIC_SEQ_CST);
}

#endif
