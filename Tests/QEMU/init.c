/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts, and becomes /guest: the Swift runtime needs /proc before a program's first line. */
#include "guest.h"

int main(void)
{
	guest_check(guest_start() == 0, "devtmpfs, proc and sysfs mounted");
	execl("/guest", "/guest", (char *)NULL);
	guest_check(0, "exec of /guest");
	guest_end();
	return 0;
}
