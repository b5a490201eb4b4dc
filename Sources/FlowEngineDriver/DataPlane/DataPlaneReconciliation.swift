// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// The card's own tables need no comparison: the marker says that they are as the shadow has them. What is compared is what this data
// plane was given; rules of an earlier process are proven by it and made right, or taken out.
extension FlowEngineDataPlane: ReconcilableDataPlane {
    public var marker: UInt64 { UInt64(tables.marker) }

    public var emptyState: TableState {
        TableState(
            capacities: state.capacities, stationsPerPort: state.stationsPerPort, aclDefault: state.aclDefault,
            ecmpSeed: state.ecmpSeed)
    }

    public func reconcileTables(_ wanted: TableState, repair: Bool) -> ReconcileReport {
        tidy()
        var report = ReconcileReport(repairs: repair)
        if isAdopted {
            // Nothing was given yet; there is nothing that could be wrong. Rules are judged when the entries are here too.
            state = wanted
            isAdopted = false
            return report
        }
        if state.aclDefault != wanted.aclDefault {
            report.add(Discrepancy(.altered, table: .acl, subject: "default"))
        }
        for table in TableID.allCases {
            for entry in state.entries(of: table) where wanted.stored(entry) == nil {
                report.add(Discrepancy(.extra, table: table, subject: entry.keyText))
            }
            for entry in wanted.entries(of: table) {
                report.checked += 1
                guard let there = state.stored(entry) else {
                    report.add(Discrepancy(.missing, table: table, subject: entry.keyText))
                    continue
                }
                if there != entry {
                    report.add(
                        Discrepancy(
                            .altered, table: table, subject: entry.keyText, detail: "\(there) in place of \(entry)"))
                }
            }
        }
        guard repair, !report.isClean else { return report }
        advanceGeneration()
        state = wanted
        judgeAll(&report)
        return report
    }

    public func reconcileEntries(_ wanted: some StaticEntries, derived: Bool, repair: Bool) -> ReconcileReport {
        tidy()
        var report = ReconcileReport(repairs: repair)
        if repair, held.flows.isEmpty, held.stations.isEmpty, isContextOnly {
            holdAll(wanted, &report)
            judgeAll(&report)
            return report
        }
        var updates: [TableUpdate] = []
        for flow in held.flows.values where flow.entry.origin == .static {
            report.checked += 1
            compare(.flow(flow.entry), with: wanted.flow(flow.entry.key).map { .flow($0) }, &updates, &report)
        }
        wanted.forEachFlow { flow in
            if held.flows[flow.key]?.entry.origin == .static { return }
            note(.missing, .flow(flow), .insert(.flow(flow)), &updates, &report)
        }
        for station in held.stations.values where station.entry.isStatic {
            report.checked += 1
            compare(.mac(station.entry), with: wanted.mac(station.entry).map { .mac($0) }, &updates, &report)
        }
        wanted.forEachMAC { station in
            let there = held.stations[station.key]
            if there?.entry.isStatic == true { return }
            note(
                there == nil ? .missing : .altered, .mac(station),
                there == nil ? .insert(.mac(station)) : .modify(.mac(station)), &updates, &report)
        }
        if repair {
            for (update, result) in zip(updates, write(updates)) {
                guard let error = result.error else { continue }
                report.failed += 1
                report.discrepancies.append(
                    Discrepancy(
                        .altered, table: update.entry.table, subject: update.entry.keyText, failure: "\(error)"))
            }
        }
        judgeAll(&report)
        return report
    }

    /// Flows get no rules of their own accord, or need not.
    private var isContextOnly: Bool { if case .required = flowPlacement { false } else { true } }

    /// Takes the first entries over, all at once: a rule of an earlier process is proven by all of them, or not.
    private func holdAll(_ wanted: some StaticEntries, _ report: inout ReconcileReport) {
        wanted.forEachFlow { flow in
            report.checked += 1
            if let error = state.validate(.insert(.flow(flow))) {
                report.add(
                    Discrepancy(
                        .missing, table: .flowCache, subject: TableEntry.flow(flow).keyText, failure: "\(error)"))
                return
            }
            state.countReferences(removed: nil, inserted: flow)
            held.set(flow.key, HeldEntries.Flow(entry: flow, rule: nil, packets: 0, lastHit: now))
        }
        wanted.forEachMAC { station in
            report.checked += 1
            held.stations[station.key] = HeldEntries.Station(entry: station, lastHit: now)
        }
    }

    private func compare(
        _ there: TableEntry, with right: TableEntry?, _ updates: inout [TableUpdate], _ report: inout ReconcileReport
    ) {
        guard let right else { return note(.extra, there, .delete(there), &updates, &report) }
        if right != there { note(.altered, there, .modify(right), &updates, &report) }
    }

    private func note(
        _ kind: Discrepancy.Kind, _ entry: TableEntry, _ update: TableUpdate, _ updates: inout [TableUpdate],
        _ report: inout ReconcileReport
    ) {
        report.add(Discrepancy(kind, table: entry.table, subject: entry.keyText))
        updates.append(update)
    }

    /// Proves every rule by the tables as they are, and makes it right.
    private func judgeAll(_ report: inout ReconcileReport) {
        let ordinals = tables.book.ordinalsInUse
        report.checked += ordinals.count
        for (ordinal, why) in judge(ordinals) {
            report.add(
                Discrepancy(
                    .altered, table: nil, subject: RulePlace(ordinal: ordinal).map { "\($0)" } ?? "rule \(ordinal)",
                    failure: "\(why)"))
        }
    }
}
