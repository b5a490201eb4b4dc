// SPDX-License-Identifier: Apache-2.0
import Controller
import Glibc
import TestSupport
import Testing

@testable import Store

/// A mount that the test cannot do without failed.
private struct MountFailure: Error { var what: String }

private func mounted(_ source: String, _ target: String, _ flags: Int, options: String? = nil, type: String? = nil)
    throws
{
    guard mount(source, target, type, UInt(flags), options) == 0 else {
        throw MountFailure(what: "\(source) on \(target): \(String(cString: strerror(errno)))")
    }
}

private let bindReadOnly = Int(MS_BIND) | Int(MS_REMOUNT) | Int(MS_RDONLY)

@Suite("A memory that can be read and not written", .enabled(if: kernelTestsRun))
struct ReadOnlyTests {
    /// Leaves what a killed process leaves: a log with changes that are not in the database.
    private func left(in scratch: Scratch, index: Bool, log: Bool = true) throws -> Contents {
        let origin = Scratch()
        let store = try SQLiteStore.open(origin)
        var changes = RandomChanges(seed: 31)
        var expected = Contents()
        for _ in 0..<20 {
            let change = changes.change()
            expected.apply(change)
            store.store(change)
        }
        if !log { store.close() }
        scratch.takeFiles(of: origin, ["node.db"] + (log ? ["node.db-wal"] : []) + (index ? ["node.db-shm"] : []))
        store.close()
        return expected
    }

    /// How it may come that nothing can be written.
    enum Kind: CaseIterable {
        case closed, log, logAndIndex
    }

    @Test("on a read-only file system it is loaded, and written again when that can be", arguments: Kind.allCases)
    func fileSystem(kind: Kind) throws {
        try inPrivateNetworkNamespace {
            let scratch = Scratch()
            var expected = try left(in: scratch, index: kind == .logAndIndex, log: kind != .closed)
            try mounted(scratch.state, scratch.state, Int(MS_BIND))
            try mounted("", scratch.state, bindReadOnly)
            let before = scratch.snapshot()
            let store = try SQLiteStore.open(scratch)
            let problem = StoreProblem.readOnly(path: scratch.state)
            #expect(store.problem == problem)
            #expect(try store.contents() == expected)
            #expect(store.store(StoreChange()) == problem)
            #expect(store.recoverAndWait() == problem)
            #expect(try store.contents() == expected)
            let reader = try SQLiteStore.openReader(directory: scratch.state)
            #expect(try Contents { body throws(StoreProblem) in try reader.load(body) } == expected)
            reader.close()
            #expect(SQLiteStore.check(directory: scratch.state).isSound)
            #expect(scratch.snapshot() == before)
            let replaced = #expect(throws: StoreProblem.self) {
                try SQLiteStore.replace(directory: scratch.state, node: "edge-1", with: [StoreChange()])
            }
            #expect(replaced == problem)

            try mounted("", scratch.state, Int(MS_BIND) | Int(MS_REMOUNT))
            #expect(store.recoverAndWait() == nil)
            #expect(store.problem == nil)
            expected.apply(StoreChange())
            #expect(try store.contents() == expected)
            #expect(SQLiteStore.check(directory: scratch.state).holder == "\(getpid())")
            store.close()
        }
    }

    @Test("a database file that may not be written is read, in a directory that may")
    func file() throws {
        try inPrivateNetworkNamespace {
            let scratch = Scratch()
            let expected = try left(in: scratch, index: false, log: false)
            try mounted(scratch.place.database, scratch.place.database, Int(MS_BIND))
            try mounted("", scratch.place.database, bindReadOnly)
            let store = try SQLiteStore.open(scratch)
            #expect(store.problem == .readOnly(path: scratch.state))
            #expect(try store.contents() == expected)
            store.close()
        }
    }

    @Test("what changed since it was read is not written over")
    func changedMeanwhile() throws {
        try inPrivateNetworkNamespace {
            let scratch = Scratch()
            _ = try left(in: scratch, index: false)
            try mounted(scratch.state, scratch.state, Int(MS_BIND))
            try mounted("", scratch.state, bindReadOnly)
            let store = try SQLiteStore.open(scratch)
            try mounted("", scratch.state, Int(MS_BIND) | Int(MS_REMOUNT))
            let other = try SQLiteStore.open(scratch)
            #expect(other.store(StoreChange()) == nil)
            other.close()
            #expect(store.recoverAndWait()?.description.contains("restart the node") == true)
            store.close()
        }
    }

    @Test("without a directory, where none can be made, there is nothing to load, and it is said why")
    func noDirectory() throws {
        try inPrivateNetworkNamespace {
            let scratch = Scratch()
            try mounted(scratch.path, scratch.path, Int(MS_BIND))
            try mounted("", scratch.path, bindReadOnly)
            let store = try SQLiteStore.open(scratch)
            #expect(store.problem == .readOnly(path: scratch.state))
            #expect(try store.contents() == Contents())
            try mounted("", scratch.path, Int(MS_BIND) | Int(MS_REMOUNT))
            #expect(store.recoverAndWait() == nil)
            #expect(try store.contents().node.revision == 1)
            store.close()
        }
    }

    @Test("on a file system that is full changes fail until there is room again; those told stored are there")
    func full() throws {
        try inPrivateNetworkNamespace {
            let scratch = Scratch()
            mkdir(scratch.state, 0o700)
            try mounted("tmpfs", scratch.state, 0, options: "size=3m", type: "tmpfs")
            let store = try SQLiteStore.open(scratch)
            var random = RandomEntries(seed: 33)
            var expected = Contents()
            var problem: StoreProblem?
            for _ in 0..<200 where problem == nil {
                var change = StoreChange()
                for _ in 0..<300 { change.amendments.append(Amendment(.set, .flow(random.flow()), time: 1)) }
                problem = store.store(change)
                if problem == nil { expected.apply(change) }
            }
            #expect(problem == .full(path: scratch.state))
            #expect(store.problem == problem)
            #expect(expected.node.revision > 5)
            #expect(try store.contents() == expected)
            #expect(store.recoverAndWait() == problem)
            // A second process finds it full from the start, and can still read.
            store.close()
            let second = try SQLiteStore.open(scratch)
            #expect(try second.contents() == expected)

            try mounted("", scratch.state, Int(MS_REMOUNT), options: "size=32m")
            let recovered = second.recoverAndWait()
            #expect(recovered == nil)
            if recovered == nil { expected.apply(StoreChange()) }
            for _ in 0..<20 {
                var change = StoreChange()
                for _ in 0..<300 { change.amendments.append(Amendment(.set, .flow(random.flow()), time: 1)) }
                #expect(second.store(change) == nil)
                expected.apply(change)
            }
            #expect(try second.contents() == expected)
            second.close()
            #expect(SQLiteStore.check(directory: scratch.state).isSound)
        }
    }
}
