// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux
import Testing

@testable import XDPDataPlane

/// Keys of 16 bytes in entries of another layout, as another version might have them: 64 bytes, two in a bucket, action and counter
/// in front, another hash.
struct WideKey: TestableKey {
    var word0: UInt64
    var word1: UInt64

    init(_ word0: UInt64, _ word1: UInt64) { (self.word0, self.word1) = (word0, word1) }

    static var slotsPerBucket: Int { 2 }
    static var entryBytes: Int { 64 }
    static var actionOffset: Int { 0 }
    static var countOffset: Int { 8 }
    private static var keyOffset: Int { 48 }

    static func make(_ number: UInt64) -> WideKey {
        let key = ExactMatchKey32.make(number)
        return WideKey(key.word0, key.word1)
    }

    func hash(seeds: UnsafePointer<UInt64>) -> UInt32 { em_hash2(seeds + 4, word1, word0) }

    func matches(_ entry: UnsafeRawPointer) -> Bool {
        memory_load64(entry + Self.keyOffset) == word0 && memory_load64(entry + Self.keyOffset + 8) == word1
    }

    func store(to entry: UnsafeMutableRawPointer) {
        memory_store64(entry + Self.keyOffset, word0)
        memory_store64(entry + Self.keyOffset + 8, word1)
    }

    init(loadingFrom entry: UnsafeRawPointer) {
        self.init(memory_load64(entry + Self.keyOffset), memory_load64(entry + Self.keyOffset + 8))
    }

    /// As a program of that version would look for it.
    func find(in memory: TableTestMemory, buckets: UInt32) -> (entry: UnsafeMutableRawPointer, action: UInt64)? {
        guard let base = memory.region.baseAddress else { return nil }
        for set in 0..<2 as Range<UInt32> {
            let bucket = em_bucket(hash(seeds: em_seed(memory.settings, set)), buckets)
            for slot in 0..<Self.slotsPerBucket {
                let entry = base + Int(bucket) * 128 + slot * Self.entryBytes
                let word = memory_load64(entry)
                if word & ActionWord.valid != 0, matches(entry) { return (entry, word) }
            }
        }
        return nil
    }
}

@Suite("The content of an exact-match table is moved into another one")
struct TableMoveTests {
    /// A table with its memory, and programs that count in it.
    private final class Table<Key: TestableKey> {
        let memory: TableTestMemory
        let owned: OwnedTable<Key>

        init(capacity: Int, seed: UInt64) throws {
            memory = TableTestMemory(Key.self, capacity: capacity, seed: seed)
            owned = try OwnedTable(memory: memory.exactMatch, capacity: capacity, gracePeriod: TestGracePeriod())
        }

        func hit(_ number: UInt64, bytes: UInt64, epoch: UInt16) throws {
            let found = try #require(Key.make(number).find(in: memory, buckets: owned.buckets), "entry \(number)")
            countPacket(Key.self, found.entry, bytes, memory)
            em_touch((found.entry + Key.actionOffset).assumingMemoryBound(to: UInt64.self), found.action, epoch)
        }
    }

    private struct Content: Equatable {
        var action: UInt64
        var packets: UInt64
        var bytes: UInt64
    }

    private func expect<Key: TestableKey>(
        _ table: Table<Key>, _ expected: [Content?], _ location: SourceLocation = #_sourceLocation
    ) {
        for (number, wanted) in expected.enumerated() {
            let found = table.owned.find(.make(UInt64(number))).map {
                Content(action: $0.action, packets: $0.packets, bytes: $0.bytes)
            }
            if found != wanted {
                Issue.record("entry \(number): \(found as Any), not \(wanted as Any)", sourceLocation: location)
                return
            }
        }
        #expect(table.owned.count == expected.count { $0 != nil }, sourceLocation: location)
    }

