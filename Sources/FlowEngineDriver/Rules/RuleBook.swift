// SPDX-License-Identifier: Apache-2.0
import Tables

/// Which rule is where in the card, and where another one can go. Pure: it knows the card's tables and touches no card.
///
/// An exact-match rule goes where its hash slot is free, else into the collision table; a megaflow that no type has exactly the
/// fields of becomes a masked rule. The hash is public and has no seed: whoever can choose fields can aim flows at one slot.
/// They fill the collision table and nothing else; no rule that is there is ever moved for another.
public struct RuleBook: Sendable {
    public let keys: CardKeys
    public let quirks: CardQuirks
    public let ports: CardPorts
    /// Of every rule. Rules never contradict each other, so that it does not matter which wins.
    public let priority: UInt8

    private var rules: [CardRule?] = Array(repeating: nil, count: RulePlace.count)
    private var ordinals: [MegaflowKey: Int] = [:]
    /// Rule that a hash slot points at; 0 for none.
    private var slotOwners: [UInt16] = Array(repeating: 0, count: FlowEngineHash.slots)
    private var exact: FreeNumbers
    private var collision: FreeNumbers
    private var masked: FreeNumbers
    private var actions: ActionNumbers
    /// Rules that found their hash slot taken since the start.
    public private(set) var collisions: UInt64 = 0

    /// `queues`: those that rules may use, the preferred ones first; see `ActionNumbers`.
    public init(
        keys: CardKeys, quirks: CardQuirks, ports: CardPorts, priority: UInt8 = 255, queues: [Int] = Array(0..<8)
    ) {
        (self.keys, self.quirks, self.ports, self.priority) = (keys, quirks, ports, priority)
        exact = FreeNumbers(keys.exact.isEmpty ? 1..<1 : 1..<RulePlace.exactRules)
        collision = FreeNumbers(0..<(keys.exact.isEmpty ? 0 : min(quirks.collisionEntries, RulePlace.collisionWindow)))
        masked = FreeNumbers(0..<(keys.masked == nil ? 0 : min(quirks.emaEntries, RulePlace.maskedWindow)))
        actions = ActionNumbers(quirks.actionID, queues: queues)
    }

    /// Where a megaflow's rule is; nil if there is none, or it is condemned.
    public func find(_ megaflow: Megaflow) -> Int? { ordinals[MegaflowKey(megaflow)] }

    public subscript(ordinal: Int) -> CardRule? { rules[ordinal] }

    /// Changes what is known of a rule; its place and words stay.
    mutating func update(_ ordinal: Int, _ body: (inout CardRule) -> Void) {
        guard var rule = rules[ordinal] else { return }
        body(&rule)
        rules[ordinal] = rule
    }

    public var ordinalsInUse: [Int] { rules.indices.filter { rules[$0] != nil } }

    /// Rules that are found by their megaflow.
    public var count: Int { ordinals.count }

    /// Chooses a place and takes it.
    public mutating func place(
        _ megaflow: Megaflow, _ decision: OffloadDecision
    ) throws(OffloadRefusal) -> Int {
        let actionWord = try word(for: decision)
        let key = try KeyValues(megaflow, ports: ports, quirks: quirks)
        let (place, keySet, slot) = try choose(key)
        guard let action = actions.first else { throw .full(table: "action", capacity: actions.capacity) }
        let layout = layout(of: keySet)
        let words = try layout.encode(
            key, action: ActionID(index: action, queue: actions.queue(of: action), quirks.actionID),
            priority: priority, quirks)
        let rule = CardRule(
            megaflow: megaflow, decision: decision, place: place, keySet: keySet, slot: slot, action: action,
            actionWord: actionWord, words: words, tcam: slot < 0 ? TCAMKey(key, quirks).words : EntryWords(count: 0))
        actions.take(action)
        switch place {
        case .exact(let number):
            _ = exact.take()
            slotOwners[slot] = UInt16(number)
        case .collision:
            _ = collision.take()
            collisions += 1
        case .masked: _ = masked.take()
        }
        rules[place.ordinal] = rule
        ordinals[MegaflowKey(megaflow)] = place.ordinal
        return place.ordinal
    }

    /// The word for a decision, or why this card cannot do it.
    public func word(for decision: OffloadDecision) throws(OffloadRefusal) -> UInt32 {
        switch decision {
        case .drop:
            guard quirks.countsDrops else {
                throw .action("drop and count; whether this card counts what a rule drops is not known")
            }
            return try CardAction.drop.word(quirks)
        case .forward(let port):
            guard let number = ports.number(of: port) else {
                throw .action("send by port \(port.rawValue), which is not one of the card's, \(ports)")
            }
            return try CardAction.output(number).word(quirks)
        }
    }

    public func layout(of keySet: Int) -> RuleLayout {
        if keySet < keys.exact.count { return keys.exact[keySet].layout }
        guard let masked = keys.masked else { preconditionFailure("key set \(keySet) is none of the card's") }
        return masked
    }

