// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Packets of every kind through the reference and the program, with the same tables.
@Suite("The program decides as the reference does", .enabled(if: kernelTestsRun))
struct AgreementTests {
    typealias W = SmallWorld

    private func run(_ configuration: XDPConfiguration = .forTests, _ body: (BothPlanes) throws -> Void) throws {
        try inPrivateNetworkNamespace {
            let planes = try BothPlanes(configuration)
            planes.apply(W.inserts)
            try body(planes)
            planes.expectSameCounters()
            #expect(planes.xdp.health().complaints.isEmpty)
        }
    }

    @Test("routes: next hop, group, drop, kernel, CPU, none, special, and tags in and out")
    func routes() throws {
        try run { planes in
            let destinations: [(String, Disposition, Reason, UInt16?)] = [
                ("10.2.1.1", .forward, .route, 2), ("10.2.7.1", .forward, .route, 2), ("10.2.7.9", .drop, .route, nil),
                ("10.3.0.1", .kernel, .egressPortDown, nil), ("10.5.0.1", .forward, .route, 7),
                ("10.6.0.1", .forward, .route, 1), ("10.9.0.1", .kernel, .neighborUnresolved, nil),
                ("10.11.0.1", .drop, .route, nil), ("10.12.0.1", .kernel, .local, nil),
                ("10.13.0.1", .cpu, .route, nil),
                ("10.14.0.1", .kernel, .noRoute, nil), ("240.1.1.1", .kernel, .specialAddress, nil),
                ("127.0.0.1", .kernel, .specialAddress, nil), ("0.1.2.3", .kernel, .specialAddress, nil),
                ("fd00:2::1", .forward, .route, 2), ("fd00:2:7::1", .forward, .route, 2),
                ("fd00:2:7::9", .drop, .route, nil), ("fd00:5::1", .forward, .route, 7),
                ("fd00:6::1", .forward, .route, 1), ("fd00:9::1", .kernel, .neighborUnresolved, nil),
                ("fd00:11::1", .drop, .route, nil), ("fd00:12::1", .kernel, .local, nil),
                ("fd00:13::1", .cpu, .route, nil), ("fd00:14::1", .kernel, .noRoute, nil),
                ("ff02::1", .kernel, .specialAddress, nil), ("fe80::1", .kernel, .specialAddress, nil),
                ("::1", .kernel, .specialAddress, nil), ("::", .kernel, .specialAddress, nil),
                ("fd00:2::1:5", .forward, .route, 1),
            ]
            for (text, disposition, reason, egress) in destinations {
                let payload: Frame.Payload = text.contains(":") ? .ipv6(W.udp6(to: text)) : .ipv4(W.udp4(to: text))
                for tags in [[], [Frame.Tag(priority: 5, vid: 0)], [Frame.Tag(tpid: 0x88a8, priority: 3, vid: 0)]] {
                    let verdict = try planes.process(W.frame(payload, tags: tags, padding: 6), port: 1, text)
                    #expect(verdict.disposition == disposition && verdict.reason == reason, "\(text)")
                    #expect(verdict.egressPort?.rawValue == egress, "\(text)")
                }
            }
            for tag in [100, 101] as [UInt16] {
                for text in ["10.2.1.1", "10.9.0.1", "8.8.8.8"] {
                    try planes.process(W.frame(.ipv4(W.udp4(to: text)), tags: [.init(vid: tag)]), port: 1)
                }
                try planes.process(W.frame(.ipv6(W.udp6(to: "2001:db8::1")), tags: [.init(vid: tag)]), port: 1)
                try planes.process(
                    W.frame(.ipv4(W.udp4(to: "10.2.1.1")), to: W.second, tags: [.init(vid: tag)]), port: 1)
            }
            try planes.process(
                W.frame(.ipv4(W.udp4(to: "10.2.1.1")), tags: [.init(vid: 0), .init(vid: 100)]), port: 1)
        }
    }

