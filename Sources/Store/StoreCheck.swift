// SPDX-License-Identifier: Apache-2.0
import Controller
import GRDB

/// What a node's memory looks like from outside.
public struct StoreReport: Hashable, Sendable {
    /// A row, or a table, that does not hold what it should.
    public struct Damage: Hashable, Sendable {
        public var table: String
        /// Blobs in hexadecimal; nil: the table itself.
        public var key: String?
        public var what: String
    }

    /// Damage named in `damage`; more is only counted.
    public static let limit = 1000

    public var directory: String
    /// The process that has it open to write.
    public var holder: String?
    /// Why it cannot be used by this program, or not by the node asked about.
    public var problem: StoreProblem?
    /// nil if that cannot be read.
    public var schemaVersion: Int?
    /// The name of the node it belongs to, and of the machine it was written on.
    public var owner: String?
    public var machine: String?
    public var revision: UInt64 = 0
    public var generation: UInt16 = 0
    /// When a change was stored last, seconds since 1970.
    public var time: UInt64 = 0
    /// Where the stored configuration came from.
    public var configurationPath: String?
    /// Amendments by kind.
    public var set = 0
    public var deleted = 0
    /// Numbers given to names.
    public var identities = 0
    /// Records of each back end.
    public var shadows: [String: Int] = [:]
    /// Of the database and of its log, in bytes.
    public var databaseBytes: Int64 = 0
    public var logBytes: Int64 = 0
    /// What SQLite finds wrong with the file, in its words.
    public var integrity: [String] = []
    public var damage: [Damage] = []
    public var damageCount = 0

    init(directory: String) { self.directory = directory }

    public var isSound: Bool { problem == nil && integrity.isEmpty && damageCount == 0 }

    mutating func add(_ table: String, key: String? = nil, _ what: String) {
        damageCount += 1
        if damage.count < Self.limit { damage.append(Damage(table: table, key: key, what: what)) }
    }
}

extension SQLiteStore {
    /// Looks at everything in a node's memory, whatever state it is in, and changes nothing. A daemon may have it open.
    ///
    /// - Parameter node: whose it should be; nil: whose it is, is not judged.
    public static func check(
        directory: String, node: String? = nil, machine: String? = MachineID.current()
    ) -> StoreReport {
        let place = StorePlace(directory: directory)
        let identity = node.map { NodeIdentity(name: $0, machine: machine) }
        var patience = 3
        while true {
            let holder = DirectoryLock.holder(place)
            let before = [FileIdentity(place.database), FileIdentity(place.log)]
            var examination = Examination(place, identity)
            examination.report.holder = holder
            examination.run(holder == nil ? .still : .reading)
            patience -= 1
            // Nobody kept a writer off: if there was one, what was read may be of two moments.
            let wasStill =
                before == [FileIdentity(place.database), FileIdentity(place.log)]
                && DirectoryLock.holder(place) == nil
            if holder != nil || wasStill || patience == 0 { return examination.report }
        }
    }
}

/// One look at a database, table by table: what is wrong with one does not hide the others.
private struct Examination {
    let place: StorePlace
    let identity: NodeIdentity?
    var report: StoreReport

    init(_ place: StorePlace, _ identity: NodeIdentity?) {
        (self.place, self.identity) = (place, identity)
        report = StoreReport(directory: place.directory)
    }

    mutating func run(_ purpose: Connection.Purpose) {
        let file = FileIdentity(place.database)
        report.databaseBytes = file?.size ?? 0
        report.logBytes = FileIdentity(place.log)?.size ?? 0
        guard let file, file.size > 0 else {
            report.problem = .failed(path: place.directory, what: "there is no node.db")
            return
        }
        do throws(StoreProblem) {
            let connection = try Connection(place, purpose)
            try connection.read { db in try examine(db) }
            try connection.close()
        } catch {
            report.problem = report.problem ?? error
        }
    }

    private mutating func examine(_ db: Database) throws {
        let version = try Schema.version(db, place, allowsNewer: true)
        report.schemaVersion = version
        if version > Schema.current {
            report.problem = .newerSchema(path: place.directory, found: version, known: Schema.current)
        }
        do {
            let lines = try String.fetchAll(db, sql: "PRAGMA integrity_check")
            if lines != ["ok"] { report.integrity = lines }
        } catch {
            report.integrity = [(error as? DatabaseError)?.message ?? "\(error)"]
        }
        guard version > 0 else { return }
        look("meta") { examination throws in try examination.meta(db) }
        look("configuration") { examination throws in
            examination.report.configurationPath = try Loading.configuration(db)?.path
        }
        // What a later program writes into rows is not known here.
        guard version <= Schema.current else { return }
        look("amendments") { examination throws in try examination.amendments(db) }
        look("identities") { examination throws in try examination.identities(db) }
        if version >= 2 { look("shadows") { examination throws in try examination.shadows(db) } }
        let isDamaged = !report.integrity.isEmpty || report.damageCount > 0
        if isDamaged, report.problem == nil {
            let what = report.integrity.first ?? report.damage.first.map { "table \($0.table): \($0.what)" } ?? ""
            report.problem = .corrupt(path: place.directory, what: what)
        }
    }

    private mutating func look(_ table: String, _ body: (inout Examination) throws -> Void) {
        do {
            try body(&self)
        } catch let damage as RowDamage {
            report.add(damage.table, key: damage.key, damage.what)
        } catch {
            report.add(table, (error as? DatabaseError)?.message ?? "\(error)")
        }
    }

    private mutating func meta(_ db: Database) throws {
        guard let meta = try Loading.meta(db) else { return report.add("meta", "it is empty") }
        (report.owner, report.machine) = (meta.owner.name, meta.owner.machine)
        (report.revision, report.generation, report.time) = (meta.revision, meta.generation, meta.time)
        if let problem = identity?.problem(with: meta.owner, place) { report.problem = report.problem ?? problem }
    }

    private mutating func amendments(_ db: Database) throws {
        try Loading.forEachAmendment(db) { row in
            do throws(RowDamage) {
                switch try row.amendment().kind {
                case .set: report.set += 1
                case .deleted: report.deleted += 1
                }
            } catch {
                report.add(error.table, key: error.key, error.what)
            }
        }
        let doubles = try RawStatement(db, "SELECT key FROM amendments GROUP BY key HAVING count(*) > 1")
        while try doubles.step() { report.add("amendments", key: hex(doubles.bytes(0)), "the key is there twice") }
    }

    private mutating func identities(_ db: Database) throws {
        var identities = Identities()
        try Loading.forEachIdentity(db) { row in
            do throws(RowDamage) {
                try Loading.add(row, to: &identities)
                report.identities += 1
            } catch {
                report.add(error.table, key: error.key, error.what)
            }
        }
    }

    private mutating func shadows(_ db: Database) throws {
        let backends = try RawStatement(
            db, "SELECT name, count(place) FROM backends LEFT JOIN shadows ON backend = id GROUP BY id")
        while try backends.step() {
            if let name = backends.text(0) {
                report.shadows[name] = Int(backends.number(1))
            } else {
                report.add("backends", "one has no name")
            }
        }
        let orphans = try RawStatement(
            db, "SELECT backend, place FROM shadows WHERE backend NOT IN (SELECT id FROM backends)")
        while try orphans.step() {
            report.add("shadows", key: "\(orphans.number(0)) \(orphans.number(1))", "there is no such back end")
        }
    }
}
