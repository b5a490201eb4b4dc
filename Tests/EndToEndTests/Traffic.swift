// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Netlink
import Synchronization
import TestSupport

extension RouterTopology.Host {
    /// Whether all of a few echo requests to another host are answered.
    func pings(_ other: RouterTopology.Host, _ family: AddressFamily = .v4, length: Int = 56, count: Int = 3) throws
        -> Bool
    {
        let result = try namespace.run {
            try Command.run([
                "ping", "-c", "\(count)", "-i", "0.02", "-W", "5", "-M", "do", "-s", "\(length)",
                "\(other.address(family))",
            ])
        }
        return result.isSuccess
    }
}

/// Datagrams from one host to another, numbered, with the same ports all the time: one flow.
final class DatagramFlow: Sendable {
    private let sender: Int32
    private let receiver: Int32
    private let length: Int
    private struct Progress {
        var sent: UInt64 = 0
        var arrived: Set<UInt64> = []
        var isRunning = false
        var hasEnded = true
    }
    private let progress = Mutex(Progress())

    /// - Parameter length: of the payload; 8 at least.
    init(
        from source: RouterTopology.Host, to destination: RouterTopology.Host, _ family: AddressFamily = .v4,
        ports: (source: UInt16, destination: UInt16) = (4000, 5000), length: Int = 64
    ) throws {
        self.length = length
        receiver = try destination.namespace.run {
            try Self.socket(family, bound: destination.address(family), ports.destination)
        }
        sender = try source.namespace.run { try Self.socket(family, bound: source.address(family), ports.source) }
        try Self.with(destination.address(family), ports.destination) { address, size in
            guard connect(sender, address, size) == 0 else { throw Unexpected(description: "connect: errno \(errno)") }
        }
    }

    deinit {
        close(sender)
        close(receiver)
    }

    private static func with<Result>(
        _ address: InternetAddress, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) rethrows -> Result {
        func call<Value>(_ value: Value) throws -> Result {
            try withUnsafePointer(to: value) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    try body($0, socklen_t(MemoryLayout<Value>.size))
                }
            }
        }
        let bytes = address.bytes
        if bytes.count == 4 {
            var value = sockaddr_in()
            value.sin_family = sa_family_t(AF_INET)
            value.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &value.sin_addr) { $0.copyBytes(from: bytes) }
            do { return try call(value) }
        }
        var value = sockaddr_in6()
        value.sin6_family = sa_family_t(AF_INET6)
        value.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &value.sin6_addr) { $0.copyBytes(from: bytes) }
        return try call(value)
    }

    private static func socket(_ family: AddressFamily, bound address: InternetAddress, _ port: UInt16) throws -> Int32
    {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let number = Glibc.socket(family == .v4 ? AF_INET : AF_INET6, kind, 0)
        guard number >= 0 else { throw Unexpected(description: "socket: errno \(errno)") }
        // All that a test sends waits here until it is counted.
        var bytes: Int32 = 64 << 20
        setsockopt(number, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, socklen_t(MemoryLayout<Int32>.size))
        try with(address, port) { address, size in
            guard bind(number, address, size) == 0 else { throw Unexpected(description: "bind: errno \(errno)") }
        }
        return number
    }

    /// Sends one more.
    private func sendOne() {
        let number = progress.withLock { progress in
            progress.sent += 1
            return progress.sent
        }
        var bytes = [UInt8](repeating: 0, count: length)
        withUnsafeBytes(of: number) { bytes.replaceSubrange(0..<8, with: $0) }
        // An error of an earlier one (ICMP) is told instead of sending.
        if Glibc.send(sender, bytes, length, 0) < 0 { _ = Glibc.send(sender, bytes, length, 0) }
    }

    private func readArrived() {
        var bytes = [UInt8](repeating: 0, count: length)
        while recv(receiver, &bytes, length, Int32(MSG_DONTWAIT)) >= 8 {
            let number = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            progress.withLock { _ = $0.arrived.insert(number) }
        }
    }

    /// Sends datagrams, and says how many of them arrived: all of them at once, or those that did when nothing more comes.
    func exchange(_ count: Int, patience: Double = 5) -> Int {
        let first = progress.withLock { $0.sent } + 1
        for _ in 0..<count {
            sendOne()
            usleep(200)
        }
        let numbers = first..<first + UInt64(count)
        func arrived() -> Int {
            readArrived()
            return progress.withLock { progress in numbers.count { progress.arrived.contains($0) } }
        }
        _ = eventually(timeout: patience) { arrived() == count }
        return arrived()
    }

    /// Sends some thousand a second from now on.
    func start() {
        progress.withLock {
            $0.isRunning = true; $0.hasEnded = false
        }
        let thread = Thread { [self] in
            while progress.withLock({ $0.isRunning }) {
                sendOne()
                usleep(300)
            }
            progress.withLock { $0.hasEnded = true }
        }
        thread.start()
    }

    var sent: Int { Int(progress.withLock { $0.sent }) }

    /// Ends what `start` began; how many were sent since the beginning, and which of them did not arrive.
    func stop() -> (sent: Int, lost: [UInt64]) {
        progress.withLock { $0.isRunning = false }
        _ = eventually { progress.withLock { $0.hasEnded } }
        _ = eventually(timeout: 5) {
            readArrived()
            return progress.withLock { $0.arrived.count == Int($0.sent) }
        }
        return progress.withLock { progress in
            (Int(progress.sent), (1...max(progress.sent, 1)).filter { !progress.arrived.contains($0) })
        }
    }
}

extension DatagramFlow {
    /// Sends one datagram of each of many flows, which differ in their source port; how many arrived.
    static func newFlows(
        from source: RouterTopology.Host, to destination: RouterTopology.Host, sourcePorts: Range<UInt16>
    ) throws -> Int {
        let receiver = try destination.namespace.run { try socket(.v4, bound: destination.address(.v4), 5001) }
        defer { close(receiver) }
        for port in sourcePorts {
            let sender = try source.namespace.run { try socket(.v4, bound: source.address(.v4), port) }
            defer { close(sender) }
            let number = [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
            _ = with(destination.address(.v4), 5001) { sendto(sender, number, number.count, 0, $0, $1) }
            usleep(200)
        }
        var arrived: Set<UInt16> = []
        var bytes: [UInt8] = [0, 0]
        _ = eventually(timeout: 5) {
            while recv(receiver, &bytes, 2, Int32(MSG_DONTWAIT)) == 2 {
                arrived.insert(UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
            }
            return arrived.count == sourcePorts.count
        }
        return arrived.count
    }
}
