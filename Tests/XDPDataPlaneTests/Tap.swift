// SPDX-License-Identifier: Apache-2.0
import BPF
import CLinux
import Glibc
import Netlink
import Packet
import TestSupport

/// Sends and captures whole frames at one interface.
///
/// The kernel takes the outer tag off a received frame before a packet socket sees it and tells it aside
/// (`packet(7)`, PACKET_AUXDATA); here it is put back, so that frames are as they were on the wire.
final class Tap {
    private let socket: Int32
    private let interfaceIndex: Int32
    private var seen: [[UInt8]] = []

    // <linux/if_packet.h> and <sys/socket.h>; as macros they do not reach Swift.
    private static let packetLevel: Int32 = 263  // SOL_PACKET
    private static let auxiliaryData: Int32 = 8  // PACKET_AUXDATA
    private static let outgoing: UInt8 = 4  // PACKET_OUTGOING
    private static let tagIsValid: UInt32 = 0x10  // TP_STATUS_VLAN_VALID
    private static let tpidIsValid: UInt32 = 0x40  // TP_STATUS_VLAN_TPID_VALID

    /// In the calling thread's network namespace.
    init(_ interface: String) throws {
        let index = Int32(bitPattern: if_nametoindex(interface))
        let number = Glibc.socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        (socket, interfaceIndex) = (number, index)
        guard index > 0, number >= 0 else { throw NoTap(interface: interface, errno: Glibc.errno) }
        var on: Int32 = 1
        setsockopt(number, Self.packetLevel, Self.auxiliaryData, &on, 4)
        var size: Int32 = 16 << 20
        setsockopt(number, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4)
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_protocol = UInt16(3).bigEndian  // ETH_P_ALL
        address.sll_ifindex = index
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        }
        guard status == 0 else { throw NoTap(interface: interface, errno: Glibc.errno) }
    }

    convenience init(_ host: RouterTopology.Host) throws {
        self.init(try host.namespace.run { try Tap("eth0") })
    }

    private init(_ other: Tap) {
        (socket, interfaceIndex) = (dup(other.socket), other.interfaceIndex)
    }

    deinit { close(socket) }

    func send(_ frame: [UInt8]) throws {
        let status = frame.withUnsafeBytes { packet_send(socket, interfaceIndex, $0.baseAddress, $0.count) }
        guard status == 0 else { throw NoTap(interface: "sending by \(interfaceIndex)", errno: -status) }
    }

    /// Waits, up to ten seconds, until so many frames that `filter` lets through have arrived since the tap was opened; returns
    /// all of them.
    func frames(_ count: Int, where filter: ([UInt8]) -> Bool) -> [[UInt8]] {
        for _ in 0..<10_000 {
            drain()
            let found = seen.filter(filter)
            if found.count >= count { return found }
            usleep(1000)
        }
        return seen.filter(filter)
    }

    /// What has arrived and passes `filter`, without waiting.
    func arrived(where filter: ([UInt8]) -> Bool) -> [[UInt8]] {
        drain()
        return seen.filter(filter)
    }

    /// Forgets what `arrived` and `frames` have told of, and nothing that arrived since.
    func forgetSeen() { seen.removeAll(keepingCapacity: true) }

    func forget() {
        drain()
        seen.removeAll()
    }

    private func drain() { while let frame = receive() { seen.append(frame) } }

    /// One received frame, if one waits; frames this end sent are passed over.
    private func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65536)
        var control = [UInt64](repeating: 0, count: 16)
        var from = sockaddr_ll()
        while true {
            var controlLength = 0
            let count = buffer.withUnsafeMutableBytes { bytes in
                control.withUnsafeMutableBytes { control in
                    withUnsafeMutablePointer(to: &from) { from in
                        var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                        return withUnsafeMutablePointer(to: &vector) { vector in
                            var message = msghdr()
                            message.msg_name = UnsafeMutableRawPointer(from)
                            message.msg_namelen = socklen_t(MemoryLayout<sockaddr_ll>.size)
                            (message.msg_iov, message.msg_iovlen) = (vector, 1)
                            (message.msg_control, message.msg_controllen) = (control.baseAddress, control.count)
                            let count = recvmsg(socket, &message, Int32(MSG_DONTWAIT))
                            controlLength = message.msg_controllen
                            return count
                        }
                    }
                }
            }
            guard count >= 0 else { return nil }
            if from.sll_pkttype == Self.outgoing { continue }
            var frame = Array(buffer[..<count])
            // struct cmsghdr: 8 bytes of length, level, type; then struct tpacket_auxdata.
            if controlLength >= 16 + MemoryLayout<tpacket_auxdata>.size {
                let auxiliary = control.withUnsafeBytes {
                    $0.loadUnaligned(fromByteOffset: 16, as: tpacket_auxdata.self)
                }
                if auxiliary.tp_status & Self.tagIsValid != 0, frame.count >= 12 {
                    let tpid = auxiliary.tp_status & Self.tpidIsValid != 0 ? auxiliary.tp_vlan_tpid : 0x8100
                    var tag: [UInt8] = []
                    tag.append(bigEndian: tpid)
                    tag.append(bigEndian: auxiliary.tp_vlan_tci)
                    frame.insert(contentsOf: tag, at: 12)
                }
            }
            return frame
        }
    }
}

struct NoTap: Error, CustomStringConvertible {
    var interface: String
    var errno: Int32
    var description: String { "packet socket, \(interface): \(String(cString: strerror(errno)))" }
}
