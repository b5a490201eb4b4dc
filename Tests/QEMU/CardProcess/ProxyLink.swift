// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The far end of QEMU's `x-pci-proxy-dev`. A message is a head of 16 bytes, command and length, and what it is about,
/// all in this machine's byte order (QEMU 7.2: `include/hw/remote/mpqemu-link.h`, `hw/remote/proxy.c`). The files that
/// come with some, the guest's memory and interrupts, are closed by the kernel, as a plain `read` does not take them.
struct ProxyLink {
    enum Message {
        case readConfiguration(offset: Int, count: Int)
        case writeConfiguration(offset: Int, count: Int, value: UInt32)
        /// Addresses are the guest's physical ones.
        case load(address: UInt64, bytes: Int)
        case store(address: UInt64, bytes: Int, value: UInt64)
        case reset
        /// Where the guest's memory is, or its interrupts: of no use to a card that is registers alone.
        case unanswered
    }

    private enum Command: Int32 {
        case memory = 0
        case reply = 1
        case writeConfiguration = 2
        case readConfiguration = 3
        case store = 4
        case load = 5
        case interrupts = 6
        case reset = 7
    }

    private static let head = 16
    /// That of `memory`, the longest.
    private static let longest = 192

    private let socket: Int32

    init(_ socket: Int32) { self.socket = socket }

    func isReady(milliseconds: Int32) throws -> Bool {
        var state = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        let count = poll(&state, 1, milliseconds)
        guard count >= 0 || errno == EINTR else { throw Failure("poll", errno) }
        return count > 0
    }

    /// Nil: the machine is gone.
    func receive() throws -> Message? {
        guard let head = try read(Self.head) else { return nil }
        let number: Int32 = Self.field(head, 0)
        let length: UInt64 = Self.field(head, 8)
        guard let command = Command(rawValue: number), length <= Self.longest, let body = try read(Int(length)) else {
            throw Failure("command \(number) with \(length) bytes is not one of QEMU 7.2's")
        }
        switch (command, body.count) {
        case (.readConfiguration, 12), (.writeConfiguration, 12):
            let (offset, value, count): (UInt32, UInt32, Int32) =
                (Self.field(body, 0), Self.field(body, 4), Self.field(body, 8))
            return command == .readConfiguration
                ? .readConfiguration(offset: Int(offset), count: Int(count))
                : .writeConfiguration(offset: Int(offset), count: Int(count), value: value)
        case (.load, 24), (.store, 24):
            let (address, value, bytes): (UInt64, UInt64, UInt32) =
                (Self.field(body, 0), Self.field(body, 8), Self.field(body, 16))
            return command == .load
                ? .load(address: address, bytes: Int(bytes))
                : .store(address: address, bytes: Int(bytes), value: value)
        case (.reset, _): return .reset
        case (.memory, _), (.interrupts, _): return .unanswered
        default: throw Failure("command \(command) has \(length) bytes")
        }
    }

    func reply(_ value: UInt64) throws {
        var bytes = [UInt8](repeating: 0, count: Self.head + 8)
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: Command.reply.rawValue, toByteOffset: 0, as: Int32.self)
            $0.storeBytes(of: 8, toByteOffset: 8, as: UInt64.self)
            $0.storeBytes(of: value, toByteOffset: 16, as: UInt64.self)
        }
        // A machine that is gone is found by the next `receive`.
        guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count || errno == EPIPE else {
            throw Failure("send", errno)
        }
    }

    private func read(_ count: Int) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var have = 0
        while have < count {
            let more = bytes.withUnsafeMutableBytes { rest in
                Glibc.read(socket, UnsafeMutableRawBufferPointer(rebasing: rest[have...]).baseAddress, count - have)
            }
            if more < 0, errno == EINTR { continue }
            guard more > 0 else {
                // A machine that ends with an answer unread resets the connection.
                if more == 0 || errno == ECONNRESET { return nil }
                throw Failure("read", errno)
            }
            have += more
        }
        return bytes
    }

    private static func field<Value: BitwiseCopyable>(_ bytes: [UInt8], _ offset: Int) -> Value {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
    }
}
