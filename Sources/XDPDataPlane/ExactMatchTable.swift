// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux

/// Why an exact-match table was not changed.
public enum ExactMatchError: Error, Equatable, CustomStringConvertible {
    /// The key is in the table already.
    case exists
    /// The key is not in the table.
    case absent
    /// The table holds `count` of `capacity` entries and has no place for this one.
    case full(count: Int, capacity: Int)
    /// The memory handed in is too small for `capacity` entries.
    case memory(bytes: Int, spills: Int, capacity: Int, neededBytes: Int, neededSpills: Int)
    /// Slots could not be taken out of quarantine.
    case gracePeriod(GracePeriodError)

    public var description: String {
        switch self {
        case .exists: "insert an exact-match entry: its key is in the table; modify it instead"
        case .absent: "exact-match entry: its key is not in the table"
        case .full(let count, let capacity):
            "insert an exact-match entry: the table is full, \(count) of \(capacity) entries in use"
        case .memory(let bytes, let spills, let capacity, let neededBytes, let neededSpills):
            "exact-match table for \(capacity) entries: \(bytes) bytes and \(spills) spill counters were handed in, "
                + "\(neededBytes) and \(neededSpills) are needed"
        case .gracePeriod(let error): "free quarantined exact-match slots: \(error)"
        }
    }
}

/// The memory an exact-match table lives in; mapped BPF arrays, or plain memory in tests.
public struct ExactMatchMemory: @unchecked Sendable {
    // SAFETY: pointers to memory that outlives the table; the one writer is the table itself.

    /// Buckets of 128 bytes.
    public var buckets: UnsafeMutableRawBufferPointer
    /// A spill counter for each slot.
    public var spills: UnsafeMutableBufferPointer<fp_counter>
    /// Seeds, `moves` and `spills`.
    public var settings: UnsafeMutablePointer<fp_settings>

    public init(
        buckets: UnsafeMutableRawBufferPointer, spills: UnsafeMutableBufferPointer<fp_counter>,
        settings: UnsafeMutablePointer<fp_settings>
    ) {
        self.buckets = buckets
        self.spills = spills
        self.settings = settings
    }
}

/// An entry as read from an exact-match table.
public struct ExactMatchEntry<Key: ExactMatchKey>: Sendable {
    public var key: Key
    /// The action word (`FP_ACTION_*`), with the epoch of the last hit in its upper 16 bits.
    public var action: UInt64
    /// Counted since the entry was inserted. For a moment low by what a program carries to the spill counter, never
    /// high.
    public var packets: UInt64
    public var bytes: UInt64

    @inlinable
    init(key: Key, action: UInt64, packets: UInt64, bytes: UInt64) {
        self.key = key
        self.action = action
        self.packets = packets
        self.bytes = bytes
    }

    /// Epoch of the last hit (`FP_EPOCH_MILLISECONDS`, wrapping).
    public var epoch: UInt16 { UInt16(truncatingIfNeeded: action >> 48) }
}

/// An entry to insert.
public struct ExactMatchItem<Key: ExactMatchKey>: BitwiseCopyable, Sendable {
    public var key: Key
    public var action: UInt64

    @inlinable
    public init(key: Key, action: UInt64) {
        self.key = key
        self.action = action
    }
}

/// What became of one item of a batch.
public enum ExactMatchOutcome: UInt8, Sendable {
    case inserted, exists, full
    /// Not inserted: other entries have to be moved first, and that was not asked for.
    case crowded
}

/// The one writer of an exact-match table that packet programs read (`em_find32`, `em_find64`).
///
/// A bucketised cuckoo table: a key lives in one of two buckets. Slots of deleted and moved entries stay in quarantine
/// until a grace period has passed, so a program that found an entry may count on it until it ends. See
/// `Docs/decisions/0002-publishing-entries.md` and `bpf/include/exact_match.h`.
public struct ExactMatchTable<Key: ExactMatchKey>: ~Copyable {
    @usableFromInline typealias Slot = Int

    struct Quarantined {
        var slot: UInt32
        var movedTo: UInt32  // `deleted`, or the slot the entry was moved to
    }

    @inline(__always) static var deleted: UInt32 { .max }
    @inlinable @inline(__always) static var valid: UInt64 { 1 << 18 }
    @inline(__always) static var held: UInt64 { 1 << 25 }  // EM_QUARANTINED
    @inline(__always) static var moved: UInt64 { 1 << 24 }  // EM_MOVED
    @inline(__always) static var promised: UInt64 { 1 << 23 }  // EM_PROMISED

