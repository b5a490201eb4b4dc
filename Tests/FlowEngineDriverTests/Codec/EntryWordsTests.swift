// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import TestSupport
import Testing

@Suite("Words of an entry")
struct EntryWordsTests {
    @Test("fields across words are read back as they were set, and touch nothing else")
    func fieldsAcrossWords() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let width = Int.random(in: 1...64, using: &generator)
            let lowest = Int.random(in: 0...(9 * 32 - width), using: &generator)
            var entry = EntryWords((0..<9).map { _ in UInt32.random(in: 0 ... .max, using: &generator) })
            let before = entry
            let value = UInt64.random(in: 0 ... .max, using: &generator)
            entry.set(lowestBit: lowest, width: width, to: value)
            #expect(
                entry.value(lowestBit: lowest, width: width) == (width == 64 ? value : value & (1 << UInt64(width) - 1))
            )
            for bit in 0..<9 * 32 where bit < lowest || bit >= lowest + width {
                #expect(entry.value(lowestBit: bit, width: 1) == before.value(lowestBit: bit, width: 1))
            }
        }
    }
}
