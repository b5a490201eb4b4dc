// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// A configuration file as it was read.
public struct ConfigurationFile: Hashable, Sendable {
    public var configuration: Configuration
    public var source: StoredConfiguration

    public init(_ configuration: Configuration, source: StoredConfiguration) {
        (self.configuration, self.source) = (configuration, source)
    }

    /// - Throws: all complaints about the text.
    public init(text: String, path: String) throws(ConfigurationError) {
        self.init(try Configuration.parse(text, file: path), source: StoredConfiguration(text: text, path: path))
    }
}

extension NodeCore {
    /// Begins: remembers, takes over the tables an earlier process left or fills new ones, and applies the file if it is not the
    /// one applied last.
    ///
    /// - Parameter file: nil for the configuration applied last.
    /// - Throws: `notConfigured` if there is neither; `rejected` if the file is refused. Ports that were attached stay so.
    func start(
        _ file: ConfigurationFile?, facts: HostFacts, now: UInt64, clock: () -> UInt64
    ) throws(ApplyError) -> AdoptionReport {
        let remembered = remember()
        revision = remembered?.revision ?? 0
        isStarting = true
        defer { isStarting = false }
        identities = remembered?.identities ?? Identities()
        let last = remembered?.configuration.flatMap { try? ConfigurationFile(text: $0.text, path: $0.path) }
        let isTheLast = file == nil || file?.source.text == remembered?.configuration?.text
        let plane = dataPlane as? any ReconcilableDataPlane
        let isAdopted = plane?.isAdopted ?? false
        // After a boot they are those of other interfaces.
        if !isAdopted { identities.interfaceIndexes = [:] }
        // The tables left are those of the configuration applied last: they are compared with that one, and what the file
        // changes is then applied as by any change of it, in the order that keeps packets flowing.
        guard let first = isTheLast || isAdopted ? last ?? file : file else { throw .notConfigured }
        let plan = plan(first.configuration, facts, &identities)
        if first.source.text != remembered?.configuration?.text { forgetAmendments(namedBy: plan) }
        if identities != remembered?.identities {
            // Before the tables show numbers that the next start would give to others.
            var numbers = StoreChange()
            numbers.identities = identities
            storeNow(numbers)
        }
        let report =
            if let plane, isAdopted { restore(plan, plane) } else { try fill(plan, now: now) }
        (configuration, self.facts) = (first.configuration, facts)
        if configuration?.limits != Configuration().limits { programmer.setLimits(first.configuration.limits) }
        ageing.timeouts = first.configuration.ageing
        setTiers(first.configuration)
        adopt(plan, notices: plan.notices)
        if let file, file.source.text != first.source.text {
            _ = try apply(file.configuration, source: file.source, facts: facts, now: now)
        } else {
            var stored = StoreChange()
            if remembered?.configuration?.text != first.source.text { stored.configuration = first.source }
            owe(stored)
        }
        startedWith = configuration
        let marker = plane?.marker
        let shadow = remembered?.shadows[dataPlane.capabilities.name]
        self.shadow = shadow?.records ?? [:]
        if let marker, shadow?.marker != marker {
            var stored = StoreChange()
            stored.shadows[dataPlane.capabilities.name] = .init(marker: marker)
            owe(stored)
        }
        countFlows()
        // A card that an earlier process left decides by tables of before until it is told these.
        tiering?.plane.tend(now: now)
        nextReconciliation = now &+ Self.reconciliationInterval
        let done = AdoptionReport(
            isAdopted: isAdopted, wereMadeAnew: shadow != nil && shadow?.marker != marker, report: report,
            seconds: Double(clock() &- now) / 1e9)
        adoption = done
        log(
            isAdopted ? "adopted" : "started",
            [
                ("entries", "\(report.checked)"), ("missing", "\(report.missing)"), ("extra", "\(report.extra)"),
                ("altered", "\(report.altered)"), ("failed", "\(report.failed)"),
                ("amendments", "\(wanted.amendmentCount)"), ("generation", "\(dataPlane.generation.rawValue)"),
                ("milliseconds", "\(Int(done.seconds * 1000))"),
            ])
        if isAdopted { note(report) }
        return done
    }

    /// What the store holds; nil if there is none, or it cannot be read.
    private func remember() -> StoredNode? {
        guard let store else { return nil }
        do {
            let node = try store.load(count: { wanted.reserve(flows: $0) }) { amendment in
                wanted.setAmendment(amendment.entry.entryKey, amendment)
                if let timeout = amendment.idleTimeout, case .flow(let flow) = amendment.entry {
                    idleTimeouts[flow.key] = timeout
                }
            }
            storeProblem = store.problem
            return node
        } catch {
            (wanted, idleTimeouts) = (Wanted(), [:])
            storeProblem = error
            return nil
        }
    }

    /// A file that differs from the last one is what it says.
    private func forgetAmendments(namedBy plan: TablePlan) {
        var stored = StoreChange()
        wanted.forEachAmendment { amendment in
            if plan.names(amendment.entry.entryKey) { stored.forgotten.append(amendment.entry) }
        }
        for entry in stored.forgotten { wanted.setAmendment(entry.entryKey, nil) }
        owe(stored)
    }

