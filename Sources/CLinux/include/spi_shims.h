/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spidev(4): variadic ioctls and a request number that depends on how many transfers there are, which Swift cannot
 * express. Every function returns a value >= 0, or a negative errno.
 */
#ifndef CLINUX_SPI_SHIMS_H
#define CLINUX_SPI_SHIMS_H

#include <stdint.h>

/* Opens /dev/spidevX.Y for reading and writing; the descriptor is closed on exec. */
int clinux_spi_open(const char *path);

/* SPI_IOC_WR_MODE: clock polarity and phase, 0 to 3. */
int clinux_spi_set_mode(int fd, uint8_t mode);

/* SPI_IOC_WR_BITS_PER_WORD. */
int clinux_spi_set_bits_per_word(int fd, uint8_t bits);

/* SPI_IOC_WR_MAX_SPEED_HZ. */
int clinux_spi_set_speed(int fd, uint32_t hertz);

/* Transfers that one SPI_IOC_MESSAGE can carry: its size has _IOC_SIZEBITS bits in the request number. */
unsigned clinux_spi_most_transfers(void);

/*
 * SPI_IOC_MESSAGE: `count` frames in both directions, one after another in `out` and in `in`, `lengths[i]` bytes each.
 * The chip select goes up after each frame (`cs_change`, whose meaning on the last one is the opposite and is left
 * out there), and before that `delay_us` microseconds pass. Returns the bytes carried out.
 */
int clinux_spi_message(int fd, const uint8_t *out, uint8_t *in, const uint16_t *lengths, unsigned count, uint32_t hertz,
		       uint16_t delay_us);

#endif
