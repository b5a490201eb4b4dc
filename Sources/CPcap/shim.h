/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CPCAP_SHIM_H
#define CPCAP_SHIM_H

/* libpcap and <linux/bpf.h> both define `struct bpf_insn`, and libbpf an opaque `struct bpf_program`.
 * Two modules that disagree on a tag do not import into one Swift file, so libpcap's get another name. */
#define bpf_insn pcap_bpf_insn
#define bpf_program pcap_bpf_program
#include <pcap/pcap.h>
#undef bpf_insn
#undef bpf_program

#endif
