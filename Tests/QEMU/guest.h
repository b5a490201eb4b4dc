/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first and only process of a guest: mounts what it needs, says PASS or FAIL of each check on the console, one line
 * each, and ends with the line that tools/qemu waits for.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static inline int guest_start(void)
{
	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) != 0 || mount("proc", "/proc", "proc", 0, NULL) != 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) != 0)
		return -1;
	return 0;
}

static inline int guest_check(int passed, const char *format, ...)
{
	va_list arguments;

	fputs(passed ? "PASS " : "FAIL ", stdout);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	return passed;
}

static inline void guest_end(void)
{
	puts("END");
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

#endif