    /// Takes over tables that were found, and repairs what is not as wanted.
    private func restore(_ plan: TablePlan, _ plane: any ReconcilableDataPlane) -> ReconcileReport {
        wanted.setPlanned(plan.byKey)
        state = plane.emptyState
        // What refers to nothing that is there is left out here; the store keeps it.
        for entry in wanted.storedEntries {
            if case .failure(let error) = state.update(.insert(entry)) { leaveOut(entry, error) }
        }
        var dangling: [(FlowEntry, TableError)] = []
        wanted.forEachFlow { flow in
            if let error = state.countReferences(held: flow) { dangling.append((flow, error)) }
        }
        for (flow, error) in dangling { leaveOut(.flow(flow), error) }
        var report = plane.reconcileTables(state, repair: true)
        report.add(plane.reconcileEntries(wanted, derived: false, repair: true))
        dataPlane.sweepMACs { record in
            programmer.stations.adopt(record.entry)
            return .keep
        }
        return report
    }

    /// Fills new tables: with the plan, all or nothing, then with what calls had changed, each for itself.
    private func fill(_ plan: TablePlan, now: UInt64) throws(ApplyError) -> ReconcileReport {
        let remembered = wanted
        wanted = Wanted()
        var report = ReconcileReport(repairs: true)
        report.missing = try reach(WantedChange(planned: plan.byKey), plan: plan, now: now).report.inserted
        var sets: [[Amendment]] = Array(repeating: [], count: TableEntry.rankCount)
        var deletions = sets
        remembered.forEachAmendment { amendment in
            if amendment.kind == .set {
                sets[amendment.entry.rank].append(amendment)
            } else {
                deletions[amendment.entry.rank].append(amendment)
            }
        }
        for amendments in sets + deletions.reversed() { report.missing += install(amendments) }
        return report
    }

    /// Writes what calls had changed. Returns how many the tables took.
    private func install(_ amendments: [Amendment]) -> Int {
        var count = 0
        for start in stride(from: 0, to: amendments.count, by: 65_536) {
            let part = amendments[start..<min(start + 65_536, amendments.count)]
            var updates: [TableUpdate] = []
            var taken: [Amendment] = []
            updates.reserveCapacity(part.count)
            for amendment in part {
                let key = amendment.entry.entryKey
                let planned = wanted.planned[key]
                let entry = Wanted.effective(planned: planned, amendment: amendment)
                // A deletion of what the plan does not have any more is done.
                if entry == nil, planned == nil {
                    wanted.setAmendment(key, amendment)
                    continue
                }
                updates.append(
                    TableUpdate(entry == nil ? .delete : planned == nil ? .insert : .modify, entry ?? amendment.entry))
                taken.append(amendment)
            }
            for (index, result) in dataPlane.write(updates).enumerated() {
                if let error = result.error {
                    leaveOut(updates[index].entry, error)
                    continue
                }
                let key = updates[index].entry.entryKey
                mirror(updates[index], old: wanted[key])
                wanted.setAmendment(key, taken[index])
                if updates[index].operation != .delete { count += 1 }
            }
        }
        return count
    }

    /// An entry that calls had made and that the tables do not take now. It stays stored.
    private func leaveOut(_ entry: TableEntry, _ error: TableError) {
        wanted.leaveOut(entry.entryKey)
        if notInstalled.count < 32 { notInstalled.append("not installed: \(error)") }
        log("not_installed", ["error": error.description])
    }

    // MARK: Comparing again

    static let reconciliationInterval: UInt64 = 60_000_000_000

    /// Compares tables, entries and links with what is wanted, and repairs if asked.
    ///
    /// - Parameter derived: whether derived flow entries are decided anew and compared as well.
    @discardableResult
    func reconcile(derived: Bool, repair: Bool, now: UInt64) -> ReconcileReport {
        nextReconciliation = now &+ Self.reconciliationInterval
        var report = ReconcileReport(repairs: repair)
        if let plane = dataPlane as? any ReconcilableDataPlane {
            report.add(plane.reconcileTables(state, repair: repair))
            report.add(plane.reconcileEntries(wanted, derived: derived, repair: repair))
        }
        if let binder, plan != nil {
            let (attachments, links) = binder.reconcile(repair: repair)
            if repair { self.attachments = attachments }
            report.add(links)
        }
        countFlows()
        if repair { note(report) }
        return report
    }

    /// Counts and logs what a comparison found.
    private func note(_ report: ReconcileReport) {
        notRepaired = report.discrepancies.filter { $0.failure != nil }.prefix(32).map(\.description)
        reconciliation.runs += 1
        reconciliation.found += UInt64(report.found)
        reconciliation.failed += UInt64(report.failed)
        guard !report.isClean else { return }
        (reconciliation.last, reconciliation.lastTime) = (report, Self.wallClock())
        for discrepancy in report.discrepancies.prefix(100) {
            log(discrepancy.failure == nil ? "repaired" : "not_repaired", ["what": "\(discrepancy)"])
        }
        log(
            "reconciled",
            [
                "checked": "\(report.checked)", "missing": "\(report.missing)", "extra": "\(report.extra)",
                "altered": "\(report.altered)", "failed": "\(report.failed)",
            ])
    }
}
