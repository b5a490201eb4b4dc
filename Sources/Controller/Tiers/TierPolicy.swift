// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Chooses what is on the card: the hottest of what it can decide. Pure: time, rates and room in, moves out.
///
/// Each round:
/// 1. Rules that have become cold leave.
/// 2. What is hot and not there is tried, owners taking turns, while there is room.
/// 3. Where there is none, it takes the place of the coldest rule of an owner who has more than a share, if its own owner has
///    less; else of one that is clearly colder.
/// Nothing moves before its time, no round has more than so many moves, and what was refused is left alone for a while.
public struct TierPolicy: Sendable {
    /// A rule on the card.
    public struct Rule: Sendable {
        public var owner: OffloadOwner
        /// When it was placed, nanoseconds.
        public var since: UInt64
        /// Packets per second, smoothed; nil: not known yet.
        public var rate: Double?
        /// The card's table that it takes room in.
        public var table: String?
        var packets: UInt64
        var time: UInt64
    }

    public struct Move: Hashable, Sendable {
        public var sample: OffloadSample
        /// The rule that is to make room, once there is a megaflow for the sample.
        public var victim: Megaflow?
    }

    public struct Moves: Sendable {
        /// Cold rules.
        public var withdrawals: [Megaflow] = []
        public var offloads: [Move] = []
    }

    public var settings: TierSettings {
        didSet {
            meter.hot = settings.promote
            guard settings.tenants != oldValue.tenants else { return }
            for (megaflow, rule) in rules {
                rules[megaflow]?.owner = settings.tenants.owner(of: megaflow.ingressPort ?? rule.owner.port)
            }
        }
    }
    public private(set) var rules: [Megaflow: Rule] = [:]
    /// The rules that something was moved by.
    private var moved: [OffloadSubject: [Megaflow]] = [:]
    var meter: FlowMeter
    var hot: HotList
    var memory = RefusalMemory()
    /// Words that may be spent now.
    private var words = 0.0
    private var lastRound: UInt64?
    /// What a move was taken to cost, words.
    private var cost = 0.0

    /// - Parameter samples: hot flows and stations of one owner that are remembered in a round.
    public init(_ settings: TierSettings = TierSettings(), samples: Int = 256) {
        self.settings = settings
        meter = FlowMeter(hot: settings.promote)
        hot = HotList(capacity: samples)
    }

    func isMoved(_ subject: OffloadSubject) -> Bool { moved[subject] != nil }

    /// The hottest of the rules it was moved by.
    func rule(of subject: OffloadSubject) -> Megaflow? {
        moved[subject]?.max { rules[$0]?.rate ?? 0 < rules[$1]?.rate ?? 0 }
    }

    // MARK: What the card has

    /// Takes over what rules have counted; of those that are not among them nothing is kept.
    mutating func look(at found: [(megaflow: Megaflow, packets: UInt64, table: String?)], now: UInt64) {
        var gone = Set(rules.keys)
        for each in found {
            gone.remove(each.megaflow)
            guard var rule = rules[each.megaflow] else {
                rules[each.megaflow] = Rule(
                    owner: settings.tenants.owner(of: each.megaflow.ingressPort), since: now, table: each.table,
                    packets: each.packets, time: now)
                continue
            }
            rule.table = each.table ?? rule.table
            let elapsed = now &- rule.time
            if elapsed >= FlowMeter.shortestInterval {
                let more = each.packets >= rule.packets ? each.packets - rule.packets : each.packets
                let rate = Double(more) * 1e9 / Double(elapsed)
                let weight = Double(elapsed) / Double(elapsed &+ settings.smoothing)
                rule.rate = rule.rate.map { $0 + (rate - $0) * weight } ?? rate
                (rule.packets, rule.time) = (each.packets, now)
            }
            rules[each.megaflow] = rule
        }
        remove(gone)
    }

    private mutating func remove(_ gone: Set<Megaflow>) {
        guard !gone.isEmpty else { return }
        for megaflow in gone { rules[megaflow] = nil }
        for (subject, megaflows) in moved where megaflows.contains(where: gone.contains) {
            let left = megaflows.filter { !gone.contains($0) }
            moved[subject] = left.isEmpty ? nil : left
        }
    }

    // MARK: A round

