// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Northbound
import Packet
import Tables
import TestSupport

/// The numbers a node has given to ports, interfaces and next hops the harness talks of.
public struct Places: Sendable {
    /// Where the flows arrive: port 1, and its router interface.
    let port: PortID
    let arrival: RouterInterfaceID
    /// The router interface at port 3, where nothing of them is.
    let elsewhere: RouterInterfaceID
    /// To host 2, by family, and to host 3.
    private let onward4: NextHopID
    private let onward6: NextHopID
    let away: NextHopID

    /// Stations of port 3's network that the harness makes known to the host and takes away again: 10.0.3.200 to .249.
    static let factRange: ClosedRange<UInt32> = 0x0a00_03c8...0x0a00_03f9

    init(of client: NodeClient) async throws {
        let ports = try await client.ports()
        var interfaces: [PortID: RouterInterfaceID] = [:]
        for report in try await client.entries(of: .routerInterface) {
            if case .routerInterface(let entry) = report.entry { interfaces[entry.port] = entry.id }
        }
        var nextHops: [IPAddress: NextHopID] = [:]
        for report in try await client.entries(of: .nextHop) {
            if case .nextHop(let entry) = report.entry { nextHops[entry.neighbor] = entry.id }
        }
        guard let one = ports.first(where: { $0.name == "p1" })?.port, let arrival = interfaces[one],
            let three = ports.first(where: { $0.name == "p3" })?.port, let elsewhere = interfaces[three],
            let onward4 = nextHops[.v4(IPv4Address(rawValue: 0x0a00_0202))],
            let onward6 = nextHops[.v6(IPv6Address(high: 0xfd00_0002_0000_0000, low: 2))],
            let away = nextHops[.v4(IPv4Address(rawValue: 0x0a00_0302))]
        else {
            throw Unexpected(description: "the node lacks a port or a next hop: \(ports.map(\.name)), \(nextHops.keys)")
        }
        (port, self.arrival, self.elsewhere) = (one, arrival, elsewhere)
        (self.onward4, self.onward6, self.away) = (onward4, onward6, away)
    }

    /// The entry of a static flow.
    func entry(of flow: SoakFlow) -> FlowEntry {
        FlowEntry(key: flow.key(arrivingAt: arrival), action: .nextHop(flow.isIPv6 ? onward6 : onward4))
    }

    /// Whether an entry is there because the host knows a station: one the harness made known, or one its kernel met by itself
    /// (link-local addresses of the hosts, which come and go as neighbour discovery pleases).
    func isFact(_ entry: TableEntry) -> Bool {
        func isOne(_ address: IPAddress) -> Bool {
            switch address {
            case .v4(let address): Self.factRange.contains(address.rawValue)
            case .v6(let address): address.high >> 54 == 0xfe80 >> 6
            }
        }
        return switch entry {
        case .neighbor(let neighbor): isOne(neighbor.address)
        case .nextHop(let nextHop): isOne(nextHop.neighbor)
        case .route(let route): route.prefix.length == 32 && isOne(route.prefix.address)
        default: false
        }
    }

    func withoutFacts(_ entries: Set<TableEntry>) -> Set<TableEntry> { entries.filter { !isFact($0) } }
}
#endif
