/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's process and the guest agree on: registers in memory that both see. The first are where a card has
 * them; the others are for giving orders.
 */
#ifndef SHARED_CARD_H
#define SHARED_CARD_H

#include <stdint.h>

enum {
	CARD_SIZE = 1 << 24,
	CARD_BUS_STATUS = 0x000000,
	CARD_READ_TIMEOUT_ADDRESS = 0x000010,
	CARD_MAP_REVISION = 0x00040c,
	CARD_SCRATCH = 0x000420,
	/* Words that an order is about. */
	CARD_WORDS = 0xb00000,
	CARD_WORD_COUNT = 512,
	/* The guest writes a number and a kind; the host writes the same into DONE when it has done it. */
	CARD_ORDER = 0xf00000,
	CARD_DONE = 0xf00004,
	CARD_ANSWER = 0xf00008,
	CARD_REVISION = 7,
};

enum order {
	/* ANSWER becomes a sum over the words, in which their places count. */
	ORDER_SUM = 1,
	/* Every register becomes ones, as if the card were pulled out; but DONE. */
	ORDER_VANISH = 2,
	/* The scratch register times out. */
	ORDER_HANG = 3,
	/* All is well again. */
	ORDER_RECOVER = 4,
	ORDER_END = 5,
};

/* An order's number is above its kind. */
static inline uint32_t order_word(uint32_t number, enum order kind)
{
	return number << 8 | kind;
}

static inline uint32_t order_add(uint32_t sum, uint32_t word)
{
	return (sum << 5 | sum >> 27) ^ (word * 0x9e3779b1u);
}

#endif
