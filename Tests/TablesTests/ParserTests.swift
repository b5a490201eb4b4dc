// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@Suite("Taking frames apart")
struct ParserTests {
    func parse(_ bytes: [UInt8]) -> Result<PacketFields, MalformedFrame> {
        do throws(MalformedFrame) { return .success(try PacketFields(parsing: bytes.span.bytes)) } catch {
            return .failure(error)
        }
    }

    func reason(_ bytes: [UInt8]) -> Reason? {
        if case .failure(let malformed) = parse(bytes) { malformed.reason } else { nil }
    }

    /// With the byte at an offset from the start of the IP header changed, and the header checksum put right.
    func ipv4(_ offset: Int, _ byte: UInt8, repaired: Bool = true) -> [UInt8] {
        var bytes = Network.ipv4().bytes
        bytes[14 + offset] = byte
        guard repaired else { return bytes }
        bytes.store(bigEndian: UInt16(0), at: 24)
        let end = 14 + max(20, Int(bytes[14] & 15) * 4)
        bytes.store(bigEndian: Checksum.of(bytes.span.bytes.extracting(14..<min(end, bytes.count))), at: 24)
        return bytes
    }

    @Test("a frame is cut short at every length, and each cut has its name")
    func cutIPv4() {
        // Ethernet 14, tag 4, IPv4 20, UDP 8 and 3 bytes.
        var frame = Network.ipv4()
        frame.tags = [.init(vid: 10)]
        let bytes = frame.bytes
        for length in 0..<bytes.count {
            let expected: Reason =
                switch length {
                case ..<14: .ethernetTruncated
                case ..<18: .vlanTruncated
                case ..<38: .ipv4Truncated
                default: .ipv4TotalLength
                }
            #expect(reason(Array(bytes.prefix(length))) == expected, "\(length) bytes")
        }
        #expect(reason(bytes) == nil)
        #expect(reason(bytes + [0, 0, 0]) == nil)
    }

    @Test("an IPv6 frame is cut short at every length, and each cut has its name")
    func cutIPv6() {
        let bytes = Network.ipv6().bytes
        for length in 14..<bytes.count {
            #expect(reason(Array(bytes.prefix(length))) == (length < 54 ? .ipv6Truncated : .ipv6PayloadLength))
        }
        #expect(reason(bytes) == nil)
    }

    @Test("wrong fields of an IPv4 header have their names, in order")
    func ipv4Fields() {
        #expect(reason(ipv4(0, 0x55)) == .ipv4Version)
        #expect(reason(ipv4(0, 0x65, repaired: false)) == .ipv4Version)
        #expect(reason(ipv4(0, 0x44)) == .ipv4HeaderLength)
        #expect(reason(ipv4(0, 0x4f)) == .ipv4HeaderLength)
        #expect(reason(ipv4(3, 19)) == .ipv4TotalLength)
        #expect(reason(ipv4(3, 32)) == .ipv4TotalLength)
        #expect(reason(ipv4(8, 1, repaired: false)) == .ipv4Checksum)
        #expect(reason(ipv4(8, 1)) == nil)
        #expect(reason(ipv4(3, 27)) == .l4Truncated)
        #expect(reason(ipv4(3, 28)) == nil)
    }

    @Test("the header checksum covers the options")
    func optionsChecksum() {
        var bytes = Network.ipv4 { $0.options = [7, 4, 1, 1] }.bytes
        #expect(reason(bytes) == nil)
        bytes[34] ^= 1
        #expect(reason(bytes) == .ipv4Checksum)
    }

    @Test("tags are read up to two; a third TPID is an unknown EtherType", arguments: [0, 1, 2, 3])
    func tags(count: Int) throws {
        var frame = Network.ipv4()
        frame.tags = (0..<count).map {
            .init(tpid: $0 == 0 ? EtherType.serviceVLAN : EtherType.vlan, priority: 3, vid: UInt16(100 + $0))
        }
        let fields = try parse(frame.bytes).get()
        #expect(fields.tagCount == min(count, 2))
        #expect(fields.outerVID.rawValue == (count == 0 ? 0 : 100))
        #expect((fields.ip != nil) == (count < 3))
        #expect(fields.etherType == (count < 3 ? EtherType.ipv4 : EtherType.vlan))
    }

    @Test("a second tag that is cut short is named as such")
    func secondTag() {
        let bytes = [UInt8](repeating: 2, count: 12) + [0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8]
        #expect(reason(bytes) == .vlanTruncated)
        #expect(reason(bytes + [6]) == nil)
    }

    @Test(
        "what each protocol must have, it must have",
        arguments: [
            (IPProtocol.tcp, 20), (IPProtocol.udp, 8), (IPProtocol.icmp, 4), (47, 0),
        ])
    func shortL4(ipProtocol: UInt8, needed: Int) {
        for length in 0...24 {
            let transport = Transport.raw(ipProtocol: ipProtocol, bytes: [UInt8](repeating: 0, count: length))
            let expected: Reason? = length < needed ? .l4Truncated : nil
            #expect(reason(Network.ipv4(transport).bytes) == expected)
            // Padding is not part of the packet.
            var padded = Network.ipv4(transport)
            padded.padding = [UInt8](repeating: 0, count: 30)
            #expect(reason(padded.bytes) == expected)
            let overIPv6 = ipProtocol == IPProtocol.icmp ? IPProtocol.icmpv6 : ipProtocol
            let other = Transport.raw(ipProtocol: overIPv6, bytes: [UInt8](repeating: 0, count: length))
            #expect(reason(Network.ipv6(other).bytes) == expected)
        }
    }

