// SPDX-License-Identifier: Apache-2.0

/// What every word of the card's write-only tables holds, as far as it is known: so that only words that differ are written.
struct TableMirror: Sendable {
    private static let ruleWords = EntryWords.maximum
    private static let exactBase = FlowEngineHash.slots
    private static let collisionBase = exactBase + RulePlace.exactRules * ruleWords
    private static let maskedBase = collisionBase + RulePlace.collisionWindow * ruleWords
    private static let tcamBase = maskedBase + RulePlace.maskedWindow * ruleWords
    private static let actionBase = tcamBase + RulePlace.maskedWindow * 4
    private static let size = actionBase + 1024

    private var values: [UInt32] = Array(repeating: 0, count: size)
    private var known: [Bool] = Array(repeating: false, count: size)

    /// A word's number here.
    static func hash(_ slot: Int) -> Int { slot }
    static func tcam(_ entry: Int, word: Int) -> Int { tcamBase + entry * 4 + word }
    static func action(_ number: Int) -> Int { actionBase + number }
    static func rule(_ place: RulePlace, word: Int) -> Int {
        switch place {
        case .exact(let number): exactBase + number * ruleWords + word
        case .collision(let entry): collisionBase + entry * ruleWords + word
        case .masked(let number): maskedBase + number * ruleWords + word
        }
    }

    /// Nil: not known.
    subscript(index: Int) -> UInt32? { known[index] ? values[index] : nil }

    func holds(_ value: UInt32, at index: Int) -> Bool { known[index] && values[index] == value }

    mutating func set(_ index: Int, _ value: UInt32) {
        values[index] = value
        known[index] = true
    }

    mutating func forget(_ index: Int) { known[index] = false }

    mutating func forgetAll() { known = Array(repeating: false, count: Self.size) }

    /// No hash slot points anywhere, no rule is valid and no TCAM entry is in use; nothing else is known.
    mutating func assumeEmpty() {
        values = Array(repeating: 0, count: Self.size)
        known = Self.knownIfEmpty
    }

    private static let knownIfEmpty: [Bool] = {
        var known = Array(repeating: false, count: size)
        for slot in 0..<FlowEngineHash.slots { known[hash(slot)] = true }
        for number in 0..<RulePlace.exactRules { known[rule(.exact(number), word: 0)] = true }
        for entry in 0..<RulePlace.collisionWindow { known[rule(.collision(entry), word: 0)] = true }
        for number in 0..<RulePlace.maskedWindow {
            known[rule(.masked(number), word: 0)] = true
            known[tcam(number, word: 2)] = true
        }
        return known
    }()
}
