// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Synchronization
import TestSupport
import Testing

@testable import XDPDataPlane

/// Keys of either kind, made from a number, and the lookup the programs use.
protocol TestableKey: ExactMatchKey {
    static func make(_ number: UInt64) -> Self
    func find(in memory: TableTestMemory, buckets: UInt32) -> (entry: UnsafeMutableRawPointer, action: UInt64)?
}

extension ExactMatchKey32: TestableKey {
    static func make(_ number: UInt64) -> Self {
        var random = SeededGenerator(seed: number)
        return Self(random.next(), random.next())
    }

    func find(in memory: TableTestMemory, buckets: UInt32) -> (entry: UnsafeMutableRawPointer, action: UInt64)? {
        var action: UInt64 = 0
        let entry = em_find32(memory.settings, memory.region.baseAddress, buckets, word0, word1, &action)
        return entry.map { (UnsafeMutableRawPointer($0), action) }
    }
}

extension ExactMatchKey64: TestableKey {
    static func make(_ number: UInt64) -> Self {
        var random = SeededGenerator(seed: number)
        return Self(random.next(), random.next(), random.next(), random.next(), random.next())
    }

    func find(in memory: TableTestMemory, buckets: UInt32) -> (entry: UnsafeMutableRawPointer, action: UInt64)? {
        var action: UInt64 = 0
        let entry = em_find64(
            memory.settings, memory.region.baseAddress, buckets, word0, word1, word2, word3, word4, &action)
        return entry.map { (UnsafeMutableRawPointer($0), action) }
    }
}

/// Counts a packet on an entry as a program does, with the slot's spill counter.
func countPacket<Key: ExactMatchKey>(
    _: Key.Type, _ entry: UnsafeMutableRawPointer, _ bytes: UInt64, _ memory: TableTestMemory
) {
    let count = (entry + Key.countOffset).assumingMemoryBound(to: UInt64.self)
    if em_count(count, bytes), let base = memory.region.baseAddress, let spills = memory.spills.baseAddress {
        em_spill(count, spills + (entry - UnsafeMutableRawPointer(base)) / Key.entryBytes, memory.settings)
    }
}

/// A table as a class: the macros of the tests do not take a value that cannot be copied.
final class OwnedTable<Key: TestableKey> {
    var table: ExactMatchTable<Key>

    init(_ table: consuming ExactMatchTable<Key>) { self.table = table }

    convenience init(memory: ExactMatchMemory, capacity: Int, gracePeriod: any GracePeriod) throws {
        self.init(try ExactMatchTable(memory: memory, capacity: capacity, gracePeriod: gracePeriod))
    }

    var count: Int { table.count }
    var buckets: UInt32 { table.buckets }
    var quarantined: Int { table.quarantined }
    func insert(_ key: Key, action: UInt64) throws(ExactMatchError) { try table.insert(key, action: action) }
    func modify(_ key: Key, action: UInt64) throws(ExactMatchError) { try table.modify(key, action: action) }
    @discardableResult
    func delete(_ key: Key) throws(ExactMatchError) -> ExactMatchEntry<Key> { try table.delete(key) }
    func find(_ key: Key) -> ExactMatchEntry<Key>? { table.find(key) }
    func sweep(_ visit: (ExactMatchEntry<Key>) -> Void) { table.sweep(visit) }
    func reclaim() throws(ExactMatchError) { try table.reclaim() }
    func insert(_ items: [ExactMatchItem<Key>], outcomes: inout [ExactMatchOutcome]) throws(ExactMatchError) {
        try table.insert(items.span, outcomes: &outcomes)
    }
}

@Suite("The exact-match table")
struct ExactMatchTests {
    static let valid: UInt64 = 1 << 18

