// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netlink
import Tables
import TestSupport

/// Real TCP of the kernel: two sockets in network namespaces of their own, and bytes that nobody could mistake.
enum TCPTransfer {
    /// Sends `bytes` both ways at the same time over one connection; what arrived wrong, or nil.
    /// - Parameters:
    ///   - client: runs a closure where the connection is opened.
    ///   - server: runs a closure where `address` is.
    static func run(
        bytes: Int, to address: InternetAddress, port: UInt16,
        client: ((() throws -> Int32) throws -> Int32), server: ((() throws -> Int32) throws -> Int32)
    ) throws -> String? {
        guard case .v4(let number) = address else { return "\(address) is not IPv4" }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = number.bigEndian
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let listener = try server {
            let socket = Glibc.socket(AF_INET, kind, 0)
            var on: Int32 = 1
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, 4)
            guard call(socket, &name, bind) == 0, listen(socket, 1) == 0 else {
                throw NoTap(interface: "tcp", errno: errno)
            }
            return socket
        }
        defer { close(listener) }
        let opened = try client {
            let socket = Glibc.socket(AF_INET, kind, 0)
            guard call(socket, &name, connect) == 0 || errno == EINPROGRESS else {
                throw NoTap(interface: "tcp", errno: errno)
            }
            return socket
        }
        var ends = [End(opened, seed: 1, other: 2, bytes)]
        defer { for end in ends { close(end.socket) } }
        let deadline = monotonicNanoseconds() + 60_000_000_000
        while ends.count < 2 || ends.contains(where: { !$0.isDone }) {
            guard monotonicNanoseconds() < deadline else {
                return "after 60 s: " + ends.map { "\($0.sent) sent, \($0.received) received" }.joined(separator: "; ")
            }
            var waiting = ends.map { end in
                pollfd(fd: end.socket, events: Int16(POLLIN) | (end.sent < bytes ? Int16(POLLOUT) : 0), revents: 0)
            }
            if ends.count == 1 { waiting = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)] }
            guard poll(&waiting, UInt(waiting.count), 1000) > 0 else { continue }
            if ends.count == 1 {
                let accepted = accept(listener, nil, nil)
                guard accepted >= 0 else { continue }
                _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
                ends.append(End(accepted, seed: 2, other: 1, bytes))
            } else {
                for place in ends.indices {
                    if let mistake = ends[place].turn() { return mistake }
                }
            }
        }
        return nil
    }

    private static func call(
        _ socket: Int32, _ name: inout sockaddr_in,
        _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private struct End {
        let socket: Int32
        let total: Int
        var sent = 0
        var received = 0
        private let own: [UInt8]
        private let expected: [UInt8]
        var isDone: Bool { sent == total && received == total }

        init(_ socket: Int32, seed: UInt64, other: UInt64, _ total: Int) {
            (self.socket, self.total) = (socket, total)
            (own, expected) = (Self.block(seed), Self.block(other))
        }

        /// A prime number of bytes, over and over.
        private static func block(_ seed: UInt64) -> [UInt8] {
            var random = SeededGenerator(seed: seed)
            return (0..<65521).map { _ in UInt8.random(in: 0...255, using: &random) }
        }

        /// Sends and receives what can be without waiting; what is wrong, or nil.
        mutating func turn() -> String? {
            if sent < total {
                let start = sent % own.count
                let count = own[start..<min(own.count, start + total - sent)].withUnsafeBytes {
                    Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count < 0, errno != EAGAIN, errno != EINTR { return "send: \(String(cString: strerror(errno)))" }
                sent += max(count, 0)
            }
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(socket, &buffer, buffer.count, 0)
            if count < 0, errno != EAGAIN, errno != EINTR { return "recv: \(String(cString: strerror(errno)))" }
            if count == 0, received < total { return "closed after \(received) bytes" }
            for byte in buffer.prefix(max(count, 0)) {
                guard byte == expected[received % expected.count] else { return "byte \(received) is wrong" }
                received += 1
            }
            return nil
        }
    }
}
