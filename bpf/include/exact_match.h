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
 * Marks, in the action word of a slot that is not valid, what a reader may still hold: the writer may not fill the slot
 * before a grace period. MOVED tells a writer that adopts the table after a crash that the key lives elsewhere.
 */
#define EM_QUARANTINED (1ULL << 25)
#define EM_MOVED (1ULL << 24)
#define EM_PROMISED (1ULL << 23) /* an insertion that waits counts on this slot */

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

/* ---- reading in order -------------------------------------------------------------------------------------- */

/*
 * The action word must be read before the key, and `moves` before and after the slots. The program's instruction set
 * (v3) has no load-acquire. On x86 loads stay in order, so a volatile read, which the compiler does not move, is
 * enough. On arm64 the address of what is read later is made to depend on what was read before: the word AND 0,
 * computed where the compiler cannot fold it. The verifier knows that the result is 0, so it may be added to a
 * pointer; the processor does not know and waits for the word.
 */
#ifdef __bpf__
#define EM_READ_FIRST(pointer) (*(const volatile __typeof__(*(pointer)) *)(pointer))
#define EM_READ(pointer) (*(const volatile __typeof__(*(pointer)) *)(pointer))
#else
#define EM_READ_FIRST(pointer) __atomic_load_n((pointer), __ATOMIC_ACQUIRE)
#define EM_READ(pointer) __atomic_load_n((pointer), __ATOMIC_RELAXED)
#endif

#if defined(__bpf__) && defined(__TARGET_ARCH_arm64)
fp_inline __u64 em_zero_after(__u64 word)
{
	asm volatile("%0 &= 0" : "+r"(word));
	return word;
}
#else
fp_inline __u64 em_zero_after(__u64 word)
{
	(void)word;
	return 0;
}
#endif

/* `settings.moves`, read after the words `order` was made of. */
fp_inline __u32 em_moves(const struct fp_settings *settings, __u64 order)
{
	const char *base = (const char *)settings + order;

	return EM_READ_FIRST((const __u32 *)(base + __builtin_offsetof(struct fp_settings, moves)));
}

/* ---- lookup ------------------------------------------------------------------------------------------------ */

/* How often a reader that found nothing looks while entries are being moved. */
#define EM_ATTEMPTS 4

/*
 * One bucket. The key is compared word by word, most telling word first, so that another key costs one branch;
 * the valid bit is tested last, because a slot that holds the key is nearly always valid.
 */
fp_inline struct fp_entry32 *em_probe32(void *table, __u64 buckets, __u64 bucket, __u64 k0, __u64 k1,
					__u64 *action, __u64 *order)
{
	struct fp_entry32 *entry;
	int slot;

	if (bucket >= buckets)
		return 0;
	entry = (struct fp_entry32 *)((char *)table + bucket * EM_BUCKET_BYTES + *order);
#ifdef __bpf__
#pragma unroll
#endif
	for (slot = 0; slot < EM_SLOTS32; slot++, entry++) {
		const __u64 word = EM_READ_FIRST(&entry->action);
		const __u64 zero = em_zero_after(word);
		const struct fp_entry32 *body = (const struct fp_entry32 *)((const char *)entry + zero);

		*order |= zero;
		if (EM_READ(&body->key[0]) != k0 || EM_READ(&body->key[1]) != k1 || !(word & FP_ACTION_VALID))
			continue;
		*action = word;
		return entry;
	}
	return 0;
}

fp_inline struct fp_entry64 *em_probe64(void *table, __u64 buckets, __u64 bucket, __u64 k0, __u64 k1, __u64 k2,
					__u64 k3, __u64 k4, __u64 *action, __u64 *order)
{
	struct fp_entry64 *entry;
	int slot;

	if (bucket >= buckets)
		return 0;
	entry = (struct fp_entry64 *)((char *)table + bucket * EM_BUCKET_BYTES + *order);
#ifdef __bpf__
#pragma unroll
#endif
	for (slot = 0; slot < EM_SLOTS64; slot++, entry++) {
		const __u64 word = EM_READ_FIRST(&entry->action);
		const __u64 zero = em_zero_after(word);
		const struct fp_entry64 *body = (const struct fp_entry64 *)((const char *)entry + zero);

		*order |= zero;
		if (EM_READ(&body->key[4]) != k4 || EM_READ(&body->key[1]) != k1 || EM_READ(&body->key[3]) != k3 ||
		    EM_READ(&body->key[0]) != k0 || EM_READ(&body->key[2]) != k2 || !(word & FP_ACTION_VALID))
			continue;
		*action = word;
		return entry;
	}
	return 0;
}

/*
 * One look at a key's two buckets. May pass by an entry that is being moved; a caller to whom absence means something
 * asks em_find instead. Arguments as there.
 */
fp_inline struct fp_entry32 *em_peek32(const struct fp_settings *settings, void *table, __u32 buckets, __u64 k0,
				       __u64 k1, __u64 *action)
{
	__u64 order = 0;
	struct fp_entry32 *entry =
		em_probe32(table, buckets, em_bucket(em_hash2(settings->seed[0], k0, k1), buckets), k0, k1, action, &order);

	if (entry)
		return entry;
	return em_probe32(table, buckets, em_bucket(em_hash2(settings->seed[1], k0, k1), buckets), k0, k1, action,
			  &order);
}

