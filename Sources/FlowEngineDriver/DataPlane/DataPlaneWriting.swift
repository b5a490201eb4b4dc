// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension FlowEngineDataPlane {
    /// Changes the tables, then the rules that the change makes wrong, then answers. If the card cannot be made right, what touched
    /// its rules, and all behind it, is undone and rejected: `backEnd`.
    public func write(_ updates: [TableUpdate]) -> [UpdateResult] {
        tidy()
        var results: [UpdateResult] = []
        results.reserveCapacity(updates.count)
        var index = 0
        while index < updates.count {
            let isFlow = updates[index].entry.table == .flowCache
            var end = index + 1
            while end < updates.count, (updates[end].entry.table == .flowCache) == isFlow { end += 1 }
            let run = updates[index..<end]
            results += isFlow ? writeFlows(run) : writeTables(run)
            index = end
        }
        return results
    }

    /// What was done to the tables by one update, to be undone if the card does not follow.
    private enum Undo {
        case table(TableChange)
        case station(MACKey, HeldEntries.Station?)
    }

    private func writeTables(_ updates: ArraySlice<TableUpdate>) -> [UpdateResult] {
        var results: [UpdateResult] = []
        var undo: [Undo?] = []
        var changed: [[TableEntry]] = []
        for update in updates {
            do throws(TableError) {
                let (step, entries) = try apply(update)
                undo.append(step)
                changed.append(entries)
                results.append(.applied)
            } catch {
                undo.append(nil)
                changed.append([])
                results.append(.rejected(error))
            }
        }
        let dirty = touched(by: changed.flatMap { $0 })
        let failures = judge(dirty)
        guard let why = failures.first?.why else { return results }
        // From the first update on that a rule was touched by which could not be made right.
        let failed = Set(failures.map(\.ordinal))
        let first = changed.firstIndex { !failed.isDisjoint(with: touched(by: $0)) } ?? 0
        let table = updates.first?.entry.table ?? .port
        var undone: [TableEntry] = []
        for index in stride(from: undo.count - 1, through: first, by: -1) {
            guard let step = undo[index] else { continue }
            revert(step)
            undone += changed[index]
            results[index] = .rejected(.backEnd(table: table, "the card could not be changed: \(why)"))
        }
        // Rules that were changed already follow the tables back. What cannot is condemned, and neither old nor new is wrong for it.
        _ = judge(touched(by: undone))
        return results
    }

    private func apply(_ update: TableUpdate) throws(TableError) -> (Undo, [TableEntry]) {
        if case .mac(let entry) = update.entry {
            if let error = state.validate(update) { throw error }
            let old = held.stations[entry.key]
            switch update.operation {
            case .insert:
                if old != nil { throw .alreadyExists(table: .mac, entry: update.entry.keyText) }
                guard held.stations.count < state.capacity(of: .mac) else {
                    throw .tableFull(table: .mac, capacity: state.capacity(of: .mac))
                }
                held.stations[entry.key] = HeldEntries.Station(entry: entry, lastHit: now)
            case .modify:
                if old == nil { throw .notFound(table: .mac, entry: update.entry.keyText) }
                held.stations[entry.key]?.entry = entry
            case .delete:
                if old == nil { throw .notFound(table: .mac, entry: update.entry.keyText) }
                held.stations[entry.key] = nil
            }
            return (.station(entry.key, old), [update.entry])
        }
        let change = try state.apply(update)
        return (.table(change), [change.old, change.new].compactMap { $0 })
    }

    private func revert(_ step: Undo) {
        switch step {
        case .table(let change): state.revert(change)
        case .station(let key, let old): held.stations[key] = old
        }
    }

    /// Rules that had to go and could not: once more, before anything is promised that they would break.
    func tidy() {
        if !tables.isReady || !tables.condemned.isEmpty { _ = try? recover() }
        collectReleased()
    }

    /// Tells of rules that are gone at last.
    func collectReleased() {
        for rule in tables.takeReleased() { forget(rule, withdrawing: true) }
    }
}
