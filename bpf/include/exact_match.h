/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Exact-match tables in one mapped array: hash, placement and lookup. The writer is in user space.
 *
 * A bucket is 128 bytes (two adjacent cache lines): four entries of 32 bytes or two of 64. A key lives in the bucket
 * its first hash names or in the one its second hash names. A reader tests the first bucket, then the second.
 *
 * A slot is published by writing its action word last, and freed by clearing its action word; it is not written
 * again before every program that may still look at it has finished (an RCU grace period). So a reader that
 * saw a valid action word sees the key that belongs to it. An entry is moved by publishing it in its new slot before
 * freeing the old one; a reader may pass between the two, so `settings.moves` changes before and after, and a reader
 * that found nothing looks again if it changed.
 */
#ifndef EXACT_MATCH_H
#define EXACT_MATCH_H

#include "fastpath_abi.h"

#define EM_BUCKET_BYTES 128
#define EM_SLOTS32 4
#define EM_SLOTS64 2

/*
 * Multilinear hashing over pairs of 32-bit characters with 64-bit seeds; the upper 32 bits of the sum are strongly
 * universal (Lemire and Kaser, "Strongly universal string hashing is fast", 2014), so that without the seeds keys
 * cannot be chosen to collide. Two words make four characters, five make ten.
 */
fp_inline __u64 em_pair(__u64 word, __u64 seed_low, __u64 seed_high)
{
	return (seed_low + (__u32)word) * (seed_high + (word >> 32));
}

fp_inline __u32 em_hash2(const __u64 *seed, __u64 k0, __u64 k1)
{
	return (__u32)((seed[0] + em_pair(k0, seed[1], seed[2]) + em_pair(k1, seed[3], seed[4])) >> 32);
}

fp_inline __u32 em_hash5(const __u64 *seed, __u64 k0, __u64 k1, __u64 k2, __u64 k3, __u64 k4)
{
	return (__u32)((seed[0] + em_pair(k0, seed[1], seed[2]) + em_pair(k1, seed[3], seed[4]) +
			em_pair(k2, seed[5], seed[6]) + em_pair(k3, seed[7], seed[8]) +
			em_pair(k4, seed[9], seed[10])) >> 32);
}

/* The bucket a hash names, of `buckets` (any number below 2^32). */
fp_inline __u32 em_bucket(__u32 hash, __u32 buckets)
{
	return (__u32)(((__u64)hash * buckets) >> 32);
}

#endif
