// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netlink
import TestSupport
import Testing

@Suite("An interface as a wire", .requiresKernel)
struct PacketWireTests {
    /// The ends `a` and `b` of a cable, both up, and what is done with them.
    private func cable(_ body: (_ a: PacketWire, _ b: PacketWire) throws -> Void) throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createVethPair("a", peer: "b", options: .init())
        for name in ["a", "b"] { try netlink.setUp(try netlink.link(named: name).index) }
        // Until the kernel has noticed the carrier (net/core/link_watch.c) what is sent is dropped.
        for name in ["a", "b"] {
            let isUp = try holdsEventually { try netlink.link(named: name).operationalState == .up }
            #expect(isUp)
        }
        try namespace.run { try body(try PacketWire("a"), try PacketWire("b")) }
    }

    /// The next frame of EtherType 0x88b5, tagged or not: the kernel sends some of its own.
    private func next(_ wire: PacketWire) -> [UInt8]? {
        for _ in 0..<200 {
            while let frame = wire.receive() {
                if frame[12..<22].contains(0xb5) { return frame }
            }
            usleep(5000)
        }
        return nil
    }

    @Test("frames arrive as they were sent, with their tags, padded to 60 bytes; the sender does not hear itself")
    func frames() throws {
        try cable { a, b in
            let addresses: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
            let body = [0x88, 0xb5] + (0..<60).map { UInt8($0) }
            let tagged = addresses + [0x81, 0x00, 0x60, 0x0a] + body
            let service = addresses + [0x88, 0xa8, 0x00, 0x07] + [0x81, 0x00, 0x00, 0x05] + body
            for frame in [addresses + body, tagged, service] {
                try a.send(frame)
                #expect(next(b) == frame)
            }
            try a.send(addresses + [0x88, 0xb5, 1])
            #expect(next(b) == addresses + [0x88, 0xb5, 1] + [UInt8](repeating: 0, count: 45))
            #expect(next(a) == nil)
        }
    }

    @Test("a checksum that the kernel left to hardware is there")
    func checksums() throws {
        try cable { _, b in
            try Command.check("ip", "addr", "add", "10.9.0.1/24", "dev", "a")
            try Command.check("ip", "neigh", "add", "10.9.0.2", "lladdr", "02:00:00:00:00:02", "dev", "a")
            let sender = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            defer { close(sender) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            (address.sin_port, address.sin_addr.s_addr) = (UInt16(9).bigEndian, UInt32(0x0a09_0002).bigEndian)
            let payload: [UInt8] = Array("an odd number of bytes!".utf8)
            let sent = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(sender, payload, payload.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            #expect(sent == payload.count)
            var found: [UInt8]?
            for _ in 0..<200 where found == nil {
                while let frame = b.receive() {
                    if frame[12...].starts(with: [0x08, 0x00]), frame[23] == 17 { found = frame }
                }
                usleep(5000)
            }
            let frame = try #require(found)
            let length = Int(frame[38]) << 8 | Int(frame[39])
            #expect(length == 8 + payload.count)
            // RFC 768: over addresses, protocol and length, then header and data; all ones when it is right.
            let sum = Array(frame[26..<34]) + [0, 17, frame[38], frame[39]] + Array(frame[34..<34 + length]) + [0]
            var total = 0
            for index in stride(from: 0, to: sum.count - 1, by: 2) {
                total += Int(sum[index]) << 8 | Int(sum[index + 1])
            }
            while total > 0xffff { total = total & 0xffff + total >> 16 }
            #expect(total == 0xffff)
        }
    }

    @Test("an interface that is not there is named")
    func missing() throws {
        let namespace = try NetworkNamespace.anonymous()
        try namespace.run {
            #expect(throws: NetlinkError.notFound(object: "interface nix0")) { _ = try PacketWire("nix0") }
        }
    }
}
