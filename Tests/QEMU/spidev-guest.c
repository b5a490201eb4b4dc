/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest with a real /dev/spidev, behind which is a flash of the kind SST25VF016B: an SPI slave that takes a command
 * and an address of three bytes, as the card does, and ends a command where the chip select is released. It runs the C
 * that SpidevDevice runs. The flash holds lines of seven digits, each the number of the line.
 */
#include "guest.h"
#include "spi_shims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>

enum {
	READ_ID = 0x9f,
	READ = 0x03,
	WRITE_ENABLE = 0x06,
	PROGRAM = 0x02,
	WRITE_STATUS = 0x01,
	FRAME = 12,
	LINE = 8,
	LINES = 262144,
	MOST = 511,
	SPEED = 20000000,
};

static const char device[] = "/dev/spidev0.0";
static uint8_t out[MOST * FRAME], in[MOST * FRAME];
static uint16_t lengths[MOST];

static int load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = fd < 0 ? -errno : (syscall(SYS_finit_module, fd, "", 0) == 0 ? 0 : -errno);

	if (fd >= 0)
		close(fd);
	return guest_check(result == 0, "module %s loaded (%d)", path, result);
}

/* Frames that read `count` lines, `step` lines apart, one chip select each. */
static void ask_for_lines(unsigned count, unsigned step)
{
	unsigned i;

	memset(out, 0, sizeof(out));
	memset(in, 0xa5, sizeof(in));
	for (i = 0; i < count; i++) {
		uint32_t address = i * step % LINES * LINE;
		uint8_t *frame = out + i * FRAME;

		frame[0] = READ;
		frame[1] = address >> 16;
		frame[2] = address >> 8;
		frame[3] = address;
		lengths[i] = FRAME;
	}
}

static unsigned right_lines(unsigned count, unsigned step)
{
	unsigned i, right = 0;

	for (i = 0; i < count; i++) {
		char line[16];

		snprintf(line, sizeof(line), "%07u\n", i * step % LINES);
		right += memcmp(in + i * FRAME + 4, line, LINE) == 0;
	}
	return right;
}

static int read_lines(int fd, unsigned count, unsigned step)
{
	int result;

	ask_for_lines(count, step);
	result = clinux_spi_message(fd, out, in, lengths, count, SPEED, 0);
	return guest_check(result == (int)count * FRAME && right_lines(count, step) == count,
			   "%u frames of %d bytes in one message: %d bytes carried out, %u of %u answers right", count,
			   FRAME, result, result < 0 ? 0 : right_lines(count, step), count);
}

static void identify(int fd)
{
	static const uint8_t identity[] = { 0xbf, 0x25, 0x41 };
	unsigned i, right = 0;
	int result;

	memset(out, 0, sizeof(out));
	memset(in, 0, sizeof(in));
	for (i = 0; i < 3; i++) {
		out[i * 6] = READ_ID;
		lengths[i] = 6;
	}
	result = clinux_spi_message(fd, out, in, lengths, 3, SPEED, 0);
	for (i = 0; i < 3; i++)
		right += memcmp(in + i * 6 + 1, identity, sizeof(identity)) == 0;
	guest_check(result == 18 && right == 3,
		    "JEDEC id %02X %02X %02X in each of 3 transfers of one message (%d bytes)", in[1], in[2], in[3], result);
}

/* Four commands, of which each works only if the chip select was released before it. */
static void program(int fd)
{
	static const uint8_t bytes[] = {
		WRITE_ENABLE, WRITE_STATUS, 0, WRITE_ENABLE, PROGRAM, 0, 0, 3, 0x20, READ, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	static const uint16_t frames[] = { 1, 2, 1, 5, 12 };
	uint8_t answer[sizeof(bytes)];
	int result = clinux_spi_message(fd, bytes, answer, frames, 5, SPEED, 0);

	/* Programming clears bits: '0' becomes ' '. */
	guest_check(result == (int)sizeof(bytes) && memcmp(answer + 13, "000 000\n", LINE) == 0,
		    "unlock, write and read back in one message: \"%.7s\"", (const char *)answer + 13);
}

/* What the kernel counts a frame of 12 bytes as, found by what it refuses. */
static void find_limit(int fd)
{
	unsigned size = 0, count;
	FILE *file = fopen("/sys/module/spidev/parameters/bufsiz", "r");
	int result = 0;

	guest_check(file != NULL && fscanf(file, "%u", &size) == 1 && size > 0, "bufsiz is %u bytes", size);
	if (file)
		fclose(file);
	for (count = MOST; count > 0; count--) {
		ask_for_lines(count, 1);
		result = clinux_spi_message(fd, out, in, lengths, count, SPEED, 0);
		if (result != -EMSGSIZE)
			break;
	}
	guest_check(count > 0 && result == (int)count * FRAME && right_lines(count, 1) == count,
		    "one message holds %u frames of %d bytes: each takes %u of bufsiz", count, FRAME,
		    count ? size / count : 0);
	if (count < MOST) {
		ask_for_lines(count + 1, 1);
		result = clinux_spi_message(fd, out, in, lengths, count + 1, SPEED, 0);
		guest_check(result == -EMSGSIZE && in[4] == 0xa5, "one more is refused with EMSGSIZE (%d) and nothing is read",
			    result);
	}
}

int main(void)
{
	int fd, round, all = 1;

	if (guest_start() != 0)
		guest_check(0, "mounts: %s", strerror(errno));
	/* The chip select is a GPIO: without its driver the SPI controller is deferred. */
	load("/modules/gpio-mxc.ko");
	load("/modules/spi-imx.ko");
	guest_check(clinux_spi_open("/dev/spidev9.9") == -ENOENT, "/dev/spidev9.9 is not there (ENOENT)");
	fd = clinux_spi_open(device);
	if (guest_check(fd >= 0, "%s opened (%d)", device, fd < 0 ? fd : 0)) {
		guest_check(clinux_spi_set_mode(fd, 0) == 0, "mode 0");
		guest_check(clinux_spi_set_bits_per_word(fd, 8) == 0, "8 bits a word");
		guest_check(clinux_spi_set_speed(fd, SPEED) == 0, "%d Hz", SPEED);
		identify(fd);
		read_lines(fd, 1, 1);
		read_lines(fd, 32, 4099);
		find_limit(fd);
		for (round = 1; round <= 20; round++) {
			ask_for_lines(32, round * 7919);
			all &= clinux_spi_message(fd, out, in, lengths, 32, SPEED, 0) == 32 * FRAME &&
			       right_lines(32, round * 7919) == 32;
		}
		guest_check(all, "20 messages of 32 frames from all over the flash");
		program(fd);
		guest_check(clinux_spi_message(fd, out, in, lengths, clinux_spi_most_transfers() + 1, SPEED, 0) == -EMSGSIZE,
			    "a message of more than %u transfers is refused before the kernel is asked",
			    clinux_spi_most_transfers());
		close(fd);
	}
	guest_end();
	return 0;
}
