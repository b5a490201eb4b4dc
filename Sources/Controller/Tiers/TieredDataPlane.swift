// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Two data planes as one: the one behind holds everything and decides every frame that hardware leaves to it; the one in front,
/// the card, knows the same tables and decides the frames of some megaflows.
///
/// - Writes go to the data plane behind first, then what it has applied to the one in front. A frame in between is decided by the
///   tables before, if it meets a rule, or by those after: by one data plane, and so never by a mixture. In the other order a
///   rule could be made that is right only by tables which are then refused.
/// - What users see of a write is what the data plane behind says of it. A front that cannot follow is emptied and not used
///   until it has been told all tables anew; `health` says so. A full card is never anybody's error.
/// - Derived flow entries are not told to the front: they say what the tables say.
/// - Packets that hardware has counted are added once (`HardwareCounts`): to the entries of flows and stations they were of, where
///   a rule stands for one, and to the verdicts. Hardware counts no bytes, so the bytes of entries are those of the frames
///   that were seen here.
/// - An entry whose frames hardware decides is as lately used as its rule.
public final class TieredDataPlane: ReconcilableDataPlane {
    let back: any ReconcilableDataPlane
    let front: any OffloadingDataPlane
    let planner: any MegaflowPlanner
    var counts: HardwareCounts
    var now = CoarseTime(rawValue: 0)

    /// Why the front is not used; nil: it is.
    private(set) var distrust: String?
    /// Rules that an unused front would not give up.
    private(set) var leftovers = 0
    private var failures = 0
    private var nextTelling: UInt64 = 0
    private var steadyFrom: UInt64 = 0
    /// How often the front was emptied because it could not follow.
    private(set) var distrusts: UInt64 = 0
    /// Changes of tables told to the front.
    private(set) var changes: UInt64 = 0
    /// Rules that went because tables changed or hardware was reset.
    private(set) var overtaken: UInt64 = 0

    /// - Parameters:
    ///   - back: holds everything.
    ///   - front: not used by anybody else. It is told the tables when they are reconciled, or with the first that is written.
    ///   - planner: knows the tables as the front does.
    ///   - seed: of hashes that bound memory; random unless given.
    public init(
        back: any ReconcilableDataPlane, front: any OffloadingDataPlane, planner: any MegaflowPlanner,
        seed: UInt64 = .random(in: .min ... .max)
    ) {
        (self.back, self.front, self.planner) = (back, front, planner)
        counts = HardwareCounts(seed: seed)
        // What an earlier process left in the tables, or on the card, is not known to the other yet.
        let holdsRules = (front as? any ReconcilableDataPlane)?.isAdopted ?? false
        if back.isAdopted || holdsRules || TableID.allCases.contains(where: { !back.entries(of: $0).isEmpty }) {
            distrust = Self.untold
        }
    }

    static let untold = "it has not been told the tables yet"

    public var capabilities: DataPlaneCapabilities { back.capabilities }

    // MARK: Writing

    public func write(_ updates: [TableUpdate]) -> [UpdateResult] {
        let results = back.write(updates)
        follow(updates, results)
        return results
    }

    /// Tells the front what was applied.
    private func follow(_ updates: [TableUpdate], _ results: [UpdateResult]) {
        var told: [TableUpdate] = []
        for (update, result) in zip(updates, results) where result == .applied {
            switch update.entry {
            case .flow(let flow):
                if update.operation != .modify { leave(.flow(flow.key)) }
                if flow.origin == .static || update.operation == .delete {
                    told.append(update)
                } else if update.operation == .modify {
                    // What was given is derived now: the front need not know it.
                    told.append(.delete(update.entry))
                }
            case .mac(let mac):
                if update.operation != .modify { leave(.station(mac.vlan, mac.mac)) }
                told.append(update)
            default: told.append(update)
            }
        }
        tell(told)
    }

    /// An entry is new or gone: what its rules have counted until now is not the next one's.
    private func leave(_ subject: OffloadSubject) {
        guard counts.has(subject) else { return }
        readCounts()
        counts.leave(subject)
    }

    /// Writes to the front; it is not used any more if it does not take something.
    func tell(_ updates: [TableUpdate]) {
        guard !updates.isEmpty, distrust == nil else { return }
        changes += 1
        var again: [TableUpdate] = []
        for (update, result) in zip(updates, front.write(updates)) {
            guard let error = result.error else { continue }
            // Learned or derived entries may be there or not, unknown to who writes over them.
            switch (update.entry, update.operation, error) {
            case (.flow, .insert, .alreadyExists), (.mac, .insert, .alreadyExists):
                again.append(.modify(update.entry))
            case (.flow, .modify, .notFound), (.mac, .modify, .notFound): again.append(.insert(update.entry))
            case (.flow, .delete, .notFound), (.mac, .delete, .notFound): break
            default: return empty(because: "it did not take \(update.entry.keyText): \(error)")
            }
        }
        if !again.isEmpty {
            for (update, result) in zip(again, front.write(again)) {
                guard let error = result.error else { continue }
                return empty(because: "it did not take \(update.entry.keyText): \(error)")
            }
        }
        takeWithdrawn()
    }

