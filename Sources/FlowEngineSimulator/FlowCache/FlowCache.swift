// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Which entry of the flow cache decided.
public struct FlowCacheMatch: Hashable, Sendable, BitwiseCopyable {
    public enum Table: Hashable, Sendable, BitwiseCopyable {
        /// EMH: the rule a slot of the hash table points to.
        case exact(type: Int, slot: Int, rule: Int)
        case collision(entry: Int)
        case masked(entry: Int)
    }

    public var table: Table
    public var priority: UInt8
    public var actionID: UInt32
}

extension FlowCacheMatch: CustomStringConvertible {
    public var description: String {
        let place =
            switch table {
            case .exact(let type, let slot, let rule):
                "EMH type \(type), slot 0x\(String(slot, radix: 16)), rule \(rule)"
            case .collision(let entry): "collision entry \(entry)"
            case .masked(let entry): "EMA entry \(entry)"
            }
        return "\(place), priority \(priority), action id 0x\(String(actionID, radix: 16))"
    }
}

/// The tables of the flow cache and the lookup through them.
struct FlowCache: Sendable {
    private(set) var slots: [UInt32]
    private(set) var exact: RuleTable
    private(set) var collision: RuleTable
    private(set) var masked: MaskedTable
    private(set) var actions: [DecodedAction]
    private let actionFormat: ActionFormat
    private let pointerMask: UInt32
    let variants: CardVariants
    private let hashes: [(type: Int, hash: KeyHash)]
    private var usedSlots = 0

    /// Bits of the ENABLE register.
    struct Enable: OptionSet {
        let rawValue: UInt32
        static let exact = Self(rawValue: 1)
        static let linear = Self(rawValue: 2)
        static let masked = Self(rawValue: 4)
    }

    static let exactRules = 512
    static let actionCount = 1024

    /// - Parameter layouts: of EMH rules, by type.
    init(hashRevision: Int, layouts: [Int: EntryLayout], variants: CardVariants) {
        let formats = layouts.compactMapValues(RuleFormat.init)
        let words = layouts.values.map(\.words).max() ?? KeySets.anyRule.words
        slots = Array(repeating: 0, count: KeyHash.slots)
        exact = RuleTable(count: Self.exactRules, wordsPerEntry: words, formats: formats)
        collision = RuleTable(count: variants.collisionDepth, wordsPerEntry: words, formats: formats)
        masked = MaskedTable(
            wordsPerRule: FlowCacheLayouts.emaRule.words, format: RuleFormat(FlowCacheLayouts.emaRule),
            variants: variants)
        actions = Array(repeating: DecodedAction(), count: Self.actionCount)
        actionFormat = ActionFormat(variants)
        pointerMask = (1 << UInt32(FlowCacheLayouts.emhHash["rule_pointer"]?.width ?? 0)) - 1
        self.variants = variants
        hashes = formats.sorted { $0.key < $1.key }.map { type, format in
            (type, KeyHash(hashRevision: hashRevision, type: type, fields: format.key.map(\.field), variants: variants))
        }
    }

    mutating func clear() {
        for index in slots.indices { slots[index] = 0 }
        for index in actions.indices { actions[index] = DecodedAction() }
        usedSlots = 0
        exact.clear()
        collision.clear()
        masked.clear()
    }

    mutating func writeSlot(_ slot: Int, _ value: UInt32) {
        guard slot < slots.count else { return }
        usedSlots += (value != 0 ? 1 : 0) - (slots[slot] != 0 ? 1 : 0)
        slots[slot] = value
    }

    mutating func writeExact(_ entry: Int, word: Int, _ value: UInt32) { exact.write(entry, word: word, value) }

    mutating func writeCollision(_ entry: Int, word: Int, _ value: UInt32) {
        collision.write(entry, word: word, value)
    }

    mutating func writeMaskedRule(_ entry: Int, word: Int, _ value: UInt32) {
        masked.writeRule(entry, word: word, value)
    }

    mutating func writeTCAM(_ entry: Int, word: Int, _ value: UInt32) { masked.writeTCAM(entry, word: word, value) }

    mutating func writeAction(_ index: Int, _ value: UInt32) {
        if index < actions.count { actions[index] = actionFormat.action(value) }
    }

    func actionID(_ word: UInt32) -> DecodedActionID { actionFormat.id(word) }

    /// Rule number of a slot, 0: none.
    func pointer(_ slot: Int) -> Int { Int(slots[slot] & pointerMask) }

    func slot(of key: FrameKey, type: Int) -> Int? { hashes.first { $0.type == type }?.hash.slot(of: key) }

    func lookup(_ key: FrameKey, _ enable: Enable) -> FlowCacheMatch? {
        var best: FlowCacheMatch?
        if enable.contains(.exact), usedSlots > 0 { lookupExact(key, &best) }
        if enable.contains(.linear) { lookupCollision(key, &best) }
        if enable.contains(.masked), let entry = masked.match(key) {
            let rule = masked.rules[entry]
            let wins =
                best.map {
                    rule.priority > $0.priority
                        || rule.priority == $0.priority && variants.equalPriority == .maskedFirst
                } ?? true
            if wins {
                best = FlowCacheMatch(table: .masked(entry: entry), priority: rule.priority, actionID: rule.actionID)
            }
        }
        return best
    }

    /// Every type is hashed on its own; a slot's rule must be of the type it was found by.
    private func lookupExact(_ key: FrameKey, _ best: inout FlowCacheMatch?) {
        for (type, hash) in hashes {
            let slot = hash.slot(of: key)
            let pointer = pointer(slot)
            guard pointer != 0 else { continue }
            let rule = exact.rules[pointer]
            guard Int(rule.type) == type, rule.matches(key), best.map({ rule.priority > $0.priority }) ?? true
            else { continue }
            best = FlowCacheMatch(
                table: .exact(type: type, slot: slot, rule: pointer), priority: rule.priority, actionID: rule.actionID)
        }
    }

    private func lookupCollision(_ key: FrameKey, _ best: inout FlowCacheMatch?) {
        for entry in 0..<collision.end {
            let rule = collision.rules[entry]
            guard rule.matches(key), best.map({ rule.priority > $0.priority }) ?? true else { continue }
            best = FlowCacheMatch(
                table: .collision(entry: entry), priority: rule.priority, actionID: rule.actionID)
        }
    }
}
