// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Asks and orders the kernel's network configuration over one route netlink socket (`rtnetlink(7)`).
///
/// The socket stays in the network namespace it was opened in, whatever its thread does later. Requests are answered
/// before the call returns; `mutating` keeps two requests from mixing their answers.
///
///     var netlink = try NetlinkSocket()
///     let port = try netlink.link(named: "p1")
///     try netlink.setUp(port.index)
///
/// Closes when the owner goes away.
public struct NetlinkSocket: ~Copyable, Sendable {
    /// The socket; also good for `ioctl(2)` on interfaces of its namespace.
    let socket: SocketDescriptor
    private var sequence: UInt32 = 0
    private let buffer: ReceiveBuffer

    /// Opens a socket in the calling thread's network namespace.
    public init() throws(NetlinkError) {
        socket = try SocketDescriptor.open(groups: [], isBlocking: true)
        buffer = ReceiveBuffer()
    }

    /// Opens a socket of another netlink protocol in the calling thread's network namespace.
    init(family: Int32) throws(NetlinkError) {
        socket = try SocketDescriptor.open(groups: [], isBlocking: true, family: family)
        buffer = ReceiveBuffer()
    }

    /// Opens a socket in another network namespace.
    public init(in namespace: borrowing NetworkNamespace) throws(NetlinkError) {
        socket = try namespace.enter { () throws(NetlinkError) in
            try SocketDescriptor.open(groups: [], isBlocking: true)
        }
        buffer = ReceiveBuffer()
    }

    /// Sends one request and waits for the kernel's acknowledgement.
    ///
    /// `operation` and `object` complete the sentence "cannot … …" of the error.
    mutating func execute(
        _ message: consuming MessageBuilder, operation: String, object: String
    ) throws(NetlinkError) {
        try transact(message, operation: operation, object: object) { (_, _) throws(NetlinkError) in }
    }

    /// Asks for a table, and takes each entry as `parse` understands it. A table that changes while it is read is
    /// read again.
    mutating func dump<Entry>(
        _ message: MessageBuilder, expecting type: Int, object: String,
        _ parse: (RawSpan) throws(NetlinkError) -> Entry?
    ) throws(NetlinkError) -> [Entry] {
        for _ in 0..<Self.dumpAttempts {
            var entries: [Entry] = []
            let complete = try transact(message, operation: "list", object: object) {
                (header, payload) throws(NetlinkError) in
                if header.type == type, let entry = try parse(payload) { entries.append(entry) }
            }
            if complete { return entries }
        }
        throw .refused(
            operation: "list", object: object, error: ErrorNumber(EINTR),
            explanation: "the table changed during each of \(Self.dumpAttempts) attempts to read it")
    }

    private static var dumpAttempts: Int { 10 }

    /// Sends a request and reads to its end. False if the kernel marked the answer as interrupted by a change.
    @discardableResult
    mutating func transact(
        _ message: consuming MessageBuilder, operation: String, object: String,
        _ take: (MessageHeader, RawSpan) throws(NetlinkError) -> Void
    ) throws(NetlinkError) -> Bool {
        sequence &+= 1
        let expected = sequence
        try socket.send(message.finish(sequence: expected), object: object)
        var isFinished = false
        var isComplete = true
        var acknowledgement: Acknowledgement?
        // A failure in the middle must not leave answers behind for the next request: read on, report at the end.
        var failure: NetlinkError?
        while !isFinished {
            guard let count = try socket.receive(into: buffer) else { continue }
            do throws(NetlinkError) {
                try forEachMessage(in: buffer.bytes(count)) { (header, payload) throws(NetlinkError) in
                    guard header.sequence == expected else { return }
                    if header.flags & NLM_F_DUMP_INTR != 0 { isComplete = false }
                    switch header.type {
                    case Int(NLMSG_ERROR):
                        isFinished = true
                        acknowledgement = try Acknowledgement(error: payload, flags: header.flags)
                    case Int(NLMSG_DONE):
                        isFinished = true
                        acknowledgement = try Acknowledgement(done: payload, flags: header.flags)
                    case Int(NLMSG_NOOP), Int(NLMSG_OVERRUN):
                        break
                    default:
                        if failure == nil { try take(header, payload) }
                    }
                }
            } catch {
                failure = failure ?? error
                // After a message header that cannot be trusted the end of the answer cannot be recognised either.
                if case .damaged(message: "nlmsghdr", _) = error { isFinished = true }
            }
        }
        if let failure { throw failure }
        if let acknowledgement, acknowledgement.error != 0 {
            throw .refused(
                operation: operation, object: object, error: ErrorNumber(acknowledgement.error),
                explanation: acknowledgement.explanation)
        }
        return isComplete
    }
}

