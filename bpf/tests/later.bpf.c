// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A build of a later version, whose tables are laid out as nobody here knows. */
#include "fastpath_abi.h"

#undef FP_ABI_VERSION
#define FP_ABI_VERSION 1000
#include "../fastpath.bpf.c"
