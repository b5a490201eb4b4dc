// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// An AF_XDP socket: frames of one receive queue to and from this process, past the stack.
///
/// The process brings its own program with an XSKMAP (``BPFMap/setSocket(_:at:)``). Copy mode, which every driver has.
/// Frames lie in one area of equal chunks: the first half is lent to the kernel for receiving, the second half
/// carries what is sent.
public struct AFXDPSocket: ~Copyable, @unchecked Sendable {
    // SAFETY: area and rings are this value's alone; sending and receiving are `mutating`, one at a time.
    private let area: UnsafeMutableRawPointer
    private let areaBytes: Int
    private let umem: OpaquePointer
    private let socket: OpaquePointer
    /// The rings' addresses are kept by the library and must not move.
    private let rings: UnsafeMutablePointer<Rings>
    private let ringSize: UInt32
    private var freeTransmit: [UInt64]
    private let subject: String

    /// Bytes of the largest frame.
    public static let frameBytes = 2048

    private struct Rings {
        var fill = xsk_ring_prod()
        var completion = xsk_ring_cons()
        var receive = xsk_ring_cons()
        var transmit = xsk_ring_prod()
    }

    /// Binds to a queue. The queue of a socket closed a moment ago answers EBUSY until the kernel has let go of it;
    /// whether to try again is the caller's to decide.
    /// - Parameter ringSize: frames each way, a power of two.
    public init(interface: String, queue: UInt32, ringSize: UInt32 = 2048) throws(BPFError) {
        let subject = "AF_XDP socket on \(interface) queue \(queue)"
        guard ringSize > 0, ringSize & (ringSize - 1) == 0 else {
            throw .badArgument(subject: "ring size of \(subject)", found: "\(ringSize)", expected: "a power of two")
        }
        let bytes = 2 * Int(ringSize) * Self.frameBytes
        guard let area = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            area != MAP_FAILED
        else { throw .failure("mmap of \(bytes) bytes", on: subject, needing: []) }
        let rings = UnsafeMutablePointer<Rings>.allocate(capacity: 1)
        rings.initialize(to: Rings())
        func release() {
            rings.deallocate()
            munmap(area, bytes)
        }

        var umemConfig = xsk_umem_config()
        umemConfig.fill_size = ringSize
        umemConfig.comp_size = ringSize
        umemConfig.frame_size = UInt32(Self.frameBytes)
        var umem: OpaquePointer?
        let (umemStatus, _, umemText) = LibbpfLog.capture {
            xsk_umem__create(&umem, area, UInt64(bytes), &rings.pointee.fill, &rings.pointee.completion, &umemConfig)
        }
        guard umemStatus == 0, let umem else {
            release()
            throw .failure(
                "xsk_umem__create", on: subject, KernelErrno(rawValue: -umemStatus), needing: [.netRaw],
                detail: umemText)
        }

        var config = xsk_socket_config()
        config.rx_size = ringSize
        config.tx_size = ringSize
        config.libxdp_flags = 1  // XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD
        config.bind_flags = 1 << 1 | 1 << 3  // XDP_COPY, XDP_USE_NEED_WAKEUP
        var socket: OpaquePointer?
        let (status, _, text) = LibbpfLog.capture {
            xsk_socket__create(
                &socket, interface, queue, umem, &rings.pointee.receive, &rings.pointee.transmit, &config)
        }
        guard status == 0, let socket else {
            xsk_umem__delete(umem)
            release()
            let busy = "the queue has another socket, or one closed a moment ago that the kernel still lets go of"
            throw .failure(
                "bind", on: subject, KernelErrno(rawValue: -status), needing: [.netRaw],
                detail: status == -EBUSY ? busy : text)
        }
        self.area = area
        areaBytes = bytes
        self.umem = umem
        self.socket = socket
        self.rings = rings
        self.ringSize = ringSize
        self.subject = subject
        let half = UInt64(ringSize) * UInt64(Self.frameBytes)
        freeTransmit = (0..<UInt64(ringSize)).map { half + $0 * UInt64(Self.frameBytes) }
        var index: UInt32 = 0
        let reserved = xsk_ring_prod__reserve(&rings.pointee.fill, ringSize, &index)
        for offset in 0..<reserved {
            xsk_ring_prod__fill_addr(&rings.pointee.fill, index &+ offset).pointee =
                UInt64(offset) * UInt64(Self.frameBytes)
        }
        xsk_ring_prod__submit(&rings.pointee.fill, reserved)
    }

