// SPDX-License-Identifier: Apache-2.0

/// Which row of `amendments` holds a key. Kept in memory: an index on disk would be written all over for keys that come in no
/// order, a page for each of them; so the rows are only appended, whatever the order. About 40 bytes a row.
struct KeyIndex {
    typealias Hash = (UnsafeRawBufferPointer) -> UInt64

    private var rows: [UInt64: Int64] = [:]
    /// Of keys whose hash another key has.
    private var others: [[UInt8]: Int64] = [:]
    private let hash: Hash

    /// - Parameter hash: of a key; for tests.
    init(hash: @escaping Hash = KeyIndex.hash) { self.hash = hash }

    /// 64 bits that nobody outside the process can aim at.
    static func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(bytes: key)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    var count: Int { rows.count + others.count }

    /// The key's row, if it has one.
    ///
    /// - Parameter holds: whether a row holds this key; asked where the hash alone does not tell.
    func row<Failure>(
        of key: UnsafeRawBufferPointer, holds: (Int64) throws(Failure) -> Bool
    ) throws(Failure) -> Int64? {
        if !others.isEmpty, let row = others[Array(key)] { return row }
        guard let row = rows[hash(key)], try holds(row) else { return nil }
        return row
    }

    /// Adds a key that is not there.
    mutating func insert(_ key: UnsafeRawBufferPointer, row: Int64) {
        let hash = hash(key)
        if rows[hash] == nil { rows[hash] = row } else { others[Array(key)] = row }
    }

    /// Takes out a key that is there, and was found in this row.
    mutating func remove(_ key: UnsafeRawBufferPointer, row: Int64) {
        if !others.isEmpty, others.removeValue(forKey: Array(key)) != nil { return }
        rows[hash(key)] = nil
    }

    mutating func removeAll() {
        rows.removeAll()
        others.removeAll()
    }
}
