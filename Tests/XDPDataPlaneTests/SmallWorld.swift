// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The tables most tests here start from: four routed ports, four switched ones, two VRFs, every kind of route.
///
///     port 1  routed   interface 1 untagged, interface 11 VLAN 100 (VRF 1), interface 12 any VLAN at a second address
///     port 2  routed   interface 2 untagged, interface 21 VLAN 200
///     port 3  routed   interface 3, down
///     port 4  switched pvid 10, untagged in 10; station for the router in VLAN 10 (interface 4)
///     port 5  switched pvid 10, untagged in 10, tagged in 20
///     port 6  switched pvid 20, tagged in 10, untagged in 20
///     port 7  routed   malformed frames to the kernel, learns nothing, MTU 600, interface 7
///     port 8  admits nothing
enum SmallWorld {
    static let station = MACAddress(rawValue: 0x02_00_00_00_00_01)
    static let second = MACAddress(rawValue: 0x02_00_00_00_00_99)
    static let host = MACAddress(rawValue: 0x02_00_00_00_01_01)
    static let peer = MACAddress(rawValue: 0x02_00_00_00_01_02)

    static func port(_ number: UInt16) -> PortID { PortID(rawValue: number) }
    static func vlan(_ number: UInt16) -> VLANID { VLANID(rawValue: number) }
    static func interface(_ number: UInt16) -> RouterInterfaceID { RouterInterfaceID(rawValue: number) }
    static func hop(_ number: UInt32) -> NextHopID { NextHopID(rawValue: number) }
    static func v4(_ text: String) -> IPv4Address { IPv4Address(text) ?? IPv4Address(rawValue: 0) }
    static func v6(_ text: String) -> IPv6Address { IPv6Address(text) ?? IPv6Address(high: 0, low: 0) }
    static func address(_ text: String) -> IPAddress { IPAddress(text) ?? .v4(IPv4Address(rawValue: 0)) }
    static func prefix(_ text: String) -> IPPrefix { IPPrefix(text) ?? IPPrefix(host: address("0.0.0.0")) }

    static var ports: [PortEntry] {
        (1...8 as ClosedRange<UInt16>).map { number in
            var entry = PortEntry(port: port(number))
            switch number {
            case 3: entry.up = false
            case 4, 5: (entry.mode, entry.pvid) = (.switched, vlan(10))
            case 6: (entry.mode, entry.pvid) = (.switched, vlan(20))
            case 7: (entry.malformed, entry.learnFlows, entry.mtu) = (.kernel, false, 600)
            case 8: entry.admit = false
            default: break
            }
            return entry
        }
    }

    static func routerInterface(_ id: UInt16, port: UInt16, vlan: UInt16 = 0, vrf: UInt16 = 0) -> TableEntry {
        var entry = RouterInterfaceEntry(
            id: interface(id), port: self.port(port), mac: MACAddress(rawValue: 0x02_00_00_00_00_00 | UInt64(port)))
        (entry.vlan, entry.vrf) = (self.vlan(vlan), VRFID(rawValue: vrf))
        return .routerInterface(entry)
    }

    static func route(_ text: String, _ action: RouteEntry.Action, vrf: UInt16 = 0) -> TableEntry {
        .route(RouteEntry(vrf: VRFID(rawValue: vrf), prefix: prefix(text), action: action))
    }

    static var vlans: [TableEntry] {
        var ten = VLANEntry(vlan: vlan(10))
        (ten.untagged, ten.tagged) = ([port(4), port(5)], [port(6)])
        var twenty = VLANEntry(vlan: vlan(20))
        (twenty.untagged, twenty.tagged) = ([port(6)], [port(5)])
        (twenty.unknownUnicast, twenty.broadcast, twenty.multicast) = (.drop, .kernel, .drop)
        return [.vlan(ten), .vlan(twenty)]
    }

    static var stations: [TableEntry] {
        let many = MyStationEntry(
            port: nil, vlan: nil, mac: second, priority: 5, routerInterface: interface(12))
        return [
            .myStation(.init(port: port(1), vlan: .untagged, mac: station, routerInterface: interface(1))),
            .myStation(.init(port: port(1), vlan: vlan(100), mac: station, routerInterface: interface(11))),
            .myStation(.init(port: port(2), vlan: .untagged, mac: station, routerInterface: interface(2))),
            .myStation(.init(port: port(2), vlan: vlan(200), mac: station, routerInterface: interface(21))),
            .myStation(.init(port: port(3), vlan: nil, mac: station, routerInterface: interface(3))),
            .myStation(.init(port: port(4), vlan: vlan(10), mac: station, routerInterface: interface(4))),
            .myStation(.init(port: port(7), vlan: nil, mac: station, routerInterface: interface(7))),
            .myStation(many),
        ]
    }

    /// Neighbours .2 and ::2 of each next hop's interface; next hop 9 has none.
    static var nextHops: [TableEntry] {
        var all: [TableEntry] = []
        for (id, rif) in [(1, 1), (2, 2), (3, 3), (4, 21), (5, 7), (6, 11), (9, 2)] as [(UInt32, UInt16)] {
            for (family, text) in [(0, "10.0.\(id).2"), (100, "fd00:\(id)::2")] as [(UInt32, String)] {
                all.append(
                    .nextHop(.init(id: hop(id + family), routerInterface: interface(rif), neighbor: address(text))))
                if id == 9 { continue }
                all.append(
                    .neighbor(
                        .init(
                            routerInterface: interface(rif), address: address(text),
                            mac: MACAddress(rawValue: 0x02_00_00_00_aa_00 | UInt64(id)))))
            }
        }
        return all
    }

