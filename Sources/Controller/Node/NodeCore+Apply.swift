// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension NodeCore {
    /// Makes the tables hold what a configuration wants: all of it, or nothing. What it names is what it says from now on,
    /// whatever calls had made of it.
    ///
    /// - Parameter source: the file, to be remembered.
    func apply(
        _ new: Configuration, source: StoredConfiguration? = nil, facts: HostFacts, now: UInt64
    ) throws(ApplyError) -> ApplyReport {
        let (plan, identities, change) = planning(new, facts: facts)
        let before = Undo(self)
        var report: ApplyReport
        let undo: WantedChange
        (report, undo) = try reach(change, plan: plan, now: now)
        report.notices += plan.notices + fixedAtStart(new)
        if configuration?.limits != new.limits { programmer.setLimits(new.limits) }
        ageing.timeouts = new.ageing
        (self.identities, configuration, self.facts) = (identities, new, facts)
        setTiers(new)
        adopt(plan, notices: report.notices)
        log("configuration_applied", describe(report))

        var stored = StoreChange()
        stored.configuration = source
        stored.identities = identities
        for case let forgotten? in undo.amendments.values { stored.forgotten.append(forgotten.entry) }
        enqueue(stored, before.undoing(amendments: undo.amendments))
        return report
    }

    /// The plan of a new configuration and the change to what is wanted: calls' changes of what it names are forgotten.
    private func planning(
        _ new: Configuration, facts: HostFacts
    ) -> (plan: TablePlan, identities: Identities, change: WantedChange) {
        var identities = identities
        let plan = plan(new, facts, &identities)
        var change = WantedChange(planned: plan.byKey)
        guard wanted.amendmentCount > 0 else { return (plan, identities, change) }
        for entry in plan.entries where wanted.amendment(entry.entryKey) != nil {
            let key = entry.entryKey
            if plan.names(key) { change.amendments[key] = .some(nil) }
        }
        for key in plan.absent where wanted.amendment(key) != nil { change.amendments[key] = .some(nil) }
        return (plan, identities, change)
    }

    func plan(_ configuration: Configuration, _ facts: HostFacts, _ identities: inout Identities) -> TablePlan {
        TablePlan(
            configuration, facts: facts, identities: &identities, reserved: wanted.numbered,
            withdrawn: wanted.withdrawnRoutes, keeping: wanted.referredNextHops)
    }

    /// Follows changes of interfaces and neighbours. What calls have changed stays.
    func update(facts: HostFacts, now: UInt64) throws(ApplyError) -> ApplyReport {
        guard let configuration else { throw .notConfigured }
        guard facts != self.facts else { return ApplyReport() }
        var identities = identities
        let plan = plan(configuration, facts, &identities)
        var report = try reach(WantedChange(planned: plan.byKey), plan: plan, now: now).report
        report.notices += plan.notices
        if identities != self.identities {
            var stored = StoreChange()
            stored.identities = identities
            owe(stored)
        }
        (self.identities, self.facts) = (identities, facts)
        adopt(plan, notices: plan.notices + fixedAtStart(configuration))
        if !report.isEmpty { log("facts_applied", describe(report)) }
        return report
    }

    /// What applying a configuration would do, without doing it: updates in the order they would be done, each with the entry
    /// before it.
    func preview(_ new: Configuration, facts: HostFacts) -> Preview {
        let (plan, _, change) = planning(new, facts: facts)
        let (before, after) = change.effect(on: wanted)
        let updates = TableDifference.updates(from: before, to: after).map { update in
            PlannedUpdate(update: update, before: before[update.entry.entryKey])
        }
        let names = Dictionary(plan.bindings.map { ($0.port, $0.name) }) { first, _ in first }
        return Preview(updates: updates, notices: plan.notices + fixedAtStart(new), portNames: names)
    }

    /// Takes over what a plan says beside entries, and attaches ports.
    func adopt(_ plan: TablePlan, notices: [String]) {
        let changed = self.plan?.bindings != plan.bindings
        self.plan = plan
        for notice in notices where !self.notices.contains(notice) { log("notice", ["what": notice]) }
        self.notices = notices
        for (key, timeout) in plan.idleTimeouts where wanted.amendment(.flow(key)) == nil {
            idleTimeouts[key] = FlowAgeing.ticks(timeout)
        }
        guard changed, let binder else { return }
        attachments = binder.bind(plan.bindings)
        for attachment in attachments {
            let name = plan.bindings.first { $0.port == attachment.port }?.name ?? "\(attachment.port.rawValue)"
            log(
                attachment.mode == nil ? "port_not_attached" : "port_attached",
                [("port", name), ("mode", attachment.mode?.rawValue ?? "none")]
                    + (attachment.reason.map { [("reason", $0)] } ?? []))
        }
    }

    private func describe(_ report: ApplyReport) -> [(String, String)] {
        [
            ("inserted", "\(report.inserted)"), ("modified", "\(report.modified)"), ("deleted", "\(report.deleted)"),
            ("generation", "\(dataPlane.generation.rawValue)"), ("notices", "\(report.notices.count)"),
        ]
    }

    /// Settings that a running data plane cannot follow.
    private func fixedAtStart(_ new: Configuration) -> [String] {
        // What the process runs with, however often the file has changed since.
        guard let old = isStarting ? configuration : startedWith ?? configuration else { return [] }
        var changed: [String] = []
        if old.node.name != new.node.name { changed.append("node.name") }
        if old.node.hashSeed != new.node.hashSeed { changed.append("node.hash_seed") }
        if old.pinPath != new.pinPath { changed.append("pin_path") }
        if old.limits.ipv4Flows != new.limits.ipv4Flows { changed.append("limits.ipv4_flows") }
        if old.limits.ipv6Flows != new.limits.ipv6Flows { changed.append("limits.ipv6_flows") }
        if old.limits.macs != new.limits.macs { changed.append("limits.macs") }
        if old.limits.routes != new.limits.routes { changed.append("limits.routes") }
        if old.limits.eventsPerSecondPerPort != new.limits.eventsPerSecondPerPort {
            changed.append("limits.events_per_second_per_port")
        }
        // At the start the card was opened as the new file says.
        if !isStarting { changed += Self.cardSettingsFixedAtStart(old.card, new.card) }
        return changed.map { "\($0) takes effect at the next start" }
    }

    // MARK: All or nothing

    /// Makes a change of what is wanted, in the tables and here. Returns what was done, and the change that undoes it.
    func reach(
        _ change: WantedChange, plan: TablePlan, now: UInt64
    ) throws(ApplyError) -> (report: ApplyReport, undo: WantedChange) {
        let (old, new) = change.effect(on: wanted)
        var updates = TableDifference.updates(from: old, to: new)
        if let failure = rehearse(updates, old: old) {
            guard case .tableFull = failure.error else {
                refused += 1
                log("configuration_refused", ["error": failure.error.description])
                throw .rejected(update: failure.update, error: failure.error, remains: [])
            }
            updates = TableDifference.updates(from: old, to: new, order: .breakBeforeMake)
        }
        do throws(ApplyError) {
            try transact(updates, old: old)
        } catch {
            refused += 1
            // The way back may have passed through decisions that packets asked about.
            dataPlane.advanceGeneration()
            log("configuration_refused", ["error": error.description])
            throw error
        }
        var report = ApplyReport()
        for update in updates {
            switch update.operation {
            case .insert: report.inserted += 1
            case .modify: report.modified += 1
            case .delete: report.deleted += 1
            }
            let before = old[update.entry.entryKey]
            if !report.generationAdvanced,
                TableDifference.changesPolicy(update, old: before, neighborRoutes: plan.neighborRoutes)
            {
                report.generationAdvanced = true
            }
            mirror(update, old: before)
            if update.operation == .delete, case .flow(let flow) = update.entry { idleTimeouts[flow.key] = nil }
        }
        let undo = wanted.make(change)
        if report.generationAdvanced {
            dataPlane.advanceGeneration()
            ageing.requestSweep(now: now)
        }
        forgetUnreachableStations(after: updates)
        applied += 1
        return (report, undo)
    }

    /// Removes learned stations at ports that are gone, down, or out of the VLAN, so that frames for them are flooded and
    /// find them where they are now (IEEE 802.1Q 8.8.3).
    func forgetUnreachableStations(after updates: [TableUpdate]) {
        let concerned = updates.contains { update in
            switch update.entry {
            case .port, .vlan: update.operation != .insert
            default: false
            }
        }
        guard concerned else { return }
        dataPlane.sweepMACs { record in
            guard !record.entry.isStatic, case .port(let id) = record.entry.action else { return .keep }
            if let port = state.port(id), port.up, port.mode == .switched, let vlan = state.vlan(record.entry.vlan),
                vlan.hasMember(id)
            {
                return .keep
            }
            programmer.stations.forget(record.entry.vlan, record.entry.mac)
            return .remove
        }
    }

    /// Tries updates on the tables' mirror and takes them back, so that what cannot be is refused before anything is touched.
    private func rehearse(
        _ updates: [TableUpdate], old: [EntryKey: TableEntry]
    ) -> (update: TableUpdate, error: TableError)? {
        enum Step {
            case stored(TableChange)
            case flow(removed: FlowEntry?, inserted: FlowEntry?)
        }
        var steps: [Step] = []
        defer {
            for step in steps.reversed() {
                switch step {
                case .stored(let change): state.revert(change)
                case .flow(let removed, let inserted): state.countReferences(removed: inserted, inserted: removed)
                }
            }
        }
        for update in updates {
            switch state.update(update) {
            case .failure(let error): return (update, error)
            case .success(let change):
                guard case .flow(let flow) = update.entry else {
                    steps.append(.stored(change))
                    continue
                }
                var before: FlowEntry?
                if case .flow(let entry)? = old[update.entry.entryKey] { before = entry }
                let inserted = update.operation == .delete ? nil : flow
                state.countReferences(removed: before, inserted: inserted)
                steps.append(.flow(removed: before, inserted: inserted))
            }
        }
        return nil
    }

    /// Writes updates; on any rejection undoes those applied, last first.
    private func transact(_ updates: [TableUpdate], old: [EntryKey: TableEntry]) throws(ApplyError) {
        guard !updates.isEmpty else { return }
        let results = write(overLearned: updates)
        guard let failed = results.firstIndex(where: { $0.error != nil }), let error = results[failed].error else {
            return
        }
        var undo: [TableUpdate] = []
        for (update, result) in zip(updates, results).reversed() where result == .applied {
            let before = old[update.entry.entryKey]
            if let inverse = TableDifference.inverse(of: update, old: before) { undo.append(inverse) }
        }
        let undone = dataPlane.write(undo)
        let remains = zip(undo, undone).compactMap { update, result in
            result.error.map { "\(update.operation) of \(update.entry.keyText): \($0)" }
        }
        throw .rejected(update: updates[failed], error: error, remains: remains)
    }

    /// Writes updates; an insertion that meets a learned or derived entry of its key takes that entry's place.
    func write(overLearned updates: [TableUpdate]) -> [UpdateResult] {
        var results = dataPlane.write(updates)
        for (index, update) in updates.enumerated() {
            guard update.operation == .insert, case .rejected(.alreadyExists) = results[index],
                wanted[update.entry.entryKey] == nil
            else { continue }
            switch update.entry {
            case .flow, .mac: results[index] = dataPlane.write([.modify(update.entry)])[0]
            default: break
            }
        }
        return results
    }

    // MARK: Updates by users

    /// Writes users' updates, each for itself: a result for each, in order.
    ///
    /// - Parameter time: seconds since 1970, for people.
    func write(
        _ updates: [TableUpdate], idleTimeouts timeouts: [FlowKey: Duration], now: UInt64, time: UInt64 = 0
    ) -> [UpdateResult] {
        let updates = updates.map(asUserWrites)
        let results = write(overLearned: updates)
        var changesPolicy = false
        var touched: [EntryKey: Touched] = [:]
        touched.reserveCapacity(store == nil ? 0 : updates.count)
        for (update, result) in zip(updates, results) where result == .applied {
            let key = update.entry.entryKey
            let before = wanted[key]
            changesPolicy =
                changesPolicy || TableDifference.changesPolicy(update, old: before, neighborRoutes: [])
            mirror(update, old: before)
            var timeout: UInt16?
            if case .flow(let flow) = update.entry {
                timeout = update.operation == .delete ? nil : timeouts[flow.key].map(FlowAgeing.ticks)
                if timeout != nil || !idleTimeouts.isEmpty { idleTimeouts[flow.key] = timeout }
            }
            let amendment = amendment(by: update, key: key, idleTimeout: timeout, time: time)
            let old = wanted.setAmendment(key, amendment)
            guard store != nil else { continue }
            if touched[key]?.setNow(amendment) == nil { touched[key] = Touched(old, amendment, update.entry) }
        }
        if changesPolicy {
            dataPlane.advanceGeneration()
            ageing.requestSweep(now: now)
        }
        forgetUnreachableStations(after: zip(updates, results).compactMap { $1 == .applied ? $0 : nil })
        let rejected = results.count { $0.error != nil }
        let generation = dataPlane.generation.rawValue
        logger.debug("event=written updates=\(updates.count) rejected=\(rejected) generation=\(generation)")
        if !touched.isEmpty {
            var stored = StoreChange()
            stored.amendments.reserveCapacity(touched.count)
            for each in touched.values {
                if let now = each.now { stored.amendments.append(now) } else { stored.forgotten.append(each.entry) }
            }
            enqueue(stored, Undo(amendments: touched.mapValues(\.before)))
        }
        return results
    }

    /// What a batch did to an entry, however often it did.
    private struct Touched {
        let before: Amendment?
        private(set) var now: Amendment?
        let entry: TableEntry

        init(_ before: Amendment?, _ now: Amendment?, _ entry: TableEntry) {
            (self.before, self.now, self.entry) = (before, now, entry)
        }

        mutating func setNow(_ amendment: Amendment?) { now = amendment }
    }

    /// What an update makes different from the plan; nil if it makes it what the plan says.
    private func amendment(
        by update: TableUpdate, key: EntryKey, idleTimeout: UInt16?, time: UInt64
    ) -> Amendment? {
        let planned = wanted.planned[key]
        if update.operation == .delete { return planned.map { Amendment(.deleted, $0, time: time) } }
        guard planned == update.entry, idleTimeout == nil else {
            return Amendment(.set, update.entry, idleTimeout: idleTimeout, time: time)
        }
        return nil
    }

    /// Static flows that went because nothing used them: not wanted any more, the file's until the file is applied again.
    func forget(expired flows: [FlowEntry]) {
        guard !flows.isEmpty else { return }
        var stored = StoreChange()
        for flow in flows {
            let key = EntryKey.flow(flow.key)
            idleTimeouts[flow.key] = nil
            state.countReferences(removed: flow, inserted: nil)
            log("static_flow_expired", ["flow": "\(flow.key)"])
            let amendment = wanted.planned[key].map { Amendment(.deleted, $0, time: Self.wallClock()) }
            wanted.setAmendment(key, amendment)
            if let amendment { stored.amendments.append(amendment) } else { stored.forgotten.append(.flow(flow)) }
        }
        owe(stored)
    }

    /// What a user gives is static.
    private func asUserWrites(_ update: TableUpdate) -> TableUpdate {
        var update = update
        switch update.entry {
        case .flow(var flow):
            (flow.origin, flow.aclDone, flow.reason) = (.static, false, .flowCache)
            update.entry = .flow(flow)
        case .mac(var mac):
            mac.isStatic = true
            update.entry = .mac(mac)
        default: break
        }
        return update
    }
}

/// What applying a configuration would do.
public struct Preview: Hashable, Sendable {
    /// In the order they would be done.
    public var updates: [PlannedUpdate]
    /// What the host or the running data plane does not have as the file wants it.
    public var notices: [String]
    /// What the file calls the ports.
    public var portNames: [PortID: String]
}

/// One update of a plan, with the entry before it.
public struct PlannedUpdate: Hashable, Sendable {
    public var update: TableUpdate
    /// nil for an insertion.
    public var before: TableEntry?

    public init(update: TableUpdate, before: TableEntry?) { (self.update, self.before) = (update, before) }
}
