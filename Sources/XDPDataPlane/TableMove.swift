// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux

/// What became of the entries of a table whose content was moved into another.
public struct TableMoveCount: Hashable, Sendable {
    /// Entries that are in the other table now.
    public var moved = 0
    /// Entries that are not: not wanted there, or no room.
    public var left = 0

    public init(moved: Int = 0, left: Int = 0) { (self.moved, self.left) = (moved, left) }
}

// From one table into another, of another size, with other hash seeds, or of another layout: whoever knows a layout's key type can
// move entries out of it and into it.
//
//     try new.insertEntries(of: old) { ExactMatchItem(key: NewKey($0.key), action: $0.action) }
//     …programs begin to use `new`; a grace period; nothing counts in `old` any more
//     new.addCounts(of: old, now: epoch) { NewKey($0) }
//
// Until it is given up, `old` is as it was: nothing is taken out of it. To return, what it holds is what `new` began with:
//
//     let before = old.counts()
//     …programs use `old` again; a grace period; nothing counts in `new` any more
//     try old.takeBack(new, knowing: before, now: epoch, key: OldKey.init) { … }
extension ExactMatchTable {
    /// Inserts the entries of another table, without what they have counted. Programs may go on counting in the other one.
    ///
    /// - Parameter translate: the entry as it is to be here; nil leaves it out.
    /// - Throws: `gracePeriod`.
    public mutating func insertEntries<Other: ExactMatchKey>(
        of other: borrowing ExactMatchTable<Other>,
        _ translate: (ExactMatchEntry<Other>) -> ExactMatchItem<Key>?
    ) throws(ExactMatchError) -> TableMoveCount {
        let chunk = 16_384
        var result = TableMoveCount()
        var items: [ExactMatchItem<Key>] = []
        var crowded: [ExactMatchItem<Key>] = []
        var outcomes: [ExactMatchOutcome] = []
        items.reserveCapacity(chunk)
        let bucketsAtOnce = chunk / Other.slotsPerBucket
        for from in stride(from: 0, to: Int(other.buckets), by: bucketsAtOnce) {
            items.removeAll(keepingCapacity: true)
            other.sweep(buckets: from..<min(from + bucketsAtOnce, Int(other.buckets))) { entry in
                if let item = translate(entry) { items.append(item) } else { result.left += 1 }
            }
            try insert(items.span, outcomes: &outcomes, moving: false)
            for (place, outcome) in outcomes.enumerated() {
                switch outcome {
                case .inserted: result.moved += 1
                case .crowded: crowded.append(items[place])
                case .exists, .full: result.left += 1
                }
            }
        }
        // Those that others have to make room for: last, so that grace periods are waited for together.
        guard !crowded.isEmpty else { return result }
        try insert(crowded.span, outcomes: &outcomes)
        for outcome in outcomes {
            if outcome == .inserted { result.moved += 1 } else { result.left += 1 }
        }
        return result
    }

    /// Adds what the entries of another table have counted to the same entries here, and takes over the later of the two last hits.
    /// Programs may count here meanwhile; in the other table they must have ended.
    ///
    /// - Parameters:
    ///   - before: what of the other's counts is here already, by slots of this table; nil: nothing.
    ///   - now: the present epoch, which last hits are compared by.
    ///   - translate: the key as it is here.
    public mutating func addCounts<Other: ExactMatchKey>(
        of other: borrowing ExactMatchTable<Other>, knowing before: SlotCounts? = nil, now: UInt16,
        _ translate: (Other) -> Key
    ) {
        bring(other, knowing: before, now: now, translate, decision: { _ in nil }, absent: { _ in })
    }

    private mutating func bring<Other: ExactMatchKey>(
        _ other: borrowing ExactMatchTable<Other>, knowing before: SlotCounts?, now: UInt16,
        _ translate: (Other) -> Key,
        decision: (ExactMatchEntry<Other>) -> UInt64?, absent: (ExactMatchEntry<Other>) -> Void
    ) {
        let chunk = 4096
        var pending: [(key: Key, entry: ExactMatchEntry<Other>)] = []
        pending.reserveCapacity(chunk)
        let slots = Int(other.buckets) * Other.slotsPerBucket
        for from in stride(from: 0, to: slots, by: chunk) {
            pending.removeAll(keepingCapacity: true)
            for slot in from..<min(from + chunk, slots) where other.isValid(slot) {
                let entry = other.entry(at: slot)
                pending.append((translate(entry.key), entry))
            }
            let ahead = 16
            for index in pending.indices.prefix(ahead) { _ = fetch(pending[index].key) }
            for index in pending.indices {
                if index + ahead < pending.count { _ = fetch(pending[index + ahead].key) }
                let slot = self.slot(of: pending[index].key)
                let entry = pending[index].entry
                if slot < 0 {
                    absent(entry)
                    continue
                }
                let known = before?[slot] ?? (packets: 0, bytes: 0)
                add(packets: entry.packets &- known.packets, bytes: entry.bytes &- known.bytes, to: slot)
                let word = memory_load64(action(slot))
                if let wanted = decision(entry), (wanted ^ word) & ActionWord.decisionMask != 0 {
                    memory_store_release64(
                        action(slot), wanted & ActionWord.decisionMask | word & ~ActionWord.decisionMask)
                }
                if now &- entry.epoch < now &- UInt16(word >> 48) { memory_store16(action(slot) + 6, entry.epoch) }
            }
        }
    }