    static var routes: [TableEntry] {
        var all: [TableEntry] = []
        all += [
            .nextHopGroup(
                .init(
                    id: .init(rawValue: 1),
                    members: [.init(nextHop: hop(1)), .init(nextHop: hop(2), weight: 2), .init(nextHop: hop(4))])),
            .nextHopGroup(
                .init(id: .init(rawValue: 2), members: [.init(nextHop: hop(101)), .init(nextHop: hop(104), weight: 3)])),
        ]
        let group = NextHopGroupID(rawValue: 1)
        let group6 = NextHopGroupID(rawValue: 2)
        for (text, action) in [
            ("10.2.0.0/16", .nextHop(hop(2))), ("10.2.7.0/24", .nextHop(hop(4))), ("10.2.7.9/32", .drop),
            ("10.3.0.0/16", .nextHop(hop(3))), ("10.5.0.0/16", .nextHop(hop(5))), ("10.6.0.0/16", .nextHop(hop(6))),
            ("10.9.0.0/16", .nextHop(hop(9))), ("10.10.0.0/16", .group(group)), ("10.11.0.0/16", .drop),
            ("10.12.0.1/32", .kernel), ("10.13.0.0/16", .cpu), ("240.0.0.0/4", .nextHop(hop(2))),
            ("fd00:2::/32", .nextHop(hop(102))), ("fd00:2:7::/48", .nextHop(hop(104))),
            ("fd00:2:7::9/128", .drop), ("fd00:5::/32", .nextHop(hop(105))), ("fd00:6::/32", .nextHop(hop(106))),
            ("fd00:9::/32", .nextHop(hop(109))), ("fd00:10::/32", .group(group6)), ("fd00:11::/32", .drop),
            ("fd00:12::1/128", .kernel), ("fd00:13::/32", .cpu), ("fd00:2::1:0/112", .nextHop(hop(1))),
        ] as [(String, RouteEntry.Action)] {
            all.append(route(text, action))
        }
        all += [
            route("0.0.0.0/0", .nextHop(hop(2)), vrf: 1), route("10.2.0.0/16", .drop, vrf: 1),
            route("::/0", .nextHop(hop(102)), vrf: 1),
        ]
        return all
    }

    static var macs: [TableEntry] {
        func mac(_ vlan: UInt16, _ value: UInt64, _ action: MACEntry.Action, isStatic: Bool = true) -> TableEntry {
            .mac(MACEntry(vlan: self.vlan(vlan), mac: MACAddress(rawValue: value), action: action, isStatic: isStatic))
        }
        return [
            mac(10, 0x02_00_00_00_bb_04, .port(port(4)), isStatic: false),
            mac(10, 0x02_00_00_00_bb_05, .port(port(5)), isStatic: false),
            mac(10, 0x02_00_00_00_bb_06, .port(port(6))), mac(10, 0x02_00_00_00_bb_0d, .drop),
            mac(10, 0x02_00_00_00_bb_0e, .kernel), mac(10, 0x02_00_00_00_bb_0c, .cpu),
            mac(10, 0x02_00_00_00_bb_02, .port(port(2))), mac(20, 0x02_00_00_00_bb_05, .port(port(5))),
            mac(20, 0x02_00_00_00_bb_06, .port(port(6)), isStatic: false),
        ]
    }

    static var entries: [TableEntry] {
        ports.map { .port($0) }
            + [
                routerInterface(1, port: 1), routerInterface(2, port: 2), routerInterface(3, port: 3),
                routerInterface(4, port: 4), routerInterface(7, port: 7),
                routerInterface(11, port: 1, vlan: 100, vrf: 1),
                routerInterface(12, port: 1), routerInterface(21, port: 2, vlan: 200),
            ] + vlans + stations + nextHops + routes + macs
    }

    static var inserts: [TableUpdate] { entries.map { .insert($0) } }

    // MARK: Frames

    static func udp4(
        to destination: String, from source: String = "10.0.1.2", ports: (UInt16, UInt16) = (1000, 2000),
        payload: Int = 20
    ) -> IPv4Packet {
        IPv4Packet(
            source: v4(source), destination: v4(destination),
            transport: .udp(
                source: ports.0, destination: ports.1,
                payload: (0..<payload).map { UInt8(truncatingIfNeeded: $0) }))
    }

    static func udp6(
        to destination: String, from source: String = "fd00:1::2", ports: (UInt16, UInt16) = (1000, 2000),
        payload: Int = 20
    ) -> IPv6Packet {
        IPv6Packet(
            source: v6(source), destination: v6(destination),
            transport: .udp(
                source: ports.0, destination: ports.1,
                payload: (0..<payload).map { UInt8(truncatingIfNeeded: $0) }))
    }

    static func frame(
        _ payload: Frame.Payload, to destination: MACAddress = station, from source: MACAddress = host,
        tags: [Frame.Tag] = [], padding: Int = 0
    ) -> [UInt8] {
        Frame(
            destination: destination, source: source, tags: tags, payload: payload,
            padding: (0..<padding).map { UInt8(truncatingIfNeeded: 0xa0 + $0) }
        ).bytes
    }
}
