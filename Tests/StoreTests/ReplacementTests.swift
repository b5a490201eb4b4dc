// SPDX-License-Identifier: Apache-2.0
import Controller
import Foundation
import GRDB
import Glibc
import StoreFaults
import TestSupport
import Testing

@testable import Store

@Suite("A memory put in the place of another")
struct ReplacementTests {
    private func filled(_ scratch: Scratch, seed: UInt64) throws -> Contents {
        let store = try SQLiteStore.open(scratch)
        var changes = RandomChanges(seed: seed)
        var expected = Contents()
        for _ in 0..<20 {
            let change = changes.change()
            expected.apply(change)
            #expect(store.store(change) == nil)
        }
        store.close()
        return expected
    }

    private func replacement() -> [StoreChange] {
        var changes = RandomChanges(seed: 55)
        return (0..<5).map { _ in changes.change() }
    }

    /// What the changes make, with revisions going on from another's.
    private func expected(after old: Contents) -> Contents {
        var expected = Contents()
        expected.node.revision = old.node.revision
        for change in replacement() { expected.apply(change) }
        return expected
    }

    private func replace(_ scratch: Scratch, node: String = "edge-1") throws(StoreProblem) {
        try SQLiteStore.replace(
            directory: scratch.state, node: node, machine: nil, with: replacement(), clock: { someTime })
    }

    @Test("holds what it was given; the old one is kept, with its log, and can take the place again")
    func replaced() throws {
        let scratch = Scratch()
        let old = try filled(scratch, seed: 51)
        // A log, as a crash leaves it.
        let store = try SQLiteStore.open(scratch)
        #expect(store.store(StoreChange()) == nil)
        let files = ["node.db", "node.db-wal"].map { scratch.content($0) }
        store.close()
        scratch.write(files[0], to: "node.db")
        scratch.write(files[1], to: "node.db-wal")
        var before = old
        before.apply(StoreChange())

        try replace(scratch)
        #expect(FileIdentity(scratch.place.log) == nil)
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.state)
        #expect(Set(names) == ["node.db", "node.db.before-import", "lock"])
        let new = try SQLiteStore.open(scratch)
        #expect(try new.contents() == expected(after: before))
        new.close()
        rename(scratch.place.previous.database, scratch.place.database)
        #expect(try SQLiteStore.open(scratch).contents() == before)
    }

    @Test("an import that was interrupted leaves the old one in its place, and the next one goes through")
    func interrupted() throws {
        let scratch = Scratch()
        let old = try filled(scratch, seed: 54)
        // Before the last step: both names of the old one, and the new one half made.
        #expect(link(scratch.place.database, scratch.place.previous.database) == 0)
        scratch.write(Array(repeating: 7, count: 5000), to: "node.db.import")
        scratch.write(Array(repeating: 8, count: 500), to: "node.db.import-wal")
        #expect(try SQLiteStore.open(scratch).contents() == old)
        try replace(scratch)
        #expect(try SQLiteStore.open(scratch).contents() == expected(after: old))
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.state)
        #expect(Set(names) == ["node.db", "node.db.before-import", "lock"])
    }

    @Test("where there was nothing there is one then, of this node")
    func first() throws {
        let scratch = Scratch()
        try replace(scratch)
        #expect(try SQLiteStore.open(scratch).contents() == expected(after: Contents()))
        #expect(FileIdentity(scratch.place.previous.database) == nil)
    }

    @Test(
        "takes the place of what cannot be used, which is kept as it is",
        arguments: ["corrupt", "newer_schema", "foreign"])
    func unusable(name: String) throws {
        let scratch = Scratch()
        let old = try filled(scratch, seed: 52)
        switch name {
        case "corrupt":
            scratch.write(Array(repeating: 65, count: 9000), to: "node.db")
            scratch.write(Array(repeating: 66, count: 900), to: "node.db-wal")
        case "newer_schema":
            let queue = try DatabaseQueue(path: scratch.place.database)
            try queue.inDatabase { try $0.execute(sql: "PRAGMA user_version = 99; CREATE TABLE later (a)") }
            try queue.close()
        default: try SQLiteStore.claim(directory: scratch.state, node: "another")
        }
        let refused = #expect(throws: StoreProblem.self) { try SQLiteStore.open(scratch) }
        #expect(refused?.name == name)
        let database = scratch.content("node.db")
        try replace(scratch)
        #expect(scratch.content("node.db.before-import") == database)
        if name == "corrupt" {
            #expect(scratch.content("node.db.before-import-wal") == Array(repeating: 66, count: 900))
        }
        let store = try SQLiteStore.open(scratch)
        #expect(try store.contents() == expected(after: name == "foreign" ? old : Contents()))
    }

    @Test(
        "a disk that fails on the way leaves the old one, and nothing of the new",
        arguments: [0, 3, 10, 40, 60] as [Int64])
    func failure(at operation: Int64) throws {
        let scratch = Scratch()
        let old = try filled(scratch, seed: 53)
        let disk = FaultyDisk(scratch)
        disk.fail(STORE_FAULT_ENOSPC, in: operation, lasts: true)
        let error = #expect(throws: StoreProblem.self) { try replace(scratch) }
        #expect(error?.name == "full")
        disk.heal()
        #expect(try SQLiteStore.open(scratch).contents() == old)
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.state)
        #expect(!names.contains { $0.hasPrefix("node.db.") })
        try replace(scratch)
        #expect(try SQLiteStore.open(scratch).contents() == expected(after: old))
    }
}
