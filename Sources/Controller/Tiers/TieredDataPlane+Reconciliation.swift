// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// What is compared with what is wanted is the data plane behind. The front is told its tables anew when they were taken over,
// when a repair has changed them, or when it could not follow.
extension TieredDataPlane {
    public var isAdopted: Bool { back.isAdopted }
    public var marker: UInt64 { back.marker }
    public var emptyState: TableState { back.emptyState }

    public func reconcileTables(_ state: TableState, repair: Bool) -> ReconcileReport {
        let report = back.reconcileTables(state, repair: repair)
        if repair, !report.isClean, distrust == nil { tellAll(state: state) }
        return report
    }

    public func reconcileEntries(_ wanted: some StaticEntries, derived: Bool, repair: Bool) -> ReconcileReport {
        let report = back.reconcileEntries(wanted, derived: derived, repair: repair)
        // A front that has never been told is told now that the tables are right; one that failed has its own time.
        if repair, distrust == nil ? !report.isClean : distrust == Self.untold { tellAll(state: nil) }
        return report
    }

    /// Makes the front know the tables as they are, by the updates that lead there from what it knows, and uses it from then on.
    /// Rules whose proof then fails are taken out by the front.
    ///
    /// - Parameter state: all tables but flows and MAC entries; nil: those behind.
    func tellAll(state: TableState?) {
        // Tables that were found and not compared yet are nobody's word.
        guard !back.isAdopted else { return }
        var known: [EntryKey: TableEntry] = [:]
        var right: [EntryKey: TableEntry] = [:]
        for table in TableID.allCases {
            for entry in front.entries(of: table) { known[entry.entryKey] = entry }
            guard table != .flowCache else { continue }
            for entry in state?.entries(of: table) ?? [] { right[entry.entryKey] = entry }
            guard state == nil || table == .mac else { continue }
            for entry in back.entries(of: table) { right[entry.entryKey] = entry }
        }
        back.sweepFlows { flow in
            if flow.entry.origin == .static { right[.flow(flow.entry.key)] = .flow(flow.entry) }
            return .keep
        }
        let adopting = (front as? any ReconcilableDataPlane).flatMap { $0.isAdopted ? $0 : nil }
        if let adopting {
            if let reason = adopt(right, adopting) { return empty(because: reason) }
        } else if let distrust {
            // Rules made by tables that nobody remembers.
            empty(because: distrust)
            guard leftovers == 0 else { return }
        }
        trust()
        if adopting != nil { return readCounts() }
        tell(TableDifference.updates(from: known, to: right))
    }

    /// Rules that an earlier process left on the card stay if they can be proven by the tables as they are. Returns why the front cannot
    /// be relied upon; nil: it knows the tables.
    private func adopt(_ entries: [EntryKey: TableEntry], _ front: any ReconcilableDataPlane) -> String? {
        var state = front.emptyState
        var bulk = BulkEntries()
        for entry in entries.values.sorted(by: { $0.rank < $1.rank }) {
            switch entry {
            // The front counts what they refer to when it takes them in.
            case .flow(let flow): bulk.flows[flow.key] = flow
            case .mac(let station): bulk.stations[MACKey(vlan: station.vlan, mac: station.mac)] = station
            default:
                if case .failure(let error) = state.update(.insert(entry)) {
                    return "it did not take \(entry.keyText): \(error)"
                }
            }
        }
        var report = front.reconcileTables(state, repair: true)
        report.add(front.reconcileEntries(bulk, derived: false, repair: true))
        let failure = report.discrepancies.compactMap(\.failure).first
        return report.failed == 0 ? nil : "\(report.failed) of its rules could not be made right: \(failure ?? "")"
    }
}

/// Static flows, and stations, learned or not, as they are to be known.
private struct BulkEntries: StaticEntries {
    var flows: [FlowKey: FlowEntry] = [:]
    var stations: [MACKey: MACEntry] = [:]

    var flowCount: Int { flows.count }
    var macCount: Int { stations.count }
    func flow(_ key: FlowKey) -> FlowEntry? { flows[key] }
    func mac(_ entry: MACEntry) -> MACEntry? { stations[MACKey(vlan: entry.vlan, mac: entry.mac)] }
    func forEachFlow(_ body: (FlowEntry) -> Void) { flows.values.forEach(body) }
    func forEachMAC(_ body: (MACEntry) -> Void) { stations.values.forEach(body) }
}
