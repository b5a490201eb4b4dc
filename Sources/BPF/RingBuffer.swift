// SPDX-License-Identifier: Apache-2.0
import CBPF
import CLinux
import Glibc

/// Reads a BPF ring buffer: records reserved and submitted by programs, in order, each handed out where it lies.
///
/// Reading is by the process itself over the mapped ring, so a call can be bounded; layout as in
/// Documentation/bpf/ringbuf.rst: one page with the consumer's position (ours to write), one with the producer's,
/// then the data, mapped twice so that a record never wraps.
public struct RingBuffer: ~Copyable, @unchecked Sendable {
    // SAFETY: the mapping never changes; positions are read and written with acquire and release. Consuming is
    // `mutating`, so there is one consumer at a time, which is what the kernel's protocol asks for.
    private let descriptor: FileDescriptor
    private let name: String
    private let consumer: UnsafeMutableRawPointer
    private let producer: UnsafeMutableRawPointer
    private let data: UnsafeRawPointer
    private let page: Int
    private let mask: UInt64
    /// Bytes of the ring; a record takes 8 more than its data, rounded up to 8.
    public let capacity: Int

    private static let busy: UInt32 = 1 << 31
    private static let discard: UInt32 = 1 << 30
    private static let headerBytes = 8

    public init(_ map: borrowing BPFMap) throws(BPFError) {
        let info = map.info
        guard info.type == .ringBuffer else {
            throw .badArgument(
                subject: "ring buffer on map \(info.name)", found: "\(info.type)", expected: "it takes a ringbuf map")
        }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let size = Int(info.maxEntries)
        guard let consumer = mmap(nil, page, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd, 0), consumer != MAP_FAILED
        else { throw .failure("mmap of the consumer's page", on: info.description) }
        guard let producer = mmap(nil, page + 2 * size, PROT_READ, MAP_SHARED, map.fd, off_t(page)),
            producer != MAP_FAILED
        else {
            let code = KernelErrno.current
            munmap(consumer, page)
            throw .failure("mmap of the ring", on: info.description, code)
        }
        let descriptor: FileDescriptor
        do throws(BPFError) {
            descriptor = try FileDescriptor(duplicating: map.fd, of: info.name)
        } catch {
            munmap(consumer, page)
            munmap(producer, page + 2 * size)
            throw error
        }
        self.descriptor = descriptor
        self.consumer = consumer
        self.producer = producer
        self.page = page
        name = info.name
        data = UnsafeRawPointer(producer + page)
        mask = UInt64(size - 1)
        capacity = size
    }

    deinit {
        munmap(consumer, page)
        munmap(producer, page + 2 * capacity)
    }

    /// To wait on with poll(2) or epoll(7), level-triggered: readable while there is something to read. A program that
    /// submits with `BPF_RB_NO_WAKEUP` does not wake the waiter, so wait with a timeout then.
    public var fileDescriptor: Int32 { descriptor.raw }

    /// Bytes produced and not consumed yet, headers included.
    public var pendingBytes: Int {
        Int(bpf_shim_load_acquire64(producer) &- bpf_shim_load_acquire64(consumer))
    }

    /// Hands out up to `maximum` records that are ready, without waiting, copying or allocating. The bytes are valid
    /// within `body` only. A record whose body throws counts as consumed.
    /// - Returns: how many were handed out; discarded records are stepped over and do not count.
    @discardableResult
    public mutating func consume<Failure: Error>(
        maximum: Int = .max, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) -> Int {
        var position = bpf_shim_load_acquire64(consumer)
        var handedOut = 0
        while handedOut < maximum {
            let end = bpf_shim_load_acquire64(producer)
            if position >= end { break }
            let record = data + Int(position & mask)
            let header = bpf_shim_load_acquire32(record)
            // Reserved and not submitted: what comes after it has to wait, order is kept.
            if header & Self.busy != 0 { break }
            let length = Int(header & ~(Self.busy | Self.discard))
            position += UInt64((length + Self.headerBytes + 7) & ~7)
            if header & Self.discard == 0 {
                handedOut += 1
                // Given back also if the body throws, else the record would come again and again.
                defer { bpf_shim_store_seq64(consumer, position) }
                try body(UnsafeRawBufferPointer(start: record + Self.headerBytes, count: length))
            } else {
                bpf_shim_store_seq64(consumer, position)
            }
        }
        return handedOut
    }

    /// Waits up to `milliseconds` (-1: for ever) for something to read, then consumes as ``consume(maximum:_:)``.
    /// - Returns: how many were handed out; 0 does not mean that nothing will come.
    @discardableResult
    public mutating func poll(
        milliseconds: Int32, maximum: Int = .max, _ body: (UnsafeRawBufferPointer) throws(BPFError) -> Void
    ) throws(BPFError) -> Int {
        let ready = try consume(maximum: maximum, body)
        if ready > 0 { return ready }
        var wait = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
        if Glibc.poll(&wait, 1, milliseconds) < 0 {
            let code = KernelErrno.current
            if code.rawValue != EINTR { throw .failure("poll", on: "ring buffer \(name)", code, needing: []) }
        }
        return try consume(maximum: maximum, body)
    }
}
