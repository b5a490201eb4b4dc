// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension NodeCore {
    /// Makes the tables hold what a configuration wants: all of it, or nothing.
    func apply(_ new: Configuration, facts: HostFacts, now: UInt64) throws(ApplyError) -> ApplyReport {
        let users = intent.values.filter { $0.origin == .user }.map(\.entry)
        var identities = identities
        let plan = TablePlan(new, facts: facts, identities: &identities, reserved: users)
        var target: [EntryKey: Intent] = [:]
        for entry in users { target[entry.entryKey] = Intent(entry: entry, origin: .user) }
        for entry in plan.entries { target[entry.entryKey] = Intent(entry: entry, origin: .configuration) }
        var report = try reach(target, plan: plan, now: now)
        report.notices += plan.notices + fixedAtStart(new)
        if configuration?.limits != new.limits { programmer.setLimits(new.limits) }
        ageing.timeouts = new.ageing
        self.identities = identities
        (configuration, self.facts) = (new, facts)
        adopt(plan, notices: report.notices)
        log("configuration_applied", describe(report))
        return report
    }

    /// Follows changes of interfaces and neighbours. What users changed since the configuration was applied stays.
    func update(facts: HostFacts, now: UInt64) throws(ApplyError) -> ApplyReport {
        guard let configuration, let oldPlan = plan else { throw .notConfigured }
        guard facts != self.facts else { return ApplyReport() }
        var identities = identities
        let users = intent.values.filter { $0.origin == .user }.map(\.entry)
        let plan = TablePlan(configuration, facts: facts, identities: &identities, reserved: users)
        let before = Dictionary(oldPlan.entries.map { ($0.entryKey, $0) }) { first, _ in first }
        var target = intent
        var gone = Set(before.keys)
        for entry in plan.entries {
            let key = entry.entryKey
            gone.remove(key)
            if before[key] == nil, target[key]?.origin == .user { continue }
            if before[key] != entry { target[key] = Intent(entry: entry, origin: .configuration) }
        }
        for key in gone where target[key]?.origin == .configuration { target[key] = nil }
        var report = try reach(target, plan: plan, now: now)
        report.notices += plan.notices
        (self.identities, self.facts) = (identities, facts)
        adopt(plan, notices: plan.notices)
        if !report.isEmpty { log("facts_applied", describe(report)) }
        return report
    }

    /// What applying a configuration would do, without doing it.
    func preview(_ new: Configuration, facts: HostFacts) -> [TableUpdate] {
        let users = intent.values.filter { $0.origin == .user }.map(\.entry)
        var identities = identities
        let plan = TablePlan(new, facts: facts, identities: &identities, reserved: users)
        var target = Dictionary(users.map { ($0.entryKey, $0) }) { first, _ in first }
        for entry in plan.entries { target[entry.entryKey] = entry }
        return TableDifference.updates(from: intent.mapValues(\.entry), to: target)
    }

    private func adopt(_ plan: TablePlan, notices: [String]) {
        let changed = self.plan?.bindings != plan.bindings
        self.plan = plan
        for notice in notices where !self.notices.contains(notice) { log("notice", ["what": notice]) }
        self.notices = notices
        for (key, timeout) in plan.idleTimeouts { idleTimeouts[key] = FlowAgeing.ticks(timeout) }
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
        guard let old = configuration else { return [] }
        var changed: [String] = []
        if old.node.hashSeed != new.node.hashSeed { changed.append("node.hash_seed") }
        if old.pinPath != new.pinPath { changed.append("pin_path") }
        if old.limits.ipv4Flows != new.limits.ipv4Flows { changed.append("limits.ipv4_flows") }
        if old.limits.ipv6Flows != new.limits.ipv6Flows { changed.append("limits.ipv6_flows") }
        if old.limits.macs != new.limits.macs { changed.append("limits.macs") }
        if old.limits.routes != new.limits.routes { changed.append("limits.routes") }
        if old.limits.eventsPerSecondPerPort != new.limits.eventsPerSecondPerPort {
            changed.append("limits.events_per_second_per_port")
        }
        return changed.map { "\($0) takes effect at the next start" }
    }

    // MARK: All or nothing

    private func reach(
        _ target: [EntryKey: Intent], plan: TablePlan, now: UInt64
    ) throws(ApplyError) -> ApplyReport {
        let old = intent.mapValues(\.entry)
        let new = target.mapValues(\.entry)
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
        intent = target
        if report.generationAdvanced {
            dataPlane.advanceGeneration()
            ageing.requestSweep(now: now)
        }
        forgetUnreachableStations(after: updates)
        applied += 1
        return report
    }

    /// Removes learned stations at ports that are gone, down, or out of the VLAN, so that frames for them are flooded and
    /// find them where they are now (IEEE 802.1Q 8.8.3).
    private func forgetUnreachableStations(after updates: [TableUpdate]) {
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

    /// Tries updates on a copy of the tables, so that what cannot be is refused before anything is touched.
    private func rehearse(
        _ updates: [TableUpdate], old: [EntryKey: TableEntry]
    ) -> (update: TableUpdate, error: TableError)? {
        var copy = state
        for update in updates {
            if case .failure(let error) = copy.update(update) { return (update, error) }
            guard case .flow(let flow) = update.entry else { continue }
            var before: FlowEntry?
            if case .flow(let entry)? = old[update.entry.entryKey] { before = entry }
            copy.countReferences(removed: before, inserted: update.operation == .delete ? nil : flow)
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
    private func write(overLearned updates: [TableUpdate]) -> [UpdateResult] {
        var results = dataPlane.write(updates)
        for (index, update) in updates.enumerated() {
            guard update.operation == .insert, case .rejected(.alreadyExists) = results[index],
                intent[update.entry.entryKey] == nil
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
    func write(_ updates: [TableUpdate], idleTimeouts timeouts: [FlowKey: Duration], now: UInt64) -> [UpdateResult] {
        let updates = updates.map(asUserWrites)
        let results = write(overLearned: updates)
        var changesPolicy = false
        for (update, result) in zip(updates, results) where result == .applied {
            let key = update.entry.entryKey
            let before = intent[key]
            changesPolicy =
                changesPolicy
                || TableDifference.changesPolicy(update, old: before?.entry, neighborRoutes: [])
            mirror(update, old: before?.entry)
            if update.operation == .delete {
                intent[key] = nil
            } else {
                intent[key] = Intent(entry: update.entry, origin: .user)
            }
            if case .flow(let flow) = update.entry {
                idleTimeouts[flow.key] = update.operation == .delete ? nil : timeouts[flow.key].map(FlowAgeing.ticks)
            }
        }
        if changesPolicy {
            dataPlane.advanceGeneration()
            ageing.requestSweep(now: now)
        }
        forgetUnreachableStations(after: zip(updates, results).compactMap { $1 == .applied ? $0 : nil })
        let rejected = results.count { $0.error != nil }
        log(
            "written",
            [
                "updates": "\(updates.count)", "rejected": "\(rejected)",
                "generation": "\(dataPlane.generation.rawValue)",
            ])
        return results
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
