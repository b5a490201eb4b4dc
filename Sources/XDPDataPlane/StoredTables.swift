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
        let index = Int(port.rawValue)
        let entry = state.port(port)
        var head: UInt64 = 0
        if let entry {
            var flags = UInt32(0)
            if entry.admit { flags |= UInt32(FP_PORT_ADMIT) }
            if entry.mode == .switched { flags |= UInt32(FP_PORT_SWITCHED) }
            if entry.malformed == .kernel { flags |= UInt32(FP_PORT_MALFORMED_TO_KERNEL) }
            if entry.learnFlows { flags |= UInt32(FP_PORT_LEARN_FLOWS) }
            if entry.learnMACs { flags |= UInt32(FP_PORT_LEARN_MACS) }
            if entry.up { flags |= UInt32(FP_PORT_UP) }
            flags |= UInt32(FP_PORT_CONFIGURED)
            head = UInt64(flags) | UInt64(entry.pvid.rawValue) << 32 | UInt64(entry.mtu) << 48
        }
        prepareFlip(.port(port))
        let bank = 1 - (portBanks[port] ?? 0)
        let record = index + Int(bank) * Int(FP_MAX_PORTS)
        let stations = state.stations(of: port)
        withUnsafeMutableBytes(of: &fastPath.ports[record].stations) { bytes in
            let list = bytes.bindMemory(to: fp_station.self)
            for place in list.indices {
                guard place < stations.count, let interface = state.routerInterface(stations[place].routerInterface)
                else {
                    list[place] = fp_station()
                    continue
                }
                let station = stations[place]
                list[place] = fp_station(
                    mac: station.mac.rawValue, mask: station.macMask.rawValue, vlan: station.vlan?.rawValue ?? 0,
                    rif: station.routerInterface.rawValue, vrf: interface.vrf.rawValue,
                    any_vlan: station.vlan == nil ? 1 : 0)
            }
        }
        memory_store_release64(&fastPath.ports[record].head, head)
        portBanks[port] = bank
        for (interface, bound) in interfaceSlots where bound.port == port {
            memory_store_release64(fastPath.interfaces + bound.slot, fp_interface_slot(interface, UInt32(record)))
        }
        memory_store_release64(&fastPath.ports[index + Int(1 - bank) * Int(FP_MAX_PORTS)].head, head)
    }

    // MARK: VLANs

    private func programVLAN(_ vlan: VLANID) {
        prepareFlip(.vlan(vlan.rawValue))
        let record = fastPath.vlans + Int(vlan.rawValue)
        var half = fp_vlan_members()
        if let entry = state.vlan(vlan) {
            for port in entry.tagged { half.members |= 1 << UInt64(port.rawValue) }
            for port in entry.untagged {
                half.members |= 1 << UInt64(port.rawValue)
                half.untagged |= 1 << UInt64(port.rawValue)
            }
            half.unknown_unicast = entry.unknownUnicast.rawValue
            half.broadcast = entry.broadcast.rawValue
            half.multicast = entry.multicast.rawValue
        }
        let next = 1 - record.pointee.state
        if next == 0 { record.pointee.half.0 = half } else { record.pointee.half.1 = half }
        memory_store_release64(&record.pointee.state, next)
    }

    // MARK: Next hops

    private func addNextHop(_ id: NextHopID) throws(TableError) {
        if let slot = nextHopSlots[id] {
            retiredNextHops.remove(slot)
            return
        }
        if nextHopIDs.count == Int(FP_MAX_NEXTHOPS), freeNextHops.isEmpty { recycleNextHops() }
        if let slot = freeNextHops.popLast() {
            nextHopIDs[Int(slot)] = id
            nextHopSlots[id] = slot
        } else if nextHopIDs.count < Int(FP_MAX_NEXTHOPS) {
            nextHopSlots[id] = UInt32(nextHopIDs.count)
            nextHopIDs.append(id)
        } else {
            throw .tableFull(table: .nextHop, capacity: Int(FP_MAX_NEXTHOPS))
        }
    }

    private func retireNextHop(_ id: NextHopID) {
        nextHopCache.forget(id)
        if let slot = nextHopSlots[id] { retiredNextHops.insert(slot) }
        nextHopCache.clear()
    }

    /// All slots are used up: takes back those of deleted next hops, with the derived flows that still name them.
    private func recycleNextHops() {
        // What a program that is being tried has replaced may come back, with flows that name these slots.
        guard !retiredNextHops.isEmpty, pendingReplacement == nil else { return }
        sweepFlows { record in
            guard case .nextHop(let id) = record.entry.action, let slot = nextHopSlots[id] else { return .keep }
            return retiredNextHops.contains(slot) ? .remove : .keep
        }
        waitForReaders()
        for slot in retiredNextHops { nextHopSlots[nextHopIDs[Int(slot)]] = nil }
        freeNextHops = Array(retiredNextHops)
        retiredNextHops.removeAll()
        nextHopCache.clear()
    }

    private func programNextHops(_ change: TableChange) {
        var affected = state.nextHops(affectedBy: change)
        // An entry that moved concerns what it was before as well.
        if let old = change.old, change.new != nil {
            affected += state.nextHops(affectedBy: TableChange(table: change.table, old: old, new: nil))
        }
        for id in affected { programNextHop(id) }
    }

    /// Writes the rewrite that is not in force and then, with one store, the state that puts it in force.
    private func programNextHop(_ id: NextHopID) {
        guard let slot = nextHopSlots[id] else { return }
        let record = fastPath.nextHops + Int(slot)
        let old = record.pointee.state
        guard let resolved = state.resolve(id) else {
            memory_store_release64(&record.pointee.state, old & UInt64(FP_NEXTHOP_SECOND))
            return
        }
        let rewrite = fp_rewrite(resolved)
        let down: UInt64 = resolved.isUp ? 0 : UInt64(FP_NEXTHOP_PORT_DOWN)
        let inForce = old & UInt64(FP_NEXTHOP_SECOND) == 0 ? record.pointee.rewrite.0 : record.pointee.rewrite.1
        if rewrite == inForce {
            memory_store_release64(
                &record.pointee.state, old & UInt64(FP_NEXTHOP_SECOND) | UInt64(FP_NEXTHOP_RESOLVED) | down)
            return
        }
        prepareFlip(.nextHop(slot))
        let second = old & UInt64(FP_NEXTHOP_SECOND) == 0
        if second { record.pointee.rewrite.1 = rewrite } else { record.pointee.rewrite.0 = rewrite }
        memory_store_release64(
            &record.pointee.state, (second ? UInt64(FP_NEXTHOP_SECOND) : 0) | UInt64(FP_NEXTHOP_RESOLVED) | down)
    }

    // MARK: Groups and routes

    private func programGroup(_ entry: NextHopGroupEntry, isGone: Bool) throws(TableError) {
        if isGone {
            if let slot = groupSlots.removeValue(forKey: entry.id) { groupPool.giveBack(slot) }
            return
        }
        var slot = groupSlots[entry.id] ?? groupPool.take()
        if slot == nil, groupPool.isWaiting {
            waitForReaders()
            slot = groupPool.take()
        }
        guard let slot else { throw .tableFull(table: .nextHopGroup, capacity: Int(FP_MAX_NEXTHOP_GROUPS)) }
        groupSlots[entry.id] = slot
        let buckets = state.buckets(of: entry.id)
        withUnsafeMutableBytes(of: &fastPath.groups[Int(slot)].bucket) { bytes in
            let words = bytes.bindMemory(to: UInt32.self)
            for (place, member) in buckets.enumerated() { words[place] = nextHopSlots[member] ?? 0 }
        }
    }

    private func word(of action: RouteEntry.Action) -> ActionWord {
        switch action {
        case .nextHop(let id): ActionWord(.forward, index: nextHopSlots[id] ?? 0)
        case .group(let id): ActionWord(.forward, index: groupSlots[id] ?? 0, flags: ActionWord.permitOrGroup)
        case .drop: ActionWord(.drop)
        case .kernel: ActionWord(.kernel)
        case .cpu: ActionWord(.cpu)
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
            memory_store_release64(&fastPath.routes[Int(record)].action, word(of: route.action).rawValue)
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
        fastPath.routes[Int(record)].count = 0
        fastPath.routeSpills[Int(record)] = fp_counter()
        memory_store_release64(&fastPath.routes[Int(record)].action, word(of: route.action).rawValue)
        routeChanges.append((key, record))
    }

    // MARK: ACL

    private func programACL(_ entry: ACLEntry, _ change: TableChange) throws(TableError) {
        if change.new == nil {
            if let counter = aclCounterSlots.removeValue(forKey: entry.id) { aclCounterPool.giveBack(counter) }
        } else if change.old == nil {
            var counter = aclCounterPool.take()
            if counter == nil, aclCounterPool.isWaiting {
                writeACL()
                waitForReaders()
                counter = aclCounterPool.take()
            }
            guard let counter else { throw .tableFull(table: .acl, capacity: state.capacity(of: .acl)) }
            fastPath.aclCounters[Int(counter)] = fp_counter()
            aclCounterSlots[entry.id] = counter
        }
        aclIsStale = true
    }

    /// Writes the whole list into the bank that is not in force, then puts it in force.
    func writeACL() {
        prepareFlip(.acl)
        let bank = 1 - fastPath.settings.pointee.acl >> 31
        let rules = fastPath.acl + Int(bank) * Int(FP_MAX_ACL_RULES)
        let entries = state.acl
        for (place, entry) in entries.enumerated() {
            rules[place] = ACLCompiler.rule(entry, counter: aclCounterSlots[entry.id] ?? .max)
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

extension fp_rewrite: @retroactive Equatable {
    init(_ resolved: ResolvedNextHop) {
        self.init()
        func bytes(_ mac: MACAddress) -> (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) {
            func byte(_ shift: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: mac.rawValue >> shift) }
            return (byte(40), byte(32), byte(24), byte(16), byte(8), byte(0))
        }
        destination = bytes(resolved.destination)
        source = bytes(resolved.source)
        vlan = resolved.vlan.rawValue
        port = resolved.egressPort.rawValue
        mtu = resolved.mtu
    }

    public static func == (a: fp_rewrite, b: fp_rewrite) -> Bool {
        withUnsafeBytes(of: a) { a in withUnsafeBytes(of: b) { b in a.elementsEqual(b) } }
    }
}
