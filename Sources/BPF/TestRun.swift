// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// Runs a program on packets given to it (BPF_PROG_TEST_RUN), with one output buffer for all runs.
///
/// A run allocates nothing, so a million of them cost a million system calls and no more.
public struct TestRun: ~Copyable, @unchecked Sendable {
    // SAFETY: the buffer is this value's alone; runs are `mutating`, so no two of them share it.
    private let descriptor: FileDescriptor
    private let name: String
    private let buffer: UnsafeMutableRawPointer
    private let capacity: Int
    private var produced = 0

    /// - Parameter outputCapacity: bytes of the largest packet that can come out; the kernel refuses a smaller buffer
    ///   with ENOSPC.
    public init(_ program: borrowing Program, outputCapacity: Int = 16_384) throws(BPFError) {
        descriptor = try FileDescriptor(duplicating: program.fd, of: program.name)
        name = program.name
        capacity = max(outputCapacity, 64)
        buffer = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// What one run (or the last of several) gave.
    public struct Outcome: Sendable, Hashable {
        /// The program's return value, for XDP an `enum xdp_action`.
        public var returnValue: UInt32
        /// Bytes of the packet afterwards; read them by ``TestRun/output``.
        public var outputSize: Int
        /// Nanoseconds a repetition took on average, by the kernel's clock.
        public var duration: UInt32
    }

    /// Runs the program.
    /// - Parameters:
    ///   - packet: the Ethernet frame, at least 14 bytes.
    ///   - repeat: how often, for timing; the packet is not reset between repetitions.
    ///   - interfaceIndex: the ingress interface the program sees; 0 is none (the kernel shows loopback).
    ///   - queue: the receive queue it sees; must exist on the interface.
    public mutating func run(
        _ packet: UnsafeRawBufferPointer, repeat count: Int32 = 1, interfaceIndex: UInt32 = 0, queue: UInt32 = 0
    ) throws(BPFError) -> Outcome {
        var context = xdp_md()
        var options = bpf_test_run_opts()
        options.sz = MemoryLayout<bpf_test_run_opts>.size
        options.data_in = packet.baseAddress
        options.data_size_in = UInt32(packet.count)
        options.data_out = buffer
        options.data_size_out = UInt32(capacity)
        options.repeat = count
        let status: Int32
        if interfaceIndex != 0 {
            context.data_end = UInt32(packet.count)
            context.ingress_ifindex = interfaceIndex
            context.rx_queue_index = queue
            status = withUnsafePointer(to: context) { context in
                options.ctx_in = UnsafeRawPointer(context)
                options.ctx_size_in = UInt32(MemoryLayout<xdp_md>.size)
                return bpf_prog_test_run_opts(descriptor.raw, &options)
            }
        } else {
            status = bpf_prog_test_run_opts(descriptor.raw, &options)
        }
        guard status == 0 else {
            produced = 0
            throw failure(status, packet.count, interfaceIndex)
        }
        produced = Int(options.data_size_out)
        return Outcome(returnValue: options.retval, outputSize: produced, duration: options.duration)
    }

    /// As the other, from an array.
    public mutating func run(
        _ packet: [UInt8], repeat count: Int32 = 1, interfaceIndex: UInt32 = 0, queue: UInt32 = 0
    ) throws(BPFError) -> Outcome {
        let outcome: Result<Outcome, BPFError> = packet.withUnsafeBytes { bytes in
            Result { () throws(BPFError) in
                try run(bytes, repeat: count, interfaceIndex: interfaceIndex, queue: queue)
            }
        }
        return try outcome.get()
    }

    /// The packet after the last run; gone with the next.
    public var output: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            let span = RawSpan(_unsafeStart: UnsafeRawPointer(buffer), byteCount: produced)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// The packet after the last run, copied.
    public var outputBytes: [UInt8] { Array(UnsafeRawBufferPointer(start: buffer, count: produced)) }

    /// Sends `count` copies of the packet through the program for real: what it transmits, redirects or passes leaves
    /// by the drivers or enters the stack (`BPF_F_TEST_XDP_LIVE_FRAMES`).
    ///
    /// A frame sent to a veth whose peer has neither a native XDP program nor GRO vanishes without an error.
    /// - Parameter batch: packets prepared at a time, 1…256.
    public mutating func runLive(
        _ packet: UnsafeRawBufferPointer, count: Int32, interfaceIndex: UInt32, queue: UInt32 = 0, batch: UInt32 = 64
    ) throws(BPFError) {
        var context = xdp_md()
        context.data_end = UInt32(packet.count)
        context.ingress_ifindex = interfaceIndex
        context.rx_queue_index = queue
        var options = bpf_test_run_opts()
        options.sz = MemoryLayout<bpf_test_run_opts>.size
        options.data_in = packet.baseAddress
        options.data_size_in = UInt32(packet.count)
        options.repeat = count
        options.flags = 1 << 1  // BPF_F_TEST_XDP_LIVE_FRAMES
        options.batch_size = batch
        let status = withUnsafePointer(to: context) { context in
            options.ctx_in = UnsafeRawPointer(context)
            options.ctx_size_in = UInt32(MemoryLayout<xdp_md>.size)
            return bpf_prog_test_run_opts(descriptor.raw, &options)
        }
        produced = 0
        guard status == 0 else { throw failure(status, packet.count, interfaceIndex) }
    }

    private func failure(_ status: Int32, _ bytes: Int, _ interface: UInt32) -> BPFError {
        let errno = KernelErrno(rawValue: -status)
        let hint = errno.rawValue == ENOSPC ? "the packet that came out is larger than \(capacity) bytes" : ""
        return .failure(
            "bpf(BPF_PROG_TEST_RUN)", on: "program \(name) with \(bytes) bytes on interface \(interface)", errno,
            needing: [.bpf, .netAdmin], detail: hint)
    }
}
