// SPDX-License-Identifier: Apache-2.0
import Packet
import Testing

@Suite("The Internet checksum")
struct ChecksumTests {
    @Test("the example of RFC 1071 sums to what the RFC says")
    func example() {
        let bytes: [UInt8] = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]
        #expect(Checksum.sum(bytes.span.bytes) == 0xddf2)
    }

    @Test("an odd last byte counts as if a zero followed")
    func odd() {
        let odd: [UInt8] = [0x12, 0x34, 0x56]
        #expect(Checksum.sum(odd.span.bytes) == 0x1234 + 0x5600)
    }

    @Test("the incremental update of RFC 1624 equals the checksum computed anew, for every time to live")
    func incremental() {
        for identification in [0, 1, 0x7fff, 0xfffe, 0xffff] as [UInt16] {
            for timeToLive in 2...255 as ClosedRange<UInt8> {
                var packet = IPv4Packet(
                    source: IPv4Address(rawValue: 0x0a00_0001), destination: IPv4Address(rawValue: 0x0a00_0002),
                    transport: .udp(source: 1, destination: 2))
                packet.identification = identification
                packet.timeToLive = timeToLive
                let before = packet.bytes
                packet.timeToLive -= 1
                let after = packet.bytes
                let span = before.span.bytes
                let updated = Checksum.updated(
                    span.uint16(at: 10), from: span.uint16(at: 8), to: span.uint16(at: 8) - 0x100)
                #expect(updated == after.span.bytes.uint16(at: 10))
            }
        }
    }

    @Test("the case RFC 1624 is about: a sum of minus zero does not become plus zero")
    func minusZero() {
        // RFC 1624, 4: HC = 0xdd2f, m = 0x5555, m' = 0x3285 gives 0x0000, where equation 2 of RFC 1141 gave 0xffff.
        #expect(Checksum.updated(0xdd2f, from: 0x5555, to: 0x3285) == 0x0000)
    }
}

/// Views do not escape, which the macro's capture of operands needs.
private func check<Value: Equatable>(
    _ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, sourceLocation: sourceLocation)
}

@Suite("Composed frames")
struct FrameTests {
    static let v4 = (IPv4Address(rawValue: 0xc000_0201), IPv4Address(rawValue: 0xc633_6402))
    static let v6 = (IPv6Address(high: 0x2001_0db8 << 32, low: 1), IPv6Address(high: 0x2001_0db8 << 32, low: 2))

    @Test("the checksums of what is composed are valid over IPv4")
    func ipv4() {
        for transport in [
            Transport.tcp(source: 1, destination: 2, payload: [1, 2, 3]), .udp(source: 1, destination: 2, payload: [9]),
            .icmp(type: 8, code: 0),
        ] {
            var packet = IPv4Packet(source: Self.v4.0, destination: Self.v4.1, transport: transport)
            packet.options = [1, 1, 1]
            let bytes = packet.bytes
            #expect(bytes.count == Int(bytes.span.bytes.uint16(at: 2)))
            check(Checksum.isValid(bytes.span.bytes.extracting(0..<24)), true)
            var initial: UInt32 = 0
            if bytes[9] != IPProtocol.icmp {
                initial = Checksum.pseudoHeaderSum(
                    source: .v4(Self.v4.0), destination: .v4(Self.v4.1), ipProtocol: bytes[9], length: bytes.count - 24)
            }
            #expect(Checksum.sum(bytes.span.bytes.extracting(24..<bytes.count), initial: initial) == 0xffff)
        }
    }

    @Test("extension headers name what follows them and say their length")
    func extensions() {
        let packet = IPv6Packet(
            source: Self.v6.0, destination: Self.v6.1,
            extensions: [
                .hopByHop([1, 4, 0, 0, 0, 0]), .routing([0, 0]), .fragment(offset: 0, more: true, identification: 7),
                .authentication([UInt8](repeating: 1, count: 20)), .destinationOptions([UInt8](repeating: 0, count: 7)),
            ], transport: .tcp(source: 80, destination: 81))
        let bytes = packet.bytes
        var next = bytes[6]
        var offset = 40
        var chain: [UInt8] = []
        while next != IPProtocol.tcp {
            chain.append(next)
            let length =
                next == IPProtocol.fragment
                ? 8
                : next == IPProtocol.authentication
                    ? (Int(bytes[offset + 1]) + 2) * 4 : (Int(bytes[offset + 1]) + 1) * 8
            next = bytes[offset]
            offset += length
        }
        #expect(chain == [0, 43, 44, 51, 60])
        guard let tcp = TCPHeader(bytes.span.bytes.extracting(offset..<bytes.count)) else {
            Issue.record("no TCPHeader"); return
        }
        check(tcp.sourcePort, 80)
        check(tcp.destinationPort, 81)
        check(tcp.flags, 0x10)
        let sum = Checksum.pseudoHeaderSum(
            source: .v6(Self.v6.0), destination: .v6(Self.v6.1), ipProtocol: 6, length: bytes.count - offset)
        #expect(Checksum.sum(bytes.span.bytes.extracting(offset..<bytes.count), initial: sum) == 0xffff)
    }

    @Test("header views read the fields that were composed")
    func views() {
        var packet = IPv4Packet(source: Self.v4.0, destination: Self.v4.1, transport: .raw(ipProtocol: 99, bytes: [1]))
        packet.dscp = 46
        packet.fragmentOffset = 0x1abc
        packet.moreFragments = true
        let frame = Frame(
            destination: .broadcast, source: MACAddress(rawValue: 0x02_0000_0000_01),
            tags: [.init(tpid: EtherType.serviceVLAN, priority: 5, vid: 4094)], payload: .ipv4(packet), padding: [0, 0])
        let bytes = frame.bytes
        let span = bytes.span.bytes
        guard let ethernet = EthernetHeader(span) else { Issue.record("no EthernetHeader"); return }
        check(ethernet.destination, .broadcast)
        check(ethernet.source.rawValue, 0x02_0000_0000_01)
        check(ethernet.etherType, 0x88a8)
        guard let tag = VLANTagHeader(span.extracting(14..<span.byteCount)) else {
            Issue.record("no VLANTagHeader"); return
        }
        check(tag.vid, 4094)
        check(tag.tci >> 13, 5)
        check(tag.etherType, 0x0800)
        guard let header = IPv4Header(span.extracting(18..<span.byteCount)) else {
            Issue.record("no IPv4Header"); return
        }
        check(header.version, 4)
        check(header.headerLength, 20)
        check(header.totalLength, 21)
        check(header.dscp, 46)
        check(header.fragmentOffset, 0x1abc)
        check(header.moreFragments, true)
        check(header.ipProtocol, 99)
        check(header.source, Self.v4.0)
        check(header.destination, Self.v4.1)
        check(header.isChecksumValid, true)
        #expect(span.byteCount == 14 + 4 + 21 + 2)
    }
}