    /// Entries the table takes.
    public internal(set) var capacity: Int
    /// Entries in it.
    public internal(set) var count = 0
    /// Buckets; the constant the programs are loaded with.
    public let buckets: UInt32
    /// Slots that wait for a grace period.
    public internal(set) var quarantined = 0

    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let spills: UnsafeMutablePointer<fp_counter>
    @usableFromInline let settings: UnsafeMutablePointer<fp_settings>
    let moves: UnsafeMutablePointer<UInt32>
    let seeds0: UnsafePointer<UInt64>
    let seeds1: UnsafePointer<UInt64>
    let quarantine: UnsafeMutableBufferPointer<Quarantined>
    let search: UnsafeMutableBufferPointer<UInt32>
    var gracePeriod: any GracePeriod
    var pending: [Int32] = []

    /// Buckets needed for `capacity` entries: 80 % of the slots hold entries when the table is full.
    public static func buckets(capacity: Int) -> Int {
        let slots = (max(capacity, 1) * 5 + 3) / 4
        return max((slots + Key.slotsPerBucket - 1) / Key.slotsPerBucket, 4)
    }

    /// Slots, and spill counters, of a table for `capacity` entries.
    public static func slots(capacity: Int) -> Int { buckets(capacity: capacity) * Key.slotsPerBucket }

    /// A table in fresh memory, all zero.
    ///
    /// - Throws: `ExactMatchError.memory`.
    public init(memory: ExactMatchMemory, capacity: Int, gracePeriod: any GracePeriod) throws(ExactMatchError) {
        let buckets = Self.buckets(capacity: capacity)
        let slots = buckets * Key.slotsPerBucket
        guard let base = memory.buckets.baseAddress, let spills = memory.spills.baseAddress,
            memory.buckets.count >= buckets * 128, memory.spills.count >= slots
        else {
            throw .memory(
                bytes: memory.buckets.count, spills: memory.spills.count, capacity: capacity,
                neededBytes: buckets * 128, neededSpills: slots)
        }
        self.capacity = capacity
        self.buckets = UInt32(buckets)
        self.base = base
        self.spills = spills
        settings = memory.settings
        moves = em_moves_word(memory.settings)
        seeds0 = em_seed(memory.settings, 0)
        seeds1 = em_seed(memory.settings, 1)
        quarantine = .allocate(capacity: max(slots * 8 / 100, 64))
        search = .allocate(capacity: 512)
        self.gracePeriod = gracePeriod
    }

    deinit {
        quarantine.deallocate()
        search.deallocate()
    }

    // MARK: Reading

    /// The entry of a key.
    @_specialize(where Key == ExactMatchKey32)
    @_specialize(where Key == ExactMatchKey64)
    public borrowing func find(_ key: Key) -> ExactMatchEntry<Key>? {
        let slot = self.slot(of: key)
        return slot < 0 ? nil : entry(at: slot)
    }

    /// Visits every entry in the order of memory.
    ///
    /// - Parameter buckets: Which part to visit, to spread a sweep over time; all when `nil`.
    @inlinable
    public borrowing func sweep(
        buckets range: Range<Int>? = nil, _ visit: (ExactMatchEntry<Key>) -> Void
    ) {
        let range = range ?? 0..<Int(buckets)
        for slot in range.lowerBound * Key.slotsPerBucket..<range.upperBound * Key.slotsPerBucket
        where isValid(slot) {
            visit(entry(at: slot))
        }
    }

    @inlinable @inline(__always)
    borrowing func isValid(_ slot: Int) -> Bool { memory_load_acquire64(action(slot)) & Self.valid != 0 }

    @inlinable @inline(__always)
    borrowing func entry(at slot: Int) -> ExactMatchEntry<Key> {
        let word = memory_load_acquire64(action(slot))
        var packets: UInt64 = 0
        var bytes: UInt64 = 0
        if settings.pointee.spills != 0 {
            packets = memory_load_acquire64(spills + slot)
            bytes = memory_load_acquire64(UnsafeRawPointer(spills + slot) + 8)
        }
        let packed = memory_load64(counter(slot))
        return ExactMatchEntry(
            key: Key(loadingFrom: pointer(slot)), action: word, packets: packets &+ packed >> 38,
            bytes: bytes &+ packed & ((1 << 38) - 1))
    }

    // MARK: Changing one entry

