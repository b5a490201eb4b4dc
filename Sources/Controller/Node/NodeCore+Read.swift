// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension NodeCore {
    private var now: CoarseTime {
        CoarseTime(rawValue: UInt16(truncatingIfNeeded: Engine.now() / 500_000_000))
    }

    func status(now: UInt64) -> NodeStatus {
        let ports = ports()
        var complaints = dataPlane.health().complaints + notices + notInstalled + notRepaired
        for port in ports {
            guard let attachment = port.attachment, let reason = attachment.reason else { continue }
            let mode = attachment.mode.map { "attached as \($0.rawValue) only" } ?? "not attached"
            complaints.append("port \(port.binding.name): \(mode): \(reason)")
        }
        return NodeStatus(
            name: configuration?.node.name ?? "piccolo", dataPlane: dataPlane.capabilities.name,
            uptime: Double(now - started) / 1e9, generation: dataPlane.generation,
            tables: dataPlane.capabilities.tables,
            ports: ports, complaints: complaints, statistics: statistics(now: now), lastSweep: ageing.lastDuration,
            applied: applied, refused: refused, memory: memory(), adoption: adoption, reconciliation: reconciliation,
            card: tiering?.status)
    }

    private func memory() -> MemoryStatus? {
        guard let store else { return nil }
        return MemoryStatus(
            problem: storeProblem, notices: store.notices, revision: revision, amendments: wanted.amendmentCount,
            pending: pending.count)
    }

    func ports() -> [PortStatus] {
        (plan?.bindings ?? []).sorted { $0.port < $1.port }.map { binding in
            PortStatus(
                entry: state.port(binding.port) ?? PortEntry(port: binding.port), binding: binding,
                attachment: attachments.first { $0.port == binding.port },
                learnedMACs: programmer.stations.count(at: binding.port))
        }
    }

    func names() -> NodeNames {
        var vrfs: [VRFID: String] = [.default: "default"]
        for vrf in configuration?.vrfs ?? [] { vrfs[vrf.id] = vrf.name }
        return NodeNames(
            ports: Dictionary((plan?.bindings ?? []).map { ($0.port, $0.name) }) { first, _ in first },
            routerInterfaces: plan?.interfaceNames ?? [:], vrfs: vrfs)
    }

    func statistics(now: UInt64) -> NodeStatistics {
        let capabilities = dataPlane.capabilities
        let health = dataPlane.health()
        return NodeStatistics(
            time: now, flowsUsed: capabilities[.flowCache]?.used ?? 0,
            flowCapacity: capabilities[.flowCache]?.capacity ?? 0,
            macsUsed: capabilities[.mac]?.used ?? 0, verdicts: dataPlane.verdictCounters(),
            programmer: programmer.statistics, flowsAged: flowsAged, flowsStale: flowsStale, macsAged: macsAged,
            sweeps: sweeps, eventsSent: health.eventsSent, eventsRepeated: health.eventsRepeated,
            eventsLost: health.eventsLost)
    }

    func entries(of table: TableID, maximum: Int) -> [EntryRecord] {
        switch table {
        case .flowCache:
            var filter = FlowFilter()
            filter.maximum = maximum
            return flows(filter)
        case .mac:
            var result: [EntryRecord] = []
            let now = now
            let cover = tiering?.cover(state)
            dataPlane.sweepMACs { record in
                guard result.count < maximum else { return .keep }
                let entry = TableEntry.mac(record.entry)
                result.append(
                    EntryRecord(
                        entry: entry,
                        origin: record.entry.isStatic ? wanted.origin(entry.entryKey) ?? .user : .learned,
                        // What stays is not looked after: when its station was last heard of is not known.
                        counter: record.counter,
                        idle: record.entry.isStatic ? nil : seconds(now.ticks(since: record.lastHit)),
                        idleTimeout: record.entry.isStatic ? nil : seconds(FlowAgeing.ticks(ageing.timeouts.mac)),
                        location: cover.flatMap { tiering?.location(of: record.entry, $0) }))
                return .keep
            }
            return result
        case .acl, .ipv4, .ipv6:
            return dataPlane.counters(of: table).prefix(maximum).map { entry, counter in
                EntryRecord(entry: entry, origin: wanted.origin(entry.entryKey) ?? .user, counter: counter)
            }
        default:
            return dataPlane.entries(of: table).prefix(maximum).map { entry in
                EntryRecord(entry: entry, origin: wanted.origin(entry.entryKey) ?? .user)
            }
        }
    }

    /// In the order of dependence.
    func difference() -> [(amendment: Amendment, planned: TableEntry?)] {
        var byRank: [[(Amendment, TableEntry?)]] = Array(repeating: [], count: TableEntry.rankCount)
        wanted.forEachAmendment { amendment in
            byRank[amendment.entry.rank].append((amendment, wanted.planned[amendment.entry.entryKey]))
        }
        return byRank.flatMap { $0.sorted { $0.0.entry.keyText < $1.0.entry.keyText } }
    }

    func flows(_ filter: FlowFilter) -> [EntryRecord] {
        let now = now
        let generation = dataPlane.generation
        /// Kept in ascending order of rank, when an order is asked for.
        var found: [(rank: UInt64, record: FlowRecord)] = []
        dataPlane.sweepFlows { flow in
            guard filter.maximum > 0, filter.matches(flow.entry.key) else { return .keep }
            if case .derived(let other) = flow.entry.origin, other != generation { return .keep }
            let rank: UInt64
            switch filter.order {
            case .storage:
                if found.count < filter.maximum { found.append((0, flow)) }
                return .keep
            case .packets: rank = flow.counter.packets
            case .bytes: rank = flow.counter.bytes
            case .lastHit: rank = UInt64(UInt16.max - now.ticks(since: flow.lastHit))
            }
            if found.count >= filter.maximum {
                guard let least = found.first, rank > least.rank else { return .keep }
                found.removeFirst()
            }
            var low = 0
            var high = found.count
            while low < high {
                let middle = (low + high) / 2
                if found[middle].rank < rank { low = middle + 1 } else { high = middle }
            }
            found.insert((rank, flow), at: low)
            return .keep
        }
        let ordered = filter.order == .storage ? found : found.reversed()
        let cover = tiering?.cover(state)
        return ordered.map { _, flow in
            let key = EntryKey.flow(flow.entry.key)
            let isStatic = flow.entry.origin == .static
            return EntryRecord(
                entry: .flow(flow.entry), origin: isStatic ? wanted.origin(key) ?? .user : .derived,
                counter: flow.counter, idle: seconds(now.ticks(since: flow.lastHit)),
                idleTimeout: isStatic
                    ? idleTimeouts[flow.entry.key].map(seconds) : seconds(timeout(of: flow.entry.key)),
                location: tiering.flatMap { tiering in cover.map { tiering.location(of: flow.entry, $0) } }
                    ?? EntryLocation(place: dataPlane.capabilities.name))
        }
    }

    private func timeout(of key: FlowKey) -> UInt16 {
        switch key.ipProtocol {
        case 6: FlowAgeing.ticks(ageing.timeouts.tcp)
        case 17: FlowAgeing.ticks(ageing.timeouts.udp)
        case 1, 58: FlowAgeing.ticks(ageing.timeouts.icmp)
        default: FlowAgeing.ticks(ageing.timeouts.other)
        }
    }

    /// A negative difference, of clocks not quite together, is no time.
    private func seconds(_ ticks: UInt16) -> Double {
        ticks >= 0xff00 ? 0 : Double(ticks) * Double(CoarseTime.millisecondsPerTick) / 1000
    }
}
