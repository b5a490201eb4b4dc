// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux

/// What is to become of an entry that a comparison has come upon.
enum EntryVerdict {
    case right
    /// The action word it ought to have; its epoch stays.
    case replace(UInt64)
    case remove
}

extension ExactMatchTable {
    /// Compares every entry with what ought to be there.
    ///
    /// - Parameters:
    ///   - misplaced: called for an entry that no reader finds where it is: its key belongs elsewhere, or stands twice. It is removed.
    ///   - judge: called for every other entry. With `repair` its verdict is carried out.
    /// - Throws: `gracePeriod`; entries that are to be removed then are not.
    mutating func reconcile(
        repair: Bool, pass: inout ReconcilePass, misplaced: (inout ReconcilePass) -> Void,
        judge: (Key, UInt64, inout ReconcilePass) -> EntryVerdict
    ) throws(ExactMatchError) {
        let slots = Int(buckets) * Key.slotsPerBucket
        let ahead = 64
        var there = 0
        for slot in 0..<slots {
            if slot + ahead < slots { memory_prefetch_read(pointer(slot + ahead)) }
            let word = memory_load_acquire64(action(slot))
            if word & Self.valid == 0 { continue }
            let key = Key(loadingFrom: pointer(slot))
            if !isFound(key, at: slot) {
                misplaced(&pass)
                if repair { try remove(slot) } else { there += 1 }
                continue
            }
            switch judge(key, word, &pass) {
            case .right: there += 1
            case .replace(let right):
                there += 1
                if repair {
                    memory_store_release64(action(slot), right & Self.decisionMask | word & ~Self.decisionMask)
                }
            case .remove: if repair { try remove(slot) } else { there += 1 }
            }
        }
        // Others may have made entries valid, or not valid, without this table's knowledge.
        if repair { count = there }
    }

    private static var decisionMask: UInt64 { (1 << 48) - 1 }

    /// Whether a reader that looks for this key finds this slot.
    @inline(__always)
    private borrowing func isFound(_ key: Key, at slot: Slot) -> Bool {
        let bucket = slot / Key.slotsPerBucket
        let (first, second) = buckets(of: key)
        if bucket == Int(first) { return !holds(key, bucket * Key.slotsPerBucket..<slot) }
        guard bucket == Int(second) else { return false }
        let other = Int(first) * Key.slotsPerBucket
        return !holds(key, other..<other + Key.slotsPerBucket) && !holds(key, bucket * Key.slotsPerBucket..<slot)
    }

    @inline(__always)
    private borrowing func holds(_ key: Key, _ slots: Range<Slot>) -> Bool {
        for slot in slots where isValid(slot) && key.matches(pointer(slot)) { return true }
        return false
    }

    /// Takes the entry of a slot out of the readers' reach.
    private mutating func remove(_ slot: Slot) throws(ExactMatchError) {
        if quarantined == quarantine.count { try reclaim() }
        _ = memory_exchange64(action(slot), Self.held)
        quarantine[quarantined] = Quarantined(slot: UInt32(truncatingIfNeeded: slot), movedTo: Self.deleted)
        quarantined += 1
    }
}
