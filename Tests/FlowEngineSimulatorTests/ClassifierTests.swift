// SPDX-License-Identifier: Apache-2.0
import FlowEngineSimulator
import Packet
import TestSupport
import Testing

/// How frames are read: for every doubt, what each reading makes of a frame.
@Suite("Readings of frames")
struct ClassifierTests {
    struct Reading: Sendable, CustomTestStringConvertible {
        let sentence: String
        let frame: [UInt8]
        /// One masked rule with these fields; it sends to port 4.
        let rule: [String: UInt64]
        let matches: Bool
        let change: @Sendable (inout CardVariants) -> Void
        var testDescription: String { sentence }

        init(
            _ sentence: String, _ frame: [UInt8], rule: [String: UInt64], matches: Bool,
            _ change: @escaping @Sendable (inout CardVariants) -> Void = { _ in }
        ) {
            (self.sentence, self.frame, self.rule) = (sentence, frame, rule)
            (self.matches, self.change) = (matches, change)
        }
    }

    static let fragment = TestFrame.udp {
        $0.fragmentOffset = 10
        $0.transport = .raw(ipProtocol: 17, bytes: [0x12, 0x34, 0x56, 0x78] + Array(repeating: 0, count: 36))
    }

    static let badChecksum: [UInt8] = {
        var frame = TestFrame.udp()
        frame[24] ^= 0xff
        return frame
    }()

    static let twoTags = Frame(
        destination: TestFrame.mac(2), source: TestFrame.mac(1),
        tags: [.init(tpid: EtherType.serviceVLAN, vid: 7), .init(vid: 9)],
        payload: .ipv4(
            IPv4Packet(
                source: IPv4Address(rawValue: 1), destination: IPv4Address(rawValue: 0x0a00_0002),
                transport: .udp(source: 1, destination: 53, payload: Array(repeating: 0, count: 32))))
    ).bytes

    static let v6 = TestFrame.ipv6(to: IPv6Address(high: 2, low: 2))
    static let v6Extended = TestFrame.ipv6(
        to: IPv6Address(high: 2, low: 2), extensions: [.hopByHop([0, 0, 0, 0, 0, 0])])

    static let dei: [UInt8] = {
        var frame = TestFrame.udp(vlan: 1, priority: 5)
        frame[14] |= 0x10
        return frame
    }()

