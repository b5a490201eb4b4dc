// SPDX-License-Identifier: Apache-2.0
import Controller
import GRDB
import Tables

/// Reading what is stored, in any version of the schema up to today's.
enum Loading {
    /// Everything but the amendments.
    static func node(_ db: Database, version: Int) throws -> StoredNode {
        var node = StoredNode()
        guard version > 0 else { return node }
        guard let meta = try meta(db) else { throw RowDamage(table: "meta", what: "it is empty") }
        (node.revision, node.generation, node.time) = (meta.revision, meta.generation, meta.time)
        node.configuration = try configuration(db)
        try forEachIdentity(db) { row throws(RowDamage) in try add(row, to: &node.identities) }
        if version >= 2 { node.shadows = try shadows(db) }
        return node
    }

    struct Meta {
        var owner: NodeIdentity
        var revision: UInt64
        var generation: UInt16
        var time: UInt64
    }

    /// nil if nothing was ever stored.
    static func meta(_ db: Database) throws -> Meta? {
        let row = try RawStatement(db, "SELECT node, machine, revision, generation, time FROM meta")
        guard try row.step() else { return nil }
        guard let node = row.text(0) else { throw RowDamage(table: "meta", what: "the node has no name") }
        guard let generation = UInt16(exactly: row.number(3)) else {
            throw RowDamage(table: "meta", what: "the generation is \(row.number(3))")
        }
        return Meta(
            owner: NodeIdentity(name: node, machine: row.text(1)), revision: UInt64(bitPattern: row.number(2)),
            generation: generation, time: UInt64(bitPattern: row.number(4)))
    }

    static func configuration(_ db: Database) throws -> StoredConfiguration? {
        let row = try RawStatement(db, "SELECT text, path FROM configuration")
        guard try row.step() else { return nil }
        guard let text = row.text(0), let path = row.text(1) else {
            throw RowDamage(table: "configuration", what: "it is no text")
        }
        return StoredConfiguration(text: text, path: path)
    }

    struct IdentityRow {
        var kind: String
        var name: [UInt8]
        var number: Int64
    }

    static func forEachIdentity(_ db: Database, _ body: (IdentityRow) throws -> Void) throws {
        let statement = try RawStatement(db, "SELECT kind, name, number FROM identities")
        while try statement.step() {
            try body(
                IdentityRow(
                    kind: String(decoding: statement.bytes(0), as: UTF8.self), name: Array(statement.bytes(1)),
                    number: statement.number(2)))
        }
    }

    static func add(_ row: IdentityRow, to identities: inout Identities) throws(RowDamage) {
        func damage(_ what: String) -> RowDamage {
            RowDamage(table: "identities", key: "\(row.kind) \(hex(row.name))", what: what)
        }
        guard let kind = IdentityCodec.Kind(rawValue: row.kind) else { throw damage("there is no such kind") }
        guard let number = UInt32(exactly: row.number) else { throw damage("the number is \(row.number)") }
        do {
            try IdentityCodec.add(kind, row.name.span.bytes, number, to: &identities)
        } catch {
            throw damage(error.description)
        }
    }

    private static func shadows(_ db: Database) throws -> [String: Shadow] {
        var names: [Int64: String] = [:]
        var shadows: [String: Shadow] = [:]
        let backends = try RawStatement(db, "SELECT id, name, marker FROM backends")
        while try backends.step() {
            guard let name = backends.text(1) else {
                throw RowDamage(table: "backends", key: "\(backends.number(0))", what: "it has no name")
            }
            names[backends.number(0)] = name
            shadows[name] = Shadow(marker: UInt64(bitPattern: backends.number(2)))
        }
        let records = try RawStatement(db, "SELECT backend, place, content FROM shadows")
        while try records.step() {
            let (backend, place) = (records.number(0), records.number(1))
            guard let name = names[backend] else {
                throw RowDamage(table: "shadows", key: "\(backend) \(place)", what: "there is no such back end")
            }
            shadows[name]?.records[UInt64(bitPattern: place)] = Array(records.bytes(2))
        }
        return shadows
    }

    /// A row of `amendments` as it lies in SQLite's memory: valid until the next one.
    struct AmendmentRow: ~Escapable {
        let id: Int64
        let key: RawSpan
        let value: RawSpan
        let kind: Int64
        let time: UInt64
        /// nil is null.
        let idleTimeout: Int64?

        @_lifetime(borrow statement)
        fileprivate init(_ statement: borrowing RawStatement) {
            id = statement.number(0)
            key = _overrideLifetime(statement.bytes(1).bytes, borrowing: statement)
            value = _overrideLifetime(statement.bytes(2).bytes, borrowing: statement)
            kind = statement.number(3)
            time = UInt64(bitPattern: statement.number(4))
            idleTimeout = statement.isNull(5) ? nil : statement.number(5)
        }

        func amendment() throws(RowDamage) -> Amendment {
            guard let kind = UInt8(exactly: kind).flatMap(Amendment.Kind.init) else {
                throw damage("the kind is \(kind)")
            }
            let idle = idleTimeout.map { UInt16(exactly: $0) }
            if case .some(nil) = idle { throw damage("the idle timeout is \(idleTimeout ?? 0)") }
            do {
                let entry = try EntryCodec.entry(key: key, value: value)
                return Amendment(kind, entry, idleTimeout: idle ?? nil, time: time)
            } catch {
                throw damage(error.description)
            }
        }

        func damage(_ what: String) -> RowDamage {
            RowDamage(table: "amendments", key: key.withUnsafeBytes { hex($0) }, what: what)
        }
    }

    static func amendmentCount(_ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM amendments") ?? 0
    }

    static func forEachAmendment(_ db: Database, _ body: (borrowing AmendmentRow) throws -> Void) throws {
        let statement = try RawStatement(db, "SELECT id, key, value, kind, time, idle_timeout FROM amendments")
        while try statement.step() { try body(AmendmentRow(statement)) }
    }
}

/// A row that does not hold what it should.
struct RowDamage: Error, Hashable, CustomStringConvertible {
    var table: String
    /// In hexadecimal; nil where a table has one row.
    var key: String?
    var what: String

    var description: String { "table \(table)\(key.map { ", key \($0)" } ?? ""): \(what)" }
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.reduce(into: "") { text, byte in
        let digits = String(byte, radix: 16)
        text += digits.count < 2 ? "0\(digits)" : digits
    }
}
