// SPDX-License-Identifier: Apache-2.0
import Controller
import Dispatch
import Foundation
import Glibc
import Synchronization

@testable import Store

/// A directory that goes with its owner. Nothing is in it.
final class Scratch {
    let path: String

    init() {
        path = "/tmp/piccolo-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        mkdir(path, 0o700)
    }

    deinit {
        // What a test mounted there, and had no time to take away.
        for mount in [place.database, state, path] { umount2(mount, Int32(MNT_DETACH)) }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Of the node's memory: not there yet.
    var state: String { path + "/state" }
    var place: StorePlace { StorePlace(directory: state) }

    /// Every file of the memory, and the directory: when it was changed, and a digest of what is in it.
    func snapshot() -> [String: String] {
        var files = [".": "\(FileIdentity(state)?.changed ?? 0)"]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: state)) ?? [] {
            let bytes = content(name)
            let digest = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
            files[name] = "\(FileIdentity(state + "/" + name)?.changed ?? 0) \(bytes.count) \(digest)"
        }
        return files
    }

    /// Takes over the files of a memory that is open, as its process would leave them if it were killed now.
    func takeFiles(of other: Scratch, _ names: [String] = ["node.db", "node.db-wal", "node.db-shm"]) {
        mkdir(state, 0o700)
        for name in names { write(other.content(name), to: name) }
    }

    func content(_ name: String) -> [UInt8] {
        FileManager.default.contents(atPath: state + "/" + name).map(Array.init) ?? []
    }

    func write(_ bytes: [UInt8], to name: String) {
        _ = FileManager.default.createFile(atPath: state + "/" + name, contents: Data(bytes))
    }
}

/// The node the tests are, on no machine in particular.
let someNode = NodeIdentity(name: "edge-1", machine: nil)

/// A time that stands.
let someTime: UInt64 = 1_800_000_000

extension SQLiteStore {
    static func open(
        _ scratch: Scratch, _ identity: NodeIdentity = someNode, time: UInt64 = someTime, pagesToFold: Int32 = 1000
    ) throws -> SQLiteStore {
        try open(scratch.state, identity, clock: { time }, pagesToFold: pagesToFold)
    }

    /// Stores a change and waits.
    @discardableResult
    func store(_ change: StoreChange) -> StoreProblem? {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<StoreProblem?>(nil)
        commit(change) { problem in
            result.withLock { $0 = problem }
            done.signal()
        }
        done.wait()
        return result.withLock { $0 }
    }

    /// Tries to recover and waits for the outcome.
    func recoverAndWait() -> StoreProblem? {
        recover()
        // Behind the recovery in the queue; changes nothing, so the revision alone is another.
        return store(StoreChange())
    }

    func contents() throws -> Contents { try Contents { body throws(StoreProblem) in try load(body) } }
}

/// Everything a memory holds; what the tests expect it to hold.
struct Contents: Equatable {
    var node = StoredNode()
    var amendments: [EntryKey: Amendment] = [:]

    init() {}

    init(_ load: ((Amendment) -> Void) throws(StoreProblem) -> StoredNode) throws {
        var amendments: [EntryKey: Amendment] = [:]
        var count = 0
        node = try load {
            amendments[$0.entry.entryKey] = $0
            count += 1
        }
        guard count == amendments.count else { throw StoreProblem.failed(path: "", what: "a key came twice") }
        self.amendments = amendments
    }

    /// What a change means.
    mutating func apply(_ change: StoreChange, time: UInt64 = someTime) {
        if let configuration = change.configuration { node.configuration = configuration }
        if let identities = change.identities { node.identities = identities }
        if let generation = change.generation { node.generation = generation }
        if change.forgetsAmendments { amendments = [:] }
        for entry in change.forgotten { amendments[entry.entryKey] = nil }
        for amendment in change.amendments { amendments[amendment.entry.entryKey] = amendment }
        for (backend, shadow) in change.shadows {
            var known = node.shadows[backend] ?? Shadow(marker: 0)
            if let marker = shadow.marker { known.marker = marker }
            for (place, content) in shadow.records { known.records[place] = content }
            node.shadows[backend] = known
        }
        node.revision += 1
        node.time = time
    }
}
