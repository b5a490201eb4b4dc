// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// EMA: a TCAM over the folded key selects rules, which are then compared field by field as their TYPE says.
struct MaskedTable: Sendable {
    private(set) var ruleStore: EntryStore
    private(set) var tcamStore: EntryStore
    private(set) var rules: [DecodedRule]
    private var data: [UInt64]
    private var masks: [UInt64]
    private let format: RuleFormat?
    private let variants: CardVariants
    /// No entry in use has this index or a higher one.
    private(set) var end = 0

    /// Words of a TCAM entry: data low, data high, mask low, mask high.
    static let tcamWords = 4

    init(wordsPerRule: Int, format: RuleFormat?, variants: CardVariants) {
        let depth = variants.emaDepth
        ruleStore = EntryStore(count: depth, wordsPerEntry: wordsPerRule)
        tcamStore = EntryStore(count: depth, wordsPerEntry: Self.tcamWords)
        rules = Array(repeating: DecodedRule(), count: depth)
        data = Array(repeating: 0, count: depth)
        masks = Array(repeating: 0, count: depth)
        (self.format, self.variants) = (format, variants)
    }

    mutating func writeRule(_ entry: Int, word: Int, _ value: UInt32) {
        if ruleStore.write(entry, word: word, value) { rules[entry] = decode(entry) }
    }

    mutating func writeTCAM(_ entry: Int, word: Int, _ value: UInt32) {
        guard tcamStore.write(entry, word: word, value) else { return }
        data[entry] = tcamStore.bits(entry, 0, 64)
        masks[entry] = tcamStore.bits(entry, 64, 64)
        if isUsed(entry) {
            end = max(end, entry + 1)
        } else if entry + 1 == end {
            while end > 0, !isUsed(end - 1) { end -= 1 }
        }
    }

    mutating func clear() {
        ruleStore.clear()
        tcamStore.clear()
        for index in rules.indices { (rules[index], data[index], masks[index]) = (DecodedRule(), 0, 0) }
        end = 0
    }

    func isUsed(_ entry: Int) -> Bool { masks[entry] & TCAMKey.used != 0 }

    func tcam(_ entry: Int) -> (data: UInt64, mask: UInt64) { (data[entry], masks[entry]) }

    /// The entry that decides, if one does.
    func match(_ key: FrameKey) -> Int? {
        guard end > 0 else { return nil }
        let folded = TCAMKey.fold(key, variants.vlanPriority)
        var best: Int?
        for entry in 0..<end {
            let mask = masks[entry]
            guard mask & TCAMKey.used != 0, (folded ^ data[entry]) & mask & ~TCAMKey.used == 0 else { continue }
            let agrees = rules[entry].matches(key)
            if variants.tcamSelection == .first { return agrees ? entry : nil }
            if agrees, best.map({ rules[entry].priority > rules[$0].priority }) ?? true { best = entry }
        }
        return best
    }

    /// Fields a rule compares.
    func compared(_ entry: Int) -> [FrameField] {
        FrameField.allCases.filter { isCompared($0, type: rules[entry].type) }
    }

    private func isCompared(_ field: FrameField, type: UInt16) -> Bool {
        (type >> UInt16(field.rawValue) & 1 != 0) == (variants.emaType == .setIfCompared)
    }

    private func decode(_ entry: Int) -> DecodedRule {
        var rule = DecodedRule()
        guard let format else { return rule }
        func bits(_ place: RuleFormat.Place) -> UInt64 { ruleStore.bits(entry, place.lowestBit, place.width) }
        rule.isValid = bits(format.valid) != 0
        rule.type = UInt16(truncatingIfNeeded: bits(format.type))
        rule.priority = UInt8(truncatingIfNeeded: bits(format.priority))
        rule.actionID = UInt32(truncatingIfNeeded: bits(format.actionID))
        rule.isComparable = true
        for (field, place) in format.key where isCompared(field, type: rule.type) {
            FrameKey.ask(field, bits(place), value: &rule.value, mask: &rule.mask)
            // Three bits here: the PCP, also where hashed keys have the DEI below it.
            if field == .vlanPriority, variants.vlanPriority == .pcpAndDEI {
                rule.value[field] = bits(place) << 1
                rule.mask[field] = 0xe
            }
        }
        return rule
    }
}
