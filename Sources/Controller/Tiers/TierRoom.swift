// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The room on the card while a round is decided: what is free, who holds how much, and which rule would make room.
struct TierRoom {
    enum Place {
        case free
        case instead(Megaflow)
        case none(OffloadObstacle)
    }

    private let settings: TierSettings
    private var rules: [Megaflow: TierPolicy.Rule]
    private var victims: [Megaflow: TierPolicy.Rule] = [:]
    private let capacity: Int
    private var free: Int
    private let capacities: [String: Int]
    private var freeByTable: [String: Int]
    private var held = [Int](repeating: 0, count: OffloadOwner.count)
    private var heldByTable: [String: [Int]] = [:]

    init(tables: [OffloadTable], rules: [Megaflow: TierPolicy.Rule], settings: TierSettings) {
        (self.settings, self.rules) = (settings, rules)
        // What every rule needs one of, an action, may be less than there is room for rules.
        let needed = tables.filter { !$0.holdsRules }
        let tables = tables.filter(\.holdsRules)
        capacity = min(tables.reduce(0) { $0 + $1.capacity }, needed.map(\.capacity).min() ?? .max)
        free = min(tables.reduce(0) { $0 + $1.free }, needed.map(\.free).min() ?? .max)
        capacities = Dictionary(tables.map { ($0.name, $0.capacity) }) { first, _ in first }
        freeByTable = Dictionary(tables.map { ($0.name, $0.free) }) { first, _ in first }
        for rule in rules.values { count(rule, 1) }
    }

    private mutating func count(_ rule: TierPolicy.Rule, _ change: Int) {
        held[Int(rule.owner.rawValue)] += change
        guard let table = rule.table else { return }
        heldByTable[table, default: [Int](repeating: 0, count: OffloadOwner.count)][Int(rule.owner.rawValue)] += change
    }

    private func held(_ owner: OffloadOwner, in table: String?) -> Int {
        guard let table else { return held[Int(owner.rawValue)] }
        return heldByTable[table]?[Int(owner.rawValue)] ?? 0
    }

    /// What an owner keeps, of a table or of all.
    private func share(of owner: OffloadOwner, in table: String?) -> Int {
        max(1, Int(Double(table.flatMap { capacities[$0] } ?? capacity) * settings.share(of: owner)))
    }

    private func isBelowShare(_ owner: OffloadOwner, _ table: String?) -> Bool {
        guard held(owner, in: nil) < share(of: owner, in: nil) else { return false }
        guard let table else { return true }
        return held(owner, in: table) < share(of: owner, in: table)
    }

    // MARK: Changes

    /// A rule goes.
    mutating func leave(_ megaflow: Megaflow) {
        guard let rule = rules.removeValue(forKey: megaflow) else { return }
        count(rule, -1)
        free += 1
        if let table = rule.table { freeByTable[table, default: 0] += 1 }
    }

    /// A rule that was to make room stays.
    mutating func keep(_ megaflow: Megaflow, instead owner: OffloadOwner) {
        guard let rule = victims.removeValue(forKey: megaflow) else { return }
        rules[megaflow] = rule
        held[Int(owner.rawValue)] -= 1
        if let table = rule.table { heldByTable[table]?[Int(owner.rawValue)] -= 1 }
        count(rule, 1)
    }

    /// Finds room for one more, and takes it.
    ///
    /// - Parameter fullTable: the table that had no room for it before.
    mutating func place(_ sample: OffloadSample, fullTable full: String?, now: UInt64) -> Place {
        let owner = sample.owner
        // Of something that rules of any table need, any of them can make room.
        let fullTable = full.flatMap { capacities[$0] == nil ? nil : $0 }
        let mine = held(owner, in: nil)
        let most = capacity - max(1, Int(Double(capacity) * settings.reserve))
        let hasRoom = fullTable.map { freeByTable[$0] ?? 0 > 0 } ?? (full == nil && free > 0)
        if hasRoom, mine < max(1, most) {
            free -= 1
            if let fullTable { freeByTable[fullTable]? -= 1 }
            held[Int(owner.rawValue)] += 1
            return .free
        }
        let isBelow = isBelowShare(owner, fullTable)
        var coldest: (megaflow: Megaflow, rate: Double)?
        var excess: (megaflow: Megaflow, rate: Double)?
        var isAnyRule = false
        for (megaflow, rule) in rules where fullTable == nil || rule.table == fullTable {
            // Whoever has a share or more gets no more of others'.
            let isMine = rule.owner == owner
            guard isMine || isBelow else { continue }
            isAnyRule = true
            guard let rate = rule.rate, now &- rule.since >= settings.minimumStay else { continue }
            if coldest.map({ rate < $0.rate }) ?? true { coldest = (megaflow, rate) }
            if !isMine, held(rule.owner, in: fullTable) > share(of: rule.owner, in: fullTable),
                excess.map({ rate < $0.rate }) ?? true
            {
                excess = (megaflow, rate)
            }
        }
        // First who has more than a share; only then others, and only for something clearly hotter.
        if let excess { return take(excess.megaflow, for: owner) }
        if let coldest, sample.rate >= coldest.rate * settings.replaceFactor {
            return take(coldest.megaflow, for: owner)
        }
        if !isBelow { return .none(.share(of: settings.tenants.title(of: owner))) }
        guard let coldest else { return .none(isAnyRule ? .waits : .colder(than: sample.rate, table: fullTable)) }
        return .none(.colder(than: coldest.rate, table: fullTable))
    }

    private mutating func take(_ victim: Megaflow, for owner: OffloadOwner) -> Place {
        guard let rule = rules.removeValue(forKey: victim) else { return .none(.waits) }
        victims[victim] = rule
        count(rule, -1)
        held[Int(owner.rawValue)] += 1
        if let table = rule.table {
            heldByTable[table, default: [Int](repeating: 0, count: OffloadOwner.count)][Int(owner.rawValue)] += 1
        }
        return .instead(victim)
    }
}
