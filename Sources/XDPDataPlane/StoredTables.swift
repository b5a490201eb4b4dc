// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux
import Packet
import Tables

// The tables `TableState` holds, written into records: every change is first made there, then turned into the
// records it concerns. Where many changes end in one record (an ACL bank, a port's stations, the prefix tree), the
// record is written once, by `publish` at the end of a batch.
extension XDPDataPlane {
    func writeStored(_ update: TableUpdate) -> UpdateResult {
        if let error = noRoom(for: update) { return .rejected(error) }
        let change: TableChange
        do { change = try state.apply(update) } catch { return .rejected(error) }
        if Self.concernsPolicy(change) { openPolicy() }
        do {
            try program(change)
        } catch {
            state.revert(change)
            return .rejected(error)
        }
        return .applied
    }

    /// Routes of both families share records and tree.
    private func noRoom(for update: TableUpdate) -> TableError? {
        guard update.operation == .insert, case .route = update.entry else { return nil }
        let used = state.count(of: .ipv4) + state.count(of: .ipv6)
        guard used >= configuration.routes, state.stored(update.entry) == nil else { return nil }
        return .tableFull(table: update.entry.table, capacity: configuration.routes)
    }

    /// Whether derived entries can depend on what a change changes. Not: what is looked at packet by packet, and new things that
    /// nothing refers to yet.
    private static func concernsPolicy(_ change: TableChange) -> Bool {
        switch change.table {
        case .neighbor, .vlan, .flowCache, .mac: false
        case .nextHop, .nextHopGroup, .routerInterface: change.old != nil
        case .port:
            if case .port(let old)? = change.old, case .port(let new)? = change.new {
                (old.mode, old.pvid) != (new.mode, new.pvid)
            } else {
                change.old != nil
            }
        case .ipv4, .ipv6, .acl, .myStation: true
        }
    }

    private func program(_ change: TableChange) throws(TableError) {
        switch change.new ?? change.old {
        case .port(let entry):
            stalePorts.insert(entry.port)
            countedPorts.insert(entry.port.rawValue)
            programNextHops(change)
        case .vlan(let entry): programVLAN(entry.vlan)
        case .myStation(let entry):
            if let port = entry.port { stalePorts.insert(port) } else { markAllPorts() }
            if case .myStation(let old) = change.old, old.port == nil { markAllPorts() }
        case .routerInterface(let entry):
            knownRouterInterfaces[Int(entry.id.rawValue)] = change.new != nil
            markAllPorts()
            programNextHops(change)
        case .neighbor: programNextHops(change)
        case .nextHop(let entry):
            if change.old == nil { try addNextHop(entry.id) }
            programNextHops(change)
            if change.new == nil { retireNextHop(entry.id) }
        case .nextHopGroup(let entry): try programGroup(entry, isGone: change.new == nil)
        case .route: try programRoute(change)
        case .acl(let entry): try programACL(entry, change)
        case .flow, .mac, nil: break
        }
    }

    private func markAllPorts() { stalePorts.formUnion(state.entries(of: .port).compactMap(\.portID)) }

    /// Writes what a batch has left to be written once.
    func publish() {
        for port in stalePorts { programPort(port) }
        stalePorts.removeAll(keepingCapacity: true)
        if aclIsStale { writeACL() }
        publishRoutes()
    }

    // MARK: Ports and stations

    /// Writes a port's head, in both records, and its stations, in the record that is not in force; then puts that one in force.
    func programPort(_ port: PortID) {
        prepareFlip(.port(port))
        let wanted = record(of: port)
        let former = recordInForce(port)
        let bank = 1 - (portBanks[port] ?? 0)
        portBanks[port] = bank
        let next = recordInForce(port)
        fastPath.ports[next].stations = wanted.stations
        memory_store_release64(&fastPath.ports[next].head, wanted.head)
        for (interface, bound) in interfaceSlots where bound.port == port {
            memory_store_release64(fastPath.interfaces + bound.slot, fp_interface_slot(interface, UInt32(next)))
        }
        memory_store_release64(&fastPath.ports[former].head, wanted.head)
    }

    // MARK: VLANs

    func programVLAN(_ vlan: VLANID) {
        prepareFlip(.vlan(vlan.rawValue))
        let record = fastPath.vlans + Int(vlan.rawValue)
        let half = members(of: vlan)
        let isFirst = record.pointee.state == 0
        if isFirst { record.pointee.half.1 = half } else { record.pointee.half.0 = half }
        memory_store_release64(&record.pointee.state, isFirst ? 1 : 0)
    }

    // MARK: Groups and routes

    func programGroup(_ entry: NextHopGroupEntry, isGone: Bool) throws(TableError) {
        if isGone {
            if let slot = groupSlots.removeValue(forKey: entry.id) { groupPool.giveBack(slot) }
            return
        }
        var slot = groupSlots[entry.id] ?? groupPool.take()
        if slot == nil, groupPool.isWaiting {
            publishRoutes()
            waitForReaders()
            slot = groupPool.take()
        }
        guard let slot else { throw .tableFull(table: .nextHopGroup, capacity: Int(FP_MAX_NEXTHOP_GROUPS)) }
        groupSlots[entry.id] = slot
        writeBuckets(of: entry.id, slot)
    }