    // MARK: Trust

    /// Takes every rule out and uses the front no more, until `tellAll`.
    func empty(because reason: String) {
        if distrust == nil { distrusts += 1 }
        distrust = reason
        takeWithdrawn()
        withdraw(Array(counts.placements.keys))
        var left: [Megaflow] = []
        front.sweepOffloads { record in
            counts.count(record, now: now)
            left.append(record.megaflow)
            return .keep
        }
        withdraw(left)
        leftovers = 0
        front.sweepOffloads { _ in
            leftovers += 1
            return .keep
        }
        if leftovers == 0 { for megaflow in counts.placements.keys { counts.forget(megaflow) } }
    }

    /// The front is as it should be: it knows the tables.
    func trust() { (distrust, leftovers) = (nil, 0) }

    /// What is to be done now and then: rules that went by themselves are credited, and a front that could not follow is tried
    /// again, more and more rarely if it fails again.
    ///
    /// - Parameter now: nanoseconds.
    func tend(now: UInt64) {
        guard let distrust else {
            if now >= steadyFrom { failures = 0 }
            return takeWithdrawn()
        }
        if leftovers > 0 { empty(because: distrust) }
        guard now >= nextTelling, !isAdopted else { return }
        nextTelling = now &+ Self.firstTelling << UInt64(min(failures, 6))
        steadyFrom = now &+ Self.steady
        failures += 1
        tellAll(state: nil)
    }

    private static let firstTelling: UInt64 = 1_000_000_000
    /// A front that has followed for so long is as good as one that always has.
    private static let steady: UInt64 = 300_000_000_000

    // MARK: The rules

    /// Puts megaflows on the card; a result for each, in order.
    func offload(
        _ wanted: [(candidate: OffloadCandidate, sample: OffloadSample)]
    ) -> [Result<OffloadDecision, OffloadRefusal>] {
        if let distrust { return wanted.map { _ in .failure(.hardware(distrust)) } }
        takeWithdrawn()
        let results = front.offload(wanted.map(\.candidate.megaflow))
        for (each, result) in zip(wanted, results) {
            guard case .success(let decision) = result else { continue }
            let megaflow = each.candidate.megaflow
            counts.place(
                megaflow,
                .init(
                    subject: each.sample.subject(of: megaflow, decision), source: each.candidate.refreshes,
                    decision: decision, place: ""))
        }
        return results
    }

    /// Takes megaflows off the card.
    func withdraw(_ megaflows: [Megaflow]) {
        guard !megaflows.isEmpty else { return }
        for record in front.withdraw(megaflows) {
            if let record { counts.withdraw(record, now: now) }
        }
        takeWithdrawn()
    }

    /// Credits rules that went by themselves.
    func takeWithdrawn() {
        for record in front.takeWithdrawn() {
            counts.withdraw(record, now: now)
            overtaken += 1
        }
    }

    /// Reads what the card has counted, and sees what is there.
    func readCounts() {
        takeWithdrawn()
        guard !counts.placements.isEmpty || distrust == nil else { return }
        var met: Set<Megaflow> = []
        front.sweepOffloads { record in
            counts.count(record, now: now)
            met.insert(record.megaflow)
            return .keep
        }
        takeWithdrawn()
        counts.miss(but: met)
    }

    // MARK: Generation, time, events

    public var generation: PolicyGeneration { back.generation }

    @discardableResult
    public func advanceGeneration() -> PolicyGeneration {
        let generation = back.advanceGeneration()
        front.advanceGeneration()
        takeWithdrawn()
        return generation
    }

    public func setTime(_ now: CoarseTime) {
        self.now = now
        back.setTime(now)
        front.setTime(now)
    }

    public func pollEvents(maximum: Int, _ body: (borrowing DataPlaneEvent) -> Void) -> Int {
        let count = back.pollEvents(maximum: maximum, body)
        return count < maximum ? count + front.pollEvents(maximum: maximum - count, body) : count
    }

    public func packetOut(_ packet: RawSpan, port: PortID) throws(DataPlaneError) {
        try back.packetOut(packet, port: port)
    }

    public func health() -> DataPlaneHealth {
        var health = back.health()
        let card = front.health()
        let name = front.capabilities.name
        health.complaints += (frontComplaints + card.complaints).map { "\(name): \($0)" }
        health.eventsSent += card.eventsSent
        health.eventsRepeated += card.eventsRepeated
        health.eventsLost += card.eventsLost
        return health
    }

    /// What is wrong between the two.
    var frontComplaints: [String] {
        guard let distrust, distrust != Self.untold else { return [] }
        return [
            "nothing is offloaded: \(distrust)"
                + (leftovers == 0
                    ? "" : "; \(leftovers) rules could not be taken out and may decide by tables of before")
        ]
    }
}
