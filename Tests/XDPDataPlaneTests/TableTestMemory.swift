// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Foundation
import Synchronization
import TestSupport

@testable import XDPDataPlane

/// Zeroed memory in place of mapped BPF arrays.
final class TableTestMemory: @unchecked Sendable {
    // SAFETY: tests share it between a writer and readers that use atomic accesses.
    let region: UnsafeMutableRawBufferPointer
    let spills: UnsafeMutableBufferPointer<fp_counter>
    let settings: UnsafeMutablePointer<fp_settings>

    init(bytes: Int, spills count: Int = 0, seed: UInt64 = 1) {
        region = .allocate(byteCount: bytes, alignment: 4096)
        region.initializeMemory(as: UInt8.self, repeating: 0)
        spills = .allocate(capacity: count)
        spills.initialize(repeating: fp_counter())
        settings = .allocate(capacity: 1)
        settings.initialize(to: fp_settings())
        var random = SeededGenerator(seed: seed)
        withUnsafeMutableBytes(of: &settings.pointee.seed) { bytes in
            for index in bytes.indices { bytes[index] = UInt8.random(in: 0...255, using: &random) }
        }
    }

    convenience init<Key: ExactMatchKey>(_: Key.Type, capacity: Int, seed: UInt64 = 1) {
        let slots = ExactMatchTable<Key>.slots(capacity: capacity)
        self.init(bytes: slots * Key.entryBytes, spills: slots, seed: seed)
    }

    deinit {
        region.deallocate()
        spills.deallocate()
        settings.deallocate()
    }

    var exactMatch: ExactMatchMemory { ExactMatchMemory(buckets: region, spills: spills, settings: settings) }
}

/// A grace period that ends when the test says so: at once, after what the test does in between.
final class TestGracePeriod: GracePeriod {
    let waits = Atomic<Int>(0)
    private let during: @Sendable () throws(GracePeriodError) -> Void

    init(during: @escaping @Sendable () throws(GracePeriodError) -> Void = {}) { self.during = during }

    func wait() throws(GracePeriodError) {
        waits.add(1, ordering: .relaxed)
        try during()
    }
}

/// Threads that read while the test writes. The grace period waits until each has left the section it was in.
final class ConcurrentReaders: GracePeriod {
    private final class Section: Sendable {
        /// Sections the reader has ended.
        let ended = Atomic<UInt64>(0)
    }

    private let sections: [Section]
    private let started = Atomic<Bool>(false)
    private let stopped = Atomic<Bool>(false)
    private let running: Atomic<Int>
    /// What readers have counted as wrong, and looked up in all.
    let wrong = Atomic<Int>(0)
    let lookups = Atomic<Int>(0)

    init(count: Int) {
        sections = (0..<count).map { _ in Section() }
        running = Atomic(count)
    }

    /// Starts the readers; each runs `section` again and again, which returns lookups made and those that were wrong.
    func start(_ section: @escaping @Sendable (inout SeededGenerator) -> (lookups: Int, wrong: Int)) {
        started.store(true, ordering: .releasing)
        for (index, own) in sections.enumerated() {
            Thread.detachNewThread { [self] in
                var random = SeededGenerator(seed: UInt64(index) + 1000)
                while !stopped.load(ordering: .acquiring) {
                    let (made, bad) = section(&random)
                    own.ended.add(1, ordering: .acquiringAndReleasing)
                    lookups.add(made, ordering: .relaxed)
                    wrong.add(bad, ordering: .relaxed)
                }
                running.subtract(1, ordering: .acquiringAndReleasing)
            }
        }
    }

    /// Ends the readers, once they have made some lookups.
    func stop() {
        while lookups.load(ordering: .relaxed) == 0 { sched_yield() }
        stopped.store(true, ordering: .releasing)
        while running.load(ordering: .acquiring) > 0 { sched_yield() }
    }

    func wait() throws(GracePeriodError) {
        if !started.load(ordering: .acquiring) { return }
        let before = sections.map { $0.ended.load(ordering: .acquiring) }
        for (section, count) in zip(sections, before) {
            while section.ended.load(ordering: .acquiring) == count { sched_yield() }
        }
    }
}
