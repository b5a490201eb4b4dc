// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import TestSupport

/// Whole frames in batches, at one interface (`packet(7)`). A class, so that an array can hold several.
final class PacketSocket: Sendable {
    static let batch = Int(PACKET_BATCH)

    private let descriptor: Int32
    private let interfaceIndex: Int32

    /// In the calling thread's network namespace; receives nothing.
    init(sendingBy interface: String) throws {
        interfaceIndex = Int32(bitPattern: if_nametoindex(interface))
        descriptor = packet_socket()
        guard descriptor >= 0, interfaceIndex > 0 else {
            throw Unexpected(description: "cannot send frames by \(interface): \(descriptor)")
        }
    }

    /// In the calling thread's network namespace. `bytes`: room for what waits to be read.
    init(receivingAt interface: String, bytes: Int32) throws {
        interfaceIndex = Int32(bitPattern: if_nametoindex(interface))
        descriptor = packet_receiver(interfaceIndex, bytes)
        guard descriptor >= 0, interfaceIndex > 0 else {
            throw Unexpected(description: "cannot receive frames at \(interface): \(descriptor)")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Sends frames that lie one behind the other; how many were taken.
    func send(_ frames: UnsafeRawPointer, _ lengths: UnsafePointer<UInt16>, _ count: Int) -> Int {
        let taken = packet_send_batch(
            descriptor, interfaceIndex, frames, SoakFrame.stride, lengths, UInt32(min(count, Self.batch)))
        return max(0, Int(taken))
    }

    /// Sends one frame as it is; whether it was taken.
    func send(_ frame: [UInt8]) -> Bool {
        frame.withUnsafeBytes { bytes in
            bytes.baseAddress.map { packet_send(descriptor, interfaceIndex, $0, bytes.count) == 0 } ?? false
        }
    }

    /// Sends one frame; whether it was taken.
    func send(_ frame: inout SoakFrame, sequence: UInt64, time: UInt64) -> Bool {
        var bytes = frame.bytes
        return bytes.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            SoakFrame.stamp(start, payload: frame.headerLength, sequence: sequence, time: time)
            return packet_send(descriptor, interfaceIndex, start, bytes.count) == 0
        }
    }

    /// Takes what waits; how many frames.
    func receive(_ buffer: UnsafeMutableRawPointer, _ stride: Int, _ lengths: inout [UInt16]) -> Int {
        max(0, Int(packet_receive_batch(descriptor, buffer, stride, &lengths, UInt32(Self.batch))))
    }

    /// Waits until some of them have something, or some time has passed; which.
    static func wait(for sockets: [PacketSocket], milliseconds: Int32) -> [Int] {
        var waits = sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        guard poll(&waits, nfds_t(waits.count), milliseconds) > 0 else { return [] }
        return waits.indices.filter { waits[$0].revents != 0 }
    }

    func takeDrops() -> Int { max(0, packet_take_drops(descriptor)) }
}
