// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux

extension ExactMatchTable {
    /// A table in memory an earlier process left, at whatever instant it ended. Programs go on reading meanwhile.
    ///
    /// Counts the entries. An entry that was being moved may stand in both its buckets: the one in its second bucket is
    /// taken out and its counts are added to the other. What moved entries' old slots have counted late is added too.
    ///
    /// - Throws: `memory`, `gracePeriod`.
    public static func adopting(
        _ memory: ExactMatchMemory, capacity: Int, gracePeriod: any GracePeriod
    ) throws(ExactMatchError) -> Self {
        var table = try Self(memory: memory, capacity: capacity, gracePeriod: gracePeriod)
        try table.adopt()
        return table
    }

    private mutating func adopt() throws(ExactMatchError) {
        let slots = Int(buckets) * Key.slotsPerBucket
        var duplicates: [(slot: Slot, kept: Slot)] = []
        var held = false
        for slot in 0..<slots {
            let word = memory_load_acquire64(action(slot))
            if word & Self.valid == 0 {
                held = held || word & Self.held != 0
                continue
            }
            let key = Key(loadingFrom: pointer(slot))
            let bucket = slot / Key.slotsPerBucket
            let (first, second) = buckets(of: key)
            if bucket == Int(first) {
                count += 1
            } else if bucket == Int(second) {
                var kept = -1
                for other in Int(first) * Key.slotsPerBucket..<(Int(first) + 1) * Key.slotsPerBucket
                where isValid(other) && key.matches(pointer(other)) {
                    kept = other
                }
                if kept < 0 { count += 1 } else { duplicates.append((slot, kept)) }
            } else {
                // No reader finds it where it is: the seeds are not those it was placed with.
                duplicates.append((slot, -1))
            }
        }
        let odd = memory_load_acquire32(moves)
        if odd & 1 != 0 { memory_store_release32(moves, odd &+ 1) }
        if !duplicates.isEmpty {
            let before = memory_load_acquire32(moves)
            memory_store_release32(moves, before &+ 1)
            for (slot, _) in duplicates { memory_store_release64(action(slot), Self.held) }
            memory_store_release32(moves, before &+ 2)
        }
        if duplicates.isEmpty && !held && !hasLeftovers(slots) { return }
        do { try self.gracePeriod.wait() } catch { throw .gracePeriod(error) }
        for (slot, kept) in duplicates { carry(from: slot, to: kept < 0 ? nil : kept) }
        for slot in 0..<slots where !isValid(slot) {
            let word = memory_load64(action(slot))
            var target: Slot?
            if word & Self.moved != 0, memory_load64(counter(slot)) != 0 || settings.pointee.spills != 0 {
                let moved = self.slot(of: Key(loadingFrom: pointer(slot)))
                target = moved < 0 ? nil : moved
            }
            carry(from: slot, to: target)
            if word != 0 { memory_store_release64(action(slot), 0) }
        }
    }

    /// Whether a free slot's counter is not 0: the process ended between freeing the slot and clearing it.
    private borrowing func hasLeftovers(_ slots: Int) -> Bool {
        for slot in 0..<slots where !isValid(slot) && memory_load64(counter(slot)) != 0 { return true }
        return false
    }
}