    /// There, with packets that count in the old table while it is copied and in the new one afterwards, and back again into the old
    /// one, which has stayed as it was.
    private func thereAndBack<Old: TestableKey, New: TestableKey>(
        _ old: Table<Old>, _ new: Table<New>, there: (Old) -> New, back: (New) -> Old
    ) throws {
        let count: UInt64 = 3000
        var expected: [Content?] = []
        for number in 0..<count {
            try old.owned.insert(.make(number), action: number & 0xff | ActionWord.valid)
            expected.append(Content(action: number & 0xff | ActionWord.valid, packets: 0, bytes: 0))
        }
        func hit(_ number: UInt64, _ bytes: UInt64, _ epoch: UInt16, in which: (UInt64, UInt64, UInt16) throws -> Void)
            throws
        {
            try which(number, bytes, epoch)
            guard var entry = expected[Int(number)] else { return }
            entry.packets += 1
            entry.bytes += bytes
            entry.action = entry.action & ActionWord.decisionMask | UInt64(epoch) << 48
            expected[Int(number)] = entry
        }
        for number in 0..<count where number % 3 != 0 { try hit(number, 100 + number, 5, in: old.hit) }
        // More than fits the packed word, so that there are spill counters to bring along.
        for _ in 0..<300 { try hit(7, 1 << 30, 5, in: old.hit) }
        #expect(old.memory.settings.pointee.spills == 1)
        expect(old, expected)

        let moved = try new.owned.table.insertEntries(of: old.owned.table) {
            ExactMatchItem(key: there($0.key), action: $0.action)
        }
        #expect(moved == TableMoveCount(moved: Int(count)))
        for number in stride(from: 0, to: count, by: 2) { try hit(number, 60, 6, in: old.hit) }
        // Programs change over; some are still counting in the old table.
        for number in stride(from: 0, to: count, by: 5) { try hit(number, 64, 8, in: new.hit) }
        for number in stride(from: 0, to: count, by: 7) where number % 5 != 0 { try hit(number, 70, 7, in: old.hit) }
        for number in stride(from: 0, to: count, by: 35) {
            try old.hit(number, bytes: 70, epoch: 7)
            expected[Int(number)]?.packets += 1
            expected[Int(number)]?.bytes += 70
        }
        new.owned.table.addCounts(of: old.owned.table, now: 8, there)
        expect(new, expected)

        // In the new one an entry goes, one comes, all count; then everything goes back.
        try new.owned.delete(.make(4))
        try new.owned.insert(.make(count), action: 99 | ActionWord.valid)
        expected[4] = nil
        expected.append(Content(action: 99 | ActionWord.valid, packets: 0, bytes: 0))
        for number in 0..<count where number % 4 == 1 { try hit(number, 80, 9, in: new.hit) }
        try hit(count, 80, 9, in: new.hit)
        try old.owned.delete(.make(4))
        try old.owned.reclaim()
        let before = old.owned.table.counts()
        // Programs change back.
        for number in 100..<200 as Range<UInt64> { try hit(number, 90, 10, in: old.hit) }
        for number in 150..<250 as Range<UInt64> {
            try new.hit(number, bytes: 90, epoch: 9)
            expected[Int(number)]?.packets += 1
            expected[Int(number)]?.bytes += 90
            if number >= 200, var entry = expected[Int(number)] {
                entry.action = entry.action & ActionWord.decisionMask | 9 << 48
                expected[Int(number)] = entry
            }
        }
        let returned = try old.owned.table.takeBack(new.owned.table, knowing: before, now: 10, key: back) {
            ExactMatchItem(key: back($0.key), action: $0.action)
        }
        #expect(returned == TableMoveCount(moved: 1))
        expect(old, expected)
    }

    @Test("into one of another size, with other seeds, and back: every entry, count and last hit")
    func sizes() throws {
        for (from, to) in [(4000, 16_000), (16_000, 4000)] {
            try thereAndBack(
                Table<ExactMatchKey32>(capacity: from, seed: 1), Table<ExactMatchKey32>(capacity: to, seed: 2),
                there: { $0 }, back: { $0 })
            try thereAndBack(
                Table<ExactMatchKey64>(capacity: from, seed: 1), Table<ExactMatchKey64>(capacity: to, seed: 2),
                there: { $0 }, back: { $0 })
        }
    }

