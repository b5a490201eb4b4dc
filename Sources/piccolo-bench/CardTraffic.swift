// SPDX-License-Identifier: Apache-2.0
import FlowEngineSimulator

/// What went over a card's wire for a number of entries, and the least that had to.
struct CardTraffic {
    /// Bits of a frame that writes a word, and the time chip select is off behind it.
    static let bitsPerWord = 64
    static let gap = 20.0

    var entries = 0
    /// Words of tables that are different afterwards.
    var needed = 0
    /// Words of tables that were written.
    var written = 0
    /// All reads: of the count of accesses, counters, witnesses and ACCESS_ERROR.
    var reads = 0
    var bits = 0
    /// Virtual.
    var nanoseconds = 0.0

    /// What one step does; what the card has is compared before and after.
    mutating func add(_ card: SimulatedCard, entries: Int, _ step: () throws -> Void) rethrows {
        let (words, counters) = (TableWords(card.contents), card.counters)
        try step()
        let done = card.counters.since(counters)
        self.entries += entries
        needed += words.differences(to: TableWords(card.contents))
        written +=
            done.hashWords + done.ruleWords + done.collisionWords + done.maskedRuleWords + done.tcamWords
            + done.actionWords
        reads += done.reads
        bits += done.spiBits
        nanoseconds += Double(done.spiNanoseconds)
    }

    /// What the needed words alone take, in nanoseconds.
    func limit(hertz: UInt64) -> Double {
        Double(needed) * (Double(Self.bitsPerWord) * 1e9 / Double(hertz) + Self.gap)
    }

    /// Of the time the needed words take to that it took, in percent.
    func share(hertz: UInt64) -> Double { limit(hertz: hertz) / nanoseconds * 100 }

    func perEntry(_ value: Int) -> Double { Double(value) / Double(entries) }
}

/// The words of a card's flow cache, read through the back door; those that are not here are zero.
private struct TableWords {
    private enum Table { case hash, exact, collision, masked, tcam, action }

    private struct Place: Hashable {
        var table: Table
        var entry: Int
        var word: Int
    }

    private var words: [Place: UInt32] = [:]

    init(_ contents: CardContents) {
        for (slot, rule) in contents.slots { set(.hash, slot, 0, UInt32(rule)) }
        for (table, rules) in [
            (Table.exact, contents.rules), (.collision, contents.collisions), (.masked, contents.maskedRules),
        ] {
            for rule in rules {
                for (word, value) in rule.words.enumerated() { set(table, rule.index, word, value) }
            }
        }
        for entry in contents.tcam {
            for (part, value) in [entry.data, entry.mask].enumerated() {
                set(.tcam, entry.index, part * 2, UInt32(truncatingIfNeeded: value))
                set(.tcam, entry.index, part * 2 + 1, UInt32(truncatingIfNeeded: value >> 32))
            }
        }
        for (number, action) in contents.actions { set(.action, number, 0, action.word) }
    }

    private mutating func set(_ table: Table, _ entry: Int, _ word: Int, _ value: UInt32) {
        if value != 0 { words[Place(table: table, entry: entry, word: word)] = value }
    }

    func differences(to other: TableWords) -> Int {
        words.count { other.words[$0.key] != $0.value } + other.words.count { words[$0.key] == nil }
    }
}