    /// Random changes, checked against a dictionary through the lookup the programs use.
    func follow<Key: TestableKey>(_: Key.Type, seed: UInt64) throws {
        let capacity = 2000
        let memory = TableTestMemory(Key.self, capacity: capacity, seed: seed)
        let table = try OwnedTable<Key>(memory: memory.exactMatch, capacity: capacity, gracePeriod: TestGracePeriod())
        var wanted: [UInt64: (action: UInt64, packets: UInt64, bytes: UInt64)] = [:]
        var random = SeededGenerator(seed: seed)
        for step in 0..<60_000 {
            let number = random.next() % 2600
            let key = Key.make(number)
            let action = random.next() & 0x3ffff | Self.valid
            switch random.next() % 8 {
            case 0...3:
                let before = wanted[number]
                do {
                    try table.insert(key, action: action)
                    try #require(before == nil && wanted.count < capacity)
                    wanted[number] = (action, 0, 0)
                } catch ExactMatchError.exists {
                    try #require(before != nil)
                } catch ExactMatchError.full(let count, _) {
                    try #require(before == nil && count == capacity)
                }
            case 4:
                do {
                    try table.modify(key, action: action)
                    try #require(wanted[number] != nil)
                    wanted[number]?.action = action
                } catch let error as ExactMatchError {
                    try #require(error == .absent && wanted[number] == nil)
                }
            case 5:
                do {
                    let last = try table.delete(key)
                    let before = try #require(wanted[number])
                    wanted[number] = nil
                    try #require((last.action, last.packets, last.bytes) == before)
                } catch let error as ExactMatchError {
                    try #require(error == .absent && wanted[number] == nil)
                }
            default:
                let found = key.find(in: memory, buckets: table.buckets)
                try #require(found?.action == wanted[number]?.action, "step \(step)")
                if let found {
                    countPacket(Key.self, found.entry, 100, memory)
                    wanted[number]?.packets += 1
                    wanted[number]?.bytes += 100
                }
            }
            if step % 5000 == 0 { try table.reclaim() }
        }
        try #require(table.count == wanted.count)
        var seen = 0
        table.sweep { _ in seen += 1 }
        try #require(seen == wanted.count)
        for (number, entry) in wanted {
            let found = try #require(table.find(.make(number)))
            try #require((found.action, found.packets, found.bytes) == entry)
        }
    }

    @Test("follows a dictionary through random inserts, changes and deletes", arguments: [UInt64(1), 2, 3])
    func random(seed: UInt64) throws {
        try follow(ExactMatchKey32.self, seed: seed)
        try follow(ExactMatchKey64.self, seed: seed)
    }

