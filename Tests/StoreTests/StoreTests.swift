// SPDX-License-Identifier: Apache-2.0
import Controller
import Dispatch
import Foundation
import GRDB
import Glibc
import Synchronization
import Tables
import TestSupport
import Testing

@testable import Store

@Suite("A node's memory")
struct StoreTests {
    @Test(
        "holds what was stored, change by change, and after it was opened again",
        arguments: 1...8 as ClosedRange<UInt64>)
    func memory(seed: UInt64) throws {
        let scratch = Scratch()
        var changes = RandomChanges(seed: seed)
        var expected = Contents()
        for _ in 0..<4 {
            let store = try SQLiteStore.open(scratch, pagesToFold: 8)
            #expect(try store.contents() == expected)
            for _ in 0..<25 {
                let change = changes.change()
                expected.apply(change)
                #expect(store.store(change) == nil)
                if changes.random.number(0...9) == 0 { #expect(try store.contents() == expected) }
            }
            store.close()
        }
        #expect(SQLiteStore.check(directory: scratch.state).isSound)
    }

    @Test("is made in a directory of its own that only its owner may read")
    func made() throws {
        let scratch = Scratch()
        let store = try SQLiteStore.open(
            directory: scratch.path + "/a/b/state", node: "n", machine: nil, clock: { someTime })
        #expect(try store.contents() == Contents())
        func mode(_ path: String) -> UInt32 {
            var info = stat()
            return stat(scratch.path + path, &info) == 0 ? info.st_mode & 0o777 : 0
        }
        #expect(mode("/a/b/state") == 0o700)
        #expect(mode("/a/b/state/node.db") == 0o600)
        #expect(mode("/a/b/state/node.db-wal") == 0o600)
        store.close()
        #expect(FileIdentity(scratch.path + "/a/b/state/node.db-wal") == nil)
    }

    @Test("a change that was told stored is there for another process, log and all, without a word of good-bye")
    func killed() throws {
        let scratch = Scratch()
        var changes = RandomChanges(seed: 3)
        var expected = Contents()
        let store = try SQLiteStore.open(scratch)
        for _ in 0..<20 {
            let change = changes.change()
            expected.apply(change)
            #expect(store.store(change) == nil)
        }
        // What a process that is killed now leaves.
        let left = Scratch()
        left.takeFiles(of: scratch)
        #expect(left.content("node.db-wal").count > 0)
        #expect(try SQLiteStore.open(left).contents() == expected)
        store.close()
    }

    @Test("tells callers in the order of their changes, many of them stored at once")
    func order() throws {
        let scratch = Scratch()
        let store = try SQLiteStore.open(scratch)
        let told = Mutex<[Int]>([])
        for index in 0..<2000 {
            var change = StoreChange()
            change.generation = UInt16(index)
            store.commit(change) { problem in told.withLock { if problem == nil { $0.append(index) } } }
        }
        store.close()
        #expect(told.withLock { $0 } == Array(0..<2000))
        let node = try SQLiteStore.open(scratch).contents().node
        #expect(node.revision == 2000)
        #expect(node.generation == 1999)
    }

    @Test("takes changes from many threads while others load; each load is of one moment")
    func threads() throws {
        let scratch = Scratch()
        let store = try SQLiteStore.open(scratch, pagesToFold: 20)
        let told = Mutex<[Int: [Int]]>([:])
        DispatchQueue.concurrentPerform(iterations: 6) { thread in
            for index in 0..<200 {
                guard thread < 4 else {
                    // Every change sets one more of its thread's entries.
                    let contents = try? store.contents()
                    #expect(contents.map { Int($0.node.revision) == $0.amendments.count } == true)
                    continue
                }
                var change = StoreChange()
                let acl = ACLEntry(id: UInt32(thread * 1000 + index), priority: 1, match: .init(), action: .drop)
                change.amendments = [Amendment(.set, .acl(acl), time: 1)]
                store.commit(change) { problem in
                    told.withLock { if problem == nil { $0[thread, default: []].append(index) } }
                }
            }
        }
        store.close()
        for thread in 0..<4 { #expect(told.withLock { $0[thread] } == Array(0..<200)) }
        #expect(try SQLiteStore.open(scratch).contents().amendments.count == 800)
    }

    @Test("after closing everything fails, in any order of calls")
    func closed() throws {
        let scratch = Scratch()
        let store = try SQLiteStore.open(scratch)
        store.close()
        store.close()
        store.recover()
        #expect(store.store(StoreChange())?.name == "failed")
        #expect(store.problem?.name == "failed")
        #expect(throws: StoreProblem.self) { try store.contents() }
        // And the lock is free.
        #expect(try SQLiteStore.open(scratch).contents().node.revision == 0)
    }

    @Test("may be let go of in a completion")
    func lastReference() throws {
        let scratch = Scratch()
        var store: SQLiteStore? = try SQLiteStore.open(scratch)
        let (start, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let holder = Mutex(store)
        store?.commit(StoreChange()) { _ in
            start.wait()
            holder.withLock { $0 = nil }
            done.signal()
        }
        store = nil
        start.signal()
        done.wait()
        // It closes by itself, and then another may have it.
        let deadline = Date(timeIntervalSinceNow: 60)
        while (try? SQLiteStore.open(scratch)) == nil, Date() < deadline { usleep(1000) }
        #expect(try SQLiteStore.open(scratch).contents().node.revision == 1)
    }

    @Test("belongs to one process at a time, which is named")
    func held() throws {
        let scratch = Scratch()
        let store = try SQLiteStore.open(scratch)
        let error = StoreProblem.held(path: scratch.state, holder: "\(getpid())")
        #expect(throws: error) { try SQLiteStore.open(scratch) }
        #expect(throws: error) { try SQLiteStore.claim(directory: scratch.state, node: "x") }
        #expect(throws: error) { try SQLiteStore.replace(directory: scratch.state, node: "x", with: []) }
        #expect(SQLiteStore.check(directory: scratch.state).holder == "\(getpid())")
        store.close()
        #expect(SQLiteStore.check(directory: scratch.state).holder == nil)
        try SQLiteStore.open(scratch).close()
    }

    @Test("belongs to one node, until another claims it")
    func foreign() throws {
        let scratch = Scratch()
        let machine = NodeIdentity(name: "edge-1", machine: String(repeating: "a", count: 32))
        let store = try SQLiteStore.open(scratch, machine)
        var change = StoreChange()
        change.generation = 7
        store.store(change)
        store.close()
        let before = scratch.content("node.db")

        let other = #expect(throws: StoreProblem.self) {
            try SQLiteStore.open(scratch, NodeIdentity(name: "edge-2", machine: machine.machine))
        }
        #expect(other == .foreign(path: scratch.state, owner: "edge-1", node: "edge-2"))
        let moved = NodeIdentity(name: "edge-1", machine: String(repeating: "b", count: 32))
        let error = #expect(throws: StoreProblem.self) { try SQLiteStore.open(scratch, moved) }
        #expect(
            error
                == .foreign(
                    path: scratch.state, owner: "edge-1 on machine aaaaaaaa…", node: "edge-1 on machine bbbbbbbb…"))
        #expect(scratch.content("node.db") == before)

        // A machine without a number is taken at its word, and does not become the owner.
        try SQLiteStore.open(scratch, someNode).close()
        #expect(SQLiteStore.check(directory: scratch.state).machine == machine.machine)
        #expect(try SQLiteStore.claim(directory: scratch.state, node: "edge-2", machine: moved.machine) == "edge-1")
        let claimed = try SQLiteStore.open(scratch, NodeIdentity(name: "edge-2", machine: moved.machine))
        #expect(try claimed.contents().node.generation == 7)
    }

    @Test("learns the number of its machine when it has one")
    func machine() throws {
        let scratch = Scratch()
        try SQLiteStore.open(scratch).close()
        #expect(SQLiteStore.check(directory: scratch.state).machine == nil)
        let known = NodeIdentity(name: "edge-1", machine: String(repeating: "c", count: 32))
        try SQLiteStore.open(scratch, known).close()
        #expect(SQLiteStore.check(directory: scratch.state).machine == known.machine)
    }

    @Test(
        "reads the machine's number, if that is one",
        arguments: [
            (String(repeating: "0f", count: 16) + "\n", true), ("uninitialized\n", false), ("", false),
            ("0f0f\n", false),
        ])
    func machineID(text: String, isOne: Bool) {
        let scratch = Scratch()
        let path = scratch.path + "/machine-id"
        _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8))
        #expect(MachineID.current(path: path) == (isOne ? String(text.dropLast()) : nil))
        #expect(MachineID.current(path: path + "-not-there") == nil)
    }

    @Test(
        "says when the clock was set back, and by how much; changes are stored all the same",
        arguments: [
            (60, nil), (61, "61 s"), (600, "10 min"), (9000, "2 h 30 min"), (86_400 * 3 + 7200, "3 d 2 h"),
        ] as [(UInt64, String?)])
    func clock(back: UInt64, text: String?) throws {
        let scratch = Scratch()
        let before = try SQLiteStore.open(scratch)
        before.store(StoreChange())
        #expect(before.notices.isEmpty)
        before.close()
        let store = try SQLiteStore.open(scratch, time: someTime - back)
        for _ in 0..<2 {
            #expect(store.notices.count == (text == nil ? 0 : 1))
            if let text { #expect(store.notices[0].hasPrefix("clock_set_back: the clock is \(text) behind ")) }
            #expect(store.store(StoreChange()) == nil)
        }
        #expect(try store.contents().node.time == someTime - back)
        #expect(try store.contents().node.revision == 3)
    }

    @Test("can be read beside the process that writes, as it was at one moment")
    func reader() throws {
        let scratch = Scratch()
        var changes = RandomChanges(seed: 9)
        var expected = Contents()
        let store = try SQLiteStore.open(scratch, pagesToFold: 4)
        for _ in 0..<30 {
            let change = changes.change()
            expected.apply(change)
            store.store(change)
            let reader = try SQLiteStore.openReader(directory: scratch.state)
            #expect(reader.owner == "edge-1")
            #expect(reader.schemaVersion == SQLiteStore.schemaVersion)
            #expect(try Contents { body throws(StoreProblem) in try reader.load(body) } == expected)
        }
        store.close()
        let reader = try SQLiteStore.openReader(directory: scratch.state)
        #expect(try Contents { body throws(StoreProblem) in try reader.load(body) } == expected)
        let nothing = #expect(throws: StoreProblem.self) { try SQLiteStore.openReader(directory: scratch.path) }
        #expect(nothing?.name == "failed")
    }

    @Test("the log is folded while changes come, and after a reader that stayed is gone")
    func logSize() throws {
        let scratch = Scratch()
        let store = try SQLiteStore.open(scratch, pagesToFold: 50)
        var random = RandomEntries(seed: 4)
        func grow() -> Int64 {
            for _ in 0..<200 {
                var change = StoreChange()
                for _ in 0..<100 { change.amendments.append(Amendment(.set, .flow(random.flow()), time: 1)) }
                store.store(change)
            }
            return FileIdentity(scratch.place.log)?.size ?? 0
        }
        // 50 pages, and those of one more change.
        let limit: Int64 = 100 * 4200
        #expect(grow() < limit)
        let session = try ReadingSession(scratch.place, .reading)
        var isRead = false
        var grown: Int64 = 0
        _ = try session.load({ _ in }) { _ in
            if !isRead { grown = grow() }
            isRead = true
        }
        #expect(grown > limit)
        try session.close()
        // It keeps its size, and is written from its beginning again.
        #expect(grow() < grown + limit)
        #expect(SQLiteStore.check(directory: scratch.state).set == 60_000)
    }

    @Test("without a store: what could be read is handed out, and every change is refused with the reason")
    func unavailable() throws {
        let reason = StoreProblem.corrupt(path: "/state", what: "page 3")
        var node = StoredNode()
        node.revision = 5
        let amendment = Amendment(.set, .port(PortEntry(port: PortID(rawValue: 1))), time: 1)
        let store = UnavailableStore(reason, node: node, amendments: [amendment])
        let told = Mutex<[StoreProblem?]>([])
        store.commit(StoreChange()) { problem in told.withLock { $0.append(problem) } }
        store.recover()
        store.close()
        #expect(told.withLock { $0 } == [reason])
        #expect(store.problem == reason)
        let contents = try Contents { body throws(StoreProblem) in try store.load(body) }
        #expect(contents.node == node)
        #expect(Array(contents.amendments.values) == [amendment])
    }
}
