/* SPDX-License-Identifier: Apache-2.0 */
#include "spi_shims.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/spi/spidev.h>

enum { MOST_TRANSFERS = ((1 << _IOC_SIZEBITS) - 1) / sizeof(struct spi_ioc_transfer) };

static int control(int fd, unsigned long request, void *argument)
{
	int result = ioctl(fd, request, argument);

	return result < 0 ? -errno : result;
}

int clinux_spi_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int clinux_spi_set_mode(int fd, uint8_t mode)
{
	return control(fd, SPI_IOC_WR_MODE, &mode);
}

int clinux_spi_set_bits_per_word(int fd, uint8_t bits)
{
	return control(fd, SPI_IOC_WR_BITS_PER_WORD, &bits);
}

int clinux_spi_set_speed(int fd, uint32_t hertz)
{
	return control(fd, SPI_IOC_WR_MAX_SPEED_HZ, &hertz);
}

unsigned clinux_spi_most_transfers(void)
{
	return MOST_TRANSFERS;
}

int clinux_spi_message(int fd, const uint8_t *out, uint8_t *in, const uint16_t *lengths, unsigned count, uint32_t hertz,
		       uint16_t delay_us)
{
	struct spi_ioc_transfer transfers[MOST_TRANSFERS];
	unsigned i;

	if (count == 0)
		return 0;
	if (count > MOST_TRANSFERS)
		return -EMSGSIZE;
	memset(transfers, 0, count * sizeof(transfers[0]));
	for (i = 0; i < count; i++) {
		transfers[i].tx_buf = (uintptr_t)out;
		transfers[i].rx_buf = (uintptr_t)in;
		transfers[i].len = lengths[i];
		transfers[i].speed_hz = hertz;
		transfers[i].bits_per_word = 8;
		transfers[i].delay_usecs = delay_us;
		transfers[i].cs_change = i + 1 < count;
		out += lengths[i];
		in += lengths[i];
	}
	return control(fd, SPI_IOC_MESSAGE(count), transfers);
}