    /// A packet looks at one bucket: each is stored by itself.
    func writeBuckets(of group: NextHopGroupID, _ slot: UInt32) {
        var wanted = buckets(of: group)
        withUnsafeBytes(of: &wanted.bucket) { wanted in
            withUnsafeMutableBytes(of: &fastPath.groups[Int(slot)].bucket) { bytes in
                let words = bytes.bindMemory(to: UInt32.self)
                for (place, word) in wanted.bindMemory(to: UInt32.self).enumerated() where words[place] != word {
                    memory_store_release32(&words[place], word)
                }
            }
        }
    }

    func programRoute(_ change: TableChange) throws(TableError) {
        guard case .route(let route) = change.new ?? change.old else { return }
        let key = RouteKey(vrf: route.vrf, prefix: route.prefix)
        if change.new == nil {
            guard let record = routeRecords.removeValue(forKey: key) else { return }
            routeChanges.append((key, nil))
            routePool.giveBack(record)
            return
        }
        if let record = routeRecords[key] {
            memory_store_release64(&fastPath.routes[Int(record)].action, word(of: route))
            return
        }
        var record = routePool.take()
        if record == nil, routePool.isWaiting {
            publishRoutes()
            waitForReaders()
            record = routePool.take()
        }
        guard let record else { throw .tableFull(table: route.prefix.table, capacity: configuration.routes) }
        routeRecords[key] = record
        writeRecord(record, route)
        routeChanges.append((key, record))
    }

    /// Makes a record that no packet finds yet a route's.
    func writeRecord(_ record: UInt32, _ route: RouteEntry) {
        fastPath.routes[Int(record)].count = 0
        fastPath.routeSpills[Int(record)] = fp_counter()
        memory_store_release64(&fastPath.routes[Int(record)].action, word(of: route))
    }

    // MARK: ACL

    private func programACL(_ entry: ACLEntry, _ change: TableChange) throws(TableError) {
        if change.new == nil {
            if let counter = aclCounterSlots.removeValue(forKey: entry.id) { aclCounterPool.giveBack(counter) }
        } else if change.old == nil {
            guard let counter = takeCounter() else {
                throw .tableFull(table: .acl, capacity: state.capacity(of: .acl))
            }
            aclCounterSlots[entry.id] = counter
        }
        aclIsStale = true
    }

    /// A rule's counter, at zero. There are twice as many as rules.
    func takeCounter() -> UInt32? {
        var counter = aclCounterPool.take()
        if counter == nil, aclCounterPool.isWaiting {
            writeACL()
            waitForReaders()
            counter = aclCounterPool.take()
        }
        if let counter { fastPath.aclCounters[Int(counter)] = fp_counter() }
        return counter
    }

    /// An ACL entry as the programs compare with it.
    func rule(_ entry: ACLEntry) -> fp_acl_rule { ACLCompiler.rule(entry, counter: aclCounterSlots[entry.id] ?? .max) }

    /// Writes the whole list into the bank that is not in force, then puts it in force.
    func writeACL() {
        prepareFlip(.acl)
        let bank = 1 - fastPath.settings.pointee.acl >> 31
        let rules = fastPath.acl + Int(bank) * Int(FP_MAX_ACL_RULES)
        let entries = state.acl
        for (place, entry) in entries.enumerated() {
            rules[place] = rule(entry)
        }
        memory_store_release32(&fastPath.settings.pointee.acl, bank << 31 | UInt32(entries.count))
        aclIsStale = false
    }

    // MARK: Counters

    public func counters(of table: TableID) -> [(entry: TableEntry, counter: Counter)] {
        switch table {
        case .acl:
            return state.acl.map { entry in
                let counter = aclCounterSlots[entry.id].map { fastPath.aclCounters[Int($0)] } ?? fp_counter()
                return (.acl(entry), Counter(packets: counter.packets, bytes: counter.bytes))
            }
        case .ipv4, .ipv6:
            return state.entries(of: table).map { entry in
                guard case .route(let route) = entry,
                    let record = routeRecords[RouteKey(vrf: route.vrf, prefix: route.prefix)]
                else { return (entry, Counter()) }
                let packed = fastPath.routes[Int(record)].count
                let spill = fastPath.routeSpills[Int(record)]
                return (
                    entry,
                    Counter(
                        packets: spill.packets + packed >> UInt64(FP_COUNT_PACKET_SHIFT),
                        bytes: spill.bytes + packed & ((1 << UInt64(FP_COUNT_PACKET_SHIFT)) - 1))
                )
            }
        default: return []
        }
    }
}

extension TableEntry {
    fileprivate var portID: PortID? {
        if case .port(let entry) = self { entry.port } else { nil }
    }
}

extension IPPrefix {
    fileprivate var table: TableID {
        switch address {
        case .v4: .ipv4
        case .v6: .ipv6
        }
    }
}
