// SPDX-License-Identifier: Apache-2.0
import Controller
import GRDB
import GRDBSQLite

/// A connection to the database. What fails in it becomes a `StoreProblem`.
final class Connection: Sendable {
    enum Purpose {
        /// The one that writes.
        case writing
        /// Beside a process that may write.
        case reading
        /// While nobody writes, without touching a single file: no locks and no index of the log on disk, so that it
        /// works on read-only file systems and without the right to write.
        case still
    }

    let place: StorePlace
    private let queue: DatabaseQueue

    init(_ place: StorePlace, _ purpose: Purpose) throws(StoreProblem) {
        self.place = place
        var configuration = GRDB.Configuration()
        configuration.label = "piccolo.store"
        configuration.foreignKeysEnabled = false
        // Somebody may look with other tools; who holds a lock for longer is in the way.
        configuration.busyMode = .timeout(2)
        configuration.readonly = purpose != .writing
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { db in
            try db.execute(sql: Self.settings(purpose))
            guard purpose == .still else { return }
            // Or SQLite would, when it closes, remove a log that has nothing in it.
            var keepsLog: Int32 = 1
            sqlite3_file_control(db.sqliteConnection, "main", SQLITE_FCNTL_PERSIST_WAL, &keepsLog)
        }
        do {
            let path = purpose == .still ? Self.stillPath(place) : place.database
            queue = try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw StoreProblem(error, place)
        }
    }

    private static func settings(_ purpose: Purpose) -> String {
        // A damaged page is found when it is read, and a planted schema runs nothing.
        let always = "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"
        switch purpose {
        case .writing:
            // The log keeps its size, because writing over blocks that are there takes a fraction of the time of new
            // ones.
            return """
                \(always) PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
                PRAGMA journal_size_limit = 16777216; PRAGMA secure_delete = OFF; PRAGMA cache_size = -8192
                """
        case .reading: return always
        case .still: return "\(always) PRAGMA locking_mode = EXCLUSIVE"
        }
    }

    /// The path as a URI (sqlite.org/uri.html).
    static func stillPath(_ place: StorePlace) -> String {
        var escaped = ""
        for character in place.database {
            switch character {
            case "%": escaped += "%25"
            case "?": escaped += "%3f"
            case "#": escaped += "%23"
            default: escaped.append(character)
            }
        }
        // What was stored last may stand in the log alone, and `immutable` leaves that out; without locks, but else as
        // usual, the log is read, but made where there is none.
        let hasLog = (FileIdentity(place.log)?.size ?? 0) > 0 || FileIdentity(place.journal) != nil
        return "file:\(escaped)?mode=ro&\(hasLog ? "vfs=unix-none" : "immutable=1")"
    }

    /// Runs `body` while nobody else uses the connection.
    func run<Result>(_ body: (Database) throws -> Result) throws(StoreProblem) -> Result {
        do {
            return try queue.inDatabase { db in
                do {
                    return try body(db)
                } catch {
                    let number = db.sqliteConnection.map { sqlite3_system_errno($0) } ?? 0
                    throw StoreProblem(error, place, errno: number)
                }
            }
        } catch {
            throw StoreProblem(error, place)
        }
    }

    /// Runs `body` in one transaction that only reads.
    func read<Result>(_ body: (Database) throws -> Result) throws(StoreProblem) -> Result {
        try run { db in
            var result: Result?
            try db.inTransaction(.deferred) {
                result = try body(db)
                return .commit
            }
            guard let result else { throw DatabaseError(resultCode: .SQLITE_INTERNAL) }
            return result
        }
    }

    /// Closes it. The last one that writes folds the log into the database.
    func close() throws(StoreProblem) {
        do {
            try queue.close()
        } catch {
            throw StoreProblem(error, place)
        }
    }
}
