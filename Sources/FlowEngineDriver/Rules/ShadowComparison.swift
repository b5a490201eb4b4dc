// SPDX-License-Identifier: Apache-2.0

/// What stands in the tables of a card whose tables can be read, against what the shadow says of it.
public struct ShadowComparison: Sendable {
    /// Sentences; none where every rule of the shadow is on the card, and no other.
    public private(set) var differences: [String] = []
    private let book: RuleBook
    /// Places and slots whose words are not known: they were being written, or are another version's.
    private var open: Set<RulePlace> = []
    private var openSlots: Set<Int> = []

    /// - Parameters:
    ///   - book: of the card, and empty.
    ///   - words: a table's words, and how many of them an entry has.
    public init<Failure: Error>(
        _ shadow: CardShadow, book: RuleBook,
        words: (CardTables.Name) throws(Failure) -> (width: Int, words: [UInt32])
    ) throws(Failure) {
        var book = book
        var open: Set<RulePlace> = []
        var openSlots: Set<Int> = []
        for entry in shadow.entries(in: book) {
            if entry.state == .settled, let rule = entry.rule, book.adopt(rule) { continue }
            open.insert(entry.place)
            if let rule = entry.rule { openSlots.insert(rule.slot) }
        }
        (self.book, self.open, self.openSlots) = (book, open, openSlots)
        compareSlots(try words(.hash).words)
        let (exactWidth, exact) = try words(.exactRules)
        compareRules(exact, exactWidth) { .exact($0) }
        let (collisionWidth, collision) = try words(.collision)
        compareRules(collision, collisionWidth) { .collision($0) }
        let (maskedWidth, masked) = try words(.maskedRules)
        compareRules(masked, maskedWidth) { .masked($0) }
        compareTCAM(try words(.tcam).words)
        compareActions(try words(.actions).words)
    }

    private var rules: [CardRule] { book.ordinalsInUse.compactMap { book[$0] } }

    private mutating func compareSlots(_ words: [UInt32]) {
        var wanted: [Int: UInt32] = [:]
        for rule in rules {
            if case .exact(let number) = rule.place { wanted[rule.slot] = HashWord.pointing(to: number) }
        }
        for (slot, word) in words.enumerated() where !openSlots.contains(slot) {
            let expected = wanted[slot] ?? HashWord.empty
            // Which slot a record of another version means is not known.
            if word == expected || HashWord.rule(word).map({ open.contains(.exact($0)) }) == true { continue }
            differences.append(
                "hash slot 0x\(String(slot, radix: 16)) holds 0x\(String(word, radix: 16)), not 0x\(String(expected, radix: 16))"
            )
        }
    }

    private mutating func compareRules(_ words: [UInt32], _ width: Int, _ place: (Int) -> RulePlace) {
        for entry in 0..<words.count / width {
            let found = words[entry * width..<(entry + 1) * width]
            let place = place(entry)
            guard !open.contains(place) else { continue }
            if let rule = rule(at: place) {
                let isRight = (0..<rule.words.count).allSatisfy {
                    $0 < width && found[found.startIndex + $0] == rule.words[$0]
                }
                if !isRight { differences.append("\(book.describe(rule)): the card has other words") }
            } else if let first = found.first, first & 1 != 0 {
                differences.append("\(place) is valid on the card; the memory has no such rule")
            }
        }
    }

    private func rule(at place: RulePlace) -> CardRule? { place.ordinal < RulePlace.count ? book[place.ordinal] : nil }

    private mutating func compareTCAM(_ words: [UInt32]) {
        for entry in 0..<words.count / 4 {
            let found = words[entry * 4..<entry * 4 + 4]
            guard !open.contains(.masked(entry)) else { continue }
            if let rule = rule(at: .masked(entry)) {
                if !(0..<4).allSatisfy({ found[found.startIndex + $0] == rule.tcam[$0] }) {
                    differences.append("TCAM entry \(entry) selects otherwise than \(book.describe(rule)) wants")
                }
            } else if found[found.startIndex + 2] & 1 != 0 {
                differences.append("TCAM entry \(entry) is in use on the card; the memory has no such rule")
            }
        }
    }

    private mutating func compareActions(_ words: [UInt32]) {
        for rule in rules where rule.action >= words.count || words[rule.action] != rule.actionWord {
            differences.append("\(book.describe(rule)): action \(rule.action) is another on the card")
        }
    }
}