    /// Takes back content that went from this table into another one: what has been counted there since, what entries say there,
    /// and entries that have come there, as far as there is room. Entries that have gone there stay here. Programs use this
    /// table again; in the other one they must have ended.
    ///
    /// - Parameters:
    ///   - before: `counts()` of this table from when programs did not use it; no entry may have been moved since.
    ///   - translate: an entry as it is to be here; nil leaves it out, or as it is.
    /// - Returns: of the entries that had come, how many are here.
    /// - Throws: `gracePeriod`.
    @discardableResult
    public mutating func takeBack<Other: ExactMatchKey>(
        _ other: borrowing ExactMatchTable<Other>, knowing before: SlotCounts, now: UInt16, key: (Other) -> Key,
        _ translate: (ExactMatchEntry<Other>) -> ExactMatchItem<Key>?
    ) throws(ExactMatchError) -> TableMoveCount {
        var items: [ExactMatchItem<Key>] = []
        var counts: [(packets: UInt64, bytes: UInt64)] = []
        var result = TableMoveCount()
        bring(other, knowing: before, now: now, key, decision: { translate($0)?.action }) { entry in
            guard let item = translate(entry) else {
                result.left += 1
                return
            }
            items.append(item)
            counts.append((entry.packets, entry.bytes))
        }
        // Only now: making room moves entries, and `before` goes by slots.
        var outcomes: [ExactMatchOutcome] = []
        try insert(items.span, outcomes: &outcomes)
        for (place, outcome) in outcomes.enumerated() {
            guard outcome == .inserted else {
                result.left += 1
                continue
            }
            result.moved += 1
            let slot = self.slot(of: items[place].key)
            if slot >= 0 { add(packets: counts[place].packets, bytes: counts[place].bytes, to: slot) }
        }
        return result
    }

    mutating func add(packets: UInt64, bytes: UInt64, to slot: Int) {
        PackedCount.add(
            packets: packets, bytes: bytes, to: counter(slot).assumingMemoryBound(to: UInt64.self), spills + slot,
            settings)
    }

    /// What each slot has counted so far, entry or not.
    public borrowing func counts() -> SlotCounts {
        let slots = Int(buckets) * Key.slotsPerBucket
        return SlotCounts(count: slots) { slot in
            let entry = entry(at: slot)
            return (entry.packets, entry.bytes)
        }
    }
}

/// What the slots of a table had counted at one time.
public struct SlotCounts: Sendable {
    private let packets: [UInt64]
    private let bytes: [UInt64]

    init(count: Int, _ body: (Int) -> (packets: UInt64, bytes: UInt64)) {
        var packets = [UInt64](repeating: 0, count: count)
        var bytes = packets
        for slot in 0..<count { (packets[slot], bytes[slot]) = body(slot) }
        (self.packets, self.bytes) = (packets, bytes)
    }

    subscript(slot: Int) -> (packets: UInt64, bytes: UInt64) { (packets[slot], bytes[slot]) }
}

/// Which entries a smaller table takes over, when it cannot take all: what is wanted for its own sake, and of what is only kept
/// because it is in use, what was in use last.
struct Retention {
    /// What must be taken.
    private(set) var needed = 0
    /// What else there is.
    private(set) var others = 0
    private var byAge: [Int] = Array(repeating: 0, count: Int(UInt16.max) + 1)
    private var oldest: UInt16?
    private var quota = 0
    private let now: UInt16
    /// nil: entries have no generation.
    private let generation: UInt16?

    init(now: UInt16, generation: UInt16?) { (self.now, self.generation) = (now, generation) }

    private func isStale(_ word: ActionWord) -> Bool { generation.map { word.generation != $0 } ?? false }

    /// First for every entry…
    mutating func count(_ raw: UInt64) {
        let word = ActionWord(rawValue: raw)
        if word.has(ActionWord.isStatic) {
            needed += 1
        } else if !isStale(word) {
            others += 1
            byAge[Int(now &- word.epoch)] += 1
        }
    }

    /// …then for a table of so many; `needed` must not be more…
    mutating func limit(to capacity: Int) {
        var room = capacity - needed
        guard others > room else { return }
        for (age, count) in byAge.enumerated() {
            if count > room {
                (oldest, quota) = (UInt16(age), room)
                return
            }
            room -= count
        }
    }

    /// …then for every entry again, once: whether to take it.
    mutating func takes(_ raw: UInt64) -> Bool {
        let word = ActionWord(rawValue: raw)
        if word.has(ActionWord.isStatic) { return true }
        if isStale(word) { return false }
        guard let oldest else { return true }
        let age = now &- word.epoch
        if age != oldest { return age < oldest }
        if quota == 0 { return false }
        quota -= 1
        return true
    }
}
