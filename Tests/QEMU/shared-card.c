/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card's side of a BAR that is a file: answers the guest's orders until it is told to end, or its time is up.
 *
 *   shared-card FILE SECONDS
 */
#include "register_shims.h"
#include "shared-card.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t *card;

static uint32_t load(uint32_t address)
{
	return register_load32(card + address);
}

static void store(uint32_t address, uint32_t value)
{
	register_store32(card + address, value);
}

static void recover(void)
{
	store(CARD_SCRATCH, 0);
	store(CARD_READ_TIMEOUT_ADDRESS, 0);
	store(CARD_MAP_REVISION, CARD_REVISION);
	store(CARD_BUS_STATUS, 0);
}

static uint32_t sum(void)
{
	uint32_t result = 0, i;

	for (i = 0; i < CARD_WORD_COUNT; i++)
		result = order_add(result, load(CARD_WORDS + 4 * i));
	return result;
}

static void vanish(void)
{
	static const uint32_t registers[] = { CARD_SCRATCH, CARD_MAP_REVISION, CARD_BUS_STATUS };
	unsigned i;

	for (i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		store(registers[i], 0xffffffff);
}

int main(int count, char **arguments)
{
	uint32_t done = 0;
	unsigned orders = 0;
	int fd;

	if (count != 3) {
		fprintf(stderr, "usage: shared-card FILE SECONDS\n");
		return 2;
	}
	alarm(atoi(arguments[2]));
	fd = open(arguments[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, CARD_SIZE) != 0) {
		perror(arguments[1]);
		return 1;
	}
	card = mmap(NULL, CARD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (card == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	memset(card, 0, CARD_SIZE);
	recover();
	puts("ready");
	fflush(stdout);
	for (;;) {
		uint32_t order = load(CARD_ORDER);

		if (order == done) {
			sched_yield();
			continue;
		}
		done = order;
		orders++;
		switch (order & 0xff) {
		case ORDER_SUM:
			store(CARD_ANSWER, sum());
			break;
		case ORDER_VANISH:
			vanish();
			break;
		case ORDER_HANG:
			store(CARD_SCRATCH, 0xeeeeeeee);
			store(CARD_READ_TIMEOUT_ADDRESS, CARD_SCRATCH);
			store(CARD_BUS_STATUS, 4);
			break;
		case ORDER_RECOVER:
			recover();
			break;
		case ORDER_END:
			printf("%u orders\n", orders);
			return 0;
		default:
			fprintf(stderr, "order %u is none\n", order & 0xff);
			return 1;
		}
		store(CARD_DONE, order);
	}
}
