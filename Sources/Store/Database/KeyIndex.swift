// SPDX-License-Identifier: Apache-2.0

/// Which row of `amendments` holds a key. Kept in memory: an index on disk would be written all over for keys that come
/// in no order, a page for each of them; so the rows are only appended, whatever the order. 12 bytes a slot, at most
/// 0.8 of them used.
///
/// Keys are not kept: a slot has 32 bits of its key's hash, and whether a row that may be it holds the key, the caller
/// looks up.
struct KeyIndex {
    typealias Hash = (UnsafeRawBufferPointer) -> UInt64

    /// 0: the slot is free. The slot a hash asks for is given by its lowest bits; if that is taken, it has the next
    /// free one.
    private var hashes: [UInt32] = []
    private var rows: [Int64] = []
    private(set) var count = 0
    private let hash: Hash

    /// - Parameters:
    ///   - capacity: how many keys are to be expected.
    ///   - hash: of a key; for tests.
    init(capacity: Int = 0, hash: @escaping Hash = KeyIndex.hash) {
        self.hash = hash
        var slots = 16
        while slots * 4 < capacity * 5 { slots *= 2 }
        resize(to: slots)
    }

    /// Bits that nobody outside the process can aim at.
    static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(bytes: key)
        return UInt64(truncatingIfNeeded: hasher.finalize())
    }

    private var mask: Int { hashes.count - 1 }

    struct Found {
        /// nil: the key is not there.
        var row: Int64?
        /// Of the key, for what is done next.
        fileprivate var hash: UInt32
    }

    /// Looks for a key.
    ///
    /// - Parameter holds: whether a row holds this key; asked only where the hash says it may.
    func find<Failure>(
        _ key: UnsafeRawBufferPointer, holds: (Int64) throws(Failure) -> Bool
    ) throws(Failure) -> Found {
        let hash = max(1, UInt32(truncatingIfNeeded: hash(key)))
        var slot = Int(hash) & mask
        while hashes[slot] != 0 {
            if hashes[slot] == hash, try holds(rows[slot]) { return Found(row: rows[slot], hash: hash) }
            slot = (slot + 1) & mask
        }
        return Found(row: nil, hash: hash)
    }

    /// Adds a key that was not found.
    mutating func insert(_ found: Found, row: Int64) {
        if (count + 1) * 5 > hashes.count * 4 { grow() }
        place(found.hash, row)
        count += 1
    }

    /// Takes out a key that was found.
    mutating func remove(_ found: Found) {
        let (hash, row) = (found.hash, found.row)
        var free = Int(hash) & mask
        while hashes[free] != hash || rows[free] != row {
            guard hashes[free] != 0 else { return }
            free = (free + 1) & mask
        }
        // What stands behind may move up to where it asked to be, or nearer; else it would not be found across the gap.
        var slot = free
        while true {
            slot = (slot + 1) & mask
            guard hashes[slot] != 0 else { break }
            let home = Int(hashes[slot]) & mask
            guard (slot - home) & mask >= (slot - free) & mask else { continue }
            (hashes[free], rows[free]) = (hashes[slot], rows[slot])
            free = slot
        }
        hashes[free] = 0
        count -= 1
    }

    private mutating func place(_ hash: UInt32, _ row: Int64) {
        var slot = Int(hash) & mask
        while hashes[slot] != 0 { slot = (slot + 1) & mask }
        (hashes[slot], rows[slot]) = (hash, row)
    }

    private mutating func grow() {
        let (oldHashes, oldRows) = (hashes, rows)
        resize(to: hashes.count * 2)
        for slot in oldHashes.indices where oldHashes[slot] != 0 { place(oldHashes[slot], oldRows[slot]) }
    }

    private mutating func resize(to slots: Int) {
        hashes = Array(repeating: 0, count: slots)
        rows = Array(repeating: 0, count: slots)
    }
}