    /// What is to be done now. The results are to be told with `settle`, and of withdrawals with `look`.
    public mutating func decide(tables: [OffloadTable], now: UInt64) -> Moves {
        var moves = Moves()
        cost = Double(max(1, tables.map(\.wordsPerRule).max() ?? 1))
        let elapsed = Double(now &- (lastRound ?? now)) / 1e9
        lastRound = now
        // A move that is dearer than a second's words must be possible too.
        words = min(words + settings.wordsPerSecond * elapsed, max(settings.wordsPerSecond, 2 * cost))
        let most = min(settings.movesPerRound, Int(words / cost))
        var left = most
        memory.age(now: now, settings: settings)

        let cold = rules.filter { _, rule in
            guard let rate = rule.rate else { return false }
            let stay = rule.packets == 0 ? min(settings.trial, settings.minimumStay) : settings.minimumStay
            return rate < settings.demote && now &- rule.since >= stay
        }
        // Those that were moved first: they have had their time.
        moves.withdrawals = cold.sorted { $0.value.since < $1.value.since }.prefix(left).map(\.key)
        left -= moves.withdrawals.count
        let candidates = hot.inTurns()
        refuse(missing: Set(moves.withdrawals), among: candidates, now: now)
        var room = TierRoom(tables: tables, rules: rules, settings: settings)
        for megaflow in moves.withdrawals { room.leave(megaflow) }
        for sample in candidates where !isMoved(sample.subject) {
            let note = memory[sample.subject]
            if let note, note.until > now { continue }
            guard left > 0 else {
                memory.hold(sample.subject, .waits, now: now)
                continue
            }
            switch room.place(sample, fullTable: note?.fullTable, now: now) {
            case .free:
                moves.offloads.append(Move(sample: sample))
                left -= 1
            case .instead(let victim):
                guard left > 1 else {
                    room.keep(victim, instead: sample.owner)
                    memory.hold(sample.subject, .waits, now: now)
                    continue
                }
                moves.offloads.append(Move(sample: sample, victim: victim))
                left -= 2
            case .none(let obstacle): memory.hold(sample.subject, obstacle, now: now)
            }
        }
        hot.removeAll()
        words -= Double(most - left) * cost
        return moves
    }

    /// Rules are cold while what they were made for is hot: its frames are not as they were thought to be. Placing them again would
    /// go on for ever.
    private mutating func refuse(missing cold: Set<Megaflow>, among candidates: [OffloadSample], now: UInt64) {
        guard !cold.isEmpty else { return }
        for sample in candidates {
            guard let megaflows = moved[sample.subject], megaflows.allSatisfy(cold.contains) else { continue }
            let refusal = OffloadRefusal.hardware("its packets did not meet the rule that was made for it")
            memory.refuse(sample.subject, refusal, now: now, mayTryAgain: false, settings: settings)
        }
    }

    /// What became of a move.
    ///
    /// - Parameters:
    ///   - result: the megaflows that are on the card for it, or why none is.
    ///   - tables: as they were when it was tried.
    mutating func settle(
        _ move: Move, _ result: Result<[Megaflow], OffloadRefusal>, tables: [OffloadTable], now: UInt64
    ) {
        let subject = move.sample.subject
        switch result {
        case .success(let megaflows):
            memory.placed(subject)
            moved[subject] = megaflows
            for megaflow in megaflows where rules[megaflow] == nil {
                rules[megaflow] = Rule(owner: move.sample.owner, since: now, table: nil, packets: 0, time: now)
            }
        case .failure(let refusal):
            // Nothing went over the bus.
            words += cost
            var mayTryAgain = false
            // A table without room was not known to be the one: the next time somebody else's place is asked for. Where there
            // seems to be room, the slot is what is taken, and asking again would be of no use.
            if case .full(let table, _) = refusal, move.victim == nil,
                tables.first(where: { $0.name == table })?.free ?? 0 == 0
            {
                mayTryAgain = memory[subject]?.fullTable != table
            }
            memory.refuse(subject, refusal, now: now, mayTryAgain: mayTryAgain, settings: settings)
        }
    }

    // MARK: For people

    /// Why something is where it is; nil: nothing is known of it.
    func obstacle(of subject: OffloadSubject) -> OffloadObstacle? { memory[subject]?.obstacle }
}
