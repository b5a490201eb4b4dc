// SPDX-License-Identifier: Apache-2.0
import Controller
import Dispatch
import Glibc
import StoreFaults
import Synchronization
import Tables
import TestSupport
import Testing

@testable import Store

/// A node's memory through power failures: several lives, each on the disk the one before left.
private struct Lives {
    var random: SeededGenerator
    var changes: RandomChanges
    /// What is in the memory after each change since the last life began.
    var states = [Contents()]
    var files: [String: [UInt8]] = [:]
    let lies: Bool

    init(seed: UInt64, lies: Bool = false) {
        random = SeededGenerator(seed: seed)
        changes = RandomChanges(seed: seed)
        self.lies = lies
    }

    /// A life up to a power failure, and what is found after it. Returns what is wrong with that.
    mutating func live() throws -> String? {
        let scratch = Scratch()
        mkdir(scratch.state, 0o700)
        for (name, bytes) in files { scratch.write(bytes, to: name) }
        let disk = FaultyDisk(scratch, base: files)
        if lies { disk.lie() }
        disk.fail(STORE_FAULT_CRASH, in: Int64.random(in: 0..<150, using: &random))
        let acknowledged = run(scratch)
        files = disk.files(after: FaultyDisk.Loss.allCases.randomElement(using: &random) ?? .any, &random)
        return try look(acknowledged)
    }

    /// Stores changes until the power fails, or all are stored. Returns how many were told stored.
    private mutating func run(_ scratch: Scratch) -> Int {
        let told = Mutex<[StoreProblem?]>([])
        // An opening that the power interrupts may fail.
        // Folded all the time, now and then, and only at the end.
        let pagesToFold = [1, 12, 40, 1000].randomElement(using: &random) ?? 1
        if let store = try? SQLiteStore.open(scratch, pagesToFold: Int32(pagesToFold)) {
            // The thread waits until the next burst is there: what is stored together depends on the seed alone.
            let (arrived, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            for burst in 0..<12 {
                let count = burst == 0 ? 1 : Int.random(in: 1...4, using: &random)
                for index in 0..<count {
                    let change = changes.change()
                    var state = states[states.count - 1]
                    state.apply(change)
                    states.append(state)
                    let isLast = index == count - 1 && burst < 11
                    store.commit(change) { problem in
                        told.withLock { $0.append(problem) }
                        if isLast {
                            arrived.signal()
                            gate.wait()
                        }
                    }
                }
                if burst > 0 {
                    arrived.wait()
                    gate.signal()
                }
            }
            store.close()
        }
        return told.withLock { results in
            let stored = results.prefix { $0 == nil }.count
            // Once one failed, none may be stored behind it.
            return results.dropFirst(stored).contains { $0 == nil } ? -1 : stored
        }
    }

    private mutating func look(_ acknowledged: Int) throws -> String? {
        if acknowledged < 0 { return "a change was stored behind one that failed" }
        let first = states[0].node.revision
        let scratch = Scratch()
        mkdir(scratch.state, 0o700)
        for (name, bytes) in files { scratch.write(bytes, to: name) }
        var found: Contents
        do {
            let store = try SQLiteStore.open(scratch)
            found = try store.contents()
            let report = SQLiteStore.check(directory: scratch.state)
            if !report.isSound { return "damaged: \(report.integrity) \(report.damage)" }
            store.close()
        } catch {
            return "\(error)"
        }
        let stored = Int(found.node.revision) - Int(first)
        if stored < acknowledged { return "\(acknowledged) changes were told stored, and \(stored) are there" }
        if stored >= states.count { return "\(stored) changes are there, of \(states.count - 1)" }
        if states[stored] != found { return "after \(stored) changes it is not as it should be" }
        // The next life begins with the files as they were found, not as they were read.
        states = [found]
        return nil
    }
}

@Suite("A memory on a disk that fails")
struct StorageFaultTests {
    @Test(
        "after a power failure it is as after a change: the last one told stored, or one of those under way",
        arguments: 0..<10)
    func powerFailures(block: UInt64) throws {
        for seed in block * 25..<block * 25 + 25 {
            var lives = Lives(seed: seed)
            for life in 0..<3 {
                let wrong = try lives.live()
                #expect(wrong == nil, "seed \(seed), life \(life)")
                if wrong != nil { break }
            }
        }
    }