    /// Inserts an entry. Waits for a grace period when another entry has to be moved out of the way.
    ///
    /// - Throws: `exists`, `full`, `gracePeriod`.
    @_specialize(where Key == ExactMatchKey32)
    @_specialize(where Key == ExactMatchKey64)
    public mutating func insert(_ key: Key, action: UInt64) throws(ExactMatchError) {
        let first = bucket(key, seeds0)
        let second = bucket(key, seeds1)
        for _ in 0..<Self.rounds {
            switch place(key, action, first, second) {
            case .placed: return
            case .exists: throw .exists
            case .full: throw .full(count: count, capacity: capacity)
            case .crowded: break
            }
            if try !makeRoom(first, second) { break }
            try reclaim()
        }
        throw .full(count: count, capacity: capacity)
    }

    /// Replaces an entry's action word in one store; its counters stay. The epoch becomes the one in `action`.
    ///
    /// - Throws: `absent`.
    @_specialize(where Key == ExactMatchKey32)
    @_specialize(where Key == ExactMatchKey64)
    public mutating func modify(_ key: Key, action word: UInt64) throws(ExactMatchError) {
        let slot = self.slot(of: key)
        if slot < 0 { throw .absent }
        memory_store_release64(action(slot), word | Self.valid)
    }

    /// Removes an entry. No program finds it once this returns; one that found it before may still count on it, and
    /// what it counts after the entry has been read here is lost with the entry.
    ///
    /// - Returns: The entry with its last counters.
    /// - Throws: `absent`; `gracePeriod`, when the quarantine is full, and then the entry has not been removed.
    @_specialize(where Key == ExactMatchKey32)
    @_specialize(where Key == ExactMatchKey64)
    @discardableResult
    public mutating func delete(_ key: Key) throws(ExactMatchError) -> ExactMatchEntry<Key> {
        if quarantined == quarantine.count { try reclaim() }
        let slot = self.slot(of: key)
        if slot < 0 { throw .absent }
        let word = memory_exchange64(action(slot), Self.held)
        var last = entry(at: slot)
        last.action = word
        quarantine[quarantined] = Quarantined(slot: UInt32(truncatingIfNeeded: slot), movedTo: Self.deleted)
        quarantined += 1
        count -= 1
        return last
    }

    /// Waits for a grace period and frees the slots in quarantine; for idle times. Nothing when there are none.
    ///
    /// - Throws: `gracePeriod`.
    @_specialize(where Key == ExactMatchKey32)
    @_specialize(where Key == ExactMatchKey64)
    public mutating func reclaim() throws(ExactMatchError) {
        if quarantined == 0 { return }
        do { try gracePeriod.wait() } catch { throw .gracePeriod(error) }
        // In the order of quarantining: what was counted late on a slot goes to the slot its entry was moved to,
        // which, if the entry was moved again, stands later in the list.
        let spilled = settings.pointee.spills != 0
        for index in 0..<quarantined {
            if index + 16 < quarantined { memory_prefetch_write(action(Int(quarantine[index + 16].slot))) }
            let slot = Int(quarantine[index].slot)
            let target = quarantine[index].movedTo
            if memory_load64(counter(slot)) != 0 || spilled {
                carry(from: slot, to: target == Self.deleted ? nil : Int(target))
            }
            memory_store_release64(action(slot), 0)
        }
        quarantined = 0
    }

    // MARK: Changing many

