// SPDX-License-Identifier: Apache-2.0
import Controller
import GRDB
import GRDBSQLite

/// The tables, and how those of an older program become today's. The version is SQLite's `user_version`.
enum Schema {
    /// SQLite's `application_id` of our files: "PicN".
    static let applicationID: Int32 = 0x5069_634e

    /// What makes version n of version n − 1, at index n − 1. A step that was released is never changed.
    static let steps = [
        // 1: the node's intent. A row of `amendments` is found by its key through an index in memory (`KeyIndex`).
        """
        CREATE TABLE meta (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            node TEXT NOT NULL,
            machine TEXT,
            revision INTEGER NOT NULL,
            generation INTEGER NOT NULL,
            time INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE configuration (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            path TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT;
        CREATE TABLE amendments (
            id INTEGER PRIMARY KEY,
            key BLOB NOT NULL,
            value BLOB NOT NULL,
            kind INTEGER NOT NULL,
            time INTEGER NOT NULL,
            idle_timeout INTEGER
        ) STRICT;
        CREATE TABLE identities (
            kind TEXT NOT NULL,
            name BLOB NOT NULL,
            number INTEGER NOT NULL,
            PRIMARY KEY (kind, name)
        ) STRICT, WITHOUT ROWID;
        """,
        // 2: what back ends were given that cannot be read back from them.
        """
        CREATE TABLE backends (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            marker INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE shadows (
            backend INTEGER NOT NULL REFERENCES backends (id),
            place INTEGER NOT NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (backend, place)
        ) STRICT, WITHOUT ROWID;
        """,
    ]

    static var current: Int { steps.count }

    /// The version of a database; 0 for an empty one.
    ///
    /// - Throws: `corrupt` for a database that is not ours; `newerSchema`, unless `allowsNewer`.
    static func version(_ db: Database, _ place: StorePlace, allowsNewer: Bool = false) throws -> Int {
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        if version == 0, application == 0, tables == 0 { return 0 }
        guard application == applicationID, version > 0 else {
            throw StoreProblem.corrupt(path: place.directory, what: "node.db is a database of another program")
        }
        guard version <= current || allowsNewer else {
            throw StoreProblem.newerSchema(path: place.directory, found: version, known: current)
        }
        return version
    }

    /// Brings a database to a version, whole or not at all.
    static func migrate(_ db: Database, _ place: StorePlace, to target: Int = current) throws {
        let found = try version(db, place)
        guard found < target else { return }
        try db.inTransaction(.immediate) {
            for step in steps[found..<target] { try db.execute(sql: step) }
            try db.execute(sql: "PRAGMA user_version = \(target); PRAGMA application_id = \(applicationID)")
            return .commit
        }
    }
}
