// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Tables

/// The rules of one card: where they are, what is known to be in the card, and what stands in the shadow. It knows nothing of
/// what rules mean to the node's tables.
///
/// - The shadow speaks before the card is written: after a crash at any access the next process finds what the card may have
///   of every rule, and finishes it (`start`).
/// - A word that is there is not written.
/// - An access that fails condemns the rules it may have concerned: they are to go, and their places are not used until they have
///   (`recover`).
/// - A marker in the card's scratch register, written last, says that the card has what the shadow says. It is another one after
///   a reset (`check`).
public final class FlowCacheTables {
    public let driver: CardDriver
    let store: any CardShadowStore
    public internal(set) var book: RuleBook
    var plan: WritePlan
    /// In the card's scratch register while its tables are ours; 0: they are not.
    var marker: UInt32 = 0
    /// Records that say less than is known; they go with the next change.
    var unsettled: [UInt64: [UInt8]?] = [:]
    /// Places that have a record.
    var recorded: Set<Int> = []
    /// Rules to be taken out as soon as the card can be written.
    var condemned: Set<Int> = []
    let fingerprint: UInt32
    private let makeMarker: () -> UInt32

    /// Rules that were condemned and are gone now, with their last counts, until somebody takes them (`takeReleased`).
    var released: [CardRule] = []

    // What `health` and the bench tell of.
    public internal(set) var resets = 0
    /// A reset was found, and the tables have not been written again yet.
    var isResetUntold = false
    public internal(set) var errors: UInt64 = 0
    public internal(set) var lastError: String?
    /// Words written to tables.
    public internal(set) var wordsWritten: UInt64 = 0
    /// Counts that were lost because a rule's counter could not be read.
    public internal(set) var lostCounts: UInt64 = 0

    /// - Parameters:
    ///   - priority: of every rule, 0...255.
    ///   - queues: queues that rules may use, the preferred ones first.
    ///   - makeMarker: another number each time, never 0.
    public init(
        driver: CardDriver, ports: CardPorts, store: any CardShadowStore, priority: UInt8 = 255,
        queues: [Int] = Array(0..<8), makeMarker: @escaping () -> UInt32 = { UInt32.random(in: 1 ... .max) }
    ) {
        (self.driver, self.store, self.makeMarker) = (driver, store, makeMarker)
        book = RuleBook(
            keys: CardKeys(driver.identity, driver.quirks), quirks: driver.quirks, ports: ports, priority: priority,
            queues: queues)
        plan = WritePlan(tables: CardTables(driver.map))
        fingerprint = book.fingerprint
    }

    func newMarker() -> UInt32 {
        while true {
            let number = makeMarker()
            if number != 0, number != marker, number != BusError.absentPattern, number != BusError.timeoutPattern {
                return number
            }
        }
    }

    /// Whether the card's tables are ours, so that rules can be written.
    public var isReady: Bool { marker != 0 }

    var notReady: OffloadRefusal {
        .hardware("the card's tables have to be written first: \(lastError ?? "it was not started")")
    }

    func note(_ error: CardError) {
        errors += 1
        lastError = error.description
    }

    // MARK: Changes

    /// One rule to be changed; the rule's number is its place's.
    enum Step {
        /// It was just placed in the book; the card is to have it. If nothing can be written its place is given back.
        case insert(Int)
        /// It is in the book and not in the card; the card is to have it.
        case write(Int)
        /// Another decision, with its word.
        case modify(Int, OffloadDecision, UInt32)
        case remove(Int)

        var ordinal: Int {
            switch self {
            case .insert(let ordinal), .write(let ordinal), .modify(let ordinal, _, _), .remove(let ordinal): ordinal
            }
        }
    }

    /// Carries steps out, in order, as one batch. Returns for each why it failed, nil if it did not. What could not be recorded has
    /// changed nothing; what failed on the bus is condemned. `removed` is told of each rule that was taken out, with its last
    /// count; one whose count could not be read is condemned and told of later (`takeReleased`).
    func carryOut(_ steps: [Step], removed: (CardRule) -> Void = { _ in }) -> [OffloadRefusal?] {
        if steps.isEmpty { return [] }
        guard isReady else { return giveUp(steps, notReady) }
        do throws(CardShadowError) {
            try record(steps)
        } catch {
            note(.shadow(error))
            return giveUp(steps, .hardware("the change was not made: the card's shadow: \(error)"))
        }
        plan.begin()
        var ends: [WritePlan.Extent] = []
        ends.reserveCapacity(steps.count)
        for step in steps {
            add(step)
            ends.append(plan.extent)
        }
        var done = WritePlan.Extent()
        var failure: CardError?
        do {
            try plan.run(driver.bus, done: &done)
        } catch {
            failure = .bus(error)
            note(.bus(error))
        }
        wordsWritten += UInt64(done.words)
        return settle(steps, ends: ends, done: done, failure, removed)
    }

