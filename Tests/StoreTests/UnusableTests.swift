// SPDX-License-Identifier: Apache-2.0
import Controller
import Foundation
import GRDB
import GRDBSQLite
import Glibc
import TestSupport
import Testing

@testable import Store

@Suite("A memory that cannot be used")
struct UnusableTests {
    /// A closed memory with something in it.
    private func filled(_ scratch: Scratch, changes count: Int = 20) throws -> Contents {
        let store = try SQLiteStore.open(scratch)
        var changes = RandomChanges(seed: 21)
        var expected = Contents()
        for _ in 0..<count {
            let change = changes.change()
            expected.apply(change)
            #expect(store.store(change) == nil)
        }
        store.close()
        return expected
    }

    private func execute(_ scratch: Scratch, _ sql: String) throws {
        var configuration = GRDB.Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: scratch.place.database, configuration: configuration)
        try queue.inDatabase { try $0.execute(sql: sql) }
        try queue.close()
    }

    @Test("a file that is no database, or another program's, is refused and left as it is", arguments: [0, 1, 2])
    func notOurs(kind: Int) throws {
        let scratch = Scratch()
        mkdir(scratch.state, 0o700)
        switch kind {
        case 0:
            scratch.write(
                Array("This is a text, and long enough to be read as a header.".utf8)
                    + Array(repeating: 65, count: 5000), to: "node.db")
        case 1: try execute(scratch, "CREATE TABLE cats (name TEXT)")
        default: try execute(scratch, "PRAGMA application_id = 7; PRAGMA user_version = 1; CREATE TABLE meta (a)")
        }
        let before = scratch.content("node.db")
        let error = try #require(throws: StoreProblem.self) { try SQLiteStore.open(scratch) }
        #expect(error.name == "corrupt")
        #expect(SQLiteStore.check(directory: scratch.state).problem == error)
        #expect(throws: error) { try SQLiteStore.openReader(directory: scratch.state) }
        #expect(scratch.content("node.db") == before)
    }

    @Test("an empty file is a memory that was never filled")
    func empty() throws {
        let scratch = Scratch()
        mkdir(scratch.state, 0o700)
        scratch.write([], to: "node.db")
        let store = try SQLiteStore.open(scratch)
        #expect(store.store(StoreChange()) == nil)
    }

    @Test("damaged pages are found when it is read, and nothing is added to it")
    func damagedPages() throws {
        let scratch = Scratch()
        _ = try filled(scratch, changes: 60)
        var bytes = scratch.content("node.db")
        // All but the first pages, which hold the tables' definitions and `meta`.
        for index in 4096 * 3..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        scratch.write(bytes, to: "node.db")
        let report = SQLiteStore.check(directory: scratch.state)
        #expect(!report.isSound)
        #expect(report.problem?.name == "corrupt")
        #expect(report.owner == "edge-1")
        #expect(!report.integrity.isEmpty)
        do {
            let store = try SQLiteStore.open(scratch)
            let error = #expect(throws: StoreProblem.self) { try store.contents() }
            #expect(error?.name == "corrupt")
            #expect(store.store(StoreChange()) == error)
            #expect(store.recoverAndWait() == error)
        } catch {
            #expect((error as? StoreProblem)?.name == "corrupt")
        }
    }

    @Test("whatever the damage is, it is looked at without being changed, and opened or refused", arguments: 0..<8)
    func anyDamage(block: UInt64) throws {
        let origin = Scratch()
        _ = try filled(origin, changes: 40)
        let whole = origin.content("node.db")
        var random = SeededGenerator(seed: block)
        var found = 0
        for _ in 0..<20 {
            let scratch = Scratch()
            mkdir(scratch.state, 0o700)
            var bytes = whole
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                // Half of them where pages begin, with what is where in them.
                let page = Int.random(in: 0..<bytes.count / 4096, using: &random) * 4096
                let offset = Int.random(in: 0..<(Bool.random(using: &random) ? 64 : 4096), using: &random)
                bytes[page + offset] = UInt8.random(in: 0...255, using: &random)
            }
            scratch.write(bytes, to: "node.db")
            let before = scratch.snapshot()
            let report = SQLiteStore.check(directory: scratch.state)
            #expect(scratch.snapshot() == before)
            if !report.isSound { found += 1 }
            guard let store = try? SQLiteStore.open(scratch) else { continue }
            _ = try? store.contents()
            var change = StoreChange()
            change.forgetsAmendments = true
            store.store(change)
            store.close()
        }
        #expect(found > 0)
    }

    @Test(
        "what SQLite and the system say becomes a problem with a name",
        arguments: [
            (SQLITE_FULL, 0, "full"), (SQLITE_READONLY, 0, "read_only"), (SQLITE_READONLY | 4 << 8, 0, "missing"),
            (SQLITE_CORRUPT, 0, "corrupt"), (SQLITE_NOTADB, 0, "corrupt"), (SQLITE_BUSY, 0, "held"),
            (SQLITE_IOERR | 4 << 8, EIO, "failed"), (SQLITE_IOERR | 19 << 8, ENOSPC, "full"),
            (SQLITE_CANTOPEN, EROFS, "read_only"), (SQLITE_CANTOPEN, EDQUOT, "full"),
            (SQLITE_CANTOPEN, EMFILE, "failed"),
            (SQLITE_NOMEM, 0, "failed"),
        ] as [(Int32, Int32, String)])
    func names(code: Int32, number: Int32, name: String) {
        let scratch = Scratch()
        let problem = StoreProblem.sqlite(code, "words", errno: number, scratch.place)
        #expect(problem.name == name)
        #expect(problem.description.contains(scratch.state))
        if name == "failed" { #expect(problem.description.contains("words (SQLite error \(code)")) }
    }

    @Test("a damaged row is named, by table and key")
    func damagedRow() throws {
        let scratch = Scratch()
        _ = try filled(scratch)
        try execute(
            scratch,
            """
            INSERT INTO amendments (key, value, kind, time) VALUES (x'0b04', x'00', 0, 1);
            INSERT INTO amendments (key, value, kind, time) VALUES (x'070000ffff', x'', 9, 1);
            INSERT INTO amendments (key, value, kind, time, idle_timeout) VALUES (x'070000fffe', x'', 0, 1, 65536);
            INSERT INTO amendments (key, value, kind, time) VALUES (x'070000fffd', x'', 0, 1);
            INSERT INTO amendments (key, value, kind, time) VALUES (x'070000fffd', x'', 0, 1);
            INSERT INTO identities (kind, name, number) VALUES ('pet', x'01', 1), ('port', x'ff', 2);
            INSERT INTO shadows (backend, place, content) VALUES (99, 1, x'00');
            """)
        let before = scratch.snapshot()
        let report = SQLiteStore.check(directory: scratch.state)
        #expect(scratch.snapshot() == before)
        let expected: Set<StoreReport.Damage> = [
            .init(
                table: "amendments", key: "0b04",
                what: "router_interface needs 2 bytes at offset 2, and they are not there"),
            .init(table: "amendments", key: "070000ffff", what: "the kind is 9"),
            .init(table: "amendments", key: "070000fffe", what: "the idle timeout is 65536"),
            .init(table: "amendments", key: "070000fffd", what: "the key is there twice"),
            .init(table: "identities", key: "pet 01", what: "there is no such kind"),
            .init(table: "identities", key: "port ff", what: "port at offset 0 cannot be 0"),
            .init(table: "shadows", key: "99 1", what: "there is no such back end"),
        ]
        #expect(Set(report.damage) == expected)
        #expect(report.damageCount == expected.count)
        #expect(report.integrity.isEmpty)
        let store = try SQLiteStore.open(scratch)
        let error = #expect(throws: StoreProblem.self) { try store.contents() }
        #expect(error?.name == "corrupt")
        #expect(store.problem == error)
    }

    @Test("files that were removed, or put in the place of others, are not written to; moved back they are again")
    func missing() throws {
        for name in ["node.db", "node.db-wal"] {
            let scratch = Scratch()
            let store = try SQLiteStore.open(scratch)
            #expect(store.store(StoreChange()) == nil)
            rename(scratch.state + "/" + name, scratch.path + "/away")
            let gone = StoreProblem.missing(path: scratch.state)
            #expect(store.store(StoreChange()) == gone)
            #expect(store.recoverAndWait() == gone)
            scratch.write(Array("another".utf8), to: name)
            #expect(store.recoverAndWait() == gone)
            rename(scratch.path + "/away", scratch.state + "/" + name)
            #expect(store.problem == gone)
            #expect(store.recoverAndWait() == nil)
            #expect(store.problem == nil)
            #expect(try store.contents().node.revision == 2)
            #expect(SQLiteStore.check(directory: scratch.state).isSound)
        }
    }

    @Test("who writes to it with other tools is noticed")
    func changedByOthers() throws {
        let scratch = Scratch()
        let store = try SQLiteStore.open(scratch)
        try execute(scratch, "UPDATE meta SET revision = 17")
        #expect(store.store(StoreChange())?.name == "failed")
        #expect(store.recoverAndWait()?.description.contains("revision 0") == true)
        try execute(scratch, "UPDATE meta SET revision = 0")
        #expect(store.recoverAndWait() == nil)
    }

    @Test("a directory that cannot be is an error with its name")
    func noDirectory() throws {
        let scratch = Scratch()
        _ = FileManager.default.createFile(atPath: scratch.state, contents: nil)
        let error = #expect(throws: StoreProblem.self) { try SQLiteStore.open(scratch) }
        #expect(error?.name == "failed")
        #expect(error?.description.contains(scratch.state) == true)
    }

    @Test(
        "a check changes nothing and says what is there",
        arguments: [[], ["node.db-wal"], ["node.db-wal", "node.db-shm"]])
    func check(left names: [String]) throws {
        let origin = Scratch()
        let scratch = Scratch()
        let none = SQLiteStore.check(directory: scratch.state)
        #expect(none.problem?.name == "failed")
        let expected: Contents
        if names.isEmpty {
            expected = try filled(scratch)
        } else {
            _ = try filled(origin)
            let store = try SQLiteStore.open(origin)
            #expect(store.store(RandomChanges(seed: 23).identitiesAlone()) == nil)
            expected = try store.contents()
            scratch.takeFiles(of: origin, ["node.db"] + names)
        }
        let before = scratch.snapshot()
        let report = SQLiteStore.check(directory: scratch.state, node: "edge-1", machine: nil)
        #expect(report.isSound)
        #expect(report.schemaVersion == SQLiteStore.schemaVersion)
        #expect(report.owner == "edge-1")
        #expect(report.revision == expected.node.revision)
        #expect(report.generation == expected.node.generation)
        #expect(report.time == someTime)
        #expect(report.configurationPath == expected.node.configuration?.path)
        #expect(report.set == expected.amendments.values.count { $0.kind == .set })
        #expect(report.deleted == expected.amendments.values.count { $0.kind == .deleted })
        #expect(report.shadows == expected.node.shadows.mapValues(\.records.count))
        #expect(report.databaseBytes == Int64(scratch.content("node.db").count))
        let foreign = SQLiteStore.check(directory: scratch.state, node: "edge-9", machine: nil)
        #expect(foreign.problem == .foreign(path: scratch.state, owner: "edge-1", node: "edge-9"))
        #expect(foreign.revision == expected.node.revision)
        #expect(scratch.snapshot() == before)
        // And beside a daemon.
        let store = try SQLiteStore.open(scratch)
        #expect(SQLiteStore.check(directory: scratch.state).isSound)
        #expect(try store.contents() == expected)
    }
}
