/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLINUX_H
#define CLINUX_H

#include "bpf_shims.h"
#include "memory_shims.h"
#include "packet_shims.h"
#include "net_shims.h"
#include "register_shims.h"
#include "spi_shims.h"

#endif