    static let readings: [Reading] = [
        Reading("a tag's VLAN id", TestFrame.udp(vlan: 7), rule: ["vlan_id": 7], matches: true),
        Reading("an untagged frame's VLAN id is zero", TestFrame.udp(), rule: ["vlan_id": 0], matches: true),
        Reading("an untagged frame has no VLAN id", TestFrame.udp(), rule: ["vlan_id": 0], matches: false) {
            $0.untaggedVLAN = .noMatch
        },
        Reading("a priority tag's VLAN id is zero", TestFrame.udp(vlan: 0), rule: ["vlan_id": 0], matches: true),
        Reading(
            "the EtherType stands behind one tag", TestFrame.udp(vlan: 7), rule: ["ethertype": 0x0800], matches: true),
        Reading("no tag is read past", TestFrame.udp(vlan: 7), rule: ["ethertype": 0x8100], matches: true) {
            $0.tagsRead = 0
        },
        Reading("no tag is read past, so there is no IP", TestFrame.udp(vlan: 7), rule: ["proto": 17], matches: false) {
            $0.tagsRead = 0
        },
        Reading("one of two tags is read past", twoTags, rule: ["ethertype": 0x8100, "vlan_id": 7], matches: true),
        Reading("two tags are read past", twoTags, rule: ["ethertype": 0x0800, "vlan_id": 7], matches: true) {
            $0.tagsRead = 2
        },
        Reading("an S-tag is a tag", twoTags, rule: ["vlan_id": 7], matches: true),
        Reading("an S-tag is no tag", twoTags, rule: ["vlan_id": 0, "ethertype": 0x88a8], matches: true) {
            $0.tagTypes = .customer
        },
        Reading("the priority is the PCP", dei, rule: ["vlan_prio": 5], matches: true),
        Reading("a bad checksum is not looked at", badChecksum, rule: ["port_dst": 53], matches: true),
        Reading("a bad checksum matches no rule", badChecksum, rule: [:], matches: false) { $0.malformed = .noMatch },
        Reading(
            "a good frame matches where malformed ones do not", TestFrame.udp(), rule: ["port_dst": 53], matches: true
        ) {
            $0.malformed = .noMatch
        },
        Reading(
            "a total length beyond the frame matches no rule",
            TestFrame.udp { $0.totalLengthOverride = 1000 }, rule: [:], matches: false
        ) { $0.malformed = .noMatch },
        Reading(
            "a UDP header that is cut short matches no rule",
            TestFrame.udp { $0.transport = .raw(ipProtocol: 17, bytes: [0, 1, 0, 53]) }
                + Array(repeating: 0, count: 30),
            rule: [:], matches: false
        ) { $0.malformed = .noMatch },
        Reading("a later fragment's bytes read as ports", fragment, rule: ["port_dst": 0x5678], matches: true),
        Reading("a later fragment has no ports", fragment, rule: ["port_dst": 0x5678], matches: false) {
            $0.fragmentPorts = .absent
        },
        Reading("absent ports read as zero", fragment, rule: ["port_dst": 0, "port_src": 0], matches: true) {
            $0.fragmentPorts = .absent
        },
        Reading("absent ports match no rule", fragment, rule: ["port_dst": 0], matches: false) {
            ($0.fragmentPorts, $0.absentField) = (.absent, .noMatch)
        },
        Reading("IPv4 fields of other frames read as zero", TestFrame.plain(), rule: ["ipv4_dst": 0], matches: true),
        Reading("IPv4 fields of other frames are absent", TestFrame.plain(), rule: ["ipv4_dst": 0], matches: false) {
            $0.absentField = .noMatch
        },
        Reading("IPv6 frames have ports", v6, rule: ["port_dst": 53, "proto": 17], matches: true),
        Reading("IPv6 frames have no ports", v6, rule: ["port_dst": 53], matches: false) { $0.ipv6Fields = .absent },
        Reading("extension headers are not followed", v6Extended, rule: ["proto": 0, "port_dst": 0], matches: true),
        Reading("extension headers are followed", v6Extended, rule: ["proto": 17, "port_dst": 53], matches: true) {
            $0.ipv6Fields = .behindExtensions
        },
        Reading(
            "protocols other than TCP and UDP have no ports",
            TestFrame.udp {
                $0.transport = .raw(ipProtocol: 132, bytes: [1, 2, 3, 4] + Array(repeating: 0, count: 30))
            },
            rule: ["port_dst": 0x0304], matches: false),
        Reading(
            "every protocol has ports",
            TestFrame.udp {
                $0.transport = .raw(ipProtocol: 132, bytes: [1, 2, 3, 4] + Array(repeating: 0, count: 30))
            },
            rule: ["port_dst": 0x0304], matches: true
        ) { $0.portProtocols = .all },
        Reading("TOS is the DSCP", TestFrame.udp { $0.dscp = 46 }, rule: ["tos": 46], matches: true),
        Reading("TOS is the lower six bits", TestFrame.udp { $0.dscp = 46 }, rule: ["tos": 46 << 2 & 63], matches: true)
        {
            $0.tosBits = .lower
        },
        Reading(
            "a multicast source matches", TestFrame.udp(from: 0x0100_0000_0000), rule: [:], matches: true),
        Reading(
            "a multicast source matches no rule", TestFrame.udp(from: 0x0100_0000_0000), rule: [:], matches: false
        ) { $0.invalidSource = .noMatch },
        Reading(
            "reserved multicast matches",
            TestFrame.frame(
                to: MACAddress(rawValue: 0x0180_c200_000e), from: TestFrame.mac(1),
                .other(etherType: 0x88cc, bytes: Array(repeating: 0, count: 46))), rule: [:], matches: true),
    ]

