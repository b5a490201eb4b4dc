// SPDX-License-Identifier: Apache-2.0
import Controller
import GRDB
import GRDBSQLite
import Glibc
import Tables

/// The rows of `amendments`, one for each key, found through an index in memory. Used inside its connection alone.
final class AmendmentTable {
    private let connection: OpaquePointer
    private let insertRow: RawStatement
    private let updateRow: RawStatement
    private let deleteRow: RawStatement
    private let keyOfRow: RawStatement
    /// nil until it is needed, and after a failure, when it may say what is not so.
    private var index: KeyIndex?
    /// Key and value of the row at hand.
    private var scratch: [UInt8] = []

    init(_ db: Database) throws {
        guard let connection = db.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
        self.connection = connection
        insertRow = try RawStatement(
            db, "INSERT INTO amendments (value, kind, time, idle_timeout, key) VALUES (?1, ?2, ?3, ?4, ?5)")
        updateRow = try RawStatement(
            db, "UPDATE amendments SET value = ?1, kind = ?2, time = ?3, idle_timeout = ?4 WHERE id = ?5")
        deleteRow = try RawStatement(db, "DELETE FROM amendments WHERE id = ?1")
        keyOfRow = try RawStatement(db, "SELECT key FROM amendments WHERE id = ?1")
    }

    /// Takes a change's amendments over; in a transaction. After a failure: `invalidate`.
    func apply(_ change: StoreChange, _ db: Database) throws {
        if change.forgetsAmendments {
            try db.execute(sql: "DELETE FROM amendments")
            index = KeyIndex()
        }
        guard !change.forgotten.isEmpty || !change.amendments.isEmpty else { return }
        var index = try self.index.take() ?? read(db, { _ in }) { _ in }
        for entry in change.forgotten { try forget(entry, &index) }
        for amendment in change.amendments { try set(amendment, &index) }
        self.index = index
    }

    /// What is in memory may not be in the table: read it again before the next use.
    func invalidate() { index = nil }

    /// Reads all rows, and makes the index in passing.
    func load(_ db: Database, _ count: (Int) -> Void, _ body: (Amendment) -> Void) throws {
        index = try read(db, count) { row throws(RowDamage) in body(try row.amendment()) }
    }

    private func read(
        _ db: Database, _ count: (Int) -> Void, _ body: (borrowing Loading.AmendmentRow) throws(RowDamage) -> Void
    ) throws -> KeyIndex {
        let rows = try Loading.amendmentCount(db)
        count(rows)
        var index = KeyIndex(capacity: rows)
        try Loading.forEachAmendment(db) { row in
            try body(row)
            let id = row.id
            let isDouble = try row.key.withUnsafeBytes { key in
                let found = try find(key, index)
                if found.row == nil { index.insert(found, row: id) }
                return found.row != nil
            }
            if isDouble { throw row.damage("the key is there twice") }
        }
        return index
    }

    private func set(_ amendment: Amendment, _ index: inout KeyIndex) throws {
        scratch.removeAll(keepingCapacity: true)
        EntryCodec.appendKey(of: amendment.entry, to: &scratch)
        let keyLength = scratch.count
        EntryCodec.appendValue(of: amendment.entry, to: &scratch)
        try scratch.withUnsafeBytes { bytes in
            let key = UnsafeRawBufferPointer(rebasing: bytes[..<keyLength])
            let value = UnsafeRawBufferPointer(rebasing: bytes[keyLength...])
            let found = try find(key, index)
            if let row = found.row {
                updateRow.bind(5, row)
                try run(updateRow, amendment, value)
            } else {
                insertRow.bind(5, key)
                try run(insertRow, amendment, value)
                index.insert(found, row: sqlite3_last_insert_rowid(connection))
            }
        }
    }

    private func run(
        _ statement: borrowing RawStatement, _ amendment: Amendment, _ value: UnsafeRawBufferPointer
    ) throws {
        statement.bind(1, value)
        statement.bind(2, Int64(amendment.kind.rawValue))
        statement.bind(3, Int64(bitPattern: amendment.time))
        if let idle = amendment.idleTimeout { statement.bind(4, Int64(idle)) } else { statement.bindNull(4) }
        try statement.run()
    }

    private func forget(_ entry: TableEntry, _ index: inout KeyIndex) throws {
        scratch.removeAll(keepingCapacity: true)
        EntryCodec.appendKey(of: entry, to: &scratch)
        try scratch.withUnsafeBytes { key in
            let found = try find(key, index)
            guard let row = found.row else { return }
            deleteRow.bind(1, row)
            try deleteRow.run()
            index.remove(found)
        }
    }

    private func find(_ key: UnsafeRawBufferPointer, _ index: borrowing KeyIndex) throws -> KeyIndex.Found {
        try index.find(key) { row in
            keyOfRow.bind(1, row)
            defer { keyOfRow.reset() }
            guard try keyOfRow.step() else { return false }
            let found = keyOfRow.bytes(0)
            guard found.count == key.count, let a = found.baseAddress, let b = key.baseAddress else { return false }
            return memcmp(a, b, key.count) == 0
        }
    }
}