    /// Inserts a batch, with the memory of later keys on its way while earlier ones are placed.
    ///
    /// - Parameters:
    ///   - items: Keys and actions; a key that stands twice is inserted once and exists the second time.
    ///   - outcomes: Replaced by one outcome per item.
    ///   - moving: Move others out of the way of items that find both buckets full. That waits for grace periods, the
    ///     same few for many items as for one: a caller with more to come leaves such items for last.
    /// - Throws: `gracePeriod`; items whose outcome is then `.full` have not been inserted.
    @_specialize(where Key == ExactMatchKey32)
    @_specialize(where Key == ExactMatchKey64)
    public mutating func insert(
        _ items: Span<ExactMatchItem<Key>>, outcomes: inout [ExactMatchOutcome], moving: Bool = true
    ) throws(ExactMatchError) {
        let ahead = 16
        outcomes.removeAll(keepingCapacity: true)
        outcomes.reserveCapacity(items.count)
        pending.removeAll(keepingCapacity: true)
        withUnsafeTemporaryAllocation(of: (UInt32, UInt32).self, capacity: 32) { ring in
            for index in 0..<min(ahead, items.count) { ring.initializeElement(at: index, to: fetch(items[index].key)) }
            for index in items.indices {
                if index + ahead < items.count {
                    ring.initializeElement(at: (index + ahead) & 31, to: fetch(items[index + ahead].key))
                }
                let (first, second) = ring[index & 31]
                switch place(items[index].key, items[index].action, first, second) {
                case .placed: outcomes.append(.inserted)
                case .exists: outcomes.append(.exists)
                case .full: outcomes.append(.full)
                case .crowded:
                    outcomes.append(moving ? .full : .crowded)
                    if moving { pending.append(Int32(truncatingIfNeeded: index)) }
                }
            }
        }
        // Those that found both buckets full: make room for all of them, wait once, try again.
        for _ in 0..<Self.rounds where !pending.isEmpty {
            var kept = 0
            var moving = true
            for place in pending.indices {
                if place + ahead < pending.count { _ = fetch(items[Int(pending[place + ahead])].key) }
                let index = Int(pending[place])
                let (first, second) = buckets(of: items[index].key)
                switch self.place(items[index].key, items[index].action, first, second) {
                case .placed: outcomes[index] = .inserted
                case .exists: outcomes[index] = .exists
                case .full: break
                case .crowded:
                    // When the quarantine fills, the rest waits for the next round.
                    if moving && quarantined == quarantine.count { moving = false }
                    if moving, try !makeRoom(first, second) { continue }
                    pending[kept] = Int32(truncatingIfNeeded: index)
                    kept += 1
                }
            }
            pending.removeSubrange(kept...)
            if kept > 0 { try reclaim() }
        }
    }

    // MARK: Placing

    /// How often room is made for one key before the table is called full. A path of moves shrinks by one each time.
    static var rounds: Int { 24 }

    enum Placement { case placed, exists, full, crowded }

    /// Puts an entry into a free slot of one of its buckets.
    @inline(__always)
    mutating func place(_ key: Key, _ word: UInt64, _ first: UInt32, _ second: UInt32) -> Placement {
        var free = -1
        for which in 0..<2 {
            let bucket = Int(which == 0 ? second : first)
            for slot in (bucket * Key.slotsPerBucket..<(bucket + 1) * Key.slotsPerBucket).reversed() {
                let held = memory_load64(action(slot))
                if held & Self.valid != 0 {
                    if key.matches(pointer(slot)) { return .exists }
                } else if held & Self.held == 0 {
                    free = slot
                }
            }
        }
        if count >= capacity { return .full }
        if free < 0 { return .crowded }
        key.store(to: pointer(free))
        memory_store_release64(action(free), word | Self.valid)
        count += 1
        return .placed
    }

    /// Brings a free slot one move nearer to one of two full buckets: searches breadth-first for the shortest path of
    /// moves that ends at a free slot, and makes its last move. A slot that is in quarantine becomes free by waiting.
    ///
    /// - Returns: Whether waiting for a grace period and trying again makes sense.
    mutating func makeRoom(_ first: UInt32, _ second: UInt32) throws(ExactMatchError) -> Bool {
        let slots = Key.slotsPerBucket
        for which in 0..<2 {
            let bucket = Int(which == 0 ? first : second)
            for slot in bucket * slots..<(bucket + 1) * slots where promise(slot) { return true }
        }
        search[0] = first
        search[1] = second
        var head = 0
        var tail = 2
        while head < tail {
            let bucket = Int(search[head])
            head += 1
            // Each occupant's other bucket is a miss of its own; have them overlap.
            if head == 1 { fetchOthers(Int(second)) }
            fetchOthers(bucket)
            for slot in bucket * slots..<(bucket + 1) * slots where isValid(slot) {
                let other = otherBucket(of: slot, in: bucket)
                if other == bucket { continue }
                for target in other * slots..<(other + 1) * slots {
                    let word = memory_load64(action(target))
                    if word & (Self.valid | Self.held) == 0 {
                        if quarantined == quarantine.count { return true }
                        move(from: slot, to: target)
                        return true
                    }
                    if promise(target) { return true }
                }
                if tail < search.count {
                    search[tail] = UInt32(truncatingIfNeeded: other)
                    tail += 1
                }
            }
        }
        return quarantined > 0
    }

    /// Takes a slot in quarantine for one insertion, so that two that wait do not count on the same slot.
    mutating func promise(_ slot: Slot) -> Bool {
        let word = memory_load64(action(slot))
        if word & (Self.valid | Self.held | Self.promised) != Self.held { return false }
        memory_store64(action(slot), word | Self.promised)
        return true
    }

