// SPDX-License-Identifier: Apache-2.0
import GRDB
import GRDBSQLite

/// A statement of SQLite's C interface, for what is done a million times: values are bound from the caller's memory and
/// read in SQLite's, without a copy or an object for each row. And for all that is read: GRDB's rows end the process
/// where a damaged file has null or a text in the place of a number. Not to outlive its connection.
struct RawStatement: ~Copyable {
    private let statement: OpaquePointer
    private let connection: OpaquePointer

    init(_ db: Database, _ sql: String) throws(DatabaseError) {
        guard let connection = db.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw Self.error(code, connection) }
        (self.statement, self.connection) = (statement, connection)
    }

    deinit { sqlite3_finalize(statement) }

    private static func error(_ code: Int32, _ connection: OpaquePointer) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code), message: sqlite3_errmsg(connection).map { String(cString: $0) })
    }

    /// The bytes must stay as they are until `reset`.
    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        // Without an address SQLite would take it for null.
        if bytes.isEmpty {
            sqlite3_bind_zeroblob(statement, index, 0)
        } else {
            sqlite3_bind_blob(statement, index, bytes.baseAddress, Int32(bytes.count), nil)
        }
    }

    /// Copies the text.
    func bind(_ index: Int32, text: String) {
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        sqlite3_bind_text(statement, index, text, -1, transient)
    }

    func bind(_ index: Int32, _ number: Int64) { sqlite3_bind_int64(statement, index, number) }

    func bindNull(_ index: Int32) { sqlite3_bind_null(statement, index) }

    /// Goes to the next row; false if there is none.
    func step() throws(DatabaseError) -> Bool {
        let code = sqlite3_step(statement)
        if code == SQLITE_ROW { return true }
        guard code == SQLITE_DONE else {
            defer { sqlite3_reset(statement) }
            throw Self.error(code, connection)
        }
        return false
    }

    /// Runs it to its end, to be bound anew.
    func run() throws(DatabaseError) {
        while try step() {}
        reset()
    }

    func reset() { sqlite3_reset(statement) }

    /// Valid until the next step or reset.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(statement, column)
        return UnsafeRawBufferPointer(
            start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(statement, column)))
    }

    /// nil if it is null, or no text.
    func text(_ column: Int32) -> String? {
        isNull(column) ? nil : String(validating: bytes(column), as: UTF8.self)
    }

    func number(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
}