    @Test("ICMP over IPv6 and ICMPv6 over IPv4 are protocols like any other")
    func foreignICMP() throws {
        #expect(try parse(Network.ipv4(.raw(ipProtocol: 58, bytes: [])).bytes).get().ip?.l4 == PacketFields.L4.none)
        #expect(try parse(Network.ipv6(.raw(ipProtocol: 1, bytes: [])).bytes).get().ip?.l4 == PacketFields.L4.none)
    }

    @Test("a later fragment has no ports, however short; a first fragment must have them")
    func fragments() throws {
        let later = Network.ipv4(.raw(ipProtocol: 17, bytes: [1])) { $0.fragmentOffset = 1 }
        #expect(try parse(later.bytes).get().ip?.fragment == .later)
        #expect(try parse(later.bytes).get().ip?.l4 == PacketFields.L4.none)
        let first = Network.ipv4 { $0.moreFragments = true }
        #expect(try parse(first.bytes).get().ip?.fragment == .first)
        #expect(try parse(first.bytes).get().ip?.l4 == .udp(source: 1000, destination: 53))
        #expect(
            reason(Network.ipv4(.raw(ipProtocol: 17, bytes: [1])) { $0.moreFragments = true }.bytes) == .l4Truncated)
        // Don't fragment and the reserved bit make none.
        #expect(
            try parse(Network.ipv4 { $0.dontFragment = true }.bytes).get().ip?.fragment == PacketFields.Fragment.none)
    }

    @Test("an atomic fragment of IPv6 is a first fragment; a later one ends the chain")
    func ipv6Fragments() throws {
        let atomic = Network.ipv6(extensions: [
            .fragment(offset: 0, more: false, identification: 1), .destinationOptions([]),
        ])
        let ip = try #require(try parse(atomic.bytes).get().ip)
        #expect(ip.fragment == .first)
        #expect(ip.l4 == .udp(source: 1000, destination: 53))
        // What follows a later fragment's header is payload, even if it is called an extension header.
        let later = Network.ipv6(
            .raw(ipProtocol: IPProtocol.destinationOptions, bytes: [0xff, 0xff]),
            extensions: [.fragment(offset: 1, more: false, identification: 1)])
        let fields = try #require(try parse(later.bytes).get().ip)
        #expect(fields.fragment == .later)
        #expect(fields.ipProtocol == 60)
        #expect(fields.l4 == PacketFields.L4.none)
    }

    @Test("six extension headers are followed and a seventh is not")
    func chainLength() throws {
        for count in 0...8 {
            let headers = [IPv6Packet.Extension](repeating: .destinationOptions([]), count: count)
            let bytes = Network.ipv6(extensions: headers).bytes
            #expect(reason(bytes) == (count > 6 ? .ipv6Extension : nil))
        }
        let later =
            [IPv6Packet.Extension](repeating: .destinationOptions([]), count: 5) + [
                .fragment(offset: 3, more: true, identification: 0)
            ]
        #expect(reason(Network.ipv6(.raw(ipProtocol: 43, bytes: []), extensions: later).bytes) == nil)
    }

    @Test("an extension header that does not fit the payload is named, wherever the cut is")
    func chainCut() {
        let whole = Network.ipv6(
            extensions: [
                .hopByHop([UInt8](repeating: 0, count: 14)), .authentication([UInt8](repeating: 0, count: 12)),
                .routing([]),
            ])
        // Payload: 16, 16, 8, then UDP 11.
        for length in 0...51 {
            var bytes = whole.bytes
            bytes.store(bigEndian: UInt16(length), at: 18)
            let expected: Reason? = length < 40 ? .ipv6Extension : length < 48 ? .l4Truncated : nil
            #expect(reason(bytes) == expected, "payload \(length)")
        }
    }

    @Test("the length of an authentication header counts units of four bytes, plus two")
    func authentication() throws {
        let frame = Network.ipv6(extensions: [.authentication([UInt8](repeating: 9, count: 20))])
        #expect(try parse(frame.bytes).get().ip?.l4 == .udp(source: 1000, destination: 53))
    }

    @Test("hop-by-hop options leave their mark wherever they stand")
    func hopByHop() throws {
        let frame = Network.ipv6(extensions: [.destinationOptions([]), .hopByHop([])])
        #expect(try parse(frame.bytes).get().ip?.hasHopByHop == true)
        #expect(try parse(Network.ipv6(extensions: [.routing([])]).bytes).get().ip?.hasHopByHop == false)
    }

    @Test("no next header means no L4, and is not malformed")
    func noNextHeader() throws {
        let ip = try #require(try parse(Network.ipv6(.raw(ipProtocol: 59, bytes: [])).bytes).get().ip)
        #expect(ip.ipProtocol == 59)
        #expect(ip.l4 == PacketFields.L4.none)
    }

    @Test("wrong versions and lengths of IPv6 have their names")
    func ipv6Fields() {
        var bytes = Network.ipv6().bytes
        bytes[14] = 0x70
        #expect(reason(bytes) == .ipv6Version)
        bytes = Network.ipv6().bytes
        bytes[19] += 1
        #expect(reason(bytes) == .ipv6PayloadLength)
        bytes[19] -= 4
        #expect(reason(bytes) == nil)
    }

    @Test("what is not IP is never malformed")
    func notIP() throws {
        let bytes = [UInt8](repeating: 2, count: 12) + [0x08, 0x06]
        #expect(try parse(bytes).get().ip == nil)
    }
}
