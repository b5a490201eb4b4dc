// SPDX-License-Identifier: Apache-2.0
import Packet

// How entries are kept, and the indexes derived from them.

extension MyStationEntry {
    var key: TableState.StationKey {
        .init(port: port, vlan: vlan, mac: mac, macMask: macMask, priority: priority)
    }
}

extension NeighborEntry {
    var key: TableState.NeighborKey { .init(routerInterface: routerInterface, address: address) }
}

extension NextHopEntry {
    var neighborKey: TableState.NeighborKey { .init(routerInterface: routerInterface, address: neighbor) }
}

extension TableState {
    /// Takes a stored entry out of the indexes.
    mutating func unlink(_ old: TableEntry) {
        switch old {
        case .routerInterface(let entry):
            interfacesByPort[entry.port]?.remove(entry.id)
        case .nextHop(let entry):
            nextHopsByInterface[entry.routerInterface]?.remove(entry.id)
            nextHopsByNeighbor[entry.neighborKey]?.remove(entry.id)
            if nextHopsByNeighbor[entry.neighborKey]?.isEmpty == true { nextHopsByNeighbor[entry.neighborKey] = nil }
        case .nextHopGroup(let entry):
            buckets[entry.id] = nil
        case .myStation(let entry):
            stationsByInterface[entry.routerInterface]?.remove(entry.key)
        case .acl(let entry):
            if let index = ruleIndex(id: entry.id) { rules.remove(at: index) }
            aclPriority[entry.id] = nil
        default: break
        }
    }

    /// Removes an unlinked entry.
    mutating func remove(_ old: TableEntry) {
        switch old {
        case .port(let entry): ports[entry.port] = nil
        case .vlan(let entry): vlans[entry.vlan] = nil
        case .myStation(let entry):
            stationEntries[entry.key] = nil
            listStations(of: entry.port)
        case .routerInterface(let entry): routerInterfaces[entry.id] = nil
        case .neighbor(let entry): neighbors[entry.key] = nil
        case .nextHop(let entry): nextHops[entry.id] = nil
        case .nextHopGroup(let entry): groups[entry.id] = nil
        case .route(let entry): routes[entry.vrf, entry.prefix] = nil
        case .acl, .flow, .mac: break
        }
    }

    /// Stores an entry, in place of the unlinked one of its key if there is one, and enters it in the indexes.
    mutating func store(_ new: TableEntry) {
        switch new {
        case .port(let entry): ports[entry.port] = Held(entry: entry, users: ports[entry.port]?.users ?? 0)
        case .vlan(let entry): vlans[entry.vlan] = entry
        case .myStation(let entry):
            stationEntries[entry.key] = entry
            stationsByInterface[entry.routerInterface, default: []].insert(entry.key)
            listStations(of: entry.port)
        case .routerInterface(let entry):
            routerInterfaces[entry.id] = Held(entry: entry, users: routerInterfaces[entry.id]?.users ?? 0)
            interfacesByPort[entry.port, default: []].insert(entry.id)
        case .neighbor(let entry): neighbors[entry.key] = entry.mac
        case .nextHop(let entry):
            nextHops[entry.id] = Held(entry: entry, users: nextHops[entry.id]?.users ?? 0)
            nextHopsByInterface[entry.routerInterface, default: []].insert(entry.id)
            nextHopsByNeighbor[entry.neighborKey, default: []].insert(entry.id)
        case .nextHopGroup(let entry):
            groups[entry.id] = Held(entry: entry, users: groups[entry.id]?.users ?? 0)
            buckets[entry.id] = entry.buckets
        case .route(let entry): routes[entry.vrf, entry.prefix] = entry
        case .acl(let entry):
            rules.insert(entry, at: position(priority: entry.priority, id: entry.id))
            aclPriority[entry.id] = entry.priority
        case .flow, .mac: break
        }
    }

    /// Where a rule stands, or would stand, in the order of search.
    private func position(priority: UInt32, id: UInt32) -> Int {
        var (low, high) = (0, rules.count)
        while low < high {
            let middle = (low + high) / 2
            let rule = rules[middle]
            if rule.priority > priority || (rule.priority == priority && rule.id < id) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    private func ruleIndex(id: UInt32) -> Int? {
        aclPriority[id].map { position(priority: $0, id: id) }
    }

    func rule(id: UInt32) -> ACLEntry? { ruleIndex(id: id).map { rules[$0] } }

    private mutating func listStations(of port: PortID?) {
        let concerned = port.map { [$0] } ?? (0...PortID.maximum).map { PortID(rawValue: $0) }
        for port in concerned {
            stationLists[Int(port.rawValue)] = stationEntries.values
                .filter { $0.port == nil || $0.port == port }
                .sorted(by: MyStationEntry.isConsultedBefore)
        }
    }

    func tooManyStations(with station: MyStationEntry) -> TableError? {
        let concerned = station.port.map { [$0] } ?? (0...PortID.maximum).map { PortID(rawValue: $0) }
        guard let full = concerned.first(where: { stationLists[Int($0.rawValue)].count >= stationsPerPort }) else {
            return nil
        }
        return .unsupported(
            table: .myStation, entry: TableEntry.myStation(station).keyText,
            why: "port \(full.rawValue) has \(stationsPerPort) stations that concern it already, the most there can be")
    }
}

extension MyStationEntry {
    /// The order in which a port's stations are consulted: by priority, then those that say more first, then by address.
    static func isConsultedBefore(_ a: Self, _ b: Self) -> Bool {
        if a.priority != b.priority { return a.priority > b.priority }
        if (a.port == nil) != (b.port == nil) { return a.port != nil }
        if (a.vlan == nil) != (b.vlan == nil) { return a.vlan != nil }
        if a.mac != b.mac { return a.mac < b.mac }
        if a.macMask != b.macMask { return a.macMask < b.macMask }
        // Two entries that differ only in their VLANs never match the same frame; any order will do, so long as it is one.
        return (a.vlan ?? .untagged) < (b.vlan ?? .untagged)
    }
}
