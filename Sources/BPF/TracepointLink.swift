// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// A program's hold on the tracepoint its section names (`SEC("tp_btf/…")`). Closing it (deinit) ends it.
public struct TracepointLink: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    public init(_ program: borrowing Program) throws(BPFError) {
        // Without a name: the program was verified against one tracepoint and carries it.
        let fd = bpf_raw_tracepoint_open(nil, program.fd)
        guard fd >= 0 else {
            throw .failure(
                "bpf(BPF_RAW_TRACEPOINT_OPEN)", on: "program \(program.name)", KernelErrno(rawValue: -fd),
                needing: [.bpf, .perfmon])
        }
        descriptor = FileDescriptor(owning: fd)
    }
}