    private func giveUp(_ steps: [Step], _ why: OffloadRefusal) -> [OffloadRefusal?] {
        for case .insert(let ordinal) in steps { book.free(ordinal) }
        return steps.map { _ in why }
    }

    private func add(_ step: Step) {
        switch step {
        case .insert(let ordinal), .write(let ordinal): if let rule = book[ordinal] { plan.insert(rule) }
        case .remove(let ordinal): if let rule = book[ordinal] { plan.remove(rule) }
        case .modify(let ordinal, let decision, let word):
            book.update(ordinal) { ($0.decision, $0.actionWord) = (decision, word) }
            if let rule = book[ordinal] { plan.modify(rule) }
        }
    }

    private func settle(
        _ steps: [Step], ends: [WritePlan.Extent], done: WritePlan.Extent, _ failure: CardError?,
        _ removed: (CardRule) -> Void
    ) -> [OffloadRefusal?] {
        var gone: [Int] = []
        var results: [OffloadRefusal?] = []
        results.reserveCapacity(steps.count)
        for (step, end) in zip(steps, ends) {
            guard failure == nil || done.covers(end) else {
                condemn(step.ordinal)
                results.append(.hardware(failure.map { "\($0)" } ?? ""))
                continue
            }
            results.append(nil)
            switch step {
            case .insert(let ordinal), .write(let ordinal), .modify(let ordinal, _, _):
                book.update(ordinal) { $0.state = .live }
                if let rule = book[ordinal] {
                    unsettled[UInt64(ordinal)] = ShadowRecord(rule, .settled, fingerprint: fingerprint).bytes
                }
            case .remove(let ordinal): gone.append(ordinal)
            }
        }
        forget(gone, removed)
        return results
    }

    /// Rules that the card has nothing of any more: counted a last time, and free.
    private func forget(_ gone: [Int], _ removed: (CardRule) -> Void) {
        if gone.isEmpty { return }
        let drained = drain(gone)
        for ordinal in gone {
            // Whoever gets the action next would be counted what is left in its counter.
            guard drained, let rule = book[ordinal] else {
                condemn(ordinal)
                continue
            }
            if rule.state == .condemned {
                release(ordinal)
            } else {
                book.free(ordinal)
                removed(rule)
            }
            unsettled[UInt64(ordinal)] = .some(nil)
        }
    }

    func condemn(_ ordinal: Int) {
        book.condemn(ordinal)
        condemned.insert(ordinal)
        if let rule = book[ordinal] { plan.forget(rule) }
    }

    func release(_ ordinal: Int) {
        if let rule = book[ordinal] { released.append(rule) }
        book.free(ordinal)
        condemned.remove(ordinal)
    }

    /// Rules that had to go because accesses failed, or the card was reset, and are gone; each is told once.
    public func takeReleased() -> [CardRule] {
        defer { released = [] }
        return released
    }

    // MARK: Shadow

    private func record(_ steps: [Step]) throws(CardShadowError) {
        var change = CardShadowChange(records: unsettled)
        for step in steps {
            guard var rule = book[step.ordinal] else { continue }
            var state = ShadowRecord.State.writing
            switch step {
            case .insert, .write: break
            case .modify(_, let decision, let word): (rule.decision, rule.actionWord) = (decision, word)
            case .remove: state = .going
            }
            change.records[UInt64(step.ordinal)] = ShadowRecord(rule, state, fingerprint: fingerprint).bytes
        }
        try store.record(change)
        unsettled.removeAll(keepingCapacity: true)
        for step in steps { recorded.insert(step.ordinal) }
    }

    /// Writes down what is known beyond what the shadow says. Not needed for safety; a restart then has less to write.
    public func flush() throws(CardShadowError) {
        if unsettled.isEmpty { return }
        try store.record(CardShadowChange(records: unsettled))
        for (place, record) in unsettled where record == nil { recorded.remove(Int(place)) }
        unsettled.removeAll(keepingCapacity: true)
    }

    // MARK: Counters

    /// Adds what the card counted since the last time to the rules. What the bus failed to tell is lost; returns whether all came.
    @discardableResult
    func drain(_ ordinals: [Int]) -> Bool {
        let datapaths = min(driver.identity.datapathCount, driver.map.rxStatistics.count)
        var batch: [RegisterAccess] = []
        batch.reserveCapacity(ordinals.count * datapaths)
        for datapath in 0..<datapaths {
            let counters = driver.map.rxStatistics[datapath].goodFlowid
            for ordinal in ordinals { batch.append(.read(counters[book[ordinal]?.action ?? 0].address)) }
        }
        var good = batch.count
        do {
            try driver.bus.transfer(&batch)
        } catch {
            good = min(error.completed, good)
            lostCounts += 1
            note(.bus(error))
        }
        for index in 0..<good where batch[index].value != 0 {
            let count = UInt64(batch[index].value)
            book.update(ordinals[index % ordinals.count]) { $0.packets += count }
        }
        return good == batch.count
    }
}
