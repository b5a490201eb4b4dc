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
        if distrust != nil {
            // Rules made by tables that nobody remembers.
            empty(because: distrust ?? Self.untold)
            guard leftovers == 0 else { return }
            trust()
        }
        tell(TableDifference.updates(from: known, to: right))
    }
}