    @Test("into one of another layout and back, whichever of the two is the older")
    func layouts() throws {
        try thereAndBack(
            Table<ExactMatchKey32>(capacity: 4000, seed: 3), Table<WideKey>(capacity: 5000, seed: 4),
            there: { WideKey($0.word0, $0.word1) }, back: { ExactMatchKey32($0.word0, $0.word1) })
        try thereAndBack(
            Table<WideKey>(capacity: 5000, seed: 5), Table<ExactMatchKey32>(capacity: 4000, seed: 6),
            there: { ExactMatchKey32($0.word0, $0.word1) }, back: { WideKey($0.word0, $0.word1) })
    }

    @Test("entries that cannot be placed are counted, and the rest is there")
    func full() throws {
        let old = try Table<ExactMatchKey32>(capacity: 1000, seed: 7)
        for number in 0..<1000 as Range<UInt64> { try old.owned.insert(.make(number), action: ActionWord.valid) }
        let new = try Table<ExactMatchKey64>(capacity: 600, seed: 8)
        let moved = try new.owned.table.insertEntries(of: old.owned.table) { entry in
            entry.key.word0 & 1 == 0
                ? nil
                : ExactMatchItem(key: ExactMatchKey64(entry.key.word0, entry.key.word1, 0, 0, 0), action: entry.action)
        }
        let wanted = (0..<1000 as Range<UInt64>).count { ExactMatchKey32.make($0).word0 & 1 != 0 }
        #expect(moved == TableMoveCount(moved: wanted, left: 1000 - wanted) && new.owned.count == wanted)
        let tiny = try Table<ExactMatchKey32>(capacity: 10, seed: 9)
        let some = try tiny.owned.table.insertEntries(of: old.owned.table) {
            ExactMatchItem(key: $0.key, action: $0.action)
        }
        #expect(some == TableMoveCount(moved: 10, left: 990) && tiny.owned.count == 10)
    }

    @Test(
        "a smaller table takes over what is static and, of the rest, what was used last; nothing of another generation")
    func retention() {
        func word(_ age: UInt16, isStatic: Bool = false, generation: UInt16 = 5) -> UInt64 {
            ActionWord(
                .forward, flags: isStatic ? ActionWord.isStatic : 0, generation: isStatic ? 0 : generation,
                epoch: 3 &- age
            ).rawValue
        }
        let words =
            (0..<10).map { _ in word(900, isStatic: true) } + (0..<20).map { word(UInt16($0)) }
            + (0..<4).map { _ in word(8) } + (0..<7).map { _ in word(0, generation: 4) }
        func taken(_ capacity: Int, generation: UInt16? = 5) -> (words: [UInt64], needed: Int, others: Int) {
            var retention = Retention(now: 3, generation: generation)
            for word in words { retention.count(word) }
            retention.limit(to: capacity)
            return (words.filter { retention.takes($0) }, retention.needed, retention.others)
        }
        let all = taken(34)
        #expect(all.words == words.filter { ActionWord(rawValue: $0).generation != 4 })
        #expect(all.needed == 10 && all.others == 24)
        #expect(taken(10).words == (0..<10).map { _ in word(900, isStatic: true) })
        for capacity in 11..<34 {
            let some = taken(capacity).words
            #expect(some.count == capacity)
            let ages = some.dropFirst(10).map { 3 &- ActionWord(rawValue: $0).epoch }.sorted()
            #expect(
                ages
                    == Array(
                        (words[10..<34].map { 3 &- ActionWord(rawValue: $0).epoch }).sorted().prefix(capacity - 10)))
        }
        #expect(taken(100, generation: nil).words == words)
    }
}
