// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// A rule as comparators have it. Decoded whenever one of its words is written, so that a half-written rule decides as such.
struct DecodedRule: BitwiseCopyable {
    var isValid = false
    var type: UInt16 = 0
    var priority: UInt8 = 0
    var actionID: UInt32 = 0
    /// It has a key: a type of this build.
    var isComparable = false
    var value = FrameKey()
    var mask = FrameKey()

    @inline(__always)
    func matches(_ key: FrameKey) -> Bool { isValid && isComparable && key.agrees(with: value, under: mask) }
}

/// Where a rule's fields are.
struct RuleFormat: Sendable {
    struct Place: Sendable {
        let lowestBit: Int
        let width: Int
    }

    let valid: Place
    let type: Place
    let priority: Place
    let actionID: Place
    let key: [(field: FrameField, place: Place)]

    /// Nil if a field that every rule has is missing.
    init?(_ layout: EntryLayout) {
        func place(_ name: String) -> Place? {
            layout[name].map { Place(lowestBit: $0.lowestBit, width: $0.width) }
        }
        guard let valid = place("valid"), let type = place("type"), let priority = place("priority"),
            let actionID = place("action_id")
        else { return nil }
        (self.valid, self.type, self.priority, self.actionID) = (valid, type, priority, actionID)
        key = layout.fields.compactMap { field in
            FrameField(layoutName: field.name).map { ($0, Place(lowestBit: field.lowestBit, width: field.width)) }
        }
    }
}

/// EMH rules, or collision entries: exact match of all fields of a type.
struct RuleTable: Sendable {
    private(set) var store: EntryStore
    private(set) var rules: [DecodedRule]
    /// By type.
    private let formats: [Int: RuleFormat]
    private let header: RuleFormat?
    /// No valid rule has this index or a higher one.
    private(set) var end = 0

    init(count: Int, wordsPerEntry: Int, formats: [Int: RuleFormat]) {
        store = EntryStore(count: count, wordsPerEntry: wordsPerEntry)
        rules = Array(repeating: DecodedRule(), count: count)
        self.formats = formats
        header = RuleFormat(KeySets.anyRule)
    }

    mutating func write(_ entry: Int, word: Int, _ value: UInt32) {
        guard store.write(entry, word: word, value) else { return }
        rules[entry] = decode(entry)
        if rules[entry].isValid {
            end = max(end, entry + 1)
        } else if entry + 1 == end {
            while end > 0, !rules[end - 1].isValid { end -= 1 }
        }
    }

    mutating func clear() {
        store.clear()
        for index in rules.indices { rules[index] = DecodedRule() }
        end = 0
    }

    private func decode(_ entry: Int) -> DecodedRule {
        var rule = DecodedRule()
        guard let header else { return rule }
        func bits(_ place: RuleFormat.Place) -> UInt64 { store.bits(entry, place.lowestBit, place.width) }
        rule.isValid = bits(header.valid) != 0
        rule.type = UInt16(truncatingIfNeeded: bits(header.type))
        rule.priority = UInt8(truncatingIfNeeded: bits(header.priority))
        rule.actionID = UInt32(truncatingIfNeeded: bits(header.actionID))
        guard let format = formats[Int(rule.type)] else { return rule }
        rule.isComparable = true
        for (field, place) in format.key {
            FrameKey.ask(field, bits(place), value: &rule.value, mask: &rule.mask)
        }
        return rule
    }
}
