/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CBPF_SHIM_H
#define CBPF_SHIM_H

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

#endif