/// The descriptor of a route netlink socket.
struct SocketDescriptor: ~Copyable, Sendable {
    let number: Int32

    private init(owning number: Int32) {
        self.number = number
    }

    /// `groups` are `RTNLGRP_*` to subscribe to.
    /// `family` is the netlink protocol, `NETLINK_ROUTE` or `NETLINK_GENERIC`.
    static func open(
        groups: [Int32], isBlocking: Bool, family: Int32 = NETLINK_ROUTE
    ) throws(NetlinkError) -> SocketDescriptor {
        let kind = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let number = Glibc.socket(
            AF_NETLINK, isBlocking ? kind : kind | Int32(SOCK_NONBLOCK.rawValue), family)
        guard number >= 0 else {
            throw .systemCall(call: "socket", object: "AF_NETLINK", error: ErrorNumber(errno))
        }
        let socket = SocketDescriptor(owning: number)
        // Kernels before 4.12 lack these two; errors are then numbers without a sentence.
        try? socket.set(NETLINK_EXT_ACK, 1)
        try? socket.set(NETLINK_CAP_ACK, 1)
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
            }
        }
        guard bound == 0 else {
            throw .systemCall(call: "bind", object: "AF_NETLINK", error: ErrorNumber(errno))
        }
        for group in groups { try socket.set(NETLINK_ADD_MEMBERSHIP, group) }
        return socket
    }

    deinit {
        close(number)
    }

    /// `SOL_NETLINK` unless another level is given.
    func set(_ option: Int32, _ value: Int32, level: Int32 = 270) throws(NetlinkError) {
        var value = value
        guard setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw .systemCall(call: "setsockopt", object: "netlink option \(option)", error: ErrorNumber(errno))
        }
    }

    func send(_ bytes: [UInt8], object: String) throws(NetlinkError) {
        while true {
            let sent = Glibc.send(number, bytes, bytes.count, 0)
            if sent == bytes.count { return }
            let error = errno
            if error != EINTR { throw .systemCall(call: "send", object: object, error: ErrorNumber(error)) }
        }
    }

    /// Reads one datagram and returns its length. Nil if it was not from the kernel, the call was interrupted, or a
    /// non-blocking socket has nothing.
    func receive(into buffer: borrowing ReceiveBuffer) throws(NetlinkError) -> Int? {
        var sender = sockaddr_nl()
        var senderLength = socklen_t(MemoryLayout<sockaddr_nl>.size)
        let count = withUnsafeMutablePointer(to: &sender) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(number, buffer.start, buffer.capacity, Int32(MSG_TRUNC), $0, &senderLength)
            }
        }
        guard count >= 0 else {
            let error = errno
            if error == EINTR || error == EAGAIN { return nil }
            throw .systemCall(call: "recvfrom", object: "netlink socket", error: ErrorNumber(error))
        }
        // Any process may send to a netlink socket; only port 0 is the kernel.
        guard sender.nl_pid == 0 else { return nil }
        guard count <= buffer.capacity else {
            throw .damaged(message: "nlmsghdr", reason: "a datagram of \(count) bytes was cut to \(buffer.capacity)")
        }
        return count
    }
}

/// Memory for one datagram. The kernel makes them up to 32 KiB in dumps, and as large as one entry otherwise.
// SAFETY: the memory has one owner, which cannot be copied; reading into it and parsing it are exclusive to that owner.
struct ReceiveBuffer: ~Copyable, @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let capacity = 1 << 18

    init() {
        start = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit {
        start.deallocate()
    }

    /// The first `count` bytes.
    @_lifetime(borrow self)
    func bytes(_ count: Int) -> RawSpan {
        let span = RawSpan(_unsafeStart: UnsafeRawPointer(start), byteCount: min(count, capacity))
        return _overrideLifetime(span, borrowing: self)
    }
}
