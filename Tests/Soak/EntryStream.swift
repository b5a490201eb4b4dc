// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Changes of entries by a user, one batch after another, at random among a fixed number of places: what is not there is
/// inserted, what is there is modified or deleted. None concerns the packets of the established flows.
struct EntryStream: Sendable {
    enum Kind: Sendable, Hashable {
        /// Static flows, stations and neighbours: learned flows stay valid.
        case quiet
        /// Routes, next hops, groups and ACL entries: each batch makes all learned flows be learned again.
        case policy
    }

    private let kind: Kind
    private let interface: RouterInterfaceID
    private let nextHop: NextHopID
    private var random: SeededRandom
    /// What is at each place: the entries that come and go together.
    private var places: [Int: [TableEntry]] = [:]
    private var version: UInt64
    private var batches = 0

    /// - Parameters:
    ///   - interface: of port 3, where none of the flows comes or goes.
    ///   - nextHop: some next hop behind it.
    init(_ kind: Kind, interface: RouterInterfaceID, nextHop: NextHopID, present: Set<TableEntry>, seed: UInt64) {
        (self.kind, self.interface, self.nextHop) = (kind, interface, nextHop)
        random = SeededRandom(seed: seed, stream: kind == .quiet ? 1 : 2)
        version = random.next() & 0xff
        for entry in present { if let place = place(of: entry) { places[place, default: []].append(entry) } }
        places = places.mapValues { $0.sorted { Self.rank($0) < Self.rank($1) } }
    }

    /// The next batch: what it changes, and the updates that do so.
    mutating func next() -> (change: Books.Change, updates: [TableUpdate]) {
        batches += 1
        version += 1
        let count = kind == .quiet ? 300 : 120
        let size = Int.random(in: 1...(kind == .quiet ? 60 : 12), using: &random)
        var change = Books.Change(
            "batch \(batches) of \(kind == .quiet ? "quiet" : "policy") entries", comes: [], goes: [])
        var updates: [TableUpdate] = []
        for place in Set((0..<size).map { _ in Int.random(in: 0..<count, using: &random) }).sorted() {
            let old = places[place] ?? []
            let new = entries(at: place)
            if old.isEmpty {
                updates += new.map { .insert($0) }
                change.comes.formUnion(new)
                places[place] = new
            } else if Bool.random(using: &random), old.count == new.count {
                let changed = zip(old, new).filter { $0 != $1 }
                updates += changed.map { .modify($1) }
                change.goes.formUnion(changed.map(\.0))
                change.comes.formUnion(changed.map(\.1))
                places[place] = new
            } else {
                updates += old.reversed().map { .delete($0) }
                change.goes.formUnion(old)
                places[place] = nil
            }
        }
        return (change, updates)
    }

    // MARK: Places

    private static let ownNetwork: UInt32 = 0xc000_0200  // 192.0.2.0
    private static let routes: UInt32 = 0xcb00_7100  // 203.0.113.0
    private static let routes6: UInt64 = 0x2001_0db8_0071_0000
    private static let firstRule: UInt32 = 1000
    private static let firstNextHop: UInt32 = 1_000_000
    private static let firstGroup: UInt32 = 5000
    private static let stations: UInt64 = 0x0200_0000_aa00
    private static let neighbors: UInt32 = 0x0a00_0300 + 32  // 10.0.3.32

    /// What belongs to a place, in the present version; in the order of insertion.
    private func entries(at place: Int) -> [TableEntry] {
        kind == .quiet ? [quiet(place)] : policy(place)
    }

    private func quiet(_ place: Int) -> TableEntry {
        let choice = Int(version % 3)
        switch place % 3 {
        case 0:
            let station = MACAddress(rawValue: Self.stations + UInt64(place))
            let action: MACEntry.Action = [.drop, .kernel, .cpu][choice]
            return .mac(MACEntry(vlan: VLANID(rawValue: 1), mac: station, action: action, isStatic: true))
        case 1 where place < 180:
            let address = IPAddress.v4(IPv4Address(rawValue: Self.neighbors + UInt32(place / 3)))
            return .neighbor(
                NeighborEntry(
                    routerInterface: interface, address: address,
                    mac: MACAddress(rawValue: 0x0200_0000_bb00 + version & 0xff)))
        default:
            let source = IPAddress.v4(IPv4Address(rawValue: Self.ownNetwork + UInt32(place % 200)))
            let key = FlowKey(
                routerInterface: interface, source: source,
                destination: .v4(IPv4Address(rawValue: SoakRoutes.behind4 + 251)), ipProtocol: IPProtocol.udp,
                sourcePort: UInt16(7000 + place), destinationPort: 9)
            let action: ForwardingAction = [.drop, .kernel, .nextHop(nextHop)][choice]
            return .flow(FlowEntry(key: key, action: action))
        }
    }

