// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// Neighbours, routes and what they send to.
extension ConfigurationAmender {
    private struct NeighborName: Hashable {
        var port: Configuration.RouterPort
        var address: IPAddress
    }

    mutating func amendNeighbors() {
        let before = Dictionary(
            result.neighbors.map { (NeighborName(port: $0.port, address: $0.address), $0) }
        ) { first, _ in first }
        let changed = changes(
            { if case .neighbor(let entry) = $0 { entry } else { nil } },
            orderedBy: { SortKey($0.routerInterface.rawValue, $0.address) }
        ) { amender, entry, amendment throws(CannotSay) -> (NeighborName, Configuration.Neighbor?)? in
            // What was deleted went with its interface, if that is gone.
            if amendment.kind == .deleted, amender.places[entry.routerInterface] == nil { return nil }
            let place = try amender.place(entry.routerInterface)
            try amender.checkForeign(entry.address, at: place)
            let name = NeighborName(port: place.port, address: entry.address)
            // One that the file does not have gets no host route by being written there.
            return (
                name,
                .init(
                    address: entry.address, mac: amendment.kind == .deleted ? nil : entry.mac, port: place.port,
                    makesRoute: before[name]?.makesRoute ?? false, location: Self.here)
            )
        }
        result.neighbors = merge(
            result.neighbors, by: { NeighborName(port: $0.port, address: $0.address) }, changed)
    }

    /// - Throws: if the address is the node's own there.
    private func checkForeign(_ address: IPAddress, at place: Configuration.RouterPlace) throws(CannotSay) {
        if networks.own(address, vrf: place.vrf) != nil {
            throw CannotSay("\(address) is the node's own address, and no neighbor's")
        }
    }

    // MARK: Next hops

    /// A next hop by its number.
    mutating func nextHop(_ id: NextHopID, weight: UInt8 = 1, isIPv6: Bool) throws(CannotSay) -> Configuration.NextHop {
        guard let entry = hops.hop(id) else { throw CannotSay("next hop \(id.rawValue) is not there") }
        let place = try place(entry.routerInterface)
        try checkForeign(entry.neighbor, at: place)
        guard entry.neighbor.isIPv6 == isIPv6 else {
            throw CannotSay("its next hop \(entry.neighbor) is of another family")
        }
        return .init(address: entry.neighbor, weight: weight, port: place.port, location: Self.here)
    }

    /// The members of a group as a route lists them.
    private mutating func nextHops(
        _ members: [NextHopGroupEntry.Member], isIPv6: Bool
    ) throws(CannotSay) -> [Configuration.NextHop] {
        var list: [Configuration.NextHop] = []
        for member in members {
            let hop = try nextHop(member.nextHop, weight: member.weight, isIPv6: isIPv6)
            // Added up, they would get other flows than they have.
            if list.contains(where: { $0.address == hop.address && $0.port == hop.port }) {
                throw CannotSay("its group has \(hop.address) twice")
            }
            list.append(hop)
        }
        return list
    }

    // MARK: Routes

    private struct RouteName: Hashable {
        var vrf: VRFID
        var prefix: IPPrefix
    }

    mutating func amendRoutes() {
        let changed = changes(
            { if case .route(let entry) = $0 { entry } else { nil } },
            orderedBy: { SortKey($0.vrf.rawValue, $0.prefix) }
        ) { amender, entry, amendment throws(CannotSay) in
            try amender.route(entry, isDeleted: amendment.kind == .deleted)
        }
        let names = Set(changed.map(\.0))
        if hops.isChanged { followNextHops(but: names) }
        result.routes = merge(result.routes, by: { RouteName(vrf: $0.vrf, prefix: $0.prefix) }, changed)
        nameHostRoutes()
    }

