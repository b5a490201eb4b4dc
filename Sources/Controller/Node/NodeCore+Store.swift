// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Packet
import Tables

/// A change that is in the tables and not known to be on disk yet.
struct PendingChange {
    var ticket: UInt64
    var stored: StoreChange
    var undo: Undo
    /// What went along though nobody waits for it.
    var debt: StoreChange?
}

/// How to get back to what was wanted before a change.
struct Undo {
    /// Configuration and numbers; nil if they did not change.
    private(set) var snapshot: (configuration: Configuration?, identities: Identities)?
    private(set) var amendments: [EntryKey: Amendment?]

    init(amendments: [EntryKey: Amendment?]) { self.amendments = amendments }

    init(_ core: NodeCore) {
        snapshot = (core.configuration, core.identities)
        amendments = [:]
    }

    func undoing(amendments: [EntryKey: Amendment?]) -> Undo {
        var copy = self
        copy.amendments = amendments
        return copy
    }

    /// Undoes `later` too, before this.
    mutating func prepend(_ earlier: Undo) {
        amendments.merge(earlier.amendments) { $1 }
        snapshot = earlier.snapshot ?? snapshot
    }
}

// Changes are made in the tables first and stored then, all in one order; whoever asked gets the answer when they are on disk.
// If that fails, all that are not on disk are undone together, newest first: the tables hold what the store holds.
extension NodeCore {
    static func wallClock() -> UInt64 { UInt64(max(0, time(nil))) }

    /// Changes are refused with this; nil: they are taken.
    var refusal: StoreProblem? { store == nil ? nil : storeProblem }

    /// Hands a change, made in the tables, to be stored.
    func enqueue(_ change: StoreChange, _ undo: Undo) {
        guard store != nil else { return }
        guard !isStarting else { return owe(change) }
        var stored = change
        stored.generation = dataPlane.generation.rawValue
        nextTicket += 1
        let owed = debt
        if let owed { stored.precede(by: owed) }
        debt = nil
        pending.append(PendingChange(ticket: nextTicket, stored: change, undo: undo, debt: owed))
        outgoing = (nextTicket, stored)
    }

    /// Something to be stored that nobody waits for: with the next change, or soon.
    func owe(_ change: StoreChange) {
        guard store != nil else { return }
        var sum = change
        if let debt { sum.precede(by: debt) }
        debt = sum
    }

    /// Gives numbers to next hops that new facts bring, so that they can be stored before the tables show them: else a process that
    /// is killed in between leaves tables whose numbers the next one gives to others. Returns whether there are any.
    func number(_ facts: HostFacts) -> Bool {
        guard store != nil, refusal == nil, let configuration, facts != self.facts else { return false }
        var numbered = identities
        _ = plan(configuration, facts, &numbered)
        // What is not wanted any more keeps its number until it is out of the tables.
        let new = numbered.nextHops.given.filter { identities.nextHops.given[$0.key] == nil }
        guard !new.isEmpty else { return false }
        identities.nextHops.given.merge(new) { old, _ in old }
        var stored = StoreChange()
        stored.identities = identities
        enqueue(stored, Undo(amendments: [:]))
        return true
    }

    /// Stores a change while the caller waits.
    func storeNow(_ change: StoreChange) {
        guard let store, refusal == nil else { return owe(change) }
        let isDone = DispatchSemaphore(value: 0)
        store.commit(change) { _ in isDone.signal() }
        isDone.wait()
        // Should it have failed: the store says so, and this is stored with what comes when it works again.
        if store.problem != nil { owe(change) }
    }

    func setShadow(_ place: UInt64, _ content: [UInt8]?) {
        guard shadow[place] != content else { return }
        shadow[place] = content
        var change = StoreChange()
        change.shadows[dataPlane.capabilities.name] = .init(records: [place: content])
        owe(change)
    }

