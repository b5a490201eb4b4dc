// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The words of a table's entries, as they were written; bit 0 of an entry is bit 0 of its first word.
struct EntryStore: Sendable {
    let wordsPerEntry: Int
    let count: Int
    private(set) var words: [UInt32]

    init(count: Int, wordsPerEntry: Int) {
        (self.count, self.wordsPerEntry) = (count, wordsPerEntry)
        words = Array(repeating: 0, count: count * wordsPerEntry)
    }

    /// Returns whether there is such a word; a window may be larger than the table behind it.
    mutating func write(_ entry: Int, word: Int, _ value: UInt32) -> Bool {
        guard entry < count, word < wordsPerEntry else { return false }
        words[entry * wordsPerEntry + word] = value
        return true
    }

    mutating func clear() { for index in words.indices { words[index] = 0 } }

    func isEmpty(_ index: Int) -> Bool {
        for place in index * wordsPerEntry..<(index + 1) * wordsPerEntry where words[place] != 0 { return false }
        return true
    }

    func entry(_ index: Int) -> [UInt32] { Array(words[index * wordsPerEntry..<(index + 1) * wordsPerEntry]) }

    /// A field of an entry; bits beyond its words read as zero.
    /// - Precondition: `width` is at most 64.
    func bits(_ entry: Int, _ lowestBit: Int, _ width: Int) -> UInt64 {
        var (value, got): (UInt64, Int) = (0, 0)
        while got < width {
            let bit = lowestBit + got
            let taken = min(32 - (bit & 31), width - got)
            guard bit >> 5 < wordsPerEntry else { break }
            let word = UInt64(words[entry * wordsPerEntry + (bit >> 5)]) >> UInt64(bit & 31)
            value |= (word & ((1 << UInt64(taken)) - 1)) << UInt64(got)
            got += taken
        }
        return value
    }
}
