// SPDX-License-Identifier: Apache-2.0
import Packet

// The reference keeps entries and nothing under them: it is compared entry by entry.
extension ReferenceDataPlane: ReconcilableDataPlane {
    /// Made by this process; nothing outlives it.
    public var isAdopted: Bool { false }

    public var emptyState: TableState {
        TableState(
            capacities: state.capacities, stationsPerPort: state.stationsPerPort, aclDefault: state.aclDefault,
            ecmpSeed: state.ecmpSeed)
    }

    /// `wanted` is to count the references of the static flows that are wanted, as it does where flows are written one after the
    /// other.
    public func reconcileTables(_ wanted: TableState, repair: Bool) -> ReconcileReport {
        var report = ReconcileReport(repairs: repair)
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
                    let detail = "\(there) in place of \(entry)"
                    report.add(Discrepancy(.altered, table: table, subject: entry.keyText, detail: detail))
                }
            }
        }
        guard repair, !report.isClean else { return report }
        advanceGeneration()
        state = wanted
        keepCounters()
        return report
    }

    public func reconcileEntries(
        _ wanted: some StaticEntries, derived: Bool, repair: Bool
    ) -> ReconcileReport {
        var report = ReconcileReport(repairs: repair)
        for (key, flow) in flows {
            report.checked += 1
            let subject = TableEntry.flow(flow.entry).keyText
            if flow.entry.origin == .static {
                guard let right = wanted.flow(key) else {
                    report.add(Discrepancy(.extra, table: .flowCache, subject: subject))
                    if repair { flows[key] = nil }
                    continue
                }
                if right == flow.entry { continue }
                report.add(Discrepancy(.altered, table: .flowCache, subject: subject))
                if repair { flows[key]?.entry = right }
            } else if derived, flow.entry.origin == .derived(generation),
                Classifier.evaluate(key: key, state: state, generation: generation).entry != flow.entry
            {
                report.add(Discrepancy(.altered, table: .flowCache, subject: subject, detail: "derived"))
                if repair { flows[key] = nil }
            }
        }
        wanted.forEachFlow { entry in
            let there = flows[entry.key]
            if there?.entry.origin == .static { return }
            let kind: Discrepancy.Kind = there == nil ? .missing : .altered
            let isFull = there == nil && flows.count >= state.capacity(of: .flowCache)
            report.add(
                Discrepancy(
                    kind, table: .flowCache, subject: TableEntry.flow(entry).keyText,
                    failure: repair && isFull ? "the table is full" : nil))
            guard repair, !isFull else { return }
            if there == nil { flows[entry.key] = StoredFlow(entry: entry, lastHit: now) }
            flows[entry.key]?.entry = entry
        }
        reconcileStations(wanted, repair: repair, &report)
        return report
    }

    private func reconcileStations(_ wanted: some StaticEntries, repair: Bool, _ report: inout ReconcileReport) {
        for (key, mac) in macs where mac.entry.isStatic {
            report.checked += 1
            let subject = TableEntry.mac(mac.entry).keyText
            guard let right = wanted.mac(mac.entry) else {
                report.add(Discrepancy(.extra, table: .mac, subject: subject))
                if repair { macs[key] = nil }
                continue
            }
            if right == mac.entry { continue }
            report.add(Discrepancy(.altered, table: .mac, subject: subject))
            if repair { macs[key]?.entry = right }
        }
        wanted.forEachMAC { entry in
            let key = MACKey(vlan: entry.vlan, mac: entry.mac)
            let there = macs[key]
            if there?.entry.isStatic == true { return }
            let isFull = there == nil && macs.count >= state.capacity(of: .mac)
            report.add(
                Discrepancy(
                    there == nil ? .missing : .altered, table: .mac, subject: TableEntry.mac(entry).keyText,
                    failure: repair && isFull ? "the table is full" : nil))
            guard repair, !isFull else { return }
            if there == nil { macs[key] = StoredMAC(entry: entry, lastHit: now) }
            macs[key]?.entry = entry
        }
    }

    /// Entries that are there keep what they have counted; others begin at zero.
    private func keepCounters() {
        aclCounters = Dictionary(uniqueKeysWithValues: state.rules.map { ($0.id, aclCounters[$0.id] ?? Counter()) })
        var kept: [RouteKey: Counter] = [:]
        state.forEachRoute { route in
            let key = RouteKey(vrf: route.vrf, prefix: route.prefix)
            kept[key] = routeCounters[key] ?? Counter()
        }
        routeCounters = kept
    }
}