    private func choose(_ key: KeyValues) throws(OffloadRefusal) -> (RulePlace, keySet: Int, slot: Int) {
        var taken: (keySet: Int, slot: Int)?
        for (index, type) in keys.exact.enumerated() where type.layout.fields == key.fields {
            let slot = type.hash.slot(key)
            if slotOwners[slot] == 0 {
                guard let number = exact.first else { throw .full(table: "emh", capacity: exact.capacity) }
                return (.exact(number), index, slot)
            }
            taken = taken ?? (index, slot)
        }
        if let taken {
            guard let number = collision.first else { throw .full(table: "collision", capacity: collision.capacity) }
            return (.collision(number), taken.keySet, taken.slot)
        }
        guard let layout = keys.masked, key.fields.isSubset(of: layout.fields) else {
            throw .noKey(fields: key.fields, keys: keys.descriptions)
        }
        guard let number = masked.first else { throw .full(table: "ema", capacity: masked.capacity) }
        return (.masked(number), keys.exact.count, -1)
    }

    /// A rule that cannot be relied upon: no longer found, and its place stays taken until `free`.
    public mutating func condemn(_ ordinal: Int) {
        guard let rule = rules[ordinal], rule.state != .condemned else { return }
        ordinals[MegaflowKey(rule.megaflow)] = nil
        rules[ordinal]?.state = .condemned
    }

    /// Gives the place, hash slot and action of a rule back: the card has nothing of it.
    public mutating func free(_ ordinal: Int) {
        guard let rule = rules[ordinal] else { return }
        if rule.state != .condemned { ordinals[MegaflowKey(rule.megaflow)] = nil }
        rules[ordinal] = nil
        actions.give(rule.action)
        switch rule.place {
        case .exact(let number):
            slotOwners[rule.slot] = 0
            exact.give(number)
        case .collision(let entry): collision.give(entry)
        case .masked(let number): masked.give(number)
        }
    }

    /// Takes over a rule that was placed by an earlier process; false if its place, slot or action is taken already, or none of
    /// this card's.
    mutating func adopt(_ rule: CardRule) -> Bool {
        guard rules[rule.place.ordinal] == nil, ordinals[MegaflowKey(rule.megaflow)] == nil,
            actions.isFree(rule.action)
        else { return false }
        switch rule.place {
        case .exact(let number):
            guard slotOwners[rule.slot] == 0, exact.claim(number) else { return false }
            slotOwners[rule.slot] = UInt16(number)
        case .collision(let entry): guard collision.claim(entry) else { return false }
        case .masked(let number): guard masked.claim(number) else { return false }
        }
        actions.take(rule.action)
        rules[rule.place.ordinal] = rule
        if rule.state != .condemned { ordinals[MegaflowKey(rule.megaflow)] = rule.place.ordinal }
        return true
    }
}

extension RuleBook {
    /// Room, use and cost.
    public var tables: [OffloadTable] {
        let exactWords = keys.exact.map(\.layout.words).max() ?? 0
        var tables: [OffloadTable] = []
        if exact.capacity > 0 {
            tables.append(
                OffloadTable(
                    name: "emh", capacity: exact.capacity, used: exact.capacity - exact.count,
                    wordsPerRule: exactWords + 2))
            tables.append(
                OffloadTable(
                    name: "collision", capacity: collision.capacity, used: collision.capacity - collision.count,
                    wordsPerRule: exactWords + 1))
        }
        if let layout = keys.masked, masked.capacity > 0 {
            tables.append(
                OffloadTable(
                    name: "ema", capacity: masked.capacity, used: masked.capacity - masked.count,
                    wordsPerRule: layout.words + 1 + 4))
        }
        tables.append(
            OffloadTable(
                name: "action", capacity: actions.capacity, used: actions.capacity - actions.count, wordsPerRule: 1,
                holdsRules: false))
        return tables
    }

    /// `emh type 3, slot 0x1a2b, rule 17`
    public func describe(_ rule: CardRule) -> String {
        let slot = "slot 0x\(String(max(rule.slot, 0), radix: 16))"
        return switch rule.place {
        case .exact(let number): "\(layout(of: rule.keySet).name), \(slot), rule \(number)"
        case .collision(let entry): "collision entry \(entry), \(layout(of: rule.keySet).name), \(slot)"
        case .masked(let number): "ema rule \(number)"
        }
    }
}

/// A megaflow as a key: hashed in few words.
struct MegaflowKey: Hashable, Sendable {
    let megaflow: Megaflow
    init(_ megaflow: Megaflow) { self.megaflow = megaflow }

    func hash(into hasher: inout Hasher) {
        hasher.combine(
            (megaflow.destinationMAC?.rawValue ?? 0) | UInt64(megaflow.vlan?.rawValue ?? 0) << 48)
        hasher.combine(
            (megaflow.sourceMAC?.rawValue ?? 0) | UInt64(megaflow.ingressPort?.rawValue ?? 0) << 48
                | UInt64(megaflow.vlanPriority ?? 0) << 56)
        hasher.combine(
            UInt64(megaflow.ipv4Source?.rawValue ?? 0) << 32 | UInt64(megaflow.ipv4Destination?.rawValue ?? 0))
        hasher.combine(
            UInt64(megaflow.sourcePort ?? 0) << 48 | UInt64(megaflow.destinationPort ?? 0) << 32
                | UInt64(megaflow.etherType ?? 0) << 16 | UInt64(megaflow.ipProtocol ?? 0) << 8
                | UInt64(megaflow.dscp ?? 0))
    }
}
