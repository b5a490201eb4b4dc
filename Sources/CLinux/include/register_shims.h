/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of a device mapped into memory. Each call is exactly one access of 32 bits, in program order: `volatile` keeps
 * the compiler from merging, splitting, dropping or repeating it, which Swift does not promise of a pointer. The fences
 * keep the processor from letting a read overtake a write, which it may where the device is ordinary memory (an
 * emulated card), and order both against the program's own memory. A PCIe device's words are little-endian.
 */
#ifndef CLINUX_REGISTER_SHIMS_H
#define CLINUX_REGISTER_SHIMS_H

#include <endian.h>
#include <stdint.h>

static inline uint32_t register_load32(const volatile void *address)
{
	uint32_t word;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	word = *(const volatile uint32_t *)address;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return le32toh(word);
}

static inline void register_store32(volatile void *address, uint32_t value)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*(volatile uint32_t *)address = htole32(value);
}

#endif