    @Test("a frame is read as the variant says", arguments: readings)
    func reads(_ reading: Reading) throws {
        let bench = try CardTrial.trustNode { reading.change(&$0.variants) }
        try bench.action(1, toPort: 4)
        try bench.masked(0, action: 1, reading.rule, tcam: MaskedMatchTests.everything)
        #expect(bench.send(reading.frame) == (reading.matches ? [4] : [100]))
    }

    @Test("priority and DEI together, in a hashed key")
    func dei() throws {
        // Key set 4, type 4 has four bits of priority.
        for (reading, priority) in [(CardVariants.VLANPriority.pcp, UInt64(5)), (.pcpAndDEI, 11)] {
            let bench = try CardTrial.trustNode(hashRevision: 4) { $0.variants.vlanPriority = reading }
            try bench.action(1, toPort: 4)
            try bench.collision(
                0, type: 4, action: 1, ["vlan_id": 1, "mac_dst": 0x0200_0000_0002, "vlan_prio": priority])
            #expect(bench.send(Self.dei) == [4])
        }
    }

    @Test("an untagged frame may have its port's VLAN, from revision 16 on")
    func portVLAN() throws {
        let bench = try CardTrial.trustNode(mapRevision: 17) { $0.variants.untaggedVLAN = .portVLAN }
        try bench.action(1, toPort: 4)
        try bench.collision(0, type: 1, action: 1, ["vlan_id": 42])
        let ports = try #require(bench.map.flowCache.vlanInt)
        try bench.bus.writeWord(ports[3].address, 42)
        #expect(bench.send(TestFrame.udp(), port: 3) == [4])
        #expect(bench.send(TestFrame.udp(), port: 2) == [102])
    }

    @Test("reserved multicast and invalid sources may be kept from all tables")
    func special() throws {
        let lldp = TestFrame.frame(
            to: MACAddress(rawValue: 0x0180_c200_000e), from: TestFrame.mac(1),
            .other(etherType: 0x88cc, bytes: Array(repeating: 0, count: 46)))
        let host = try CardTrial.trustNode { $0.variants.reservedMulticast = .toProcessor }
        try host.bus.writeWord(host.map.common.featuresFlowcache.address, 0)
        #expect(host.send(lldp, port: 2) == [102])
        #expect(host.card.lastVerdict.reason == .processorSpecialCase)
        let dropping = try CardTrial.trustNode {
            ($0.variants.reservedMulticast, $0.variants.invalidSource) = (.dropped, .dropped)
        }
        #expect(dropping.send(lldp).isEmpty)
        #expect(dropping.card.lastVerdict.reason == .specialCase)
        #expect(
            dropping.send(
                TestFrame.frame(
                    to: TestFrame.mac(2), from: MACAddress(rawValue: 0),
                    .other(
                        etherType: 0x88b5, bytes: Array(repeating: 0, count: 46)))
            ).isEmpty)
        #expect(dropping.card.lastVerdict.reason == .specialCase)
    }

    @Test("frames of any bytes and length are read without a fault")
    func anything() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<20 {
            let variants = CardVariants(profile: .trustNode).drawingReadings(using: &generator)
            let bench = try CardTrial.trustNode { ($0.variants, $0.minimumFrame) = (variants, 0) }
            try bench.action(1, toPort: 4)
            try bench.masked(0, action: 1, ["port_dst": 0], tcam: MaskedMatchTests.everything)
            let types: [[UInt8]] = [[8, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0xa8], [1, 1]]
            for _ in 0..<500 {
                var frame = (0..<Int.random(in: 0..<90, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                for offset in [12, 16, 20] where frame.count >= offset + 2 {
                    let type = types.randomElement(using: &generator) ?? [0, 0]
                    (frame[offset], frame[offset + 1]) = (type[0], type[1])
                }
                bench.card.receive(frame, port: 0)
                #expect(frame.count >= 14 || bench.card.lastVerdict.reason == .runt)
            }
        }
    }
}