    @Test("a group's members get the flows their hash says")
    func groups() throws {
        try run { planes in
            var egress: Set<PortID?> = []
            var tagged = 0
            for port in 0..<200 as Range<UInt16> {
                let v4 = try planes.process(
                    W.frame(.ipv4(W.udp4(to: "10.10.0.\(port)", ports: (port &* 7, 80)))), port: 1)
                let v6 = try planes.process(
                    W.frame(.ipv6(W.udp6(to: "fd00:10::\(port)", ports: (port &* 7, 80)))), port: 1)
                egress.formUnion([v4.egressPort, v6.egressPort])
                if v4.output.count > 12, v4.output[12] == 0x81 { tagged += 1 }
            }
            #expect(egress == [W.port(1), W.port(2)])
            #expect((1..<200).contains(tagged))
        }
    }

    @Test("what the fast path leaves to the kernel goes there unchanged, with its reason")
    func kernelReasons() throws {
        try run { planes in
            func expect(_ reason: Reason, _ frame: [UInt8], port: UInt16 = 1) throws {
                let verdict = try planes.process(frame, port: port, reason.name)
                #expect(verdict.disposition == .kernel && verdict.reason == reason && verdict.output == frame)
            }
            var options = W.udp4(to: "10.2.1.1")
            options.options = [0x94, 4, 0, 0]
            try expect(.ipOptions, W.frame(.ipv4(options)))
            var first = W.udp4(to: "10.2.1.1")
            first.moreFragments = true
            try expect(.fragment, W.frame(.ipv4(first)))
            first.fragmentOffset = 100
            try expect(.fragment, W.frame(.ipv4(first)))
            var dying = W.udp4(to: "10.2.1.1")
            dying.timeToLive = 1
            try expect(.ttlExpired, W.frame(.ipv4(dying)))
            var dying6 = W.udp6(to: "fd00:2::1")
            dying6.hopLimit = 0
            try expect(.ttlExpired, W.frame(.ipv6(dying6)))
            try expect(.mtuExceeded, W.frame(.ipv4(W.udp4(to: "10.5.0.1", payload: 573))))
            #expect(
                try planes.process(W.frame(.ipv4(W.udp4(to: "10.5.0.1", payload: 572))), port: 1).disposition
                    == .forward)
            try expect(.mtuExceeded, W.frame(.ipv6(W.udp6(to: "fd00:5::1", payload: 553))))
            try expect(.notIP, W.frame(.other(etherType: 0x0806, bytes: Array(repeating: 7, count: 28))))
            try expect(
                .vlanDepth,
                W.frame(.ipv4(W.udp4(to: "10.2.1.1")), to: W.second, tags: [.init(vid: 100), .init(vid: 5)]))
            var hop = W.udp6(to: "fd00:2::1")
            hop.extensions = [.hopByHop([5, 2, 0, 0])]
            try expect(.hopByHop, W.frame(.ipv6(hop)))
            for fragment in [
                IPv6Packet.Extension.fragment(offset: 0, more: true, identification: 1),
                .fragment(offset: 0, more: false, identification: 1),
                .fragment(offset: 9, more: true, identification: 1),
            ] {
                var packet = W.udp6(to: "fd00:2::1")
                packet.extensions = [.destinationOptions([1, 2, 0, 0]), fragment]
                try expect(.fragment, W.frame(.ipv6(packet)))
            }
            try expect(.notMyStation, W.frame(.ipv4(W.udp4(to: "10.2.1.1")), to: W.peer))
            try expect(.broadcast, W.frame(.ipv4(W.udp4(to: "10.2.1.1")), to: .broadcast))
            try expect(.multicast, W.frame(.ipv4(W.udp4(to: "224.0.0.5")), to: MACAddress(rawValue: 0x0100_5e00_0005)))
            try expect(
                .reservedMulticast, W.frame(.ipv4(W.udp4(to: "10.2.1.1")), to: MACAddress(rawValue: 0x0180_c200_000e)))
            try expect(.unknownPort, W.frame(.ipv4(W.udp4(to: "10.2.1.1"))), port: 33)
            #expect(try planes.process(W.frame(.ipv4(W.udp4(to: "10.2.1.1"))), port: 8).reason == .port)
        }
    }

    @Test("a frame of several buffers goes to the kernel whole; the largest of one buffer does not")
    func multiBuffer() throws {
        var configuration = XDPConfiguration.forTests
        configuration.multiBuffer = true
        try run(configuration) { planes in
            var port = PortEntry(port: W.port(2))
            port.mtu = 9000
            planes.apply([.modify(.port(port))])
            for (bytes, reason) in [
                (XDPDataPlane.testRunLinearBytes, Reason.route), (XDPDataPlane.testRunLinearBytes + 1, .multiBuffer),
                (9014, .multiBuffer),
            ] {
                let frame = W.frame(.ipv4(W.udp4(to: "10.2.1.1", payload: bytes - 42)))
                #expect(frame.count == bytes)
                let verdict = try planes.process(frame, port: 1)
                #expect(verdict.reason == reason)
                #expect(reason == .route || (verdict.disposition == .kernel && verdict.output == frame))
            }
            try planes.process(W.frame(.ipv4(W.udp4(to: "10.2.1.1", payload: 5000))), port: 33)
        }
    }

    @Test("extension headers that the key can do without are routed")
    func extensions() throws {
        try run { planes in
            for extensions in [
                [IPv6Packet.Extension.destinationOptions([1, 2])], [.routing([0, 0, 0, 0]), .destinationOptions([])],
                [.authentication(Array(repeating: 3, count: 8))],
                Array(repeating: .destinationOptions([1, 4, 0, 0, 0, 0]), count: 6),
            ] {
                var packet = W.udp6(to: "fd00:2::1")
                packet.extensions = extensions
                let verdict = try planes.process(W.frame(.ipv6(packet)), port: 1)
                #expect(verdict.disposition == .forward && verdict.reason == .route)
            }
            var packet = W.udp6(to: "fd00:2::1")
            packet.extensions = Array(repeating: .destinationOptions([1, 4, 0, 0, 0, 0]), count: 7)
            #expect(try planes.process(W.frame(.ipv6(packet)), port: 1).reason == .ipv6Extension)
        }
    }

    @Test("malformed frames are dropped, or go to the kernel where the port says so, with the reason by name")
    func malformed() throws {
        try run { planes in
            var cases: [(Reason, [UInt8])] = []
            let v4 = W.frame(.ipv4(W.udp4(to: "10.2.1.1")))
            let v6 = W.frame(.ipv6(W.udp6(to: "fd00:2::1")))
            func change(_ frame: [UInt8], _ offset: Int, _ value: UInt8) -> [UInt8] {
                var frame = frame
                frame[offset] = value
                return frame
            }
            let tagged = W.frame(.ipv4(W.udp4(to: "10.2.1.1")), tags: [.init(vid: 100)])
            let twice = W.frame(.ipv4(W.udp4(to: "10.2.1.1")), tags: [.init(vid: 100), .init(vid: 100)])
            cases += [
                (.vlanTruncated, Array(tagged[..<14])), (.vlanTruncated, Array(tagged[..<17])),
                (.vlanTruncated, Array(twice[..<21])), (.ipv4Truncated, Array(v4[..<14])),
                (.ipv4Truncated, Array(v4[..<33])), (.ipv4Version, change(v4, 14, 0x55)),
                (.ipv4HeaderLength, change(v4, 14, 0x44)), (.ipv4HeaderLength, change(Array(v4[..<40]), 14, 0x4f)),
                (.ipv4TotalLength, change(v4, 17, 19)), (.ipv4TotalLength, Array(v4[..<(v4.count - 1)])),
                (.ipv4Checksum, change(v4, 24, v4[24] ^ 1)), (.ipv6Truncated, Array(v6[..<53])),
                (.ipv6Version, change(v6, 14, 0x40)), (.ipv6PayloadLength, Array(v6[..<(v6.count - 1)])),
                (.ipv6Extension, change(v6, 20, 0)),
            ]
            for (protocolNumber, least) in [(6, 20), (17, 8), (1, 4)] as [(UInt8, Int)] {
                let packet = IPv4Packet(
                    source: W.v4("10.0.1.2"), destination: W.v4("10.2.1.1"),
                    transport: .raw(ipProtocol: protocolNumber, bytes: Array(repeating: 0, count: least - 1)))
                cases.append((.l4Truncated, W.frame(.ipv4(packet), padding: 30)))
                let packet6 = IPv6Packet(
                    source: W.v6("fd00:1::2"), destination: W.v6("fd00:2::1"),
                    transport: .raw(
                        ipProtocol: protocolNumber == 1 ? 58 : protocolNumber,
                        bytes: Array(repeating: 0, count: least - 1)))
                cases.append((.l4Truncated, W.frame(.ipv6(packet6), padding: 30)))
            }
            for (reason, frame) in cases {
                let dropped = try planes.process(frame, port: 1, reason.name)
                #expect(dropped.disposition == .drop && dropped.reason == reason, "\(reason.name)")
                let passed = try planes.process(frame, port: 7, reason.name)
                #expect(passed.disposition == .kernel && passed.reason == reason && passed.output == frame)
            }
            // Not judged above Ethernet: not IP, whatever else was read before the fault was found.
            var port = W.ports[0]
            port.malformed = .ignore
            planes.apply([.modify(.port(port))])
            for (reason, frame) in cases {
                let verdict = try planes.process(frame, port: 1, "\(reason.name) ignored")
                if reason == .vlanTruncated {
                    #expect(verdict.disposition == .drop && verdict.reason == reason)
                } else {
                    #expect(verdict.disposition == .kernel && verdict.reason == .notIP, "\(reason.name)")
                    #expect(verdict.output == frame)
                }
            }
        }
    }

    @Test("switched frames: known, unknown, broadcast, multicast, tags, members, MTU, learning")
    func switched() throws {
        try run { planes in
            let destinations: [UInt64] = [
                0x02_00_00_00_bb_04, 0x02_00_00_00_bb_05, 0x02_00_00_00_bb_06, 0x02_00_00_00_bb_0d, 0x02_00_00_00_bb_0e,
                0x02_00_00_00_bb_0c, 0x02_00_00_00_bb_02, 0x02_00_00_00_bb_ff, 0xffff_ffff_ffff, 0x0100_5e00_0001,
                0x0180_c200_0001, W.station.rawValue, W.second.rawValue,
            ]
            let sources: [UInt64] = [
                0x02_00_00_00_bb_04, 0x02_00_00_00_bb_06, 0, 0x0300_0000_0000, 0x02_00_00_00_cc_01,
            ]
            let tagSets: [[Frame.Tag]] = [
                [], [.init(priority: 6, vid: 0)], [.init(priority: 2, vid: 10)], [.init(tpid: 0x88a8, vid: 20)],
                [.init(vid: 30)], [.init(vid: 10), .init(vid: 77)], [.init(vid: 0), .init(vid: 77)],
            ]
            for port in 4...6 as ClosedRange<UInt16> {
                for destination in destinations {
                    for source in sources {
                        for tags in tagSets {
                            try planes.process(
                                W.frame(
                                    .ipv4(W.udp4(to: "10.2.1.1")), to: MACAddress(rawValue: destination),
                                    from: MACAddress(rawValue: source), tags: tags), port: port)
                        }
                    }
                }
            }
            let flooded = try planes.process(
                W.frame(.ipv4(W.udp4(to: "10.2.1.1")), to: .broadcast, tags: [.init(priority: 6, vid: 0)]), port: 4)
            #expect(flooded.reason == .flood && flooded.floodVLAN == W.vlan(10) && flooded.egressPort == nil)
            #expect(Array(flooded.output[12..<16]) == [0x81, 0, 0xc0, 10])
            let to5 = MACAddress(rawValue: 0x02_00_00_00_bb_05)
            for (length, tags, reason) in [
                (1500, [], .mac), (1501, [], .mtuExceeded), (1500, [Frame.Tag(vid: 10)], .mac),
                (1501, [Frame.Tag(vid: 10)], .mtuExceeded), (1500, [.init(vid: 10), .init(vid: 5)], .mac),
            ] as [(Int, [Frame.Tag], Reason)] {
                let frame = W.frame(
                    .other(etherType: 0x88b5, bytes: Array(repeating: 1, count: length)), to: to5, tags: tags)
                #expect(try planes.process(frame, port: 6 - UInt16(tags.isEmpty ? 2 : 0)).reason == reason)
            }
        }
    }

    private static var acl: [ACLEntry] {
        func entry(
            _ id: UInt32, _ priority: UInt32, _ action: ACLEntry.Action, mirror: Bool = false,
            _ fill: (inout ACLEntry.Match) -> Void
        ) -> ACLEntry {
            var match = ACLEntry.Match()
            fill(&match)
            return ACLEntry(id: id, priority: priority, match: match, action: action, mirror: mirror)
        }
        return [
            entry(1, 90, .drop) { ($0.ipProtocol, $0.destinationPorts) = (17, 2100...2200) },
            entry(2, 90, .permit) { ($0.ipProtocol, $0.destinationPorts) = (17, 2150...2150) },
            entry(3, 80, .redirect(W.port(2))) { $0.dscp = 46 },
            entry(4, 80, .redirect(W.port(3))) { $0.dscp = 47 },
            entry(5, 70, .permit, mirror: true) { $0.source = W.prefix("10.0.1.128/25") },
            entry(6, 70, .cpu, mirror: true) { $0.source = W.prefix("fd00:1::8000/113") },
            entry(7, 60, .kernel) { ($0.ipProtocol, $0.icmpType) = (1, 8) },
            entry(8, 60, .drop) { ($0.ipProtocol, $0.icmpType, $0.icmpCode) = (58, 128, 0) },
            entry(9, 50, .drop) { ($0.ipProtocol, $0.tcpFlags) = (6, .init(value: 2, mask: 0x12)) },
            entry(10, 40, .cpu) { $0.etherType = 0x0806 },
            entry(11, 30, .drop) { $0.fragment = .later },
            entry(12, 30, .kernel) { $0.fragment = .first },
            entry(13, 20, .drop) {
                ($0.sourceMAC, $0.routed) = (.init(value: 0x02_00_00_00_dd_00, mask: 0xffff_ffff_ff00), false)
            },
            entry(14, 10, .drop) { ($0.vlan, $0.ingressPort) = (W.vlan(100), W.port(1)) },
            entry(15, 9, .drop) { $0.destination = W.prefix("fd00:2:7::/48") },
            entry(16, 8, .permit) { $0.fragment = ACLEntry.Fragment.none },
        ]
    }

    private func aclPackets() -> [(UInt16, [UInt8])] {
        var frames: [(UInt16, [UInt8])] = []
        func add(
            _ payload: Frame.Payload, to destination: MACAddress = W.station, from: MACAddress = W.host,
            port: UInt16 = 1, tags: [Frame.Tag] = []
        ) {
            frames.append((port, W.frame(payload, to: destination, from: from, tags: tags)))
        }
        for port in [2099, 2100, 2150, 2200, 2201] as [UInt16] {
            add(.ipv4(W.udp4(to: "10.2.1.1", ports: (5, port))))
            add(.ipv6(W.udp6(to: "fd00:2::1", ports: (5, port))))
        }
        for dscp in [45, 46, 47] as [UInt8] {
            var four = W.udp4(to: "10.2.1.1")
            four.dscp = dscp
            var six = W.udp6(to: "fd00:2::1")
            six.dscp = dscp
            add(.ipv4(four))
            add(.ipv6(six))
            add(.ipv4(four), to: MACAddress(rawValue: 0x02_00_00_00_bb_05), port: 4)
        }
        for last in [127, 128, 255] {
            add(.ipv4(W.udp4(to: "10.2.1.1", from: "10.0.1.\(last)")))
            add(.ipv4(W.udp4(to: "10.9.1.1", from: "10.0.1.\(last)")))
        }
        add(.ipv6(W.udp6(to: "fd00:2::1", from: "fd00:1::7fff")))
        add(.ipv6(W.udp6(to: "fd00:2::1", from: "fd00:1::8000")))
        for type in [0, 8, 128] as [UInt8] {
            add(
                .ipv4(
                    .init(
                        source: W.v4("10.0.1.2"), destination: W.v4("10.2.1.1"), transport: .icmp(type: type, code: 0)))
            )
            add(
                .ipv6(
                    .init(
                        source: W.v6("fd00:1::2"), destination: W.v6("fd00:2::1"), transport: .icmp(type: type, code: 0)
                    )))
            add(
                .ipv6(
                    .init(
                        source: W.v6("fd00:1::2"), destination: W.v6("fd00:2::1"), transport: .icmp(type: type, code: 1)
                    )))
            // ICMP over the other family has no type.
            add(
                .ipv4(
                    .init(
                        source: W.v4("10.0.1.2"), destination: W.v4("10.2.1.1"),
                        transport: .raw(ipProtocol: 58, bytes: [type, 0, 0, 0]))))
        }
        for flags in [0x02, 0x10, 0x12, 0xc2] as [UInt8] {
            let tcp = Transport.tcp(source: 1, destination: 2150, flags: flags)
            add(.ipv4(.init(source: W.v4("10.0.1.2"), destination: W.v4("10.2.1.1"), transport: tcp)))
            add(.ipv6(.init(source: W.v6("fd00:1::2"), destination: W.v6("fd00:2::1"), transport: tcp)))
        }
        add(.other(etherType: 0x0806, bytes: Array(repeating: 1, count: 28)))
        add(.other(etherType: 0x0806, bytes: Array(repeating: 1, count: 28)), to: .broadcast, port: 4)
        add(
            .other(etherType: 0x0806, bytes: Array(repeating: 1, count: 28)), to: .broadcast,
            tags: [.init(vid: 9), .init(vid: 8)])
        for (offset, more) in [(0, true), (5, true), (5, false)] as [(UInt16, Bool)] {
            var four = W.udp4(to: "10.2.1.1", ports: (1, 2100))
            (four.fragmentOffset, four.moreFragments) = (offset, more)
            add(.ipv4(four))
            var six = W.udp6(to: "fd00:2::1", ports: (1, 2100))
            six.extensions = [.fragment(offset: offset, more: more, identification: 7)]
            add(.ipv6(six))
        }
        add(
            .ipv4(W.udp4(to: "10.2.1.1")), to: MACAddress(rawValue: 0x02_00_00_00_bb_05),
            from: MACAddress(rawValue: 0x02_00_00_00_dd_01), port: 4)
        add(.ipv4(W.udp4(to: "10.2.1.1")), from: MACAddress(rawValue: 0x02_00_00_00_dd_01), port: 4)
        add(.ipv4(W.udp4(to: "10.2.1.1")), tags: [.init(vid: 100)])
        add(.ipv6(W.udp6(to: "fd00:2:7::1")))
        return frames
    }

    @Test("the ACL: priorities, every field, mirror, redirect, fragments, counters", arguments: [false, true])
    func acl(defaultDrop: Bool) throws {
        var configuration = XDPConfiguration.forTests
        configuration.aclDefaultDrop = defaultDrop
        try run(configuration) { planes in
            planes.apply(Self.acl.map { .insert(.acl($0)) })
            for (port, frame) in aclPackets() { try planes.process(frame, port: port) }
            var changed = Self.acl[0]
            changed.priority = 1
            planes.apply([.modify(.acl(changed)), .delete(.acl(Self.acl[10])), .delete(.acl(Self.acl[4]))])
            for (port, frame) in aclPackets() { try planes.process(frame, port: port) }
            planes.apply([.insert(.acl(Self.acl[4]))])
            for (port, frame) in aclPackets() { try planes.process(frame, port: port) }
        }
    }

    private func key(_ interface: UInt16, _ packet: IPv4Packet, _ proto: UInt8, _ ports: (UInt16, UInt16)) -> FlowKey {
        FlowKey(
            routerInterface: W.interface(interface), source: .v4(packet.source), destination: .v4(packet.destination),
            ipProtocol: proto, sourcePort: ports.0, destinationPort: ports.1)
    }

    @Test("flow-cache entries: every action, static and derived, with and without the ACL, mirrored, stale")
    func flowCache() throws {
        try run { planes in
            planes.apply(Self.acl.map { .insert(.acl($0)) })
            let generation = planes.xdp.generation
            let actions: [ForwardingAction] = [
                .nextHop(W.hop(2)), .nextHop(W.hop(4)), .nextHop(W.hop(3)), .nextHop(W.hop(9)), .nextHop(W.hop(5)),
                .nextHop(W.hop(6)), .port(W.port(2)), .port(W.port(3)), .drop, .kernel, .cpu,
            ]
            var updates: [TableUpdate] = []
            var frames: [[UInt8]] = []
            var number: UInt16 = 0
            for action in actions {
                for origin in [FlowEntry.Origin.static, .derived(generation)] {
                    for (aclDone, mirror) in [(false, false), (true, false), (false, true), (true, true)] {
                        if origin == .static, aclDone { continue }
                        number += 1
                        let ports = (number, UInt16(number % 3 == 0 ? 2160 : 80))
                        var four = W.udp4(to: "10.77.1.1", ports: ports)
                        let reason = origin == .static ? Reason.flowCache : .route
                        updates.append(
                            .insert(
                                .flow(
                                    .init(
                                        key: key(1, four, 17, ports), action: action, origin: origin, aclDone: aclDone,
                                        mirror: mirror, reason: reason))))
                        frames.append(W.frame(.ipv4(four), padding: 9))
                        frames.append(W.frame(.ipv4(four), tags: [.init(priority: 1, vid: 0)]))
                        four.timeToLive = 1
                        frames.append(W.frame(.ipv4(four)))
                        (four.timeToLive, four.moreFragments) = (9, true)
                        frames.append(W.frame(.ipv4(four)))
                        let long = W.udp4(to: "10.77.1.1", ports: ports, payload: 700)
                        frames.append(W.frame(.ipv4(long)))
                        var six = W.udp6(to: "fd00:77::1", ports: ports)
                        let key6 = FlowKey(
                            routerInterface: W.interface(1), source: .v6(six.source), destination: .v6(six.destination),
                            ipProtocol: 17, sourcePort: ports.0, destinationPort: ports.1)
                        updates.append(
                            .insert(
                                .flow(
                                    .init(
                                        key: key6, action: action, origin: origin, aclDone: aclDone, mirror: mirror,
                                        reason: reason))))
                        frames.append(W.frame(.ipv6(six), padding: 3))
                        six.extensions = [.destinationOptions([])]
                        frames.append(W.frame(.ipv6(six)))
                        six.hopLimit = 1
                        frames.append(W.frame(.ipv6(six)))
                    }
                }
            }
            planes.apply(updates)
            for frame in frames { try planes.process(frame, port: 1) }
            planes.expectSameCounters()
            planes.apply(Self.acl.map { .delete(.acl($0)) })
            for frame in frames { try planes.process(frame, port: 1) }
            planes.expectSameCounters()
            planes.reference.advanceGeneration()
            planes.xdp.advanceGeneration()
            for frame in frames { try planes.process(frame, port: 1) }
        }
    }

    @Test("ICMP and protocols without ports have flows of their own")
    func keysWithoutPorts() throws {
        try run { planes in
            let echo = IPv4Packet(
                source: W.v4("10.0.1.2"), destination: W.v4("10.77.0.1"), transport: .icmp(type: 8, code: 0))
            let esp = IPv4Packet(
                source: W.v4("10.0.1.2"), destination: W.v4("10.77.0.1"),
                transport: .raw(ipProtocol: 50, bytes: [1, 2, 3, 4, 5, 6, 7, 8]))
            let echo6 = IPv6Packet(
                source: W.v6("fd00:1::2"), destination: W.v6("fd00:77::1"), transport: .icmp(type: 128, code: 0))
            let key6 = FlowKey(
                routerInterface: W.interface(1), source: .v6(echo6.source), destination: .v6(echo6.destination),
                ipProtocol: 58, sourcePort: 128 << 8)
            planes.apply([
                .insert(.flow(.init(key: key(1, echo, 1, (8 << 8, 0)), action: .nextHop(W.hop(2))))),
                .insert(.flow(.init(key: key(1, esp, 50, (0, 0)), action: .nextHop(W.hop(4))))),
                .insert(.flow(.init(key: key6, action: .nextHop(W.hop(102))))),
            ])
            for payload in [Frame.Payload.ipv4(echo), .ipv4(esp), .ipv6(echo6)] {
                let verdict = try planes.process(W.frame(payload), port: 1)
                #expect(verdict.disposition == .forward && verdict.reason == .flowCache)
            }
        }
    }
}