    deinit {
        xsk_socket__delete(socket)
        xsk_umem__delete(umem)
        rings.deallocate()
        munmap(area, areaBytes)
    }

    /// To wait on with poll(2) or epoll(7).
    public var fileDescriptor: Int32 { xsk_socket__fd(socket) }

    /// Hands out up to `maximum` received frames without waiting or copying; valid within `body` only.
    /// Frames taken from the ring together with one whose body throws are dropped.
    /// - Returns: how many.
    @discardableResult
    public mutating func receive<Failure: Error>(
        maximum: UInt32 = 64, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) -> Int {
        var index: UInt32 = 0
        let count = xsk_ring_cons__peek(&rings.pointee.receive, maximum, &index)
        guard count > 0 else {
            wakeReceiver()
            return 0
        }
        var fill: UInt32 = 0
        // As many frames come back as went out, so there is always room.
        _ = xsk_ring_prod__reserve(&rings.pointee.fill, count, &fill)
        defer {
            xsk_ring_prod__submit(&rings.pointee.fill, count)
            xsk_ring_cons__release(&rings.pointee.receive, count)
            wakeReceiver()
        }
        for offset in 0..<count {
            let frame = xsk_ring_cons__rx_desc(&rings.pointee.receive, index &+ offset).pointee
            xsk_ring_prod__fill_addr(&rings.pointee.fill, fill &+ offset).pointee = frame.addr
        }
        for offset in 0..<count {
            let frame = xsk_ring_cons__rx_desc(&rings.pointee.receive, index &+ offset).pointee
            try body(UnsafeRawBufferPointer(start: area + Int(frame.addr), count: Int(frame.len)))
        }
        return Int(count)
    }

    /// Queues up to `count` frames and tells the kernel. `body` writes frame `index` and returns its length.
    /// - Returns: how many were queued; fewer when the kernel has not sent the earlier ones yet.
    @discardableResult
    public mutating func send(
        count: Int, _ body: (_ index: Int, UnsafeMutableRawBufferPointer) throws(BPFError) -> Int
    ) throws(BPFError) -> Int {
        reclaim()
        var queued = 0
        while queued < count, let address = freeTransmit.last {
            let length = try body(
                queued, UnsafeMutableRawBufferPointer(start: area + Int(address), count: Self.frameBytes))
            guard length > 0, length <= Self.frameBytes else {
                throw .badArgument(
                    subject: "frame for \(subject)", found: "\(length) bytes", expected: "1 to \(Self.frameBytes)")
            }
            var index: UInt32 = 0
            guard xsk_ring_prod__reserve(&rings.pointee.transmit, 1, &index) == 1 else { break }
            freeTransmit.removeLast()
            xsk_ring_prod__tx_desc(&rings.pointee.transmit, index).pointee = xdp_desc(
                addr: address, len: UInt32(length), options: 0)
            xsk_ring_prod__submit(&rings.pointee.transmit, 1)
            queued += 1
        }
        try kick()
        return queued
    }

    /// Takes back the frames the kernel has sent.
    /// - Returns: how many are free to send now.
    @discardableResult
    public mutating func reclaim() -> Int {
        var index: UInt32 = 0
        let count = xsk_ring_cons__peek(&rings.pointee.completion, ringSize, &index)
        for offset in 0..<count {
            freeTransmit.append(xsk_ring_cons__comp_addr(&rings.pointee.completion, index &+ offset).pointee)
        }
        if count > 0 { xsk_ring_cons__release(&rings.pointee.completion, count) }
        return freeTransmit.count
    }

    /// In copy mode the kernel sends when told. EAGAIN and the like mean that it is still at it.
    private func kick() throws(BPFError) {
        guard sendto(fileDescriptor, nil, 0, Int32(MSG_DONTWAIT), nil, 0) < 0 else { return }
        let code = KernelErrno.current
        switch code.rawValue {
        case EAGAIN, EBUSY, ENOBUFS, ENETDOWN: return
        default: throw .failure("sendto", on: subject, code, needing: [.netRaw])
        }
    }

    private func wakeReceiver() {
        guard xsk_ring_prod__needs_wakeup(&rings.pointee.fill) != 0 else { return }
        var wait = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
        Glibc.poll(&wait, 1, 0)
    }
}