fp_inline struct fp_entry64 *em_peek64(const struct fp_settings *settings, void *table, __u32 buckets, __u64 k0,
				       __u64 k1, __u64 k2, __u64 k3, __u64 k4, __u64 *action)
{
	__u64 order = 0;
	struct fp_entry64 *entry =
		em_probe64(table, buckets, em_bucket(em_hash5(settings->seed[0], k0, k1, k2, k3, k4), buckets), k0, k1, k2,
			   k3, k4, action, &order);

	if (entry)
		return entry;
	return em_probe64(table, buckets, em_bucket(em_hash5(settings->seed[1], k0, k1, k2, k3, k4), buckets), k0, k1, k2,
			  k3, k4, action, &order);
}

/*
 * The entry of a key in a table of `buckets` buckets, or 0. `*action` is the action word as it was when the entry was
 * found and is set only then; the entry stays this key's until the program ends, so it may be counted on.
 *
 * `table` is one map value of at most 512 MiB (the verifier's limit for a variable offset); `buckets` a constant the
 * verifier can see (read-only data), or 0 for a table that does not exist.
 */
fp_inline struct fp_entry32 *em_find32(const struct fp_settings *settings, void *table, __u32 buckets, __u64 k0,
				       __u64 k1, __u64 *action)
{
	const __u64 count = buckets;
	__u64 first = em_bucket(em_hash2(settings->seed[0], k0, k1), buckets);
	__u32 moves = em_moves(settings, 0);
	__u64 order = em_zero_after(moves);
	int attempt;

#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (attempt = 0; attempt < EM_ATTEMPTS; attempt++) {
		struct fp_entry32 *entry = em_probe32(table, count, first, k0, k1, action, &order);
		__u64 second;
		__u32 after;

		if (entry)
			return entry;
		second = em_bucket(em_hash2(settings->seed[1], k0, k1), buckets);
		entry = em_probe32(table, count, second, k0, k1, action, &order);
		if (entry)
			return entry;
		after = em_moves(settings, order);
		if (after == moves && !(moves & 1))
			return 0;
		moves = after;
		order = em_zero_after(moves);
	}
	return 0;
}

fp_inline struct fp_entry64 *em_find64(const struct fp_settings *settings, void *table, __u32 buckets, __u64 k0,
				       __u64 k1, __u64 k2, __u64 k3, __u64 k4, __u64 *action)
{
	const __u64 count = buckets;
	__u64 first = em_bucket(em_hash5(settings->seed[0], k0, k1, k2, k3, k4), buckets);
	__u32 moves = em_moves(settings, 0);
	__u64 order = em_zero_after(moves);
	int attempt;

#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (attempt = 0; attempt < EM_ATTEMPTS; attempt++) {
		struct fp_entry64 *entry = em_probe64(table, count, first, k0, k1, k2, k3, k4, action, &order);
		__u64 second;
		__u32 after;

		if (entry)
			return entry;
		second = em_bucket(em_hash5(settings->seed[1], k0, k1, k2, k3, k4), buckets);
		entry = em_probe64(table, count, second, k0, k1, k2, k3, k4, action, &order);
		if (entry)
			return entry;
		after = em_moves(settings, order);
		if (after == moves && !(moves & 1))
			return 0;
		moves = after;
		order = em_zero_after(moves);
	}
	return 0;
}

/* ---- counting ---------------------------------------------------------------------------------------------- */

/*
 * Count a packet of `length` bytes. True when the word must be moved to its spill counter: call em_spill. The common
 * path is one atomic addition and needs no spill counter looked up.
 */
fp_inline _Bool em_count(__u64 *count, __u64 length)
{
	const __u64 add = FP_COUNT_PACKET + length;

	return ((__sync_fetch_and_add(count, add) + add) & FP_COUNT_SPILL_BITS) != 0;
}

/*
 * Move what `count` holds into `spill` (the entry's own). Several processors may come here for the same entry: one of
 * them takes the counts, the others move nothing.
 */
fp_inline void em_spill(__u64 *count, struct fp_counter *spill, struct fp_settings *settings)
{
	__u64 taken;

	if (!*(volatile __u32 *)&settings->spills)
		*(volatile __u32 *)&settings->spills = 1;
	taken = __sync_lock_test_and_set(count, 0);
	__sync_fetch_and_add(&spill->packets, taken >> FP_COUNT_PACKET_SHIFT);
	__sync_fetch_and_add(&spill->bytes, taken & FP_COUNT_BYTES_MASK);
}

/*
 * Note a hit in `epoch`. `word` is the action word as found, `action` where it stands. Writes 16 bits, once per
 * epoch; never the half of the word that decides, so it cannot undo what the controller writes meanwhile.
 */
fp_inline void em_touch(__u64 *action, __u64 word, __u16 epoch)
{
	if ((__u16)(word >> FP_ACTION_EPOCH_SHIFT) != epoch)
		*(volatile __u16 *)((char *)action + 6) = epoch;
}

/* ---- for the writer ---------------------------------------------------------------------------------------- */

#ifndef __bpf__
/* Seeds of the first (0) or second (1) bucket's hash. */
fp_inline const __u64 *em_seed(const struct fp_settings *settings, __u32 which)
{
	return settings->seed[which];
}

fp_inline __u32 *em_moves_word(struct fp_settings *settings)
{
	return &settings->moves;
}

_Static_assert(sizeof(struct fp_entry32) == 32 && __builtin_offsetof(struct fp_entry32, action) == 16 &&
		       __builtin_offsetof(struct fp_entry32, count) == 24, "layout of a 32-byte entry");
_Static_assert(sizeof(struct fp_entry64) == 64 && __builtin_offsetof(struct fp_entry64, action) == 40 &&
		       __builtin_offsetof(struct fp_entry64, count) == 48, "layout of a 64-byte entry");
#endif

#endif
