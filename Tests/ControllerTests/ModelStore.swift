// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Tables

@testable import Controller

/// A store in memory: what is in `disk` outlives the controllers that use it.
final class ModelStore: NodeStore {
    struct Disk: Sendable {
        var node = StoredNode()
        var amendments: [EntryKey: Amendment] = [:]
        var revisions: [[EntryKey: Amendment]] = []
    }

    private struct State {
        var disk = Disk()
        var problem: StoreProblem?
        var unreadable: StoreProblem?
        /// Changes that wait for `finish`, while `holds`.
        var waiting: [(StoreChange, @Sendable (StoreProblem?) -> Void)] = []
        var holds = false
        /// `recover` succeeds.
        var canRecover = false
        var recoveries = 0
    }
    private let state = Mutex(State())

    init(_ disk: Disk = Disk()) { state.withLock { $0.disk = disk } }

    var disk: Disk { state.withLock { $0.disk } }
    var problem: StoreProblem? { state.withLock { $0.problem } }
    var notices: [String] { [] }
    var waiting: Int { state.withLock { $0.waiting.count } }
    var recoveries: Int { state.withLock { $0.recoveries } }

    func set(unreadable: StoreProblem) { state.withLock { ($0.unreadable, $0.problem) = (unreadable, unreadable) } }

    /// Everything fails from now on.
    func fail(_ problem: StoreProblem?) { state.withLock { $0.problem = problem } }

    func letRecover() { state.withLock { $0.canRecover = true } }

    /// Keeps changes until `finish`.
    func hold() { state.withLock { $0.holds = true } }

    /// Stores what waits, or fails it.
    func finish(_ problem: StoreProblem? = nil) {
        let waiting = state.withLock { state in
            defer { (state.waiting, state.holds) = ([], false) }
            if let problem {
                state.problem = problem
            } else {
                for (change, _) in state.waiting { Self.apply(change, to: &state.disk) }
            }
            return state.waiting
        }
        for (_, completion) in waiting { completion(problem) }
    }

    func load(count: (Int) -> Void, _ amendment: (Amendment) -> Void) throws(StoreProblem) -> StoredNode {
        let (disk, unreadable) = state.withLock { ($0.disk, $0.unreadable) }
        if let unreadable { throw unreadable }
        count(disk.amendments.count)
        for each in disk.amendments.values { amendment(each) }
        return disk.node
    }

    func commit(_ change: sending StoreChange, completion: @escaping @Sendable (StoreProblem?) -> Void) {
        let change = change
        let answer: StoreProblem?? = state.withLock { state in
            if let problem = state.problem { return .some(problem) }
            if state.holds {
                state.waiting.append((change, completion))
                return nil
            }
            Self.apply(change, to: &state.disk)
            return .some(nil)
        }
        if let answer { completion(answer) }
    }

    func recover() {
        state.withLock { state in
            state.recoveries += 1
            if state.canRecover { state.problem = nil }
        }
    }

    func close() {}

    private static func apply(_ change: StoreChange, to disk: inout Disk) {
        disk.node.revision += 1
        if let configuration = change.configuration { disk.node.configuration = configuration }
        if let identities = change.identities { disk.node.identities = identities }
        if let generation = change.generation { disk.node.generation = generation }
        if change.forgetsAmendments { disk.amendments = [:] }
        for amendment in change.amendments { disk.amendments[amendment.entry.entryKey] = amendment }
        for entry in change.forgotten { disk.amendments[entry.entryKey] = nil }
        for (name, shadow) in change.shadows {
            var stored = disk.node.shadows[name] ?? Shadow(marker: 0)
            if let marker = shadow.marker { stored.marker = marker }
            for (place, content) in shadow.records { stored.records[place] = content }
            disk.node.shadows[name] = stored
        }
    }
}