    private func policy(_ place: Int) -> [TableEntry] {
        let choice = Int(version % 3)
        switch place % 4 {
        case 0:
            var match = ACLEntry.Match()
            match.source = IPPrefix(host: .v4(IPv4Address(rawValue: Self.ownNetwork + UInt32(place))))
            match.ipProtocol = IPProtocol.udp
            let action: ACLEntry.Action = [.drop, .kernel, .permit][choice]
            return [
                .acl(
                    ACLEntry(
                        id: Self.firstRule + UInt32(place), priority: UInt32(100 + place), match: match, action: action)
                )
            ]
        case 1:
            // A path of its own: next hop, group and a route by it.
            let id = NextHopID(rawValue: Self.firstNextHop + UInt32(place))
            let group = NextHopGroupID(rawValue: Self.firstGroup + UInt32(place))
            let neighbor = IPAddress.v4(IPv4Address(rawValue: Self.neighbors + UInt32(place)))
            let members = [
                NextHopGroupEntry.Member(nextHop: id, weight: UInt8(choice + 1)), .init(nextHop: nextHop),
            ]
            return [
                .nextHop(NextHopEntry(id: id, routerInterface: interface, neighbor: neighbor)),
                .nextHopGroup(NextHopGroupEntry(id: group, members: members)),
                .route(RouteEntry(prefix: prefix(place), action: .group(group))),
            ]
        default:
            let action: RouteEntry.Action = [.drop, .kernel, .nextHop(nextHop)][choice]
            return [.route(RouteEntry(prefix: prefix(place), action: action))]
        }
    }

    private func prefix(_ place: Int) -> IPPrefix {
        place % 2 == 0
            ? IPPrefix(host: .v6(IPv6Address(high: Self.routes6, low: UInt64(place))))
            : IPPrefix(host: .v4(IPv4Address(rawValue: Self.routes + UInt32(place))))
    }

    /// The place an entry belongs to; nil for those of others.
    private func place(of entry: TableEntry) -> Int? {
        func offset<T: FixedWidthInteger>(_ value: T, _ first: T, _ count: T) -> Int? {
            value >= first && value - first < count ? Int(value - first) : nil
        }
        func low(_ address: IPAddress) -> UInt32? {
            if case .v4(let address) = address { address.rawValue } else { nil }
        }
        switch (kind, entry) {
        case (.quiet, .mac(let mac)): return offset(mac.mac.rawValue, Self.stations, 0x1000)
        case (.quiet, .neighbor(let neighbor)):
            return low(neighbor.address).flatMap { offset($0, Self.neighbors, 60) }.map { $0 * 3 + 1 }
        case (.quiet, .flow(let flow)):
            guard flow.key.routerInterface == interface, flow.key.destinationPort == 9 else { return nil }
            return offset(flow.key.sourcePort, 7000, 1000)
        case (.policy, .acl(let rule)): return offset(rule.id, Self.firstRule, 1000)
        case (.policy, .nextHop(let nextHop)): return offset(nextHop.id.rawValue, Self.firstNextHop, 1000)
        case (.policy, .nextHopGroup(let group)): return offset(group.id.rawValue, Self.firstGroup, 1000)
        case (.policy, .route(let route)):
            switch route.prefix.address {
            case .v4(let address): return offset(address.rawValue, Self.routes, 256)
            case .v6(let address): return address.high == Self.routes6 ? Int(address.low) : nil
            }
        default: return nil
        }
    }

    private static func rank(_ entry: TableEntry) -> Int {
        switch entry {
        case .nextHop: 0
        case .nextHopGroup: 1
        default: 2
        }
    }
}
