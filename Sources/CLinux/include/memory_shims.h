/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Atomic access to memory that programs in the kernel read and write at the same time, prefetching, and membarrier(2):
 * what Swift cannot say about a pointer it was handed.
 */
#ifndef CLINUX_MEMORY_SHIMS_H
#define CLINUX_MEMORY_SHIMS_H

#include <errno.h>
#include <linux/membarrier.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void memory_prefetch_read(const void *address)
{
	__builtin_prefetch(address, 0, 3);
}

static inline void memory_prefetch_write(const void *address)
{
	__builtin_prefetch(address, 1, 3);
}

static inline uint64_t memory_load64(const void *address)
{
	return __atomic_load_n((const uint64_t *)address, __ATOMIC_RELAXED);
}

static inline uint64_t memory_load_acquire64(const void *address)
{
	return __atomic_load_n((const uint64_t *)address, __ATOMIC_ACQUIRE);
}

static inline uint32_t memory_load_acquire32(const void *address)
{
	return __atomic_load_n((const uint32_t *)address, __ATOMIC_ACQUIRE);
}

static inline void memory_store64(void *address, uint64_t value)
{
	__atomic_store_n((uint64_t *)address, value, __ATOMIC_RELAXED);
}

static inline void memory_store_release16(void *address, uint16_t value)
{
	__atomic_store_n((uint16_t *)address, value, __ATOMIC_RELEASE);
}

static inline void memory_store16(void *address, uint16_t value)
{
	__atomic_store_n((uint16_t *)address, value, __ATOMIC_RELAXED);
}

static inline void memory_store_release64(void *address, uint64_t value)
{
	__atomic_store_n((uint64_t *)address, value, __ATOMIC_RELEASE);
}

static inline void memory_store_release32(void *address, uint32_t value)
{
	__atomic_store_n((uint32_t *)address, value, __ATOMIC_RELEASE);
}

static inline uint64_t memory_exchange64(void *address, uint64_t value)
{
	return __atomic_exchange_n((uint64_t *)address, value, __ATOMIC_SEQ_CST);
}

static inline uint32_t memory_exchange32(void *address, uint32_t value)
{
	return __atomic_exchange_n((uint32_t *)address, value, __ATOMIC_SEQ_CST);
}

/* The value before the addition. */
static inline uint64_t memory_fetch_add64(void *address, uint64_t value)
{
	return __atomic_fetch_add((uint64_t *)address, value, __ATOMIC_SEQ_CST);
}

static inline uint32_t memory_fetch_add32(void *address, uint32_t value)
{
	return __atomic_fetch_add((uint32_t *)address, value, __ATOMIC_SEQ_CST);
}

/* Returns once every section of the kernel that was reading under RCU has ended: 0, or the errno. */
static inline int memory_membarrier_global(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0 ? 0 : errno;
}

/* Whether membarrier(2) offers MEMBARRIER_CMD_GLOBAL; it does not on kernels with nohz_full processors. */
static inline int memory_membarrier_global_offered(void)
{
	const long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	return commands > 0 && (commands & MEMBARRIER_CMD_GLOBAL) != 0;
}

/* The calling thread's processors, a bit each in `bytes` bytes: 0 or the errno. */
static inline int memory_get_affinity(void *mask, size_t bytes)
{
	return syscall(SYS_sched_getaffinity, 0, bytes, mask) >= 0 ? 0 : errno;
}

static inline int memory_set_affinity(const void *mask, size_t bytes)
{
	return syscall(SYS_sched_setaffinity, 0, bytes, mask) == 0 ? 0 : errno;
}

/* The processor the calling thread runs on; by system call, because sched_getcpu(3) is not declared for every includer. */
static inline int memory_processor(void)
{
	unsigned int processor = 0;

	return syscall(SYS_getcpu, &processor, NULL, NULL) == 0 ? (int)processor : -1;
}

#endif