    func fill<Key: TestableKey>(_: Key.Type, capacity: Int, batch: Int) throws {
        let memory = TableTestMemory(Key.self, capacity: capacity)
        let table = try OwnedTable<Key>(memory: memory.exactMatch, capacity: capacity, gracePeriod: TestGracePeriod())
        let items = (0..<UInt64(capacity)).map { ExactMatchItem(key: Key.make($0), action: $0) }
        var outcomes: [ExactMatchOutcome] = []
        for from in stride(from: 0, to: capacity, by: batch) {
            let part = Array(items[from..<min(from + batch, capacity)])
            try table.insert(part, outcomes: &outcomes)
            try #require(outcomes.count == part.count && outcomes.allSatisfy { $0 == .inserted })
        }
        #expect(table.count == capacity)
        for (number, item) in items.enumerated() {
            try #require(item.key.find(in: memory, buckets: table.buckets)?.action == UInt64(number) | Self.valid)
        }
        let more = [ExactMatchItem(key: Key.make(1 << 40), action: 0), items[0]]
        try table.insert(more, outcomes: &outcomes)
        #expect(outcomes == [.full, .exists])
        #expect(throws: ExactMatchError.full(count: capacity, capacity: capacity)) {
            try table.insert(more[0].key, action: 0)
        }
        #expect(throws: ExactMatchError.exists) { try table.insert(items[0].key, action: 0) }
    }

    @Test(
        "takes random keys up to its capacity, one more is full, a known one exists", arguments: [1, 7, 5000, 100_000])
    func fillsUp(capacity: Int) throws {
        try fill(ExactMatchKey32.self, capacity: capacity, batch: 4096)
        try fill(ExactMatchKey64.self, capacity: capacity, batch: 100_000)
    }

    @Test("inserts a key that stands twice in a batch once")
    func twiceInBatch() throws {
        let memory = TableTestMemory(ExactMatchKey64.self, capacity: 100)
        let table = try OwnedTable<ExactMatchKey64>(
            memory: memory.exactMatch, capacity: 100, gracePeriod: TestGracePeriod())
        let items = [1, 2, 1].map { ExactMatchItem(key: ExactMatchKey64.make($0), action: $0) }
        var outcomes: [ExactMatchOutcome] = []
        try table.insert(items, outcomes: &outcomes)
        #expect(outcomes == [.inserted, .inserted, .exists])
    }

    @Test("does not write a deleted entry's slot before a grace period")
    func quarantine() throws {
        typealias Key = ExactMatchKey64
        let capacity = 64
        let memory = TableTestMemory(Key.self, capacity: capacity)
        let grace = TestGracePeriod()
        let table = try OwnedTable<Key>(memory: memory.exactMatch, capacity: capacity, gracePeriod: grace)
        for number in 0..<UInt64(capacity) { try table.insert(.make(number), action: number) }
        try table.reclaim()
        let waits = grace.waits.load(ordering: .relaxed)
        var entries: [(Key, UnsafeMutableRawPointer)] = []
        for number in 0..<UInt64(20) {
            let key = Key.make(number)
            entries.append((key, try #require(key.find(in: memory, buckets: table.buckets)).entry))
            try table.delete(key)
            #expect(key.find(in: memory, buckets: table.buckets) == nil)
        }
        #expect(table.quarantined == 20)
        var next: UInt64 = 1000
        while grace.waits.load(ordering: .relaxed) == waits, table.count < capacity {
            try table.insert(.make(next), action: next)
            next += 1
            if grace.waits.load(ordering: .relaxed) == waits {
                for (key, entry) in entries { try #require(Key(loadingFrom: entry) == key) }
            }
        }
        #expect(table.quarantined < 20 || grace.waits.load(ordering: .relaxed) == waits)
    }

    @Test("carries the counters of a moved entry along, those counted late too")
    func lateCounts() throws {
        typealias Key = ExactMatchKey64
        let capacity = 200
        let memory = TableTestMemory(Key.self, capacity: capacity)
        let held = Mutex<[(Key, UInt)]>([])
        // Programs that found every entry before a change count when the grace period is nearly over, and end.
        let grace = TestGracePeriod {
            held.withLock { found in
                for (_, entry) in found {
                    guard let entry = UnsafeMutableRawPointer(bitPattern: entry) else { continue }
                    countPacket(Key.self, entry, 1000, memory)
                }
                found = []
            }
        }
        let table = try OwnedTable<Key>(memory: memory.exactMatch, capacity: capacity, gracePeriod: grace)
        var counted: [Key: UInt64] = [:]
        for number in 0..<UInt64(capacity) {
            let finds = (0..<number).compactMap { number -> (Key, UInt)? in
                let key = Key.make(number)
                return key.find(in: memory, buckets: table.buckets).map { (key, UInt(bitPattern: $0.entry)) }
            }
            try #require(finds.count == Int(number))
            held.withLock { $0 = finds }
            let before = grace.waits.load(ordering: .relaxed)
            try table.insert(.make(number), action: number)
            if grace.waits.load(ordering: .relaxed) > before { for (key, _) in finds { counted[key, default: 0] += 1 } }
        }
        #expect(memory.settings.pointee.moves > 0)
        let total = counted.values.reduce(0, +)
        #expect(total > 0, "entries were moved while programs held them")
        for (key, packets) in counted {
            let entry = try #require(table.find(key))
            try #require(entry.packets == packets)
            try #require(entry.bytes == packets * 1000)
        }
    }

    @Test("loses nothing when counters reach the size of their word")
    func spills() throws {
        typealias Key = ExactMatchKey32
        let memory = TableTestMemory(Key.self, capacity: 10)
        let table = try OwnedTable<Key>(memory: memory.exactMatch, capacity: 10, gracePeriod: TestGracePeriod())
        let key = Key.make(1)
        try table.insert(key, action: 1)
        let entry = try #require(key.find(in: memory, buckets: table.buckets)).entry
        var bytes: UInt64 = 0
        for index in 0..<500 {
            let length = 1 << 30 + UInt64(index)
            countPacket(Key.self, entry, length, memory)
            bytes += length
        }
        #expect(memory.settings.pointee.spills == 1)
        // As after very many packets: one more makes the upper half spill.
        let count = (entry + Key.countOffset).assumingMemoryBound(to: UInt64.self)
        count.pointee &+= (1 << 25 - 1) << 38
        countPacket(Key.self, entry, 64, memory)
        let found = try #require(table.find(key))
        #expect(found.bytes == bytes + 64)
        #expect(found.packets == 500 + 1 << 25)
        let last = try table.delete(key)
        #expect(last.packets == 500 + 1 << 25)
        try table.reclaim()
        try table.insert(key, action: 1)
        #expect(table.find(key)?.packets == 0, "a new entry starts at 0 in its spill counter too")
    }

    @Test("notes a hit's epoch once and leaves the rest of the action word")
    func touch() {
        var word: UInt64 = 0x0001_1234_5678_9abc
        em_touch(&word, word, 7)
        #expect(word == 0x0007_1234_5678_9abc)
        var other: UInt64 = 0x0007_0000_0000_0000
        em_touch(&other, word, 7)
        #expect(other == 0x0007_0000_0000_0000)
    }

    @Test("ends a lookup of an absent key while a move is under way, and finds what is there")
    func duringMove() throws {
        typealias Key = ExactMatchKey32
        let memory = TableTestMemory(Key.self, capacity: 100)
        let table = try OwnedTable<Key>(memory: memory.exactMatch, capacity: 100, gracePeriod: TestGracePeriod())
        try table.insert(.make(1), action: 1)
        memory.settings.pointee.moves = 7
        #expect(Key.make(1).find(in: memory, buckets: table.buckets)?.action == 1 | Self.valid)
        #expect(Key.make(2).find(in: memory, buckets: table.buckets) == nil)
        #expect(Key.make(1).find(in: memory, buckets: 0) == nil, "a table of no buckets holds nothing")
    }

    @Test("adopts a table an earlier process left in the middle of a move")
    func adoption() throws {
        typealias Key = ExactMatchKey64
        let memory = TableTestMemory(Key.self, capacity: 200)
        let first = try OwnedTable<Key>(memory: memory.exactMatch, capacity: 200, gracePeriod: TestGracePeriod())
        for number in 0..<UInt64(150) { try first.insert(.make(number), action: number) }
        try first.delete(.make(3))
        // A key in both its buckets, as when the process ended between publishing and clearing; both have counted.
        var copied: Key?
        for number in 4..<UInt64(150) where copied == nil {
            let key = Key.make(number)
            let (one, two) = first.table.buckets(of: key)
            if one == two { continue }
            let slot = first.table.slot(of: key)
            let other = slot / 2 == Int(one) ? Int(two) : Int(one)
            for target in [other * 2, other * 2 + 1] where !first.table.isValid(target) && copied == nil {
                key.store(to: first.table.pointer(target))
                first.table.action(target).storeBytes(of: number | Self.valid, as: UInt64.self)
                countPacket(Key.self, first.table.pointer(slot), 60, memory)
                countPacket(Key.self, first.table.pointer(target), 70, memory)
                copied = key
            }
        }
        let key = try #require(copied)
        memory.settings.pointee.moves |= 1
        let grace = TestGracePeriod()
        let second = try OwnedTable<Key>(
            .adopting(memory.exactMatch, capacity: 200, gracePeriod: grace))
        #expect(second.count == 149)
        #expect(second.quarantined == 0)
        #expect(grace.waits.load(ordering: .relaxed) == 1)
        #expect(memory.settings.pointee.moves & 1 == 0)
        let entry = try #require(second.find(key))
        #expect(entry.packets == 2)
        #expect(entry.bytes == 130)
        var times = 0
        second.sweep { if $0.key == key { times += 1 } }
        #expect(times == 1)
        for number in 0..<UInt64(150) where number != 3 {
            try #require(Key.make(number).find(in: memory, buckets: second.buckets)?.action == number | Self.valid)
        }
    }

    @Test("refuses memory that is too small and names what is needed")
    func memory() {
        let memory = TableTestMemory(ExactMatchKey32.self, capacity: 100)
        #expect(throws: ExactMatchError.self) {
            _ = try ExactMatchTable<ExactMatchKey32>(
                memory: memory.exactMatch, capacity: 200, gracePeriod: TestGracePeriod())
        }
    }

    @Test("changes nothing when a grace period is refused")
    func refused() throws {
        typealias Key = ExactMatchKey64
        let memory = TableTestMemory(Key.self, capacity: 400)
        let grace = TestGracePeriod { () throws(GracePeriodError) in throw .membarrier(errno: 22) }
        let table = try OwnedTable<Key>(memory: memory.exactMatch, capacity: 400, gracePeriod: grace)
        var inserted: [UInt64] = []
        var failures = 0
        for number in 0..<UInt64(400) {
            do {
                try table.insert(.make(number), action: number)
                inserted.append(number)
            } catch let error as ExactMatchError {
                try #require(error == .gracePeriod(.membarrier(errno: 22)))
                failures += 1
            }
        }
        #expect(failures > 0)
        #expect(table.count == inserted.count)
        for number in inserted {
            try #require(Key.make(number).find(in: memory, buckets: table.buckets)?.action == number | Self.valid)
        }
    }

    func hammer<Key: TestableKey>(_: Key.Type) throws {
        let capacity = 3000
        let lasting: UInt64 = 1500
        let memory = TableTestMemory(Key.self, capacity: capacity)
        let readers = ConcurrentReaders(count: 2)
        let table = try OwnedTable<Key>(memory: memory.exactMatch, capacity: capacity, gracePeriod: readers)
        // The action's index is the key's number, so an action that belongs to another key shows.
        for number in 0..<lasting { try table.insert(.make(number), action: number) }
        let buckets = table.buckets
        readers.start { random in
            var wrong = 0
            for _ in 0..<64 {
                let number = random.next() % 6000
                let found = Key.make(number).find(in: memory, buckets: buckets)
                if let found, found.action & 0x3ffff != number { wrong += 1 }
                if found == nil && number < lasting { wrong += 1 }
            }
            return (64, wrong)
        }
        defer { readers.stop() }
        var random = SeededGenerator(seed: 9)
        var present: Set<UInt64> = []
        for _ in 0..<4_000 {
            if present.count > 1400, let some = present.first {
                try table.delete(.make(some))
                present.remove(some)
            }
            let number = lasting + random.next() % 4500
            do {
                try table.insert(.make(number), action: number)
                present.insert(number)
            } catch let error as ExactMatchError {
                try #require(error == .exists)
            }
        }
        readers.stop()
        #expect(memory.settings.pointee.moves > 100, "entries were moved")
        #expect(readers.wrong.load(ordering: .relaxed) == 0)
    }

    @Test("shows concurrent readers only actions that belong to their key, and always those that stay")
    func concurrent() throws {
        try hammer(ExactMatchKey64.self)
        try hammer(ExactMatchKey32.self)
    }
}