    /// What is to be handed to the store now.
    func takeOutgoing() -> (ticket: UInt64, change: StoreChange)? {
        defer { outgoing = nil }
        return outgoing
    }

    /// A change is on disk, or cannot be: then everything that is not is undone.
    func stored(_ ticket: UInt64, _ problem: StoreProblem?, now: UInt64) {
        guard let problem else {
            guard let place = pending.firstIndex(where: { $0.ticket == ticket }) else { return }
            revision += UInt64(place) + 1
            pending.removeSubrange(...place)
            return
        }
        if storeProblem == nil { log("degraded", ["problem": problem.name, "why": "\(problem)"]) }
        storeProblem = problem
        nextRecovery = now &+ 1_000_000_000
        guard pending.contains(where: { $0.ticket == ticket }) else { return }
        undoPending(now: now)
    }

    private func undoPending(now: UInt64) {
        var undo = Undo(amendments: [:])
        for change in pending.reversed() { undo.prepend(change.undo) }
        // What went along was not undone: it is still to be stored.
        let owed = pending.compactMap(\.debt)
        pending = []
        for change in owed.reversed() {
            var sum = change
            if let debt {
                var later = debt
                later.precede(by: change)
                sum = later
            }
            debt = sum
        }
        var change = WantedChange(amendments: undo.amendments)
        var plan = plan
        if let (configuration, identities) = undo.snapshot {
            self.identities = identities
            self.configuration = configuration
        }
        if undo.snapshot != nil, let configuration {
            plan = self.plan(configuration, facts, &identities)
            change.planned = plan?.byKey
        }
        guard let plan else { return }
        do {
            let report = try reach(change, plan: plan, now: now).report
            adopt(plan, notices: notices)
            log("undone", ["changes": "\(report.inserted + report.modified + report.deleted)"])
        } catch {
            log("not_undone", ["error": "\(error)"])
            notices.append("a change that could not be stored could not be undone either: \(error)")
        }
    }

    /// Pays what is owed, and looks whether a store that failed works again.
    func tendStore(now: UInt64) {
        guard let store else { return }
        if storeProblem != nil {
            if store.problem == nil {
                storeProblem = nil
                log("recovered", ["amendments": "\(wanted.amendmentCount)"])
            } else if now >= nextRecovery {
                nextRecovery = now &+ 1_000_000_000
                store.recover()
            }
        } else if let problem = store.problem {
            log("degraded", ["problem": problem.name, "why": "\(problem)"])
            storeProblem = problem
        } else if let owed = debt, !owed.isEmpty, outgoing == nil {
            debt = nil
            nextTicket += 1
            pending.append(
                PendingChange(ticket: nextTicket, stored: StoreChange(), undo: Undo(amendments: [:]), debt: owed))
            outgoing = (nextTicket, owed)
        }
    }
}

extension StoreChange {
    /// Makes this the sum of an earlier change and itself.
    mutating func precede(by earlier: StoreChange) {
        configuration = configuration ?? earlier.configuration
        identities = identities ?? earlier.identities
        generation = generation ?? earlier.generation
        let mine = Set((amendments.map(\.entry) + forgotten).map(\.entryKey))
        if !forgetsAmendments {
            forgetsAmendments = earlier.forgetsAmendments
            amendments = earlier.amendments.filter { !mine.contains($0.entry.entryKey) } + amendments
            forgotten = earlier.forgotten.filter { !mine.contains($0.entryKey) } + forgotten
        }
        for (name, shadow) in earlier.shadows {
            guard let later = shadows[name] else {
                shadows[name] = shadow
                continue
            }
            shadows[name] = ShadowChange(
                marker: later.marker ?? shadow.marker, records: shadow.records.merging(later.records) { $1 })
        }
    }

    var isEmpty: Bool {
        configuration == nil && identities == nil && generation == nil && !forgetsAmendments && amendments.isEmpty
            && forgotten.isEmpty && shadows.isEmpty
    }
}
