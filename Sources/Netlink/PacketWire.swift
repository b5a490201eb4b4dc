// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// An interface as a wire (`packet(7)`): whatever arrives, as it was on the wire; what this host sends by the interface is not seen. Of the
/// network namespace that the calling thread was in. Any thread may use it.
public final class PacketWire: Sendable {
    /// Room for frames that wait to be read, bytes.
    private static let room: Int32 = 4 << 20
    /// Room for a frame, bytes.
    private static let longest = 65_536
    /// A frame on a wire has at least so many bytes, without FCS (IEEE 802.3, 3.2.8).
    private static let shortest = 60

    public let interface: String
    /// To wait at with `poll`.
    public let fileDescriptor: Int32

    public init(_ interface: String) throws(NetlinkError) {
        let index = if_nametoindex(interface)
        guard index != 0 else { throw .notFound(object: "interface \(interface)") }
        let result = packet_wire(Int32(bitPattern: index), Self.room)
        guard result >= 0 else {
            throw .systemCall(call: "socket(AF_PACKET)", object: interface, error: ErrorNumber(result))
        }
        (self.interface, fileDescriptor) = (interface, result)
    }

    deinit { close(fileDescriptor) }

    /// A frame that waits, padded as on a wire; nil: there is none. Segments that the kernel has not taken apart are passed over:
    /// they were on no wire.
    public func receive() -> [UInt8]? {
        var length: Int32 = 0
        let frame = [UInt8](unsafeUninitializedCapacity: Self.longest) { bytes, count in
            repeat {
                length = packet_wire_receive(fileDescriptor, bytes.baseAddress, bytes.count)
            } while length == -EMSGSIZE || length == -EBADMSG
            count = Int(max(0, length))
            while count > 0, count < Self.shortest {
                bytes.initializeElement(at: count, to: 0)
                count += 1
            }
        }
        return length > 0 ? frame : nil
    }

    public func send(_ frame: [UInt8]) throws(NetlinkError) {
        let result = packet_wire_send(fileDescriptor, frame, frame.count)
        guard result == 0 else {
            throw .systemCall(call: "send(AF_PACKET)", object: interface, error: ErrorNumber(result))
        }
    }
}
