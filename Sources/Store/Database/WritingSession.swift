// SPDX-License-Identifier: Apache-2.0
import Controller
import GRDB
import GRDBSQLite

/// The open database of a node: stores changes, a whole number of them in each transaction.
///
/// SAFETY: used by one thread at a time, under the lock of `StoreCore` or by who made it.
final class WritingSession: @unchecked Sendable {
    let place: StorePlace
    private let connection: Connection
    private var tables: OpenTables?
    /// As stored.
    private(set) var revision: UInt64 = 0
    private(set) var time: UInt64 = 0
    /// The files as they were opened.
    private var opened: (database: FileIdentity?, log: FileIdentity?)
    private let log = LogSize()
    /// Pages in the log that are worth folding into the database.
    private let pagesToFold: Int32
    private var foldsAt: Int32

    private final class LogSize {
        /// Told by SQLite after each commit.
        var pages: Int32 = 0
    }

    /// Statements that stay prepared as long as the connection is open.
    private final class OpenTables {
        let handle: OpaquePointer
        let amendments: AmendmentTable
        let shadows: ShadowTables
        let addIdentity: RawStatement
        let setMeta: RawStatement

        init(_ db: Database) throws {
            guard let handle = db.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
            self.handle = handle
            amendments = try AmendmentTable(db)
            shadows = try ShadowTables(db)
            addIdentity = try RawStatement(db, "INSERT INTO identities (kind, name, number) VALUES (?1, ?2, ?3)")
            setMeta = try RawStatement(
                db,
                """
                UPDATE meta SET revision = ?1, generation = coalesce(?2, generation), time = ?3
                WHERE one = 1 AND revision = ?4
                """)
        }
    }

    /// Opens the database; makes it, or brings it up to date. The caller holds the lock.
    ///
    /// - Parameters:
    ///   - claims: takes over what belongs to another node.
    ///   - revision: of one that is made.
    ///   - pagesToFold: how long the log grows.
    init(
        _ place: StorePlace, _ identity: NodeIdentity, claims: Bool = false, revision: UInt64 = 0,
        pagesToFold: Int32 = 1000
    ) throws(StoreProblem) {
        self.place = place
        (self.pagesToFold, foldsAt) = (pagesToFold, pagesToFold)
        try place.makeDatabase()
        connection = try Connection(place, .writing)
        self.revision = revision
        try connection.run { db in try open(db, identity, claims: claims) }
        // Also makes sure that there is a log, whose file is known from now on.
        try probe()
        opened = (FileIdentity(place.database), FileIdentity(place.log))
    }

    deinit {
        // Before the connection goes: statements and the hook's object.
        tables = nil
        try? connection.close()
    }

    private func open(_ db: Database, _ identity: NodeIdentity, claims: Bool) throws {
        guard sqlite3_db_readonly(db.sqliteConnection, "main") == 0 else {
            throw StoreProblem.readOnly(path: place.directory)
        }
        guard try String.fetchOne(db, sql: "PRAGMA journal_mode") == "wal" else {
            throw StoreProblem.failed(path: place.directory, what: "SQLite cannot keep a write-ahead log there")
        }
        sqlite3_wal_hook(
            db.sqliteConnection,
            { log, _, _, pages in
                if let log { Unmanaged<LogSize>.fromOpaque(log).takeUnretainedValue().pages = pages }
                return SQLITE_OK
            }, Unmanaged.passUnretained(log).toOpaque())
        try Schema.migrate(db, place)
        try settleOwner(db, identity, claims: claims)
        tables = try OpenTables(db)
        let meta = try Loading.meta(db)
        (revision, time) = (meta?.revision ?? 0, meta?.time ?? 0)
    }

    private func settleOwner(_ db: Database, _ identity: NodeIdentity, claims: Bool) throws {
        guard let owner = try Loading.meta(db)?.owner else {
            return try db.execute(
                sql: "INSERT INTO meta (one, node, machine, revision, generation, time) VALUES (1, ?, ?, ?, 0, 0)",
                arguments: [identity.name, identity.machine, Int64(bitPattern: revision)])
        }
        if !claims, let problem = identity.problem(with: owner, place) { throw problem }
        // A machine that was not known then is from now on.
        guard claims || owner.machine == nil, owner != identity else { return }
        try db.execute(
            sql: "UPDATE meta SET node = ?, machine = ?", arguments: [identity.name, identity.machine])
    }

    private func open() throws(StoreProblem) -> OpenTables {
        guard let tables else { throw .failed(path: place.directory, what: "it is closed") }
        return tables
    }