    /// Publishes an entry in a free slot, then takes it out of its old one, which goes into quarantine.
    mutating func move(from: Slot, to: Slot) {
        let before = memory_load_acquire32(moves)
        memory_store_release32(moves, before &+ 1)
        Key(loadingFrom: pointer(from)).store(to: pointer(to))
        let word = memory_load64(action(from))
        memory_store_release64(action(to), word)
        let last = memory_exchange64(action(from), Self.held | Self.moved | Self.promised)
        memory_store_release32(moves, before &+ 2)
        if last >> 48 != word >> 48 {
            memory_store16(action(to) + 6, UInt16(truncatingIfNeeded: last >> 48))
        }
        carry(from: from, to: to)
        quarantine[quarantined] = Quarantined(
            slot: UInt32(truncatingIfNeeded: from), movedTo: UInt32(truncatingIfNeeded: to))
        quarantined += 1
    }

    /// Takes what a slot has counted and adds it to the entry's new slot, or drops it.
    mutating func carry(from: Slot, to: Slot?) {
        let packed = memory_exchange64(counter(from), 0)
        if settings.pointee.spills != 0 {
            let spill = UnsafeMutableRawPointer(spills + from)
            let packets = memory_exchange64(spill, 0)
            let bytes = memory_exchange64(spill + 8, 0)
            if let to, packets | bytes != 0 {
                _ = memory_fetch_add64(spills + to, packets)
                _ = memory_fetch_add64(UnsafeMutableRawPointer(spills + to) + 8, bytes)
            }
        }
        guard let to, packed != 0 else { return }
        add(packed, to: to)
    }

    /// Adds a packed count to a slot's, as a program would.
    mutating func add(_ packed: UInt64, to slot: Slot) {
        let sum = memory_fetch_add64(counter(slot), packed) &+ packed
        if sum & (1 << 63 | 1 << 37) != 0 {
            em_spill(counter(slot).assumingMemoryBound(to: UInt64.self), spills + slot, settings)
        }
    }

    // MARK: Where things are

    @inlinable @inline(__always)
    borrowing func pointer(_ slot: Slot) -> UnsafeMutableRawPointer { base + slot &* Key.entryBytes }
    @inlinable @inline(__always)
    borrowing func action(_ slot: Slot) -> UnsafeMutableRawPointer { pointer(slot) + Key.actionOffset }
    @inlinable @inline(__always)
    borrowing func counter(_ slot: Slot) -> UnsafeMutableRawPointer { pointer(slot) + Key.countOffset }

    @inline(__always)
    borrowing func bucket(_ key: Key, _ seeds: UnsafePointer<UInt64>) -> UInt32 {
        em_bucket(key.hash(seeds: seeds), buckets)
    }

    @inline(__always)
    borrowing func buckets(of key: Key) -> (UInt32, UInt32) { (bucket(key, seeds0), bucket(key, seeds1)) }

    /// The buckets of a key, with their memory on its way.
    @inline(__always)
    borrowing func fetch(_ key: Key) -> (UInt32, UInt32) {
        let (first, second) = buckets(of: key)
        memory_prefetch_write(base + Int(first) &* 128)
        memory_prefetch_write(base + Int(first) &* 128 + 64)
        memory_prefetch_write(base + Int(second) &* 128)
        memory_prefetch_write(base + Int(second) &* 128 + 64)
        return (first, second)
    }

    /// Has the buckets on its way that the entries of one bucket may be moved to.
    @inline(__always)
    borrowing func fetchOthers(_ bucket: Int) {
        for slot in bucket * Key.slotsPerBucket..<(bucket + 1) * Key.slotsPerBucket where isValid(slot) {
            let other = base + otherBucket(of: slot, in: bucket) &* 128
            memory_prefetch_write(other)
            memory_prefetch_write(other + 64)
        }
    }

    /// The bucket an entry may be moved to.
    @inline(__always)
    borrowing func otherBucket(of slot: Slot, in bucket: Int) -> Int {
        let (first, second) = buckets(of: Key(loadingFrom: pointer(slot)))
        return Int(first) == bucket ? Int(second) : Int(first)
    }

    /// The slot of a key, or −1.
    borrowing func slot(of key: Key) -> Slot {
        let (first, second) = buckets(of: key)
        for which in 0..<2 {
            let bucket = Int(which == 0 ? first : second)
            for slot in bucket * Key.slotsPerBucket..<(bucket + 1) * Key.slotsPerBucket
            where isValid(slot) && key.matches(pointer(slot)) {
                return slot
            }
        }
        return -1
    }
}
