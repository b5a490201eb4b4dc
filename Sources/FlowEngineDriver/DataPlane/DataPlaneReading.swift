// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension FlowEngineDataPlane {
    public func entries(of table: TableID) -> [TableEntry] {
        switch table {
        case .flowCache: held.flows.values.map { .flow($0.entry) }
        case .mac: held.stations.values.map { .mac($0.entry) }
        default: state.entries(of: table)
        }
    }

    public func sweepFlows(_ visit: (borrowing FlowRecord) -> SweepDecision) {
        count(held.flows.values.compactMap(\.rule))
        var going: [FlowKey] = []
        for (key, flow) in held.flows {
            var packets = flow.packets
            if let rule = flow.rule { packets += tables.book[rule]?.packets ?? 0 }
            let record = FlowRecord(entry: flow.entry, counter: Counter(packets: packets), lastHit: flow.lastHit)
            if visit(record) == .remove { going.append(key) }
        }
        takeRules(of: going)
        for key in going {
            guard let flow = held.flows[key] else { continue }
            state.countReferences(removed: flow.entry, inserted: nil)
            held.set(key, nil)
        }
        // Without a static flow its frames may be decided otherwise.
        _ = judge(touched(by: going.isEmpty ? [] : goingEntries(going)))
    }

    private func goingEntries(_ keys: [FlowKey]) -> [TableEntry] {
        keys.map { .flow(FlowEntry(key: $0, action: .drop)) }
    }

    /// Packets sent to an address are counted by rule, not by station: its counter is zero here.
    public func sweepMACs(_ visit: (borrowing MACRecord) -> SweepDecision) {
        count(tables.book.ordinalsInUse.filter { infos[$0]?.refreshes != nil })
        var going: [MACEntry] = []
        for station in held.stations.values {
            let record = MACRecord(entry: station.entry, counter: Counter(), lastHit: station.lastHit)
            if visit(record) == .remove { going.append(station.entry) }
        }
        if going.isEmpty { return }
        _ = write(going.map { .delete(.mac($0)) })
    }

    /// The card counts by rule only; ACL entries and routes have no counters.
    public func counters(of table: TableID) -> [(entry: TableEntry, counter: Counter)] { [] }

    /// Frames that rules decided. A rule that matches whatever port they come from is counted under port 0.
    public func verdictCounters() -> [VerdictCounter] {
        count(tables.book.ordinalsInUse)
        return verdicts.indices.flatMap { port in
            [(0, Disposition.forward), (1, .drop)].compactMap { index, disposition in
                guard verdicts[port][index] > 0 else { return nil }
                return VerdictCounter(
                    port: PortID(rawValue: UInt16(port)), disposition: disposition, reason: .flowCache,
                    counter: Counter(packets: verdicts[port][index]))
            }
        }
    }
}
