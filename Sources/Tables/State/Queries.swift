// SPDX-License-Identifier: Apache-2.0
import Packet

/// Where a next hop's packets go and what is written into them, gathered from its neighbour, its router interface and the port.
public struct ResolvedNextHop: Hashable, Sendable, BitwiseCopyable {
    public var egressPort: PortID
    /// The tag to add; `.untagged` for none.
    public var vlan: VLANID
    public var source: MACAddress
    public var destination: MACAddress
    /// Largest IP packet, bytes.
    public var mtu: UInt16
    /// The egress port is up.
    public var isUp: Bool
}

extension TableState {
    public func port(_ id: PortID) -> PortEntry? { ports[id]?.entry }

    public func vlan(_ id: VLANID) -> VLANEntry? { vlans[id] }

    public func routerInterface(_ id: RouterInterfaceID) -> RouterInterfaceEntry? { routerInterfaces[id]?.entry }

    public func nextHop(_ id: NextHopID) -> NextHopEntry? { nextHops[id]?.entry }

    public func group(_ id: NextHopGroupID) -> NextHopGroupEntry? { groups[id]?.entry }

    /// The members the 64 buckets of a group name; empty if there is no such group.
    public func buckets(of group: NextHopGroupID) -> [NextHopID] { buckets[group] ?? [] }

    public func neighbor(at interface: RouterInterfaceID, address: IPAddress) -> MACAddress? {
        neighbors[NeighborKey(routerInterface: interface, address: address)]
    }

    /// ACL entries as they are searched: highest priority first, among equals the lowest id.
    public var acl: [ACLEntry] { rules }

    /// Stations that concern a port, in the order they are consulted.
    public func stations(of port: PortID) -> [MyStationEntry] {
        port.rawValue <= PortID.maximum ? stationLists[Int(port.rawValue)] : []
    }

    /// The ingress that a router interface stands for: port and VLAN, each nil unless every station that leads
    /// to the interface names the same one. A flow key knows its ingress port and VLAN through this alone.
    public func ingress(of interface: RouterInterfaceID) -> (port: PortID?, vlan: VLANID?) {
        guard let stations = stationsByInterface[interface], let first = stations.first else { return (nil, nil) }
        let port = stations.allSatisfy { $0.port == first.port } ? first.port : nil
        let vlan = stations.allSatisfy { $0.vlan == first.vlan } ? first.vlan : nil
        return (port, vlan)
    }

    /// The route of the longest prefix that holds the address.
    public func route(vrf: VRFID, to address: IPAddress) -> RouteEntry? {
        routes.longestMatch(vrf: vrf, address: address)
    }

    /// Visits every route of all VRFs, in no order.
    public func forEachRoute(_ body: (RouteEntry) -> Void) {
        for route in routes.all { body(route) }
    }

    /// Nil while the neighbour is unknown, and if there is no such next hop.
    public func resolve(_ id: NextHopID) -> ResolvedNextHop? {
        guard let nextHop = nextHops[id]?.entry, let destination = neighbors[nextHop.neighborKey],
            let interface = routerInterfaces[nextHop.routerInterface]?.entry, let port = ports[interface.port]?.entry
        else { return nil }
        return ResolvedNextHop(
            egressPort: interface.port, vlan: interface.vlan, source: interface.mac, destination: destination,
            mtu: port.mtu, isUp: port.up)
    }

    /// The next hops whose resolution a change of a neighbour, router interface, port or next hop can alter, in ascending order.
    public func nextHops(affectedBy change: TableChange) -> [NextHopID] {
        switch change.new ?? change.old {
        case .nextHop(let entry): return [entry.id]
        case .neighbor(let entry): return nextHopsByNeighbor[entry.key].map { $0.sorted() } ?? []
        case .routerInterface(let entry): return nextHopsByInterface[entry.id].map { $0.sorted() } ?? []
        case .port(let entry):
            return (interfacesByPort[entry.port] ?? []).flatMap { nextHopsByInterface[$0] ?? [] }.sorted()
        default: return []
        }
    }
}
