// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// What is counted in two places, as one.
extension TieredDataPlane {
    public func entries(of table: TableID) -> [TableEntry] { back.entries(of: table) }

    public func sweepFlows(_ visit: (borrowing FlowRecord) -> SweepDecision) {
        readCounts()
        guard !counts.isEmpty else {
            var gone: [TableUpdate] = []
            back.sweepFlows { flow in
                guard visit(flow) == .remove else { return .keep }
                if flow.entry.origin == .static { gone.append(.delete(.flow(flow.entry))) }
                return .remove
            }
            return tell(gone)
        }
        let stations = back.entries(of: .myStation).compactMap { entry -> MyStationEntry? in
            if case .myStation(let station) = entry { station } else { nil }
        }
        let hidden = HiddenFlows(counts.placements, stations: stations, now: now)
        var gone: [TableUpdate] = []
        var met: Set<OffloadSubject> = []
        // Once for the sweep: read through `self`, all its storage would be retained and released for each flow.
        let known = counts
        back.sweepFlows { flow in
            var record = copy flow
            let sum = known.sum(of: flow.entry.key)
            if let sum {
                record.counter.packets += sum.packets
                record.lastHit = later(record.lastHit, sum.lastHit)
            }
            if flow.entry.origin == .static, let hit = hidden.lastHit(of: flow.entry) {
                record.lastHit = later(record.lastHit, hit)
            }
            guard visit(record) == .remove else {
                if sum != nil { met.insert(.flow(flow.entry.key)) }
                return .keep
            }
            if flow.entry.origin == .static { gone.append(.delete(.flow(flow.entry))) }
            return .remove
        }
        counts.keep(met) { if case .flow = $0 { true } else { false } }
        tell(gone)
    }

    public func sweepMACs(_ visit: (borrowing MACRecord) -> SweepDecision) {
        readCounts()
        var gone: [TableUpdate] = []
        var met: Set<OffloadSubject> = []
        back.sweepMACs { station in
            var record = copy station
            let sum = counts.sum(of: station.entry.vlan, station.entry.mac)
            if let sum {
                record.counter.packets += sum.packets
                record.lastHit = later(record.lastHit, sum.lastSeen)
            }
            guard visit(record) == .remove else {
                if sum != nil { met.insert(.station(station.entry.vlan, station.entry.mac)) }
                return .keep
            }
            // The front decides by it.
            gone.append(.delete(.mac(station.entry)))
            return .remove
        }
        counts.keep(met) { if case .station = $0 { true } else { false } }
        tell(gone)
    }

    private func later(_ one: CoarseTime, _ other: CoarseTime?) -> CoarseTime {
        guard let other else { return one }
        // Clocks may be a little apart: what is ahead of now is now.
        func age(_ time: CoarseTime) -> UInt16 { now.ticks(since: time) >= 0xff00 ? 0 : now.ticks(since: time) }
        return age(other) < age(one) ? other : one
    }

    public func counters(of table: TableID) -> [(entry: TableEntry, counter: Counter)] {
        var result = back.counters(of: table)
        var added: [EntryKey: Counter] = [:]
        for (entry, counter) in front.counters(of: table) where counter.packets > 0 { added[entry.entryKey] = counter }
        guard !added.isEmpty else { return result }
        for index in result.indices {
            guard let more = added[result[index].entry.entryKey] else { continue }
            result[index].counter.packets += more.packets
            result[index].counter.bytes += more.bytes
        }
        return result
    }

    public func verdictCounters() -> [VerdictCounter] {
        struct Key: Hashable {
            var port: PortID
            var disposition: Disposition
            var reason: Reason
        }
        var result = back.verdictCounters()
        let card = front.verdictCounters()
        guard !card.isEmpty else { return result }
        var places: [Key: Int] = [:]
        func key(_ verdict: VerdictCounter) -> Key {
            Key(port: verdict.port, disposition: verdict.disposition, reason: verdict.reason)
        }
        for (index, verdict) in result.enumerated() { places[key(verdict)] = index }
        for verdict in card {
            if let index = places[key(verdict)] {
                result[index].counter.packets += verdict.counter.packets
                result[index].counter.bytes += verdict.counter.bytes
            } else {
                result.append(verdict)
            }
        }
        return result
    }
}
