// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// A small node that the tests of the pipeline share: ports 1 and 2 routed, 3 to 5 switched, VLAN 10, one next hop of each
/// family behind port 2.
struct Network {
    static let router = MACAddress(rawValue: 0x0200_0000_0001)
    static let host = MACAddress(rawValue: 0x0200_0000_00aa)
    static let peer = MACAddress(rawValue: 0x0200_0000_00bb)
    static let nextHop4 = NextHopID(rawValue: 4)
    static let nextHop6 = NextHopID(rawValue: 6)
    static let interface1 = RouterInterfaceID(rawValue: 1)
    static let interface2 = RouterInterfaceID(rawValue: 2)

    var plane = ReferenceDataPlane()

    static func port(_ number: UInt16) -> PortID { PortID(rawValue: number) }
    static func vlan(_ number: UInt16) -> VLANID { VLANID(rawValue: number) }
    static func v4(_ text: String) -> IPv4Address { IPv4Address(text) ?? IPv4Address(rawValue: 0) }
    static func v6(_ text: String) -> IPv6Address { IPv6Address(text) ?? IPv6Address(high: 0, low: 0) }
    static func ip(_ text: String) -> IPAddress { IPAddress(text) ?? .v4(IPv4Address(rawValue: 0)) }
    static func prefix(_ text: String) -> IPPrefix { IPPrefix(text) ?? IPPrefix(host: .v4(IPv4Address(rawValue: 0))) }

    static var entries: [TableEntry] {
        var entries: [TableEntry] = []
        for number in 1...5 as ClosedRange<UInt16> {
            var entry = PortEntry(port: port(number))
            entry.mode = number < 3 ? .routed : .switched
            entry.pvid = vlan(10)
            entries.append(.port(entry))
        }
        var vlan10 = VLANEntry(vlan: vlan(10))
        vlan10.untagged = [port(3), port(4)]
        vlan10.tagged = [port(5)]
        entries.append(.vlan(vlan10))
        entries.append(.routerInterface(RouterInterfaceEntry(id: interface1, port: port(1), mac: router)))
        entries.append(.routerInterface(RouterInterfaceEntry(id: interface2, port: port(2), mac: router)))
        entries.append(
            .myStation(MyStationEntry(port: port(1), vlan: .untagged, mac: router, routerInterface: interface1)))
        for (id, address) in [(nextHop4, "192.0.2.1"), (nextHop6, "fe80::1")] {
            entries.append(.nextHop(NextHopEntry(id: id, routerInterface: interface2, neighbor: ip(address))))
            entries.append(
                .neighbor(NeighborEntry(routerInterface: interface2, address: ip(address), mac: peer)))
        }
        entries.append(.route(RouteEntry(prefix: prefix("10.0.0.0/8"), action: .nextHop(nextHop4))))
        entries.append(.route(RouteEntry(prefix: prefix("2001:db8::/32"), action: .nextHop(nextHop6))))
        return entries
    }

    init(_ more: TableEntry...) {
        add(Self.entries + more)
    }

    func add(_ entries: [TableEntry]) {
        let results = plane.write(entries.map { .insert($0) })
        precondition(results.allSatisfy { $0 == .applied }, "\(results.compactMap(\.error))")
    }

    func send(_ bytes: [UInt8], port: UInt16 = 1) throws -> PacketVerdict {
        try plane.process(bytes.span.bytes, port: PortID(rawValue: port))
    }

    func reason(_ bytes: [UInt8], port: UInt16 = 1) throws -> String {
        let verdict = try send(bytes, port: port)
        return "\(verdict.disposition) \(verdict.reason.name)"
    }

    /// An IPv4 packet for the router.
    static func ipv4(
        _ transport: Transport = .udp(source: 1000, destination: 53, payload: [1, 2, 3]), to: String = "10.1.2.3",
        _ change: (inout IPv4Packet) -> Void = { _ in }
    ) -> Frame {
        var packet = IPv4Packet(source: v4("198.51.100.7"), destination: v4(to), transport: transport)
        change(&packet)
        return Frame(destination: router, source: host, payload: .ipv4(packet))
    }

    static func ipv6(
        _ transport: Transport = .udp(source: 1000, destination: 53, payload: [1, 2, 3]), to: String = "2001:db8::9",
        extensions: [IPv6Packet.Extension] = [], _ change: (inout IPv6Packet) -> Void = { _ in }
    ) -> Frame {
        var packet = IPv6Packet(
            source: v6("2001:db8:ffff::7"), destination: v6(to), extensions: extensions, transport: transport)
        change(&packet)
        return Frame(destination: router, source: host, payload: .ipv6(packet))
    }
}