    private mutating func route(
        _ entry: RouteEntry, isDeleted: Bool
    ) throws(CannotSay) -> (RouteName, Configuration.Route?)? {
        let name = RouteName(vrf: entry.vrf, prefix: entry.prefix)
        func route(_ action: Configuration.Route.Action) -> (RouteName, Configuration.Route?) {
            (name, .init(prefix: entry.prefix, vrf: entry.vrf, action: action, location: Self.here))
        }
        if isDeleted { return mayComeOfItself(entry) ? route(.absent) : (name, nil) }
        let isConnected = networks.list.contains {
            $0.vrf == entry.vrf
                && ($0.address.prefix == entry.prefix || IPPrefix(host: $0.address.address) == entry.prefix)
        }
        if isConnected {
            throw CannotSay("an address of this file is in that network, and its route is the kernel's")
        }
        switch entry.action {
        case .drop: return route(.drop)
        case .kernel: return route(.kernel)
        case .cpu: return route(.cpu)
        case .nextHop(let id): return route(.via([try nextHop(id, isIPv6: entry.prefix.address.isIPv6)]))
        case .group(let id):
            guard let members = hops.members(id) else { throw CannotSay("group \(id.rawValue) is not there") }
            return route(.via(try nextHops(members, isIPv6: entry.prefix.address.isIPv6)))
        }
    }

    /// Whether there would be such a route by an address or a neighbour, if the file had none.
    private func mayComeOfItself(_ entry: RouteEntry) -> Bool {
        if unknownVRFs.contains(entry.vrf) { return true }
        let isHost = IPPrefix(host: entry.prefix.address) == entry.prefix
        return allNetworks.list.contains { network in
            network.vrf == entry.vrf
                && (network.address.prefix == entry.prefix
                    || isHost && network.address.prefix.contains(entry.prefix.address))
        }
    }

    // MARK: Next hops of the file that calls have changed

    /// Gives the file's own routes and flows the next hops that calls have made of theirs.
    private mutating func followNextHops(but amended: Set<RouteName>) {
        for index in result.routes.indices {
            let route = result.routes[index]
            guard case .via(let list) = route.action,
                !amended.contains(RouteName(vrf: route.vrf, prefix: route.prefix))
            else { continue }
            let members = list.compactMap { hop in
                placeNumbers[hop.port].flatMap { hops.number($0, hop.address) }.map {
                    NextHopGroupEntry.Member(nextHop: $0, weight: hop.weight)
                }
            }
            guard members.count == list.count else { continue }
            do throws(CannotSay) {
                let isIPv6 = route.prefix.address.isIPv6
                if members.count == 1 {
                    let hop = try nextHop(members[0].nextHop, weight: members[0].weight, isIPv6: isIPv6)
                    result.routes[index].action = .via([hop])
                } else {
                    let current = hops.group(of: members)
                    result.routes[index].action = .via(try nextHops(current, isIPv6: isIPv6))
                }
            } catch {
                cannotSay(.route(RouteEntry(vrf: route.vrf, prefix: route.prefix, action: .drop)), error.reason)
            }
        }
        for index in result.flows.indices {
            guard case .via(let hop) = result.flows[index].action, let interface = placeNumbers[hop.port],
                let id = hops.number(interface, hop.address)
            else { continue }
            do throws(CannotSay) {
                result.flows[index].action = .via(try nextHop(id, weight: hop.weight, isIPv6: hop.address.isIPv6))
            } catch {
                cannotSay(flowEntry(result.flows[index]), error.reason)
            }
        }
    }

    /// The host route of a neighbour goes where the next hop of its address goes: nothing in a file makes them differ.
    private mutating func nameHostRoutes() {
        for (before, after) in hops.changedHops {
            guard let place = places[before.routerInterface], !before.neighbor.isLinkLocal else { continue }
            let host = RouteEntry(
                vrf: place.vrf, prefix: IPPrefix(host: before.neighbor), action: .nextHop(before.id))
            guard mayComeOfItself(host),
                !result.routes.contains(where: { $0.vrf == host.vrf && $0.prefix == host.prefix })
            else { continue }
            cannotSay(
                .route(host),
                "next hop \(before.id.rawValue) is \(after.neighbor) now, and the route that neighbor \(before.neighbor) "
                    + "has of itself goes there too; in a file it goes to the neighbor")
        }
    }

    mutating func nameUnused() {
        for entry in hops.unused {
            switch entry {
            case .nextHop(let hop):
                cannotSay(entry, "no route or flow of this file uses it (\(hop.neighbor)), and a file has no others")
            default: cannotSay(entry, "no route of this file uses it, and a file has no others")
            }
        }
    }
}

/// Two things to sort by.
struct SortKey<First: Comparable, Second: Comparable>: Comparable {
    var first: First
    var second: Second

    init(_ first: First, _ second: Second) { (self.first, self.second) = (first, second) }

    static func < (a: Self, b: Self) -> Bool { (a.first, a.second) < (b.first, b.second) }
}