    // MARK: Storing

    /// Stores changes, all or none.
    func store(_ changes: [StoreChange], now: UInt64) throws(StoreProblem) {
        try checkFiles()
        let tables = try open()
        let target = revision + UInt64(changes.count)
        do throws(StoreProblem) {
            try connection.run { db in
                try db.inTransaction(.immediate) {
                    let generation = changes.last { $0.generation != nil }?.generation
                    try setMeta(tables, revision: target, generation: generation, time: now)
                    for change in changes { try apply(change, db, tables) }
                    return .commit
                }
            }
        } catch {
            tables.amendments.invalidate()
            throw error
        }
        (revision, time) = (target, now)
    }

    /// Writes, and changes nothing: whether a change could be stored.
    func probe() throws(StoreProblem) {
        if opened.database != nil { try checkFiles() }
        let tables = try open()
        try connection.run { db in
            try db.inTransaction(.immediate) {
                try setMeta(tables, revision: revision, generation: nil, time: time)
                return .commit
            }
        }
    }

    /// What is written to files that were removed is lost.
    private func checkFiles() throws(StoreProblem) {
        for (path, opened) in [(place.database, opened.database), (place.log, opened.log)] {
            guard let opened, let found = FileIdentity(path), found.isSameFile(as: opened) else {
                throw .missing(path: place.directory)
            }
        }
    }

    /// Fails unless the revision is the one that was stored last: nobody else may write.
    private func setMeta(_ tables: OpenTables, revision: UInt64, generation: UInt16?, time: UInt64) throws {
        tables.setMeta.bind(1, Int64(bitPattern: revision))
        if let generation { tables.setMeta.bind(2, Int64(generation)) } else { tables.setMeta.bindNull(2) }
        tables.setMeta.bind(3, Int64(bitPattern: time))
        tables.setMeta.bind(4, Int64(bitPattern: self.revision))
        try tables.setMeta.run()
        guard sqlite3_changes(tables.handle) == 1 else {
            throw StoreProblem.failed(
                path: place.directory,
                what: "it is not at revision \(self.revision), as this process left it; restart the node")
        }
    }

    private func apply(_ change: StoreChange, _ db: Database, _ tables: OpenTables) throws {
        if let configuration = change.configuration {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO configuration (one, path, text) VALUES (1, ?, ?)")
                .execute(arguments: [configuration.path, configuration.text])
        }
        if let identities = change.identities {
            try db.execute(sql: "DELETE FROM identities")
            try IdentityCodec.forEach(identities) { kind, name, number in
                try name.withUnsafeBytes { name in
                    tables.addIdentity.bind(1, text: kind.rawValue)
                    tables.addIdentity.bind(2, name)
                    tables.addIdentity.bind(3, Int64(number))
                    try tables.addIdentity.run()
                }
            }
        }
        try tables.amendments.apply(change, db)
        if !change.shadows.isEmpty { try tables.shadows.apply(change.shadows, db) }
    }

    // MARK: The rest

    func load(_ count: (Int) -> Void, _ body: (Amendment) -> Void) throws(StoreProblem) -> StoredNode {
        let tables = try open()
        return try connection.read { db in
            let node = try Loading.node(db, version: Schema.current)
            try tables.amendments.load(db, count, body)
            return node
        }
    }

    /// Folds the log into the database, if it has grown. Readers are not disturbed; while one reads an older state the
    /// log can be folded only so far, and that is tried again when it has grown by as much again.
    func foldLog() throws(StoreProblem) {
        guard log.pages >= foldsAt else { return }
        var (pages, folded): (Int32, Int32) = (0, 0)
        try connection.run { db in
            let code = sqlite3_wal_checkpoint_v2(
                db.sqliteConnection, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &folded)
            guard code == SQLITE_OK || code == SQLITE_BUSY else {
                throw DatabaseError(resultCode: ResultCode(rawValue: code))
            }
        }
        foldsAt = folded == pages ? pagesToFold : pages + pagesToFold
        // Where all is folded the next transaction begins the log anew.
        if folded == pages { log.pages = 0 }
    }

    /// Folds all of the log into the database.
    func foldWholeLog() throws(StoreProblem) {
        try connection.run { db in
            let code = sqlite3_wal_checkpoint_v2(db.sqliteConnection, "main", SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
            guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
    }

    /// Folds the log into the database, if it can, and removes it.
    func close() throws(StoreProblem) {
        tables = nil
        try connection.close()
    }
}
