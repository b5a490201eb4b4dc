// SPDX-License-Identifier: Apache-2.0
import Tables

/// The updates that turn one set of entries into another.
public enum TableDifference {
    /// Which goes first where entries come and go.
    public enum Order: Sendable {
        /// New entries before old ones are deleted: no packet finds neither. Needs room for both.
        case makeBeforeBreak
        /// What nothing refers to is deleted first: for tables too full for both.
        case breakBeforeMake
    }

    /// Inserts and modifications in the order of dependence, deletions in the reverse order. Stations are always replaced
    /// old first: a port holds few of them.
    public static func updates(
        from old: [EntryKey: TableEntry], to new: [EntryKey: TableEntry], order: Order = .makeBeforeBreak
    ) -> [TableUpdate] {
        var first: [TableUpdate] = []
        var made: [[TableUpdate]] = Array(repeating: [], count: TableEntry.rankCount)
        var broken: [[TableUpdate]] = Array(repeating: [], count: TableEntry.rankCount)
        for (key, entry) in old where new[key] == nil {
            if case .myStation = entry {
                first.append(.delete(entry))
            } else if order == .breakBeforeMake, entry.isLeaf {
                first.append(.delete(entry))
            } else {
                broken[entry.rank].append(.delete(entry))
            }
        }
        for (key, entry) in new {
            guard let before = old[key] else {
                made[entry.rank].append(.insert(entry))
                continue
            }
            if before != entry { made[entry.rank].append(.modify(entry)) }
        }
        return first + made.flatMap { $0 } + broken.reversed().flatMap { $0 }
    }

    /// The update that undoes one, given the entry before it.
    static func inverse(of update: TableUpdate, old: TableEntry?) -> TableUpdate? {
        switch update.operation {
        case .insert: .delete(update.entry)
        case .modify: old.map { .modify($0) }
        case .delete: old.map { .insert($0) }
        }
    }

    /// Whether an update can change what a derived flow entry would be, so that those there are must not be used any more.
    /// Not: what is looked at packet by packet (neighbours, link state, MTU), and new things nothing refers to yet.
    static func changesPolicy(_ update: TableUpdate, old: TableEntry?, neighborRoutes: Set<EntryKey>) -> Bool {
        switch update.entry {
        case .neighbor, .mac, .flow, .vlan: return false
        case .nextHop, .nextHopGroup, .routerInterface: return update.operation != .insert
        case .route:
            return update.operation != .insert || !neighborRoutes.contains(update.entry.entryKey)
        case .port(let new):
            guard update.operation == .modify, case .port(var before)? = old else { return update.operation == .delete }
            (before.up, before.mtu, before.learnFlows, before.learnMACs) = (
                new.up, new.mtu, new.learnFlows, new.learnMACs
            )
            (before.malformed, before.admit) = (new.malformed, new.admit)
            return before != new
        case .myStation, .acl: return true
        }
    }
}
