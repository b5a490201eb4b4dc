// SPDX-License-Identifier: Apache-2.0
import BPF
import Packet
import Tables
import XDPDataPlane

/// The project's own data plane, configured for the benchmark's packets: port 0 receives, port 1 sends.
final class Node {
    let dataPlane: XDPDataPlane
    static let ingress = PortID(rawValue: 0)
    static let egress = PortID(rawValue: 1)
    static let nextHop = NextHopID(rawValue: 1)
    private static let station = MACAddress(rawValue: 0x02_00_00_00_00_01)
    private static let gateway = IPAddress.v4(IPv4Address(rawValue: 0xc633_6402))

    init(_ configuration: XDPConfiguration, learnFlows: Bool = false, sinkMAC: UInt64 = 0x02_00_00_00_00_04) throws {
        dataPlane = try XDPDataPlane(configuration)
        var entries: [TableEntry] = []
        for port in [Self.ingress, Self.egress] {
            var entry = PortEntry(port: port)
            entry.mode = .routed
            entry.learnFlows = learnFlows
            entry.learnMACs = false
            entries.append(.port(entry))
            let id = RouterInterfaceID(rawValue: port.rawValue + 1)
            entries.append(.routerInterface(RouterInterfaceEntry(id: id, port: port, mac: Self.station)))
            entries.append(
                .myStation(MyStationEntry(port: port, vlan: .untagged, mac: Self.station, routerInterface: id)))
        }
        let out = RouterInterfaceID(rawValue: 2)
        entries.append(
            .neighbor(
                NeighborEntry(routerInterface: out, address: Self.gateway, mac: MACAddress(rawValue: sinkMAC))))
        entries.append(.nextHop(NextHopEntry(id: Self.nextHop, routerInterface: out, neighbor: Self.gateway)))
        try write(entries.map { .insert($0) }, "settings")
    }

    /// Writes, and throws if anything is rejected.
    func write(_ updates: [TableUpdate], _ what: String) throws {
        let failures = dataPlane.write(updates).compactMap(\.error)
        if let first = failures.first { throw BenchError.rejected(what, failures.count, first.description) }
    }

    static func flow(_ number: Int, _ family: Family, _ generation: PolicyGeneration) -> TableUpdate {
        let flow = BenchFlow(number, family)
        let source: IPAddress
        let destination: IPAddress
        switch family {
        case .ipv4:
            source = .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: flow.sourceLow)))
            destination = .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: flow.destinationLow)))
        case .ipv6:
            source = .v6(IPv6Address(high: flow.sourceHigh, low: flow.sourceLow))
            destination = .v6(IPv6Address(high: flow.destinationHigh, low: flow.destinationLow))
        }
        return .insert(
            .flow(
                FlowEntry(
                    key: FlowKey(
                        routerInterface: RouterInterfaceID(rawValue: 1), source: source, destination: destination,
                        ipProtocol: flow.ipProtocol, sourcePort: flow.sourcePort,
                        destinationPort: flow.destinationPort),
                    action: .nextHop(nextHop), origin: .derived(generation), aclDone: true)))
    }

    func addFlows(_ count: Int, _ family: Family) throws {
        let batch = 65_536
        for start in stride(from: 0, to: count, by: batch) {
            let updates = (start..<min(start + batch, count)).map { Self.flow($0, family, dataPlane.generation) }
            try write(updates, "\(family.rawValue) flows")
        }
    }

    /// Routes over the prefixes of the workload; equal prefixes count once. Returns how many there are.
    func addPrefixes(_ count: Int) throws -> Int {
        let prefixes = Set((0..<count).map(BenchPrefix.init))
        let updates = prefixes.compactMap { prefix -> TableUpdate? in
            guard let whole = IPPrefix(.v6(IPv6Address(high: prefix.high, low: 0)), length: prefix.length) else {
                return nil
            }
            return .insert(.route(RouteEntry(prefix: whole, action: .nextHop(Self.nextHop))))
        }
        try write(updates, "routes")
        return updates.count
    }

    func subject(_ name: String) throws -> Subject { Subject(name, try dataPlane.fastPathProgram(), owner: self) }
}
