// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Packet
import Tables

/// A raw socket to send the controller's packets by.
struct PacketSender: ~Copyable {
    private let descriptor: Int32

    init() throws(DataPlaneError) {
        descriptor = packet_socket()
        guard descriptor >= 0 else {
            throw .failed(
                what: "socket(AF_PACKET)", why: "\(String(cString: strerror(-descriptor))); needs CAP_NET_RAW")
        }
    }

    deinit { close(descriptor) }

    func send(_ frame: RawSpan, interfaceIndex: UInt32) throws(DataPlaneError) {
        let status = frame.withUnsafeBytes {
            packet_send(descriptor, Int32(bitPattern: interfaceIndex), $0.baseAddress, $0.count)
        }
        guard status == 0 else {
            throw .failed(
                what: "sending \(frame.byteCount) bytes by interface \(interfaceIndex)",
                why: String(cString: strerror(-status)))
        }
    }
}

extension XDPDataPlane {
    public func packetOut(_ packet: RawSpan, port: PortID) throws(DataPlaneError) {
        guard let facts = attachmentFacts[port] else { throw .unknownPort(port) }
        if sender == nil { sender = try PacketSender() }
        try sender?.send(packet, interfaceIndex: facts.interfaceIndex)
    }
}