    @Test("a disk that forgets what it said was synchronised is found out")
    func lyingDisk() throws {
        var found = 0
        for seed in 1000..<1040 as Range<UInt64> {
            var lives = Lives(seed: seed, lies: true)
            for _ in 0..<2 {
                guard try lives.live() == nil else {
                    found += 1
                    break
                }
            }
        }
        #expect(found > 10)
    }

    @Test(
        "after a failed write all that wait fail with it, in order; then it goes on with what was told stored",
        arguments: 0..<6)
    func failures(block: UInt64) throws {
        var named: [String: Int] = [:]
        for seed in block * 10..<block * 10 + 10 { try failAndRecover(seed: seed, &named) }
        // Now and then it is not the write that tells, but what SQLite did next.
        let others = named.filter { $0.key != "full" }.reduce(0) { $0 + $1.value }
        #expect(named["full", default: 0] >= 4 * others, "\(named)")
    }

    /// - Parameter named: problems of a disk without room, by name.
    private func failAndRecover(seed: UInt64, _ named: inout [String: Int]) throws {
        var random = SeededGenerator(seed: seed)
        var changes = RandomChanges(seed: seed)
        let scratch = Scratch()
        let disk = FaultyDisk(scratch)
        let store = try SQLiteStore.open(scratch, pagesToFold: 12)
        var expected = Contents()
        for round in 0..<6 {
            let fault = [STORE_FAULT_ENOSPC, STORE_FAULT_EIO, STORE_FAULT_SHORT].randomElement(using: &random)
            disk.fail(
                fault ?? STORE_FAULT_EIO, in: Int64.random(in: 0..<60, using: &random), lasts: random.next() & 1 == 0)
            let burst = (0..<12).map { _ in changes.change() }
            let told = Mutex<[StoreProblem?]>([])
            for change in burst {
                store.commit(change) { problem in told.withLock { $0.append(problem) } }
            }
            // Behind them all.
            _ = store.store(StoreChange())
            let results = told.withLock { $0 }
            try #require(results.count == burst.count, "seed \(seed), round \(round)")
            let stored = results.prefix { $0 == nil }.count
            for change in burst.prefix(stored) { expected.apply(change) }
            let problem = results.dropFirst(stored).first ?? nil
            #expect(results.dropFirst(stored).allSatisfy { $0 != nil && $0 == problem }, "seed \(seed), round \(round)")
            if let problem { #expect(store.problem == problem) }
            if fault == STORE_FAULT_ENOSPC, let problem { named[problem.name, default: 0] += 1 }
            // The empty change behind them.
            if store.problem == nil {
                expected.apply(StoreChange())
            } else if problem == nil {
                // It failed itself, or folding the log after it did.
                if try store.contents().node.revision > expected.node.revision { expected.apply(StoreChange()) }
            }
            #expect(try store.contents() == expected, "seed \(seed), round \(round)")
            disk.heal()
            if store.problem != nil {
                let recovered = store.recoverAndWait()
                #expect(recovered == nil, "seed \(seed), round \(round)")
                expected.apply(StoreChange())
            }
            #expect(try store.contents() == expected, "seed \(seed), round \(round)")
        }
        store.close()
        let again = try SQLiteStore.open(scratch)
        #expect(try again.contents() == expected, "seed \(seed)")
        #expect(SQLiteStore.check(directory: scratch.state).isSound)
    }

    @Test("a disk that fails while it is opened leaves what was there", arguments: 0..<40)
    func failuresWhileOpening(at operation: Int64) throws {
        let scratch = Scratch()
        var changes = RandomChanges(seed: 77)
        var expected = Contents()
        if operation % 2 == 0 {
            let store = try SQLiteStore.open(scratch)
            for _ in 0..<10 {
                let change = changes.change()
                expected.apply(change)
                store.store(change)
            }
            store.close()
        }
        let disk = FaultyDisk(scratch)
        disk.fail(operation % 4 < 2 ? STORE_FAULT_ENOSPC : STORE_FAULT_EIO, in: operation / 2, lasts: true)
        do {
            let store = try SQLiteStore.open(scratch)
            // It needed fewer operations; or there is no room, which is no reason not to read.
            #expect(store.problem == nil || store.problem?.name == "full")
            #expect(try store.contents() == expected)
            disk.heal()
            #expect(store.recoverAndWait() == nil)
            expected.apply(StoreChange())
            #expect(try store.contents() == expected)
            store.close()
        } catch {
            #expect(["failed", "full"].contains((error as? StoreProblem)?.name))
            disk.heal()
        }
        #expect(try SQLiteStore.open(scratch).contents() == expected)
    }
}
